//! Batch norms behind a convolution become part of it.
//!
//! Does: names the batch norm's tensors in the convolution, whose weights are folded when they are read.
//! Does not: touch a convolution that something else reads too (the other reader would see folded weights),
//! a second batch norm behind the first, or one behind anything else: those stay and become linear maps of
//! their own.
//!
//! Requires: a verified [`TensorGraph`].
//! Ensures: no batch norm reads a convolution that has no batch norm and no other reader. The function
//! computed is the same.

use super::{PassError, cyclic};
use crate::ir::{TensorGraph, TensorOp};
use std::fmt::{self, Display};

/// What [`fold_batch_norm`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Batch norms that became part of a convolution.
    pub folded: usize,
    /// Batch norms that stay.
    pub kept: usize,
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} folded, {} kept", self.folded, self.kept)
    }
}

/// Folds every batch norm that can be folded.
///
/// # Errors
///
/// [`PassError::Bug`] if the graph is cyclic.
pub fn fold_batch_norm(g: &mut TensorGraph) -> Result<Report, PassError> {
    let mut report = Report::default();
    for id in g.graph.schedule().ok_or_else(cyclic)? {
        let TensorOp::BatchNorm(bn) = &g.graph.op(id).op else { continue };
        let (bn, source) = (bn.clone(), g.graph.operands(id)[0]);
        let only_reader = g.graph.users(source).len() == 1;
        if let TensorOp::Conv { batch_norm: batch_norm @ None, .. } = &mut g.graph.op_mut(source).op
            && only_reader
        {
            *batch_norm = Some(bn);
            g.graph.replace_uses(id, source);
            g.graph.remove(id);
            report.folded += 1;
        } else {
            report.kept += 1;
        }
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interpret::Interpreter;
    use crate::testing::Net;

    fn folds(net: Net, expected: Report) -> TensorGraph {
        let (mut graph, weights) = net.finish();
        let image = weights.image(1);
        let before =
            Interpreter::<f64>::new(&graph, &weights.weights).expect("complete").run(&image, &mut ());
        assert_eq!(fold_batch_norm(&mut graph), Ok(expected));
        crate::ir::verify_tensor::verify(&graph).expect("sound");
        let after = Interpreter::<f64>::new(&graph, &weights.weights).expect("complete").run(&image, &mut ());
        crate::testing::assert_close(&after, &before, 1e-12);
        graph
    }

    #[test]
    fn behind_a_convolution_it_disappears() {
        let mut net = Net::new(2, 5, 5);
        let x = net.conv(net.input(), 3, 3, 1, 1, 1);
        let x = net.batch_norm(x);
        net.output(x);
        let graph = folds(net, Report { folded: 1, kept: 0 });
        assert_eq!(graph.graph.len(), 3);
    }

    #[test]
    fn a_convolution_read_by_an_activation_and_a_skip_stays_as_it_is() {
        let mut net = Net::new(2, 5, 5);
        let x = net.conv(net.input(), 3, 3, 1, 1, 1);
        let y = net.batch_norm(x);
        let y = net.relu(y);
        let sum = net.add(y, x);
        net.output(sum);
        folds(net, Report { folded: 0, kept: 1 });
    }

    #[test]
    fn only_the_first_of_two_is_folded_and_one_behind_an_addition_stays() {
        let mut net = Net::new(2, 5, 5);
        let x = net.conv(net.input(), 3, 3, 1, 1, 1);
        let x = net.batch_norm(x);
        let x = net.batch_norm(x);
        let sum = net.add(x, x);
        let x = net.batch_norm(sum);
        net.output(x);
        folds(net, Report { folded: 1, kept: 2 });
    }
}
