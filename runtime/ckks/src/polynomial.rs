//! Polynomials of encrypted values.

pub(crate) mod chebyshev;
mod evaluate;
mod plan;
mod quartic;
mod sum;

pub use self::chebyshev::Chebyshev;
pub(crate) use self::plan::Plan;
pub use self::quartic::Quartic;
pub(crate) use self::sum::Sum;
