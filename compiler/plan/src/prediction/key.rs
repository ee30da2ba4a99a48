//! How large keys are: a key's rows are packed to the bits of their primes, and half of every key is a seed.

use crate::{KeyUse, Level, Plan, Profile, max_log_qp};

/// Most primes in a digit.
const MAX_DIGIT: usize = 8;

/// The digits and rows of a key for ciphertexts up to a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyShape {
    /// Digits.
    pub digits: usize,
    /// Primes up to the level.
    pub limbs: usize,
    /// Special primes.
    pub special: usize,
    /// Bits of a coefficient of one digit: those of all primes of the chain up to the level and of the special ones.
    pub bits: u64,
    /// Coefficients.
    pub n: u64,
}

impl KeyShape {
    /// The shape of a key for `level` with `special` special primes: digits are filled greedily from below up to the
    /// bits of the special primes. `None` if the profile has no such key, or if that is not within the table.
    pub fn new(profile: &Profile, level: Level, special: usize) -> Option<Self> {
        let chain = profile.chain_bits(level.0)?;
        let special_bits = profile.special_bits.get(..special).filter(|bits| !bits.is_empty())?;
        let room: u32 = special_bits.iter().sum();
        let bits: u32 = chain.iter().sum::<u32>() + room;
        if max_log_qp(profile.log_n).is_some_and(|limit| bits > limit) {
            return None;
        }
        let (mut digits, mut filled, mut primes) = (1, 0, 0);
        for &size in &chain {
            if size > room {
                return None;
            }
            if filled + size > room || primes == MAX_DIGIT {
                (digits, filled, primes) = (digits + 1, 0, 0);
            }
            (filled, primes) = (filled + size, primes + 1);
        }
        Some(Self { digits, limbs: chain.len(), special, bits: bits.into(), n: 1 << profile.log_n })
    }

    /// Bytes in memory and on disk.
    pub fn bytes(&self) -> u64 {
        self.digits as u64 * self.bits * self.n / 8
    }

    fn rows(&self) -> usize {
        self.digits * (self.limbs + self.special)
    }
}

/// The rotation keys of a plan outside of bootstraps. They all have the same number of special primes, that for which
/// they have the fewest rows altogether.
#[derive(Clone, Copy, Debug)]
pub struct RotationKeys<'a> {
    profile: &'a Profile,
    special: usize,
}

impl<'a> RotationKeys<'a> {
    /// For these keys; `None` if there is no number of special primes for all of them.
    pub fn new(profile: &'a Profile, keys: &[KeyUse]) -> Option<Self> {
        let rows = |special: usize| -> Option<usize> {
            keys.iter().try_fold(0, |sum, key| Some(sum + KeyShape::new(profile, key.level, special)?.rows()))
        };
        let smallest = (1..=profile.special_bits.len()).filter_map(|special| Some((rows(special)?, special)));
        Some(Self { profile, special: smallest.min()?.1 })
    }

    /// For the keys of a plan.
    pub fn of(plan: &'a Plan) -> Option<Self> {
        Self::new(&plan.parameters, &plan.keys)
    }

    /// The shape of a key up to `level`.
    pub fn shape(&self, level: Level) -> Option<KeyShape> {
        KeyShape::new(self.profile, level, self.special)
    }

    /// Bytes of a key up to `level`.
    pub fn bytes(&self, level: Level) -> Option<u64> {
        Some(self.shape(level)?.bytes())
    }
}

/// The relinearisation key of a plan without bootstraps, whose polynomials are evaluated at `level` at most: all the
/// special primes that the table allows.
pub(super) fn relinearisation_key(profile: &Profile, level: Level) -> Option<KeyShape> {
    (1..=profile.special_bits.len()).rev().find_map(|special| KeyShape::new(profile, level, special))
}
