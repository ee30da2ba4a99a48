//! Diagnostics as text, in the manner of rustc.

use super::{Diagnostic, Span};
use codespan_reporting::diagnostic::{Diagnostic as Report, Label};
use codespan_reporting::files::SimpleFile;
use codespan_reporting::term::termcolor::{Ansi, NoColor, WriteColor};
use codespan_reporting::term::{Chars, Config, DisplayStyle, emit_to_write_style};
use std::ops::Range;

/// Source lines longer than this many bytes are not shown.
const LONGEST_LINE: usize = 400;

/// The diagnostics one after the other, each with the lines of `source` that it speaks of and an empty
/// line after it. `file_name` is what the reader calls the source.
pub fn render(source: &str, file_name: &str, diagnostics: &[Diagnostic], colour: bool) -> String {
    let file = SimpleFile::new(file_name, source);
    let mut bytes = Vec::new();
    for diagnostic in diagnostics {
        if colour {
            render_one(&file, source, diagnostic, &mut Ansi::new(&mut bytes));
        } else {
            render_one(&file, source, diagnostic, &mut NoColor::new(&mut bytes));
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().map(|line| if colour { line } else { line.trim_end() });
    lines.flat_map(|line| [line, "\n"]).collect()
}

fn render_one(
    file: &SimpleFile<&str, &str>,
    source: &str,
    diagnostic: &Diagnostic,
    writer: &mut impl WriteColor,
) {
    let labels: Vec<_> =
        diagnostic.labels.iter().map(|(span, text)| (visible(source, *span), text)).collect();
    let long = labels.iter().any(|(range, _)| longest_line(source, range) > LONGEST_LINE);
    let labels = labels.into_iter().enumerate().map(|(position, (range, text))| {
        let label = if position == 0 { Label::primary((), range) } else { Label::secondary((), range) };
        label.with_message(text)
    });
    let report = Report::error()
        .with_code(diagnostic.code)
        .with_message(&diagnostic.title)
        .with_labels(labels.collect())
        .with_notes(diagnostic.help.iter().map(|help| format!("help: {help}")).collect());
    let style = if long { DisplayStyle::Medium } else { DisplayStyle::Rich };
    let config = Config { chars: Chars::ascii(), display_style: style, ..Config::default() };
    if emit_to_write_style(writer, &config, file, &report).is_err() {
        // The writer is a vector and the ranges are checked: nothing is left that can fail.
        debug_assert!(false, "{diagnostic:?} cannot be rendered");
    }
}

/// The part of the span that exists, on character boundaries.
fn visible(source: &str, span: Span) -> Range<usize> {
    let floor = |at: usize| (0..=at.min(source.len())).rev().find(|&i| source.is_char_boundary(i));
    let (start, end) = (floor(span.start).unwrap_or(0), floor(span.end).unwrap_or(0));
    start..end.max(start)
}

fn longest_line(source: &str, range: &Range<usize>) -> usize {
    let start = source[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let end = source[range.end..].find('\n').map_or(source.len(), |at| range.end + at);
    source[start..end].lines().map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Diagnostic {
        Diagnostic::new("E0301", "there is no `cov`", Span { start: 7, end: 10 }, "unknown")
            .also(Span { start: 0, end: 5 }, "in this layer")
            .help("did you mean `conv`?")
    }

    #[test]
    fn looks_like_rustc() {
        let text = render("conv1: cov(16)\n", "a.net", &[sample()], false);
        let want = "error[E0301]: there is no `cov`
  --> a.net:1:8
  |
1 | conv1: cov(16)
  | -----  ^^^ unknown
  | |
  | in this layer
  |
  = help: did you mean `conv`?

";
        assert_eq!(text, want);
        assert!(!text.contains('\u{1b}'));
        assert!(render("conv1: cov(16)\n", "a.net", &[sample()], true).contains('\u{1b}'));
    }

    #[test]
    fn any_span_and_any_source_can_be_rendered() {
        for source in ["", "\n", "é", "e\u{301}\r\n\té\0x", "日本\n語"] {
            for start in 0..12 {
                for end in 0..12 {
                    let d = Diagnostic::new("E0101", "title", Span { start, end }, "here");
                    assert!(render(source, "x", &[d], true).contains("title"));
                }
            }
        }
    }

    #[test]
    fn overlong_lines_are_left_out() {
        let source = "x".repeat(100_000);
        let text = render(&source, "x", &[sample()], false);
        assert!(text.len() < 300, "{}", text.len());
        assert!(text.contains("did you mean"));
    }
}
