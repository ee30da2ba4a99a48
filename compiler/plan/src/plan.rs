//! The plan's data: plain, public, serialisable. [`crate::CheckedPlan`] is the validated form.

use crate::{Composite, Layout, LinearMap, Polynomial, Profile};
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display};

/// One ciphertext register; every register is written once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Reg(pub u32);

impl Display for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

/// Rescales that remain before the modulus is q0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Level(pub u8);

/// A cyclic rotation of the slots, positive to the left: slot `s` receives slot `s + r`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rotation(pub i32);

impl Rotation {
    /// The representative of `steps` modulo `modulus` in `[-modulus/2, modulus/2)`.
    pub fn centred(steps: i64, modulus: usize) -> Self {
        let modulus = modulus as i64;
        let low = steps.rem_euclid(modulus);
        let centred = if low >= (modulus + 1) / 2 { low - modulus } else { low };
        Self(i32::try_from(centred).unwrap_or(i32::MAX))
    }
}

/// What one step computes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Op {
    /// The encrypted image, normalised and divided by the input's range.
    Input,
    /// A linear map of `Plan::linears`, bias included; rescales once.
    Linear {
        /// Argument.
        src: Reg,
        /// Index into `Plan::linears`.
        map: u32,
    },
    /// For each rotation in turn: `x := x + rotate(x)`.
    RotateSum {
        /// Argument.
        src: Reg,
        /// The rotations, in order.
        rotations: Vec<Rotation>,
    },
    /// Sum of two registers of equal level and scale.
    Add {
        /// First argument.
        a: Reg,
        /// Second argument.
        b: Reg,
    },
    /// The same value at a lower level.
    DropLevel {
        /// Argument.
        src: Reg,
    },
    /// Refresh: slots `m` become `sin(2 pi m / 2^log_message_ratio)`.
    Bootstrap {
        /// Argument, |m| <= 1.
        src: Reg,
    },
    /// A polynomial of `Plan::polynomials` on every slot.
    Polynomial {
        /// Argument.
        src: Reg,
        /// Index into `Plan::polynomials`.
        polynomial: u32,
    },
}

impl Op {
    /// Registers read.
    pub fn reads(&self) -> Vec<Reg> {
        match self {
            Self::Input => Vec::new(),
            Self::Linear { src, .. }
            | Self::RotateSum { src, .. }
            | Self::DropLevel { src }
            | Self::Bootstrap { src }
            | Self::Polynomial { src, .. } => vec![*src],
            Self::Add { a, b } => vec![*a, *b],
        }
    }

    /// The word for it in listings.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Linear { .. } => "linear",
            Self::RotateSum { .. } => "rotate_sum",
            Self::Add { .. } => "add",
            Self::DropLevel { .. } => "drop_level",
            Self::Bootstrap { .. } => "bootstrap",
            Self::Polynomial { .. } => "polynomial",
        }
    }
}

/// At which scale a result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum StepScale {
    /// The parameters' own, `2^log_scale` exactly.
    Layer,
    /// The one at which a polynomial of [`crate::Form::Monic`] takes its argument at `level`.
    Argument {
        /// Index into `Plan::polynomials`.
        polynomial: u32,
        /// The level at which the polynomial reads it.
        level: Level,
    },
    /// What a polynomial of [`crate::Form::Unrescaled`] leaves ([`crate::Polynomial::square_log2`]).
    Square {
        /// Index into `Plan::polynomials`.
        polynomial: u32,
    },
    /// `2^log2` exactly, more than the parameters' own: what a linear map without a rescale leaves.
    Raised {
        /// log2 of the scale.
        log2: u32,
    },
}

impl StepScale {
    /// log2 of the scale if every prime were a power of two; `None` if the plan has no such polynomial or level.
    pub fn nominal_log2(self, plan: &Plan) -> Option<f64> {
        match self {
            Self::Layer => Some(plan.parameters.log_scale.into()),
            Self::Argument { polynomial, level } => {
                plan.polynomials.get(polynomial as usize)?.argument_log2(&plan.parameters, level)
            }
            Self::Square { polynomial } => {
                plan.polynomials.get(polynomial as usize)?.square_log2(&plan.parameters)
            }
            Self::Raised { log2 } => Some(log2.into()),
        }
    }
}

/// One step: `dst := op`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Where the result goes.
    pub dst: Reg,
    /// What is computed.
    pub op: Op,
    /// Level of the result.
    pub level: Level,
    /// Scale of the result.
    pub scale: StepScale,
    /// Path of the layer in the network's text.
    pub layer: String,
    /// Registers read here for the last time.
    pub frees: Vec<Reg>,
}

/// Name and origin of the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkInfo {
    /// Its name.
    pub name: String,
    /// BLAKE3 of its text, hexadecimal.
    pub source_digest: String,
    /// Class labels, one per logit.
    pub labels: Vec<String>,
}

/// How an image becomes slots: `slot = (pixel / 255 - mean) / std / range`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// Mean per channel, on pixels in [0, 1].
    pub mean: Vec<f64>,
    /// Standard deviation per channel, on pixels in [0, 1].
    pub std: Vec<f64>,
    /// Largest magnitude of a normalised pixel.
    pub range: f64,
    /// Where the pixels go.
    pub layout: Layout,
}

/// Output: where the logits are and what they were divided by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputSpec {
    /// The register that holds them.
    pub register: Reg,
    /// Their slots.
    pub layout: Layout,
    /// Slot value times this is the logit.
    pub range: f64,
}

/// A tensor of the weights file that the plan needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorRef {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<u64>,
    /// BLAKE3 of its little-endian f32 values, hexadecimal.
    pub digest: String,
}

/// The CKKS parameter set: the profile's fields that the ciphertexts depend on, and its figures.
pub type Parameters = Profile;

/// One rotation key: which, up to which level, and over which steps it must be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyUse {
    /// The rotation, modulo the slots, in `[-slots/2, slots/2)`.
    pub rotation: Rotation,
    /// The highest level of a ciphertext it is applied to.
    pub level: Level,
    /// Index of the first step that needs it.
    pub first_step: u32,
    /// Index of the last step that needs it.
    pub last_step: u32,
    /// Where it is held.
    pub place: KeyPlace,
}

/// Where a key is held while a plan is evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum KeyPlace {
    /// In memory, from the beginning to the end.
    #[default]
    Memory,
    /// In a file, from which it is read row by row whenever it is used.
    Disk,
}

/// How an evaluation keeps to its memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Bytes that the process may hold, if there is a bound.
    pub budget: Option<u64>,
    /// Threads for which the prediction holds.
    pub threads: u32,
    /// Bytes of encoded diagonals on which a linear map works at a time.
    pub block_bytes: u64,
    /// Whether the matrices of bootstraps are held transformed modulo every prime, instead of as coefficients.
    pub transformed_matrices: bool,
    /// Whether the diagonals of linear maps with folded arguments are encoded once and held, instead of whenever they are used.
    pub encoded_diagonals: bool,
    /// The groups of bootstrap keys that are held on disk.
    pub bootstrap_keys_on_disk: Vec<String>,
    /// Bytes at the step that needs most, as predicted. Absent if the profile does not say what bootstraps need.
    pub peak_bytes: Option<u64>,
}

impl Memory {
    /// The block size of the fastest plans.
    pub const LARGEST_BLOCK: u64 = 64 << 20;
    /// Threads that a prediction is made for unless others are asked for.
    pub const THREADS: u32 = 2;
}

impl Default for Memory {
    /// No bound, everything in memory, no prediction.
    fn default() -> Self {
        Self {
            budget: None,
            threads: Self::THREADS,
            block_bytes: Self::LARGEST_BLOCK,
            transformed_matrices: false,
            encoded_diagonals: false,
            bootstrap_keys_on_disk: Vec::new(),
            peak_bytes: None,
        }
    }
}

/// Predicted work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Bootstraps.
    pub bootstraps: u32,
    /// Rotations outside of bootstraps, hoisted ones included.
    pub rotations: u32,
    /// Products of a ciphertext with a diagonal.
    pub diagonals: u32,
    /// Distinct rotation keys outside of bootstraps.
    pub rotation_keys: u32,
    /// Sum over the steps of the profile's costs.
    pub seconds_one_core: f64,
    /// The same on two cores.
    pub seconds: f64,
}

/// A compiled network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Equals [`crate::FORMAT_VERSION`].
    pub format_version: u32,
    /// The compiler that wrote it, name and version.
    pub compiler: String,
    /// BLAKE3, hexadecimal, of the plan's text with this field empty.
    pub digest: String,
    /// The network.
    pub network: NetworkInfo,
    /// The parameter set.
    pub parameters: Parameters,
    /// The image.
    pub input: InputSpec,
    /// The logits.
    pub output: OutputSpec,
    /// The weights file, relative to the plan's own folder where that is possible.
    pub weights_file: String,
    /// Tensors needed, by name, ascending.
    pub weights: Vec<TensorRef>,
    /// Ranges that the activations were calibrated to: layer path and largest magnitude of its argument.
    pub ranges: Vec<(String, f64)>,
    /// Linear maps, in order of first use.
    pub linears: Vec<LinearMap>,
    /// Activation polynomials, in order of first use.
    pub polynomials: Vec<Polynomial>,
    /// Rotation keys outside of bootstraps, ascending by rotation.
    pub keys: Vec<KeyUse>,
    /// Rotations outside of bootstraps that are done with the keys of two others, ascending by rotation.
    pub composites: Vec<Composite>,
    /// How the evaluation keeps to its memory.
    pub memory: Memory,
    /// Predicted work.
    pub predicted: Counts,
    /// The program.
    pub steps: Vec<Step>,
}

impl Plan {
    /// The rotations by which a step outside of bootstraps turns its argument, as keys name them; 0 is left out.
    pub fn rotations<'a>(&'a self, step: &'a Step) -> impl Iterator<Item = Rotation> + 'a {
        let slots = self.parameters.slots();
        let (first, second): (&[Rotation], Vec<Rotation>) = match &step.op {
            Op::Linear { map, .. } => self
                .linears
                .get(*map as usize)
                .map_or((&[], Vec::new()), |map| (&map.babies, map.other_rotations())),
            Op::RotateSum { rotations, .. } => (rotations, Vec::new()),
            Op::Input
            | Op::Add { .. }
            | Op::DropLevel { .. }
            | Op::Bootstrap { .. }
            | Op::Polynomial { .. } => (&[], Vec::new()),
        };
        let named = move |rotation: Rotation| Rotation::centred(rotation.0.into(), slots);
        first.iter().copied().chain(second).map(named).filter(|rotation| rotation.0 != 0)
    }

    /// The highest level at which ciphertexts are multiplied outside of bootstraps.
    pub fn highest_product(&self) -> Option<Level> {
        self.highest_argument(|step| matches!(step.op, Op::Polynomial { .. }))
    }

    /// The highest level at which ciphertexts are conjugated outside of bootstraps: by linear maps with folded arguments.
    pub fn highest_conjugation(&self) -> Option<Level> {
        self.highest_argument(|step| match step.op {
            Op::Linear { map, .. } => self.linears.get(map as usize).is_some_and(|map| !map.folds.is_empty()),
            Op::Input
            | Op::RotateSum { .. }
            | Op::Add { .. }
            | Op::DropLevel { .. }
            | Op::Bootstrap { .. }
            | Op::Polynomial { .. } => false,
        })
    }

    /// The highest level of what these steps read.
    fn highest_argument(&self, counts: impl Fn(&Step) -> bool) -> Option<Level> {
        let level_of = |reg| self.steps.iter().find(|step| step.dst == reg).map(|step| step.level);
        let steps = self.steps.iter().filter(|step| counts(step));
        steps.flat_map(|step| step.op.reads()).filter_map(level_of).max()
    }
}
