//! Tests of keras-core.

#![allow(clippy::unwrap_used)]

mod initializers;
mod optimizers;
mod schedules;
