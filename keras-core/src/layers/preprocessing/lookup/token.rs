//! What a vocabulary is made of.

use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use serde_json::Value;

use super::OovMethod;
use crate::config::{FromValue, IntoValue};
use crate::layers::preprocessing::hash::{Salt, bucket, bucket_of_number};

/// An entry of a vocabulary.
pub(crate) trait Token:
    Borrow<Self::Ref> + Clone + fmt::Debug + Hash + Ord + Send + Sync + 'static
{
    /// What is looked up.
    type Ref: ?Sized + Hash + Eq + Sync + fmt::Debug;

    /// Keras's name of the dtype.
    const DTYPE: &'static str;

    fn own(token: &Self::Ref) -> Self;
    fn read(value: &Value) -> Option<Self>;
    fn write(&self) -> Value;
    /// A line of a vocabulary file.
    fn parse(line: &str) -> Option<Self>;
    /// Which of several places an unknown token has.
    fn bucket(token: &Self::Ref, buckets: u64, method: OovMethod, salt: Option<Salt>) -> i64;
}

/// A string of a vocabulary: shared by the list of tokens and the table.
pub(crate) type Text = Arc<str>;

impl Token for Text {
    type Ref = str;
    const DTYPE: &'static str = "string";

    fn own(token: &str) -> Self {
        token.into()
    }

    fn read(value: &Value) -> Option<Self> {
        value.as_str().map(Into::into)
    }

    fn write(&self) -> Value {
        (&**self).into()
    }

    fn parse(line: &str) -> Option<Self> {
        Some(line.into())
    }

    fn bucket(token: &str, buckets: u64, _method: OovMethod, salt: Option<Salt>) -> i64 {
        bucket(token, buckets, salt)
    }
}

impl Token for i64 {
    type Ref = i64;
    const DTYPE: &'static str = "int64";

    fn own(token: &i64) -> Self {
        *token
    }

    fn read(value: &Value) -> Option<Self> {
        i64::from_value(value)
    }

    fn write(&self) -> Value {
        self.into_value()
    }

    fn parse(line: &str) -> Option<Self> {
        line.trim().parse().ok()
    }

    fn bucket(token: &i64, buckets: u64, method: OovMethod, salt: Option<Salt>) -> i64 {
        match method {
            OovMethod::Floormod => token.rem_euclid(buckets.max(1) as i64),
            OovMethod::Farmhash => bucket_of_number(*token, buckets, salt),
        }
    }
}
