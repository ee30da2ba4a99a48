//! Giant rotations of the inner sums. A rotation without a key of its own is done as two.

use fhecc_kernels::{add_assign, permute_add_assign};
use rayon::prelude::*;

use crate::error::EvaluationError;
use crate::evaluator::{Evaluator, Keyed};
use crate::galois::Galois;
use crate::key_switching::{ExtendedPair, divide, key_product, key_product_plus};
use crate::parameters::Parameters;
use crate::poly::Poly;

/// Adds `rot_rotation(inner)` to `sum`. Only the half that is decomposed again leaves the extended basis.
pub(crate) fn rotate_and_add(
    evaluator: &Evaluator<'_>,
    inner: ExtendedPair,
    rotation: i32,
    sum: &mut ExtendedPair,
) -> Result<(), EvaluationError> {
    let parameters = evaluator.parameters();
    let galois = Galois::rotation(i64::from(rotation), parameters.n());
    if galois == Galois::IDENTITY {
        sum.add_assign(parameters, &inner);
        return Ok(());
    }
    let (level, special_count) = (inner.level, inner.special_count);
    let route = evaluator.route_special(galois, level, special_count)?;
    let Some(first) = route.first else { return add_rotated(parameters, inner, route.last, sum) };
    let mut turned = ExtendedPair::zero(parameters, level, special_count);
    add_rotated(parameters, inner, first, &mut turned)?;
    add_rotated(parameters, turned, route.last, sum)
}

/// [`rotate_and_add`] by a key.
fn add_rotated(
    parameters: &Parameters,
    inner: ExtendedPair,
    (galois, key): Keyed<'_>,
    sum: &mut ExtendedPair,
) -> Result<(), EvaluationError> {
    let ExtendedPair { level, special_count, c0, c1 } = inner;
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
    inner: (Poly, Poly),
    rotation: i32,
    sum: &mut ExtendedPair,
) -> Result<(), EvaluationError> {
    let parameters = evaluator.parameters();
    let galois = Galois::rotation(i64::from(rotation), parameters.n());
    if galois == Galois::IDENTITY {
        sum.add_scaled(parameters, &inner.0, Some(&inner.1));
        return Ok(());
    }
    let route = evaluator.route_special(galois, sum.level, sum.special_count)?;
    let Some(first) = route.first else { return add_switched(parameters, inner, route.last, sum) };
    // What is rotated first stays multiplied by `P` for the second rotation.
    let mut turned = ExtendedPair::zero(parameters, sum.level, sum.special_count);
    add_switched(parameters, inner, first, &mut turned)?;
    add_rotated(parameters, turned, route.last, sum)
}

/// [`switch_and_add`] by a key.
fn add_switched(
    parameters: &Parameters,
    (c0, c1): (Poly, Poly),
    (galois, key): Keyed<'_>,
    sum: &mut ExtendedPair,
) -> Result<(), EvaluationError> {
    let switched = key_product_plus(parameters, &c1, key, [Some(&c0), None])?;
    sum.add_permuted(parameters, &switched, galois);
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
