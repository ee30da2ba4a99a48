//! Twiddle factors in the order in which the transform reads them, centred; quotients by the prime are cheaper to
//! compute than to load.

use super::super::lanes::centred;
use super::butterfly::tight;
use crate::Modulus;
use crate::roots::bit_reverse;

/// Everything both directions need.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(super) m: Modulus,
    /// Whether values must be reduced in every pass.
    pub(super) tight: bool,
    pub(super) down: Direction,
    pub(super) up: Direction,
    /// `1/n`, and `1/n` times the twiddle of the last inverse level.
    last: [u64; 2],
}

/// One direction; the other has the inverse factors in the same places.
#[derive(Debug)]
pub(super) struct Direction {
    /// From the longest stride to the shortest, down to blocks of four values.
    pub(super) passes: Vec<Pass>,
    /// The twiddles of the last two levels, for four blocks of four values in the four lanes.
    pub(super) columns: Vec<[[f64; 4]; 3]>,
}

/// Two or three levels done in one sweep.
#[derive(Debug)]
pub(super) struct Pass {
    /// 4 or 8.
    pub(super) radix: usize,
    /// `radix - 1` twiddles per block, from the level of the longest stride to that of the shortest.
    pub(super) twiddles: Vec<f64>,
}

impl Tables {
    /// For `n >= 16`.
    pub(crate) fn new(m: Modulus, n: usize, psi: u64) -> Self {
        let scale = m.inv(m.reduce(n as u64));
        let up = Powers::new(m, n, m.inv(psi));
        let last = m.mul(up.power(n / 2), scale);
        Self {
            m,
            tight: tight(&m, n),
            down: Powers::new(m, n, psi).direction(),
            up: up.direction(),
            last: [scale, last],
        }
    }

    /// What the last inverse level multiplies by for coefficients times `factor`.
    pub(super) fn last_factors(&self, factor: u64) -> [f64; 2] {
        self.last.map(|value| centred(self.m.mul(value, factor), &self.m))
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

    fn power(&self, exponent: usize) -> u64 {
        self.powers[exponent % (2 * self.n)]
    }

    /// The twiddle of block `i` on the level that starts with `2^level` blocks.
    fn twiddle(&self, level: u32, i: usize) -> f64 {
        centred(self.power((self.n >> (level + 1)) * (2 * bit_reverse(i, level) + 1)), &self.m)
    }

    /// The twiddles of `log_radix` levels on block `i` of level `level`.
    fn twiddles(&self, level: u32, log_radix: u32, i: usize) -> impl Iterator<Item = f64> {
        let levels = (0..log_radix).flat_map(move |l| (0..1 << l).map(move |k| (l, k)));
        levels.map(move |(l, k)| self.twiddle(level + l, (i << l) + k))
    }

    fn direction(&self) -> Direction {
        let outer = self.n.ilog2() - 2;
        let mut level = 0;
        let mut passes = Vec::new();
        while level < outer {
            let log_radix = 2 + (outer - level) % 2;
            let twiddles = (0..1 << level).flat_map(|i| self.twiddles(level, log_radix, i)).collect();
            passes.push(Pass { radix: 1 << log_radix, twiddles });
            level += log_radix;
        }
        let row = |l: u32, i: usize| [0, 1, 2, 3].map(|r| self.twiddle(l, i + (r << (l - outer))));
        let four = |j: usize| [row(outer, 4 * j), row(outer + 1, 8 * j), row(outer + 1, 8 * j + 1)];
        Direction { passes, columns: (0..1 << (outer - 2)).map(four).collect() }
    }
}
