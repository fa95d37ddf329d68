//! The simple convnet of Keras's own examples on MNIST: about 99 % on the test images.
//!
//! `cargo run --release --example mnist_convnet [-- --epochs N | --short]`
//!
//! The data is downloaded once into `~/.keras/datasets`; `KERAS_HOME` names another folder that has it. A short run
//! takes the smaller digits of the crate, made as large as those.
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use anyhow::Result;
use keras::prelude::*;
use keras_examples::Options;

fn main() -> Result<()> {
    let options = Options::from_args(&["epochs"])?;
    set_random_seed(1);
    let device = Device::auto()?;
    let ((x, y), (x_test, y_test)) = if options.short() {
        let digits = datasets::digits()?.scaled(16.)?;
        let large = |x: &Tensor| ops::image::resize(x, [28, 28], &ops::image::ResizeOptions::default());
        (
            (large(&digits.train.0)?, digits.train.1),
            (large(&digits.test.0)?, digits.test.1),
        )
    } else {
        let mnist = datasets::mnist()?.scaled(255.)?.with_channel()?;
        (mnist.train, mnist.test)
    };

    let mut model = Sequential::new()
        .input([28, 28, 1])
        .add(Conv2D::new(32, 3).activation("relu"))
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(64, 3).activation("relu"))
        .add(MaxPooling2D::new(2))
        .add(Flatten::new())
        .add(Dropout::new(0.5))
        .add(Dense::new(10).activation("softmax"))
        .build_on(&device)?;
    println!("{} weights", model.count_params());

    model.compile(
        Compile::new("adam")
            .loss("sparse_categorical_crossentropy")
            .metric("accuracy"),
    )?;
    let fit = Fit::new()
        .batch_size(128)
        .epochs(options.epochs(12, 5)?)
        .validation_split(0.1);
    model.fit((&x, &y), fit)?;
    let scores = model.evaluate((&x_test, &y_test), Evaluate::new().verbose(0))?;
    let accuracy = scores.get("accuracy")?;
    println!(
        "test loss {:.4}, test accuracy {accuracy:.4}",
        scores.get("loss")?
    );
    options.reaches("test accuracy", accuracy, 0.99, 0.8)
}
