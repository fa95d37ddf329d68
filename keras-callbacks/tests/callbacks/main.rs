//! Tests of the callbacks: their hooks are called as `fit` calls them, with logs made up for the purpose.

#![allow(clippy::unwrap_used)]

mod checkpoints;
mod csv_logger;
mod early_stopping;
mod events;
mod learning_rate_finder;
mod live_dashboard;
mod model_checkpoint;
mod norm_monitor;
mod others;
mod progress;
mod registry;
mod remote_monitor;
mod resume;
mod run;
mod tensorboard;
