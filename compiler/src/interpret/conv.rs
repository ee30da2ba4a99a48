//! Direct convolution: four output channels at a time, eight columns in registers.

use super::Real;
use crate::ir::Shape;

/// Output positions accumulated at once.
const LANES: usize = 8;

/// A convolution with its weights in the order in which they are read.
#[derive(Clone, Debug)]
pub(super) struct Convolution<T> {
    input: Shape,
    output: Shape,
    kernel: (usize, usize),
    stride: usize,
    padding: usize,
    groups: usize,
    /// Output channels at a time: 4, or 1 where groups have fewer.
    block: usize,
    /// `[group][block][input channel][tap][channel within the block]`, zero where a block is not full.
    weight: Vec<T>,
    bias: Vec<T>,
}

/// What a convolution is made of.
pub(super) struct Geometry {
    pub(super) input: Shape,
    pub(super) output: Shape,
    pub(super) kernel: (u32, u32),
    pub(super) stride: u32,
    pub(super) padding: u32,
    pub(super) groups: u32,
}

impl<T: Real> Convolution<T> {
    /// `weight` is `[out, in / groups, rows, columns]`, `bias` `[out]`.
    pub(super) fn new(g: &Geometry, weight: &[f64], bias: &[f64]) -> Self {
        let groups = g.groups as usize;
        let (ins, outs) = (g.input.channels as usize / groups, g.output.channels as usize / groups);
        let taps = g.kernel.0 as usize * g.kernel.1 as usize;
        let block = if outs >= 4 { 4 } else { 1 };
        let mut packed = Vec::with_capacity(groups * outs.next_multiple_of(block) * ins * taps);
        for group in 0..groups {
            for first in (0..outs).step_by(block) {
                for tap in 0..ins * taps {
                    for o in first..first + block {
                        let index = (group * outs + o) * ins * taps + tap;
                        packed.push(if o < outs { T::from_f64(weight[index]) } else { T::default() });
                    }
                }
            }
        }
        Self {
            input: g.input,
            output: g.output,
            kernel: (g.kernel.0 as usize, g.kernel.1 as usize),
            stride: g.stride as usize,
            padding: g.padding as usize,
            groups,
            block,
            weight: packed,
            bias: bias.iter().map(|b| T::from_f64(*b)).collect(),
        }
    }

    pub(super) fn run(&self, input: &[T]) -> Vec<T> {
        match self.block {
            4 => self.blocks::<4>(input),
            _ => self.blocks::<1>(input),
        }
    }

    fn blocks<const B: usize>(&self, input: &[T]) -> Vec<T> {
        let (height, width) = (self.input.height as usize, self.input.width as usize);
        let (out_height, out_width) = (self.output.height as usize, self.output.width as usize);
        let (rows, columns) = (height + 2 * self.padding, width + 2 * self.padding);
        // All windows at stride 1, row after row with the padded width between rows.
        let length = ((rows - self.kernel.0) * columns + columns - self.kernel.1 + 1).next_multiple_of(LANES);
        let plane = rows * columns + LANES;
        let (ins, outs) =
            (self.input.channels as usize / self.groups, self.output.channels as usize / self.groups);
        let padded = self.padded(input, plane, columns);
        let offsets: Vec<usize> = (0..self.kernel.0)
            .flat_map(|row| (0..self.kernel.1).map(move |column| row * columns + column))
            .collect();
        let mut out = vec![T::default(); self.output.channels as usize * out_height * out_width];
        let mut full = vec![[T::default(); LANES]; B * length / LANES];
        let block_weights = ins * offsets.len() * B;
        for (index, weight) in self.weight.chunks_exact(block_weights).enumerate() {
            let blocks_per_group = outs.div_ceil(B);
            let (group, first) = (index / blocks_per_group, index % blocks_per_group * B);
            let planes = &padded[group * ins * plane..(group + 1) * ins * plane];
            for chunk in 0..length / LANES {
                let mut sums = [[T::default(); LANES]; B];
                let mut weights = weight.chunks_exact(B);
                for channel in planes.chunks_exact(plane) {
                    let window = &channel[chunk * LANES..];
                    for (offset, weight) in offsets.iter().zip(&mut weights) {
                        let Some(x) = window[*offset..].first_chunk::<LANES>() else { continue };
                        for (sum, w) in sums.iter_mut().zip(weight) {
                            for (s, v) in sum.iter_mut().zip(x) {
                                *s += *w * *v;
                            }
                        }
                    }
                }
                for (b, sum) in sums.iter().enumerate() {
                    full[b * length / LANES + chunk] = *sum;
                }
            }
            for b in 0..B.min(outs - first) {
                let o = group * outs + first + b;
                let source = full[b * length / LANES..(b + 1) * length / LANES].as_flattened();
                for row in 0..out_height {
                    let from = row * self.stride * columns;
                    let to = (o * out_height + row) * out_width;
                    for (column, value) in out[to..to + out_width].iter_mut().enumerate() {
                        *value = source[from + column * self.stride] + self.bias[o];
                    }
                }
            }
        }
        out
    }

    fn padded(&self, input: &[T], plane: usize, columns: usize) -> Vec<T> {
        let (height, width) = (self.input.height as usize, self.input.width as usize);
        // The last plane is read past its end by up to one chunk and the largest offset's slack.
        let mut padded = vec![T::default(); self.input.channels as usize * plane];
        for (row, values) in input.chunks_exact(width).enumerate() {
            let (channel, row) = (row / height, row % height);
            let at = channel * plane + (row + self.padding) * columns + self.padding;
            padded[at..at + width].copy_from_slice(values);
        }
        padded
    }
}
