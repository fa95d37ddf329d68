//! Keras 3 for Rust: build a model of layers, compile it with a loss, metrics and an optimizer, fit it.
//!
//! ```
//! use keras::prelude::*;
//!
//! set_random_seed(1);
//! let mut model = Sequential::new()
//!     .input([4])
//!     .add(Dense::new(16).activation("relu"))
//!     .add(Dense::new(3).activation("softmax"))
//!     .build()?;
//! model.compile(Compile::new("adam").loss("sparse_categorical_crossentropy").metric("accuracy"))?;
//!
//! let x: Vec<[f32; 4]> = (0..96).map(|i| [(i % 3) as f32, 1., 0., (i % 5) as f32]).collect();
//! let y: Vec<u32> = (0..96).map(|i| i % 3).collect();
//! let history = model.fit((&x, &y), Fit::new().epochs(30).validation_split(0.25).verbose(0))?;
//! assert!(history.last("loss")? < history.get("loss")?[0]);
//! assert_eq!(model.predict(&x, Predict::new().verbose(0))?.dims(), [96, 3]);
//! # Ok::<(), keras::Error>(())
//! ```
//!
//! Names, arguments, defaults and numbers are Keras's. The parts are crates of their own; this one joins
//! them and holds the [`registry()`] of everything that has a name. Tensors and devices are candle's
//! ([`Tensor`], [`Device`]); the features `cuda`, `cudnn`, `nccl`, `metal`, `accelerate` and `mkl` choose
//! hardware, `ndarray` takes its arrays as data.

mod compile;
pub mod datasets;
pub mod prelude;
mod registry;

pub use compile::CompileExt;
pub use registry::registry;

pub use keras_callbacks as callbacks;
pub use keras_core::{
    Activation, Aggregation, Apply, Arguments, Callback, CallbackList, Compile, Config, Constraint, Context,
    DTypePolicy, Entry, Envelope, Error, Evaluate, Fit, FnLoss, Given, History, Initializer, IntoSymbolic,
    Layer, LayerRef, LearningRate, LogSource, Logs, Loss, Metric, MetricBase, Model, Optimizer, Outcome,
    Params, Predict, Reduction, Registry, Regularizer, Result, ResultExt, Schedule, SeedGenerator,
    Sequential, Shared, Spec, Symbolic, Variable, activations, bail, config, constraints, data, dtype_policy,
    error, initializers, input, layer, layers, loss_fn, models, ops, optimizers, output, random,
    regularizers, saving, set_dtype_policy, set_random_seed, shape, trainer,
};
pub use keras_core::{FnSchedule, schedule_fn};
pub use keras_losses as losses;
pub use keras_metrics as metrics;
pub use keras_ops::{DType, Device, DeviceExt, Tensor};
pub use keras_runs as runs;

/// Loads a model that [`Model::save`](keras_core::Model::save) wrote: its layers, its weights and, where it was
/// compiled, its optimizer with all state.
///
/// # Errors
/// When the file cannot be read, holds something else, or names a class that [`registry()`] does not know.
pub fn load_model(path: impl AsRef<std::path::Path>) -> Result<Model> {
    saving::load_model(path, registry())
}

/// The examples of the README, compiled and run with the others.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
