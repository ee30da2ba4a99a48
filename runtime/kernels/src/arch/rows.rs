//! Loops over slices, one register at a time; a shorter rest is padded with zeros.

/// Defines the loops for registers of type `$register` with `$lanes` values, in a module beside a module `lanes`
/// with `Row`, `load` and `store`.
macro_rules! rows {
    ($feature:literal, $register:ident, $lanes:literal) => {
        use std::arch::x86_64::$register;

        use super::lanes::{Row, load, store};

        /// `a[i] = f(a[i])`.
        #[inline]
        #[target_feature(enable = $feature)]
        pub(super) fn update(a: &mut [u64], f: impl Fn($register) -> $register) {
            let (rows, rest) = a.as_chunks_mut();
            for row in rows {
                let x = f(load(row));
                store(row, x);
            }
            unpad(rest, f(load(&pad(rest))));
        }

        /// `a[i] = f(a[i], b[i])`.
        #[inline]
        #[target_feature(enable = $feature)]
        pub(super) fn update1(a: &mut [u64], b: &[u64], f: impl Fn($register, $register) -> $register) {
            let ((rows, rest), (b, rest_b)) = (a.as_chunks_mut(), b.as_chunks());
            for (row, b) in rows.iter_mut().zip(b) {
                let x = f(load(row), load(b));
                store(row, x);
            }
            unpad(rest, f(load(&pad(rest)), load(&pad(rest_b))));
        }

        /// `a[i] = f(a[i], b[i], c[i])`.
        #[inline]
        #[target_feature(enable = $feature)]
        pub(super) fn update2(
            a: &mut [u64],
            b: &[u64],
            c: &[u64],
            f: impl Fn($register, $register, $register) -> $register,
        ) {
            let ((rows, rest), (b, rest_b), (c, rest_c)) = (a.as_chunks_mut(), b.as_chunks(), c.as_chunks());
            for ((row, b), c) in rows.iter_mut().zip(b).zip(c) {
                let x = f(load(row), load(b), load(c));
                store(row, x);
            }
            unpad(rest, f(load(&pad(rest)), load(&pad(rest_b)), load(&pad(rest_c))));
        }

        /// `dst[i] = f(a[i])`.
        #[inline]
        #[target_feature(enable = $feature)]
        pub(super) fn fill1(dst: &mut [u64], a: &[u64], f: impl Fn($register) -> $register) {
            let ((rows, rest), (a, rest_a)) = (dst.as_chunks_mut(), a.as_chunks());
            for (row, a) in rows.iter_mut().zip(a) {
                store(row, f(load(a)));
            }
            unpad(rest, f(load(&pad(rest_a))));
        }

        /// `dst[i] = f(a[i])`, the lanes of `f` being signed.
        #[inline]
        #[target_feature(enable = $feature)]
        pub(super) fn fill_signed(dst: &mut [u64], a: &[i64], f: impl Fn($register) -> $register) {
            let ((rows, rest), (a, rest_a)) = (dst.as_chunks_mut(), a.as_chunks::<{ $lanes }>());
            for (row, a) in rows.iter_mut().zip(a) {
                store(row, f(load(&a.map(i64::cast_unsigned))));
            }
            let mut row = [0; $lanes];
            for (to, a) in row.iter_mut().zip(rest_a) {
                *to = a.cast_unsigned();
            }
            unpad(rest, f(load(&row)));
        }

        /// `dst[i] = f(a[i], b[i])`.
        #[inline]
        #[target_feature(enable = $feature)]
        pub(super) fn fill2(
            dst: &mut [u64],
            a: &[u64],
            b: &[u64],
            f: impl Fn($register, $register) -> $register,
        ) {
            let ((rows, rest), (a, rest_a), (b, rest_b)) =
                (dst.as_chunks_mut(), a.as_chunks(), b.as_chunks());
            for ((row, a), b) in rows.iter_mut().zip(a).zip(b) {
                store(row, f(load(a), load(b)));
            }
            unpad(rest, f(load(&pad(rest_a)), load(&pad(rest_b))));
        }

        /// A rest in a full row.
        #[inline]
        pub(super) fn pad(rest: &[u64]) -> Row {
            let mut row = [0; $lanes];
            row[..rest.len()].copy_from_slice(rest);
            row
        }

        /// The first values of `x`, fewer than a row or all.
        #[inline]
        #[target_feature(enable = $feature)]
        pub(super) fn unpad(rest: &mut [u64], x: $register) {
            let mut row = [0; $lanes];
            store(&mut row, x);
            rest.copy_from_slice(&row[..rest.len()]);
        }
    };
}

pub(super) use rows;
