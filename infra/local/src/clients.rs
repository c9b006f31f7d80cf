//! AWS SDK clients for the embedded endpoints, as the functions make them. Nothing here knows what is asked of them.

use aws_sdk_dynamodb::config::Credentials;
use passerelle_core::adapters::{aws::Account, mail::Ses};

use crate::REGION;

/// Clients of the DynamoDB at `dynamodb_url` and of the Secrets Manager at `secrets_url`.
///
/// The credentials are dummies: the embedded endpoints ask that a request be signed and do not check by whom.
#[must_use]
pub fn connect(http: &reqwest::Client, dynamodb_url: &str, secrets_url: &str) -> (aws_sdk_dynamodb::Client, aws_sdk_secretsmanager::Client) {
    let account = Account { dynamodb_url: Some(dynamodb_url.to_owned()), secretsmanager_url: Some(secrets_url.to_owned()), ..account() };
    account.connect(http)
}

/// What sends mail to the SES at `url`.
#[must_use]
pub fn mailer(http: &reqwest::Client, url: &str, sender: Option<String>) -> Ses {
    Ses::new(Account { ses_url: Some(url.to_owned()), ..account() }, http.clone(), sender)
}

fn account() -> Account {
    let credentials = Some(Credentials::new("local", "local", None, None, "passerelle-local"));
    Account { region: Some(REGION.to_owned()), credentials, dynamodb_url: None, secretsmanager_url: None, ses_url: None }
}
