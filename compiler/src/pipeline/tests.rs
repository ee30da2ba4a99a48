mod networks;

use super::*;
use crate::ir::{HeOp, NodeId};
use crate::testing::{Data, Net, profile, resnet20};
use proptest::prelude::*;

fn options() -> CompileOptions {
    CompileOptions {
        weights_file: "test.safetensors".to_owned(),
        source_digest: digest_hex(b"test"),
        verify: true,
        ..CompileOptions::default()
    }
}

fn plan((graph, data): (TensorGraph, Data), name: &str, options: &CompileOptions) -> Plan {
    let done = compile_graph(graph, &data.weights, &profile(name), options).expect("compiles");
    assert_eq!(done.reports.len(), PASSES.len());
    done.plan.expect("a plan")
}

#[test]
fn resnet20_on_b5_bootstraps_before_every_activation_but_the_first() {
    let plan = plan(resnet20(7), "b5", &options());
    assert_eq!(plan.predicted.bootstraps, 18);
    assert_eq!(plan.steps[0].level.0, 8);
    assert_eq!(plan.steps.last().map(|s| s.level.0), Some(0));
    assert_eq!(plan.linears.len(), 22);
    assert_eq!(plan.ranges.len(), 19);
    assert_eq!(plan.ranges[0].0, "relu");
    assert!(plan.predicted.diagonals < 8500, "{:?}", plan.predicted);
    let bootstrapped: Vec<&str> = plan
        .steps
        .iter()
        .filter(|s| matches!(s.op, fhecc_plan::Op::Bootstrap { .. }))
        .map(|s| s.layer.as_str())
        .collect();
    assert_eq!((bootstrapped[0], bootstrapped[17]), ("layer1.0.relu1", "layer3.2.relu2"));
}

#[test]
fn resnet20_compiles_for_every_profile() {
    let unverified = CompileOptions { verify: false, ..options() };
    // On a9 nine levels carry the last two activations.
    for (name, bootstraps) in [("b6", 18), ("a9", 17)] {
        assert_eq!(plan(resnet20(3), name, &unverified).predicted.bootstraps, bootstraps, "{name}");
    }
}

#[test]
fn same_input_same_bytes() {
    let text = || {
        let (graph, data) = small().calibrated();
        plan((graph, data), "b5", &options()).seal().expect("finite")
    };
    let first = text();
    assert_eq!(first, text());
    let mut read = Plan::from_text(&first).expect("reads back");
    assert_eq!(read.seal().expect("finite"), first);
}

fn small() -> Net {
    let mut net = Net::new(2, 8, 8);
    let x = net.conv(net.input(), 4, 3, 1, 1, 1);
    let x = net.batch_norm(x);
    let x = net.relu(x);
    let y = net.conv(x, 4, 3, 1, 1, 2);
    let sum = net.add(y, x);
    let x = net.relu_degree(sum, 7);
    let x = net.average_pool(x, 2, 2, 0);
    let x = net.linear(x, 5);
    net.output(x);
    net
}

#[test]
fn compilation_stops_and_dumps_where_it_is_asked_to() {
    let (graph, data) = small().calibrated();
    for (index, pass) in PASSES.iter().enumerate() {
        let asked = CompileOptions {
            stop_after: Some((*pass).to_owned()),
            dump_after: vec![(*pass).to_owned()],
            verify: false,
            ..options()
        };
        let done = compile_graph(graph.clone(), &data.weights, &profile("b5"), &asked).expect("compiles");
        assert_eq!(done.reports.len(), index + 1);
        assert_eq!(done.reports[index].pass, *pass);
        assert!(done.plan.is_none());
        assert_eq!(done.dumps.len(), 1);
        assert!(done.dumps[0].text.len() > 100, "{pass}: {}", done.dumps[0].text);
    }
    let unknown = CompileOptions { stop_after: Some("fold".to_owned()), ..options() };
    let error = compile_graph(graph, &data.weights, &profile("b5"), &unknown).expect_err("no such pass");
    assert!(error.to_string().contains("passes: fold_batch_norm, choose_packing"), "{error}");
}

#[test]
fn files_and_passes_have_the_same_names() {
    let text = include_str!("../passes.rs");
    let files: Vec<&str> =
        text.lines().filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let mut passes = PASSES.to_vec();
    passes.sort_unstable();
    assert_eq!(files, passes);
}

#[test]
fn weights_that_do_not_suit_are_the_networks_business() {
    let (graph, _) = small().calibrated();
    let error =
        compile_graph(graph, &Weights::default(), &profile("b5"), &options()).expect_err("no weights");
    let CompileError::Network(found) = error else { panic!("{error}") };
    assert!(found.len() >= 5);
}

#[test]
fn the_translation_check_notices_a_wrong_factor_and_a_wrong_convolution() {
    let (mut g, data) = small().calibrated();
    let profile = profile("b5");
    let translation = Translation::new(&g, &data.weights, &profile).expect("complete");
    translation.tensors(&g).expect("unchanged");
    let (packing, _) = choose_packing(&mut g, &profile).expect("fits");
    let (ranges, _) = fold_ranges(&g, &packing, &data.weights, &profile).expect("calibrated");
    let (fits, _) = fit_activations(&g, &ranges, &data.weights, &profile).expect("calibrated");
    let (mut he, _) = lower_to_he(&g, &packing, &ranges, &fits, &profile).expect("lowers");
    translation.ciphertexts(&g, &he, &ranges, &fits).expect("the same");
    let id = he.nodes().nth(1).expect("a convolution");
    if let HeOp::Linear(map) = &mut he.op_mut(id).op {
        map.bias_factor *= 1.001;
    }
    let error = translation.ciphertexts(&g, &he, &ranges, &fits).expect_err("wrong");
    assert!(error.contains("computes something else"), "{error}");
    let conv = g.graph.nodes().find(|id| g.graph.op(*id).path == "conv3").expect("there");
    if let crate::ir::TensorOp::Conv { bias, .. } = &mut g.graph.op_mut(conv).op {
        *bias = None;
    }
    assert!(translation.tensors(&g).is_err());
}

/// Adds the layer that `choice` stands for; values and images stay small.
fn layer(net: &mut Net, x: NodeId, choice: u32) -> NodeId {
    let shape = net.shape(x);
    let [kind, first, second] = [choice % 8, choice / 8 % 4, choice / 32 % 4];
    let roomy = shape.height >= 4 && shape.width >= 4;
    match kind {
        0 | 1 => {
            let groups = if first == 0 { shape.channels } else { 1 };
            let stride = if second == 0 && roomy { 2 } else { 1 };
            let kernel = [1, 3, 3, 2][second as usize];
            let kernel = if roomy { kernel } else { 1 };
            net.conv(
                x,
                shape.channels.max(1) * if first == 3 { 2 } else { 1 },
                kernel,
                stride,
                kernel / 2,
                groups,
            )
        }
        2 => net.batch_norm(x),
        3 | 4 => net.relu_degree(x, [2, 3, 7, 15][first as usize]),
        5 => {
            let y = net.relu_degree(x, 3);
            let y = net.conv(y, shape.channels, 3, 1, 1, 1);
            if first % 2 == 0 { net.add(y, x) } else { net.add(x, y) }
        }
        6 if roomy => {
            let y = net.subsample(x, 2);
            net.pad_channels(y, first, second)
        }
        7 if roomy => net.average_pool(x, [2, 3, 2, 3][first as usize], 1 + second % 2, first % 2),
        _ => x,
    }
}

/// The network that `random_networks_keep_their_meaning` makes of its arguments.
fn random_network(size: (u32, u32, u32), choices: &[u32], tail: u32, seed: u64) -> Net {
    let mut net = Net::seeded(size.0, size.1, size.2, seed);
    let mut x = net.input();
    for choice in choices {
        if net.shape(x).channels <= 16 {
            x = layer(&mut net, x, *choice);
        }
    }
    if tail % 2 == 1 {
        x = net.global_pool(x);
    }
    if tail >= 2 {
        x = net.linear(x, 3);
    }
    net.output(x);
    net
}

/// Compiles, with the checks behind the passes; a lack of levels is the network's own.
fn keeps_its_meaning(net: Net) -> Result<(), String> {
    let (graph, data) = net.calibrated();
    match compile_graph(graph, &data.weights, &profile("b6"), &options()) {
        Err(CompileError::Network(found)) if found.iter().all(|d| d.code == "E0802") => Ok(()),
        Err(error) => Err(error.to_string()),
        Ok(done) => done.plan.map(drop).ok_or_else(|| "no plan".to_owned()),
    }
}

/// The second activation lies outside of its range for any image, however dim.
#[test]
fn biases_alone_may_lead_outside_of_a_range() {
    keeps_its_meaning(random_network((1, 4, 4), &[91, 95, 15, 82, 75], 0, 627)).expect("checked");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever compiles computes the same in slots as on tensors: the checks behind the passes say so.
    #[test]
    fn random_networks_keep_their_meaning(
        size in (1_u32..4, 4_u32..9, 4_u32..9),
        choices in prop::collection::vec(0_u32..128, 1..8),
        tail in 0_u32..4,
        seed in 0_u64..1000,
    ) {
        keeps_its_meaning(random_network(size, &choices, tail, seed)).map_err(TestCaseError::fail)?;
    }
}
