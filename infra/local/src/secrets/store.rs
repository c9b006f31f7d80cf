//! The secrets themselves and the operations on them. Pure: the time and the chance come in, changes go out with the
//! value; whoever calls stores it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    refusal::Refusal,
    version::{Content, Version, Versions, check_token},
};
use crate::{ACCOUNT, REGION};

/// When a request is worked, and 32 random bytes for it.
pub(super) struct Moment {
    pub now: Timestamp,
    pub chance: [u8; 32],
}

/// All secrets, by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Store {
    secrets: BTreeMap<String, Secret>,
}

/// One secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Secret {
    pub arn: String,
    pub name: String,
    pub details: Details,
    pub tags: Vec<Tag>,
    pub created: Timestamp,
    pub changed: Timestamp,
    pub deletion: Option<Deletion>,
    pub versions: Versions,
}

/// What people say of a secret.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Details {
    pub description: Option<String>,
    pub kms_key_id: Option<String>,
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    pub key: String,
    #[serde(default)]
    pub value: String,
}

/// A deletion that waits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Deletion {
    /// When it was asked for.
    pub asked: Timestamp,
    /// When the secret goes for good.
    pub due: Timestamp,
}

/// A value with the id it is to be stored under.
pub(super) struct NewVersion {
    pub token: Option<String>,
    pub content: Option<Content>,
}

impl NewVersion {
    /// The pair, where there is a value; the id is then required, as in every direct call of the API.
    fn required(self) -> Result<Option<(String, Content)>, Refusal> {
        if let Some(token) = &self.token {
            check_token(token)?;
        }
        match (self.content, self.token) {
            (None, _) => Ok(None),
            (Some(content), Some(token)) => Ok(Some((token, content))),
            (Some(_), None) => Err(Refusal::state("You must provide a ClientRequestToken value. We recommend a UUID-type value.")),
        }
    }
}

impl Store {
    /// Forgets the secrets whose recovery window is over.
    pub fn bury(&mut self, now: Timestamp) {
        self.secrets.retain(|_, secret| secret.deletion.is_none_or(|deletion| deletion.due > now));
    }

    /// The secret of a name, an ARN, or an ARN without its six random characters; deleted ones too.
    pub fn any(&self, id: &str) -> Result<&Secret, Refusal> {
        let name = self.name(id)?;
        self.secrets.get(&name).ok_or_else(Refusal::absent)
    }

    /// As [`Store::any`], but not one that was marked for deletion.
    pub fn live(&self, id: &str) -> Result<&Secret, Refusal> {
        self.any(id).and_then(|secret| secret.deletion.map_or(Ok(secret), |_| Err(Refusal::deleted())))
    }

    fn live_mut(&mut self, id: &str) -> Result<&mut Secret, Refusal> {
        let name = self.live(id)?.name.clone();
        self.secrets.get_mut(&name).ok_or_else(Refusal::absent)
    }

    fn name(&self, id: &str) -> Result<String, Refusal> {
        let by_arn = |secret: &&Secret| secret.arn == id || secret.arn.rsplit_once('-').is_some_and(|(partial, _)| partial == id);
        let found = match self.secrets.get(id) {
            None if id.starts_with("arn:") => self.secrets.values().find(by_arn),
            found => found,
        };
        found.map(|secret| secret.name.clone()).ok_or_else(Refusal::absent)
    }

    /// All secrets in order of their names.
    pub fn all(&self) -> impl Iterator<Item = &Secret> {
        self.secrets.values()
    }

    /// Makes a secret, with or without a first version.
    pub fn create(&mut self, name: &str, details: Details, tags: Vec<Tag>, version: NewVersion, moment: &Moment) -> Result<&Secret, Refusal> {
        check_name(name)?;
        let version = version.required()?;
        match (self.secrets.get(name), &version) {
            (Some(standing), _) if standing.deletion.is_some() => return Err(Refusal::taken_by_deleted()),
            // The same request again: answered as the first time.
            (Some(standing), Some((token, content))) if standing.versions.holds(token, content) => {}
            (Some(_), _) => return Err(Refusal::exists(format!("The operation failed because the secret {name} already exists."))),
            (None, _) => {
                let arn = arn(name, &moment.chance);
                let mut versions = Versions::default();
                if let Some((token, content)) = version {
                    versions.add(&arn, &token, content, Vec::new(), moment.now)?;
                }
                let (created, changed) = (moment.now, moment.now);
                let secret = Secret { arn, name: name.to_owned(), details, tags, created, changed, deletion: None, versions };
                self.secrets.insert(name.to_owned(), secret);
            }
        }
        self.secrets.get(name).ok_or_else(Refusal::absent)
    }

    /// Adds a version and moves the labels to it. Answers the version's id.
    pub fn put(&mut self, id: &str, version: NewVersion, stages: Vec<String>, now: Timestamp) -> Result<(&Secret, String), Refusal> {
        let secret = self.live_mut(id)?;
        let Some((token, content)) = version.required()? else {
            return Err(Refusal::state("You must provide either SecretString or SecretBinary."));
        };
        add(secret, &token, content, stages, now)?;
        Ok((secret, token))
    }

    /// Changes what is said of a secret, and its value where one is given. Answers the new version's id.
    pub fn update(&mut self, id: &str, details: Details, version: NewVersion, now: Timestamp) -> Result<(&Secret, Option<String>), Refusal> {
        let secret = self.live_mut(id)?;
        let version = version.required()?;
        let merged = Details {
            description: details.description.or_else(|| secret.details.description.clone()),
            kms_key_id: details.kms_key_id.or_else(|| secret.details.kms_key_id.clone()),
        };
        if merged != secret.details {
            secret.details = merged;
            secret.changed = now;
        }
        let Some((token, content)) = version else { return Ok((secret, None)) };
        add(secret, &token, content, Vec::new(), now)?;
        Ok((secret, Some(token)))
    }

    /// Marks a secret for deletion in `days` days (7 to 30).
    pub fn delete(&mut self, id: &str, days: i64, now: Timestamp) -> Result<&Secret, Refusal> {
        if !(7..=30).contains(&days) {
            return Err(Refusal::parameter("RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."));
        }
        let secret = self.live_mut(id)?;
        secret.deletion = Some(Deletion { asked: now, due: now + SignedDuration::from_hours(24 * days) });
        Ok(secret)
    }

    /// Deletes a secret at once. There need be none, and it may already wait for its deletion. Answers ARN and name.
    pub fn delete_at_once(&mut self, id: &str, moment: &Moment) -> Result<(String, String), Refusal> {
        match self.name(id).ok().and_then(|name| self.secrets.remove(&name)) {
            Some(secret) => Ok((secret.arn, secret.name)),
            None if id.starts_with("arn:") => Err(Refusal::absent()),
            None => Ok((arn(id, &moment.chance), id.to_owned())),
        }
    }

    /// Takes a deletion back.
    pub fn restore(&mut self, id: &str) -> Result<&Secret, Refusal> {
        let name = self.name(id)?;
        let secret = self.secrets.get_mut(&name).ok_or_else(Refusal::absent)?;
        secret.deletion = None;
        Ok(secret)
    }
}

impl Secret {
    /// The version a read asks for.
    pub fn version(&self, id: Option<&str>, stage: Option<&str>) -> Result<(&str, &Version), Refusal> {
        self.versions.find(id, stage)
    }
}

fn add(secret: &mut Secret, token: &str, content: Content, stages: Vec<String>, now: Timestamp) -> Result<(), Refusal> {
    let before = secret.versions.clone();
    secret.versions.add(&secret.arn, token, content, stages, now)?;
    if secret.versions != before {
        secret.changed = now;
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-/_+=.@!".contains(c);
    match name.chars().count() {
        1..=512 if name.chars().all(allowed) => Ok(()),
        _ => Err(Refusal::validation("Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")),
    }
}

/// A secret's ARN: its name and six characters, so that a secret made anew is another one.
fn arn(name: &str, chance: &[u8; 32]) -> String {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let letter = |byte: &u8| LETTERS.get(usize::from(*byte) % LETTERS.len()).copied().map_or('A', char::from);
    let suffix: String = chance.iter().take(6).map(letter).collect();
    format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-{suffix}")
}
