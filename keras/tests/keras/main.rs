//! Tests of what users see.

mod datasets;
