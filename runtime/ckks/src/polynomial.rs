//! Polynomials of encrypted values.

pub(crate) mod chebyshev;
mod evaluate;
mod monic;
mod plan;
mod sum;

pub use self::chebyshev::Chebyshev;
pub use self::monic::Monic;
pub(crate) use self::plan::Plan;
pub(crate) use self::sum::Sum;
