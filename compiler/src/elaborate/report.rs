//! Collects errors and bounds the work.

use crate::diagnostics::{Diagnostic, Span};
use std::collections::BTreeSet;

/// Errors after which elaboration stops.
const MOST_ERRORS: usize = 50;
/// Steps of evaluation after which elaboration stops.
const MOST_STEPS: u32 = 1_000_000;
/// Layers after which elaboration stops, those without an effect included.
const MOST_LAYERS: u32 = 10_000;

/// Errors found so far, and how much work is left.
#[derive(Default)]
pub(super) struct Reporter {
    errors: Vec<Diagnostic>,
    seen: BTreeSet<(&'static str, Span)>,
    /// Uses of blocks that are being expanded, outermost first: where, and as what path.
    uses: Vec<(Span, String)>,
    steps: u32,
    layers: u32,
    stopped: bool,
}

impl Reporter {
    /// Reports an error unless one of this code was reported at this place, as happens in blocks that are
    /// used several times. `more` completes it.
    pub(super) fn error(
        &mut self,
        code: &'static str,
        span: Span,
        title: impl FnOnce() -> String,
        more: impl FnOnce(Diagnostic) -> Diagnostic,
    ) {
        if self.stopped || !self.seen.insert((code, span)) {
            return;
        }
        let mut error = more(Diagnostic::new(code, title(), span, ""));
        if let Some((span, path)) = self.uses.last() {
            error = error.also(*span, format!("in this use, as `{path}`"));
        }
        self.errors.push(error);
        self.stopped = self.errors.len() >= MOST_ERRORS;
    }

    /// Whether nothing more should be done.
    pub(super) fn stopped(&self) -> bool {
        self.stopped
    }

    /// Whether no error was found.
    pub(super) fn is_clean(&self) -> bool {
        self.errors.is_empty()
    }

    /// Enters the use of a block.
    pub(super) fn enter(&mut self, span: Span, path: &str) {
        self.uses.push((span, path.to_owned()));
    }

    /// Leaves the use entered last.
    pub(super) fn leave(&mut self) {
        self.uses.pop();
    }

    /// How many uses are entered.
    pub(super) fn depth(&self) -> usize {
        self.uses.len()
    }

    /// Accounts for one step; false where there were too many.
    pub(super) fn step(&mut self, span: Span) -> bool {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            let title = || format!("expanding the network takes more than {MOST_STEPS} steps");
            self.error("E0603", span, title, |d| d.help("use fewer or smaller blocks"));
            self.stopped = true;
        }
        !self.stopped
    }

    /// Accounts for one layer; false where there were too many.
    pub(super) fn layer(&mut self, span: Span) -> bool {
        self.layers += 1;
        if self.layers > MOST_LAYERS {
            let title = || format!("the network has more than {MOST_LAYERS} layers");
            self.error("E0601", span, title, |d| {
                d.help("check the repetitions `* count` and the blocks within blocks")
            });
            self.stopped = true;
        }
        self.step(span)
    }

    /// The errors in the order of the text.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.errors.sort_by_key(|d| d.labels.first().map(|(span, _)| *span));
        self.errors
    }
}
