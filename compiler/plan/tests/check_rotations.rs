//! The checker derives rotations by another way than the compiler: they must agree on many shapes.

#![allow(dead_code, reason = "test support is shared between tests")]

#[path = "support/small_plan.rs"]
mod small_plan;

use fhecc_plan::{BatchNorm, CheckedPlan, Layout, LinearSource, Op, Plan};
use small_plan::{Builder, multiplexed};
use std::time::Instant;

fn conv(groups: u32, stride: u32, padding: u32, kernel: (u32, u32)) -> LinearSource {
    LinearSource::Conv {
        weight: "w".to_owned(),
        bias: None,
        batch_norm: None,
        kernel,
        stride,
        padding,
        groups,
    }
}

fn pool(kernel: u32, stride: u32, padding: u32) -> LinearSource {
    LinearSource::AveragePool { kernel, stride, padding }
}

/// A plan of one linear layer.
fn one_layer(source: LinearSource, input: Layout, output: Layout, baby_modulus: u32) -> Plan {
    let mut b = Builder::new(15, input);
    match &source {
        LinearSource::Conv { kernel, groups, .. } => {
            let shape = [output.channels, input.channels / groups, kernel.0, kernel.1];
            b.tensor("w", &shape.map(u64::from), 0.0, 1.0);
        }
        LinearSource::Dense { .. } => {
            b.tensor("w", &[u64::from(output.channels), input.len() as u64], 0.0, 1.0);
        }
        LinearSource::Affine { .. } => {
            b.batch_norm("bn", u64::from(output.channels));
        }
        LinearSource::Select { .. } | LinearSource::AveragePool { .. } => {}
    }
    let map = b.linear(source, input, output, baby_modulus);
    let x = b.step("input", 5, Op::Input);
    let y = b.step("layer", 4, Op::Linear { src: x, map });
    b.finish(y, output).0
}

#[test]
fn derived_rotations_equal_those_of_all_pairs_of_elements() {
    let (a, gapped) = (Layout::dense(4, 6, 6), multiplexed(8, 3, 2, 6));
    let dense = LinearSource::Dense { weight: "w".to_owned(), bias: None };
    let affine = LinearSource::Affine {
        batch_norm: BatchNorm {
            weight: "bn.weight".to_owned(),
            bias: "bn.bias".to_owned(),
            running_mean: "bn.running_mean".to_owned(),
            running_var: "bn.running_var".to_owned(),
            epsilon: 1e-5,
        },
    };
    let cases = [
        (conv(1, 1, 1, (3, 3)), a, a),
        (conv(2, 1, 1, (3, 3)), a, a),
        (conv(4, 2, 1, (3, 3)), a, gapped),
        (conv(1, 2, 0, (1, 1)), a, gapped),
        (conv(1, 1, 3, (7, 7)), gapped, gapped),
        (conv(1, 1, 2, (5, 1)), a, Layout::dense(4, 6, 10)),
        (conv(1, 1, 0, (6, 6)), a, Layout::dense(9, 1, 1)),
        (affine.clone(), gapped, gapped),
        (affine, a, Layout { pitch: 2, grid_height: 12, grid_width: 12, ..a }),
        (LinearSource::Select { stride: 2, before: 2 }, a, gapped),
        (LinearSource::Select { stride: 1, before: 0 }, gapped, multiplexed(12, 3, 2, 6)),
        (pool(2, 2, 0), multiplexed(8, 6, 2, 12), multiplexed(8, 3, 4, 12)),
        (pool(3, 2, 1), a, multiplexed(4, 3, 2, 6)),
        (dense.clone(), gapped, Layout::dense(10, 1, 1)),
        (dense, Layout { height: 1, width: 1, clean: false, ..gapped }, Layout::dense(300, 1, 1)),
    ];
    for (at, (source, input, output)) in cases.into_iter().enumerate() {
        for baby_modulus in [1, 4, 32] {
            let plan = one_layer(source.clone(), input, output, baby_modulus);
            CheckedPlan::new(plan).unwrap_or_else(|e| panic!("case {at}: {e}"));
        }
    }
}

/// The nineteen convolutions of a ResNet20, one after the other.
#[test]
fn checking_a_resnet20_is_fast() {
    let stages = [Layout::dense(16, 32, 32), multiplexed(32, 16, 2, 32), multiplexed(64, 8, 4, 32)];
    let mut b = Builder::new(15, Layout::dense(3, 32, 32));
    let mut layout = Layout::dense(3, 32, 32);
    let mut x = b.step("input", 18, Op::Input);
    let mut level = 18;
    let mut cached: Vec<(Layout, Layout, u32)> = Vec::new();
    for layer in 0..19 {
        if level == 0 {
            break;
        }
        let output = if layer < 7 { stages[0] } else { stages[if layer < 13 { 1 } else { 2 }] };
        let name = format!("conv{layer}.weight");
        b.tensor(&name, &[output.channels, layout.channels, 3, 3].map(u64::from), 0.0, 0.1);
        let stride = layout.height / output.height;
        let source = LinearSource::Conv {
            weight: name,
            bias: None,
            batch_norm: None,
            kernel: (3, 3),
            stride,
            padding: 1,
            groups: 1,
        };
        let map = match cached.iter().find(|(i, o, _)| (*i, *o) == (layout, output)) {
            Some(&(.., same)) => {
                let mut map = b.plan.linears[same as usize].clone();
                map.source = source;
                b.plan.linears.push(map);
                b.plan.linears.len() as u32 - 1
            }
            None => b.linear(source, layout, output, 32),
        };
        cached.push((layout, output, map));
        level -= 1;
        x = b.step("conv", level, Op::Linear { src: x, map });
        layout = output;
    }
    let (plan, _) = b.finish(x, layout);
    let start = Instant::now();
    CheckedPlan::new(plan).expect("good");
    let seconds = start.elapsed().as_secs_f64();
    assert!(seconds < 1.0, "{seconds} s");
}
