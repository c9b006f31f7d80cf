//! What the functions log, kept to be searched for secrets.

use std::{
    io::Write,
    sync::{Arc, Mutex, PoisonError},
};

use tracing::subscriber::DefaultGuard;

/// The lines of one run.
#[derive(Debug, Clone, Default)]
pub struct Logs(Arc<Mutex<Vec<u8>>>);

impl Logs {
    /// Keeps what this thread logs, until the guard is dropped.
    pub fn listen(&self) -> DefaultGuard {
        let lines = self.clone();
        let subscriber = tracing_subscriber::fmt().json().with_max_level(tracing::Level::INFO).without_time().with_writer(move || lines.clone());
        tracing::subscriber::set_default(subscriber.finish())
    }

    /// How often work was begun and stopped for want of time.
    #[must_use]
    pub fn stopped_at_deadline(&self) -> u64 {
        let stopped = |line: &&str| line.contains(r#""stopped":"Some(Deadline)""#) && !line.contains(r#""api_calls":0,"#);
        self.text().lines().filter(stopped).count() as u64
    }

    /// Everything so far.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
