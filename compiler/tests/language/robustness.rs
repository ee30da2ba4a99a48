//! Damaged and hostile texts: no panic, no blow-up, and errors that can be shown.

use fhecc_compiler::diagnostics::render;
use fhecc_compiler::ir::verify_tensor::verify;
use fhecc_compiler::syntax::print;
use fhecc_compiler::{elaborate, format, parse};
use std::time::{Duration, Instant};

const RESNET20: &str = include_str!("../../../models/resnet20.net");
/// Far above what any text takes, so that a busy machine does not matter.
const PATIENCE: Duration = Duration::from_secs(60);

/// Reads a text all the way; whether it describes a network.
fn survive(source: &str) -> bool {
    let ast = parse(source);
    if let Ok(ast) = &ast {
        let text = print(ast);
        assert!(text.len() > 1 << 18 || parse(&text).as_ref() == Ok(ast), "{source}");
    }
    let result = ast.and_then(|ast| elaborate(&ast));
    match &result {
        Err(errors) => {
            assert!(!errors.is_empty(), "refused without a reason: {source}");
            let report = render(source, "damaged.net", errors, false);
            assert!(report.len() < 1 << 20, "the report has {} bytes", report.len());
        }
        Ok(graph) => assert_eq!(verify(graph), Ok(()), "{source}"),
    }
    result.is_ok()
}

/// xorshift64*: enough to vary texts, and the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound.max(1)
    }
}

const PIECES: [&str; 44] = [
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    "//",
    "->",
    "-",
    "+",
    "*",
    "/",
    "%",
    "=",
    ",",
    ":",
    ".",
    "x",
    "\n",
    "\r\n",
    "\t",
    "é",
    "\u{0}",
    "let ",
    "block ",
    "network ",
    "input",
    "normalise",
    "weights",
    "labels",
    "auto",
    "true",
    "relu",
    "conv",
    "basic",
    "add(input)",
    "input.channels",
    "0",
    "-1",
    "99999999999999999999",
    "1e400",
    "65536",
];

fn mutate(text: &str, dice: &mut Dice) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=dice.below(3) {
        let at = dice.below(characters.len() + 1);
        let end = (at + dice.below(12)).min(characters.len());
        match dice.below(5) {
            0 => drop(characters.drain(at..end)),
            1 => drop(characters.splice(at..at, PIECES[dice.below(PIECES.len())].chars())),
            2 => drop(characters.splice(at..end, PIECES[dice.below(PIECES.len())].chars())),
            3 => {
                let copy: Vec<char> = characters[at..(at + dice.below(200)).min(characters.len())].to_vec();
                let to = dice.below(characters.len() + 1);
                drop(characters.splice(to..to, copy));
            }
            _ => {
                let other = dice.below(characters.len().max(1));
                if at < characters.len() && other < characters.len() {
                    characters.swap(at, other);
                }
            }
        }
    }
    characters.into_iter().collect()
}

#[test]
fn ten_thousand_damaged_networks() {
    let start = Instant::now();
    let mut dice = Dice(0x5EED);
    let mut well_formed = 0;
    for _ in 0..10_000 {
        well_formed += usize::from(survive(&mutate(RESNET20, &mut dice)));
    }
    assert!(well_formed > 100, "the mutations are too coarse: {well_formed} survived");
    assert!(start.elapsed() < 10 * PATIENCE, "{:?}", start.elapsed());
}

#[test]
fn every_prefix_of_a_network() {
    for (end, _) in RESNET20.char_indices() {
        assert!(!survive(&RESNET20[..end]) || end > RESNET20.len() - 2);
    }
}

#[test]
fn hostile_texts_are_answered_soon() {
    let body = |layers: &str| {
        format!("network n {{\ninput 3x8x8\nnormalise(mean = [0, 0, 0], std = [1, 1, 1])\n{layers}\n}}\n")
    };
    let nested = |count: usize, of: &str| {
        let blocks: String = (0..30).map(|i| format!("block b{i} {{ a: b{} * {count} }}\n", i + 1)).collect();
        format!("{blocks}block b30 {{ {of} }}\n{}", body("a: b0"))
    };
    let lines = |count: usize, line: fn(usize) -> String| (0..count).map(line).collect::<String>();
    let sum = vec!["1"; 62_500].join(" + ");
    let cases = [
        ("layers of layers", nested(100, "relu")),
        ("layers without effect", nested(100, "subsample(1)")),
        ("empty blocks", nested(100, "")),
        ("no repetitions", nested(0, "relu")),
        ("a long sum", format!("let n = {sum}\n{}", body("relu"))),
        ("a long sum in a block", format!("block b {{ let n = {sum}\n relu }}\n{}", body("a: b * 10000"))),
        ("a long chain", body(&vec!["relu"; 25_000].join(" -> "))),
        ("many constants", format!("{}{}", lines(12_500, |i| format!("let a{i} = {i}\n")), body("relu"))),
        ("many unknown names", lines(10_000, |i| format!("let a{i} = b{i}\n"))),
        ("many parameters", {
            let names = lines(12_500, |i| format!("p{i},"));
            format!("block b({names}) {{ relu }}\n{}", body(&format!("a: b({names})")))
        }),
        ("many arguments", body(&format!("a: conv({})", "1, ".repeat(50_000)))),
        ("many layers without a name", body(&"relu\n".repeat(9_000))),
        ("many blocks", format!("{}{}", lines(7_500, |i| format!("block b{i} {{ }}\n")), body("a: c"))),
        ("many broken lines", body(&"relu relu )\n".repeat(12_500))),
        ("many crowded lines", body(&"relu relu\n".repeat(12_500))),
        ("many comments", "//\n".repeat(75_000)),
        ("many texts", body(&format!("labels [{}]", "\"a\",".repeat(50_000)))),
        ("deep brackets", "(".repeat(250_000)),
        ("deep lists", format!("network n {{ a: relu({}1{}) }}", "[".repeat(125_000), "]".repeat(125_000))),
        ("deepest lists", format!("network n {{ a: relu({}1{}) }}", "[".repeat(30), "]".repeat(30))),
        ("deepest numbers", format!("let n = {}1{}", "(".repeat(32), ")".repeat(32))),
        ("minus signs", format!("let n = {}1", "-".repeat(125_000))),
        ("open texts", "\"".repeat(249_999)),
        ("quotes", "\"\\".repeat(100_000)),
        ("slashes", "/".repeat(250_000)),
        ("one word", "a".repeat(250_000)),
        ("zeros", "\0".repeat(250_000)),
        ("nothing", String::new()),
        ("blanks", " \n\t".repeat(80_000)),
        ("byte order mark", format!("\u{FEFF}{}", body("relu"))),
        ("carriage returns", body("relu\n").replace('\n', "\r\n")),
    ];
    for (what, source) in cases {
        let start = Instant::now();
        survive(&source);
        assert!(start.elapsed() < PATIENCE, "{what}: {:?}", start.elapsed());
        if std::env::var_os("FHECC_TIMES").is_some() {
            let times = std::env::temp_dir().join("fhecc-times");
            let line = format!("{what}: {:?}\n", start.elapsed());
            let old = std::fs::read_to_string(&times).unwrap_or_default();
            std::fs::write(times, old + &line).expect("written");
        }
    }
}

#[test]
fn windows_and_marked_files_are_read() {
    let text = format!("\u{FEFF}{}", RESNET20.replace('\n', "\r\n"));
    assert!(survive(&text));
    assert_eq!(format(&text).expect("it parses"), RESNET20);
}
