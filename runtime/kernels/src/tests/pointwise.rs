use super::support::{BITS, Random, kernels, prime};
use crate::Modulus;
use crate::arch::Kernels;

/// Lengths around multiples of eight and of 32, which vector code treats in groups.
const LENGTHS: [usize; 10] = [0, 1, 7, 8, 9, 31, 32, 33, 64, 77];

/// Runs a kernel of every instruction set on operands of every modulus and length. `want` computes one value
/// with 128-bit integers from `(a, b, c)` and `q`.
fn check(
    run: impl Fn(&dyn Kernels, &mut [u64], &[u64], &[u64], &Modulus),
    want: impl Fn(u128, u128, u128, u128) -> u128,
) {
    let mut random = Random(4);
    for bits in BITS {
        let m = prime(bits, 2);
        let q = m.value();
        for len in LENGTHS {
            let [a, b, c] = [(); 3].map(|()| random.canonical(len, q));
            let wide = |x: u64| u128::from(x);
            let want: Vec<u64> = (0..len)
                .map(|i| want(wide(a[i]), wide(b[i]), wide(c[i]), wide(q)) % wide(q))
                .map(|x| u64::try_from(x).expect("below q"))
                .collect();
            for (isa, kernels) in kernels() {
                let mut got = a.clone();
                run(kernels, &mut got, &b, &c, &m);
                assert_eq!(got, want, "{isa}, {bits} bits, length {len}");
            }
        }
    }
}

#[test]
fn sums_and_differences() {
    check(|k, a, b, _, m| k.add_assign(a, b, m), |a, b, _, _| a + b);
    check(|k, a, b, _, m| k.sub_assign(a, b, m), |a, b, _, q| a + q - b);
    check(|k, a, b, _, m| k.rsub_assign(a, b, m), |a, b, _, q| b + q - a);
    check(|k, a, _, _, m| k.neg_assign(a, m), |a, _, _, q| q - a);
}

#[test]
fn products() {
    check(|k, a, b, _, m| k.mul_assign(a, b, m), |a, b, _, _| a * b);
    check(|k, a, b, c, m| k.mul(a, b, c, m), |_, b, c, _| b * c);
    check(|k, a, b, c, m| k.mul_add_assign(a, b, c, m), |a, b, c, _| a + b * c);
}

#[test]
fn sums_and_products_with_a_scalar() {
    let scalars: [fn(u64) -> u64; 5] = [|_| 0, |_| 1, |q| q - 1, |q| q / 2, |q| q / 3 * 2];
    for s in scalars {
        let wide = move |q: u128| u128::from(s(u64::try_from(q).expect("a word")));
        check(move |k, a, _, _, m| k.add_scalar_assign(a, s(m.value()), m), move |a, _, _, q| a + wide(q));
        check(move |k, a, _, _, m| k.mul_scalar_assign(a, s(m.value()), m), move |a, _, _, q| a * wide(q));
        check(
            move |k, a, b, _, m| k.mul_scalar_add_assign(a, b, s(m.value()), m),
            move |a, b, _, q| a + b * wide(q),
        );
        check(
            move |k, a, b, _, m| k.sub_mul_scalar_assign(a, b, s(m.value()), m),
            move |a, b, _, q| (a + q - b) * wide(q),
        );
    }
}

#[test]
fn sums_and_differences_in_turns() {
    let mut random = Random(14);
    for m in BITS.map(|bits| prime(bits, 2)) {
        for len in LENGTHS {
            let (b, s) = (random.canonical(len, m.value()), random.canonical(1, m.value())[0]);
            let want: Vec<u64> = b.iter().flat_map(|&b| [m.add(s, b), m.sub(s, b)]).collect();
            for (isa, kernels) in kernels() {
                let mut got = vec![1; 2 * len];
                kernels.sums_and_differences(&mut got, s, &b, &m);
                assert_eq!(got, want, "{isa}, {}, length {len}", m.value());
            }
        }
    }
}

#[test]
fn inner_products_of_any_number_of_terms() {
    for terms in [0, 1, 2, 6, 15, 16, 40] {
        let sum = move |b: u128, c: u128, n: u128| b * c * (n - n / 2) + b * b * (n / 2);
        check(
            move |k, a, b, c, m| {
                let right: Vec<&[u64]> = (0..terms).map(|i| if i % 2 == 0 { c } else { b }).collect();
                k.dot(a, &vec![b; terms], &right, m);
            },
            move |_, b, c, q| sum(b, c, terms as u128) % q,
        );
        check(
            move |k, a, b, c, m| {
                let right: Vec<&[u64]> = (0..terms).map(|i| if i % 2 == 0 { c } else { b }).collect();
                let mut second = vec![1; a.len()];
                k.dot2(a, &mut second, &vec![b; terms], &right, &vec![b; terms], m);
                k.rsub_assign(a, &second, m);
            },
            move |_, b, c, q| b * b * terms as u128 + (q - sum(b, c, terms as u128) % q),
        );
    }
}

#[test]
fn reduction_of_words() {
    let mut random = Random(5);
    let mut words: Vec<u64> = (0..75).map(|_| random.word() >> 12).collect();
    words.extend([0, 1, (1 << 52) - 1, 1 << 51]);
    for bits in BITS {
        let m = prime(bits, 2);
        let want: Vec<u64> = words.iter().map(|x| x % m.value()).collect();
        for (isa, kernels) in kernels() {
            let mut got = vec![1; words.len()];
            kernels.reduce(&mut got, &words, &m);
            assert_eq!(got, want, "{isa}, {bits} bits");
        }
    }
}

#[test]
fn reduction_of_words_after_an_addition() {
    let mut random = Random(9);
    let mut words: Vec<u64> = (0..75).map(|_| random.word() >> 13).collect();
    words.extend([0, 1, (1 << 51) - 1, 1 << 50]);
    for bits in BITS {
        let m = prime(bits, 2);
        for c in [0, 1, m.value() / 3, m.value() - 1] {
            let want: Vec<u64> = words.iter().map(|x| (x + c) % m.value()).collect();
            for (isa, kernels) in kernels() {
                let mut got = vec![1; words.len()];
                kernels.add_reduce(&mut got, &words, c, &m);
                assert_eq!(got, want, "{isa}, {bits} bits, {c}");
            }
        }
    }
}

#[test]
fn reduction_of_signed_words() {
    let mut random = Random(6);
    for bits in BITS {
        let m = prime(bits, 2);
        let q = m.value().cast_signed();
        let mut words: Vec<i64> =
            (0..75).map(|_| random.word().cast_signed() >> (random.word() % 64)).collect();
        // Whole registers of small ones.
        words.extend((0..64).map(|_| random.word().cast_signed() >> 13));
        words.extend([-(1 << 50); 16].into_iter().chain([(1 << 50) - 1; 16]));
        words.extend([0, 1, -1, q, -q, q - 1, 1 - q, i64::MIN, i64::MAX, 1 << 52, -(1 << 52)]);
        let want: Vec<u64> = words.iter().map(|x| x.rem_euclid(q).cast_unsigned()).collect();
        for (isa, kernels) in kernels() {
            let mut got = vec![1; words.len()];
            kernels.reduce_signed(&mut got, &words, &m);
            assert_eq!(got, want, "{isa}, {bits} bits");
        }
    }
}

#[test]
fn centred_lift_between_any_two_moduli() {
    let mut random = Random(7);
    for (from, to) in BITS.into_iter().flat_map(|from| BITS.map(|to| (prime(from, 2), prime(to, 6)))) {
        let (q, p) = (from.value(), to.value().cast_signed());
        let residues = random.canonical(77, q);
        let centred = |x: u64| if x > q / 2 { x.cast_signed() - q.cast_signed() } else { x.cast_signed() };
        let want: Vec<u64> = residues.iter().map(|&x| centred(x).rem_euclid(p).cast_unsigned()).collect();
        for (isa, kernels) in kernels() {
            let mut got = vec![1; residues.len()];
            kernels.lift_centred(&mut got, &residues, &from, &to);
            assert_eq!(got, want, "{isa}, {q} to {p}");
        }
    }
}

#[test]
fn modulus_agrees_with_wide_integers() {
    let mut random = Random(8);
    for bits in BITS {
        let m = prime(bits, 2);
        let q = m.value();
        for (a, b) in random.canonical(200, q).into_iter().zip(random.canonical(200, q)) {
            let wide = u128::from(a) * u128::from(b);
            assert_eq!(u128::from(m.mul(a, b)), wide % u128::from(q));
            let word = random.word();
            assert_eq!(m.reduce(word), word % q);
            let double = u128::from(word) << 64 | u128::from(random.word());
            assert_eq!(u128::from(m.reduce_u128(double)), double % u128::from(q));
            assert_eq!(m.add(m.sub(a, b), b), a);
            assert_eq!(m.add(m.neg(a), a), 0);
            if a != 0 {
                assert_eq!(m.mul(m.inv(a), a), 1);
            }
        }
        assert_eq!(m.reduce_u128(u128::MAX), u64::try_from(u128::MAX % u128::from(q)).expect("below q"));
    }
}

#[test]
fn moduli_out_of_range_are_refused() {
    for q in [0, 1, 2, 4, 1 << 50, (1 << 50) + 1, u64::MAX] {
        assert_eq!(Modulus::new(q), None, "{q}");
    }
    assert!(Modulus::new(3).is_some() && Modulus::new((1 << 50) - 1).is_some());
}
