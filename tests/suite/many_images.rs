//! Several images in one run: the same answers as one by one, in their order, or none at all.

use crate::data::{Ran, fhecc, repo, small_plan};
use image::DynamicImage;
use serde_json::Value;
use std::fs;
use std::path::Path;

const SAMPLES: [&str; 6] = ["airplane.png", "cat.png", "cat_close.jpg", "horse.png", "ship.png", "truck.png"];

fn run(folder: &Path, extra: &[&str]) -> Ran {
    fhecc(folder, &[&["run", "small.ron", "--backend", "clear"], extra].concat())
}

fn json(folder: &Path, extra: &[&str]) -> Value {
    let ran = run(folder, &[&["--json"], extra].concat()).expect(0);
    assert_eq!(ran.stdout.lines().count(), 1, "one object on one line: {}", ran.stdout);
    serde_json::from_str(&ran.stdout).expect("JSON")
}

/// A folder with the small plan, and the sample images in `samples`.
fn plan_and_samples() -> tempfile::TempDir {
    let folder = small_plan();
    fs::create_dir(folder.path().join("samples")).expect("made");
    for name in SAMPLES {
        let from = repo("examples/images").join(name);
        fs::copy(from, folder.path().join("samples").join(name)).expect("copied");
    }
    folder
}

#[test]
fn several_images_give_what_each_gives_alone() {
    let folder = plan_and_samples();
    let paths = SAMPLES.map(|name| format!("samples/{name}"));
    let alone: Vec<Value> = paths.iter().map(|path| json(folder.path(), &["--image", path])).collect();
    for result in &alone {
        let [image] = result["images"].as_array().expect("images").as_slice() else { panic!("{result}") };
        assert_eq!((&image["top1"], &image["logits"]), (&result["top1"], &result["logits"]));
    }
    // Two rounds with a rest on four threads, one round on six, one after the other on one.
    for threads in ["1", "4", "6"] {
        let together = json(folder.path(), &["--threads", threads, "--image", "samples"]);
        let images = together["images"].as_array().expect("images");
        assert_eq!(images.len(), SAMPLES.len());
        for ((path, alone), image) in paths.iter().zip(&alone).zip(images) {
            assert_eq!(image["path"], path.as_str());
            assert_eq!(image["logits"], alone["logits"], "{path} on {threads} threads");
            assert_eq!(image["top1"], alone["top1"]);
            for key in ["encrypt", "evaluate", "decrypt"] {
                assert!(image["seconds"][key].is_number(), "{key}: {image}");
            }
        }
        assert_eq!(together["at_once"].to_string(), threads);
    }
}

#[test]
fn one_object_describes_several_images() {
    let folder = plan_and_samples();
    let result = json(folder.path(), &["--image", "samples/ship.png", "samples/cat.png"]);
    assert_eq!(result["schema"], 3);
    assert!(result.get("top1").is_none() && result.get("logits").is_none(), "{result}");
    for key in ["keygen", "images", "total"] {
        assert!(result["seconds"][key].is_number(), "{key}: {result}");
    }
    let seconds = result["seconds"]["images"].as_f64().expect("a number");
    let throughput = result["images_per_minute"].as_f64().expect("a number");
    assert!((throughput * seconds / 120.0 - 1.0).abs() < 1e-9, "{result}");
    assert!(result["seconds"]["total"].as_f64().expect("a number") >= seconds);
}

#[test]
fn the_text_has_a_line_for_every_image_in_the_order_given() {
    let folder = plan_and_samples();
    let arguments = ["--image", "samples/truck.png", "samples", "--image", "samples/cat.png"];
    let text = run(folder.path(), &arguments).expect(0).stdout;
    let expected = [&["truck.png"], &SAMPLES[..], &["cat.png"]].concat();
    for (line, name) in text.lines().zip(&expected) {
        assert!(line.starts_with(&format!("samples/{name}: ")) && line.contains("score 0."), "{text}");
    }
    for part in ["8 images in", "images per minute", "peak memory"] {
        assert!(text.contains(part), "`{part}` is missing in: {text}");
    }
    let one = run(folder.path(), &["--image", "samples/cat.png"]).expect(0).stdout;
    assert!(one.contains("slowest layers") && !one.contains("per minute"), "{one}");
}

#[test]
fn of_a_folder_the_images_directly_in_it_are_taken() {
    let folder = plan_and_samples();
    let samples = folder.path().join("samples");
    fs::rename(samples.join("truck.png"), samples.join("Truck.PNG")).expect("renamed");
    fs::write(samples.join("README.md"), "About the images.").expect("written");
    fs::create_dir(samples.join("deeper")).expect("made");
    fs::copy(samples.join("cat.png"), samples.join("deeper/cat.png")).expect("copied");
    let ran = run(folder.path(), &["--json", "--image", "samples"]).expect(0);
    let result: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let paths: Vec<&str> =
        result["images"].as_array().expect("images").iter().filter_map(|i| i["path"].as_str()).collect();
    let expected = ["Truck.PNG", "airplane.png", "cat.png", "cat_close.jpg", "horse.png", "ship.png"];
    assert_eq!(paths, expected.map(|name| format!("samples/{name}")));
    assert!(ran.stderr.contains("samples: skipped 2 files or folders"), "{}", ran.stderr);

    fs::create_dir(folder.path().join("bare")).expect("made");
    run(folder.path(), &["--image", "bare"]).complains(3, &["bare", "no .png", "directly in it"]);
    fs::write(folder.path().join("bare/notes.txt"), "").expect("written");
    run(folder.path(), &["--image", "samples", "bare"]).complains(3, &["bare", "no .png"]);
}

#[test]
fn a_bad_image_among_good_ones_is_refused_before_anything_is_done() {
    let folder = plan_and_samples();
    let samples = folder.path().join("samples");
    DynamicImage::new_rgb8(31, 32).save(samples.join("narrow.png")).expect("written");
    run(folder.path(), &["--image", "samples"]).complains(3, &["samples/narrow.png", "31x32", "32x32"]);
    DynamicImage::new_luma8(32, 32).save(samples.join("grey.png")).expect("written");
    let parts =
        ["3 of 9 images", "none was evaluated", "samples/grey.png", "samples/narrow.png", "nowhere.png"];
    run(folder.path(), &["--image", "samples", "nowhere.png"]).complains(3, &parts);
    // Also before keys are looked at, let alone generated.
    let arguments = ["run", "small.ron", "--keys", "nowhere", "--image", "samples"];
    fhecc(folder.path(), &arguments).complains(3, &["2 of 8 images", "samples/grey.png"]);
    run(folder.path(), &["--image"]).complains(2, &["--image"]);
    let swallowed = fhecc(folder.path(), &["run", "--image", "samples/cat.png", "small.ron"]);
    swallowed.complains(2, &["fhecc run <PLAN|M.net> --image"]);
}

#[test]
#[cfg(unix)]
fn an_interrupted_run_keeps_the_lines_it_has_given() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::{Command, Stdio};
    let folder = plan_and_samples();
    // Long enough that the signal comes before the end.
    let many = ["samples"; 1000];
    let mut child = Command::new(env!("CARGO_BIN_EXE_fhecc"))
        .args(["run", "small.ron", "--backend", "clear", "--threads", "2", "--image"])
        .args(many)
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut first = String::new();
    stdout.read_line(&mut first).expect("a line");
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(sent.success());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("UTF-8");
    assert_eq!(child.wait().expect("ends").code(), Some(130));
    assert!(first.starts_with("samples/airplane.png: "), "{first}");
    assert!(!rest.contains("images per minute"), "it ended before the signal came");
}
