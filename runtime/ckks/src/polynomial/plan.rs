//! In which order to evaluate a Chebyshev polynomial.
//!
//! Paterson and Stockmeyer ("On the number of nonscalar multiplications necessary to evaluate polynomials",
//! 1973) in the Chebyshev basis: `p = q T_split + r` with `split` a power of two, recursively, down to leaves
//! of degree below a bound `m`, which are linear combinations of `T_1 .. T_{m-1}`.
//!
//! A node of the plan stands for one rescale:
//!
//! ```text
//! node = rescale( sum_j child_j * T_{split_j}  +  sum_i c_i T_i  +  c_0 )
//! ```
//!
//! Everything in the parentheses has one level and one scale `A`: children are asked for the scale
//! `A / scale(T_split)`, the constant `c_i` is encoded at `A / scale(T_i)`, so additions are exact by
//! construction and the result has exactly the scale asked for. All products of a node share one
//! relinearisation. A child sits one level above its parent, so a polynomial of degree below `2^depth`
//! uses exactly `depth` levels: leaves that would need a deeper `T_i` than their place allows are split
//! further (Bossuat, Mouchet, Troncoso-Pastoriza, Hubaux, "Efficient bootstrapping for approximate
//! homomorphic encryption with non-sparse keys", EUROCRYPT 2021, section 5).

use std::collections::BTreeSet;

use super::chebyshev::divide;

/// `T_index = 2 T_high T_low - T_{high - low}`, with `high` the largest power of two below `index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Power {
    pub(crate) index: usize,
    pub(crate) high: usize,
    pub(crate) low: usize,
}

/// One rescaled sum of products; see the module's text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// Levels below the argument at which the sum is formed; the node's value is one level lower.
    pub(crate) depth: usize,
    /// `(child, split)`: the products `child * T_split`.
    pub(crate) products: Vec<(Node, usize)>,
    /// `(i, c_i)` with `i >= 1`.
    pub(crate) terms: Vec<(usize, f64)>,
    /// `c_0`.
    pub(crate) constant: f64,
}

/// How to evaluate one polynomial.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    /// The `T_i` to compute, in an order in which each uses only earlier ones and `T_1`.
    pub(crate) powers: Vec<Power>,
    pub(crate) root: Node,
}

/// The depth of `T_index` below `T_1`: `ceil(log2(index))`.
pub(crate) fn depth_of_power(index: usize) -> usize {
    index.next_power_of_two().ilog2() as usize
}

impl Plan {
    /// The cheapest plan for `sum_k coefficients[k] T_k` that ends exactly `depth` levels below the argument.
    ///
    /// # Panics
    /// Unless `1 <= depth` and the degree is below `2^depth`.
    pub(crate) fn new(coefficients: &[f64], depth: usize) -> Self {
        let degree = coefficients.iter().rposition(|&c| c != 0.0).unwrap_or(0);
        assert!(depth >= 1 && degree < 1 << depth, "degree {degree} in {depth} levels");
        let candidates = (1..=depth).map(|k| {
            let root = Node::new(&coefficients[..=degree], depth - 1, 1 << k);
            let powers = needed_powers(&root);
            Self { powers, root }
        });
        candidates.min_by(|a, b| a.cost().total_cmp(&b.cost())).expect("depth is at least one")
    }

    /// Relinearisations, the expensive step, and a fifth of that for every further product.
    fn cost(&self) -> f64 {
        self.relinearisations() as f64 + 0.2 * (self.powers.len() + self.root.product_count()) as f64
    }

    /// Number of relinearisations of an evaluation.
    pub(crate) fn relinearisations(&self) -> usize {
        self.powers.len() + self.root.relinearisations()
    }
}

impl Node {
    fn new(coefficients: &[f64], depth: usize, leaf_bound: usize) -> Self {
        let mut node = Self { depth, products: Vec::new(), terms: Vec::new(), constant: 0.0 };
        node.add(coefficients, leaf_bound);
        node
    }

    /// Adds a polynomial of degree below `2^(depth + 1)` to the sum.
    fn add(&mut self, coefficients: &[f64], leaf_bound: usize) {
        let degree = coefficients.iter().rposition(|&c| c != 0.0).unwrap_or(0);
        let p = &coefficients[..=degree];
        if degree < leaf_bound && (degree <= 1 || depth_of_power(degree) <= self.depth) {
            self.constant += p[0];
            for (i, &c) in p.iter().enumerate().skip(1).filter(|(_, c)| **c != 0.0) {
                self.add_term(i, c);
            }
            return;
        }
        let split = 1usize << degree.ilog2();
        let (quotient, remainder) = divide(p, split);
        if let [c] = quotient[..] {
            self.add_term(split, c);
        } else {
            self.products.push((Self::new(&quotient, self.depth - 1, leaf_bound), split));
        }
        self.add(&remainder, leaf_bound);
    }

    fn add_term(&mut self, index: usize, coefficient: f64) {
        self.terms.push((index, coefficient));
    }

    fn product_count(&self) -> usize {
        self.products.iter().map(|(child, _)| 1 + child.product_count()).sum()
    }

    fn relinearisations(&self) -> usize {
        usize::from(!self.products.is_empty())
            + self.products.iter().map(|(child, _)| child.relinearisations()).sum::<usize>()
    }

    fn collect(&self, used: &mut BTreeSet<usize>) {
        used.extend(self.terms.iter().map(|(i, _)| *i));
        for (child, split) in &self.products {
            used.insert(*split);
            child.collect(used);
        }
    }
}

/// Every `T_i`, `i >= 2`, that the node uses directly or for another one, in ascending order.
fn needed_powers(root: &Node) -> Vec<Power> {
    let mut open = BTreeSet::new();
    root.collect(&mut open);
    let mut powers = Vec::new();
    while let Some(index) = open.pop_last() {
        if index < 2 {
            continue;
        }
        let high = 1usize << (index - 1).ilog2();
        let low = index - high;
        open.extend([high, low, high - low]);
        powers.push(Power { index, high, low });
    }
    powers.reverse();
    powers
}

#[cfg(test)]
mod tests {
    use super::super::chebyshev::Chebyshev;
    use super::*;
    use std::collections::BTreeMap;

    /// The value of the plan, with the depth of every operand checked.
    fn run(plan: &Plan, x: f64) -> f64 {
        let mut t = BTreeMap::from([(0, 1.0), (1, x)]);
        for power in &plan.powers {
            let value = 2.0 * t[&power.high] * t[&power.low] - t[&(power.high - power.low)];
            assert!(depth_of_power(power.high).max(depth_of_power(power.low)) < depth_of_power(power.index));
            t.insert(power.index, value);
        }
        run_node(&plan.root, &t)
    }

    fn run_node(node: &Node, t: &BTreeMap<usize, f64>) -> f64 {
        let mut sum = node.constant;
        for (child, split) in &node.products {
            assert_eq!(child.depth + 1, node.depth);
            assert!(depth_of_power(*split) <= node.depth);
            sum += run_node(child, t) * t[split];
        }
        for (i, c) in &node.terms {
            assert!(depth_of_power(*i) <= node.depth);
            sum += c * t[i];
        }
        sum
    }

    #[test]
    fn every_degree_in_its_exact_depth() {
        for degree in 1..=63usize {
            for keep in [0, 1, 2] {
                let coefficients: Vec<f64> = (0..=degree)
                    .map(|k| {
                        if keep < 2 && k % 2 != keep { 0.0 } else { ((k * k) as f64).cos() / (1 + k) as f64 }
                    })
                    .collect();
                let oracle = Chebyshev { coefficients: coefficients.clone(), domain: (-1.0, 1.0) };
                if oracle.degree() == 0 {
                    continue;
                }
                let plan = Plan::new(&coefficients, oracle.depth());
                assert_eq!(plan.root.depth + 1, oracle.depth());
                for x in [-1.0, -0.83, -0.2, 0.0, 0.31, 0.99] {
                    assert!((run(&plan, x) - oracle.evaluate(x)).abs() < 1e-12, "degree {degree} at {x}");
                }
            }
        }
    }

    #[test]
    fn relinearisation_counts() {
        let dense = |degree: usize| (0..=degree).map(|k| (k as f64).cos()).collect::<Vec<_>>();
        let count = |degree: usize| Plan::new(&dense(degree), depth_of_power(degree + 1)).relinearisations();
        assert_eq!([3, 7, 13, 15, 27, 31, 59, 63].map(count), [2, 4, 6, 7, 8, 10, 13, 15]);
        let odd: Vec<f64> = (0..64).map(|k| f64::from(k % 2) / f64::from(k + 1)).collect();
        assert_eq!(Plan::new(&odd, 6).relinearisations(), 14);
        assert_eq!(Plan::new(&dense(12), 4).relinearisations(), 5);
    }
}
