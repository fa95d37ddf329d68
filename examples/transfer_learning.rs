//! What one task taught helps with another: a network learns which digit a picture shows and is saved; loaded again, its
//! features stay as they are while a new head learns from 50 pictures whether the digit is odd.
//!
//! `cargo run --release --example transfer_learning [-- --epochs N | --short | --out FOLDER]`
//!
//! It reaches 0.931; the same network from nothing reaches 0.883. Three seconds.
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use anyhow::Result;
use keras::prelude::*;
use keras_examples::Options;

/// The first `count` pictures, labelled 1 where the digit is odd.
fn odd((x, y): &(Tensor, Tensor), count: usize) -> Result<(Tensor, Tensor)> {
    let labels: Vec<u8> = y
        .to_vec1::<u8>()?
        .iter()
        .take(count)
        .map(|digit| digit % 2)
        .collect();
    Ok((x.narrow(0, 0, labels.len())?, Tensor::new(labels, &Device::Cpu)?))
}

/// From pictures to features.
fn features() -> Result<Model> {
    Ok(Sequential::new()
        .name("features")
        .input([8, 8, 1])
        .add(Conv2D::new(32, 3).padding(Padding::Same).activation("relu"))
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(64, 3).padding(Padding::Same).activation("relu"))
        .add(Flatten::new())
        .add(Dense::new(64).activation("relu"))
        .build_on(&Device::Cpu)?)
}

/// The features with a head for so many kinds.
fn with_head(features: &LayerRef, kinds: usize) -> Result<Model> {
    let pixels = input([8, 8, 1]);
    let found = features.apply(&pixels)?;
    let kind = Dense::new(kinds)
        .activation("softmax")
        .name("head")
        .apply(&found)?;
    Ok(Model::new_on(&pixels, &kind, &Device::Cpu)?)
}

/// Trains and gives the accuracy on the test part.
fn learn(
    model: &mut Model,
    rate: f64,
    epochs: usize,
    (x, y): &(Tensor, Tensor),
    (x_test, y_test): &(Tensor, Tensor),
) -> Result<f64> {
    // Compiling again makes what is frozen count.
    model.compile(
        Compile::new(Adam::new(rate))
            .loss("sparse_categorical_crossentropy")
            .metric("accuracy"),
    )?;
    model.fit(
        (x, y),
        Fit::new().epochs(epochs).batch_size(16).seed(1).verbose(0),
    )?;
    Ok(model
        .evaluate((x_test, y_test), Evaluate::new().verbose(0))?
        .get("accuracy")?)
}

fn main() -> Result<()> {
    let options = Options::from_args(&["epochs", "out"])?;
    let folder = options.value("out").unwrap_or("runs/transfer_learning");
    std::fs::create_dir_all(folder)?;
    let path = format!("{folder}/digits.keras");
    set_random_seed(11);
    let digits = datasets::digits()?.scaled(16.)?;
    let (few, few_test) = (odd(&digits.train, 50)?, odd(&digits.test, usize::MAX)?);

    let mut model = with_head(&features()?.as_layer(), 10)?;
    let accuracy = learn(
        &mut model,
        1e-3,
        options.epochs(30, 8)?,
        &digits.train,
        &digits.test,
    )?;
    model.save(&path)?;
    println!(
        "Which digit, from {} pictures: test accuracy {accuracy:.3}, saved {path}",
        digits.train.0.dim(0)?
    );

    println!("Odd or even, from {} pictures:", few.0.dim(0)?);
    let mut fresh = with_head(&features()?.as_layer(), 2)?;
    let nothing = learn(&mut fresh, 1e-3, 200, &few, &few_test)?;
    println!("  from nothing:                test accuracy {nothing:.3}");

    let features = load_model(&path)?.layer("features")?;
    features.set_trainable(false);
    let mut model = with_head(&features, 2)?;
    let (trained, all) = (model.trainable_variables().len(), model.weights().len());
    let frozen = learn(&mut model, 1e-2, 200, &few, &few_test)?;
    println!("  a new head on old features:  test accuracy {frozen:.3} ({trained} of {all} weights trained)");

    features.set_trainable(true);
    let accuracy = learn(&mut model, 1e-4, 30, &few, &few_test)?;
    println!("  then all of it, slowly:      test accuracy {accuracy:.3}");
    options.reaches("test accuracy of the new head", frozen, 0.9, 0.85)?;
    options.reaches("what old features add", frozen - nothing, 0.02, 0.)
}
