//! The plan as text: RON, one step a line, digest over everything but itself.

use crate::{CheckError, FORMAT_VERSION, Plan};
use ron::extensions::Extensions;
use ron::ser::PrettyConfig;
use serde::Deserialize;
use std::error::Error;
use std::fmt::{self, Display};

/// Why a plan's text is refused.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PlanError {
    /// Not a plan, or one with unknown or missing fields.
    Syntax(String),
    /// Written for another version of the format.
    Version {
        /// What the file says.
        found: u32,
        /// What this program reads.
        supported: u32,
    },
    /// Changed after it was written.
    Digest {
        /// What the file says.
        stated: String,
        /// What its contents give.
        computed: String,
    },
    /// Well-formed, but its parts contradict each other.
    Check(CheckError),
}

impl Error for PlanError {}

impl Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(message) => write!(f, "the plan cannot be read: {message}"),
            Self::Version { found, supported } => write!(
                f,
                "the plan has format version {found}, this program reads version {supported}; compile the network again"
            ),
            Self::Digest { stated, computed } => write!(
                f,
                "the plan was changed after it was compiled: it states digest {stated}, its contents give {computed}; compile the network again"
            ),
            Self::Check(error) => write!(f, "the plan contradicts itself: {error}"),
        }
    }
}

/// BLAKE3 in hexadecimal.
pub fn digest_hex(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

#[derive(Deserialize)]
struct VersionOnly {
    format_version: u32,
}

impl Plan {
    /// Fills in the digest and gives the canonical text.
    ///
    /// # Errors
    ///
    /// [`PlanError::Syntax`] if a number is not finite.
    pub fn seal(&mut self) -> Result<String, PlanError> {
        self.digest = self.computed_digest()?;
        self.text()
    }

    /// The text of the plan as it is.
    fn text(&self) -> Result<String, PlanError> {
        let style =
            PrettyConfig::new().depth_limit(3).struct_names(false).extensions(Extensions::IMPLICIT_SOME);
        let mut text =
            ron::ser::to_string_pretty(self, style).map_err(|e| PlanError::Syntax(e.to_string()))?;
        text.push('\n');
        Ok(text)
    }

    fn computed_digest(&self) -> Result<String, PlanError> {
        let bare = Self { digest: String::new(), ..self.clone() };
        Ok(digest_hex(bare.text()?.as_bytes()))
    }

    /// Reads a plan: version first, then syntax, then digest. Not yet checked for consistency.
    ///
    /// # Errors
    ///
    /// [`PlanError`].
    pub fn from_text(text: &str) -> Result<Self, PlanError> {
        let options = ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME);
        let syntax = |e: ron::error::SpannedError| PlanError::Syntax(e.to_string());
        let version: VersionOnly = options.from_str(text).map_err(syntax)?;
        if version.format_version != FORMAT_VERSION {
            return Err(PlanError::Version { found: version.format_version, supported: FORMAT_VERSION });
        }
        let plan: Self = options.from_str(text).map_err(syntax)?;
        let computed = plan.computed_digest()?;
        if computed != plan.digest {
            return Err(PlanError::Digest { stated: plan.digest, computed });
        }
        Ok(plan)
    }
}
