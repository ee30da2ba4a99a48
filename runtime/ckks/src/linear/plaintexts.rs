//! The plaintexts of a transform: where they come from, and how they lie in integer polynomials.

use std::sync::Arc;

use rayon::prelude::*;

use super::transforms::{Span, Transforms};
use super::{DiagonalSource, GiantStep};
use crate::encoder::{Encoder, IntegerPolynomial};
use crate::error::EvaluationError;
use crate::parameters::RingPrime;
use crate::scale::Scale;

/// A giant step and one of its babies, by their rotations.
pub(crate) type Place = (i32, i32);

/// How plaintexts lie in integer polynomials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// One plaintext each.
    Single,
    /// Two plaintexts `m1`, `m2` with real slots, as `(m1 + i m2) / 2`; or one.
    RealPairs,
}

impl Packing {
    /// Plaintexts in a polynomial.
    pub(crate) fn plaintexts(self) -> usize {
        match self {
            Self::Single => 1,
            Self::RealPairs => 2,
        }
    }

    /// Writes the transform of a polynomial modulo a prime to `out`, plaintext after plaintext: the distinct values
    /// of the whole row, or of its first half, of which the second is then the mirror image.
    pub(super) fn transform(self, polynomial: &IntegerPolynomial, prime: &RingPrime, out: &mut [u64]) {
        polynomial.transform(prime, out);
        if self == Self::RealPairs {
            split_pair(out, prime);
        }
    }
}

/// From the transform of `p = (m1 + i m2) / 2` to the first halves of the transforms of
/// `p + conj(p) = m1` and `(p - conj(p)) / i = m2`, which are integer polynomials as `p` is.
///
/// Position `k` holds the value at `psi^e`, `e = 2 bitrev(k) + 1`. The conjugate is `X -> X^-1`, which exchanges
/// positions `k` and `n - 1 - k`, so that `m1` and `m2` are their own mirror images. `i` is `X^(n/2)`, the same
/// square root of -1 at all positions with `e = 1 mod 4`, the first half.
fn split_pair(values: &mut [u64], prime: &RingPrime) {
    const CHUNK: usize = 256;
    let m = &prime.modulus;
    let unit = prime.imaginary_unit();
    let (first, mirrored) = values.split_at_mut(values.len() / 2);
    mirrored.reverse();
    let mut before = [0; CHUNK];
    for (a, b) in first.chunks_mut(CHUNK).zip(mirrored.chunks_mut(CHUNK)) {
        let before = &mut before[..a.len()];
        before.copy_from_slice(a);
        fhecc_kernels::add_assign(a, b, m);
        // (a - b) / i = (b - a) i
        fhecc_kernels::sub_mul_scalar_assign(b, before, unit, m);
    }
}

/// Encoded, pre-rotated diagonals for the transform.
pub(crate) trait EncodedDiagonals: Sync {
    /// How they lie in polynomials.
    fn packing(&self) -> Packing;

    /// The polynomial with the plaintexts of these places, at most [`Packing::plaintexts`]; `None` if all are zero.
    fn integers(&self, places: &[Place]) -> Result<Option<Arc<IntegerPolynomial>>, EvaluationError>;

    /// The transforms of all polynomials, if they are kept; each then has one plaintext, and nothing else is asked for.
    fn transforms(&self) -> Option<&Transforms> {
        None
    }
}

/// A polynomial with plaintexts.
pub(super) enum Polynomial {
    /// To be transformed.
    Integers(Arc<IntegerPolynomial>),
    /// Among the kept ones.
    Kept(Span),
}

impl Polynomial {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Integers(integers) => integers.len(),
            Self::Kept(span) => span.length,
        }
    }
}

/// Encodes the diagonals of a [`super::LinearMap`] on the fly, two at a time.
pub(super) struct Encoded<'a> {
    pub(super) encoder: &'a Encoder,
    pub(super) diagonals: &'a dyn DiagonalSource,
    pub(super) scale: Scale,
}

impl Encoded<'_> {
    fn values(&self, &(giant, baby): &Place) -> Option<Vec<f64>> {
        let mut values = self.diagonals.diagonal(giant + baby)?;
        super::pre_rotate(&mut values, giant);
        Some(values)
    }
}

impl EncodedDiagonals for Encoded<'_> {
    fn packing(&self) -> Packing {
        Packing::RealPairs
    }

    fn integers(&self, places: &[Place]) -> Result<Option<Arc<IntegerPolynomial>>, EvaluationError> {
        let mut parts = places.iter().map(|place| self.values(place));
        let (re, im) = match (parts.next().flatten(), parts.next().flatten()) {
            (None, None) => return Ok(None),
            (re, im) => (re.unwrap_or_default(), im.unwrap_or_default()),
        };
        Ok(Some(Arc::new(self.encoder.real_pair_to_integers(re, im, self.scale)?)))
    }
}

/// One product of a giant step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    /// Index of the baby.
    pub(super) baby: usize,
    /// Index of the polynomial with the plaintext.
    pub(super) polynomial: usize,
    /// Which of its plaintexts.
    pub(super) part: usize,
}

/// The encoded diagonals of some giant steps.
pub(super) struct Block<'a> {
    pub(super) packing: Packing,
    pub(super) transforms: Option<&'a Transforms>,
    pub(super) polynomials: Vec<Polynomial>,
    /// Rotation and products of every step that is not zero.
    pub(super) steps: Vec<(i32, Vec<Term>)>,
}

impl<'a> Block<'a> {
    /// Encodes the diagonals of these steps, for babies with these rotations.
    pub(super) fn new(
        giants: &[GiantStep],
        rotations: &[i32],
        diagonals: &'a dyn EncodedDiagonals,
    ) -> Result<Self, EvaluationError> {
        let transforms = diagonals.transforms();
        let packing = diagonals.packing();
        let places: Vec<Place> =
            giants.iter().flat_map(|giant| giant.babies.iter().map(|&baby| (giant.rotation, baby))).collect();
        let encoded: Vec<_> = places
            .par_chunks(packing.plaintexts())
            .map(|places| match (transforms, places.first()) {
                (Some(kept), Some(&place)) => Ok(kept.place(place).map(Polynomial::Kept)),
                _ => Ok::<_, EvaluationError>(diagonals.integers(places)?.map(Polynomial::Integers)),
            })
            .collect::<Result<_, _>>()?;
        // Zeros are left out.
        let mut polynomials = Vec::with_capacity(encoded.len());
        let numbers: Vec<Option<usize>> = encoded
            .into_iter()
            .map(|polynomial| {
                polynomial.map(|polynomial| (polynomials.len(), polynomials.push(polynomial)).0)
            })
            .collect();
        let mut steps = Vec::with_capacity(giants.len());
        let mut place = 0..;
        for giant in giants {
            let mut terms = Vec::with_capacity(giant.babies.len());
            for (rotation, place) in giant.babies.iter().zip(place.by_ref()) {
                let baby = rotations.binary_search(rotation).map_err(|_| EvaluationError::Argument {
                    what: format!("baby rotation {rotation} is not in the schedule"),
                })?;
                if let Some(polynomial) = numbers[place / packing.plaintexts()] {
                    terms.push(Term { baby, polynomial, part: place % packing.plaintexts() });
                }
            }
            if !terms.is_empty() {
                steps.push((giant.rotation, terms));
            }
        }
        Ok(Self { packing, transforms, polynomials, steps })
    }

    /// Words of one row of all transformed polynomials.
    pub(super) fn row_length(&self) -> usize {
        self.polynomials.iter().map(|polynomial| polynomial.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::{Parameters, tiny_for_tests};

    fn parameters() -> Parameters {
        tiny_for_tests(10, 48)
    }

    /// `p(X^-1)` in the ring of degree `p.len()`.
    fn conjugate(p: &[i64]) -> Vec<i64> {
        let n = p.len();
        (0..n).map(|j| if j == 0 { p[0] } else { -p[n - j] }).collect()
    }

    #[test]
    fn the_halves_of_a_pair_are_its_sum_and_difference_with_the_conjugate() {
        let parameters = parameters();
        for n in [16usize, 32, 256, 1024] {
            let p: Vec<i64> =
                (0..n as i64).map(|j| (j * j * 7_919 + 31 * j + 5) % 2_000_003 - 1_000_001).collect();
            let conjugate = conjugate(&p);
            let real: Vec<i64> = p.iter().zip(&conjugate).map(|(a, b)| a + b).collect();
            // Divided by i, that is multiplied by -X^(n/2).
            let difference: Vec<i64> = p.iter().zip(&conjugate).map(|(a, b)| a - b).collect();
            let turned = |j: usize| if j < n / 2 { difference[j + n / 2] } else { -difference[j - n / 2] };
            let imaginary: Vec<i64> = (0..n).map(turned).collect();
            for prime in parameters.all_primes() {
                let transform = |coefficients: &[i64]| {
                    let mut out = vec![0; n];
                    fhecc_kernels::from_i64(&mut out, coefficients, &prime.modulus);
                    prime.transform(n).forward(&mut out);
                    out
                };
                let mut found = transform(&p);
                split_pair(&mut found, prime);
                for (found, want) in found.chunks_exact(n / 2).zip([transform(&real), transform(&imaginary)])
                {
                    let (first, second) = want.split_at(n / 2);
                    assert_eq!(found, first);
                    assert!(second.iter().eq(first.iter().rev()), "a mirror image");
                }
            }
        }
    }

    #[test]
    fn a_pair_has_twice_the_rounding_variance() {
        let parameters = parameters();
        let encoder = Encoder::new(&parameters);
        let scale = Scale::from_pow2(20);
        let slots = parameters.slots();
        let [first, second] =
            [0.31, 0.47].map(|step| (0..slots).map(|s| (step * s as f64).sin()).collect::<Vec<f64>>());
        let integers = encoder.real_pair_to_integers(first.clone(), second.clone(), scale).unwrap();
        let prime = &parameters.moduli()[0];
        let mut values = vec![0; parameters.n()];
        Packing::RealPairs.transform(&integers, prime, &mut values);
        for (half, want) in values.chunks_exact(slots).zip([first, second]) {
            let mut poly = crate::poly::Poly::zero(parameters.n(), 1);
            poly.limb_mut(0)[..slots].copy_from_slice(half);
            poly.limb_mut(0)[slots..].copy_from_slice(half);
            poly.limb_mut(0)[slots..].reverse();
            let plaintext = crate::plaintext::Plaintext::from_poly(&parameters, 0, scale, poly).unwrap();
            let found = encoder.decode(&plaintext);
            let square: f64 = found.iter().zip(&want).map(|(a, b)| (a.re - b) * (a.re - b)).sum();
            let rms = (square / slots as f64).sqrt() * scale.to_f64();
            let expected = (2.0 * parameters.n() as f64 / 12.0).sqrt();
            assert!((0.5..2.0).contains(&(rms / expected)), "{rms} for {expected}");
            assert!(found.iter().all(|value| value.im.abs() < 1e-9), "real");
        }
    }
}
