//! Giant rotations of the inner sums.

use fhecc_kernels::{add_assign, permute_add_assign};
use rayon::prelude::*;

use crate::error::EvaluationError;
use crate::evaluator::Evaluator;
use crate::galois::Galois;
use crate::key_switching::{ExtendedPair, divide, key_product};
use crate::keys::KeyKind;
use crate::poly::Poly;

/// Adds `rot_rotation(inner)` to `sum`. Only the half that is decomposed again leaves the extended basis.
pub(crate) fn rotate_and_add(
    evaluator: &Evaluator<'_>,
    inner: ExtendedPair,
    rotation: i32,
    sum: &mut ExtendedPair,
) -> Result<(), EvaluationError> {
    let parameters = evaluator.parameters();
    let ExtendedPair { level, special_count, c0, c1 } = inner;
    let galois = Galois::rotation(i64::from(rotation), parameters.n());
    if galois == Galois::IDENTITY {
        sum.add_assign(parameters, &ExtendedPair { level, special_count, c0, c1 });
        return Ok(());
    }
    let key = evaluator.keys().get_special(KeyKind::Galois(galois), level, special_count)?;
    let c1 = divide(parameters, c1, level, special_count, false);
    let mut switched = key_product(parameters, &c1, key)?;
    let table = parameters.permutation(galois);
    sum.par_rows_mut().zip(switched.par_rows_mut()).for_each(|((row, sum0, sum1), (_, add0, add1))| {
        let m = &parameters.extended_prime(level, row).modulus;
        add_assign(add0, c0.limb(row), m);
        permute_add_assign(sum0, add0, &table, m);
        permute_add_assign(sum1, add1, &table, m);
    });
    Ok(())
}

/// Adds `P rot_rotation((c0, c1))` to `sum`, for polynomials without special primes.
pub(crate) fn switch_and_add(
    evaluator: &Evaluator<'_>,
    (c0, c1): (Poly, Poly),
    rotation: i32,
    sum: &mut ExtendedPair,
) -> Result<(), EvaluationError> {
    let parameters = evaluator.parameters();
    let galois = Galois::rotation(i64::from(rotation), parameters.n());
    if galois == Galois::IDENTITY {
        sum.add_scaled(parameters, &c0, Some(&c1));
    } else {
        let key = evaluator.keys().get_special(KeyKind::Galois(galois), sum.level, sum.special_count)?;
        let mut switched = key_product(parameters, &c1, key)?;
        switched.add_scaled(parameters, &c0, None);
        sum.add_permuted(parameters, &switched, galois);
    }
    Ok(())
}

/// [`switch_and_add`] for several inner sums without special primes, which the threads share: sums of residues
/// do not depend on their order.
pub(crate) fn switch_and_add_all(
    evaluator: &Evaluator<'_>,
    inner: Vec<(i32, ExtendedPair)>,
    sum: &mut ExtendedPair,
) -> Result<(), EvaluationError> {
    let parameters = evaluator.parameters();
    let per_thread = inner.len().div_ceil(rayon::current_num_threads()).max(1);
    let (level, special_count) = (sum.level, sum.special_count);
    let parts = inner
        .into_par_iter()
        .fold_chunks(
            per_thread,
            || Ok(ExtendedPair::zero(parameters, level, special_count)),
            |part: Result<ExtendedPair, EvaluationError>, (rotation, inner)| {
                let mut part = part?;
                switch_and_add(evaluator, (inner.c0, inner.c1), rotation, &mut part)?;
                Ok(part)
            },
        )
        .collect::<Result<Vec<_>, _>>()?;
    for part in parts {
        sum.add_assign(parameters, &part);
    }
    Ok(())
}
