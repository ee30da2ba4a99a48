//! The plan: straight-line code over registers, with everything the runtime must know.
//!
//! Does: number the steps, list linear maps, polynomials and tensors in order of first use, say where each
//! register is read last, count the work.
//! Does not: decide anything.
//!
//! Requires: a [`LeveledGraph`], the keys of `schedule_rotation_keys`, the factors of `fold_ranges`.
//! Ensures: a [`Plan`] without predictions of time and memory, with every key in memory.

use super::PassError;
use super::fold_ranges::Ranges;
use super::schedule_rotation_keys::rotations;
use crate::ir::{HeOp, LeveledGraph, NodeId, TensorGraph};
use fhecc_plan::{
    Counts, FORMAT_VERSION, Form, InputSpec, KeyUse, LinearSource, Memory, NetworkInfo, Op, OutputSpec, Plan,
    Profile, Reg, Step, StepScale, TensorRef, Weights,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

/// What [`emit_plan`] wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Report {
    /// Steps.
    pub steps: usize,
    /// Tensors referred to.
    pub tensors: usize,
    /// Predicted work.
    pub predicted: Counts,
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { bootstraps, rotations, diagonals, rotation_keys, .. } = self.predicted;
        write!(
            f,
            "{} steps, {} tensors; {bootstraps} bootstraps, {rotations} rotations, {diagonals} diagonals, \
             {rotation_keys} keys",
            self.steps, self.tensors
        )
    }
}

/// Everything that goes into a plan.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// The network.
    pub tensors: &'a TensorGraph,
    /// Its program.
    pub graph: &'a LeveledGraph,
    /// Its factors.
    pub ranges: &'a Ranges,
    /// Its rotation keys.
    pub keys: &'a [KeyUse],
    /// Its weights.
    pub weights: &'a Weights,
    /// The parameter set.
    pub profile: &'a Profile,
    /// What the plan calls the weights file.
    pub weights_file: &'a str,
    /// BLAKE3 of the network's text.
    pub source_digest: &'a str,
}

fn tensor_names(source: &LinearSource) -> Vec<&String> {
    match source {
        LinearSource::Conv { weight, bias, batch_norm, .. } => {
            let norm = batch_norm.iter().flat_map(|b| [&b.weight, &b.bias, &b.running_mean, &b.running_var]);
            std::iter::once(weight).chain(bias).chain(norm).collect()
        }
        LinearSource::Affine { batch_norm: b } => vec![&b.weight, &b.bias, &b.running_mean, &b.running_var],
        LinearSource::Dense { weight, bias } => std::iter::once(weight).chain(bias).collect(),
        LinearSource::Select { .. } | LinearSource::AveragePool { .. } => Vec::new(),
    }
}

#[derive(Default)]
struct Tables {
    linears: Vec<fhecc_plan::LinearMap>,
    polynomials: Vec<fhecc_plan::Polynomial>,
    names: BTreeSet<String>,
    predicted: Counts,
}

fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl Tables {
    fn op(&mut self, parts: &Parts<'_>, id: NodeId, operands: &[Reg]) -> Result<Op, PassError> {
        let graph = parts.graph;
        let performed = rotations(graph, id, parts.profile.slots()).len();
        self.predicted.rotations += index(performed);
        let missing = || PassError::Bug(format!("`{}` lacks an operand", graph.node(id).layer));
        let read = |position: usize| operands.get(position).copied().ok_or_else(missing);
        Ok(match &graph.node(id).op {
            HeOp::Input(_) => Op::Input,
            HeOp::Linear(map) => {
                self.predicted.diagonals += map.diagonals;
                self.names.extend(tensor_names(&map.source).into_iter().cloned());
                self.linears.push((**map).clone());
                Op::Linear { src: read(0)?, map: index(self.linears.len() - 1) }
            }
            HeOp::RotateSum(rotations) => Op::RotateSum { src: read(0)?, rotations: rotations.clone() },
            HeOp::Add => Op::Add { a: read(0)?, b: read(1)? },
            HeOp::Polynomial(polynomial) => {
                self.polynomials.push(polynomial.clone());
                Op::Polynomial { src: read(0)?, polynomial: index(self.polynomials.len() - 1) }
            }
            HeOp::Bootstrap => {
                self.predicted.bootstraps += 1;
                Op::Bootstrap { src: read(0)? }
            }
            HeOp::DropLevel(_) => Op::DropLevel { src: read(0)? },
            HeOp::Activation { .. } | HeOp::Output => {
                return Err(PassError::Bug(format!("`{}` is not a step", graph.node(id).layer)));
            }
        })
    }
}

/// All scales other than a layer's: of what is made for monic polynomials, that is of the maker and of the level drop in
/// between if there is one; and of what is not rescaled.
fn scales(graph: &LeveledGraph, profile: &Profile) -> BTreeMap<NodeId, StepScale> {
    let operand = |id: NodeId| graph.graph().operands(id).first().copied();
    let polynomial = |id: &NodeId| {
        if let HeOp::Polynomial(polynomial) = &graph.node(*id).op { Some((*id, polynomial)) } else { None }
    };
    let polynomials: Vec<_> = graph.steps().iter().filter_map(polynomial).collect();
    let mut scales = BTreeMap::new();
    for (polynomial, (id, found)) in (0u32..).zip(&polynomials) {
        match found.form {
            Form::Series => {}
            Form::Unrescaled => {
                scales.insert(*id, StepScale::Square { polynomial });
            }
            Form::Monic => {
                let scale = StepScale::Argument { polynomial, level: graph.operand_level(*id) };
                let mut made = operand(*id);
                while let Some(id) = made {
                    scales.insert(id, scale);
                    let dropped = matches!(graph.node(id).op, HeOp::DropLevel(_));
                    made = operand(id).filter(|_| dropped);
                }
            }
        }
    }
    // What reads a square comes after it.
    for id in graph.steps() {
        let square = operand(*id).and_then(|operand| match scales.get(&operand) {
            Some(StepScale::Square { polynomial }) => Some(*polynomial),
            _ => None,
        });
        match (&graph.node(*id).op, square) {
            (HeOp::RotateSum(_), Some(polynomial)) => {
                scales.insert(*id, StepScale::Square { polynomial });
            }
            (HeOp::Linear(map), square) if !map.rescaled => {
                let square = square.and_then(|at| polynomials.get(at as usize));
                let log2 = square.and_then(|(_, polynomial)| polynomial.square_log2(profile));
                let log2 = log2.unwrap_or(profile.log_scale.into());
                scales.insert(*id, StepScale::Raised { log2: profile.raised_log2(graph.level(*id).0, log2) });
            }
            _ => {}
        }
    }
    scales
}

/// Writes the plan.
///
/// # Errors
///
/// [`PassError::Bug`] if a tensor is missing or the plan's own check refuses it.
pub fn emit_plan(parts: &Parts<'_>) -> Result<(Plan, Report), PassError> {
    let bug = |message: String| PassError::Bug(message);
    let (graph, profile, tensors) = (parts.graph, parts.profile, parts.tensors);
    let registers: BTreeMap<NodeId, Reg> = graph.steps().iter().copied().zip((0u32..).map(Reg)).collect();
    let nodes = || graph.graph().nodes();
    let find = |wanted: fn(&HeOp) -> bool| nodes().find(|id| wanted(&graph.node(*id).op));
    let output = find(|op| matches!(op, HeOp::Output)).ok_or_else(|| bug("there is no output".to_owned()))?;
    let input = find(|op| matches!(op, HeOp::Input(_))).ok_or_else(|| bug("there is no input".to_owned()))?;
    let result = graph.graph().operands(output)[0];

    let scales = scales(graph, profile);
    let mut tables = Tables::default();
    let mut steps = Vec::with_capacity(graph.steps().len());
    for id in graph.steps() {
        let operands = graph.graph().operands(*id);
        let reads: Vec<Reg> = operands.iter().map(|o| registers[o]).collect();
        let last = |o: &&NodeId| {
            **o != result
                && graph.graph().users(**o).iter().all(|(user, _)| registers.get(user) <= registers.get(id))
        };
        let mut frees: Vec<Reg> = operands.iter().filter(last).map(|o| registers[o]).collect();
        frees.sort_unstable();
        frees.dedup();
        steps.push(Step {
            dst: registers[id],
            op: tables.op(parts, *id, &reads)?,
            level: graph.level(*id),
            scale: scales.get(id).copied().unwrap_or(StepScale::Layer),
            layer: graph.node(*id).layer.clone(),
            frees,
        });
    }
    let reference = |name: &String| {
        parts.weights.reference(name).ok_or_else(|| PassError::Bug(format!("tensor `{name}` is missing")))
    };
    let weights: Vec<TensorRef> = tables.names.iter().map(reference).collect::<Result<_, _>>()?;
    let mut ranges: Vec<(NodeId, f64)> = parts.ranges.activations.iter().map(|(id, r)| (*id, *r)).collect();
    let order: BTreeMap<NodeId, usize> =
        tensors.graph.schedule().unwrap_or_default().into_iter().zip(0..).collect();
    ranges.sort_by_key(|(id, _)| order.get(id).copied());
    let factor =
        |id: &NodeId| parts.ranges.factors.get(id).copied().ok_or_else(|| bug(format!("{id} has no factor")));
    let plan = Plan {
        format_version: FORMAT_VERSION,
        compiler: concat!("fhecc ", env!("CARGO_PKG_VERSION")).to_owned(),
        digest: String::new(),
        network: NetworkInfo {
            name: tensors.name.clone(),
            source_digest: parts.source_digest.to_owned(),
            labels: tensors.labels.clone(),
        },
        parameters: profile.clone(),
        input: InputSpec {
            mean: tensors.mean.clone(),
            std: tensors.std.clone(),
            range: 1.0 / factor(&tensors.input)?,
            layout: graph.node(input).layout,
        },
        output: OutputSpec {
            register: registers[&result],
            layout: graph.node(result).layout,
            range: 1.0 / factor(&tensors.output)?,
        },
        weights_file: parts.weights_file.to_owned(),
        weights,
        ranges: ranges.into_iter().map(|(id, range)| (tensors.graph.op(id).path.clone(), range)).collect(),
        linears: tables.linears,
        polynomials: tables.polynomials,
        keys: parts.keys.to_vec(),
        composites: Vec::new(),
        memory: Memory::default(),
        predicted: Counts { rotation_keys: index(parts.keys.len()), ..tables.predicted },
        steps,
    };
    let report = Report { steps: plan.steps.len(), tensors: plan.weights.len(), predicted: plan.predicted };
    Ok((plan, report))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passes::assign_levels::assign_levels;
    use crate::passes::insert_bootstraps::insert_bootstraps;
    use crate::testing::{Net, profile};
    use fhecc_plan::Polynomial;

    /// The scales of the last three steps, an activation of degree two, a sum and a linear map without a rescale.
    fn tail(form: Form) -> Vec<Option<StepScale>> {
        let profile = profile("b4");
        let mut he = Net::pooled((2, 4, 4), 2).lowered(&profile);
        for id in he.nodes().collect::<Vec<_>>() {
            let last = he.users(id).iter().any(|(user, _)| matches!(he.op(*user).op, HeOp::Output));
            let op = &mut he.op_mut(id).op;
            if let HeOp::Activation { plain, .. } = op {
                *plain = Polynomial { form, ..Polynomial::series(1.0, vec![0.25, 0.5, 0.25]) };
            } else if let (HeOp::Linear(map), true) = (op, last) {
                map.rescaled = false;
            }
        }
        insert_bootstraps(&mut he, &profile).expect("places");
        let (leveled, _) = assign_levels(he, &profile).expect("levels exist");
        let scales = scales(&leveled, &profile);
        let last = leveled.steps().iter().rev().take(3).rev();
        last.map(|id| scales.get(id).copied()).collect()
    }

    #[test]
    fn a_linear_map_without_a_rescale_is_raised_above_what_it_reads() {
        // 62 bits over a leading coefficient of a half, and 31 bits of weights; two bits of 94 are head-room.
        let square = Some(StepScale::Square { polynomial: 0 });
        assert_eq!(tail(Form::Unrescaled), [square, square, Some(StepScale::Raised { log2: 92 })]);
        // 31 bits at the scale of a layer, and as many of weights.
        assert_eq!(tail(Form::Series), [None, None, Some(StepScale::Raised { log2: 62 })]);
    }
}
