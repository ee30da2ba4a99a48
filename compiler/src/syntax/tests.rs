//! Printing and reading back, comments, and bounds.

use super::ast::{
    Argument, Ast, Block, Body, Chain, Comment, Entry, Expression, ExpressionKind, Item, Let, Name, Network,
    Operator, Parameter, Spanned, Stage, Statement, Value, ValueKind,
};
use super::{format, parse, print};
use crate::diagnostics::{Span, render};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

fn at<T>(value: T) -> Spanned<T> {
    Spanned::new(value, Span::default())
}

fn name() -> impl Strategy<Value = Name> {
    "[a-z_][a-zA-Z0-9_]{0,7}".prop_filter_map("a keyword", |text| {
        let keywords = ["let", "block", "network", "input", "normalise", "weights", "labels"];
        (!keywords.contains(&text.as_str())).then(|| at(text))
    })
}

fn layer_word() -> impl Strategy<Value = Name> {
    prop_oneof![4 => name(), 1 => Just(at("input".to_owned()))]
}

fn expression() -> impl Strategy<Value = Expression> {
    let leaf = prop_oneof![
        "[0-9]{1,4}(\\.[0-9]{1,3})?(e-?[0-9])?".prop_map(ExpressionKind::Number),
        layer_word().prop_map(|name| ExpressionKind::Name(name.value)),
        (layer_word(), name()).prop_map(|(layer, property)| ExpressionKind::Property { layer, property }),
    ];
    leaf.prop_map(at).prop_recursive(3, 12, 3, |inner| {
        let sums = prop_oneof![Just(Operator::Add), Just(Operator::Subtract)];
        let products =
            prop_oneof![Just(Operator::Multiply), Just(Operator::Divide), Just(Operator::Remainder)];
        let sum = (inner.clone(), vec((sums, inner.clone()), 1..3));
        let product = (inner.clone(), vec((products, inner.clone()), 1..3));
        prop_oneof![
            inner.prop_map(|e| ExpressionKind::Negative(Box::new(e))),
            sum.prop_map(|(first, rest)| ExpressionKind::Operation { first: Box::new(first), rest }),
            product.prop_map(|(first, rest)| ExpressionKind::Operation { first: Box::new(first), rest }),
        ]
        .prop_map(at)
    })
}

fn text() -> impl Strategy<Value = String> {
    "[ -~äß→]{0,30}"
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        expression().prop_map(ValueKind::Expression),
        vec(expression(), 2..4).prop_map(ValueKind::Size),
        text().prop_map(ValueKind::Text),
    ];
    leaf.prop_map(at).prop_recursive(2, 8, 4, |inner| vec(inner, 0..5).prop_map(|v| at(ValueKind::List(v))))
}

fn arguments() -> impl Strategy<Value = Vec<Argument>> {
    vec((of(name()), value()).prop_map(|(name, value)| Argument { name, value }), 0..5)
}

fn stage() -> impl Strategy<Value = Stage> {
    (layer_word(), of(arguments()), of(expression())).prop_map(|(name, arguments, count)| Stage {
        name,
        arguments,
        count,
        span: Span::default(),
    })
}

fn constant() -> impl Strategy<Value = Let> {
    (name(), expression()).prop_map(|(name, value)| Let { name, value })
}

fn statement() -> impl Strategy<Value = Statement> {
    let size = (expression(), expression(), expression());
    prop_oneof![
        constant().prop_map(Statement::Let),
        size.prop_filter("`input` is no size of an image", |(channels, _, _)| !starts_with_input(channels))
            .prop_map(|(c, h, w)| Statement::Input(Box::new([c, h, w]))),
        arguments().prop_map(Statement::Normalise),
        text().prop_map(|t| Statement::Weights(at(t))),
        vec(text().prop_map(at), 0..8).prop_map(Statement::Labels),
        (of(name()), vec(stage(), 1..4)).prop_map(|(name, stages)| Statement::Chain(Chain { name, stages })),
    ]
}

fn starts_with_input(expression: &Expression) -> bool {
    match &expression.value {
        ExpressionKind::Name(name) => name == "input",
        ExpressionKind::Property { layer, .. } => layer.value == "input",
        ExpressionKind::Operation { first, .. } => starts_with_input(first),
        ExpressionKind::Number(_) | ExpressionKind::Negative(_) => false,
    }
}

fn comment() -> impl Strategy<Value = String> {
    "[ -~ä]{0,20}".prop_map(|text| text.trim_end().to_owned())
}

fn comments(first: bool) -> impl Strategy<Value = Vec<Comment>> {
    vec((any::<bool>(), comment()), 0..3).prop_map(move |list| {
        let blank = |(i, (blank, text))| Comment { blank: blank && !(first && i == 0), text };
        list.into_iter().enumerate().map(blank).collect()
    })
}

/// Entries as they are read: no empty line at the top.
fn entries<T: std::fmt::Debug>(item: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<Entry<T>>> {
    let one = (comments(false), any::<bool>(), of(comment()), item);
    vec(one, 0..5).prop_map(|list| {
        let mut entries: Vec<_> = list
            .into_iter()
            .map(|(comments, blank, trailing, item)| Entry {
                comments,
                blank,
                trailing,
                item,
                span: Span::default(),
            })
            .collect();
        if let Some(first) = entries.first_mut() {
            match first.comments.first_mut() {
                Some(comment) => comment.blank = false,
                None => first.blank = false,
            }
        }
        entries
    })
}

fn body() -> impl Strategy<Value = Body> {
    (entries(statement()), comments(false)).prop_map(|(statements, mut comments)| {
        if let (true, Some(first)) = (statements.is_empty(), comments.first_mut()) {
            first.blank = false;
        }
        Body { statements, comments }
    })
}

fn ast() -> impl Strategy<Value = Ast> {
    let parameter = (name(), of(expression())).prop_map(|(name, default)| Parameter { name, default });
    let block = (name(), of(vec(parameter, 0..4)), body());
    let item = prop_oneof![
        constant().prop_map(Item::Let),
        block.prop_map(|(name, parameters, body)| Item::Block(Block { name, parameters, body })),
        (name(), body()).prop_map(|(name, body)| Item::Network(Network { name, body })),
    ];
    (entries(item), comments(false)).prop_map(|(items, mut comments)| {
        if let (true, Some(first)) = (items.is_empty(), comments.first_mut()) {
            first.blank = false;
        }
        Ast { items, comments }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_reads_the_same(ast in ast()) {
        let text = print(&ast);
        let again = parse(&text);
        let errors = again.as_ref().err().map(|e| render(&text, "x.net", e, false));
        prop_assert!(again.is_ok(), "{}\n{text}", errors.unwrap_or_default());
        prop_assert_eq!(again.as_ref().ok(), Some(&ast), "{}", text);
        prop_assert_eq!(format(&text).ok(), Some(text));
    }
}

#[test]
fn formatting_keeps_comments_and_single_empty_lines() {
    let source = "//top\r\n\n\n// second \nlet   n=3 // three\n\nblock b(a=1,) { // of b\n  relu\n\n\n // then\n  x: relu // last\n // end\n}\nnetwork n{\n}\n\n//eof";
    let want = "// top

// second
let n = 3  // three

block b(a = 1) {
    // of b
    relu

    // then
    x: relu  // last
    // end
}
network n {}

// eof
";
    assert_eq!(format(source).expect("it is well-formed"), want);
    assert_eq!(format(want).expect("it is well-formed"), want);
}

#[test]
fn long_lines_are_broken() {
    let labels = (0..30).map(|i| format!("\"label {i}\"")).collect::<Vec<_>>().join(",");
    let chain = ["average_pool(kernel = 2, stride = 1)"; 5].join("->");
    let source = format!("network n {{ labels [{labels}]\n c: {chain}\n}}");
    let text = format(&source).expect("it is well-formed");
    assert!(text.lines().all(|line| line.len() <= 110), "{text}");
    assert_eq!(text.matches("\n        -> ").count(), 4, "{text}");
    assert_eq!(parse(&text).expect("formatted"), parse(&source).expect("source"));
}

#[test]
fn the_models_are_formatted() {
    for source in
        [include_str!("../../../models/resnet20.net"), include_str!("../../../models/resnet20_relu.net")]
    {
        assert_eq!(format(source).expect("it is well-formed"), source);
        assert!(source.lines().count() < 60);
    }
}

#[test]
fn spans_end_with_the_last_token() {
    let source = "network n {\n    conv1: conv(16, 3)   // comment\n\n    relu\n}\n";
    let ast = parse(source).expect("it is well-formed");
    let Item::Network(network) = &ast.items[0].item else { panic!("a network") };
    let text = |span: Span| &source[span.start..span.end];
    assert_eq!(text(network.body.statements[0].span), "conv1: conv(16, 3)");
    let Statement::Chain(chain) = &network.body.statements[1].item else { panic!("a chain") };
    assert_eq!(text(chain.stages[0].span), "relu");
}

#[test]
fn a_chain_of_the_input_ends_before_an_input_statement() {
    let ast = parse("network n {\n    input\n    input -1 x 2 x 3\n}\n").expect("it is well-formed");
    let Item::Network(network) = &ast.items[0].item else { panic!("a network") };
    let [chain, image] = network.body.statements.as_slice() else { panic!("two statements: {network:?}") };
    assert!(matches!(chain.item, Statement::Chain(_)) && matches!(image.item, Statement::Input(_)));
}

#[test]
fn texts_have_escapes() {
    let source = r#"network n { weights "a\\b\"c → d" }"#;
    let ast = parse(source).expect("it is well-formed");
    let Item::Network(network) = &ast.items[0].item else { panic!("a network") };
    let Statement::Weights(file) = &network.body.statements[0].item else { panic!("weights") };
    assert_eq!(file.value, "a\\b\"c → d");
    assert!(print(&ast).contains(r#""a\\b\"c → d""#));
}

#[test]
fn a_file_that_is_too_long_is_refused() {
    let errors = parse(&" ".repeat((1 << 18) + 1)).expect_err("too long");
    assert_eq!(errors[0].code, "E0106");
    assert!(parse(&" ".repeat(1 << 18)).is_ok());
}
