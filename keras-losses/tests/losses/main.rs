//! Laws that every loss obeys, and tables of values.

#![allow(clippy::unwrap_used)]

mod laws;
mod values;
