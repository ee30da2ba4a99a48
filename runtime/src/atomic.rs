//! Files that appear whole or not at all.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile};

/// Who may read a new file, and whether it may replace an old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Readable as the process's umask says; replaces a file of the same name.
    Public,
    /// Readable by its owner alone (mode 0600 where there are modes); never replaces a file.
    Secret,
}

/// A file that is written under another name, in the same folder, and renamed when it is complete.
#[derive(Debug)]
pub struct AtomicFile {
    file: NamedTempFile,
    path: PathBuf,
    protection: Protection,
}

impl AtomicFile {
    /// Begins a file that will be called `path`.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the folder cannot be written to, or the file exists and is not to be replaced.
    pub fn create(path: &Path, protection: Protection) -> io::Result<Self> {
        if protection == Protection::Secret && path.try_exists()? {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = Builder::new();
        builder.prefix(".fhecc-");
        if let Some(mode) = mode(protection) {
            builder.permissions(mode);
        }
        Ok(Self { file: builder.tempfile_in(folder)?, path: path.to_owned(), protection })
    }

    /// The open file, not buffered.
    pub fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Flushes the contents to the disk and gives the file its name.
    ///
    /// # Errors
    ///
    /// [`io::Error`]; the file under construction is removed.
    pub fn finish(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        let done = match self.protection {
            Protection::Public => self.file.persist(&self.path),
            Protection::Secret => self.file.persist_noclobber(&self.path),
        };
        done.map(drop).map_err(|e| e.error)
    }

    /// Writes a whole file.
    ///
    /// # Errors
    ///
    /// [`io::Error`] as for [`AtomicFile::create`] and [`AtomicFile::finish`].
    pub fn write(path: &Path, protection: Protection, bytes: &[u8]) -> io::Result<()> {
        let mut file = Self::create(path, protection)?;
        file.file().write_all(bytes)?;
        file.finish()
    }
}

#[cfg(unix)]
fn mode(protection: Protection) -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(Permissions::from_mode(match protection {
        Protection::Public => 0o666,
        Protection::Secret => 0o600,
    }))
}

#[cfg(not(unix))]
fn mode(_: Protection) -> Option<Permissions> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn an_unfinished_file_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        let mut file = AtomicFile::create(&path, Protection::Public).expect("created");
        file.file().write_all(b"half").expect("written");
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 0);
        AtomicFile::write(&path, Protection::Public, b"one").expect("written");
        AtomicFile::write(&path, Protection::Public, b"two").expect("replaced");
        assert_eq!(fs::read(&path).expect("readable"), b"two");
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn secrets_are_private_and_never_replaced() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        AtomicFile::write(&path, Protection::Secret, b"one").expect("written");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        let error = AtomicFile::write(&path, Protection::Secret, b"two").expect_err("exists");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).expect("readable"), b"one");
    }
}
