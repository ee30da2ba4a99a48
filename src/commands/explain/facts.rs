//! Everything that is known of a plan before it runs, as one JSON object.

use crate::error::Failure;
use fhecc_plan::prediction::{self, MemoryUse};
use fhecc_plan::{CheckedPlan, Op, Plan, security_bits};
use serde::Serialize;

/// A plan before it runs. Sizes in bytes.
#[derive(Debug, Serialize)]
pub(super) struct Facts {
    schema: u32,
    pub(super) network: String,
    pub(super) profile: String,
    pub(super) log_n: u32,
    pub(super) log_qp: u32,
    pub(super) security_bits: u32,
    pub(super) levels: u8,
    pub(super) compute_levels: usize,
    pub(super) steps: usize,
    pub(super) bootstraps: u32,
    pub(super) rotations: u32,
    pub(super) diagonals: u32,
    /// `-log2` of the error of a bootstrap, root mean square, by the law fitted in measurements.
    pub(super) bootstrap_precision_bits: Option<f64>,
    pub(super) seconds_one_core: f64,
    pub(super) seconds_two_cores: f64,
    pub(super) upload: Upload,
    pub(super) memory: Memory,
    pub(super) timeline: Vec<Moment>,
}

/// What client and server exchange.
#[derive(Debug, Serialize)]
pub(super) struct Upload {
    /// All evaluation keys, once.
    pub(super) keys: u64,
    /// An encrypted image; one of its halves is a seed.
    pub(super) image: u64,
    /// The encrypted answer.
    pub(super) answer: u64,
}

/// Memory at the step that needs most.
#[derive(Debug, Serialize)]
pub(super) struct Memory {
    pub(super) budget: Option<u64>,
    pub(super) threads: u32,
    pub(super) peak: u64,
    pub(super) peak_step: usize,
    pub(super) peak_op: &'static str,
    pub(super) peak_layer: String,
    pub(super) fixed: u64,
    pub(super) keys_in_memory: u64,
    pub(super) keys: Vec<Keys>,
    pub(super) plaintexts: u64,
    pub(super) diagonals: u64,
    pub(super) ciphertexts: u64,
    pub(super) scratch: u64,
    /// What another image at the same time needs.
    pub(super) per_further_image: u64,
}

/// Keys of one use.
#[derive(Debug, Serialize)]
pub(super) struct Keys {
    pub(super) name: String,
    pub(super) count: usize,
    pub(super) bytes: u64,
    pub(super) on_disk: u64,
}

/// One step.
#[derive(Debug, Serialize)]
pub(super) struct Moment {
    pub(super) step: usize,
    pub(super) op: &'static str,
    pub(super) layer: String,
    pub(super) level: u8,
    /// When it begins, on two cores, without the reading of keys from disk.
    pub(super) second: f64,
    pub(super) seconds: f64,
    pub(super) ciphertexts: u64,
    pub(super) scratch: u64,
}

/// The error that the cosine leaves, and the constants of its growth, were fitted to measurements: with the modular
/// reduction's primes of `E` bits and `r` doublings of the angle, `log2(rms) = -E + log2(N) + r + 4.8`.
fn precision_bits(plan: &Plan) -> Option<f64> {
    const FITTED: f64 = 4.8;
    let parameters = &plan.parameters;
    let bits = f64::from(*parameters.eval_mod_bits.iter().min()?);
    Some(bits - f64::from(parameters.log_n) - f64::from(parameters.bootstrap.double_angles) - FITTED)
}

impl Facts {
    /// Of a plan whose profile allows a prediction.
    pub(super) fn new(plan: &CheckedPlan) -> Result<Self, Failure> {
        let threads = plan.memory.threads;
        let used = MemoryUse::predict(plan, threads.into()).ok_or_else(|| super::unpredicted(plan))?;
        let at = used.peak_step();
        let peak = used.steps.get(at).copied().unwrap_or_default();
        let parameters = &plan.parameters;
        let costs = &parameters.costs;
        // A residue takes the bits of its prime.
        let bits = |level: u8| -> u64 {
            let primes = parameters.chain_bits(level).unwrap_or_default();
            primes.into_iter().map(u64::from).sum::<u64>() << parameters.log_n
        };
        let input = plan.steps.iter().find(|step| step.op == Op::Input).map_or(0, |step| step.level.0);
        let output = plan.steps.iter().find(|step| step.dst == plan.output.register);
        let mut second = 0.0;
        let timeline = plan
            .steps
            .iter()
            .zip(&used.steps)
            .enumerate()
            .map(|(index, (step, memory))| {
                let seconds = prediction::step_ms(plan, step) / 1000.0 / costs.second_core;
                second += seconds;
                Moment {
                    step: index,
                    op: step.op.name(),
                    layer: step.layer.clone(),
                    level: step.level.0,
                    second: second - seconds,
                    seconds,
                    ciphertexts: memory.ciphertexts,
                    scratch: memory.scratch,
                }
            })
            .collect();
        Ok(Self {
            schema: 1,
            network: plan.network.name.clone(),
            profile: parameters.name.clone(),
            log_n: parameters.log_n,
            log_qp: parameters.log_qp(),
            security_bits: security_bits(parameters.log_n, parameters.log_qp()).unwrap_or(0),
            levels: parameters.max_level(),
            compute_levels: parameters.compute_bits.len(),
            steps: plan.steps.len(),
            bootstraps: plan.predicted.bootstraps,
            rotations: plan.predicted.rotations,
            diagonals: plan.predicted.diagonals,
            bootstrap_precision_bits: precision_bits(plan).filter(|_| plan.predicted.bootstraps > 0),
            seconds_one_core: plan.predicted.seconds_one_core,
            seconds_two_cores: plan.predicted.seconds,
            upload: Upload {
                keys: used.key_bytes(),
                image: bits(input) / 8,
                answer: output.map_or(0, |step| 2 * bits(step.level.0) / 8),
            },
            memory: Memory {
                budget: plan.memory.budget,
                threads,
                peak: used.peak(),
                peak_step: at,
                peak_op: plan.steps.get(at).map_or("", |step| step.op.name()),
                peak_layer: plan.steps.get(at).map(|step| step.layer.clone()).unwrap_or_default(),
                fixed: used.fixed,
                keys_in_memory: used.resident_keys(),
                plaintexts: used.plaintexts,
                diagonals: used.diagonals,
                ciphertexts: peak.ciphertexts,
                scratch: peak.scratch,
                per_further_image: used.per_image(),
                keys: used
                    .keys
                    .into_iter()
                    .map(|group| Keys {
                        name: group.name,
                        count: group.count,
                        bytes: group.bytes,
                        on_disk: group.on_disk,
                    })
                    .collect(),
            },
            timeline,
        })
    }
}
