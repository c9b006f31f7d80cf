//! The AWS account that the measured functions speak to: one in which nothing exists.
//!
//! It answers at once and without TLS, so that what is timed is the function and not a network.

use axum::http::StatusCode;
use serde_json::{Value, json};

/// Answers a call of DynamoDB or Secrets Manager, named by its `x-amz-target`.
#[must_use]
pub fn answer(target: &str) -> (StatusCode, Value) {
    match target.split_once('.') {
        Some((service, action)) if service.starts_with("DynamoDB_") => (StatusCode::OK, table(action)),
        Some(("secretsmanager", _)) => {
            (StatusCode::BAD_REQUEST, json!({ "__type": "ResourceNotFoundException", "Message": "There is no such secret." }))
        }
        _ => (StatusCode::BAD_REQUEST, json!({ "__type": "UnknownOperationException" })),
    }
}

fn table(action: &str) -> Value {
    match action {
        "Query" => json!({ "Items": [], "Count": 0, "ScannedCount": 0 }),
        "BatchGetItem" => json!({ "Responses": {}, "UnprocessedKeys": {} }),
        _ => json!({}),
    }
}
