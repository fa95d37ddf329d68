//! Tests of keras-core.

#![allow(clippy::unwrap_used)]
#![allow(clippy::type_complexity, reason = "tables of cases")]

mod arguments;
mod attention;
mod composite;
mod einsum_dense;
mod functions;
mod initializers;
mod joined;
mod layers;
mod masks;
mod merging;
mod model_config;
mod noise;
mod operations;
mod optimizers;
mod preprocessing;
mod rectified;
mod recurrent;
mod recurrent_values;
mod saving;
mod schedules;
mod summary;
mod watchers;
