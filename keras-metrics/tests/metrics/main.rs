//! Laws that every metric obeys, and tables of values.

mod laws;
mod values;
