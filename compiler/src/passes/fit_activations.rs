//! Activations get their polynomials.
//!
//! Does: fit two polynomials per activation, one for the argument itself and one for the sine that a bootstrap
//! leaves of it; which of the two is used is decided by `insert_bootstraps`. Method `auto` is least squares
//! where a density was measured and Chebyshev interpolation elsewhere; degree `auto` is 15.
//! Does not: scale the results (`lower_to_he` does), or choose degrees by accuracy.
//!
//! Requires: a verified [`TensorGraph`] and the ranges of `fold_ranges`.
//! Ensures: every activation has two polynomials of the same degree with finite coefficients.

use super::fold_ranges::Ranges;
use super::{PassError, cyclic};
use crate::analysis::bounds;
use crate::diagnostics::Diagnostic;
use crate::fit::{self, Argument, Density, HEADROOM};
use crate::ir::{Activation, FitMethod, NodeId, TensorGraph, TensorNode, TensorOp};
use fhecc_plan::{Polynomial, Profile, TensorSource, Weights};
use std::collections::BTreeMap;
use std::fmt::{self, Display};

/// Degree where the text says `auto`.
pub const AUTO_DEGREE: u32 = 15;

/// The highest degree accepted.
pub const MAX_DEGREE: u32 = 63;

/// The two polynomials of an activation, for u = x / R to act(u).
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// In u.
    pub plain: Polynomial,
    /// In sin(2 pi a u).
    pub refreshed: Polynomial,
}

/// All fits.
pub type Fits = BTreeMap<NodeId, Fit>;

/// What [`fit_activations`] did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Fits with a measured density.
    pub weighted: usize,
    /// Fits without.
    pub uniform: usize,
    /// The largest root mean square error under the measured density (uniform without one), of the plain and of
    /// the refreshed form, in units of R.
    pub worst_rms: (f64, f64),
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { weighted, uniform, worst_rms } = self;
        write!(
            f,
            "{weighted} weighted by density, {uniform} uniform, worst rms error {:.2e} plain, {:.2e} behind a bootstrap",
            worst_rms.0, worst_rms.1
        )
    }
}

/// The density of u = x / `range` at `node`'s argument.
fn density(node: &TensorNode, range: f64, weights: &Weights) -> Option<Density> {
    let bins = weights.values(&format!("{}.density", node.path))?;
    let measured = bounds::calibrated(weights, &node.path)? / HEADROOM;
    Density::new(bins, measured / range)
}

fn fit(function: Activation, argument: Argument, degree: usize, density: Option<&Density>) -> Polynomial {
    match density {
        Some(density) => fit::weighted(function, argument, degree, density),
        None => fit::chebyshev(function, argument, degree),
    }
}

/// Fits all activations.
///
/// # Errors
///
/// E0803 for a degree that is not between 1 and 63, E0704 for least squares without a measured density.
pub fn fit_activations(
    g: &TensorGraph,
    ranges: &Ranges,
    weights: &Weights,
    profile: &Profile,
) -> Result<(Fits, Report), PassError> {
    let sine = Argument::Sine { log_message_ratio: profile.bootstrap.log_message_ratio };
    let (mut fits, mut report, mut diagnostics) = (Fits::new(), Report::default(), Vec::new());
    for id in g.graph.schedule().ok_or_else(cyclic)? {
        let node = g.graph.op(id);
        let TensorOp::Activation { function, approximation } = &node.op else { continue };
        let range = ranges.activations.get(&id).copied();
        let range = range.ok_or_else(|| PassError::Bug(format!("`{}` has no range", node.path)))?;
        let degree = approximation.degree.unwrap_or(AUTO_DEGREE);
        if !(1..=MAX_DEGREE).contains(&degree) {
            let title = format!("layer `{}` asks for degree {degree}; allowed: 1 to {MAX_DEGREE}", node.path);
            diagnostics.push(Diagnostic::new("E0803", title, node.span, "this degree cannot be used"));
            continue;
        }
        let measured = density(node, range, weights);
        let density = match approximation.method {
            Some(FitMethod::Chebyshev) => None,
            Some(FitMethod::LeastSquares) if measured.is_none() => {
                let title = format!("the density of the argument of `{}` is not known", node.path);
                diagnostics.push(
                    Diagnostic::new("E0704", title, node.span, "least squares are weighted by it")
                        .help("run `fhecc calibrate` on images, or choose `chebyshev`"),
                );
                continue;
            }
            Some(FitMethod::LeastSquares) | None => measured.as_ref(),
        };
        let make = |argument| fit(*function, argument, degree as usize, density);
        let fit = Fit { plain: make(Argument::Plain), refreshed: make(sine) };
        let rms = |argument, p| fit::errors(*function, argument, p, density).1;
        report.worst_rms.0 = report.worst_rms.0.max(rms(Argument::Plain, &fit.plain));
        report.worst_rms.1 = report.worst_rms.1.max(rms(sine, &fit.refreshed));
        *(if density.is_some() { &mut report.weighted } else { &mut report.uniform }) += 1;
        fits.insert(id, fit);
    }
    if diagnostics.is_empty() { Ok((fits, report)) } else { Err(PassError::Network(diagnostics)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passes::choose_packing::choose_packing;
    use crate::passes::fold_ranges::fold_ranges;
    use crate::testing::{Net, profile};

    fn fits(edit: impl Fn(&mut TensorOp), calibrated: bool) -> Result<(Fit, Report), PassError> {
        let mut net = Net::new(1, 4, 4);
        let x = net.relu(net.input());
        net.output(x);
        let (mut graph, mut data) = net.finish();
        let relu = graph.graph.operands(graph.output)[0];
        edit(&mut graph.graph.op_mut(relu).op);
        if calibrated {
            data.calibrate(&graph);
        }
        let profile = profile("b5");
        let (packing, _) = choose_packing(&mut graph, &profile).expect("fits");
        let (ranges, _) = fold_ranges(&graph, &packing, &data.weights, &profile)?;
        let (mut fits, report) = fit_activations(&graph, &ranges, &data.weights, &profile)?;
        Ok((fits.remove(&relu).expect("there"), report))
    }

    fn with(method: Option<FitMethod>, degree: Option<u32>, range: Option<f64>) -> impl Fn(&mut TensorOp) {
        move |op| {
            if let TensorOp::Activation { approximation, .. } = op {
                approximation.method = method;
                approximation.degree = degree;
                approximation.range = range;
            }
        }
    }

    #[test]
    fn auto_is_weighted_degree_15_when_calibrated_and_chebyshev_otherwise() {
        let (fit, report) = fits(with(None, None, None), true).expect("calibrated");
        assert_eq!((report.weighted, report.uniform, fit.plain.degree()), (1, 0, 15));
        assert!((fit.refreshed.domain - (std::f64::consts::TAU * 1.1 / 8.0).sin()).abs() < 1e-15);
        let (_, report) = fits(with(None, None, Some(3.0)), false).expect("range given");
        assert_eq!((report.weighted, report.uniform), (0, 1));
        let (fit, report) = fits(with(Some(FitMethod::Chebyshev), Some(7), None), true).expect("calibrated");
        assert_eq!((report.uniform, fit.refreshed.degree()), (1, 7));
    }

    #[test]
    fn what_is_missing_or_out_of_bounds_is_said_with_a_way_out() {
        let code = |result: Result<(Fit, Report), PassError>| match result {
            Err(PassError::Network(d)) => (d[0].code, d[0].help.clone().unwrap_or_default()),
            other => panic!("{other:?}"),
        };
        let (number, help) = code(fits(with(None, None, None), false));
        assert!(number == "E0704" && help.contains("fhecc calibrate"));
        let (number, help) = code(fits(with(Some(FitMethod::LeastSquares), None, Some(1.0)), false));
        assert!(number == "E0704" && help.contains("fhecc calibrate"));
        assert_eq!(code(fits(with(None, Some(0), None), true)).0, "E0803");
        assert_eq!(code(fits(with(None, Some(64), None), true)).0, "E0803");
        assert_eq!(code(fits(with(None, None, Some(-1.0)), true)).0, "E0803");
    }
}
