//! `fhecc check`

use crate::args::Check;
use crate::error::Failure;
use crate::output;
use crate::program::Network;

/// Parses and analyses a network, and its weights if they are named.
pub(crate) fn check(args: &Check) -> Result<(), Failure> {
    let network = Network::open(&args.network)?;
    let graph = &network.graph;
    let mut text = format!(
        "{}: network `{}`, {} layers, input {}, {} logits: no errors\n",
        args.network.display(),
        graph.name,
        graph.graph.len(),
        graph.graph.op(graph.input).shape,
        graph.graph.op(graph.output).shape.channels
    );
    if let Some(path) = &args.weights {
        let (_, weights) = network.weights(Some(path), true)?;
        text +=
            &format!("{}: {} tensors, all that the network needs\n", path.display(), weights.iter().count());
    }
    output::result(&text)
}
