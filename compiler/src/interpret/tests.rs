use super::*;
use crate::ir::{NodeId, TensorGraph, TensorOp};
use crate::testing::{Data, Net, assert_close};
use fhecc_plan::{Polynomial, TensorSource};
use std::collections::BTreeMap;

fn run(graph: &TensorGraph, data: &Data, image: &[f64]) -> Vec<f64> {
    Interpreter::<f64>::new(graph, &data.weights).expect("complete").run(image, &mut ())
}

/// A convolution straight from its definition.
fn direct(graph: &TensorGraph, data: &Data, id: NodeId, x: &[f64]) -> Vec<f64> {
    let input = graph.graph.op(graph.graph.operands(id)[0]).shape;
    let node = graph.graph.op(id);
    let TensorOp::Conv { kernel, stride, padding, groups, weight, bias, .. } = &node.op else {
        panic!("conv")
    };
    let weight = data.weights.values(weight).expect("there");
    let bias = data.weights.values(bias.as_deref().expect("there")).expect("there");
    let (per, outs) = (input.channels / groups, node.shape.channels / groups);
    let at = |c: u32, row: i64, column: i64| {
        let inside =
            (0..i64::from(input.height)).contains(&row) && (0..i64::from(input.width)).contains(&column);
        let index = (i64::from(c) * i64::from(input.height) + row) * i64::from(input.width) + column;
        if inside { x[index as usize] } else { 0.0 }
    };
    let mut out = Vec::new();
    for o in 0..node.shape.channels {
        for row in 0..node.shape.height {
            for column in 0..node.shape.width {
                let mut sum = f64::from(bias[o as usize]);
                for c in 0..per {
                    for ky in 0..kernel.0 {
                        for kx in 0..kernel.1 {
                            let tap = ((o * per + c) * kernel.0 + ky) * kernel.1 + kx;
                            let y = i64::from(row * stride + ky) - i64::from(*padding);
                            let z = i64::from(column * stride + kx) - i64::from(*padding);
                            sum += f64::from(weight[tap as usize]) * at(o / outs * per + c, y, z);
                        }
                    }
                }
                out.push(sum);
            }
        }
    }
    out
}

#[test]
fn convolutions_equal_their_definition() {
    for (channels, outputs, groups) in [(1, 1, 1), (3, 5, 1), (4, 8, 2), (6, 6, 6), (6, 12, 6), (2, 17, 1)] {
        for (kernel, stride, padding) in
            [(1, 1, 0), (3, 1, 1), (3, 2, 1), (5, 1, 2), (2, 2, 0), (3, 3, 0), (5, 2, 4)]
        {
            let mut net = Net::new(channels, 9, 7);
            let y = net.conv(net.input(), outputs, kernel, stride, padding, groups);
            net.output(y);
            let (graph, data) = net.finish();
            let image = data.image(3);
            let conv = graph.graph.operands(graph.output)[0];
            let expected = direct(&graph, &data, conv, &image);
            assert_close(&run(&graph, &data, &image), &expected, 1e-12);
            let narrow: Vec<f32> = image.iter().map(|v| *v as f32).collect();
            let found =
                Interpreter::<f32>::new(&graph, &data.weights).expect("complete").run(&narrow, &mut ());
            let found: Vec<f64> = found.into_iter().map(f64::from).collect();
            assert_close(&found, &expected, 1e-5);
        }
    }
}

#[test]
fn pools_shortcuts_and_additions_by_hand() {
    let mut net = Net::new(1, 2, 4);
    let pool = net.average_pool(net.input(), 2, 2, 0);
    let small = net.subsample(net.input(), 2);
    let sum = net.add(pool, small);
    let padded = net.pad_channels(sum, 1, 1);
    net.output(padded);
    let (graph, data) = net.finish();
    let image = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
    // Means 3.5 and 5.5, corners 1 and 3.
    assert_eq!(run(&graph, &data, &image), [0.0, 0.0, 4.5, 8.5, 0.0, 0.0]);
}

#[test]
fn windows_over_the_padding_divide_by_the_whole_window() {
    let mut net = Net::new(1, 2, 2);
    let pool = net.average_pool(net.input(), 2, 1, 1);
    net.output(pool);
    let (graph, data) = net.finish();
    let expected = [0.25, 0.75, 0.5, 1.0, 2.5, 1.5, 0.75, 1.75, 1.0];
    assert_eq!(run(&graph, &data, &[1.0, 2.0, 3.0, 4.0]), expected);
}

#[test]
fn activations_are_exact_unless_replaced_and_observed_either_way() {
    let mut net = Net::new(1, 1, 3);
    let x = net.relu(net.input());
    net.output(x);
    let (graph, data) = net.finish();
    let mut interpreter = Interpreter::<f64>::new(&graph, &data.weights).expect("complete");
    let image = [-2.0, 0.5, 1.5];
    let mut observer = RangeObserver::default();
    assert_eq!(interpreter.run(&image, &mut observer), [0.0, 0.5, 1.5]);
    assert_eq!(observer.ranges, BTreeMap::from([("relu0".to_owned(), 2.0)]));
    assert_eq!(interpreter.activations().collect::<Vec<_>>(), ["relu0"]);

    let polynomial = Polynomial::series(0.5, vec![0.25, 0.5, 0.125]);
    for angle in [None, Some(0.3)] {
        let model = ActivationModel { range: 4.0, angle, polynomial: polynomial.clone() };
        interpreter.set_activations(&BTreeMap::from([("relu0".to_owned(), model)]));
        let argument = |x: f64| angle.map_or(x / 4.0, |a: f64| (a * x / 4.0).sin());
        let expected: Vec<f64> = image.iter().map(|x| 4.0 * polynomial.value(argument(*x))).collect();
        assert_close(&interpreter.run(&image, &mut ()), &expected, 1e-14);
    }
}

#[test]
fn histograms_cover_the_range_and_sum_to_one() {
    let mut histogram = Histogram::new(BTreeMap::from([("a".to_owned(), 2.0)]), 4);
    histogram.activation("a", &[-2.0_f64, -0.5, 0.5, 0.75, 2.0, 9.0]);
    histogram.activation("unknown", &[1.0_f64]);
    let densities = histogram.densities();
    let sixth = 1.0 / 6.0;
    let expected = [sixth, sixth, 2.0 * sixth, 2.0 * sixth];
    let found: Vec<f64> = densities["a"].iter().map(|v| f64::from(*v)).collect();
    assert_close(&found, &expected, 1e-6);
}

#[test]
fn a_missing_weight_is_named() {
    let mut net = Net::new(1, 2, 2);
    let y = net.linear(net.input(), 2);
    net.output(y);
    let (graph, _) = net.finish();
    let error = Interpreter::<f32>::new(&graph, &fhecc_plan::Weights::default()).expect_err("no weights");
    assert_eq!(error.to_string(), "the weights hold no tensor `linear0.weight`");
}
