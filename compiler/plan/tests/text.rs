//! The text of a plan: round trip, version, digest, damage.

#![allow(dead_code, reason = "test support is shared between tests")]

#[path = "support/small_plan.rs"]
mod small_plan;

use fhecc_plan::{CheckedPlan, Plan, PlanError};
use small_plan::small_plan;

fn good() -> (Plan, String) {
    let mut plan = small_plan(15).0;
    let text = plan.seal().expect("finite");
    (plan, text)
}

#[test]
fn reading_gives_back_what_was_written_and_writing_is_canonical() {
    let (plan, text) = good();
    let mut read = Plan::from_text(&text).expect("written by this version");
    assert_eq!(read, plan);
    assert_eq!(read.seal().expect("finite"), text);
}

#[test]
fn every_changed_value_changes_the_digest() {
    let (_, text) = good();
    for (from, to) in
        [("range: 2.0", "range: 3.0"), ("conv2", "conv3"), ("layer: \"pool\"", "layer: \"poll\"")]
    {
        assert!(text.contains(from), "the plan has no `{from}`");
        let changed = text.replacen(from, to, 1);
        let error = Plan::from_text(&changed).expect_err("changed");
        assert!(matches!(error, PlanError::Digest { .. }), "{error}");
    }
}

#[test]
fn another_version_is_named_before_anything_else_is_read() {
    let text = "(format_version: 99, something: [1, 2], else: (a: \"b\"))";
    assert_eq!(
        Plan::from_text(text),
        Err(PlanError::Version { found: 99, supported: fhecc_plan::FORMAT_VERSION })
    );
}

#[test]
fn unknown_and_missing_fields_are_refused() {
    let (_, text) = good();
    let unknown = text.replacen("compiler:", "surprise: 1,\n    compiler:", 1);
    assert!(matches!(Plan::from_text(&unknown), Err(PlanError::Syntax(_))));
    let missing = text.replacen("weights_file: \"small.safetensors\",", "", 1);
    assert!(matches!(Plan::from_text(&missing), Err(PlanError::Syntax(_))));
}

#[test]
fn numbers_that_are_not_finite_do_not_reach_execution() {
    let (mut plan, _) = good();
    plan.input.range = f64::NAN;
    let text = plan.seal().unwrap_or_default();
    let refused = Plan::from_text(&text).map_or(true, |plan| CheckedPlan::new(plan).is_err());
    assert!(refused);
}

#[test]
fn truncation_is_always_an_error() {
    let (_, text) = good();
    let cuts = (0..4096).chain((4096..text.len() - 1).step_by(997));
    for cut in cuts.filter(|&cut| cut < text.len() - 1 && text.is_char_boundary(cut)) {
        // The last newline alone may be missing.
        Plan::from_text(&text[..cut]).expect_err("truncated");
    }
}

/// Digits changed one by one, the digest recomputed: refused or executable, never a panic.
#[test]
fn mutated_numbers_never_panic() {
    let (_, text) = good();
    let digits: Vec<usize> =
        text.bytes().enumerate().filter(|(_, b)| b.is_ascii_digit()).map(|(at, _)| at).collect();
    let mut outcomes = [0, 0];
    for (turn, &at) in digits.iter().enumerate().step_by(1 + digits.len() / 500) {
        let replacement = ["0", "9", "99", "-1", "4294967295", "1e308"][turn % 6];
        let changed = format!("{}{replacement}{}", &text[..at], &text[at + 1..]);
        let computed = match Plan::from_text(&changed) {
            Err(PlanError::Digest { computed, .. }) => computed,
            other => {
                outcomes[0] += usize::from(other.is_err());
                continue;
            }
        };
        let stated = &text[text.find("digest: \"").expect("a digest") + 9..][..64];
        let resealed = changed.replacen(stated, &computed, 1);
        if let Ok(plan) = Plan::from_text(&resealed) {
            outcomes[usize::from(CheckedPlan::new(plan).is_ok())] += 1;
        }
    }
    assert!(outcomes[0] > 50 && outcomes[1] > 5, "{outcomes:?}");
}
