//! A history, drawn before anything runs: who says what when, and what colleagues and administrators do meanwhile.
//!
//! Every last name tells whose it is and when it was stated: `alpha-4x3` is the one that the third statement about the fourth person
//! of tenant alpha gives. So whoever looks at a record knows what it should have, without knowing how it came there. Every other value
//! names its tenant, too; ids and addresses are the same for all of them.

use std::time::Duration;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    document::BADGE,
    fault::{Fault, Rates},
    world::EPOCH,
};

/// The tenants: their connections' ids. None contains an `x`.
pub const TENANTS: [&str; 3] = ["alpha", "bravo", "carla"];

/// The most people that a tenant has.
pub const PEOPLE: usize = 5;

/// How long events keep coming.
pub const SPAN: Duration = Duration::from_secs(25 * 60);

/// How long after the last event there may be calls under fire.
const FIRE_GOES_ON: Duration = Duration::from_secs(20 * 60);

/// One event as the platform sends it.
#[derive(Debug, Clone)]
pub struct Said {
    /// Whose.
    pub tenant: usize,
    /// About which person; people who share an address are one.
    pub person: usize,
    /// The event's id.
    pub id: String,
    /// When it occurred, by the platform's clock.
    pub stamp: Timestamp,
    /// Which of the person's statements it is, by time of occurrence, from 1.
    pub rank: usize,
    /// What it is.
    pub kind: Kind,
    /// The event.
    pub body: Value,
}

/// What an event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Somebody was met: all attributes, and an activity.
    Capture,
    /// Somebody was met of whom Salesforce needs more than the platform knows.
    Incomplete,
    /// Somebody wants no e-mails.
    OptOut,
}

/// What happens at a moment of the history.
#[derive(Debug, Clone)]
pub enum What {
    /// The platform delivers events, by their positions in [`History::said`].
    Deliver {
        /// Whose.
        tenant: usize,
        /// Which.
        events: Vec<usize>,
    },
    /// Somebody changes a person's record in the org.
    Edit {
        /// Whose.
        tenant: usize,
        /// About whom.
        person: usize,
        /// The field.
        field: &'static str,
        /// The value.
        value: Value,
    },
    /// Somebody loads data into the org: the titles of all people change in one moment.
    Load(usize),
    /// Somebody converts a person's lead.
    Convert(usize, usize),
    /// Somebody merges a person's lead into another record of the same person.
    Merge(usize, usize),
    /// Somebody deletes a person's record.
    Delete(usize, usize),
    /// Somebody takes the deletion back.
    Restore(usize, usize),
    /// An administrator applies another document, with one thing changed.
    Configure(usize),
    /// The org hides a field from the integration user.
    Hide(usize),
    /// The org shows it again.
    Show(usize),
    /// The org takes the grant back.
    Revoke(usize),
    /// The administrator connects the org again, where the connection is broken.
    Reconnect(usize),
    /// Transactions that were held open in the org commit.
    Commit(usize),
    /// An administrator of the org changes the field for badges.
    Alter(usize, Alteration),
    /// It is as it was before.
    Mend(usize),
    /// Somebody enters a person again, as another lead with the same address.
    Twin(usize, usize),
    /// Somebody has a person's record open while the next write comes.
    Open(usize, usize),
    /// Somebody's transaction has changed a person's record and is not at its end: nobody sees it yet, and the record is locked.
    Begin {
        /// Whose.
        tenant: usize,
        /// About whom.
        person: usize,
    },
    /// It commits. What it has changed carries the time of its change.
    Finish {
        /// Whose.
        tenant: usize,
        /// About whom.
        person: usize,
        /// The field.
        field: &'static str,
        /// The value.
        value: Value,
    },
    /// Somebody enters a person again, and merges what they have entered into the record of before.
    Absorb(usize, usize),
}

/// What becomes of a custom field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alteration {
    /// It is deleted, and its values with it.
    Removed,
    /// Every record must have a value.
    Required,
    /// It is shorter than any badge.
    Short,
}

impl What {
    /// Whose.
    #[must_use]
    pub const fn tenant(&self) -> usize {
        match self {
            Self::Edit { tenant, .. } | Self::Deliver { tenant, .. } | Self::Begin { tenant, .. } | Self::Finish { tenant, .. } => *tenant,
            Self::Absorb(tenant, _) => *tenant,
            Self::Convert(tenant, _) | Self::Merge(tenant, _) | Self::Delete(tenant, _) | Self::Restore(tenant, _) => *tenant,
            Self::Alter(tenant, _) | Self::Mend(tenant) | Self::Twin(tenant, _) | Self::Open(tenant, _) => *tenant,
            Self::Configure(tenant) | Self::Hide(tenant) | Self::Show(tenant) | Self::Revoke(tenant) => *tenant,
            Self::Reconnect(tenant) | Self::Commit(tenant) | Self::Load(tenant) => *tenant,
        }
    }
}

/// An act and its time from the beginning.
#[derive(Debug, Clone)]
pub struct Act {
    /// When.
    pub at: Duration,
    /// What.
    pub what: What,
}

/// The whole history.
#[derive(Debug, Clone)]
pub struct History {
    /// All events.
    pub said: Vec<Said>,
    /// All acts, in order of time.
    pub acts: Vec<Act>,
    /// Who is in the org before anything begins: tenant, person, as which object.
    pub known: Vec<(usize, usize, &'static str)>,
    /// How much the platform's clock differs.
    pub platform_skew: SignedDuration,
}

impl History {
    /// Draws a history, with what the faults that strike need to happen in it.
    pub fn draw(rng: &mut Rng, rates: &Rates) -> Self {
        let ms = if rates.strikes(Fault::SkewPlatform) { rng.i64(-300_000..=300_000) } else { 0 };
        let platform_skew = SignedDuration::from_millis(ms);
        let mut history = Self { said: Vec::new(), acts: Vec::new(), known: Vec::new(), platform_skew };
        for tenant in 0..TENANTS.len() {
            for person in 0..rng.usize(2..=PEOPLE) {
                history.person(rng, tenant, person);
            }
            history.org(rng, tenant, rates);
        }
        history.deliver(rng);
        history.acts.sort_by_key(|act| act.at);
        history
    }

    fn person(&mut self, rng: &mut Rng, tenant: usize, person: usize) {
        let count = rng.usize(1..6);
        let (shares, moves, incomplete) = (rng.u8(0..4) == 0, rng.u8(0..4) == 0, rng.u8(0..12) == 0);
        // Whom an org knows by the first address nobody can find by a second one.
        if !incomplete && !moves && rng.u8(0..4) == 0 {
            self.known.push((tenant, person, if rng.bool() { "Lead" } else { "Contact" }));
        }
        // No two statements about a person are of the same second.
        let mut seconds: Vec<u64> = (0..count).map(|n| rng.u64(0..SPAN.as_secs() - 60) / 10 * 10 + n as u64).collect();
        seconds.sort_unstable();
        for (index, second) in seconds.into_iter().enumerate() {
            let rank = index + 1;
            let kind = match (incomplete, rng.u8(0..8)) {
                (true, _) => Kind::Incomplete,
                (false, 0) if rank > 1 => Kind::OptOut,
                _ => Kind::Capture,
            };
            // Whoever shares an address keeps it: a second id with a first one's new address would be two people's at once.
            let (id, address) = match (shares, moves && rank > count / 2) {
                (true, _) => (format!("{person}{}", if rng.bool() { "a" } else { "b" }), 0),
                (false, moved) => (person.to_string(), usize::from(moved)),
            };
            self.said.push(said(tenant, person, &id, address, rank, kind, at(second) + self.platform_skew));
        }
        if kind_of_person(&self.said, tenant, person) == Kind::Capture {
            self.colleagues(rng, tenant, person);
        }
    }

    /// What colleagues do with a person's record.
    fn colleagues(&mut self, rng: &mut Rng, tenant: usize, person: usize) {
        let of = TENANTS[tenant];
        let mut act = |rng: &mut Rng, what: What| self.acts.push(Act { at: moment(rng), what });
        for n in 0..rng.usize(0..4) {
            let (field, value) = match rng.u8(0..6) {
                0 => ("Description", json!(format!("{of} note {n}"))),
                1 => ("FirstName", json!(format!("{of} edited {n}"))),
                2 => ("Title", json!(format!("{of} title {n}"))),
                3 => ("Phone", json!(format!("{} 9{n}", phone(tenant)))),
                4 => ("HasOptedOutOfEmail", json!(true)),
                _ => ("Description", json!(format!("{of} other note {n}"))),
            };
            act(rng, What::Edit { tenant, person, field, value });
        }
        match rng.u8(0..14) {
            0 => act(rng, What::Convert(tenant, person)),
            1 => act(rng, What::Merge(tenant, person)),
            2 => act(rng, What::Delete(tenant, person)),
            3 => {
                let deleted = moment(rng);
                self.acts.push(Act { at: deleted, what: What::Delete(tenant, person) });
                let restored = deleted + Duration::from_secs(rng.u64(5..400));
                self.acts.push(Act { at: restored, what: What::Restore(tenant, person) });
            }
            _ => {}
        }
    }

    /// What administrators do with a tenant's org and connection.
    fn org(&mut self, rng: &mut Rng, tenant: usize, rates: &Rates) {
        if rng.u8(0..4) == 0 {
            self.acts.push(Act { at: moment(rng), what: What::Configure(tenant) });
        }
        if rates.strikes(Fault::HiddenField) && rng.bool() {
            let hidden = moment(rng);
            self.acts.push(Act { at: hidden, what: What::Hide(tenant) });
            self.acts.push(Act { at: hidden + Duration::from_secs(rng.u64(60..900)), what: What::Show(tenant) });
        }
        if rates.strikes(Fault::Revoked) && rng.bool() {
            let revoked = moment(rng);
            self.acts.push(Act { at: revoked, what: What::Revoke(tenant) });
            self.acts.push(Act { at: revoked + Duration::from_secs(rng.u64(120..600)), what: What::Reconnect(tenant) });
        }
        if rates.strikes(Fault::LateCommit) {
            let mut second = 5;
            // As long as anybody is under fire: what is held commits within seconds.
            while second < (SPAN + FIRE_GOES_ON).as_secs() {
                self.acts.push(Act { at: Duration::from_secs(second), what: What::Commit(tenant) });
                second += rng.u64(2..12);
            }
        }
    }

    /// What happens in the orgs of those whose sides are compared, drawn after everything else.
    pub fn load(&mut self, rng: &mut Rng, tenant: usize) {
        if rng.bool() {
            self.acts.push(Act { at: moment(rng), what: What::Load(tenant) });
        }
    }

    /// Somebody writes what is the platform's alone; a run puts it back.
    pub fn overwrite(&mut self, rng: &mut Rng, tenant: usize) {
        for n in 0..rng.usize(0..3) {
            self.acts.push(Act { at: moment(rng), what: overwrites(rng, tenant, n) });
        }
    }

    /// An administrator changes a field that is written, and makes it what it was.
    pub fn alter(&mut self, rng: &mut Rng, tenant: usize) {
        let how = match rng.u8(0..12) {
            0 => Alteration::Removed,
            1 => Alteration::Required,
            2 => Alteration::Short,
            _ => return,
        };
        let altered = moment(rng);
        self.acts.push(Act { at: altered, what: What::Alter(tenant, how) });
        self.acts.push(Act { at: altered + Duration::from_secs(rng.u64(60..900)), what: What::Mend(tenant) });
    }

    /// What takes a while in an org, and what is entered twice.
    pub fn linger(&mut self, rng: &mut Rng, tenant: usize) {
        for n in 0..rng.usize(0..3) {
            let (of, began, person) = (TENANTS[tenant], moment(rng), rng.usize(..PEOPLE));
            let (field, value) = match rng.u8(0..3) {
                0 => ("FirstName", json!(format!("{of} saved {n}"))),
                1 => ("Title", json!(format!("{of} saved title {n}"))),
                _ => ("Description", json!(format!("{of} saved note {n}"))),
            };
            let ended = began + Duration::from_secs(rng.u64(2..90));
            self.acts.push(Act { at: began, what: What::Begin { tenant, person } });
            self.acts.push(Act { at: ended, what: What::Finish { tenant, person, field, value } });
        }
        if rng.u8(0..3) == 0 {
            self.acts.push(Act { at: moment(rng), what: What::Absorb(tenant, rng.usize(..PEOPLE)) });
        }
    }

    /// How the events come: late, in another order, alone or together, once or more often.
    fn deliver(&mut self, rng: &mut Rng) {
        for tenant in 0..TENANTS.len() {
            let mut waiting: Vec<(Duration, usize)> = Vec::new();
            for (index, said) in self.said.iter().enumerate().filter(|(_, said)| said.tenant == tenant) {
                let late = match rng.u8(0..5) {
                    0 => rng.u64(60..1_200),
                    1 => rng.u64(10..60),
                    _ => rng.u64(1..5),
                };
                let occurred = said.stamp.duration_since(at(0) + self.platform_skew);
                let at = Duration::from_secs(occurred.as_secs().cast_unsigned() + late);
                waiting.push((at, index));
                if rng.u8(0..5) == 0 {
                    waiting.push((at + Duration::from_secs(rng.u64(0..600)), index));
                }
            }
            waiting.sort_unstable();
            while !waiting.is_empty() {
                let together = rng.usize(1..4).min(waiting.len());
                let mut events: Vec<(Duration, usize)> = waiting.drain(..together).collect();
                let at = events.last().map_or(Duration::ZERO, |(at, _)| *at);
                rng.shuffle(&mut events);
                let mut events: Vec<usize> = events.into_iter().map(|(_, index)| index).collect();
                let mut seen = std::collections::BTreeSet::new();
                events.retain(|index| seen.insert(*index));
                self.acts.push(Act { at: at + Duration::from_millis(rng.u64(0..1_000)), what: What::Deliver { tenant, events } });
            }
        }
    }

    /// The events of a person, by time of occurrence.
    pub fn of(&self, tenant: usize, person: usize) -> impl Iterator<Item = &Said> {
        self.said.iter().filter(move |said| said.tenant == tenant && said.person == person)
    }

    /// Everybody.
    #[must_use]
    pub fn people(&self) -> Vec<(usize, usize)> {
        let mut people: Vec<(usize, usize)> = self.said.iter().map(|said| (said.tenant, said.person)).collect();
        people.sort_unstable();
        people.dedup();
        people
    }
}

/// Somebody writes another badge for anybody.
pub fn overwrites(rng: &mut Rng, tenant: usize, n: usize) -> What {
    What::Edit { tenant, person: rng.usize(..PEOPLE), field: BADGE, value: json!(format!("{} another badge {n}", TENANTS[tenant])) }
}

/// Whether a person is complete.
#[must_use]
pub fn kind_of_person(said: &[Said], tenant: usize, person: usize) -> Kind {
    let incomplete = said.iter().any(|said| said.tenant == tenant && said.person == person && said.kind == Kind::Incomplete);
    if incomplete { Kind::Incomplete } else { Kind::Capture }
}

/// The moment `seconds` after the beginning.
fn at(seconds: u64) -> Timestamp {
    EPOCH + SignedDuration::from_secs(seconds.cast_signed())
}

fn moment(rng: &mut Rng) -> Duration {
    Duration::from_millis(rng.u64(30_000..u64::try_from(SPAN.as_millis()).unwrap_or(u64::MAX)))
}

/// A person's address; the second one after a change.
#[must_use]
pub fn address(person: usize, which: usize) -> String {
    format!("p{person}.{which}@example.org")
}

/// The subject of the activity that an event makes.
#[must_use]
pub fn subject(said: &Said) -> String {
    format!("met {} {}", said.id, last_name(said.tenant, said.person, said.rank))
}

/// What all phones begin with that the platform states of a tenant's people.
#[must_use]
pub fn phone(tenant: usize) -> String {
    format!("+33 1 0{tenant} 00 00")
}

/// The last name that a statement gives.
#[must_use]
pub fn last_name(tenant: usize, person: usize, rank: usize) -> String {
    last_names(tenant, person) + &rank.to_string()
}

/// What all last names of a person begin with.
#[must_use]
pub fn last_names(tenant: usize, person: usize) -> String {
    format!("{}-{person}x", TENANTS[tenant])
}

/// Whose last name it is: tenant, person and rank.
#[must_use]
pub fn whose(last_name: &str) -> Option<(usize, usize, usize)> {
    let (who, rank) = last_name.split_once('x')?;
    let (tenant, person) = who.split_once('-')?;
    Some((TENANTS.iter().position(|known| *known == tenant)?, person.parse().ok()?, rank.parse().ok()?))
}

fn said(tenant: usize, person: usize, platform_id: &str, which: usize, rank: usize, kind: Kind, stamp: Timestamp) -> Said {
    let (of, id, email) = (TENANTS[tenant], format!("event-{person}-{rank}"), address(person, which));
    let attributes = match kind {
        Kind::OptOut => json!({"id": platform_id, "email": email}),
        Kind::Incomplete => json!({"id": platform_id, "email": email, "first_name": "Nobody"}),
        Kind::Capture => json!({
            "id": platform_id, "email": email, "first_name": format!("{of} first {rank}"), "last_name": last_name(tenant, person, rank),
            "company": format!("{of} company"), "job": format!("{of} job {rank}"), "phone": format!("{} 0{rank}", phone(tenant)),
            "badge": format!("{of} badge {rank}"),
        }),
    };
    let name = if kind == Kind::OptOut { "unsubscribed" } else { "met" };
    let body = json!({"id": id, "type": name, "occurred_at": stamp.to_string(), "person": attributes});
    Said { tenant, person, id, stamp, rank, kind, body }
}
