use super::support::{Random, kernels};
use crate::roots::bit_reverse;

/// Doubles between -1 and 1.
fn doubles(random: &mut Random, count: usize) -> Vec<f64> {
    (0..count).map(|_| (random.word() >> 11) as f64 / (1u64 << 52) as f64 - 1.0).collect()
}

/// Butterfly by butterfly, in the order of the definition.
fn by_definition(cos: &[f64], sin: &[f64], re: &[f64], im: &[f64]) -> Vec<f64> {
    let n = re.len();
    let (mut re, mut im) = (re.to_vec(), im.to_vec());
    let mut half = n / 2;
    while half >= 1 {
        for u in (0..n).filter(|u| u & half == 0) {
            let (v, root) = (u + half, half - 1 + u % half);
            let (dr, di) = (re[u] - re[v], im[u] - im[v]);
            (re[u], im[u]) = (re[u] + re[v], im[u] + im[v]);
            re[v] = dr * cos[root] + di * sin[root];
            im[v] = di * cos[root] - dr * sin[root];
        }
        half /= 2;
    }
    let divided = |values: &[f64]| -> Vec<f64> {
        (0..n).map(|i| values[bit_reverse(i, n.ilog2())] * (1.0 / n as f64)).collect()
    };
    [divided(&re), divided(&im)].concat()
}

#[test]
fn the_embedding_rounds_alike_everywhere() {
    let mut random = Random(15);
    for n in [1, 2, 8, 32, 64, 128, 1024, 8192] {
        let [cos, sin, re, im] = [(); 4].map(|()| doubles(&mut random, n));
        let want: Vec<u64> = by_definition(&cos, &sin, &re, &im).into_iter().map(f64::to_bits).collect();
        for (isa, kernels) in kernels() {
            let mut found = vec![1.0; 2 * n];
            kernels.inverse_embedding(&cos, &sin, &mut re.clone(), &mut im.clone(), &mut found);
            assert!(found.into_iter().map(f64::to_bits).eq(want.iter().copied()), "{isa}, length {n}");
        }
    }
}

#[test]
fn products_are_rounded_half_away_from_zero() {
    let halves = [0.0, -0.0, 0.25, 0.5, -0.5, 1.5, -2.5, 0.499_999_999_999_999_94, 1e9 + 0.5];
    let large =
        [(1u64 << 51) as f64 + 0.5, -((1u64 << 52) as f64) - 1.0, (1u64 << 53) as f64 - 1.0, 4e18, -4e18];
    let mut values: Vec<f64> = halves.into_iter().chain(large).collect();
    values.extend(doubles(&mut Random(16), 90).iter().map(|x| x * 1e12));
    for factor in [1.0, 0.5, -3.0e-7] {
        // Below 2^52 a half is added and what is behind the point cut off, as ever.
        let want: Vec<i64> =
            values
                .iter()
                .map(|value| value * factor)
                .map(|x| {
                    if x.abs() < 4_503_599_627_370_496.0 { (x + 0.5f64.copysign(x)) as i64 } else { x as i64 }
                })
                .collect();
        for (isa, kernels) in kernels() {
            let mut found = vec![1; values.len()];
            kernels.round_products(&mut found, &values, factor);
            assert_eq!(found, want, "{isa}, {factor}");
        }
    }
}
