//! Arguments: which parameter each is for, and their values with bounds.

use super::Elaborator;
use super::number::WORDS;
use super::scope::{Number, Scope};
use crate::diagnostics::{Span, did_you_mean};
use crate::syntax::ast::{Argument, Expression, ExpressionKind, Name, Value, ValueKind};
use std::ops::RangeInclusive;

/// One parameter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameter<'a> {
    pub(super) name: &'a str,
    pub(super) required: bool,
}

/// Arguments by parameter.
pub(super) struct Arguments<'a> {
    given: Vec<(&'a str, &'a Value)>,
    /// Whether some could not be assigned.
    pub(super) faulty: bool,
}

impl<'a> Arguments<'a> {
    /// What the parameter is given.
    pub(super) fn get(&self, parameter: &str) -> Option<&'a Value> {
        self.given.iter().find(|(name, _)| *name == parameter).map(|(_, value)| *value)
    }

    /// Whether the parameter is given.
    pub(super) fn has(&self, parameter: &str) -> bool {
        self.get(parameter).is_some()
    }
}

impl<'a> Elaborator<'a> {
    /// Assigns arguments to the parameters of `owner`: first those without a name, by position.
    pub(super) fn assign(
        &mut self,
        owner: &Name,
        arguments: &'a [Argument],
        parameters: &[Parameter<'a>],
        span: Span,
    ) -> Arguments<'a> {
        let mut result = Arguments { given: Vec::new(), faulty: false };
        let mut named = false;
        for (position, argument) in arguments.iter().enumerate() {
            if !self.reporter.step(argument.value.span) {
                break;
            }
            let parameter = match &argument.name {
                Some(name) => self.parameter_named(owner, name, parameters),
                None => self.parameter_at(owner, position, named, argument, parameters),
            };
            named |= argument.name.is_some();
            let Some(parameter) = parameter else {
                result.faulty = true;
                continue;
            };
            if result.has(parameter) {
                let title = || format!("`{parameter}` is given twice");
                let at = argument.name.as_ref().map_or(argument.value.span, |name| name.span);
                self.reporter.error("E0305", at, title, |d| d);
                result.faulty = true;
            } else {
                result.given.push((parameter, &argument.value));
            }
        }
        let missing = |p: &&Parameter<'_>| p.required && !result.has(p.name);
        if !result.faulty
            && let Some(absent) = parameters.iter().find(missing)
        {
            let title = || format!("`{}` needs `{}`", owner.value, absent.name);
            let help = format!("`{}` takes {}", owner.value, listing(parameters));
            self.reporter.error("E0304", span, title, |d| d.help(help));
            result.faulty = true;
        }
        result
    }

    fn parameter_named(
        &mut self,
        owner: &Name,
        name: &Name,
        parameters: &[Parameter<'a>],
    ) -> Option<&'a str> {
        let found = parameters.iter().find(|p| p.name == name.value).map(|p| p.name);
        if found.is_none() {
            let title = || format!("`{}` has no parameter `{}`", owner.value, name.value);
            self.reporter.error("E0302", name.span, title, |d| {
                let near = did_you_mean(&name.value, parameters.iter().map(|p| p.name));
                d.help(near.unwrap_or_else(|| format!("`{}` takes {}", owner.value, listing(parameters))))
            });
        }
        found
    }

    fn parameter_at(
        &mut self,
        owner: &Name,
        position: usize,
        after_named: bool,
        argument: &Argument,
        parameters: &[Parameter<'a>],
    ) -> Option<&'a str> {
        let at = argument.value.span;
        if after_named {
            let title = || "an argument without a name follows one with a name".to_owned();
            let help = format!("write its name; `{}` takes {}", owner.value, listing(parameters));
            self.reporter.error("E0305", at, title, |d| d.help(help));
            return None;
        }
        let found = parameters.get(position).map(|p| p.name);
        if found.is_none() {
            let title = || match parameters.len() {
                0 => format!("`{}` takes no arguments", owner.value),
                1 => format!("`{}` takes only one argument", owner.value),
                count => format!("`{}` takes at most {count} arguments", owner.value),
            };
            self.reporter.error("E0305", at, title, |d| match parameters {
                [] => d,
                _ => d.help(format!("`{}` takes {}", owner.value, listing(parameters))),
            });
        }
        found
    }

    /// A whole number within `allowed`.
    pub(super) fn whole(
        &mut self,
        scope: &Scope<'a>,
        what: &str,
        value: &Value,
        allowed: RangeInclusive<u32>,
    ) -> Option<u32> {
        let expression = self.expression(what, "a whole number", value)?;
        self.whole_expression(scope, what, expression, allowed)
    }

    /// A whole number within `allowed`.
    pub(super) fn whole_expression(
        &mut self,
        scope: &Scope<'a>,
        what: &str,
        expression: &Expression,
        allowed: RangeInclusive<u32>,
    ) -> Option<u32> {
        let span = expression.span;
        self.not_a_word(scope, what, "a whole number", expression)?;
        match self.number(scope, expression)? {
            Number::Whole(n) => {
                let found = u32::try_from(n).ok().filter(|n| allowed.contains(n));
                if found.is_none() {
                    let (low, high) = (allowed.start(), allowed.end());
                    let title = || format!("`{what}` must be between {low} and {high}, found {n}");
                    self.reporter.error("E0402", span, title, |d| d);
                }
                found
            }
            Number::Real(n) => {
                let title = || format!("`{what}` must be a whole number, found {n}");
                self.reporter.error("E0401", span, title, |d| d);
                None
            }
        }
    }

    /// A number for which `allowed` holds; `range` says so in words.
    pub(super) fn real(
        &mut self,
        scope: &Scope<'a>,
        what: &str,
        value: &Value,
        range: &str,
        allowed: impl Fn(f64) -> bool,
    ) -> Option<f64> {
        let expression = self.expression(what, "a number", value)?;
        self.not_a_word(scope, what, "a number", expression)?;
        let number = self.number(scope, expression)?.real();
        if allowed(number) {
            return Some(number);
        }
        let title = || format!("`{what}` must be {range}, found {number}");
        self.reporter.error("E0402", expression.span, title, |d| d);
        None
    }

    /// The number that a block's parameter is given.
    pub(super) fn argument(&mut self, scope: &Scope<'a>, what: &str, value: &Value) -> Option<Number> {
        let expression = self.expression(what, "a number", value)?;
        self.not_a_word(scope, what, "a number", expression)?;
        self.number(scope, expression)
    }

    /// One of `words`.
    pub(super) fn word(
        &mut self,
        what: &str,
        value: &'a Value,
        words: &[&'static str],
    ) -> Option<&'static str> {
        let expression = self.expression(what, "a word", value)?;
        let ExpressionKind::Name(found) = &expression.value else {
            self.wrong_kind(what, &alternatives(words), "a number", value.span);
            return None;
        };
        let known = words.iter().find(|w| **w == found.as_str()).copied();
        if known.is_none() {
            let title = || format!("`{what}` cannot be `{found}`");
            self.reporter.error("E0405", value.span, title, |d| {
                let near = did_you_mean(found.as_str(), words.iter().copied());
                d.help(near.unwrap_or_else(|| format!("it is {}", alternatives(words))))
            });
        }
        known
    }

    /// Whether the value is the word `auto`.
    pub(super) fn is_auto(value: &Value) -> bool {
        matches!(&value.value, ValueKind::Expression(e)
            if matches!(&e.value, ExpressionKind::Name(name) if name == "auto"))
    }

    /// The one expression of a value.
    fn expression<'v>(&mut self, what: &str, expected: &str, value: &'v Value) -> Option<&'v Expression> {
        let found = match &value.value {
            ValueKind::Expression(expression) => return Some(expression),
            ValueKind::Size(_) => "a size",
            ValueKind::Text(_) => "a text",
            ValueKind::List(_) => "a list",
        };
        self.wrong_kind(what, expected, found, value.span);
        None
    }

    fn not_a_word(&mut self, scope: &Scope<'a>, what: &str, expected: &str, e: &Expression) -> Option<()> {
        if let ExpressionKind::Name(name) = &e.value
            && WORDS.contains(&name.as_str())
            && self.lookup(scope, name).is_none()
        {
            self.wrong_kind(what, expected, &format!("`{name}`"), e.span);
            return None;
        }
        Some(())
    }

    /// Reports a value of the wrong kind.
    pub(super) fn wrong_kind(&mut self, what: &str, expected: &str, found: &str, span: Span) {
        self.reporter.error("E0401", span, || format!("`{what}` must be {expected}, found {found}"), |d| d);
    }
}

fn alternatives(words: &[&str]) -> String {
    words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(" or ")
}

/// `channels`, `stride` (optional) ...
fn listing(parameters: &[Parameter<'_>]) -> String {
    if parameters.is_empty() {
        return "no arguments".to_owned();
    }
    let item = |p: &Parameter<'_>| match p.required {
        true => format!("`{}`", p.name),
        false => format!("`{}` (optional)", p.name),
    };
    parameters.iter().map(item).collect::<Vec<_>>().join(", ")
}
