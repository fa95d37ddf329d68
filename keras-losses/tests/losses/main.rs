//! Laws that every loss obeys, and tables of values.

mod laws;
mod values;
