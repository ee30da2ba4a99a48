//! What a backend provides: one operation for every operation of a plan.

use super::trace::Held;
use crate::ExitClass;
use fhecc_plan::{Level, LinearMap, LinearValues, Polynomial, Rotation};
use std::error::Error;

/// A linear map with its effective weights.
#[derive(Clone, Copy, Debug)]
pub struct LinearLayer<'a> {
    /// Its place in `Plan::linears`.
    pub index: usize,
    /// Meaning, layouts and schedule.
    pub map: &'a LinearMap,
    /// Weights and biases, batch norms and factors folded in.
    pub values: &'a LinearValues,
}

/// The scale at which a result is wanted.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// The parameters' own.
    Layer,
    /// The one at which this monic polynomial takes its argument at this level.
    Argument(&'a Polynomial, Level),
    /// What this polynomial leaves, which is not rescaled.
    Square(&'a Polynomial),
    /// Two to this power.
    Raised(u32),
}

/// Computes the operations of a plan on some representation of slots.
///
/// A backend refuses what the real thing would refuse: a level that is not there, a rotation without a key,
/// a sum of unequal levels or scales.
pub trait Backend {
    /// A register's contents.
    type Value;
    /// Why an operation is refused.
    type Error: Error + Send + Sync + 'static;

    /// What kind of failure `error` is.
    fn exit_class(&self, error: &Self::Error) -> ExitClass;

    /// Rescales that remain.
    fn level(&self, value: &Self::Value) -> usize;

    /// log2 of the scale.
    fn log_scale(&self, value: &Self::Value) -> f64;

    /// log2 of the scale that is wanted; `None` if there is no such scale.
    fn log_scale_of(&self, target: Target<'_>) -> Option<f64>;

    /// The largest magnitude of any slot, where it can be known.
    fn largest(&self, value: &Self::Value) -> Option<f64>;

    /// Begins a new measurement of [`Backend::memory`].
    fn begin_step(&self) {}

    /// Memory of values, now and at most since [`Backend::begin_step`], where it is counted. It is that of the whole
    /// process, so that it says little while several plans are executed at the same time.
    fn memory(&self) -> Option<Held> {
        None
    }

    /// Makes what a later [`Backend::linear`] of this layer needs besides its argument, which is at this level and scale, and
    /// holds it, if the plan says so. Without it the first use does.
    ///
    /// # Errors
    ///
    /// As [`Backend::linear`].
    fn prepare(&self, _: &LinearLayer<'_>, _: (usize, Target<'_>), _: Target<'_>) -> Result<(), Self::Error> {
        Ok(())
    }

    /// The linear map, bias included, at the scale wanted; one level lower if the map is rescaled.
    ///
    /// # Errors
    ///
    /// If no level is left or a rotation key is missing.
    fn linear(
        &self,
        x: &Self::Value,
        layer: &LinearLayer<'_>,
        target: Target<'_>,
    ) -> Result<Self::Value, Self::Error>;

    /// For each rotation in turn: `x := x + rotate(x)`.
    ///
    /// # Errors
    ///
    /// If a rotation key is missing.
    fn rotate_sum(&self, x: &Self::Value, rotations: &[Rotation]) -> Result<Self::Value, Self::Error>;

    /// The sum of two values.
    ///
    /// # Errors
    ///
    /// If their levels or scales differ.
    fn add(&self, a: &Self::Value, b: &Self::Value) -> Result<Self::Value, Self::Error>;

    /// The same value at a lower level.
    ///
    /// # Errors
    ///
    /// If `level` is not below the value's.
    fn drop_level(&self, x: &Self::Value, level: u8) -> Result<Self::Value, Self::Error>;

    /// Refreshes the levels: slots `m` become `sin(2 pi m / 2^log_message_ratio)`, at the scale wanted.
    ///
    /// # Errors
    ///
    /// If the level is not that of a bootstrap's input.
    fn bootstrap(&self, x: &Self::Value, target: Target<'_>) -> Result<Self::Value, Self::Error>;

    /// The polynomial on every slot, at the parameters' scale.
    ///
    /// # Errors
    ///
    /// If there are too few levels, or a monic polynomial's argument was not made for it.
    fn polynomial(&self, x: &Self::Value, polynomial: &Polynomial) -> Result<Self::Value, Self::Error>;
}
