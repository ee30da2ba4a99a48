//! Changes that the checker must refuse.

use crate::small_plan::small_plan;
use fhecc_plan::{CheckedPlan, Plan};

pub(crate) fn good() -> Plan {
    small_plan(15).0
}

/// The message of the refusal of the good plan after `change`.
pub(crate) fn refused(change: impl FnOnce(&mut Plan)) -> String {
    let mut plan = good();
    change(&mut plan);
    CheckedPlan::new(plan).expect_err("must be refused").to_string()
}

pub(crate) fn assert_refused(words: &str, change: impl FnOnce(&mut Plan)) {
    let message = refused(change);
    assert!(message.contains(words), "`{message}` does not say `{words}`");
}
