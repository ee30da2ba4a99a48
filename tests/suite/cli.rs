//! The verbs on good input.

use crate::data::{SMALL, arg, fhecc, repo, shared, small_network, small_plan};
use serde_json::Value;
use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};

const VERBS: [&str; 8] = ["check", "compile", "run", "keygen", "calibrate", "eval-accuracy", "bench", "tune"];

fn json(text: &str) -> Value {
    assert_eq!(text.lines().count(), 1, "one object on one line: {text}");
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn help_names_every_verb_and_every_verb_has_help() {
    let folder = tempfile::tempdir().expect("a folder");
    let help = fhecc(folder.path(), &["--help"]).expect(0).stdout;
    assert!(help.contains("Exit codes"), "{help}");
    for verb in VERBS {
        assert!(help.contains(verb), "{help}");
        let own = fhecc(folder.path(), &[verb, "--help"]).expect(0).stdout;
        assert!(own.contains(&format!("Usage: fhecc {verb}")), "{own}");
    }
    assert!(fhecc(folder.path(), &["--version"]).expect(0).stdout.contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn checking_says_what_was_understood() {
    let folder = small_network();
    let text =
        fhecc(folder.path(), &["check", "small.net", "--weights", "small.safetensors"]).expect(0).stdout;
    for part in ["`small`", "input 3x32x32", "4 logits", "no errors", "tensors"] {
        assert!(text.contains(part), "{text}");
    }
    fhecc(&repo("models"), &["check", "resnet20.net"]).expect(0);
}

#[test]
fn compiling_twice_gives_the_same_bytes() {
    let folder = small_network();
    let compile = |output: &str| {
        fhecc(folder.path(), &["compile", "small.net", "-o", output]).expect(0);
        fs::read(folder.path().join(output)).expect("written")
    };
    let first = compile("a.ron");
    assert_eq!(first, compile("b.ron"));
    let elsewhere = small_network();
    fhecc(elsewhere.path(), &["compile", "small.net", "-o", "a.ron"]).expect(0);
    assert_eq!(first, fs::read(elsewhere.path().join("a.ron")).expect("written"));
}

#[test]
fn every_pass_can_be_checked_and_shown() {
    let folder = small_network();
    let text = fhecc(folder.path(), &["compile", "small.net", "-o", "a.ron", "--verify"]).expect(0).stdout;
    assert!(text.contains("a.ron"), "{text}");
    for pass in ["fold_batch_norm", "lower_to_he", "insert_bootstraps"] {
        let dump =
            fhecc(folder.path(), &["compile", "small.net", "--dump-after", pass, "-o", "a.ron"]).expect(0);
        assert!(dump.stdout.contains("conv2"), "{pass}: {}", dump.stdout);
        fhecc(folder.path(), &["compile", "small.net", "--stop-after", pass, "-o", "none.ron"]).expect(0);
        assert!(!folder.path().join("none.ron").exists());
    }
    for form in ["ast", "graph", "he", "dot"] {
        let shown = fhecc(folder.path(), &["compile", "small.net", "--emit", form, "-o", "a.ron"]).expect(0);
        assert!(shown.stdout.contains("conv2"), "{form}: {}", shown.stdout);
    }
    fhecc(folder.path(), &["compile", "small.net", "--stop-after", "fold"])
        .complains(2, &["fold", "fold_batch_norm"]);
}

#[test]
fn a_run_gives_one_json_object_with_the_promised_keys() {
    let folder = small_plan();
    let image = repo("examples/images/cat.png");
    let arguments = ["run", "small.ron", "--backend", "clear", "--json", "--image", arg(&image)];
    let result = json(&fhecc(folder.path(), &arguments).expect(0).stdout);
    let object = result.as_object().expect("an object");
    let keys: Vec<&str> = object.keys().map(String::as_str).collect();
    let mut promised = vec![
        "schema",
        "network",
        "backend",
        "top1",
        "logits",
        "images",
        "images_per_minute",
        "at_once",
        "seconds",
        "bootstraps",
        "rotations",
        "rotation_keys",
        "key_bytes",
        "peak_rss_bytes",
        "memory",
        "steps",
        "security_bits",
        "log_qp",
        "log_n",
    ];
    let mut found = keys;
    found.sort_unstable();
    promised.sort_unstable();
    assert_eq!(found, promised);
    assert_eq!(result["network"], "small");
    assert_eq!(result["backend"], "clear");
    assert_eq!(result["logits"].as_array().expect("logits").len(), 4);
    assert_eq!(result["bootstraps"], 1);
    for key in ["keygen", "encrypt", "evaluate", "decrypt", "images", "total"] {
        assert!(result["seconds"][key].is_number(), "{key}");
    }
    for key in ["index", "label", "score"] {
        assert!(!result["top1"][key].is_null(), "{key}");
    }
}

#[test]
fn a_network_runs_like_its_plan() {
    let folder = small_plan();
    let image = repo("examples/images/ship.png");
    let logits = |program: &str| {
        let arguments = ["run", program, "--backend", "clear", "--json", "--image", arg(&image)];
        json(&fhecc(folder.path(), &arguments).expect(0).stdout)["logits"].clone()
    };
    assert_eq!(logits("small.net"), logits("small.ron"));
}

#[test]
fn every_sample_image_runs_in_the_clear() {
    let folder = small_plan();
    let mut images = 0;
    for entry in fs::read_dir(repo("examples/images")).expect("images") {
        let path = entry.expect("entry").path();
        if path.extension().is_some_and(|e| e == "png" || e == "jpg") {
            images += 1;
            let text =
                fhecc(folder.path(), &["run", "small.ron", "--backend", "clear", "--image", arg(&path)])
                    .expect(0);
            assert!(
                ["north", "east", "south", "west"].iter().any(|l| text.stdout.contains(l)),
                "{}",
                text.stdout
            );
        }
    }
    assert!(images >= 4);
}

#[test]
fn the_sample_cat_is_a_cat() {
    let folder = tempfile::tempdir().expect("a folder");
    fhecc(folder.path(), &["compile", arg(&repo("models/resnet20.net")), "-o", "resnet20.ron"]).expect(0);
    let cases = [("cat.png", "cat"), ("cat_close.jpg", "cat"), ("ship.png", "ship")];
    for (image, class) in cases {
        let image = repo("examples/images").join(image);
        let arguments = ["run", "resnet20.ron", "--backend", "clear", "--json", "--image", arg(&image)];
        let result = json(&fhecc(folder.path(), &arguments).expect(0).stdout);
        assert_eq!(result["top1"]["label"], class, "{}", image.display());
        assert_eq!(result["bootstraps"], 8);
    }
}

#[test]
fn calibrated_networks_measure_their_accuracy() {
    let folder = small_network();
    // Three records: labels 0, 1, 2 and flat pictures.
    let records: Vec<u8> = (0..3u8)
        .flat_map(|label| std::iter::once(label).chain(std::iter::repeat_n(label * 90, 3072)))
        .collect();
    fs::write(folder.path().join("batch.bin"), records).expect("written");
    let arguments = ["eval-accuracy", "small.net", "--cifar10", "batch.bin", "--backend", "clear", "--json"];
    let result = json(&fhecc(folder.path(), &arguments).expect(0).stdout);
    assert_eq!(result["images"], 3);
    for key in ["exact", "polynomial"] {
        assert!(result["top1"][key].is_number(), "{key}: {result}");
    }
    assert!(
        result["polynomial_against_exact"]["rms_difference"].as_f64().is_some_and(|d| d < 0.05),
        "{result}"
    );
    fhecc(folder.path(), &["eval-accuracy", "small.net", "--cifar10", "batch.bin", "--offset", "3"])
        .complains(2, &["--offset", "3"]);
    fs::write(folder.path().join("odd.bin"), [0; 100]).expect("written");
    fhecc(folder.path(), &["eval-accuracy", "small.net", "--cifar10", "odd.bin"])
        .complains(3, &["odd.bin", "100"]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "minutes without optimisation")]
fn the_polynomial_network_is_as_accurate_as_the_exact_one() {
    let Some(batch) = shared("cifar10/test_batch.bin") else { return };
    let network = repo("models/resnet20_relu.net");
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["eval-accuracy", arg(&network), "--cifar10", arg(&batch), "--count", "500", "--json"];
    let result = json(&fhecc(folder.path(), &arguments).expect(0).stdout);
    let top1 = |key: &str| result["top1"][key].as_f64().expect("a number");
    // A sample of 500 has a standard deviation of 1.2 points around the figure for all 10,000.
    assert!(top1("exact") > 88.0, "{result}");
    assert!(top1("polynomial") > top1("exact") - 1.5, "{result}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("small.net"), SMALL).expect("written");
    let mut child = Command::new(env!("CARGO_BIN_EXE_fhecc"))
        .args(["check", "small.net"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let mut errors = String::new();
    child.stderr.take().expect("stderr").read_to_string(&mut errors).expect("UTF-8");
    assert!(child.wait().expect("ends").success());
    assert_eq!(errors, "");
}
