//! The keys of a bootstrap by what they are used for, under the names that profiles and plans give them.

use fhecc_ckks::bootstrap::{BootstrapKeyKind, BootstrapKeyRequest, BootstrapStage, key_plan};
use fhecc_ckks::keys::PlacedKey;
use fhecc_ckks::{EvaluationError, KeyKind, KeyRequest, Parameters};
use fhecc_plan::{KeyPlace, Plan};
use std::collections::{BTreeMap, BTreeSet};

/// The group of the keys that only a bootstrap uses.
const RAISE: &str = "raise of the modulus";

/// The name of the group that a key belongs to.
fn group_of(request: &BootstrapKeyRequest) -> String {
    match request.kind {
        BootstrapKeyKind::DenseToSparse | BootstrapKeyKind::Raise(_) => RAISE.to_owned(),
        BootstrapKeyKind::Shared(_, Some(BootstrapStage::SlotsToCoeffs(part))) => {
            format!("slots to coefficients {}", part + 1)
        }
        BootstrapKeyKind::Shared(_, Some(BootstrapStage::CoeffsToSlots(part))) => {
            format!("coefficients to slots {}", part + 1)
        }
        BootstrapKeyKind::Shared(KeyKind::Relinearisation, None) => "relinearisation".to_owned(),
        BootstrapKeyKind::Shared(KeyKind::Galois(_), None) => "conjugation".to_owned(),
    }
}

/// All keys of a bootstrap, by group.
///
/// # Errors
///
/// [`EvaluationError`] if the parameters cannot bootstrap.
pub fn bootstrap_key_groups(
    parameters: &Parameters,
) -> Result<BTreeMap<String, Vec<BootstrapKeyRequest>>, EvaluationError> {
    let mut groups: BTreeMap<String, Vec<BootstrapKeyRequest>> = BTreeMap::new();
    for request in key_plan(parameters)? {
        groups.entry(group_of(&request)).or_default().push(request);
    }
    Ok(groups)
}

/// The name of the group of every key of a bootstrap.
///
/// # Errors
///
/// [`EvaluationError`] if the parameters cannot bootstrap.
pub fn bootstrap_key_group_names(
    parameters: &Parameters,
) -> Result<impl Fn(PlacedKey) -> Option<String> + Sync + use<>, EvaluationError> {
    let shared: BTreeMap<KeyRequest, String> = key_plan(parameters)?
        .iter()
        .filter_map(|request| Some((request.shared()?, group_of(request))))
        .collect();
    Ok(move |key| match key {
        PlacedKey::Shared(request) => shared.get(&request).cloned(),
        PlacedKey::DenseToSparse | PlacedKey::Raise(_) => Some(RAISE.to_owned()),
    })
}

/// Which keys a plan holds on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeysOnDisk {
    requests: BTreeSet<KeyRequest>,
    /// Whether the keys that only a bootstrap uses are among them.
    pub raise: bool,
}

impl KeysOnDisk {
    /// What `plan` says. A key with two uses is on disk only if both say so.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if the plan bootstraps and the parameters cannot.
    pub fn new(plan: &Plan, parameters: &Parameters) -> Result<Self, EvaluationError> {
        let (mut on_disk, mut in_memory) = (BTreeSet::new(), BTreeSet::new());
        let places: BTreeMap<_, _> = plan
            .keys
            .iter()
            .map(|key| {
                let kind = KeyKind::rotation(i64::from(key.rotation.0), parameters.n());
                ((kind, usize::from(key.level.0)), key.place)
            })
            .collect();
        for request in crate::key_requests(plan, parameters) {
            match places.get(&(request.kind, request.level)) {
                Some(KeyPlace::Disk) => on_disk.insert(request),
                Some(KeyPlace::Memory) | None => in_memory.insert(request),
            };
        }
        let stored = |group: &String| plan.memory.bootstrap_keys_on_disk.contains(group);
        let mut raise = false;
        if crate::needs_bootstrap(plan) {
            for (group, requests) in bootstrap_key_groups(parameters)? {
                raise |= group == RAISE && stored(&group);
                let place = if stored(&group) { &mut on_disk } else { &mut in_memory };
                place.extend(requests.iter().filter_map(BootstrapKeyRequest::shared));
            }
        }
        Ok(Self { requests: on_disk.difference(&in_memory).copied().collect(), raise })
    }

    /// Whether an ordinary key is on disk.
    pub fn contains(&self, request: &KeyRequest) -> bool {
        self.requests.contains(request)
    }

    /// Whether no key is.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty() && !self.raise
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::tests::small_plan;
    use crate::parameters_literal;
    use fhecc_ckks::{DigitLayout, KeySwitchKey};
    use fhecc_plan::prediction::KeyShape;
    use fhecc_plan::{BootstrapSpec, Level, Profile};

    #[test]
    fn what_the_plan_puts_on_disk_is_there_unless_it_has_another_use() {
        let (mut plan, _) = small_plan(11);
        let parameters =
            Parameters::insecure_for_tests(parameters_literal(&plan.parameters)).expect("in range");
        let at = |plan: &Plan| KeysOnDisk::new(plan, &parameters).expect("can bootstrap");
        assert!(at(&plan).is_empty());
        plan.keys[0].place = KeyPlace::Disk;
        let requests = crate::key_requests(&plan, &parameters);
        let kind = KeyKind::rotation(i64::from(plan.keys[0].rotation.0), parameters.n());
        let of = |kind| requests.iter().find(|request| request.kind == kind).expect("requested");
        assert!(at(&plan).contains(of(kind)));
        assert!(!at(&plan).contains(of(KeyKind::Relinearisation)));

        plan.memory.bootstrap_keys_on_disk = vec![RAISE.to_owned()];
        assert!(at(&plan).raise);
        let groups = bootstrap_key_groups(&parameters).expect("can bootstrap");
        assert_eq!(groups.values().map(Vec::len).sum::<usize>(), key_plan(&parameters).expect("can").len());
        for (name, group) in groups {
            plan.memory.bootstrap_keys_on_disk = vec![name];
            let stored = at(&plan);
            for request in group.iter().filter_map(BootstrapKeyRequest::shared) {
                assert!(stored.contains(&request) || requests.contains(&request));
            }
        }
    }

    /// The compiler knows no primes: it predicts keys from their bits.
    #[test]
    fn predicted_keys_have_the_size_of_real_ones() {
        for text in [
            include_str!("../../models/targets/b4.ron"),
            include_str!("../../models/targets/b5.ron"),
            include_str!("../../models/targets/b6.ron"),
        ] {
            let profile = Profile::from_ron(text).expect("sound");
            let parameters = Parameters::new(parameters_literal(&profile)).expect("secure");
            for level in 0..=profile.max_level() {
                for special in 1..=profile.special_bits.len() {
                    let predicted = KeyShape::new(&profile, Level(level), special).map(|shape| shape.bytes());
                    let layout = DigitLayout::Greedy;
                    let real = KeySwitchKey::packed_bytes(&parameters, level.into(), special, layout).ok();
                    assert_eq!(predicted, real.map(|bytes| bytes as u64), "level {level}, {special} primes");
                }
            }
        }
    }

    /// What `fhecc tune` wrote of them is that of this version.
    #[test]
    fn the_keys_of_the_shipped_profiles_are_those_that_are_made() {
        for text in [
            include_str!("../../models/targets/b4.ron"),
            include_str!("../../models/targets/b5.ron"),
            include_str!("../../models/targets/b6.ron"),
        ] {
            let profile = Profile::from_ron(text).expect("sound");
            for costs in &profile.costs.bootstraps {
                let bootstrap = BootstrapSpec { rotations: costs.rotations, ..profile.bootstrap.clone() };
                let literal = parameters_literal(&Profile { bootstrap, ..profile.clone() });
                let groups = bootstrap_key_groups(&Parameters::new(literal).expect("secure")).expect("can");
                let made = groups.iter().map(|(name, requests)| {
                    let bytes = requests.iter().map(|request| request.bytes as u64 / 2).sum();
                    (name.as_str(), requests.len() as u32, bytes)
                });
                let shipped = costs.keys.iter().map(|group| (group.name.as_str(), group.count, group.bytes));
                assert!(made.eq(shipped), "{}, {:?}", profile.name, costs.rotations);
            }
        }
    }
}
