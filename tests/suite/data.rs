//! What several tests share: running the program, a small network with its weights, data beside the repository.

use fhecc_plan::{Tensor, Weights};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A path in the repository.
pub(crate) fn repo(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A file of the data that may lie beside the repository; says so if it is absent.
#[expect(clippy::print_stderr, reason = "whoever runs the tests should know what was left out")]
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let file = repo("../shared/data").join(path);
    if !file.exists() {
        eprintln!("skipped: {} is not there", file.display());
        return None;
    }
    Some(file)
}

/// What a run of the program gave.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Fails the test unless the exit code is `code` and nothing speaks of a panic.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        assert!(code == 1 || !self.stderr.contains("this is a bug"), "{}", self.stderr);
        self
    }

    /// Fails the test unless there is one paragraph of error that has all of `parts`.
    #[track_caller]
    pub(crate) fn complains(self, code: i32, parts: &[&str]) {
        let ran = self.expect(code);
        assert_eq!(ran.stdout, "");
        assert!(ran.stderr.starts_with("error"), "{}", ran.stderr);
        for part in parts {
            assert!(ran.stderr.contains(part), "`{part}` is missing in: {}", ran.stderr);
        }
    }
}

/// Runs the program in `folder`.
pub(crate) fn fhecc(folder: &Path, arguments: &[&str]) -> Ran {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_fhecc"))
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .output()
        .expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// A path as an argument.
pub(crate) fn arg(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A network with one bootstrap, two convolutions and four classes.
pub(crate) const SMALL: &str = r#"network small {
    input 3x32x32
    normalise(mean = [0.5, 0.5, 0.5], std = [0.25, 0.25, 0.25])
    weights "small.safetensors"
    labels ["north", "east", "south", "west"]

    conv1: conv(4, kernel = 3, stride = 2, padding = 1, bias = false)
    bn1: batch_norm
    relu1: relu
    conv2: conv(8, kernel = 3, stride = 2, padding = 1)
    relu2: relu
    global_average_pool
    linear: linear(4)
}
"#;

/// Random weights for [`SMALL`], without calibration.
pub(crate) fn small_weights() -> Weights {
    let mut rng = StdRng::seed_from_u64(20);
    let mut weights = Weights::default();
    let mut insert = |name: &str, shape: &[u64], low: f32, high: f32| {
        let values = (0..shape.iter().product()).map(|_| rng.random_range(low..high)).collect();
        weights.insert(name.to_owned(), Tensor { shape: shape.to_vec(), values });
    };
    insert("conv1.weight", &[4, 3, 3, 3], -0.5, 0.5);
    insert("bn1.weight", &[4], 0.5, 1.5);
    insert("bn1.bias", &[4], -0.5, 0.5);
    insert("bn1.running_mean", &[4], -0.5, 0.5);
    insert("bn1.running_var", &[4], 0.5, 1.5);
    insert("conv2.weight", &[8, 4, 3, 3], -0.4, 0.4);
    insert("conv2.bias", &[8], -0.2, 0.2);
    insert("linear.weight", &[4, 8], -1.0, 1.0);
    insert("linear.bias", &[4], -0.2, 0.2);
    weights
}

/// A folder with `small.net` and its weights, calibrated on the sample images.
pub(crate) fn small_network() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("small.net"), SMALL).expect("written");
    fhecc_runtime::weights::write(&at("raw.safetensors"), &small_weights()).expect("written");
    let images = repo("examples/images");
    let arguments = ["--weights", "raw.safetensors", "--images", arg(&images), "-o", "small.safetensors"];
    fhecc(folder.path(), &[&["calibrate", "small.net"], &arguments[..]].concat()).expect(0);
    folder
}

/// The same with a compiled plan, `small.ron`.
pub(crate) fn small_plan() -> TempDir {
    let folder = small_network();
    fhecc(folder.path(), &["compile", "small.net", "-o", "small.ron"]).expect(0);
    folder
}
