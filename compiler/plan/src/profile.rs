//! A profile: one CKKS parameter set with its measured costs, read from `models/targets/*.ron`.

use crate::{max_log_qp, security_bits};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::fmt::{self, Display};

/// Bits of every prime in the modulus chain, in the order in which levels are numbered from below:
/// `base | slots_to_coeffs | compute | eval_mod | coeffs_to_slots`, and the special primes apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// What `--profile` calls it.
    pub name: String,
    /// One line on what it is for.
    pub description: String,
    /// log2 of the ring degree N.
    pub log_n: u32,
    /// Bits of q0.
    pub base_bits: u32,
    /// Bits of the primes consumed by slots-to-coefficients.
    pub slots_to_coeffs_bits: Vec<u32>,
    /// Bits of the primes that layers consume.
    pub compute_bits: Vec<u32>,
    /// Bits of the primes consumed by modular reduction.
    pub eval_mod_bits: Vec<u32>,
    /// Bits of the primes consumed by coefficients-to-slots.
    pub coeffs_to_slots_bits: Vec<u32>,
    /// Bits of the special primes P of key switching.
    pub special_bits: Vec<u32>,
    /// log2 of the scale D that every value has at a layer boundary.
    pub log_scale: u32,
    /// How the bootstrap approximates the modular reduction.
    pub bootstrap: BootstrapSpec,
    /// Measured costs that the placement of operations uses.
    pub costs: Costs,
}

/// The modular reduction of the bootstrap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootstrapSpec {
    /// log2 of q0 over the largest message: slots leave the bootstrap as sin(2 pi m / 2^this).
    pub log_message_ratio: u32,
    /// K: the cosine is approximated on [-K, K].
    pub interval: u32,
    /// Doublings of the angle after the polynomial.
    pub double_angles: u32,
    /// Degree of the cosine's Chebyshev interpolation, even.
    pub degree: u32,
    /// Hamming weight of the ephemeral secret of the modulus raise.
    pub ephemeral_weight: u32,
}

/// Milliseconds on one core, as measured; the compiler compares plans with them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Costs {
    /// One bootstrap.
    pub bootstrap_ms: f64,
    /// One key switch at 4 limbs on digits that are already decomposed.
    pub hoisted_rotation_ms: f64,
    /// One rotation at 4 limbs, decomposition included.
    pub rotation_ms: f64,
    /// Encoding and multiplying one diagonal at 4 limbs.
    pub diagonal_ms: f64,
    /// One product of ciphertexts with relinearisation, at the compute levels.
    pub multiply_ms: f64,
}

/// Why a profile is refused.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ProfileError {
    /// The text is not a profile.
    Syntax(String),
    /// A field is outside its range.
    Field {
        /// Its name.
        field: &'static str,
        /// What it holds.
        found: String,
        /// What it may hold.
        allowed: String,
    },
    /// The modulus is too large for 128-bit security.
    Insecure {
        /// log2 of the ring degree.
        log_n: u32,
        /// log2(Q P) of the profile.
        log_qp: u32,
        /// The most the table allows, if it covers the ring.
        allowed: Option<u32>,
    },
}

impl Error for ProfileError {}

impl Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(message) => write!(f, "the profile cannot be read: {message}"),
            Self::Field { field, found, allowed } => {
                write!(f, "profile field `{field}` is {found}; allowed: {allowed}")
            }
            Self::Insecure { log_n, log_qp, allowed: Some(allowed) } => write!(
                f,
                "a modulus of {log_qp} bits at N = 2^{log_n} is below 128-bit security; the table allows {allowed} bits"
            ),
            Self::Insecure { log_n, log_qp, allowed: None } => write!(
                f,
                "no 128-bit bound is known for {log_qp} bits at N = 2^{log_n}; the table covers 2^13 to 2^17"
            ),
        }
    }
}

impl Profile {
    /// Reads and checks a profile.
    ///
    /// # Errors
    ///
    /// [`ProfileError`]; a modulus above the 128-bit table is [`ProfileError::Insecure`].
    pub fn from_ron(text: &str) -> Result<Self, ProfileError> {
        let profile: Self = ron::from_str(text).map_err(|e| ProfileError::Syntax(e.to_string()))?;
        profile.check()?;
        Ok(profile)
    }

    /// Checks every field and the security table.
    ///
    /// # Errors
    ///
    /// [`ProfileError`].
    pub fn check(&self) -> Result<(), ProfileError> {
        let field = |field, found: String, allowed: &str| {
            Err(ProfileError::Field { field, found, allowed: allowed.to_owned() })
        };
        if !(10..=17).contains(&self.log_n) {
            return field("log_n", self.log_n.to_string(), "10 to 17");
        }
        for bits in self.all_bits() {
            if !(self.log_n + 4..=50).contains(&bits) {
                return field("a prime", format!("{bits} bits"), "log_n + 4 to 50 bits");
            }
        }
        for (name, list) in [
            ("slots_to_coeffs_bits", &self.slots_to_coeffs_bits),
            ("compute_bits", &self.compute_bits),
            ("eval_mod_bits", &self.eval_mod_bits),
            ("coeffs_to_slots_bits", &self.coeffs_to_slots_bits),
            ("special_bits", &self.special_bits),
        ] {
            if list.is_empty() || list.len() > 32 {
                return field(name, format!("{} primes", list.len()), "1 to 32 primes");
            }
        }
        if self.log_scale < 20 || self.log_scale > 49 {
            return field("log_scale", self.log_scale.to_string(), "20 to 49");
        }
        let costs = &self.costs;
        let all = [
            costs.bootstrap_ms,
            costs.hoisted_rotation_ms,
            costs.rotation_ms,
            costs.diagonal_ms,
            costs.multiply_ms,
        ];
        if all.iter().any(|c| !c.is_finite() || *c <= 0.0) {
            return field("costs", format!("{all:?}"), "positive finite milliseconds");
        }
        if security_bits(self.log_n, self.log_qp()).is_none() {
            return Err(ProfileError::Insecure {
                log_n: self.log_n,
                log_qp: self.log_qp(),
                allowed: max_log_qp(self.log_n),
            });
        }
        Ok(())
    }

    fn all_bits(&self) -> impl Iterator<Item = u32> {
        std::iter::once(self.base_bits)
            .chain(self.slots_to_coeffs_bits.iter().copied())
            .chain(self.compute_bits.iter().copied())
            .chain(self.eval_mod_bits.iter().copied())
            .chain(self.coeffs_to_slots_bits.iter().copied())
            .chain(self.special_bits.iter().copied())
    }

    /// log2(Q P): the bits of all primes together.
    pub fn log_qp(&self) -> u32 {
        self.all_bits().sum()
    }

    /// Slots of a ciphertext, all of them used for real values.
    pub fn slots(&self) -> usize {
        1 << (self.log_n - 1)
    }

    /// The level at which a bootstrap takes its input.
    pub fn bootstrap_input_level(&self) -> u8 {
        level(self.slots_to_coeffs_bits.len())
    }

    /// The level at which a bootstrap leaves its output.
    pub fn bootstrap_output_level(&self) -> u8 {
        level(self.slots_to_coeffs_bits.len() + self.compute_bits.len())
    }

    /// The highest level of the chain.
    pub fn max_level(&self) -> u8 {
        level(self.all_bits().count() - 1 - self.special_bits.len())
    }
}

fn level(primes: usize) -> u8 {
    u8::try_from(primes).unwrap_or(u8::MAX)
}
