//! Activations of the cleartext interpreter, exact or as polynomials, and what can be measured at them.

use super::Real;
use crate::fit::{Argument, HEADROOM};
use fhecc_plan::{MissingTensor, Polynomial, TensorSource};
use std::collections::BTreeMap;

/// Stands in for an activation: `x -> range * p(x / range)`, or `range * p(sin(angle * x / range))` behind a
/// bootstrap.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivationModel {
    /// R: what the argument is divided by.
    pub range: f64,
    /// 2 pi a, where the argument has passed a bootstrap.
    pub angle: Option<f64>,
    /// p, fitted to `relu(u)` for `u = x / R`.
    pub polynomial: Polynomial,
}

/// Elements that pass the recurrence together.
const CHUNK: usize = 32;

/// log2 of the message ratio that trained activations behind a sine are made for: `sin(2 pi u / 8)`.
const TRAINED_MESSAGE_RATIO: u32 = 3;

impl ActivationModel {
    /// The trained activation at `path`: `PATH.polynomial` holds Chebyshev coefficients, constant first, in
    /// `t = u` for `PATH.argument` 0 and in `t = sin(2 pi u / 8) / sin(2 pi 1.1 / 8)` for 1, where `u = x / R` with
    /// R 1.1 times `PATH.range`. The value is R times the series.
    ///
    /// # Errors
    ///
    /// [`MissingTensor`] if one of the three is not there or empty.
    pub fn trained(tensors: &dyn TensorSource, path: &str) -> Result<Self, MissingTensor> {
        let values = |what: &str| {
            let name = format!("{path}.{what}");
            let found = tensors.values(&name).filter(|values| !values.is_empty());
            found.ok_or(MissingTensor(name))
        };
        let coefficients = values("polynomial")?.iter().map(|c| f64::from(*c)).collect();
        let argument = if values("argument")?[0] == 0.0 {
            Argument::Plain
        } else {
            Argument::Sine { log_message_ratio: TRAINED_MESSAGE_RATIO }
        };
        Ok(Self {
            range: f64::from(values("range")?[0]) * HEADROOM,
            angle: argument.angle(),
            polynomial: Polynomial::series(argument.domain(), coefficients),
        })
    }

    /// Its value at `x`.
    pub fn value(&self, x: f64) -> f64 {
        let u = x / self.range;
        self.range * self.polynomial.value(self.angle.map_or(u, |angle| (angle * u).sin()))
    }

    /// Replaces every value by its image.
    pub(super) fn apply<T: Real>(&self, values: &mut [T]) {
        let coefficients: Vec<T> = self.polynomial.coefficients.iter().map(|c| T::from_f64(*c)).collect();
        let Some((constant, higher)) = coefficients.split_first() else { return values.fill(T::default()) };
        let (two, range) = (T::from_f64(2.0), T::from_f64(self.range));
        let inverse = T::from_f64(1.0 / self.range);
        let domain = T::from_f64(1.0 / self.polynomial.domain);
        for chunk in values.chunks_mut(CHUNK) {
            let mut t = [T::default(); CHUNK];
            for (t, x) in t.iter_mut().zip(chunk.iter()) {
                let u = *x * inverse;
                *t = self.angle.map_or(u, |angle| (T::from_f64(angle) * u).sine()) * domain;
            }
            let (mut b1, mut b2) = ([T::default(); CHUNK], [T::default(); CHUNK]);
            for c in higher.iter().rev() {
                for lane in 0..CHUNK {
                    let next = *c + two * t[lane] * b1[lane] - b2[lane];
                    b2[lane] = b1[lane];
                    b1[lane] = next;
                }
            }
            for (lane, y) in chunk.iter_mut().enumerate() {
                *y = range * (*constant + t[lane] * b1[lane] - b2[lane]);
            }
        }
    }
}

/// Sees the arguments of activations while an interpreter runs.
pub trait Observer<T> {
    /// The activation at `path` is about to be applied to `values`.
    fn activation(&mut self, path: &str, values: &[T]);
}

/// Looks away.
impl<T> Observer<T> for () {
    fn activation(&mut self, _: &str, _: &[T]) {}
}

/// Measures the largest magnitude of every activation's argument: the first pass of a calibration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RangeObserver {
    /// Largest magnitude by path.
    pub ranges: BTreeMap<String, f64>,
}

impl<T: Real> Observer<T> for RangeObserver {
    fn activation(&mut self, path: &str, values: &[T]) {
        let top =
            values.iter().fold(T::default(), |top, v| if v.magnitude() > top { v.magnitude() } else { top });
        let entry = self.ranges.entry(path.to_owned()).or_default();
        *entry = entry.max(top.to_f64());
    }
}

/// Counts every activation's arguments in equal bins over `[-range, range]`: the second pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    ranges: BTreeMap<String, f64>,
    counts: BTreeMap<String, Vec<u64>>,
    bins: usize,
}

impl Histogram {
    /// Bins over the ranges that a [`RangeObserver`] found.
    pub fn new(ranges: BTreeMap<String, f64>, bins: usize) -> Self {
        let counts = ranges.keys().map(|path| (path.clone(), vec![0; bins])).collect();
        Self { ranges, counts, bins }
    }

    /// Share of the arguments in every bin, by path; sums to 1 unless nothing was seen.
    pub fn densities(&self) -> BTreeMap<String, Vec<f32>> {
        let share = |counts: &Vec<u64>| {
            let total = counts.iter().sum::<u64>().max(1) as f64;
            counts.iter().map(|c| (*c as f64 / total) as f32).collect()
        };
        self.counts.iter().map(|(path, counts)| (path.clone(), share(counts))).collect()
    }
}

impl<T: Real> Observer<T> for Histogram {
    fn activation(&mut self, path: &str, values: &[T]) {
        let (Some(range), Some(counts)) = (self.ranges.get(path), self.counts.get_mut(path)) else { return };
        let scale = self.bins as f64 / (2.0 * range.max(f64::MIN_POSITIVE));
        for value in values {
            let position = (value.to_f64() + range) * scale;
            // Arguments beyond the range count in the outermost bins.
            counts[(position.max(0.0) as usize).min(self.bins - 1)] += 1;
        }
    }
}
