//! What operations cost on a machine, level by level: written by `fhecc tune`, compared by the compiler.

use crate::{BootstrapRotations, Level};
use serde::{Deserialize, Serialize};

/// Milliseconds on one core, as measured; the compiler compares plans with them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Costs {
    /// One bootstrap with [`BootstrapRotations::Hoisted`].
    pub bootstrap_ms: f64,
    /// How many times faster a network is on two cores.
    #[serde(default = "one")]
    pub second_core: f64,
    /// MiB per second at which keys are read from disk.
    #[serde(default = "one")]
    pub disk_mib_per_s: f64,
    /// What bootstraps need, at most one entry per variant. A profile without them has no prediction of memory.
    #[serde(default)]
    pub bootstraps: Vec<BootstrapCosts>,
    /// Everything else, at some levels, ascending.
    pub levels: Vec<LevelCosts>,
}

fn one() -> f64 {
    1.0
}

/// What a bootstrap with one choice of rotations needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootstrapCosts {
    /// The choice.
    pub rotations: BootstrapRotations,
    /// Time in units of that with [`BootstrapRotations::Hoisted`], both on two threads.
    pub relative: f64,
    /// Bytes of the encoded matrices, as coefficients.
    pub plaintext_bytes: u64,
    /// What changes if the matrices are held transformed.
    #[serde(default)]
    pub transformed: Option<TransformedCosts>,
    /// Bytes of polynomials besides the argument on one thread, at most.
    pub scratch_bytes: u64,
    /// Bytes of polynomials that every further thread adds.
    pub thread_bytes: u64,
    /// All keys, in groups of a use each.
    pub keys: Vec<KeyGroup>,
}

/// A bootstrap whose matrices are held transformed modulo every prime.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformedCosts {
    /// Time in units of that with coefficients, both on two threads.
    pub relative: f64,
    /// Bytes of the matrices.
    pub bytes: u64,
}

/// Keys of a bootstrap that are used together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyGroup {
    /// What they are for.
    pub name: String,
    /// How many they are.
    pub count: u32,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Bytes of them that one bootstrap reads: more where it uses a key several times.
    pub read_bytes: u64,
}

/// Milliseconds of operations on ciphertexts at one level, rescales and divisions included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelCosts {
    /// The level of the operands.
    pub level: u8,
    /// A linear map, without its steps and diagonals.
    pub linear_ms: f64,
    /// One baby step of a linear map: a key switch whose decomposition is shared.
    pub baby_ms: f64,
    /// One giant step of a linear map: a key switch of its own, whose last division is shared.
    pub giant_ms: f64,
    /// Encoding one diagonal of a linear map and multiplying with it.
    pub diagonal_ms: f64,
    /// One rotation outside of linear maps.
    pub rotation_ms: f64,
    /// One product of ciphertexts, relinearised and rescaled.
    pub multiply_ms: f64,
}

impl LevelCosts {
    /// Names and values of all figures.
    pub fn figures(&self) -> [(&'static str, f64); 6] {
        let Self { level: _, linear_ms, baby_ms, giant_ms, diagonal_ms, rotation_ms, multiply_ms } = *self;
        [
            ("linear_ms", linear_ms),
            ("baby_ms", baby_ms),
            ("giant_ms", giant_ms),
            ("diagonal_ms", diagonal_ms),
            ("rotation_ms", rotation_ms),
            ("multiply_ms", multiply_ms),
        ]
    }

    fn combined(&self, other: &Self, level: u8, combine: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            level,
            linear_ms: combine(self.linear_ms, other.linear_ms),
            baby_ms: combine(self.baby_ms, other.baby_ms),
            giant_ms: combine(self.giant_ms, other.giant_ms),
            diagonal_ms: combine(self.diagonal_ms, other.diagonal_ms),
            rotation_ms: combine(self.rotation_ms, other.rotation_ms),
            multiply_ms: combine(self.multiply_ms, other.multiply_ms),
        }
    }
}

/// No costs at all, for a table without entries, which [`Costs::fault`] reports.
const NOTHING: LevelCosts = LevelCosts {
    level: 0,
    linear_ms: 0.0,
    baby_ms: 0.0,
    giant_ms: 0.0,
    diagonal_ms: 0.0,
    rotation_ms: 0.0,
    multiply_ms: 0.0,
};

impl Costs {
    /// What a bootstrap with this choice of rotations needs, if the profile says.
    pub fn bootstrap(&self, rotations: BootstrapRotations) -> Option<&BootstrapCosts> {
        self.bootstraps.iter().find(|entry| entry.rotations == rotations)
    }

    /// Milliseconds of one bootstrap with this choice of rotations, its matrices held `transformed` or not.
    pub fn bootstrap_milliseconds(&self, rotations: BootstrapRotations, transformed: bool) -> f64 {
        let entry = self.bootstrap(rotations);
        let transformed = entry.and_then(|entry| entry.transformed).filter(|_| transformed);
        let relative = |entry: Option<f64>| entry.unwrap_or(1.0);
        self.bootstrap_ms
            * relative(entry.map(|entry| entry.relative))
            * relative(transformed.map(|transformed| transformed.relative))
    }

    /// Costs of operands at `level`: in between the measured levels on a straight line, beyond them in proportion
    /// to the number of limbs. Additions, products and quotients only, so that every machine gets the same bits.
    pub fn at(&self, level: Level) -> LevelCosts {
        let above = self.levels.iter().position(|entry| entry.level >= level.0);
        let (low, high) = match above {
            Some(0) => return proportional(self.levels.first(), level.0),
            Some(i) => (&self.levels[i - 1], &self.levels[i]),
            None => return proportional(self.levels.last(), level.0),
        };
        let share = f64::from(level.0 - low.level) / f64::from(high.level - low.level);
        low.combined(high, level.0, |a, b| a + (b - a) * share)
    }

    /// What is wrong with the table, and what it should be.
    pub(crate) fn fault(&self) -> Option<(String, &'static str)> {
        if self.levels.is_empty() || self.levels.len() > 64 {
            return Some((format!("a table of {} levels", self.levels.len()), "1 to 64 levels"));
        }
        if let Some(pair) = self.levels.windows(2).find(|pair| pair[0].level >= pair[1].level) {
            return Some((
                format!("level {} behind level {}", pair[1].level, pair[0].level),
                "ascending levels",
            ));
        }
        let measured = self.levels.iter().flat_map(LevelCosts::figures);
        let general = [
            ("bootstrap_ms", self.bootstrap_ms),
            ("second_core", self.second_core),
            ("disk_mib_per_s", self.disk_mib_per_s),
        ];
        let relative = self.bootstraps.iter().flat_map(|entry| {
            let transformed = entry.transformed.map(|transformed| transformed.relative);
            std::iter::once(entry.relative).chain(transformed).map(|figure| ("relative", figure))
        });
        let mut all = general.into_iter().chain(relative).chain(measured);
        if let Some((name, figure)) = all.find(|(_, figure)| !figure.is_finite() || *figure <= 0.0) {
            return Some((format!("{name} of {figure}"), "positive finite figures"));
        }
        self.bootstraps.iter().enumerate().find_map(|(index, entry)| entry.fault(&self.bootstraps[..index]))
    }
}

/// Most bytes that an entry of the table may state, so that sums of them do not overflow.
const MAX_BYTES: u64 = 1 << 44;

impl BootstrapCosts {
    /// Bytes of all keys.
    pub fn key_bytes(&self) -> u64 {
        self.keys.iter().map(|group| group.bytes).sum()
    }

    fn fault(&self, before: &[Self]) -> Option<(String, &'static str)> {
        if before.iter().any(|entry| entry.rotations == self.rotations) {
            return Some((format!("{:?} twice", self.rotations), "one entry for every choice of rotations"));
        }
        if self.keys.len() > 64 {
            return Some((format!("{} groups of keys", self.keys.len()), "at most 64 groups"));
        }
        let keys = self.keys.iter().flat_map(|group| [group.bytes, group.read_bytes]);
        let transformed = self.transformed.map_or(0, |transformed| transformed.bytes);
        let sizes = [self.plaintext_bytes, transformed, self.scratch_bytes, self.thread_bytes];
        let largest = sizes.into_iter().chain(keys).max()?;
        if largest > MAX_BYTES {
            return Some((format!("{largest} bytes"), "at most 2^44 bytes"));
        }
        let names: std::collections::BTreeSet<&str> =
            self.keys.iter().map(|group| group.name.as_str()).collect();
        (names.len() < self.keys.len())
            .then(|| ("two groups of keys of one name".to_owned(), "a name for every group"))
    }
}

fn proportional(nearest: Option<&LevelCosts>, level: u8) -> LevelCosts {
    let Some(nearest) = nearest else { return NOTHING };
    let ratio = (f64::from(level) + 1.0) / (f64::from(nearest.level) + 1.0);
    nearest.combined(nearest, level, |a, _| a * ratio)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(level: u8, ms: f64) -> LevelCosts {
        NOTHING.combined(&NOTHING, level, |_, _| ms)
    }

    fn costs() -> Costs {
        Costs {
            bootstrap_ms: 1.0,
            second_core: 1.0,
            disk_mib_per_s: 1.0,
            bootstraps: Vec::new(),
            levels: vec![entry(1, 2.0), entry(3, 6.0)],
        }
    }

    #[test]
    fn costs_lie_on_a_line_between_levels_and_in_proportion_beyond() {
        let at = |level| costs().at(Level(level)).giant_ms;
        assert_eq!([0, 1, 2, 3, 7].map(at), [1.0, 2.0, 4.0, 6.0, 12.0]);
    }

    #[test]
    fn faults_are_found() {
        assert_eq!(costs().fault(), None);
        let fault = |change: &dyn Fn(&mut Costs)| {
            let mut costs = costs();
            change(&mut costs);
            costs.fault().expect("a fault").0
        };
        assert!(fault(&|c| c.levels.clear()).contains("0 levels"));
        assert!(fault(&|c| c.levels.reverse()).contains("level 1 behind level 3"));
        assert!(fault(&|c| c.levels[1].multiply_ms = 0.0).contains("multiply_ms"));
        assert!(fault(&|c| c.bootstrap_ms = f64::NAN).contains("bootstrap_ms"));
        for relative in [f64::NAN, 0.0, -1.0] {
            let transformed = Some(TransformedCosts { relative, bytes: 1 });
            let entry = |costs: &mut Costs| {
                costs.bootstraps.push(BootstrapCosts {
                    rotations: BootstrapRotations::Hoisted,
                    relative: 1.0,
                    plaintext_bytes: 1,
                    transformed,
                    scratch_bytes: 1,
                    thread_bytes: 1,
                    keys: Vec::new(),
                });
            };
            assert!(fault(&entry).contains("relative"), "{relative}");
        }
    }
}
