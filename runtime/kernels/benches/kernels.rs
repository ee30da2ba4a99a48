//! The kernels beside tfhe-ntt and fhe-math; `FHECC_ISA=scalar` measures the portable code.

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fhe_math::zq::primes::generate_prime;
use fhecc_kernels::{BaseConverter, Modulus, Ntt};

const DEGREES: [usize; 2] = [1 << 15, 1 << 16];

/// The first `count` primes of `bits` bits that suit degree `n`, descending.
fn primes(bits: usize, n: usize, count: usize) -> Vec<Modulus> {
    let next = |bound: u64| generate_prime(bits, 2 * n as u64, bound);
    let found = std::iter::successors(next(1 << bits), |&q| next(q));
    found.take(count).map(|q| Modulus::new(q).expect("an odd prime below 2^50")).collect()
}

/// One polynomial, aligned to 64 bytes as callers should.
struct Poly {
    memory: Vec<[u64; 8]>,
    padding: usize,
}

impl Poly {
    fn new(n: usize, m: &Modulus, seed: u64) -> Self {
        let memory: Vec<[u64; 8]> = vec![[0; 8]; n / 8 + 1];
        let padding = memory.as_flattened().as_ptr().align_offset(64);
        let mut poly = Self { memory, padding };
        let mut x = seed;
        for value in poly.values() {
            x = x.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            *value = m.reduce(x);
        }
        poly
    }

    fn values(&mut self) -> &mut [u64] {
        let n = 8 * (self.memory.len() - 1);
        &mut self.memory.as_flattened_mut()[self.padding..][..n]
    }
}

fn group<'a>(c: &'a mut Criterion, name: &str, elements: usize) -> BenchmarkGroup<'a, WallTime> {
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(elements as u64));
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1)).sample_size(50);
    group
}

fn transforms(c: &mut Criterion) {
    for n in DEGREES {
        for bits in [40, 48, 50] {
            let m = primes(bits, n, 1)[0];
            let mut poly = Poly::new(n, &m, 1);
            let a = poly.values();
            let mut group = group(c, &format!("ntt {bits} bits"), n);
            let ours = Ntt::new(m, n).expect("a suitable prime");
            group.bench_function(BenchmarkId::new("fhecc forward", n), |b| b.iter(|| ours.forward(a)));
            group.bench_function(BenchmarkId::new("fhecc inverse", n), |b| b.iter(|| ours.inverse(a)));
            // Does not divide by n.
            let theirs = tfhe_ntt::prime64::Plan::try_new(n, m.value()).expect("a suitable prime");
            group.bench_function(BenchmarkId::new("tfhe-ntt forward", n), |b| b.iter(|| theirs.fwd(a)));
            group.bench_function(BenchmarkId::new("tfhe-ntt inverse", n), |b| b.iter(|| theirs.inv(a)));
            let zq = fhe_math::zq::Modulus::new(m.value()).expect("a prime");
            let theirs = fhe_math::ntt::NttOperator::new(&zq, n).expect("a suitable prime");
            group.bench_function(BenchmarkId::new("fhe-math forward", n), |b| b.iter(|| theirs.forward(a)));
            group.bench_function(BenchmarkId::new("fhe-math inverse", n), |b| b.iter(|| theirs.backward(a)));
        }
    }
}

/// Every limb of a polynomial: tables and data do not stay in the L2 cache.
fn chains(c: &mut Criterion) {
    for n in DEGREES {
        let chain = primes(40, n, 20);
        let ours: Vec<Ntt> = chain.iter().map(|&m| Ntt::new(m, n).expect("a suitable prime")).collect();
        let mut polys: Vec<Poly> = chain.iter().map(|m| Poly::new(n, m, 2)).collect();
        let mut group = group(c, "ntt 20 primes", 20 * n);
        group.bench_function(BenchmarkId::new("fhecc forward", n), |b| {
            b.iter(|| ours.iter().zip(&mut polys).for_each(|(ntt, poly)| ntt.forward(poly.values())));
        });
        group.bench_function(BenchmarkId::new("fhecc inverse", n), |b| {
            b.iter(|| ours.iter().zip(&mut polys).for_each(|(ntt, poly)| ntt.inverse(poly.values())));
        });
        let plan = |m: &Modulus| tfhe_ntt::prime64::Plan::try_new(n, m.value()).expect("a suitable prime");
        let theirs: Vec<_> = chain.iter().map(plan).collect();
        group.bench_function(BenchmarkId::new("tfhe-ntt forward", n), |b| {
            b.iter(|| theirs.iter().zip(&mut polys).for_each(|(ntt, poly)| ntt.fwd(poly.values())));
        });
    }
}

fn pointwise(c: &mut Criterion) {
    for n in DEGREES {
        let m = primes(40, n, 1)[0];
        let [mut x, mut y, mut z] = [1, 2, 3].map(|seed| Poly::new(n, &m, seed));
        let (x, y, z) = (x.values(), y.values(), z.values());
        let mut group = group(c, "pointwise", n);
        let id = |name: &str| BenchmarkId::new(name, n);
        group.bench_function(id("add"), |b| b.iter(|| fhecc_kernels::add_assign(x, y, &m)));
        group.bench_function(id("mul"), |b| b.iter(|| fhecc_kernels::mul_assign(x, y, &m)));
        group.bench_function(id("mul_add"), |b| b.iter(|| fhecc_kernels::mul_add_assign(x, y, z, &m)));
        group.bench_function(id("mul_scalar"), |b| {
            b.iter(|| fhecc_kernels::mul_scalar_assign(x, black_box(12345), &m));
        });
        let automorphism = fhecc_kernels::Automorphism::new(n, 5);
        group.bench_function(id("permute"), |b| b.iter(|| automorphism.permute(0, x, y)));
        for bits in [31, 40, 49] {
            let mut packed = vec![0; fhecc_kernels::packed_words(n, bits)];
            let name = format!("pack {bits} bits");
            group.bench_function(id(&name), |b| b.iter(|| fhecc_kernels::pack(&mut packed, y, bits)));
            let name = format!("un{name}");
            group.bench_function(id(&name), |b| b.iter(|| fhecc_kernels::unpack(x, &packed, bits)));
        }
        let theirs = tfhe_ntt::prime64::Plan::try_new(n, m.value()).expect("a suitable prime");
        group.bench_function(id("tfhe-ntt mul"), |b| b.iter(|| theirs.mul_assign_normalize(x, y)));
        let theirs = fhe_math::zq::Modulus::new(m.value()).expect("a prime");
        group.bench_function(id("fhe-math mul"), |b| b.iter(|| theirs.mul_vec(x, y)));
    }
}

/// The inner product of a key switch with six digits, one limb.
fn inner_products(c: &mut Criterion) {
    for n in DEGREES {
        let m = primes(40, n, 1)[0];
        let [mut dst0, mut dst1] = [1, 2].map(|seed| Poly::new(n, &m, seed));
        let mut terms: Vec<Poly> = (0..18).map(|seed| Poly::new(n, &m, seed)).collect();
        let terms: Vec<&[u64]> = terms.iter_mut().map(|poly| &*poly.values()).collect();
        let (a, keys) = terms.split_at(6);
        let (k0, k1) = keys.split_at(6);
        group(c, "inner product", 12 * n).bench_function(BenchmarkId::new("dot2, 6 terms", n), |b| {
            b.iter(|| fhecc_kernels::dot2(dst0.values(), dst1.values(), a, k0, k1, &m));
        });
    }
}

fn conversions(c: &mut Criterion) {
    for n in DEGREES {
        let (from, to) = (primes(48, n, 3), primes(40, n, 17));
        let mut src: Vec<Poly> = from.iter().map(|m| Poly::new(n, m, 1)).collect();
        let src: Vec<&[u64]> = src.iter_mut().map(|poly| &*poly.values()).collect();
        let mut dst: Vec<Poly> = to.iter().map(|m| Poly::new(n, m, 2)).collect();
        let mut dst: Vec<&mut [u64]> = dst.iter_mut().map(Poly::values).collect();
        let converter = BaseConverter::new(&from, &to);
        group(c, "base conversion", 17 * n)
            .bench_function(BenchmarkId::new("3 to 17", n), |b| b.iter(|| converter.convert(&src, &mut dst)));
    }
}

criterion_group!(benches, transforms, chains, pointwise, inner_products, conversions);
criterion_main!(benches);
