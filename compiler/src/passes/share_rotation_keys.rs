//! Linear maps agree on common rotations where that saves keys.
//!
//! Does: fold the arguments of maps and split their rotations into baby and giant steps again, so that the time of all maps plus
//! [`KEY_BOOTSTRAPS`] per distinct key is least. The search starts from every map's own best split and from
//! every modulus for all of them, and changes one kind of map at a time until nothing gets better.
//! Does not: change what a map computes, or re-express rotations as sums of others.
//!
//! Requires: a verified [`HeGraph`] whose maps have their diagonals counted.
//! Ensures: the same, with splits that cover the same rotations.

use super::{PassError, cyclic};
use crate::analysis::rotations::{Split, splits};
use crate::ir::{HeGraph, HeOp, NodeId};
use fhecc_plan::{Layout, LinearMap, Profile, Rotation};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

/// What one key is worth per run, in bootstraps, whose time says how fast the machine is: a key is about 2 MiB of
/// memory, of upload and of key generation.
pub const KEY_BOOTSTRAPS: f64 = 0.01;

/// What [`share_rotation_keys`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Report {
    /// Distinct keys before and after.
    pub keys: (usize, usize),
    /// Milliseconds of all linear maps before and after, at the level of reference.
    pub milliseconds: (f64, f64),
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { keys, milliseconds } = self;
        write!(
            f,
            "{} keys instead of {}, linear maps take {:.0} ms instead of {:.0}",
            keys.1, keys.0, milliseconds.1, milliseconds.0
        )
    }
}

/// One bit per key that any split might need.
type KeySet = Vec<u64>;

/// Maps with the same rotations.
struct Kind {
    nodes: Vec<NodeId>,
    splits: Vec<Split>,
    /// The keys of each split.
    keys: Vec<KeySet>,
    chosen: usize,
}

fn keys<'a>(steps: impl Iterator<Item = &'a Rotation>, slots: usize) -> BTreeSet<Rotation> {
    steps.map(|r| Rotation::centred(r.0.into(), slots)).filter(|r| r.0 != 0).collect()
}

/// What the rotations of a map depend on besides its layouts.
fn shape(map: &LinearMap) -> (Layout, Layout, BTreeSet<Rotation>) {
    (map.input, map.output, map.tap_rotations())
}

fn same_schedule(a: &LinearMap, b: &LinearMap) -> bool {
    (a.gathers, &a.folds, a.baby_modulus) == (b.gathers, &b.folds, b.baby_modulus)
}

struct Choice {
    kinds: Vec<Kind>,
    /// Keys of sums, which are needed anyway.
    fixed: KeySet,
    /// What a key is worth.
    key_milliseconds: f64,
}

impl Choice {
    fn key_count(&self) -> usize {
        let word = |at: usize| self.kinds.iter().fold(self.fixed[at], |all, k| all | k.keys[k.chosen][at]);
        (0..self.fixed.len()).map(|at| word(at).count_ones() as usize).sum()
    }

    fn milliseconds(&self) -> f64 {
        self.kinds.iter().map(|k| k.splits[k.chosen].milliseconds * k.nodes.len() as f64).sum()
    }

    fn price(&self) -> f64 {
        self.milliseconds() + self.key_milliseconds * self.key_count() as f64
    }

    /// Changes one kind at a time while that is cheaper.
    fn descend(&mut self) {
        let mut price = self.price();
        loop {
            let before = price;
            for kind in 0..self.kinds.len() {
                let mut best = self.kinds[kind].chosen;
                for candidate in 0..self.kinds[kind].splits.len() {
                    self.kinds[kind].chosen = candidate;
                    let other = self.price();
                    if other < price {
                        (price, best) = (other, candidate);
                    }
                }
                self.kinds[kind].chosen = best;
            }
            if price >= before {
                return;
            }
        }
    }

    fn chosen(&self) -> Vec<usize> {
        self.kinds.iter().map(|k| k.chosen).collect()
    }

    fn choose(&mut self, chosen: &[usize]) {
        for (kind, chosen) in self.kinds.iter_mut().zip(chosen) {
            kind.chosen = *chosen;
        }
    }
}

fn collect(graph: &HeGraph, profile: &Profile) -> Result<Choice, PassError> {
    let (mut shapes, mut kinds, mut fixed) = (Vec::new(), Vec::<Kind>::new(), BTreeSet::new());
    for id in graph.schedule().ok_or_else(cyclic)? {
        match &graph.op(id).op {
            HeOp::Linear(map) => {
                let shape = shape(map);
                if let Some(kind) = shapes.iter().position(|s| *s == shape) {
                    kinds[kind].nodes.push(id);
                    continue;
                }
                shapes.push(shape);
                let splits = splits(map, profile);
                let chosen = splits.iter().position(|s| same_schedule(&s.map, map)).unwrap_or(0);
                kinds.push(Kind { nodes: vec![id], splits, keys: Vec::new(), chosen });
            }
            HeOp::RotateSum(rotations) => fixed.extend(keys(rotations.iter(), profile.slots())),
            HeOp::Input(_)
            | HeOp::Add
            | HeOp::Activation { .. }
            | HeOp::Polynomial(_)
            | HeOp::Bootstrap
            | HeOp::DropLevel(_)
            | HeOp::Output => {}
        }
    }
    let needed = |s: &Split| s.keys(profile.slots());
    let mut all = fixed.clone();
    all.extend(kinds.iter().flat_map(|k| &k.splits).flat_map(needed));
    let numbers: BTreeMap<Rotation, usize> = all.into_iter().zip(0..).collect();
    let set = |keys: BTreeSet<Rotation>| -> KeySet {
        let mut words = vec![0; numbers.len().div_ceil(64)];
        keys.iter().for_each(|key| words[numbers[key] / 64] |= 1 << (numbers[key] % 64));
        words
    };
    for kind in &mut kinds {
        kind.keys = kind.splits.iter().map(|s| set(needed(s))).collect();
    }
    Ok(Choice { key_milliseconds: KEY_BOOTSTRAPS * profile.costs.bootstrap_ms, kinds, fixed: set(fixed) })
}

/// Chooses the splits of all maps together.
///
/// # Errors
///
/// [`PassError::Bug`] if the graph is cyclic.
pub fn share_rotation_keys(graph: &mut HeGraph, profile: &Profile) -> Result<Report, PassError> {
    let mut choice = collect(graph, profile)?;
    let before = (choice.key_count(), choice.milliseconds());
    let own = choice.chosen();
    let moduli: BTreeSet<u32> =
        choice.kinds.iter().flat_map(|k| &k.splits).map(|s| s.map.baby_modulus).collect();
    let common = |modulus: u32| -> Vec<usize> {
        let cheapest = |k: &Kind| {
            let splits = k.splits.iter().enumerate().filter(|(_, s)| s.map.baby_modulus == modulus);
            splits.min_by(|a, b| a.1.milliseconds.total_cmp(&b.1.milliseconds)).map(|(at, _)| at)
        };
        choice.kinds.iter().zip(&own).map(|(kind, own)| cheapest(kind).unwrap_or(*own)).collect()
    };
    let starts: Vec<Vec<usize>> =
        std::iter::once(own.clone()).chain(moduli.into_iter().map(common)).collect();
    let mut best: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for start in starts {
        choice.choose(&start);
        choice.descend();
        // Positive floating-point numbers are ordered like their bits; the first of equals stays.
        best.entry(choice.price().to_bits()).or_insert_with(|| choice.chosen());
    }
    if let Some((_, chosen)) = best.first_key_value() {
        choice.choose(chosen);
    }
    let after = (choice.key_count(), choice.milliseconds());
    for kind in choice.kinds {
        for id in kind.nodes {
            if let HeOp::Linear(map) = &mut graph.op_mut(id).op {
                kind.splits[kind.chosen].apply(map);
            }
        }
    }
    Ok(Report { keys: (before.0, after.0), milliseconds: (before.1, after.1) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::profile;
    use fhecc_plan::LinearSource;

    fn maps(graph: &HeGraph) -> Vec<&LinearMap> {
        let map = |id| if let HeOp::Linear(map) = &graph.op(id).op { Some(&**map) } else { None };
        graph.nodes().filter_map(map).collect()
    }

    /// ResNet20 needs fewer keys afterwards, and every split still covers its rotations.
    #[test]
    fn resnet20_shares_keys_for_next_to_no_time() {
        let (mut g, data) = crate::testing::resnet20(1);
        let profile = profile("b5");
        let mut he = crate::testing::lowered(&mut g, &data, &profile);
        let before = maps(&he).into_iter().cloned().collect::<Vec<_>>();
        let report = share_rotation_keys(&mut he, &profile).expect("acyclic");
        assert!(report.keys.1 * 10 <= report.keys.0 * 9, "{report}");
        assert!(report.milliseconds.1 <= report.milliseconds.0 * 1.01, "{report}");
        crate::ir::verify_he::verify(&he, profile.slots()).expect("sound");
        for (map, before) in maps(&he).into_iter().zip(before) {
            assert_eq!((&map.source, map.tap_rotations()), (&before.source, before.tap_rotations()));
            for rotation in map.structural_rotations() {
                let (giant, baby) = map.split(rotation);
                assert!(map.giants.contains(&giant) && map.babies.contains(&baby));
            }
        }
    }

    #[test]
    fn a_single_map_keeps_a_split_no_worse_in_time_and_keys_together() {
        let layout = Layout::dense(4, 8, 8);
        let source = LinearSource::AveragePool { kernel: 3, stride: 1, padding: 1 };
        let profile = profile("b5");
        let map = crate::analysis::rotations::schedule(source, layout, layout, &profile);
        let key_milliseconds = KEY_BOOTSTRAPS * profile.costs.bootstrap_ms;
        let price = |s: &Split| s.milliseconds + key_milliseconds * s.keys(1 << 14).len() as f64;
        let least = splits(&map, &profile).iter().map(price).fold(f64::INFINITY, f64::min);
        let node = |op| crate::ir::HeNode { op, layer: "x".to_owned(), layout, span: Default::default() };
        let mut graph = HeGraph::default();
        let x = graph.add(node(HeOp::Input(None)), &[]);
        let y = graph.add(node(HeOp::Linear(Box::new(map))), &[x]);
        graph.add(node(HeOp::Output), &[y]);
        let report = share_rotation_keys(&mut graph, &profile).expect("acyclic");
        let found = report.milliseconds.1 + key_milliseconds * report.keys.1 as f64;
        assert!((found - least).abs() < 1e-9, "{found} instead of {least}");
    }
}
