//! Logs: JSON, one line per outcome, on standard output. Never tokens, codes, signatures, bodies, field values or
//! e-mail addresses; spans carry ids only.

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// Starts logging for this process. `PASSERELLE_LOG` filters by level (default `info`). A second call changes nothing.
pub fn start() {
    let filter = EnvFilter::try_from_env("PASSERELLE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false).with_target(false);
    // Fails only where a subscriber is already installed, and then that one stays.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}
