//! Division by the special primes, by the highest prime, or by both at once, and the change to the primes below.

use fhecc_kernels::Modulus;
use rayon::prelude::*;

use crate::base_conversion::{MAX_SOURCE, Source, group_size};
use crate::parameters::{Parameters, RingPrime, product_modulo};
use crate::poly::Poly;

/// Divides `x` over `Q_level P` by `P`, and by [`Parameters::rescale_factor`] too if `rescale`, rounding to the nearest
/// integer.
///
/// `special_count` may be 0, which makes this a plain rescale. The result has the limbs of the level, or of the one
/// below after a rescale (which needs `level >= 1`), and may keep the memory of the rows that are gone.
pub(crate) fn divide(
    parameters: &Parameters,
    mut x: Poly,
    level: usize,
    special_count: usize,
    rescale: bool,
) -> Poly {
    divide_all(parameters, &mut [&mut x], level, special_count, (rescale, divide_in_place));
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
    divide_all(parameters, &mut [&mut x.0, &mut x.1], level, special_count, (rescale, divide_in_place));
    x
}

/// [`divide_pair`] to buffers of their own length, for polynomials that live on.
pub(crate) fn divide_pair_fitted(
    parameters: &Parameters,
    mut x: (Poly, Poly),
    level: usize,
    special_count: usize,
    rescale: bool,
) -> (Poly, Poly) {
    divide_all(parameters, &mut [&mut x.0, &mut x.1], level, special_count, (rescale, divide_to_fitted));
    x
}

/// More primes than a base conversion takes at once are divided by in steps, the last special primes first. The
/// rounding of a step is divided by those that follow.
fn divide_all(
    parameters: &Parameters,
    polys: &mut [&mut Poly],
    level: usize,
    special_count: usize,
    (rescale, last): (bool, LastStep),
) {
    debug_assert!(special_count > 0 || rescale, "nothing to divide by");
    if rescale && parameters.lowest_level(level) == level {
        if special_count > 0 {
            divide_all(parameters, polys, level, special_count, (false, divide_in_place));
        }
        polys.par_iter_mut().for_each(|poly| **poly = change_chain(parameters, poly, level));
        return;
    }
    let (start, chain) = (parameters.limbs(), parameters.chain(level));
    let limbs = chain.len();
    let mut kept = special_count;
    while kept + usize::from(rescale) > MAX_SOURCE {
        let end = start + kept;
        kept -= MAX_SOURCE.min(kept + usize::from(rescale) - MAX_SOURCE);
        let source = Source { start: start + kept, end, extra: None };
        divide_once(parameters, polys, (level, limbs + kept), source, divide_in_place);
    }
    let (remaining, source) = match (rescale, kept) {
        (false, 0) => return,
        (false, _) => (limbs, Source { start, end: start + kept, extra: None }),
        (true, 0) => (limbs - 1, Source { start: chain.end - 1, end: chain.end, extra: None }),
        (true, _) => (limbs - 1, Source { start, end: start + kept, extra: Some(chain.end - 1) }),
    };
    divide_once(parameters, polys, (level, remaining), source, last);
}

/// The rescale from the lowest level of the upper chain: `round(x Q / D)` over `Q`, the modulus of
/// [`Parameters::level_below`], for `x` over `D`.
///
/// With `[y]_D` the centred residue it is `(x Q - [x Q]_D) / D`, which modulo a prime of `Q` is `-[x Q]_D D^-1`.
fn change_chain(parameters: &Parameters, x: &mut Poly, level: usize) -> Poly {
    let n = parameters.n();
    let (old, below) = (parameters.chain(level), parameters.level_below(level));
    let source = Source { start: old.start, end: old.end, extra: None };
    let factors = source.digit_factors(parameters.all_primes());
    let rows = x.as_mut_slice().par_chunks_exact_mut(n).zip(parameters.moduli_at(level));
    rows.zip(factors).for_each(|((row, prime), factor)| {
        let m = &prime.modulus;
        prime.ntt.inverse_times(row, m.mul(product_modulo(parameters.moduli_at(below), m), factor));
    });
    let divisor = Divisor { parameters, level: below, source, from: x.as_slice().chunks_exact(n).collect() };
    let limbs = parameters.limbs_at(below);
    let mut out = Poly::unfilled(n, limbs);
    let group = group_size(limbs);
    out.as_mut_slice().par_chunks_mut(n * group).enumerate().for_each(|(index, rows)| {
        for (prime, row) in divisor.residues(index * group, rows) {
            let m = &prime.modulus;
            fhecc_kernels::mul_scalar_assign(row, m.neg(divisor.inverse(m)), m);
        }
    });
    out
}

/// Divides by the primes of `source`, which are those of the rows from `remaining` on. With `D` their product and
/// `[x]_D` the centred residue: `(x - [x]_D) D^-1` modulo every remaining prime.
fn divide_once(
    parameters: &Parameters,
    polys: &mut [&mut Poly],
    (level, remaining): (usize, usize),
    source: Source,
    step: LastStep,
) {
    let n = parameters.n();
    let mut factors = source.digit_factors(parameters.all_primes());
    // Rows to divide by are in the order of `source`, but for the rescaled prime: it comes first in memory, last there.
    if source.extra.is_some() {
        factors.rotate_right(1);
    }
    polys.par_iter_mut().for_each(|poly| {
        let (rows, divided) = poly.as_mut_slice().split_at_mut(remaining * n);
        divided.par_chunks_exact_mut(n).zip(&factors).enumerate().for_each(|(i, (row, &factor))| {
            parameters.extended_prime(level, remaining + i).ntt.inverse_times(row, factor);
        });
        let mut from: Vec<&[u64]> = divided.chunks_exact(n).collect();
        if source.extra.is_some() {
            from.rotate_left(1);
        }
        let divisor = Divisor { parameters, level, source, from };
        match step(&divisor, rows) {
            Some(fitted) => **poly = fitted,
            None => poly.truncate(remaining),
        }
    });
}

/// What a polynomial is divided by, with the digits of its coefficients modulo that.
struct Divisor<'a> {
    parameters: &'a Parameters,
    level: usize,
    source: Source,
    from: Vec<&'a [u64]>,
}

impl Divisor<'_> {
    /// Writes `[x]_D` modulo the primes of some rows from `first` on, transformed; with each goes its prime.
    fn residues<'o>(
        &self,
        first: usize,
        out: &'o mut [u64],
    ) -> impl Iterator<Item = (&RingPrime, &'o mut [u64])> {
        let n = self.parameters.n();
        let primes = self.parameters.all_primes();
        let targets: Vec<usize> = (first..first + out.len() / n)
            .map(|row| self.parameters.extended_index(self.level, row))
            .collect();
        let mut residues: Vec<&mut [u64]> = out.chunks_exact_mut(n).collect();
        self.parameters.converters().get(primes, self.source, &targets).convert(&self.from, &mut residues);
        targets.into_iter().map(|target| &primes[target]).zip(residues).map(|(prime, residue)| {
            prime.ntt.forward(residue);
            (prime, residue)
        })
    }

    /// `D^-1` modulo a prime.
    fn inverse(&self, m: &Modulus) -> u64 {
        let primes = self.parameters.all_primes();
        m.inv(product_modulo(self.source.primes().map(|i| &primes[i]), m))
    }
}

/// Divides the remaining rows of a polynomial, where they are or to the polynomial returned.
type LastStep = fn(&Divisor<'_>, &mut [u64]) -> Option<Poly>;

fn divide_in_place(divisor: &Divisor<'_>, rows: &mut [u64]) -> Option<Poly> {
    let n = divisor.parameters.n();
    let group = group_size(rows.len() / n);
    rows.par_chunks_mut(n * group).enumerate().for_each_init(
        || Poly::unfilled(n, group),
        |scratch, (index, rows)| {
            let residues = &mut scratch.as_mut_slice()[..rows.len()];
            for ((prime, residue), row) in
                divisor.residues(index * group, residues).zip(rows.chunks_exact_mut(n))
            {
                let m = &prime.modulus;
                fhecc_kernels::sub_mul_scalar_assign(row, residue, divisor.inverse(m), m);
            }
        },
    );
    None
}

fn divide_to_fitted(divisor: &Divisor<'_>, rows: &mut [u64]) -> Option<Poly> {
    let n = divisor.parameters.n();
    let group = group_size(rows.len() / n);
    let mut out = Poly::unfilled(n, rows.len() / n);
    let pairs = out.as_mut_slice().par_chunks_mut(n * group).zip(rows.par_chunks(n * group));
    pairs.enumerate().for_each(|(index, (out, rows))| {
        for ((prime, residue), row) in divisor.residues(index * group, out).zip(rows.chunks_exact(n)) {
            let m = &prime.modulus;
            fhecc_kernels::sub_mul_scalar_assign(residue, row, m.neg(divisor.inverse(m)), m);
        }
    });
    Some(out)
}
