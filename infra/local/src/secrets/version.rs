//! One secret's versions: tokens that make a repeat harmless, labels that move, and the limit on their number.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use super::refusal::Refusal;

/// The label of the version that is valid now.
pub(super) const CURRENT: &str = "AWSCURRENT";
/// The label of the version that was valid before.
pub(super) const PREVIOUS: &str = "AWSPREVIOUS";
/// Versions that one secret can have.
const LIMIT: usize = 100;
/// How long a version without a label is safe from removal.
const GRACE: SignedDuration = SignedDuration::from_hours(24);
/// Bytes of one value.
const SIZE: usize = 65_536;

/// A secret value, as text or as the base64 of bytes, the way it came.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Content {
    Text(#[serde(serialize_with = "expose")] SecretString),
    Binary(#[serde(serialize_with = "expose")] SecretString),
}

fn expose<S: Serializer>(text: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text.expose_secret())
}

impl Content {
    /// The value of a request that may carry one of the two, both or none.
    pub fn parse(text: Option<SecretString>, binary: Option<SecretString>) -> Result<Option<Self>, Refusal> {
        let content = match (text, binary) {
            (Some(_), Some(_)) => {
                return Err(Refusal::parameter("You can't specify both a binary secret value and a string secret value in the same secret."));
            }
            (Some(text), None) => Self::Text(text),
            (None, Some(binary)) => Self::Binary(binary),
            (None, None) => return Ok(None),
        };
        match content.size() {
            1..=SIZE => Ok(Some(content)),
            _ => Err(Refusal::validation("The value of a secret must have 1 to 65536 bytes.")),
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.expose_secret().len(),
            // Four characters stand for three bytes.
            Self::Binary(base64) => base64.expose_secret().trim_end_matches('=').len() * 3 / 4,
        }
    }

    fn parts(&self) -> (u8, &str) {
        match self {
            Self::Text(text) => (0, text.expose_secret()),
            Self::Binary(base64) => (1, base64.expose_secret()),
        }
    }
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

/// A version of a secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Version {
    pub content: Content,
    pub created: Timestamp,
    pub stages: BTreeSet<String>,
}

/// The versions of one secret, by id.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Versions(BTreeMap<String, Version>);

impl Versions {
    /// Adds a version and moves the labels `stages` to it (none = AWSCURRENT). The same id with the same content is
    /// the same request again and changes nothing.
    pub fn add(&mut self, arn: &str, id: &str, content: Content, stages: Vec<String>, now: Timestamp) -> Result<(), Refusal> {
        check_token(id)?;
        let stages = check_stages(stages)?;
        match self.0.get(id) {
            Some(standing) if standing.content == content => return Ok(()),
            Some(_) => {
                let message = format!("You can't use ClientRequestToken {id} because that value is already in use for a version of secret {arn}.");
                return Err(Refusal::exists(message));
            }
            None => self.make_room(now)?,
        }
        self.0.insert(id.to_owned(), Version { content, created: now, stages: BTreeSet::new() });
        for stage in stages {
            self.label(id, stage);
        }
        Ok(())
    }

    fn label(&mut self, id: &str, stage: String) {
        let holder = self.with_stage(&stage).map(|(holder, _)| holder.to_owned());
        for version in self.0.values_mut() {
            version.stages.remove(&stage);
            if stage == CURRENT && holder.is_some() {
                version.stages.remove(PREVIOUS);
            }
        }
        if stage == CURRENT
            && let Some(former) = holder.and_then(|holder| self.0.get_mut(&holder))
        {
            former.stages.insert(PREVIOUS.to_owned());
        }
        if let Some(version) = self.0.get_mut(id) {
            version.stages.insert(stage);
        }
    }

    /// Removes versions without a label, oldest first, that are more than a day old, until there is room for one more.
    fn make_room(&mut self, now: Timestamp) -> Result<(), Refusal> {
        while self.0.len() >= LIMIT {
            let old = self.0.iter().filter(|(_, version)| version.stages.is_empty() && now.duration_since(version.created) > GRACE);
            let Some(id) = old.min_by_key(|(_, version)| version.created).map(|(id, _)| id.clone()) else {
                return Err(Refusal::limit("You have reached the maximum number of versions for this secret."));
            };
            self.0.remove(&id);
        }
        Ok(())
    }

    /// The version a read asks for: by id, by label, or both at once; neither means AWSCURRENT.
    pub fn find(&self, id: Option<&str>, stage: Option<&str>) -> Result<(&str, &Version), Refusal> {
        let Some(id) = id else {
            let stage = stage.unwrap_or(CURRENT);
            return self.with_stage(stage).ok_or_else(|| Refusal::absent_value(&format!("staging label: {stage}")));
        };
        let (id, version) = self.0.get_key_value(id).ok_or_else(|| Refusal::absent_value(&format!("VersionId: {id}")))?;
        match stage {
            Some(stage) if !version.stages.contains(stage) => {
                Err(Refusal::state("You provided a VersionStage that is not associated to the provided VersionId."))
            }
            _ => Ok((id, version)),
        }
    }

    fn with_stage(&self, stage: &str) -> Option<(&str, &Version)> {
        self.0.iter().find(|(_, version)| version.stages.contains(stage)).map(|(id, version)| (id.as_str(), version))
    }

    /// Whether `id` is there with this very content.
    pub fn holds(&self, id: &str, content: &Content) -> bool {
        self.0.get(id).is_some_and(|version| version.content == *content)
    }

    /// The labels of a version.
    pub fn stages(&self, id: &str) -> Vec<&str> {
        self.0.get(id).map(|version| version.stages.iter().map(String::as_str).collect()).unwrap_or_default()
    }

    /// All versions with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Version)> {
        self.0.iter()
    }
}

/// A `ClientRequestToken`, which becomes the version's id.
pub(super) fn check_token(token: &str) -> Result<(), Refusal> {
    match token.chars().count() {
        32..=64 => Ok(()),
        _ => Err(Refusal::parameter("ClientRequestToken must be 32-64 characters long.")),
    }
}

fn check_stages(stages: Vec<String>) -> Result<Vec<String>, Refusal> {
    match stages.len() {
        0 => Ok(vec![CURRENT.to_owned()]),
        1..=20 if stages.iter().all(|stage| (1..=256).contains(&stage.chars().count())) => Ok(stages),
        _ => Err(Refusal::parameter("VersionStages must be 1 to 20 labels of 1 to 256 characters.")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn text(value: &str) -> Content {
        Content::Text(value.into())
    }

    fn token(number: usize) -> String {
        format!("{number:032}")
    }

    fn start() -> Timestamp {
        "2026-11-23T08:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_labels_follow_the_newest_version() {
        let mut versions = Versions::default();
        for number in 1..=3 {
            versions.add("arn", &token(number), text("x"), vec![], start()).unwrap();
        }
        assert_eq!(versions.stages(&token(1)), [] as [&str; 0]);
        assert_eq!(versions.stages(&token(2)), [PREVIOUS]);
        assert_eq!(versions.stages(&token(3)), [CURRENT]);
    }

    #[test]
    fn a_label_of_ones_own_leaves_the_current_version_alone() {
        let mut versions = Versions::default();
        versions.add("arn", &token(1), text("x"), vec![], start()).unwrap();
        versions.add("arn", &token(2), text("y"), vec!["AWSPENDING".to_owned()], start()).unwrap();
        assert_eq!(versions.find(None, None).unwrap().0, token(1));
        assert_eq!(versions.find(None, Some("AWSPENDING")).unwrap().0, token(2));
    }

    #[test]
    fn the_hundred_and_first_version_of_a_day_is_refused_and_fits_the_next_day() {
        let mut versions = Versions::default();
        for number in 1..=100 {
            versions.add("arn", &token(number), text("x"), vec![], start()).unwrap();
        }
        let refusal = versions.add("arn", &token(101), text("x"), vec![], start()).unwrap_err();
        assert_eq!(refusal, Refusal::limit("You have reached the maximum number of versions for this secret."));
        let later = start() + SignedDuration::from_hours(25);
        versions.add("arn", &token(101), text("x"), vec![], later).unwrap();
        assert_eq!(versions.iter().count(), 100);
        assert!(versions.find(Some(&token(1)), None).is_err(), "the oldest goes first");
        assert!(versions.find(Some(&token(2)), None).is_ok());
    }

    #[test]
    fn sizes_are_bounded() {
        let cases = [("", false), ("x", true), (&"x".repeat(65_536), true), (&"x".repeat(65_537), false)];
        for (value, fits) in cases {
            let parsed = Content::parse(Some(SecretString::from(value)), None);
            assert_eq!(parsed.is_ok(), fits, "{} bytes", value.len());
        }
    }

    #[test]
    fn tokens_have_32_to_64_characters() {
        for (length, fits) in [(31, false), (32, true), (64, true), (65, false)] {
            assert_eq!(check_token(&"t".repeat(length)).is_ok(), fits, "{length}");
        }
    }
}
