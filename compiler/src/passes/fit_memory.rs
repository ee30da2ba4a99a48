//! The plan is fitted into memory.
//!
//! Does: choose by which rotations bootstraps are done and whether their matrices are held transformed, whether encoded
//! diagonals of linear maps are held or how many are worked on at a time, which rotations of linear layers are done as two
//! for want of a key, and which keys lie on disk, such that the predicted peak keeps to the budget and the predicted time
//! is least.
//! Keys go to disk only where everything else takes [`DISK_WORTH`] times as long or does not suffice, those that are used
//! least first.
//! Does not: change what is computed.
//!
//! Requires: a plan as `emit_plan` makes it, with a key for every rotation and nothing on disk.
//! Ensures: a sealed plan that [`CheckedPlan`] accepts, whose [`fhecc_plan::Memory::peak_bytes`] is at most the
//! budget, or an error that says which budget would do. Equal inputs give equal bytes.

mod compose;

use self::compose::with_fewer_keys;
use super::PassError;
use fhecc_plan::prediction::{self, MemoryUse, RotationKeys};
use fhecc_plan::{BootstrapRotations, CheckedPlan, KeyPlace, Memory, Op, Plan, Rotation};
use std::collections::BTreeMap;
use std::fmt::{self, Display};

/// Bytes of encoded diagonals at a time that are tried, largest first. With still fewer the threads have too little to
/// share, and linear maps take twice as long.
const BLOCKS: [u64; 3] = [Memory::LARGEST_BLOCK, 16 << 20, 4 << 20];

/// Plans with composites that are tried: from a part of all keys that can be spared to all of them.
const FEWER_KEYS: usize = 4;

/// How many times as long a plan without keys on disk may take as one with: the disk's rate is known least.
pub const DISK_WORTH: f64 = 1.25;

/// What [`fit_memory`] chose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// The rotations of bootstraps.
    pub rotations: BootstrapRotations,
    /// Whether matrices of bootstraps are held transformed.
    pub transformed_matrices: bool,
    /// Whether encoded diagonals are held.
    pub encoded_diagonals: bool,
    /// Bytes of diagonals at a time.
    pub block_bytes: u64,
    /// Keys of linear layers.
    pub keys: usize,
    /// Rotations of linear layers, counted once each, that are done as two for want of a key.
    pub composed: usize,
    /// Keys on disk, in bytes.
    pub on_disk: u64,
    /// The predicted peak, if the profile allows a prediction.
    pub peak: Option<u64>,
    /// Predicted seconds on two cores.
    pub seconds: f64,
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        match self.peak {
            Some(peak) => write!(f, "peak {} MiB", mib(peak))?,
            None => f.write_str("peak unknown")?,
        }
        write!(
            f,
            ", {:.1} s on two cores: {:?} bootstraps with {}, diagonals {}, {} MiB of them at a time, {} keys with {} \
             composite rotations, {} MiB of keys on disk",
            self.seconds,
            self.rotations,
            if self.transformed_matrices { "transformed matrices" } else { "matrices as coefficients" },
            if self.encoded_diagonals { "held encoded" } else { "encoded when used" },
            mib(self.block_bytes),
            self.keys,
            self.composed,
            mib(self.on_disk)
        )
    }
}

/// Why no plan keeps to the budget.
#[derive(Clone, Debug, PartialEq)]
pub enum MemoryError {
    /// The profile does not say what its bootstraps need.
    NoFigures {
        /// The profile.
        profile: String,
    },
    /// The budget is too small.
    TooSmall {
        /// What was asked for.
        budget: u64,
        /// What the smallest plan needs.
        smallest: u64,
        /// The layer of the step that needs most in the smallest plan, and its operation.
        step: (String, &'static str),
        /// What is held there: the whole evaluation through, as ciphertexts, as temporary polynomials.
        parts: [u64; 3],
    },
}

impl Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: &u64| bytes.div_ceil(1 << 20);
        match self {
            Self::NoFigures { profile } => write!(
                f,
                "profile {profile} does not say how much memory its bootstraps take; `fhecc tune` writes a profile that does"
            ),
            Self::TooSmall {
                budget,
                smallest,
                step: (layer, op),
                parts: [constant, ciphertexts, scratch],
            } => {
                write!(
                    f,
                    "{} MiB are too little: the smallest plan needs {} MiB. Most is needed by the {op} of `{layer}`: {} MiB for program, keys and matrices, {} MiB for ciphertexts, {} MiB for temporary polynomials",
                    budget / (1 << 20),
                    mib(smallest),
                    mib(constant),
                    mib(ciphertexts),
                    mib(scratch)
                )
            }
        }
    }
}

/// A key or group of keys that may go to disk.
enum Item {
    Rotation(usize),
    Bootstrap(String),
}

/// Chooses for `budget` bytes, or for the least time if there is no budget, with `threads` threads.
///
/// # Errors
///
/// [`PassError::Memory`] if there is a budget and nothing keeps to it.
pub fn fit_memory(plan: Plan, budget: Option<u64>, threads: u32) -> Result<(Plan, Report), PassError> {
    let mut plan = chosen(plan, budget, threads).map_err(PassError::Memory)?;
    let bug = |message: String| PassError::Bug(message);
    plan.seal().map_err(|e| bug(e.to_string()))?;
    let plan = CheckedPlan::new(plan).map_err(|e| bug(e.to_string()))?;
    Ok(((*plan).clone(), report(&plan)))
}

fn chosen(mut plan: Plan, budget: Option<u64>, threads: u32) -> Result<Plan, MemoryError> {
    plan.memory = Memory { budget, threads, ..Memory::default() };
    plan.keys.iter_mut().for_each(|key| key.place = KeyPlace::Memory);
    let Some(budget) = budget else {
        hold(&mut plan, true, true);
        predict(&mut plan);
        return Ok(plan);
    };
    let candidates = candidates(&plan);
    if candidates.is_empty() {
        return Err(MemoryError::NoFigures { profile: plan.parameters.name });
    }
    let fits = |plan: &Plan| plan.memory.peak_bytes.is_some_and(|peak| peak <= budget);
    let (fitting, others): (Vec<Plan>, Vec<Plan>) = candidates.into_iter().partition(fits);
    let in_memory = quickest(fitting);
    let stored = others.into_iter().map(|plan| with_disk(plan, budget));
    let (fitting, others): (Vec<Plan>, Vec<Plan>) = stored.partition(fits);
    let seconds = |plan: &Plan| plan.predicted.seconds;
    match (in_memory, quickest(fitting)) {
        (Some(memory), Some(disk)) if seconds(&memory) > DISK_WORTH * seconds(&disk) => return Ok(disk),
        (Some(plan), _) | (None, Some(plan)) => return Ok(plan),
        (None, None) => {}
    }
    let need = |plan: &&Plan| plan.memory.peak_bytes.unwrap_or(u64::MAX);
    match others.iter().min_by_key(need).and_then(|plan| too_small(plan, budget)) {
        Some(error) => Err(error),
        None => Err(MemoryError::NoFigures { profile: plan.parameters.name }),
    }
}

fn quickest(plans: Vec<Plan>) -> Option<Plan> {
    plans.into_iter().min_by(|a, b| a.predicted.seconds.total_cmp(&b.predicted.seconds))
}

fn too_small(smallest: &Plan, budget: u64) -> Option<MemoryError> {
    let memory = MemoryUse::predict(smallest, smallest.memory.threads.into())?;
    let at = memory.peak_step();
    let (step, held) = (smallest.steps.get(at)?, memory.steps.get(at)?);
    Some(MemoryError::TooSmall {
        budget,
        smallest: memory.peak(),
        step: (step.layer.clone(), step.op.name()),
        parts: [memory.constant(), held.ciphertexts, held.scratch],
    })
}

/// Every choice of rotations that the profile knows with both forms of its matrices, with diagonals held or not, every block
/// size and some numbers of keys, predicted.
fn candidates(plan: &Plan) -> Vec<Plan> {
    let known: Vec<BootstrapRotations> = BootstrapRotations::ALL
        .into_iter()
        .filter(|&rotations| plan.parameters.costs.bootstrap(rotations).is_some())
        .collect();
    if known.is_empty() {
        return Vec::new();
    }
    let choices = known.iter().flat_map(|&rotations| {
        let forms = [(true, true), (true, false), (false, true), (false, false)];
        forms.into_iter().flat_map(move |form| BLOCKS.map(|block| (rotations, form, block)))
    });
    let choices: Vec<_> = choices.collect();
    let with = |plan: &Plan, (rotations, (transformed, encoded), block_bytes)| {
        let mut plan = plan.clone();
        plan.parameters.bootstrap.rotations = rotations;
        hold(&mut plan, transformed, encoded);
        plan.memory.block_bytes = block_bytes;
        predict(&mut plan);
        plan
    };
    let keys = std::iter::once(plan.clone()).chain(with_fewer_keys(plan, FEWER_KEYS));
    keys.flat_map(|plan| choices.iter().map(|&choice| with(&plan, choice)).collect::<Vec<_>>())
        .filter(|plan| plan.memory.peak_bytes.is_some())
        .collect()
}

/// Holds matrices of bootstraps transformed, if there are some and the profile says what they take, and encoded diagonals.
fn hold(plan: &mut Plan, transformed: bool, encoded: bool) {
    let bootstraps = plan.steps.iter().any(|step| matches!(step.op, Op::Bootstrap { .. }));
    let costs = plan.parameters.costs.bootstrap(plan.parameters.bootstrap.rotations);
    let known = costs.is_some_and(|entry| entry.transformed.is_some());
    plan.memory.transformed_matrices = transformed && bootstraps && known;
    plan.memory.encoded_diagonals = encoded;
}

/// Predicts peak and time.
fn predict(plan: &mut Plan) {
    plan.memory.peak_bytes = MemoryUse::predict(plan, plan.memory.threads.into()).map(|memory| memory.peak());
    let milliseconds: f64 = plan.steps.iter().map(|step| prediction::step_ms(plan, step)).sum();
    let hundredths = |seconds: f64| (seconds * 100.0).round() / 100.0;
    plan.predicted.seconds_one_core = hundredths(milliseconds / 1000.0);
    let parallel = milliseconds / 1000.0 / plan.parameters.costs.second_core;
    plan.predicted.seconds = hundredths(parallel + prediction::seconds_of_disk(plan));
}

/// Moves keys to disk until the peak keeps to the budget or no keys are left, those first that are used least, and
/// then takes back what is not needed there.
fn with_disk(mut plan: Plan, budget: u64) -> Plan {
    let mut items = items(&plan);
    items.sort_by_key(|(uses, bytes, _)| (*uses, std::cmp::Reverse(*bytes)));
    let Some(mut peak) = plan.memory.peak_bytes else { return plan };
    let mut moved = Vec::new();
    for (_, bytes, item) in items {
        if peak <= budget {
            break;
        }
        place(&mut plan, &item, KeyPlace::Disk);
        peak -= bytes;
        moved.push((bytes, item));
    }
    for (bytes, item) in moved.into_iter().rev() {
        if peak + bytes <= budget {
            place(&mut plan, &item, KeyPlace::Memory);
            peak += bytes;
        }
    }
    predict(&mut plan);
    plan
}

/// Everything that may go to disk: how often it is read, its bytes, what it is.
fn items(plan: &Plan) -> Vec<(usize, u64, Item)> {
    let mut uses: BTreeMap<Rotation, usize> = BTreeMap::new();
    for rotation in plan.steps.iter().flat_map(|step| plan.key_switches(step)) {
        *uses.entry(rotation).or_default() += 1;
    }
    let bootstraps = plan.steps.iter().filter(|step| matches!(step.op, Op::Bootstrap { .. })).count();
    let mut items = Vec::new();
    if let Some(shapes) = RotationKeys::of(plan) {
        for (index, key) in plan.keys.iter().enumerate() {
            if let Some(bytes) = shapes.bytes(key.level) {
                items.push((uses.get(&key.rotation).copied().unwrap_or(0), bytes, Item::Rotation(index)));
            }
        }
    }
    let groups = plan.parameters.costs.bootstrap(plan.parameters.bootstrap.rotations);
    if bootstraps > 0 {
        let groups = groups.into_iter().flat_map(|entry| &entry.keys);
        items.extend(groups.map(|group| (bootstraps, group.bytes, Item::Bootstrap(group.name.clone()))));
    }
    items
}

fn place(plan: &mut Plan, item: &Item, place: KeyPlace) {
    match item {
        Item::Rotation(index) => plan.keys[*index].place = place,
        Item::Bootstrap(name) => {
            let groups = &mut plan.memory.bootstrap_keys_on_disk;
            groups.retain(|group| group != name);
            if place == KeyPlace::Disk {
                groups.push(name.clone());
                groups.sort();
            }
        }
    }
}

fn report(plan: &Plan) -> Report {
    let memory = MemoryUse::predict(plan, plan.memory.threads.into());
    Report {
        rotations: plan.parameters.bootstrap.rotations,
        transformed_matrices: plan.memory.transformed_matrices,
        encoded_diagonals: plan.memory.encoded_diagonals,
        block_bytes: plan.memory.block_bytes,
        keys: plan.keys.len(),
        composed: plan.composites.len(),
        on_disk: memory.map_or(0, |memory| memory.keys.iter().map(|group| group.on_disk).sum()),
        peak: plan.memory.peak_bytes,
        seconds: plan.predicted.seconds,
    }
}

#[cfg(test)]
mod tests;
