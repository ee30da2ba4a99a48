//! Evaluation of a [`Plan`] on a ciphertext.

use std::collections::BTreeMap;

use super::chebyshev::Chebyshev;
use super::plan::{Node, Plan};
use super::sum::Sum;
use crate::ciphertext::Ciphertext;
use crate::error::EvaluationError;
use crate::evaluator::Evaluator;
use crate::scale::Scale;

/// Smallest and largest `log2` of a scale within an evaluation: below, the constants of a node lose their
/// precision; above, the values no longer fit beside the moduli that remain.
const SCALE_LOG2: (f64, f64) = (16.0, 80.0);

impl Evaluator<'_> {
    /// The polynomial of every slot, at exactly `target` and exactly [`Chebyshev::depth`] levels lower.
    ///
    /// The domain is mapped to `[-1, 1]` by declaring another scale and adding a constant, at no level. A
    /// domain far from `[-1, 1]` moves all scales away from the primes, by `2^k - 1` times its `log2` for
    /// `T_(2^k)`: fold larger ranges into the values before.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] for a constant polynomial, an empty domain, too few levels, a missing key, or a
    /// scale out of range.
    pub fn polynomial(
        &self,
        ciphertext: &Ciphertext,
        polynomial: &Chebyshev,
        target: Scale,
    ) -> Result<Ciphertext, EvaluationError> {
        ciphertext.check(self.parameters())?;
        let depth = polynomial.depth();
        if depth == 0 {
            return Err(EvaluationError::Argument { what: "a constant polynomial of a ciphertext".into() });
        }
        let (lo, hi) = polynomial.domain;
        let factor = Scale::from_f64(2.0 / (hi - lo)).ok_or_else(|| EvaluationError::Argument {
            what: format!("the domain {lo}..{hi} of a polynomial must be an interval"),
        })?;
        let mut argument = ciphertext.clone();
        argument.scale = argument.scale.div(factor);
        let middle = (hi + lo) / (hi - lo);
        if middle != 0.0 {
            argument = self.add_constant(&argument, -middle)?;
        }
        self.evaluate_plan(argument, &Plan::new(&polynomial.coefficients, depth), target)
    }

    /// The plan's polynomial of an argument in `[-1, 1]`.
    pub(crate) fn evaluate_plan(
        &self,
        argument: Ciphertext,
        plan: &Plan,
        target: Scale,
    ) -> Result<Ciphertext, EvaluationError> {
        let top = argument.level;
        let depth = plan.root.depth + 1;
        if top < depth {
            return Err(EvaluationError::LevelTooLow { found: top, needed: depth });
        }
        let mut powers = BTreeMap::from([(1, argument)]);
        for power in &plan.powers {
            let (high, low) = (&powers[&power.high], &powers[&power.low]);
            let mut sum = Sum::twice_product(self, high, low);
            match power.high - power.low {
                0 => sum.add_constant(-1.0)?,
                difference => sum.add_term(&powers[&difference], -1.0)?,
            }
            let value = sum.rescale()?;
            check_scale(value.scale)?;
            powers.insert(power.index, value);
        }
        Context { evaluator: self, powers: &powers, top }.node(&plan.root, target)
    }
}

struct Context<'a> {
    evaluator: &'a Evaluator<'a>,
    powers: &'a BTreeMap<usize, Ciphertext>,
    top: usize,
}

impl Context<'_> {
    /// The value of a node at exactly `target`.
    fn node(&self, node: &Node, target: Scale) -> Result<Ciphertext, EvaluationError> {
        check_scale(target)?;
        let level = self.top - node.depth;
        let scale = target.mul(self.evaluator.parameters().rescale_factor(level));
        let children = node
            .products
            .iter()
            .map(|(child, split)| self.node(child, scale.div(self.powers[split].scale)))
            .collect::<Result<Vec<_>, _>>()?;
        let mut sum = Sum::new(self.evaluator, level, scale);
        for (child, (_, split)) in children.iter().zip(&node.products) {
            sum.add_product(child, &self.powers[split])?;
        }
        for (index, coefficient) in &node.terms {
            sum.add_term(&self.powers[index], *coefficient)?;
        }
        sum.add_constant(node.constant)?;
        let mut value = sum.rescale()?;
        value.scale = target;
        Ok(value)
    }
}

fn check_scale(scale: Scale) -> Result<(), EvaluationError> {
    let found = scale.log2();
    if found < SCALE_LOG2.0 || found > SCALE_LOG2.1 {
        return Err(EvaluationError::ScaleRange { found, allowed: SCALE_LOG2 });
    }
    Ok(())
}
