//! The verifier of ciphertext graphs. Its invariants:
//!
//! 1. the graph is acyclic, with exactly one `Input` and one `Output`;
//! 2. every operation has as many operands as it takes, and every node but the output has a user;
//! 3. every layout is sound and fits the slots;
//! 4. a linear map's layouts are those of its operand and its node, and its steps are ascending and sum to
//!    rotations that the map has;
//! 5. the operands of an addition lie in the same slots;
//! 6. a result of `RotateSum`, whose unused slots hold partial sums, is read only by linear maps, level
//!    drops and the output;
//! 7. the result of a bootstrap is read only by polynomials and level drops, that of an activation's
//!    argument stays what it was;
//! 8. every number is finite, every polynomial's domain positive;
//! 9. the argument of a monic polynomial is made by a linear map or a bootstrap, perhaps through a level drop, and read by
//!    nothing else;
//! 10. the result of an unrescaled polynomial is read only by sums over rotations, which then are read only by linear maps
//!     without a rescale, and by such maps, whose results are read only by the output.

use super::{HeGraph, HeNode, HeOp};
use fhecc_plan::{Form, Layout, Polynomial};

/// Whether two layouts put the same elements into the same slots.
pub(crate) fn same_slots(a: &Layout, b: &Layout) -> bool {
    Layout { clean: true, ..*a } == Layout { clean: true, ..*b }
}

fn sound(polynomial: &Polynomial) -> bool {
    !polynomial.coefficients.is_empty()
        && polynomial.coefficients.iter().all(|c| c.is_finite())
        && polynomial.domain.is_finite()
        && polynomial.domain > 0.0
}

/// Checks all invariants.
///
/// # Errors
///
/// A sentence on the first invariant that does not hold; it is a bug of the compiler.
pub fn verify(graph: &HeGraph, slots: usize) -> Result<(), String> {
    let order = graph.schedule().ok_or("the graph is cyclic")?;
    let count = |f: fn(&HeOp) -> bool| order.iter().filter(|id| f(&graph.op(**id).op)).count();
    if count(|op| matches!(op, HeOp::Input(_))) != 1 || count(|op| matches!(op, HeOp::Output)) != 1 {
        return Err("there must be one input and one output".to_owned());
    }
    for id in order {
        let node = graph.op(id);
        let operands: Vec<&HeNode> = graph.operands(id).into_iter().map(|o| graph.op(o)).collect();
        let users: Vec<&HeNode> = graph.users(id).into_iter().map(|(u, _)| graph.op(u)).collect();
        check(node, &operands, &users, slots)
            .map_err(|e| format!("`{}` {id} {}: {e}", node.layer, node.op.name()))?;
    }
    Ok(())
}

/// Whether `user` may read the result of `node`, if that was not rescaled.
fn may_read(node: &HeNode, operands: &[&HeNode], user: &HeNode) -> bool {
    let square = |n: &HeNode| matches!(&n.op, HeOp::Polynomial(p) if p.form == Form::Unrescaled);
    let last = |n: &HeNode| n.op.is_unrescaled_map();
    let sum = |n: &HeNode| matches!(n.op, HeOp::RotateSum(_));
    if last(node) {
        matches!(user.op, HeOp::Output)
    } else if square(node) {
        last(user) || sum(user)
    } else if sum(node) && operands.iter().any(|o| square(o)) {
        last(user)
    } else {
        true
    }
}

fn check(node: &HeNode, operands: &[&HeNode], users: &[&HeNode], slots: usize) -> Result<(), String> {
    if operands.len() != node.op.arity() {
        return Err(format!("takes {} operands, has {}", node.op.arity(), operands.len()));
    }
    if users.is_empty() != matches!(node.op, HeOp::Output) {
        return Err(format!("has {} users", users.len()));
    }
    node.layout.check(slots).map_err(|e| e.to_string())?;
    let monic = |n: &&HeNode| matches!(&n.op, HeOp::Polynomial(p) if p.form == Form::Monic);
    if users.len() > 1 && users.iter().any(monic) {
        return Err("is read by a monic polynomial and others".to_owned());
    }
    let partial = |n: &HeNode| {
        !matches!(n.op, HeOp::Linear(_) | HeOp::DropLevel(_) | HeOp::Output | HeOp::RotateSum(_))
    };
    if let Some(wrong) = users.iter().find(|user| !may_read(node, operands, user)) {
        return Err(format!("was not rescaled and is read by a {}", wrong.op.name()));
    }
    let allowed =
        |found: bool| if found { Ok(()) } else { Err("is read by an operation that may not".to_owned()) };
    match &node.op {
        HeOp::Linear(map) => {
            if !same_slots(&map.input, &operands[0].layout) || !same_slots(&map.output, &node.layout) {
                return Err("the map's layouts are not those around it".to_owned());
            }
            let ascending = |steps: &[fhecc_plan::Rotation]| steps.windows(2).all(|w| w[0] < w[1]);
            if !ascending(&map.babies) || !ascending(&map.giants) || map.baby_modulus == 0 {
                return Err("the steps are not ascending".to_owned());
            }
            if !map.weight_factor.is_finite() || !map.bias_factor.is_finite() {
                return Err("a factor is not finite".to_owned());
            }
        }
        HeOp::RotateSum(_) => allowed(!users.iter().any(|u| partial(u)))?,
        HeOp::Add => {
            if !same_slots(&operands[0].layout, &operands[1].layout)
                || !same_slots(&node.layout, &operands[0].layout)
            {
                return Err("the operands lie in different slots".to_owned());
            }
        }
        HeOp::Activation { plain, refreshed } => {
            if !sound(plain) || !sound(refreshed) {
                return Err("a polynomial is not finite".to_owned());
            }
        }
        HeOp::Polynomial(polynomial) => {
            if !sound(polynomial) {
                return Err("the polynomial is not finite".to_owned());
            }
            let makes = matches!(operands[0].op, HeOp::Linear(_) | HeOp::Bootstrap | HeOp::DropLevel(_));
            if polynomial.form == Form::Monic && !(makes && polynomial.suits_form()) {
                return Err("the argument is not made for a monic polynomial".to_owned());
            }
            if !polynomial.suits_form() {
                return Err("the polynomial needs a rescale".to_owned());
            }
        }
        HeOp::Bootstrap => {
            allowed(users.iter().all(|u| matches!(u.op, HeOp::Polynomial(_) | HeOp::DropLevel(_))))?;
        }
        HeOp::Input(_) | HeOp::DropLevel(_) | HeOp::Output => {}
    }
    if matches!(
        node.op,
        HeOp::Activation { .. } | HeOp::Polynomial(_) | HeOp::Bootstrap | HeOp::DropLevel(_) | HeOp::Output
    ) && !same_slots(&node.layout, &operands[0].layout)
    {
        return Err("the result does not lie where the operand lies".to_owned());
    }
    Ok(())
}
