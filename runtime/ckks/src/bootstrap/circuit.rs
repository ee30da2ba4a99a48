//! The encoded matrices of a bootstrap and the scales between its steps.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::dft::{coeffs_to_slots, slots_to_coeffs};
use super::eval_mod::{SinePlan, cosine_in_y};
use super::matrix::DiagonalMatrix;
use super::schedule::{BootstrapStage, StageSchedule, schedules};
use crate::complex::Complex;
use crate::encoder::{Encoder, IntegerPolynomial};
use crate::error::EvaluationError;
use crate::linear::{EncodedDiagonals, Packing, Place, Transforms, pre_rotate};
use crate::parameters::{BootstrapLiteral, Parameters};
use crate::scale::Scale;

/// One matrix: its schedule and its pre-rotated diagonals.
pub(crate) struct Stage {
    pub(crate) schedule: StageSchedule,
    /// The factor between the matrix and the integers.
    pub(crate) plaintext_scale: Scale,
    diagonals: Diagonals,
}

enum Diagonals {
    /// As integer coefficients, which is their most compact form; the transforms modulo every prime are computed when needed.
    Integers(BTreeMap<Place, Arc<IntegerPolynomial>>),
    /// Transformed modulo every prime.
    Transformed(Transforms),
}

impl EncodedDiagonals for Stage {
    fn packing(&self) -> Packing {
        Packing::Single
    }

    fn integers(&self, places: &[Place]) -> Result<Option<Arc<IntegerPolynomial>>, EvaluationError> {
        match &self.diagonals {
            Diagonals::Integers(all) => Ok(places.iter().find_map(|place| all.get(place)).map(Arc::clone)),
            Diagonals::Transformed(_) => Ok(None),
        }
    }

    fn transforms(&self) -> Option<&Transforms> {
        match &self.diagonals {
            Diagonals::Integers(_) => None,
            Diagonals::Transformed(transforms) => Some(transforms),
        }
    }
}

impl Diagonals {
    fn size_in_bytes(&self) -> usize {
        match self {
            Self::Integers(all) => all.values().map(|diagonal| diagonal.size_in_bytes()).sum(),
            Self::Transformed(transforms) => transforms.size_in_bytes(),
        }
    }
}

/// Everything a bootstrap needs that depends on the parameters only.
pub(crate) struct Circuit {
    /// `log2` of the factor by which the input is multiplied, which is exact.
    ///
    /// The message grows on its way to the coefficients. What it grows by before it is first rotated counts against the
    /// noise of the rotations, and what the matrices multiply it by against the rounding of their entries: input and
    /// matrices share it evenly.
    pub(crate) log_input_factor: i32,
    pub(crate) slots_to_coeffs: Vec<Stage>,
    pub(crate) coeffs_to_slots: Vec<Stage>,
    pub(crate) sine: SinePlan,
}

impl Circuit {
    /// Computes and encodes the matrices, `transformed` or as coefficients.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::Argument`] if the parameters have no bootstrap or not the levels it needs.
    pub(crate) fn new(parameters: &Parameters, transformed: bool) -> Result<Self, EvaluationError> {
        let literal = bootstrap_literal(parameters)?;
        let half = parameters.slots() / 2;
        let (stc, cts): (Vec<_>, Vec<_>) = schedules(parameters)
            .into_iter()
            .partition(|schedule| matches!(schedule.stage, BootstrapStage::SlotsToCoeffs(_)));
        let q0 = parameters.prime(0) as f64;
        let rescaled = |level: usize| parameters.rescale_factor(level);

        // After the trace, which doubles, the coefficients are `a q0 m` as integers.
        let ratio = f64::exp2(-f64::from(literal.log_message_ratio));
        let inward = 2.0 * ratio * q0 / parameters.scale().to_f64();
        let log_input_factor = (inward.log2() / (stc.len() + 1) as f64).ceil().max(0.0) as i32;
        let inward = inward * f64::exp2(-f64::from(log_input_factor));
        let matrices = slots_to_coeffs(half, stc.len(), inward);
        let slots_to_coeffs = encode(parameters, matrices, stc, &rescaled, transformed)?;

        // The trace doubles, and so does the sum with the conjugate; the argument of the sine is divided by K.
        let outward = 1.0 / (4.0 * f64::from(literal.interval));
        let matrices = coeffs_to_slots(half, cts.len(), outward);
        let top = parameters.max_level();
        let raised = argument_scale(parameters).div_prime(parameters.prime(0));
        let scale = |level: usize| if level == top { rescaled(level).mul(raised) } else { rescaled(level) };
        let coeffs_to_slots = encode(parameters, matrices, cts, &scale, transformed)?;

        let sine = SinePlan::new(&literal, &cosine_in_y(&literal));
        Ok(Self { log_input_factor, slots_to_coeffs, coeffs_to_slots, sine })
    }

    /// Bytes of all encoded matrices.
    pub(crate) fn size_in_bytes(&self) -> usize {
        let stages = self.slots_to_coeffs.iter().chain(&self.coeffs_to_slots);
        stages.map(|stage| stage.diagonals.size_in_bytes()).sum()
    }
}

/// The bootstrap's constants, checked against the chain.
pub(crate) fn bootstrap_literal(parameters: &Parameters) -> Result<BootstrapLiteral, EvaluationError> {
    let argument = |what: String| EvaluationError::Argument { what };
    let literal = parameters.literal();
    let bootstrap = literal.bootstrap.ok_or_else(|| argument("these parameters have no bootstrap".into()))?;
    let levels = parameters.slots().ilog2() as usize - 1;
    // The trace lies between the raise of the modulus, which is fused with a matrix, and the last matrix.
    for (name, count, fewest) in [
        ("slots-to-coefficients", literal.slots_to_coeffs_bits.len(), 1),
        ("coefficients-to-slots", literal.coeffs_to_slots_bits.len(), 2),
    ] {
        if !(fewest..=levels).contains(&count) {
            return Err(argument(format!("{count} {name} primes, allowed {fewest}..={levels}")));
        }
    }
    let (found, needed) = (literal.eval_mod_bits.len(), super::eval_mod::depth(&bootstrap));
    if found != needed {
        return Err(argument(format!("{found} modular-reduction primes, the constants need {needed}")));
    }
    Ok(bootstrap)
}

/// The scale of the sine's argument: such that its square, rescaled, has the size of the next prime.
fn argument_scale(parameters: &Parameters) -> Scale {
    let top = parameters.eval_mod_top_level();
    Scale::from_prime(parameters.prime(top)).mul_prime(parameters.prime(top - 1)).sqrt()
}

/// The values until they repeat, which is after as many as the longest butterflies of a group of levels reach.
///
/// What is computed alike is equal to the last bit.
fn one_period(mut values: &[Complex]) -> &[Complex] {
    while values.len().is_multiple_of(2) {
        let (first, second) = values.split_at(values.len() / 2);
        if first != second {
            break;
        }
        values = first;
    }
    values
}

fn encode(
    parameters: &Parameters,
    matrices: Vec<DiagonalMatrix>,
    schedules: Vec<StageSchedule>,
    scale: &dyn Fn(usize) -> Scale,
    transformed: bool,
) -> Result<Vec<Stage>, EvaluationError> {
    let encoder = Encoder::new(parameters);
    let stage = |(matrix, schedule): (DiagonalMatrix, StageSchedule)| {
        let plaintext_scale = scale(schedule.level);
        let places: Vec<(i32, i32)> = schedule
            .giants
            .iter()
            .flat_map(|giant| giant.babies.iter().map(|&baby| (giant.rotation, baby)))
            .collect();
        let diagonals: BTreeMap<Place, IntegerPolynomial> = places
            .into_par_iter()
            .map(|(giant, baby)| {
                let mut values = one_period(&matrix.diagonals()[&(giant + baby)]).to_vec();
                pre_rotate(&mut values, giant);
                Ok(((giant, baby), encoder.to_integers(&values, plaintext_scale)?.packed()))
            })
            .collect::<Result<_, EvaluationError>>()?;
        let diagonals = if transformed {
            let special_count = schedule.plaintext_special_count(parameters);
            Diagonals::Transformed(Transforms::new(parameters, &diagonals, (schedule.level, special_count)))
        } else {
            Diagonals::Integers(
                diagonals.into_iter().map(|(place, integers)| (place, Arc::new(integers))).collect(),
            )
        };
        Ok(Stage { schedule, plaintext_scale, diagonals })
    };
    matrices.into_iter().zip(schedules).map(stage).collect()
}
