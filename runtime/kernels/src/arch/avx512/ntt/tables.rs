//! Twiddle factors in the order in which the transform reads them.

use super::super::lanes::Row;
use super::butterfly::{growth_down, growth_up};
use crate::Modulus;
use crate::roots::bit_reverse;

/// A factor and its Shoup companion.
pub(super) type Pair = [u64; 2];

/// Everything both directions need.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(super) m: Modulus,
    /// Growth classes of `butterfly`.
    pub(super) growth_down: u8,
    pub(super) growth_up: u8,
    pub(super) down: Direction,
    pub(super) up: Direction,
    /// `1/n`.
    pub(super) scale: u64,
    /// `1/n` times the twiddle of the last inverse level.
    pub(super) last: u64,
    /// What WIDE adds to the first operands of the first level so that nothing becomes negative.
    pub(super) offset: u64,
}

/// One direction; the other has the inverse factors in the same places.
#[derive(Debug)]
pub(super) struct Direction {
    /// From the longest stride to the shortest, down to blocks of 64 values.
    pub(super) passes: Vec<Pass>,
    /// One per block of 64 values.
    pub(super) blocks: Vec<Block>,
    pub(super) eighths: Eighths,
}

/// Two or three levels done in one sweep.
#[derive(Debug)]
pub(super) struct Pass {
    /// 4 or 8.
    pub(super) radix: usize,
    /// `radix - 1` twiddles per block, from the level of the longest stride to that of the shortest.
    pub(super) twiddles: Vec<Pair>,
}

/// The factors of one block of 64 values, index `j`. Let `T = psi^(2 bitrev(j) + 1)`.
#[derive(Debug)]
pub(super) struct Block {
    /// The twiddles of three levels.
    pub(super) twiddles: [Pair; 7],
    /// `T^c`, `c = 1..=7`.
    pub(super) powers: [Pair; 7],
}

/// The factors that the last three levels of all blocks share.
///
/// A block of eight values, number `r` of its block of 64, is a polynomial modulo `X^8 - t^8` with
/// `t = T B_r`. Substituting `X = t Y` makes it cyclic, with the same twiddles for every block. So instead of
/// seven vectors of twiddles per block, `n` words of table in all, there are `B_r^c`, which stay in the L1
/// cache, and `T^c`, of which there are few: transforms modulo many primes in turn no longer evict each other.
/// The price is seven multiplications per 64 values.
#[derive(Debug)]
pub(super) struct Eighths {
    /// Lane `r` holds `B_r^c = psi^(c n/32 bitrev(r))`, `c = 1..=7`; values, then Shoup companions.
    pub(super) powers: [[Row; 2]; 7],
    /// `w^2`, `w`, `w^3` for `w = psi^(n/4)`, a primitive eighth root.
    pub(super) quarter: Pair,
    pub(super) eighth: Pair,
    pub(super) three_eighths: Pair,
}

impl Tables {
    /// For `n >= 256`.
    pub(crate) fn new(m: Modulus, n: usize, psi: u64) -> Self {
        let scale = m.inv(m.reduce(n as u64));
        let up = Powers::new(m, n, m.inv(psi));
        let levels = u64::from(n.ilog2()) - 3;
        Self {
            m,
            growth_down: growth_down(&m, n),
            growth_up: growth_up(&m),
            down: Powers::new(m, n, psi).direction(),
            scale,
            last: m.mul(up.twiddle(0, 0), scale),
            up: up.direction(),
            offset: levels * m.q,
        }
    }
}

impl Tables {
    /// What the last inverse level multiplies by for coefficients times `factor`.
    pub(super) fn last_factors(&self, factor: u64) -> [Pair; 2] {
        [self.scale, self.last].map(|value| {
            let value = self.m.mul(value, factor);
            [value, self.m.shoup(value)]
        })
    }
}

/// All powers of a root, for building tables.
struct Powers {
    m: Modulus,
    n: usize,
    powers: Vec<u64>,
}

impl Powers {
    fn new(m: Modulus, n: usize, psi: u64) -> Self {
        let next = |power: &u64| Some(m.mul(*power, psi));
        Self { m, n, powers: std::iter::successors(Some(1), next).take(2 * n).collect() }
    }

    fn pair(&self, value: u64) -> Pair {
        [value, self.m.shoup(value)]
    }

    fn power(&self, exponent: usize) -> u64 {
        self.powers[exponent % (2 * self.n)]
    }

    /// The twiddle of block `i` on the level that starts with `2^level` blocks.
    fn twiddle(&self, level: u32, i: usize) -> u64 {
        self.power((self.n >> (level + 1)) * (2 * bit_reverse(i, level) + 1))
    }

    /// The twiddles of `log_radix` levels on block `i` of level `level`.
    fn twiddles(&self, level: u32, log_radix: u32, i: usize) -> impl Iterator<Item = Pair> {
        let levels = (0..log_radix).flat_map(move |l| (0..1 << l).map(move |k| (l, k)));
        levels.map(move |(l, k)| self.pair(self.twiddle(level + l, (i << l) + k)))
    }

    fn direction(&self) -> Direction {
        let outer = self.n.ilog2() - 6;
        let mut level = 0;
        let mut passes = Vec::new();
        while level < outer {
            // A remainder of one level is taken as two passes of radix 4.
            let log_radix = if matches!(outer - level, 2 | 4) { 2 } else { 3 };
            let twiddles = (0..1 << level).flat_map(|i| self.twiddles(level, log_radix, i)).collect();
            passes.push(Pass { radix: 1 << log_radix, twiddles });
            level += log_radix;
        }
        let block = |j: usize| {
            let t = 2 * bit_reverse(j, outer) + 1;
            let mut twiddles = [[0; 2]; 7];
            twiddles.iter_mut().zip(self.twiddles(outer, 3, j)).for_each(|(to, pair)| *to = pair);
            Block { twiddles, powers: std::array::from_fn(|c| self.pair(self.power((c + 1) * t))) }
        };
        Direction { passes, blocks: (0..1 << outer).map(block).collect(), eighths: self.eighths() }
    }

    fn eighths(&self) -> Eighths {
        let lane = |c: usize, r: usize| self.pair(self.power((c + 1) * (self.n / 32) * bit_reverse(r, 3)));
        let rows = |c: usize| [0, 1].map(|part| std::array::from_fn(|r| lane(c, r)[part]));
        let root = |k: usize| self.pair(self.power(k * self.n / 4));
        Eighths {
            powers: std::array::from_fn(rows),
            quarter: root(2),
            eighth: root(1),
            three_eighths: root(3),
        }
    }
}
