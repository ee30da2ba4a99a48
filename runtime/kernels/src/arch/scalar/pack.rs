//! Packing: eight lanes at a time, which compilers turn into vector shifts. Inlined, to be compiled for every
//! instruction set.

use crate::pack::{BLOCK, LANES};

#[inline(always)]
#[expect(clippy::inline_always, reason = "takes on the instruction set of its caller")]
pub(crate) fn pack(dst: &mut [u64], src: &[u64], bits: u32) {
    let (blocks, rest) = src.as_chunks::<BLOCK>();
    let (packed, packed_rest) = dst.split_at_mut(blocks.len() * LANES * bits as usize);
    for (block, packed) in blocks.iter().zip(packed.chunks_exact_mut(LANES * bits as usize)) {
        let (rows, _) = packed.as_chunks_mut::<LANES>();
        rows.fill([0; LANES]);
        for (x, place) in block.as_chunks::<LANES>().0.iter().zip(places(bits)) {
            let row = &mut rows[place.word];
            for (to, x) in row.iter_mut().zip(x) {
                *to |= x << place.shift;
            }
            if place.shift + bits > u64::BITS {
                let row = &mut rows[place.word + 1];
                for (to, x) in row.iter_mut().zip(x) {
                    *to |= x >> (u64::BITS - place.shift);
                }
            }
        }
    }
    packed_rest.fill(0);
    for (x, place) in rest.iter().zip(places(bits)) {
        packed_rest[place.word] |= x << place.shift;
        if place.shift + bits > u64::BITS {
            packed_rest[place.word + 1] |= x >> (u64::BITS - place.shift);
        }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "takes on the instruction set of its caller")]
pub(crate) fn unpack(dst: &mut [u64], src: &[u64], bits: u32) {
    let mask = u64::MAX >> (u64::BITS - bits);
    let (blocks, rest) = dst.as_chunks_mut::<BLOCK>();
    let (packed, packed_rest) = src.split_at(blocks.len() * LANES * bits as usize);
    for (block, packed) in blocks.iter_mut().zip(packed.chunks_exact(LANES * bits as usize)) {
        let (rows, _) = packed.as_chunks::<LANES>();
        for (out, place) in block.as_chunks_mut::<LANES>().0.iter_mut().zip(places(bits)) {
            let low = &rows[place.word];
            if place.shift + bits <= u64::BITS {
                for (out, low) in out.iter_mut().zip(low) {
                    *out = (low >> place.shift) & mask;
                }
            } else {
                let high = &rows[place.word + 1];
                for ((out, low), high) in out.iter_mut().zip(low).zip(high) {
                    *out = ((low >> place.shift) | (high << (u64::BITS - place.shift))) & mask;
                }
            }
        }
    }
    for (out, place) in rest.iter_mut().zip(places(bits)) {
        *out = (packed_rest[place.word] >> place.shift) & mask;
        if place.shift + bits > u64::BITS {
            *out |= (packed_rest[place.word + 1] << (u64::BITS - place.shift)) & mask;
        }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "takes on the instruction set of its caller")]
pub(crate) fn retain_below(values: &mut [u64], bound: u64) -> usize {
    // Rarely is anything left out.
    if values.iter().fold(0, |largest, &value| value.max(largest)) < bound {
        return values.len();
    }
    let mut kept = 0;
    for i in 0..values.len() {
        let value = values[i];
        values[kept] = value;
        kept += usize::from(value < bound);
    }
    kept
}

/// Where a residue begins in its lane.
#[derive(Clone, Copy)]
struct Place {
    word: usize,
    shift: u32,
}

/// The places in a lane, in order.
#[inline]
fn places(bits: u32) -> impl Iterator<Item = Place> {
    let next = move |place: &Place| {
        let shift = place.shift + bits;
        Some(Place { word: place.word + (shift / u64::BITS) as usize, shift: shift % u64::BITS })
    };
    std::iter::successors(Some(Place { word: 0, shift: 0 }), next)
}
