//! The binary version of CIFAR-10: records of one label and 32x32 pixels, channel after channel.

use super::{ImageError, ImageRgb, Size};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Names of the labels, in their order.
pub const CIFAR10_CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

const SIZE: Size = Size { width: 32, height: 32 };
const PLANE: usize = 32 * 32;
const RECORD: usize = 1 + 3 * PLANE;
/// The whole data set in one file is a sixth of a gibibyte.
const MAX_BYTES: u64 = 1 << 28;

/// A CIFAR-10 file in memory.
#[derive(Clone, Debug)]
pub struct CifarFile {
    bytes: Vec<u8>,
}

impl CifarFile {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`ImageError`] if it cannot be read or is not a number of records with labels 0 to 9.
    pub fn read(path: &Path) -> Result<Self, ImageError> {
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(ImageError::Io)?;
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(ImageError::Io)?;
        Self::parse(bytes)
    }

    /// Takes the bytes of a file.
    ///
    /// # Errors
    ///
    /// [`ImageError`] if they are not a number of records with labels 0 to 9.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, ImageError> {
        let found = bytes.len() as u64;
        if found > MAX_BYTES {
            return Err(ImageError::TooLarge { found, allowed: MAX_BYTES });
        }
        if bytes.is_empty() || !bytes.len().is_multiple_of(RECORD) {
            return Err(ImageError::CifarLength { found, record: RECORD as u64 });
        }
        let labels = bytes.iter().step_by(RECORD).enumerate();
        if let Some((record, &found)) = labels.into_iter().find(|(_, label)| **label > 9) {
            return Err(ImageError::CifarLabel { record, found });
        }
        Ok(Self { bytes })
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.bytes.len() / RECORD
    }

    /// Whether there are no records; never, since such a file is refused.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Label and image of a record.
    ///
    /// # Errors
    ///
    /// [`ImageError::CifarIndex`] if there is no such record.
    pub fn record(&self, index: usize) -> Result<(u8, ImageRgb), ImageError> {
        let missing = || ImageError::CifarIndex { found: index, records: self.len() };
        let record = self.bytes.chunks_exact(RECORD).nth(index).ok_or_else(missing)?;
        let (label, planes) = record.split_first().ok_or_else(missing)?;
        let pixels = (0..3 * PLANE).map(|i| planes[i % 3 * PLANE + i / 3]).collect();
        let image = ImageRgb::new(SIZE, pixels).ok_or_else(missing)?;
        Ok((*label, image))
    }
}
