//! Every tensor gets its slots.
//!
//! Does: walk forward from the dense image. A strided layer leaves the pixels where they are, `pitch` apart,
//! and multiplexes channels into the gaps (the smallest gap of the least period); fully connected layers take
//! the cheapest of a few layouts. Where the operands of an addition lie differently, the second is moved by an
//! identity map of its own, which costs a level.
//! Does not: split a tensor over several ciphertexts, or look ahead.
//!
//! Requires: a verified [`TensorGraph`].
//! Ensures: every node has a sound layout within the slots; activations, batch norms, additions and global
//! pools by rotation keep their operands' layout.

use super::{PassError, cyclic};
use crate::analysis::{pooling, rotations};
use crate::diagnostics::Diagnostic;
use crate::ir::{NodeId, Shape, TensorGraph, TensorNode, TensorOp};
use fhecc_plan::{Layout, LayoutError, LinearSource, Profile};
use std::collections::BTreeMap;
use std::fmt::{self, Display};

/// Where every node's result lies.
pub type Packing = BTreeMap<NodeId, Layout>;

/// What [`choose_packing`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The longest period of a layout.
    pub largest_period: usize,
    /// Operands of additions that had to be moved.
    pub moved: usize,
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "largest period {} slots, {} operands moved", self.largest_period, self.moved)
    }
}

/// `shape` on the grid of `base` with pixels `pitch` apart: the smallest gap of the least period.
fn on_grid(shape: Shape, base: &Layout, pitch: u32) -> Option<Layout> {
    let candidate = |gap: u32| Layout {
        channels: shape.channels,
        height: shape.height,
        width: shape.width,
        gap,
        pitch,
        clean: true,
        ..*base
    };
    let sound = |l: &Layout| l.check(usize::MAX).is_ok();
    let most = pitch.min(base.grid_height).min(base.grid_width);
    (1..=most).map(candidate).filter(sound).min_by_key(|l| (l.period(), l.gap))
}

/// The layout of a layer with windows: pixels stay where they are if they can.
fn windowed(shape: Shape, operand: &Layout, stride: u32) -> Layout {
    let dense = Layout::dense(shape.channels, shape.height, shape.width);
    on_grid(shape, operand, operand.pitch.saturating_mul(stride)).unwrap_or(dense)
}

/// The cheapest layout of a vector computed from `operand` by a dense layer.
fn vector(features: u32, operand: &Layout, profile: &Profile) -> Layout {
    let shape = Shape { channels: features, height: 1, width: 1 };
    let dense = Layout::dense(features, 1, 1);
    let powers = (0..=operand.pitch.ilog2()).map(|k| 1 << k);
    let gaps = powers.map(|gap| Layout {
        channels: shape.channels,
        height: 1,
        width: 1,
        gap,
        clean: true,
        ..*operand
    });
    let source = LinearSource::Dense { weight: String::new(), bias: None };
    let price = |layout: Layout| {
        let map = rotations::schedule(source.clone(), *operand, layout, profile);
        (rotations::reference_cost(&map, profile), layout)
    };
    let candidates = gaps.chain([dense]).filter(|l| l.check(profile.slots()).is_ok());
    let best = candidates.map(price).min_by(|a, b| a.0.total_cmp(&b.0));
    best.map_or(dense, |(_, layout)| layout)
}

fn too_large(node: &TensorNode, error: &LayoutError, profile: &Profile) -> PassError {
    let LayoutError::TooManySlots { needed, slots } = error else {
        return PassError::Bug(format!("`{}`: {error}", node.path));
    };
    let title = format!(
        "layer `{}` needs {needed} slots for a tensor of {}, profile `{}` has {slots}",
        node.path, node.shape, profile.name
    );
    let log_n = needed.trailing_zeros() + 1;
    let help = if log_n <= 16 {
        format!("choose a profile with log_n of at least {log_n}, such as `a9`, or a smaller tensor")
    } else {
        "no profile offers so many slots; use fewer channels or fewer pixels".to_owned()
    };
    Diagnostic::new("E0801", title, node.span, "this tensor does not fit one ciphertext").help(help).into()
}

/// Chooses a layout for every node.
///
/// # Errors
///
/// E0801 for a tensor that does not fit one ciphertext.
pub fn choose_packing(g: &mut TensorGraph, profile: &Profile) -> Result<(Packing, Report), PassError> {
    let (mut packing, mut report) = (Packing::new(), Report::default());
    for id in g.graph.schedule().ok_or_else(cyclic)? {
        let node = g.graph.op(id);
        let shape = node.shape;
        let operands = g.graph.operands(id);
        let first = operands.first().and_then(|o| packing.get(o)).copied();
        let dense = Layout::dense(shape.channels, shape.height, shape.width);
        let operand = first.unwrap_or(dense);
        let layout = match &node.op {
            TensorOp::Input => dense,
            TensorOp::Conv { stride, .. }
            | TensorOp::AveragePool { stride, .. }
            | TensorOp::Subsample { stride } => windowed(shape, &operand, *stride),
            TensorOp::PadChannels { .. } => windowed(shape, &operand, 1),
            TensorOp::Linear { features, .. } => vector(*features, &operand, profile),
            TensorOp::GlobalAveragePool if pooling::by_rotation(g, id) => {
                Layout { height: 1, width: 1, clean: false, ..operand }
            }
            TensorOp::GlobalAveragePool => on_grid(shape, &operand, operand.pitch).unwrap_or(dense),
            TensorOp::BatchNorm(_) | TensorOp::Activation { .. } | TensorOp::Add | TensorOp::Output => {
                operand
            }
        };
        layout.check(profile.slots()).map_err(|error| too_large(node, &error, profile))?;
        report.largest_period = report.largest_period.max(layout.period());
        if let (TensorOp::Add, Some(second)) = (&node.op, operands.get(1))
            && !crate::ir::verify_he::same_slots(&packing[second], &layout)
        {
            let moved = TensorNode {
                op: TensorOp::PadChannels { before: 0, after: 0 },
                path: format!("{}.moved", node.path),
                shape,
                span: node.span,
            };
            let moved = g.graph.add(moved, &[*second]);
            g.graph.set_operand(id, 1, moved);
            packing.insert(moved, layout);
            report.moved += 1;
        }
        packing.insert(id, layout);
    }
    Ok((packing, report))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Net, profile};

    fn layouts(net: Net) -> Vec<(String, Layout)> {
        let (mut graph, _) = net.finish();
        let (packing, _) = choose_packing(&mut graph, &profile("b5")).expect("fits");
        packing.into_iter().map(|(id, layout)| (graph.graph.op(id).path.clone(), layout)).collect()
    }

    fn grid(layout: &Layout) -> [u32; 4] {
        [layout.gap, layout.pitch, layout.grid_height, layout.grid_width]
    }

    #[test]
    fn stages_of_resnet20_keep_the_grid_and_multiplex_channels() {
        let (mut graph, _) = crate::testing::resnet20(3);
        let (packing, report) = choose_packing(&mut graph, &profile("b5")).expect("fits");
        assert_eq!(report, Report { largest_period: 1 << 14, moved: 0 });
        let of = |path: &str| {
            let id = graph.graph.nodes().find(|id| graph.graph.op(*id).path == path).expect("there");
            packing[&id]
        };
        assert_eq!(grid(&of("layer1.2.relu2")), [1, 1, 32, 32]);
        assert_eq!(grid(&of("layer2.0.conv1")), [2, 2, 32, 32]);
        assert_eq!(grid(&of("layer3.0.conv1")), [4, 4, 32, 32]);
        assert_eq!(grid(&of("layer3.2.relu2")), [4, 4, 32, 32]);
        assert_eq!(of("layer3.2.relu2").period(), 4096);
    }

    #[test]
    fn a_gap_that_would_leave_the_grid_is_not_taken() {
        let mut net = Net::new(1, 5, 5);
        let x = net.conv(net.input(), 8, 3, 2, 1, 1);
        net.output(x);
        // Three pixels two apart fill five rows: no room for a second row of channels behind the last.
        assert_eq!(grid(&layouts(net)[1].1), [1, 2, 5, 5]);
    }

    #[test]
    fn padding_that_grows_the_image_starts_a_dense_grid() {
        let mut net = Net::new(1, 4, 4);
        let x = net.conv(net.input(), 1, 1, 1, 2, 1);
        net.output(x);
        assert_eq!(grid(&layouts(net)[1].1), [1, 1, 8, 8]);
    }

    #[test]
    fn operands_that_lie_differently_are_moved() {
        let mut net = Net::new(1, 4, 4);
        let a = net.conv(net.input(), 1, 1, 1, 2, 1);
        let a = net.conv(a, 1, 5, 1, 0, 1);
        let sum = net.add(net.input(), a);
        net.output(sum);
        let (mut graph, _) = net.finish();
        let (packing, report) = choose_packing(&mut graph, &profile("b5")).expect("fits");
        assert_eq!(report.moved, 1);
        assert_eq!(packing.len(), graph.graph.len());
        crate::ir::verify_tensor::verify(&graph).expect("sound");
    }

    #[test]
    fn a_tensor_too_large_names_layer_needs_and_a_way_out() {
        let mut net = Net::new(3, 32, 32);
        let x = net.conv(net.input(), 17, 3, 1, 1, 1);
        net.output(x);
        let Err(PassError::Network(found)) = choose_packing(&mut net.finish().0, &profile("b5")) else {
            panic!("refused")
        };
        assert_eq!(found[0].code, "E0801");
        assert_eq!(
            found[0].title,
            "layer `conv0` needs 32768 slots for a tensor of 17x32x32, profile `b5` has 16384"
        );
        let help = "choose a profile with log_n of at least 16, such as `a9`, or a smaller tensor";
        assert_eq!(found[0].help.as_deref(), Some(help));
    }
}
