//! The kernels at the ring degree of a profile, on one thread, each beside the roof it works under.

use super::limits::{Bound, LARGEST_WORDS, Limits, Sort, Work};
use super::timing::{Clock, Times, times};
use super::{rounded, shown};
use crate::output;
use fhecc_ckks::parameters::RingPrime;
use fhecc_ckks::{Parameters, Poly};
use fhecc_kernels::{Automorphism, BaseConverter, Modulus, dot2, mul, mul_add_assign};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// A run takes at least this long, so that the clock's resolution does not matter.
const LEAST: Duration = Duration::from_millis(1);

/// Where the operands of a kernel come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Source {
    /// The same rows in every call: whichever cache they fit.
    Cache,
    /// Rows that were not used for long, as keys are.
    Memory,
}

/// One kernel, measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Kernel {
    name: String,
    operands: Source,
    median_us: f64,
    quartiles_us: [f64; 2],
    runs: usize,
    ns_per_element: f64,
    bytes: usize,
    products: usize,
    gigabytes_per_second: f64,
    gigaproducts_per_second: f64,
    bound: Bound,
    limit_us: f64,
    share_of_limit: f64,
}

/// All kernels and the machine's limits.
#[derive(Debug, Serialize)]
pub(crate) struct Kernels {
    n: usize,
    limits: Limits,
    kernels: Vec<Kernel>,
}

struct Bench<'a> {
    n: usize,
    repeats: usize,
    limits: &'a Limits,
    /// Many rows, together larger than the caches.
    pool: &'a mut Poly,
    kernels: Vec<Kernel>,
}

impl Bench<'_> {
    /// Measures `call` on `rows` rows. Work is per call; `outputs` rows are results.
    fn add(
        &mut self,
        name: &str,
        (rows, outputs): (usize, usize),
        work: Work,
        call: &mut dyn FnMut(&mut [u64]),
    ) {
        let window = rows * self.n;
        let words = self.pool.as_mut_slice();
        let windows = (words.len() / window).max(1);
        for source in [Source::Cache, Source::Memory] {
            let found = times(Clock::Thread, self.repeats, LEAST, |i| {
                let at = if source == Source::Cache { 0 } else { i % windows * window };
                call(&mut words[at..at + window]);
            });
            let working_set = if source == Source::Cache { 8 * window } else { usize::MAX };
            let least = self.limits.least_seconds(&work, working_set);
            self.kernels.push(kernel(name, source, &found, &work, self.n * outputs, least));
        }
    }

    /// Residues that are canonical for every prime above 2^19.
    fn fill(&mut self) {
        fill(self.pool.as_mut_slice());
    }
}

fn fill(words: &mut [u64]) {
    for (i, word) in words.iter_mut().enumerate() {
        *word = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 45;
    }
}

fn kernel(
    name: &str,
    operands: Source,
    found: &Times,
    work: &Work,
    elements: usize,
    (least, bound): (f64, Bound),
) -> Kernel {
    let us = |seconds: f64| rounded(seconds * 1e6);
    let bytes = work.reads + work.writes;
    Kernel {
        name: name.to_owned(),
        operands,
        median_us: us(found.median),
        quartiles_us: [us(found.low), us(found.high)],
        runs: found.runs,
        ns_per_element: rounded(found.median / elements as f64 * 1e9),
        bytes,
        products: work.products,
        gigabytes_per_second: rounded(bytes as f64 / found.median * 1e-9),
        gigaproducts_per_second: rounded(work.products as f64 / found.median * 1e-9),
        bound,
        limit_us: us(least),
        share_of_limit: rounded(least / found.median),
    }
}

/// Measures the machine's limits and then all kernels.
pub(crate) fn measure(parameters: &Parameters, repeats: usize) -> Kernels {
    let n = parameters.n();
    let m = typical(parameters).modulus;
    let mut pool = Poly::unfilled(n, (LARGEST_WORDS / n).max(1));
    fill(pool.as_mut_slice());
    let limits = Limits::measure(repeats, pool.as_mut_slice(), &m);
    let mut bench = Bench { n, repeats, limits: &limits, pool: &mut pool, kernels: Vec::new() };
    transforms(&mut bench, parameters);
    bench.fill();
    pointwise(&mut bench, &m);
    inner_product(&mut bench, parameters, &m);
    conversion(&mut bench, parameters);
    let kernels = bench.kernels;
    Kernels { n, limits, kernels }
}

/// A prime of the modular reduction, where most of a bootstrap's time goes.
fn typical(parameters: &Parameters) -> &RingPrime {
    parameters.moduli_at(parameters.eval_mod_top_level()).last().unwrap_or(&parameters.moduli()[0])
}

fn transforms(bench: &mut Bench<'_>, parameters: &Parameters) {
    let all = parameters.moduli().iter().chain(parameters.special_moduli());
    // By size, ascending: results of one are canonical for the next.
    let primes: BTreeMap<u32, &RingPrime> =
        all.map(|p| (64 - p.modulus.value().leading_zeros(), p)).collect();
    let n = bench.n;
    let products = n / 2 * n.ilog2() as usize;
    let work = Work { reads: 8 * n, writes: 8 * n, products, sort: Sort::Constant };
    for (bits, prime) in primes {
        bench.add(&format!("transform, {bits} bits"), (1, 1), work, &mut |row| prime.ntt.forward(row));
        bench
            .add(&format!("inverse transform, {bits} bits"), (1, 1), work, &mut |row| prime.ntt.inverse(row));
    }
}

fn pointwise(bench: &mut Bench<'_>, m: &Modulus) {
    let n = bench.n;
    let work = Work { reads: 16 * n, writes: 8 * n, products: n, sort: Sort::Variable };
    bench.add("product", (3, 1), work, &mut |rows| {
        let (out, operands) = rows.split_at_mut(n);
        mul(out, &operands[..n], &operands[n..], m);
    });
    bench.add("product, added", (3, 1), Work { reads: 24 * n, ..work }, &mut |rows| {
        let (out, operands) = rows.split_at_mut(n);
        mul_add_assign(out, &operands[..n], &operands[n..], m);
    });
    let automorphism = Automorphism::new(n, 5);
    // Four bytes of the table for eight values.
    let work = Work { reads: 8 * n + n / 2, writes: 8 * n, products: 0, sort: Sort::Variable };
    bench.add("automorphism", (2, 1), work, &mut |rows| {
        let (out, operand) = rows.split_at_mut(n);
        automorphism.permute(0, out, operand);
    });
}

/// One row of a key switch at the highest level: all digits with both halves of the key.
fn inner_product(bench: &mut Bench<'_>, parameters: &Parameters, m: &Modulus) {
    let n = bench.n;
    let level = parameters.max_level();
    let digits = parameters.digits(level, parameters.best_special_count(level)).map_or(1, |d| d.len());
    let reads = 3 * digits * 8 * n;
    let work = Work { reads, writes: 16 * n, products: 2 * digits * n, sort: Sort::Sum };
    bench.add(&format!("key product, {digits} digits"), (3 * digits + 2, 2), work, &mut |rows| {
        let (out, terms) = rows.split_at_mut(2 * n);
        let (out0, out1) = out.split_at_mut(n);
        let terms: Vec<&[u64]> = terms.chunks_exact(n).collect();
        let (a, keys) = terms.split_at(digits);
        let (k0, k1) = keys.split_at(digits);
        dot2(out0, out1, a, k0, k1, m);
    });
}

/// From the special primes to four primes of the chain: a part of a division by the special primes.
fn conversion(bench: &mut Bench<'_>, parameters: &Parameters) {
    let n = bench.n;
    let moduli = |primes: &[RingPrime]| -> Vec<Modulus> { primes.iter().map(|p| p.modulus).collect() };
    let special = parameters.special_limbs().min(8);
    let from = moduli(&parameters.special_moduli()[..special]);
    let to = moduli(&parameters.moduli()[..parameters.limbs().min(4)]);
    let (sources, targets) = (from.len(), to.len());
    let converter = BaseConverter::new(&from, &to);
    let (reads, writes) = (sources * 8 * n, targets * 8 * n);
    let products = (sources + sources * targets) * n;
    let name = format!("base conversion, {sources} to {targets}");
    let work = Work { reads, writes, products, sort: Sort::Sum };
    bench.add(&name, (sources + targets, targets), work, &mut |rows| {
        let (out, source) = rows.split_at_mut(targets * n);
        let source: Vec<&[u64]> = source.chunks_exact(n).collect();
        let mut out: Vec<&mut [u64]> = out.chunks_exact_mut(n).collect();
        converter.convert(&source, &mut out);
    });
}

impl Kernels {
    /// The machine's limits.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let heading = [
            "kernel",
            "operands in",
            "median us",
            "ns/element",
            "KiB moved",
            "GB/s",
            "10^9 products/s",
            "bound by",
        ];
        let mut rows =
            vec![heading.iter().map(|&h| h.to_owned()).chain(["of limit".to_owned()]).collect::<Vec<_>>()];
        rows.extend(self.kernels.iter().map(|k| {
            let bound = match (k.bound, k.operands) {
                (Bound::Arithmetic, _) => "arithmetic",
                (Bound::Memory, Source::Cache) => "cache",
                (Bound::Memory, Source::Memory) => "memory",
            };
            vec![
                k.name.clone(),
                if k.operands == Source::Cache { "cache" } else { "memory" }.to_owned(),
                shown(k.median_us),
                shown(k.ns_per_element),
                (k.bytes >> 10).to_string(),
                shown(k.gigabytes_per_second),
                if k.products == 0 { "-".to_owned() } else { shown(k.gigaproducts_per_second) },
                bound.to_owned(),
                format!("{:.0} %", 100.0 * k.share_of_limit),
            ]
        }));
        format!("{}\nkernels, N = {}, one thread\n{}", self.limits.text(), self.n, output::table(&rows))
    }
}
