//! The tree as text in its one canonical form: `parse(print(ast)) == ast`.

use super::ast::{
    Argument, Ast, Block, Body, Chain, Comment, Entry, Expression, ExpressionKind, Item, Let, Operator,
    Parameter, Stage, Statement, Value, ValueKind,
};

/// Columns after which a line is broken where that is possible.
const WIDTH: usize = 110;
const INDENT: &str = "    ";

/// Writes the tree.
pub fn print(ast: &Ast) -> String {
    let mut out = String::new();
    for entry in &ast.items {
        print_entry(&mut out, entry, "", |item| match item {
            Item::Let(constant) => print_let(constant),
            Item::Block(block) => print_block(block),
            Item::Network(network) => format!("network {} {}", network.name.value, print_body(&network.body)),
        });
    }
    print_comments(&mut out, &ast.comments, "");
    out
}

fn print_entry<T>(out: &mut String, entry: &Entry<T>, indent: &str, item: impl Fn(&T) -> String) {
    print_comments(out, &entry.comments, indent);
    if entry.blank {
        out.push('\n');
    }
    out.push_str(indent);
    out.push_str(&item(&entry.item));
    if let Some(comment) = &entry.trailing {
        out.push_str("  ");
        out.push_str(&print_comment(comment));
    }
    out.push('\n');
}

fn print_comments(out: &mut String, comments: &[Comment], indent: &str) {
    for comment in comments {
        if comment.blank {
            out.push('\n');
        }
        out.push_str(indent);
        out.push_str(&print_comment(&comment.text));
        out.push('\n');
    }
}

fn print_comment(text: &str) -> String {
    if text.is_empty() { "//".to_owned() } else { format!("// {text}") }
}

fn print_let(constant: &Let) -> String {
    format!("let {} = {}", constant.name.value, print_expression(&constant.value))
}

fn print_block(block: &Block) -> String {
    let parameters = block.parameters.as_ref().map_or_else(String::new, |parameters| {
        let items: Vec<_> = parameters.iter().map(print_parameter).collect();
        bracketed("(", &items, ")", block.name.value.len() + 6, "")
    });
    format!("block {}{parameters} {}", block.name.value, print_body(&block.body))
}

fn print_parameter(parameter: &Parameter) -> String {
    match &parameter.default {
        Some(default) => format!("{} = {}", parameter.name.value, print_expression(default)),
        None => parameter.name.value.clone(),
    }
}

fn print_body(body: &Body) -> String {
    if body.statements.is_empty() && body.comments.is_empty() {
        return "{}".to_owned();
    }
    let mut out = "{\n".to_owned();
    for entry in &body.statements {
        print_entry(&mut out, entry, INDENT, print_statement);
    }
    print_comments(&mut out, &body.comments, INDENT);
    out.push('}');
    out
}

fn print_statement(statement: &Statement) -> String {
    match statement {
        Statement::Let(constant) => print_let(constant),
        Statement::Input(sizes) => format!("input {}", print_sizes(sizes.as_slice())),
        Statement::Normalise(arguments) => {
            format!("normalise{}", print_arguments(arguments, INDENT.len() + 9, INDENT))
        }
        Statement::Weights(text) => format!("weights {}", print_text(&text.value)),
        Statement::Labels(labels) => {
            let items: Vec<_> = labels.iter().map(|label| print_text(&label.value)).collect();
            format!("labels {}", bracketed("[", &items, "]", INDENT.len() + 7, INDENT))
        }
        Statement::Chain(chain) => print_chain(chain),
    }
}

fn print_chain(chain: &Chain) -> String {
    let name = chain.name.as_ref().map_or_else(String::new, |name| format!("{}: ", name.value));
    let stages = |indent: &str, before: usize| -> Vec<String> {
        chain.stages.iter().map(|stage| print_stage(stage, before, indent)).collect()
    };
    let flat = format!("{name}{}", stages(INDENT, 0).join(" -> "));
    if INDENT.len() + flat.len() <= WIDTH && !flat.contains('\n') {
        return flat;
    }
    let deeper = if chain.stages.len() > 1 { [INDENT, INDENT].concat() } else { INDENT.to_owned() };
    format!("{name}{}", stages(&deeper, INDENT.len() + name.len()).join(&format!("\n{deeper}-> ")))
}

fn print_stage(stage: &Stage, before: usize, indent: &str) -> String {
    let name = &stage.name.value;
    let arguments = stage
        .arguments
        .as_ref()
        .map_or_else(String::new, |arguments| print_arguments(arguments, before + name.len(), indent));
    let count = stage.count.as_ref().map_or_else(String::new, |count| format!(" * {}", print_primary(count)));
    format!("{name}{arguments}{count}")
}

fn print_arguments(arguments: &[Argument], before: usize, indent: &str) -> String {
    let items: Vec<_> = arguments
        .iter()
        .map(|argument| {
            let value = print_value(&argument.value);
            argument.name.as_ref().map_or_else(|| value.clone(), |name| format!("{} = {value}", name.value))
        })
        .collect();
    bracketed("(", &items, ")", before, indent)
}

/// Items between brackets: on one line if `before` columns and they fit, else filled into lines.
fn bracketed(open: &str, items: &[String], close: &str, before: usize, indent: &str) -> String {
    let flat = format!("{open}{}{close}", items.join(", "));
    if before + flat.len() <= WIDTH || items.is_empty() {
        return flat;
    }
    let mut out = open.to_owned();
    let mut column = WIDTH;
    for item in items {
        if column + 1 + item.len() + 1 > WIDTH {
            out.push_str(&format!("\n{indent}{INDENT}{item},"));
            column = indent.len() + INDENT.len() + item.len() + 1;
        } else {
            out.push_str(&format!(" {item},"));
            column += 1 + item.len() + 1;
        }
    }
    format!("{out}\n{indent}{close}")
}

fn print_value(value: &Value) -> String {
    match &value.value {
        ValueKind::Expression(expression) => print_expression(expression),
        ValueKind::Size(sizes) => print_sizes(sizes),
        ValueKind::Text(text) => print_text(text),
        ValueKind::List(values) => {
            format!("[{}]", values.iter().map(print_value).collect::<Vec<_>>().join(", "))
        }
    }
}

fn print_sizes(sizes: &[Expression]) -> String {
    let plain = |size: &Expression| matches!(&size.value, ExpressionKind::Number(text) if text.bytes().all(|b| b.is_ascii_digit()));
    let separator = if sizes.iter().all(plain) { "x" } else { " x " };
    sizes.iter().map(print_expression).collect::<Vec<_>>().join(separator)
}

fn print_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Binds as loosely as a sum.
fn print_expression(expression: &Expression) -> String {
    match &expression.value {
        ExpressionKind::Operation { first, rest } => {
            let product = is_product(rest);
            let operand = |e: &Expression| {
                let looser = match &e.value {
                    ExpressionKind::Operation { rest, .. } => product || !is_product(rest),
                    ExpressionKind::Number(_)
                    | ExpressionKind::Name(_)
                    | ExpressionKind::Property { .. }
                    | ExpressionKind::Negative(_) => false,
                };
                if looser { format!("({})", print_expression(e)) } else { print_expression(e) }
            };
            let mut out = operand(first);
            for (operator, e) in rest {
                out.push_str(&format!(" {} {}", operator.symbol(), operand(e)));
            }
            out
        }
        ExpressionKind::Negative(inner) => format!("-{}", print_primary(inner)),
        ExpressionKind::Number(_) | ExpressionKind::Name(_) | ExpressionKind::Property { .. } => {
            print_primary(expression)
        }
    }
}

fn is_product(rest: &[(Operator, Expression)]) -> bool {
    rest.first().is_some_and(|(operator, _)| operator.is_product())
}

/// In parentheses, unless it is one word.
fn print_primary(expression: &Expression) -> String {
    match &expression.value {
        ExpressionKind::Number(text) | ExpressionKind::Name(text) => text.clone(),
        ExpressionKind::Property { layer, property } => format!("{}.{}", layer.value, property.value),
        ExpressionKind::Negative(_) | ExpressionKind::Operation { .. } => {
            format!("({})", print_expression(expression))
        }
    }
}
