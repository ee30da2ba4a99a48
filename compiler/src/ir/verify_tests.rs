//! One bad input per invariant of the verifiers, and the text form of ciphertext graphs.

use super::{HeGraph, HeOp, LeveledGraph, NodeId, TensorOp, he_text, verify_he, verify_tensor};
use crate::passes::assign_levels::assign_levels;
use crate::passes::insert_bootstraps::insert_bootstraps;
use crate::testing::{Net, profile};
use fhecc_plan::{Form, Level, Polynomial};

fn net() -> Net {
    let mut net = Net::new(2, 4, 4);
    let x = net.conv(net.input(), 2, 3, 1, 1, 1);
    let y = net.relu(x);
    let y = net.conv(y, 2, 3, 1, 1, 1);
    let sum = net.add(y, y);
    let z = net.relu(sum);
    let z = net.global_pool(z);
    let z = net.linear(z, 3);
    net.output(z);
    net
}

fn tensor_error(change: impl Fn(&mut super::TensorGraph)) -> String {
    let (mut graph, _) = net().finish();
    verify_tensor::verify(&graph).expect("sound before");
    change(&mut graph);
    verify_tensor::verify(&graph).expect_err("broken")
}

fn node(g: &super::TensorGraph, path: &str) -> NodeId {
    g.graph.nodes().find(|id| g.graph.op(*id).path == path).expect("there")
}

#[test]
fn every_invariant_of_tensor_graphs_has_a_bad_input() {
    let cyclic = tensor_error(|g| {
        let (first, last) = (node(g, "conv0"), node(g, "conv2"));
        g.graph.set_operand(first, 0, last);
    });
    assert_eq!(cyclic, "the graph is cyclic");
    let two_inputs = tensor_error(|g| {
        let id = node(g, "conv0");
        g.graph.op_mut(id).op = TensorOp::Input;
    });
    assert!(two_inputs.contains("one input and one output"), "{two_inputs}");
    let operands = tensor_error(|g| {
        let id = node(g, "relu1");
        g.graph.op_mut(id).op = TensorOp::Add;
    });
    assert_eq!(operands, "`relu1`: takes 2 operands, has 1");
    let shape = tensor_error(|g| {
        let id = node(g, "conv2");
        g.graph.op_mut(id).shape.width = 5;
    });
    assert_eq!(shape, "`conv2`: the shape is 2x4x5, the operands give 2x4x4");
    let path = tensor_error(|g| {
        let id = node(g, "conv2");
        g.graph.op_mut(id).path = "conv0".to_owned();
    });
    assert!(path.contains("occurs twice"), "{path}");
    let unused = tensor_error(|g| {
        let (id, sum) = (node(g, "relu1"), node(g, "add3"));
        g.graph.set_operand(sum, 0, id);
        g.graph.set_operand(sum, 1, id);
    });
    assert_eq!(unused, "`conv2`: the result is not used");
    let std = tensor_error(|g| g.std[1] = 0.0);
    assert!(std.contains("do not suit 2 channels"), "{std}");
}

fn he() -> HeGraph {
    let profile = profile("b5");
    let mut he = net().lowered(&profile);
    insert_bootstraps(&mut he, &profile).expect("places");
    he
}

fn he_error(change: impl Fn(&mut HeGraph, &dyn Fn(&HeGraph, &str) -> NodeId)) -> String {
    let mut graph = he();
    let slots = profile("b5").slots();
    verify_he::verify(&graph, slots).expect("sound before");
    let find = |g: &HeGraph, name: &str| g.nodes().find(|id| g.op(*id).op.name() == name).expect("there");
    change(&mut graph, &find);
    verify_he::verify(&graph, slots).expect_err("broken")
}

#[test]
fn every_invariant_of_ciphertext_graphs_has_a_bad_input() {
    let expect = |found: String, part: &str| assert!(found.contains(part), "{found}");
    expect(
        he_error(|g, find| {
            let (sum, id) = (find(g, "add"), find(g, "output"));
            g.set_operand(sum, 1, id);
        }),
        "cyclic",
    );
    expect(
        he_error(|g, find| {
            let id = find(g, "add");
            g.op_mut(id).op = HeOp::Output;
        }),
        "one input and one output",
    );
    expect(
        he_error(|g, find| {
            let id = find(g, "polynomial");
            g.op_mut(id).op = HeOp::Add;
        }),
        "takes 2 operands, has 1",
    );
    expect(
        he_error(|g, find| {
            let id = find(g, "add");
            g.op_mut(id).layout.gap = 7;
        }),
        "inconsistent",
    );
    expect(
        he_error(|g, find| {
            let id = find(g, "linear");
            g.op_mut(id).layout.channels = 1;
        }),
        "layouts are not those around it",
    );
    expect(
        he_error(|g, find| {
            let id = find(g, "linear");
            if let HeOp::Linear(map) = &mut g.op_mut(id).op {
                map.babies.reverse();
            }
        }),
        "not ascending",
    );
    expect(
        he_error(|g, find| {
            let (sum, id) = (find(g, "add"), find(g, "rotate_sum"));
            let source = g.operands(sum)[0];
            let layout = g.op(id).layout;
            g.op_mut(sum).layout = layout;
            g.op_mut(source).layout = layout;
        }),
        "layouts are not those around it",
    );
    expect(
        he_error(|g, find| {
            let (bootstrap, id) = (find(g, "bootstrap"), find(g, "rotate_sum"));
            g.set_operand(id, 0, bootstrap);
        }),
        "is read by an operation that may not",
    );
    expect(
        he_error(|g, find| {
            let id = find(g, "polynomial");
            if let HeOp::Polynomial(p) = &mut g.op_mut(id).op {
                p.coefficients[3] = f64::NAN;
            }
        }),
        "not finite",
    );
    let monic = |leading| {
        let series = Polynomial::series(1.0, vec![0.2, 0.5, 0.2, 0.0, leading]);
        HeOp::Polynomial(Polynomial { form: Form::Monic, ..series })
    };
    expect(
        he_error(|g, find| {
            let id = find(g, "polynomial");
            g.op_mut(id).op = monic(0.0);
        }),
        "not made for a monic polynomial",
    );
    expect(
        he_error(|g, find| {
            let id = find(g, "polynomial");
            g.op_mut(id).op = monic(-0.1);
            let (other, argument) = (g.op(id).clone(), g.operands(id)[0]);
            g.add(other, &[argument]);
        }),
        "read by a monic polynomial and others",
    );
    let unrescaled = Polynomial { form: Form::Unrescaled, ..Polynomial::series(1.0, vec![0.2, 0.5, 0.2]) };
    expect(
        he_error(|g, find| {
            let id = find(g, "polynomial");
            g.op_mut(id).op = HeOp::Polynomial(unrescaled.clone());
        }),
        "was not rescaled and is read by a",
    );
    expect(
        he_error(|g, find| {
            let (sum, output) = (find(g, "rotate_sum"), find(g, "output"));
            let (id, last) = (g.operands(sum)[0], g.operands(output)[0]);
            let series = Polynomial::series(1.0, vec![0.2, 0.5, 0.2, 0.1]);
            g.op_mut(id).op = HeOp::Polynomial(Polynomial { form: Form::Unrescaled, ..series });
            if let HeOp::Linear(map) = &mut g.op_mut(last).op {
                map.rescaled = false;
            }
        }),
        "the polynomial needs a rescale",
    );
    expect(
        he_error(|g, find| {
            let id = find(g, "linear");
            if let HeOp::Linear(map) = &mut g.op_mut(id).op {
                map.rescaled = false;
            }
        }),
        "was not rescaled and is read by a",
    );
}

#[test]
fn the_text_form_reads_back() {
    let graph = he();
    let text = he_text::print(&graph).expect("finite");
    let again = he_text::parse(&text).expect("reads back");
    assert_eq!(he_text::print(&again).as_deref(), Ok(text.as_str()));
    assert!(text.contains("%1 = Linear("), "{text}");
    assert!(text.contains("in \"relu4\" at"), "{text}");
}

#[test]
fn what_is_no_node_is_refused_with_its_line() {
    let text = he_text::print(&he()).expect("finite");
    let error = |text: &str| he_text::parse(text).expect_err("refused").to_string();
    assert_eq!(error("%0 = Input(None)"), "line 1: ` at ` expected");
    assert_eq!(error(&text.replacen("%1 = ", "%7 = ", 1)), "line 2: node %7 found, %1 expected");
    assert_eq!(error(&text.replacen("(%0)", "(%9)", 1)), "line 2: `%9` is no earlier node");
    assert!(error(&text.replacen("Input(None)", "Inputs", 1)).starts_with("line 1: "));
}

#[test]
fn dot_names_every_layer() {
    let (graph, _) = net().finish();
    let text = super::dot::tensor_dot(&graph);
    assert!(text.starts_with("digraph") && text.contains("conv0\\nconv 2x4x4"), "{text}");
    assert_eq!(text.matches("->").count(), 9);
    assert!(super::dot::he_dot(&he()).contains("bootstrap"));
}

fn level_error(change: impl Fn(&mut HeGraph, &dyn Fn(&HeGraph, &str) -> NodeId)) -> String {
    let profile = profile("b5");
    let (leveled, _) = assign_levels(he(), &profile).expect("levels exist");
    let mut graph = leveled.graph().clone();
    let find = |g: &HeGraph, name: &str| g.nodes().find(|id| g.op(*id).op.name() == name).expect("there");
    change(&mut graph, &find);
    LeveledGraph::check(graph, &profile).expect_err("broken")
}

#[test]
fn every_rule_of_levels_has_a_bad_input() {
    let expect = |found: String, part: &str| assert!(found.contains(part), "{found}");
    let input = |level: Option<u8>| {
        level_error(|g, find| {
            let id = find(g, "input");
            g.op_mut(id).op = HeOp::Input(level.map(Level));
        })
    };
    expect(input(None), "has no level");
    expect(input(Some(200)), "the highest is 11");
    expect(input(Some(0)), "rotates at level 0, the lowest is 2");
    expect(input(Some(9)), "outside of 7 to 2");
    expect(
        level_error(|g, find| {
            let (bootstrap, input) = (find(g, "bootstrap"), find(g, "input"));
            g.set_operand(bootstrap, 0, input);
        }),
        "must read 2",
    );
    expect(
        level_error(|g, find| {
            let (sum, input) = (find(g, "add"), find(g, "input"));
            g.set_operand(sum, 1, input);
        }),
        "adds levels",
    );
    expect(
        level_error(|g, find| {
            let id = find(g, "drop_level");
            g.op_mut(id).op = HeOp::DropLevel(Level(17));
        }),
        "drops from level",
    );
    expect(
        level_error(|g, find| {
            let id = find(g, "polynomial");
            if let HeOp::Polynomial(p) = g.op(id).op.clone() {
                g.op_mut(id).op = HeOp::Activation { plain: p.clone(), refreshed: p };
            }
        }),
        "is not decided",
    );
}
