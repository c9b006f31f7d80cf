//! All log lines of the test process, as the functions write them at their most talkative.

use std::{
    io,
    sync::{Mutex, Once, PoisonError},
};

use passerelle_core::shell::telemetry;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static STARTED: Once = Once::new();

/// Keeps every line from now on.
pub fn keep() {
    STARTED.call_once(|| tracing::subscriber::set_global_default(telemetry::lines(tracing::Level::TRACE, || Kept)).unwrap());
}

/// The lines so far, those of other tests among them.
#[must_use]
pub fn kept() -> String {
    String::from_utf8_lossy(&LINES.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

struct Kept;

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
