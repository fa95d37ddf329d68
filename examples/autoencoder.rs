//! Digits in six numbers: an autoencoder squeezes each picture through a narrow place and draws it again.
//!
//! `cargo run --release --example autoencoder [-- --epochs N | --short]`
//!
//! Its error is half of what the six main directions leave: 0.015 against 0.030, in less than a second.
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use anyhow::Result;
use keras::prelude::*;
use keras_examples::Options;

/// How many numbers a picture of 64 pixels becomes.
const CODE: usize = 6;

/// The mean of squared differences.
fn error(a: &Tensor, b: &Tensor) -> Result<f32> {
    Ok(ops::mean(&ops::square(&ops::subtract(a, b)?)?, None, false)?.to_scalar::<f32>()?)
}

/// What remains of `x_test` when it is described by its place along the `CODE` main directions of `x`: the best that
/// a linear method can do.
fn principal(x: &Tensor, x_test: &Tensor) -> Result<f32> {
    let mean = ops::mean(x, Some(&[0]), true)?;
    let (_, _, directions) = ops::linalg::svd(&ops::subtract(x, &mean)?, false)?;
    let main = directions.narrow(0, 0, CODE)?;
    let code = ops::matmul(&ops::subtract(x_test, &mean)?, &main.t()?)?;
    error(x_test, &ops::add(&ops::matmul(&code, &main)?, &mean)?)
}

/// Pictures of 8 × 8 pixels beside each other.
fn draw(pictures: &[Vec<f32>]) {
    for row in 0..8 {
        let line = pictures.iter().map(|picture| {
            let pixels = picture[8 * row..8 * row + 8].iter();
            pixels
                .map(|p| [' ', '.', '+', '#', '@'][(p * 4.).round().clamp(0., 4.) as usize])
                .flat_map(|c| [c, c])
                .collect::<String>()
        });
        println!("{}", line.collect::<Vec<_>>().join("  "));
    }
}

fn main() -> Result<()> {
    let options = Options::from_args(&["epochs"])?;
    set_random_seed(7);
    let digits = datasets::digits()?.scaled(16.)?.flattened()?;
    let (x, x_test) = (digits.train.0, digits.test.0);

    let pixels = input([64]);
    let hidden = Dense::new(128).activation("gelu").apply(&pixels)?;
    let code = Dense::new(CODE).name("code").apply(&hidden)?;
    let hidden = Dense::new(128).activation("gelu").apply(&code)?;
    let drawn = Dense::new(64).activation("sigmoid").apply(&hidden)?;
    let mut model = Model::new_on(&pixels, &drawn, &Device::Cpu)?;

    // The target is the picture itself.
    let epochs = options.epochs(150, 15)?;
    let steps = (epochs * x.dim(0)?.div_ceil(64)) as f64;
    model.compile(Compile::new(Adam::new(CosineDecay::new(3e-3, steps))).loss("mse"))?;
    model.fit((&x, &x), Fit::new().epochs(epochs).batch_size(64).verbose(0))?;

    let again = model.predict(&x_test, Predict::new().verbose(0))?;
    println!(
        "mean squared error of {} new pictures from {CODE} numbers each:",
        x_test.dim(0)?
    );
    let (own, linear) = (error(&x_test, &again)?, principal(&x, &x_test)?);
    println!("  autoencoder {own:.4}, main directions {linear:.4}\n");
    println!("Above as they are, below drawn from their {CODE} numbers:");
    draw(&x_test.narrow(0, 0, 5)?.to_vec2()?);
    draw(&again.narrow(0, 0, 5)?.to_vec2()?);

    // The first half is a model of its own and shares its weights.
    let mut encoder = Model::new_on(&pixels, &code, &Device::Cpu)?;
    let codes = encoder.predict(&x_test.narrow(0, 0, 1)?, Predict::new().verbose(0))?;
    println!("\nThe first one as numbers: {:.2?}", codes.to_vec2::<f32>()?[0]);
    options.reaches(
        "how many times less its error is",
        f64::from(linear / own),
        1.5,
        0.5,
    )
}
