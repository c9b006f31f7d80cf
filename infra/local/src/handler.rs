//! What an AWS service sees of a function: something that takes an event and answers, within a time. Owns how a call
//! is made (alone in its task, cut off at its time-out); knows no function.

use std::{sync::Arc, time::Duration};

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use jiff::{SignedDuration, Timestamp};
use passerelle_core::ports::{BoxFuture, Cause, Clock};
use serde_json::Value;
use thiserror::Error;

/// A function behind an HTTP route.
pub type HttpHandler = Arc<dyn Fn(ApiGatewayV2httpRequest) -> BoxFuture<'static, Result<ApiGatewayV2httpResponse, Cause>> + Send + Sync>;

/// A function that is sent events. The instant is the one at which it must have answered.
pub type EventHandler = Arc<dyn Fn(Value, Timestamp) -> BoxFuture<'static, Result<Value, Cause>> + Send + Sync>;

/// Why a function gave no answer.
#[derive(Debug, Error)]
pub enum InvokeError {
    /// It answered with an error.
    #[error("the function failed")]
    Failed(#[source] Cause),
    /// It panicked.
    #[error("the function panicked")]
    Panicked,
    /// It took longer than it may.
    #[error("the function ran longer than {} s", .0.as_secs())]
    TimedOut(Duration),
}

/// An event handler with the time that it may take.
#[derive(Clone)]
pub struct EventFunction {
    handler: EventHandler,
    clock: Arc<dyn Clock>,
    timeout: Duration,
}

impl EventFunction {
    /// `handler`, which has `timeout` for each event.
    #[must_use]
    pub fn new(handler: EventHandler, clock: Arc<dyn Clock>, timeout: Duration) -> Self {
        Self { handler, clock, timeout }
    }

    /// Sends the function one event and waits for its answer.
    ///
    /// # Errors
    /// As a function in AWS fails: it says so, it panics, or its time runs out.
    pub async fn invoke(&self, event: Value) -> Result<Value, InvokeError> {
        let span = SignedDuration::try_from(self.timeout).unwrap_or(SignedDuration::MAX);
        let deadline = self.clock.now().checked_add(span).unwrap_or(Timestamp::MAX);
        let handler = Arc::clone(&self.handler);
        within(self.timeout, move || handler(event, deadline)).await
    }
}

/// Makes a call in a task of its own, so that a panic costs only this call, and ends it when its time is over.
pub(crate) async fn within<T, Call>(timeout: Duration, call: Call) -> Result<T, InvokeError>
where
    T: Send + 'static,
    Call: FnOnce() -> BoxFuture<'static, Result<T, Cause>> + Send + 'static,
{
    // Begun inside the task: a handler may already panic before its first wait.
    let mut task = AbortOnDrop(tokio::spawn(async move { call().await }));
    match tokio::time::timeout(timeout, &mut task.0).await {
        Ok(Ok(answer)) => answer.map_err(InvokeError::Failed),
        Ok(Err(_)) => Err(InvokeError::Panicked),
        Err(_) => Err(InvokeError::TimedOut(timeout)),
    }
}

/// A caller that goes away takes the call with it.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use passerelle_core::{adapters::system::SystemClock, ports::causes};
    use serde_json::json;

    use super::*;

    fn function(handler: impl Fn(Value) -> BoxFuture<'static, Result<Value, Cause>> + Send + Sync + 'static) -> EventFunction {
        EventFunction::new(Arc::new(move |event, _| handler(event)), Arc::new(SystemClock), Duration::from_secs(60))
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_ends_in_one_of_four_ways() {
        let good = function(|event| Box::pin(async move { Ok(event) }));
        assert_eq!(good.invoke(json!({ "a": 1 })).await.unwrap(), json!({ "a": 1 }));
        let failing = function(|_| Box::pin(async { Err("out of order".into()) }));
        assert_eq!(causes(&failing.invoke(json!({})).await.unwrap_err()), "the function failed: out of order");
        let panicking = function(|_| Box::pin(async { panic!("a bug") }));
        assert!(matches!(panicking.invoke(json!({})).await, Err(InvokeError::Panicked)));
        let panicking = function(|_| panic!("a bug before the first wait"));
        assert!(matches!(panicking.invoke(json!({})).await, Err(InvokeError::Panicked)));
        let endless = function(|_| Box::pin(std::future::pending()));
        assert_eq!(endless.invoke(json!({})).await.unwrap_err().to_string(), "the function ran longer than 60 s");
    }
}
