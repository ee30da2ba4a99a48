//! Residues in as many bits as their modulus has: keys are read from memory in this form.

use crate::isa::active;

/// Residues per block, eight lanes of 64: only whole blocks are spread over lanes.
pub(crate) const BLOCK: usize = LANES * 64;

/// Words that are shifted together.
pub(crate) const LANES: usize = 8;

/// Words that `length` residues of `bits` bits take when packed; `length * bits / 64` for multiples of 64.
#[must_use]
pub fn packed_words(length: usize, bits: u32) -> usize {
    (length * bits as usize).div_ceil(64)
}

/// Packs residues below `2^bits`.
///
/// Residue `8 k + l` of a block of 512 takes the bits from `k bits` on of lane `l`, and word `j` of that lane is word
/// `8 j + l` of the packed block. What is left after the blocks is one lane.
///
/// # Panics
///
/// If `bits` is not in `1..=63`, or `dst` has not [`packed_words`] words.
pub fn pack(dst: &mut [u64], src: &[u64], bits: u32) {
    check(src.len(), dst.len(), bits);
    active().pack(dst, src, bits);
}

/// The residues that [`pack`] packed.
///
/// # Panics
///
/// If `bits` is not in `1..=63`, or `src` has not [`packed_words`] words for the length of `dst`.
pub fn unpack(dst: &mut [u64], src: &[u64], bits: u32) {
    check(dst.len(), src.len(), bits);
    active().unpack(dst, src, bits);
}

/// Moves the values below `bound` to the front, in their order, and returns how many there are. What lies behind them
/// is unspecified. Values have at most 63 bits.
///
/// # Panics
///
/// If `bound` is not in `1..=2^63`.
pub fn retain_below(values: &mut [u64], bound: u64) -> usize {
    assert!((1..=1 << 63).contains(&bound), "a bound for 63 bits");
    active().retain_below(values, bound)
}

fn check(length: usize, words: usize, bits: u32) {
    assert!((1..64).contains(&bits), "residues have 1 to 63 bits");
    assert_eq!(words, packed_words(length, bits), "as many words as the residues take");
}
