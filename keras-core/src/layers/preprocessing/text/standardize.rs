//! What happens to a text before it is split.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

/// What [`TextVectorization`](crate::layers::TextVectorization) does to a text before splitting it.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Standardize {
    /// Lowercases A to Z and takes out ASCII punctuation.
    #[default]
    LowerAndStripPunctuation,
    /// Lowercases A to Z; other letters stay as they are, as in Keras.
    Lower,
    /// Takes out the 32 marks of ASCII punctuation; others stay.
    StripPunctuation,
    /// Nothing.
    None,
    /// A function of yours, with the name it is saved under. The code itself is not saved.
    Custom(&'static str, Arc<dyn Fn(&str) -> String + Send + Sync>),
}

impl Standardize {
    /// A function of yours.
    pub fn custom(name: &'static str, f: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self::Custom(name, Arc::new(f))
    }

    /// `text` standardised; `buffer` is room for it.
    pub(in crate::layers::preprocessing) fn apply<'a>(
        &self,
        text: &'a str,
        buffer: &'a mut String,
    ) -> Cow<'a, str> {
        buffer.clear();
        let kept = |c: &char| !c.is_ascii_punctuation();
        match self {
            Self::None => return Cow::Borrowed(text),
            Self::Custom(_, f) => return Cow::Owned(f(text)),
            Self::Lower => {
                buffer.push_str(text);
                buffer.make_ascii_lowercase();
            }
            Self::StripPunctuation => buffer.extend(text.chars().filter(kept)),
            Self::LowerAndStripPunctuation => {
                buffer.extend(text.chars().filter(kept));
                buffer.make_ascii_lowercase();
            }
        }
        Cow::Borrowed(buffer)
    }

    pub(in crate::layers::preprocessing) fn to_value(&self) -> Value {
        match self {
            Self::LowerAndStripPunctuation => "lower_and_strip_punctuation".into(),
            Self::Lower => "lower".into(),
            Self::StripPunctuation => "strip_punctuation".into(),
            Self::None => Value::Null,
            Self::Custom(name, _) => function(name),
        }
    }

    pub(in crate::layers::preprocessing) fn from_name(name: &str) -> Option<Self> {
        match name {
            "lower_and_strip_punctuation" => Some(Self::LowerAndStripPunctuation),
            "lower" => Some(Self::Lower),
            "strip_punctuation" => Some(Self::StripPunctuation),
            _ => None,
        }
    }
}

/// Keras's form of a function.
pub(super) fn function(name: &str) -> Value {
    json!({"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"})
}

impl fmt::Debug for Standardize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Custom(name, _) => write!(f, "Custom({name})"),
            other => write!(f, "{}", other.to_value()),
        }
    }
}
