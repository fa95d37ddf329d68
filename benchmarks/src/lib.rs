//! The models that the benchmarks train: the same layers, data shapes and options as `peer_keras.py` beside
//! this crate.

pub mod metrics;
pub mod ops;

use keras::ops::random::{Seed, randint, uniform};
use keras::prelude::*;

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
pub const NAMES: [&str; 3] = ["mlp", "small", "cnn"];

/// The workload called `name`; `steps` batches an epoch, or its usual number.
///
/// # Errors
/// When there is no such workload.
pub fn workload(name: &str, steps: Option<usize>) -> keras::Result<Workload> {
    set_random_seed(0);
    match name {
        "mlp" => mlp(steps.unwrap_or(100)),
        "small" => small(steps.unwrap_or(300)),
        "cnn" => cnn(steps.unwrap_or(20)),
        _ => keras::bail!("no workload `{name}`; there are {}", NAMES.join(", ")),
    }
}

fn mlp(steps: usize) -> keras::Result<Workload> {
    let mut model = Sequential::new()
        .input([784])
        .add(Dense::new(512).activation("relu"))
        .add(Dropout::new(0.2))
        .add(Dense::new(512).activation("relu"))
        .add(Dropout::new(0.2))
        .add(Dense::new(10).activation("softmax"))
        .build()?;
    model.compile(
        Compile::new("rmsprop")
            .loss("sparse_categorical_crossentropy")
            .metric("accuracy"),
    )?;
    let n = 128 * steps;
    Ok(Workload {
        model,
        batch_size: 128,
        steps,
        x: floats(&[n, 784])?,
        y: labels(&[n], 10, DType::I64)?,
    })
}

fn small(steps: usize) -> keras::Result<Workload> {
    let mut model = Sequential::new()
        .input([30])
        .add(Dense::new(64).activation("relu"))
        .add(Dense::new(64).activation("relu"))
        .add(Dense::new(1).activation("sigmoid"))
        .build()?;
    model.compile(
        Compile::new("adam")
            .loss("binary_crossentropy")
            .metric("accuracy")
            .metric("auc"),
    )?;
    let n = 32 * steps;
    Ok(Workload {
        model,
        batch_size: 32,
        steps,
        x: floats(&[n, 30])?,
        y: labels(&[n, 1], 2, DType::F32)?,
    })
}

fn cnn(steps: usize) -> keras::Result<Workload> {
    let mut model = Sequential::new()
        .input([28, 28, 1])
        .add(Conv2D::new(32, 3).activation("relu"))
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(64, 3).activation("relu"))
        .add(MaxPooling2D::new(2))
        .add(Flatten::new())
        .add(Dropout::new(0.5))
        .add(Dense::new(10).activation("softmax"))
        .build()?;
    model.compile(
        Compile::new("adam")
            .loss("sparse_categorical_crossentropy")
            .metric("accuracy"),
    )?;
    let n = 128 * steps;
    let (x, y) = (floats(&[n, 28, 28, 1])?, labels(&[n], 10, DType::I64)?);
    Ok(Workload {
        model,
        batch_size: 128,
        steps,
        x,
        y,
    })
}

fn floats(shape: &[usize]) -> keras::Result<Tensor> {
    Ok(uniform(shape, 0., 1., DType::F32, &Device::Cpu, Seed::new(0, 0))?)
}

fn labels(shape: &[usize], classes: i64, dtype: DType) -> keras::Result<Tensor> {
    Ok(randint(shape, 0, classes, dtype, &Device::Cpu, Seed::new(1, 0))?)
}
