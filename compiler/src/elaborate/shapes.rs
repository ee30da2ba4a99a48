//! Shapes of results, with bounds: no arithmetic here can overflow.

use crate::ir::Shape;

/// Largest channel count, height or width.
pub(super) const LARGEST_SIDE: u32 = 1 << 16;
/// Most elements of a tensor.
pub(super) const MOST_ELEMENTS: u64 = 1 << 24;

/// A shape, unless it is too large.
pub(super) fn bounded(channels: u64, height: u64, width: u64) -> Option<Shape> {
    let side = |n: u64| u32::try_from(n).ok().filter(|n| (1..=LARGEST_SIDE).contains(n));
    let shape = Shape { channels: side(channels)?, height: side(height)?, width: side(width)? };
    (elements(shape) <= MOST_ELEMENTS).then_some(shape)
}

/// Number of elements.
pub(super) fn elements(shape: Shape) -> u64 {
    u64::from(shape.channels) * u64::from(shape.height) * u64::from(shape.width)
}

/// How many windows fit along one side; `None` where not even one does.
pub(super) fn windows(side: u32, kernel: u32, stride: u32, padding: u32) -> Option<u64> {
    let padded = u64::from(side) + 2 * u64::from(padding);
    let last = padded.checked_sub(u64::from(kernel))?;
    Some(last / u64::from(stride.max(1)) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_follow_pytorch() {
        assert_eq!(windows(32, 3, 1, 1), Some(32));
        assert_eq!(windows(32, 3, 2, 1), Some(16));
        assert_eq!(windows(33, 3, 2, 1), Some(17));
        assert_eq!(windows(224, 7, 2, 3), Some(112));
        assert_eq!(windows(1, 3, 1, 1), Some(1));
        assert_eq!(windows(1, 3, 1, 0), None);
        assert_eq!(windows(u32::MAX, u32::MAX, u32::MAX, u32::MAX), Some(3));
    }

    #[test]
    fn shapes_are_bounded() {
        assert!(bounded(16, 1024, 1024).is_some());
        assert!(bounded(17, 1024, 1024).is_none());
        assert!(bounded(0, 1, 1).is_none());
        assert!(bounded(1, u64::MAX, 1).is_none());
    }
}
