//! Element by element arithmetic on canonical operands.

use crate::Modulus;

pub(crate) fn add_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    for (a, &b) in a.iter_mut().zip(b) {
        *a = m.add(*a, b);
    }
}

pub(crate) fn sub_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    for (a, &b) in a.iter_mut().zip(b) {
        *a = m.sub(*a, b);
    }
}

pub(crate) fn rsub_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    for (a, &b) in a.iter_mut().zip(b) {
        *a = m.sub(b, *a);
    }
}

pub(crate) fn neg_assign(a: &mut [u64], m: &Modulus) {
    for a in a {
        *a = m.neg(*a);
    }
}

pub(crate) fn add_scalar_assign(a: &mut [u64], s: u64, m: &Modulus) {
    for a in a {
        *a = m.add(*a, s);
    }
}

#[inline(always)]
pub(crate) fn sums_and_differences(dst: &mut [u64], s: u64, b: &[u64], m: &Modulus) {
    for (pair, &b) in dst.as_chunks_mut().0.iter_mut().zip(b) {
        *pair = [m.add(s, b), m.sub(s, b)];
    }
}

pub(crate) fn mul_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    for (a, &b) in a.iter_mut().zip(b) {
        *a = m.mul(*a, b);
    }
}

pub(crate) fn mul(dst: &mut [u64], a: &[u64], b: &[u64], m: &Modulus) {
    for ((dst, &a), &b) in dst.iter_mut().zip(a).zip(b) {
        *dst = m.mul(a, b);
    }
}

pub(crate) fn mul_add_assign(acc: &mut [u64], a: &[u64], b: &[u64], m: &Modulus) {
    for ((acc, &a), &b) in acc.iter_mut().zip(a).zip(b) {
        *acc = m.add(*acc, m.mul(a, b));
    }
}

pub(crate) fn mul_scalar_assign(a: &mut [u64], s: u64, m: &Modulus) {
    let shoup = m.shoup(s);
    for a in a {
        *a = m.mul_shoup(*a, s, shoup);
    }
}

pub(crate) fn mul_scalar_add_assign(acc: &mut [u64], a: &[u64], s: u64, m: &Modulus) {
    let shoup = m.shoup(s);
    for (acc, &a) in acc.iter_mut().zip(a) {
        *acc = m.add(*acc, m.mul_shoup(a, s, shoup));
    }
}

pub(crate) fn sub_mul_scalar_assign(a: &mut [u64], b: &[u64], s: u64, m: &Modulus) {
    let shoup = m.shoup(s);
    for (a, &b) in a.iter_mut().zip(b) {
        *a = m.mul_shoup(*a + m.value() - b, s, shoup);
    }
}
