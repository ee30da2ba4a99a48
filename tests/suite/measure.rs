//! `fhecc bench` and `fhecc tune`: that they measure and say what they promise, never how fast anything is.

use crate::data::{fhecc, repo, small_network, small_plan};
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Secure at N = 2^14, without the levels of a bootstrap: enough for kernels and operations.
const TINY: &str = r#"(
    name: "tiny",
    description: "For tests.",
    log_n: 14,
    base_bits: 20,
    slots_to_coeffs_bits: [24],
    compute_bits: [24],
    eval_mod_bits: [24],
    coeffs_to_slots_bits: [24],
    special_bits: [24],
    log_scale: 20,
    bootstrap: (log_message_ratio: 3, interval: 14, double_angles: 3, degree: 26, ephemeral_weight: 32),
    costs: (
        bootstrap_ms: 900.0,
        levels: [
            (level: 3, linear_ms: 2.0, baby_ms: 0.7, giant_ms: 1.5, diagonal_ms: 0.5, rotation_ms: 1.5, multiply_ms: 5.0),
        ],
    ),
)"#;

fn tiny() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("tiny.ron"), TINY).expect("written");
    folder
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let text = fhecc(folder, &[arguments, &["--json"]].concat()).expect(0).stdout;
    assert_eq!(text.lines().count(), 1, "one object on one line: {text}");
    serde_json::from_str(&text).expect("JSON")
}

#[track_caller]
fn positive(object: &Value, keys: &[&str]) {
    for key in keys {
        assert!(object[key].as_f64().is_some_and(|v| v > 0.0 && v.is_finite()), "{key}: {object}");
    }
}

#[test]
fn kernels_are_measured_beside_the_limits_of_the_machine() {
    let folder = tiny();
    let found = json(folder.path(), &["bench", "kernels", "--profile", "tiny.ron", "--repeats", "1"]);
    assert_eq!(found["schema"], 1);
    assert_eq!(found["profile"], "tiny");
    assert!(found["instruction_set"].is_string() && found["primitives"].is_null(), "{found}");
    positive(&found, &["threads", "log_n"]);
    let limits = &found["kernels"]["limits"];
    positive(limits, &["copy_all_threads"]);
    positive(&limits["products"], &["variable", "constant", "sum"]);
    for bandwidth in limits["bandwidth"].as_array().expect("a list") {
        positive(bandwidth, &["bytes", "read", "copy"]);
    }
    let kernels = found["kernels"]["kernels"].as_array().expect("a list");
    for name in
        ["transform", "inverse transform", "product", "key product", "base conversion", "automorphism"]
    {
        let known = |k: &&Value| k["name"].as_str().is_some_and(|n| n.starts_with(name));
        assert_eq!(kernels.iter().filter(known).count() % 2, 0, "in cache and in memory: {name}");
        assert!(kernels.iter().any(|k| known(&k)), "{name}: {found}");
    }
    for kernel in kernels {
        let figures =
            ["median_us", "ns_per_element", "bytes", "gigabytes_per_second", "limit_us", "share_of_limit"];
        positive(kernel, &figures);
        assert!(["memory", "arithmetic"].map(Value::from).contains(&kernel["bound"]), "{kernel}");
    }
}

#[test]
fn operations_are_measured_level_by_level() {
    let folder = tiny();
    let arguments = [
        "bench",
        "primitives",
        "--profile",
        "tiny.ron",
        "--repeats",
        "1",
        "--levels",
        "2,4",
        "--threads",
        "1",
    ];
    let found = json(folder.path(), &arguments);
    assert_eq!(found["primitives"]["threads"], 1);
    let rows = found["primitives"]["rows"].as_array().expect("a list");
    for level in [2, 4] {
        for name in ["rotation", "product, relinearised", "rescale", "encoding", "linear map: diagonal"] {
            let row = rows.iter().find(|row| row["level"] == level && row["name"] == name);
            let row = row.unwrap_or_else(|| panic!("{name} at level {level}: {found}"));
            positive(row, &["limbs", "median_ms", "runs"]);
        }
    }
    let text = fhecc(folder.path(), &arguments).expect(0).stdout;
    assert!(text.contains("level 4") && text.contains("rescale"), "{text}");
}

#[test]
#[cfg_attr(debug_assertions, ignore = "minutes without optimisation")]
fn a_bootstrap_is_measured_stage_by_stage() {
    let folder = tiny();
    let found = json(folder.path(), &["bench", "bootstrap", "--repeats", "1"]);
    let bootstrap = &found["bootstrap"];
    positive(bootstrap, &["median_ms", "runs", "key_bytes", "keygen_seconds"]);
    let stages = bootstrap["stages"].as_array().expect("a list");
    assert_eq!(stages.len(), 7, "{found}");
    stages.iter().for_each(|stage| positive(stage, &["median_ms", "share", "keys", "key_bytes"]));
    let bytes: u64 = stages.iter().filter_map(|stage| stage["key_bytes"].as_u64()).sum();
    assert_eq!(bootstrap["key_bytes"], bytes, "every key belongs to a stage");
}

#[test]
#[cfg_attr(debug_assertions, ignore = "minutes without optimisation")]
fn a_network_is_measured_layer_by_layer() {
    let folder = small_plan();
    let found = json(folder.path(), &["bench", "network", "small.ron", "--expand-keys"]);
    let network = &found["network"];
    assert_eq!(network["network"], "small");
    assert!(network["runs"] == 1 && network["expanded_keys"] == true, "{found}");
    positive(network, &["seconds", "predicted_seconds_one_core"]);
    let parts = network["parts"].as_array().expect("a list");
    for (layer, operation) in [("conv2", "linear"), ("relu2", "polynomial")] {
        assert!(parts.iter().any(|p| p["layer"] == layer && p["operation"] == operation), "{found}");
    }
    assert!(parts.iter().any(|p| p["operation"] == "bootstrap"), "{found}");
}

#[test]
fn measurements_that_make_no_sense_are_refused() {
    let folder = tiny();
    let cases: &[(&[&str], &[&str])] = &[
        (&["bench", "speed"], &["speed", "kernels"]),
        (&["bench", "network"], &["bench network", "plan"]),
        (&["bench", "kernels", "tiny.net"], &["tiny.net", "bench network"]),
        (&["bench", "kernels", "--repeats", "0"], &["--repeats", "0"]),
        (&["bench", "kernels", "--threads", "0"], &["--threads", "0"]),
        (&["bench", "primitives", "--levels", "99"], &["--levels 99", "22"]),
        (&["bench", "kernels", "--profile", "b99"], &["b99", "b5"]),
        (&["tune"], &["--output"]),
        (&["tune", "-o", "mine.txt"], &["mine.txt", ".ron"]),
        (&["tune", "-o", "mine.ron", "--repeats", "0"], &["--repeats", "0"]),
        (&["tune", "-o", "mine.ron", "--profile", "b99"], &["b99", "b5"]),
    ];
    for (arguments, parts) in cases {
        fhecc(folder.path(), arguments).complains(2, parts);
    }
    fhecc(folder.path(), &["bench", "network", "missing.net"]).complains(3, &["missing.net"]);
    fhecc(folder.path(), &["bench", "bootstrap", "--profile", "tiny.ron"]).complains(3, &["profile"]);
}

#[test]
fn tuning_writes_a_profile_with_the_measured_costs() {
    let folder = tiny();
    let arguments = ["tune", "--profile", "tiny.ron", "-o", "mine.ron", "--repeats", "1"];
    let found = json(folder.path(), &arguments);
    assert_eq!(found["schema"], 1);
    assert_eq!(found["bootstrap_ms"]["new"], 900.0, "a profile without a bootstrap keeps what it said of it");
    let levels = found["levels"].as_array().expect("a list");
    assert_eq!(levels.len(), 2, "{found}");
    let text = fs::read_to_string(folder.path().join("mine.ron")).expect("written");
    for level in levels {
        for name in ["linear_ms", "baby_ms", "giant_ms", "diagonal_ms", "rotation_ms", "multiply_ms"] {
            positive(&level[name], &["old", "new"]);
            assert!(text.contains(&format!("{name}: {:?}", level[name]["new"].as_f64().expect("a number"))));
        }
    }
    // What was written is a profile like any other, and can be tuned again.
    let again = ["tune", "--profile", "mine.ron", "-o", "again.ron", "--repeats", "1"];
    let shown = fhecc(folder.path(), &again).expect(0).stdout;
    assert!(shown.contains("old -> new") && shown.contains("--profile again.ron"), "{shown}");
    let old = &json(folder.path(), &again)["levels"][0]["rotation_ms"]["old"];
    assert_eq!(old, &levels[0]["rotation_ms"]["new"]);
}

#[test]
fn the_compiler_chooses_by_the_costs_of_the_profile() {
    let folder = small_network();
    let b5 = fs::read_to_string(repo("models/targets/b5.ron")).expect("there");
    // Giant steps that cost a second each: the compiler must do without them.
    let costs = b5.split("costs:").nth(1).expect("costs");
    let level = costs.split("giant_ms: ").nth(1).and_then(|t| t.split(',').next()).expect("a cost");
    assert!(level.parse::<f64>().is_ok_and(|ms| ms < 100.0), "{level}");
    let dear: Vec<String> = b5
        .split("giant_ms: ")
        .enumerate()
        .map(|(i, part)| match part.split_once(',') {
            Some((_, rest)) if i > 0 => format!("1000.0,{rest}"),
            _ => part.to_owned(),
        })
        .collect();
    fs::write(folder.path().join("dear.ron"), dear.join("giant_ms: ")).expect("written");
    let compile = |profile: &str, output: &str| {
        let arguments = ["compile", "small.net", "--profile", profile, "-o", output];
        fhecc(folder.path(), &arguments).expect(0);
        fs::read_to_string(folder.path().join(output)).expect("written")
    };
    let plan = compile("dear.ron", "dear.plan.ron");
    assert_eq!(plan, compile("dear.ron", "again.plan.ron"), "the same input gives the same bytes");
    let giants = |plan: &str| -> usize {
        plan.split("giants: [")
            .skip(1)
            .filter_map(|t| t.split(']').next())
            .map(|t| t.matches(',').count())
            .sum()
    };
    let usual = compile("b5", "b5.plan.ron");
    assert!(giants(&plan) < giants(&usual), "{} against {}", giants(&plan), giants(&usual));
}
