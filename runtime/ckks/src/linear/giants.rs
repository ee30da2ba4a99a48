//! Giant rotations of the inner sums. A rotation without a key of its own is done as two.

use fhecc_kernels::add_assign;
use rayon::prelude::*;

use crate::error::EvaluationError;
use crate::evaluator::{Evaluator, Keyed};
use crate::galois::Galois;
use crate::key_switching::{ExtendedPair, divide, key_product_onto};
use crate::keys::strip;
use crate::parameters::Parameters;
use crate::poly::Poly;

/// Adds `rot_rotation(inner)` to `sum`. Only the half that is decomposed again leaves the extended basis.
pub(crate) fn rotate_and_add(
    evaluator: &Evaluator<'_>,
    inner: ExtendedPair,
    rotation: i32,
    sum: &mut ExtendedPair,
) -> Result<(), EvaluationError> {
    map_and_add(evaluator, inner, Galois::rotation(i64::from(rotation), evaluator.parameters().n()), sum)
}

/// [`rotate_and_add`] for any automorphism.
pub(super) fn map_and_add(
    evaluator: &Evaluator<'_>,
    inner: ExtendedPair,
    galois: Galois,
    sum: &mut ExtendedPair,
) -> Result<(), EvaluationError> {
    let parameters = evaluator.parameters();
    if galois == Galois::IDENTITY {
        sum.add_assign(parameters, &inner);
        return Ok(());
    }
    let (level, special_count) = (inner.level, inner.special_count);
    let route = evaluator.route_special(galois, level, special_count)?;
    let Some(first) = route.first else { return add_mapped(parameters, inner, route.last, sum) };
    let mut turned = ExtendedPair::zero(parameters, level, special_count);
    add_mapped(parameters, inner, first, &mut turned)?;
    add_mapped(parameters, turned, route.last, sum)
}

/// [`map_and_add`] by a key.
fn add_mapped(
    parameters: &Parameters,
    inner: ExtendedPair,
    (galois, key): Keyed<'_>,
    sum: &mut ExtendedPair,
) -> Result<(), EvaluationError> {
    let ExtendedPair { level, special_count, c0, c1 } = inner;
    let c1 = divide(parameters, c1, level, special_count, false);
    add_product(parameters, &c1, (galois, key), [None, None], Some(&c0), sum)
}

/// Adds to `sum` the image of the key product of `c1` plus `P` times `plus` plus, for the first half, `addend`.
fn add_product(
    parameters: &Parameters,
    c1: &Poly,
    (galois, key): Keyed<'_>,
    plus: [Option<&Poly>; 2],
    addend: Option<&Poly>,
    sum: &mut ExtendedPair,
) -> Result<(), EvaluationError> {
    let (level, strip) = (sum.level, strip(parameters));
    let automorphism = parameters.permutation(galois);
    key_product_onto(parameters, (level, c1), key, plus, sum, |row, product, [sum0, sum1], scratch| {
        let m = &parameters.extended_prime(level, row).modulus;
        let strips = sum0.chunks_exact_mut(strip).zip(sum1.chunks_exact_mut(strip));
        for ((sum0, sum1), start) in strips.zip((0..).step_by(strip)) {
            let (from, [add0, add1]) = product.source_strip(&automorphism, start, scratch);
            if let Some(addend) = addend {
                add_assign(add0, &addend.limb(row)[from..][..strip], m);
            }
            automorphism.permute_add_assign(start, sum0, add0, m);
            automorphism.permute_add_assign(start, sum1, add1, m);
        }
    })
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
    let (c0, c1) = inner;
    let plus = [Some(&c0), None];
    let Some(first) = route.first else {
        return add_product(parameters, &c1, route.last, plus, None, sum);
    };
    // What is rotated first stays multiplied by `P` for the second rotation.
    let mut turned = ExtendedPair::zero(parameters, sum.level, sum.special_count);
    add_product(parameters, &c1, first, plus, None, &mut turned)?;
    add_mapped(parameters, turned, route.last, sum)
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
