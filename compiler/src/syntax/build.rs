//! Pest's pairs to the tree. The grammar guarantees the pairs that are taken apart here.
#![expect(clippy::wildcard_enum_match_arm, reason = "each pair can hold few of the grammar's rules")]

use super::ast::{
    Argument, Ast, Block, Body, Chain, Comment, Entry, Expression, ExpressionKind, Item, Let, Name, Network,
    Operator, Parameter, Spanned, Stage, Statement, Value, ValueKind,
};
use super::grammar::Rule;
use super::scan::RawComment;
use crate::diagnostics::Span;
use pest::iterators::{Pair, Pairs};
use std::iter::Peekable;
use std::vec::IntoIter;

/// Builds the tree from left to right, handing each comment to the line it belongs to.
pub(super) struct Builder<'s> {
    source: &'s str,
    comments: Peekable<IntoIter<RawComment>>,
    /// End of the last entry, comment or opening brace.
    last: usize,
    /// Entries that stand on the line of the one before.
    crowded: Vec<Span>,
}

impl<'s> Builder<'s> {
    pub(super) fn new(source: &'s str, comments: Vec<RawComment>) -> Self {
        Self { source, comments: comments.into_iter().peekable(), last: 0, crowded: Vec::new() }
    }

    /// The tree, and the entries that should begin on a line of their own.
    pub(super) fn file(mut self, pairs: Pairs<'_, Rule>) -> (Ast, Vec<Span>) {
        let mut items = Vec::new();
        for pair in pairs.flat_map(Pair::into_inner) {
            if pair.as_rule() != Rule::EOI {
                let entry = self.entry(pair, items.is_empty(), Self::item);
                items.push(entry);
            }
        }
        let comments = self.comments_before(self.source.len(), items.is_empty());
        (Ast { items, comments }, self.crowded)
    }

    fn item(&mut self, pair: Pair<'_, Rule>) -> Item {
        match pair.as_rule() {
            Rule::constant => Item::Let(constant(pair)),
            Rule::block => Item::Block(self.block(pair)),
            _ => Item::Network(self.network(pair)),
        }
    }

    /// Reads one entry with the comments above and beside it.
    fn entry<T>(
        &mut self,
        pair: Pair<'_, Rule>,
        first: bool,
        read: impl FnOnce(&mut Self, Pair<'_, Rule>) -> T,
    ) -> Entry<T> {
        let span = span(&pair);
        if !first && !self.source.get(self.last..span.start).is_some_and(|gap| gap.contains('\n')) {
            self.crowded.push(span);
        }
        let mut comments = self.comments_before(span.start, first);
        let blank = !(first && comments.is_empty()) && self.blank_before(span.start);
        self.last = span.start;
        let item = read(self, pair);
        // Comments inside a statement move above it.
        while let Some(raw) = self.comments.next_if(|c| c.span.start < span.end) {
            comments.push(Comment { blank: false, text: raw.text });
        }
        self.last = span.end;
        let source = self.source;
        let beside =
            |c: &RawComment| source[span.end..c.span.start].chars().all(|c| c.is_whitespace() && c != '\n');
        let trailing = self.comments.next_if(beside).map(|raw| {
            self.last = raw.span.end;
            raw.text
        });
        Entry { comments, blank, trailing, item, span }
    }

    fn comments_before(&mut self, end: usize, first: bool) -> Vec<Comment> {
        let mut found: Vec<Comment> = Vec::new();
        while let Some(raw) = self.comments.next_if(|c| c.span.start < end) {
            let blank = !(first && found.is_empty()) && self.blank_before(raw.span.start);
            self.last = raw.span.end;
            found.push(Comment { blank, text: raw.text });
        }
        found
    }

    fn blank_before(&self, at: usize) -> bool {
        self.source.get(self.last..at).is_some_and(|gap| gap.matches('\n').count() > 1)
    }

    fn block(&mut self, pair: Pair<'_, Rule>) -> Block {
        let parameters = child(&pair, Rule::parameters)
            .map(|list| children(&list, Rule::parameter).map(|p| parameter(&p)).collect());
        Block { name: name(&pair), parameters, body: self.inner_body(&pair) }
    }

    fn network(&mut self, pair: Pair<'_, Rule>) -> Network {
        Network { name: name(&pair), body: self.inner_body(&pair) }
    }

    fn inner_body(&mut self, pair: &Pair<'_, Rule>) -> Body {
        child(pair, Rule::body).map_or_else(Body::default, |body| self.body(body))
    }

    fn body(&mut self, pair: Pair<'_, Rule>) -> Body {
        let (start, end) = (pair.as_span().start(), pair.as_span().end());
        let mut statements = Vec::new();
        // What stands before the brace belongs to the first line behind it.
        self.last = start;
        for part in pair.into_inner() {
            if !matches!(part.as_rule(), Rule::open_brace | Rule::close_brace) {
                let entry = self.entry(part, statements.is_empty(), |_, p| statement(p));
                statements.push(entry);
            }
        }
        let comments = self.comments_before(end, statements.is_empty());
        Body { statements, comments }
    }
}

fn statement(pair: Pair<'_, Rule>) -> Statement {
    match pair.as_rule() {
        Rule::constant => Statement::Let(constant(pair)),
        Rule::image => {
            let mut sizes = children(&pair, Rule::expression).map(operation);
            let sizes = [(); 3].map(|()| sizes.next().unwrap_or_else(|| numberless(&pair)));
            Statement::Input(Box::new(sizes))
        }
        Rule::normalise => {
            Statement::Normalise(child(&pair, Rule::arguments).map(|p| arguments(&p)).unwrap_or_default())
        }
        Rule::weights => {
            let file = child(&pair, Rule::text).map(|p| text(&p));
            Statement::Weights(file.unwrap_or_else(|| Spanned::new(String::new(), span(&pair))))
        }
        Rule::labels => Statement::Labels(children(&pair, Rule::text).map(|p| text(&p)).collect()),
        _ => Statement::Chain(chain(&pair)),
    }
}

fn constant(pair: Pair<'_, Rule>) -> Let {
    Let { name: name(&pair), value: expression(&pair) }
}

fn parameter(pair: &Pair<'_, Rule>) -> Parameter {
    let default = child(pair, Rule::expression).map(|_| expression(pair));
    Parameter { name: name(pair), default }
}

fn chain(pair: &Pair<'_, Rule>) -> Chain {
    let label = child(pair, Rule::label).map(|label| name(&label));
    Chain { name: label, stages: children(pair, Rule::stage).map(|p| stage(&p)).collect() }
}

fn stage(pair: &Pair<'_, Rule>) -> Stage {
    Stage {
        name: name(pair),
        arguments: child(pair, Rule::arguments).map(|p| arguments(&p)),
        count: child(pair, Rule::primary).map(primary),
        span: span(pair),
    }
}

fn arguments(pair: &Pair<'_, Rule>) -> Vec<Argument> {
    let argument = |pair: Pair<'_, Rule>| {
        let value = child(&pair, Rule::value)
            .map_or_else(|| Spanned::new(ValueKind::List(Vec::new()), span(&pair)), value);
        Argument { name: child(&pair, Rule::name).map(|p| spanned(&p)), value }
    };
    children(pair, Rule::argument).map(argument).collect()
}

fn value(pair: Pair<'_, Rule>) -> Value {
    let mut sizes: Vec<_> = children(&pair, Rule::expression).map(operation).collect();
    let kind = if let Some(list) = child(&pair, Rule::list) {
        ValueKind::List(children(&list, Rule::value).map(value).collect())
    } else if let Some(string) = child(&pair, Rule::text) {
        ValueKind::Text(text(&string).value)
    } else if sizes.len() > 1 {
        ValueKind::Size(sizes)
    } else {
        ValueKind::Expression(sizes.pop().unwrap_or_else(|| numberless(&pair)))
    };
    Spanned::new(kind, span(&pair))
}

/// The expression within a pair.
fn expression(pair: &Pair<'_, Rule>) -> Expression {
    child(pair, Rule::expression).map_or_else(|| numberless(pair), operation)
}

/// Operands alternating with operators.
fn operation(pair: Pair<'_, Rule>) -> Expression {
    let span = span(&pair);
    let (mut first, mut rest, mut operator) = (None, Vec::new(), None);
    for part in pair.clone().into_inner() {
        let value = match part.as_rule() {
            Rule::product => operation(part),
            Rule::unary => unary(part),
            rule => {
                operator = symbol(rule);
                continue;
            }
        };
        match operator.take() {
            Some(operator) => rest.push((operator, value)),
            None => first = Some(value),
        }
    }
    let first = first.unwrap_or_else(|| numberless(&pair));
    if rest.is_empty() {
        return first;
    }
    Spanned::new(ExpressionKind::Operation { first: Box::new(first), rest }, span)
}

fn symbol(rule: Rule) -> Option<Operator> {
    match rule {
        Rule::plus => Some(Operator::Add),
        Rule::minus => Some(Operator::Subtract),
        Rule::star => Some(Operator::Multiply),
        Rule::slash => Some(Operator::Divide),
        Rule::percent => Some(Operator::Remainder),
        _ => None,
    }
}

fn unary(pair: Pair<'_, Rule>) -> Expression {
    let inner = child(&pair, Rule::primary).map_or_else(|| numberless(&pair), primary);
    match child(&pair, Rule::minus) {
        Some(_) => Spanned::new(ExpressionKind::Negative(Box::new(inner)), span(&pair)),
        None => inner,
    }
}

fn primary(pair: Pair<'_, Rule>) -> Expression {
    let kind = if let Some(number) = child(&pair, Rule::number) {
        ExpressionKind::Number(number.as_str().to_owned())
    } else if let Some(property) = child(&pair, Rule::property) {
        let mut names = words(&property);
        let layer = names.next().unwrap_or_else(|| name(&property));
        ExpressionKind::Property { layer, property: names.next().unwrap_or_else(|| name(&property)) }
    } else if child(&pair, Rule::expression).is_some() {
        expression(&pair).value
    } else {
        ExpressionKind::Name(name(&pair).value)
    };
    Spanned::new(kind, span(&pair))
}

/// A text without its quotes and escapes.
fn text(pair: &Pair<'_, Rule>) -> Spanned<String> {
    let raw = pair.as_str();
    let inner = raw.get(1..raw.len() - 1).unwrap_or_default();
    let mut value = String::with_capacity(inner.len());
    let mut escaped = false;
    for c in inner.chars() {
        escaped = c == '\\' && !escaped;
        if !escaped {
            value.push(c);
        }
    }
    Spanned::new(value, span(pair))
}

fn children<'p>(pair: &Pair<'p, Rule>, rule: Rule) -> impl Iterator<Item = Pair<'p, Rule>> + use<'p> {
    pair.clone().into_inner().filter(move |p| p.as_rule() == rule)
}

fn child<'p>(pair: &Pair<'p, Rule>, rule: Rule) -> Option<Pair<'p, Rule>> {
    children(pair, rule).next()
}

/// Names directly within a pair, `input` being one.
fn words(pair: &Pair<'_, Rule>) -> impl Iterator<Item = Name> {
    let inner = pair.clone().into_inner();
    inner.filter(|p| matches!(p.as_rule(), Rule::name | Rule::kw_input)).map(|p| spanned(&p))
}

fn name(pair: &Pair<'_, Rule>) -> Name {
    words(pair).next().unwrap_or_else(|| Spanned::new(String::new(), span(pair)))
}

fn spanned(pair: &Pair<'_, Rule>) -> Name {
    Spanned::new(pair.as_str().to_owned(), span(pair))
}

/// From the first token of the pair to its last: pest counts the blanks before a missing optional part in.
fn span(pair: &Pair<'_, Rule>) -> Span {
    let start = pair.as_span().start();
    let mut last = pair.clone();
    while let Some(inner) = last.clone().into_inner().next_back() {
        last = inner;
    }
    Span { start, end: last.as_span().end() }
}

fn numberless(pair: &Pair<'_, Rule>) -> Expression {
    Spanned::new(ExpressionKind::Number("0".to_owned()), span(pair))
}
