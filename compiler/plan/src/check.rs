//! Validation: a plan that passes can be executed without a surprise.
//!
//! Invariants, each with a bad-input test in `tests/check.rs`:
//!
//! 1. the parameter set is in range and at or above 128-bit security;
//! 2. every number is finite and every size bounded, so that nothing later overflows, divides by zero or
//!    allocates more than the plan's own size suggests;
//! 3. layouts fit the slots; a linear map's two layouts agree with what it computes;
//! 4. a linear map's rotations, and their split into baby and giant steps, are those of its diagonals;
//! 5. the weights list has every tensor that a linear map names, with the right shape;
//! 6. registers are written once, before they are read; each is freed at its last use, the output never;
//! 7. levels follow from the operations, and so do scales: the profile's, or what a monic polynomial takes its argument at,
//!    which nothing else may read;
//! 8. the layout of a register is the one that its reader expects;
//! 9. every rotation, or both parts of the composite that does it, have keys of sufficient level that are held at
//!    that step; composites add up and stand for rotations without keys; every key and composite is needed;
//! 10. the predicted peak of memory is what follows from the steps, and no larger than the budget.

mod composites;
mod fields;
mod layouts;
mod linears;
mod memory;
mod program;
mod rotations;

use crate::{LayoutError, Plan, ProfileError};
use std::error::Error;
use std::fmt::{self, Display};
use std::ops::Deref;

/// What contradicts what in a plan.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CheckError {
    /// The parameter set is refused.
    Profile(ProfileError),
    /// A layout is inconsistent or too large.
    Layout {
        /// The field that holds it.
        place: String,
        /// What is wrong with it.
        error: LayoutError,
    },
    /// Anything else, at a step.
    Step {
        /// Index of the step.
        index: usize,
        /// Its layer.
        layer: String,
        /// What was found and what was expected.
        message: String,
    },
    /// Anything else, outside of the steps.
    Field(String),
}

impl Error for CheckError {}

impl Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile(error) => error.fmt(f),
            Self::Layout { place, error } => write!(f, "{place}: {error}"),
            Self::Step { index, layer, message } => write!(f, "step {index} (layer `{layer}`): {message}"),
            Self::Field(message) => f.write_str(message),
        }
    }
}

/// Work that checking may cost, so that a hostile plan is refused instead of checked for hours.
struct Budget(u64);

impl Budget {
    /// A ResNet20 spends less than a thousandth of it.
    const TOTAL: u64 = 1 << 28;

    fn spend(&mut self, amount: usize) -> Result<(), String> {
        let rest = self.0.checked_sub(amount as u64);
        self.0 =
            rest.ok_or_else(|| format!("the plan is too large to be checked in {} operations", Self::TOTAL))?;
        Ok(())
    }
}

/// A plan whose invariants hold.
#[derive(Clone, Debug)]
pub struct CheckedPlan(Plan);

impl CheckedPlan {
    /// Checks `plan`.
    ///
    /// # Errors
    ///
    /// [`CheckError`] for the first invariant that does not hold.
    pub fn new(plan: Plan) -> Result<Self, CheckError> {
        plan.parameters.check().map_err(CheckError::Profile)?;
        Self::after_profile(plan)
    }

    /// Like [`CheckedPlan::new`] without the security table: small rings for fast tests, never for data.
    ///
    /// # Errors
    ///
    /// [`CheckError`] for the first other invariant that does not hold.
    pub fn insecure_for_tests(plan: Plan) -> Result<Self, CheckError> {
        match plan.parameters.check() {
            Ok(()) | Err(ProfileError::Insecure { .. }) => Self::after_profile(plan),
            Err(error) => Err(CheckError::Profile(error)),
        }
    }

    fn after_profile(plan: Plan) -> Result<Self, CheckError> {
        let mut budget = Budget(Budget::TOTAL);
        fields::check(&plan)?;
        linears::check(&plan, &mut budget)?;
        composites::check(&plan)?;
        program::check(&plan, &mut budget)?;
        memory::check(&plan)?;
        Ok(Self(plan))
    }
}

impl Deref for CheckedPlan {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.0
    }
}
