//! What each budget costs.

use crate::args::{Explain, Sources};
use crate::byte_size::ByteSize;
use crate::error::Failure;
use crate::files;
use crate::output;
use fhecc_compiler::CompileOptions;
use fhecc_plan::prediction::MemoryUse;
use fhecc_plan::{CheckedPlan, Memory};
use serde::Serialize;

/// Budgets between the fastest plan and the smallest.
const BUDGETS: u64 = 10;

#[derive(Debug, Serialize)]
struct Point {
    /// Bytes; none for the fastest plan.
    budget: Option<u64>,
    peak: u64,
    seconds: f64,
    profile: String,
    rotations: String,
    block_bytes: u64,
    upload: u64,
    on_disk: u64,
}

#[derive(Debug, Serialize)]
struct Sweep {
    schema: u32,
    network: String,
    threads: u32,
    points: Vec<Point>,
}

/// Compiles for a row of budgets and shows what becomes of time and keys.
pub(super) fn sweep(args: &Explain) -> Result<(), Failure> {
    let (network, weights) = super::network(args)?;
    let compile = |budget: Option<u64>| {
        let sources = Sources { memory: budget.map(ByteSize), ..args.sources.clone() };
        network.plan(&weights, &sources, CompileOptions::default())
    };
    let fastest = compile(None)?;
    let top = fastest.memory.peak_bytes.ok_or_else(|| super::unpredicted(&fastest))?;
    let bottom = network.smallest_budget(&weights, args.sources.profile.as_deref())?;
    let bottom = bottom.div_ceil(1 << 20) << 20;
    let mut points = vec![point(&fastest)?];
    for step in 1..=BUDGETS {
        // In whole MiB, as people give budgets, and never too little.
        let budget = top - top.saturating_sub(bottom) * step / BUDGETS;
        let budget = bottom.max(budget >> 20 << 20);
        points.push(point(&compile(Some(budget))?)?);
    }
    let sweep = Sweep { schema: 1, network: fastest.network.name.clone(), threads: Memory::THREADS, points };
    if let Some(path) = &args.svg {
        files::write_whole(path, picture(&sweep).as_bytes())?;
    }
    if args.json { output::json(&sweep) } else { output::result(&text(&sweep)) }
}

fn point(plan: &CheckedPlan) -> Result<Point, Failure> {
    let memory =
        MemoryUse::predict(plan, plan.memory.threads.into()).ok_or_else(|| super::unpredicted(plan))?;
    Ok(Point {
        budget: plan.memory.budget,
        peak: memory.peak(),
        seconds: plan.predicted.seconds,
        profile: plan.parameters.name.clone(),
        rotations: format!("{:?}", plan.parameters.bootstrap.rotations).to_lowercase(),
        block_bytes: plan.memory.block_bytes,
        upload: memory.key_bytes(),
        on_disk: memory.keys.iter().map(|group| group.on_disk).sum(),
    })
}

fn text(sweep: &Sweep) -> String {
    let fastest = sweep.points.first().map_or(1.0, |point| point.seconds);
    let heading =
        ["budget", "peak", "seconds", "of fastest", "profile", "bootstraps", "block", "upload", "on disk"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for point in &sweep.points {
        rows.push(vec![
            point.budget.map_or("none".to_owned(), output::bytes),
            output::bytes(point.peak),
            format!("{:.1}", point.seconds),
            format!("{:.2}", point.seconds / fastest),
            point.profile.clone(),
            point.rotations.clone(),
            output::bytes(point.block_bytes),
            output::bytes(point.upload),
            output::bytes(point.on_disk),
        ]);
    }
    format!(
        "{}: predicted for {} threads; seconds on two cores\n{}",
        sweep.network,
        sweep.threads,
        output::table(&rows)
    )
}

/// Time over budget, as an SVG of its own.
fn picture(sweep: &Sweep) -> String {
    const SIZE: (f64, f64) = (640.0, 360.0);
    const MARGIN: f64 = 60.0;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let most = |of: &dyn Fn(&Point) -> f64| sweep.points.iter().map(of).fold(0.0, f64::max) * 1.1;
    let (widest, highest) = (most(&|p| mib(p.peak)), most(&|p| p.seconds));
    let x = |bytes: f64| MARGIN + (SIZE.0 - 2.0 * MARGIN) * bytes / widest;
    let y = |seconds: f64| SIZE.1 - MARGIN - (SIZE.1 - 2.0 * MARGIN) * seconds / highest;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        SIZE.0, SIZE.1
    );
    let mut line = |text: String| {
        svg.push_str(&text);
        svg.push('\n');
    };
    let (left, bottom) = (x(0.0), y(0.0));
    line(format!(
        "<path d=\"M{left:.1} {:.1}V{bottom:.1}H{:.1}\" fill=\"none\" stroke=\"black\"/>",
        y(highest),
        x(widest)
    ));
    for tick in 1..=4 {
        let share = f64::from(tick) / 4.0 / 1.1;
        let (memory, seconds) = (widest * share, highest * share);
        line(format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{memory:.0}</text>",
            x(memory),
            bottom + 18.0
        ));
        line(format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{seconds:.1}</text>",
            left - 6.0,
            y(seconds) + 4.0
        ));
    }
    line(format!(
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">predicted peak, MiB</text>",
        SIZE.0 / 2.0,
        SIZE.1 - 12.0
    ));
    line(format!("<text x=\"{left:.1}\" y=\"24\">{}: predicted seconds on two cores</text>", sweep.network));
    let mut points: Vec<&Point> = sweep.points.iter().collect();
    points.sort_by_key(|point| point.peak);
    let path: Vec<String> =
        points.iter().map(|p| format!("{:.1} {:.1}", x(mib(p.peak)), y(p.seconds))).collect();
    line(format!("<path d=\"M{}\" fill=\"none\" stroke=\"#1f77b4\"/>", path.join("L")));
    for point in points {
        let colour = if point.on_disk > 0 { "white" } else { "#1f77b4" };
        line(format!(
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\" fill=\"{colour}\" stroke=\"#1f77b4\"><title>{}, {} bootstraps: {:.0} MiB, {:.1} s</title></circle>",
            x(mib(point.peak)),
            y(point.seconds),
            point.profile,
            point.rotations,
            mib(point.peak),
            point.seconds
        ));
    }
    svg + "</svg>\n"
}
