//! Measurements on the user's machine: what `fhecc bench` shows and `fhecc tune` writes down.

pub(crate) mod bootstrap;
pub(crate) mod costs;
pub(crate) mod kernels;
pub(crate) mod limits;
pub(crate) mod linear_map;
pub(crate) mod network;
pub(crate) mod primitives;
pub(crate) mod timing;
pub(crate) mod workbench;

/// Five significant digits: more are noise, and make JSON unreadable.
pub(crate) fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let digits = 4 - value.abs().log10().floor() as i32;
    let factor = 10f64.powi(digits.abs());
    if digits >= 0 { (value * factor).round() / factor } else { (value / factor).round() * factor }
}

/// As many digits as a person compares.
pub(crate) fn shown(value: f64) -> String {
    match value.abs() {
        v if v >= 99.95 => format!("{value:.0}"),
        v if v >= 9.995 => format!("{value:.1}"),
        v if v >= 0.9995 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_keeps_five_digits() {
        assert_eq!(
            [1.234_567_8, 123_456.7, 0.0, -0.012_345_67].map(rounded),
            [1.2346, 123_460.0, 0.0, -0.012346]
        );
    }

    #[test]
    fn three_digits_are_shown() {
        assert_eq!([1234.5, 99.94, 9.994, 0.5].map(shown), ["1234", "99.9", "9.99", "0.500"]);
    }
}
