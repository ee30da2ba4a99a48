//! Plans on the clear backend against direct computation on tensors.

#![allow(dead_code, reason = "test support is shared between tests")]

#[path = "../../compiler/plan/tests/support/small_plan.rs"]
mod small_plan;
#[path = "support/tensors.rs"]
mod tensors;

use fhecc_plan::{CheckedPlan, Layout, LinearSource, Op, Rotation, Weights};
use fhecc_runtime::{Clear, ClearError, Execution, ExecutionError, ExitClass, Noise, Reading};
use small_plan::{Builder, multiplexed, pseudo, small_plan};

fn checked() -> (CheckedPlan, Weights) {
    let (plan, weights) = small_plan(15);
    (CheckedPlan::new(plan).expect("good"), weights)
}

fn image(plan: &CheckedPlan, seed: u64) -> Vec<f64> {
    (0..plan.input.layout.len()).map(|i| pseudo(seed, i)).collect()
}

fn run(
    plan: &CheckedPlan,
    weights: &Weights,
    backend: Clear,
    seeds: &[u64],
) -> Result<Vec<Vec<f64>>, ExecutionError> {
    let slots = plan.parameters.slots();
    let packed = seeds.iter().map(|&seed| plan.input.layout.pack(&image(plan, seed), slots)).collect();
    let input = backend.input(packed, plan.steps[0].level.0).expect("power of two");
    let (output, trace) = Execution::new(plan, weights, backend)?.run(input, &mut ())?;
    assert_eq!(trace.entries.len(), plan.steps.len());
    Ok(output.images().iter().map(|slots| plan.output.layout.unpack(slots)).collect())
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    let error = found.iter().zip(expected).fold(0.0, |e: f64, (a, b)| e.max((a - b).abs()));
    assert!(error <= tolerance, "{error}: {found:?} {expected:?}");
}

#[test]
fn a_small_network_equals_direct_computation_on_tensors() {
    let (plan, weights) = checked();
    let seeds = [1, 2, 3, 4, 5, 6];
    for cache in [0, usize::MAX] {
        let logits = run(&plan, &weights, Clear::with_cache(&plan, cache), &seeds).expect("runs");
        for (seed, logits) in seeds.iter().zip(&logits) {
            let expected = tensors::evaluate(&plan, &weights, &image(&plan, *seed));
            assert!(expected.iter().any(|v| v.abs() > 0.05), "nothing to compare: {expected:?}");
            assert_close(logits, &expected, 1e-12);
        }
    }
}

#[test]
fn every_linear_source_equals_direct_computation() {
    let (a, gapped) = (Layout::dense(4, 6, 6), multiplexed(8, 3, 2, 6));
    let conv = |groups, stride, padding, kernel| LinearSource::Conv {
        weight: "w".to_owned(),
        bias: Some("b".to_owned()),
        batch_norm: None,
        kernel,
        stride,
        padding,
        groups,
    };
    let cases = [
        (conv(1, 1, 1, (3, 3)), a, a),
        (conv(4, 2, 1, (3, 3)), a, gapped),
        (conv(1, 1, 0, (6, 6)), a, Layout::dense(9, 1, 1)),
        (conv(2, 1, 3, (7, 7)), gapped, gapped),
        (LinearSource::Select { stride: 2, before: 2 }, a, gapped),
        (LinearSource::AveragePool { kernel: 3, stride: 2, padding: 1 }, a, multiplexed(4, 3, 2, 6)),
        (
            LinearSource::Dense { weight: "w".to_owned(), bias: Some("b".to_owned()) },
            gapped,
            Layout::dense(300, 1, 1),
        ),
    ];
    for (source, input, output) in cases {
        let mut b = Builder::new(15, input);
        let shape = match &source {
            LinearSource::Conv { kernel, groups, .. } => {
                vec![output.channels, input.channels / groups, kernel.0, kernel.1]
            }
            LinearSource::Dense { .. } => vec![output.channels, input.len() as u32],
            LinearSource::Affine { .. } | LinearSource::Select { .. } | LinearSource::AveragePool { .. } => {
                vec![]
            }
        };
        if !shape.is_empty() {
            let shape: Vec<u64> = shape.into_iter().map(u64::from).collect();
            b.tensor("w", &shape, 0.0, 1.0);
            b.tensor("b", &shape[..1], 0.0, 1.0);
        }
        let map = b.linear(source, input, output, 8);
        let x = b.step("input", 5, Op::Input);
        let y = b.step("layer", 4, Op::Linear { src: x, map });
        let (plan, weights) = b.finish(y, output);
        let plan = CheckedPlan::new(plan).expect("good");
        let found = run(&plan, &weights, Clear::new(&plan), &[9]).expect("runs");
        assert_close(&found[0], &tensors::evaluate(&plan, &weights, &image(&plan, 9)), 1e-12);
    }
}

#[test]
fn rotations_without_a_key_are_refused() {
    let (plan, weights) = checked();
    for missing in &plan.keys {
        let others = plan.keys.iter().filter(|key| key.rotation != missing.rotation);
        let keys: Vec<(Rotation, u8)> = others.map(|key| (key.rotation, key.level.0)).collect();
        let low = keys.iter().copied().chain([(missing.rotation, 0)]).collect::<Vec<_>>();
        for (keys, words) in [(keys, "no key for rotation"), (low, "reaches level 0")] {
            let error = run(&plan, &weights, Clear::new(&plan).with_keys(keys), &[1]).expect_err("no key");
            assert_eq!(error.exit_class(), ExitClass::Mismatch);
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}

#[test]
fn inputs_are_checked() {
    let (plan, weights) = checked();
    let backend = Clear::new(&plan);
    for images in [vec![], vec![vec![0.0; 100]], vec![vec![0.0; 1 << 15]], vec![vec![0.0; 16], vec![0.0; 32]]]
    {
        assert!(matches!(backend.input(images, 6), Err(ClearError::Input { slots: 16384, .. })));
    }
    let input = backend.input(vec![vec![0.0; 256]], 5).expect("a period");
    let error =
        Execution::new(&plan, &weights, backend).expect("good").run(input, &mut ()).expect_err("level");
    assert!(matches!(error, ExecutionError::Level { step: 0, found: 5, expected: 6, .. }));
}

#[test]
fn values_out_of_range_raise_the_alarm() {
    let (plan, weights) = checked();
    let backend = Clear::new(&plan);
    let pack = |scale: f64| {
        let tensor: Vec<f64> = image(&plan, 1).iter().map(|v| v * scale).collect();
        plan.input.layout.pack(&tensor, plan.parameters.slots())
    };
    let (usual, large) = (pack(1.0), pack(1000.0));
    let inputs = [vec![usual.clone()], vec![usual, large]];
    let execution = Execution::new(&plan, &weights, backend).expect("good");
    let alarms = inputs.map(|images| {
        let input = execution.backend().input(images, 6).expect("slots");
        let (_, trace) = execution.run(input, &mut ()).expect("runs");
        let readings: Vec<Reading> = trace.entries.iter().filter_map(|e| e.reading).collect();
        assert_eq!(readings.iter().map(|r| r.allowed).collect::<Vec<_>>()[..2], [1.0, 1.0]);
        trace.alarms().map(|entry| (entry.layer.clone(), entry.op)).collect::<Vec<_>>()
    });
    assert_eq!(alarms[0], []);
    assert!(alarms[1].contains(&("relu1".to_owned(), "polynomial")), "{alarms:?}");
    assert!(alarms[1].contains(&("relu2".to_owned(), "bootstrap")), "{alarms:?}");
}

#[test]
fn noise_is_small_reproducible_and_off_by_default() {
    let (plan, weights) = checked();
    let noise = Noise { seed: 1, linear: 1e-6, bootstrap: 1e-5, polynomial: 1e-6 };
    let noisy = |noise| run(&plan, &weights, Clear::new(&plan).with_noise(noise), &[1]).expect("runs");
    let (first, again, other) = (noisy(noise), noisy(noise), noisy(Noise { seed: 2, ..noise }));
    assert_eq!(first, again);
    assert_ne!(first, other);
    let exact = run(&plan, &weights, Clear::new(&plan), &[1]).expect("runs");
    assert_close(&first[0], &exact[0], 1e-3);
    assert_ne!(first, exact);
}
