//! Which global average pools are sums over rotations.

use crate::ir::{NodeId, TensorGraph, TensorOp};
use crate::passes::choose_packing::Packing;

/// Whether the global average pool `id` is done by rotations alone, without a level: its extents are powers
/// of two, and only linear maps read it, which skip the slots that hold partial sums. Their weights take the
/// division by the number of pixels.
pub fn by_rotation(g: &TensorGraph, id: NodeId) -> bool {
    let operand = g.graph.op(g.graph.operands(id)[0]).shape;
    let linear = |user: NodeId| match &g.graph.op(user).op {
        TensorOp::Conv { .. }
        | TensorOp::BatchNorm(_)
        | TensorOp::AveragePool { .. }
        | TensorOp::Subsample { .. }
        | TensorOp::PadChannels { .. }
        | TensorOp::Linear { .. } => true,
        TensorOp::Input
        | TensorOp::Activation { .. }
        | TensorOp::Add
        | TensorOp::GlobalAveragePool
        | TensorOp::Output => false,
    };
    g.graph.op(id).op == TensorOp::GlobalAveragePool
        && operand.height.is_power_of_two()
        && operand.width.is_power_of_two()
        && g.graph.users(id).into_iter().all(|(user, _)| linear(user))
}

/// Whether `choose_packing` decided that the result of `id` is a sum over rotations.
pub fn is_sum(g: &TensorGraph, packing: &Packing, id: NodeId) -> bool {
    g.graph.op(id).op == TensorOp::GlobalAveragePool && packing.get(&id).is_some_and(|layout| !layout.clean)
}
