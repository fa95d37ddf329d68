//! From values to indices by a vocabulary: what `StringLookup`, `IntegerLookup` and `TextVectorization` share.

mod counts;
mod index_lookup;
mod table;
mod token;

pub(super) use counts::{Counts, counted};
pub(super) use index_lookup::IndexLookup;
pub(super) use token::{Text, Token};

use serde_json::Value;

use crate::config::{FromValue, IntoValue};

/// How unknown numbers find one of several places for what is out of the vocabulary. Strings are always hashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OovMethod {
    /// By the remainder: all even numbers fall into one of two places.
    #[default]
    Floormod,
    /// By the hash of the digits, which spreads them evenly.
    Farmhash,
}

impl FromValue for OovMethod {
    const EXPECTED: &'static str = "\"floormod\" or \"farmhash\"";
    fn from_value(value: &Value) -> Option<Self> {
        match value.as_str()? {
            "floormod" => Some(Self::Floormod),
            "farmhash" => Some(Self::Farmhash),
            _ => None,
        }
    }
}

impl IntoValue for OovMethod {
    fn into_value(self) -> Value {
        match self {
            Self::Floormod => "floormod".into(),
            Self::Farmhash => "farmhash".into(),
        }
    }
}
