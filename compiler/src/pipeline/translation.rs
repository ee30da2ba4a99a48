//! The translation check: a pass may change the program, not what it computes.

use crate::interpret::slots::{self, SlotsInput};
use crate::interpret::{ActivationModel, Interpreter, Observer, RangeObserver};
use crate::ir::{HeGraph, HeOp, TensorGraph};
use crate::passes::fit_activations::Fits;
use crate::passes::fold_ranges::Ranges;
use fhecc_plan::{Polynomial, Profile, Weights};
use std::collections::{BTreeMap, BTreeSet};
use std::f64::consts::TAU;

/// Largest difference allowed, relative to the largest logit.
const TOLERANCE: f64 = 1e-6;

/// A network's answer to a fixed image, to be compared with what later programs answer.
pub(super) struct Translation<'a> {
    weights: &'a Weights,
    profile: &'a Profile,
    image: Vec<f64>,
    logits: Vec<f64>,
}

/// Smooth waves, a different one per channel, of magnitude up to 1.
fn waves(g: &TensorGraph) -> Vec<f64> {
    let shape = g.graph.op(g.input).shape;
    let mut image = Vec::new();
    for channel in 0..shape.channels {
        for row in 0..shape.height {
            for column in 0..shape.width {
                let (r, c) =
                    (f64::from(row) / f64::from(shape.height), f64::from(column) / f64::from(shape.width));
                let phase = f64::from(channel) * 0.7;
                image.push((TAU * r + phase).sin() * (1.5 * TAU * c - phase).cos());
            }
        }
    }
    image
}

fn compare(found: &[f64], expected: &[f64]) -> Result<(), String> {
    let size = expected.iter().fold(1e-3_f64, |m, v| m.max(v.abs()));
    let difference = found.iter().zip(expected).fold(0.0_f64, |m, (f, e)| m.max((f - e).abs()));
    // Not a number is not within the tolerance either.
    if found.len() == expected.len() && difference <= TOLERANCE * size && found.iter().all(|f| f.is_finite())
    {
        return Ok(());
    }
    Err(format!("the network computes something else: outputs differ by {difference:.3e} of {size:.3e}"))
}

impl<'a> Translation<'a> {
    pub(super) fn new(g: &TensorGraph, weights: &'a Weights, profile: &'a Profile) -> Result<Self, String> {
        let image = waves(g);
        let interpreter = Interpreter::<f64>::new(g, weights).map_err(|e| e.to_string())?;
        let logits = interpreter.run(&image, &mut ());
        Ok(Self { weights, profile, image, logits })
    }

    /// Checks a tensor graph, with exact activations.
    pub(super) fn tensors(&self, g: &TensorGraph) -> Result<(), String> {
        let interpreter = Interpreter::<f64>::new(g, self.weights).map_err(|e| e.to_string())?;
        compare(&interpreter.run(&self.image, &mut ()), &self.logits)
    }

    /// Checks a ciphertext graph against the tensor graph with the same polynomials.
    pub(super) fn ciphertexts(
        &self,
        g: &TensorGraph,
        he: &HeGraph,
        ranges: &Ranges,
        fits: &Fits,
    ) -> Result<(), String> {
        let mut interpreter = Interpreter::<f64>::new(g, self.weights).map_err(|e| e.to_string())?;
        let models = models(g, he, ranges, fits, self.profile);
        interpreter.set_activations(&models);
        // Outside of their domain polynomials explode, and rounding errors with them: dim the image until
        // every argument is inside. Biases alone may lead outside: then the dimmest image serves.
        let answer = |image: &[f64]| {
            let mut observer = RangeObserver::default();
            let logits = interpreter.run(image, &mut observer as &mut dyn Observer<f64>);
            let inside =
                |(path, top): (&String, &f64)| models.get(path).is_none_or(|m| *top <= 1.1 * m.range);
            (logits, observer.ranges.iter().all(inside))
        };
        let mut image = self.image.clone();
        let (mut logits, mut inside) = answer(&image);
        for _ in 0..8 {
            if inside {
                break;
            }
            image.iter_mut().for_each(|v| *v /= 2.0);
            (logits, inside) = answer(&image);
        }
        let factor = |id| ranges.factors.get(&id).copied().unwrap_or(1.0);
        let tensor: Vec<f64> = image.iter().map(|v| v * factor(g.input)).collect();
        let input = SlotsInput {
            tensor: &tensor,
            slots: self.profile.slots(),
            log_message_ratio: self.profile.bootstrap.log_message_ratio,
        };
        let found = slots::run(he, self.weights, &input).map_err(|e| e.to_string())?;
        let found: Vec<f64> = found.iter().map(|v| v / factor(g.output)).collect();
        compare(&found, &logits)
    }
}

/// The activations of the tensor graph as the ciphertext graph computes them.
pub(super) fn models(
    g: &TensorGraph,
    he: &HeGraph,
    ranges: &Ranges,
    fits: &Fits,
    profile: &Profile,
) -> BTreeMap<String, ActivationModel> {
    let refreshed: BTreeSet<&str> = he
        .nodes()
        .filter(|id| matches!(he.op(*id).op, HeOp::Bootstrap))
        .flat_map(|id| readers(he, id))
        .collect();
    let angle = TAU / f64::from(profile.bootstrap.log_message_ratio).exp2();
    let model = |(id, fit): (&_, &crate::passes::fit_activations::Fit)| {
        let path = g.graph.op(*id).path.clone();
        let behind = refreshed.contains(path.as_str());
        let polynomial: &Polynomial = if behind { &fit.refreshed } else { &fit.plain };
        let range = ranges.activations.get(id).copied().unwrap_or(1.0);
        let model = ActivationModel { range, angle: behind.then_some(angle), polynomial: polynomial.clone() };
        (path, model)
    };
    fits.iter().map(model).collect()
}

/// Layers of the polynomials that read a bootstrap, directly or through a level drop.
fn readers(he: &HeGraph, id: crate::ir::NodeId) -> Vec<&str> {
    let mut layers = Vec::new();
    for (user, _) in he.users(id) {
        if matches!(he.op(user).op, HeOp::DropLevel(_)) {
            layers.extend(readers(he, user));
        } else {
            layers.push(he.op(user).layer.as_str());
        }
    }
    layers
}
