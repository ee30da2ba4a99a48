//! Weights that nobody trained, for networks whose needs are to be known before their training.

use crate::ir::{Activation, NodeId, TensorGraph, TensorOp};
use fhecc_plan::{BatchNorm, Tensor, Weights};

/// A range for every activation.
const RANGE: f32 = 4.0;
/// A polynomial near the rectified linear unit, of the degree that trained networks have for speed.
const POLYNOMIAL: [f32; 3] = [0.3, 0.5, 0.2];
/// Bins of a density, all alike.
const BINS: usize = 16;

/// Every tensor that the layers of `graph` name, in the right shape, with values that mean nothing: small enough for
/// the ranges, and normalised as a fresh network is. The plan has the levels, rotations, keys and sizes that it will
/// have for trained weights.
pub fn placeholder_weights(graph: &TensorGraph) -> Weights {
    let mut weights = Weights::default();
    for id in graph.graph.schedule().unwrap_or_default() {
        add(&mut weights, graph, id);
    }
    weights
}

fn add(weights: &mut Weights, graph: &TensorGraph, id: NodeId) {
    let node = graph.graph.op(id);
    let Some(input) = graph.graph.operands(id).first().map(|&operand| graph.graph.op(operand).shape) else {
        return;
    };
    let inputs = u64::from(input.channels);
    let mut put = |name: &str, shape: &[u64], value: f32| {
        let count = shape.iter().product::<u64>() as usize;
        weights.insert(name.to_owned(), Tensor { shape: shape.to_vec(), values: vec![value; count] });
    };
    let mut normalised = |batch_norm: &BatchNorm, channels: u64| {
        for (name, value) in [
            (&batch_norm.weight, 1.0),
            (&batch_norm.bias, 0.0),
            (&batch_norm.running_mean, 0.0),
            (&batch_norm.running_var, 1.0),
        ] {
            put(name, &[channels], value);
        }
    };
    match &node.op {
        TensorOp::Conv { channels, kernel, groups, weight, bias, batch_norm, .. } => {
            let channels = u64::from(*channels);
            if let Some(batch_norm) = batch_norm {
                normalised(batch_norm, channels);
            }
            let per_group = inputs / u64::from(*groups);
            let (rows, columns) = (u64::from(kernel.0), u64::from(kernel.1));
            let mean = 1.0 / (per_group * rows * columns) as f32;
            put(weight, &[channels, per_group, rows, columns], mean);
            if let Some(bias) = bias {
                put(bias, &[channels], 0.0);
            }
        }
        TensorOp::BatchNorm(batch_norm) => normalised(batch_norm, inputs),
        TensorOp::Linear { features, weight, bias } => {
            let inputs = inputs * u64::from(input.height) * u64::from(input.width);
            put(weight, &[u64::from(*features), inputs], 1.0 / inputs as f32);
            if let Some(bias) = bias {
                put(bias, &[u64::from(*features)], 0.0);
            }
        }
        TensorOp::Activation { function, .. } => {
            let name = |what: &str| format!("{}.{what}", node.path);
            put(&name("range"), &[1], RANGE);
            put(&name("density"), &[BINS as u64], 1.0);
            if *function == Activation::Trained {
                put(&name("argument"), &[1], 1.0);
                let values = POLYNOMIAL.to_vec();
                weights.insert(name("polynomial"), Tensor { shape: vec![values.len() as u64], values });
            }
        }
        TensorOp::Input
        | TensorOp::Add
        | TensorOp::AveragePool { .. }
        | TensorOp::GlobalAveragePool
        | TensorOp::Subsample { .. }
        | TensorOp::PadChannels { .. }
        | TensorOp::Output => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check_weights, elaborate, parse};

    #[test]
    fn placeholders_are_all_that_a_network_needs() {
        for text in
            [include_str!("../../../models/resnet20.net"), include_str!("../../../models/resnet20_relu.net")]
        {
            let graph = elaborate(&parse(text).expect("parses")).expect("elaborates");
            let weights = placeholder_weights(&graph);
            assert_eq!(check_weights(&graph, &weights), []);
        }
    }
}
