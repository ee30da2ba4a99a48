use super::*;

const SINE: Argument = Argument::Sine { log_message_ratio: 3 };

fn relu(u: f64) -> f64 {
    u.max(0.0)
}

fn bell() -> Density {
    let bin = |i: i32| (-(f64::from(i) - 127.5).powi(2) / 1800.0).exp() as f32;
    let bins: Vec<f32> = (0..256).map(bin).collect();
    Density::new(&bins, 1.0 / HEADROOM).expect("sound")
}

#[test]
fn interpolation_agrees_at_its_nodes() {
    for argument in [Argument::Plain, SINE] {
        let p = chebyshev(&relu, argument, 15);
        assert_eq!(p.degree(), 15);
        for j in 0..16 {
            let s = p.domain * (std::f64::consts::PI * (f64::from(j) + 0.5) / 16.0).cos();
            let u = argument.inverse(s);
            assert!((p.value(s) - u.max(0.0)).abs() < 1e-12, "{argument:?} node {j}");
        }
    }
}

#[test]
fn least_squares_are_orthogonal_to_the_basis() {
    let density = bell();
    for argument in [Argument::Plain, SINE] {
        let p = weighted(&relu, argument, 15, &density);
        let grid: Vec<f64> =
            (0..POINTS).map(|i| ((i as f64 + 0.5) / POINTS as f64 * 2.0 - 1.0) * argument.edge()).collect();
        let total: f64 = grid.iter().map(|u| density.at(*u)).sum();
        for k in 0..=15 {
            let moment: f64 = grid
                .iter()
                .map(|u| {
                    let weight = density.at(*u) / total + UNIFORM / POINTS as f64;
                    let t = argument.of(*u) / p.domain;
                    let basis = chebyshev_values(t, 15).nth(k).expect("in range");
                    weight * basis * (p.value(argument.of(*u)) - u.max(0.0))
                })
                .sum();
            assert!(moment.abs() < 1e-12, "{argument:?} k={k}: {moment}");
        }
    }
}

#[test]
fn density_makes_the_fit_better_where_arguments_are() {
    let density = bell();
    for argument in [Argument::Plain, SINE] {
        let fitted = weighted(&relu, argument, 15, &density);
        let uniform = chebyshev(&relu, argument, 15);
        let rms = |p| errors(&relu, argument, p, Some(&density)).1;
        assert!(rms(&fitted) < 0.7 * rms(&uniform), "{} against {}", rms(&fitted), rms(&uniform));
        let (largest, _) = errors(&relu, argument, &fitted, None);
        assert!(largest < 0.3, "{argument:?} {largest}");
    }
}

#[test]
fn density_interpolates_between_bin_centres_and_vanishes_outside() {
    let density = Density::new(&[1.0, 3.0], 1.0).expect("sound");
    assert_eq!([-0.75, -0.5, 0.0, 0.5, 0.75].map(|u| density.at(u)), [0.0, 1.0, 2.0, 3.0, 0.0]);
    assert!(Density::new(&[0.0, 0.0], 1.0).is_none());
    assert!(Density::new(&[f32::NAN, 1.0], 1.0).is_none());
    assert!(Density::new(&[-1.0, 2.0], 1.0).is_none());
}

#[test]
fn dependent_columns_get_zero() {
    let rows = vec![1.0, 1.0, 2.0, 2.0, 2.0, 4.0, 3.0, 3.0, 6.0];
    let x = least_squares::solve(rows, 2);
    assert!((x[0] - 2.0).abs() < 1e-12 && x[1] == 0.0, "{x:?}");
}
