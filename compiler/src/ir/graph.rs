//! A typed wrapper that keeps operand order, which bare petgraph edges do not.

use petgraph::Direction::{Incoming, Outgoing};
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use petgraph::visit::EdgeRef;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt::{self, Display};

/// Names one node; stays valid when other nodes are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(NodeIndex);

impl Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0.index())
    }
}

/// A dataflow graph whose nodes carry `Op` and whose edges carry the operand position.
#[derive(Clone, Debug)]
pub struct Graph<Op> {
    inner: StableDiGraph<Op, u8>,
}

impl<Op> Default for Graph<Op> {
    fn default() -> Self {
        Self { inner: StableDiGraph::new() }
    }
}

impl<Op> Graph<Op> {
    /// Adds `op` reading `operands` in this order.
    pub fn add(&mut self, op: Op, operands: &[NodeId]) -> NodeId {
        let id = self.inner.add_node(op);
        for (position, operand) in (0u8..).zip(operands) {
            self.inner.add_edge(operand.0, id, position);
        }
        NodeId(id)
    }

    /// The node's operation.
    pub fn op(&self, id: NodeId) -> &Op {
        &self.inner[id.0]
    }

    /// The node's operation, to be changed.
    pub fn op_mut(&mut self, id: NodeId) -> &mut Op {
        &mut self.inner[id.0]
    }

    /// All nodes, in order of creation.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.inner.node_indices().map(NodeId)
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.inner.node_count()
    }

    /// Whether there are no nodes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Operands in position order.
    pub fn operands(&self, id: NodeId) -> Vec<NodeId> {
        let mut edges: Vec<_> =
            self.inner.edges_directed(id.0, Incoming).map(|e| (*e.weight(), NodeId(e.source()))).collect();
        edges.sort_unstable();
        edges.into_iter().map(|(_, source)| source).collect()
    }

    /// Users and the position at which they read `id`, ascending; a user that reads it twice comes twice.
    pub fn users(&self, id: NodeId) -> Vec<(NodeId, u8)> {
        let mut edges: Vec<_> =
            self.inner.edges_directed(id.0, Outgoing).map(|e| (NodeId(e.target()), *e.weight())).collect();
        edges.sort_unstable();
        edges
    }

    /// Makes `user` read `new` at `position` instead of whatever it read there.
    pub fn set_operand(&mut self, user: NodeId, position: u8, new: NodeId) {
        let old =
            self.inner.edges_directed(user.0, Incoming).find(|e| *e.weight() == position).map(|e| e.id());
        if let Some(old) = old {
            self.inner.remove_edge(old);
        }
        self.inner.add_edge(new.0, user.0, position);
    }

    /// Makes every user of `old` read `new`.
    pub fn replace_uses(&mut self, old: NodeId, new: NodeId) {
        for (user, position) in self.users(old) {
            self.set_operand(user, position, new);
        }
    }

    /// Removes a node together with its edges.
    pub fn remove(&mut self, id: NodeId) -> Option<Op> {
        self.inner.remove_node(id.0)
    }

    /// Operands before users, older nodes first; `None` if the graph is cyclic.
    pub fn schedule(&self) -> Option<Vec<NodeId>> {
        let mut missing: BTreeMap<NodeId, usize> =
            self.nodes().map(|id| (id, self.operands(id).len())).collect();
        let ready = missing.iter().filter(|(_, count)| **count == 0).map(|(id, _)| Reverse(*id));
        let mut ready: BinaryHeap<_> = ready.collect();
        let mut order = Vec::with_capacity(self.len());
        while let Some(Reverse(id)) = ready.pop() {
            order.push(id);
            for (user, _) in self.users(id) {
                let count = missing.entry(user).or_default();
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ready.push(Reverse(user));
                }
            }
        }
        (order.len() == self.len()).then_some(order)
    }
}

impl<Op: Display> Display for Graph<Op> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = self.schedule().ok_or(fmt::Error)?;
        let numbers: BTreeMap<NodeId, usize> = order.iter().copied().zip(0..).collect();
        for id in &order {
            write!(f, "%{} = {}", numbers[id], self.op(*id))?;
            for operand in self.operands(*id) {
                write!(f, " %{}", numbers[&operand])?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_keep_their_order_when_replaced() {
        let mut g = Graph::default();
        let [a, b, c] = ["a", "b", "c"].map(|op| g.add(op, &[]));
        let sum = g.add("sum", &[a, b]);
        assert_eq!(g.operands(sum), [a, b]);
        g.set_operand(sum, 0, c);
        assert_eq!(g.operands(sum), [c, b]);
        g.replace_uses(b, a);
        assert_eq!(g.operands(sum), [c, a]);
        assert_eq!(g.users(b), []);
    }

    #[test]
    fn one_node_may_be_read_twice() {
        let mut g = Graph::default();
        let a = g.add("a", &[]);
        let sum = g.add("sum", &[a, a]);
        assert_eq!(g.users(a), [(sum, 0), (sum, 1)]);
        assert_eq!(g.schedule(), Some(vec![a, sum]));
        assert_eq!(g.to_string(), "%0 = a\n%1 = sum %0 %0\n");
    }

    #[test]
    fn a_cycle_has_no_schedule() {
        let mut g = Graph::default();
        let a = g.add("a", &[]);
        let b = g.add("b", &[a]);
        g.set_operand(a, 0, b);
        assert_eq!(g.schedule(), None);
    }

    #[test]
    fn nodes_inserted_late_are_scheduled_where_they_are_used() {
        let mut g = Graph::default();
        let a = g.add("a", &[]);
        let b = g.add("b", &[a]);
        let c = g.add("c", &[b]);
        let late = g.add("late", &[a]);
        g.set_operand(b, 0, late);
        assert_eq!(g.schedule(), Some(vec![a, late, b, c]));
        g.set_operand(b, 0, a);
        assert_eq!(g.remove(late), Some("late"));
        assert_eq!(g.schedule(), Some(vec![a, b, c]));
    }
}
