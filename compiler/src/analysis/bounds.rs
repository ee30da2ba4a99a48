//! How large the values of a network can get: calibrated where a tensor `<path>.range` says so, from the norms
//! of the weights elsewhere.

use crate::fit::HEADROOM;
use crate::ir::{NodeId, TensorGraph, TensorOp};
use fhecc_plan::{LinearSource, MissingTensor, TensorSource, effective_values};
use std::collections::BTreeMap;

/// The calibrated range of `path` with head-room, if there is one. A range of 0 (nothing ever arrived there)
/// counts as 1.
pub fn calibrated(tensors: &dyn TensorSource, path: &str) -> Option<f64> {
    let range = f64::from(*tensors.values(&format!("{path}.range"))?.first()?);
    let usable = range.is_finite() && range >= 0.0;
    usable.then_some(if range == 0.0 { 1.0 } else { range * HEADROOM })
}

/// The largest magnitude of a normalised pixel.
pub fn input_bound(g: &TensorGraph) -> f64 {
    let channel = |(mean, std): (&f64, &f64)| mean.abs().max((1.0 - mean).abs()) / std;
    g.mean.iter().zip(&g.std).map(channel).fold(0.0, f64::max)
}

/// Bound per output channel: |w| summed times the bound of the input, plus |bias|.
fn linear_bound(
    source: &LinearSource,
    channels: u32,
    input: f64,
    tensors: &dyn TensorSource,
) -> Result<f64, MissingTensor> {
    let values = effective_values(source, channels as usize, tensors)?;
    let taps = values.weight.len() / channels as usize;
    let rows = values.weight.chunks_exact(taps.max(1)).zip(&values.bias);
    Ok(rows.map(|(w, b)| w.iter().map(|w| w.abs()).sum::<f64>() * input + b.abs()).fold(0.0, f64::max))
}

/// A bound for every node, given the range of every activation's argument.
///
/// # Errors
///
/// [`MissingTensor`] if a weight is not there.
pub fn bounds(
    g: &TensorGraph,
    order: &[NodeId],
    arguments: &BTreeMap<NodeId, f64>,
    tensors: &dyn TensorSource,
) -> Result<BTreeMap<NodeId, f64>, MissingTensor> {
    let mut bounds: BTreeMap<NodeId, f64> = BTreeMap::new();
    for id in order {
        let node = g.graph.op(*id);
        let operands: Vec<f64> = g.graph.operands(*id).iter().map(|o| bounds[o]).collect();
        let first = operands.first().copied().unwrap_or(0.0);
        let channels = node.shape.channels;
        let bound = match &node.op {
            TensorOp::Input => input_bound(g),
            TensorOp::Conv { kernel, stride, padding, groups, weight, bias, batch_norm, .. } => {
                let source = LinearSource::Conv {
                    weight: weight.clone(),
                    bias: bias.clone(),
                    batch_norm: batch_norm.clone(),
                    kernel: *kernel,
                    stride: *stride,
                    padding: *padding,
                    groups: *groups,
                };
                linear_bound(&source, channels, first, tensors)?
            }
            TensorOp::BatchNorm(batch_norm) => linear_bound(
                &LinearSource::Affine { batch_norm: batch_norm.clone() },
                channels,
                first,
                tensors,
            )?,
            TensorOp::Linear { weight, bias, .. } => {
                let source = LinearSource::Dense { weight: weight.clone(), bias: bias.clone() };
                linear_bound(&source, channels, first, tensors)?
            }
            TensorOp::Add => operands.iter().sum(),
            TensorOp::Activation { .. }
            | TensorOp::AveragePool { .. }
            | TensorOp::GlobalAveragePool
            | TensorOp::Subsample { .. }
            | TensorOp::PadChannels { .. }
            | TensorOp::Output => first,
        };
        // An activation's calibration is about its argument.
        let own = (!matches!(node.op, TensorOp::Activation { .. }))
            .then(|| calibrated(tensors, &node.path))
            .flatten();
        let known = own.or_else(|| arguments.get(id).copied());
        bounds.insert(*id, known.map_or(bound, |known| known.min(bound)));
    }
    Ok(bounds)
}
