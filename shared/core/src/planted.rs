//! Bugs on purpose, which show that the simulation finds bugs. They are there in a build with the feature `planted` only, and one at a
//! time; every other build has none of them.

macro_rules! bugs {
    ($($(#[doc = $doc:literal])+ $bug:ident = $name:literal,)+) => {
        /// A bug that can be planted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Bug { $($(#[doc = $doc])+ $bug,)+ }

        impl Bug {
            /// Every bug.
            pub const ALL: &[Bug] = &[$(Bug::$bug,)+];

            /// Its name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Bug::$bug => $name,)+ }
            }
        }
    };
}

bugs! {
    /// Whoever comes takes the writer, whoever has it.
    DropLease = "drop-lease",
    /// The sweep works without the writer.
    SweepWithoutLease = "sweep-without-lease",
    /// Intake says that it has an event before the event is stored.
    AckBeforeDurable = "ack-before-durable",
    /// Events are told apart by the beginning of their ids.
    ShortKey = "short-key",
    /// A call that was cut leaves nobody in doubt.
    ForgetDoubt = "forget-doubt",
    /// People are found by their identities whatever the connection.
    ForgetTenant = "forget-tenant",
    /// A record that was refused counts as written.
    IgnorePartialFailure = "ignore-partial-failure",
    /// What a call has done is not recorded, and nobody hears of it.
    SwallowError = "swallow-error",
    /// A person may be recorded over a later version.
    /// Not found: the writer's lease and the conditions on events, which are recorded with their person, keep two who would record one
    /// person apart already. The version guards what neither does.
    VersionAtLeast = "version-at-least",
    /// A new refresh token is used without being stored.
    UseBeforeStore = "use-before-store",
    /// A code that nobody knows counts as success.
    UnknownIsSuccess = "unknown-is-success",
    /// A list of the table ends with its first page.
    LosePages = "lose-pages",
    /// What comes later counts as later, whenever it occurred.
    FoldAsItComes = "fold-as-it-comes",
    /// A refresh that was refused counts as one that worked.
    FailedRefreshIsFresh = "failed-refresh-is-fresh",
    /// What failed is tried again at once, and for ever.
    RetryForever = "retry-forever",
    /// A new event is not due.
    NotDue = "not-due",
    /// A record that is gone is written to as if it were there.
    StaleLink = "stale-link",
    /// An activity is made again with each try.
    RepeatActivity = "repeat-activity",
    /// Who has no link is made a record, whoever is there already.
    CreateUnseen = "create-unseen",
    /// An event that has its outcome is worked again when it comes again.
    WorkAgain = "work-again",
    /// A wish of somebody who has no record yet is forgotten.
    ForgetOptOut = "forget-opt-out",
    /// Calls are made whatever may be spent.
    SpendOn = "spend-on",
    /// A log tells a token.
    TellSecret = "tell-secret",
    /// A run moves on before its page is recorded.
    MoveEarly = "move-early",
    /// A run begins where the last one began, and not before that.
    NoOverlap = "no-overlap",
    /// A page ends with a time, and the next one begins after it.
    PageByTime = "page-by-time",
    /// What the sides had before is not looked at.
    SkipBase = "skip-base",
    /// What the org made of our values counts as somebody's edit.
    OwnEcho = "own-echo",
    /// What was sent counts as what the org has made of it.
    BaseFromSent = "base-from-sent",
    /// Where Salesforce shows another record of somebody, theirs counts as deleted.
    GoneByAbsence = "gone-by-absence",
    /// A record that was merged into another one counts as deleted.
    MergeIsDeletion = "merge-is-deletion",
    /// A run makes anew what was deleted.
    Revive = "revive",
    /// Where nothing tells which statement is the later one, a wish to get no e-mails does not win.
    TieForgetsOptOut = "tie-forgets-opt-out",
    /// Whom a run could not carry it forgets.
    ForgetPending = "forget-pending",
    /// Further records of somebody are in no balance sheet.
    LoseCount = "lose-count",
    /// What the platform gave no answer to, or refused, counts as arrived.
    SilenceIsArrival = "silence-is-arrival",
    /// What waits to be told is told in the reverse order.
    LastFirst = "last-first",
    /// What a witness saw is not compared with what was decided on.
    DeafToWitness = "deaf-to-witness",
}

#[cfg(feature = "planted")]
mod chosen {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::Bug;

    static CHOSEN: AtomicUsize = AtomicUsize::new(usize::MAX);

    /// Whether this bug is planted.
    #[must_use]
    pub fn is(bug: Bug) -> bool {
        CHOSEN.load(Ordering::Relaxed) == bug as usize
    }

    /// Plants the bug of this name. `false` = there is none.
    #[must_use]
    pub fn plant(name: &str) -> bool {
        let bug = Bug::ALL.iter().find(|bug| bug.name() == name);
        CHOSEN.store(bug.map_or(usize::MAX, |bug| *bug as usize), Ordering::Relaxed);
        bug.is_some()
    }

    /// The bugs of this build.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        Bug::ALL.iter().map(|bug| bug.name()).collect()
    }
}

#[cfg(not(feature = "planted"))]
mod chosen {
    use super::Bug;

    /// Whether this bug is planted: in this build none is.
    #[must_use]
    pub const fn is(_: Bug) -> bool {
        false
    }

    /// Plants nothing: this build has no bugs of that kind.
    #[must_use]
    pub const fn plant(_: &str) -> bool {
        false
    }

    /// The bugs of this build: none.
    #[must_use]
    pub const fn names() -> Vec<&'static str> {
        Vec::new()
    }
}

pub use chosen::{is, names, plant};
