//! The keys a server evaluates with.

mod packed;
mod placement;
mod request;
mod set;
mod store;
mod switch;
#[cfg(test)]
mod tests;

pub(crate) use self::packed::{PackedRow, PackedRows, strip};
pub use self::placement::{PlacedKey, Placement};
pub use self::request::{KeyKind, KeyRequest};
pub use self::set::{EvaluationKeys, KeyLevels};
pub use self::store::KeyStore;
pub use self::switch::{DigitLayout, KeySwitchKey, mask_row};
