//! Keys on disk, for machines without the memory for all of them.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::EvaluationError;

/// A file for key-switching keys. It has no name, and is gone when the store and all keys in it are dropped, or the
/// process ends.
///
/// Rows are read when a product needs them; what the system caches of the file it can take back at any time. A key
/// that is dropped leaves its bytes unused. Works on Unix.
#[derive(Debug)]
pub struct KeyStore {
    folder: PathBuf,
    file: File,
    end: AtomicU64,
    read: AtomicU64,
}

impl KeyStore {
    /// An empty store in an existing folder.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::KeyStore`] if the file cannot be created.
    pub fn create(folder: &Path) -> Result<Self, EvaluationError> {
        let file = if cfg!(unix) { tempfile::tempfile_in(folder) } else { Err(unsupported()) };
        match file {
            Ok(file) => {
                Ok(Self { folder: folder.to_owned(), file, end: AtomicU64::new(0), read: AtomicU64::new(0) })
            }
            Err(error) => Err(refused("made", folder, &error)),
        }
    }

    /// The folder of the file.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Bytes of all keys that were put there.
    pub fn size_in_bytes(&self) -> u64 {
        self.end.load(Ordering::Relaxed)
    }

    /// Bytes that were read so far.
    pub fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Room for this many words: where it begins, in bytes.
    pub(super) fn reserve(&self, words: usize) -> u64 {
        self.end.fetch_add((words * size_of::<u64>()) as u64, Ordering::Relaxed)
    }

    pub(super) fn write(&self, offset: u64, words: &[u64]) -> Result<(), EvaluationError> {
        write_at(&self.file, bytemuck::cast_slice(words), offset)
            .map_err(|error| refused("written", &self.folder, &error))
    }

    pub(super) fn read(&self, offset: u64, words: &mut [u64]) -> Result<(), EvaluationError> {
        self.read.fetch_add(size_of_val(words) as u64, Ordering::Relaxed);
        read_at(&self.file, bytemuck::cast_slice_mut(words), offset)
            .map_err(|error| refused("read", &self.folder, &error))
    }

    /// Cuts the file off, as a fault of the disk would.
    #[cfg(test)]
    pub(crate) fn damage(&self, length: u64) {
        self.file.set_len(length).unwrap();
    }
}

fn refused(action: &'static str, folder: &Path, error: &io::Error) -> EvaluationError {
    let (folder, kind, error) = (folder.to_owned(), error.kind(), error.to_string());
    EvaluationError::KeyStore { action, folder, kind, error }
}

fn unsupported() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "keys can be kept on disk on Unix only")
}

#[cfg(unix)]
use std::os::unix::fs::FileExt;

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(bytes, offset)
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    file.read_exact_at(bytes, offset)
}

#[cfg(not(unix))]
fn write_at(_: &File, _: &[u8], _: u64) -> io::Result<()> {
    Err(unsupported())
}

#[cfg(not(unix))]
fn read_at(_: &File, _: &mut [u8], _: u64) -> io::Result<()> {
    Err(unsupported())
}
