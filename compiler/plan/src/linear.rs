//! Linear layers: their meaning on tensors, and the slot diagonals that meaning has between two layouts.
//!
//! A linear map takes slots `x` to `out[s] = bias[s] + sum_d diagonal_d[s] * x[s + d]`. Since `x` repeats
//! with the period of its layout, only rotations modulo that period exist.

mod diagonals;
mod fold;
mod window;

pub use diagonals::Diagonals;

use crate::{Layout, Rotation};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::{self, Display};
use window::Window;

/// Names of the four tensors of a batch normalisation, and its epsilon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchNorm {
    /// Scale, one value per channel.
    pub weight: String,
    /// Shift, one value per channel.
    pub bias: String,
    /// Mean over the training set.
    pub running_mean: String,
    /// Variance over the training set.
    pub running_var: String,
    /// Added to the variance.
    pub epsilon: f64,
}

/// What a linear layer computes, on tensors. `channels` and sizes come from the layouts around it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum LinearSource {
    /// Cross-correlation as in PyTorch's `Conv2d`; weight `[out, in / groups, kernel_height, kernel_width]`.
    Conv {
        /// Name of the weight.
        weight: String,
        /// Name of the bias `[out]`.
        bias: Option<String>,
        /// Folded into weight and bias.
        batch_norm: Option<BatchNorm>,
        /// Rows and columns of the kernel.
        kernel: (u32, u32),
        /// Distance of the windows.
        stride: u32,
        /// Zeros around the input.
        padding: u32,
        /// Independent groups of channels.
        groups: u32,
    },
    /// A batch normalisation on its own, where no convolution could take it.
    Affine {
        /// Its tensors.
        batch_norm: BatchNorm,
    },
    /// `out[c, y, x] = in[c - before, y * stride, x * stride]`, zero where that channel does not exist:
    /// subsampling and zero-padding of channels, without weights.
    Select {
        /// Distance of the pixels kept.
        stride: u32,
        /// Zero channels before the first.
        before: u32,
    },
    /// Mean over windows; windows that overlap the padding divide by the whole window, as in PyTorch.
    AveragePool {
        /// Rows and columns of the window.
        kernel: u32,
        /// Distance of the windows.
        stride: u32,
        /// Zeros around the input.
        padding: u32,
    },
    /// Fully connected; weight `[out, channels * height * width]` in channel, row, column order.
    Dense {
        /// Name of the weight.
        weight: String,
        /// Name of the bias `[out]`.
        bias: Option<String>,
    },
}

/// A linear layer between two layouts, with the schedule of its rotations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearMap {
    /// The meaning.
    pub source: LinearSource,
    /// Multiplies the weights (range folding: out factor over in factor).
    pub weight_factor: f64,
    /// Multiplies the bias (range folding: the out factor).
    pub bias_factor: f64,
    /// Layout of the argument.
    pub input: Layout,
    /// Layout of the result.
    pub output: Layout,
    /// How often the result is summed with itself, turned by the output's period or more: a result that repeats more often
    /// than the input needs every product in one of its copies only. At most the doublings from one period to the other.
    pub gathers: u8,
    /// Rotations by which the argument is packed together with itself, doubling what a diagonal stands for each time.
    /// First half of the input's period, or of what the gathers leave of it, then half of that and so on; the last one may
    /// be any other.
    pub folds: Vec<Rotation>,
    /// A rotation `d` is done as giant step `d - b` of baby step `b`, `b` the residue of `d` modulo this, in `[-m/2, m/2)`
    /// ([`LinearMap::split`]).
    pub baby_modulus: u32,
    /// All baby steps used, ascending.
    pub babies: Vec<Rotation>,
    /// All giant steps used, ascending.
    pub giants: Vec<Rotation>,
    /// Number of products with a diagonal.
    pub diagonals: u32,
    /// Whether the result is rescaled, one level below the argument. Without that it is at [`crate::StepScale::Raised`], and
    /// only the output may read it.
    pub rescaled: bool,
}

/// Where tensors come from.
pub trait TensorSource {
    /// The values of a tensor in row-major order, if it exists.
    fn values(&self, name: &str) -> Option<&[f32]>;
}

/// A tensor that a linear layer names is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingTensor(pub String);

impl Error for MissingTensor {}

impl Display for MissingTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the weights hold no tensor `{}`", self.0)
    }
}

/// Effective weights: batch norms folded, factors applied.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearValues {
    /// As the source's weight; empty for sources without one (Affine: one per channel).
    pub weight: Vec<f64>,
    /// One value per output channel.
    pub bias: Vec<f64>,
}

fn tensor<'a>(tensors: &'a dyn TensorSource, name: &str) -> Result<&'a [f32], MissingTensor> {
    tensors.values(name).ok_or_else(|| MissingTensor(name.to_owned()))
}

/// Slope and offset per channel of a batch normalisation: `y = slope x + offset`.
fn affine(bn: &BatchNorm, tensors: &dyn TensorSource) -> Result<Vec<(f64, f64)>, MissingTensor> {
    let [gamma, beta] = [tensor(tensors, &bn.weight)?, tensor(tensors, &bn.bias)?];
    let [mean, variance] = [tensor(tensors, &bn.running_mean)?, tensor(tensors, &bn.running_var)?];
    let channel = |c: usize| {
        let slope = f64::from(gamma[c]) / (f64::from(variance[c]) + bn.epsilon).sqrt();
        (slope, f64::from(beta[c]) - slope * f64::from(mean[c]))
    };
    Ok((0..gamma.len()).map(channel).collect())
}

/// Folds batch norm into the weights of `source`, without range factors.
///
/// # Errors
///
/// [`MissingTensor`] if a tensor is not there.
pub fn effective_values(
    source: &LinearSource,
    out_channels: usize,
    tensors: &dyn TensorSource,
) -> Result<LinearValues, MissingTensor> {
    let wide = |name: &str| {
        Ok::<Vec<f64>, MissingTensor>(tensor(tensors, name)?.iter().map(|&v| f64::from(v)).collect())
    };
    let optional = |name: &Option<String>| name.as_deref().map_or_else(|| Ok(vec![0.0; out_channels]), wide);
    match source {
        LinearSource::Conv { weight, bias, batch_norm, .. } => {
            let (mut weight, mut bias) = (wide(weight)?, optional(bias)?);
            if let Some(bn) = batch_norm {
                let per_channel = weight.len() / out_channels;
                for (c, (slope, offset)) in affine(bn, tensors)?.into_iter().enumerate() {
                    weight[c * per_channel..(c + 1) * per_channel].iter_mut().for_each(|w| *w *= slope);
                    bias[c] = slope * bias[c] + offset;
                }
            }
            Ok(LinearValues { weight, bias })
        }
        LinearSource::Affine { batch_norm } => {
            let (weight, bias) = affine(batch_norm, tensors)?.into_iter().unzip();
            Ok(LinearValues { weight, bias })
        }
        LinearSource::Dense { weight, bias } => {
            Ok(LinearValues { weight: wide(weight)?, bias: optional(bias)? })
        }
        LinearSource::Select { .. } | LinearSource::AveragePool { .. } => {
            Ok(LinearValues { weight: Vec::new(), bias: vec![0.0; out_channels] })
        }
    }
}

impl LinearMap {
    /// Levels consumed.
    pub fn depth(&self) -> u8 {
        u8::from(self.rescaled)
    }

    /// Effective weights with the range factors applied.
    ///
    /// # Errors
    ///
    /// [`MissingTensor`] if a tensor is not there.
    pub fn values(&self, tensors: &dyn TensorSource) -> Result<LinearValues, MissingTensor> {
        let mut values = effective_values(&self.source, self.output.channels as usize, tensors)?;
        values.weight.iter_mut().for_each(|w| *w *= self.weight_factor);
        values.bias.iter_mut().for_each(|b| *b *= self.bias_factor);
        Ok(values)
    }

    /// Slots after which every diagonal repeats.
    pub fn diagonal_period(&self) -> usize {
        self.input.period().max(self.output.period())
    }

    /// Rotations, modulo the input's period and centred in `[-period/2, period/2)`, whose diagonals are not
    /// structurally zero.
    pub fn tap_rotations(&self) -> BTreeSet<Rotation> {
        Window::new(self).rotations()
    }

    /// The rotations of the folded argument: for each, and for no more, there is a product.
    pub fn structural_rotations(&self) -> BTreeSet<Rotation> {
        self.folded(&self.tap_rotations())
    }

    /// Everything that all diagonals share, made once.
    ///
    /// # Panics
    ///
    /// If `values` are not those of this map.
    pub fn diagonals(&self, values: &LinearValues) -> Diagonals {
        Diagonals::new(self, values)
    }

    /// The diagonal that multiplies `x` rotated left by `rotation`: [`LinearMap::diagonal_period`] values.
    /// For more than one, use [`LinearMap::diagonals`].
    ///
    /// # Panics
    ///
    /// If `values` are not those of this map.
    pub fn diagonal(&self, values: &LinearValues, rotation: Rotation) -> Vec<f64> {
        self.diagonals(values).diagonal(rotation)
    }

    /// The bias on the slots of the output, one period, or `None` if it is zero everywhere.
    pub fn bias_slots(&self, values: &LinearValues) -> Option<Vec<f64>> {
        if values.bias.iter().all(|b| *b == 0.0) {
            return None;
        }
        let mut slots = vec![0.0; self.output.period()];
        for e in self.output.elements() {
            slots[self.output.slot(e)] = values.bias[e.channel as usize];
        }
        Some(slots)
    }

    /// The baby step of `rotation`; the giant step is the rest, modulo what folds and gathers leave of the period if that is
    /// a multiple of the baby modulus: rotations that agree in it do the same.
    pub fn split(&self, rotation: Rotation) -> (Rotation, Rotation) {
        self.splitter()(rotation)
    }

    /// [`LinearMap::split`] for many rotations.
    pub fn splitter(&self) -> impl Fn(Rotation) -> (Rotation, Rotation) + use<> {
        let modulus = self.baby_modulus as usize;
        let left = self.checked_folds().map_or(1, |(left, _)| left);
        let whole = left.is_multiple_of(modulus);
        move |rotation| {
            let baby = Rotation::centred(i64::from(rotation.0), modulus);
            let giant = i64::from(rotation.0) - i64::from(baby.0);
            (if whole { Rotation::centred(giant, left) } else { Rotation(giant as i32) }, baby)
        }
    }
}

#[cfg(test)]
mod tests;
