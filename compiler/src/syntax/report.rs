//! Pest's errors in the reader's words.

use super::grammar::{NetParser, Rule};
use crate::diagnostics::{Diagnostic, Span};
use pest::Parser;
use pest::error::{Error, ErrorVariant, InputLocation};

/// Errors after which no further ones are looked for.
const MOST_ERRORS: usize = 10;

/// The first error, and those that remain when the lines in error are left out.
pub(super) fn all(source: &str, first: Error<Rule>) -> Vec<Diagnostic> {
    let mut text = source.to_owned();
    let mut error = first;
    let mut found = Vec::new();
    loop {
        let at = position(&error);
        found.push(diagnostic(source, &error, at));
        if found.len() == MOST_ERRORS || !blank_line(&mut text, at) {
            return found;
        }
        match NetParser::parse(Rule::file, &text) {
            Ok(_) => return found,
            Err(next) => error = next,
        }
    }
}

/// Errors for entries that do not begin on a line of their own.
pub(super) fn crowded(source: &str, entries: &[Span]) -> Vec<Diagnostic> {
    let one = |span: &Span| {
        let (span, found) = token(source, span.start);
        Diagnostic::new("E0101", format!("expected a new line, found {found}"), span, "unexpected")
            .help("a layer is written `name: kind(...)`, and each begins on a line of its own")
    };
    entries.iter().take(MOST_ERRORS).map(one).collect()
}

fn position(error: &Error<Rule>) -> usize {
    match error.location {
        InputLocation::Pos(at) => at,
        InputLocation::Span((start, _)) => start,
    }
}

/// Replaces the line around `at` by blanks, where that leaves the brackets balanced.
fn blank_line(text: &mut String, at: usize) -> bool {
    let at = at.min(text.len());
    let start = text[..at].rfind('\n').map_or(0, |i| i + 1);
    let end = text[at..].find('\n').map_or(text.len(), |i| at + i);
    let line = &text[start..end];
    let mut depth = 0_i64;
    let balanced = line.bytes().all(|b| {
        depth += match b {
            b'(' | b'[' | b'{' => 1,
            b')' | b']' | b'}' => -1,
            _ => 0,
        };
        depth >= 0
    });
    if !balanced || depth != 0 || line.trim().is_empty() {
        return false;
    }
    let blanks = " ".repeat(line.len());
    text.replace_range(start..end, &blanks);
    true
}

fn diagnostic(source: &str, error: &Error<Rule>, at: usize) -> Diagnostic {
    let expected = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => words(positives),
        ErrorVariant::CustomError { .. } => Vec::new(),
    };
    let (span, found) = token(source, at);
    let wanted = match expected.as_slice() {
        [] => "something else".to_owned(),
        [one] => (*one).to_owned(),
        [several @ .., last] => format!("{} or {last}", several.join(", ")),
    };
    let title = format!("expected {wanted}, found {found}");
    let diagnostic = Diagnostic::new("E0101", title, span, "unexpected");
    match help(source, span, &expected) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// Hints for mistakes that are easily made.
fn help(source: &str, span: Span, expected: &[&str]) -> Option<String> {
    let found = source.get(span.start..span.end)?;
    if KEYWORDS.contains(&found) && expected.contains(&"a name") {
        return Some(format!("`{found}` is a word of the language; choose another name"));
    }
    let before = source[..span.start].trim_end();
    if found == "=" && !before.ends_with(['=', '<', '>', '!']) && expected.contains(&"`:`") {
        return Some("layers are written `name: layer`, constants `let name = value`".to_owned());
    }
    let last = before.rsplit(|c: char| c != '_' && !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    if found == ":" && KEYWORDS.contains(&last) {
        return Some(format!("`{last}` is a word of the language; choose another name for the layer"));
    }
    if found == ">" && before.ends_with('-') {
        return Some("write `->` in one piece".to_owned());
    }
    let missing_comma = expected.contains(&"`,`") && (expected.contains(&"`)`") || expected.contains(&"`]`"));
    missing_comma.then(|| "a comma may be missing before it".to_owned())
}

/// The token at `at`, and how to speak of it.
fn token(source: &str, at: usize) -> (Span, String) {
    let rest = &source[at.min(source.len())..];
    let skipped = rest.len() - rest.trim_start().len();
    let (start, rest) = (at + skipped, rest.trim_start());
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let Some(first) = rest.chars().next() else {
        // Point at the last thing there is.
        let end = source.trim_end().len();
        let start = source[..end].char_indices().next_back().map_or(0, |(i, _)| i);
        return (Span { start, end }, "the end of the file".to_owned());
    };
    let length = match first {
        '"' => rest[1..].find('"').map_or(rest.len(), |i| i + 2),
        '-' if rest.starts_with("->") => 2,
        _ if word(first) => rest.find(|c| !word(c)).unwrap_or(rest.len()),
        _ => first.len_utf8(),
    };
    let text = &rest[..length];
    let found = match first {
        '"' => "a text".to_owned(),
        _ if KEYWORDS.contains(&text) => format!("the keyword `{text}`"),
        _ if first.is_ascii_digit() => format!("the number `{}`", shortened(text)),
        _ if word(first) => format!("the name `{}`", shortened(text)),
        _ => format!("`{text}`"),
    };
    (Span { start, end: start + length }, found)
}

fn shortened(text: &str) -> String {
    const LONGEST: usize = 40;
    if text.len() <= LONGEST { text.to_owned() } else { format!("{}...", &text[..LONGEST]) }
}

const KEYWORDS: [&str; 7] = ["let", "block", "network", "input", "normalise", "weights", "labels"];

/// Each expectation once; a value covers the ways to begin one, and operators are left out where
/// something else could follow.
fn words(rules: &[Rule]) -> Vec<&'static str> {
    let mut words: Vec<_> = rules.iter().map(|&rule| word(rule)).filter(|w| !w.is_empty()).collect();
    words.sort_unstable();
    words.dedup();
    if words.contains(&"a value") {
        words.retain(|w| !matches!(*w, "a number" | "`(`" | "`[`"));
    }
    // Where a layer may begin, so may a setting.
    if words.contains(&"a layer") && words.contains(&"`let`") {
        words.retain(|w| *w != "a layer" && !KEYWORDS.iter().any(|k| w.trim_matches('`') == *k));
        words.push("the next layer");
    }
    let operators = ["`+`", "`-`", "`*`", "`/`", "`%`", "`x`"];
    if words.iter().any(|w| !operators.contains(w)) {
        words.retain(|w| !operators.contains(w));
    }
    words
}

fn word(rule: Rule) -> &'static str {
    match rule {
        Rule::WHITESPACE | Rule::COMMENT | Rule::digits | Rule::word | Rule::keyword | Rule::statement => "",
        Rule::file | Rule::EOI => "the end of the file",
        Rule::constant | Rule::kw_let => "`let`",
        Rule::block | Rule::kw_block => "`block`",
        Rule::network | Rule::kw_network => "`network`",
        Rule::image | Rule::kw_input => "`input`",
        Rule::normalise | Rule::kw_normalise => "`normalise`",
        Rule::weights | Rule::kw_weights => "`weights`",
        Rule::labels | Rule::kw_labels => "`labels`",
        Rule::parameters | Rule::arguments | Rule::open_paren => "`(`",
        Rule::parameter | Rule::name | Rule::property => "a name",
        Rule::body | Rule::open_brace => "`{`",
        Rule::chain | Rule::label | Rule::stage => "a layer",
        Rule::argument | Rule::value | Rule::list => "a value",
        Rule::expression | Rule::product | Rule::unary | Rule::primary | Rule::number => "a number",
        Rule::text => "a text",
        Rule::close_paren => "`)`",
        Rule::close_brace => "`}`",
        Rule::open_bracket => "`[`",
        Rule::close_bracket => "`]`",
        Rule::comma => "`,`",
        Rule::colon => "`:`",
        Rule::dot => "`.`",
        Rule::equals => "`=`",
        Rule::arrow => "`->`",
        Rule::plus => "`+`",
        Rule::minus => "`-`",
        Rule::star => "`*`",
        Rule::slash => "`/`",
        Rule::percent => "`%`",
        Rule::times => "`x`",
    }
}
