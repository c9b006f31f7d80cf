//! Listening on this machine alone, and stopping what listens.

use std::{
    future::Future,
    net::{Ipv4Addr, SocketAddr},
};

use axum::Router;
use thiserror::Error;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// A port that could not be opened.
#[derive(Debug, Error)]
#[error("Port {port} of this machine cannot be opened for {what}. Perhaps another program listens there: stop it, or choose another port.")]
pub struct ServeError {
    what: &'static str,
    port: u16,
    #[source]
    source: std::io::Error,
}

/// Opens `port` (0 = any free one) on the loopback address, for `what`.
pub(crate) async fn listen(what: &'static str, port: u16) -> Result<(TcpListener, SocketAddr), ServeError> {
    let failed = |source| ServeError { what, port, source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Serves an application on `listener` until `stop`; `what` names it where it fails.
pub(crate) fn serve(what: &'static str, listener: TcpListener, router: Router, stop: &Stop) -> JoinHandle<()> {
    let (service, asked) = (router.into_make_service_with_connect_info::<SocketAddr>(), stop.asked());
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(asked).await {
            tracing::error!(%error, "{what} stopped serving");
        }
    })
}

/// Stops everything that holds a [`Stop`] of it. Dropping it stops them too.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Tells when to stop. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stopper {
    /// A stopper, and the first of those that listen to it.
    #[must_use]
    pub fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stop(receiver))
    }

    /// Says stop, once and for all.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Resolves once stopping was asked for.
    pub fn asked(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut receiver = self.0.clone();
        async move {
            // An error means that the stopper is gone, and that stops as well.
            let _ = receiver.wait_for(|stop| *stop).await;
        }
    }

    /// Whether stopping was asked for.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }
}
