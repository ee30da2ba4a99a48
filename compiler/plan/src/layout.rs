//! Where the elements of a tensor lie among the slots of a ciphertext.

use serde::{Deserialize, Serialize};
use std::error::Error;
use std::fmt::{self, Display};

/// Coordinates of one tensor element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Element {
    /// Channel.
    pub channel: u32,
    /// Row.
    pub row: u32,
    /// Column.
    pub column: u32,
}

/// A multiplexed layout of a `channels x height x width` tensor (Lee et al. 2022, section 4).
///
/// The slots are read as blocks of `grid_height x grid_width`. Pixel `(row, column)` of channel `c` sits in
/// block `c / gap^2` at grid position `(row * pitch + (c mod gap^2) / gap, column * pitch + c mod gap)`:
/// strided layers leave pixels `pitch` apart, and the positions between them hold further channels.
/// All slots repeat with [`Layout::period`]; positions without an element hold zero, or, where
/// `clean` is false, values that no later step may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// Channels of the tensor.
    pub channels: u32,
    /// Rows of the tensor.
    pub height: u32,
    /// Columns of the tensor.
    pub width: u32,
    /// Channels multiplexed along each axis of the grid.
    pub gap: u32,
    /// Grid distance of neighbouring pixels.
    pub pitch: u32,
    /// Rows of one block.
    pub grid_height: u32,
    /// Columns of one block.
    pub grid_width: u32,
    /// Whether positions without an element hold zero.
    pub clean: bool,
}

/// Why a layout cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayoutError {
    /// A dimension is zero, or pixels or channels overlap.
    Malformed(Layout),
    /// The tensor needs more slots than one ciphertext has.
    TooManySlots {
        /// Slots needed, a power of two.
        needed: usize,
        /// Slots there are.
        slots: usize,
    },
}

impl Error for LayoutError {}

impl Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(layout) => write!(f, "the layout is inconsistent: {layout:?}"),
            Self::TooManySlots { needed, slots } => {
                write!(f, "the tensor needs {needed} slots but a ciphertext has {slots}")
            }
        }
    }
}

impl Layout {
    /// Channel after channel, each row after row, without gaps.
    pub fn dense(channels: u32, height: u32, width: u32) -> Self {
        Self {
            channels,
            height,
            width,
            gap: 1,
            pitch: 1,
            grid_height: height,
            grid_width: width,
            clean: true,
        }
    }

    /// Checks that elements do not overlap and that the tensor fits into `slots`.
    ///
    /// # Errors
    ///
    /// [`LayoutError`].
    pub fn check(&self, slots: usize) -> Result<(), LayoutError> {
        let sizes =
            [self.channels, self.height, self.width, self.gap, self.pitch, self.grid_height, self.grid_width];
        let fits = |extent: u32, grid: u32| {
            let used = (u64::from(extent) - 1) * u64::from(self.pitch) + u64::from(self.gap);
            used <= u64::from(grid)
        };
        let limit = 1 << 20;
        if sizes.iter().any(|&s| s == 0 || s > limit)
            || self.gap > self.pitch
            || !fits(self.height, self.grid_height)
            || !fits(self.width, self.grid_width)
        {
            return Err(LayoutError::Malformed(*self));
        }
        let needed = self.block_slots().checked_next_power_of_two().unwrap_or(usize::MAX);
        if needed > slots {
            return Err(LayoutError::TooManySlots { needed, slots });
        }
        Ok(())
    }

    /// Slots after which the contents repeat: the least power of two that holds all blocks.
    pub fn period(&self) -> usize {
        self.block_slots().next_power_of_two()
    }

    fn block_slots(&self) -> usize {
        let blocks = self.channels.div_ceil(self.gap * self.gap) as usize;
        blocks.saturating_mul(self.block_size())
    }

    fn block_size(&self) -> usize {
        (self.grid_height as usize).saturating_mul(self.grid_width as usize)
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.channels as usize * self.height as usize * self.width as usize
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The slot of an element, below [`Layout::period`].
    pub fn slot(&self, e: Element) -> usize {
        let (g, sub) = (self.gap, e.channel % (self.gap * self.gap));
        let row = e.row * self.pitch + sub / g;
        let column = e.column * self.pitch + sub % g;
        (e.channel / (g * g)) as usize * self.block_size()
            + row as usize * self.grid_width as usize
            + column as usize
    }

    /// The element at `slot` (taken modulo the period), if there is one.
    pub fn element(&self, slot: usize) -> Option<Element> {
        let slot = slot % self.period();
        let block = u32::try_from(slot / self.block_size()).ok()?;
        let within = slot % self.block_size();
        let row = u32::try_from(within / self.grid_width as usize).ok()?;
        let column = u32::try_from(within % self.grid_width as usize).ok()?;
        let (g, sub_row, sub_column) = (self.gap, row % self.pitch, column % self.pitch);
        if sub_row >= g || sub_column >= g {
            return None;
        }
        let channel = block * g * g + sub_row * g + sub_column;
        let e = Element { channel, row: row / self.pitch, column: column / self.pitch };
        (e.channel < self.channels && e.row < self.height && e.column < self.width).then_some(e)
    }

    /// All elements, channel first.
    pub fn elements(&self) -> impl Iterator<Item = Element> + use<> {
        let (channels, height, width) = (self.channels, self.height, self.width);
        (0..channels).flat_map(move |channel| {
            (0..height).flat_map(move |row| (0..width).map(move |column| Element { channel, row, column }))
        })
    }

    /// Places `tensor` (channel, row, column order) into `slots` slots, repeated with the period.
    ///
    /// # Panics
    ///
    /// If `tensor` has not [`Layout::len`] elements or the period does not divide `slots`.
    pub fn pack(&self, tensor: &[f64], slots: usize) -> Vec<f64> {
        assert_eq!(tensor.len(), self.len(), "one value per element");
        assert_eq!(slots % self.period(), 0, "the period divides the slots");
        let mut one = vec![0.0; self.period()];
        for (value, e) in tensor.iter().zip(self.elements()) {
            one[self.slot(e)] = *value;
        }
        one.iter().copied().cycle().take(slots).collect()
    }

    /// Reads the tensor back, channel, row, column order.
    pub fn unpack(&self, slots: &[f64]) -> Vec<f64> {
        self.elements().map(|e| slots[self.slot(e)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases() -> Vec<Layout> {
        vec![
            Layout::dense(16, 32, 32),
            Layout::dense(10, 1, 1),
            Layout {
                channels: 32,
                height: 16,
                width: 16,
                gap: 2,
                pitch: 2,
                grid_height: 32,
                grid_width: 32,
                clean: true,
            },
            Layout {
                channels: 64,
                height: 8,
                width: 8,
                gap: 4,
                pitch: 4,
                grid_height: 32,
                grid_width: 32,
                clean: true,
            },
            Layout {
                channels: 50,
                height: 1,
                width: 1,
                gap: 4,
                pitch: 4,
                grid_height: 32,
                grid_width: 32,
                clean: false,
            },
            Layout {
                channels: 7,
                height: 5,
                width: 3,
                gap: 2,
                pitch: 3,
                grid_height: 15,
                grid_width: 9,
                clean: true,
            },
        ]
    }

    #[test]
    fn slots_and_elements_are_inverse_and_disjoint() {
        for layout in cases() {
            layout.check(1 << 14).expect("fits");
            let mut seen = vec![false; layout.period()];
            for e in layout.elements() {
                let slot = layout.slot(e);
                assert!(!std::mem::replace(&mut seen[slot], true), "{layout:?} {e:?}");
                assert_eq!(layout.element(slot), Some(e), "{layout:?}");
                assert_eq!(layout.element(slot + layout.period()), Some(e), "{layout:?}");
            }
            let others = (0..layout.period()).filter(|&s| !seen[s]);
            assert!(others.into_iter().all(|s| layout.element(s).is_none()), "{layout:?}");
        }
    }

    #[test]
    fn pack_and_unpack_round_trip_and_repeat() {
        for layout in cases() {
            let tensor: Vec<f64> = (0..layout.len()).map(|i| i as f64 + 0.5).collect();
            let slots = layout.pack(&tensor, 1 << 14);
            assert_eq!(layout.unpack(&slots), tensor);
            assert!(slots.iter().enumerate().all(|(i, v)| *v == slots[i % layout.period()]));
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_both_sizes() {
        let error = Layout::dense(17, 32, 32).check(1 << 14).expect_err("17 channels of 1024");
        assert_eq!(error, LayoutError::TooManySlots { needed: 1 << 15, slots: 1 << 14 });
        let overlapping = Layout { gap: 3, pitch: 2, ..Layout::dense(16, 4, 4) };
        assert!(matches!(overlapping.check(1 << 14), Err(LayoutError::Malformed(_))));
    }
}
