//! Tensors become slots.
//!
//! Does: turn every linear layer into a [`LinearMap`] between the layouts of `choose_packing`, with the factors
//! of `fold_ranges` in weights and bias and the cheapest schedule of rotations; scale activation polynomials by
//! R times the factor of their result, degrees two and four in their form of one level less where nothing else reads the
//! argument; turn global pools into sums over rotations where that is possible; make one map of a subsampling and the
//! channel padding behind it.
//! Does not: know levels, or decide on bootstraps.
//!
//! Requires: a verified [`TensorGraph`], layouts, factors and fits for its nodes.
//! Ensures: a verified [`HeGraph`] that computes alpha times the tensor graph's values with plain polynomials.

use super::choose_packing::Packing;
use super::fit_activations::Fits;
use super::fold_ranges::Ranges;
use super::{PassError, cyclic};
use crate::analysis::{pooling, rotations};
use crate::ir::{Graph, HeGraph, HeNode, HeOp, NodeId, TensorGraph, TensorNode, TensorOp};
use fhecc_plan::{Form, Layout, LinearMap, LinearSource, Polynomial, Profile, Rotation};
use std::collections::BTreeMap;
use std::fmt::{self, Display};

/// What [`lower_to_he`] made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Linear maps.
    pub linear: usize,
    /// Their diagonals.
    pub diagonals: usize,
    /// Their rotations and those of sums.
    pub rotations: usize,
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { linear, diagonals, rotations } = self;
        write!(f, "{linear} linear maps, {diagonals} diagonals, {rotations} rotations")
    }
}

/// Lets equal geometries share the search for a schedule.
type Schedules = Vec<(LinearSource, LinearMap)>;

struct Lowering<'a> {
    tensors: &'a TensorGraph,
    packing: &'a Packing,
    ranges: &'a Ranges,
    fits: &'a Fits,
    profile: &'a Profile,
    he: HeGraph,
    lowered: BTreeMap<NodeId, NodeId>,
    schedules: Schedules,
    report: Report,
}

/// `source` without names: what the schedule depends on.
fn geometry(source: &LinearSource) -> LinearSource {
    match source {
        LinearSource::Conv { kernel, stride, padding, groups, .. } => LinearSource::Conv {
            weight: String::new(),
            bias: None,
            batch_norm: None,
            kernel: *kernel,
            stride: *stride,
            padding: *padding,
            groups: *groups,
        },
        LinearSource::Dense { .. } => LinearSource::Dense { weight: String::new(), bias: None },
        LinearSource::Affine { .. } | LinearSource::Select { .. } | LinearSource::AveragePool { .. } => {
            source.clone()
        }
    }
}

/// The rotations that gather a block of `height x width` pixels at its first one.
fn gathering(layout: &Layout) -> Vec<Rotation> {
    let doublings = |extent: u32, step: u32| {
        (0..extent.trailing_zeros()).map(move |k| Rotation(i32::try_from(step << k).unwrap_or(i32::MAX)))
    };
    let columns = doublings(layout.width, layout.pitch);
    columns.chain(doublings(layout.height, layout.pitch * layout.grid_width)).collect()
}

fn scaled(polynomial: &Polynomial, factor: f64) -> Polynomial {
    let coefficients = polynomial.coefficients.iter().map(|c| c * factor).collect();
    Polynomial::series(polynomial.domain, coefficients)
}

/// `polynomial` as a monic polynomial if that is possible and `alone` says that nothing else reads its argument.
fn in_fewest_levels(polynomial: Polynomial, alone: bool) -> Polynomial {
    let form = if alone && polynomial.gain().is_some() { Form::Monic } else { Form::Series };
    Polynomial { form, ..polynomial }
}

impl<'a> Lowering<'a> {
    fn layout(&self, id: NodeId) -> Result<Layout, PassError> {
        self.packing.get(&id).copied().ok_or_else(|| PassError::Bug(format!("{id} has no layout")))
    }

    fn factor(&self, id: NodeId) -> Result<f64, PassError> {
        self.ranges.factors.get(&id).copied().ok_or_else(|| PassError::Bug(format!("{id} has no factor")))
    }

    fn node(&mut self, op: HeOp, node: &TensorNode, layout: Layout, operands: &[NodeId]) -> NodeId {
        self.he.add(HeNode { op, layer: node.path.clone(), layout, span: node.span }, operands)
    }

    /// The map of `source` from tensor node `from` to tensor node `to`, its weights multiplied by `extra`.
    fn linear(
        &mut self,
        source: LinearSource,
        from: NodeId,
        to: NodeId,
        extra: f64,
    ) -> Result<NodeId, PassError> {
        let operand = *self
            .lowered
            .get(&from)
            .ok_or_else(|| PassError::Bug(format!("{from} is used before it is lowered")))?;
        let (input, output) = (self.he.op(operand).layout, self.layout(to)?);
        let (alpha_in, alpha_out) = (self.factor(from)?, self.factor(to)?);
        let key = geometry(&source);
        let known = |(k, m): &&(LinearSource, LinearMap)| *k == key && m.input == input && m.output == output;
        let mut map = match self.schedules.iter().find(known) {
            Some((_, map)) => map.clone(),
            None => {
                let map = rotations::schedule(key.clone(), input, output, self.profile);
                self.schedules.push((key, map.clone()));
                map
            }
        };
        map.source = source;
        map.weight_factor = alpha_out / alpha_in * extra;
        map.bias_factor = alpha_out;
        self.report.linear += 1;
        self.report.diagonals += map.diagonals as usize;
        let others = map.other_rotations();
        self.report.rotations += map.babies.iter().chain(&others).filter(|r| r.0 != 0).count();
        let tensors = self.tensors;
        let node = tensors.graph.op(to);
        Ok(self.node(HeOp::Linear(Box::new(map)), node, output, &[operand]))
    }

    fn lower(&mut self, id: NodeId) -> Result<(), PassError> {
        let g: &'a Graph<TensorNode> = &self.tensors.graph;
        let node = g.op(id);
        let operands = g.operands(id);
        let first = operands.first().copied().unwrap_or(id);
        let done: Vec<NodeId> = operands.iter().filter_map(|o| self.lowered.get(o)).copied().collect();
        let lowered = match &node.op {
            TensorOp::Input => {
                let layout = self.layout(id)?;
                self.node(HeOp::Input(None), node, layout, &[])
            }
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
                self.linear(source, first, id, 1.0)?
            }
            TensorOp::BatchNorm(batch_norm) => {
                self.linear(LinearSource::Affine { batch_norm: batch_norm.clone() }, first, id, 1.0)?
            }
            TensorOp::AveragePool { kernel, stride, padding } => {
                let source =
                    LinearSource::AveragePool { kernel: *kernel, stride: *stride, padding: *padding };
                self.linear(source, first, id, 1.0)?
            }
            TensorOp::GlobalAveragePool => self.global_pool(id, first)?,
            // Done together with the padding of channels behind it.
            TensorOp::Subsample { .. } if self.padded_only(id) => return Ok(()),
            TensorOp::Subsample { stride } => {
                self.linear(LinearSource::Select { stride: *stride, before: 0 }, first, id, 1.0)?
            }
            TensorOp::PadChannels { before, .. } => {
                let (stride, from) = self.subsampled(first);
                self.linear(LinearSource::Select { stride, before: *before }, from, id, 1.0)?
            }
            TensorOp::Linear { weight, bias, .. } => {
                let source = LinearSource::Dense { weight: weight.clone(), bias: bias.clone() };
                self.linear(source, first, id, 1.0)?
            }
            TensorOp::Add => {
                let clean = done.iter().all(|o| self.he.op(*o).layout.clean);
                let layout = Layout { clean, ..self.layout(id)? };
                self.node(HeOp::Add, node, layout, &done)
            }
            TensorOp::Activation { .. } => self.activation(id, first, &done)?,
            TensorOp::Output => {
                let layout = self.he.op(done[0]).layout;
                self.node(HeOp::Output, node, layout, &done)
            }
        };
        self.lowered.insert(id, lowered);
        Ok(())
    }

    /// Whether `id` is a subsampling that only a padding of channels reads.
    fn padded_only(&self, id: NodeId) -> bool {
        let g = &self.tensors.graph;
        let [(user, _)] = g.users(id)[..] else { return false };
        matches!(g.op(user).op, TensorOp::PadChannels { .. })
    }

    /// The stride and the operand of a subsampling that is done by its reader, or 1 and the node itself.
    fn subsampled(&self, id: NodeId) -> (u32, NodeId) {
        let g = &self.tensors.graph;
        if let TensorOp::Subsample { stride } = g.op(id).op
            && self.padded_only(id)
        {
            return (stride, g.operands(id)[0]);
        }
        (1, id)
    }

    fn global_pool(&mut self, id: NodeId, operand: NodeId) -> Result<NodeId, PassError> {
        let g: &'a Graph<TensorNode> = &self.tensors.graph;
        let (node, shape) = (g.op(id), g.op(operand).shape);
        if pooling::is_sum(self.tensors, self.packing, id) {
            let source = self.lowered[&operand];
            let rotations = gathering(&self.he.op(source).layout);
            self.report.rotations += rotations.len();
            let layout = self.layout(id)?;
            return Ok(self.node(HeOp::RotateSum(rotations), node, layout, &[source]));
        }
        // One square window over everything: windows begin `padding` before the image, and a second one would
        // begin behind the last row and column that it may. The mean is over the pixels that exist.
        let padding = shape.height.abs_diff(shape.width);
        let kernel = shape.height.max(shape.width) + padding;
        let extra = f64::from(kernel).powi(2) / f64::from(shape.height) / f64::from(shape.width);
        let source = LinearSource::AveragePool { kernel, stride: padding + 1, padding };
        self.linear(source, operand, id, extra)
    }

    fn activation(&mut self, id: NodeId, argument: NodeId, done: &[NodeId]) -> Result<NodeId, PassError> {
        let g: &'a Graph<TensorNode> = &self.tensors.graph;
        let node = g.op(id);
        let (Some(fit), Some(range)) = (self.fits.get(&id), self.ranges.activations.get(&id)) else {
            return Err(PassError::Bug(format!("`{}` has no fit", node.path)));
        };
        if (self.factor(argument)? * range - 1.0).abs() > 1e-12 {
            return Err(PassError::Bug(format!(
                "the argument of `{}` is not divided by its range",
                node.path
            )));
        }
        let factor = range * self.factor(id)?;
        let operand = self.he.op(done[0]).layout;
        // p(0) is not 0: unused slots do not stay empty.
        let layout = Layout { clean: operand.clean && operand.len() == operand.period(), ..operand };
        // A monic polynomial's argument is made for it: by a linear map that nothing else reads, or by the bootstrap, which
        // serves all activations of one value.
        let readers = g.users(argument);
        let activations =
            readers.iter().filter(|(user, _)| matches!(g.op(*user).op, TensorOp::Activation { .. })).count();
        let alone = readers.len() == 1 && matches!(self.he.op(done[0]).op, HeOp::Linear(_));
        let plain = in_fewest_levels(scaled(&fit.plain, factor), alone);
        let refreshed = in_fewest_levels(scaled(&fit.refreshed, factor), activations == 1);
        Ok(self.node(HeOp::Activation { plain, refreshed }, node, layout, done))
    }
}

/// Lowers the whole network.
///
/// # Errors
///
/// [`PassError::Bug`] if a table lacks a node.
pub fn lower_to_he(
    tensors: &TensorGraph,
    packing: &Packing,
    ranges: &Ranges,
    fits: &Fits,
    profile: &Profile,
) -> Result<(HeGraph, Report), PassError> {
    let mut lowering = Lowering {
        tensors,
        packing,
        ranges,
        fits,
        profile,
        he: HeGraph::default(),
        lowered: BTreeMap::new(),
        schedules: Vec::new(),
        report: Report::default(),
    };
    for id in tensors.graph.schedule().ok_or_else(cyclic)? {
        lowering.lower(id)?;
    }
    Ok((lowering.he, lowering.report))
}

#[cfg(test)]
mod tests;
