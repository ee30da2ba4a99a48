//! Sizes of memory as people write them.

use std::str::FromStr;

/// A number of bytes from the command line: `640MiB`, `1.5GiB`, `2GB`, `1073741824`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ByteSize(pub(crate) u64);

const UNITS: [(&str, u64); 9] = [
    ("", 1),
    ("B", 1),
    ("KB", 1_000),
    ("KIB", 1 << 10),
    ("MB", 1_000_000),
    ("MIB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GIB", 1 << 30),
    ("TIB", 1 << 40),
];

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = || format!("`{text}` is no size; write for example 1GiB, 640MiB or 1.5GB");
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let number: f64 = number.parse().map_err(|_| allowed())?;
        let unit = unit.trim().to_ascii_uppercase();
        let &(_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(allowed)?;
        let bytes = number * factor as f64;
        // Doubles are exact far beyond any memory.
        if (1.0..=(1u64 << 50) as f64).contains(&bytes) { Ok(Self(bytes as u64)) } else { Err(allowed()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_with_and_without_units() {
        let size = |text: &str| text.parse::<ByteSize>().map(|size| size.0);
        assert_eq!(size("1GiB"), Ok(1 << 30));
        assert_eq!(size("640 mib"), Ok(640 << 20));
        assert_eq!(size("1.5GB"), Ok(1_500_000_000));
        assert_eq!(size("4096"), Ok(4096));
        for bad in ["", "GiB", "1GiBs", "-1", "0", "1e3", "1..2MB", "9999999TiB"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
