//! A function's process: its ports and what it keeps between calls. It serves one call at a time, may die in the middle of one,
//! and another takes its place, which knows nothing.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use passerelle_core::{
    adapters::{secrets::Secrets, state::Table},
    app::{intake::Readers, upsert::Workbench},
    ports::{Clock as _, Ports},
    shell::settings::Settings,
};
use passerelle_local::{SECRET_PREFIX, TABLE};
use tokio::sync::Notify;

use super::{SeededIds, Skewed, World, aws, org::Line, platform::Post};
use crate::fault::Fault;

/// Whether a process lives.
#[derive(Debug, Default)]
pub struct Life {
    number: u32,
    /// When its last call began, in milliseconds of the run.
    since: AtomicU64,
    over: AtomicBool,
    short_of_time: AtomicBool,
    ended: Notify,
}

impl Life {
    /// Ends the process: the call never comes back.
    pub async fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
        self.ended.notify_one();
        std::future::pending::<()>().await;
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.number)
    }
}

impl Life {
    /// Its number, which no other has.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// When its last call began.
    #[must_use]
    pub fn since(&self) -> Duration {
        Duration::from_millis(self.since.load(Ordering::SeqCst))
    }

    /// Whether the call that it is at has to end early.
    #[must_use]
    pub fn is_short_of_time(&self) -> bool {
        self.short_of_time.load(Ordering::SeqCst)
    }

    /// Says whether the next call has to end early.
    pub fn be_short_of_time(&self, is_short: bool) {
        self.short_of_time.store(is_short, Ordering::SeqCst);
    }

    /// Whether no fault strikes it: the administrator's and the judge's own process.
    #[must_use]
    pub fn is_spared(&self) -> bool {
        self.number == 0
    }
}

/// How a call of a function ended.
#[derive(Debug)]
pub enum Ended<T> {
    /// It answered.
    Answered(T),
    /// Its process died.
    Died,
    /// Its time ran out.
    TimedOut,
}

/// A process.
pub struct Process {
    /// Whether it lives.
    pub life: Arc<Life>,
    clock: Skewed,
    ids: Arc<SeededIds>,
    table: Table,
    secrets: Secrets,
    line: Line,
    post: Post,
    settings: Settings,
    /// What upsert keeps.
    pub bench: Workbench,
    /// What intake keeps.
    pub readers: Readers,
}

impl Process {
    /// A new process. Its ids and the difference of its clock come from the run's chance.
    #[must_use]
    pub fn start(world: &Arc<World>, number: u32) -> Self {
        let life = Arc::new(Life { number, ..Life::default() });
        let (seed, ms) = world.chance(|rng| (rng.u64(..), rng.i64(-500..=500)));
        let ms = if world.strikes_at(&life, Fault::SkewFunctions) { ms } else { 0 };
        let (dynamodb, secrets_manager) = aws::connect(world, &life);
        Self {
            clock: Skewed { time: world.time, skew: SignedDuration::from_millis(ms) },
            ids: SeededIds::new(seed),
            table: Table::new(dynamodb, TABLE),
            secrets: Secrets::new(secrets_manager, SECRET_PREFIX),
            line: Line::new(world, &life),
            post: Post::new(world, &life),
            settings: Settings {
                table: TABLE.to_owned(),
                secret_prefix: SECRET_PREFIX.to_owned(),
                public_url: Some(crate::world::org::PUBLIC.to_owned()),
                allowed_hosts: Vec::new(),
                platform_hosts: Vec::new(),
                alert_sender: None,
                secrets_key: None,
            },
            bench: Workbench::default(),
            readers: Readers::default(),
            life,
        }
    }

    /// The same, taking so many records at a time.
    #[must_use]
    pub fn with_pages_of(self, page: usize) -> Self {
        Self { bench: Workbench::with_pages_of(page), ..self }
    }

    /// Its ports.
    #[must_use]
    pub fn ports(&self) -> Ports<'_> {
        Ports {
            clock: &self.clock,
            ids: &*self.ids,
            table: &self.table,
            secrets: &self.secrets,
            transport: &self.line,
            platform: &self.line,
            mail: &self.post,
            settings: &self.settings,
        }
    }

    /// Its clock's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Waits for a call to end, in whatever way it does.
    pub async fn serve<T>(&self, call: impl Future<Output = T>, timeout: Duration) -> Ended<T> {
        self.life.since.store(u64::try_from(self.clock.time.passed().as_millis()).unwrap_or_default(), Ordering::SeqCst);
        tokio::select! {
            biased;
            () = self.life.ended.notified() => Ended::Died,
            answer = call => Ended::Answered(answer),
            () = tokio::time::sleep(timeout) => {
                self.life.over.store(true, Ordering::SeqCst);
                Ended::TimedOut
            }
        }
    }

    /// Whether it can serve another call.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !self.life.over.load(Ordering::SeqCst)
    }
}
