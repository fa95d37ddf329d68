use std::cmp::Ordering;
use std::str::FromStr;

use keras_core::{Error, Result};

use crate::folder::stamp;
use crate::{Cell, RunInfo};

/// What an expression like `eval_acc > 0.95 and flag_dropout < 0.4` says of a run.
///
/// - Columns are those of [`RunInfo::get`]; write unusual names between back quotes: `` `flag_my rate` ``.
/// - Compare by `==` (or `=`), `!=`, `<`, `<=`, `>`, `>=`, and by `~` for "contains this text".
/// - Values are numbers, texts (`'adam'` or `"adam"`), `TRUE`, `FALSE`, and `NA` for "the run lacks it".
/// - Join by `and` (`&`, `&&`), `or` (`|`, `||`), `not` (`!`) and parentheses. A column alone holds if it is true.
/// - `start` and `end` may be compared with dates: `start > '2026-11-23'`.
///
/// A comparison with a column that a run lacks does not hold, and neither does its contrary.
///
/// # Examples
/// ```
/// use keras_runs::{Filter, RunInfo, RunOptions};
/// let base = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// let run = RunOptions::new().runs_dir(base.path()).environment(false).start()?;
/// run.flags([("optimizer", "adam")])?;
/// let info = RunInfo::read(run.finish()?)?;
/// for (expression, holds) in [
///     ("completed and flag_optimizer == 'adam'", true),
///     ("status = 'done' & start > '2020-01-01'", true),
///     ("eval_loss < 1", false),
///     ("not (eval_loss < 1)", false),
///     ("eval_loss == NA or flag_optimizer ~ 'sgd'", true),
/// ] {
///     assert_eq!(expression.parse::<Filter>()?.holds(&info), holds, "{expression}");
/// }
/// assert!("eval_acc >".parse::<Filter>().is_err());
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(Node);

#[derive(Clone, Debug, PartialEq)]
enum Node {
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Compare(Operand, Sign, Operand),
    Truth(Operand),
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Column(String),
    Value(Cell),
    Missing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Contains,
}

impl Filter {
    /// Whether it holds for a run.
    pub fn holds(&self, run: &RunInfo) -> bool {
        self.0.holds(run) == Some(true)
    }

    /// The columns it names.
    pub(crate) fn columns(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.0.columns(&mut names);
        names
    }
}

impl Node {
    /// Nothing where it depends on something that the run lacks.
    fn holds(&self, run: &RunInfo) -> Option<bool> {
        match self {
            Self::And(a, b) => match (a.holds(run), b.holds(run)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Self::Or(a, b) => match (a.holds(run), b.holds(run)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Self::Not(a) => a.holds(run).map(|holds| !holds),
            Self::Truth(a) => match a.value(run)? {
                Cell::Truth(truth) => Some(truth),
                Cell::Number(number) => Some(number != 0.),
                Cell::Text(text) => match text.trim() {
                    "TRUE" | "true" | "yes" | "1" => Some(true),
                    _ => Some(false),
                },
            },
            Self::Compare(a, sign, b) => compare(a, *sign, b, run),
        }
    }

    fn columns<'a>(&'a self, names: &mut Vec<&'a str>) {
        let mut add = |operand: &'a Operand| {
            if let Operand::Column(name) = operand {
                names.push(name);
            }
        };
        match self {
            Self::And(a, b) | Self::Or(a, b) => {
                a.columns(names);
                b.columns(names);
            }
            Self::Not(a) => a.columns(names),
            Self::Truth(a) => add(a),
            Self::Compare(a, _, b) => {
                add(a);
                add(b);
            }
        }
    }
}

impl Operand {
    fn value(&self, run: &RunInfo) -> Option<Cell> {
        match self {
            Self::Column(name) => run.get(name),
            Self::Value(cell) => Some(cell.clone()),
            Self::Missing => None,
        }
    }

    fn is_time(&self) -> bool {
        matches!(self, Self::Column(name) if name == "start" || name == "end")
    }
}

fn compare(a: &Operand, sign: Sign, b: &Operand, run: &RunInfo) -> Option<bool> {
    let (left, right) = (a.value(run), b.value(run));
    if *a == Operand::Missing || *b == Operand::Missing {
        let lacks = left.is_none() && right.is_none();
        return match sign {
            Sign::Equal => Some(lacks),
            Sign::Unequal => Some(!lacks),
            _ => None,
        };
    }
    let (left, right) = match (left?, right?) {
        (Cell::Number(at), Cell::Text(date)) if a.is_time() => (time(at, &date), Cell::Text(date)),
        (Cell::Text(date), Cell::Number(at)) if b.is_time() => (Cell::Text(date.clone()), time(at, &date)),
        both => both,
    };
    if sign == Sign::Contains {
        return Some(left.to_string().contains(&right.to_string()));
    }
    // NaN is no number's equal, and neither less nor greater.
    let order = match left.compare(&right) {
        None => return Some(sign == Sign::Unequal),
        Some(order) => order,
    };
    Some(match sign {
        Sign::Equal => order == Ordering::Equal,
        Sign::Unequal => order != Ordering::Equal,
        Sign::Less => order == Ordering::Less,
        Sign::LessEqual => order != Ordering::Greater,
        Sign::Greater => order == Ordering::Greater,
        Sign::GreaterEqual => order != Ordering::Less,
        Sign::Contains => false,
    })
}

/// A time as the name of a run has it, as much of it as `like` says: `2026-11-23`, `2026-11-23T05-40`.
fn time(seconds: f64, like: &str) -> Cell {
    let text = stamp(seconds.max(0.) as u64);
    Cell::Text(text.chars().take(like.chars().count()).collect())
}

impl FromStr for Filter {
    type Err = Error;

    fn from_str(expression: &str) -> Result<Self> {
        let wrong = |message: String| Error::invalid(format!("filter `{expression}`: {message}"));
        let tokens = tokens(expression).map_err(&wrong)?;
        let mut parser = Parser {
            tokens: &tokens,
            depth: 0,
        };
        let node = parser.any().map_err(&wrong)?;
        match parser.tokens.first() {
            None => Ok(Self(node)),
            Some(token) => Err(wrong(format!("expected `and` or `or`, got `{}`", token.text()))),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    /// Between back quotes.
    Name(String),
    Text(String),
    Number(f64),
    Sign(Sign),
    And,
    Or,
    Not,
    Open,
    Close,
}

impl Token {
    fn text(&self) -> String {
        match self {
            Self::Word(text) | Self::Name(text) => text.clone(),
            Self::Text(text) => format!("'{text}'"),
            Self::Number(number) => number.to_string(),
            Self::Sign(sign) => match sign {
                Sign::Equal => "==",
                Sign::Unequal => "!=",
                Sign::Less => "<",
                Sign::LessEqual => "<=",
                Sign::Greater => ">",
                Sign::GreaterEqual => ">=",
                Sign::Contains => "~",
            }
            .to_owned(),
            Self::And => "and".to_owned(),
            Self::Or => "or".to_owned(),
            Self::Not => "not".to_owned(),
            Self::Open => "(".to_owned(),
            Self::Close => ")".to_owned(),
        }
    }
}

fn tokens(expression: &str) -> Result<Vec<Token>, String> {
    const SIGNS: [(&str, Token); 16] = [
        ("==", Token::Sign(Sign::Equal)),
        ("!=", Token::Sign(Sign::Unequal)),
        ("<=", Token::Sign(Sign::LessEqual)),
        (">=", Token::Sign(Sign::GreaterEqual)),
        ("&&", Token::And),
        ("||", Token::Or),
        ("=", Token::Sign(Sign::Equal)),
        ("<", Token::Sign(Sign::Less)),
        (">", Token::Sign(Sign::Greater)),
        ("~", Token::Sign(Sign::Contains)),
        ("&", Token::And),
        ("|", Token::Or),
        ("!", Token::Not),
        ("(", Token::Open),
        (")", Token::Close),
        ("≠", Token::Sign(Sign::Unequal)),
    ];
    let mut found = Vec::new();
    let mut rest = expression.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
        if let Some((sign, token)) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
            found.push(token.clone());
            rest = &rest[sign.len()..];
        } else if matches!(first, '\'' | '"' | '`') {
            let (text, after) = rest[1..]
                .split_once(first)
                .ok_or_else(|| format!("the text that begins with {first} has no end"))?;
            found.push(match first {
                '`' => Token::Name(text.to_owned()),
                _ => Token::Text(text.to_owned()),
            });
            rest = after;
        } else if first.is_ascii_digit() || matches!(first, '-' | '+' | '.') {
            let mut end = 1;
            let bytes = rest.as_bytes();
            while bytes.get(end).is_some_and(|b| {
                let exponent = matches!(bytes[end - 1], b'e' | b'E') && matches!(b, b'-' | b'+');
                b.is_ascii_alphanumeric() || *b == b'.' || exponent
            }) {
                end += 1;
            }
            let number = rest[..end]
                .parse()
                .map_err(|_| format!("`{}` is no number", &rest[..end]))?;
            found.push(Token::Number(number));
            rest = &rest[end..];
        } else if first.is_alphabetic() || first == '_' {
            let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
            found.push(match &rest[..end] {
                "and" | "AND" => Token::And,
                "or" | "OR" => Token::Or,
                "not" | "NOT" => Token::Not,
                other => Token::Word(other.to_owned()),
            });
            rest = &rest[end..];
        } else {
            return Err(format!("what does `{}` mean here?", first.escape_default()));
        }
        rest = rest.trim_start();
    }
    Ok(found)
}

struct Parser<'a> {
    tokens: &'a [Token],
    depth: usize,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first.clone())
    }

    fn take(&mut self, token: &Token) -> bool {
        let taken = self.tokens.first() == Some(token);
        if taken {
            self.next();
        }
        taken
    }

    fn any(&mut self) -> Result<Node, String> {
        let mut node = self.all()?;
        while self.take(&Token::Or) {
            node = Node::Or(Box::new(node), Box::new(self.all()?));
        }
        Ok(node)
    }

    fn all(&mut self) -> Result<Node, String> {
        let mut node = self.one()?;
        while self.take(&Token::And) {
            node = Node::And(Box::new(node), Box::new(self.one()?));
        }
        Ok(node)
    }

    fn one(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > 100 {
            return Err("too deep".to_owned());
        }
        let node = if self.take(&Token::Not) {
            Node::Not(Box::new(self.one()?))
        } else if self.take(&Token::Open) {
            let inner = self.any()?;
            if !self.take(&Token::Close) {
                return Err("a `)` is missing".to_owned());
            }
            inner
        } else {
            let left = self.operand()?;
            match self.tokens.first() {
                Some(Token::Sign(sign)) => {
                    let sign = *sign;
                    self.next();
                    Node::Compare(left, sign, self.operand()?)
                }
                _ => Node::Truth(left),
            }
        };
        self.depth -= 1;
        Ok(node)
    }

    fn operand(&mut self) -> Result<Operand, String> {
        Ok(match self.next() {
            Some(Token::Number(number)) => Operand::Value(Cell::Number(number)),
            Some(Token::Text(text)) => Operand::Value(Cell::Text(text)),
            Some(Token::Name(name)) => Operand::Column(name),
            Some(Token::Word(word)) => match word.as_str() {
                "TRUE" | "true" => Operand::Value(Cell::Truth(true)),
                "FALSE" | "false" => Operand::Value(Cell::Truth(false)),
                "NA" | "null" | "NULL" => Operand::Missing,
                "NaN" => Operand::Value(Cell::Number(f64::NAN)),
                "Inf" | "inf" => Operand::Value(Cell::Number(f64::INFINITY)),
                _ => Operand::Column(word),
            },
            Some(other) => {
                return Err(format!("expected a column or a value, got `{}`", other.text()));
            }
            None => return Err("it ends where a column or a value should stand".to_owned()),
        })
    }
}
