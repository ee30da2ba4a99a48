use super::*;
use crate::passes::choose_packing::choose_packing;
use crate::passes::fit_activations::fit_activations;
use crate::passes::fold_ranges::fold_ranges;
use crate::testing::{Net, profile};

fn lower(net: Net) -> (HeGraph, Report) {
    let (mut graph, data) = net.calibrated();
    let profile = profile("b5");
    let (packing, _) = choose_packing(&mut graph, &profile).expect("fits");
    let (ranges, _) = fold_ranges(&graph, &packing, &data.weights, &profile).expect("calibrated");
    let (fits, _) = fit_activations(&graph, &ranges, &data.weights, &profile).expect("calibrated");
    let (he, report) = lower_to_he(&graph, &packing, &ranges, &fits, &profile).expect("lowers");
    crate::ir::verify_he::verify(&he, profile.slots()).expect("sound");
    (he, report)
}

fn ops(he: &HeGraph) -> Vec<&'static str> {
    he.schedule().expect("acyclic").into_iter().map(|id| he.op(id).op.name()).collect()
}

#[test]
fn a_subsampling_and_the_padding_behind_it_are_one_map() {
    let mut net = Net::new(2, 4, 4);
    let x = net.subsample(net.input(), 2);
    let x = net.pad_channels(x, 1, 2);
    net.output(x);
    let (he, _) = lower(net);
    assert_eq!(ops(&he), ["input", "linear", "output"]);
    let HeOp::Linear(map) = &he.op(he.nodes().nth(1).expect("there")).op else { panic!("linear") };
    assert_eq!(map.source, LinearSource::Select { stride: 2, before: 1 });
}

#[test]
fn a_subsampling_with_two_readers_stays_apart() {
    let mut net = Net::new(2, 4, 4);
    let small = net.subsample(net.input(), 2);
    let padded = net.pad_channels(small, 1, 1);
    let conv = net.conv(small, 4, 1, 1, 0, 1);
    let sum = net.add(padded, conv);
    net.output(sum);
    assert_eq!(ops(&lower(net).0), ["input", "linear", "linear", "linear", "add", "output"]);
}

#[test]
fn pools_over_powers_of_two_are_rotations_and_others_are_maps() {
    for (size, expected) in [((8, 4), "rotate_sum"), ((6, 4), "linear")] {
        let mut net = Net::new(3, size.0, size.1);
        let x = net.global_pool(net.input());
        let x = net.linear(x, 2);
        net.output(x);
        let (he, _) = lower(net);
        assert_eq!(ops(&he), ["input", expected, "linear", "output"]);
        if let HeOp::RotateSum(rotations) = &he.op(he.nodes().nth(1).expect("there")).op {
            assert_eq!(rotations.iter().map(|r| r.0).collect::<Vec<_>>(), [1, 2, 4, 8, 16]);
        }
    }
}

#[test]
fn a_pool_read_by_an_activation_is_a_map() {
    let mut net = Net::new(3, 4, 4);
    let x = net.global_pool(net.input());
    let x = net.relu(x);
    net.output(x);
    assert_eq!(ops(&lower(net).0), ["input", "linear", "activation", "output"]);
}

#[test]
fn equal_layers_share_a_schedule_but_not_their_weights() {
    let mut net = Net::new(2, 4, 4);
    let x = net.conv(net.input(), 2, 3, 1, 1, 1);
    let x = net.conv(x, 2, 3, 1, 1, 1);
    net.output(x);
    let (he, report) = lower(net);
    assert_eq!(report.linear, 2);
    let maps: Vec<&LinearMap> = he
        .nodes()
        .filter_map(|id| if let HeOp::Linear(map) = &he.op(id).op { Some(&**map) } else { None })
        .collect();
    assert_eq!((&maps[0].babies, &maps[0].giants), (&maps[1].babies, &maps[1].giants));
    assert_ne!(maps[0].source, maps[1].source);
}
