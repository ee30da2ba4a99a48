//! The textbook transform: Cooley-Tukey down, Gentleman-Sande up, lazily reduced (Harvey, arXiv:1205.2926).

use crate::Modulus;
use crate::arch::NttPlan;
use crate::roots::bit_reverse;

/// A constant factor with its Shoup companion.
#[derive(Clone, Copy, Debug)]
struct Factor {
    value: u64,
    shoup: u64,
}

impl Factor {
    fn new(value: u64, m: &Modulus) -> Self {
        Self { value, shoup: m.shoup(value) }
    }
}

/// Powers of `psi`, and of its inverse, in bit-reversed order.
#[derive(Debug)]
pub(crate) struct Tables {
    m: Modulus,
    forward: Vec<Factor>,
    inverse: Vec<Factor>,
    /// `1/n`.
    scale: u64,
    /// `inverse[1]/n`: the twiddle of the last inverse level with the scaling folded in.
    last: u64,
}

impl Tables {
    pub(crate) fn new(m: Modulus, n: usize, psi: u64) -> Self {
        let scale = m.inv(m.reduce(n as u64));
        let inverse = powers(&m, n, m.inv(psi));
        let last = m.mul(inverse[1].value, scale);
        Self { m, forward: powers(&m, n, psi), inverse, scale, last }
    }
}

fn powers(m: &Modulus, n: usize, psi: u64) -> Vec<Factor> {
    let mut table = vec![Factor { value: 0, shoup: 0 }; n];
    let mut power = 1;
    for i in 0..n {
        table[bit_reverse(i, n.ilog2())] = Factor::new(power, m);
        power = m.mul(power, psi);
    }
    table
}

impl NttPlan for Tables {
    /// Values stay below `4q` between levels.
    fn forward(&self, a: &mut [u64]) {
        let (n, m, q2) = (a.len(), &self.m, 2 * self.m.value());
        let mut half = n / 2;
        while half > 0 {
            let twiddles = &self.forward[n / (2 * half)..];
            for (block, w) in a.chunks_exact_mut(2 * half).zip(twiddles) {
                let (low, high) = block.split_at_mut(half);
                for (x, y) in low.iter_mut().zip(high) {
                    let u = (*x).min(x.wrapping_sub(q2));
                    let v = m.mul_shoup_lazy(*y, w.value, w.shoup);
                    *x = u + v;
                    *y = u + q2 - v;
                }
            }
            half /= 2;
        }
        for x in a {
            *x = m.fold((*x).min(x.wrapping_sub(q2)));
        }
    }

    /// Values stay below `2q` between levels.
    fn inverse(&self, a: &mut [u64], factor: u64) {
        let (n, m, q2) = (a.len(), &self.m, 2 * self.m.value());
        let mut half = 1;
        while half < n / 2 {
            let twiddles = &self.inverse[n / (2 * half)..];
            for (block, w) in a.chunks_exact_mut(2 * half).zip(twiddles) {
                let (low, high) = block.split_at_mut(half);
                for (x, y) in low.iter_mut().zip(high) {
                    let sum = *x + *y;
                    let difference = *x + q2 - *y;
                    *x = sum.min(sum.wrapping_sub(q2));
                    *y = m.mul_shoup_lazy(difference, w.value, w.shoup);
                }
            }
            half *= 2;
        }
        let [scale, last] = [self.scale, self.last].map(|value| Factor::new(m.mul(value, factor), m));
        let (low, high) = a.split_at_mut(half);
        for (x, y) in low.iter_mut().zip(high) {
            let (sum, difference) = (*x + *y, *x + q2 - *y);
            *x = m.mul_shoup(sum, scale.value, scale.shoup);
            *y = m.mul_shoup(difference, last.value, last.shoup);
        }
    }
}
