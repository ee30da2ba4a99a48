//! Activations get their polynomials.
//!
//! Does: fit two polynomials per activation, one for the argument itself and one for the sine that a bootstrap
//! leaves of it; which of the two is used is decided by `insert_bootstraps`. Method `auto` is least squares
//! where a density was measured and Chebyshev interpolation elsewhere; degree `auto` is 15. A trained activation
//! is one of the two polynomials already.
//! Does not: scale the results (`lower_to_he` does), or choose degrees by accuracy.
//!
//! Requires: a verified [`TensorGraph`] and the ranges of `fold_ranges`.
//! Ensures: every activation has two polynomials of the same degree with finite coefficients.

use super::fold_ranges::Ranges;
use super::{PassError, cyclic};
use crate::analysis::bounds;
use crate::diagnostics::Diagnostic;
use crate::fit::{self, Argument, Density, Function, HEADROOM};
use crate::interpret::ActivationModel;
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

impl Report {
    fn add(&mut self, function: Function<'_>, fit: &Fit, sine: Argument, density: Option<&Density>) {
        let rms = |argument, p| fit::errors(function, argument, p, density).1;
        self.worst_rms.0 = self.worst_rms.0.max(rms(Argument::Plain, &fit.plain));
        self.worst_rms.1 = self.worst_rms.1.max(rms(sine, &fit.refreshed));
        *(if density.is_some() { &mut self.weighted } else { &mut self.uniform }) += 1;
    }
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

fn fit(function: Function<'_>, argument: Argument, degree: usize, density: Option<&Density>) -> Polynomial {
    match density {
        Some(density) => fit::weighted(function, argument, degree, density),
        None => fit::chebyshev(function, argument, degree),
    }
}

/// A trained activation, for an argument that is stored as u = x / `range`: what its polynomial is made for needs no
/// fit, the other argument gets one of the same degree.
fn trained(
    node: &TensorNode,
    range: f64,
    weights: &Weights,
    sine: Argument,
    density: Option<&Density>,
) -> Result<(ActivationModel, Fit), PassError> {
    let model = ActivationModel::trained(weights, &node.path).map_err(|e| PassError::Bug(e.to_string()))?;
    let (degree, ratio) = (model.polynomial.degree(), model.range / range);
    let refit = |argument| fit(&|u| model.value(u * range) / range, argument, degree, density);
    let own = |domain: f64| {
        let coefficients = model.polynomial.coefficients.iter().map(|c| c * ratio).collect();
        Polynomial::series(domain, coefficients)
    };
    let fit = match model.angle {
        None => Fit { plain: own(model.polynomial.domain * ratio), refreshed: refit(sine) },
        // A sine of another multiple of u is no polynomial of this one.
        Some(angle) if sine.angle() == Some(angle) && (ratio - 1.0).abs() < 1e-9 => {
            Fit { plain: refit(Argument::Plain), refreshed: own(model.polynomial.domain) }
        }
        Some(_) => Fit { plain: refit(Argument::Plain), refreshed: refit(sine) },
    };
    Ok((model, fit))
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
        let measured = density(node, range, weights);
        if *function == Activation::Trained {
            let (model, fit) = trained(node, range, weights, sine, measured.as_ref())?;
            report.add(&|u| model.value(u * range) / range, &fit, sine, measured.as_ref());
            fits.insert(id, fit);
            continue;
        }
        let degree = approximation.degree.unwrap_or(AUTO_DEGREE);
        if !(1..=MAX_DEGREE).contains(&degree) {
            let title = format!("layer `{}` asks for degree {degree}; allowed: 1 to {MAX_DEGREE}", node.path);
            diagnostics.push(Diagnostic::new("E0803", title, node.span, "this degree cannot be used"));
            continue;
        }
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
        let relu = |u: f64| u.max(0.0);
        let make = |argument| fit(&relu, argument, degree as usize, density);
        let fit = Fit { plain: make(Argument::Plain), refreshed: make(sine) };
        report.add(&relu, &fit, sine, density);
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

    /// A network with one trained activation: `argument` as in the weights file, trained for the range 3.
    fn trained_fit(argument: f32, text_range: Option<f64>) -> (Fit, ActivationModel) {
        let mut net = Net::new(1, 4, 4);
        let x = net.relu(net.input());
        net.output(x);
        let (mut graph, mut data) = net.finish();
        let node = graph.graph.operands(graph.output)[0];
        if let TensorOp::Activation { function, approximation } = &mut graph.graph.op_mut(node).op {
            (*function, approximation.range) = (Activation::Trained, text_range);
        }
        let path = graph.graph.op(node).path.clone();
        for (what, values) in [
            ("polynomial", vec![0.3, 0.45, 0.1, -0.02, -0.15]),
            ("argument", vec![argument]),
            ("range", vec![3.0]),
        ] {
            let shape = vec![values.len() as u64];
            data.weights.insert(format!("{path}.{what}"), fhecc_plan::Tensor { shape, values });
        }
        let profile = profile("b6");
        let (packing, _) = choose_packing(&mut graph, &profile).expect("fits");
        let (ranges, _) = fold_ranges(&graph, &packing, &data.weights, &profile).expect("a range");
        let model = ActivationModel::trained(&data.weights, &path).expect("complete");
        let (mut fits, report) = fit_activations(&graph, &ranges, &data.weights, &profile).expect("complete");
        assert_eq!((report.weighted, report.uniform), (0, 1));
        (fits.remove(&node).expect("there"), model)
    }

    #[test]
    fn a_trained_activation_is_its_own_polynomial_and_is_fitted_for_the_other_argument() {
        let sine = Argument::Sine { log_message_ratio: 3 };
        for (argument, exact, fitted) in [(0.0, Argument::Plain, sine), (1.0, sine, Argument::Plain)] {
            let (fit, model) = trained_fit(argument, None);
            let largest = |polynomial: &Polynomial, argument: Argument| {
                let error = |i: i32| {
                    let u = f64::from(i) / 100.0;
                    (polynomial.value(argument.of(u)) - model.value(u * model.range) / model.range).abs()
                };
                (-100..=100).map(error).fold(0.0, f64::max)
            };
            let of = |argument| if argument == sine { &fit.refreshed } else { &fit.plain };
            assert!(largest(of(exact), exact) < 1e-12, "{argument}");
            let error = largest(of(fitted), fitted);
            assert!((1e-6..0.1).contains(&error), "{argument}: {error}");
            assert_eq!((fit.plain.degree(), fit.refreshed.degree()), (4, 4));
        }
    }

    #[test]
    fn a_trained_activation_keeps_its_function_where_its_argument_is_divided_by_more() {
        // Stored as x / 6, trained for x / 3.3.
        let (fit, model) = trained_fit(0.0, Some(6.0));
        for i in -10..=10 {
            let x = 0.33 * f64::from(i);
            assert!((6.0 * fit.plain.value(x / 6.0) - model.value(x)).abs() < 1e-12, "{x}");
        }
    }
}
