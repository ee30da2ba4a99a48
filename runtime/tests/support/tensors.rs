//! The oracle: a plan's steps computed directly on tensors, without slots, rotations or levels.

use fhecc_plan::{LinearMap, LinearSource, Op, Plan, Reg, Weights};
use std::collections::BTreeMap;

/// Channel, row, column order.
struct Tensor<'a> {
    shape: (usize, usize, usize),
    values: &'a [f64],
}

impl Tensor<'_> {
    /// Zero outside.
    fn at(&self, channel: usize, row: i64, column: i64) -> f64 {
        let (_, rows, columns) = self.shape;
        let inside = (0..rows as i64).contains(&row) && (0..columns as i64).contains(&column);
        if inside { self.values[(channel * rows + row as usize) * columns + column as usize] } else { 0.0 }
    }
}

fn linear(map: &LinearMap, weights: &Weights, x: &[f64]) -> Vec<f64> {
    let values = map.values(weights).expect("all tensors");
    let shape = (map.input.channels as usize, map.input.height as usize, map.input.width as usize);
    let x = Tensor { shape, values: x };
    map.output
        .elements()
        .map(|e| {
            let (o, row, column) = (e.channel as usize, i64::from(e.row), i64::from(e.column));
            let sum: f64 = match &map.source {
                LinearSource::Conv { kernel, stride, padding, groups, .. } => {
                    let per_group = shape.0 / *groups as usize;
                    let first = o / (map.output.channels / groups) as usize * per_group;
                    let mut sum = 0.0;
                    for c in 0..per_group {
                        for a in 0..kernel.0 {
                            for b in 0..kernel.1 {
                                let (stride, padding) = (i64::from(*stride), i64::from(*padding));
                                let at = ((o * per_group + c) * kernel.0 as usize + a as usize)
                                    * kernel.1 as usize;
                                sum += values.weight[at + b as usize]
                                    * x.at(
                                        first + c,
                                        row * stride + i64::from(a) - padding,
                                        column * stride + i64::from(b) - padding,
                                    );
                            }
                        }
                    }
                    sum
                }
                LinearSource::Affine { .. } => values.weight[o] * x.at(o, row, column),
                LinearSource::Select { stride, before } => match o.checked_sub(*before as usize) {
                    Some(c) if c < shape.0 => {
                        map.weight_factor * x.at(c, row * i64::from(*stride), column * i64::from(*stride))
                    }
                    _ => 0.0,
                },
                LinearSource::AveragePool { kernel, stride, padding } => {
                    let window = (0..kernel * kernel).map(|i| {
                        let (a, b) = (i64::from(i / kernel), i64::from(i % kernel));
                        let (stride, padding) = (i64::from(*stride), i64::from(*padding));
                        x.at(o, row * stride + a - padding, column * stride + b - padding)
                    });
                    map.weight_factor * window.sum::<f64>() / f64::from(kernel * kernel)
                }
                LinearSource::Dense { .. } => {
                    x.values.iter().enumerate().map(|(i, v)| values.weight[o * x.values.len() + i] * v).sum()
                }
            };
            sum + values.bias[o]
        })
        .collect()
}

/// The tensor in the output register for this input tensor.
pub(crate) fn evaluate(plan: &Plan, weights: &Weights, input: &[f64]) -> Vec<f64> {
    let mut registers: BTreeMap<Reg, Vec<f64>> = BTreeMap::new();
    for step in &plan.steps {
        let read = |reg: &Reg| registers[reg].clone();
        let value = match &step.op {
            Op::Input => input.to_vec(),
            Op::Linear { src, map } => linear(&plan.linears[*map as usize], weights, &read(src)),
            Op::RotateSum { src, rotations } => {
                let x = read(src);
                x.chunks(1 << rotations.len()).map(|pixels| pixels.iter().sum()).collect()
            }
            Op::Add { a, b } => read(a).iter().zip(read(b)).map(|(a, b)| a + b).collect(),
            Op::DropLevel { src } => read(src),
            Op::Bootstrap { src } => {
                let turns = f64::from(1 << plan.parameters.bootstrap.log_message_ratio);
                read(src).iter().map(|m| (std::f64::consts::TAU * m / turns).sin()).collect()
            }
            Op::Polynomial { src, polynomial } => {
                let polynomial = &plan.polynomials[*polynomial as usize];
                read(src).iter().map(|&v| polynomial.value(v)).collect()
            }
        };
        registers.insert(step.dst, value);
    }
    registers.remove(&plan.output.register).expect("the output is written")
}
