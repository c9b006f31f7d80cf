//! The embedded Lambda: functions that a command invokes over AWS's own protocol. It asks that a request be signed and does not check by whom,
//! which keeps out the pages of browsers on this machine.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    response::{IntoResponse, Response},
    routing::post,
};
use http::{HeaderMap, StatusCode, header};
use passerelle_core::ports::causes;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    handler::{EventFunction, InvokeError},
    served::{self, Stop},
};

/// The name of the function that makes the hourly runs and answers commands.
pub const RECONCILE: &str = "passerelle-local-reconcile";
/// The most bytes of an event. Source: AWS Lambda Developer Guide, "Lambda quotas", invocation payload.
const MOST: usize = 6 * 1024 * 1024;

/// The functions by name.
pub(crate) type Named = BTreeMap<&'static str, EventFunction>;

/// Serves these functions on `listener` until `stop`.
pub(crate) fn serve(listener: TcpListener, functions: Named, stop: &Stop) -> JoinHandle<()> {
    served::serve("the embedded Lambda", listener, router(functions), stop)
}

fn router(functions: Named) -> Router {
    let invocations = "/2015-03-31/functions/{name}/invocations";
    Router::new().route(invocations, post(invoke)).layer(DefaultBodyLimit::max(MOST)).with_state(functions)
}

/// `Invoke`, with the answer waited for. Source: AWS Lambda API Reference, "Invoke".
async fn invoke(State(functions): State<Named>, Path(name): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let signed = headers.get(header::AUTHORIZATION).is_some_and(|value| value.as_bytes().starts_with(b"AWS4-HMAC-SHA256"));
    if !signed {
        return refuse(StatusCode::FORBIDDEN, "MissingAuthenticationTokenException", "Missing Authentication Token");
    }
    let Some(function) = functions.get(name.as_str()) else {
        return refuse(StatusCode::NOT_FOUND, "ResourceNotFoundException", "Function not found");
    };
    let Ok(event) = serde_json::from_slice::<Value>(&body) else {
        return refuse(StatusCode::BAD_REQUEST, "InvalidRequestContentException", "Could not parse request body into json");
    };
    match function.invoke(event).await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => {
            tracing::error!(function = name, cause = causes(&error), "an invocation failed");
            ([("x-amz-function-error", "Unhandled")], Json(failure(&error))).into_response()
        }
    }
}

/// What is answered in the place of a function that failed.
fn failure(error: &InvokeError) -> Value {
    match error {
        InvokeError::Failed(cause) => json!({"errorType": "Error", "errorMessage": cause.to_string()}),
        InvokeError::Panicked => json!({"errorType": "Runtime.ExitError", "errorMessage": "Runtime exited with error: exit status 101"}),
        InvokeError::TimedOut(after) => {
            json!({"errorType": "Sandbox.Timedout", "errorMessage": format!("Task timed out after {}.00 seconds", after.as_secs())})
        }
    }
}

fn refuse(status: StatusCode, code: &'static str, message: &str) -> Response {
    (status, [("x-amzn-errortype", code)], Json(json!({"Type": "User", "Message": message}))).into_response()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use std::{sync::Arc, time::Duration};

    use axum::body::{Body, to_bytes};
    use http::Request;
    use passerelle_core::{adapters::system::SystemClock, ports::BoxFuture, ports::Cause};
    use tower::ServiceExt;

    use super::*;
    use crate::handler::EventHandler;

    /// Status, `x-amzn-errortype` or `x-amz-function-error`, and the body.
    async fn invoked(handler: EventHandler, name: &str, authorization: &str, body: &str) -> (u16, Option<String>, Value) {
        let function = EventFunction::new(handler, Arc::new(SystemClock), Duration::from_secs(90));
        let request = Request::post(format!("/2015-03-31/functions/{name}/invocations"));
        let request = request.header("authorization", authorization).body(Body::from(body.to_owned())).unwrap();
        let answer = router(BTreeMap::from([(RECONCILE, function)])).oneshot(request).await.unwrap();
        let named = ["x-amzn-errortype", "x-amz-function-error"].into_iter().find_map(|name| answer.headers().get(name));
        let (status, error) = (answer.status().as_u16(), named.map(|value| value.to_str().unwrap().to_owned()));
        (status, error, serde_json::from_slice(&to_bytes(answer.into_body(), MOST).await.unwrap()).unwrap())
    }

    fn handler(answer: impl Fn(Value) -> BoxFuture<'static, Result<Value, Cause>> + Send + Sync + 'static) -> EventHandler {
        Arc::new(move |event, _| answer(event))
    }

    #[tokio::test(start_paused = true)]
    async fn a_function_is_invoked_as_in_aws() {
        const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=local";
        let echo = || handler(|event| Box::pin(async move { Ok(event) }));
        assert_eq!(invoked(echo(), RECONCILE, SIGNED, "{\"a\":1}").await, (200, None, json!({"a": 1})));
        for (name, authorization, body, status, error) in [
            (RECONCILE, "", "{}", 403, "MissingAuthenticationTokenException"),
            (RECONCILE, "Bearer x", "{}", 403, "MissingAuthenticationTokenException"),
            ("another", SIGNED, "{}", 404, "ResourceNotFoundException"),
            (RECONCILE, SIGNED, "no json", 400, "InvalidRequestContentException"),
        ] {
            let (found, told, _) = invoked(echo(), name, authorization, body).await;
            assert_eq!((found, told.as_deref()), (status, Some(error)), "{name} {authorization} {body}");
        }
        let failing = handler(|_| Box::pin(async { Err("out of order".into()) }));
        let panicking = handler(|_| panic!("a bug"));
        let endless = handler(|_| Box::pin(std::future::pending()));
        for (handler, message) in
            [(failing, "out of order"), (panicking, "Runtime exited with error: exit status 101"), (endless, "Task timed out after 90.00 seconds")]
        {
            let (status, error, body) = invoked(handler, RECONCILE, SIGNED, "{}").await;
            assert_eq!((status, error.as_deref(), body["errorMessage"].as_str()), (200, Some("Unhandled"), Some(message)));
        }
    }
}
