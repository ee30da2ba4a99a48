//! House rules a compiler cannot check: file length, crate direction, the unsafe fence, portable text.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const MAX_LINES: usize = 500;
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Workspace crates, their folders, and the workspace crates they may depend on. Anything else is a change of
/// architecture.
const MAY_DEPEND_ON: &[(&str, &str, &[&str])] = &[
    ("fhecc-plan", "compiler/plan", &[]),
    ("fhecc-compiler", "compiler", &["fhecc-plan"]),
    ("fhecc-kernels", "runtime/kernels", &[]),
    ("fhecc-ckks", "runtime/ckks", &["fhecc-kernels"]),
    ("fhecc-client", "runtime/client", &["fhecc-ckks", "fhecc-kernels"]),
    ("fhecc-runtime", "runtime", &["fhecc-plan", "fhecc-ckks"]),
];

#[test]
fn no_source_file_is_longer_than_the_limit() {
    let long: Vec<String> = sources()
        .into_iter()
        .filter_map(|path| {
            let lines = fs::read_to_string(&path).expect("source is UTF-8").lines().count();
            (lines > MAX_LINES).then(|| format!("{}: {lines} lines", path.display()))
        })
        .collect();
    assert!(long.is_empty(), "split these files:\n{}", long.join("\n"));
}

#[test]
fn crates_depend_only_in_the_allowed_direction() {
    for (name, dir, allowed) in MAY_DEPEND_ON {
        for dependency in dependencies(dir) {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn what_evaluates_cannot_reach_the_secret_key() {
    let direct: BTreeMap<&str, BTreeSet<String>> =
        MAY_DEPEND_ON.iter().map(|(name, dir, _)| (*name, dependencies(dir))).collect();
    for evaluator in ["fhecc-runtime", "fhecc-ckks"] {
        let mut reached = BTreeSet::from([evaluator.to_owned()]);
        let mut open = vec![evaluator.to_owned()];
        while let Some(name) = open.pop() {
            for next in &direct[name.as_str()] {
                if reached.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        assert!(!reached.contains("fhecc-client"), "{evaluator} reaches fhecc-client");
        assert!(reached.contains("fhecc-kernels"), "{evaluator}: the manifests were not understood");
    }
}

#[test]
fn the_evaluating_crates_use_nothing_of_the_client() {
    for path in sources() {
        let evaluates = ["runtime/src", "runtime/ckks/src"].iter().any(|dir| under(&path, dir));
        let tests = path.file_name().is_some_and(|f| f == "tests.rs")
            || path.components().any(|c| c.as_os_str() == "tests");
        if !evaluates || tests {
            continue;
        }
        let text = fs::read_to_string(&path).expect("source is UTF-8");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for name in ["fhecc_client", "struct SecretKey"] {
            let found = code.lines().any(|l| l.contains(name) && !l.trim_start().starts_with("//"));
            assert!(!found, "{} has `{name}`", path.display());
        }
    }
}

#[test]
fn unsafe_code_stays_in_the_kernels() {
    for path in sources() {
        let text = fs::read_to_string(&path).expect("source is UTF-8");
        let keyword = concat!("un", "safe ");
        let opens =
            text.lines().any(|l| l.trim_start().contains(keyword) && !l.trim_start().starts_with("//"));
        assert!(under(&path, "runtime/kernels") || !opens, "{} leaves the fence", path.display());
    }
}

#[test]
fn only_the_command_line_prints() {
    for path in sources() {
        let library = ["compiler/src", "compiler/plan/src", "runtime/src"].iter().any(|d| under(&path, d))
            || under(&path, "runtime/ckks/src")
            || under(&path, "runtime/client/src")
            || under(&path, "runtime/kernels/src");
        let text = fs::read_to_string(&path).expect("source is UTF-8");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let prints = ["print!(", "println!(", "eprint!(", "eprintln!(", "dbg!("];
        let is_test = path.components().any(|c| c.as_os_str() == "tests")
            || path.file_name().is_some_and(|f| f == "tests.rs");
        let found = code.lines().filter(|l| !l.trim_start().starts_with("//"));
        let found = found.filter(|l| prints.iter().any(|p| l.contains(p))).count();
        assert!(!library || is_test || found == 0, "{} prints", path.display());
    }
}

#[test]
fn texts_name_no_path_of_a_developers_machine() {
    let words =
        [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/tmp/", "target")];
    let mut wrong = Vec::new();
    for path in all_files(&["rs", "md", "toml", "py", "net", "ron", "sh", "txt"]) {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for (number, line) in text.lines().enumerate() {
            if words.iter().any(|w| line.contains(w)) {
                wrong.push(format!("{}:{}: {line}", path.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_unfinished_work_is_left_in_the_sources() {
    let marks =
        [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:"), concat!("unimpl", "emented!")];
    for path in sources() {
        let text = fs::read_to_string(&path).expect("source is UTF-8");
        for mark in marks {
            assert!(!text.contains(mark), "{} contains {mark}", path.display());
        }
    }
}

#[test]
fn architecture_has_a_heading_for_every_pass() {
    let text = fs::read_to_string(Path::new(ROOT).join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    assert!(text.lines().count() <= 200, "ARCHITECTURE.md is longer than 200 lines");
    for entry in fs::read_dir(Path::new(ROOT).join("compiler/src/passes")).expect("passes") {
        let path = entry.expect("entry").path();
        let is_pass = path.extension().is_some_and(|e| e == "rs");
        let name = path.file_stem().expect("name").to_string_lossy().into_owned();
        if is_pass && name != "tests" {
            assert!(text.contains(&format!("### {name}")), "ARCHITECTURE.md has no heading `### {name}`");
        }
    }
}

/// The workspace crates among a manifest's `[dependencies]`; tests may use more.
fn dependencies(dir: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(Path::new(ROOT).join(dir).join("Cargo.toml")).expect("manifest");
    let mut inside = false;
    let mut found = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.trim_end().ends_with("dependencies]") && !line.contains("dev-dependencies");
        } else if inside && line.starts_with("fhecc-") {
            found.insert(line.split(['.', ' ', '=']).next().unwrap_or_default().to_owned());
        }
    }
    found
}

fn under(path: &Path, dir: &str) -> bool {
    path.strip_prefix(ROOT).is_ok_and(|p| p.starts_with(dir))
}

fn sources() -> Vec<PathBuf> {
    all_files(&["rs"])
}

/// Files of the repository with these extensions, outside of build results and hidden folders.
fn all_files(extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::from(ROOT)];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).expect("folder") {
            let path = entry.expect("entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "target" && name != "keys" && !name.starts_with('.') {
                    open.push(path);
                }
            } else if path.extension().is_some_and(|e| extensions.iter().any(|x| e == *x)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
