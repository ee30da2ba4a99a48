use super::*;
use crate::testing::profile;
use fhecc_plan::{CheckedPlan, prediction};
use std::collections::BTreeSet;

fn predicted(plan: &Plan) -> (usize, u64, f64) {
    let keys = RotationKeys::of(plan).expect("keys");
    let bytes = plan.keys.iter().map(|key| keys.bytes(key.level).expect("in range")).sum();
    let milliseconds = plan.steps.iter().map(|step| prediction::step_ms(plan, step)).sum();
    (plan.keys.len(), bytes, milliseconds)
}

#[test]
fn fewer_keys_are_fewer_bytes_for_more_time_and_do_the_same_rotations() {
    let plan = super::super::tests::plan(&profile("b5"));
    let fewer = with_fewer_keys(&plan, 4);
    assert!(fewer == with_fewer_keys(&plan, 4), "another plan the second time");
    assert_eq!(fewer.len(), 4);
    let mut last = predicted(&plan);
    let all: BTreeSet<Rotation> = plan.keys.iter().map(|key| key.rotation).collect();
    for mut plan in fewer {
        super::super::predict(&mut plan);
        let next = predicted(&plan);
        assert!(next.0 < last.0 && next.1 < last.1 && next.2 > last.2, "{next:?} after {last:?}");
        last = next;
        let keys = plan.keys.iter().map(|key| key.rotation);
        let done: BTreeSet<Rotation> =
            keys.chain(plan.composites.iter().map(|composite| composite.rotation)).collect();
        assert_eq!(done, all);
        CheckedPlan::new(plan).expect("consistent");
    }
    assert!(last.0 * 5 <= all.len() * 2, "{} of {} keys are left", last.0, all.len());
}

#[test]
fn what_is_added_by_composites_is_what_the_plan_predicts() {
    let plan = super::super::tests::plan(&profile("b5"));
    let problem = Problem::new(&plan).expect("there are keys");
    let mut state = problem.start();
    let (_, _, before) = predicted(&problem.plan(&state));
    while let Some(next) = problem.next(&state) {
        let (_, _, after) = predicted(&problem.plan(&next));
        assert!((after - before - next.milliseconds).abs() < 1e-6, "{after} after {before}");
        state = next;
    }
}
