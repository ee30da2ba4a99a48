//! Strips of polynomials that are read side by side.

use super::Poly;

/// Words between strips, a cache line: strips at multiples of 4 KiB would all lie in the same set of an L1 cache.
const GAP: usize = 8;

/// Memory for strips of the same length: rows that end with a gap.
#[derive(Debug)]
pub(crate) struct SpacedStrips(Poly);

impl SpacedStrips {
    /// So many strips of `length` words with any values.
    pub(crate) fn unfilled(length: usize, strips: usize) -> Self {
        Self(Poly::unfilled(length + GAP, strips))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u64]> {
        let row = self.0.n();
        self.0.as_slice().chunks_exact(row).map(move |strip| &strip[..row - GAP])
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut [u64]> {
        let row = self.0.n();
        self.0.as_mut_slice().chunks_exact_mut(row).map(move |strip| &mut strip[..row - GAP])
    }

    /// Two strips at a time.
    pub(crate) fn pairs_mut(&mut self) -> impl Iterator<Item = [&mut [u64]; 2]> {
        let mut strips = self.iter_mut();
        std::iter::from_fn(move || Some([strips.next()?, strips.next()?]))
    }
}
