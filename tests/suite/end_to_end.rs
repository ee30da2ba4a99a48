//! The whole way on ciphertexts, with the real parameters: N = 2^15, 128-bit security, one bootstrap.

use crate::data::{arg, fhecc, repo, small_plan};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn run(folder: &Path, extra: &[&str]) -> Value {
    let image = repo("examples/images/horse.png");
    let arguments = [&["run", "small.ron", "--json", "--image", arg(&image)], extra].concat();
    serde_json::from_str(&fhecc(folder, &arguments).expect(0).stdout).expect("JSON")
}

fn logits(result: &Value) -> Vec<f64> {
    let list = result["logits"].as_array().expect("logits");
    list.iter().map(|v| v.as_f64().expect("a number")).collect()
}

#[track_caller]
fn agree(encrypted: &Value, clear: &Value) {
    let (a, b) = (logits(encrypted), logits(clear));
    let size = b.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    for (x, y) in a.iter().zip(&b) {
        assert!((x - y).abs() < 0.004 * size, "{a:?} against {b:?}");
    }
    assert_eq!(encrypted["top1"]["index"], clear["top1"]["index"]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "minutes without optimisation")]
fn encrypted_evaluation_follows_clear_evaluation() {
    let folder = small_plan();
    let clear = run(folder.path(), &["--backend", "clear"]);
    let encrypted = run(folder.path(), &[]);
    agree(&encrypted, &clear);
    assert_eq!(encrypted["backend"], "ckks");
    assert_eq!(encrypted["log_n"], 15);
    assert_eq!(encrypted["security_bits"], 128);
    assert_eq!(encrypted["bootstraps"], 1);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "hours without optimisation")]
fn the_main_job_classifies_a_cat_on_ciphertexts() {
    let folder = tempfile::tempdir().expect("a folder");
    let (network, image) = (repo("models/resnet20.net"), repo("examples/images/cat.png"));
    let run = |backend: &str| -> Value {
        let arguments = ["run", arg(&network), "--image", arg(&image), "--backend", backend, "--json"];
        serde_json::from_str(&fhecc(folder.path(), &arguments).expect(0).stdout).expect("JSON")
    };
    let (encrypted, clear) = (run("ckks"), run("clear"));
    assert_eq!(encrypted["top1"]["label"], "cat");
    agree(&encrypted, &clear);
    assert_eq!(encrypted["bootstraps"], 8);
    assert_eq!(encrypted["security_bits"], 128);
    if let Some(peak) = encrypted["peak_rss_bytes"].as_u64() {
        assert!(peak < 4 << 30, "{peak} bytes");
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "hours without optimisation")]
fn rectified_linear_units_are_fitted_and_bootstrapped_one_by_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let (network, image) = (repo("models/resnet20_relu.net"), repo("examples/images/horse.png"));
    let run = |backend: &str| -> Value {
        let arguments = ["run", arg(&network), "--image", arg(&image), "--backend", backend, "--json"];
        serde_json::from_str(&fhecc(folder.path(), &arguments).expect(0).stdout).expect("JSON")
    };
    let (encrypted, clear) = (run("ckks"), run("clear"));
    assert_eq!(encrypted["top1"]["label"], "horse");
    agree(&encrypted, &clear);
    assert_eq!(encrypted["bootstraps"], 18);
    assert_eq!(encrypted["security_bits"], 128);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "minutes without optimisation")]
fn stored_keys_are_used_again_and_belong_to_their_parameters() {
    let folder = small_plan();
    let at = |name: &str| folder.path().join(name);
    fhecc(folder.path(), &["keygen", "small.ron", "-o", "keys"]).expect(0);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(at("keys/secret.key")).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let clear = run(folder.path(), &["--backend", "clear"]);
    agree(&run(folder.path(), &["--keys", "keys"]), &clear);

    // Keys are not overwritten by accident, nor is anything else.
    fhecc(folder.path(), &["keygen", "small.ron", "-o", "keys"]).complains(2, &["keys", "--force"]);
    fs::create_dir(at("photos")).expect("made");
    fs::write(at("photos/me.txt"), "precious").expect("written");
    fhecc(folder.path(), &["keygen", "small.ron", "-o", "photos", "--force"])
        .complains(2, &["photos", "me.txt"]);
    assert!(at("photos/me.txt").exists());

    // A plan with other parameters refuses them.
    fhecc(folder.path(), &["compile", "small.net", "--profile", "b6", "-o", "other.ron"]).expect(0);
    let image = repo("examples/images/horse.png");
    fhecc(folder.path(), &["run", "other.ron", "--image", arg(&image), "--keys", "keys"])
        .complains(4, &["keys", "keygen"]);

    // Damage is found before anything is computed.
    let largest = fs::read_dir(at("keys"))
        .expect("keys")
        .map(|e| e.expect("entry").path())
        .max_by_key(|p| fs::metadata(p).map_or(0, |m| m.len()))
        .expect("a file");
    let mut bytes = fs::read(&largest).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&largest, &bytes).expect("written");
    fhecc(folder.path(), &["run", "small.ron", "--image", arg(&image), "--keys", "keys"])
        .complains(5, &["keys"]);
    fhecc(folder.path(), &["run", "small.ron", "--image", arg(&image), "--keys", "nowhere"])
        .complains(3, &["nowhere"]);
}

#[test]
#[cfg(unix)]
#[cfg_attr(debug_assertions, ignore = "minutes without optimisation")]
fn an_interrupted_key_generation_leaves_nothing() {
    use std::process::Command;
    use std::time::{Duration, Instant};
    let folder = small_plan();
    let before = fs::read_dir(folder.path()).expect("folder").count();
    let mut child = Command::new(env!("CARGO_BIN_EXE_fhecc"))
        .args(["keygen", "small.ron", "-o", "keys", "--threads", "1"])
        .current_dir(folder.path())
        .spawn()
        .expect("the program starts");
    // The folder under construction is there before the first key is.
    while fs::read_dir(folder.path()).expect("folder").count() == before {
        assert!(
            child.try_wait().expect("a child").is_none(),
            "the keys were written before the test saw a folder"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(sent.success());
    let begin = Instant::now();
    assert_eq!(child.wait().expect("ends").code(), Some(130));
    assert!(begin.elapsed() < Duration::from_secs(3));
    assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), before);
}
