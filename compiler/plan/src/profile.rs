//! A profile: one CKKS parameter set with its measured costs, read from `models/targets/*.ron`.

use crate::{Costs, max_log_qp, security_bits};
use ron::ser::PrettyConfig;
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::fmt::{self, Display};
use std::ops::Range;

/// Bits of every prime in the modulus chain, in the order in which levels are numbered from below:
/// `base | slots_to_coeffs | compute | eval_mod | coeffs_to_slots`, and the special primes apart. With merged primes,
/// everything before a bootstrap has `merged | compute` instead; with raised primes, the bootstrap has
/// `raised | eval_mod | coeffs_to_slots`.
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
    /// Bits of the primes that all but bootstraps have in place of base and slots-to-coefficients ones, fewer and larger;
    /// empty if they keep these. The last slots-to-coefficients prime is a size only where there are some.
    #[serde(default)]
    pub merged_bits: Vec<u32>,
    /// Bits of the primes that layers consume.
    pub compute_bits: Vec<u32>,
    /// Bits of primes above the compute ones that only inputs have, for linear layers before the first activation; only
    /// with raised primes, as other profiles have levels above anyway.
    #[serde(default)]
    pub input_bits: Vec<u32>,
    /// Bits of the primes that a bootstrap has in place of base, slots-to-coefficients and compute ones, fewer and larger;
    /// empty if it keeps these.
    #[serde(default)]
    pub raised_bits: Vec<u32>,
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

/// Most raised primes: the change to the other primes is one base conversion from these and one more.
const MAX_RAISED: usize = 7;

/// Most merged primes: the change to the other primes is one base conversion from these.
const MAX_MERGED: usize = 8;

/// By how many bits merged and raised primes together may differ from those they stand in for: scales before the change
/// from raised ones are larger or smaller by half as many.
const DIFFERENCE: u32 = 2;

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
    /// By which rotations its linear stages are done.
    #[serde(default)]
    pub rotations: BootstrapRotations,
}

/// How the linear stages of a bootstrap rotate: the fewer keys, the more time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum BootstrapRotations {
    /// A key for every baby step, all of which share a decomposition, and one for the giant steps of a stage.
    #[default]
    Hoisted,
    /// Baby steps by two rotations each.
    Ladder,
    /// One key for all baby steps of a stage and one for its giant steps.
    Minimal,
}

impl BootstrapRotations {
    /// All of them, the fastest first.
    pub const ALL: [Self; 3] = [Self::Hoisted, Self::Ladder, Self::Minimal];
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

    /// The profile as text, which [`Profile::from_ron`] reads.
    ///
    /// # Errors
    ///
    /// [`ProfileError::Syntax`] if it has no text, which a profile that passed [`Profile::check`] has.
    pub fn to_ron(&self) -> Result<String, ProfileError> {
        let style = PrettyConfig::new().depth_limit(3).new_line("\n");
        ron::ser::to_string_pretty(self, style).map_err(|e| ProfileError::Syntax(e.to_string()))
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
        let primes = |list: &[u32]| format!("{} primes", list.len());
        if self.raised_bits.is_empty() && !self.input_bits.is_empty() {
            return field("input_bits", primes(&self.input_bits), "none, or raised_bits too");
        }
        if self.raised_bits.len() > MAX_RAISED {
            return field("raised_bits", primes(&self.raised_bits), &format!("up to {MAX_RAISED} primes"));
        }
        if self.merged_bits.len() > MAX_MERGED {
            return field("merged_bits", primes(&self.merged_bits), &format!("up to {MAX_MERGED} primes"));
        }
        let low = self.base_bits + self.slots_to_coeffs_bits.iter().sum::<u32>();
        let computing = low + self.compute_bits.iter().sum::<u32>();
        for (name, bits, replaced, these) in [
            ("merged_bits", &self.merged_bits, low, "base and slots-to-coefficients primes"),
            ("raised_bits", &self.raised_bits, computing, "base, slots-to-coefficients and compute primes"),
        ] {
            let found: u32 = bits.iter().sum();
            if !bits.is_empty() && found.abs_diff(replaced) > DIFFERENCE {
                let allowed = format!("{replaced} +- {DIFFERENCE}, as {these}");
                return field(name, format!("{found} bits together"), &allowed);
            }
        }
        if self.log_scale < 20 || self.log_scale > 49 {
            return field("log_scale", self.log_scale.to_string(), "20 to 49");
        }
        if let Some((found, allowed)) = self.costs.fault() {
            return field("costs", found, allowed);
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

    /// The primes that slots-to-coefficients has of its own.
    fn slots_to_coeffs_primes(&self) -> &[u32] {
        let merged = usize::from(!self.merged_bits.is_empty());
        &self.slots_to_coeffs_bits[..self.slots_to_coeffs_bits.len().saturating_sub(merged)]
    }

    fn all_bits(&self) -> impl Iterator<Item = u32> {
        std::iter::once(self.base_bits)
            .chain(self.slots_to_coeffs_primes().iter().copied())
            .chain(self.merged_bits.iter().copied())
            .chain(self.compute_bits.iter().copied())
            .chain(self.input_bits.iter().copied())
            .chain(self.raised_bits.iter().copied())
            .chain(self.eval_mod_bits.iter().copied())
            .chain(self.coeffs_to_slots_bits.iter().copied())
            .chain(self.special_bits.iter().copied())
    }

    /// Bits of what a rescale at `level` divides by, up to [`Profile::input_level`]; at level 0 those of q0.
    pub fn rescale_bits(&self, level: u8) -> Option<u32> {
        if level > self.input_level() {
            return None;
        }
        std::iter::once(self.base_bits)
            .chain(self.slots_to_coeffs_bits.iter().copied())
            .chain(self.compute_bits.iter().copied())
            .chain(self.input_bits.iter().copied())
            .chain(self.eval_mod_bits.iter().copied())
            .chain(self.coeffs_to_slots_bits.iter().copied())
            .nth(level.into())
    }

    /// The lowest level at which layers rotate: below, where there are merged primes, only bootstraps have keys.
    pub fn lowest_rotation_level(&self) -> u8 {
        if self.merged_bits.is_empty() { 0 } else { self.bootstrap_input_level() }
    }

    /// log2 of the largest scale at `level` at which results of magnitude 1 are that have not been rescaled: one bit is for
    /// the sign, and one for what is larger than the bounds that a network was compiled with, which hardly any result comes
    /// near.
    pub fn largest_raised_log2(&self, level: u8) -> u32 {
        const HEADROOM: u32 = 2;
        self.chain_bits(level).map_or(0, |bits| bits.iter().sum::<u32>()).saturating_sub(HEADROOM)
    }

    /// log2 of the scale at which a linear map without a rescale leaves its result at `level`, for an argument at
    /// `2^argument`: with weights as precise as others are, if there is room.
    pub fn raised_log2(&self, level: u8, argument: f64) -> u32 {
        let wanted = argument.max(0.0).ceil() as u32 + self.log_scale;
        wanted.min(self.largest_raised_log2(level))
    }

    /// Where among all primes those at `level` are; `None` if there is no such level.
    fn primes_at(&self, level: u8) -> Option<Range<usize>> {
        if level > self.max_level() {
            return None;
        }
        let (merged, raised) = (self.merged_bits.len(), self.raised_bits.len());
        let (low, top) = (self.bootstrap_input_level(), self.input_level());
        // The primes below those of the chain, and the limbs at its lowest level.
        let (skipped, limbs, lowest) = if raised > 0 && level > top {
            let own = raised + self.eval_mod_bits.len() + self.coeffs_to_slots_bits.len();
            (self.primes() - self.special_bits.len() - own, raised + 1, top + 1)
        } else if merged > 0 && level >= low {
            (usize::from(low), merged, low)
        } else {
            (0, 1, 0)
        };
        Some(skipped..skipped + limbs + usize::from(level - lowest))
    }

    /// Bits of all primes at `level`; `None` if there is no such level.
    pub fn chain_bits(&self, level: u8) -> Option<Vec<u32>> {
        let primes = self.primes_at(level)?;
        Some(self.all_bits().skip(primes.start).take(primes.len()).collect())
    }

    /// The number of primes at `level`; 0 if there is no such level.
    pub fn limbs(&self, level: u8) -> usize {
        self.primes_at(level).map_or(0, |primes| primes.len())
    }

    /// log2(Q P) of the largest key: the largest modulus under which anything is encrypted. A key for level `l`
    /// carries the primes up to `q_l` and as many of the special ones as the table allows; the lower the level, the
    /// more. If the highest level has no room for even one, keys may carry all, and such a profile is insecure.
    pub fn log_qp(&self) -> u32 {
        let limit = max_log_qp(self.log_n).unwrap_or(0);
        let sums = |bits: Vec<u32>| -> Vec<u32> {
            bits.iter()
                .scan(0, |sum, bits| {
                    *sum += bits;
                    Some(*sum)
                })
                .collect()
        };
        let levels = 0..=self.max_level();
        let chain: Vec<u32> = levels.filter_map(|level| Some(self.chain_bits(level)?.iter().sum())).collect();
        let special = sums(self.special_bits.clone());
        let largest = |q: &u32| special.iter().map(|p| q + p).filter(|&sum| sum <= limit).max();
        let keys: Option<Vec<u32>> = chain.iter().map(largest).collect();
        let most = keys.and_then(|keys| keys.into_iter().max());
        most.unwrap_or_else(|| chain.iter().max().unwrap_or(&0) + special.last().unwrap_or(&0))
    }

    /// The number of all primes, special ones included.
    pub fn primes(&self) -> usize {
        self.all_bits().count()
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

    /// The highest level of a value of a network.
    pub fn input_level(&self) -> u8 {
        if self.raised_bits.is_empty() {
            return self.max_level();
        }
        self.bootstrap_output_level().saturating_add(level(self.input_bits.len()))
    }

    /// The highest level.
    pub fn max_level(&self) -> u8 {
        let below = [&self.slots_to_coeffs_bits, &self.compute_bits, &self.input_bits];
        let above = [&self.eval_mod_bits, &self.coeffs_to_slots_bits];
        level(below.iter().chain(&above).map(|bits| bits.len()).sum())
    }
}

fn level(primes: usize) -> u8 {
    u8::try_from(primes).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_survives_its_text() {
        let text = include_str!("../../../models/targets/b5.ron");
        let profile = Profile::from_ron(text).expect("sound");
        assert_eq!(Profile::from_ron(&profile.to_ron().expect("text")), Ok(profile));
    }

    #[test]
    fn merged_and_raised_primes_must_stand_for_those_they_replace() {
        let good = Profile::from_ron(include_str!("../../../models/targets/b5.ron")).expect("sound");
        assert_eq!((good.bootstrap_output_level(), good.input_level(), good.max_level()), (7, 11, 22));
        let limbs = |level| good.chain_bits(level).map(|bits| bits.len());
        let found = [0, 1, 2, 3, 7, 11, 12, 22].map(limbs);
        assert_eq!(found, [1, 2, 2, 3, 7, 11, 6, 16].map(Some));
        assert_eq!(limbs(23), None);
        let refused = |change: fn(&mut Profile), field: &str| {
            let mut profile = good.clone();
            change(&mut profile);
            let error = profile.check().expect_err("refused");
            assert!(matches!(error, ProfileError::Field { field: found, .. } if found == field), "{error}");
        };
        refused(|profile| profile.raised_bits.clear(), "input_bits");
        refused(|profile| profile.raised_bits = vec![31; 8], "raised_bits");
        refused(|profile| profile.raised_bits = vec![49; 5], "raised_bits");
        refused(|profile| profile.merged_bits = vec![49; 2], "merged_bits");
        refused(|profile| profile.merged_bits = vec![20; 9], "merged_bits");
    }
}
