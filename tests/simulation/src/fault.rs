//! What can go wrong, how often in a run, and how often it did.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde::{Deserialize, Serialize};

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $kind:ident = $name:literal,)+) => {
        /// A kind of fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Fault { $($(#[doc = $doc])+ #[serde(rename = $name)] $kind,)+ }

        impl Fault {
            /// Every kind.
            pub const ALL: &[Fault] = &[$(Fault::$kind,)+];

            /// Whether a seed draws its rate; the others are noticed, and not made.
            #[must_use]
            pub fn is_drawn(self) -> bool {
                ![Self::Rotated, Self::TableRace].contains(&self)
            }

            /// Whether a run has all of it or nothing, whatever its rate.
            #[must_use]
            pub fn is_switch(self) -> bool {
                SWITCHES.contains(&self)
            }

            /// Its name in reports and on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Fault::$kind => $name,)+ }
            }
        }
    };
}

faults! {
    /// A function dies before a call of a port has any effect.
    CrashBefore = "crash before an effect",
    /// A function dies after a call of a port has had its effect.
    CrashAfter = "crash after an effect",
    /// A function's time is over in the middle of its work.
    Deadline = "deadline in the middle of a batch",
    /// DynamoDB refuses for its throughput.
    TableThrottle = "table: throttled",
    /// DynamoDB does what it was asked, and its answer is lost.
    TableLost = "table: answer lost after commit",
    /// DynamoDB refuses because another transaction has the item.
    TableConflict = "table: transaction conflict",
    /// A condition fails because somebody else was quicker.
    TableRace = "table: condition race",
    /// An index does not show yet what was just written.
    IndexLag = "table: index lags",
    /// An item is still there after its time to live.
    LateTtl = "table: item outlives its time to live",
    /// Secrets Manager does not know a version yet, or answers the one before.
    SecretBehind = "secrets: read is behind",
    /// Secrets Manager refuses for its rate.
    SecretThrottle = "secrets: throttled",
    /// A batch of the stream comes again.
    StreamRepeated = "stream: batch redelivered",
    /// A batch of the stream comes in parts.
    StreamSplit = "stream: batch split",
    /// A batch of the stream comes in another order.
    StreamReordered = "stream: records reordered",
    /// A batch of the stream never comes.
    StreamDropped = "stream: batch lost",
    /// Functions' clocks differ, by a second at most.
    SkewFunctions = "clocks: functions differ by a second",
    /// Salesforce's clock differs from ours, by five minutes at most.
    SkewOrg = "clocks: Salesforce differs by five minutes",
    /// The platform's clock differs from ours, by five minutes at most.
    SkewPlatform = "clocks: platform differs by five minutes",
    /// Salesforce cannot be reached.
    Unreachable = "salesforce: not reached",
    /// The connection breaks before Salesforce has done anything.
    CutBefore = "salesforce: cut before commit",
    /// The connection breaks after Salesforce has done everything.
    CutAfter = "salesforce: answer lost after commit",
    /// Salesforce answers after we have given up.
    Slow = "salesforce: slower than the time-out",
    /// 503.
    Unavailable = "salesforce: 503",
    /// 429.
    TooMany = "salesforce: 429",
    /// A page of HTML instead of an answer.
    Html = "salesforce: HTML error page",
    /// A record is locked.
    Lock = "salesforce: record locked",
    /// The day's calls are spent.
    Quota = "salesforce: quota",
    /// Some records of a call are refused.
    Partial = "salesforce: partial success",
    /// The access token has expired.
    Expired = "salesforce: token expired",
    /// A refresh gave a new refresh token, and the old one is dead.
    Rotated = "salesforce: token rotated",
    /// The grant is taken back.
    Revoked = "salesforce: token revoked",
    /// A field is hidden from the integration user.
    HiddenField = "salesforce: field hidden",
    /// Queries do not find yet what was just made.
    OrgIndexLag = "salesforce: index lags",
    /// Somebody edits a record between our look at it and our write.
    Meanwhile = "salesforce: edit between look and write",
    /// A call is given up by us and commits later.
    LateCommit = "salesforce: late commit",
    /// A list of the table comes in pages of a few items: DynamoDB may end a page wherever it likes.
    ShortPage = "table: short page",
    /// A record is refused with a code that nobody knows.
    Unknown = "salesforce: unknown code",
    /// A record is locked all the time.
    Stuck = "salesforce: record locked for long",
    /// Secrets Manager stores what it was given, and its answer is lost.
    SecretLost = "secrets: answer lost after commit",
    /// An index that lags shows what is not there any more.
    IndexOld = "table: index shows what is gone",
    /// A function is killed when its time is over, earlier than it was told.
    Killed = "killed in the middle of a call",
    /// The platform cannot be reached.
    PlatformUnreachable = "platform: not reached",
    /// The platform takes a delivery, and its answer is lost.
    PlatformLost = "platform: answer lost",
    /// The platform refuses for now.
    PlatformRefuses = "platform: 503",
    /// The mail service refuses.
    MailRefused = "mail: refused",
    /// A mail is sent, and nobody hears of it.
    MailLost = "mail: answer lost",
}

/// Kinds that are drawn after everything else, so that they change nothing of what a seed has drawn before they were there.
const LATER: &[Fault] = &[Fault::ShortPage, Fault::Unknown, Fault::Stuck];

/// Kinds that are drawn after those.
const LAST: &[Fault] = &[Fault::SecretLost, Fault::IndexOld, Fault::Killed];

/// Kinds that are drawn after all others.
const PLATFORM: &[Fault] = &[Fault::PlatformUnreachable, Fault::PlatformLost, Fault::PlatformRefuses, Fault::MailRefused, Fault::MailLost];

/// Kinds of which a run has all or nothing, whatever their rate: what stands for a whole run, and what the history has.
const SWITCHES: &[Fault] = &[
    Fault::IndexLag,
    Fault::IndexOld,
    Fault::LateTtl,
    Fault::SecretBehind,
    Fault::SkewOrg,
    Fault::SkewPlatform,
    Fault::Revoked,
    Fault::HiddenField,
    Fault::OrgIndexLag,
    Fault::ShortPage,
    Fault::Stuck,
];

fn rate(rng: &mut Rng) -> f64 {
    match rng.u8(0..10) {
        0..=4 => 0.0,
        5..=7 => 0.01 + rng.f64() * 0.03,
        _ => 0.05 + rng.f64() * 0.15,
    }
}

/// How often each kind of fault strikes in a run, from 0 to 1 per occasion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rates(BTreeMap<Fault, f64>);

impl Rates {
    /// Draws the rates: each kind is absent, rare or frequent.
    pub fn draw(rng: &mut Rng) -> Self {
        Self(
            Fault::ALL
                .iter()
                .filter(|fault| ![LATER, LAST, PLATFORM, &[Fault::Meanwhile]].concat().contains(fault))
                .map(|fault| (*fault, rate(rng)))
                .collect(),
        )
    }

    /// Draws the rates of the kinds that came later.
    pub fn draw_later(&mut self, rng: &mut Rng) {
        self.0.extend(LATER.iter().map(|fault| (*fault, rate(rng))));
    }

    /// Draws the rates of the kinds that came last.
    pub fn draw_last(&mut self, rng: &mut Rng) {
        self.0.extend(LAST.iter().map(|fault| (*fault, rate(rng))));
        // A secret is written a few times in a run.
        self.0.entry(Fault::SecretLost).and_modify(|rate| *rate *= 4.0);
    }

    /// Draws how often the platform fails.
    pub fn draw_platform(&mut self, rng: &mut Rng) {
        // There are few deliveries, and few mails, in a run.
        self.0.extend(PLATFORM.iter().map(|fault| (*fault, rate(rng) * 3.0)));
    }

    /// Draws how often colleagues edit what we are about to write.
    pub fn draw_meanwhile(&mut self, rng: &mut Rng) {
        // Few calls write what somebody else might.
        self.0.insert(Fault::Meanwhile, rate(rng) * 3.0);
    }

    /// No faults at all.
    #[must_use]
    pub fn none() -> Self {
        Self(Fault::ALL.iter().map(|fault| (*fault, 0.0)).collect())
    }

    /// The same without one kind.
    #[must_use]
    pub fn without(&self, fault: Fault) -> Self {
        let mut rates = self.clone();
        rates.0.insert(fault, 0.0);
        rates
    }

    /// How often a kind strikes.
    #[must_use]
    pub fn of(&self, fault: Fault) -> f64 {
        self.0.get(&fault).copied().unwrap_or_default()
    }

    /// Whether a kind strikes at all.
    #[must_use]
    pub fn strikes(&self, fault: Fault) -> bool {
        self.of(fault) > 0.0
    }

    /// The kinds that strike, with their rates.
    pub fn striking(&self) -> impl Iterator<Item = (Fault, f64)> {
        self.0.iter().map(|(fault, rate)| (*fault, *rate)).filter(|(_, rate)| *rate > 0.0)
    }
}

/// How often each kind struck.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts(BTreeMap<Fault, u64>);

impl Counts {
    /// Counts strikes.
    pub fn add(&mut self, fault: Fault, times: u64) {
        *self.0.entry(fault).or_default() += times;
    }

    /// Adds another run's.
    pub fn merge(&mut self, other: &Self) {
        for (fault, times) in &other.0 {
            self.add(*fault, *times);
        }
    }

    /// How often a kind struck.
    #[must_use]
    pub fn of(&self, fault: Fault) -> u64 {
        self.0.get(&fault).copied().unwrap_or_default()
    }

    /// The kinds that never struck.
    #[must_use]
    pub fn never(&self) -> Vec<&'static str> {
        Fault::ALL.iter().filter(|fault| self.of(**fault) == 0).map(|fault| fault.name()).collect()
    }
}
