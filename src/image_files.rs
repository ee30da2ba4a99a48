//! Image files that the user names, on their own or by their folder.

use crate::error::Failure;
use fhecc_runtime::images::{self, ImageRgb, Size};
use std::fs;
use std::path::{Path, PathBuf};

/// Endings of the files that are taken from a folder.
const ENDINGS: [&str; 3] = ["png", "jpg", "jpeg"];
/// Refused images that one error names.
const NAMED: usize = 10;

/// The images of a folder.
#[derive(Debug)]
pub(crate) struct Folder {
    /// PNG and JPEG files directly in it, by name; at least one.
    pub(crate) paths: Vec<PathBuf>,
    /// What else is in it.
    pub(crate) others: usize,
}

impl Folder {
    /// Lists a folder; one without images is bad input.
    pub(crate) fn list(folder: &Path) -> Result<Self, Failure> {
        let unreadable = |e| Failure::unreadable("the folder", folder, &e);
        let (mut paths, mut others) = (Vec::new(), 0);
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
            if ENDINGS.contains(&ending.as_str()) && !path.is_dir() {
                paths.push(path);
            } else {
                others += 1;
            }
        }
        if paths.is_empty() {
            return Err(Failure::bad_input(format!(
                "the folder {} holds no .png, .jpg or .jpeg file. Name images, or a folder with some directly in it.",
                folder.display()
            )));
        }
        paths.sort();
        Ok(Self { paths, others })
    }
}

/// An image and where it was read.
#[derive(Debug)]
pub(crate) struct Named {
    /// As given, or as found in a folder.
    pub(crate) path: PathBuf,
    /// Its pixels.
    pub(crate) image: ImageRgb,
}

/// What was read, and what a folder held besides.
#[derive(Debug)]
pub(crate) struct ImageFiles {
    /// In the order in which they were named; those of a folder by name.
    pub(crate) images: Vec<Named>,
    /// Folders that held something else, and how much.
    pub(crate) skipped: Vec<(PathBuf, usize)>,
}

impl ImageFiles {
    /// Reads every image of these files and folders. One error names all that are refused.
    pub(crate) fn read(named: &[PathBuf], size: Size) -> Result<Self, Failure> {
        let (mut paths, mut skipped) = (Vec::new(), Vec::new());
        for path in named {
            if path.is_dir() {
                let folder = Folder::list(path)?;
                paths.extend(folder.paths);
                if folder.others > 0 {
                    skipped.push((path.clone(), folder.others));
                }
            } else {
                paths.push(path.clone());
            }
        }
        let (mut images, mut refused) = (Vec::new(), Vec::new());
        for path in paths {
            match images::read(&path, size) {
                Ok(image) => images.push(Named { path, image }),
                Err(error) => refused.push(Failure::image(&path, &error)),
            }
        }
        match joined(refused, images.len()) {
            Some(failure) => Err(failure),
            None => Ok(Self { images, skipped }),
        }
    }
}

/// One failure for all refused images, with the first one's exit code.
fn joined(mut refused: Vec<Failure>, accepted: usize) -> Option<Failure> {
    if refused.len() < 2 {
        return refused.pop();
    }
    let count = refused.len();
    let mut message = format!("{count} of {} images cannot be used; none was evaluated.", count + accepted);
    for failure in refused.iter().take(NAMED) {
        message += &format!("\n  {}", failure.message);
    }
    if count > NAMED {
        message += &format!("\n  and {} more.", count - NAMED);
    }
    refused.first().map(|first| Failure::new(first.status, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Status;

    #[test]
    fn many_refusals_become_one_error_of_bounded_length() {
        let refusals =
            |count: usize| (0..count).map(|i| Failure::bad_input(format!("{i}.png: grey."))).collect();
        assert_eq!(joined(Vec::new(), 3), None);
        assert_eq!(joined(refusals(1), 3), Some(Failure::bad_input("0.png: grey.")));
        let several = joined(refusals(12), 3).expect("a failure");
        assert_eq!(several.status, Status::BadInput);
        assert!(several.message.starts_with("12 of 15 images"), "{}", several.message);
        assert!(several.message.contains("9.png") && !several.message.contains("10.png"));
        assert!(several.message.ends_with("and 2 more."), "{}", several.message);
    }
}
