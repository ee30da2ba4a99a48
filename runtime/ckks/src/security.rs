//! Largest moduli at which the parameters reach their security level.
//!
//! Source: Bossuat et al., "Security Guidelines for Implementing Homomorphic Encryption" (eprint 2024/463),
//! table 5.2: ternary secret, error of standard deviation 3.19, classical attacks. Parameters above the
//! 128-bit column are refused, not warned about.

/// Standard deviation of the error distribution the table assumes and the client samples.
pub const ERROR_STANDARD_DEVIATION: f64 = 3.19;

/// Smallest Hamming weight accepted for the ephemeral secret of the bootstrap.
pub const MIN_EPHEMERAL_WEIGHT: u32 = 32;

/// Largest `log2(Q P)` for 128-bit security at ring degree `2^log_n`; `None` outside the table.
pub fn max_log_qp_128(log_n: u32) -> Option<u32> {
    match log_n {
        13 => Some(214),
        14 => Some(430),
        15 => Some(868),
        16 => Some(1747),
        17 => Some(3523),
        _ => None,
    }
}

/// Largest `log2(Q P)` for 192-bit security at ring degree `2^log_n`; `None` outside the table.
pub fn max_log_qp_192(log_n: u32) -> Option<u32> {
    match log_n {
        15 => Some(597),
        16 => Some(1199),
        _ => None,
    }
}

/// Largest `log2(q0 p0)` of the one key that exists under the sparse ephemeral secret (weight >= 32).
///
/// The anchor is the lattice estimator's figure for `n = 2^15`, `q = 2^88`, weight 32: primal hybrid with
/// meet-in-the-middle at `2^157`. The hardness of a fixed weight depends on `n / log q`, so the bound scales
/// with the ring degree.
pub fn max_log_ephemeral_modulus(log_n: u32) -> u32 {
    match log_n {
        0..=14 => 88 >> (15 - log_n),
        15..=17 => 88 << (log_n - 15),
        _ => 88 << 2,
    }
}

/// The highest tabulated security level, in bits, that `log_qp` meets at degree `2^log_n`.
pub fn level(log_n: u32, log_qp: f64) -> Option<u32> {
    let meets = |limit: Option<u32>| limit.is_some_and(|limit| log_qp <= f64::from(limit));
    if meets(max_log_qp_192(log_n)) {
        Some(192)
    } else if meets(max_log_qp_128(log_n)) {
        Some(128)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_decides() {
        assert_eq!(level(15, 866.0), Some(128));
        assert_eq!(level(15, 868.5), None);
        assert_eq!(level(15, 597.0), Some(192));
        assert_eq!(level(16, 1485.0), Some(128));
        assert_eq!(level(11, 20.0), None);
        assert_eq!(max_log_ephemeral_modulus(15), 88);
        assert_eq!(max_log_ephemeral_modulus(14), 44);
    }
}
