use super::*;
use crate::CompileOptions;
use crate::testing::profile;
use fhecc_plan::{BootstrapCosts, KeyGroup, Profile, TransformedCosts};

const MIB: u64 = 1 << 20;

/// Bootstraps whose keys shrink while their time grows.
fn with_figures() -> Profile {
    let mut profile = profile("b5");
    profile.costs.second_core = 2.0;
    profile.costs.disk_mib_per_s = 1000.0;
    let entry = |(rotations, relative, mib): (BootstrapRotations, f64, u64)| BootstrapCosts {
        rotations,
        relative,
        plaintext_bytes: 50 * MIB,
        transformed: Some(TransformedCosts { relative: 0.9, bytes: 300 * MIB }),
        scratch_bytes: 100 * MIB,
        thread_bytes: 5 * MIB,
        keys: ["raise", "sums"]
            .map(|name| KeyGroup {
                name: name.to_owned(),
                count: 10,
                bytes: mib * MIB / 2,
                read_bytes: mib * MIB,
            })
            .to_vec(),
    };
    let choices = BootstrapRotations::ALL.into_iter().zip([(1.0, 400), (1.2, 200), (1.5, 100)]);
    profile.costs.bootstraps = choices.map(|(r, (relative, mib))| entry((r, relative, mib))).collect();
    profile
}

/// ResNet20 as fast as it gets, whatever memory it takes.
pub(super) fn plan(profile: &Profile) -> Plan {
    let (g, data) = crate::testing::resnet20(1);
    let options = CompileOptions { source_digest: "0".repeat(64), ..CompileOptions::default() };
    let compiled = crate::compile_graph(g, &data.weights, profile, &options).expect("compiles");
    compiled.plan.expect("a plan")
}

#[test]
fn the_fastest_plan_that_keeps_to_the_budget_is_chosen_and_keys_go_to_disk_last() {
    let plan = plan(&with_figures());
    let fit = |budget: Option<u64>| fit_memory(plan.clone(), budget, 2);
    let (fastest, report) = fit(None).expect("no bound");
    let top = report.peak.expect("figures");
    assert_eq!((report.rotations, report.on_disk), (BootstrapRotations::Hoisted, 0));
    let Err(PassError::Memory(MemoryError::TooSmall { smallest, .. })) = fit(Some(1)) else {
        panic!("a plan without memory");
    };
    assert!(smallest < top / 2, "{smallest} of {top}");
    fit(Some(smallest)).expect("enough");
    let least = fit(Some(smallest - 1)).expect_err("too little");
    assert!(matches!(least, PassError::Memory(MemoryError::TooSmall { smallest: s, .. }) if s == smallest));

    // Plans with keys on disk may be faster and are still not chosen, so times are compared without and with them.
    let mut last = [fastest.predicted.seconds, 0.0];
    let mut seen = Vec::new();
    for step in 0..=20 {
        let budget = top - (top - smallest) * step / 20;
        let (plan, report) = fit(Some(budget)).expect("between smallest and fastest");
        let peak = report.peak.expect("figures");
        assert!(peak <= budget, "{peak} of {budget}");
        assert_eq!(plan.memory.budget, Some(budget));
        let last = &mut last[usize::from(report.on_disk > 0)];
        assert!(plan.predicted.seconds >= *last - 0.02, "less memory takes no less time");
        *last = plan.predicted.seconds;
        // A key on disk that would fit into memory is there for nothing.
        let room = budget - peak;
        for key in plan.keys.iter().filter(|key| key.place == KeyPlace::Disk) {
            let bytes = RotationKeys::of(&plan).and_then(|keys| keys.bytes(key.level)).expect("in range");
            assert!(bytes > room, "{bytes} would fit into {room}");
        }
        seen.push((report.rotations, report.on_disk > 0));
    }
    for rotations in BootstrapRotations::ALL {
        assert!(seen.contains(&(rotations, false)), "{rotations:?} is never chosen: {seen:?}");
    }
    assert!(seen.last().is_some_and(|(_, stored)| *stored), "the smallest plan reads keys from disk");
    let first_stored = seen.iter().position(|(_, stored)| *stored).unwrap_or(seen.len());
    assert!(seen[first_stored..].iter().all(|(_, stored)| *stored), "{seen:?}");
}

#[test]
fn keys_go_to_disk_where_everything_else_takes_much_longer() {
    let slow = plan(&with_figures());
    let mut profile = with_figures();
    profile.costs.disk_mib_per_s = 1e6;
    let fast = plan(&profile);
    let smallest_peak = |stored: &dyn Fn(&Plan) -> bool| {
        let all = candidates(&fast).into_iter().filter(stored);
        all.filter_map(|plan| plan.memory.peak_bytes).min().expect("figures")
    };
    let fit = |plan: &Plan, budget| fit_memory(plan.clone(), Some(budget), 2).expect("enough");
    // What only minimal bootstraps keep to without a disk.
    let budget = smallest_peak(&|plan| plan.parameters.bootstrap.rotations == BootstrapRotations::Minimal);
    let (in_memory, on_disk) = (fit(&slow, budget), fit(&fast, budget));
    assert_eq!(in_memory.1.on_disk, 0);
    assert!(on_disk.1.on_disk > 0);
    assert!(on_disk.0.predicted.seconds * DISK_WORTH < in_memory.0.predicted.seconds);
    // With room for ladders the disk is not worth it.
    let budget = smallest_peak(&|plan| plan.parameters.bootstrap.rotations == BootstrapRotations::Ladder);
    assert_eq!(fit(&fast, budget).1.on_disk, 0);
}

#[test]
fn a_profile_without_figures_has_no_budget() {
    let mut profile = with_figures();
    profile.costs.bootstraps.clear();
    let plan = plan(&profile);
    assert_eq!(plan.memory.peak_bytes, None);
    let error = fit_memory(plan.clone(), Some(1 << 40), 2).expect_err("unknown");
    assert!(matches!(error, PassError::Memory(MemoryError::NoFigures { .. })));
    fit_memory(plan, None, 2).expect("no bound");
}

#[test]
fn more_threads_need_more() {
    let plan = plan(&with_figures());
    let peak = |threads| fit_memory(plan.clone(), None, threads).expect("no bound").1.peak.expect("figures");
    assert!(peak(1) <= peak(2) && peak(2) < peak(64));
}

#[test]
fn composites_come_before_keys_on_disk() {
    let profile = with_figures();
    let plan = plan(&profile);
    let fit = |budget| fit_memory(plan.clone(), Some(budget), 2).expect("enough");
    // The smallest peak with a key for every rotation and nothing on disk.
    let candidates = candidates(&plan);
    let peaks = candidates.iter().filter(|plan| plan.composites.is_empty());
    let without = peaks.filter_map(|plan| plan.memory.peak_bytes).min().expect("figures");
    let fewer = fit(without - 1);
    let bytes = |plan: &Plan| {
        let keys = RotationKeys::of(plan).expect("keys");
        plan.keys.iter().filter_map(|key| keys.bytes(key.level)).sum::<u64>()
    };
    assert!(fewer.0.keys.len() < plan.keys.len() && bytes(&fewer.0) < bytes(&plan));
    assert_eq!((fewer.1.keys, fewer.1.composed), (fewer.0.keys.len(), fewer.0.composites.len()));
    assert_eq!(fewer.1.on_disk, 0);
    assert!(fewer.1.composed > 0 && fewer.0.predicted.seconds >= plan.predicted.seconds);
    assert_eq!(fit(without - 1).0.seal(), fewer.0.clone().seal());
}
