//! `fhecc compile`

use crate::args::{Compile, Emit};
use crate::error::Failure;
use crate::files;
use crate::output;
use crate::program::{Network, relative};
use fhecc_compiler::{Compilation, CompileOptions, ir, pipeline};
use fhecc_plan::{Counts, Plan, PlanError};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(Serialize)]
struct Summary<'a> {
    schema: u32,
    network: &'a str,
    profile: &'a str,
    plan: Option<String>,
    digest: Option<&'a str>,
    passes: Vec<PassSummary<'a>>,
    predicted: Option<Counts>,
    forms: Vec<Form>,
    seconds: f64,
}

#[derive(Serialize)]
struct PassSummary<'a> {
    pass: &'a str,
    summary: &'a str,
}

#[derive(Serialize)]
struct Form {
    name: &'static str,
    text: String,
}

/// Compiles a network and writes the plan.
pub(crate) fn compile(args: &Compile) -> Result<(), Failure> {
    let begin = Instant::now();
    let network = Network::open(&args.network)?;
    let (weights_path, weights) = network.weights(args.sources.weights.as_deref(), true)?;
    let output = args.output.clone().unwrap_or_else(|| default_output(&args.network));
    let he = args.emit.contains(&Emit::He).then(|| HE_PASS.to_owned());
    let options = CompileOptions {
        weights_file: relative(&weights_path, output.parent().unwrap_or(Path::new(""))),
        memory: args.sources.memory.map(|size| size.0),
        threads: Some(args.threads.into()),
        verify: args.verify,
        stop_after: args.stop_after.clone(),
        dump_after: args.dump_after.iter().cloned().chain(he).collect(),
        ..CompileOptions::default()
    };
    let (mut compiled, profile) = network.compile_for(&weights, args.sources.profile.as_deref(), &options)?;
    let forms = forms(args, &network, &compiled)?;
    if let Some(plan) = &mut compiled.plan {
        let text = plan.seal().map_err(|e: PlanError| Failure::plan(&output, &e))?;
        files::write_whole(&output, text.as_bytes())?;
    }
    let seconds = begin.elapsed().as_secs_f64();
    let plan = compiled.plan.as_ref();
    if args.json {
        return output::json(&Summary {
            schema: 1,
            network: &network.graph.name,
            profile: &profile.name,
            plan: plan.map(|_| output.display().to_string()),
            digest: plan.map(|plan| plan.digest.as_str()),
            passes: compiled
                .reports
                .iter()
                .map(|r| PassSummary { pass: r.pass, summary: &r.summary })
                .collect(),
            predicted: plan.map(|plan| plan.predicted),
            forms,
            seconds,
        });
    }
    let mut text = String::new();
    for form in &forms {
        text += &format!("== {}\n{}\n", form.name, form.text.trim_end());
    }
    text += &report(&compiled);
    if let Some(plan) = plan {
        text += &described(plan);
        text += &format!("wrote {} in {seconds:.2} s\n", output.display());
    }
    output::result(&text)
}

/// The pass behind which the program is final.
const HE_PASS: &str = "assign_levels";

fn default_output(network: &Path) -> PathBuf {
    let stem = network.file_stem().unwrap_or_default().to_string_lossy();
    PathBuf::from(format!("{stem}.plan.ron"))
}

fn forms(args: &Compile, network: &Network, compiled: &Compilation) -> Result<Vec<Form>, Failure> {
    let mut forms = Vec::new();
    for emit in &args.emit {
        let (name, text) = match emit {
            Emit::Ast => {
                let text = fhecc_compiler::format(network.text());
                ("ast", text.map_err(|found| network.complaints(&found))?)
            }
            Emit::Graph => ("graph", network.graph.graph.to_string()),
            Emit::Dot => ("dot", ir::dot::tensor_dot(&network.graph)),
            Emit::He => ("he", dump(compiled, HE_PASS)),
        };
        forms.push(Form { name, text });
    }
    if let Some(pass) = &args.dump_after
        && let Some(known) = pipeline::PASSES.iter().find(|known| *known == pass)
    {
        forms.push(Form { name: known, text: dump(compiled, known) });
    }
    Ok(forms)
}

fn dump(compiled: &Compilation, pass: &str) -> String {
    compiled.dumps.iter().find(|dump| dump.pass == pass).map(|dump| dump.text.clone()).unwrap_or_default()
}

fn report(compiled: &Compilation) -> String {
    let width = compiled.reports.iter().map(|r| r.pass.len()).max().unwrap_or(0);
    compiled.reports.iter().map(|r| format!("{:width$}  {}\n", r.pass, r.summary)).collect()
}

fn described(plan: &Plan) -> String {
    let parameters = &plan.parameters;
    format!(
        "profile {}: N = 2^{}, log2(QP) = {}, 128-bit security\n",
        parameters.name,
        parameters.log_n,
        parameters.log_qp()
    )
}
