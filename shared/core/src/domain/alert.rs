//! What a connection's contacts are told when something needs a person: when, and in which words. Whoever works never waits for it.
//!
//! One mail tells of everything that stands. It is sent at once where something is new, but not more often than every hour; what
//! was told already is told again after a day, as long as it stands.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{
    config::{ConnectionSection, Language},
    words::{Sentence, Words},
};

/// The least time between two mails about one connection.
const QUIET: SignedDuration = SignedDuration::from_hours(1);
/// After so long what was told is told again.
const REMIND: SignedDuration = SignedDuration::from_hours(24);
/// Most troubles that one mail names.
const MOST: usize = 20;

/// Something that stands and needs a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What tells it from others: two of one key are the same trouble.
    pub key: String,
    /// What is so. Names codes, fields and numbers only: a mail carries nothing about a person.
    pub words: Sentence,
    /// What to do about it.
    pub cure: Option<Sentence>,
}

/// What the contacts were told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alerted {
    /// Raised with each change.
    pub version: u64,
    /// When the last mail was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// What it told of, and when that was told of first.
    #[serde(default)]
    pub troubles: BTreeMap<String, Timestamp>,
}

impl Alerted {
    /// Whether there is anything to be told now.
    #[must_use]
    pub fn is_due(&self, troubles: &[Trouble], now: Timestamp) -> bool {
        let has_passed = |time: SignedDuration| self.sent_at.is_none_or(|at| now.duration_since(at) >= time);
        let is_new = troubles.iter().any(|trouble| !self.troubles.contains_key(&trouble.key));
        !troubles.is_empty() && (is_new && has_passed(QUIET) || has_passed(REMIND))
    }

    /// The same once these were told of.
    #[must_use]
    pub fn after(&self, troubles: &[Trouble], now: Timestamp) -> Self {
        let first = |trouble: &Trouble| self.troubles.get(&trouble.key).copied().unwrap_or(now);
        let troubles = troubles.iter().map(|trouble| (trouble.key.clone(), first(trouble))).collect();
        Self { sent_at: Some(now), troubles, ..self.clone() }
    }

    /// The same without what stands no more, so that it is news when it comes back.
    #[must_use]
    pub fn without_settled(&self, troubles: &[Trouble]) -> Self {
        let mut told = self.clone();
        told.troubles.retain(|key, _| troubles.iter().any(|trouble| trouble.key == *key));
        told
    }
}

/// A mail: subject and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

/// What the contacts of a connection read.
#[must_use]
pub fn letter(connection: &ConnectionSection, troubles: &[Trouble], told: &Alerted) -> Letter {
    let (language, zone) = (connection.language, connection.zone());
    // A line break would begin another header.
    let name: String = connection.name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut text = OPENING.to(language).replace("{name}", &name).replace("{id}", connection.id.as_str()) + "\n";
    for trouble in troubles.iter().take(MOST) {
        text += &format!("\n- {}{}\n", trouble.words.to(language), since(told.troubles.get(&trouble.key), language, &zone));
        if let Some(cure) = &trouble.cure {
            text += &format!("  {}\n", cure.to(language));
        }
    }
    if troubles.len() > MOST {
        text += &format!("\n{}\n", FURTHER.to(language).replace("{n}", &(troubles.len() - MOST).to_string()));
    }
    text += &format!("\n{}\n", CLOSING.to(language).replace("{id}", connection.id.as_str()));
    Letter { subject: SUBJECT.to(language).replace("{name}", &name), text }
}

fn since(first: Option<&Timestamp>, language: Language, zone: &TimeZone) -> String {
    let Some(first) = first else { return String::new() };
    let (words, pattern) = match language {
        Language::Fr => ("signalé depuis le", "%d/%m/%Y %H:%M"),
        Language::En => ("first told on", "%Y-%m-%d %H:%M"),
    };
    format!(" ({words} {})", first.to_zoned(zone.clone()).strftime(pattern))
}

const SUBJECT: Words = Words::new("Passerelle: “{name}” needs somebody", "Passerelle : « {name} » demande une intervention");
const OPENING: Words = Words::new(
    "The connection “{name}” ({id}) to Salesforce needs somebody. No event is lost: what cannot be done waits.",
    "La connexion « {name} » ({id}) vers Salesforce demande une intervention. Aucun événement n'est perdu : ce qui ne peut pas être fait attend.",
);
const FURTHER: Words = Words::new("And {n} more.", "Et {n} autres.");
const CLOSING: Words = Words::new(
    "`passerelle problems {id}` lists everything, with examples. This mail comes at most once an hour, and again after a day while something stands.",
    "`passerelle problems {id}` donne toute la liste, avec des exemples. Ce message est envoyé au plus une fois par heure, puis rappelé chaque jour tant que le problème demeure.",
);

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn trouble(key: &str) -> Trouble {
        Trouble { key: key.to_owned(), words: Sentence::new(format!("{key} is so."), format!("{key} est ainsi.")), cure: None }
    }

    fn at(minutes: i64) -> Timestamp {
        "2026-09-01T08:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn a_mail_is_due_at_once_then_hourly_for_what_is_new_and_daily_for_what_stands() {
        let (a, b) = (trouble("a"), trouble("b"));
        let first = Alerted::default().after(std::slice::from_ref(&a), at(0));
        let both = [a.clone(), b.clone()];
        for (told, troubles, minute, due) in [
            (&Alerted::default(), &both[..0], 0, false),
            (&Alerted::default(), &both[..1], 0, true),
            (&first, &both[..1], 1, false),
            (&first, &both[..1], 24 * 60 - 1, false),
            (&first, &both[..1], 24 * 60, true),
            (&first, &both[..], 59, false),
            (&first, &both[..], 60, true),
            (&first, &both[..0], 24 * 60, false),
        ] {
            assert_eq!(told.is_due(troubles, at(minute)), due, "{told:?} {minute}");
        }
        let settled = first.without_settled(&[]);
        assert!(settled.is_due(&both[..1], at(60)) && !settled.is_due(&both[..1], at(59)), "what comes back is news, an hour after the last mail");
        assert_eq!(first.after(&both, at(60)).troubles.into_values().collect::<Vec<_>>(), [at(0), at(60)]);
    }

    #[test]
    fn a_letter_tells_all_that_stands_in_the_language_of_the_connection() {
        let section = |language: &str, name: &str| -> ConnectionSection {
            serde_json::from_value(serde_json::json!({"id": "kayo", "name": name, "time_zone": "Europe/Paris", "language": language})).unwrap()
        };
        let many: Vec<Trouble> = (0..22).map(|n| trouble(&format!("t{n:02}"))).collect();
        let told = Alerted::default().after(&many[..1], at(0));
        let french = letter(&section("fr", "Salon\nBcc: x"), &many, &told);
        assert_eq!(french.subject, "Passerelle : « Salon Bcc: x » demande une intervention");
        for part in ["- t00 est ainsi. (signalé depuis le 01/09/2026 10:00)", "- t01 est ainsi.\n", "t19", "Et 2 autres.", "passerelle problems kayo"]
        {
            assert!(french.text.contains(part), "{part}: {}", french.text);
        }
        assert!(!french.text.contains("t20"));
        let english = letter(&section("en", "Fair"), &many[..1], &told);
        assert!(english.text.contains("- t00 is so. (first told on 2026-09-01 10:00)"), "{}", english.text);
    }
}
