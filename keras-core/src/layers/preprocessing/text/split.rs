//! How a text becomes tokens.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::standardize::function;

type Splitter = dyn for<'a> Fn(&'a str) -> Vec<&'a str> + Send + Sync;

/// How [`TextVectorization`](crate::layers::TextVectorization) splits a text.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Split {
    /// At ASCII white space (space, tab, line feed, vertical tab, form feed, carriage return).
    #[default]
    Whitespace,
    /// Into Unicode code points.
    Character,
    /// Not at all: each text is a token.
    None,
    /// A function of yours, with the name it is saved under. The code itself is not saved.
    Custom(&'static str, Arc<Splitter>),
}

impl Split {
    /// A function of yours, which gives parts of the text.
    pub fn custom(
        name: &'static str,
        f: impl for<'a> Fn(&'a str) -> Vec<&'a str> + Send + Sync + 'static,
    ) -> Self {
        Self::Custom(name, Arc::new(f))
    }

    /// Calls `f` with each token until it says to stop.
    pub(in crate::layers::preprocessing) fn each<'a>(
        &self,
        text: &'a str,
        mut f: impl FnMut(&'a str) -> bool,
    ) {
        // A vertical tab is white space in C, not in Rust.
        let space = |c: char| c.is_ascii_whitespace() || c == '\x0b';
        let more = match self {
            Self::Whitespace => text.split(space).filter(|t| !t.is_empty()).all(&mut f),
            Self::Character => text.char_indices().all(|(at, c)| f(&text[at..at + c.len_utf8()])),
            Self::None => f(text),
            Self::Custom(_, split) => split(text).into_iter().all(&mut f),
        };
        let _ = more;
    }

    pub(in crate::layers::preprocessing) fn to_value(&self) -> Value {
        match self {
            Self::Whitespace => "whitespace".into(),
            Self::Character => "character".into(),
            Self::None => Value::Null,
            Self::Custom(name, _) => function(name),
        }
    }

    pub(in crate::layers::preprocessing) fn from_name(name: &str) -> Option<Self> {
        match name {
            "whitespace" => Some(Self::Whitespace),
            "character" => Some(Self::Character),
            _ => None,
        }
    }
}

impl fmt::Debug for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Custom(name, _) => write!(f, "Custom({name})"),
            other => write!(f, "{}", other.to_value()),
        }
    }
}
