//! Flags: the choices that tell runs from one another, typed.

mod arguments;
mod file;
mod macros;
mod sources;
mod value;

pub use sources::{FlagSet, FlagSources, FlagValues};
pub use value::FlagValue;

use serde_json::Value;

/// What [`FlagSet::from_values`] gives.
pub type FlagResult<T> = keras_core::Result<T>;

/// One flag as it was declared.
#[derive(Clone, Debug, PartialEq)]
pub struct Flag {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub description: String,
    /// The name of its type: `numeric`, `integer`, `boolean`, `string`, or these `or null` or `list of`.
    pub type_name: String,
    /// What it is unless something else is said.
    pub default: Value,
}

impl Flag {
    /// As it is written on the command line.
    pub(crate) fn option(&self) -> String {
        format!("--{}", self.name.replace('_', "-"))
    }
}
