//! Errors about the network's text: code, title, labelled spans, help.

mod codes;
mod render;
mod suggest;

pub use codes::{CODES, explain};
pub use render::render;
pub(crate) use suggest::{did_you_mean, nearest};

/// A byte range of the source text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// From the first byte of `self` to the last of `other`.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// One error with everything a reader needs to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code such as `E0103`.
    pub code: &'static str,
    /// What is wrong, in one line.
    pub title: String,
    /// Places in the text, the first one being where it is wrong.
    pub labels: Vec<(Span, String)>,
    /// How to mend it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at `span`; `label` says what is wrong there and may be empty.
    pub fn new(code: &'static str, title: impl Into<String>, span: Span, label: impl Into<String>) -> Self {
        Self { code, title: title.into(), labels: vec![(span, label.into())], help: None }
    }

    /// Adds a further place.
    #[must_use]
    pub fn also(mut self, span: Span, label: impl Into<String>) -> Self {
        self.labels.push((span, label.into()));
        self
    }

    /// Says how to mend it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
