//! Matrices stored by their non-zero diagonals.

use std::collections::BTreeMap;

use crate::complex::Complex;

/// A square complex matrix kept as its non-zero diagonals.
///
/// With `s` the slot and `d` the rotation, `out[s] = sum_d diagonal_d[s] * x[(s + d) mod size]`.
/// Rotations are kept in `0 <= d < size`.
#[derive(Clone, Debug)]
pub(crate) struct DiagonalMatrix {
    size: usize,
    diagonals: BTreeMap<i32, Vec<Complex>>,
}

impl DiagonalMatrix {
    /// The zero matrix of this size, a power of two.
    pub(crate) fn zero(size: usize) -> Self {
        Self { size, diagonals: BTreeMap::new() }
    }

    /// The non-zero diagonals by rotation.
    pub(crate) fn diagonals(&self) -> &BTreeMap<i32, Vec<Complex>> {
        &self.diagonals
    }

    /// Adds `value` to the entry in row `row` on the diagonal of `rotation`.
    pub(crate) fn add_entry(&mut self, rotation: i64, row: usize, value: Complex) {
        let size = self.size;
        let rotation = reduced(rotation, size);
        self.diagonals.entry(rotation).or_insert_with(|| vec![Complex::ZERO; size])[row] += value;
    }

    /// The matrix product `self * first`: `first` is applied to the vector first.
    pub(crate) fn after(&self, first: &Self) -> Self {
        assert_eq!(self.size, first.size, "sizes of the factors");
        let mask = self.size - 1;
        let mut product = Self::zero(self.size);
        for (&a, left) in &self.diagonals {
            for (&b, right) in &first.diagonals {
                let rotation = reduced(i64::from(a) + i64::from(b), self.size);
                let out =
                    product.diagonals.entry(rotation).or_insert_with(|| vec![Complex::ZERO; left.len()]);
                for (s, value) in out.iter_mut().enumerate() {
                    *value += left[s] * right[(s as i64 + i64::from(a)) as usize & mask];
                }
            }
        }
        product
    }

    /// Every entry times a real number.
    pub(crate) fn scaled(mut self, factor: f64) -> Self {
        for value in self.diagonals.values_mut().flatten() {
            *value = value.scale(factor);
        }
        self
    }

    /// `R_output self R_input^-1`, where `(R_o x)[s] = x[s + o]`: takes a vector that was turned by `input` to the
    /// product turned by `output`. Entry `s` on the diagonal of `d` goes to row `s - output` on that of
    /// `d + output - input`.
    pub(crate) fn between_turns(self, input: i32, output: i32) -> Self {
        let size = self.size;
        let turned = |(d, mut values): (i32, Vec<Complex>)| {
            values.rotate_left(i64::from(output).rem_euclid(size as i64) as usize);
            (reduced(i64::from(d) + i64::from(output) - i64::from(input), size), values)
        };
        Self { size, diagonals: self.diagonals.into_iter().map(turned).collect() }
    }

    /// The block matrix `diag(top, bottom) * (I x self)` of twice the size acting on both halves of a vector
    /// of period `size`: row `s` is multiplied by `lower` in the first half and by `upper` in the second.
    pub(crate) fn doubled_rows(&self, lower: Complex, upper: Complex) -> Self {
        let diagonals = self
            .diagonals
            .iter()
            .map(|(&d, values)| {
                let first = values.iter().map(|&v| v * lower);
                let second = values.iter().map(|&v| v * upper);
                (d, first.chain(second).collect())
            })
            .collect();
        Self { size: 2 * self.size, diagonals }
    }

    /// The matrix `(I x self) * diag(lower, .., lower, upper, .., upper)` of twice the size, with the
    /// rotations of `self`: column `s` is multiplied by `lower` in the first half and by `upper` in the second.
    pub(crate) fn doubled_columns(&self, lower: Complex, upper: Complex) -> Self {
        let size = 2 * self.size;
        let diagonals = self
            .diagonals
            .iter()
            .map(|(&d, values)| {
                let column = |s: usize| (s as i64 + i64::from(d)).rem_euclid(size as i64) as usize;
                let factor = |s: usize| if column(s) < self.size { lower } else { upper };
                (d, (0..size).map(|s| values[s % self.size] * factor(s)).collect())
            })
            .collect();
        Self { size, diagonals }
    }

    /// Matrix times vector.
    #[cfg(test)]
    pub(crate) fn apply(&self, x: &[Complex]) -> Vec<Complex> {
        let mut out = vec![Complex::ZERO; self.size];
        for (&d, values) in &self.diagonals {
            for (s, value) in out.iter_mut().enumerate() {
                *value += values[s] * x[(s as i64 + i64::from(d)).rem_euclid(self.size as i64) as usize];
            }
        }
        out
    }
}

/// The representative of `rotation` modulo `size` in `0 <= d < size`.
fn reduced(rotation: i64, size: usize) -> i32 {
    rotation.rem_euclid(size as i64) as i32
}
