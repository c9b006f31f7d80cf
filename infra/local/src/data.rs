//! The data directory: where the local stack keeps its state between two starts, and the lock that keeps a second
//! stack out of it.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

use thiserror::Error;

/// Why a data directory cannot be used.
#[derive(Debug, Error)]
pub enum DataError {
    /// It cannot be made, opened or written.
    #[error("The directory {} cannot be used. Check that it is a directory and that you may write to it.", path.display())]
    Unusable {
        /// Which directory.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Another process works on it.
    #[error("The directory {} is in use by another Passerelle{}. Stop that one, or choose another directory.", path.display(), by(holder))]
    InUse {
        /// Which directory.
        path: PathBuf,
        /// The process id that the other one left, where it could be read.
        holder: Option<u32>,
    },
}

fn by(holder: &Option<u32>) -> String {
    holder.map(|id| format!(" (process {id})")).unwrap_or_default()
}

/// A data directory that this process alone works on, until this value is dropped.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    // The lock lives as long as the file is open; the operating system lets go of it when the process dies.
    _lock: File,
}

impl DataDirectory {
    /// Opens the directory, makes it where there is none, and locks it.
    ///
    /// # Errors
    /// [`DataError::InUse`] when another process has it open.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let unusable = |source| DataError::Unusable { path: path.to_owned(), source };
        make_private(path).map_err(unusable)?;
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path.join("lock"));
        let mut lock = options.map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let _ = lock.read_to_string(&mut text);
                return Err(DataError::InUse { path: path.to_owned(), holder: text.trim().parse().ok() });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        // Only for the message above: the lock itself does not depend on it.
        let signed = lock.set_len(0).and_then(|()| lock.rewind()).and_then(|()| write!(lock, "{}", std::process::id()));
        signed.map_err(unusable)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The file of the embedded DynamoDB.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.path.join("table.sqlite")
    }

    /// The file of the embedded Secrets Manager.
    #[must_use]
    pub fn secrets(&self) -> PathBuf {
        self.path.join("secrets.json")
    }

    /// The file of the simulated org.
    #[must_use]
    pub fn org(&self) -> PathBuf {
        self.path.join("org.jsonl")
    }

    /// The file that tells how far the table's stream has been worked.
    #[must_use]
    pub fn stream(&self) -> PathBuf {
        self.path.join("stream.json")
    }
}

fn make_private(path: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_second_opening_is_refused_until_the_first_is_gone() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("state");
        let first = DataDirectory::open(&path).unwrap();
        let refusal = DataDirectory::open(&path).unwrap_err();
        let want = format!(
            "The directory {} is in use by another Passerelle (process {}). Stop that one, or choose another directory.",
            path.display(),
            std::process::id()
        );
        assert_eq!(refusal.to_string(), want);
        drop(first);
        DataDirectory::open(&path).unwrap();
    }

    #[test]
    fn a_file_in_the_place_of_the_directory_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("state");
        fs::write(&path, b"").unwrap();
        assert!(matches!(DataDirectory::open(&path), Err(DataError::Unusable { .. })));
    }
}
