//! Weights files: safetensors with F32 tensors, read whole, checked against what a plan needs.

use crate::exit::{ExitClass, io_exit_class};
use crate::{AtomicFile, Protection};
use fhecc_plan::{Plan, Tensor, TensorSource, Weights};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::error::Error;
use std::fmt::{self, Display};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Largest weights file that is read by default: a gibibyte.
pub const DEFAULT_MAX_BYTES: u64 = 1 << 30;
/// Largest header: names and shapes of about a hundred thousand tensors.
const MAX_HEADER_BYTES: u64 = 16 << 20;

/// Why weights cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum WeightsError {
    /// The file cannot be opened, read or written.
    Io(io::Error),
    /// The file, or its header, is larger than allowed.
    TooLarge {
        /// Which of the two.
        what: &'static str,
        /// Bytes found.
        found: u64,
        /// Bytes allowed.
        allowed: u64,
    },
    /// Not a safetensors file, or a damaged one.
    Format(String),
    /// A tensor is not F32.
    Type {
        /// Its name.
        name: String,
        /// Its type.
        found: String,
    },
    /// A tensor holds NaN or an infinity.
    NotFinite {
        /// Its name.
        name: String,
        /// Index of the first such value.
        index: usize,
    },
    /// The plan needs a tensor that is not there.
    Missing {
        /// Its name.
        name: String,
    },
    /// A tensor has another shape than the plan needs.
    Shape {
        /// Its name.
        name: String,
        /// Its shape.
        found: Vec<u64>,
        /// The shape the plan needs.
        expected: Vec<u64>,
    },
    /// A tensor has other values than those the plan was compiled for.
    Digest {
        /// Its name.
        name: String,
        /// BLAKE3 of its values.
        found: String,
        /// BLAKE3 of the values the plan was compiled for.
        expected: String,
    },
}

impl WeightsError {
    /// What kind of failure this is.
    pub fn exit_class(&self) -> ExitClass {
        match self {
            Self::Io(error) => io_exit_class(error),
            Self::TooLarge { .. } | Self::Format(_) | Self::Type { .. } | Self::NotFinite { .. } => {
                ExitClass::Input
            }
            Self::Missing { .. } | Self::Shape { .. } | Self::Digest { .. } => ExitClass::Mismatch,
        }
    }
}

impl Error for WeightsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if let Self::Io(error) = self { Some(error) } else { None }
    }
}

impl Display for WeightsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the weights file: {error}"),
            Self::TooLarge { what, found, allowed } => {
                write!(f, "{what} has {found} bytes; allowed: at most {allowed} bytes")
            }
            Self::Format(message) => write!(
                f,
                "not a readable safetensors file ({message}); pickled checkpoints are not read: save the state dict with `safetensors.torch.save_file`"
            ),
            Self::Type { name, found } => {
                write!(f, "tensor `{name}` holds {found}; allowed: F32; convert it with `tensor.float()`")
            }
            Self::NotFinite { name, index } => {
                write!(f, "tensor `{name}` is not finite at index {index}; allowed: finite numbers")
            }
            Self::Missing { name } => write!(
                f,
                "the weights hold no tensor `{name}`, which the plan needs; use the weights that the plan was compiled with"
            ),
            Self::Shape { name, found, expected } => write!(
                f,
                "tensor `{name}` has shape {found:?}, the plan needs {expected:?}; use the weights that the plan was compiled with"
            ),
            Self::Digest { name, found, expected } => write!(
                f,
                "tensor `{name}` has digest {found}, the plan was compiled for {expected}; compile the network again with these weights"
            ),
        }
    }
}

/// Reads a weights file of at most `max_bytes`.
///
/// # Errors
///
/// [`WeightsError`] of reading or format.
pub fn read(path: &Path, max_bytes: u64) -> Result<Weights, WeightsError> {
    let file = File::open(path).map_err(WeightsError::Io)?;
    let found = file.metadata().map_err(WeightsError::Io)?.len();
    let too_large = |found| WeightsError::TooLarge { what: "the weights file", found, allowed: max_bytes };
    if found > max_bytes {
        return Err(too_large(found));
    }
    let mut bytes = Vec::new();
    // A pipe states no length.
    file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(WeightsError::Io)?;
    if bytes.len() as u64 > max_bytes {
        return Err(too_large(bytes.len() as u64));
    }
    parse(&bytes)
}

/// Reads weights from the bytes of a file.
///
/// # Errors
///
/// [`WeightsError`] of format.
pub fn parse(bytes: &[u8]) -> Result<Weights, WeightsError> {
    if let Some(first) = bytes.first_chunk() {
        let found = u64::from_le_bytes(*first);
        if found > MAX_HEADER_BYTES && found <= bytes.len() as u64 {
            return Err(WeightsError::TooLarge { what: "the header", found, allowed: MAX_HEADER_BYTES });
        }
    }
    let file = SafeTensors::deserialize(bytes).map_err(|e| WeightsError::Format(e.to_string()))?;
    let mut weights = Weights::default();
    let mut tensors = file.tensors();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, view) in tensors {
        if view.dtype() != Dtype::F32 {
            return Err(WeightsError::Type { name, found: format!("{:?}", view.dtype()) });
        }
        let (words, rest) = view.data().as_chunks();
        let values: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
        let shape: Vec<u64> = view.shape().iter().map(|&extent| extent as u64).collect();
        let size = shape.iter().try_fold(1u64, |size, &extent| size.checked_mul(extent));
        if !rest.is_empty() || size != Some(values.len() as u64) {
            return Err(WeightsError::Format(format!("tensor `{name}` does not fill its shape {shape:?}")));
        }
        if let Some(index) = values.iter().position(|v| !v.is_finite()) {
            return Err(WeightsError::NotFinite { name, index });
        }
        weights.insert(name, Tensor { shape, values });
    }
    Ok(weights)
}

/// Writes a weights file.
///
/// # Errors
///
/// [`WeightsError::Io`], or [`WeightsError::Format`] if a tensor cannot be represented.
pub fn write(path: &Path, weights: &Weights) -> Result<(), WeightsError> {
    let bytes = to_bytes(weights)?;
    AtomicFile::write(path, Protection::Public, &bytes).map_err(WeightsError::Io)
}

/// The bytes of a weights file; the same weights give the same bytes.
///
/// # Errors
///
/// [`WeightsError::Format`] if a tensor cannot be represented.
pub fn to_bytes(weights: &Weights) -> Result<Vec<u8>, WeightsError> {
    let data: Vec<(&str, Vec<usize>, Vec<u8>)> = weights
        .iter()
        .map(|(name, tensor)| {
            let shape = tensor.shape.iter().map(|&extent| extent as usize).collect();
            (name, shape, tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect())
        })
        .collect();
    let format = |e: safetensors::SafeTensorError| WeightsError::Format(e.to_string());
    let views: Vec<(&str, TensorView<'_>)> = data
        .iter()
        .map(|(name, shape, bytes)| Ok((*name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<_, _>>()
        .map_err(format)?;
    safetensors::serialize(views, None).map_err(format)
}

/// Checks that `weights` hold every tensor of the plan with its shape and digest.
///
/// # Errors
///
/// [`WeightsError::Missing`], [`WeightsError::Shape`] or [`WeightsError::Digest`] for the first that differs.
pub fn check(weights: &Weights, plan: &Plan) -> Result<(), WeightsError> {
    for expected in &plan.weights {
        let name = expected.name.clone();
        let Some(found) = weights.get(&name) else {
            return Err(WeightsError::Missing { name });
        };
        if found.shape != expected.shape {
            return Err(WeightsError::Shape {
                name,
                found: found.shape.clone(),
                expected: expected.shape.clone(),
            });
        }
        let digest = weights.reference(&name).map(|reference| reference.digest).unwrap_or_default();
        if digest != expected.digest {
            return Err(WeightsError::Digest { name, found: digest, expected: expected.digest.clone() });
        }
        if let Some(index) = weights.values(&name).and_then(|v| v.iter().position(|v| !v.is_finite())) {
            return Err(WeightsError::NotFinite { name, index });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
