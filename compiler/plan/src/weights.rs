//! Named f32 tensors in memory, as read from a weights file.

use crate::{TensorRef, TensorSource, digest_hex};
use std::collections::BTreeMap;

/// One tensor, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its shape.
    pub shape: Vec<u64>,
    /// Its values; as many as the shape says.
    pub values: Vec<f32>,
}

/// All tensors of a weights file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights {
    tensors: BTreeMap<String, Tensor>,
}

impl Weights {
    /// Adds or replaces a tensor.
    ///
    /// # Panics
    ///
    /// If the shape and the number of values disagree.
    pub fn insert(&mut self, name: String, tensor: Tensor) {
        let size: u64 = tensor.shape.iter().product();
        assert_eq!(size, tensor.values.len() as u64, "{name}: shape and values disagree");
        self.tensors.insert(name, tensor);
    }

    /// The tensor of this name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// Names and tensors, ascending by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// Name, shape and digest of a tensor.
    pub fn reference(&self, name: &str) -> Option<TensorRef> {
        let tensor = self.get(name)?;
        let bytes: Vec<u8> = tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Some(TensorRef { name: name.to_owned(), shape: tensor.shape.clone(), digest: digest_hex(&bytes) })
    }
}

impl TensorSource for Weights {
    fn values(&self, name: &str) -> Option<&[f32]> {
        self.get(name).map(|t| t.values.as_slice())
    }
}
