//! What a register of the clear backend holds.

use super::ClearError;
use rayon::prelude::*;

/// Largest difference between copies of a slot, relative to the largest slot.
const COPY_TOLERANCE: f64 = 1e-9;

/// The slots of a batch of images, one period of each, with level and scale.
#[derive(Clone, Debug, PartialEq)]
pub struct ClearValue {
    pub(super) images: Vec<Vec<f64>>,
    pub(super) level: u8,
    pub(super) log_scale: f64,
}

impl ClearValue {
    /// One period of the slots of every image.
    pub fn images(&self) -> &[Vec<f64>] {
        &self.images
    }

    /// The slots of every image.
    pub fn into_images(self) -> Vec<Vec<f64>> {
        self.images
    }

    /// Slots after which the contents repeat.
    pub(super) fn period(&self) -> usize {
        self.images.first().map_or(1, Vec::len)
    }

    /// Repeats the contents up to `period` slots.
    pub(super) fn widen(&mut self, period: usize) {
        for image in &mut self.images {
            let missing = period.saturating_sub(image.len());
            let more: Vec<f64> = image.iter().copied().cycle().take(missing).collect();
            image.extend(more);
        }
    }

    /// Keeps one `period`, if the contents do repeat after it.
    pub(super) fn narrow(&mut self, period: usize) -> Result<(), ClearError> {
        for image in &mut self.images {
            let largest = image.iter().fold(0.0, |largest: f64, v| largest.max(v.abs()));
            let (first, copies) = image.split_at(period.min(image.len()));
            let off = |(slot, value): (usize, &f64)| {
                (value - first[slot % period]).abs() > COPY_TOLERANCE * largest
            };
            if let Some(slot) = copies.iter().enumerate().position(off) {
                return Err(ClearError::Copies { slot: slot + period, period });
            }
            image.truncate(period);
        }
        Ok(())
    }

    pub(super) fn map(&self, f: impl Fn(f64) -> f64 + Sync) -> Self {
        let image = |image: &Vec<f64>| image.iter().map(|&v| f(v)).collect();
        Self { images: self.images.par_iter().map(image).collect(), ..*self }
    }
}
