//! `fhecc tune`

use crate::args::Tune;
use crate::bench::{costs, shown};
use crate::error::Failure;
use crate::exit::Status;
use crate::files;
use crate::output;
use crate::profiles;
use fhecc_plan::{Costs, Level, Profile};
use serde::Serialize;

#[derive(Serialize)]
struct Change {
    old: f64,
    new: f64,
}

#[derive(Serialize)]
struct LevelChange {
    level: u8,
    #[serde(flatten)]
    figures: std::collections::BTreeMap<&'static str, Change>,
}

#[derive(Serialize)]
struct Summary<'a> {
    schema: u32,
    profile: &'a str,
    output: String,
    instruction_set: &'static str,
    repeats: usize,
    bootstrap_ms: Change,
    levels: Vec<LevelChange>,
}

/// Measures the costs by which the compiler chooses, and writes a profile with them.
pub(crate) fn tune(args: &Tune) -> Result<(), Failure> {
    if args.output.extension().is_none_or(|e| e != "ron") {
        return Err(Failure::usage(format!(
            "-o {}: a profile is known by its ending. Give a name that ends in .ron.",
            args.output.display()
        )));
    }
    let name = args.profile.as_deref().unwrap_or(profiles::DEFAULT);
    let old = profiles::load(name)?;
    let instruction_set = fhecc_kernels::isa().map_err(|e| Failure::usage(format!("{e}.")))?.name();
    let repeats = usize::from(args.repeats);
    let costs = costs::measure(&old, repeats)?;
    let new = Profile { costs, ..old.clone() };
    new.check().map_err(|e| Failure::new(Status::Other, format!("the measured costs are unusable: {e}.")))?;
    let text = new.to_ron().map_err(|e| Failure::profile(name, &e))?;
    let heading = format!(
        "// Costs measured by `fhecc tune` {}: milliseconds on one core, {instruction_set} kernels.\n",
        env!("CARGO_PKG_VERSION")
    );
    files::write_whole(&args.output, format!("{heading}{text}\n").as_bytes())?;
    let summary = Summary {
        schema: 1,
        profile: &new.name,
        output: args.output.display().to_string(),
        instruction_set,
        repeats,
        bootstrap_ms: Change { old: old.costs.bootstrap_ms, new: new.costs.bootstrap_ms },
        levels: changes(&old.costs, &new.costs),
    };
    if args.json { output::json(&summary) } else { output::result(&described(&summary)) }
}

fn changes(old: &Costs, new: &Costs) -> Vec<LevelChange> {
    let level = |entry: &fhecc_plan::LevelCosts| {
        let before = old.at(Level(entry.level)).figures();
        let pairs = before.into_iter().zip(entry.figures());
        let figures = pairs.map(|((name, old), (_, new))| (name, Change { old, new })).collect();
        LevelChange { level: entry.level, figures }
    };
    new.levels.iter().map(level).collect()
}

/// What each figure is, in the order in which it is shown.
const COLUMNS: [(&str, &str); 6] = [
    ("linear_ms", "linear map"),
    ("baby_ms", "baby step"),
    ("giant_ms", "giant step"),
    ("diagonal_ms", "diagonal"),
    ("rotation_ms", "rotation"),
    ("multiply_ms", "product"),
];

fn described(summary: &Summary<'_>) -> String {
    let arrow = |change: &Change| format!("{} -> {}", shown(change.old), shown(change.new));
    let heading = COLUMNS.iter().map(|(_, title)| (*title).to_owned());
    let mut rows = vec![std::iter::once("level".to_owned()).chain(heading).collect::<Vec<_>>()];
    for level in &summary.levels {
        let cells = COLUMNS.iter().map(|(name, _)| level.figures.get(name).map(arrow).unwrap_or_default());
        rows.push(std::iter::once(level.level.to_string()).chain(cells).collect());
    }
    format!(
        "costs of profile {}, ms on one core, {} kernels, medians of {} runs; old -> new\n{}  bootstrap: {}\n\
         {} written; use it with --profile {}\n",
        summary.profile,
        summary.instruction_set,
        summary.repeats,
        output::table(&rows),
        arrow(&summary.bootstrap_ms),
        summary.output,
        summary.output
    )
}
