use std::panic::{AssertUnwindSafe, catch_unwind};

use super::support::{Random, kernels, prime};
use crate::{Ntt, coefficient_automorphism, ntt_automorphism_index};

#[test]
fn automorphisms_permute_transformed_values() {
    for n in [16, 32, 256, 1024] {
        let m = prime(40, 1 << 11);
        let a = Random(10).canonical(n, m.value());
        for (isa, kernels) in kernels() {
            let ntt = Ntt::with_kernels(kernels, m, n).expect("q = 1 mod 2n");
            let mut values = a.clone();
            ntt.forward(&mut values);
            for galois in [1, 3, 5, 25, 2 * n - 1, 2 * n + 5] {
                let mut want = vec![0; n];
                coefficient_automorphism(&mut want, &a, galois, &m);
                ntt.forward(&mut want);
                let index = ntt_automorphism_index(n, galois);
                let mut got = vec![0; n];
                kernels.permute(&mut got, &values, &index);
                assert_eq!(got, want, "{isa}, n {n}, galois {galois}");
                let reversed: Vec<u64> = values.iter().rev().copied().collect();
                let mut mirrored = vec![0; n];
                kernels.permute_mirrored(&mut mirrored, &reversed, &index);
                assert_eq!(mirrored, want, "{isa}, n {n}, galois {galois}, mirrored");
                kernels.permute_add_assign(&mut got, &values, &index, &m);
                kernels.sub_assign(&mut got, &want, &m);
                assert_eq!(got, want, "{isa}, n {n}, galois {galois}, added");
            }
        }
    }
}

#[test]
fn automorphisms_compose() {
    let n = 64;
    let m = prime(40, 128);
    let a = Random(11).canonical(n, m.value());
    for (g, h) in [(5, 25), (3, 2 * n - 1), (77, 5)] {
        let (mut once, mut twice, mut both) = (vec![0; n], vec![0; n], vec![0; n]);
        coefficient_automorphism(&mut once, &a, g, &m);
        coefficient_automorphism(&mut twice, &once, h, &m);
        coefficient_automorphism(&mut both, &a, g * h, &m);
        assert_eq!(twice, both, "{g} then {h}");
    }
}

/// Any index table, not only those of automorphisms, on lengths that are no multiples of eight.
#[test]
fn permutations_may_scatter() {
    let mut random = Random(12);
    let m = prime(50, 2);
    for len in [1, 7, 8, 9, 40, 77] {
        let src = random.canonical(len, m.value());
        let start = random.canonical(len, m.value());
        let tables = [
            (0..len).map(|_| (random.word() % len as u64) as u32).collect::<Vec<u32>>(),
            (0..len as u32).collect(),
            (0..len as u32).rev().collect(),
        ];
        for index in tables {
            let want: Vec<u64> = index.iter().map(|&i| src[i as usize]).collect();
            for (isa, kernels) in kernels() {
                let mut got = vec![1; len];
                kernels.permute(&mut got, &src, &index);
                assert_eq!(got, want, "{isa}, length {len}");
                let mut got = start.clone();
                kernels.permute_add_assign(&mut got, &src, &index, &m);
                kernels.sub_assign(&mut got, &start, &m);
                assert_eq!(got, want, "{isa}, length {len}, added");
            }
        }
    }
}

#[test]
fn values_are_repeated() {
    for (len, times) in
        [(64, 1), (33, 2), (32, 2), (9, 4), (16, 4), (5, 8), (7, 3), (3, 48), (1, 100), (4, 20)]
    {
        let src = Random(13).canonical(len, u64::MAX);
        let want: Vec<u64> = src.iter().flat_map(|&value| vec![value; times]).collect();
        for (isa, kernels) in kernels() {
            let mut got = vec![1; len * times];
            kernels.repeat(&mut got, &src);
            assert_eq!(got, want, "{isa}, {len} values {times} times");
        }
    }
}

#[test]
fn an_index_out_of_bounds_is_noticed() {
    for (isa, kernels) in kernels() {
        for bad in [16_u32, 17, 1 << 20, u32::MAX] {
            let index = [bad; 16];
            let run = AssertUnwindSafe(|| kernels.permute(&mut [0; 16], &[0; 16], &index));
            assert!(catch_unwind(run).is_err(), "{isa}: {bad}");
        }
    }
}
