//! Arithmetic: expressions to numbers.

use super::Elaborator;
use super::scope::{Flow, Meaning, Number, Scope};
use crate::diagnostics::{Span, did_you_mean};
use crate::syntax::ast::{Expression, ExpressionKind, Name, Operator};

/// Words with a meaning of their own, which cannot name anything else.
pub(super) const WORDS: [&str; 5] = ["auto", "true", "false", "chebyshev", "least_squares"];

impl<'a> Elaborator<'a> {
    /// The value of an expression; `None` after an error, which is reported.
    pub(super) fn number(&mut self, scope: &Scope<'a>, expression: &Expression) -> Option<Number> {
        let span = expression.span;
        if !self.reporter.step(span) {
            return None;
        }
        match &expression.value {
            ExpressionKind::Number(text) => self.literal(text, span),
            ExpressionKind::Name(name) => self.named_number(scope, name, span),
            ExpressionKind::Property { layer, property } => self.property(scope, layer, property),
            ExpressionKind::Negative(inner) => {
                let zero = match self.number(scope, inner)? {
                    Number::Real(value) => return Some(Number::Real(-value)),
                    Number::Whole(value) => value.checked_neg(),
                };
                self.checked(zero.map(Number::Whole), span)
            }
            ExpressionKind::Operation { first, rest } => {
                let mut total = self.number(scope, first);
                for (operator, operand) in rest {
                    let value = self.number(scope, operand);
                    let both = span.start.min(operand.span.start);
                    let so_far = Span { start: both, end: operand.span.end };
                    total = match (total, value) {
                        (Some(a), Some(b)) => self.operate(a, *operator, b, so_far),
                        _ => None,
                    };
                }
                total
            }
        }
    }

    fn literal(&mut self, text: &str, span: Span) -> Option<Number> {
        let number = if text.bytes().all(|b| b.is_ascii_digit()) {
            text.parse().ok().map(Number::Whole)
        } else {
            text.parse().ok().map(Number::Real)
        };
        self.checked(number, span)
    }

    /// Reports numbers that cannot be represented.
    fn checked(&mut self, number: Option<Number>, span: Span) -> Option<Number> {
        let number = number.filter(|n| match n {
            Number::Whole(_) => true,
            Number::Real(value) => value.is_finite(),
        });
        if number.is_none() {
            let title = || "the number is too large".to_owned();
            let help = format!("whole numbers go up to {}, others up to 1.7e308", i64::MAX);
            self.reporter.error("E0404", span, title, |d| d.help(help));
        }
        number
    }

    fn operate(&mut self, a: Number, operator: Operator, b: Number, span: Span) -> Option<Number> {
        if let (Number::Whole(a), Number::Whole(b)) = (a, b) {
            return self.operate_whole(a, operator, b, span);
        }
        let (a, b) = (a.real(), b.real());
        let value = match operator {
            Operator::Add => a + b,
            Operator::Subtract => a - b,
            Operator::Multiply => a * b,
            Operator::Divide if b == 0.0 => return self.division_by_zero(span),
            Operator::Divide => a / b,
            Operator::Remainder => {
                let title = || "`%` needs whole numbers".to_owned();
                self.reporter.error("E0401", span, title, |d| d);
                return None;
            }
        };
        self.checked(Some(Number::Real(value)), span)
    }

    fn operate_whole(&mut self, a: i64, operator: Operator, b: i64, span: Span) -> Option<Number> {
        let value = match operator {
            Operator::Add => a.checked_add(b),
            Operator::Subtract => a.checked_sub(b),
            Operator::Multiply => a.checked_mul(b),
            Operator::Divide | Operator::Remainder if b == 0 => return self.division_by_zero(span),
            Operator::Remainder => a.checked_rem_euclid(b),
            Operator::Divide => {
                if a.checked_rem(b).is_some_and(|rest| rest != 0) {
                    let title = || format!("{a} / {b} is not a whole number");
                    let help = "whole numbers are divided exactly; write `2.0` for a number with a fraction";
                    self.reporter.error("E0403", span, title, |d| d.help(help));
                    return None;
                }
                a.checked_div(b)
            }
        };
        self.checked(value.map(Number::Whole), span)
    }

    fn division_by_zero(&mut self, span: Span) -> Option<Number> {
        self.reporter.error("E0403", span, || "division by zero".to_owned(), |d| d);
        None
    }

    fn named_number(&mut self, scope: &Scope<'a>, name: &str, span: Span) -> Option<Number> {
        match self.lookup(scope, name) {
            Some(Meaning::Number(number)) => number,
            Some(Meaning::Layer(_)) => {
                let title = || format!("expected a number, found the layer `{name}`");
                let help = format!("its sizes are `{name}.channels`, `{name}.height` and `{name}.width`");
                self.reporter.error("E0401", span, title, |d| d.help(help));
                None
            }
            None if WORDS.contains(&name) => {
                let title = || format!("expected a number, found `{name}`");
                self.reporter.error("E0401", span, title, |d| d);
                None
            }
            None => {
                let known = self.constants.numbers().chain(scope.numbers());
                let title = || format!("there is no constant or parameter `{name}`");
                self.reporter.error("E0303", span, title, |mut d| {
                    d.help = did_you_mean(name, known);
                    d
                });
                None
            }
        }
    }

    fn property(&mut self, scope: &Scope<'a>, layer: &Name, property: &Name) -> Option<Number> {
        let shape = self.layer(scope, &layer.value, layer.span)?.shape;
        let size = match property.value.as_str() {
            "channels" => shape.channels,
            "height" => shape.height,
            "width" => shape.width,
            other => {
                let title = || format!("a layer has no `{other}`");
                let help = did_you_mean(other, ["channels", "height", "width"])
                    .unwrap_or_else(|| "its sizes are `channels`, `height` and `width`".to_owned());
                self.reporter.error("E0302", property.span, title, |d| d.help(help));
                return None;
            }
        };
        Some(Number::Whole(i64::from(size)))
    }

    /// The layer of this name.
    pub(super) fn layer(&mut self, scope: &Scope<'a>, name: &str, span: Span) -> Flow {
        match self.lookup(scope, name) {
            Some(Meaning::Layer(flow)) => flow,
            Some(Meaning::Number(_)) => {
                let title = || format!("expected a layer, found the number `{name}`");
                self.reporter.error("E0401", span, title, |d| d);
                None
            }
            None => {
                let title = || format!("there is no layer `{name}` so far");
                let later = scope.named.contains(name);
                self.reporter.error("E0303", span, title, |mut d| {
                    d.help = if later {
                        Some("it comes later in the text; a layer reads earlier ones".to_owned())
                    } else {
                        did_you_mean(name, scope.layers())
                    };
                    d
                });
                None
            }
        }
    }

    /// What a name stands for in `scope` or, failing that, in the file.
    pub(super) fn lookup(&self, scope: &Scope<'a>, name: &str) -> Option<Meaning> {
        scope.get(name).or_else(|| self.constants.get(name))
    }
}

impl Number {
    /// As a number with a fraction.
    pub(super) fn real(self) -> f64 {
        match self {
            Self::Whole(value) => value as f64,
            Self::Real(value) => value,
        }
    }
}
