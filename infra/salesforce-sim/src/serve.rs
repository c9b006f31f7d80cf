//! The simulator on real sockets. A cut closes the socket without an answer; a truncated answer breaks off.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::service::{Cut, Sim, Slow, Truncated};

impl Sim {
    /// Answers requests on a listener until the task is dropped.
    ///
    /// # Errors
    /// When the listener fails for good.
    pub async fn serve(self, listener: TcpListener) -> std::io::Result<()> {
        loop {
            let (stream, _) = listener.accept().await?;
            let sim = self.clone();
            tokio::spawn(async move { sim.serve_connection(stream).await });
        }
    }

    async fn serve_connection(self, stream: TcpStream) {
        // Small answers should not wait for more: a test's round trips would each cost 40 ms.
        let _ = stream.set_nodelay(true);
        let service = service_fn(move |request: Request<Incoming>| {
            let sim = self.clone();
            async move { sim.answer(request).await }
        });
        // Errors here are cuts on purpose or clients that went away; neither has anybody to tell.
        let _ = hyper::server::conn::http1::Builder::new().max_buf_size(1 << 20).serve_connection(TokioIo::new(stream), service).await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Outgoing>, Cut> {
        let (parts, body) = request.into_parts();
        let bytes = match body.collect().await {
            Ok(collected) => collected.to_bytes(),
            Err(_) => return Err(Cut { committed: false }),
        };
        let response = self.respond(Request::from_parts(parts, bytes)).await?;
        let (parts, bytes) = response.into_parts();
        let broken = parts.extensions.get::<Truncated>().is_some();
        let slow = parts.extensions.get::<Slow>().copied();
        Ok(Response::from_parts(parts, Outgoing { bytes: Some(bytes), broken, flushed: false, slow, pause: None }))
    }
}

/// A body that is all there, or one that breaks off after its first part.
struct Outgoing {
    bytes: Option<Bytes>,
    broken: bool,
    flushed: bool,
    slow: Option<Slow>,
    /// The wait before the next piece of a slow body.
    pause: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Outgoing {
    /// The next piece of a slow body: what comes in a tenth of a second. The wait lies before it.
    fn trickle(&mut self, slow: Slow, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(mut left) = self.bytes.take().filter(|bytes| !bytes.is_empty()) else {
            return Poll::Ready(None);
        };
        let piece = (slow.bytes_per_second as usize / 10).clamp(1, left.len());
        let pause = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(slow.time_for(piece))));
        if pause.as_mut().poll(context).is_pending() {
            self.bytes = Some(left);
            return Poll::Pending;
        }
        self.pause = None;
        let piece = left.split_to(piece);
        self.bytes = Some(left);
        Poll::Ready(Some(piece))
    }
}

/// The body broke off on purpose.
#[derive(Debug, thiserror::Error)]
#[error("The answer was cut short.")]
struct BrokenOff;

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if let Some(slow) = self.slow {
            match self.trickle(slow, context) {
                Poll::Ready(Some(piece)) => return Poll::Ready(Some(Ok(Frame::data(piece)))),
                Poll::Ready(None) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
        match self.bytes.take() {
            Some(bytes) if !bytes.is_empty() => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            // A pause lets what was written so far go out before the error drops the rest.
            _ if self.broken && !self.flushed => {
                self.flushed = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            _ if self.broken => Poll::Ready(Some(Err(BrokenOff))),
            _ => Poll::Ready(None),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.bytes {
            Some(bytes) if !self.broken => SizeHint::with_exact(bytes.len() as u64),
            _ => SizeHint::default(),
        }
    }
}
