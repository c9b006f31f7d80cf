//! An HTTP API of API Gateway (payload format 2.0) on a local port, in front of the functions.
//!
//! `route` owns which function a path leads to, `event` how a request becomes an event, `answer` how an answer becomes
//! a response. What the functions do with either is not its business.

mod answer;
mod event;
mod route;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State},
    response::Response,
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use passerelle_core::ports::{Clock, Ids, causes};
use tokio::{net::TcpListener, task::JoinHandle};

pub use event::Arrival;
pub use route::{Function, Match, ROUTES, Route, find};

use crate::{
    handler::{HttpHandler, within},
    served::{self, Stop},
};

/// Bytes of a request's body that API Gateway takes.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// How long API Gateway waits for a function.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

/// The functions behind the routes.
#[derive(Clone)]
pub struct Routes {
    /// `POST /v1/hooks/{source}`.
    pub intake: HttpHandler,
    /// `/oauth/{connection}/…`.
    pub oauth: HttpHandler,
    /// The page and the admin API.
    pub console: HttpHandler,
}

impl Routes {
    fn handler(&self, function: Function) -> &HttpHandler {
        match function {
            Function::TriggerIntake => &self.intake,
            Function::OauthCallback => &self.oauth,
            Function::Console => &self.console,
        }
    }
}

/// The API, with what its events are made of.
#[derive(Clone)]
pub struct Gateway {
    routes: Routes,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

impl Gateway {
    /// An API in front of `routes`.
    #[must_use]
    pub fn new(routes: Routes, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        Self { routes, clock, ids }
    }

    /// The API as an HTTP application. It must be served with [`ConnectInfo`] of the caller's address.
    pub fn router(&self) -> Router {
        Router::new().fallback(handle).with_state(self.clone())
    }

    async fn answer(&self, caller: SocketAddr, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let Some(found) = find(&parts.method, parts.uri.path()) else {
            return answer::message(StatusCode::NOT_FOUND, "Not Found");
        };
        let Some(body) = read(&parts.headers, body).await else {
            return answer::message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        };
        let arrival = Arrival { caller, time: self.clock.now(), request_id: self.ids.fresh() };
        let function = found.route.function;
        let event = match event::event(&parts, &body, &found, &arrival) {
            Ok(event) => event,
            Err(error) => {
                tracing::error!(%error, "a request could not be turned into an event");
                return answer::message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
            }
        };
        let handler = Arc::clone(self.routes.handler(function));
        match within(INTEGRATION_TIMEOUT, move || handler(event)).await {
            Ok(given) => answer::response(given),
            Err(crate::handler::InvokeError::TimedOut(_)) => answer::message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
            Err(error) => {
                tracing::error!(?function, error = causes(&error), "a function behind the HTTP API failed");
                answer::message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }
        }
    }

    /// Serves the API on `listener` until `stop`.
    pub(crate) fn serve(&self, listener: TcpListener, stop: &Stop) -> JoinHandle<()> {
        served::serve("the HTTP API", listener, self.router(), stop)
    }
}

/// A body, unless it is longer than the limit or breaks off. One that says that it is too long is not read at all.
async fn read(headers: &HeaderMap, body: Body) -> Option<Bytes> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > BODY_LIMIT) {
        return None;
    }
    to_bytes(body, BODY_LIMIT).await.ok()
}

async fn handle(State(gateway): State<Gateway>, ConnectInfo(caller): ConnectInfo<SocketAddr>, request: Request<Body>) -> Response {
    gateway.answer(caller, request).await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use passerelle_core::adapters::system::{RandomIds, SystemClock};
    use tower::ServiceExt;

    use super::*;

    async fn status(request: http::request::Builder, body: Vec<u8>) -> StatusCode {
        let handler: HttpHandler = Arc::new(|_| {
            Box::pin(async {
                let mut answer = aws_lambda_events::apigw::ApiGatewayV2httpResponse::default();
                answer.status_code = 202;
                Ok(answer)
            })
        });
        let routes = Routes { intake: handler.clone(), oauth: handler.clone(), console: handler };
        let mut request = request.body(Body::from(body)).unwrap();
        request.extensions_mut().insert(ConnectInfo::<SocketAddr>("127.0.0.1:50000".parse().unwrap()));
        let gateway = Gateway::new(routes, Arc::new(SystemClock), Arc::new(RandomIds));
        gateway.router().oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn bodies_have_a_limit_whether_they_say_their_length_or_not() {
        let hook = || http::Request::post("/v1/hooks/kayo");
        assert_eq!(status(hook(), vec![b'x'; BODY_LIMIT]).await, 202);
        assert_eq!(status(hook(), vec![b'x'; BODY_LIMIT + 1]).await, 413);
        assert_eq!(status(hook().header("content-length", BODY_LIMIT + 1), Vec::new()).await, 413);
    }
}
