//! The slot diagonals of a linear map, from tables that all of them share.

use super::window::Window;
use super::{LinearMap, LinearSource, LinearValues};
use crate::Rotation;

/// Where the window of an output slot without an element begins: too far before every input to reach one.
const NOWHERE: i32 = i32::MIN / 2;

/// The channel of an input slot without an element: before every window, even one that begins [`NOWHERE`].
const ELSEWHERE: i32 = i32::MIN / 4 * 3;

/// What one output slot reads.
#[derive(Clone, Copy, Debug)]
struct Reader {
    channel: i32,
    row: i32,
    column: i32,
    base: u32,
}

/// What one input slot holds.
#[derive(Clone, Copy, Debug)]
struct Source {
    channel: i32,
    row: i32,
    column: i32,
}

/// The diagonals of one linear map with its weights.
#[derive(Clone, Debug)]
pub struct Diagonals {
    readers: Vec<Reader>,
    sources: Vec<Source>,
    weight: Vec<f64>,
    /// The coefficient of every tap, for sources without weights.
    constant: Option<f64>,
    channels: u32,
    rows: u32,
    columns: u32,
    period: usize,
}

fn small(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(NOWHERE)
}

impl Diagonals {
    pub(super) fn new(map: &LinearMap, values: &LinearValues) -> Self {
        let window = Window::new(map);
        let nothing = Reader { channel: NOWHERE, row: NOWHERE, column: NOWHERE, base: 0 };
        let mut readers = vec![nothing; map.output.period()];
        for o in map.output.elements() {
            let corner = window.corner(o);
            readers[map.output.slot(o)] = Reader {
                channel: small(corner.channel),
                row: small(corner.row),
                column: small(corner.column),
                base: corner.base as u32,
            };
        }
        let mut sources = vec![Source { channel: ELSEWHERE, row: 0, column: 0 }; map.input.period()];
        for i in map.input.elements() {
            sources[map.input.slot(i)] = Source {
                channel: small(i.channel.into()),
                row: small(i.row.into()),
                column: small(i.column.into()),
            };
        }
        let (weight, constant) = match &map.source {
            LinearSource::Conv { .. } | LinearSource::Affine { .. } | LinearSource::Dense { .. } => {
                (values.weight.clone(), None)
            }
            LinearSource::Select { .. } => (Vec::new(), Some(map.weight_factor)),
            LinearSource::AveragePool { kernel, .. } => {
                (Vec::new(), Some(map.weight_factor / f64::from(*kernel) / f64::from(*kernel)))
            }
        };
        Self {
            readers,
            sources,
            weight,
            constant,
            channels: window.channels as u32,
            rows: window.rows as u32,
            columns: window.columns as u32,
            period: map.diagonal_period(),
        }
    }

    /// Slots after which every diagonal repeats.
    pub fn period(&self) -> usize {
        self.period
    }

    /// The diagonal that multiplies `x` rotated left by `rotation`: one period.
    pub fn diagonal(&self, rotation: Rotation) -> Vec<f64> {
        let mut out = vec![0.0; self.period];
        self.write(rotation, &mut out);
        out
    }

    /// Writes the diagonal of `rotation` into `out`.
    ///
    /// # Panics
    ///
    /// If `out` is not one period long.
    pub fn write(&self, rotation: Rotation, out: &mut [f64]) {
        assert_eq!(out.len(), self.period, "one period");
        // Periods are powers of two.
        let (read, hold) = (self.readers.len() - 1, self.sources.len() - 1);
        let shift = i64::from(rotation.0).rem_euclid(self.sources.len() as i64) as usize;
        for (slot, value) in out.iter_mut().enumerate() {
            let (o, i) = (&self.readers[slot & read], &self.sources[(slot + shift) & hold]);
            // Negative differences become large: one comparison each.
            let channel = i.channel.wrapping_sub(o.channel) as u32;
            let row = i.row.wrapping_sub(o.row) as u32;
            let column = i.column.wrapping_sub(o.column) as u32;
            let inside = channel < self.channels && row < self.rows && column < self.columns;
            *value = match self.constant {
                _ if !inside => 0.0,
                Some(constant) => constant,
                None => self.weight[(o.base + (channel * self.rows + row) * self.columns + column) as usize],
            };
        }
    }
}
