//! What the machine can do at best, measured: how fast bytes move, and how fast residues are multiplied.
//!
//! These are the two roofs under which every kernel works (Williams, Waterman, Patterson, "Roofline", CACM 2009).
//! Bandwidth depends on where the data lies, so it is measured for buffers from the size of the first cache to far
//! beyond the last one.

use super::timing::{Clock, times};
use super::{rounded, shown};
use crate::output;
use fhecc_kernels::{Modulus, Ntt, dot, mul_add_assign, mul_scalar_add_assign};
use rayon::prelude::*;
use serde::Serialize;
use std::hint::black_box;
use std::time::Duration;

/// Words of the largest buffer: 256 MiB, more than the last cache of most machines.
pub(crate) const LARGEST_WORDS: usize = 1 << 25;

/// Words of the smallest buffer: 16 KiB, half of the first cache of most machines.
const SMALLEST_WORDS: usize = 1 << 11;

/// Bandwidth for a buffer of some size, one thread.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Bandwidth {
    /// Size of the buffer.
    pub(crate) bytes: usize,
    /// 10^9 bytes per second when reading it.
    pub(crate) read: f64,
    /// 10^9 bytes per second when copying one half to the other: bytes read plus bytes written.
    pub(crate) copy: f64,
}

/// 10^9 modular products per second on data in the first cache, one thread.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Products {
    /// Of two variables, added to a third and reduced: a pointwise product.
    pub(crate) variable: f64,
    /// With a constant whose companion is known: the butterflies of a short transform, or a pointwise product if
    /// that is faster.
    pub(crate) constant: f64,
    /// Within a sum of eight products that is reduced once: key switching, base conversion.
    pub(crate) sum: f64,
}

/// The roofs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Limits {
    /// By size of the buffer, ascending.
    pub(crate) bandwidth: Vec<Bandwidth>,
    /// Copying the largest buffer with all threads.
    pub(crate) copy_all_threads: f64,
    /// Arithmetic.
    pub(crate) products: Products,
}

/// What one call of a kernel moves and computes, without tables.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Work {
    /// Bytes read.
    pub(crate) reads: usize,
    /// Bytes written.
    pub(crate) writes: usize,
    /// Modular products.
    pub(crate) products: usize,
    /// What sort of products.
    pub(crate) sort: Sort,
}

/// Sorts of modular products, of different prices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sort {
    /// See [`Products::variable`].
    #[default]
    Variable,
    /// See [`Products::constant`].
    Constant,
    /// See [`Products::sum`].
    Sum,
}

/// The roof that is the lower one for some work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    /// Moving the data takes longer than computing.
    Memory,
    /// Computing takes longer than moving the data.
    Arithmetic,
}

impl Limits {
    /// Measures; `buffer` has [`LARGEST_WORDS`] words, or fewer for a quick look.
    pub(crate) fn measure(repeats: usize, buffer: &mut [u64], m: &Modulus) -> Self {
        let sizes = std::iter::successors(Some(SMALLEST_WORDS), |words| Some(words * 4));
        let sizes = sizes.take_while(|words| *words < buffer.len()).chain([buffer.len()]);
        let mut bandwidth: Vec<Bandwidth> = Vec::new();
        for words in sizes.collect::<Vec<_>>() {
            bandwidth.push(measure_bandwidth(repeats, &mut buffer[..words]));
        }
        let bytes = size_of_val(buffer);
        let (source, target) = buffer.split_at_mut(bytes / size_of::<u64>() / 2);
        let piece = source.len().div_ceil(rayon::current_num_threads()).max(1);
        let all = times(Clock::Wall, repeats, Duration::ZERO, |_| {
            target.par_chunks_mut(piece).zip(source.par_chunks(piece)).for_each(|(to, from)| copy(to, from));
        });
        let copy_all_threads = rounded(bytes as f64 / all.best * 1e-9);
        Self { bandwidth, copy_all_threads, products: measure_products(repeats, m) }
    }

    /// Bandwidth for a working set of so many bytes.
    fn at(&self, working_set: usize) -> Option<&Bandwidth> {
        self.bandwidth.iter().find(|b| b.bytes >= working_set).or(self.bandwidth.last())
    }

    /// The least seconds in which `work` can be done on data that lie in a working set of so many bytes, and why.
    pub(crate) fn least_seconds(&self, work: &Work, working_set: usize) -> (f64, Bound) {
        let moving = self.at(working_set).map_or(0.0, |b| {
            let both = work.reads.min(work.writes) as f64;
            let (reads, writes) = (work.reads as f64 - both, work.writes as f64 - both);
            ((2.0 * both + writes) / b.copy + reads / b.read) * 1e-9
        });
        let rate = match work.sort {
            Sort::Variable => self.products.variable,
            Sort::Constant => self.products.constant,
            Sort::Sum => self.products.sum,
        };
        let computing = work.products as f64 / rate * 1e-9;
        if moving >= computing { (moving, Bound::Memory) } else { (computing, Bound::Arithmetic) }
    }

    /// 10^9 bytes per second when reading from memory.
    pub(crate) fn memory_read(&self) -> f64 {
        self.bandwidth.last().map_or(f64::INFINITY, |b| b.read)
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut rows = vec![vec!["buffer".to_owned(), "read GB/s".to_owned(), "copy GB/s".to_owned()]];
        rows.extend(self.bandwidth.iter().map(|b| vec![kibibytes(b.bytes), shown(b.read), shown(b.copy)]));
        let Products { variable, constant, sum } = self.products;
        format!(
            "limits of this machine, one thread\n{}  copying the largest with all threads: {} GB/s\n  \
             modular products, 10^9/s: {} of two variables, {} with a constant, {} within a sum of eight\n",
            output::table(&rows),
            shown(self.copy_all_threads),
            shown(variable),
            shown(constant),
            shown(sum)
        )
    }
}

fn kibibytes(bytes: usize) -> String {
    if bytes < 1 << 20 { format!("{} KiB", bytes >> 10) } else { format!("{} MiB", bytes >> 20) }
}

const LEAST: Duration = Duration::from_millis(2);

fn measure_bandwidth(repeats: usize, buffer: &mut [u64]) -> Bandwidth {
    let bytes = size_of_val(buffer);
    let read = times(Clock::Thread, repeats, LEAST, |_| {
        black_box(sum(black_box(buffer)));
    });
    let (source, target) = buffer.split_at_mut(buffer.len() / 2);
    let copied = times(Clock::Thread, repeats, LEAST, |_| copy(black_box(target), black_box(source)));
    let rate = |seconds: f64| rounded(bytes as f64 / seconds * 1e-9);
    Bandwidth { bytes, read: rate(read.best), copy: rate(copied.best) }
}

fn copy(to: &mut [u64], from: &[u64]) {
    to.copy_from_slice(&from[..to.len()]);
}

/// Eight chains of additions, which compilers turn into vector loads.
fn sum(words: &[u64]) -> u64 {
    let mut sums = [0u64; 8];
    for chunk in words.chunks_exact(8) {
        for (sum, word) in sums.iter_mut().zip(chunk) {
            *sum = sum.wrapping_add(*word);
        }
    }
    sums.iter().fold(0, |a, b| a.wrapping_add(*b))
}

fn measure_products(repeats: usize, m: &Modulus) -> Products {
    /// Three rows are 12 KiB. Not a power of two, or loads would wait for stores 4 KiB away.
    const ROW: usize = 496;
    /// Sixteen rows and the result are 15 KiB.
    const SHORT: usize = 112;
    const TERMS: usize = 8;
    let rate = |products: usize, seconds: f64| rounded(products as f64 / seconds * 1e-9);
    let rows: Vec<u64> = (0..TERMS as u64 * 2 * ROW as u64).map(|i| m.reduce(i * i * 0x9e37_79b9)).collect();
    let (x, y) = (&rows[..ROW], &rows[ROW..2 * ROW]);
    let mut acc = vec![0; ROW];
    let variable = times(Clock::Thread, repeats, LEAST, |_| mul_add_assign(black_box(&mut acc), x, y, m));
    let factor = m.reduce(0x1234_5678_9abc_def1);
    let constant = times(Clock::Thread, repeats, LEAST, |_| {
        mul_scalar_add_assign(black_box(&mut acc), x, black_box(factor), m);
    });
    // 8 KiB.
    let mut short = rows[..1024].to_vec();
    let butterflies = Ntt::new(*m, short.len()).map_or(0.0, |ntt| {
        let found = times(Clock::Thread, repeats, LEAST, |_| ntt.forward(black_box(&mut short)));
        rate(512 * 10, found.best)
    });
    let terms: Vec<&[u64]> = rows.chunks_exact(SHORT).take(2 * TERMS).collect();
    let (a, b) = terms.split_at(TERMS);
    let sum = times(Clock::Thread, repeats, LEAST, |_| dot(black_box(&mut acc[..SHORT]), a, b, m));
    Products {
        variable: rate(ROW, variable.best),
        constant: rate(ROW, constant.best).max(butterflies),
        sum: rate(SHORT * TERMS, sum.best),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        let bandwidth = [(1 << 14, 100.0, 80.0), (1 << 20, 10.0, 8.0)];
        let bandwidth = bandwidth.map(|(bytes, read, copy)| Bandwidth { bytes, read, copy }).to_vec();
        let products = Products { variable: 1.0, constant: 2.0, sum: 4.0 };
        Limits { bandwidth, copy_all_threads: 8.0, products }
    }

    #[test]
    fn the_lower_roof_decides() {
        let work = Work { reads: 16_000, writes: 8_000, products: 1_000, sort: Sort::Constant };
        let (seconds, bound) = limits().least_seconds(&work, usize::MAX);
        assert_eq!(bound, Bound::Memory);
        assert!((seconds - (16_000.0 / 8.0 + 8_000.0 / 10.0) * 1e-9).abs() < 1e-15);
        let (seconds, bound) = limits().least_seconds(&work, 1 << 10);
        assert_eq!(bound, Bound::Arithmetic);
        assert!((seconds - 500e-9).abs() < 1e-15);
    }
}
