use std::panic::{AssertUnwindSafe, catch_unwind};

use super::support::{Random, kernels, prime};
use crate::automorphism::Groups;
use crate::{Automorphism, Ntt, coefficient_automorphism};

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
                let automorphism = Automorphism::new(n, galois);
                let groups = automorphism.groups(0, n, n);
                let mut got = vec![0; n];
                kernels.permute(&mut got, &values, groups);
                assert_eq!(got, want, "{isa}, n {n}, galois {galois}");
                let reversed: Vec<u64> = values.iter().rev().copied().collect();
                let mut mirrored = vec![0; n];
                kernels.permute_mirrored(&mut mirrored, &reversed, groups);
                assert_eq!(mirrored, want, "{isa}, n {n}, galois {galois}, mirrored");
                kernels.permute_add_assign(&mut got, &values, groups, &m);
                kernels.sub_assign(&mut got, &want, &m);
                assert_eq!(got, want, "{isa}, n {n}, galois {galois}, added");
            }
        }
    }
}

#[test]
fn an_aligned_group_receives_an_aligned_group() {
    let n = 1024;
    let m = prime(40, 2 * n as u64);
    let values = Random(14).canonical(n, m.value());
    for galois in [3, 5, 125, 2 * n - 1] {
        let automorphism = Automorphism::new(n, galois);
        let mut want = vec![0; n];
        automorphism.permute(0, &mut want, &values);
        for length in [8, 64, 512, 1024] {
            for start in (0..n).step_by(length) {
                let want = &want[start..][..length];
                let group = &values[automorphism.source(start, length)..][..length];
                for src in [group, &values] {
                    let mut got = vec![0; length];
                    automorphism.permute(start, &mut got, src);
                    assert_eq!(got, want, "galois {galois}, {length} from {start}");
                    automorphism.permute_add_assign(start, &mut got, src, &m);
                    crate::sub_assign(&mut got, want, &m);
                    assert_eq!(got, want, "galois {galois}, {length} from {start}, added");
                }
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
fn a_group_out_of_range_is_noticed() {
    let automorphism = Automorphism::new(16, 1);
    let Groups { patterns, .. } = automorphism.groups(0, 16, 16);
    for (isa, kernels) in kernels() {
        for (source, first) in [(2 << 3, 0), (u32::MAX, 0), (0, 1)] {
            let groups = Groups { sources: &[source, source], patterns, first };
            let run = AssertUnwindSafe(|| kernels.permute(&mut [0; 16], &[0; 16], groups));
            assert!(catch_unwind(run).is_err(), "{isa}: {source}, {first}");
        }
    }
    assert!(catch_unwind(|| automorphism.permute(8, &mut [0; 16], &[0; 16])).is_err(), "beyond the end");
    assert!(catch_unwind(|| automorphism.permute(4, &mut [0; 8], &[0; 16])).is_err(), "not aligned");
}
