//! Every error code on an example, as the user sees it. `tests/diagnostics/CODE-what.net` is the text,
//! `.txt` what is reported, `.weights` the shapes of a weights file where the error is about one.
//! `FHECC_BLESS=1` writes what is reported now.

use fhecc_compiler::diagnostics::{CODES, Diagnostic, render};
use fhecc_compiler::{check_weights, elaborate, format, parse};
use fhecc_plan::{Tensor, Weights};
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/diagnostics")
}

fn cases() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).expect("the folder of examples");
    let mut paths: Vec<_> = entries.map(|e| e.expect("entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "net"));
    paths.sort();
    paths
}

fn stem(path: &Path) -> &str {
    path.file_stem().and_then(|s| s.to_str()).expect("a name")
}

/// Lines of `name 16x3x3x3`, filled with 0.5, or `name 16 = -1`.
fn weights(text: &str) -> Weights {
    let mut weights = Weights::default();
    for line in text.lines() {
        let (tensor, value) = line.split_once(" = ").unwrap_or((line, "0.5"));
        let (name, shape) = tensor.split_once(' ').expect("name and shape");
        let shape: Vec<u64> = shape.split('x').map(|n| n.parse().expect("size")).collect();
        let size = shape.iter().product::<u64>() as usize;
        let values = vec![value.parse().expect("value"); size];
        weights.insert(name.to_owned(), Tensor { shape, values });
    }
    weights
}

fn diagnose(source: &str, path: &Path) -> Vec<Diagnostic> {
    match parse(source).and_then(|ast| elaborate(&ast)) {
        Err(diagnostics) => diagnostics,
        Ok(graph) => {
            let shapes = fs::read_to_string(path.with_extension("weights")).expect("an error, or weights");
            check_weights(&graph, &weights(&shapes))
        }
    }
}

#[test]
fn reports_are_as_recorded() {
    let bless = std::env::var_os("FHECC_BLESS").is_some();
    let mut changed = Vec::new();
    for path in cases() {
        let source = fs::read_to_string(&path).expect("text");
        let diagnostics = diagnose(&source, &path);
        let code = stem(&path).split('-').next().expect("a code");
        assert!(diagnostics.iter().any(|d| d.code == code), "{path:?} gives {diagnostics:#?}");
        let report = render(&source, &format!("{}.net", stem(&path)), &diagnostics, false);
        let expected = path.with_extension("txt");
        if bless {
            fs::write(&expected, report).expect("written");
        } else if fs::read_to_string(&expected).ok().as_ref() != Some(&report) {
            changed.push(format!("{path:?} gives\n{report}"));
        }
    }
    assert!(changed.is_empty(), "{}\nFHECC_BLESS=1 records these", changed.join("\n"));
}

#[test]
fn every_code_has_an_example_and_is_known() {
    let found: Vec<_> = cases().iter().map(|p| stem(p).split('-').next().expect("code").to_owned()).collect();
    // The passes' own tests are the examples of theirs.
    for (code, meaning) in CODES.iter().filter(|(code, _)| !code.starts_with("E08")) {
        assert!(found.iter().any(|f| f == code), "no example of {code}: {meaning}");
    }
    for path in cases() {
        let source = fs::read_to_string(&path).expect("text");
        for d in diagnose(&source, &path) {
            assert!(CODES.iter().any(|(code, _)| *code == d.code), "{path:?}: {} is not listed", d.code);
            assert!(!d.labels.is_empty(), "{path:?}: {d:?}");
            assert!(d.labels.iter().all(|(s, _)| s.start <= s.end && s.end <= source.len()), "{d:?}");
        }
    }
}

#[test]
fn what_can_be_read_can_be_formatted() {
    for path in cases() {
        let source = fs::read_to_string(&path).expect("text");
        if let Ok(ast) = parse(&source) {
            let text = format(&source).expect("it was read");
            assert_eq!(parse(&text).expect("formatted text"), ast, "{path:?}\n{text}");
        }
    }
}
