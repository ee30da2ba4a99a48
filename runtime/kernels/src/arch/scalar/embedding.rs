//! The transform from slots to coefficients, in double precision. Nothing is fused, so every instruction set rounds alike.

use crate::roots::bit_reverse;

/// Pairs of values up to which blocks stay in the smallest cache for all levels below.
const CACHED: usize = 1024;

/// Values in a row of the last three levels.
const ROW: usize = 8;

#[inline(always)]
pub(crate) fn inverse_embedding(cos: &[f64], sin: &[f64], re: &mut [f64], im: &mut [f64], out: &mut [f64]) {
    let n = re.len();
    let (out_re, out_im) = out.split_at_mut(n);
    let factor = 1.0 / n as f64;
    if n < ROW * ROW {
        levels(cos, sin, re, im, 1);
        for i in 0..n {
            let from = bit_reverse(i, n.ilog2());
            (out_re[i], out_im[i]) = (re[from] * factor, im[from] * factor);
        }
        return;
    }
    let mut block = n;
    while block > CACHED {
        level(cos, sin, re, im, block / 2);
        block /= 2;
    }
    for (re, im) in re.chunks_exact_mut(block).zip(im.chunks_exact_mut(block)) {
        levels(cos, sin, re, im, ROW);
    }
    let blocks = n / ROW;
    for first in (0..blocks).step_by(ROW) {
        let (mut x, mut y) = ([[0.0; ROW]; ROW], [[0.0; ROW]; ROW]);
        for k in 0..ROW {
            let from = ROW * bit_reverse(first + k, blocks.ilog2());
            let (re, im) = (&re[from..][..ROW], &im[from..][..ROW]);
            for p in 0..ROW {
                (x[p][k], y[p][k]) = (re[p], im[p]);
            }
        }
        for half in [4, 2, 1] {
            for p in (0..ROW).filter(|p| p & half == 0) {
                let root = half - 1 + p % half;
                let (cos, sin) = (cos[root], sin[root]);
                for k in 0..ROW {
                    let (dr, di) = (x[p][k] - x[p + half][k], y[p][k] - y[p + half][k]);
                    x[p][k] += x[p + half][k];
                    y[p][k] += y[p + half][k];
                    x[p + half][k] = dr * cos + di * sin;
                    y[p + half][k] = di * cos - dr * sin;
                }
            }
        }
        for p in 0..ROW {
            let to = bit_reverse(p, ROW.ilog2()) * blocks + first;
            for k in 0..ROW {
                out_re[to + k] = x[p][k] * factor;
                out_im[to + k] = y[p][k] * factor;
            }
        }
    }
}

/// The levels of butterflies at distances of half the length down to `last`.
#[inline(always)]
fn levels(cos: &[f64], sin: &[f64], re: &mut [f64], im: &mut [f64], last: usize) {
    let mut half = re.len() / 2;
    while half >= last {
        level(cos, sin, re, im, half);
        half /= 2;
    }
}

/// `(u, v) -> (u + v, (u - v) conj(w))` at distance `half`.
#[inline(always)]
fn level(cos: &[f64], sin: &[f64], re: &mut [f64], im: &mut [f64], half: usize) {
    let (cos, sin) = (&cos[half - 1..][..half], &sin[half - 1..][..half]);
    for (re, im) in re.chunks_exact_mut(2 * half).zip(im.chunks_exact_mut(2 * half)) {
        let ((re0, re1), (im0, im1)) = (re.split_at_mut(half), im.split_at_mut(half));
        let (re1, im0, im1) = (&mut re1[..half], &mut im0[..half], &mut im1[..half]);
        for j in 0..half {
            let (dr, di) = (re0[j] - re1[j], im0[j] - im1[j]);
            re0[j] += re1[j];
            im0[j] += im1[j];
            re1[j] = dr * cos[j] + di * sin[j];
            im1[j] = di * cos[j] - dr * sin[j];
        }
    }
}

#[inline(always)]
pub(crate) fn round_products(dst: &mut [i64], src: &[f64], factor: f64) {
    /// From here on every double is an integer.
    const INTEGERS_ONLY: f64 = (1u64 << 52) as f64;
    for (dst, &value) in dst.iter_mut().zip(src) {
        let product = value * factor;
        let half = if product.abs() < INTEGERS_ONLY { 0.5f64.copysign(product) } else { 0.0 };
        *dst = (product + half) as i64;
    }
}
