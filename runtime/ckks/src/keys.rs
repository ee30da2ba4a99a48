//! The keys a server evaluates with.

mod packed;
mod request;
mod set;
mod switch;

pub(crate) use self::packed::{PackedRow, PackedRows, strip};
pub use self::request::{KeyKind, KeyRequest};
pub use self::set::{EvaluationKeys, KeyLevels};
pub use self::switch::{DigitLayout, KeySwitchKey, mask_row};
