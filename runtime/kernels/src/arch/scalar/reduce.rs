//! From integers, or from another modulus, into `[0, q)`.

use crate::Modulus;

pub(crate) fn reduce(dst: &mut [u64], src: &[u64], m: &Modulus) {
    for (dst, &src) in dst.iter_mut().zip(src) {
        *dst = m.reduce(src);
    }
}

pub(crate) fn add_reduce(dst: &mut [u64], src: &[u64], c: u64, m: &Modulus) {
    for (dst, &src) in dst.iter_mut().zip(src) {
        *dst = m.reduce(src + c);
    }
}

pub(crate) fn reduce_signed(dst: &mut [u64], src: &[i64], m: &Modulus) {
    for (dst, &src) in dst.iter_mut().zip(src) {
        *dst = m.from_i64(src);
    }
}

pub(crate) fn lift_centred(dst: &mut [u64], src: &[u64], from: &Modulus, to: &Modulus) {
    let half = from.value() / 2;
    let wrap = to.reduce(from.value());
    for (dst, &src) in dst.iter_mut().zip(src) {
        *dst = to.sub(to.reduce(src), if src > half { wrap } else { 0 });
    }
}
