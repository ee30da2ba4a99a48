//! The interpreter of ciphertext graphs on vectors of slots: what the runtime computes, without encryption.
//! Linear maps run in the order of baby and giant steps, with diagonals rotated beforehand.

use crate::ir::{HeGraph, HeOp, NodeId};
use fhecc_plan::{LinearMap, MissingTensor, Rotation, TensorSource};
use std::collections::BTreeMap;
use std::error::Error;
use std::f64::consts::TAU;
use std::fmt::{self, Display};

/// Why a ciphertext graph cannot be interpreted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlotsError {
    /// A weight is missing.
    Missing(MissingTensor),
    /// The graph breaks an invariant of the verifier.
    Malformed(String),
}

impl Error for SlotsError {}

impl Display for SlotsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(error) => error.fmt(f),
            Self::Malformed(message) => write!(f, "the ciphertext graph cannot be interpreted: {message}"),
        }
    }
}

impl From<MissingTensor> for SlotsError {
    fn from(error: MissingTensor) -> Self {
        Self::Missing(error)
    }
}

/// The slots of the input, packed as the graph wants them, and the angle of its bootstraps.
#[derive(Clone, Debug)]
pub struct SlotsInput<'a> {
    /// One value per element of the input, divided by the input's range.
    pub tensor: &'a [f64],
    /// Slots of a ciphertext.
    pub slots: usize,
    /// A bootstrap turns u into `sin(2 pi u / 2^this)`.
    pub log_message_ratio: u32,
}

/// Runs `graph`; returns the output's elements, channel by channel.
///
/// # Errors
///
/// [`SlotsError`].
pub fn run(
    graph: &HeGraph,
    tensors: &dyn TensorSource,
    input: &SlotsInput<'_>,
) -> Result<Vec<f64>, SlotsError> {
    let angle = TAU / f64::from(input.log_message_ratio).exp2();
    let malformed = |message: &str| SlotsError::Malformed(message.to_owned());
    let order = graph.schedule().ok_or_else(|| malformed("it is cyclic"))?;
    let position: BTreeMap<NodeId, usize> = order.iter().copied().zip(0..).collect();
    let mut values: BTreeMap<NodeId, Vec<f64>> = BTreeMap::new();
    for (index, id) in order.iter().enumerate() {
        let node = graph.op(*id);
        let operands = graph.operands(*id);
        let read = |position: usize| -> Result<&Vec<f64>, SlotsError> {
            operands
                .get(position)
                .and_then(|o| values.get(o))
                .ok_or_else(|| malformed("an operand is missing"))
        };
        let value = match &node.op {
            HeOp::Input(_) => {
                if input.tensor.len() != node.layout.len() {
                    return Err(malformed("the image has the wrong size"));
                }
                node.layout.pack(input.tensor, input.slots)
            }
            HeOp::Linear(map) => linear(map, tensors, read(0)?)?,
            HeOp::RotateSum(rotations) => rotations.iter().fold(read(0)?.clone(), |x, r| {
                let turned = rotated(&x, i64::from(r.0));
                x.iter().zip(turned).map(|(a, b)| a + b).collect()
            }),
            HeOp::Add => read(0)?.iter().zip(read(1)?).map(|(a, b)| a + b).collect(),
            HeOp::Activation { plain: p, .. } | HeOp::Polynomial(p) => {
                read(0)?.iter().map(|x| p.value(*x)).collect()
            }
            HeOp::Bootstrap => read(0)?.iter().map(|x| (angle * x).sin()).collect(),
            HeOp::DropLevel(_) => read(0)?.clone(),
            HeOp::Output => return Ok(node.layout.unpack(read(0)?)),
        };
        values.insert(*id, value);
        for operand in operands {
            if graph.users(operand).iter().all(|(user, _)| position[user] <= index) {
                values.remove(&operand);
            }
        }
    }
    Err(malformed("it has no output"))
}

/// Slot `s` receives slot `s + steps`.
fn rotated(x: &[f64], steps: i64) -> Vec<f64> {
    let mut out = x.to_vec();
    out.rotate_left(steps.rem_euclid(x.len() as i64) as usize);
    out
}

/// `out = bias + sum_g rot_g(sum_(b, s) rot_-g(diagonal_(g + b + s)) * rot_(b + s)(x))`, the `s` being the sums of folds,
/// gathered.
fn linear(map: &LinearMap, tensors: &dyn TensorSource, x: &[f64]) -> Result<Vec<f64>, SlotsError> {
    let values = map.values(tensors)?;
    let diagonals = map.diagonals(&values);
    let mut giants: BTreeMap<Rotation, Vec<Rotation>> = BTreeMap::new();
    for rotation in map.structural_rotations() {
        let (giant, baby) = map.split(rotation);
        giants.entry(giant).or_default().push(baby);
    }
    let missing =
        |kind: &str, r: Rotation| SlotsError::Malformed(format!("{kind} step {} is not listed", r.0));
    let sums = map.fold_sums();
    let mut out = vec![0.0; x.len()];
    let mut diagonal = vec![0.0; map.diagonal_period()];
    for (giant, steps) in giants {
        if !map.giants.contains(&giant) {
            return Err(missing("giant", giant));
        }
        let mut inner = vec![0.0; x.len()];
        for (baby, sum) in steps.into_iter().flat_map(|baby| sums.iter().map(move |sum| (baby, *sum))) {
            if !map.babies.contains(&baby) {
                return Err(missing("baby", baby));
            }
            diagonals.write(Rotation(giant.0 + baby.0 + sum), &mut diagonal);
            if diagonal.iter().all(|d| *d == 0.0) {
                continue;
            }
            let turned = rotated(x, i64::from(baby.0) + i64::from(sum));
            let steps = i64::from(giant.0).rem_euclid(diagonal.len() as i64);
            diagonal.rotate_right(steps as usize);
            for (block, turned) in inner.chunks_mut(diagonal.len()).zip(turned.chunks(diagonal.len())) {
                for ((sum, d), x) in block.iter_mut().zip(&diagonal).zip(turned) {
                    *sum += d * x;
                }
            }
        }
        let turned = rotated(&inner, giant.0.into());
        out.iter_mut().zip(turned).for_each(|(o, v)| *o += v);
    }
    for gather in map.gather_rotations() {
        let turned = rotated(&out, gather.0.into());
        out.iter_mut().zip(turned).for_each(|(o, v)| *o += v);
    }
    if let Some(bias) = map.bias_slots(&values) {
        out.iter_mut().zip(bias.iter().cycle()).for_each(|(o, b)| *o += b);
    }
    Ok(out)
}
