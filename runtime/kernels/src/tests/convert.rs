use super::support::{BITS, Random, kernels, prime, primes_below};
use crate::arch::{Kernels, Scalar};
use crate::{BaseConverter, Modulus};

/// Little-endian words of base `2^64`, enough for eight primes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Big([u64; 8]);

impl Big {
    fn mul_add(self, factor: u64, mut carry: u64) -> Self {
        Self(self.0.map(|word| {
            let wide = u128::from(word) * u128::from(factor) + u128::from(carry);
            carry = u64::try_from(wide >> 64).expect("a word");
            u64::try_from(wide & u128::from(u64::MAX)).expect("a word")
        }))
    }

    fn sub(self, other: Self) -> Self {
        let mut borrow = false;
        let mut words = self.0;
        for (a, b) in words.iter_mut().zip(other.0) {
            let (x, under) = a.overflowing_sub(b);
            let (x, again) = x.overflowing_sub(u64::from(borrow));
            (*a, borrow) = (x, under || again);
        }
        Self(words)
    }

    fn half(self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] >> 1 | self.0.get(i + 1).map_or(0, |word| word << 63)))
    }

    fn less(self, other: Self) -> bool {
        self.0.iter().rev().lt(other.0.iter().rev())
    }

    fn modulo(self, m: u64) -> u64 {
        let step = |r: u128, word: &u64| (r << 64 | u128::from(*word)) % u128::from(m);
        u64::try_from(self.0.iter().rev().fold(0, step)).expect("below m")
    }
}

/// A number below `Q`, given by its digits in mixed radix.
fn value(from: &[Modulus], digits: impl Fn(usize, u64) -> u64) -> Big {
    let start = Big([0; 8]);
    from.iter().enumerate().rev().fold(start, |x, (i, q)| x.mul_add(q.value(), digits(i, q.value())))
}

#[test]
fn conversion_gives_the_centred_representative() {
    let mut random = Random(9);
    let distinct = |bits: &[u32]| -> Vec<Modulus> { bits.iter().map(|&b| prime(b, 2)).collect() };
    let bases = [
        distinct(&[50]),
        distinct(&[27, 40]),
        distinct(&[48, 47, 46]),
        distinct(&[50, 49, 48, 47]),
        distinct(&[30, 29, 28, 27, 26]),
        distinct(&[50, 30, 49, 31, 48, 32]),
        distinct(&[50, 49, 48, 47, 46, 45, 44]),
        distinct(&[50, 49, 48, 47, 46, 45, 44, 43]),
    ];
    let to: Vec<Modulus> = [27, 28, 31, 40, 45, 50].into_iter().map(|bits| prime(bits, 6)).collect();
    for from in bases {
        let one = Big([1, 0, 0, 0, 0, 0, 0, 0]);
        let q = from.iter().fold(one, |x, m| x.mul_add(m.value(), 0));
        let half = q.half();
        // Small, near -1, and as near to Q/2 as is promised: 2^-46 of Q away.
        let gap = (0..46).fold(q, |x, _| x.half());
        let mut values = vec![Big([0; 8]), one, q.sub(one), half.sub(gap), q.sub(half.sub(gap))];
        values.extend((0..300).map(|_| {
            let words = [(); 8].map(|()| random.word());
            value(&from, |i, q| words[i] % q)
        }));
        let src: Vec<Vec<u64>> =
            from.iter().map(|m| values.iter().map(|x| x.modulo(m.value())).collect()).collect();
        let factors = BaseConverter::digit_factors(&from);
        let digit = |(limb, (m, &factor)): (Vec<u64>, (&Modulus, &u64))| -> Vec<u64> {
            limb.into_iter().map(|x| m.mul(x, factor)).collect()
        };
        let src: Vec<Vec<u64>> = src.into_iter().zip(from.iter().zip(&factors)).map(digit).collect();
        let src: Vec<&[u64]> = src.iter().map(Vec::as_slice).collect();
        let want = |x: &Big, p: &Modulus| {
            if half.less(*x) { p.neg(q.sub(*x).modulo(p.value())) } else { x.modulo(p.value()) }
        };
        let want: Vec<Vec<u64>> = to.iter().map(|p| values.iter().map(|x| want(x, p)).collect()).collect();
        let converter = BaseConverter::new(&from, &to);
        for (isa, kernels) in kernels() {
            let mut got = vec![vec![1; values.len()]; to.len()];
            let mut limbs: Vec<&mut [u64]> = got.iter_mut().map(Vec::as_mut_slice).collect();
            kernels.convert(&converter.tables, &src, &mut limbs);
            assert_eq!(got, want, "{isa}, {} limbs", from.len());
        }
    }
}

#[test]
fn one_limb_is_lifted_exactly() {
    let mut random = Random(13);
    for (from, to) in BITS.into_iter().flat_map(|from| BITS.map(|to| (prime(from, 2), prime(to, 6)))) {
        let src = random.canonical(261, from.value());
        let converter = BaseConverter::new(&[from], &[to]);
        let mut want = vec![0; src.len()];
        Scalar.lift_centred(&mut want, &src, &from, &to);
        for (isa, kernels) in kernels() {
            let mut got = vec![1; src.len()];
            kernels.convert(&converter.tables, &[&src], &mut [&mut got]);
            assert_eq!(got, want, "{isa}, {} to {}", from.value(), to.value());
        }
    }
}

/// The largest digits, and such whose products with doubles, rounded to what a sum has units of, leave the largest
/// remainders, all of one sign: sums are at the limit of what may be summed before a reduction.
#[test]
fn sums_of_digits_are_exact_up_to_the_largest() {
    let mut random = Random(17);
    let to: Vec<Modulus> = [27, 40, 47, 48, 49, 50].into_iter().map(|bits| prime(bits, 6)).collect();
    for (bits, limbs) in (43..=50).flat_map(|bits| (1..=8).map(move |limbs| (bits, limbs))) {
        let from = primes_below(bits, limbs);
        let digits = |below: u64| from.iter().map(|m| vec![m.value() - below; 77]).collect::<Vec<_>>();
        let mut all = vec![digits(1), digits(2)];
        for p in &to {
            let half = (bits + 64 - p.value().leading_zeros()).div_ceil(2);
            // Units of the first four terms, and of the others: twice as large in a sum that has grown too long.
            all.extend([[half, half], [half, half + 1]].map(|halves| {
                let digits = |i: usize| steered(&mut random, &from, i, p, halves[usize::from(i >= 4)]);
                (0..limbs).map(digits).collect()
            }));
        }
        let converter = BaseConverter::new(&from, &to);
        for src in all {
            let src: Vec<&[u64]> = src.iter().map(Vec::as_slice).collect();
            let convert = |kernels: &dyn Kernels| {
                let mut got = vec![vec![1; src[0].len()]; to.len()];
                let mut limbs: Vec<&mut [u64]> = got.iter_mut().map(Vec::as_mut_slice).collect();
                kernels.convert(&converter.tables, &src, &mut limbs);
                got
            };
            let want = convert(&Scalar);
            for (isa, kernels) in kernels() {
                assert_eq!(convert(kernels), want, "{isa}, {limbs} limbs of {bits} bits");
            }
        }
    }
}

/// Digits modulo prime `i` whose products with its factor modulo `p` are just below odd multiples of `2^half`.
fn steered(random: &mut Random, from: &[Modulus], i: usize, p: &Modulus, half: u32) -> Vec<u64> {
    let others = from.iter().enumerate().filter(|&(j, _)| j != i);
    let factor = others.fold(1, |product, (_, q)| p.mul(product, p.reduce(q.value())));
    let unit = 1_u128 << (half + 1);
    let remainder = |digit: u64| {
        let rest = u128::from(digit) * u128::from(factor) % unit;
        if rest <= unit / 2 { rest } else { 0 }
    };
    let mut best = || (0..300).map(|_| random.word() % from[i].value()).max_by_key(|&y| remainder(y));
    (0..24).filter_map(|_| best()).collect()
}
