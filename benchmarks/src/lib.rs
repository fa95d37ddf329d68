//! The models that the benchmarks train: the same layers, data shapes and options as `peer_keras.py` beside
//! this crate.

pub mod metrics;
mod models;
pub mod ops;
mod position;
pub mod spans;

use keras::ops::memory::Aligned;
use keras::ops::random::{Seed, randint, uniform};
use keras::prelude::*;

#[global_allocator]
static ALLOCATOR: Aligned = Aligned;

/// A compiled model with data for some steps.
#[derive(Debug)]
pub struct Workload {
    /// The compiled model.
    pub model: Model,
    /// Samples a batch.
    pub batch_size: usize,
    /// Batches an epoch.
    pub steps: usize,
    /// Inputs, all batches.
    pub x: Tensor,
    /// Targets, all batches.
    pub y: Tensor,
}

/// The names of the workloads.
pub const NAMES: [&str; 7] = ["mlp", "small", "cnn", "lstm", "transformer", "resnet", "gpt"];

/// The workload called `name`; `steps` batches an epoch, or its usual number.
///
/// # Errors
/// When there is no such workload.
pub fn workload(name: &str, steps: Option<usize>) -> keras::Result<Workload> {
    set_random_seed(0);
    let (model, batch_size, usual) = match name {
        "mlp" => (models::mlp()?, 128, 100),
        "small" => (models::small()?, 32, 300),
        "cnn" => (models::cnn()?, 128, 20),
        "lstm" => (models::lstm()?, 32, 6),
        "transformer" => (models::transformer()?, 32, 30),
        "resnet" => (models::resnet()?, 128, 4),
        "gpt" => (models::gpt()?, 16, 4),
        _ => keras::bail!("no workload `{name}`; there are {}", NAMES.join(", ")),
    };
    let steps = steps.unwrap_or(usual);
    let (x, y) = data(name, batch_size * steps)?;
    Ok(Workload {
        model,
        batch_size,
        steps,
        x,
        y,
    })
}

/// Random inputs and targets for `n` samples.
fn data(name: &str, n: usize) -> keras::Result<(Tensor, Tensor)> {
    let words = |dims: &[usize], limit| labels(dims, limit, DType::I64);
    Ok(match name {
        "mlp" => (floats(&[n, 784])?, words(&[n], 10)?),
        "small" => (floats(&[n, 30])?, labels(&[n, 1], 2, DType::F32)?),
        "cnn" => (floats(&[n, 28, 28, 1])?, words(&[n], 10)?),
        "lstm" => (words(&[n, 200], 20_000)?, labels(&[n, 1], 2, DType::F32)?),
        "transformer" => (words(&[n, 200], 20_000)?, words(&[n], 2)?),
        "resnet" => (floats(&[n, 32, 32, 3])?, words(&[n], 10)?),
        _ => (words(&[n, 128], 8_000)?, words(&[n, 128], 8_000)?),
    })
}

fn floats(shape: &[usize]) -> keras::Result<Tensor> {
    Ok(uniform(shape, 0., 1., DType::F32, &Device::Cpu, Seed::new(0, 0))?)
}

fn labels(shape: &[usize], classes: i64, dtype: DType) -> keras::Result<Tensor> {
    Ok(randint(shape, 0, classes, dtype, &Device::Cpu, Seed::new(1, 0))?)
}
