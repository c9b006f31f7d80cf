//! AWS SDK clients for the embedded endpoints. Owns how they are set up; nothing here knows what is asked of them.

use std::time::Duration;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, timeout::TimeoutConfig};

use crate::REGION;

/// Time-outs fit for a service on the same machine: what takes longer is out of order.
const CONNECT: Duration = Duration::from_secs(1);
const ATTEMPT: Duration = Duration::from_secs(5);
const OPERATION: Duration = Duration::from_secs(15);

/// Clients of the DynamoDB at `dynamodb_url` and of the Secrets Manager at `secrets_url`.
///
/// The credentials are dummies: the embedded endpoints ask that a request be signed and do not check by whom.
#[must_use]
pub fn connect(dynamodb_url: &str, secrets_url: &str) -> (aws_sdk_dynamodb::Client, aws_sdk_secretsmanager::Client) {
    let credentials = Credentials::new("local", "local", None, None, "passerelle-local");
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ATTEMPT).operation_timeout(OPERATION).build();
    let dynamodb = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .credentials_provider(credentials.clone())
        .timeout_config(timeouts.clone())
        .endpoint_url(dynamodb_url)
        .build();
    let secrets = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .credentials_provider(credentials)
        .timeout_config(timeouts)
        .endpoint_url(secrets_url)
        .build();
    (aws_sdk_dynamodb::Client::from_conf(dynamodb), aws_sdk_secretsmanager::Client::from_conf(secrets))
}
