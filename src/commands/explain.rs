//! `fhecc explain`

mod chart;
mod facts;
mod sweep;

use self::facts::Facts;
use crate::args::Explain;
use crate::error::Failure;
use crate::output;
use crate::program::{Network, Program};
use fhecc_compiler::{CompileOptions, placeholder_weights};
use fhecc_plan::{CheckedPlan, Plan, Weights};

/// Says what a plan will take.
pub(crate) fn explain(args: &Explain) -> Result<(), Failure> {
    if args.sweep {
        return sweep::sweep(args);
    }
    let facts = Facts::new(&plan(args)?)?;
    if args.json { output::json(&facts) } else { output::result(&text(&facts)) }
}

fn plan(args: &Explain) -> Result<CheckedPlan, Failure> {
    if !args.untrained {
        return Ok(Program::open(&args.program, &args.sources)?.plan);
    }
    let (network, weights) = network(args)?;
    network.plan(&weights, &args.sources, CompileOptions::default())
}

/// The network with its weights, or with made-up ones.
fn network(args: &Explain) -> Result<(Network, Weights), Failure> {
    let path = &args.program;
    if path.extension().is_none_or(|e| e != "net") {
        return Err(Failure::usage(format!(
            "--sweep and --untrained compile a network (.net); {} is none.",
            path.display()
        )));
    }
    let network = Network::open(path)?;
    let weights = if args.untrained {
        placeholder_weights(&network.graph)
    } else {
        network.weights(args.sources.weights.as_deref(), true)?.1
    };
    Ok((network, weights))
}

/// There is no prediction for a plan of this profile.
fn unpredicted(plan: &Plan) -> Failure {
    Failure::usage(format!(
        "profile {} does not say how much memory its bootstraps take. `fhecc tune` writes a profile that does; compile the network again with it.",
        plan.parameters.name
    ))
}

fn text(facts: &Facts) -> String {
    let mut text = format!(
        "{}: {} steps, {} bootstraps, {} rotations, {} diagonals\n",
        facts.network, facts.steps, facts.bootstraps, facts.rotations, facts.diagonals
    );
    text += &format!(
        "profile {}: N = 2^{}, log2(QP) = {}, security {} bits; {} levels, of which layers use {}\n",
        facts.profile, facts.log_n, facts.log_qp, facts.security_bits, facts.levels, facts.compute_levels
    );
    if let Some(bits) = facts.bootstrap_precision_bits {
        text += &format!("error of a bootstrap about 2^-{bits:.1} (rms) of the range of the values\n");
    }
    text += &format!(
        "time {:.1} s on two cores, {:.1} s on one\n",
        facts.seconds_two_cores, facts.seconds_one_core
    );
    text += &format!(
        "sent by the client: {} of evaluation keys once, {} per image; received: {} per image\n",
        output::bytes(facts.upload.keys),
        kib(facts.upload.image),
        kib(facts.upload.answer)
    );
    let memory = &facts.memory;
    text += &match memory.budget {
        Some(budget) => {
            format!("\nmemory: peak {}, budget {}", output::bytes(memory.peak), output::bytes(budget))
        }
        None => format!("\nmemory: peak {}", output::bytes(memory.peak)),
    };
    text += &format!(
        " with {} threads, in step {} ({} of `{}`)\n",
        memory.threads, memory.peak_step, memory.peak_op, memory.peak_layer
    );
    let mut rows = vec![
        row("program, tables, automorphisms, weights", memory.fixed, ""),
        row("evaluation keys in memory", memory.keys_in_memory, ""),
    ];
    for group in &memory.keys {
        let count = format!("{} keys", group.count);
        let place = match group.on_disk {
            0 => count,
            stored if stored == group.bytes => format!("{count}, on disk"),
            stored => format!("{count}, {} on disk", output::bytes(stored)),
        };
        rows.push(row(&format!("  {}", group.name), group.bytes, &place));
    }
    rows.push(row("matrices of the bootstrap", memory.plaintexts, ""));
    rows.push(row("diagonals held encoded", memory.diagonals, ""));
    rows.push(row("ciphertexts there", memory.ciphertexts, ""));
    rows.push(row("temporary polynomials there", memory.scratch, ""));
    text += &output::table(&rows);
    text + "\n" + &chart::over_time(facts)
}

fn row(name: &str, bytes: u64, remark: &str) -> Vec<String> {
    vec![name.to_owned(), output::bytes(bytes), remark.to_owned()]
}

fn kib(bytes: u64) -> String {
    format!("{} KiB", bytes.div_ceil(1 << 10))
}
