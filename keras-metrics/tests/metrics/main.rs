//! Laws that every metric obeys, and tables of values.

#![allow(clippy::unwrap_used)]

mod laws;
mod sklearn;
mod values;
