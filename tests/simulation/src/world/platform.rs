//! The tenants' platform as it hears of what Salesforce changes: it verifies each delivery, and takes each once.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use passerelle_core::{
    domain::delivery::Delivery,
    ports::{BoxFuture, Mail, MailError, Mailer, TransportError},
};
use standardwebhooks::Webhook;

use super::{World, process::Life};
use crate::{
    fault::Fault,
    history::TENANTS,
    report::{Promise, Violation},
};

/// The host of its webhook.
pub const HOOKS: &str = "hooks.example";

/// What a platform knows by deliveries.
#[derive(Debug, Default)]
pub struct Platform {
    /// The keys of the tenants' webhooks.
    pub keys: Vec<String>,
    /// What has arrived for each tenant, in its order, each id once.
    pub inbox: BTreeMap<usize, Vec<Delivery>>,
}

impl World {
    /// The platform gets a request.
    pub(super) async fn hook(&self, request: &Request<Bytes>, life: &Life) -> Result<Response<Bytes>, TransportError> {
        let host = || HOOKS.to_owned();
        let tenant = TENANTS.iter().position(|tenant| request.uri().path().ends_with(tenant));
        if self.strikes_at(life, Fault::PlatformUnreachable) {
            return Err(TransportError::NotSent { host: host(), source: "not reached".into() });
        }
        tokio::time::sleep(Duration::from_millis(self.chance(|rng| rng.u64(10..300)))).await;
        let status = if self.strikes_at(life, Fault::PlatformRefuses) {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            tenant.map_or(StatusCode::NOT_FOUND, |tenant| self.take(tenant, request))
        };
        if self.strikes_at(life, Fault::PlatformLost) {
            return Err(TransportError::MaybeSent { host: host(), source: "the connection broke".into() });
        }
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = status;
        Ok(answer)
    }

    fn take(&self, tenant: usize, request: &Request<Bytes>) -> StatusCode {
        let mut state = self.state();
        let verified = is_signed(&state.platform.keys[tenant], request).is_some_and(|signed| signed);
        let delivery = serde_json::from_slice::<Delivery>(request.body()).ok().filter(|_| verified);
        let Some(delivery) = delivery else {
            let what = format!("the platform of {} cannot take {:?}", TENANTS[tenant], String::from_utf8_lossy(request.body()));
            state.violations.push(Violation { promise: Promise::NothingLost, what });
            return StatusCode::BAD_REQUEST;
        };
        let inbox = state.platform.inbox.entry(tenant).or_default();
        match inbox.iter().find(|known| known.id == delivery.id) {
            Some(known) if *known == delivery => {}
            Some(known) => {
                let what = format!("{} came as {known:?} and as {delivery:?}", delivery.id);
                state.violations.push(Violation { promise: Promise::NothingTwice, what });
            }
            None => inbox.push(delivery),
        }
        StatusCode::OK
    }
}

/// Whether a request is signed by a key. The library's own check asks this machine's clock.
fn is_signed(key: &str, request: &Request<Bytes>) -> Option<bool> {
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    let (id, at, signatures) = (header("webhook-id")?, header("webhook-timestamp")?.parse().ok()?, header("webhook-signature")?);
    let wanted = Webhook::new(key).ok()?.sign(id, at, request.body()).ok()?;
    Some(signatures.split(' ').any(|signature| signature == wanted))
}

/// A process's way to the mail service.
#[derive(Debug)]
pub struct Post {
    world: Arc<World>,
    life: Arc<Life>,
}

impl Post {
    pub(super) fn new(world: &Arc<World>, life: &Arc<Life>) -> Self {
        Self { world: Arc::clone(world), life: Arc::clone(life) }
    }

    async fn hand_in(&self, mail: &Mail) -> Result<(), MailError> {
        let world = &self.world;
        world.before(&self.life).await;
        let answer = if world.strikes_at(&self.life, Fault::MailRefused) {
            Err(MailError::Refused { code: "TooManyRequestsException".to_owned() })
        } else {
            world.note(format_args!("mail to {:?}: {}", mail.to, mail.text));
            world.state().mails.push(mail.clone());
            let lost = world.strikes_at(&self.life, Fault::MailLost);
            if lost { Err(MailError::Unavailable { source: "the connection broke".into() }) } else { Ok(()) }
        };
        world.after(&self.life).await;
        answer
    }
}

impl Mailer for Post {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<(), MailError>> {
        Box::pin(self.hand_in(mail))
    }
}
