use super::*;
use crate::fit::HEADROOM;
use crate::passes::choose_packing::choose_packing;
use crate::testing::{Data, Net, profile};
use fhecc_plan::Tensor;

fn ranges(graph: &mut TensorGraph, data: &Data) -> Result<(Ranges, Report), PassError> {
    let profile = profile("b5");
    let (packing, _) = choose_packing(graph, &profile).expect("fits");
    fold_ranges(graph, &packing, &data.weights, &profile)
}

fn set(data: &mut Data, path: &str, range: f32) {
    data.weights.insert(format!("{path}.range"), Tensor { shape: vec![1], values: vec![range] });
}

#[test]
fn a_residual_stream_takes_the_factor_of_the_next_activation() {
    let mut net = Net::new(2, 4, 4);
    let x = net.relu(net.input());
    let y = net.conv(x, 2, 3, 1, 1, 1);
    let sum = net.add(x, y);
    let z = net.relu(sum);
    net.output(z);
    let (mut graph, mut data) = net.finish();
    set(&mut data, "relu0", 2.0);
    set(&mut data, "relu3", 5.0);
    let (found, report) = ranges(&mut graph, &data).expect("calibrated");
    assert_eq!(report.activations, 2);
    let close =
        |id: NodeId, expected: f64| assert!((found.factors[&id] * expected - 1.0).abs() < 1e-12, "{id}");
    close(graph.input, 2.0 * HEADROOM);
    for id in [x, y, sum] {
        close(id, 5.0 * HEADROOM);
    }
    close(z, 5.0 * HEADROOM);
    assert!((found.activations[&x] - 2.0 * HEADROOM).abs() < 1e-12);
}

#[test]
fn activations_whose_arguments_are_added_share_the_larger_range() {
    let mut net = Net::new(2, 4, 4);
    let x = net.conv(net.input(), 2, 1, 1, 0, 1);
    let y = net.relu(x);
    let y = net.conv(y, 2, 1, 1, 0, 1);
    let sum = net.add(x, y);
    let z = net.relu(sum);
    net.output(z);
    let (mut graph, mut data) = net.finish();
    set(&mut data, "relu1", 7.0);
    set(&mut data, "relu4", 3.0);
    let (found, _) = ranges(&mut graph, &data).expect("calibrated");
    let (first, second) = (graph.graph.operands(y)[0], z);
    assert_eq!(found.activations[&first], found.activations[&second]);
    assert!((found.activations[&z] - 7.0 * HEADROOM).abs() < 1e-6);
}

#[test]
fn a_pool_by_rotation_holds_the_sum() {
    let mut net = Net::new(2, 4, 8);
    let x = net.relu(net.input());
    let pool = net.global_pool(x);
    let y = net.linear(pool, 3);
    net.output(y);
    let (mut graph, mut data) = net.finish();
    set(&mut data, "relu0", 2.0);
    let (found, _) = ranges(&mut graph, &data).expect("calibrated");
    assert!((found.factors[&pool] / found.factors[&x] - 32.0).abs() < 1e-12);
    assert_eq!(found.factors[&y], found.factors[&graph.output]);
}

#[test]
fn logits_are_bounded_by_the_norm_of_the_weights_or_by_calibration() {
    let mut net = Net::new(1, 1, 1);
    let y = net.linear(net.input(), 2);
    net.output(y);
    let (mut graph, mut data) = net.finish();
    data.weights.insert("linear0.weight".to_owned(), Tensor { shape: vec![2, 1], values: vec![0.5, -3.0] });
    data.weights.insert("linear0.bias".to_owned(), Tensor { shape: vec![2], values: vec![1.0, 0.25] });
    // |(p - 0.5) / 0.25| <= 2.
    let (found, _) = ranges(&mut graph, &data).expect("no activation");
    assert!((found.factors[&graph.output] * 6.25 - 1.0).abs() < 1e-12);
    set(&mut data, "linear0", 4.0);
    let (found, _) = ranges(&mut graph, &data).expect("no activation");
    assert!((found.factors[&graph.output] * 4.0 * HEADROOM - 1.0).abs() < 1e-6);
}

#[test]
fn all_activations_without_calibration_are_named_at_once() {
    let mut net = Net::new(1, 2, 2);
    let x = net.relu(net.input());
    let x = net.relu(x);
    net.output(x);
    let (mut graph, data) = net.finish();
    let Err(PassError::Network(found)) = ranges(&mut graph, &data) else { panic!("refused") };
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].code, found[0].labels.len()), ("E0704", 2));
    assert!(found[0].help.as_ref().is_some_and(|h| h.contains("fhecc calibrate")));
}

#[test]
fn an_activation_that_never_saw_anything_has_range_one() {
    let mut net = Net::new(1, 2, 2);
    let x = net.relu(net.input());
    net.output(x);
    let (mut graph, mut data) = net.finish();
    set(&mut data, "relu0", 0.0);
    assert_eq!(ranges(&mut graph, &data).expect("usable").0.activations[&x], 1.0);
}
