//! Layouts: within bounds, and whether two of them put a tensor into the same slots.

use super::CheckError;
use crate::{Element, Layout, LayoutError};

/// Checks that `layout` is consistent and fits into `slots`.
pub(super) fn check(layout: &Layout, slots: usize, place: impl Fn() -> String) -> Result<(), CheckError> {
    let error = |error| CheckError::Layout { place: place(), error };
    let block = u64::from(layout.grid_height) * u64::from(layout.grid_width);
    // Before anything squares a gap or multiplies sizes in 32 bits.
    if block > slots as u64 {
        let needed = usize::try_from(block).ok().and_then(usize::checked_next_power_of_two);
        return Err(error(LayoutError::TooManySlots { needed: needed.unwrap_or(usize::MAX), slots }));
    }
    if layout.gap > layout.grid_height || layout.gap > layout.grid_width {
        return Err(error(LayoutError::Malformed(*layout)));
    }
    layout.check(slots).map_err(error)
}

/// Slot of the first pixel of `channel`.
pub(super) fn channel_start(layout: &Layout, channel: u32) -> usize {
    layout.slot(Element { channel, row: 0, column: 0 })
}

/// Slots between neighbouring rows, and between neighbouring columns.
pub(super) fn pixel_steps(layout: &Layout) -> (usize, usize) {
    let pitch = layout.pitch as usize;
    (pitch * layout.grid_width as usize, pitch)
}

/// Whether both layouts put every element of the same shape into the same slot, and repeat alike.
pub(super) fn same_slots(a: &Layout, b: &Layout) -> bool {
    let shape = |l: &Layout| (l.channels, l.height, l.width, l.period());
    let (steps_a, steps_b) = (pixel_steps(a), pixel_steps(b));
    shape(a) == shape(b)
        && (a.height == 1 || steps_a.0 == steps_b.0)
        && (a.width == 1 || steps_a.1 == steps_b.1)
        && (0..a.channels).all(|c| channel_start(a, c) == channel_start(b, c))
}

/// A layout in one line, for messages.
pub(super) fn describe(layout: &Layout) -> String {
    let Layout { channels, height, width, gap, pitch, grid_height, grid_width, clean: _ } = layout;
    format!("{channels}x{height}x{width} (gap {gap}, pitch {pitch}, grid {grid_height}x{grid_width})")
}
