//! The frame around every binary file: what it is, what it belongs to, and a digest of every part.
//!
//! ```text
//! magic (8) | version u32 | kind u32 | length of the next part u32
//! plan (32) | parameters (32) | keys (32) | sections u32 | { name length u16 | name | length u64 | BLAKE3 (32) }*
//! BLAKE3 of everything above (32)
//! the sections' bytes, one after the other
//! ```
//!
//! Numbers are little-endian. A reader states beforehand which sections it expects and how long each may
//! be, so a damaged or hostile file is refused before memory is taken for it. What the bytes mean is none
//! of this module's business; in particular it knows no secrets.

mod error;
mod header;

pub use error::FrameError;
pub use header::{Header, Identity, Kind, SectionInfo};

use crate::{AtomicFile, Protection};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::RangeInclusive;
use std::path::Path;

/// Memory taken at once for a section that has not been read yet.
const RESERVE: u64 = 16 << 20;

/// The name of a section and the lengths it may have.
pub type ExpectedSection = (String, RangeInclusive<u64>);

/// What a reader is prepared to read.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The kind of file.
    pub kind: Kind,
    /// Digest of the plan it must belong to, if to a particular one.
    pub plan: Option<[u8; 32]>,
    /// Digest of the parameters it must belong to, if to particular ones.
    pub parameters: Option<[u8; 32]>,
    /// The key pair it must belong to, if to a particular one.
    pub keys: Option<[u8; 32]>,
    /// All sections, in their order.
    pub sections: Vec<ExpectedSection>,
}

impl Expected {
    fn check(&self, header: &Header) -> Result<(), FrameError> {
        if header.kind != self.kind {
            return Err(FrameError::Kind { found: header.kind, expected: self.kind });
        }
        let identity = &header.identity;
        for (what, found, expected) in [
            ("parameters", identity.parameters, self.parameters),
            ("plan", identity.plan, self.plan),
            ("key pair", identity.keys, self.keys),
        ] {
            if let Some(expected) = expected.filter(|expected| *expected != found) {
                return Err(FrameError::Belongs { kind: self.kind, what, found, expected });
            }
        }
        if header.sections.len() != self.sections.len() {
            let (found, expected) = (header.sections.len(), self.sections.len());
            return Err(FrameError::SectionCount { found, expected });
        }
        for (found, (name, lengths)) in header.sections.iter().zip(&self.sections) {
            if found.name != *name || !lengths.contains(&found.length) {
                return Err(FrameError::Section {
                    name: found.name.clone(),
                    length: found.length,
                    expected: name.clone(),
                    allowed: (*lengths.start(), *lengths.end()),
                });
            }
        }
        Ok(())
    }
}

/// Reads a frame section by section; every section is checked against its digest before it is given out.
#[derive(Debug)]
pub struct FrameReader<R> {
    input: R,
    header: Header,
    next: usize,
}

impl FrameReader<File> {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    ///
    /// [`FrameError`] if it cannot be read, is damaged, or is not what is expected.
    pub fn open(path: &Path, expected: &Expected) -> Result<Self, FrameError> {
        Self::new(File::open(path).map_err(FrameError::Io)?, expected)
    }
}

impl<R: Read> FrameReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// [`FrameError`] if it is damaged or not what is expected.
    pub fn new(mut input: R, expected: &Expected) -> Result<Self, FrameError> {
        let header = Header::read(&mut input)?;
        expected.check(&header)?;
        Ok(Self { input, header, next: 0 })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Reads the next section; `None` after the last one.
    ///
    /// # Errors
    ///
    /// [`FrameError::Truncated`] or [`FrameError::Damaged`].
    pub fn section(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        let Some(info) = self.header.sections.get(self.next) else {
            return Ok(None);
        };
        self.next += 1;
        let mut bytes = Vec::new();
        let reserve = usize::try_from(info.length.min(RESERVE)).unwrap_or(0);
        bytes.try_reserve_exact(reserve).map_err(|_| FrameError::Memory { bytes: info.length })?;
        self.input.by_ref().take(info.length).read_to_end(&mut bytes).map_err(FrameError::Io)?;
        if bytes.len() as u64 != info.length {
            return Err(FrameError::Truncated { part: info.name.clone() });
        }
        if *blake3::hash(&bytes).as_bytes() != info.digest {
            return Err(FrameError::Damaged { part: info.name.clone() });
        }
        Ok(Some(bytes))
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    ///
    /// [`FrameError::Trailing`] if there is.
    pub fn finish(mut self) -> Result<(), FrameError> {
        let unread = self.next < self.header.sections.len();
        let rest = self.input.by_ref().take(1).read_to_end(&mut Vec::new()).map_err(FrameError::Io)?;
        if unread || rest > 0 { Err(FrameError::Trailing) } else { Ok(()) }
    }
}

/// Writes a frame section by section into a file that appears when it is complete.
#[derive(Debug)]
pub struct FrameWriter {
    file: AtomicFile,
    header: Header,
    next: usize,
}

impl FrameWriter {
    /// Begins a file with these sections.
    ///
    /// # Errors
    ///
    /// [`FrameError`] if the file cannot be created or a name is too long.
    pub fn create(
        path: &Path,
        protection: Protection,
        kind: Kind,
        identity: Identity,
        sections: impl IntoIterator<Item = String>,
    ) -> Result<Self, FrameError> {
        let empty = |name| SectionInfo { name, length: 0, digest: [0; 32] };
        let header = Header { kind, identity, sections: sections.into_iter().map(empty).collect() };
        let placeholder = header.to_bytes()?;
        let mut file = AtomicFile::create(path, protection).map_err(FrameError::Io)?;
        file.file().write_all(&placeholder).map_err(FrameError::Io)?;
        Ok(Self { file, header, next: 0 })
    }

    /// Writes the next section.
    ///
    /// # Errors
    ///
    /// [`FrameError::SectionCount`] if all sections have been written, [`FrameError::Io`].
    pub fn section(&mut self, bytes: &[u8]) -> Result<(), FrameError> {
        let expected = self.header.sections.len();
        let Some(info) = self.header.sections.get_mut(self.next) else {
            return Err(FrameError::SectionCount { found: self.next + 1, expected });
        };
        (info.length, info.digest) = (bytes.len() as u64, *blake3::hash(bytes).as_bytes());
        self.next += 1;
        self.file.file().write_all(bytes).map_err(FrameError::Io)
    }

    /// Writes the header and gives the file its name.
    ///
    /// # Errors
    ///
    /// [`FrameError::SectionCount`] if sections are missing, [`FrameError::Io`].
    pub fn finish(mut self) -> Result<(), FrameError> {
        let expected = self.header.sections.len();
        if self.next != expected {
            return Err(FrameError::SectionCount { found: self.next, expected });
        }
        let header = self.header.to_bytes()?;
        let file = self.file.file();
        file.seek(SeekFrom::Start(0)).map_err(FrameError::Io)?;
        file.write_all(&header).map_err(FrameError::Io)?;
        self.file.finish().map_err(FrameError::Io)
    }
}

/// A whole frame as bytes.
///
/// # Errors
///
/// [`FrameError::SectionName`] if a name is too long.
pub fn to_bytes(kind: Kind, identity: Identity, sections: &[(&str, &[u8])]) -> Result<Vec<u8>, FrameError> {
    let info = |&(name, bytes): &(&str, &[u8])| SectionInfo {
        name: name.to_owned(),
        length: bytes.len() as u64,
        digest: *blake3::hash(bytes).as_bytes(),
    };
    let header = Header { kind, identity, sections: sections.iter().map(info).collect() };
    let mut out = header.to_bytes()?;
    sections.iter().for_each(|(_, bytes)| out.extend_from_slice(bytes));
    Ok(out)
}

/// The sections of a whole frame in memory, with its header.
///
/// # Errors
///
/// [`FrameError`] if it is damaged or not what is expected.
pub fn from_bytes(bytes: &[u8], expected: &Expected) -> Result<(Header, Vec<Vec<u8>>), FrameError> {
    let mut reader = FrameReader::new(bytes, expected)?;
    let mut sections = Vec::new();
    while let Some(section) = reader.section()? {
        sections.push(section);
    }
    let header = reader.header.clone();
    reader.finish()?;
    Ok((header, sections))
}

#[cfg(test)]
mod tests;
