//! What the tests share: a clock that stands, functions that are closures, and a stack on free ports.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use jiff::{SignedDuration, Timestamp};
use passerelle_core::ports::{BoxFuture, Cause, Clock};
use passerelle_local::{
    Functions, SalesforceTarget, Stack, StackOptions, Switch,
    gateway::Routes,
    handler::{EventHandler, HttpHandler},
};
use serde_json::{Value, json};

/// The instant at which tests begin.
pub fn start() -> Timestamp {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

/// A clock that stands until it is moved; waiting is tokio's.
#[derive(Clone)]
pub struct StandingClock(Arc<Mutex<Timestamp>>);

impl StandingClock {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(start())))
    }

    pub fn advance(&self, by: SignedDuration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

pub fn http(handler: impl Fn(ApiGatewayV2httpRequest) -> Result<ApiGatewayV2httpResponse, Cause> + Send + Sync + 'static) -> HttpHandler {
    Arc::new(move |event| {
        let answer = handler(event);
        Box::pin(async move { answer })
    })
}

pub fn event(handler: impl Fn(Value) -> Result<Value, Cause> + Send + Sync + 'static) -> EventHandler {
    Arc::new(move |event, _| {
        let answer = handler(event);
        Box::pin(async move { answer })
    })
}

/// Functions of which each refuses to be called.
pub fn no_functions() -> Functions {
    let refuse = || http(|_| Err("no test called for this function".into()));
    let routes = Routes { intake: refuse(), oauth: refuse(), console: refuse() };
    let refuse = || event(|_| Err("no test called for this function".into()));
    Functions { routes, upsert: refuse(), reconcile: refuse() }
}

/// Free ports, a standing clock, and nothing that calls by itself.
pub fn quiet(clock: &StandingClock) -> StackOptions {
    StackOptions {
        gateway_port: 0,
        salesforce: SalesforceTarget::Real("https://login.salesforce.com".to_owned()),
        stream: Switch::Off,
        sweep_interval: None,
        reconcile_interval: None,
        clock: Arc::new(clock.clone()),
        ..StackOptions::default()
    }
}

/// A quiet stack in memory.
pub async fn quiet_stack(clock: &StandingClock) -> Stack {
    Stack::start(quiet(clock), |_| no_functions()).await.unwrap()
}

/// An answer with a status and a JSON body.
pub fn answer(status: i64, body: &Value) -> ApiGatewayV2httpResponse {
    serde_json::from_value(json!({ "statusCode": status, "headers": {}, "multiValueHeaders": {}, "cookies": [], "body": body.to_string() })).unwrap()
}
