//! The rotations of a linear map, derived without visiting its weights.
//!
//! A slot is a sum of a term of the channel, one of the row and one of the column, and which inputs reach
//! an output is decided for the three separately. So the set of rotations is a sum of three small sets;
//! [`crate::LinearMap::tap_rotations`] visits every pair of elements instead, and must agree.

use super::Budget;
use super::layouts::{channel_start, pixel_steps};
use crate::{LinearMap, LinearSource, Rotation};
use std::collections::BTreeSet;
use std::ops::Range;

/// A set of residues modulo a power of two.
struct Residues {
    modulus: usize,
    present: Vec<bool>,
    list: Vec<usize>,
}

impl Residues {
    fn new(modulus: usize) -> Self {
        Self { modulus, present: vec![false; modulus], list: Vec::new() }
    }

    /// Adds `plus - minus`.
    fn insert(&mut self, plus: usize, minus: usize) {
        let residue = plus.wrapping_sub(minus) & (self.modulus - 1);
        if !std::mem::replace(&mut self.present[residue], true) {
            self.list.push(residue);
        }
    }

    /// All sums of a member of `self` and one of `other`.
    fn sum(&self, other: &Self, budget: &mut Budget) -> Result<Self, String> {
        budget.spend(self.list.len() * other.list.len())?;
        let mut sums = Self::new(self.modulus);
        for &a in &self.list {
            other.list.iter().for_each(|&b| sums.insert(a + b, 0));
        }
        Ok(sums)
    }
}

/// Inputs below `extent` that a window reaches from output `at`.
fn window(at: u32, size: u32, stride: u32, padding: u32, extent: u32) -> Range<u32> {
    let first = i64::from(at) * i64::from(stride) - i64::from(padding);
    let last = (first + i64::from(size)).clamp(0, i64::from(extent));
    let (first, last) = (first.clamp(0, i64::from(extent)), last);
    u32::try_from(first).unwrap_or(0)..u32::try_from(last).unwrap_or(0)
}

/// What [`LinearMap::tap_rotations`] gives.
pub(super) fn taps(map: &LinearMap, budget: &mut Budget) -> Result<BTreeSet<Rotation>, String> {
    let (input, output) = (&map.input, &map.output);
    let period = input.period();
    budget.spend(4 * period)?;

    let mut channels = Residues::new(period);
    let input_starts: Vec<usize> = (0..input.channels).map(|c| channel_start(input, c)).collect();
    for o in 0..output.channels {
        let reached = match &map.source {
            LinearSource::Conv { groups, .. } => {
                let (per_group, group) = (input.channels / groups, o / (output.channels / groups));
                group * per_group..(group + 1) * per_group
            }
            LinearSource::Affine { .. } | LinearSource::AveragePool { .. } => o..o + 1,
            LinearSource::Select { before, .. } => match o.checked_sub(*before) {
                Some(c) if c < input.channels => c..c + 1,
                _ => 0..0,
            },
            LinearSource::Dense { .. } => 0..input.channels,
        };
        budget.spend(reached.len() + 1)?;
        let start = channel_start(output, o);
        input_starts[reached.start as usize..reached.end as usize]
            .iter()
            .for_each(|&i| channels.insert(i, start));
    }

    let mut axis = |out: u32, extent: u32, kernel: u32, steps: (usize, usize)| {
        let mut residues = Residues::new(period);
        for at in 0..out {
            let reached = match &map.source {
                LinearSource::Conv { stride, padding, .. }
                | LinearSource::AveragePool { stride, padding, .. } => {
                    window(at, kernel, *stride, *padding, extent)
                }
                LinearSource::Select { stride, .. } => window(at, 1, *stride, 0, extent),
                LinearSource::Affine { .. } => at..at + 1,
                LinearSource::Dense { .. } => 0..extent,
            };
            budget.spend(reached.len() + 1)?;
            reached.for_each(|i| residues.insert(i as usize * steps.0, at as usize * steps.1));
        }
        Ok::<Residues, String>(residues)
    };
    let kernel = match &map.source {
        LinearSource::Conv { kernel, .. } => *kernel,
        LinearSource::AveragePool { kernel, .. } => (*kernel, *kernel),
        LinearSource::Affine { .. } | LinearSource::Select { .. } | LinearSource::Dense { .. } => (1, 1),
    };
    let (from, to) = (pixel_steps(input), pixel_steps(output));
    let rows = axis(output.height, input.height, kernel.0, (from.0, to.0))?;
    let columns = axis(output.width, input.width, kernel.1, (from.1, to.1))?;

    let mut copies = Residues::new(period);
    (0..map.diagonal_period() / output.period()).for_each(|c| copies.insert(0, c * output.period()));

    let sums = channels.sum(&rows.sum(&columns, budget)?, budget)?.sum(&copies, budget)?;
    Ok(sums.list.into_iter().map(|d| Rotation::centred(d as i64, period)).collect())
}
