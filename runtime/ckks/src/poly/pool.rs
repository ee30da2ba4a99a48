//! Recycling of the memory of polynomials.
//!
//! Fresh memory costs a page fault per 4 KiB, for a row about as much as its transform. Freed buffers are kept, up
//! to a bound, and handed out again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use aligned_vec::{AVec, ConstAlign};

/// Rows of residues, aligned for vector loads.
pub(super) type Buffer = AVec<u64, ConstAlign<64>>;

/// Bytes kept for later at most.
const KEPT_BYTES: usize = 256 << 20;

static POOL: Mutex<Pool> = Mutex::new(Pool { bytes: 0, buffers: BTreeMap::new() });

struct Pool {
    bytes: usize,
    /// By capacity.
    buffers: BTreeMap<usize, Vec<Buffer>>,
}

impl Pool {
    fn pop(&mut self, length: usize) -> Option<Buffer> {
        // Not much longer than asked for: polynomials that live long should not hold memory they do not use.
        let (&capacity, buffers) =
            self.buffers.range_mut(length..=length.saturating_add(length / 4)).next()?;
        let buffer = buffers.pop();
        if buffers.is_empty() {
            self.buffers.remove(&capacity);
        }
        if buffer.is_some() {
            self.bytes -= capacity * size_of::<u64>();
        }
        buffer
    }
}

/// A buffer of this length with unspecified contents: zeros or those of a dropped polynomial.
pub(super) fn take(length: usize) -> Buffer {
    let found = POOL.lock().unwrap_or_else(PoisonError::into_inner).pop(length);
    let mut buffer = found.unwrap_or_else(|| AVec::with_capacity(64, length));
    buffer.resize(length, 0);
    buffer
}

/// Keeps the buffer for later, or frees it if enough are kept.
pub(super) fn give_back(buffer: Buffer) {
    let capacity = buffer.capacity();
    let bytes = capacity * size_of::<u64>();
    if bytes == 0 {
        return;
    }
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if pool.bytes + bytes <= KEPT_BYTES {
        pool.bytes += bytes;
        pool.buffers.entry(capacity).or_default().push(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_have_the_length_asked_for_and_are_recycled() {
        // A length no other test uses.
        let length = 1_000_003;
        let mut buffer = take(length);
        assert_eq!(buffer.len(), length);
        assert_eq!(buffer.as_ptr() as usize % 64, 0);
        buffer.fill(7);
        let address = buffer.as_ptr();
        buffer.truncate(10);
        give_back(buffer);
        let again = take(length);
        assert_eq!((again.as_ptr(), again.len()), (address, length));
        assert!(again[..10].iter().all(|&x| x == 7) && again[10..].iter().all(|&x| x == 0));
    }
}
