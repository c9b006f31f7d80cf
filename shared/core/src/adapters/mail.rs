//! Mail to people, by Amazon SES.

use std::sync::OnceLock;

use aws_sdk_sesv2::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{Body, Content, Destination, EmailContent, Message},
};

use super::aws::Account;
use crate::ports::{BoxFuture, Mail, MailError, Mailer};

/// The mailer of an account. Its client is made with the first mail: most functions never send one.
pub struct Ses {
    from: Option<From>,
    client: OnceLock<Client>,
}

/// Who sends, and how.
struct From {
    account: Account,
    http: reqwest::Client,
    sender: String,
}

impl Ses {
    /// Sends from `sender`, an address or `Name <address>` that is verified in SES; without one nothing can be sent.
    #[must_use]
    pub fn new(account: Account, http: reqwest::Client, sender: Option<String>) -> Self {
        Self { from: sender.map(|sender| From { account, http, sender }), client: OnceLock::new() }
    }

    /// One that can send nothing.
    #[must_use]
    pub fn silent() -> Self {
        Self { from: None, client: OnceLock::new() }
    }

    async fn deliver(&self, mail: &Mail) -> Result<(), MailError> {
        let From { account, http, sender } = self.from.as_ref().ok_or(MailError::NoSender)?;
        let text =
            |text: &str| Content::builder().data(text).charset("UTF-8").build().map_err(|error| MailError::Unavailable { source: error.into() });
        let message = Message::builder().subject(text(&mail.subject)?).body(Body::builder().text(text(&mail.text)?).build()).build();
        let to = Destination::builder().set_to_addresses(Some(mail.to.clone())).build();
        let client = self.client.get_or_init(|| account.clone().mail(http));
        let request = client.send_email().from_email_address(sender).destination(to).content(EmailContent::builder().simple(message).build());
        match request.send().await {
            Ok(_) => Ok(()),
            // SES names addresses in its messages, so only the code is told.
            Err(SdkError::ServiceError(refused)) => Err(MailError::Refused { code: refused.err().code().unwrap_or("unknown").to_owned() }),
            Err(error) => Err(MailError::Unavailable { source: Box::new(error) }),
        }
    }
}

impl std::fmt::Debug for Ses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ses")
    }
}

impl Mailer for Ses {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<(), MailError>> {
        Box::pin(self.deliver(mail))
    }
}
