//! Reading files with errors that name them, and writing files that are whole or absent.

use crate::error::Failure;
use fhecc_runtime::{AtomicFile, Protection};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

/// Held while a file is written, so that Ctrl-C waits for the instant it takes.
static WRITING: Mutex<()> = Mutex::new(());

/// A folder that is being filled; removed if the process ends before it is complete.
static UNFINISHED: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Called when the process must end: waits for a file that is being written and removes an unfinished folder.
pub(crate) fn settle() {
    for _ in 0..100 {
        if WRITING.try_lock().is_ok() {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    if let Ok(unfinished) = UNFINISHED.try_lock()
        && let Some(path) = unfinished.as_ref()
    {
        // A file may appear in it meanwhile; beyond that nothing can be done about a folder that stays.
        let removed = (0..3).any(|_| fs::remove_dir_all(path).is_ok());
        debug_assert!(removed || !path.exists(), "{} stays", path.display());
    }
}

/// The text of a file of at most `limit` bytes.
pub(crate) fn read_text(path: &Path, what: &str, limit: u64) -> Result<String, Failure> {
    let bytes = read(path, what, limit)?;
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        Failure::bad_input(format!(
            "{what} {} is not text: byte {at} is not UTF-8. Check that this is the file you meant.",
            path.display()
        ))
    })
}

/// The bytes of a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, what: &str, limit: u64) -> Result<Vec<u8>, Failure> {
    let size = size_of_file(path, what)?;
    if size > limit {
        return Err(Failure::bad_input(format!(
            "{what} {} has {size} bytes; at most {limit} are read. Check that this is the file you meant.",
            path.display()
        )));
    }
    fs::read(path).map_err(|e| Failure::unreadable(what, path, &e))
}

/// The size of a file that exists and is no folder.
pub(crate) fn size_of_file(path: &Path, what: &str) -> Result<u64, Failure> {
    let found = fs::metadata(path).map_err(|e| Failure::unreadable(what, path, &e))?;
    if !found.is_file() {
        return Err(Failure::bad_input(format!(
            "{what} {} is a folder or a device, not a file. Give the path of a file.",
            path.display()
        )));
    }
    Ok(found.len())
}

/// Writes a file that is complete once it bears its name.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let writing = WRITING.lock();
    let written = AtomicFile::write(path, Protection::Public, bytes);
    drop(writing);
    written.map_err(|e| Failure::unwritable(path, &e))
}

/// Fills a new folder with `fill`; it bears its name only once it is complete, and then replaces a folder of that
/// name. The caller has made sure that there is nothing to lose.
pub(crate) fn write_whole_folder<T>(
    path: &Path,
    fill: impl FnOnce(&Path) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let temporary = beside(path, "part");
    let remember = |value: Option<PathBuf>| {
        *UNFINISHED.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = value;
    };
    remember(Some(temporary.clone()));
    let result = fs::create_dir(&temporary)
        .map_err(|e| Failure::unwritable(path, &e))
        .and_then(|()| fill(&temporary))
        .and_then(|value| match exchange(&temporary, path) {
            Ok(()) => Ok(value),
            Err(e) => Err(Failure::unwritable(path, &e)),
        });
    if result.is_err() {
        drop(fs::remove_dir_all(&temporary));
    }
    remember(None);
    result
}

fn exchange(new: &Path, path: &Path) -> io::Result<()> {
    if !path.exists() {
        return fs::rename(new, path);
    }
    let old = beside(path, "old");
    fs::rename(path, &old)?;
    fs::rename(new, path)?;
    fs::remove_dir_all(&old)
}

/// A hidden name in the same folder, so that renaming does not cross file systems.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let name = path.file_name().map_or_else(|| "out".into(), |n| n.to_string_lossy().into_owned());
    path.with_file_name(format!(".{name}.{}.{ending}", std::process::id()))
}
