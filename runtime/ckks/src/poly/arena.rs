//! Memory for buffers of any length, cut from a few large segments.
//!
//! Freed neighbours become one again, so that what was a few long polynomials is next some hundreds of short ones, and
//! the memory that a program ever touches is little more than what it holds at a time. A segment is reserved at once and
//! touched as it is used.

use std::collections::{BTreeMap, BTreeSet};

use bytes::BytesMut;

/// Bytes of a segment, unless a buffer is longer.
const SEGMENT: usize = 256 << 20;

/// What buffers are aligned to, and their lengths rounded to.
const PAGE: usize = 4096;

/// Where a block begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    segment: usize,
    offset: usize,
}

impl Place {
    fn after(self, bytes: usize) -> Self {
        Self { offset: self.offset + bytes, ..self }
    }
}

/// A part of a segment that is in use.
pub(super) struct Block {
    place: Place,
    bytes: BytesMut,
}

impl Block {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

/// All segments.
pub(super) struct Arena {
    segments: usize,
    /// What is not in use; no two of them are neighbours.
    free: BTreeMap<Place, BytesMut>,
    /// The same, the shortest first.
    by_length: BTreeSet<(usize, Place)>,
}

impl Arena {
    pub(super) const fn new() -> Self {
        Self { segments: 0, free: BTreeMap::new(), by_length: BTreeSet::new() }
    }

    /// At least this many bytes with unspecified contents: zeros or those of a freed block. They come from the shortest
    /// place that is long enough.
    pub(super) fn take(&mut self, bytes: usize) -> Block {
        let bytes = bytes.next_multiple_of(PAGE);
        let first = Place { segment: 0, offset: 0 };
        let found = self.by_length.range((bytes, first)..).next().map(|&(_, place)| place);
        let place = found.unwrap_or_else(|| self.reserve(bytes));
        let mut space = self.remove(place).unwrap_or_default();
        let taken = space.split_to(bytes);
        self.insert(place.after(bytes), space);
        Block { place, bytes: taken }
    }

    /// Frees a block.
    pub(super) fn give_back(&mut self, block: Block) {
        let Block { mut place, mut bytes } = block;
        if let Some(next) = self.remove(place.after(bytes.len())) {
            bytes.unsplit(next);
        }
        let previous = self.free.range(..place).next_back().map(|(&before, space)| (before, space.len()));
        if let Some((before, length)) = previous
            && before.after(length) == place
            && let Some(mut space) = self.remove(before)
        {
            space.unsplit(bytes);
            (place, bytes) = (before, space);
        }
        self.insert(place, bytes);
    }

    /// A fresh segment of at least this many bytes, free.
    fn reserve(&mut self, bytes: usize) -> Place {
        let bytes = bytes.max(SEGMENT);
        let place = Place { segment: self.segments, offset: 0 };
        self.segments += 1;
        let mut space = BytesMut::zeroed(bytes + PAGE);
        let unaligned = space.as_ptr().align_offset(PAGE).min(PAGE);
        drop(space.split_to(unaligned));
        drop(space.split_off(bytes));
        self.insert(place, space);
        place
    }

    fn insert(&mut self, place: Place, space: BytesMut) {
        if !space.is_empty() {
            self.by_length.insert((space.len(), place));
            self.free.insert(place, space);
        }
    }

    fn remove(&mut self, place: Place) -> Option<BytesMut> {
        let space = self.free.remove(&place)?;
        self.by_length.remove(&(space.len(), place));
        Some(space)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_do_not_overlap_and_neighbours_become_one_again() {
        let mut arena = Arena::new();
        let mut state = 1u64;
        let mut held: Vec<(u8, Block)> = Vec::new();
        for round in 0..2000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let random = (state >> 33) as usize;
            if held.len() < 40 && random.is_multiple_of(2) {
                let mut block = arena.take(1 + random / 2 % 100_000);
                let mark = round as u8;
                block.bytes_mut().fill(mark);
                assert_eq!(block.bytes().as_ptr() as usize % PAGE, 0);
                held.push((mark, block));
            } else if !held.is_empty() {
                let (mark, block) = held.swap_remove(random / 2 % held.len());
                assert!(block.bytes().iter().all(|&byte| byte == mark));
                arena.give_back(block);
            }
        }
        held.into_iter().for_each(|(_, block)| arena.give_back(block));
        assert_eq!((arena.segments, arena.free.len(), arena.by_length.len()), (1, 1, 1));
        assert_eq!(arena.free.values().map(|space| space.len()).sum::<usize>(), SEGMENT);
    }

    #[test]
    fn the_shortest_place_that_is_long_enough_is_used() {
        let mut arena = Arena::new();
        let [a, b, c, d] = [5, 1, 3, 1].map(|pages| arena.take(pages * PAGE));
        let at = c.place;
        arena.give_back(a);
        arena.give_back(c);
        assert_eq!(arena.take(2 * PAGE).place, at);
        assert_eq!(arena.take(PAGE - 1).place, at.after(2 * PAGE));
        assert_eq!((b.bytes().len(), d.bytes().len()), (PAGE, PAGE));
    }

    #[test]
    fn a_buffer_longer_than_a_segment_has_its_own() {
        let mut arena = Arena::new();
        let small = arena.take(1);
        let large = arena.take(SEGMENT + 1);
        assert_eq!((arena.segments, large.bytes().len()), (2, SEGMENT + PAGE));
        arena.give_back(large);
        arena.give_back(small);
        assert_eq!(arena.free.len(), 2, "segments stay apart");
    }
}
