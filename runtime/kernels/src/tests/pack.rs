use super::support::{Random, kernels};
use crate::packed_words;

/// Whole blocks, less than one, and both; 64 and 256 are rows of small rings.
const LENGTHS: [usize; 9] = [0, 1, 63, 64, 256, 512, 513, 1024, 2 * 512 + 100];

#[test]
fn unpacking_undoes_packing_and_every_instruction_set_packs_alike() {
    let mut random = Random(13);
    for bits in 20..=50 {
        for length in LENGTHS {
            let src = random.canonical(length, 1 << bits);
            let mut want: Option<Vec<u64>> = None;
            for (isa, kernels) in kernels() {
                let mut packed = vec![u64::MAX; packed_words(length, bits)];
                kernels.pack(&mut packed, &src, bits);
                let mut found = vec![1; length];
                kernels.unpack(&mut found, &packed, bits);
                assert_eq!(found, src, "{isa}, {bits} bits, length {length}");
                assert_eq!(
                    *want.get_or_insert(packed.clone()),
                    packed,
                    "{isa}, {bits} bits, length {length}"
                );
            }
        }
    }
}

#[test]
fn a_residue_lies_where_the_layout_says() {
    for (bits, length) in [(1, 512), (31, 1024), (40, 1536), (63, 512)] {
        let block = length / 512 - 1;
        for position in [0, 7, 8, 200, 511] {
            let mut src = vec![0; length];
            src[512 * block + position] = (1 << bits) - 1;
            let mut want = vec![0; packed_words(length, bits)];
            for bit in position / 8 * bits as usize..(position / 8 + 1) * bits as usize {
                want[8 * (block * bits as usize + bit / 64) + position % 8] |= 1 << (bit % 64);
            }
            let mut found = vec![1; want.len()];
            crate::pack(&mut found, &src, bits);
            assert_eq!(found, want, "{bits} bits, position {position}");
        }
    }
}

/// The bits of other residues, all ones, leave no trace.
#[test]
fn neighbours_do_not_mix() {
    for bits in 20..=50 {
        for (isa, kernels) in kernels() {
            let src: Vec<u64> = (0..1000).map(|i| if i % 3 == 0 { 0 } else { (1 << bits) - 1 }).collect();
            let mut packed = vec![0; packed_words(src.len(), bits)];
            kernels.pack(&mut packed, &src, bits);
            let mut found = vec![0; src.len()];
            kernels.unpack(&mut found, &packed, bits);
            assert_eq!(found, src, "{isa}, {bits} bits");
        }
    }
}

#[test]
fn values_below_a_bound_are_kept_in_order() {
    let mut random = Random(17);
    for length in [0, 1, 7, 8, 511, 512, 1000] {
        for bound in [1, 1 << 20, 3 << 28, 1 << 31] {
            let values = random.canonical(length, 1 << 31);
            let want: Vec<u64> = values.iter().copied().filter(|&value| value < bound).collect();
            for (isa, kernels) in kernels() {
                let mut found = values.clone();
                let kept = kernels.retain_below(&mut found, bound);
                assert_eq!(found[..kept], want, "{isa}, {length} values, bound {bound}");
            }
        }
    }
}
