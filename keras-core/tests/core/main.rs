//! Tests of keras-core.

#![allow(clippy::unwrap_used)]

mod arguments;
mod functions;
mod initializers;
mod layers;
mod model_config;
mod optimizers;
mod recurrent;
mod recurrent_values;
mod saving;
mod schedules;
mod summary;
