//! Every bad input gives one paragraph with cause and remedy, its exit code, and no panic.

use crate::data::{Ran, SMALL, arg, fhecc, repo, small_network, small_plan, small_weights};
use image::{DynamicImage, ImageFormat};
use std::fs;
use std::io::Cursor;
use std::path::Path;

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("encoded");
    bytes.into_inner()
}

fn run_clear(folder: &Path, image: &str) -> Ran {
    fhecc(folder, &["run", "small.ron", "--backend", "clear", "--image", image])
}

#[test]
fn images_that_do_not_fit_are_refused() {
    let folder = small_plan();
    let at = |name: &str| folder.path().join(name);
    let png = |image: &DynamicImage| encoded(image, ImageFormat::Png);
    let whole = png(&DynamicImage::new_rgb8(32, 32));
    fs::write(at("narrow.png"), png(&DynamicImage::new_rgb8(31, 32))).expect("written");
    fs::write(at("grey.png"), png(&DynamicImage::new_luma8(32, 32))).expect("written");
    fs::write(at("clear.png"), png(&DynamicImage::new_rgba8(32, 32))).expect("written");
    fs::write(at("deep.png"), png(&DynamicImage::new_rgb16(32, 32))).expect("written");
    fs::write(at("cut.png"), &whole[..whole.len() / 2]).expect("written");
    fs::write(at("text.png"), "This is a text.").expect("written");
    fs::write(at("empty.png"), "").expect("written");
    let grey = encoded(&DynamicImage::new_luma8(32, 32), ImageFormat::Jpeg);
    fs::write(at("grey.jpg"), grey).expect("written");
    let cases: &[(&str, &[&str])] = &[
        ("missing.png", &["missing.png", "cannot be read", "Check the path"]),
        ("narrow.png", &["narrow.png", "31x32", "32x32", "never resized"]),
        ("grey.png", &["grey.png", "grey", "RGB", "convert"]),
        ("grey.jpg", &["grey.jpg", "grey", "RGB", "convert"]),
        ("clear.png", &["clear.png", "transparency", "RGB", "convert"]),
        ("deep.png", &["deep.png", "16-bit", "8-bit", "convert"]),
        ("cut.png", &["cut.png", "ends within", "in part"]),
        ("text.png", &["text.png", "not an image", "PNG and JPEG"]),
        ("empty.png", &["empty.png", "not an image"]),
        // A folder stands for its images, and all that are refused are named.
        (".", &["8 of 8 images", "./cut.png", "./narrow.png", "./text.png", "./grey.jpg"]),
    ];
    for (image, parts) in cases {
        run_clear(folder.path(), image).complains(3, parts);
    }
}

#[test]
fn networks_that_make_no_sense_are_refused_with_their_place() {
    let folder = small_network();
    let at = |name: &str| folder.path().join(name);
    let net = |name: &str, from: &str, to: &str| {
        assert!(SMALL.contains(from));
        fs::write(at(name), SMALL.replacen(from, to, 1)).expect("written");
    };
    net("unknown.net", "relu1: relu", "relu1: relou");
    net("shapes.net", "linear: linear(4)", "linear: linear(5)");
    net("window.net", "kernel = 3", "kernel = 77");
    fs::write(at("binary.net"), [0xff, 0xfe, 0x00]).expect("written");
    fs::write(at("empty.net"), "").expect("written");
    let cases: &[(&str, &[&str])] = &[
        ("unknown.net", &["unknown.net:9", "relou", "`relu`"]),
        ("shapes.net", &["shapes.net", "4 labels", "5 outputs"]),
        ("window.net", &["window.net:7", "77"]),
        ("binary.net", &["binary.net", "not text"]),
        ("empty.net", &["no network"]),
        ("missing.net", &["missing.net", "cannot be read"]),
    ];
    for (name, parts) in cases {
        fhecc(folder.path(), &["check", name]).complains(3, parts);
        fhecc(folder.path(), &["compile", name]).complains(3, parts);
    }
}

#[test]
fn several_mistakes_are_reported_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = SMALL.replacen("relu1: relu", "relu1: relou", 1).replacen("stride = 2", "strid = 2", 1);
    fs::write(folder.path().join("two.net"), text).expect("written");
    fhecc(folder.path(), &["check", "two.net"]).complains(3, &["relou", "strid"]);
}

#[test]
fn weights_that_do_not_belong_to_the_network_are_refused() {
    let folder = small_network();
    let at = |name: &str| folder.path().join(name);
    let original = fhecc_runtime::weights::read(&at("small.safetensors"), 1 << 20).expect("read");
    let mut missing = fhecc_plan::Weights::default();
    let mut reshaped = original.clone();
    for (name, tensor) in original.iter().filter(|(name, _)| *name != "conv2.bias") {
        missing.insert(name.to_owned(), tensor.clone());
    }
    reshaped.insert("conv2.bias".into(), fhecc_plan::Tensor { shape: vec![2], values: vec![0.0; 2] });
    fhecc_runtime::weights::write(&at("missing.safetensors"), &missing).expect("written");
    fhecc_runtime::weights::write(&at("reshaped.safetensors"), &reshaped).expect("written");
    fs::write(at("text.safetensors"), "no weights").expect("written");
    let cut = fs::read(at("small.safetensors")).expect("read");
    fs::write(at("cut.safetensors"), &cut[..cut.len() - 100]).expect("written");
    let cases: &[(&str, i32, &[&str])] = &[
        ("missing.safetensors", 4, &["conv2.bias", "small.net:10"]),
        ("reshaped.safetensors", 4, &["conv2.bias", "[2]", "[8]"]),
        ("raw.safetensors", 4, &["relu1", "range"]),
        ("absent.safetensors", 3, &["absent.safetensors", "cannot be read"]),
        ("text.safetensors", 3, &["text.safetensors", "safetensors"]),
        ("cut.safetensors", 3, &["cut.safetensors", "safetensors"]),
    ];
    for (name, code, parts) in cases {
        fhecc(folder.path(), &["compile", "small.net", "--weights", name]).complains(*code, parts);
    }
    fhecc(folder.path(), &["compile", "small.net", "-o", "small.ron"]).expect(0);
    let image = repo("examples/images/cat.png");
    for (name, parts) in [("missing.safetensors", ["conv2.bias"]), ("reshaped.safetensors", ["conv2.bias"])] {
        let arguments = ["run", "small.ron", "--backend", "clear", "--image", arg(&image), "--weights", name];
        fhecc(folder.path(), &arguments).complains(4, &parts);
    }
}

#[test]
fn weights_of_another_training_are_refused_by_digest() {
    let folder = small_plan();
    let mut other =
        fhecc_runtime::weights::read(&folder.path().join("small.safetensors"), 1 << 20).expect("read");
    let mut tensor = small_weights().get("linear.bias").expect("there").clone();
    tensor.values[0] += 1.0;
    other.insert("linear.bias".into(), tensor);
    fhecc_runtime::weights::write(&folder.path().join("small.safetensors"), &other).expect("written");
    let image = repo("examples/images/cat.png");
    run_clear(folder.path(), arg(&image))
        .complains(4, &["linear.bias", "digest", "compile the network again"]);
}

#[test]
fn damaged_plans_are_refused() {
    let folder = small_plan();
    let at = |name: &str| folder.path().join(name);
    let plan = fs::read_to_string(at("small.ron")).expect("read");
    let changed = |name: &str, from: &str, to: &str| {
        assert!(plan.contains(from), "{from}");
        fs::write(at(name), plan.replacen(from, to, 1)).expect("written");
    };
    changed("version.ron", "format_version: 10", "format_version: 99");
    changed("digest.ron", "\"north\"", "\"nord\"");
    changed("field.ron", "format_version: 10,", "format_version: 10, surprise: true,");
    fs::write(at("cut.ron"), &plan[..plan.len() / 2]).expect("written");
    fs::write(at("text.ron"), "no plan").expect("written");
    let cases: &[(&str, i32, &[&str])] = &[
        ("version.ron", 5, &["version.ron", "version 99", "version 10", "compile the network again"]),
        ("digest.ron", 5, &["digest.ron", "changed after it was compiled", "compile the network again"]),
        ("field.ron", 3, &["field.ron", "surprise"]),
        ("cut.ron", 5, &["cut.ron", "ends", "ompile the network again"]),
        ("text.ron", 3, &["text.ron", "cannot be read"]),
        ("missing.ron", 3, &["missing.ron", "cannot be read", "Check the path"]),
    ];
    let image = repo("examples/images/cat.png");
    for (name, code, parts) in cases {
        fhecc(folder.path(), &["run", name, "--backend", "clear", "--image", arg(&image)])
            .complains(*code, parts);
    }
}

#[test]
fn insecure_parameters_are_refused() {
    let folder = small_network();
    let profile = fs::read_to_string(repo("models/targets/b5.ron")).expect("read");
    let weak = profile.replacen("eval_mod_bits: [40,", "eval_mod_bits: [40, 40, 40, 40, 40, 40,", 1);
    assert_ne!(weak, profile);
    fs::write(folder.path().join("weak.ron"), weak).expect("written");
    fhecc(folder.path(), &["compile", "small.net", "--profile", "weak.ron"])
        .complains(8, &["1185 bits", "128-bit", "868"]);
    fhecc(folder.path(), &["compile", "small.net", "--profile", "b55"])
        .complains(2, &["b55", "b5", "b4", "b6", "a9"]);
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [&["fly"][..], &["run"], &["run", "x.ron", "--image", "x", "--backend", "gpu"], &[]] {
        assert_eq!(fhecc(folder.path(), arguments).code, Some(2), "{arguments:?}");
    }
}
