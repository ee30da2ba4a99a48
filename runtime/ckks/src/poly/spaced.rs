//! Strips of polynomials that are read side by side.

use super::Poly;

/// Words between strips, a cache line: strips at multiples of 4 KiB would all lie in the same set of an L1 cache.
const GAP: usize = 8;

/// Memory for strips of the same length.
#[derive(Debug)]
pub(crate) struct SpacedStrips {
    words: Poly,
    length: usize,
}

impl SpacedStrips {
    /// So many strips of `length` words with any values.
    pub(crate) fn unfilled(length: usize, strips: usize) -> Self {
        Self { words: Poly::unfilled(length + GAP, strips), length }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u64]> {
        self.words.as_slice().chunks_exact(self.length + GAP).map(|strip| &strip[..self.length])
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut [u64]> {
        let length = self.length;
        self.words.as_mut_slice().chunks_exact_mut(length + GAP).map(move |strip| &mut strip[..length])
    }

    /// Two strips at a time.
    pub(crate) fn pairs_mut(&mut self) -> impl Iterator<Item = [&mut [u64]; 2]> {
        let length = self.length;
        self.words.as_mut_slice().chunks_exact_mut(2 * (length + GAP)).map(move |pair| {
            let (strip0, strip1) = pair.split_at_mut(length + GAP);
            [&mut strip0[..length], &mut strip1[..length]]
        })
    }
}
