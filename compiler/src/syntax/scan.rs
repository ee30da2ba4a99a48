//! A first look at the text, token by token: finds comments, and those mistakes of which the grammar
//! could only say "expected something else": strange characters, open strings, unbalanced brackets.
//! Bounds the nesting, and with it the recursion of everything that follows.

use crate::diagnostics::{Diagnostic, Span};

/// Longest text that is read, in bytes.
const LONGEST_TEXT: usize = 1 << 18;
/// Longest name or number, in characters.
const LONGEST_WORD: usize = 64;
/// Deepest nesting of brackets.
const DEEPEST: usize = 32;
/// Errors after which the scan stops.
const MOST_ERRORS: usize = 20;

/// A comment as found.
pub(super) struct RawComment {
    pub(super) span: Span,
    /// Without the slashes and the blank after them.
    pub(super) text: String,
}

/// Refuses texts that are too long.
pub(super) fn check_length(text: &str) -> Result<(), Vec<Diagnostic>> {
    if text.len() <= LONGEST_TEXT {
        return Ok(());
    }
    let title = format!("the text has {} bytes, but at most {LONGEST_TEXT} are read", text.len());
    let help = "repeat layers with `block` and `*` instead of writing each";
    Err(vec![Diagnostic::new("E0106", title, Span::default(), "").help(help)])
}

/// The comments in order, or what is wrong.
pub(super) fn scan(source: &str) -> Result<Vec<RawComment>, Vec<Diagnostic>> {
    check_length(source)?;
    let mut scanner = Scanner { source, at: 0, open: Vec::new(), comments: Vec::new(), errors: Vec::new() };
    while scanner.at < source.len() && scanner.errors.len() < MOST_ERRORS {
        scanner.token();
    }
    if scanner.errors.is_empty() {
        scanner.open.reverse();
        for (start, bracket) in std::mem::take(&mut scanner.open) {
            let title = format!("`{bracket}` is never closed");
            let help = format!("add the missing `{}`", closing(bracket));
            let span = Span { start, end: start + 1 };
            scanner.errors.push(Diagnostic::new("E0102", title, span, "opened here").help(help));
        }
    }
    if scanner.errors.is_empty() { Ok(scanner.comments) } else { Err(scanner.errors) }
}

struct Scanner<'a> {
    source: &'a str,
    at: usize,
    open: Vec<(usize, char)>,
    comments: Vec<RawComment>,
    errors: Vec<Diagnostic>,
}

impl Scanner<'_> {
    fn token(&mut self) {
        let (start, rest) = (self.at, &self.source[self.at..]);
        let Some(c) = rest.chars().next() else { return };
        self.at += c.len_utf8();
        match c {
            '/' if rest.starts_with("//") => self.comment(rest),
            '"' => self.string(rest),
            '(' | '[' | '{' => self.bracket(c),
            ')' | ']' | '}' => self.unbracket(c),
            ' ' | '\t' | '\r' | '\n' | '\u{FEFF}' => {}
            '.' | ',' | ':' | '=' | '+' | '-' | '*' | '/' | '%' | '>' => {}
            _ if c == '_' || c.is_ascii_alphanumeric() => self.word(start, rest),
            _ => self.strange(start, c),
        }
    }

    fn word(&mut self, start: usize, rest: &str) {
        let length = rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        self.at = start + length;
        if length > LONGEST_WORD {
            let title =
                format!("a name or number has {length} characters, at most {LONGEST_WORD} are allowed");
            self.errors.push(Diagnostic::new("E0106", title, Span { start, end: self.at }, "too long"));
        }
    }

    fn comment(&mut self, rest: &str) {
        let line = rest.split('\n').next().unwrap_or(rest);
        let text = line.strip_prefix("//").unwrap_or(line).trim_end();
        let text = text.strip_prefix(' ').unwrap_or(text).to_owned();
        let end = self.at - 1 + line.len();
        self.comments.push(RawComment { span: Span { start: self.at - 1, end }, text });
        self.at = end;
    }

    fn string(&mut self, rest: &str) {
        let start = self.at - 1;
        let mut escaped = false;
        for (offset, c) in rest.char_indices().skip(1) {
            let end = start + offset;
            match c {
                '\n' | '\r' => return self.open_string(start, end),
                '"' if !escaped => {
                    self.at = end + 1;
                    return;
                }
                _ if escaped && c != '"' && c != '\\' => {
                    let title = format!("`\\{}` means nothing in a text", c.escape_debug());
                    let span = Span { start: end - 1, end: end + c.len_utf8() };
                    let help = "only `\\\"` and `\\\\` are known";
                    self.errors.push(Diagnostic::new("E0104", title, span, "").help(help));
                }
                _ if c.is_control() => self.strange(end, c),
                _ => {}
            }
            escaped = c == '\\' && !escaped;
        }
        self.open_string(start, self.source.len());
    }

    fn open_string(&mut self, start: usize, end: usize) {
        self.at = end;
        let error = Diagnostic::new("E0103", "the text is not closed", Span { start, end }, "begins here");
        self.errors.push(error.help("add `\"`; a text ends on the line where it begins"));
    }

    fn bracket(&mut self, c: char) {
        let start = self.at - 1;
        self.open.push((start, c));
        if self.open.len() > DEEPEST {
            let title = format!("brackets are nested more than {DEEPEST} deep");
            let error = Diagnostic::new("E0105", title, Span { start, end: start + 1 }, "one too deep");
            self.errors.push(error.help("name a part of it with `let`"));
            self.at = self.source.len();
        }
    }

    fn unbracket(&mut self, c: char) {
        let span = Span { start: self.at - 1, end: self.at };
        match self.open.last().copied() {
            Some((_, opened)) if closing(opened) == c => {
                self.open.pop();
            }
            Some((start, opened)) if self.open.iter().any(|(_, o)| closing(*o) == c) => {
                let want = closing(opened);
                let title = format!("expected `{want}`, found `{c}`");
                let error = Diagnostic::new("E0102", title, span, format!("expected `{want}`"))
                    .also(Span { start, end: start + 1 }, "opened here");
                self.errors.push(error);
                // What follows depends on which of the two is wrong.
                self.at = self.source.len();
            }
            Some(_) | None => {
                let error = Diagnostic::new("E0102", format!("`{c}` closes nothing"), span, "unexpected");
                self.errors.push(error.help(format!("remove it, or open it with `{}`", opening(c))));
            }
        }
    }

    fn strange(&mut self, start: usize, c: char) {
        let span = Span { start, end: start + c.len_utf8() };
        let title = format!("`{}` has no meaning here", c.escape_debug());
        let error = Diagnostic::new("E0104", title, span, "unexpected character");
        let help = match c {
            ';' => "statements need no `;`; each begins on its own",
            '#' => "comments begin with `//`",
            '\'' | '“' | '”' | '‘' | '’' => "texts stand between `\"` and `\"`",
            '×' | '✕' => "sizes are written with the letter x: `3x32x32`",
            '→' => "write `->`",
            '–' | '—' | '−' => "write `-`",
            _ => "names consist of letters, digits and `_`",
        };
        self.errors.push(error.help(help));
    }
}

fn closing(c: char) -> char {
    match c {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

fn opening(c: char) -> char {
    match c {
        ')' => '(',
        ']' => '[',
        _ => '{',
    }
}
