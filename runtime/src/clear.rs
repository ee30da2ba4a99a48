//! The backend without cryptography: slots in double precision, with everything enforced that encryption
//! would enforce.
//!
//! Levels, scales and rotation keys are checked as on ciphertexts, linear maps run the same baby and giant
//! steps, and a bootstrap is the sine that it is. A value holds one slot vector per image, so that a batch
//! of images shares the diagonals of every layer. Slots are kept once per period of their layout; that they
//! do repeat is checked after every linear map, not assumed.

mod diagonals;
mod error;
mod noise;
mod value;

pub use error::ClearError;
pub use noise::Noise;
pub use value::ClearValue;

use crate::ExitClass;
use crate::execution::{Backend, LinearLayer, Target};
use diagonals::Prepared;
use fhecc_plan::{CheckedPlan, Composite, Form, Level, LinearMap, Polynomial, Profile, Rotation};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Memory that prepared diagonals may take by default: enough for a ResNet20.
const DEFAULT_CACHE_BYTES: usize = 768 << 20;
/// Images that share one pass over a layer's diagonals.
const BLOCK: usize = 4;

/// Computes on plain slots.
#[derive(Debug)]
pub struct Clear {
    profile: Profile,
    /// Highest level of the key of every rotation.
    keys: BTreeMap<Rotation, u8>,
    /// The two rotations that stand for one without a key.
    composites: BTreeMap<Rotation, [Rotation; 2]>,
    /// Diagonals by linear map; `None` where the budget does not cover them.
    cache: Vec<Option<OnceLock<Prepared>>>,
    noise: Option<Noise>,
}

impl Clear {
    /// A backend with exactly the keys that the plan lists, and a default cache.
    pub fn new(plan: &CheckedPlan) -> Self {
        Self::with_cache(plan, DEFAULT_CACHE_BYTES)
    }

    /// As [`Clear::new`], keeping at most `bytes` of prepared diagonals. Other layers prepare theirs again
    /// for every batch.
    pub fn with_cache(plan: &CheckedPlan, bytes: usize) -> Self {
        let mut keys = BTreeMap::new();
        for key in &plan.keys {
            let level = keys.entry(key.rotation).or_insert(key.level.0);
            *level = key.level.0.max(*level);
        }
        let mut left = bytes;
        let mut cached = |map: &LinearMap| {
            left = left.checked_sub(Prepared::bytes(map))?;
            Some(OnceLock::new())
        };
        let cache = plan.linears.iter().map(&mut cached).collect();
        let parts = |composite: &Composite| (composite.rotation, [composite.first, composite.second]);
        let composites = plan.composites.iter().map(parts).collect();
        Self { profile: plan.parameters.clone(), keys, composites, cache, noise: None }
    }

    /// Adds random errors after every operation, as encryption does.
    #[must_use]
    pub fn with_noise(mut self, noise: Noise) -> Self {
        self.noise = Some(noise);
        self
    }

    /// Replaces the keys: rotation and highest level.
    #[must_use]
    pub fn with_keys(mut self, keys: impl IntoIterator<Item = (Rotation, u8)>) -> Self {
        self.keys = keys.into_iter().collect();
        self
    }

    /// Slots of a ciphertext.
    pub fn slots(&self) -> usize {
        self.profile.slots()
    }

    /// A fresh value at `level`: for every image its slots, or one period of them.
    ///
    /// # Errors
    ///
    /// [`ClearError::Input`] if there is no image, or their numbers of slots are not one power of two.
    pub fn input(&self, images: Vec<Vec<f64>>, level: u8) -> Result<ClearValue, ClearError> {
        let slots = self.slots();
        let period = images.first().map_or(0, Vec::len);
        if !period.is_power_of_two() || period > slots || images.iter().any(|image| image.len() != period) {
            return Err(ClearError::Input { found: period, slots });
        }
        let mut value = ClearValue { images, level, log_scale: f64::from(self.profile.log_scale) };
        if self.noise.is_some() {
            value.widen(slots);
        }
        Ok(value)
    }

    fn key(&self, rotation: Rotation, level: u8) -> Result<(), ClearError> {
        let rotation = Rotation::centred(i64::from(rotation.0), self.slots());
        if rotation.0 == 0 {
            return Ok(());
        }
        match self.composites.get(&rotation) {
            Some(parts) => parts.iter().try_for_each(|&part| self.own_key(part, level)),
            None => self.own_key(rotation, level),
        }
    }

    fn own_key(&self, rotation: Rotation, level: u8) -> Result<(), ClearError> {
        match self.keys.get(&rotation) {
            None => Err(ClearError::KeyMissing { rotation: rotation.0, level }),
            Some(&allowed) if allowed < level => {
                Err(ClearError::KeyLevel { rotation: rotation.0, found: level, allowed })
            }
            Some(_) => Ok(()),
        }
    }

    /// Errors of standard deviation `sigma`, where there is a noise model.
    fn disturb(&self, value: &mut ClearValue, sigma: impl Fn(&Noise) -> f64) {
        if let Some(noise) = &self.noise {
            let sigma = sigma(noise);
            value.images.par_iter_mut().for_each(|image| noise.add(image, sigma));
        }
    }

    fn made_for(&self, target: Target<'_>) -> Result<f64, ClearError> {
        let log_scale = self.log_scale_of(target);
        log_scale.ok_or(ClearError::Argument { found: self.profile.log_scale.into(), expected: None })
    }

    fn lowered(x: &ClearValue, depth: u8) -> Result<u8, ClearError> {
        x.level.checked_sub(depth).ok_or(ClearError::Level { found: x.level, needed: depth })
    }
}

impl Backend for Clear {
    type Value = ClearValue;
    type Error = ClearError;

    fn exit_class(&self, error: &ClearError) -> ExitClass {
        error.exit_class()
    }

    fn level(&self, value: &ClearValue) -> usize {
        value.level.into()
    }

    fn log_scale(&self, value: &ClearValue) -> f64 {
        value.log_scale
    }

    fn log_scale_of(&self, target: Target<'_>) -> Option<f64> {
        match target {
            Target::Layer => Some(self.profile.log_scale.into()),
            Target::Argument(polynomial, level) => polynomial.argument_log2(&self.profile, level),
            Target::Square(polynomial) => polynomial.square_log2(&self.profile),
            Target::Raised(log2) => Some(log2.into()),
        }
    }

    fn largest(&self, value: &ClearValue) -> Option<f64> {
        // `f64::max` would drop a NaN.
        let slots = value.images.iter().flatten().map(|v| v.abs());
        Some(slots.fold(0.0, |largest, v| if v > largest || v.is_nan() { v } else { largest }))
    }

    fn linear(
        &self,
        x: &ClearValue,
        layer: &LinearLayer<'_>,
        target: Target<'_>,
    ) -> Result<ClearValue, ClearError> {
        let map = layer.map;
        let level = Self::lowered(x, map.depth())?;
        let rotations = map.babies.iter().copied().chain(map.other_rotations());
        rotations.into_iter().try_for_each(|rotation| self.key(rotation, x.level))?;
        let own;
        let prepared = match self.cache.get(layer.index) {
            Some(Some(cell)) => cell.get_or_init(|| Prepared::new(map, layer.values)),
            Some(None) | None => {
                own = Prepared::new(map, layer.values);
                &own
            }
        };
        let blocks: Vec<Vec<Vec<f64>>> =
            x.images.par_chunks(BLOCK).map(|block| prepared.apply(block)).collect();
        let images = blocks.into_iter().flatten().collect();
        let mut result = ClearValue { images, level, log_scale: self.made_for(target)? };
        if self.noise.is_some() {
            self.disturb(&mut result, |noise| noise.linear);
        } else {
            result.narrow(map.output.period())?;
        }
        Ok(result)
    }

    fn rotate_sum(&self, x: &ClearValue, rotations: &[Rotation]) -> Result<ClearValue, ClearError> {
        let mut result = x.clone();
        for &rotation in rotations {
            self.key(rotation, x.level)?;
            for image in &mut result.images {
                let mut rotated = image.clone();
                rotated.rotate_left(i64::from(rotation.0).rem_euclid(image.len() as i64) as usize);
                image.iter_mut().zip(rotated).for_each(|(a, b)| *a += b);
            }
            self.disturb(&mut result, |noise| noise.linear);
        }
        Ok(result)
    }

    fn add(&self, a: &ClearValue, b: &ClearValue) -> Result<ClearValue, ClearError> {
        if (a.level, a.log_scale) != (b.level, b.log_scale) {
            let pair = |value: &ClearValue| (value.level, value.log_scale);
            return Err(ClearError::Unequal { left: pair(a), right: pair(b) });
        }
        if a.images.len() != b.images.len() {
            return Err(ClearError::Batch { left: a.images.len(), right: b.images.len() });
        }
        let (mut sum, mut other) = (a.clone(), b.clone());
        let period = a.period().max(b.period());
        sum.widen(period);
        other.widen(period);
        for (image, other) in sum.images.iter_mut().zip(other.images) {
            image.iter_mut().zip(other).for_each(|(a, b)| *a += b);
        }
        Ok(sum)
    }

    fn drop_level(&self, x: &ClearValue, level: u8) -> Result<ClearValue, ClearError> {
        if level >= x.level {
            return Err(ClearError::NotLower { found: x.level, asked: level });
        }
        Ok(ClearValue { level, ..x.clone() })
    }

    fn bootstrap(&self, x: &ClearValue, target: Target<'_>) -> Result<ClearValue, ClearError> {
        let allowed = self.profile.bootstrap_input_level();
        if x.level != allowed {
            return Err(ClearError::BootstrapLevel { found: x.level, allowed });
        }
        let ratio = self.profile.bootstrap.log_message_ratio;
        let turn = std::f64::consts::TAU * 0.5f64.powi(i32::try_from(ratio).unwrap_or(i32::MAX));
        let mut result = x.map(|m| (turn * m).sin());
        result.level = self.profile.bootstrap_output_level();
        result.log_scale = self.made_for(target)?;
        self.disturb(&mut result, |noise| noise.bootstrap);
        Ok(result)
    }

    fn polynomial(&self, x: &ClearValue, polynomial: &Polynomial) -> Result<ClearValue, ClearError> {
        let level = Self::lowered(x, polynomial.depth())?;
        let expected = match polynomial.form {
            Form::Series | Form::Unrescaled => Some(self.profile.log_scale.into()),
            Form::Monic => polynomial.argument_log2(&self.profile, Level(x.level)),
        };
        if expected != Some(x.log_scale) {
            return Err(ClearError::Argument { found: x.log_scale, expected });
        }
        let mut result = x.map(|v| polynomial.value(v));
        let target =
            if polynomial.form == Form::Unrescaled { Target::Square(polynomial) } else { Target::Layer };
        (result.level, result.log_scale) = (level, self.made_for(target)?);
        self.disturb(&mut result, |noise| noise.polynomial);
        Ok(result)
    }
}
