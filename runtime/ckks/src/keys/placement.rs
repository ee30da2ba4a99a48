//! Which keys are kept on disk.

use std::sync::Arc;

use super::request::KeyRequest;
use super::store::KeyStore;
use crate::galois::Galois;

/// A key, for whoever chooses where it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlacedKey {
    /// One that products and rotations use, inside a bootstrap and outside.
    Shared(KeyRequest),
    /// The key of a bootstrap to the sparse secret.
    DenseToSparse,
    /// The key of a bootstrap back from this image of the sparse secret.
    Raise(Galois),
}

/// Chooses the store for a key; `None` keeps it in memory.
pub type Placement<'a> = &'a (dyn Fn(PlacedKey) -> Option<Arc<KeyStore>> + Sync);
