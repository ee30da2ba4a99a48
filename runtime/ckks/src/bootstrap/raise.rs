//! From modulus `q0` to the full chain, fused with the first coefficients-to-slots matrix.
//!
//! The ciphertext is switched to a sparse secret `s~` (Bossuat, Troncoso-Pastoriza, Hubaux, "Bootstrapping for
//! approximate homomorphic encryption with negligible failure-probability by using sparse-secret
//! encapsulation", ACNS 2022), whose small norm bounds the multiple `I` in `c0 + c1 s~ = q0 (a m + I) + e` over
//! the integers, `c0` and `c1` being the centred representatives modulo `q0`.
//!
//! These representatives are small, so they need no digits: a key `E_tau = RLWE_s(p tau(s~))` over `Q p` with a
//! single special prime `p >= q0` gives `p tau(c)` under the main secret `s` for the automorphism `tau`,
//!
//! ```text
//! p tau(c0 + c1 s~) = p tau(c0) + tau(c1) E_tau
//! ```
//!
//! for two products per prime. The babies of the first matrix are made that way.

use rayon::prelude::*;

use super::circuit::Stage;
use super::keys::BootstrapKeys;
use crate::ciphertext::Ciphertext;
use crate::error::EvaluationError;
use crate::evaluator::Evaluator;
use crate::galois::Galois;
use crate::key_switching::{Decomposed, ExtendedPair, RowProduct, key_product_plus};
use crate::keys::{KeyKind, KeySwitchKey};
use crate::linear::{
    BabyRow, BabyRows, COMPUTED_BLOCK_BYTES, Halves, Horner, StoredBabies, Switch, all_inner_sums,
    baby_rotations, inner_sums, inwards,
};
use crate::parameters::Parameters;
use crate::poly::Poly;
use crate::scale::Scale;

/// Special primes of the keys `E_tau`.
pub(crate) const RAISE_SPECIAL_COUNT: usize = 1;

/// The raised and transformed ciphertexts: `stage` applied to `a m + I`, which still has terms outside of `X^2`, at the
/// stage's level less one.
pub(crate) fn raise<'a>(
    evaluator: &'a Evaluator<'a>,
    ciphertexts: &[Ciphertext],
    keys: &'a BootstrapKeys,
    stage: &Stage,
) -> Result<Vec<Ciphertext>, EvaluationError> {
    let parameters = evaluator.parameters();
    let level = stage.schedule.level;
    let babies = ciphertexts.par_iter().map(|ciphertext| {
        let (c0, c1) = to_sparse_secret(parameters, ciphertext, &keys.dense_to_sparse)?;
        RaisedBabies::new(evaluator, level, (&c0, &c1), stage, keys)
    });
    let babies: Vec<_> = babies.collect::<Result<_, _>>()?;
    let scale = Scale::from_prime(parameters.prime(0))
        .mul(stage.plaintext_scale)
        .div(parameters.rescale_factor(level));
    let giants = &stage.schedule.giants;
    let horner = |_: &_| Horner::new(evaluator, giants, level, stage.schedule.special_count);
    let mut horners: Vec<_> = ciphertexts.iter().map(horner).collect();
    if stage.schedule.stores_babies(parameters) {
        let babies =
            babies.into_par_iter().map(|babies| babies.stored(Scale::from_prime(parameters.prime(0))));
        let babies: Vec<_> = babies.collect::<Result<_, _>>()?;
        inner_sums(parameters, &babies, &inwards(giants), stage, &mut |sums| {
            Horner::add_all(&mut horners, sums)
        })?;
    } else {
        let all = all_inner_sums(parameters, babies, giants, stage)?;
        horners.par_iter_mut().zip(all).try_for_each(|(horner, sums)| {
            sums.into_iter().try_for_each(|(rotation, sum)| {
                let (c0, c1) = sum.mod_down(parameters);
                horner.add(rotation, ExtendedPair { level, special_count: 0, c0, c1 })
            })
        })?;
    }
    let finish = |horner: Horner<'a>| {
        let (c0, c1) = horner.rescaled()?;
        Ok(Ciphertext { level: parameters.level_below(level), scale, c0, c1 })
    };
    horners.into_par_iter().map(finish).collect()
}

/// The ciphertext modulo `q0` under the sparse secret, as coefficients.
fn to_sparse_secret(
    parameters: &Parameters,
    ciphertext: &Ciphertext,
    key: &KeySwitchKey,
) -> Result<(Poly, Poly), EvaluationError> {
    let (c0, c1) = (ciphertext.c0.truncated(1), ciphertext.c1.truncated(1));
    let sum = key_product_plus(parameters, (0, &c1), key, [Some(&c0), None])?;
    let (mut c0, mut c1) = sum.mod_down(parameters);
    for poly in [&mut c0, &mut c1] {
        parameters.moduli()[0].ntt.inverse(poly.limb_mut(0));
    }
    Ok((c0, c1))
}

struct RaisedBabies<'a> {
    evaluator: &'a Evaluator<'a>,
    level: usize,
    c0: Decomposed,
    c1: Decomposed,
    rotations: Vec<i32>,
    switches: Vec<Switch<'a>>,
}

impl<'a> RaisedBabies<'a> {
    fn new(
        evaluator: &'a Evaluator<'a>,
        level: usize,
        (c0, c1): (&Poly, &Poly),
        stage: &Stage,
        keys: &'a BootstrapKeys,
    ) -> Result<Self, EvaluationError> {
        let parameters = evaluator.parameters();
        let lift = |poly: &Poly| Decomposed::lift(parameters, poly.limb(0), level, RAISE_SPECIAL_COUNT);
        let (c0, c1) = (lift(c0), lift(c1));
        let rotations = baby_rotations(&stage.schedule.giants);
        let switch = |&rotation: &i32| -> Result<Switch<'a>, EvaluationError> {
            let galois = Galois::rotation(i64::from(rotation), parameters.n());
            let key = keys.raise.get(&galois).ok_or_else(|| EvaluationError::KeyMissing {
                key: format!("the raise of the modulus, {}", KeyKind::Galois(galois)),
                level,
            })?;
            c1.check(key)?;
            Ok((key, parameters.permutation(galois)))
        };
        let switches = rotations.iter().map(switch).collect::<Result<_, _>>()?;
        Ok(Self { evaluator, level, c0, c1, rotations, switches })
    }

    /// One row of `P` times a baby, before the automorphism.
    fn row_product(&self, index: usize, row: usize) -> Result<RowProduct<'_>, EvaluationError> {
        let plus =
            [(row < self.evaluator.parameters().limbs_at(self.level)).then(|| self.c0.row(0, row)), None];
        let (key, _) = &self.switches[index];
        self.c1.row_product(self.evaluator.parameters(), key, row, plus)
    }

    /// All babies, divided by `P`: less work, and memory, than to divide the sums where there are more of those.
    fn stored(self, scale: Scale) -> Result<StoredBabies, EvaluationError> {
        let (parameters, level) = (self.evaluator.parameters(), self.level);
        let divided = |index: usize| -> Result<Ciphertext, EvaluationError> {
            let shape = (level, RAISE_SPECIAL_COUNT);
            let baby = ExtendedPair::from_products(parameters, shape, 1, |row| self.row_product(index, row))?;
            let (c0, c1) = baby.mod_down(parameters);
            let (_, permutation) = &self.switches[index];
            let [c0, c1] = [c0, c1].map(|half| self.evaluator.permuted(&half, permutation));
            Ok(Ciphertext { level, scale, c0, c1 })
        };
        let ciphertexts = (0..self.rotations.len()).map(divided).collect::<Result<_, _>>()?;
        Ok(StoredBabies { block_bytes: 0, level, rotations: self.rotations, ciphertexts })
    }
}

impl BabyRows for RaisedBabies<'_> {
    fn level(&self) -> usize {
        self.level
    }

    fn special_count(&self) -> usize {
        RAISE_SPECIAL_COUNT
    }

    fn rotations(&self) -> &[i32] {
        &self.rotations
    }

    fn digits(&self) -> Option<usize> {
        Some(1)
    }

    fn row(&self, row: usize) -> Result<Vec<BabyRow<'_>>, EvaluationError> {
        let permutations = self.switches.iter().map(|(_, permutation)| &**permutation);
        let baby = |(index, permutation)| {
            Ok(BabyRow {
                halves: Halves::Product(Box::new(self.row_product(index, row)?)),
                permutation: Some(permutation),
            })
        };
        permutations.enumerate().map(baby).collect()
    }

    fn block_bytes(&self) -> usize {
        COMPUTED_BLOCK_BYTES
    }
}
