//! The special discrete Fourier transform between coefficients and slots, as few sparse matrices.
//!
//! # The transform
//!
//! A polynomial `p(Y)` of degree below `2n'` with `Y = X^g`, `g = N / 2n'`, takes in slot `j` the value
//!
//! ```text
//! w_j = p(zeta^(5^j)) = sum_{k < n'} z_k zeta^(k 5^j),   z_k = p_k + i p_{k + n'},   zeta = exp(i pi / 2n')
//! ```
//!
//! because `zeta^(n' 5^j) = i`. Write `w = U z`. As in a decimation-in-time FFT,
//! `U = L_{n'} .. L_4 L_2 B` with the bit reversal `B` and, for `len = 2, 4, .., n'`, `h = len / 2` and
//! `t = exp(2 pi i 5^(s mod h) / (4 len))`,
//!
//! ```text
//! (L_len x)[s] = x[s] + t x[s + h]      for s mod len <  h
//!              = x[s - h] - t x[s]      for s mod len >= h
//! ```
//!
//! (Cheon, Han, Kim, Kim, Song, "Bootstrapping for approximate homomorphic encryption", EUROCRYPT 2018,
//! section 4; the factoring into sparse levels is Chen, Chillotti, Song, "Improved bootstrapping for
//! approximate homomorphic encryption", EUROCRYPT 2019, section 4.) The bit reversal is not evaluated: the
//! way in leaves the coefficients in bit-reversed order, the way back consumes them in that order, and
//! what happens between is the same for every coefficient.
//!
//! # Packing real slots
//!
//! The `n = 2n'` real slots `m = (m_lo, m_hi)` become `w = m_lo + i m_hi`. Only the product with
//! `diag(1, .., 1, i, .., i)` is evaluated, merged into the columns of the first matrix of
//! [`slots_to_coeffs`]; the sum of both halves is left to the trace `1 + rot_{n'}`. It commutes with every matrix of
//! period `n'`, so it waits for the lowest level, in front of the last matrix of [`coeffs_to_slots`]. The rows of that
//! matrix are multiplied by `1` and `-i`, so that twice the real part of the result holds `2 Re` in the first half
//! and `2 Im` in the second.

use super::matrix::DiagonalMatrix;
use super::schedule::turns;
use crate::complex::Complex;

/// The twiddle factors `exp(2 pi i 5^j / (4 len))`, `j < len / 2`.
fn twiddles(len: usize) -> Vec<Complex> {
    let order = 4 * len;
    let powers = std::iter::successors(Some(1usize), |power| Some(power * 5 % order));
    powers.take(len / 2).map(|power| Complex::root_of_unity(power, order)).collect()
}

/// The level `L_len` of size `size`.
fn forward_level(size: usize, len: usize) -> DiagonalMatrix {
    let h = len / 2;
    let roots = twiddles(len);
    let mut level = DiagonalMatrix::zero(size);
    for s in 0..size {
        let root = roots[s % h];
        if s % len < h {
            level.add_entry(0, s, Complex::ONE);
            level.add_entry(h as i64, s, root);
        } else {
            level.add_entry(-(h as i64), s, Complex::ONE);
            level.add_entry(0, s, -root);
        }
    }
    level
}

/// The inverse of [`forward_level`].
fn inverse_level(size: usize, len: usize) -> DiagonalMatrix {
    let h = len / 2;
    let roots = twiddles(len);
    let half = Complex::from(0.5);
    let mut level = DiagonalMatrix::zero(size);
    for s in 0..size {
        let root = roots[s % h].conj().scale(0.5);
        if s % len < h {
            level.add_entry(0, s, half);
            level.add_entry(h as i64, s, half);
        } else {
            level.add_entry(-(h as i64), s, root);
            level.add_entry(0, s, -root);
        }
    }
    level
}

/// `levels` split into `parts` groups whose sizes differ by at most one; `large_first` says where the larger
/// groups go.
pub(crate) fn split_levels(levels: usize, parts: usize, large_first: bool) -> Vec<usize> {
    let larger = levels % parts;
    (0..parts)
        .map(|part| {
            let position = if large_first { part } else { parts - 1 - part };
            levels / parts + usize::from(position < larger)
        })
        .collect()
}

/// The product of the levels in the order in which they are applied.
fn merge(levels: impl Iterator<Item = DiagonalMatrix>) -> DiagonalMatrix {
    levels.reduce(|product, level| level.after(&product)).expect("a group of DFT levels is not empty")
}

/// The matrices, in the order of application, that take the real slots `m` of `C^(2 half)` to the slots of a
/// polynomial whose trace has the coefficients `factor * m` in bit-reversed order.
///
/// The first matrix has size `2 half` and rotates modulo `2 half`; the others have size `half`. The last group
/// holds the longest butterflies, whose rotations `+-half/2` coincide, hence the larger groups come last.
///
/// The vector is turned between the matrices, see [`turns`].
pub(crate) fn slots_to_coeffs(half: usize, parts: usize, factor: f64) -> Vec<DiagonalMatrix> {
    let share = factor.powf(1.0 / parts as f64);
    let mut lens = (1..=half.ilog2()).map(|k| 1usize << k);
    let counts = split_levels(half.ilog2() as usize, parts, false);
    let turns = turns(&counts);
    counts
        .into_iter()
        .zip(turns.windows(2))
        .enumerate()
        .map(|(part, (count, turns))| {
            let matrix = merge(lens.by_ref().take(count).map(|len| forward_level(half, len)))
                .scaled(share)
                .between_turns(turns[0], turns[1]);
            if part == 0 { matrix.doubled_columns(Complex::ONE, Complex::I) } else { matrix }
        })
        .collect()
}

/// The matrices, in the order of application, that take the slots of a polynomial in `Y` with coefficients `p`
/// in bit-reversed order to slots whose real parts are `factor * p`.
///
/// The last matrix has size `2 half` (but rotates modulo `half`: its input has that period); the others have
/// size `half`.
///
/// The vector is turned the other way between the matrices, see [`turns`].
pub(crate) fn coeffs_to_slots(half: usize, parts: usize, factor: f64) -> Vec<DiagonalMatrix> {
    let share = factor.powf(1.0 / parts as f64);
    let mut lens = (1..=half.ilog2()).rev().map(|k| 1usize << k);
    let mut counts = split_levels(half.ilog2() as usize, parts, true);
    counts.reverse();
    let turns = turns(&counts);
    counts
        .into_iter()
        .zip(turns.windows(2))
        .enumerate()
        .rev()
        .map(|(shorter, (count, turns))| {
            let matrix = merge(lens.by_ref().take(count).map(|len| inverse_level(half, len)))
                .scaled(share)
                .between_turns(-turns[1], -turns[0]);
            if shorter == 0 { matrix.doubled_rows(Complex::ONE, -Complex::I) } else { matrix }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reverse_bits(k: usize, size: usize) -> usize {
        k.reverse_bits() >> (usize::BITS - size.ilog2())
    }

    /// `U z` by the definition.
    fn dense(z: &[Complex]) -> Vec<Complex> {
        let size = z.len();
        let mut power = 1usize;
        (0..size)
            .map(|_| {
                let mut sum = Complex::ZERO;
                for (k, &value) in z.iter().enumerate() {
                    sum += value * Complex::root_of_unity(k * power, 4 * size);
                }
                power = power * 5 % (4 * size);
                sum
            })
            .collect()
    }

    fn sample(size: usize) -> Vec<Complex> {
        (0..size).map(|k| Complex::new((k as f64 * 1.7).sin(), (k as f64 * 0.9 + 0.3).cos())).collect()
    }

    fn distance(a: &[Complex], b: &[Complex]) -> f64 {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).map(|(&x, &y)| (x - y).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn the_levels_multiply_to_the_dense_transform() {
        for size in [2usize, 4, 16, 64] {
            let z = sample(size);
            let reversed: Vec<_> = (0..size).map(|k| z[reverse_bits(k, size)]).collect();
            let mut w = reversed.clone();
            for k in 1..=size.ilog2() {
                w = forward_level(size, 1 << k).apply(&w);
            }
            assert!(distance(&w, &dense(&z)) < 1e-11, "size {size}");
            for k in (1..=size.ilog2()).rev() {
                w = inverse_level(size, 1 << k).apply(&w);
            }
            assert!(distance(&w, &reversed) < 1e-12, "size {size}");
        }
    }

    #[test]
    fn merged_matrices_have_the_expected_diagonals() {
        let half = 1 << 10;
        let count = |matrices: Vec<DiagonalMatrix>| -> Vec<usize> {
            matrices.iter().map(|matrix| matrix.diagonals().len()).collect()
        };
        assert_eq!(split_levels(13, 3, true), [5, 4, 4]);
        assert_eq!(split_levels(13, 2, false), [6, 7]);
        assert_eq!(count(coeffs_to_slots(half, 3, 1.0)), [16, 15, 15]);
        assert_eq!(count(slots_to_coeffs(half, 2, 1.0)), [63, 32]);
    }

    #[test]
    fn matrices_between_turns_multiply_to_the_levels() {
        for (log, parts) in [(3, 2), (6, 3), (7, 2), (9, 4), (4, 1)] {
            let half = 1usize << log;
            let z = sample(half);
            let (mut forward, mut backward) = (z.clone(), z.clone());
            for k in 1..=log {
                forward = forward_level(half, 1 << k).apply(&forward);
                backward = inverse_level(half, 1 << (log + 1 - k)).apply(&backward);
            }
            // A vector of period `half`: the columns of the upper half are multiplied by `i`, and their sum is `z`.
            let scale = Complex::ONE + Complex::I;
            let mut w: Vec<_> = z.iter().chain(&z).copied().collect();
            for matrix in slots_to_coeffs(half, parts, 1.0) {
                w = apply_to_slots(&matrix, &w);
            }
            let want: Vec<_> = forward.iter().map(|&value| value * scale).collect();
            assert!(distance(&trace(&w)[..half], &want) < 1e-11, "{half} in {parts}");

            let mut w: Vec<_> = z.iter().chain(&z).copied().collect();
            for matrix in coeffs_to_slots(half, parts, 1.0) {
                w = apply_to_slots(&matrix, &w);
            }
            assert!(distance(&w[..half], &backward) < 1e-11, "{half} in {parts}");
        }
    }

    /// `x + rot_half(x)`.
    fn trace(x: &[Complex]) -> Vec<Complex> {
        let half = x.len() / 2;
        (0..x.len()).map(|s| x[s] + x[(s + half) % x.len()]).collect()
    }

    /// The matrix applied to a vector of its own size or twice that size, rotating modulo the vector's size.
    fn apply_to_slots(matrix: &DiagonalMatrix, x: &[Complex]) -> Vec<Complex> {
        let mut out = vec![Complex::ZERO; x.len()];
        for (&d, values) in matrix.diagonals() {
            for (s, value) in out.iter_mut().enumerate() {
                let from = (s as i64 + i64::from(d)).rem_euclid(x.len() as i64) as usize;
                *value += values[s % values.len()] * x[from];
            }
        }
        out
    }

    #[test]
    fn packing_then_trace_gives_bit_reversed_coefficients_and_comes_back() {
        let half = 32;
        let real: Vec<f64> = (0..2 * half).map(|k| (k as f64 * 0.77).sin()).collect();
        let mut w: Vec<_> = real.iter().map(|&m| Complex::from(m)).collect();
        for matrix in slots_to_coeffs(half, 2, 3.0) {
            w = apply_to_slots(&matrix, &w);
        }
        w = trace(&w);
        let z: Vec<_> = (0..half)
            .map(|k| reverse_bits(k, half))
            .map(|s| Complex::new(3.0 * real[s], 3.0 * real[s + half]))
            .collect();
        assert!(distance(&w[..half], &dense(&z)) < 1e-10);
        assert!(distance(&w[..half], &w[half..]) < 1e-12);
        for matrix in coeffs_to_slots(half, 3, 1.0 / 6.0) {
            w = apply_to_slots(&matrix, &w);
        }
        for (value, &m) in w.iter().zip(&real) {
            assert!((value.re * 2.0 - m).abs() < 1e-12);
        }
    }
}
