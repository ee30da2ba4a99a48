//! Automorphisms `X -> X^g` of `Z_q[X]/(X^n + 1)`, on coefficients and on transformed values.

use crate::Modulus;
use crate::isa::active;
use crate::roots::bit_reverse;

/// Positions that an automorphism moves together.
pub(crate) const GROUP: usize = 8;

/// Which of eight values each of eight positions receives.
pub(crate) type Pattern = [u64; GROUP];

/// `X -> X^galois` as a permutation of the values of [`Ntt::forward`](crate::Ntt::forward).
///
/// Position `i` holds `a(psi^e)`, `e = 2 bitrev(i) + 1`; it must receive `a(psi^(e galois))`. The low bits of `i` are the
/// high bits of `e`, so that an aligned group of positions, as many as any power of two, receives one aligned group. In a
/// group of eight, the values arrive in one of eight orders.
///
/// Every operation works on an aligned range of positions, from `start` on. It reads the whole polynomial, or the aligned
/// group of values as long as the range that begins at [`Automorphism::source`].
#[derive(Debug)]
pub struct Automorphism {
    /// For every eight positions the group they receive, and in the low three bits the pattern.
    groups: Vec<u32>,
    patterns: [Pattern; GROUP],
}

/// Some consecutive groups of positions.
#[derive(Clone, Copy)]
pub(crate) struct Groups<'a> {
    /// For each, the group it receives, and in the low three bits the pattern.
    pub(crate) sources: &'a [u32],
    pub(crate) patterns: &'a [Pattern; GROUP],
    /// The group with which the values begin.
    pub(crate) first: usize,
}

impl Automorphism {
    /// The permutation for the ring of degree `n`.
    ///
    /// # Panics
    ///
    /// If `n` is not a power of two from 8 to `2^31`, or `galois` is even.
    #[must_use]
    pub fn new(n: usize, galois: usize) -> Self {
        check(n, galois);
        assert!(n >= GROUP, "groups of eight");
        let bits = n.ilog2();
        let groups = (0..n / GROUP).map(|group| {
            let exponent = (2 * bit_reverse(GROUP * group, bits) + 1).wrapping_mul(galois) & (2 * n - 1);
            let source = bit_reverse(exponent / 2, bits) / GROUP;
            let pattern = exponent / 2 / (n / GROUP);
            u32::try_from(source * GROUP + pattern).expect("n <= 2^31")
        });
        let lane = |pattern: usize, lane: usize| {
            bit_reverse(pattern.wrapping_add(bit_reverse(lane, 3).wrapping_mul(galois)) % GROUP, 3) as u64
        };
        let pattern = |pattern| std::array::from_fn(|position| lane(pattern, position));
        Self { groups: groups.collect(), patterns: std::array::from_fn(pattern) }
    }

    /// The first of the `length` values that the aligned `length` positions from `start` on receive.
    #[must_use]
    pub fn source(&self, start: usize, length: usize) -> usize {
        self.groups[start / GROUP] as usize / length * length
    }

    /// `dst[i]` becomes the value of `src` that position `start + i` receives.
    ///
    /// # Panics
    ///
    /// If `start`, or the length of `dst` or `src`, is no multiple of eight, or a position is out of range.
    pub fn permute(&self, start: usize, dst: &mut [u64], src: &[u64]) {
        active().permute(dst, src, self.groups(start, dst.len(), src.len()));
    }

    /// [`Automorphism::permute`] for all values of the polynomial, which are in reverse order.
    ///
    /// # Panics
    ///
    /// As [`Automorphism::permute`].
    pub fn permute_mirrored(&self, start: usize, dst: &mut [u64], src: &[u64]) {
        assert_eq!(src.len(), self.groups.len() * GROUP, "all values");
        active().permute_mirrored(dst, src, self.groups(start, dst.len(), src.len()));
    }

    /// [`Automorphism::permute`], the values being added.
    ///
    /// # Panics
    ///
    /// As [`Automorphism::permute`].
    pub fn permute_add_assign(&self, start: usize, acc: &mut [u64], src: &[u64], m: &Modulus) {
        active().permute_add_assign(acc, src, self.groups(start, acc.len(), src.len()), m);
    }

    pub(crate) fn groups(&self, start: usize, positions: usize, values: usize) -> Groups<'_> {
        for length in [start, positions, values] {
            assert!(length.is_multiple_of(GROUP), "multiples of eight");
        }
        let sources = &self.groups[start / GROUP..][..positions / GROUP];
        Groups { sources, patterns: &self.patterns, first: self.source(start, values.max(1)) / GROUP }
    }
}

impl Groups<'_> {
    /// For every group of positions the number of its group among the values, and its pattern.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Pattern)> {
        self.sources.iter().map(|&entry| {
            let entry = entry as usize;
            ((entry / GROUP).wrapping_sub(self.first), &self.patterns[entry % GROUP])
        })
    }
}

/// Writes every value of `src` to `dst.len() / src.len()` consecutive positions: the full transform of a polynomial in
/// `X^t` from that of degree `n / t`.
///
/// # Panics
///
/// If the length of `dst` is no multiple of that of `src`, or `src` is empty.
pub fn repeat(dst: &mut [u64], src: &[u64]) {
    assert!(dst.len().is_multiple_of(src.len()), "every value as often");
    active().repeat(dst, src);
}

/// Applies `X -> X^galois` to coefficients: `X^i` becomes `X^(i galois)`, with `X^n = -1`.
///
/// # Panics
///
/// If the slices differ in length, which must be a power of two, or `galois` is even.
pub fn coefficient_automorphism(dst: &mut [u64], src: &[u64], galois: usize, m: &Modulus) {
    let n = src.len();
    assert_eq!(dst.len(), n, "slices must match in length");
    check(n, galois);
    for (i, &x) in src.iter().enumerate() {
        let power = i.wrapping_mul(galois) & (2 * n - 1);
        if power < n {
            dst[power] = x;
        } else {
            dst[power - n] = m.neg(x);
        }
    }
}

fn check(n: usize, galois: usize) {
    assert!(n.is_power_of_two() && n <= 1 << 31, "the ring degree is a power of two");
    assert!(galois % 2 == 1, "a Galois element is odd");
}
