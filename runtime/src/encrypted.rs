//! The backend on ciphertexts.

use crate::ExitClass;
use crate::execution::{Backend, Held, LinearLayer, Target};
use crate::schedule::giant_steps;
use fhecc_ckks::{
    Chebyshev, Ciphertext, DiagonalSource, EvaluationError, EvaluationKeys, Evaluator, Fold, GiantStep,
    HeldDiagonals, LinearMap, Monic, Parameters, Scale, memory,
};
use fhecc_plan::{CheckedPlan, Composite, Diagonals, Form, Polynomial, Rotation};
use rayon::prelude::*;
use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Debug, Display};
use std::sync::OnceLock;

/// Computes on ciphertexts, one for every image of a batch. Weights are encoded diagonal by diagonal while they are used,
/// once for all images, and not kept, unless the plan says so.
pub struct Encrypted<'k> {
    evaluator: Evaluator<'k>,
    schedules: Vec<OnceLock<Vec<GiantStep>>>,
    /// Encoded diagonals of folded maps, where the plan holds them.
    held: Option<Vec<OnceLock<HeldDiagonals>>>,
}

/// The schedule of a layer, as the evaluator takes it.
struct Schedule<'a> {
    giants: Cow<'a, [GiantStep]>,
    folds: Vec<i32>,
    gathers: Vec<i32>,
    diagonals: OnTheFly<'a>,
    period: usize,
    rescaled: bool,
}

impl Schedule<'_> {
    fn map(&self) -> LinearMap<'_> {
        let fold = Fold { period: self.period, rotations: &self.folds };
        LinearMap {
            giants: &self.giants,
            diagonals: &self.diagonals,
            fold: (!self.folds.is_empty()).then_some(fold),
            gathers: &self.gathers,
            held: None,
            rescaled: self.rescaled,
        }
    }
}

/// Why an operation on ciphertexts is refused.
#[derive(Clone, Debug, PartialEq)]
pub struct EncryptedError(pub EvaluationError);

impl EncryptedError {
    /// What kind of failure this is.
    pub fn exit_class(&self) -> ExitClass {
        let mismatch = matches!(
            self.0,
            EvaluationError::KeyMissing { .. }
                | EvaluationError::KeyAboveLevel { .. }
                | EvaluationError::ParametersMismatch { .. }
        );
        if mismatch {
            ExitClass::Mismatch
        } else if matches!(self.0, EvaluationError::KeyStore { .. }) {
            ExitClass::Resources
        } else {
            ExitClass::Other
        }
    }
}

impl Error for EncryptedError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

impl Display for EncryptedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0, f)
    }
}

impl From<EvaluationError> for EncryptedError {
    fn from(error: EvaluationError) -> Self {
        Self(error)
    }
}

impl Debug for Encrypted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encrypted").field("parameters", self.evaluator.parameters()).finish_non_exhaustive()
    }
}

impl<'k> Encrypted<'k> {
    /// A backend with these keys.
    pub fn new(plan: &CheckedPlan, parameters: &Parameters, keys: &'k EvaluationKeys) -> Self {
        let schedules = plan.linears.iter().map(|_| OnceLock::new()).collect();
        let block_bytes = usize::try_from(plan.memory.block_bytes).unwrap_or(usize::MAX);
        let parts = |composite: &Composite| (composite.first.0.into(), composite.second.0.into());
        let evaluator = Evaluator::new(parameters, keys)
            .with_block_bytes(block_bytes)
            .with_composites(plan.composites.iter().map(parts));
        let held = || plan.linears.iter().map(|_| OnceLock::new()).collect();
        Self { evaluator, schedules, held: plan.memory.encoded_diagonals.then(held) }
    }

    fn schedule<'s>(&'s self, layer: &LinearLayer<'s>) -> Schedule<'s> {
        let giants = match self.schedules.get(layer.index) {
            Some(cell) => Cow::Borrowed(cell.get_or_init(|| to_giants(layer)).as_slice()),
            None => Cow::Owned(to_giants(layer)),
        };
        Schedule {
            giants,
            folds: layer.map.folds.iter().map(|fold| fold.0).collect(),
            gathers: layer.map.gather_rotations().map(|gather| gather.0).collect(),
            diagonals: OnTheFly { layer: *layer, tables: OnceLock::new() },
            period: layer.map.diagonal_period(),
            rescaled: layer.map.rescaled,
        }
    }

    /// The diagonals of a layer, encoded once for arguments at this level and scale, if they are to be held.
    fn held(
        &self,
        layer: &LinearLayer<'_>,
        map: &LinearMap<'_>,
        argument: (usize, Scale),
        target: Scale,
    ) -> Result<Option<&HeldDiagonals>, EvaluationError> {
        let cell = self.held.as_ref().and_then(|held| held.get(layer.index));
        let Some(cell) = cell.filter(|_| map.fold.is_some()) else { return Ok(None) };
        if cell.get().is_none() {
            let encoded = self.evaluator.encode_diagonals(map, argument, target)?;
            // Whoever else encoded them at the same time has the same.
            drop(cell.set(encoded));
        }
        Ok(cell.get())
    }

    /// Bytes of the encoded diagonals that are held.
    pub fn held_bytes(&self) -> usize {
        let held = self.held.iter().flatten().filter_map(OnceLock::get);
        held.map(HeldDiagonals::size_in_bytes).sum()
    }

    fn made_for(&self, target: Target<'_>) -> Result<Scale, EvaluationError> {
        let parameters = self.evaluator.parameters();
        match target {
            Target::Layer => Ok(parameters.scale()),
            Target::Argument(polynomial, level) => {
                let (monic, level) = (monic(polynomial)?, usize::from(level.0));
                if level < monic.depth() || level > parameters.compute_top_level() {
                    return Err(EvaluationError::LevelTooLow { found: level, needed: monic.depth() });
                }
                Ok(monic.argument_scale(parameters, level))
            }
            Target::Square(polynomial) => Ok(monic(polynomial)?.unrescaled_scale(parameters.scale())),
            Target::Raised(log2) => Ok(Scale::from_pow2(i32::try_from(log2).unwrap_or(i32::MAX))),
        }
    }

    /// The evaluator.
    pub fn evaluator(&self) -> &Evaluator<'k> {
        &self.evaluator
    }
}

fn series(polynomial: &Polynomial) -> Chebyshev {
    Chebyshev {
        coefficients: polynomial.coefficients.clone(),
        domain: (-polynomial.domain, polynomial.domain),
    }
}

fn monic(polynomial: &Polynomial) -> Result<Monic, EvaluationError> {
    Monic::new(&series(polynomial)).ok_or_else(|| EvaluationError::Argument {
        what: format!("a monic polynomial of degree {}", polynomial.degree()),
    })
}

/// Diagonals computed from the weights when the evaluator asks for them, which it does not where they are held.
struct OnTheFly<'a> {
    layer: LinearLayer<'a>,
    tables: OnceLock<Diagonals>,
}

impl DiagonalSource for OnTheFly<'_> {
    fn diagonal(&self, rotation: i32) -> Option<Vec<f64>> {
        let tables = self.tables.get_or_init(|| self.layer.map.diagonals(self.layer.values));
        let diagonal = tables.diagonal(Rotation(rotation));
        diagonal.iter().any(|v| *v != 0.0).then_some(diagonal)
    }
}

fn to_giants(layer: &LinearLayer<'_>) -> Vec<GiantStep> {
    let step = |giant: crate::schedule::Giant| GiantStep {
        rotation: giant.rotation.0,
        babies: giant.babies.iter().map(|baby| baby.0).collect(),
    };
    giant_steps(layer.map).into_iter().map(step).collect()
}

impl Encrypted<'_> {
    /// What `operation` makes of every image.
    fn each(
        &self,
        images: &[Ciphertext],
        operation: impl Fn(&Evaluator<'_>, &Ciphertext) -> Result<Ciphertext, EvaluationError> + Sync,
    ) -> Result<Vec<Ciphertext>, EncryptedError> {
        Ok(images.par_iter().map(|image| operation(&self.evaluator, image)).collect::<Result<_, _>>()?)
    }
}

impl Backend for Encrypted<'_> {
    type Value = Vec<Ciphertext>;
    type Error = EncryptedError;

    fn exit_class(&self, error: &EncryptedError) -> ExitClass {
        error.exit_class()
    }

    fn level(&self, value: &Vec<Ciphertext>) -> usize {
        value.first().map_or(0, Ciphertext::level)
    }

    fn log_scale(&self, value: &Vec<Ciphertext>) -> f64 {
        value.first().map_or(f64::NAN, |image| image.scale().log2())
    }

    fn log_scale_of(&self, target: Target<'_>) -> Option<f64> {
        self.made_for(target).ok().map(Scale::log2)
    }

    fn largest(&self, _: &Vec<Ciphertext>) -> Option<f64> {
        None
    }

    fn begin_step(&self) {
        memory::reset_peak();
    }

    fn memory(&self) -> Option<Held> {
        Some(Held { after: memory::in_use() as u64, peak: memory::peak() as u64 })
    }

    fn prepare(
        &self,
        layer: &LinearLayer<'_>,
        (level, scale): (usize, Target<'_>),
        target: Target<'_>,
    ) -> Result<(), EncryptedError> {
        let schedule = self.schedule(layer);
        let argument = (level, self.made_for(scale)?);
        self.held(layer, &schedule.map(), argument, self.made_for(target)?)?;
        Ok(())
    }

    fn linear(
        &self,
        x: &Vec<Ciphertext>,
        layer: &LinearLayer<'_>,
        target: Target<'_>,
    ) -> Result<Vec<Ciphertext>, EncryptedError> {
        let (schedule, target) = (self.schedule(layer), self.made_for(target)?);
        let mut map = schedule.map();
        if let Some(first) = x.first() {
            map.held = self.held(layer, &map, (first.level(), first.scale()), target)?;
        }
        let result = self.evaluator.linear_transforms_to(x, &map, target)?;
        match layer.map.bias_slots(layer.values) {
            Some(bias) => self.each(&result, |evaluator, image| evaluator.add_values(image, &bias)),
            None => Ok(result),
        }
    }

    fn rotate_sum(
        &self,
        x: &Vec<Ciphertext>,
        rotations: &[Rotation],
    ) -> Result<Vec<Ciphertext>, EncryptedError> {
        self.each(x, |evaluator, image| {
            let mut sum = image.clone();
            for rotation in rotations {
                let rotated = evaluator.rotate(&sum, rotation.0.into())?;
                evaluator.add_assign(&mut sum, &rotated)?;
            }
            Ok(sum)
        })
    }

    fn add(&self, a: &Vec<Ciphertext>, b: &Vec<Ciphertext>) -> Result<Vec<Ciphertext>, EncryptedError> {
        let pairs = a.par_iter().zip(b);
        Ok(pairs.map(|(a, b)| self.evaluator.add(a, b)).collect::<Result<_, _>>()?)
    }

    fn drop_level(&self, x: &Vec<Ciphertext>, level: u8) -> Result<Vec<Ciphertext>, EncryptedError> {
        self.each(x, |evaluator, image| evaluator.drop_level(image, level.into()))
    }

    fn bootstrap(&self, x: &Vec<Ciphertext>, target: Target<'_>) -> Result<Vec<Ciphertext>, EncryptedError> {
        Ok(self.evaluator.bootstraps_to(x, self.made_for(target)?)?)
    }

    fn polynomial(
        &self,
        x: &Vec<Ciphertext>,
        polynomial: &Polynomial,
    ) -> Result<Vec<Ciphertext>, EncryptedError> {
        let series = series(polynomial);
        match polynomial.form {
            Form::Series => {}
            Form::Monic => {
                let monic = monic(polynomial)?;
                return self.each(x, |evaluator, image| evaluator.monic(image, &monic));
            }
            Form::Unrescaled => {
                let monic = monic(polynomial)?;
                return self.each(x, |evaluator, image| evaluator.monic_unrescaled(image, &monic));
            }
        }
        self.each(x, |evaluator, image| {
            let result = evaluator.polynomial(image, &series, evaluator.parameters().scale())?;
            // Leading zeros make the series shallower than the plan reckons.
            match image.level().checked_sub(polynomial.depth().into()) {
                Some(level) if level < result.level() => evaluator.drop_level(&result, level),
                Some(_) | None => Ok(result),
            }
        })
    }
}
