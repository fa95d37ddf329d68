//! Tests of keras-core.

#![allow(clippy::unwrap_used)]

mod functions;
mod initializers;
mod layers;
mod optimizers;
mod schedules;
mod summary;
