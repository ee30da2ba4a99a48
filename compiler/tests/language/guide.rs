//! The examples of `docs/language.md` are what they say they are.

use fhecc_compiler::diagnostics::render;
use fhecc_compiler::{elaborate, format, parse};

const GUIDE: &str = include_str!("../../../docs/language.md");

/// Contents of the fenced blocks with this tag.
fn examples(tag: &str) -> Vec<String> {
    let fence = format!("```{tag}\n");
    GUIDE
        .split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().expect("a closing fence").to_owned())
        .collect()
}

fn must_work(source: &str) {
    if let Err(errors) = parse(source).and_then(|ast| elaborate(&ast)) {
        panic!("{}", render(source, "docs/language.md", &errors, false));
    }
}

#[test]
fn complete_examples_elaborate_and_are_formatted() {
    let found = examples("net");
    assert!(!found.is_empty());
    for source in found {
        must_work(&source);
        assert_eq!(format(&source).expect("it parses"), source);
    }
}

#[test]
fn examples_of_layers_elaborate() {
    let found = examples("layers");
    assert!(found.len() >= 3);
    for layers in found {
        must_work(&format!(
            "network n {{\ninput 3x32x32\nnormalise(mean = [0, 0, 0], std = [1, 1, 1])\n{layers}\n}}\n"
        ));
    }
}

#[test]
fn the_example_of_an_error_is_what_is_reported() {
    let (source, report) = (examples("wrong").remove(0), examples("report").remove(0));
    let errors = parse(&source).and_then(|ast| elaborate(&ast)).expect_err("it is wrong");
    assert_eq!(render(&source, "tiny.net", &errors, false), report);
}

#[test]
fn every_kind_of_layer_and_every_code_group_is_described() {
    let kinds = "conv batch_norm relu add subsample pad_channels average_pool global_average_pool linear";
    for kind in kinds.split(' ') {
        assert!(GUIDE.contains(&format!("`{kind}(")), "{kind}");
    }
    for group in 1..=7 {
        assert!(GUIDE.contains(&format!("E0{group}")), "E0{group}");
    }
}
