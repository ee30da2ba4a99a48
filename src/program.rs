//! From the files a user names to what can be executed.

use crate::args::Sources;
use crate::error::Failure;
use crate::exit::Status;
use crate::files;
use crate::output;
use crate::profiles;
use fhecc_compiler::diagnostics::{Diagnostic, render};
use fhecc_compiler::ir::TensorGraph;
use fhecc_compiler::{
    Compilation, CompileError, CompileOptions, MemoryError, check_weights, compile_graph, elaborate, parse,
};
use fhecc_plan::{CheckedPlan, InputSpec, Layout, Plan, PlanError, Profile, Weights, digest_hex};
use fhecc_runtime::weights;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Longest network text that is read.
const MAX_NETWORK_BYTES: u64 = 1 << 20;

/// A network's text, parsed and analysed.
#[derive(Debug)]
pub(crate) struct Network {
    path: PathBuf,
    text: String,
    /// Its layers.
    pub(crate) graph: TensorGraph,
}

impl Network {
    /// Reads a .net file and reports everything that is wrong with it.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let text = files::read_text(path, "the network", MAX_NETWORK_BYTES)?;
        let graph =
            parse(&text).and_then(|ast| elaborate(&ast)).map_err(|found| rendered(path, &text, &found))?;
        Ok(Self { path: path.to_owned(), text, graph })
    }

    /// Its text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Its input, not divided by any range: what training saw.
    pub(crate) fn input_spec(&self) -> InputSpec {
        let shape = self.graph.graph.op(self.graph.input).shape;
        InputSpec {
            mean: self.graph.mean.clone(),
            std: self.graph.std.clone(),
            range: 1.0,
            layout: Layout::dense(shape.channels, shape.height, shape.width),
        }
    }

    /// The compiler's complaints, shown in the text.
    pub(crate) fn complaints(&self, found: &[Diagnostic]) -> Failure {
        rendered(&self.path, &self.text, found)
    }

    /// Where its weights are: as given, or as the text says, relative to the text's own folder.
    pub(crate) fn weights_path(&self, given: Option<&Path>) -> Result<PathBuf, Failure> {
        match (given, &self.graph.weights) {
            (Some(path), _) => Ok(path.to_owned()),
            (None, Some(named)) => Ok(self.path.parent().unwrap_or(Path::new("")).join(named)),
            (None, None) => Err(Failure::usage(format!(
                "{} names no weights file. Write `weights \"FILE\"` in it, or give --weights FILE.",
                self.path.display()
            ))),
        }
    }

    /// Its weights, checked against its layers. Calibration data may be missing if `calibrated` is not set.
    pub(crate) fn weights(
        &self,
        given: Option<&Path>,
        calibrated: bool,
    ) -> Result<(PathBuf, Weights), Failure> {
        let path = self.weights_path(given)?;
        let weights = read_weights(&path)?;
        let mut found = check_weights(&self.graph, &weights);
        found.retain(|d| calibrated || d.code != UNCALIBRATED);
        if found.is_empty() { Ok((path, weights)) } else { Err(self.complaints(&found)) }
    }
}

/// Why there is no plan for a profile.
type Refusal = (CompileError, Profile);

impl Network {
    /// Compiles it for the profile of this name, or for the one of [`profiles::choices`] that promises the least time.
    ///
    /// Compilation that stops early makes no plans to compare: it uses the default profile.
    pub(crate) fn compile_for(
        &self,
        weights: &Weights,
        profile: Option<&str>,
        options: &CompileOptions,
    ) -> Result<(Compilation, Profile), Failure> {
        self.best(weights, profile, options)?
            .map_err(|(error, profile)| self.failure(error, &profile, options.verify))
    }

    /// The plan for these sources' profile and memory, with weights from anywhere.
    pub(crate) fn plan(
        &self,
        weights: &Weights,
        sources: &Sources,
        options: CompileOptions,
    ) -> Result<CheckedPlan, Failure> {
        let options = CompileOptions { memory: sources.memory.map(|size| size.0), ..options };
        let (compiled, _) = self.compile_for(weights, sources.profile.as_deref(), &options)?;
        let plan = compiled.plan.ok_or_else(|| Failure::bug(&"the compiler gave no plan"))?;
        CheckedPlan::new(plan).map_err(|e| Failure::plan(&self.path, &PlanError::Check(e)))
    }

    /// The smallest memory budget in bytes for which there is a plan.
    pub(crate) fn smallest_budget(&self, weights: &Weights, profile: Option<&str>) -> Result<u64, Failure> {
        let options = CompileOptions { memory: Some(1), ..CompileOptions::default() };
        match self.best(weights, profile, &options)? {
            Err((CompileError::Memory(MemoryError::TooSmall { smallest, .. }), _)) => Ok(smallest),
            Err((error, profile)) => Err(self.failure(error, &profile, false)),
            Ok(_) => Err(Failure::bug(&"there is a plan that takes no memory")),
        }
    }

    /// The best compilation, or the refusal to report.
    fn best(
        &self,
        weights: &Weights,
        profile: Option<&str>,
        options: &CompileOptions,
    ) -> Result<Result<(Compilation, Profile), Refusal>, Failure> {
        let named = profile.is_some() || options.stop_after.is_some();
        let profiles = if named {
            vec![profiles::load(profile.unwrap_or(profiles::DEFAULT))?]
        } else {
            profiles::choices()?
        };
        let compiled: Vec<_> = profiles
            .into_par_iter()
            .map(|profile| (self.try_compile(weights, &profile, options.clone()), profile))
            .collect();
        let (mut best, mut refused) = (None, None);
        for (result, profile) in compiled {
            match result {
                Ok(found) => {
                    best = Some(match best {
                        Some(best) => quicker(best, (found, profile)),
                        None => (found, profile),
                    });
                }
                Err(error) => {
                    refused = Some(match refused {
                        Some(refused) => nearer(refused, (error, profile)),
                        None => (error, profile),
                    });
                }
            }
        }
        match (best, refused) {
            (Some(best), _) => Ok(Ok(best)),
            (None, Some(refused)) => Ok(Err(refused)),
            (None, None) => Err(Failure::new(Status::Other, "there is no built-in profile.")),
        }
    }

    /// Compiles it; `options` need neither the weights' name nor the text's digest.
    fn try_compile(
        &self,
        weights: &Weights,
        profile: &Profile,
        options: CompileOptions,
    ) -> Result<Compilation, CompileError> {
        let options = CompileOptions { source_digest: digest_hex(self.text.as_bytes()), ..options };
        compile_graph(self.graph.clone(), weights, profile, &options)
    }

    fn failure(&self, error: CompileError, profile: &Profile, verify: bool) -> Failure {
        // A pass that changes what the network computes is noticed by the checks of --verify.
        let bug = if verify { Status::CheckFailed } else { Status::Other };
        match error {
            CompileError::Network(found) => self.complaints(&found),
            CompileError::UnknownPass(_) | CompileError::Memory(MemoryError::NoFigures { .. }) => {
                Failure::usage(format!("{error}."))
            }
            CompileError::Memory(MemoryError::TooSmall { smallest, .. }) => Failure::resources(format!(
                "{}: profile {}: {error}. The smallest budget that works is --memory {}MiB.",
                self.path.display(),
                profile.name,
                smallest.div_ceil(1 << 20)
            )),
            CompileError::Bug { .. } | _ => Failure::new(bug, format!("{}: {error}.", self.path.display())),
        }
    }
}

/// Of two refusals the one to report: of budgets too small the one nearest to it, otherwise what the first profile
/// says, which the others repeat as a rule.
fn nearer(a: Refusal, b: Refusal) -> Refusal {
    let smallest = |error: &CompileError| {
        if let CompileError::Memory(MemoryError::TooSmall { smallest, .. }) = error {
            return Some(*smallest);
        }
        None
    };
    match (smallest(&a.0), smallest(&b.0)) {
        (Some(first), Some(second)) if second < first => b,
        _ => a,
    }
}

/// The compilation with the smaller predicted time, the first if they are equal.
fn quicker(a: (Compilation, Profile), b: (Compilation, Profile)) -> (Compilation, Profile) {
    let seconds = |compiled: &(Compilation, Profile)| {
        compiled.0.plan.as_ref().map_or(f64::INFINITY, |plan| plan.predicted.seconds)
    };
    if seconds(&b) < seconds(&a) { b } else { a }
}

/// What can be executed: a plan and the weights it was compiled for.
#[derive(Debug)]
pub(crate) struct Program {
    /// The plan.
    pub(crate) plan: CheckedPlan,
    /// The weights.
    pub(crate) weights: Weights,
    /// The network, where the user named that.
    pub(crate) network: Option<Network>,
}

impl Program {
    /// Opens a plan, or compiles a .net file.
    pub(crate) fn open(path: &Path, sources: &Sources) -> Result<Self, Failure> {
        if path.extension().is_some_and(|e| e == "net") {
            return Self::compile(path, sources);
        }
        if sources.memory.is_some() {
            return Err(Failure::usage(format!(
                "--memory cannot change {}, which was compiled for the memory it takes. Compile the network again with that budget.",
                path.display()
            )));
        }
        if sources.profile.is_some() {
            return Err(Failure::usage(format!(
                "--profile cannot change {}, whose parameters were chosen when it was compiled. Compile the network again with that profile.",
                path.display()
            )));
        }
        let plan = read_plan(path)?;
        let weights = match &sources.weights {
            Some(given) => read_weights(given)?,
            None => read_weights(&weights_of_plan(path, &plan)?)?,
        };
        weights::check(&weights, &plan).map_err(|e| Failure::weights(path, &e))?;
        Ok(Self { plan, weights, network: None })
    }

    fn compile(path: &Path, sources: &Sources) -> Result<Self, Failure> {
        let network = Network::open(path)?;
        let (file, weights) = network.weights(sources.weights.as_deref(), true)?;
        let options =
            CompileOptions { weights_file: file.display().to_string(), ..CompileOptions::default() };
        let plan = network.plan(&weights, sources, options)?;
        Ok(Self { plan, weights, network: Some(network) })
    }
}

/// Longest plan that is read.
const MAX_PLAN_BYTES: u64 = 1 << 26;

/// Reads and checks a plan.
pub(crate) fn read_plan(path: &Path) -> Result<CheckedPlan, Failure> {
    let text = files::read_text(path, "the plan", MAX_PLAN_BYTES)?;
    if is_cut(&text) {
        return Err(Failure::integrity(format!(
            "{}: the plan ends after {} bytes, in the middle. Copy it again, or compile the network again.",
            path.display(),
            text.len()
        )));
    }
    Plan::from_text(&text)
        .and_then(|plan| CheckedPlan::new(plan).map_err(PlanError::Check))
        .map_err(|e| Failure::plan(path, &e))
}

/// Whether a text begins like a plan and ends before its brackets are closed.
fn is_cut(text: &str) -> bool {
    // RON's extensions may be named before the value.
    if !(text.starts_with('(') || text.starts_with("#![")) {
        return false;
    }
    let (mut open, mut quoted, mut escaped) = (0u64, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    quoted || open > 0
}

/// Where a plan's weights are: beside the plan, or as named from the working folder.
fn weights_of_plan(path: &Path, plan: &Plan) -> Result<PathBuf, Failure> {
    let named = Path::new(&plan.weights_file);
    let beside = path.parent().unwrap_or(Path::new("")).join(named);
    if beside.exists() {
        return Ok(beside);
    }
    if named.exists() {
        return Ok(named.to_owned());
    }
    Err(Failure::bad_input(format!(
        "the weights of {} are neither at {} nor at {}. Say where they are with --weights FILE.",
        path.display(),
        beside.display(),
        named.display()
    )))
}

/// `file` as seen from `folder`, with forward slashes, so that a plan can be moved together with its weights.
pub(crate) fn relative(file: &Path, folder: &Path) -> String {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let (Ok(to), Ok(from)) = (file.canonicalize(), folder.canonicalize()) else {
        return file.display().to_string();
    };
    let common = to.components().zip(from.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(common).map(|_| "..".to_owned());
    let down = to.components().skip(common).map(|c| c.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

/// The code of a missing range or density.
const UNCALIBRATED: &str = "E0704";

/// Reads a weights file.
pub(crate) fn read_weights(path: &Path) -> Result<Weights, Failure> {
    weights::read(path, weights::DEFAULT_MAX_BYTES).map_err(|e| Failure::weights(path, &e))
}

fn rendered(path: &Path, text: &str, found: &[Diagnostic]) -> Failure {
    let message = render(text, &path.display().to_string(), found, output::colour());
    // Codes from E0700 on speak of weights, which are sound but do not fit the network.
    let about_weights = found.iter().all(|d| d.code.starts_with("E07") && d.code != "E0703");
    Failure {
        status: if about_weights { Status::Mismatch } else { Status::BadInput },
        message,
        rendered: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cut_short_are_told_from_whole_ones() {
        let whole = r#"#![enable(implicit_some)](a: [1, 2], b: "x)\\\" (", c: {})"#;
        assert!(!is_cut(whole));
        assert!(!is_cut("no plan"));
        for end in whole.find("(a").expect("there") + 1..whole.len() {
            assert!(is_cut(&whole[..end]), "{}", &whole[..end]);
        }
    }
}
