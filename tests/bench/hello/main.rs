//! The yardstick of the cold start figures: a function that answers its event and nothing else.
//!
//! It runs on the same runtime crate and the same single-threaded executor as Passerelle's functions and is
//! built with the same profile, so what a function costs above it is what that function adds.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |event: LambdaEvent<Value>| Ok::<Value, Error>(json!({ "hello": event.context.request_id })))).await
}
