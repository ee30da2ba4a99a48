//! `fhecc calibrate`

use crate::args::Calibrate;
use crate::error::Failure;
use crate::files;
use crate::image_files::Folder;
use crate::output;
use crate::program::Network;
use crate::progress::Counter;
use fhecc_compiler::interpret::{Histogram, Interpreter, Observer, RangeObserver};
use fhecc_plan::{InputSpec, Tensor, Weights};
use fhecc_runtime::images::{self, CifarFile, ImageRgb};
use fhecc_runtime::weights;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Bins of a density.
const BINS: usize = 256;

#[derive(Serialize)]
struct Summary<'a> {
    schema: u32,
    network: &'a str,
    images: usize,
    ranges: &'a BTreeMap<String, f64>,
    output: String,
}

/// Measures every activation's argument with exact activations, and stores range and density with the weights. The
/// range of a trained polynomial is part of it and stays.
pub(crate) fn calibrate(args: &Calibrate) -> Result<(), Failure> {
    let network = Network::open(&args.network)?;
    let (_, mut weights) = network.weights(args.weights.as_deref(), false)?;
    let input = network.input_spec();
    let tensors = match (&args.cifar10, &args.images) {
        (Some(path), _) => cifar_tensors(path, args.count as usize, &input)?,
        (None, Some(folder)) => folder_tensors(folder, args.count as usize, &input)?,
        (None, None) => return Err(Failure::usage("give --cifar10 FILE or --images FOLDER.")),
    };
    let interpreter = Interpreter::<f32>::new(&network.graph, &weights)
        .map_err(|e| Failure::mismatch(format!("{}: {e}.", args.network.display())))?;
    let mut ranges = measure_ranges(&interpreter, &tensors);
    for (path, range) in &mut ranges {
        let own = weights.get(&format!("{path}.polynomial")).and(weights.get(&format!("{path}.range")));
        let Some(&own) = own.and_then(|tensor| tensor.values.first()) else { continue };
        if *range > f64::from(own) {
            output::note(&format!(
                "warning: `{path}` reads values up to {range:.4}; its polynomial was trained for {own:.4}.\n"
            ));
        }
        *range = own.into();
    }
    let densities = measure_densities(&interpreter, &tensors, &ranges);
    for (path, range) in &ranges {
        store(&mut weights, format!("{path}.range"), vec![*range as f32]);
        store(&mut weights, format!("{path}.density"), densities.get(path).cloned().unwrap_or_default());
    }
    let bytes = weights::to_bytes(&weights).map_err(|e| Failure::weights(&args.output, &e))?;
    files::write_whole(&args.output, &bytes)?;
    if args.json {
        return output::json(&Summary {
            schema: 1,
            network: &network.graph.name,
            images: tensors.len(),
            ranges: &ranges,
            output: args.output.display().to_string(),
        });
    }
    let rows: Vec<Vec<String>> =
        ranges.iter().map(|(path, range)| vec![path.clone(), format!("{range:.4}")]).collect();
    output::result(&format!(
        "largest magnitude at every activation, over {} images\n{}wrote {}\n",
        tensors.len(),
        output::table(&rows),
        args.output.display()
    ))
}

fn store(weights: &mut Weights, name: String, values: Vec<f32>) {
    weights.insert(name, Tensor { shape: vec![values.len() as u64], values });
}

fn measure_ranges(interpreter: &Interpreter<f32>, tensors: &[Vec<f32>]) -> BTreeMap<String, f64> {
    let counter = Counter::new("ranges", tensors.len());
    let parts = tensors.par_chunks(share(tensors.len())).map(|part| {
        let mut observer = RangeObserver::default();
        run(interpreter, part, &mut observer, &counter);
        observer.ranges
    });
    parts.reduce(BTreeMap::new, |mut all, part| {
        for (path, range) in part {
            let entry = all.entry(path).or_insert(0.0f64);
            *entry = entry.max(range);
        }
        all
    })
}

fn measure_densities(
    interpreter: &Interpreter<f32>,
    tensors: &[Vec<f32>],
    ranges: &BTreeMap<String, f64>,
) -> BTreeMap<String, Vec<f32>> {
    let counter = Counter::new("densities", tensors.len());
    let parts: Vec<(usize, BTreeMap<String, Vec<f32>>)> = tensors
        .par_chunks(share(tensors.len()))
        .map(|part| {
            let mut observer = Histogram::new(ranges.clone(), BINS);
            run(interpreter, part, &mut observer, &counter);
            (part.len(), observer.densities())
        })
        .collect();
    // Every image has equally many arguments at an activation, so densities average by images.
    let mut all: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (images, densities) in parts {
        let weight = images as f64 / tensors.len() as f64;
        for (path, density) in densities {
            let sum = all.entry(path).or_insert_with(|| vec![0.0; BINS]);
            sum.iter_mut().zip(density).for_each(|(s, d)| *s += weight * f64::from(d));
        }
    }
    all.into_iter().map(|(path, sum)| (path, sum.into_iter().map(|s| s as f32).collect())).collect()
}

fn run(
    interpreter: &Interpreter<f32>,
    part: &[Vec<f32>],
    observer: &mut dyn Observer<f32>,
    counter: &Counter,
) {
    for tensor in part {
        let logits = interpreter.run(tensor, observer);
        debug_assert!(!logits.is_empty(), "a network has an output");
        counter.add(1);
    }
}

/// Images that one task takes: few enough that all cores stay busy. Independent of the number of cores, so that
/// the result is too.
fn share(images: usize) -> usize {
    images.div_ceil(64)
}

fn cifar_tensors(path: &Path, count: usize, input: &InputSpec) -> Result<Vec<Vec<f32>>, Failure> {
    let file = CifarFile::read(path).map_err(|e| Failure::image(path, &e))?;
    let count = count.min(file.len());
    (0..count)
        .map(|index| {
            let (_, image) = file.record(index).map_err(|e| Failure::image(path, &e))?;
            tensor(path, &image, input)
        })
        .collect()
}

fn folder_tensors(folder: &Path, count: usize, input: &InputSpec) -> Result<Vec<Vec<f32>>, Failure> {
    let size = images::plan_size(input).map_err(|e| Failure::image(folder, &e))?;
    let mut paths = Folder::list(folder)?.paths;
    paths.truncate(count);
    let read = |path: &PathBuf| {
        let image = images::read(path, size).map_err(|e| Failure::image(path, &e))?;
        tensor(path, &image, input)
    };
    paths.iter().map(read).collect()
}

fn tensor(path: &Path, image: &ImageRgb, input: &InputSpec) -> Result<Vec<f32>, Failure> {
    let values = image.tensor(input).map_err(|e| Failure::image(path, &e))?;
    Ok(values.into_iter().map(|v| v as f32).collect())
}
