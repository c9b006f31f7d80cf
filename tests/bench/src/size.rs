//! Bytes of a binary, and of the package that Lambda is given.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::DeflateEncoder;

/// What a zip archive adds to its one entry, named `bootstrap`: local header (30 + 9), central directory entry
/// (46 + 9), end record (22). Source: PKWARE's APPNOTE.TXT, 4.3.
const ENVELOPE_BYTES: u64 = 116;

/// The sizes of one binary.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// The binary itself.
    pub binary_bytes: u64,
    /// The binary in a zip archive, deflated at the usual level.
    pub zipped_bytes: u64,
}

/// Measures a binary.
///
/// # Errors
/// It cannot be read.
pub fn of(path: &Path) -> Result<Size> {
    let binary = std::fs::read(path).with_context(|| format!("{} cannot be read.", path.display()))?;
    let mut encoder = DeflateEncoder::new(Counter(0), Compression::default());
    encoder.write_all(&binary)?;
    Ok(Size { binary_bytes: binary.len().try_into()?, zipped_bytes: encoder.finish()?.0 + ENVELOPE_BYTES })
}

/// Counts what is written to it and keeps nothing.
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += u64::try_from(bytes.len()).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
