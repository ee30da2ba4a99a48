//! What the command line accepts.

use crate::byte_size::ByteSize;
use crate::profiles;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Compiles convolutional networks to CKKS plans and runs them on encrypted images.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 ok, 1 other, 2 usage, 3 bad input, 4 files do not belong together, \
5 damaged or outdated file, 6 not enough memory or disk, 7 a check failed, 8 refused as insecure, 130 interrupted.";

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Parse and analyse a network; report every error with its place in the text.
    Check(Check),
    /// Compile a network to a plan. The same input gives the same bytes.
    Compile(Compile),
    /// Say what a plan will take before any key is made: time, memory step by step, keys, upload, precision, security.
    Explain(Explain),
    /// Classify images: key generation, encryption, evaluation and decryption on this machine.
    Run(Run),
    /// Generate the secret key and the evaluation keys that a plan needs.
    Keygen(Keygen),
    /// Measure the ranges and densities of all activations on images and store them with the weights.
    Calibrate(Calibrate),
    /// Measure accuracy on labelled images, and the agreement of encrypted with clear evaluation.
    EvalAccuracy(EvalAccuracy),
    /// Measure this machine: kernels beside its limits, operations by level, a bootstrap by stage, a network by layer.
    Bench(Bench),
    /// Measure what operations cost on this machine and write a profile by which the compiler chooses.
    Tune(Tune),
}

/// Where the weights and parameters come from.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Sources {
    /// Weights (safetensors), instead of the file that the network or plan names.
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: Option<PathBuf>,
    /// Parameter set: b4, b5, b6, a9, or the path of a .ron file; without it, the one of the first three that promises
    /// the least time for the network. Only where a .net is compiled.
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) profile: Option<String>,
    /// Most memory that an evaluation may take, such as 1GiB or 640MiB: the fastest plan that keeps to it is made.
    /// Without it, the fastest plan. Only where a .net is compiled.
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<ByteSize>,
}

impl Sources {
    /// The profile asked for, or the default.
    pub(crate) fn profile_name(&self) -> &str {
        self.profile.as_deref().unwrap_or(profiles::DEFAULT)
    }
}

/// `fhecc check`
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// The network (.net).
    #[arg(value_name = "M.net")]
    pub(crate) network: PathBuf,
    /// Also check that these weights (safetensors) fit.
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: Option<PathBuf>,
}

/// `fhecc compile`
#[derive(Args, Debug)]
pub(crate) struct Compile {
    /// The network (.net).
    #[arg(value_name = "M.net")]
    pub(crate) network: PathBuf,
    /// Where the plan goes [default: the network's name with .plan.ron, in the working folder].
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Weights and parameters.
    #[command(flatten)]
    pub(crate) sources: Sources,
    /// Threads for which the plan keeps to its memory; more threads take more.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: u16,
    /// Stop behind this pass; no plan is written.
    #[arg(long, value_name = "PASS")]
    pub(crate) stop_after: Option<String>,
    /// Print the program as it is behind this pass.
    #[arg(long, value_name = "PASS")]
    pub(crate) dump_after: Option<String>,
    /// Print these forms of the program, separated by commas.
    #[arg(long, value_name = "FORM", value_enum, value_delimiter = ',')]
    pub(crate) emit: Vec<Emit>,
    /// Check every pass: the cleartext interpreter must give the same outputs before and after.
    #[arg(long)]
    pub(crate) verify: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `fhecc explain`
#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// A plan (.ron) or a network (.net), which is compiled first.
    #[arg(value_name = "PLAN|M.net")]
    pub(crate) program: PathBuf,
    /// Weights and parameters.
    #[command(flatten)]
    pub(crate) sources: Sources,
    /// Make up the weights of a .net and the ranges of its activations: what an untrained network will take.
    #[arg(long, conflicts_with = "weights")]
    pub(crate) untrained: bool,
    /// Compile a .net for budgets from the fastest plan down to the smallest, and show what each costs.
    #[arg(long, conflicts_with = "memory")]
    pub(crate) sweep: bool,
    /// With --sweep: also draw the budgets and times into this file (.svg).
    #[arg(long, value_name = "FILE", requires = "sweep")]
    pub(crate) svg: Option<PathBuf>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Forms of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Emit {
    /// The syntax tree, formatted as a .net file.
    Ast,
    /// The tensor graph.
    Graph,
    /// The homomorphic operations with levels.
    He,
    /// The tensor graph for Graphviz.
    Dot,
}

/// How a plan is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    /// On ciphertexts.
    Ckks,
    /// On clear slots, with the same levels, rotations and polynomials.
    Clear,
}

impl Backend {
    /// Its name on the command line and in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ckks => "ckks",
            Self::Clear => "clear",
        }
    }
}

/// `fhecc run`
#[derive(Args, Debug)]
#[command(override_usage = "fhecc run <PLAN|M.net> --image <FILE|FOLDER>... [OPTIONS]")]
pub(crate) struct Run {
    /// A plan (.ron) or a network (.net), which is compiled first.
    #[arg(value_name = "PLAN|M.net")]
    pub(crate) program: PathBuf,
    /// Images: PNG or JPEG, RGB with 8 bits, of the size that the network states; or folders of them.
    ///
    /// Of a folder, all .png, .jpg and .jpeg files directly in it are taken, sorted by name. All images are read
    /// before anything is evaluated; if one is refused, nothing is. They share keys and weights. As many as there
    /// are threads are evaluated at once, in pairs.
    #[arg(long = "image", value_name = "FILE|FOLDER", num_args = 1.., required = true)]
    pub(crate) images: Vec<PathBuf>,
    /// How to evaluate.
    #[arg(long, value_enum, default_value_t = Backend::Ckks)]
    pub(crate) backend: Backend,
    /// Weights and parameters.
    #[command(flatten)]
    pub(crate) sources: Sources,
    /// Use the keys in this folder, made by `fhecc keygen`, instead of fresh ones.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) keys: Option<PathBuf>,
    /// Hold the evaluation keys expanded instead of generating half of each whenever it is used: as much memory again
    /// as the keys take, for little or no time (docs/performance.md).
    #[arg(long)]
    pub(crate) expand_keys: bool,
    /// Threads [default: one per core]. With several images, fewer threads also take less memory.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Print one JSON object instead of text.
    ///
    /// `images` lists path, top1, logits and seconds (encrypt, evaluate, decrypt) of every image in its order.
    /// `seconds` has keygen, images (from the first encryption to the last decryption) and total;
    /// `images_per_minute` is the throughput without key generation, with `at_once` images at a time. With one
    /// image, its top1, logits and seconds are also there without `images`. Counts of operations are per image.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `fhecc keygen`
#[derive(Args, Debug)]
pub(crate) struct Keygen {
    /// A plan (.ron) or a network (.net), which is compiled first.
    #[arg(value_name = "PLAN|M.net")]
    pub(crate) program: PathBuf,
    /// The folder for the keys.
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) output: PathBuf,
    /// Weights and parameters.
    #[command(flatten)]
    pub(crate) sources: Sources,
    /// Replace keys that are there already. What was encrypted under them can then never be decrypted.
    #[arg(long)]
    pub(crate) force: bool,
    /// Threads [default: one per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `fhecc calibrate`
#[derive(Args, Debug)]
pub(crate) struct Calibrate {
    /// The network (.net).
    #[arg(value_name = "M.net")]
    pub(crate) network: PathBuf,
    /// The weights to calibrate [default: those that the network names].
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: Option<PathBuf>,
    /// Calibrate on images of this CIFAR-10 binary file.
    #[arg(long, value_name = "FILE", conflicts_with = "images", required_unless_present = "images")]
    pub(crate) cifar10: Option<PathBuf>,
    /// Calibrate on the PNG and JPEG images in this folder.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) images: Option<PathBuf>,
    /// How many images of the file to use.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) count: u32,
    /// Where the weights with their ranges and densities go.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `fhecc eval-accuracy`
#[derive(Args, Debug)]
pub(crate) struct EvalAccuracy {
    /// A plan (.ron) or a network (.net), which is compiled first.
    #[arg(value_name = "PLAN|M.net")]
    pub(crate) program: PathBuf,
    /// Labelled images: a CIFAR-10 binary file such as test_batch.bin.
    #[arg(long, value_name = "FILE")]
    pub(crate) cifar10: PathBuf,
    /// How many images [default: all].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) count: Option<u32>,
    /// The first image.
    #[arg(long, value_name = "K", default_value_t = 0)]
    pub(crate) offset: u32,
    /// How far to go.
    #[arg(long, value_enum, default_value_t = Against::Clear)]
    pub(crate) backend: Against,
    /// Hold the evaluation keys expanded instead of generating half of each whenever it is used: as much memory again
    /// as the keys take, for little or no time (docs/performance.md).
    #[arg(long)]
    pub(crate) expand_keys: bool,
    /// Weights and parameters.
    #[command(flatten)]
    pub(crate) sources: Sources,
    /// Threads [default: one per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How far `eval-accuracy` goes. The exact network is evaluated where a .net file is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Against {
    /// Only the exact network, as tensors in f32.
    Exact,
    /// Also the plan on clear slots: the polynomial network.
    Clear,
    /// Also the plan on ciphertexts.
    Ckks,
}

impl Against {
    /// Its name on the command line and in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Clear => "clear",
            Self::Ckks => "ckks",
        }
    }
}

/// What `bench` measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Transforms, products, base conversion, permutation, each beside the machine's limits.
    Kernels,
    /// Rotation, product, rescale, encoding and linear maps at several levels.
    Primitives,
    /// A bootstrap by stage.
    Bootstrap,
    /// An encrypted evaluation of a network by layer.
    Network,
}

/// `fhecc bench`
#[derive(Args, Debug)]
pub(crate) struct Bench {
    /// What to measure [default: kernels, primitives and bootstrap].
    #[arg(value_enum, value_name = "PART")]
    pub(crate) part: Option<Part>,
    /// For `network`: a plan (.ron) or a network (.net), which is compiled first.
    #[arg(value_name = "PLAN|M.net")]
    pub(crate) program: Option<PathBuf>,
    /// Weights and parameters.
    #[command(flatten)]
    pub(crate) sources: Sources,
    /// Levels for `primitives`, separated by commas [default: lowest and highest compute level, modular reduction, top].
    #[arg(long, value_name = "L", value_delimiter = ',')]
    pub(crate) levels: Vec<u8>,
    /// Runs of each measurement, of which the median is shown [default: 21, 7, 3 and 1 for the four parts].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10000))]
    pub(crate) repeats: Option<u16>,
    /// Hold the evaluation keys expanded, as `fhecc run --expand-keys` does.
    #[arg(long)]
    pub(crate) expand_keys: bool,
    /// Hold the matrices of the bootstrap as coefficients, as plans with less memory do.
    #[arg(long)]
    pub(crate) compact_matrices: bool,
    /// Threads [default: one per core]. Kernels are measured on one.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `fhecc tune`
#[derive(Args, Debug)]
pub(crate) struct Tune {
    /// Where the profile goes, a name that ends in .ron.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// The parameter set: b5 (default), b6, a9, or the path of a .ron file.
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) profile: Option<String>,
    /// Runs of each measurement, of which the median counts.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) repeats: u16,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}
