//! Which instruction set the kernels use: detected once, or forced by `FHECC_ISA`.

use std::error::Error;
use std::fmt;
use std::sync::OnceLock;

use crate::arch::{self, Kernels};

/// The environment variable that forces an instruction set.
const VARIABLE: &str = "FHECC_ISA";

/// An instruction set the kernels are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// Portable code; the specification of all others.
    Scalar,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// x86-64 with AVX-512 F, DQ, IFMA and VBMI2.
    Avx512,
}

impl Isa {
    /// Every instruction set, widest first.
    pub const ALL: [Self; 3] = [Self::Avx512, Self::Avx2, Self::Scalar];

    /// The name `FHECC_ISA` knows it by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a requested instruction set cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IsaError {
    /// The name is none of [`Isa::ALL`].
    Unknown(String),
    /// The running CPU, or the build, lacks it.
    Unsupported(Isa),
}

impl fmt::Display for IsaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => {
                let known = Isa::ALL.map(Isa::name).join("`, `");
                write!(f, "{VARIABLE} is `{name}`, but must be one of `{known}`")
            }
            Self::Unsupported(isa) => write!(f, "{VARIABLE} is `{isa}`, which this CPU does not support"),
        }
    }
}

impl Error for IsaError {}

/// The instruction set that a value of `FHECC_ISA` asks for on this CPU; `None` asks for the widest one.
///
/// # Errors
///
/// If the name is unknown, or the CPU lacks that instruction set.
pub fn select(name: Option<&str>) -> Result<Isa, IsaError> {
    let supported = |isa: &Isa| arch::kernels(*isa).is_some();
    let Some(name) = name else {
        return Ok(Isa::ALL.into_iter().find(supported).unwrap_or(Isa::Scalar));
    };
    let isa = Isa::ALL.into_iter().find(|isa| isa.name() == name);
    let isa = isa.ok_or_else(|| IsaError::Unknown(name.to_owned()))?;
    if supported(&isa) { Ok(isa) } else { Err(IsaError::Unsupported(isa)) }
}

/// The instruction set of this process: [`select`] applied to `FHECC_ISA`, once.
///
/// A program should call this first and report the error. Kernels called all the same then use
/// [`Isa::Scalar`], whose results are those of every other.
///
/// # Errors
///
/// As [`select`].
pub fn isa() -> Result<Isa, IsaError> {
    static ISA: OnceLock<Result<Isa, IsaError>> = OnceLock::new();
    ISA.get_or_init(|| {
        let value = std::env::var_os(VARIABLE).map(|v| v.to_string_lossy().into_owned());
        select(value.as_deref())
    })
    .clone()
}

/// The kernels of [`isa()`].
#[inline]
pub(crate) fn active() -> &'static dyn Kernels {
    static ACTIVE: OnceLock<&'static dyn Kernels> = OnceLock::new();
    *ACTIVE.get_or_init(|| isa().ok().and_then(arch::kernels).unwrap_or(&arch::Scalar))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalar_is_always_there_and_the_default_is_supported() {
        assert_eq!(select(Some("scalar")), Ok(Isa::Scalar));
        assert!(select(None).is_ok_and(|isa| arch::kernels(isa).is_some()));
    }

    #[test]
    fn an_unknown_name_is_reported_with_the_allowed_ones() {
        let error = select(Some("mmx")).unwrap_err();
        assert_eq!(error, IsaError::Unknown("mmx".to_owned()));
        assert_eq!(error.to_string(), "FHECC_ISA is `mmx`, but must be one of `avx512`, `avx2`, `scalar`");
    }
}
