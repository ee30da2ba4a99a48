//! What the checker says about scales other than a layer's.

#![allow(dead_code, clippy::wildcard_enum_match_arm, reason = "test support is shared between tests")]

#[path = "support/refused.rs"]
mod refused;
#[path = "support/small_plan.rs"]
mod small_plan;

use fhecc_plan::{CheckedPlan, Form, Level, Op, Plan, Reg, Step, StepScale};
use refused::{assert_refused, good};
use small_plan::{fill_frees, fill_keys, unrescale_tail};

/// The good plan with its second activation, which reads a bootstrap, as a monic polynomial.
fn with_monic(plan: &mut Plan) {
    plan.polynomials[1].form = Form::Monic;
    plan.steps[4].scale = StepScale::Argument { polynomial: 1, level: Level(7) };
    plan.steps[5].level = Level(5);
}

#[test]
fn a_monic_polynomial_reads_what_was_made_for_it() {
    let mut plan = good();
    with_monic(&mut plan);
    CheckedPlan::new(plan).expect("good");
    assert_refused("the monic polynomial takes", |p| {
        with_monic(p);
        p.steps[4].scale = StepScale::Layer;
    });
    assert_refused("the monic polynomial takes", |p| {
        with_monic(p);
        p.steps[4].scale = StepScale::Argument { polynomial: 1, level: Level(6) };
    });
    assert_refused("no scale is known", |p| {
        with_monic(p);
        p.steps[4].scale = StepScale::Argument { polynomial: 1, level: Level(0) };
    });
    assert_refused("which is not monic", |p| {
        with_monic(p);
        p.steps[4].scale = StepScale::Argument { polynomial: 0, level: Level(7) };
    });
    assert_refused("is at the scale for polynomial 1", |p| {
        with_monic(p);
        p.steps[5].op = Op::Polynomial { src: Reg(4), polynomial: 0 };
    });
    assert_refused("polynomials[0].form is Monic", |p| p.polynomials[0].form = Form::Monic);
}

#[test]
fn what_is_not_rescaled_is_read_only_by_the_end_of_the_program() {
    let mut plan = good();
    unrescale_tail(&mut plan);
    assert_eq!(plan.steps[11].scale, StepScale::Raised { log2: 94 });
    CheckedPlan::new(plan).expect("good");
    let assert_refused = |words: &str, change: &dyn Fn(&mut Plan)| {
        assert_refused(words, |p| {
            unrescale_tail(p);
            change(p);
        });
    };
    assert_refused("2^95.0; allowed without a rescale at level 2: up to 2^94", &|p| {
        p.steps[11].scale = StepScale::Raised { log2: 95 };
    });
    assert_refused("not above the operand's scale, 2^63.0", &|p| {
        p.steps[11].scale = StepScale::Raised { log2: 63 };
    });
    assert_refused("allowed without a rescale: Raised", &|p| p.steps[11].scale = StepScale::Layer);
    assert_refused("but rescaled", &|p| {
        p.linears[0].rescaled = true;
        p.steps[1].scale = StepScale::Raised { log2: 60 };
    });
    assert_refused("only sums and linear maps without a rescale read it", &|p| p.linears[3].rescaled = true);
    assert_refused("only sums and linear maps without a rescale read it", &|p| {
        p.steps[10].op = Op::Polynomial { src: Reg(11), polynomial: 0 };
    });
    assert_refused("a lower level may not hold it", &|p| p.steps[10].op = Op::DropLevel { src: Reg(11) });
    assert_refused("scale Layer is stated", &|p| p.steps[9].scale = StepScale::Layer);
    assert_refused("polynomials[2].form is Unrescaled", &|p| p.polynomials[2].coefficients.push(0.5));
    assert_refused("up to 2^38", &|p| {
        let op = Op::DropLevel { src: Reg(8) };
        p.steps.insert(9, Step { dst: Reg(12), op, level: Level(0), ..p.steps[8].clone() });
        p.steps[10].op = Op::Polynomial { src: Reg(12), polynomial: 2 };
        fill_frees(p);
        fill_keys(p);
    });
    assert_refused("is not at the scale of a layer's result", &|p| {
        p.steps.truncate(11);
        p.linears.truncate(3);
        p.output.register = Reg(9);
        fill_frees(p);
        fill_keys(p);
    });
}
