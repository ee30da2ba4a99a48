//! Division by the special primes, by the highest prime, or by both at once.

use rayon::prelude::*;

use crate::base_conversion::{MAX_SOURCE, Source, group_size};
use crate::parameters::Parameters;
use crate::poly::Poly;

/// Divides `x` over `Q_level P` by `P`, and by `q_level` too if `rescale`, rounding to the nearest integer.
///
/// `special_count` may be 0, which makes this a plain rescale. The result has `level + 1` rows, or `level`
/// after a rescale (which needs `level >= 1`).
pub(crate) fn divide(
    parameters: &Parameters,
    mut x: Poly,
    level: usize,
    special_count: usize,
    rescale: bool,
) -> Poly {
    divide_all(parameters, &mut [&mut x], level, special_count, rescale);
    x
}

/// [`divide`] for two polynomials at a time.
pub(crate) fn divide_pair(
    parameters: &Parameters,
    mut x: (Poly, Poly),
    level: usize,
    special_count: usize,
    rescale: bool,
) -> (Poly, Poly) {
    divide_all(parameters, &mut [&mut x.0, &mut x.1], level, special_count, rescale);
    x
}

/// More primes than a base conversion takes at once are divided by in steps, the last special primes first. The
/// rounding of a step is divided by those that follow.
fn divide_all(
    parameters: &Parameters,
    polys: &mut [&mut Poly],
    level: usize,
    special_count: usize,
    rescale: bool,
) {
    debug_assert!(special_count > 0 || rescale, "nothing to divide by");
    let start = parameters.limbs();
    let mut kept = special_count;
    while kept + usize::from(rescale) > MAX_SOURCE {
        let end = start + kept;
        kept -= MAX_SOURCE.min(kept + usize::from(rescale) - MAX_SOURCE);
        let source = Source { start: start + kept, end, extra: None };
        divide_once(parameters, polys, level, level + 1 + kept, source);
    }
    let (remaining, source) = match (rescale, kept) {
        (false, 0) => return,
        (false, _) => (level + 1, Source { start, end: start + kept, extra: None }),
        (true, 0) => (level, Source { start: level, end: level + 1, extra: None }),
        (true, _) => (level, Source { start, end: start + kept, extra: Some(level) }),
    };
    divide_once(parameters, polys, level, remaining, source);
}

/// Divides by the primes of `source`, which are those of the rows from `remaining` on. With `D` their product and
/// `[x]_D` the centred residue: `(x - [x]_D) D^-1` modulo every remaining prime.
fn divide_once(
    parameters: &Parameters,
    polys: &mut [&mut Poly],
    level: usize,
    remaining: usize,
    source: Source,
) {
    let n = parameters.n();
    let primes = parameters.all_primes();
    let divisors: Vec<u64> =
        (source.start..source.end).chain(source.extra).map(|i| primes[i].modulus.value()).collect();
    polys.par_iter_mut().for_each(|poly| {
        let (rows, divided) = poly.as_mut_slice().split_at_mut(remaining * n);
        divided.par_chunks_exact_mut(n).enumerate().for_each(|(i, row)| {
            parameters.extended_prime(level, remaining + i).ntt.inverse(row);
        });
        // Rows to divide by, in the order of `source`: the rescaled prime comes first in memory, last there.
        let mut from: Vec<&[u64]> = divided.chunks_exact(n).collect();
        if source.extra.is_some() {
            from.rotate_left(1);
        }
        let group = group_size(remaining);
        rows.par_chunks_mut(n * group).enumerate().for_each_init(
            || Poly::unfilled(n, group),
            |scratch, (index, out)| {
                let first = index * group;
                let targets: Vec<usize> =
                    (first..first + out.len() / n).map(|row| parameters.extended_index(level, row)).collect();
                let mut residues: Vec<&mut [u64]> =
                    scratch.as_mut_slice().chunks_exact_mut(n).take(targets.len()).collect();
                parameters.converters().get(primes, source, &targets).convert(&from, &mut residues);
                for ((&target, residue), out) in targets.iter().zip(residues).zip(out.chunks_exact_mut(n)) {
                    let prime = &primes[target];
                    let m = &prime.modulus;
                    prime.ntt.forward(residue);
                    let divisor = divisors.iter().fold(1, |product, &q| m.mul(product, m.reduce(q)));
                    fhecc_kernels::sub_mul_scalar_assign(out, residue, m.inv(divisor), m);
                }
            },
        );
        poly.truncate(remaining);
    });
}
