//! Checked parameters: primes, transform tables, the chain of levels.
//!
//! A *level* is the number of rescales left: a polynomial at level `l` has the limbs `q_0 ..= q_l`. Where there are
//! merged or raised primes, the levels from a bootstrap's input or above the compute levels on have a chain of their
//! own; see [`ParametersLiteral`].
//! Literal in, immutable checked type out: nothing else in this crate repeats the checks made here.

mod chains;
mod key_shape;
mod literal;
mod primes;
mod ring_prime;

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use fhecc_kernels::Automorphism;

use self::chains::Chains;
pub use self::literal::{BootstrapLiteral, BootstrapRotations, ParametersLiteral};
pub use self::ring_prime::RingPrime;
pub(crate) use self::ring_prime::{SHORTEST, product_modulo};
use crate::base_conversion::{Converters, MAX_SOURCE};
use crate::bootstrap::Circuit;
use crate::encoder::Embedding;
use crate::error::{EvaluationError, ParameterError};
use crate::galois::{Galois, Permutations};
use crate::scale::Scale;
use crate::security;

/// Smallest and largest supported `log2(N)`; the lower ones only with [`Parameters::insecure_for_tests`].
const LOG_N: (u32, u32) = (10, 17);

/// Smallest and largest prime sizes in bits. The vector kernels need primes below `2^50`.
const PRIME_BITS: (u32, u32) = (20, 50);

/// By how many bits merged and raised primes together may differ from those they stand in for: a scale before the change is
/// larger or smaller by half as many.
const DIFFERENCE: u32 = 2;

/// Immutable parameters with everything derived from them. Cloning is cheap and shares the tables.
#[derive(Clone)]
pub struct Parameters {
    inner: Arc<Inner>,
}

struct Inner {
    literal: ParametersLiteral,
    /// Sizes of `primes`.
    bits: Vec<u32>,
    /// Number of primes that are not special.
    limbs: usize,
    chains: Chains,
    /// The primes in the order of the literal: those of the chains, limb 0 first, then the special ones.
    primes: Vec<RingPrime>,
    /// Per level, how many special primes a key may have.
    special_counts: Vec<usize>,
    log_qp: f64,
    security_bits: Option<u32>,
    fingerprint: [u8; 32],
    converters: Converters,
    embedding: Embedding,
    permutations: Permutations,
    bootstrap: OnceLock<Result<Arc<Circuit>, EvaluationError>>,
}

impl Parameters {
    /// Checks the literal and derives primes and tables.
    ///
    /// # Errors
    ///
    /// [`ParameterError`] if a size is out of range, primes run out, or the set is above the 128-bit
    /// security table of [`security`].
    pub fn new(literal: ParametersLiteral) -> Result<Self, ParameterError> {
        let parameters = Self::build(literal)?;
        let inner = &parameters.inner;
        let log_n = inner.literal.log_n;
        if inner.security_bits.is_none() {
            let allowed = security::max_log_qp_128(log_n);
            return Err(ParameterError::Insecure { log_n, found: inner.log_qp, allowed });
        }
        if let Some(bootstrap) = inner.literal.bootstrap {
            let weight = bootstrap.ephemeral_weight;
            let log_modulus = inner.bits[0] + inner.bits[inner.limbs];
            let allowed = security::max_log_ephemeral_modulus(log_n);
            if weight < security::MIN_EPHEMERAL_WEIGHT || log_modulus > allowed {
                return Err(ParameterError::InsecureEphemeral { weight, log_modulus, allowed });
            }
        }
        Ok(parameters)
    }

    /// Like [`Parameters::new`] without the security table: small rings for fast tests, never for data.
    ///
    /// # Errors
    ///
    /// [`ParameterError`] if a size is out of range or primes run out.
    pub fn insecure_for_tests(literal: ParametersLiteral) -> Result<Self, ParameterError> {
        Self::build(literal)
    }

    fn build(literal: ParametersLiteral) -> Result<Self, ParameterError> {
        check_ranges(&literal)?;
        let log_n = literal.log_n;
        let n = 1usize << log_n;
        let limbs = literal.chain_bits().count();
        let bits: Vec<u32> = literal.chain_bits().chain(literal.special_bits.iter().copied()).collect();
        let values = primes::choose(log_n, &bits)?;
        let chains = Chains::new(&literal);
        let (special_counts, log_qp) =
            key_shape::key_moduli(log_n, &chains, &values[..limbs], &values[limbs..]);
        let primes: Vec<RingPrime> = values
            .iter()
            .map(|&q| RingPrime::new(q, n).ok_or(ParameterError::NotNttFriendly { found: q, n }))
            .collect::<Result<_, _>>()?;
        let inner = Inner {
            bits,
            limbs,
            chains,
            special_counts,
            log_qp,
            security_bits: security::level(log_n, log_qp),
            fingerprint: fingerprint(&literal, &values),
            converters: Converters::default(),
            embedding: Embedding::new(log_n),
            permutations: Permutations::default(),
            bootstrap: OnceLock::new(),
            primes,
            literal,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The literal these parameters were made from.
    pub fn literal(&self) -> &ParametersLiteral {
        &self.inner.literal
    }

    /// `log2` of the ring degree.
    pub fn log_n(&self) -> u32 {
        self.inner.literal.log_n
    }

    /// The ring degree `N`.
    pub fn n(&self) -> usize {
        1 << self.log_n()
    }

    /// The number of slots, `N/2`.
    pub fn slots(&self) -> usize {
        self.n() / 2
    }

    /// Number of primes that are not special.
    pub fn limbs(&self) -> usize {
        self.inner.limbs
    }

    /// The highest level.
    pub fn max_level(&self) -> usize {
        self.inner.chains.levels() - 1
    }

    /// Number of special primes.
    pub fn special_limbs(&self) -> usize {
        self.inner.primes.len() - self.inner.limbs
    }

    /// All primes but the special ones, limb 0 first.
    pub fn moduli(&self) -> &[RingPrime] {
        &self.inner.primes[..self.inner.limbs]
    }

    /// The primes of a polynomial at `level`, limb 0 first.
    ///
    /// # Panics
    ///
    /// If `level` is above [`Parameters::max_level`].
    pub fn moduli_at(&self, level: usize) -> &[RingPrime] {
        &self.inner.primes[self.chain(level)]
    }

    /// The number of limbs of a polynomial at `level`.
    ///
    /// # Panics
    ///
    /// If `level` is above [`Parameters::max_level`].
    pub fn limbs_at(&self, level: usize) -> usize {
        self.chain(level).len()
    }

    /// The lowest level with limbs of the same chain as `level`: down to there, limbs can be dropped.
    pub fn lowest_level(&self, level: usize) -> usize {
        self.inner.chains.lowest_level(level)
    }

    /// The special primes.
    pub fn special_moduli(&self) -> &[RingPrime] {
        &self.inner.primes[self.inner.limbs..]
    }

    /// The prime of the highest limb at `level`.
    ///
    /// # Panics
    ///
    /// If `level` is above [`Parameters::max_level`].
    pub fn prime(&self, level: usize) -> u64 {
        self.inner.primes[self.chain(level).end - 1].modulus.value()
    }

    /// The level after a rescale at `level > 0`: the one below, but from the lowest with raised primes
    /// [`Parameters::compute_top_level`].
    pub fn level_below(&self, level: usize) -> usize {
        let lowest = self.lowest_level(level) == level;
        if lowest && level > self.inner.chains.computation_top() {
            self.compute_top_level()
        } else {
            level - 1
        }
    }

    /// What a rescale at `level > 0` divides by: the modulus over that of [`Parameters::level_below`].
    ///
    /// # Panics
    ///
    /// If `level` is above [`Parameters::max_level`].
    pub fn rescale_factor(&self, level: usize) -> Scale {
        let prime = Scale::from_prime(self.prime(level));
        if self.lowest_level(level) < level || level == 0 {
            return prime;
        }
        let product = |start: Scale, primes: &[RingPrime]| {
            primes.iter().fold(start, |product, prime| product.mul_prime(prime.modulus.value()))
        };
        let one = Scale::from_pow2(0);
        product(one, self.moduli_at(level)).div(product(one, self.moduli_at(self.level_below(level))))
    }

    /// The scale at every layer boundary, `2^log_scale`.
    pub fn scale(&self) -> Scale {
        Scale::from_pow2(self.inner.literal.log_scale as i32)
    }

    /// `log2(Q_level P)` of the largest key: the largest modulus under which anything is encrypted.
    pub fn log_qp(&self) -> f64 {
        self.inner.log_qp
    }

    /// Tabulated security in bits; `None` only for [`Parameters::insecure_for_tests`].
    pub fn security_bits(&self) -> Option<u32> {
        self.inner.security_bits
    }

    /// The level a bootstrap expects: what the slots-to-coefficients transform consumes.
    pub fn slots_to_coeffs_top_level(&self) -> usize {
        self.inner.literal.slots_to_coeffs_bits.len()
    }

    /// The level right after a bootstrap: slots-to-coefficients plus compute levels.
    pub fn compute_top_level(&self) -> usize {
        self.inner.literal.compute_top_level()
    }

    /// The level right after the coefficients-to-slots transform.
    pub fn eval_mod_top_level(&self) -> usize {
        self.inner.chains.computation_top() + self.inner.literal.eval_mod_bits.len()
    }

    /// A digest of degree and primes, stored with everything serialised.
    pub fn fingerprint(&self) -> &[u8; 32] {
        &self.inner.fingerprint
    }

    /// Whether the security table allows keys for this level with so many special primes.
    pub(crate) fn has_keys(&self, level: usize, special_count: usize) -> bool {
        level <= self.max_level() && (1..=self.max_special_count(level)).contains(&special_count)
    }

    /// The digits of a key with `special_count` special primes: ranges that cover the limbs at `level`, filled
    /// greedily from limb 0 so that no digit is larger than the product of the special primes, or has more than
    /// 8 primes.
    ///
    /// The ranges do not depend on where the key is truncated, except that the last one ends there.
    /// Returns `None` if `level` or `special_count` is out of range, or one prime is larger than all the
    /// special primes together.
    pub fn digits(&self, level: usize, special_count: usize) -> Option<Vec<Range<usize>>> {
        if !self.has_keys(level, special_count) {
            return None;
        }
        let bits = &self.inner.bits;
        let room: u32 = bits[self.inner.limbs..][..special_count].iter().sum();
        let mut digits = Vec::new();
        let mut start = 0;
        let mut filled = 0;
        for (limb, &size) in bits[self.chain(level)].iter().enumerate() {
            if size > room {
                return None;
            }
            if filled + size > room || limb - start == MAX_SOURCE {
                digits.push(start..limb);
                start = limb;
                filled = 0;
            }
            filled += size;
        }
        digits.push(start..self.limbs_at(level));
        Some(digits)
    }

    /// Where in [`Parameters::all_primes`] the limbs at `level` are.
    pub(crate) fn chain(&self, level: usize) -> Range<usize> {
        self.inner.chains.limbs(level)
    }

    /// Primes of the chains and then the special primes, as one list.
    pub(crate) fn all_primes(&self) -> &[RingPrime] {
        &self.inner.primes
    }

    /// The prime of a row of a polynomial over `Q_level` and the first special primes.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn extended_prime(&self, level: usize, row: usize) -> &RingPrime {
        &self.inner.primes[self.extended_index(level, row)]
    }

    /// The same, as an index into the list of all primes, those of [`Parameters::moduli`] and then the special ones.
    pub fn extended_index(&self, level: usize, row: usize) -> usize {
        let limbs = self.chain(level);
        if row < limbs.len() { limbs.start + row } else { self.inner.limbs + row - limbs.len() }
    }

    /// An automorphism as a permutation of a row in the transform domain; cached.
    pub(crate) fn permutation(&self, galois: Galois) -> Arc<Automorphism> {
        self.inner.permutations.get(galois, self.n())
    }

    /// The encoded matrices of the bootstrap, made when first used.
    pub(crate) fn bootstrap_circuit(&self) -> Result<Arc<Circuit>, EvaluationError> {
        self.made_circuit(false)
    }

    /// Makes the encoded matrices of the bootstrap, which the first bootstrap does otherwise. `transformed` modulo every prime
    /// they take many times the memory, and a bootstrap less time; the results are the same. Once made they stay as they are.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::Argument`] if the parameters have no bootstrap or not the levels it needs.
    pub fn prepare_bootstrap(&self, transformed: bool) -> Result<(), EvaluationError> {
        self.made_circuit(transformed).map(drop)
    }

    fn made_circuit(&self, transformed: bool) -> Result<Arc<Circuit>, EvaluationError> {
        self.inner.bootstrap.get_or_init(|| Circuit::new(self, transformed).map(Arc::new)).clone()
    }

    /// Bytes of the encoded matrices of the bootstrap; `None` until a bootstrap has made them.
    pub fn bootstrap_matrix_bytes(&self) -> Option<usize> {
        self.inner.bootstrap.get()?.as_ref().ok().map(|circuit| circuit.size_in_bytes())
    }

    pub(crate) fn converters(&self) -> &Converters {
        &self.inner.converters
    }

    pub(crate) fn embedding(&self) -> &Embedding {
        &self.inner.embedding
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parameters")
            .field("literal", &self.inner.literal)
            .field("log_qp", &self.inner.log_qp)
            .field("security_bits", &self.inner.security_bits)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Parameters {
    fn eq(&self, other: &Self) -> bool {
        self.inner.literal == other.inner.literal
    }
}

/// A small ring with three primes and this special one, without bootstrap.
#[cfg(test)]
pub(crate) fn tiny_for_tests(log_n: u32, special_bits: u32) -> Parameters {
    let literal = ParametersLiteral {
        log_n,
        base_bits: 40,
        slots_to_coeffs_bits: vec![28],
        merged_bits: vec![],
        compute_bits: vec![31],
        input_bits: vec![],
        raised_bits: vec![],
        eval_mod_bits: vec![],
        coeffs_to_slots_bits: vec![],
        special_bits: vec![special_bits],
        log_scale: 31,
        bootstrap: None,
    };
    Parameters::insecure_for_tests(literal).expect("in range")
}

fn check_ranges(literal: &ParametersLiteral) -> Result<(), ParameterError> {
    let log_n = literal.log_n;
    if !(LOG_N.0..=LOG_N.1).contains(&log_n) {
        return Err(ParameterError::RingDegree { found: log_n, allowed: LOG_N });
    }
    let count = |what, found, allowed: (usize, usize)| {
        if (allowed.0..=allowed.1).contains(&found) {
            Ok(())
        } else {
            Err(ParameterError::Count { what, found, allowed })
        }
    };
    count("special primes", literal.special_bits.len(), (1, 16))?;
    count("primes in the chain", literal.chain_bits().count(), (1, 64))?;
    // The change to the other chain is one base conversion from these and the prime of a rescale.
    count("raised primes", literal.raised_bits.len(), (0, MAX_SOURCE - 1))?;
    count("merged primes", literal.merged_bits.len(), (0, MAX_SOURCE))?;
    let standing_in = |what, primes: &[u32], replaced: &[&[u32]]| {
        let found = primes.iter().sum::<u32>();
        let replaced = literal.base_bits + replaced.concat().iter().sum::<u32>();
        if primes.is_empty() || found.abs_diff(replaced) <= DIFFERENCE {
            return Ok(());
        }
        let allowed = (replaced.saturating_sub(DIFFERENCE), replaced.saturating_add(DIFFERENCE));
        Err(ParameterError::Range { what, found, allowed })
    };
    let (low, compute) = (&literal.slots_to_coeffs_bits[..], &literal.compute_bits[..]);
    let smallest = PRIME_BITS.0.max(log_n + 2);
    for bits in literal.chain_bits().chain(literal.special_bits.iter().copied()) {
        if !(smallest..=PRIME_BITS.1).contains(&bits) {
            return Err(ParameterError::PrimeBits { found: bits, allowed: (smallest, PRIME_BITS.1) });
        }
    }
    if literal.raised_bits.is_empty() {
        count("primes of inputs without raised ones", literal.input_bits.len(), (0, 0))?;
    }
    standing_in("bits of all raised primes", &literal.raised_bits, &[low, compute])?;
    standing_in("bits of all merged primes", &literal.merged_bits, &[low])?;
    if !literal.merged_bits.is_empty() {
        count("slots-to-coefficients primes with merged ones", low.len(), (1, 64))?;
    }
    let range = |what, found, allowed: (u32, u32)| {
        if (allowed.0..=allowed.1).contains(&found) {
            Ok(())
        } else {
            Err(ParameterError::Range { what, found, allowed })
        }
    };
    range("log_scale", literal.log_scale, (10, 100))?;
    if let Some(bootstrap) = literal.bootstrap {
        range("log_message_ratio", bootstrap.log_message_ratio, (1, 20))?;
        range("interval", bootstrap.interval, (2, 1024))?;
        range("double_angles", bootstrap.double_angles, (0, 10))?;
        range("degree", bootstrap.degree, (2, 254))?;
        range("ephemeral_weight", bootstrap.ephemeral_weight, (1, 1 << (log_n - 1)))?;
    }
    Ok(())
}

fn fingerprint(literal: &ParametersLiteral, primes: &[u64]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("fhecc-ckks parameters v1");
    hasher.update(&literal.log_n.to_le_bytes());
    hasher.update(&(literal.special_bits.len() as u64).to_le_bytes());
    hasher.update(&(literal.merged_bits.len() as u64).to_le_bytes());
    hasher.update(&(literal.raised_bits.len() as u64).to_le_bytes());
    hasher.update(&(literal.compute_top_level() as u64).to_le_bytes());
    hasher.update(&(literal.input_bits.len() as u64).to_le_bytes());
    for q in primes {
        hasher.update(&q.to_le_bytes());
    }
    *hasher.finalize().as_bytes()
}
