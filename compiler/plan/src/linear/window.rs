//! Every linear layer seen as a convolution: which inputs an output reads, and with which weight.

use super::{LinearMap, LinearSource};
use crate::{Element, Rotation};
use std::collections::BTreeSet;

/// Output `(channel, row, column)` reads input channels `first .. first + channels`, rows
/// `row * stride - padding ..` (`rows` of them) and columns likewise; the weight of tap `(c, y, x)` is
/// number `base + (c * rows + y) * columns + x`.
pub(super) struct Window<'a> {
    map: &'a LinearMap,
    pub(super) channels: i64,
    pub(super) rows: i64,
    pub(super) columns: i64,
    stride: i64,
    padding: i64,
}

/// Where the window of one output element begins.
pub(super) struct Corner {
    pub(super) channel: i64,
    pub(super) row: i64,
    pub(super) column: i64,
    pub(super) base: usize,
}

impl<'a> Window<'a> {
    pub(super) fn new(map: &'a LinearMap) -> Self {
        let (channels, kernel, stride, padding) = match &map.source {
            LinearSource::Conv { kernel, stride, padding, groups, .. } => {
                (map.input.channels / groups, *kernel, *stride, *padding)
            }
            LinearSource::Affine { .. } => (1, (1, 1), 1, 0),
            LinearSource::Select { stride, .. } => (1, (1, 1), *stride, 0),
            LinearSource::AveragePool { kernel, stride, padding } => {
                (1, (*kernel, *kernel), *stride, *padding)
            }
            LinearSource::Dense { .. } => (map.input.channels, (map.input.height, map.input.width), 1, 0),
        };
        Self {
            map,
            channels: channels.into(),
            rows: kernel.0.into(),
            columns: kernel.1.into(),
            stride: stride.into(),
            padding: padding.into(),
        }
    }

    pub(super) fn corner(&self, o: Element) -> Corner {
        let channel = i64::from(o.channel);
        let taps = (self.channels * self.rows * self.columns) as usize;
        let (first, base) = match &self.map.source {
            LinearSource::Conv { groups, .. } => {
                let group = o.channel / (self.map.output.channels / groups);
                (i64::from(group) * self.channels, o.channel as usize * taps)
            }
            LinearSource::Affine { .. } => (channel, o.channel as usize),
            LinearSource::Select { before, .. } => (channel - i64::from(*before), 0),
            LinearSource::AveragePool { .. } => (channel, 0),
            LinearSource::Dense { .. } => (0, o.channel as usize * taps),
        };
        Corner {
            channel: first,
            row: i64::from(o.row) * self.stride - self.padding,
            column: i64::from(o.column) * self.stride - self.padding,
            base,
        }
    }

    /// Rotations modulo the input's period that carry some input to some output.
    pub(super) fn rotations(&self) -> BTreeSet<Rotation> {
        let (input, output) = (&self.map.input, &self.map.output);
        let period = input.period();
        let copies = self.map.diagonal_period() / output.period();
        let within = |first: i64, size: i64, extent: u32| {
            first.clamp(0, extent.into()) as u32..(first + size).clamp(0, extent.into()) as u32
        };
        let block: Vec<usize> =
            (0..input.channels).map(|channel| input.slot(Element { channel, row: 0, column: 0 })).collect();
        let row_step = (input.pitch * input.grid_width) as usize;
        let column_step = input.pitch as usize;
        let mut present = vec![false; period];
        for o in output.elements() {
            let corner = self.corner(o);
            let columns = within(corner.column, self.columns, input.width);
            for copy in 0..copies {
                let from = (output.slot(o) + copy * output.period()) % period;
                for channel in within(corner.channel, self.channels, input.channels) {
                    for row in within(corner.row, self.rows, input.height) {
                        let to = block[channel as usize] + row as usize * row_step + period - from;
                        for column in columns.clone() {
                            present[(to + column as usize * column_step) & (period - 1)] = true;
                        }
                    }
                }
            }
        }
        (0..period).filter(|&d| present[d]).map(|d| Rotation::centred(d as i64, period)).collect()
    }
}
