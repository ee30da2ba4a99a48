//! The security table: how many bits of modulus a ring of degree N may carry.

/// Largest `log2(Q P)` at 128-bit classical security for a uniform ternary secret and sigma = 3.19,
/// or `None` for a ring the table does not cover.
///
/// Source: Security Guidelines for Implementing Homomorphic Encryption, IACR eprint 2024/463, table 5.2.
pub fn max_log_qp(log_n: u32) -> Option<u32> {
    match log_n {
        13 => Some(214),
        14 => Some(430),
        15 => Some(868),
        16 => Some(1747),
        17 => Some(3523),
        _ => None,
    }
}

/// Security level in bits that the table vouches for: 128, or `None` where it vouches for nothing.
pub fn security_bits(log_n: u32, log_qp: u32) -> Option<u32> {
    (log_qp <= max_log_qp(log_n)?).then_some(128)
}
