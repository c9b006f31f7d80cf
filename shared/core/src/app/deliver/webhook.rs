//! Deliveries to a webhook: one signed POST each, as Standard Webhooks says.

use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Request, header::CONTENT_TYPE};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, WebhookError};

use super::{Answer, Queue, Round};
use crate::{
    adapters::state::{StateError, deliveries::StoredDelivery},
    domain::{config::Webhook, ids::PersonKey},
    ports::TransportError,
};

/// How long the platform may take to answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How many people's deliveries are sent at the same time.
const PEOPLE_AT_ONCE: usize = 16;

/// A webhook, and what signs for it.
pub(super) struct ToWebhook<'a> {
    /// `None` where the document names none any more.
    pub webhook: Option<&'a Webhook>,
    pub keys: Vec<SecretString>,
}

impl ToWebhook<'_> {
    /// Sends these people's deliveries, each person's in their order, up to one that fails.
    pub async fn deliver(&self, round: Round<'_>, people: &[PersonKey]) -> Result<(), StateError> {
        // Collected first: a stream over a closure that borrows is not `Send` for every lifetime, as the compiler wants it.
        let sends: Vec<_> = people.iter().map(|person| self.deliver_to(round, person)).collect();
        let sent: Vec<Result<(), StateError>> = stream::iter(sends).buffer_unordered(PEOPLE_AT_ONCE).collect().await;
        // Checked when all are through: somebody whose deliveries cannot be read keeps nobody else from theirs.
        sent.into_iter().collect()
    }

    async fn deliver_to(&self, round: Round<'_>, person: &PersonKey) -> Result<(), StateError> {
        let mut queue: Queue = round.queue(person).await?;
        while let Some(claimed) = round.next(&mut queue).await? {
            let begun = round.ports.clock.now();
            let answer = self.send(round, &claimed.delivery, begun).await;
            round.note(&mut queue, &claimed, begun, answer).await?;
        }
        Ok(())
    }

    /// Sends a delivery.
    async fn send(&self, round: Round<'_>, delivery: &StoredDelivery, now: Timestamp) -> Answer {
        let Some(url) = self.webhook.and_then(|webhook| webhook.parse_url().ok()) else { return Answer::failed(MISSING) };
        let seconds = now.as_second();
        let Ok(signatures) = sign(&self.keys, &delivery.id, seconds, &delivery.body) else { return Answer::failed(UNSIGNED) };
        let request = Request::post(url.as_str())
            .header(CONTENT_TYPE, "application/json")
            .header(HEADER_WEBHOOK_ID, &delivery.id)
            .header(HEADER_WEBHOOK_TIMESTAMP, seconds)
            .header(HEADER_WEBHOOK_SIGNATURE, signatures)
            .body(Bytes::from(delivery.body.clone()));
        let Ok(request) = request else { return Answer::failed(UNSIGNED) };
        match round.ports.platform.send(request, TIMEOUT).await {
            Ok(answer) if answer.status().is_success() => Answer::Arrived { status: Some(answer.status().as_u16()) },
            Ok(answer) => Answer::Failed { cause: REFUSED, status: Some(answer.status().as_u16()) },
            Err(error @ (TransportError::NotSent { .. } | TransportError::MaybeSent { .. })) => {
                let cause = std::iter::successors(std::error::Error::source(&error), |cause| cause.source()).last().map(ToString::to_string);
                tracing::debug!(connection.id = %round.c, delivery.id = delivery.id, error = %error, cause, "no answer");
                Answer::Silent { cause: SILENT }
            }
        }
    }
}

/// The platform answered with something else than success.
const REFUSED: &str = "delivery_refused";
/// The platform gave no answer, could not be reached, or has an address that may not be called.
const SILENT: &str = "delivery_silent";
/// The connection's document names no webhook any more.
const MISSING: &str = "delivery_without_webhook";
/// There is no key to sign with, or the delivery's id is none that a header may carry.
const UNSIGNED: &str = "delivery_unsigned";

/// The header `webhook-signature`: a signature by each key, so that the platform may change to a new key at any moment.
fn sign(keys: &[SecretString], id: &str, seconds: i64, body: &str) -> Result<String, WebhookError> {
    let signatures = keys.iter().map(|key| {
        let key = key.expose_secret();
        let webhook = standardwebhooks::Webhook::new(key);
        // Sources of other kinds may share a text that is no base64; then its bytes are the key.
        let webhook = webhook.or_else(|_| standardwebhooks::Webhook::from_bytes(key.as_bytes().to_vec()))?;
        webhook.sign(id, seconds, body.as_bytes())
    });
    let signatures: Vec<String> = signatures.collect::<Result<_, _>>()?;
    if signatures.is_empty() { Err(WebhookError::MissingHeader("signature")) } else { Ok(signatures.join(" ")) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn each_key_signs_and_any_of_them_verifies() {
        let (new, old) = ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let now = Timestamp::now().as_second();
        let header = sign(&[new.to_owned().into(), old.to_owned().into()], "d1", now, "{}").unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(HEADER_WEBHOOK_ID, "d1".parse().unwrap());
        headers.insert(HEADER_WEBHOOK_TIMESTAMP, now.into());
        headers.insert(HEADER_WEBHOOK_SIGNATURE, header.parse().unwrap());
        for key in [new, old] {
            let webhook = standardwebhooks::Webhook::new(key).unwrap();
            assert!(webhook.verify(b"{}", &headers).is_ok(), "{key}");
            assert!(webhook.verify(b"{ }", &headers).is_err(), "{key}");
        }
        assert!(standardwebhooks::Webhook::new("whsec_AAAA").unwrap().verify(b"{}", &headers).is_err());
    }

    #[test]
    fn a_key_that_is_any_text_signs_by_its_bytes_and_no_key_signs_nothing() {
        let text = "a text, as Mautic shares one";
        let by_bytes = standardwebhooks::Webhook::from_bytes(text.as_bytes().to_vec()).unwrap().sign("d1", 7, b"{}").unwrap();
        assert_eq!(sign(&[text.to_owned().into()], "d1", 7, "{}").unwrap(), by_bytes);
        assert!(sign(&[], "d1", 7, "{}").is_err());
    }
}
