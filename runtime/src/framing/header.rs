//! The header of a framed file.

use super::FrameError;
use std::fmt::{self, Display};
use std::io::Read;

const MAGIC: [u8; 8] = *b"fhecc\r\n\x1a";
/// Bumped on every incompatible change of the frame.
pub(super) const VERSION: u32 = 1;
const PREFIX: usize = 20;
const MAX_NAME: usize = 64;
const MAX_SECTIONS: usize = 1 << 15;
/// No more than the largest number of sections can take.
const MAX_BODY: usize = 100 + MAX_SECTIONS * (2 + MAX_NAME + 8 + 32);

/// What a framed file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// What a server evaluates with.
    EvaluationKeys,
    /// The owner's key.
    SecretKey,
    /// What others may encrypt with.
    PublicKey,
    /// An encrypted image.
    EncryptedInput,
    /// Encrypted logits.
    EncryptedOutput,
}

impl Kind {
    const ALL: [Self; 5] =
        [Self::EvaluationKeys, Self::SecretKey, Self::PublicKey, Self::EncryptedInput, Self::EncryptedOutput];

    fn number(self) -> u32 {
        match self {
            Self::EvaluationKeys => 1,
            Self::SecretKey => 2,
            Self::PublicKey => 3,
            Self::EncryptedInput => 4,
            Self::EncryptedOutput => 5,
        }
    }
}

impl Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EvaluationKeys => "evaluation keys",
            Self::SecretKey => "secret-key data",
            Self::PublicKey => "public-key data",
            Self::EncryptedInput => "encrypted input data",
            Self::EncryptedOutput => "encrypted output data",
        })
    }
}

/// What a file was made for and from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Digest of the plan.
    pub plan: [u8; 32],
    /// Digest of the parameters.
    pub parameters: [u8; 32],
    /// The key pair: drawn when its secret key is made, and the same in every file that depends on it.
    pub keys: [u8; 32],
}

/// An entry of the section table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionInfo {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub length: u64,
    /// BLAKE3 of its bytes.
    pub digest: [u8; 32],
}

/// The header of a framed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the file holds.
    pub kind: Kind,
    /// What it belongs to.
    pub identity: Identity,
    /// The section table.
    pub sections: Vec<SectionInfo>,
}

impl Header {
    /// The header as bytes; its length depends only on the sections' names.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, FrameError> {
        if self.sections.len() > MAX_SECTIONS {
            return Err(FrameError::SectionName { found: self.sections.len().to_string() });
        }
        let mut body = Vec::new();
        for id in [self.identity.plan, self.identity.parameters, self.identity.keys] {
            body.extend_from_slice(&id);
        }
        body.extend_from_slice(&(self.sections.len() as u32).to_le_bytes());
        for section in &self.sections {
            if section.name.len() > MAX_NAME {
                return Err(FrameError::SectionName { found: section.name.clone() });
            }
            body.extend_from_slice(&(section.name.len() as u16).to_le_bytes());
            body.extend_from_slice(section.name.as_bytes());
            body.extend_from_slice(&section.length.to_le_bytes());
            body.extend_from_slice(&section.digest);
        }
        let mut out = MAGIC.to_vec();
        for word in [VERSION, self.kind.number(), body.len() as u32] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(&body);
        let digest = blake3::hash(&out);
        out.extend_from_slice(digest.as_bytes());
        Ok(out)
    }

    /// Reads a header.
    ///
    /// # Errors
    ///
    /// [`FrameError`] if it is not one, damaged, or of another version.
    pub fn read(input: &mut impl Read) -> Result<Self, FrameError> {
        let prefix = take(input, PREFIX)?;
        let word =
            |at: usize| prefix.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |w| u32::from_le_bytes(*w));
        if !prefix.starts_with(&MAGIC) {
            return Err(FrameError::Foreign);
        }
        if word(8) != VERSION {
            return Err(FrameError::Version { found: word(8) });
        }
        let length = word(16) as usize;
        if length > MAX_BODY {
            return Err(damaged());
        }
        let body = take(input, length)?;
        let stated = take(input, 32)?;
        let computed = blake3::Hasher::new().update(&prefix).update(&body).finalize();
        if stated != computed.as_bytes() {
            return Err(damaged());
        }
        let kind = Kind::ALL.into_iter().find(|kind| kind.number() == word(12)).ok_or_else(damaged)?;
        let mut fields = Fields(&body);
        let identity = Identity { plan: fields.array()?, parameters: fields.array()?, keys: fields.array()? };
        let count = u32::from_le_bytes(fields.array()?) as usize;
        // Grows with what is there, not with what is stated.
        let mut sections = Vec::new();
        for _ in 0..count {
            let length = u16::from_le_bytes(fields.array()?);
            if usize::from(length) > MAX_NAME {
                return Err(damaged());
            }
            let name = fields.bytes(length.into())?.to_vec();
            let name = String::from_utf8(name).map_err(|_| damaged())?;
            sections.push(SectionInfo {
                name,
                length: u64::from_le_bytes(fields.array()?),
                digest: fields.array()?,
            });
        }
        if fields.0.is_empty() { Ok(Self { kind, identity, sections }) } else { Err(damaged()) }
    }
}

fn damaged() -> FrameError {
    FrameError::Damaged { part: "header".to_owned() }
}

fn take(input: &mut impl Read, length: usize) -> Result<Vec<u8>, FrameError> {
    let mut bytes = Vec::new();
    input.by_ref().take(length as u64).read_to_end(&mut bytes).map_err(FrameError::Io)?;
    if bytes.len() == length { Ok(bytes) } else { Err(FrameError::Truncated { part: "header".to_owned() }) }
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn bytes(&mut self, length: usize) -> Result<&'a [u8], FrameError> {
        let (head, rest) = self.0.split_at_checked(length).ok_or_else(damaged)?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const K: usize>(&mut self) -> Result<[u8; K], FrameError> {
        let (head, rest) = self.0.split_first_chunk().ok_or_else(damaged)?;
        self.0 = rest;
        Ok(*head)
    }
}
