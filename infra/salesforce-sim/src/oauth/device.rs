//! The device flow: a code typed into a browser elsewhere while the device polls.
//! Owns the codes and their states; refuses to know tokens.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::id::Id;

/// Seconds a device must leave between two polls.
pub const INTERVAL_SECONDS: i64 = 5;
/// Life of a device code.
const LIFE: SignedDuration = SignedDuration::from_mins(10);

/// What the user decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing yet.
    Waiting,
    /// Approved by this user.
    Allowed(Id),
    /// Refused.
    Denied,
}

/// One device waiting for a person.
#[derive(Clone, Debug)]
pub struct Device {
    /// App.
    pub client_id: String,
    /// Scopes.
    pub scopes: Vec<String>,
    /// What the person types.
    pub user_code: String,
    /// What the person decided.
    pub decision: Decision,
    since: Timestamp,
    polled: Option<Timestamp>,
}

/// All devices, by device code.
#[derive(Debug, Default)]
pub struct Devices {
    waiting: HashMap<String, Device>,
}

impl Devices {
    /// Adds a device.
    pub fn add(&mut self, code: String, client_id: &str, scopes: Vec<String>, user_code: String, now: Timestamp) {
        self.waiting.retain(|_, device| now.duration_since(device.since) < LIFE);
        let device = Device { client_id: client_id.to_owned(), scopes, user_code, decision: Decision::Waiting, since: now, polled: None };
        self.waiting.insert(code, device);
    }

    /// The device whose user code this is.
    pub fn by_user_code(&mut self, user_code: &str) -> Option<&mut Device> {
        self.waiting.values_mut().find(|device| device.user_code == user_code)
    }

    /// Notes a poll. An approved or refused device is forgotten with the answer.
    ///
    /// # Errors
    /// The OAuth error the device is told.
    pub fn poll(&mut self, code: &str, client_id: &str, now: Timestamp) -> Result<(Id, Vec<String>), (&'static str, &'static str)> {
        let device = self
            .waiting
            .get_mut(code)
            .filter(|device| device.client_id == client_id && now.duration_since(device.since) < LIFE)
            .ok_or(("invalid_grant", "invalid device code"))?;
        let hasty = device.polled.is_some_and(|last| now.duration_since(last).as_secs() < INTERVAL_SECONDS);
        device.polled = Some(now);
        match device.decision {
            Decision::Waiting if hasty => Err(("slow_down", "polling too quickly")),
            Decision::Waiting => Err(("authorization_pending", "user has not yet approved")),
            Decision::Denied => {
                self.waiting.remove(code);
                Err(("access_denied", "end-user denied authorization"))
            }
            Decision::Allowed(user) => {
                let scopes = device.scopes.clone();
                self.waiting.remove(code);
                Ok((user, scopes))
            }
        }
    }
}
