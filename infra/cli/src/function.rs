//! The function that asks orgs for the command. The command itself calls no org: one that allows certain addresses only allows the stack's, and not
//! the machine on which somebody types.

use std::time::Duration;

use anyhow::{Error, Result, anyhow};
use aws_sdk_lambda::{
    Client,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig, timeout::TimeoutConfig},
    error::{ProvideErrorMetadata, SdkError},
    operation::invoke::InvokeOutput,
    primitives::Blob,
};
use passerelle_core::app::operator::{Failure, Request};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// How long an answer is waited for: as long as the function may take (`template.yaml`), and its start.
const PATIENCE: Duration = Duration::from_secs(120);

/// A function of one installation.
pub struct Function {
    client: Client,
    name: String,
    /// What to tell somebody who does not reach it.
    hint: &'static str,
}

impl Function {
    /// The function of that name, called with these credentials.
    pub fn deployed(aws: &aws_config::SdkConfig, name: String, hint: &'static str) -> Self {
        Self::new(aws_sdk_lambda::config::Builder::from(aws), name, hint)
    }

    /// The local stack's, at that port of this machine.
    pub fn local(port: u16, hint: &'static str) -> Self {
        let config = aws_sdk_lambda::Config::builder().behavior_version(BehaviorVersion::latest()).region(Region::new(passerelle_local::REGION));
        let config = config.credentials_provider(Credentials::new("local", "local", None, None, "passerelle-local"));
        Self::new(config.endpoint_url(format!("http://127.0.0.1:{port}")), passerelle_local::lambda::RECONCILE.to_owned(), hint)
    }

    fn new(config: aws_sdk_lambda::config::Builder, name: String, hint: &'static str) -> Self {
        // Not repeated by itself: what did not answer may still be at work.
        let config = config.retry_config(RetryConfig::disabled());
        let config = config.timeout_config(TimeoutConfig::builder().operation_timeout(PATIENCE).connect_timeout(Duration::from_secs(5)).build());
        Self { client: Client::from_conf(config.build()), name, hint }
    }

    /// Asks, and waits for the answer. What the use case itself refuses is a [`Failure`] in the error.
    pub async fn ask<T: DeserializeOwned>(&self, request: &Request) -> Result<T> {
        let event = serde_json::to_vec(&json!({"operator": request}))?;
        let answer = self.client.invoke().function_name(&self.name).payload(Blob::new(event)).send().await;
        read(answer).map_err(|trouble| self.told(trouble))
    }

    fn told(&self, trouble: Trouble) -> Error {
        let (name, hint) = (&self.name, self.hint);
        match trouble {
            Trouble::Refused(failure) => failure.into(),
            Trouble::Denied => anyhow!(
                "These credentials may not call the function {name}, which asks the org. Allow them lambda:InvokeFunction on it, or take others."
            ),
            Trouble::Absent => anyhow!("There is no function {name} here. {hint} Where they are right, deploy the stack again."),
            Trouble::TooLarge => anyhow!("This is more than the function {name} takes at a time. Send less at a time."),
            Trouble::Throttled => anyhow!("As many functions run in this account as may. Type the command again in a minute."),
            Trouble::Silent => anyhow!(
                "The function {name} could not be reached, or did not answer. {hint} What was asked for may be done nevertheless: type the command again, which finds what is done."
            ),
            Trouble::OutOfTime => anyhow!(
                "The function {name} ran out of time. What it has done stands: type the command again, which does the rest. If it happens again, Salesforce or AWS is slow, and the function's log tells where."
            ),
            Trouble::OtherVersion => anyhow!(
                "The function {name} is of another version than this command. Deploy the stack again, or take the command that belongs to it."
            ),
            Trouble::Failed => anyhow!("The function {name} failed. Its log says why."),
        }
    }
}

/// Why there is no answer, or none that was wanted.
#[derive(Debug)]
enum Trouble {
    /// The use case refuses.
    Refused(Failure),
    /// Whoever asks has no right to.
    Denied,
    /// There is no such function.
    Absent,
    /// The request is too large.
    TooLarge,
    /// AWS asks for patience.
    Throttled,
    /// Nobody answered; nobody knows what was done.
    Silent,
    /// The function was ended by its time-out.
    OutOfTime,
    /// The function does not understand, or is not understood.
    OtherVersion,
    /// The function, or AWS, is out of order.
    Failed,
}

fn read<T: DeserializeOwned, E: ProvideErrorMetadata>(answer: Result<InvokeOutput, SdkError<E>>) -> Result<T, Trouble> {
    let answer = answer.map_err(|error| match &error {
        SdkError::ServiceError(refused) => refusal(refused.err().code().unwrap_or_default()),
        SdkError::ConstructionFailure(_) => Trouble::Denied,
        _ => Trouble::Silent,
    })?;
    let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
    if answer.function_error.is_some() {
        return Err(failed(&serde_json::from_slice(&payload).unwrap_or_default()));
    }
    let outcome: Result<Value, Failure> = serde_json::from_slice(&payload).map_err(|_| Trouble::OtherVersion)?;
    serde_json::from_value(outcome.map_err(Trouble::Refused)?).map_err(|_| Trouble::OtherVersion)
}

/// Source: AWS Lambda API Reference, "Invoke" and "Common Errors".
fn refusal(code: &str) -> Trouble {
    match code {
        "AccessDeniedException"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "MissingAuthenticationTokenException"
        | "NotAuthorized"
        | "OptInRequired"
        | "UnrecognizedClientException" => Trouble::Denied,
        "ResourceNotFoundException" => Trouble::Absent,
        "RequestTooLargeException" => Trouble::TooLarge,
        "TooManyRequestsException" | "ThrottlingException" => Trouble::Throttled,
        _ => Trouble::Failed,
    }
}

/// What a function left that failed.
fn failed(error: &Value) -> Trouble {
    let message = error.get("errorMessage").and_then(Value::as_str).unwrap_or_default();
    match message {
        message if message.contains("Task timed out") => Trouble::OutOfTime,
        // The words of functions that do not know what is asked for.
        message if message.contains("none that reconcile knows") => Trouble::OtherVersion,
        _ => Trouble::Failed,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use aws_sdk_lambda::error::ErrorMetadata;
    use passerelle_core::app::connect::Refused;

    use super::*;

    /// What is told of an answer.
    fn said(payload: &Value, error: Option<&str>) -> String {
        let answer = InvokeOutput::builder().payload(Blob::new(payload.to_string())).set_function_error(error.map(str::to_owned)).build();
        match read::<u8, ErrorMetadata>(Ok(answer)) {
            Ok(number) => number.to_string(),
            Err(trouble) => Function::local(1, "Look there.").told(trouble).to_string(),
        }
    }

    #[test]
    fn an_answer_is_read_and_what_is_wrong_with_it_is_told_with_the_cure() {
        let refused = Failure::Refused(Refused { code: "c".to_owned(), cause: "So.".to_owned(), cure: "Do.".to_owned() });
        let failed = |message: &str| said(&json!({"errorType": "x", "errorMessage": message}), Some("Unhandled"));
        for (found, part) in [
            (said(&json!({"Ok": 7}), None), "7"),
            (said(&json!({"Err": refused}), None), "So. Do. (c)"),
            (said(&json!({"Ok": "text"}), None), "of another version"),
            (said(&json!({"Err": {"new_kind": 1}}), None), "of another version"),
            (said(&json!(null), None), "of another version"),
            (failed("the call is none that reconcile knows"), "Deploy the stack again"),
            (failed("2026-09-01T08:00:00.000Z 7f3 Task timed out after 90.00 seconds"), "type the command again, which does the rest"),
            (failed("the state table failed"), "Its log says why."),
        ] {
            assert!(found.contains(part), "{found}");
        }
    }

    #[test]
    fn every_refusal_of_lambda_is_told_with_the_cure() {
        for (code, part) in [
            ("AccessDeniedException", "lambda:InvokeFunction"),
            ("ExpiredTokenException", "or take others"),
            ("ResourceNotFoundException", "Look there. Where they are right, deploy"),
            ("RequestTooLargeException", "Send less at a time"),
            ("TooManyRequestsException", "again in a minute"),
            ("ServiceException", "Its log says why."),
            ("", "Its log says why."),
        ] {
            let told = Function::local(1, "Look there.").told(refusal(code)).to_string();
            assert!(told.contains(part), "{code}: {told}");
        }
    }

    #[tokio::test]
    async fn whoever_reaches_nobody_is_told_where_to_look() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let request = Request::Test { connection: "kayo".parse().unwrap() };
        let told = Function::local(port, "Look there.").ask::<Value>(&request).await.unwrap_err().to_string();
        assert!(told.contains("could not be reached") && told.contains("Look there."), "{told}");
    }
}
