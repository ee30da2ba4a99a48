//! The memory of polynomials: recycled and counted.
//!
//! Fresh memory costs a page fault per 4 KiB, for a row about as much as its transform. What is freed is handed out
//! again, and not given back to the system.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aligned_vec::{AVec, ConstAlign};

use super::arena::{Arena, Block};

/// Shorter buffers are on the heap.
const SHORTEST_BLOCK: usize = 16 << 10;

static POOL: Mutex<Pool> = Mutex::new(Pool { in_use: 0, peak: 0, arena: Arena::new() });

/// Words aligned for vector loads, given back to the pool when dropped.
pub(crate) struct Buffer {
    memory: Memory,
    length: usize,
}

/// Words aligned for vector loads that are not the pool's.
pub(crate) type AlignedWords = AVec<u64, ConstAlign<64>>;

/// This many zeros.
pub(crate) fn aligned_zeros(length: usize) -> AlignedWords {
    let mut words = AVec::with_capacity(64, length);
    words.resize(length, 0);
    words
}

enum Memory {
    Heap(AlignedWords),
    Block(Block),
}

impl Memory {
    fn words(&self) -> &[u64] {
        match self {
            Self::Heap(heap) => heap,
            Self::Block(block) => bytemuck::cast_slice(block.bytes()),
        }
    }

    fn words_mut(&mut self) -> &mut [u64] {
        match self {
            Self::Heap(heap) => heap,
            Self::Block(block) => bytemuck::cast_slice_mut(block.bytes_mut()),
        }
    }

    fn bytes(&self) -> usize {
        size_of_val(self.words())
    }
}

impl Buffer {
    /// The first words remain.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }
}

impl Deref for Buffer {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        &self.memory.words()[..self.length]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u64] {
        &mut self.memory.words_mut()[..self.length]
    }
}

impl PartialEq for Buffer {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Buffer {}

pub(crate) struct Pool {
    /// Bytes handed out, now and at most since they were last asked for.
    pub(crate) in_use: usize,
    pub(crate) peak: usize,
    arena: Arena,
}

/// The pool of the process.
pub(crate) fn pool() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A buffer of this length with unspecified contents: zeros or those of a dropped buffer.
pub(crate) fn take(length: usize) -> Buffer {
    let bytes = length * size_of::<u64>();
    let short = (bytes < SHORTEST_BLOCK).then(|| Memory::Heap(aligned_zeros(length)));
    let mut pool = pool();
    let memory = short.unwrap_or_else(|| Memory::Block(pool.arena.take(bytes)));
    pool.in_use += memory.bytes();
    pool.peak = pool.peak.max(pool.in_use);
    Buffer { memory, length }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let memory = std::mem::replace(&mut self.memory, Memory::Heap(AVec::new(64)));
        let mut pool = pool();
        pool.in_use -= memory.bytes();
        if let Memory::Block(block) = memory {
            pool.arena.give_back(block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_have_the_length_asked_for_and_do_not_overlap() {
        let mut buffer = take(1_000_003);
        assert_eq!(buffer.len(), 1_000_003);
        assert_eq!(buffer.as_ptr() as usize % 64, 0);
        buffer.fill(7);
        buffer.truncate(10);
        assert_eq!(*buffer, [7; 10]);
        let mut other = take(2_000_000);
        other.fill(8);
        assert_eq!(*buffer, [7; 10]);
    }

    #[test]
    fn short_buffers_are_on_the_heap_and_as_aligned() {
        let buffer = take(77);
        assert!(matches!(buffer.memory, Memory::Heap(_)));
        assert_eq!(buffer.as_ptr() as usize % 64, 0);
        assert!(matches!(take(SHORTEST_BLOCK / size_of::<u64>()).memory, Memory::Block(_)));
    }
}
