//! The parser that pest makes of `net.pest`.

#[derive(pest_derive::Parser)]
#[grammar = "syntax/net.pest"]
pub(super) struct NetParser;
