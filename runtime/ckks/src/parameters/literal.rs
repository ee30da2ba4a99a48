//! The parameters as a person writes them: sizes in bits, no primes.

use serde::{Deserialize, Serialize};

/// Sizes of everything a parameter set consists of; checked by [`crate::Parameters::new`].
///
/// The chain of moduli is, from limb 0 upwards: `base | slots_to_coeffs | compute | eval_mod |
/// coeffs_to_slots`. A rescale drops the highest limb left, so a bootstrap consumes the list from the right
/// and leaves a ciphertext with `base | slots_to_coeffs | compute`.
///
/// Small primes cost as much as large ones, so a ciphertext has fewer and larger ones where it has no use for the small
/// ones as rescales of their own (as in "Grafting: Complementing RNS in CKKS", eprint 2024/1014):
///
/// - with `merged`, from the level at which a bootstrap takes its input upwards it has `merged | compute`, and the first
///   rescale of slots-to-coefficients changes to `base | slots_to_coeffs` without the last of these, which then is a
///   size only;
/// - with `raised`, a bootstrap has `raised | eval_mod | coeffs_to_slots`, and the last rescale of the modular reduction
///   changes to the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParametersLiteral {
    /// `log2` of the ring degree `N`; there are `N/2` slots.
    pub log_n: u32,
    /// Size of `q0`, the modulus left at level 0.
    pub base_bits: u32,
    /// Primes consumed by the slots-to-coefficients transform, lowest first.
    pub slots_to_coeffs_bits: Vec<u32>,
    /// Primes in place of `base | slots_to_coeffs` for what has not begun a bootstrap; empty to keep these.
    #[serde(default)]
    pub merged_bits: Vec<u32>,
    /// Primes consumed by the computation between two bootstraps, lowest first.
    pub compute_bits: Vec<u32>,
    /// Primes for levels above those after a bootstrap, lowest first: linear maps of inputs consume them. Only with raised
    /// primes, as other sets have levels above anyway.
    #[serde(default)]
    pub input_bits: Vec<u32>,
    /// Primes in place of `base | slots_to_coeffs | compute` during a bootstrap; empty to keep these.
    #[serde(default)]
    pub raised_bits: Vec<u32>,
    /// Primes consumed by the approximate modular reduction, lowest first.
    pub eval_mod_bits: Vec<u32>,
    /// Primes consumed by the coefficients-to-slots transform, lowest first.
    pub coeffs_to_slots_bits: Vec<u32>,
    /// Special primes of key switching.
    pub special_bits: Vec<u32>,
    /// The scale of ciphertexts at every layer boundary is `2^log_scale`.
    pub log_scale: u32,
    /// Bootstrapping; `None` for sets that only compute down to level 0.
    pub bootstrap: Option<BootstrapLiteral>,
}

/// The constants of bootstrapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootstrapLiteral {
    /// The message is scaled by `a = 2^-log_message_ratio` relative to `q0` before the raise.
    pub log_message_ratio: u32,
    /// `K`: the modular reduction is approximated on `[-K, K]`.
    pub interval: u32,
    /// Number of double-angle steps after the cosine.
    pub double_angles: u32,
    /// Degree of the Chebyshev approximation of the cosine (even).
    pub degree: u32,
    /// Hamming weight of the ephemeral secret under which the modulus is raised.
    pub ephemeral_weight: u32,
    /// By which rotations the linear stages are done.
    #[serde(default)]
    pub rotations: BootstrapRotations,
}

/// How the linear stages of a bootstrap rotate: the fewer keys, the more time. Giant steps are by Horner's rule. The
/// matrices and the precision are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum BootstrapRotations {
    /// A key for every baby and one for the giant steps of a stage: the least time.
    #[default]
    Hoisted,
    /// Babies in two rotations: half the keys.
    Ladder,
    /// One key for all babies of a stage and one for its giant steps: the fewest keys.
    Minimal,
}

impl BootstrapLiteral {
    /// Message ratio `2^3`, interval 14 (a bootstrap fails with probability about `2^-60`), 3 double angles,
    /// degree 24, ephemeral weight 32.
    pub fn standard() -> Self {
        Self {
            log_message_ratio: 3,
            interval: 14,
            double_angles: 3,
            degree: 24,
            ephemeral_weight: 32,
            rotations: BootstrapRotations::Hoisted,
        }
    }
}

impl ParametersLiteral {
    /// The default set: `N = 2^15`, five compute levels, keys of up to 865 bits.
    pub fn b5() -> Self {
        Self {
            log_n: 15,
            base_bits: 40,
            slots_to_coeffs_bits: vec![28, 26],
            merged_bits: vec![47; 2],
            compute_bits: vec![31; 5],
            input_bits: vec![31; 4],
            raised_bits: vec![50; 5],
            eval_mod_bits: vec![40; 8],
            coeffs_to_slots_bits: vec![40; 3],
            special_bits: vec![48, 50, 48, 49, 50, 50],
            log_scale: 31,
            bootstrap: Some(BootstrapLiteral::standard()),
        }
    }

    /// `N = 2^15`, six compute levels, keys of up to 868 bits.
    pub fn b6() -> Self {
        Self {
            compute_bits: vec![31; 6],
            raised_bits: vec![47; 6],
            special_bits: vec![48, 50, 48, 48, 48, 48],
            ..Self::b5()
        }
    }

    /// `N = 2^16`, nine compute levels of 40 bits, 1485 bits: high precision and more slots.
    pub fn a9() -> Self {
        Self {
            log_n: 16,
            base_bits: 45,
            slots_to_coeffs_bits: vec![30; 3],
            merged_bits: vec![],
            compute_bits: vec![40; 9],
            input_bits: vec![],
            raised_bits: vec![],
            eval_mod_bits: vec![45; 8],
            coeffs_to_slots_bits: vec![45; 4],
            special_bits: vec![50; 9],
            log_scale: 40,
            bootstrap: Some(BootstrapLiteral::standard()),
        }
    }

    /// The level right after a bootstrap: slots-to-coefficients plus compute levels.
    pub(super) fn compute_top_level(&self) -> usize {
        self.slots_to_coeffs_bits.len() + self.compute_bits.len()
    }

    /// The primes that slots-to-coefficients has of its own: the last one not where there are merged ones.
    fn slots_to_coeffs_primes(&self) -> &[u32] {
        match self.slots_to_coeffs_bits.split_last() {
            Some((_, own)) if !self.merged_bits.is_empty() => own,
            _ => &self.slots_to_coeffs_bits,
        }
    }

    /// Sizes of all primes but the special ones, in the order of the fields.
    pub fn chain_bits(&self) -> impl Iterator<Item = u32> + '_ {
        std::iter::once(self.base_bits)
            .chain(self.slots_to_coeffs_primes().iter().copied())
            .chain(self.merged_bits.iter().copied())
            .chain(self.compute_bits.iter().copied())
            .chain(self.input_bits.iter().copied())
            .chain(self.raised_bits.iter().copied())
            .chain(self.eval_mod_bits.iter().copied())
            .chain(self.coeffs_to_slots_bits.iter().copied())
    }
}
