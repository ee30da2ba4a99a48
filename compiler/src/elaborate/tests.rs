//! Networks in, graphs or errors out.

use crate::diagnostics::{Diagnostic, render};
use crate::ir::verify_tensor::verify;
use crate::ir::{Approximation, FitMethod, NodeId, Shape, TensorGraph, TensorNode, TensorOp};
use crate::{check_weights, elaborate, parse};
use fhecc_plan::{Tensor, Weights};
use std::collections::BTreeSet;

const RESNET20: &str = include_str!("../../../models/resnet20_relu.net");

fn run(source: &str) -> Result<TensorGraph, Vec<Diagnostic>> {
    parse(source).and_then(|ast| elaborate(&ast))
}

fn graph(source: &str) -> TensorGraph {
    let graph = run(source).unwrap_or_else(|errors| panic!("{}", render(source, "x.net", &errors, false)));
    assert_eq!(verify(&graph), Ok(()));
    graph
}

/// A network of these layers on a `3x8x10` image.
fn layers(text: &str) -> TensorGraph {
    graph(&with_input(text))
}

fn with_input(text: &str) -> String {
    format!("network n {{\ninput 3x8x10\nnormalise(mean = [0, 0, 0], std = [1, 1, 1])\n{text}\n}}\n")
}

fn codes(source: &str) -> Vec<&'static str> {
    run(source).err().unwrap_or_default().iter().map(|d| d.code).collect()
}

fn nodes(graph: &TensorGraph) -> Vec<&TensorNode> {
    let order = graph.graph.schedule().expect("no cycle");
    order.into_iter().map(|id| graph.graph.op(id)).collect()
}

fn paths(graph: &TensorGraph) -> Vec<&str> {
    nodes(graph).iter().map(|node| node.path.as_str()).collect()
}

fn find(graph: &TensorGraph, path: &str) -> NodeId {
    let order = graph.graph.schedule().expect("no cycle");
    order.into_iter().find(|&id| graph.graph.op(id).path == path).expect(path)
}

fn at<'g>(graph: &'g TensorGraph, path: &str) -> &'g TensorNode {
    graph.graph.op(find(graph, path))
}

fn operands<'g>(graph: &'g TensorGraph, path: &str) -> Vec<&'g str> {
    let ids = graph.graph.operands(find(graph, path));
    ids.into_iter().map(|id| graph.graph.op(id).path.as_str()).collect()
}

fn shape(channels: u32, height: u32, width: u32) -> Shape {
    Shape { channels, height, width }
}

#[test]
fn resnet20_is_what_pytorch_calls_it() {
    let net = graph(RESNET20);
    assert_eq!(net.name, "resnet20_relu");
    assert_eq!(net.mean, [0.4914, 0.4822, 0.4465]);
    assert_eq!(net.std, [0.2470, 0.2435, 0.2616]);
    assert_eq!(net.labels.len(), 10);
    assert_eq!(net.weights.as_deref(), Some("../weights/resnet20_relu.safetensors"));
    assert_eq!(net.graph.op(net.input).shape, shape(3, 32, 32));
    assert_eq!(net.graph.op(net.output).shape, shape(10, 1, 1));
    for (path, want) in [
        ("conv1", shape(16, 32, 32)),
        ("relu", shape(16, 32, 32)),
        ("layer1.2.relu2", shape(16, 32, 32)),
        ("layer2.0.conv1", shape(32, 16, 16)),
        ("layer2.0.shortcut.0", shape(16, 16, 16)),
        ("layer2.0.shortcut.1", shape(32, 16, 16)),
        ("layer3.2.relu2", shape(64, 8, 8)),
        ("global_average_pool", shape(64, 1, 1)),
        ("linear", shape(10, 1, 1)),
    ] {
        assert_eq!(at(&net, path).shape, want, "{path}");
    }
    assert_eq!(at(&net, "layer2.0.shortcut.0").op, TensorOp::Subsample { stride: 2 });
    assert_eq!(at(&net, "layer3.0.shortcut.1").op, TensorOp::PadChannels { before: 16, after: 16 });
    assert_eq!(operands(&net, "layer1.1.add"), ["layer1.1.bn2", "layer1.0.relu2"]);
    assert_eq!(operands(&net, "layer2.0.add"), ["layer2.0.bn2", "layer2.0.shortcut.1"]);
    assert_eq!(operands(&net, "layer2.0.shortcut.0"), ["layer1.2.relu2"]);
    assert_eq!(operands(&net, "output"), ["linear"]);
}

#[test]
fn one_number_makes_the_deeper_sisters() {
    for (n, depth) in [(1, 8), (3, 20), (5, 32), (7, 44), (9, 56), (18, 110)] {
        let net = graph(&RESNET20.replace("let n = 3", &format!("let n = {n}")));
        let count = |test: fn(&TensorOp) -> bool| nodes(&net).iter().filter(|node| test(&node.op)).count();
        let convs = count(|op| matches!(op, TensorOp::Conv { .. }));
        assert_eq!(convs + 1, depth, "weighted layers for n = {n}");
        assert_eq!(count(|op| matches!(op, TensorOp::Activation { .. })), convs);
        assert_eq!(count(|op| matches!(op, TensorOp::BatchNorm(_))), convs);
        assert_eq!(count(|op| matches!(op, TensorOp::Add)), 3 * n);
        assert_eq!(count(|op| matches!(op, TensorOp::Subsample { .. })), 2);
        let unique: BTreeSet<&str> = paths(&net).into_iter().collect();
        assert_eq!(unique.len(), nodes(&net).len());
        for layer in 1..=3 {
            for block in 0..n {
                for conv in 1..=2 {
                    let path = format!("layer{layer}.{block}.conv{conv}");
                    let TensorOp::Conv { weight, bias, .. } = &at(&net, &path).op else { panic!("{path}") };
                    assert_eq!((weight, bias), (&format!("{path}.weight"), &None));
                }
            }
            assert!(!unique.contains(format!("layer{layer}.{n}.conv1").as_str()));
        }
    }
}

#[test]
fn shapes_follow_pytorch() {
    let net = layers(
        "a: conv(6, kernel = 3x5, padding = 1)
        b: conv(4, 3, 2, 1, groups = 2)
        c: average_pool(2)
        d: input -> average_pool(3, stride = 2, padding = 1)
        e: pad_channels(after = 2) -> subsample(2)
        x: add(e)
        l: linear(7, bias = false)
        m: c -> linear(7)
        add(l)",
    );
    let sizes = ["a", "b", "c", "d", "e.0", "e.1", "x", "l", "add"].map(|path| {
        let Shape { channels, height, width } = at(&net, path).shape;
        [channels, height, width]
    });
    let want =
        [[6, 8, 8], [4, 4, 4], [4, 2, 2], [3, 4, 5], [5, 4, 5], [5, 2, 3], [5, 2, 3], [7, 1, 1], [7, 1, 1]];
    assert_eq!(sizes, want);
}

#[test]
fn unused_results_are_reported_as_in_the_shapes_above() {
    assert_eq!(codes(&with_input("a: relu\nb: input -> relu")), ["E0505"]);
    assert_eq!(codes(&with_input("a: input\nb: relu")), [""; 0]);
}

#[test]
fn names_numbers_and_aliases() {
    let net = layers(
        "relu
        relu
        relu_2: relu
        add(relu_2)
        one: relu * 1
        none: relu * 0
        skip: one
        relu() -> relu
        add(skip)",
    );
    let want = ["input", "relu", "relu_3", "relu_2", "add", "one.0", "relu_4", "relu_5", "add_2", "output"];
    assert_eq!(paths(&net), want);
    assert_eq!(operands(&net, "add"), ["relu_2", "relu_2"]);
    assert_eq!(operands(&net, "relu_4"), ["one.0"]);
    assert_eq!(operands(&net, "add_2"), ["relu_5", "one.0"]);
}

#[test]
fn activations_are_as_written() {
    let net = layers(
        "a: relu
        b: relu(auto)
        c: relu(chebyshev, 15, 8)
        d: relu(degree = 7, method = least_squares)
        e: relu(range = 25 / 2.0)",
    );
    let found = ["a", "b", "c", "d", "e"].map(|path| {
        let TensorOp::Activation { approximation, .. } = at(&net, path).op else { panic!("{path}") };
        approximation
    });
    let auto = Approximation { method: None, degree: None, range: None };
    let chebyshev = Approximation { method: Some(FitMethod::Chebyshev), degree: Some(15), range: Some(8.0) };
    let squares = Approximation { method: Some(FitMethod::LeastSquares), degree: Some(7), ..auto };
    assert_eq!(found, [auto, auto, chebyshev, squares, Approximation { range: Some(12.5), ..auto }]);
}

#[test]
fn arithmetic() {
    for (text, want) in [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 2 - 3", 5),
        ("2 * 12 / 8 % 2", 1),
        ("-(-4)", 4),
        ("input.channels * input.height + input.width", 34),
        ("two * two", 4),
    ] {
        let net = graph(&format!("let two = 1 + 1\n{}", with_input(&format!("l: linear({text})"))));
        assert_eq!(at(&net, "l").shape.channels, want, "{text}");
    }
    let net = graph(&with_input("relu").replace("[1, 1, 1]", "[255 / 2.0, 1e2, 0.5 + 1]"));
    assert_eq!(net.std, [127.5, 100.0, 1.5]);
}

#[test]
fn parameters_shadow_constants_and_defaults_see_what_comes_before() {
    let source = format!(
        "let c = 4\nblock b(c, twice = 2 * c, wide = input.width) {{ l: linear(c + twice + wide) }}\n{}",
        with_input("x: b(1)\ny: b(c, wide = 0)")
    );
    let net = graph(&source);
    assert_eq!(at(&net, "x.l").shape.channels, 13);
    assert_eq!(at(&net, "y.l").shape.channels, 12);
}

#[test]
fn one_mistake_in_a_block_is_reported_once() {
    let source = RESNET20.replace("bn1: batch_norm\n    relu1", "bn1: batchnorm\n    relu1");
    assert_eq!(codes(&source), ["E0301"]);
    let errors = run(&source).expect_err("a mistake");
    assert_eq!(errors[0].labels.len(), 2, "the block and its use");
}

#[test]
fn errors_come_in_the_order_of_the_text() {
    let source = with_input("a: conv(0, 3)\nb: foo\nc: conv(4)\nd: add(e)\n");
    assert_eq!(codes(&source), ["E0402", "E0301", "E0304", "E0303"]);
}

#[test]
fn weights_that_fit_are_accepted() {
    let net = graph(RESNET20);
    let mut weights = Weights::default();
    let mut insert = |name: &str, shape: &[u64]| {
        let size = shape.iter().product::<u64>() as usize;
        weights.insert(name.to_owned(), Tensor { shape: shape.to_vec(), values: vec![0.5; size] });
    };
    let mut inputs = 3;
    for node in nodes(&net) {
        let channels = u64::from(node.shape.channels);
        match &node.op {
            TensorOp::Conv { weight, .. } => {
                insert(weight, &[channels, inputs, 3, 3]);
                inputs = channels;
            }
            TensorOp::BatchNorm(_) => {
                for what in ["weight", "bias", "running_mean", "running_var"] {
                    insert(&format!("{}.{what}", node.path), &[channels]);
                }
            }
            TensorOp::Activation { .. } => insert(&format!("{}.range", node.path), &[1]),
            TensorOp::Linear { .. } => {
                insert("linear.weight", &[10, 64]);
                insert("linear.bias", &[10]);
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
    assert_eq!(check_weights(&net, &weights), []);
    assert_eq!(check_weights(&net, &Weights::default()).len(), 19 + 4 * 19 + 19 + 2);
}
