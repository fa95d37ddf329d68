//! The simple convnet of Keras's own examples on MNIST: about 99 % on the test images.
//!
//! `cargo run --release --example mnist_convnet [-- --epochs N | --short]`
//!
//! The data is downloaded once into `~/.keras/datasets`; `KERAS_HOME` names another folder that has it.
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use anyhow::Result;
use keras::prelude::*;
use keras_examples::Options;

fn main() -> Result<()> {
    let options = Options::from_args(&["epochs"])?;
    set_random_seed(1);
    let device = Device::auto()?;
    let mnist = datasets::mnist()?.scaled(255.)?.with_channel()?;
    let ((mut x, mut y), (x_test, y_test)) = (mnist.train, mnist.test);
    if options.short() {
        (x, y) = (x.narrow(0, 0, 6000)?, y.narrow(0, 0, 6000)?);
    }

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
        .epochs(options.epochs(12, 1)?)
        .validation_split(0.1);
    model.fit((&x, &y), fit)?;
    let scores = model.evaluate((&x_test, &y_test), Evaluate::new().verbose(0))?;
    println!(
        "test loss {:.4}, test accuracy {:.4}",
        scores.get("loss")?,
        scores.get("accuracy")?
    );
    Ok(())
}
