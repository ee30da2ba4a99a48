use super::*;
use crate::diagnostics::Span;
use crate::passes::assign_levels::assign_levels;
use crate::testing::profile;
use fhecc_plan::{Form, Layout, LinearMap, LinearSource, Polynomial};

/// Programs over one slot.
#[derive(Default)]
struct Program(HeGraph);

impl Program {
    fn push(&mut self, op: HeOp, layer: &str, operands: &[NodeId]) -> NodeId {
        let (layer, layout, span) = (layer.to_owned(), Layout::dense(1, 1, 1), Span::default());
        self.0.add(HeNode { op, layer, layout, span }, operands)
    }

    fn input(&mut self) -> NodeId {
        self.push(HeOp::Input(None), "input", &[])
    }

    fn linear(&mut self, x: NodeId) -> NodeId {
        let layout = Layout::dense(1, 1, 1);
        let map = LinearMap {
            source: LinearSource::Select { stride: 1, before: 0 },
            weight_factor: 1.0,
            bias_factor: 1.0,
            input: layout,
            output: layout,
            gathers: 0,
            folds: Vec::new(),
            baby_modulus: 1,
            babies: vec![fhecc_plan::Rotation(0)],
            giants: vec![fhecc_plan::Rotation(0)],
            diagonals: 1,
            rescaled: true,
        };
        self.push(HeOp::Linear(Box::new(map)), "linear", &[x])
    }

    fn activation(&mut self, x: NodeId, degree: usize) -> NodeId {
        let polynomial = Polynomial::series(1.0, vec![0.5; degree + 1]);
        let op = HeOp::Activation { plain: polynomial.clone(), refreshed: polynomial };
        self.push(op, "relu", &[x])
    }

    fn add(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.push(HeOp::Add, "add", &[a, b])
    }

    fn place(mut self, x: NodeId, name: &str) -> Result<(usize, u8), Diagnostic> {
        self.push(HeOp::Output, "output", &[x]);
        let profile = profile(name);
        match insert_bootstraps(&mut self.0, &profile) {
            Ok(report) => {
                assert_eq!(
                    self.0.nodes().filter(|id| self.0.op(*id).op == HeOp::Bootstrap).count(),
                    report.bootstraps
                );
                crate::ir::verify_he::verify(&self.0, profile.slots()).expect("sound");
                let (_, levels) = assign_levels(self.0, &profile).expect("levels exist");
                Ok((report.bootstraps, levels.input))
            }
            Err(PassError::Network(mut found)) => Err(found.remove(0)),
            Err(other @ (PassError::Bug(_) | PassError::Memory(_))) => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_first_activation_reads_a_fresh_ciphertext() {
    let mut p = Program::default();
    let x = p.input();
    let x = p.linear(x);
    let x = p.activation(x, 15);
    assert_eq!(p.place(x, "b5"), Ok((0, 7)));
}

#[test]
fn a_chain_of_activations_of_degree_15_needs_one_bootstrap_each() {
    let mut p = Program::default();
    let mut x = p.input();
    for _ in 0..4 {
        x = p.linear(x);
        x = p.activation(x, 15);
    }
    assert_eq!(p.place(x, "b5"), Ok((3, 8)));
}

#[test]
fn two_shallow_activations_fit_behind_one_bootstrap() {
    // Degree 3 takes two levels: 2 + 1 + 2 + 1 is what b6 has.
    let mut p = Program::default();
    let mut x = p.input();
    for _ in 0..6 {
        x = p.linear(x);
        x = p.activation(x, 3);
    }
    let x = p.linear(x);
    assert_eq!(p.place(x, "b6").map(|(bootstraps, _)| bootstraps), Ok(2));
}

#[test]
fn an_activation_is_as_deep_as_the_polynomial_that_it_will_be() {
    // Residual blocks with degree four: behind the sum it takes three levels in its plain form, which would leave
    // too few for the next layer, and two as a monic polynomial behind a bootstrap.
    let series = Polynomial::series(1.0, vec![0.5; 5]);
    let monic = Polynomial { form: Form::Monic, ..series.clone() };
    let mut p = Program::default();
    let x = p.input();
    let mut x = p.linear(x);
    for _ in 0..3 {
        let y = p.linear(x);
        let op = HeOp::Activation { plain: monic.clone(), refreshed: monic.clone() };
        let y = p.push(op, "relu1", &[y]);
        let y = p.linear(y);
        let sum = p.add(y, x);
        let op = HeOp::Activation { plain: series.clone(), refreshed: monic.clone() };
        x = p.push(op, "relu2", &[sum]);
    }
    let x = p.linear(x);
    assert_eq!(p.place(x, "b6").map(|(bootstraps, _)| bootstraps), Ok(3));
}

#[test]
fn the_last_layers_rescale_by_a_compute_prime_where_levels_allow() {
    // Level 3 for the linear map, though 2 has keys as well: there a rescale divides by 26 bits instead of 31.
    for (degree, input) in [(7, 6), (15, 7), (31, 7)] {
        let mut p = Program::default();
        let x = p.input();
        let x = p.activation(x, degree);
        let x = p.linear(x);
        assert_eq!(p.place(x, "b5"), Ok((0, input)), "{degree}");
    }
}

#[test]
fn where_to_bootstrap_is_a_matter_of_the_whole_chain() {
    // Greedy placement would bootstrap as late as possible and then run dry at the deep activation.
    let mut p = Program::default();
    let x = p.input();
    let x = p.activation(x, 15);
    let x = p.linear(x);
    let x = p.activation(x, 3);
    let x = p.linear(x);
    let x = p.activation(x, 15);
    assert_eq!(p.place(x, "b6").map(|(bootstraps, _)| bootstraps), Ok(2));
}

#[test]
fn a_skip_around_an_activation_needs_no_bootstrap_of_its_own() {
    let mut p = Program::default();
    let x = p.input();
    let x = p.linear(x);
    let mut x = p.activation(x, 15);
    for _ in 0..3 {
        let y = p.linear(x);
        let y = p.activation(y, 15);
        let y = p.linear(y);
        let sum = p.add(y, x);
        x = p.activation(sum, 15);
    }
    assert_eq!(p.place(x, "b5"), Ok((6, 8)));
}

#[test]
fn readers_of_one_value_share_its_bootstrap() {
    let mut p = Program::default();
    let x = p.input();
    let x = p.activation(x, 15);
    let x = p.linear(x);
    let (a, b) = (p.activation(x, 15), p.activation(x, 15));
    let sum = p.add(a, b);
    assert_eq!(p.place(sum, "b5").map(|(bootstraps, _)| bootstraps), Ok(1));
}

#[test]
fn an_activation_too_deep_for_the_profile_names_the_degree_that_fits() {
    let mut p = Program::default();
    let x = p.input();
    let x = p.activation(x, 63);
    let found = p.place(x, "b5").expect_err("six levels of five");
    assert_eq!(found.code, "E0802");
    assert_eq!(found.title, "layer `relu` needs 8 levels, 7 are available");
    assert_eq!(found.help.as_deref(), Some("use degree 31 or lower, or a profile with 6 compute levels"));
}

#[test]
fn too_many_linear_layers_in_a_row_are_an_error_with_a_way_out() {
    let mut p = Program::default();
    let x = p.input();
    let mut x = p.activation(x, 15);
    for _ in 0..4 {
        x = p.linear(x);
    }
    let found = p.place(x, "b5").expect_err("three levels are left");
    assert_eq!(found.title, "layer `linear` needs 2 levels, 1 are available");
    let help = found.help.expect("there is one");
    assert!(help.contains("1 more compute levels"), "{help}");
}
