//! Text to [`Ast`] and back.
//!
//! `scan` finds comments and broken brackets, pest (`net.pest`) does the rest, `build` turns its pairs
//! into the tree, `report` turns its errors into the reader's words, `print` writes the tree out again.

pub mod ast;
mod build;
mod grammar;
mod print;
mod report;
mod scan;
#[cfg(test)]
mod tests;

use crate::diagnostics::Diagnostic;
use ast::Ast;
use grammar::{NetParser, Rule};
use pest::Parser;

/// Reads the text of a network.
///
/// # Errors
///
/// What is wrong with it, in the order of the text. After a line that cannot be read, the others are
/// still looked at.
pub fn parse(source: &str) -> Result<Ast, Vec<Diagnostic>> {
    let comments = scan::scan(source)?;
    match NetParser::parse(Rule::file, source) {
        Ok(pairs) => match build::Builder::new(source, comments).file(pairs) {
            (ast, crowded) if crowded.is_empty() => Ok(ast),
            (_, crowded) => Err(report::crowded(source, &crowded)),
        },
        Err(first) => Err(report::all(source, first)),
    }
}

/// The text in its canonical form: `fhecc fmt`. Comments and single empty lines stay.
///
/// # Errors
///
/// As [`parse`]; also if the canonical form is too long to be read again.
pub fn format(source: &str) -> Result<String, Vec<Diagnostic>> {
    let text = print(&parse(source)?);
    scan::check_length(&text)?;
    Ok(text)
}

pub use print::print;
