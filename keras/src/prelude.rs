//! `use keras::prelude::*;`: what most programs need.

pub use crate::callbacks::*;
pub use crate::compile::CompileExt;
pub use crate::layers::*;
pub use crate::losses::*;
pub use crate::optimizers::schedules::*;
pub use crate::optimizers::*;
pub use crate::{
    Apply, Callback, Compile, Context, DType, Device, DeviceExt, Evaluate, Fit, History, Layer, Logs, Loss,
    Metric, Model, Predict, Sequential, Tensor, Variable, input, load_model, loss_fn, output, set_random_seed,
};
// Several metrics have the name of a loss: they are reached through their module.
pub use crate::{data, datasets, initializers, losses, metrics, ops, regularizers};
