//! A network is compiled, and its plan inspected.
//!
//! `cargo run --release --example compile_a_network`
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use fhecc_compiler::diagnostics::render;
use fhecc_compiler::{CompileOptions, compile_graph, elaborate, parse};
use fhecc_plan::{Profile, digest_hex};
use fhecc_runtime::weights::{DEFAULT_MAX_BYTES, read};
use std::error::Error;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let text = fs::read_to_string(models.join("resnet20.net"))?;
    let profile = Profile::from_ron(&fs::read_to_string(models.join("targets/b5.ron"))?)?;

    // Text to tensors. Errors point into the text.
    let graph = parse(&text)
        .and_then(|ast| elaborate(&ast))
        .map_err(|found| render(&text, "resnet20.net", &found, false))?;

    // Tensors to a plan; the weights lie where the text says.
    let weights_file = graph.weights.clone().ok_or("the network names no weights")?;
    let weights = read(&models.join(&weights_file), DEFAULT_MAX_BYTES)?;
    let source_digest = digest_hex(text.as_bytes());
    let options = CompileOptions { weights_file, source_digest, ..CompileOptions::default() };
    let compilation = compile_graph(graph, &weights, &profile, &options)?;
    for report in &compilation.reports {
        println!("{:22} {}", report.pass, report.summary);
    }
    let plan = compilation.plan.ok_or("no pass was to be the last")?;
    println!();
    for step in plan.steps.iter().take(12) {
        println!(
            "{:5} := {:10} level {:2}  {}",
            step.dst.to_string(),
            step.op.name(),
            step.level.0,
            step.layer
        );
    }
    println!("and {} more steps", plan.steps.len().saturating_sub(12));
    Ok(())
}
