//! The memory of polynomials: recycled, counted, and given back to the system.
//!
//! Fresh memory costs a page fault per 4 KiB, for a row about as much as its transform. Freed buffers are kept, up
//! to a bound, and handed out again. Large ones are mappings of their own, not parts of the heap, so that what is not
//! kept is the system's again at once.

use std::collections::{BTreeMap, VecDeque};
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aligned_vec::{AVec, ConstAlign};
use memmap2::MmapMut;

use crate::memory::KEPT_BYTES;

/// How many times longer than asked for a buffer may be where another would have to be given back for a fresh one.
const LONGER: usize = 2;

/// Buffers from this size on are mapped.
const MAPPED_BYTES: usize = 16 << 10;

static POOL: Mutex<Pool> = Mutex::new(Pool::new());

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

pub(crate) enum Memory {
    Heap(AlignedWords),
    Mapped(MmapMut),
}

impl Memory {
    fn new(length: usize) -> Self {
        let bytes = length * size_of::<u64>();
        if bytes >= MAPPED_BYTES
            && let Ok(map) = MmapMut::map_anon(bytes)
        {
            return Self::Mapped(map);
        }
        Self::Heap(aligned_zeros(length))
    }

    fn words(&self) -> &[u64] {
        match self {
            Self::Heap(heap) => heap,
            Self::Mapped(map) => bytemuck::cast_slice(map),
        }
    }

    fn words_mut(&mut self) -> &mut [u64] {
        match self {
            Self::Heap(heap) => heap,
            Self::Mapped(map) => bytemuck::cast_slice_mut(map),
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
    /// Bytes kept for later.
    kept: usize,
    /// Bytes handed out and kept that should not be exceeded.
    pub(crate) limit: usize,
    /// By size in words, and there the longest kept first, each with the time since when.
    buffers: BTreeMap<usize, VecDeque<(u64, Memory)>>,
    /// Counts what was ever kept.
    time: u64,
}

/// The pool of the process.
pub(crate) fn pool() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    const fn new() -> Self {
        Self { in_use: 0, peak: 0, kept: 0, limit: usize::MAX, buffers: BTreeMap::new(), time: 0 }
    }

    /// A kept buffer, not much longer than asked for: polynomials that live long should not hold memory they do not
    /// use.
    fn pop(&mut self, length: usize) -> Option<Memory> {
        let (&size, _) = self.buffers.range(length..).next()?;
        if size <= length.saturating_add(length / 4)
            || (size <= length.saturating_mul(LONGER) && self.may_waste(size, length))
        {
            self.remove(size, VecDeque::pop_back)
        } else {
            None
        }
    }

    /// Whether a fresh buffer of `length` words would push others out while there is room for a kept one of `size`
    /// words: so much of it that what is in use at its peak is not affected.
    fn may_waste(&self, size: usize, length: usize) -> bool {
        let after = |words: usize, kept: usize| {
            (self.in_use + kept).saturating_add(words.saturating_mul(size_of::<u64>()))
        };
        after(length, self.kept) > self.limit && after(size, 0) <= self.limit / 2
    }

    fn keep(&mut self, memory: Memory) {
        self.time += 1;
        self.kept += memory.bytes();
        self.buffers.entry(memory.words().len()).or_default().push_back((self.time, memory));
    }

    fn remove(
        &mut self,
        size: usize,
        take: impl FnOnce(&mut VecDeque<(u64, Memory)>) -> Option<(u64, Memory)>,
    ) -> Option<Memory> {
        let buffers = self.buffers.get_mut(&size)?;
        let memory = take(buffers).map(|(_, memory)| memory);
        if buffers.is_empty() {
            self.buffers.remove(&size);
        }
        self.kept -= memory.as_ref().map_or(0, Memory::bytes);
        memory
    }

    /// Takes out kept buffers, the longest kept first, until no more than `kept` bytes are kept. They should be freed when
    /// nobody waits for the pool.
    #[must_use]
    pub(crate) fn shrink(&mut self, kept: usize) -> Vec<Memory> {
        let mut freed = Vec::new();
        while self.kept > kept {
            let since = |buffers: &VecDeque<(u64, Memory)>| buffers.front().map(|&(time, _)| time);
            let oldest = self.buffers.iter().min_by_key(|(_, buffers)| since(buffers));
            let Some(size) = oldest.map(|(&size, _)| size) else { break };
            freed.extend(self.remove(size, VecDeque::pop_front));
        }
        freed
    }

    fn hand_out(&mut self, bytes: usize) {
        self.in_use += bytes;
        self.peak = self.peak.max(self.in_use);
    }
}

/// A buffer of this length with unspecified contents: zeros or those of a dropped buffer.
pub(crate) fn take(length: usize) -> Buffer {
    let (found, freed) = {
        let mut pool = pool();
        let found = pool.pop(length);
        let bytes = found.as_ref().map_or(length * size_of::<u64>(), Memory::bytes);
        pool.hand_out(bytes);
        let room = pool.limit.saturating_sub(pool.in_use);
        (found, pool.shrink(room))
    };
    drop(freed);
    Buffer { memory: found.unwrap_or_else(|| Memory::new(length)), length }
}

impl Drop for Buffer {
    /// Keeps the memory for later, or frees it if enough is kept.
    fn drop(&mut self) {
        let memory = std::mem::replace(&mut self.memory, Memory::Heap(AVec::new(64)));
        let bytes = memory.bytes();
        if bytes == 0 {
            return;
        }
        let mut pool = pool();
        pool.in_use -= bytes;
        let room = KEPT_BYTES.min(pool.limit.saturating_sub(pool.in_use));
        if bytes <= room {
            pool.keep(memory);
            let freed = pool.shrink(room);
            drop(pool);
            drop(freed);
        }
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
        assert_eq!(*buffer, [7; 10]);
        drop(buffer);
        let again = take(length);
        assert_eq!((again.as_ptr(), again.len()), (address, length));
        assert!(again.iter().all(|&x| x == 7), "whoever takes a buffer overwrites it");
    }

    #[test]
    fn small_buffers_are_on_the_heap_and_as_aligned() {
        let buffer = take(77);
        assert!(matches!(buffer.memory, Memory::Heap(_)));
        assert_eq!(buffer.as_ptr() as usize % 64, 0);
        assert!(matches!(take(MAPPED_BYTES / size_of::<u64>()).memory, Memory::Mapped(_)));
    }

    #[test]
    fn a_limit_frees_what_is_kept_and_not_what_is_in_use() {
        let mut pool = Pool::new();
        for words in [100, 300, 200] {
            pool.keep(Memory::new(words));
        }
        assert_eq!(pool.shrink(4_200).len(), 1);
        assert_eq!(pool.kept, 4_000, "the longest kept is gone");
        assert!(pool.pop(90).is_none() && pool.pop(180).is_some());
        assert_eq!(pool.kept, 2_400);
        pool.hand_out(5_000);
        assert_eq!(pool.shrink(0).len(), 1);
        assert_eq!((pool.kept, pool.in_use, pool.peak), (0, 5_000, 5_000));
    }

    #[test]
    fn longer_buffers_are_handed_out_only_in_place_of_others_and_where_there_is_room() {
        let with = |limit: usize, in_use: usize| {
            let mut pool = Pool { limit, in_use, ..Pool::new() };
            pool.keep(Memory::new(300));
            pool.keep(Memory::new(400));
            pool
        };
        assert!(with(usize::MAX, 0).pop(150).is_none(), "a fresh one fits as well");
        assert!(with(8_000, 0).pop(150).is_none(), "a fresh one fits as well");
        assert!(with(5_700, 1_000).pop(150).is_none(), "too little room");
        assert!(with(5_700, 0).pop(140).is_none(), "too long");
        assert_eq!(with(5_700, 0).pop(150).map(|memory| memory.bytes()), Some(2_400));
    }
}
