//! How an evaluation keeps to its memory: what the plan says must follow from the plan.

use super::CheckError;
use crate::prediction::MemoryUse;
use crate::{Memory, Plan};
use std::collections::BTreeSet;

const MAX_THREADS: u32 = 1024;
const MIN_BLOCK: u64 = 1 << 16;

pub(super) fn check(plan: &Plan) -> Result<(), CheckError> {
    let fail = |message: String| Err(CheckError::Field(format!("memory.{message}")));
    let Memory {
        budget,
        threads,
        block_bytes,
        transformed_matrices,
        encoded_diagonals: _,
        bootstrap_keys_on_disk,
        peak_bytes,
    } = &plan.memory;
    if !(1..=MAX_THREADS).contains(threads) {
        return fail(format!("threads is {threads}; allowed: 1 to {MAX_THREADS}"));
    }
    if !(MIN_BLOCK..=Memory::LARGEST_BLOCK).contains(block_bytes) {
        return fail(format!(
            "block_bytes is {block_bytes}; allowed: {MIN_BLOCK} to {}",
            Memory::LARGEST_BLOCK
        ));
    }
    let bootstrap = plan.parameters.costs.bootstrap(plan.parameters.bootstrap.rotations);
    if *transformed_matrices && bootstrap.is_none_or(|entry| entry.transformed.is_none()) {
        return fail("transformed_matrices is true; the profile does not say what they take".to_owned());
    }
    let known: BTreeSet<&String> =
        bootstrap.into_iter().flat_map(|entry| &entry.keys).map(|group| &group.name).collect();
    if let Some(name) = bootstrap_keys_on_disk.iter().find(|name| !known.contains(name)) {
        return fail(format!("bootstrap_keys_on_disk names `{name}`, of which the profile says nothing"));
    }
    if let Some(pair) = bootstrap_keys_on_disk.windows(2).find(|pair| pair[0] >= pair[1]) {
        return fail(format!("bootstrap_keys_on_disk: `{}` does not come before `{}`", pair[0], pair[1]));
    }
    let derived = MemoryUse::predict(plan, (*threads).into()).map(|memory| memory.peak());
    if *peak_bytes != derived {
        return fail(format!("peak_bytes is {peak_bytes:?}, but {derived:?} follows from the steps"));
    }
    match (budget, peak_bytes) {
        (Some(budget), Some(peak)) if peak <= budget => Ok(()),
        (None, _) => Ok(()),
        (Some(budget), peak) => fail(format!("budget is {budget}, but the peak is {peak:?}")),
    }
}
