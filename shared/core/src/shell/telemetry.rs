//! Logs: JSON, one line per outcome. Never tokens, codes, signatures, bodies, field values or
//! e-mail addresses; spans carry ids only.
//!
//! The level is for Passerelle's own lines. Libraries may write warnings only, whatever the level: their debug lines show
//! requests and items, and with them people and secrets.

use tracing::{Level, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    filter::Targets,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// The level where the environment says nothing that can be read.
const DEFAULT: Level = Level::INFO;

/// Starts logging for this process: a function writes to standard output, a command to standard error. `PASSERELLE_LOG` is the least severe level that is written: `error`, `warn`, `info`
/// (default), `debug` or `trace`. A second call changes nothing.
pub fn start<W>(writer: W)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let level = std::env::var("PASSERELLE_LOG").ok().and_then(|level| level.parse().ok()).unwrap_or(DEFAULT);
    // Fails only where a subscriber is already installed, and then that one stays.
    let _ = lines(level, writer).try_init();
}

/// What [`start`] installs.
pub fn lines<W>(level: Level, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let own = Targets::new().with_default(LevelFilter::WARN).with_target("passerelle", level);
    let lines = fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false).with_target(false);
    tracing_subscriber::registry().with(own).with(lines.with_writer(writer))
}
