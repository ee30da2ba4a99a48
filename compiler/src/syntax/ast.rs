//! The network's text as a tree. Spans and layout do not take part in equality, comments do.

use crate::diagnostics::Span;

/// A piece of the text and where it stands. Equality looks at the piece alone.
#[derive(Clone, Debug)]
pub struct Spanned<T> {
    /// The piece.
    pub value: T,
    /// Its place.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Puts `value` at `span`.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// A name.
pub type Name = Spanned<String>;
/// A number to be computed.
pub type Expression = Spanned<ExpressionKind>;
/// What an argument is given.
pub type Value = Spanned<ValueKind>;

/// A whole file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ast {
    /// Constants, blocks and the network, as written.
    pub items: Vec<Entry<Item>>,
    /// Comments after the last item.
    pub comments: Vec<Comment>,
}

/// One line of a body or of the file, with the comments that belong to it.
#[derive(Clone, Debug)]
pub struct Entry<T> {
    /// Comments above it.
    pub comments: Vec<Comment>,
    /// Whether an empty line stands between it and what is above.
    pub blank: bool,
    /// The comment to its right.
    pub trailing: Option<String>,
    /// The line itself.
    pub item: T,
    /// Its place, comments excluded.
    pub span: Span,
}

impl<T: PartialEq> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.comments == other.comments
            && self.blank == other.blank
            && self.trailing == other.trailing
            && self.item == other.item
    }
}

/// A comment on a line of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Whether an empty line stands above it.
    pub blank: bool,
    /// What follows `//` and one space.
    pub text: String,
}

/// What may stand at the top of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// `let name = value`
    Let(Let),
    /// `block name(parameters) { ... }`
    Block(Block),
    /// `network name { ... }`
    Network(Network),
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub struct Let {
    /// Its name.
    pub name: Name,
    /// Its value.
    pub value: Expression,
}

/// A group of layers to be used several times.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Its name.
    pub name: Name,
    /// What varies between its uses; `None` where the parentheses are missing too.
    pub parameters: Option<Vec<Parameter>>,
    /// Its layers.
    pub body: Body,
}

/// One parameter of a block.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: Name,
    /// Its value where a use gives none.
    pub default: Option<Expression>,
}

/// The network.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Its name.
    pub name: Name,
    /// Its settings and layers.
    pub body: Body,
}

/// What stands between braces.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body {
    /// In order.
    pub statements: Vec<Entry<Statement>>,
    /// Comments after the last statement.
    pub comments: Vec<Comment>,
}

/// What may stand in a body. Settings belong to the network's body only, which elaboration checks.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// `let name = value`
    Let(Let),
    /// `input 3x32x32`: channels, height, width
    Input(Box<[Expression; 3]>),
    /// `normalise(mean = [...], std = [...])`
    Normalise(Vec<Argument>),
    /// `weights "file"`
    Weights(Spanned<String>),
    /// `labels ["one", "two"]`
    Labels(Vec<Spanned<String>>),
    /// `name: layer -> layer`
    Chain(Chain),
}

/// Layers, each reading the one before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// Name of the layer, or of the whole sequence.
    pub name: Option<Name>,
    /// At least one.
    pub stages: Vec<Stage>,
}

/// A layer, a use of a block, or the name of an earlier layer to start from.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Kind of layer, block, or earlier layer.
    pub name: Name,
    /// `None` without parentheses.
    pub arguments: Option<Vec<Argument>>,
    /// How often it is repeated.
    pub count: Option<Expression>,
    /// The whole stage.
    pub span: Span,
}

impl PartialEq for Stage {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.arguments == other.arguments && self.count == other.count
    }
}

/// One argument.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// Which parameter it is for; by position where there is none.
    pub name: Option<Name>,
    /// Its value.
    pub value: Value,
}

/// What an argument is given.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueKind {
    /// A number, a word, or a name.
    Expression(Expression),
    /// `3x3`; at least two.
    Size(Vec<Expression>),
    /// `"text"`
    Text(String),
    /// `[1, 2]`
    List(Vec<Value>),
}

/// A number to be computed.
#[derive(Clone, Debug, PartialEq)]
pub enum ExpressionKind {
    /// As written.
    Number(String),
    /// A constant or a parameter; or a word such as `auto`.
    Name(String),
    /// `input.channels`
    Property {
        /// The layer.
        layer: Name,
        /// Which of its sizes.
        property: Name,
    },
    /// `-x`
    Negative(Box<Expression>),
    /// `first op x op y ...`, from left to right; all operators bind equally strongly.
    Operation {
        /// Leftmost operand.
        first: Box<Expression>,
        /// The others; at least one.
        rest: Vec<(Operator, Expression)>,
    },
}

/// An arithmetic operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`, exact on whole numbers
    Divide,
    /// `%`
    Remainder,
}

impl Operator {
    /// How it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }

    /// Whether it binds more strongly than a sum.
    pub fn is_product(self) -> bool {
        match self {
            Self::Add | Self::Subtract => false,
            Self::Multiply | Self::Divide | Self::Remainder => true,
        }
    }
}
