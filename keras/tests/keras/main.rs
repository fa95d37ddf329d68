//! Tests of what users see.

#![allow(clippy::unwrap_used)]

mod datasets;
