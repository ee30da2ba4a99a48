//! From logits to classes.

use fhecc_plan::Plan;

/// One class and how it did.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Class {
    /// Its place among the logits.
    pub(crate) index: usize,
    /// Its name.
    pub(crate) label: String,
    /// Its share in the softmax of all logits.
    pub(crate) score: f64,
    /// Its logit.
    pub(crate) logit: f64,
}

/// The index of the largest value, the first of several.
pub(crate) fn top(logits: &[f64]) -> usize {
    let mut best = 0;
    for (index, value) in logits.iter().enumerate() {
        if *value > logits[best] {
            best = index;
        }
    }
    best
}

/// All classes, the most likely first.
pub(crate) fn ranked(plan: &Plan, logits: &[f64]) -> Vec<Class> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = logits.iter().map(|v| (v - largest).exp()).sum();
    let class = |(index, &logit): (usize, &f64)| Class {
        index,
        label: plan.network.labels.get(index).cloned().unwrap_or_else(|| format!("class {index}")),
        score: (logit - largest).exp() / total,
        logit,
    };
    let mut classes: Vec<Class> = logits.iter().enumerate().map(class).collect();
    classes.sort_by(|a, b| b.logit.total_cmp(&a.logit).then(a.index.cmp(&b.index)));
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_largest_is_the_top() {
        assert_eq!(top(&[1.0, 3.0, 3.0, 2.0]), 1);
        assert_eq!(top(&[-1.0]), 0);
    }
}
