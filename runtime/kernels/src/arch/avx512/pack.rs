//! Packing by the portable code, compiled for this instruction set; unpacking without its branches.

use std::arch::x86_64::{
    _mm512_and_si512, _mm512_cmplt_epi64_mask, _mm512_or_si512, _mm512_setzero_si512, _mm512_shrdv_epi64,
    _mm512_sub_epi64,
};

use super::lanes::{Row, load, splat, store};
use crate::arch::scalar;
use crate::pack::{BLOCK, LANES};

#[target_feature(enable = "avx512f")]
pub(super) fn pack(dst: &mut [u64], src: &[u64], bits: u32) {
    scalar::pack::pack(dst, src, bits);
}

#[target_feature(enable = "avx512f,avx512vbmi2")]
pub(super) fn unpack(dst: &mut [u64], src: &[u64], bits: u32) {
    let mask = splat(u64::MAX >> (u64::BITS - bits));
    let words = bits as usize;
    let (blocks, rest) = dst.as_chunks_mut::<BLOCK>();
    let (packed, packed_rest) = src.split_at(blocks.len() * LANES * words);
    for (block, packed) in blocks.iter_mut().zip(packed.chunks_exact(LANES * words)) {
        let rows: &[Row] = packed.as_chunks().0;
        let mut bit = 0;
        for out in block.as_chunks_mut().0 {
            let (word, shift) = (bit / 64, bit as u64 % 64);
            // The last row of all needs no next one.
            let pair = (load(&rows[word]), load(&rows[(word + 1).min(words - 1)]));
            store(out, _mm512_and_si512(_mm512_shrdv_epi64(pair.0, pair.1, splat(shift)), mask));
            bit += words;
        }
    }
    scalar::pack::unpack(rest, packed_rest, bits);
}

#[target_feature(enable = "avx512f")]
pub(super) fn retain_below(values: &mut [u64], bound: u64) -> usize {
    // Rarely is anything left out. The sign of a difference tells what is.
    let (rows, rest) = values.as_chunks();
    let zero = _mm512_setzero_si512();
    let differences = rows.iter().fold(zero, |all, row| {
        _mm512_or_si512(all, _mm512_sub_epi64(splat(bound.wrapping_sub(1)), load(row)))
    });
    if _mm512_cmplt_epi64_mask(differences, zero) == 0 && rest.iter().all(|&value| value < bound) {
        return values.len();
    }
    scalar::pack::retain_below(values, bound)
}
