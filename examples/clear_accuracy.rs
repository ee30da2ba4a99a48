//! The sample images are classified by a plan on clear slots: what an author of a network does all day.
//!
//! `cargo run --release --example clear_accuracy`
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use fhecc_compiler::{CompileOptions, compile_graph, elaborate, parse};
use fhecc_plan::{CheckedPlan, Op, Profile, digest_hex};
use fhecc_runtime::images::{self, ImageRgb};
use fhecc_runtime::weights::{DEFAULT_MAX_BYTES, read};
use fhecc_runtime::{Clear, Execution};
use std::error::Error;
use std::fs;
use std::path::Path;

const SAMPLES: [(&str, &str); 5] = [
    ("cat.png", "cat"),
    ("cat_close.jpg", "cat"),
    ("horse.png", "horse"),
    ("ship.png", "ship"),
    ("airplane.png", "airplane"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("models/resnet20.net"))?;
    let profile = Profile::from_ron(&fs::read_to_string(root.join("models/targets/b5.ron"))?)?;
    let weights = read(&root.join("weights/resnet20.safetensors"), DEFAULT_MAX_BYTES)?;
    let graph = parse(&text).and_then(|ast| elaborate(&ast)).map_err(|found| format!("{found:?}"))?;
    let source_digest = digest_hex(text.as_bytes());
    let options = CompileOptions { source_digest, ..CompileOptions::default() };
    let compilation = compile_graph(graph, &weights, &profile, &options)?;
    let plan = CheckedPlan::new(compilation.plan.ok_or("no plan")?)?;

    // All images pass the layers together.
    let size = images::plan_size(&plan.input)?;
    let pictures: Vec<ImageRgb> = SAMPLES
        .iter()
        .map(|(file, _)| images::read(&root.join("examples/images").join(file), size))
        .collect::<Result<_, _>>()?;
    let slots = pictures.iter().map(|p| p.slots(&plan.input, profile.slots())).collect::<Result<_, _>>()?;
    let level = plan.steps.iter().find(|step| step.op == Op::Input).map_or(0, |step| step.level.0);
    let execution = Execution::new(&plan, &weights, Clear::new(&plan))?;
    let input = execution.backend().input(slots, level)?;
    let (output, trace) = execution.run(input, &mut ())?;

    let mut right = 0;
    for ((file, truth), slots) in SAMPLES.iter().zip(output.images()) {
        let logits = plan.output.layout.unpack(slots);
        let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).ok_or("no logits")?;
        let label = &plan.network.labels[best];
        right += usize::from(label == truth);
        println!("{file:14} {label}");
    }
    println!("{right} of {} right, {:.2} s", SAMPLES.len(), trace.seconds());
    Ok(())
}
