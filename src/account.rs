//! The memory of an evaluation on ciphertexts: kept within what the plan says, and compared with it afterwards.

use crate::batch;
use crate::error::Failure;
use crate::keys::Keys;
use crate::output;
use fhecc_plan::Plan;
use fhecc_plan::prediction::MemoryUse;
use fhecc_runtime::Trace;
use rayon::ThreadPool;
use serde::Serialize;

/// How a plan's prediction bounds an evaluation.
#[derive(Debug)]
pub(crate) struct Bounds {
    /// Evaluations at the same time.
    pub(crate) at_once: usize,
    /// Fewer threads than there are, if all of them would take more than the budget.
    pub(crate) pool: Option<ThreadPool>,
}

impl Bounds {
    /// For the threads there are.
    pub(crate) fn new(plan: &Plan, expanded_keys: bool) -> Result<Self, Failure> {
        let available = rayon::current_num_threads();
        let predict = |threads: usize| MemoryUse::predict(plan, threads as u64);
        let (Some(budget), Some(all)) = (plan.memory.budget, predict(available)) else {
            return Ok(Self { at_once: usize::MAX, pool: None });
        };
        if expanded_keys {
            return Err(Failure::usage(
                "--expand-keys takes more memory than the plan was compiled for. Leave it out, or compile without --memory.",
            ));
        }
        let planned = available.min(plan.memory.threads as usize);
        let (threads, used) =
            if all.peak() <= budget { (available, all) } else { (planned, predict(planned).unwrap_or(all)) };
        let further = budget.saturating_sub(used.peak()) / used.per_image().max(1);
        let at_once = usize::try_from(further).unwrap_or(usize::MAX).saturating_add(1);
        let pool = (threads < available).then(|| batch::pool(threads)).transpose()?;
        Ok(Self { at_once, pool })
    }

    /// Works within the bounds.
    pub(crate) fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.pool {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }
}

/// One part of the memory, in bytes.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Part {
    /// Of the plan.
    pub(crate) predicted: Option<u64>,
    /// Of the run.
    pub(crate) measured: Option<u64>,
}

/// Predicted against measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Account {
    budget: Option<u64>,
    /// Polynomials that were there before the evaluation.
    #[serde(skip)]
    pub(crate) before: u64,
    /// Evaluation keys in memory.
    keys: Part,
    /// Evaluation keys on disk.
    keys_on_disk: Part,
    /// Encoded matrices of the bootstrap.
    matrices: Part,
    /// Diagonals of linear layers that are held encoded.
    diagonals: Part,
    /// Registers, at most.
    ciphertexts: Part,
    /// Registers and temporary polynomials, at most.
    polynomials: Part,
    /// The whole process, from its beginning. Without a budget it also keeps some memory of dropped polynomials, which
    /// is not predicted.
    process: Part,
}

impl Account {
    /// After the evaluation of one image on ciphertexts, before which there were `before` bytes of polynomials.
    /// `diagonals` were held in as many bytes.
    pub(crate) fn new(plan: &Plan, keys: &Keys, trace: &Trace, (before, diagonals): (u64, usize)) -> Self {
        let used = MemoryUse::predict(plan, rayon::current_num_threads() as u64);
        let used = used.as_ref();
        let most = |of: &dyn Fn(&fhecc_runtime::Held) -> u64| {
            let most = trace.entries.iter().filter_map(|entry| entry.held.as_ref()).map(of).max();
            most.map(|bytes| bytes.saturating_sub(before))
        };
        let steps = used.map(|used| used.steps.as_slice()).unwrap_or_default();
        Self {
            budget: plan.memory.budget,
            before,
            keys: Part {
                predicted: used.map(MemoryUse::resident_keys),
                measured: Some(keys.evaluation.size_in_bytes() as u64),
            },
            keys_on_disk: Part {
                predicted: used.map(|used| used.key_bytes() - used.resident_keys()),
                measured: Some(keys.evaluation.bytes_on_disk() as u64),
            },
            matrices: Part {
                predicted: used.map(|used| used.plaintexts),
                measured: keys.parameters.bootstrap_matrix_bytes().map(|bytes| bytes as u64),
            },
            diagonals: Part { predicted: used.map(|used| used.diagonals), measured: Some(diagonals as u64) },
            ciphertexts: Part {
                predicted: steps.iter().map(|step| step.ciphertexts).max(),
                measured: most(&|held| held.after),
            },
            polynomials: Part {
                predicted: used.map(MemoryUse::per_image),
                measured: most(&|held| held.peak),
            },
            process: Part { predicted: used.map(MemoryUse::peak), measured: output::peak_rss_bytes() },
        }
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let cell = |bytes: Option<u64>| bytes.map_or("unknown".to_owned(), output::bytes);
        let mut rows = vec![vec!["memory".to_owned(), "predicted".to_owned(), "measured".to_owned()]];
        for (name, part) in [
            ("evaluation keys", self.keys),
            ("evaluation keys on disk", self.keys_on_disk),
            ("matrices of the bootstrap", self.matrices),
            ("diagonals held encoded", self.diagonals),
            ("ciphertexts", self.ciphertexts),
            ("ciphertexts and temporary polynomials", self.polynomials),
            ("whole process at its peak", self.process),
        ] {
            rows.push(vec![name.to_owned(), cell(part.predicted), cell(part.measured)]);
        }
        let budget =
            self.budget.map(|bytes| format!("budget {}\n", output::bytes(bytes))).unwrap_or_default();
        output::table(&rows) + &budget
    }
}
