//! The contracts of Keras for Rust, and what needs no more than them: layers, models, training, data, saving.
//!
//! ```
//! use keras_core::layers::Dense;
//! use keras_core::Sequential;
//! let model = Sequential::new().input([784]).add(Dense::new(10).activation("softmax")).build()?;
//! assert_eq!(model.count_params(), 7850);
//! # Ok::<(), keras_core::Error>(())
//! ```
//!
//! Users depend on the `keras` crate, which joins this with the losses, metrics and callbacks; authors of
//! such classes need only this one: [`Layer`], [`Loss`], [`Metric`], [`Callback`], [`Optimizer`],
//! [`Initializer`], [`Regularizer`], [`Constraint`], [`Activation`], [`Schedule`].

mod activation;
pub mod activations;
mod aggregation;
mod arg;
mod arguments;
mod callback;
mod check;
pub mod config;
pub mod console;
mod constraint;
pub mod constraints;
pub mod data;
pub mod dtype_policy;
pub mod error;
mod half;
mod initializer;
pub mod initializers;
pub mod layer;
pub mod layers;
mod lent;
mod logs;
mod loss;
mod metric;
pub mod models;
mod optimizer;
pub mod optimizers;
pub mod random;
pub mod registry;
mod regularizer;
pub mod regularizers;
pub mod saving;
mod schedule;
pub mod shape;
mod shared;
pub mod trainer;
mod variable;
pub mod weighting;

pub use activation::Activation;
pub use aggregation::Aggregation;
pub use arg::Arg;
pub use arguments::Arguments;
pub use callback::{Callback, Context, Outcome, Params};
pub use config::{Config, Envelope};
pub use constraint::Constraint;
pub use dtype_policy::{DTypePolicy, dtype_policy, set_dtype_policy};
pub use error::{Error, Result, ResultExt};
pub use initializer::Initializer;
pub use keras_ops as ops;
pub use layer::{Layer, LayerRef};
pub use logs::{LogSource, Logs};
pub use loss::{FnLoss, Loss, Reduction, loss_fn};
pub use metric::{Metric, MetricBase};
pub use models::{Apply, IntoSymbolic, Model, Sequential, Symbolic, input};
pub use optimizer::{LearningRate, Optimizer};
pub use random::{SeedGenerator, set_random_seed};
pub use registry::{Entry, Given, Registry, Spec};
pub use regularizer::Regularizer;
pub use schedule::{FnSchedule, Schedule, schedule_fn};
pub use shared::Shared;
pub use trainer::{CallbackList, Compile, Evaluate, Fit, History, Predict, output};
pub use variable::Variable;
