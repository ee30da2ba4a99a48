use super::support::{BITS, Random, kernels, prime};
use crate::arch::Scalar;
use crate::roots::{bit_reverse, primitive_root};
use crate::{Modulus, Ntt};

fn schoolbook(a: &[u64], b: &[u64], m: &Modulus) -> Vec<u64> {
    let n = a.len();
    let mut product = vec![0; n];
    for (i, &a) in a.iter().enumerate() {
        for (j, &b) in b.iter().enumerate() {
            let term = m.mul(a, b);
            let at = &mut product[(i + j) % n];
            *at = if i + j < n { m.add(*at, term) } else { m.sub(*at, term) };
        }
    }
    product
}

#[test]
fn positions_hold_the_documented_values() {
    let n = 64;
    let m = prime(30, 128);
    let psi = primitive_root(&m, n).expect("q = 1 mod 2n");
    let a = Random(1).canonical(n, m.value());
    for (isa, kernels) in kernels() {
        let mut values = a.clone();
        Ntt::with_kernels(kernels, m, n).expect("q = 1 mod 2n").forward(&mut values);
        for (i, &value) in values.iter().enumerate() {
            let x = m.pow(psi, 2 * bit_reverse(i, 6) as u64 + 1);
            let want = a.iter().rev().fold(0, |sum, &c| m.add(m.mul(sum, x), c));
            assert_eq!(value, want, "{isa} position {i}");
        }
    }
}

#[test]
fn products_are_negacyclic_convolutions() {
    let mut random = Random(2);
    for log_n in 4..=10 {
        let n = 1 << log_n;
        for bits in BITS {
            let m = prime(bits, 1 << 11);
            let (a, b) = (random.canonical(n, m.value()), random.canonical(n, m.value()));
            let want = schoolbook(&a, &b, &m);
            for (isa, kernels) in kernels() {
                let ntt = Ntt::with_kernels(kernels, m, n).expect("q = 1 mod 2n");
                let (mut x, mut y) = (a.clone(), b.clone());
                ntt.forward(&mut x);
                ntt.forward(&mut y);
                kernels.mul_assign(&mut x, &y, &m);
                ntt.inverse(&mut x);
                assert_eq!(x, want, "{isa}, n {n}, {bits} bits");
            }
        }
    }
}

/// Against the portable code, on lengths for every combination of passes, and on values as large as they get.
#[test]
fn instruction_sets_agree_and_inverses_undo() {
    let mut random = Random(3);
    for log_n in 4..=16 {
        let n = 1 << log_n;
        // Few primes where one transform takes long.
        for bits in BITS.into_iter().filter(|bits| log_n < 14 && *bits > 20 || matches!(bits, 46..=50)) {
            let m = prime(bits, 1 << 17);
            let reference = Ntt::with_kernels(&Scalar, m, n).expect("q = 1 mod 2n");
            for a in [random.canonical(n, m.value()), vec![m.value() - 1; n]] {
                let (mut values, mut coefficients) = (a.clone(), a.clone());
                reference.forward(&mut values);
                reference.inverse(&mut coefficients);
                for (isa, kernels) in kernels() {
                    let ntt = Ntt::with_kernels(kernels, m, n).expect("q = 1 mod 2n");
                    let mut x = a.clone();
                    ntt.forward(&mut x);
                    assert!(x == values, "{isa} forward, n {n}, {bits} bits");
                    ntt.inverse(&mut x);
                    assert!(x == a, "{isa} round trip, n {n}, {bits} bits");
                    ntt.inverse(&mut x);
                    assert!(x == coefficients, "{isa} inverse, n {n}, {bits} bits");
                    for factor in [m.value() - 1, m.value() / 3] {
                        let (mut times, mut want) = (a.clone(), coefficients.clone());
                        ntt.inverse_times(&mut times, factor);
                        kernels.mul_scalar_assign(&mut want, factor, &m);
                        assert!(times == want, "{isa} inverse times {factor}, n {n}, {bits} bits");
                    }
                }
            }
        }
    }
}

#[test]
fn unsuitable_lengths_and_primes_are_refused() {
    let m = prime(30, 1 << 10);
    assert!(Ntt::new(m, 8).is_none());
    assert!(Ntt::new(m, 48).is_none());
    assert!(Ntt::new(prime(30, 6), 1 << 12).is_none());
    // 1 modulo 2n, but 257 * 769 is not prime.
    assert!(Ntt::new(Modulus::new(257 * 769).expect("odd"), 64).is_none());
}
