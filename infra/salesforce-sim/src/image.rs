//! The file that an org is saved to and started from.
//!
//! A line of JSON with everything but the records, then a line for each record. Saved are records with their ids, stamps
//! and deletion marks, fields and rights, users, apps, grants with their tokens, rules, settings and the meter; not
//! saved is what lives for minutes: browser logins, codes, query cursors, jobs, faults and counters.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::http::usage::Usage;
use crate::oauth::store::Grants;
use crate::org::Org;
use crate::org::image::{OrgImage, RecordImage};
use crate::service::{Options, Sim, World};

/// Tells this form of file from later ones.
const FORMAT: u32 = 1;
/// How often [`Sim::keep`] looks whether there is something new to save.
const INTERVAL: Duration = Duration::from_secs(2);

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: u32,
    org: OrgImage,
    grants: Grants,
    usage: Usage,
    custom_fields: u64,
}

/// Why a saved org cannot be started from.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The file.
    #[error("{} cannot be read.", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The file is of another kind, or of a later version of this program.
    #[error("This is no org that this version can start from: its format is not {FORMAT}.")]
    Format,
    /// A line that cannot be used.
    #[error("Line {line} of the saved org cannot be used: {why}.")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
}

/// Writes an org.
pub(crate) fn write(world: &World, to: impl Write) -> io::Result<()> {
    let mut to = BufWriter::with_capacity(1 << 16, to);
    let header = Header {
        format: FORMAT,
        org: world.org.image(),
        grants: world.oauth.grants(),
        usage: world.usage.clone(),
        custom_fields: world.org.fields_made,
    };
    serde_json::to_writer(&mut to, &header)?;
    to.write_all(b"\n")?;
    for record in world.org.record_images() {
        serde_json::to_writer(&mut to, &record)?;
        to.write_all(b"\n")?;
    }
    to.flush()
}

/// What a saved org was.
pub(crate) struct Restored {
    pub org: Org,
    pub grants: Grants,
    pub usage: Usage,
    /// Differs between images, so that a restarted org does not issue the tokens of its last life once more.
    pub salt: u64,
}

/// Reads an org.
pub(crate) fn read(text: &[u8], clock: &Arc<dyn Clock>) -> Result<Restored, ImageError> {
    let mut lines = (1..).zip(text.split(|byte| *byte == b'\n')).filter(|(_, line)| !line.is_empty());
    let (_, first) = lines.next().ok_or(ImageError::Format)?;
    let known = serde_json::from_slice::<Format>(first).is_ok_and(|found| found.format == FORMAT);
    if !known {
        return Err(ImageError::Format);
    }
    let bad = |line, why: String| ImageError::Line { line, why };
    let header: Header = serde_json::from_slice(first).map_err(|error| bad(1, error.to_string()))?;
    let salt = Sha256::digest(first).iter().take(8).fold(0_u64, |salt, byte| (salt << 8) | u64::from(*byte));
    let mut org = Org::from_image(&header.org, Arc::clone(clock)).map_err(|fault| bad(1, fault.to_string()))?;
    for (number, line) in lines {
        let record: RecordImage<'_> = serde_json::from_slice(line).map_err(|error| bad(number, error.to_string()))?;
        org.put_image(record).map_err(|fault| bad(number, fault.to_string()))?;
    }
    org.fields_made = org.fields_made.max(header.custom_fields);
    org.finish_image(header.org).map_err(|fault| bad(1, fault.to_string()))?;
    Ok(Restored { org, grants: header.grants, usage: header.usage, salt })
}

/// The one key that all forms have in common.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

impl Sim {
    /// Starts from a saved org, with the hosts and the clock of the options.
    ///
    /// # Errors
    /// When the text is no saved org.
    pub fn load(image: Vec<u8>, options: Options) -> Result<Sim, ImageError> {
        Sim::start_from(image, options)
    }

    /// Starts from a file that [`Sim::save_to`] wrote.
    ///
    /// # Errors
    /// When the file cannot be read or is no saved org.
    pub fn load_from(path: &Path, options: Options) -> Result<Sim, ImageError> {
        let image = fs::read(path).map_err(|source| ImageError::File { path: path.to_owned(), source })?;
        Sim::load(image, options)
    }

    /// Writes the whole org, for [`Sim::load`]. The org is locked meanwhile.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn save(&self, to: impl Write) -> io::Result<()> {
        write(&self.control().shared().world(), to)
    }

    /// Writes the whole org to a file, which is there afterwards either as it was or whole. It holds passwords and tokens
    /// of the simulated org, so only its owner may read it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save_to(&self, path: &Path) -> io::Result<()> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let beside = path.with_file_name(name);
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&beside)?;
        self.save(&file)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    }

    /// Keeps the org in a file: saves it again and again after something was asked of it, until the future is dropped.
    /// The last changes need a [`Sim::save_to`] at the end.
    pub async fn keep(&self, path: &Path) -> io::Error {
        // What happened before the first look is saved with it.
        let mut saved = None;
        loop {
            tokio::time::sleep(INTERVAL).await;
            let now = Some(self.control().worked());
            if now == saved {
                continue;
            }
            saved = now;
            let (sim, path) = (self.clone(), path.to_owned());
            match tokio::task::spawn_blocking(move || sim.save_to(&path)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return error,
                Err(error) => return io::Error::other(error),
            }
        }
    }
}
