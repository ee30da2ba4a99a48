//! What can go wrong, with what was found and what is allowed.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// A parameter literal that cannot become [`crate::Parameters`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ParameterError {
    /// The ring degree is outside the supported range.
    RingDegree {
        /// `log2` of the requested degree.
        found: u32,
        /// Smallest and largest supported `log2` degree.
        allowed: (u32, u32),
    },
    /// A prime size outside the supported range.
    PrimeBits {
        /// Requested size in bits.
        found: u32,
        /// Smallest and largest supported sizes.
        allowed: (u32, u32),
    },
    /// A list of primes has an unsupported length.
    Count {
        /// Which list.
        what: &'static str,
        /// Its length.
        found: usize,
        /// Smallest and largest supported lengths.
        allowed: (usize, usize),
    },
    /// There are not enough primes of this size that are 1 modulo `2N`.
    NotEnoughPrimes {
        /// The size in bits.
        bits: u32,
        /// How many primes of that size are wanted in total.
        wanted: usize,
    },
    /// A modulus for which there is no transform of this length.
    NotNttFriendly {
        /// The modulus.
        found: u64,
        /// The length.
        n: usize,
    },
    /// The modulus is above the 128-bit security table.
    Insecure {
        /// `log2` of the ring degree.
        log_n: u32,
        /// `log2(Q P)`.
        found: f64,
        /// Largest secure `log2(Q P)`; `None` if the table has no entry for this degree.
        allowed: Option<u32>,
    },
    /// The bootstrap's sparse secret is too weak for the modulus of its key.
    InsecureEphemeral {
        /// Hamming weight asked for.
        weight: u32,
        /// `log2(q0 p0)`.
        log_modulus: u32,
        /// Largest secure `log2(q0 p0)`.
        allowed: u32,
    },
    /// A number of the literal is outside its range.
    Range {
        /// Which number.
        what: &'static str,
        /// Its value.
        found: u32,
        /// Smallest and largest allowed values.
        allowed: (u32, u32),
    },
}

impl fmt::Display for ParameterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RingDegree { found, allowed } => {
                write!(f, "ring degree 2^{found} is outside 2^{}..=2^{}", allowed.0, allowed.1)
            }
            Self::PrimeBits { found, allowed } => {
                write!(f, "a prime of {found} bits is outside {}..={} bits", allowed.0, allowed.1)
            }
            Self::Count { what, found, allowed } => {
                write!(f, "{found} {what}, allowed {}..={}", allowed.0, allowed.1)
            }
            Self::NotEnoughPrimes { bits, wanted } => {
                write!(f, "there are fewer than {wanted} suitable primes of {bits} bits")
            }
            Self::NotNttFriendly { found, n } => {
                write!(f, "{found} is not a prime below 2^50 that is 1 modulo {}", 2 * n)
            }
            Self::Insecure { log_n, found, allowed: Some(allowed) } => {
                write!(
                    f,
                    "log2(QP) = {found:.1} at N = 2^{log_n} is above the 128-bit security limit {allowed}"
                )
            }
            Self::Insecure { log_n, found, allowed: None } => {
                write!(f, "no 128-bit security limit is known for N = 2^{log_n} (log2(QP) = {found:.1})")
            }
            Self::InsecureEphemeral { weight, log_modulus, allowed } => write!(
                f,
                "an ephemeral secret of weight {weight} with a {log_modulus}-bit modulus is insecure: weight >= {} and at most {allowed} bits are allowed",
                crate::security::MIN_EPHEMERAL_WEIGHT
            ),
            Self::Range { what, found, allowed } => {
                write!(f, "{what} = {found}, allowed {}..={}", allowed.0, allowed.1)
            }
        }
    }
}

impl Error for ParameterError {}

/// Values that cannot be encoded.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EncodingError {
    /// The number of values is not a power of two between 1 and the slot count.
    Period {
        /// Number of values given.
        found: usize,
        /// The slot count `N/2`.
        slots: usize,
    },
    /// A value, multiplied by the scale, does not fit the integers the encoder works with.
    TooLarge {
        /// `log2` of the largest scaled coefficient; not finite if an input was not.
        log2: f64,
        /// Largest allowed `log2`.
        allowed: f64,
    },
}

impl fmt::Display for EncodingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Period { found, slots } => {
                write!(f, "{found} values: allowed is a power of two from 1 to {slots}")
            }
            Self::TooLarge { log2, allowed } => {
                write!(
                    f,
                    "a scaled coefficient of 2^{log2:.1} is too large: at most 2^{allowed:.1} is allowed"
                )
            }
        }
    }
}

impl Error for EncodingError {}

/// An operation refused by the evaluator.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EvaluationError {
    /// Two operands at different levels.
    LevelMismatch {
        /// Level of the left operand.
        left: usize,
        /// Level of the right operand.
        right: usize,
    },
    /// Two operands with different scales.
    ScaleMismatch {
        /// `log2` of the left scale.
        left: f64,
        /// `log2` of the right scale.
        right: f64,
    },
    /// The ciphertext has fewer levels than the operation needs.
    LevelTooLow {
        /// Its level.
        found: usize,
        /// The level needed.
        needed: usize,
    },
    /// A level above what the parameters, or the operand, have.
    LevelTooHigh {
        /// The level asked for.
        found: usize,
        /// The highest allowed level.
        allowed: usize,
    },
    /// The scale left after the operation would carry no precision, or not fit the modulus.
    ScaleRange {
        /// `log2` of the resulting scale.
        found: f64,
        /// Smallest and largest allowed `log2`.
        allowed: (f64, f64),
    },
    /// No key of this kind is loaded.
    KeyMissing {
        /// Which key, in words.
        key: String,
        /// The level at which it is needed.
        level: usize,
    },
    /// The loaded keys of this kind are all truncated below the ciphertext's level.
    KeyAboveLevel {
        /// Which key, in words.
        key: String,
        /// The ciphertext's level.
        found: usize,
        /// The highest level of the loaded keys.
        allowed: usize,
    },
    /// The object was made under other parameters.
    ParametersMismatch {
        /// What differs.
        what: &'static str,
        /// Its value in the object.
        found: usize,
        /// The value these parameters expect.
        expected: usize,
    },
    /// The file in which keys are kept on disk failed.
    KeyStore {
        /// What could not be done with it, as a participle.
        action: &'static str,
        /// The folder it is in.
        folder: PathBuf,
        /// The kind of failure.
        kind: io::ErrorKind,
        /// What the system said.
        error: String,
    },
    /// Values could not be encoded.
    Encoding(EncodingError),
    /// An argument outside the range of the operation.
    Argument {
        /// Which argument, and what is allowed.
        what: String,
    },
}

impl fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LevelMismatch { left, right } => write!(f, "levels differ: {left} and {right}"),
            Self::ScaleMismatch { left, right } => write!(f, "scales differ: 2^{left:.6} and 2^{right:.6}"),
            Self::LevelTooLow { found, needed } => write!(f, "level {found}, at least {needed} is needed"),
            Self::LevelTooHigh { found, allowed } => write!(f, "level {found}, at most {allowed} is allowed"),
            Self::ScaleRange { found, allowed } => {
                write!(f, "scale 2^{found:.2} is outside 2^{:.2}..2^{:.2}", allowed.0, allowed.1)
            }
            Self::KeyMissing { key, level } => write!(f, "no key for {key} (needed at level {level})"),
            Self::KeyAboveLevel { key, found, allowed } => {
                write!(f, "the key for {key} reaches level {allowed}, the ciphertext is at level {found}")
            }
            Self::ParametersMismatch { what, found, expected } => {
                write!(f, "other parameters: {what} is {found}, expected {expected}")
            }
            Self::KeyStore { action, folder, error, .. } => {
                write!(f, "the file of keys in {} cannot be {action}: {error}", folder.display())
            }
            Self::Encoding(error) => error.fmt(f),
            Self::Argument { what } => f.write_str(what),
        }
    }
}

impl Error for EvaluationError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if let Self::Encoding(error) = self { Some(error) } else { None }
    }
}

impl From<EncodingError> for EvaluationError {
    fn from(error: EncodingError) -> Self {
        Self::Encoding(error)
    }
}

/// Bytes that do not describe the expected object.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FormatError {
    /// The bytes end too early.
    Truncated {
        /// Bytes needed at this point.
        needed: usize,
        /// Bytes left.
        found: usize,
    },
    /// Bytes are left over after the object.
    Trailing {
        /// How many.
        found: usize,
    },
    /// The bytes start with another tag: another kind of object or another version.
    Tag {
        /// The tag expected.
        expected: [u8; 4],
        /// The tag found.
        found: [u8; 4],
    },
    /// The object was written under other parameters.
    Fingerprint,
    /// A number outside its range.
    Value {
        /// Which number.
        what: &'static str,
        /// Its value.
        found: u64,
        /// Smallest and largest allowed values.
        allowed: (u64, u64),
    },
    /// A residue that is not below its modulus.
    Residue {
        /// The residue.
        found: u64,
        /// Its modulus.
        modulus: u64,
    },
    /// A scale that is not a positive normal number.
    Scale,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { needed, found } => write!(f, "{needed} more bytes expected, {found} left"),
            Self::Trailing { found } => write!(f, "{found} bytes after the end of the object"),
            Self::Tag { expected, found } => {
                write!(f, "tag {} expected, found {}", expected.escape_ascii(), found.escape_ascii())
            }
            Self::Fingerprint => f.write_str("the object was made under other parameters"),
            Self::Value { what, found, allowed } => {
                write!(f, "{what} = {found}, allowed {}..={}", allowed.0, allowed.1)
            }
            Self::Residue { found, modulus } => {
                write!(f, "residue {found} is not below its modulus {modulus}")
            }
            Self::Scale => f.write_str("the scale is not a positive normal number"),
        }
    }
}

impl Error for FormatError {}
