//! A ciphertext graph whose levels are known.

use super::{HeGraph, HeNode, HeOp, NodeId};
use fhecc_plan::{Level, Profile};
use std::collections::BTreeMap;

/// A ciphertext graph with the level of every result. [`LeveledGraph::check`] is the only way to make one.
#[derive(Clone, Debug)]
pub struct LeveledGraph {
    graph: HeGraph,
    steps: Vec<NodeId>,
    levels: BTreeMap<NodeId, Level>,
}

impl LeveledGraph {
    /// Derives every level from the input's and the rules:
    ///
    /// 1. a linear map consumes one level, a polynomial its depth, and neither goes below zero; a linear map without a
    ///    rescale consumes none and reads at least a bootstrap's input level, as it needs the room there;
    /// 2. a polynomial runs on the compute levels: from at most a bootstrap's output level to at least its
    ///    input level (other primes do not suit the scale);
    /// 3. a bootstrap reads its input level exactly and leaves its output level;
    /// 4. the operands of an addition have equal levels;
    /// 5. a level drop goes down;
    /// 6. the input's level is at most the highest of the chain.
    ///
    /// # Errors
    ///
    /// A sentence on the first rule that does not hold.
    pub fn check(graph: HeGraph, profile: &Profile) -> Result<Self, String> {
        let mut steps = graph.schedule().ok_or("the graph is cyclic")?;
        let mut levels: BTreeMap<NodeId, Level> = BTreeMap::new();
        for id in &steps {
            let node = graph.op(*id);
            let operands: Vec<u8> = graph.operands(*id).iter().map(|o| levels[o].0).collect();
            let level = derive(&node.op, &operands, profile)
                .map_err(|e| format!("`{}` {}: {e}", node.layer, node.op.name()))?;
            levels.insert(*id, Level(level));
        }
        steps.retain(|id| !matches!(graph.op(*id).op, HeOp::Output));
        Ok(Self { graph, steps, levels })
    }

    /// The graph.
    pub fn graph(&self) -> &HeGraph {
        &self.graph
    }

    /// All nodes but the output, in the order in which they run.
    pub fn steps(&self) -> &[NodeId] {
        &self.steps
    }

    /// A node's operation.
    pub fn node(&self, id: NodeId) -> &HeNode {
        self.graph.op(id)
    }

    /// The level of a node's result.
    pub fn level(&self, id: NodeId) -> Level {
        self.levels.get(&id).copied().unwrap_or(Level(0))
    }

    /// The level of a node's first operand, or of the node itself if it has none.
    pub fn operand_level(&self, id: NodeId) -> Level {
        self.level(self.graph.operands(id).first().copied().unwrap_or(id))
    }
}

fn derive(op: &HeOp, operands: &[u8], profile: &Profile) -> Result<u8, String> {
    let (low, high) = (profile.bootstrap_input_level(), profile.bootstrap_output_level());
    let first = operands.first().copied().unwrap_or(0);
    let below = |depth: u8| first.checked_sub(depth).ok_or(format!("consumes {depth} levels, has {first}"));
    match op {
        HeOp::Input(Some(level)) if level.0 <= profile.input_level() => Ok(level.0),
        HeOp::Input(Some(level)) => {
            Err(format!("is at level {}, the highest is {}", level.0, profile.input_level()))
        }
        HeOp::Input(None) => Err("has no level".to_owned()),
        HeOp::Linear(_) | HeOp::RotateSum(_) if first < profile.lowest_rotation_level() => {
            Err(format!("rotates at level {first}, the lowest is {}", profile.lowest_rotation_level()))
        }
        HeOp::Linear(map) if !map.rescaled && first < low => {
            Err(format!("is not rescaled at level {first}, the lowest is {low}"))
        }
        HeOp::Linear(map) => below(map.depth()),
        HeOp::Polynomial(polynomial) => {
            let level = below(polynomial.depth())?;
            if first > high || level < low {
                return Err(format!("goes from level {first} to {level}, outside of {high} to {low}"));
            }
            Ok(level)
        }
        HeOp::Activation { .. } => Err("is not decided".to_owned()),
        HeOp::Bootstrap if first != low => Err(format!("reads level {first}, must read {low}")),
        HeOp::Bootstrap => Ok(high),
        HeOp::DropLevel(to) if to.0 >= first => Err(format!("drops from level {first} to {}", to.0)),
        HeOp::DropLevel(to) => Ok(to.0),
        HeOp::Add if operands.iter().any(|o| *o != first) => Err(format!("adds levels {operands:?}")),
        HeOp::RotateSum(_) | HeOp::Add | HeOp::Output => Ok(first),
    }
}
