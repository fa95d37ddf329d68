//! The same network in three precisions: float32, and mixed with bfloat16 and float16. In the mixed ones layers
//! compute with numbers of half the size while weights stay float32; float16 needs its loss scaled, which `compile`
//! sees to.
//!
//! `cargo run --release --example mixed_precision [-- --epochs N | --short]`
//!
//! Between 0.978 and 0.981 each, 5 seconds. On a CPU the mixed ones are slower; they are made for GPUs.
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use std::time::Instant;

use anyhow::Result;
use keras::prelude::*;
use keras_examples::Options;

fn main() -> Result<()> {
    let options = Options::from_args(&["epochs"])?;
    let digits = datasets::digits()?.scaled(16.)?;
    let ((x, y), (x_test, y_test)) = (digits.train, digits.test);
    let device = Device::auto()?;
    let epochs = options.epochs(15, 4)?;
    for policy in ["float32", "mixed_bfloat16", "mixed_float16"] {
        set_random_seed(12);
        // All layers made from here on follow it.
        set_dtype_policy(policy)?;
        let mut model = Sequential::new()
            .input([8, 8, 1])
            .add(Conv2D::new(32, 3).padding(Padding::Same).activation("relu"))
            .add(BatchNormalization::new())
            .add(MaxPooling2D::new(2))
            .add(Conv2D::new(64, 3).padding(Padding::Same).activation("relu"))
            .add(Flatten::new())
            .add(Dense::new(128).activation("relu"))
            // Probabilities are better computed in full.
            .add(Dense::new(10).activation("softmax").dtype(DType::F32))
            .build_on(&device)?;
        model.compile(
            Compile::new(Adam::new(1e-3))
                .loss("sparse_categorical_crossentropy")
                .metric("accuracy"),
        )?;
        let before = Instant::now();
        model.fit((&x, &y), Fit::new().epochs(epochs).batch_size(64).verbose(0))?;
        let seconds = before.elapsed().as_secs_f64();
        let scores = model.evaluate((&x_test, &y_test), Evaluate::new().verbose(0))?;
        let accuracy = scores.get("accuracy")?;
        let kernel = model.weight("conv2d/kernel")?;
        println!(
            "{policy:<15} test accuracy {accuracy:.4} in {seconds:4.1} s; computes in {:?}, keeps weights in {:?}, {}",
            model.layer("conv2d")?.read().base().compute_dtype(),
            kernel.dtype(),
            match model.optimizer()?.loss_scale() {
                Some(scale) => format!("scales the loss by {scale}"),
                None => "leaves the loss as it is".to_owned(),
            }
        );
        options.reaches(&format!("test accuracy with {policy}"), accuracy, 0.97, 0.8)?;
    }
    Ok(())
}
