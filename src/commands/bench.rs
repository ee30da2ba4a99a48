//! `fhecc bench`

use super::limit_threads;
use crate::args::{Bench, Part};
use crate::bench::workbench::Workbench;
use crate::bench::{bootstrap, kernels, network, primitives};
use crate::error::Failure;
use crate::exit::Status;
use crate::output;
use crate::profiles;
use crate::program::Program;
use crate::progress::Spinner;
use serde::Serialize;

/// Runs of each measurement unless `--repeats` says otherwise.
const KERNEL_REPEATS: usize = 21;
const PRIMITIVE_REPEATS: usize = 7;
const BOOTSTRAP_REPEATS: usize = 3;
const NETWORK_REPEATS: usize = 1;

#[derive(Serialize)]
struct Summary {
    schema: u32,
    version: &'static str,
    profile: String,
    log_n: u32,
    instruction_set: &'static str,
    processor: Option<String>,
    threads: usize,
    kernels: Option<kernels::Kernels>,
    primitives: Option<primitives::Primitives>,
    bootstrap: Option<bootstrap::Bootstrap>,
    network: Option<network::Network>,
}

/// Measures what was asked for.
pub(crate) fn bench(args: &Bench) -> Result<(), Failure> {
    let program = match (args.part, &args.program) {
        (Some(Part::Network), Some(path)) => Some((path, Program::open(path, &args.sources)?)),
        (Some(Part::Network), None) => {
            return Err(Failure::usage(
                "`fhecc bench network` needs a network or a plan: fhecc bench network models/resnet20.net.",
            ));
        }
        (_, Some(path)) => {
            return Err(Failure::usage(format!(
                "only `fhecc bench network` takes a file; {} was not expected.",
                path.display()
            )));
        }
        (_, None) => None,
    };
    limit_threads(args.threads)?;
    let instruction_set = fhecc_kernels::isa().map_err(|e| Failure::usage(format!("{e}.")))?.name();
    let profile = match &program {
        Some((_, program)) => program.plan.parameters.clone(),
        None => profiles::load(args.sources.profile_name())?,
    };
    let repeats = |default: usize| args.repeats.map_or(default, usize::from);
    let wants = |part: Part| args.part.is_none_or(|asked| asked == part) && program.is_none();
    let mut summary = Summary {
        schema: 1,
        version: env!("CARGO_PKG_VERSION"),
        profile: profile.name.clone(),
        log_n: profile.log_n,
        instruction_set,
        processor: processor(),
        threads: rayon::current_num_threads(),
        kernels: None,
        primitives: None,
        bootstrap: None,
        network: None,
    };
    if let Some((path, program)) = &program {
        summary.network = Some(network::measure(path, program, args.expand_keys, repeats(NETWORK_REPEATS))?);
    } else {
        let bench = Workbench::new(&profile, args.expand_keys)?;
        let levels = levels(args, &bench)?;
        if wants(Part::Kernels) {
            let _spinner = Spinner::new("limits and kernels");
            summary.kernels = Some(kernels::measure(&bench.parameters, repeats(KERNEL_REPEATS)));
        }
        if wants(Part::Primitives) {
            summary.primitives = Some(primitives::measure(&bench, &levels, repeats(PRIMITIVE_REPEATS))?);
        }
        if wants(Part::Bootstrap) {
            let forms = (args.expand_keys, args.compact_matrices);
            summary.bootstrap = Some(bootstrap::measure(&bench, forms, repeats(BOOTSTRAP_REPEATS))?);
        }
    }
    if args.json { output::json(&summary) } else { output::result(&text(&summary)) }
}

fn levels(args: &Bench, bench: &Workbench) -> Result<Vec<usize>, Failure> {
    let highest = bench.parameters.max_level();
    if args.levels.is_empty() {
        return Ok(primitives::default_levels(bench));
    }
    let levels: Vec<usize> = args.levels.iter().map(|&level| level.into()).collect();
    match levels.iter().find(|level| !(2..=highest).contains(*level)) {
        Some(level) => Err(Failure::new(
            Status::Usage,
            format!("--levels {level}: this profile has the levels 2 to {highest} to measure at."),
        )),
        None => Ok(levels),
    }
}

fn text(summary: &Summary) -> String {
    let processor = summary.processor.as_deref().unwrap_or("unknown processor");
    let mut text = format!(
        "fhecc {}, profile {}, N = 2^{}; {processor}, {} kernels, {} threads\n",
        summary.version, summary.profile, summary.log_n, summary.instruction_set, summary.threads
    );
    let memory_read = summary.kernels.as_ref().map(|k| k.limits().memory_read());
    let sections = [
        summary.kernels.as_ref().map(kernels::Kernels::text),
        summary.primitives.as_ref().map(primitives::Primitives::text),
        summary.bootstrap.as_ref().map(|b| b.text(memory_read)),
        summary.network.as_ref().map(network::Network::text),
    ];
    for section in sections.into_iter().flatten() {
        text.push('\n');
        text += &section;
    }
    text
}

/// What the processor calls itself, where the system tells.
fn processor() -> Option<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'))?.1;
    Some(name.trim().to_owned())
}
