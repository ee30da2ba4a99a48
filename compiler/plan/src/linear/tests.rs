use super::*;
use crate::Element;
use std::collections::BTreeMap;

#[derive(Default)]
struct Tensors(BTreeMap<String, Vec<f32>>);

impl TensorSource for Tensors {
    fn values(&self, name: &str) -> Option<&[f32]> {
        self.0.get(name).map(Vec::as_slice)
    }
}

/// Distinct, sign-changing values.
fn values(size: usize, seed: u32) -> Vec<f32> {
    let step =
        |i: u32| (i.wrapping_mul(2_654_435_761).wrapping_add(seed * 97) >> 8) as f32 / (1 << 23) as f32 - 1.0;
    (1..=size as u32).map(step).collect()
}

fn map(source: LinearSource, input: Layout, output: Layout) -> LinearMap {
    LinearMap {
        source,
        weight_factor: 0.75,
        bias_factor: -1.5,
        input,
        output,
        gathers: 0,
        folds: Vec::new(),
        baby_modulus: 8,
        babies: Vec::new(),
        giants: Vec::new(),
        diagonals: 0,
        rescaled: true,
    }
}

fn on_grid(channels: u32, size: (u32, u32), gap: u32, pitch: u32, grid: (u32, u32)) -> Layout {
    let dense = Layout::dense(channels, size.0, size.1);
    Layout { gap, pitch, grid_height: grid.0, grid_width: grid.1, ..dense }
}

/// `out[s] = bias[s] + sum_d diagonal_d[s] x[s + d]`, gathered, on all slots.
fn through_slots(map: &LinearMap, tensors: &Tensors, x: &[f64]) -> Vec<f64> {
    let slots = 2 * map.diagonal_period();
    let packed = map.input.pack(x, slots);
    let values = map.values(tensors).expect("complete");
    let diagonals = map.diagonals(&values);
    let mut out = vec![0.0; slots];
    for rotation in map.structural_rotations() {
        let half = (map.input.period() / 2) as i32;
        assert!((-half..=half).contains(&rotation.0), "{rotation:?} is centred");
        for rotation in map.fold_sums().into_iter().map(|sum| Rotation(rotation.0 + sum)) {
            let diagonal = diagonals.diagonal(rotation);
            assert_eq!(diagonal, map.diagonal(&values, rotation));
            assert_eq!(diagonal.len(), map.diagonal_period());
            for (s, out) in out.iter_mut().enumerate() {
                let from = (s as i64 + i64::from(rotation.0)).rem_euclid(slots as i64) as usize;
                *out += diagonal[s % diagonal.len()] * packed[from];
            }
        }
    }
    for gather in map.gather_rotations() {
        let before = out.clone();
        out.iter_mut().enumerate().for_each(|(s, out)| *out += before[(s + gather.0 as usize) % slots]);
    }
    if let Some(bias) = map.bias_slots(&values) {
        out.iter_mut().enumerate().for_each(|(s, o)| *o += bias[s % bias.len()]);
    }
    for (s, value) in out.iter().enumerate() {
        assert!((value - out[s % map.output.period()]).abs() < 1e-12, "the result repeats");
        assert!(
            map.output.element(s).is_some() || *value == 0.0,
            "slot {s} without an element holds {value}"
        );
    }
    map.output.unpack(&out)
}

/// The same on tensors, straight from the definition.
fn direct(map: &LinearMap, tensors: &Tensors, x: &[f64]) -> Vec<f64> {
    let effective = effective_values(&map.source, map.output.channels as usize, tensors).expect("complete");
    let input = &map.input;
    let at = |c: i64, y: i64, x_: i64| {
        let inside = |v: i64, extent: u32| (0..i64::from(extent)).contains(&v);
        if inside(c, input.channels) && inside(y, input.height) && inside(x_, input.width) {
            x[((c * i64::from(input.height) + y) * i64::from(input.width) + x_) as usize]
        } else {
            0.0
        }
    };
    let one = |o: Element| {
        let (co, y, x_) = (i64::from(o.channel), i64::from(o.row), i64::from(o.column));
        let sum = match &map.source {
            LinearSource::Conv { kernel, stride, padding, groups, .. } => {
                let (s, p, per) =
                    (i64::from(*stride), i64::from(*padding), i64::from(input.channels / groups));
                let first = co / i64::from(map.output.channels / groups) * per;
                let mut sum = 0.0;
                for c in 0..per {
                    for ky in 0..i64::from(kernel.0) {
                        for kx in 0..i64::from(kernel.1) {
                            let tap = ((co * per + c) * i64::from(kernel.0) + ky) * i64::from(kernel.1) + kx;
                            sum += effective.weight[tap as usize]
                                * at(first + c, y * s + ky - p, x_ * s + kx - p);
                        }
                    }
                }
                sum
            }
            LinearSource::Affine { .. } => effective.weight[co as usize] * at(co, y, x_),
            LinearSource::Select { stride, before } => {
                let s = i64::from(*stride);
                at(co - i64::from(*before), y * s, x_ * s)
            }
            LinearSource::AveragePool { kernel, stride, padding } => {
                let (k, s, p) = (i64::from(*kernel), i64::from(*stride), i64::from(*padding));
                let window = (0..k).flat_map(|ky| (0..k).map(move |kx| (ky, kx)));
                window.map(|(ky, kx)| at(co, y * s + ky - p, x_ * s + kx - p)).sum::<f64>() / (k * k) as f64
            }
            LinearSource::Dense { .. } => {
                x.iter().zip(&effective.weight[co as usize * x.len()..]).map(|(x, w)| x * w).sum()
            }
        };
        map.weight_factor * sum + map.bias_factor * effective.bias[o.channel as usize]
    };
    map.output.elements().map(one).collect()
}

fn agree(map: &LinearMap, tensors: &Tensors) {
    map.input.check(1 << 14).expect("the test's layout is sound");
    map.output.check(1 << 14).expect("the test's layout is sound");
    let x: Vec<f64> = values(map.input.len(), 5).into_iter().map(f64::from).collect();
    let expected = direct(map, tensors, &x);
    let half = |gathers: u8, by: u32| Rotation((map.input.period() >> gathers >> by) as i32);
    for gathers in 0..=map.most_gathers() {
        let (first, second) = (half(gathers, 1), half(gathers, 2));
        for folds in [vec![], vec![first], vec![first, second], vec![Rotation(2)], vec![first, Rotation(1)]] {
            let map = LinearMap { gathers, folds, ..map.clone() };
            if map.checked_folds().is_err() {
                continue;
            }
            let found = through_slots(&map, tensors, &x);
            for (index, (f, e)) in found.iter().zip(&expected).enumerate() {
                assert!((f - e).abs() < 1e-10, "element {index}: {f} instead of {e} in {map:?}");
            }
        }
    }
}

struct Shape {
    input: Layout,
    output: Layout,
    kernel: (u32, u32),
    stride: u32,
    padding: u32,
    groups: u32,
}

fn convolution(s: &Shape) {
    let mut tensors = Tensors::default();
    let out = s.output.channels as usize;
    let taps = (s.input.channels / s.groups * s.kernel.0 * s.kernel.1) as usize;
    for (name, size) in [("w", out * taps), ("b", out), ("gamma", out), ("beta", out), ("mean", out)] {
        tensors.0.insert(name.to_owned(), values(size, name.len() as u32));
    }
    tensors.0.insert("var".to_owned(), values(out, 9).iter().map(|v| v.abs() + 0.1).collect());
    let batch_norm = BatchNorm {
        weight: "gamma".to_owned(),
        bias: "beta".to_owned(),
        running_mean: "mean".to_owned(),
        running_var: "var".to_owned(),
        epsilon: 1e-5,
    };
    for (bias, batch_norm) in [(None, None), (Some("b".to_owned()), Some(batch_norm))] {
        let source = LinearSource::Conv {
            weight: "w".to_owned(),
            bias,
            batch_norm,
            kernel: s.kernel,
            stride: s.stride,
            padding: s.padding,
            groups: s.groups,
        };
        agree(&map(source, s.input, s.output), &tensors);
    }
}

#[test]
fn convolutions_at_stride_one_keep_the_grid() {
    for (channels, gap, pitch, grid) in
        [(2, 1, 1, (6, 5)), (9, 2, 2, (12, 10)), (5, 2, 3, (18, 16)), (20, 3, 3, (18, 15))]
    {
        for (kernel, padding) in [((3, 3), 1), ((1, 1), 0), ((3, 1), 0), ((5, 3), 1), ((5, 5), 2)] {
            let input = on_grid(channels, (6, 5), gap, pitch, grid);
            let size = (6 + 2 * padding + 1 - kernel.0, 5 + 2 * padding + 1 - kernel.1);
            if (size.0 - 1) * pitch + gap > grid.0 || (size.1 - 1) * pitch + gap > grid.1 {
                continue;
            }
            let output = on_grid(4, size, gap, pitch, grid);
            convolution(&Shape { input, output, kernel, stride: 1, padding, groups: 1 });
        }
    }
}

#[test]
fn strided_convolutions_multiplex_channels() {
    for (inputs, outputs, gap) in [(4, 8, 1), (4, 8, 2), (3, 5, 2), (16, 3, 1)] {
        for (kernel, padding) in [(3, 1), (1, 0), (2, 0), (5, 2)] {
            let input = on_grid(inputs, (8, 8), 1, 1, (8, 8));
            let size = (8 + 2 * padding - kernel) / 2 + 1;
            let output = on_grid(outputs, (size, size), gap, 2, (8, 8));
            convolution(&Shape { input, output, kernel: (kernel, kernel), stride: 2, padding, groups: 1 });
            // And once more, from gap to wider gap.
            let next = on_grid(outputs * 2, (2, 2), 4, 4, (8, 8));
            if size == 4 {
                convolution(&Shape {
                    input: output,
                    output: next,
                    kernel: (3, 3),
                    stride: 2,
                    padding: 1,
                    groups: 1,
                });
            }
        }
    }
}

#[test]
fn groups_and_depthwise_stay_within_their_channels() {
    for groups in [2, 3, 6] {
        for gap in [1, 2] {
            let input = on_grid(6, (4, 4), gap, 2, (8, 8));
            let output = on_grid(12, (4, 4), gap, 2, (8, 8));
            convolution(&Shape { input, output, kernel: (3, 3), stride: 1, padding: 1, groups });
        }
    }
}

#[test]
fn periods_may_grow_and_shrink() {
    // Input repeats more often than the output, and the other way round: all copies must agree.
    let wide = Layout::dense(16, 4, 4);
    let narrow = Layout::dense(3, 4, 4);
    for (input, output) in [(narrow, wide), (wide, narrow)] {
        convolution(&Shape { input, output, kernel: (3, 3), stride: 1, padding: 1, groups: 1 });
    }
    let vector = Layout::dense(3, 1, 1);
    convolution(&Shape { input: wide, output: vector, kernel: (4, 4), stride: 1, padding: 0, groups: 1 });
    convolution(&Shape { input: vector, output: wide, kernel: (1, 1), stride: 1, padding: 0, groups: 1 });
}

#[test]
fn a_layer_may_change_the_grid() {
    let input = on_grid(4, (4, 4), 2, 2, (8, 8));
    let output = Layout::dense(4, 6, 6);
    convolution(&Shape { input, output, kernel: (3, 3), stride: 1, padding: 2, groups: 1 });
}

#[test]
fn vectors_pools_and_selections_agree() {
    let mut tensors = Tensors::default();
    let input = on_grid(8, (4, 4), 2, 2, (8, 8));
    tensors.0.insert("w".to_owned(), values(10 * input.len(), 1));
    tensors.0.insert("b".to_owned(), values(10, 2));
    for output in
        [Layout::dense(10, 1, 1), on_grid(10, (1, 1), 1, 2, (8, 8)), on_grid(10, (1, 1), 2, 2, (8, 8))]
    {
        let source = LinearSource::Dense { weight: "w".to_owned(), bias: Some("b".to_owned()) };
        agree(&map(source, input, output), &tensors);
    }
    for (kernel, stride, padding, size) in
        [(2, 2, 0, 2), (3, 1, 1, 4), (3, 2, 1, 2), (4, 1, 0, 1), (4, 4, 0, 1)]
    {
        let output = on_grid(8, (size, size), 2, 2 * stride, (8, 8));
        if (size - 1) * output.pitch + output.gap <= 8 {
            agree(&map(LinearSource::AveragePool { kernel, stride, padding }, input, output), &tensors);
        }
    }
    for (stride, before, channels, size) in [(1, 0, 8, 4), (2, 0, 8, 2), (2, 3, 13, 2), (1, 2, 12, 4)] {
        let output = on_grid(channels, (size, size), 2 * stride, 2 * stride, (8, 8));
        agree(&map(LinearSource::Select { stride, before }, input, output), &tensors);
    }
    for (name, size) in [("gamma", 8), ("beta", 8), ("mean", 8)] {
        tensors.0.insert(name.to_owned(), values(size, name.len() as u32));
    }
    tensors.0.insert("var".to_owned(), vec![0.5; 8]);
    let [weight, bias, running_mean, running_var] = ["gamma", "beta", "mean", "var"].map(str::to_owned);
    let batch_norm = BatchNorm { weight, bias, running_mean, running_var, epsilon: 1e-3 };
    agree(&map(LinearSource::Affine { batch_norm }, input, input), &tensors);
}

#[test]
fn resnet_stages_have_the_expected_diagonals() {
    let conv = |stride| LinearSource::Conv {
        weight: String::new(),
        bias: None,
        batch_norm: None,
        kernel: (3, 3),
        stride,
        padding: 1,
        groups: 1,
    };
    let stages = [
        on_grid(16, (32, 32), 1, 1, (32, 32)),
        on_grid(32, (16, 16), 2, 2, (32, 32)),
        on_grid(64, (8, 8), 4, 4, (32, 32)),
    ];
    let count = |stride, from: usize, to: usize| {
        map(conv(stride), stages[from], stages[to]).structural_rotations().len()
    };
    assert_eq!([count(1, 0, 0), count(1, 1, 1), count(1, 2, 2)], [144, 392, 900]);
    assert_eq!([count(2, 0, 1), count(2, 1, 2)], [256, 648]);
}

#[test]
fn a_rotation_is_its_giant_and_its_baby_step() {
    let layout = Layout::dense(1, 8, 8);
    let mut map = map(LinearSource::Select { stride: 1, before: 0 }, layout, layout);
    for modulus in [1, 2, 5, 8, 64] {
        map.baby_modulus = modulus;
        for rotation in (-32..32).map(Rotation) {
            let (giant, baby) = map.split(rotation);
            // Modulo the period where the modulus divides it.
            let period = if modulus == 5 { 0 } else { layout.period() as i32 };
            let rest = giant.0 + baby.0 - rotation.0;
            assert!(rest == 0 || rest.abs() == period, "{rotation:?} in {giant:?} and {baby:?}");
            assert!(2 * giant.0 < 64 || modulus == 5, "{giant:?} is centred");
            assert_eq!(giant.0.rem_euclid(modulus as i32), 0);
            assert!(2 * baby.0.unsigned_abs() <= modulus);
        }
    }
}

#[test]
fn a_missing_tensor_is_named() {
    let layout = Layout::dense(1, 2, 2);
    let source = LinearSource::Dense { weight: "fc.weight".to_owned(), bias: None };
    let error = map(source, layout, layout).values(&Tensors::default()).expect_err("nothing is there");
    assert_eq!(error.to_string(), "the weights hold no tensor `fc.weight`");
}
