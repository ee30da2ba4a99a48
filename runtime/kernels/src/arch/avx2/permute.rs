//! Automorphisms of transformed values, one shuffle for four, and repetitions.

use std::arch::x86_64::{
    __m256i, _mm256_add_epi64, _mm256_or_si256, _mm256_permutevar8x32_epi32, _mm256_slli_epi64,
};

use super::lanes::{Row, Words, load, splat, store};
use crate::Modulus;
use crate::arch::scalar;
use crate::automorphism::{GROUP, Groups, Pattern};

#[target_feature(enable = "avx2")]
pub(super) fn permute(dst: &mut [u64], src: &[u64], groups: Groups<'_>) {
    let (rows, sources) = (dst.as_chunks_mut::<GROUP>().0, src.as_chunks::<GROUP>().0);
    for (row, (number, pattern)) in rows.iter_mut().zip(groups.iter()) {
        let values = arrange(&sources[number], pattern);
        row.as_chunks_mut().0.iter_mut().zip(values).for_each(|(row, x)| store(row, x));
    }
}

#[target_feature(enable = "avx2")]
pub(super) fn permute_mirrored(dst: &mut [u64], src: &[u64], groups: Groups<'_>) {
    let (rows, sources) = (dst.as_chunks_mut::<GROUP>().0, src.as_chunks::<GROUP>().0);
    for (row, (number, pattern)) in rows.iter_mut().zip(groups.iter()) {
        let mirrored = pattern.map(|lane| lane ^ 7);
        let values = arrange(&sources[sources.len() - 1 - number], &mirrored);
        row.as_chunks_mut().0.iter_mut().zip(values).for_each(|(row, x)| store(row, x));
    }
}

#[target_feature(enable = "avx2")]
pub(super) fn permute_add_assign(acc: &mut [u64], src: &[u64], groups: Groups<'_>, m: &Modulus) {
    let words = Words::new(m);
    let (rows, sources) = (acc.as_chunks_mut::<GROUP>().0, src.as_chunks::<GROUP>().0);
    for (row, (number, pattern)) in rows.iter_mut().zip(groups.iter()) {
        let values = arrange(&sources[number], pattern);
        for (row, x) in row.as_chunks_mut().0.iter_mut().zip(values) {
            let sum = words.add(load(row), x);
            store(row, sum);
        }
    }
}

/// Eight values in the order of a pattern, which takes four positions' values from one half.
#[inline]
#[target_feature(enable = "avx2")]
fn arrange(values: &[u64; GROUP], pattern: &Pattern) -> [__m256i; 2] {
    let (halves, lanes): (&[Row], &[Row]) = (values.as_chunks().0, pattern.as_chunks().0);
    let half = |lanes: &Row| {
        // The shuffle moves halves of values, number `2 i` and `2 i + 1`; it reads the low three bits of these.
        let indices = load(lanes);
        let low = _mm256_add_epi64(indices, indices);
        let high = _mm256_or_si256(_mm256_slli_epi64::<32>(low), splat(1 << 32));
        _mm256_permutevar8x32_epi32(load(&halves[lanes[0] as usize / 4 % 2]), _mm256_or_si256(low, high))
    };
    [half(&lanes[0]), half(&lanes[1])]
}

/// The portable loops, compiled for this instruction set.
#[target_feature(enable = "avx2")]
pub(super) fn repeat(dst: &mut [u64], src: &[u64]) {
    scalar::permute::repeat(dst, src);
}
