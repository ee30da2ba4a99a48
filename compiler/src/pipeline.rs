//! The order of the passes, with a verifier and a translation check behind each of them.

mod translation;

use crate::elaborate::{check_weights, elaborate};
use crate::error::CompileError;
use crate::interpret::ActivationModel;
use crate::ir::{HeGraph, TensorGraph, he_text, verify_he, verify_tensor};
use crate::passes::PassError;
use crate::passes::assign_levels::assign_levels;
use crate::passes::choose_packing::{Packing, choose_packing};
use crate::passes::emit_plan::{Parts, emit_plan};
use crate::passes::fit_activations::fit_activations;
use crate::passes::fit_memory::fit_memory;
use crate::passes::fold_batch_norm::fold_batch_norm;
use crate::passes::fold_ranges::fold_ranges;
use crate::passes::insert_bootstraps::insert_bootstraps;
use crate::passes::lower_to_he::lower_to_he;
use crate::passes::schedule_rotation_keys::schedule_rotation_keys;
use crate::passes::share_rotation_keys::share_rotation_keys;
use crate::passes::skip_last_rescales::skip_last_rescales;
use crate::syntax;
use fhecc_plan::{Memory, Plan, Profile, Weights, digest_hex};
use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use translation::Translation;

/// All passes in order: names of their files, of their dumps, and of the places where compilation can stop.
pub const PASSES: [&str; 12] = [
    "fold_batch_norm",
    "choose_packing",
    "fold_ranges",
    "fit_activations",
    "lower_to_he",
    "share_rotation_keys",
    "skip_last_rescales",
    "insert_bootstraps",
    "assign_levels",
    "schedule_rotation_keys",
    "emit_plan",
    "fit_memory",
];

/// What a compilation is asked for besides the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompileOptions {
    /// What the plan calls the weights file.
    pub weights_file: String,
    /// BLAKE3 of the network's text, hexadecimal.
    pub source_digest: String,
    /// Bytes of memory that an evaluation may take; without, the fastest plan is made.
    pub memory: Option<u64>,
    /// Threads for which the plan keeps to its memory; [`Memory::THREADS`] if not given.
    pub threads: Option<u32>,
    /// Check after every pass that the network still computes the same.
    pub verify: bool,
    /// One of [`PASSES`] after which to stop, without a plan.
    pub stop_after: Option<String>,
    /// Those of [`PASSES`] after which to keep the program's text.
    pub dump_after: Vec<String>,
}

/// What one pass says it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassReport {
    /// The pass.
    pub pass: &'static str,
    /// In one line.
    pub summary: String,
}

/// The program after a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    /// The pass.
    pub pass: &'static str,
    /// Tensor graphs as a listing, ciphertext graphs in the form that [`he_text::parse`] reads, the plan as RON.
    pub text: String,
}

/// The result of a compilation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compilation {
    /// The plan, sealed; none if compilation was to stop earlier.
    pub plan: Option<Plan>,
    /// What every pass did, in order.
    pub reports: Vec<PassReport>,
    /// The dumps asked for, in order.
    pub dumps: Vec<Dump>,
    /// What the program computes instead of every activation, by path, for the cleartext interpreter. Known
    /// from `assign_levels` on.
    pub activations: BTreeMap<String, ActivationModel>,
}

/// Keeps reports and dumps, and knows when to stop.
struct Progress<'a> {
    options: &'a CompileOptions,
    result: Compilation,
}

impl Progress<'_> {
    /// Records `pass`; true if compilation ends here.
    fn after(
        &mut self,
        pass: &'static str,
        report: &dyn Display,
        text: impl FnOnce() -> Result<String, String>,
    ) -> Result<bool, CompileError> {
        self.result.reports.push(PassReport { pass, summary: report.to_string() });
        if self.options.dump_after.iter().any(|name| name == pass) {
            let text = text().map_err(bug(pass))?;
            self.result.dumps.push(Dump { pass, text });
        }
        Ok(self.options.stop_after.as_deref() == Some(pass))
    }
}

fn bug(pass: &'static str) -> impl Fn(String) -> CompileError {
    move |message| CompileError::Bug { pass, message }
}

fn failed(pass: &'static str) -> impl Fn(PassError) -> CompileError {
    move |error| match error {
        PassError::Network(diagnostics) => CompileError::Network(diagnostics),
        PassError::Memory(error) => CompileError::Memory(error),
        PassError::Bug(message) => CompileError::Bug { pass, message },
    }
}

fn listing(g: &TensorGraph, packing: Option<&Packing>) -> String {
    let mut text = g.graph.to_string();
    for (id, layout) in packing.into_iter().flatten() {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{} at {layout:?}", g.graph.op(*id).path);
    }
    text
}

fn he_listing(graph: &HeGraph) -> Result<String, String> {
    he_text::print(graph).map_err(|_| "the graph cannot be printed".to_owned())
}

/// Compiles the text of a network. The digest of the text in the plan is taken from `source`.
///
/// # Errors
///
/// [`CompileError`]; [`CompileError::Network`] for everything that the text, the weights or the profile are
/// responsible for.
pub fn compile(
    source: &str,
    weights: &Weights,
    profile: &Profile,
    options: &CompileOptions,
) -> Result<Compilation, CompileError> {
    let ast = syntax::parse(source).map_err(CompileError::Network)?;
    let graph = elaborate(&ast).map_err(CompileError::Network)?;
    let options = CompileOptions { source_digest: digest_hex(source.as_bytes()), ..options.clone() };
    compile_graph(graph, weights, profile, &options)
}

/// Compiles `graph` with `weights` for `profile`.
///
/// # Errors
///
/// [`CompileError`].
pub fn compile_graph(
    mut g: TensorGraph,
    weights: &Weights,
    profile: &Profile,
    options: &CompileOptions,
) -> Result<Compilation, CompileError> {
    if let Some(name) =
        options.stop_after.iter().chain(&options.dump_after).find(|n| !PASSES.contains(&n.as_str()))
    {
        return Err(CompileError::UnknownPass(name.clone()));
    }
    let mut progress = Progress { options, result: Compilation::default() };
    verify_tensor::verify(&g).map_err(bug("elaborate"))?;

    let diagnostics = check_weights(&g, weights);
    if !diagnostics.is_empty() {
        return Err(CompileError::Network(diagnostics));
    }
    let translation = options
        .verify
        .then(|| Translation::new(&g, weights, profile))
        .transpose()
        .map_err(bug("elaborate"))?;

    let pass = "fold_batch_norm";
    let report = fold_batch_norm(&mut g).map_err(failed(pass))?;
    tensor_checks(pass, &g, translation.as_ref())?;
    if progress.after(pass, &report, || Ok(listing(&g, None)))? {
        return Ok(progress.result);
    }

    let pass = "choose_packing";
    let (packing, report) = choose_packing(&mut g, profile).map_err(failed(pass))?;
    tensor_checks(pass, &g, translation.as_ref())?;
    if progress.after(pass, &report, || Ok(listing(&g, Some(&packing))))? {
        return Ok(progress.result);
    }

    let pass = "fold_ranges";
    let (ranges, report) = fold_ranges(&g, &packing, weights, profile).map_err(failed(pass))?;
    let factors = || {
        let line = |(id, factor): (&_, &f64)| format!("{} * {factor}\n", g.graph.op(*id).path);
        Ok(ranges.factors.iter().map(line).collect())
    };
    if progress.after(pass, &report, factors)? {
        return Ok(progress.result);
    }

    let pass = "fit_activations";
    let (fits, report) = fit_activations(&g, &ranges, weights, profile).map_err(failed(pass))?;
    let polynomials = || {
        let line = |(id, fit): (&_, &_)| format!("{}: {fit:?}\n", g.graph.op(*id).path);
        Ok(fits.iter().map(line).collect())
    };
    if progress.after(pass, &report, polynomials)? {
        return Ok(progress.result);
    }

    let pass = "lower_to_he";
    let (mut he, report) = lower_to_he(&g, &packing, &ranges, &fits, profile).map_err(failed(pass))?;
    verify_he::verify(&he, profile.slots()).map_err(bug(pass))?;
    if let Some(translation) = &translation {
        translation.ciphertexts(&g, &he, &ranges, &fits).map_err(bug(pass))?;
    }
    if progress.after(pass, &report, || he_listing(&he))? {
        return Ok(progress.result);
    }

    let pass = "share_rotation_keys";
    let report = share_rotation_keys(&mut he, profile).map_err(failed(pass))?;
    verify_he::verify(&he, profile.slots()).map_err(bug(pass))?;
    if progress.after(pass, &report, || he_listing(&he))? {
        return Ok(progress.result);
    }

    let pass = "skip_last_rescales";
    let report = skip_last_rescales(&mut he, profile).map_err(failed(pass))?;
    verify_he::verify(&he, profile.slots()).map_err(bug(pass))?;
    if progress.after(pass, &report, || he_listing(&he))? {
        return Ok(progress.result);
    }

    let pass = "insert_bootstraps";
    let report = insert_bootstraps(&mut he, profile).map_err(failed(pass))?;
    verify_he::verify(&he, profile.slots()).map_err(bug(pass))?;
    if progress.after(pass, &report, || he_listing(&he))? {
        return Ok(progress.result);
    }

    let pass = "assign_levels";
    let (leveled, report) = assign_levels(he, profile).map_err(failed(pass))?;
    verify_he::verify(leveled.graph(), profile.slots()).map_err(bug(pass))?;
    if let Some(translation) = &translation {
        translation.ciphertexts(&g, leveled.graph(), &ranges, &fits).map_err(bug(pass))?;
    }
    progress.result.activations = translation::models(&g, leveled.graph(), &ranges, &fits, profile);
    if progress.after(pass, &report, || he_listing(leveled.graph()))? {
        return Ok(progress.result);
    }

    let pass = "schedule_rotation_keys";
    let (keys, report) = schedule_rotation_keys(&leveled, profile).map_err(failed(pass))?;
    let listed = || Ok(keys.iter().map(|key| format!("{key:?}\n")).collect());
    if progress.after(pass, &report, listed)? {
        return Ok(progress.result);
    }

    let pass = "emit_plan";
    let parts = Parts {
        tensors: &g,
        graph: &leveled,
        ranges: &ranges,
        keys: &keys,
        weights,
        profile,
        weights_file: &options.weights_file,
        source_digest: &options.source_digest,
    };
    let (plan, report) = emit_plan(&parts).map_err(failed(pass))?;
    if progress.after(pass, &report, || plan.clone().seal().map_err(|e| e.to_string()))? {
        return Ok(progress.result);
    }

    let pass = "fit_memory";
    let threads = options.threads.unwrap_or(Memory::THREADS);
    let (plan, report) = fit_memory(plan, options.memory, threads).map_err(failed(pass))?;
    let stop = progress.after(pass, &report, || plan.clone().seal().map_err(|e| e.to_string()))?;
    progress.result.plan = (!stop).then_some(plan);
    Ok(progress.result)
}

fn tensor_checks(
    pass: &'static str,
    g: &TensorGraph,
    translation: Option<&Translation<'_>>,
) -> Result<(), CompileError> {
    verify_tensor::verify(g).map_err(bug(pass))?;
    if let Some(translation) = translation {
        translation.tensors(g).map_err(bug(pass))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
