//! One table, three questions: a network with three outputs, each with its own loss, weight and metrics.
//!
//! `cargo run --release --example tabular_multi_output [-- --epochs N | --short]`
//!
//! On 36 new wines: the grower right for 34 of them, R² of the alcohol 0.56. A tenth of a second.
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use anyhow::Result;
use keras::prelude::*;
use keras_examples::Options;

/// Twelve measurements of each wine, without the alcohol, and the alcohol in per cent of the volume.
fn without_alcohol(x: &Tensor) -> Result<(Tensor, Tensor)> {
    Ok((x.narrow(1, 1, 12)?, x.narrow(1, 0, 1)?))
}

/// Whether a wine has more than 13 per cent.
fn strong(alcohol: &Tensor) -> Result<Tensor> {
    Ok(ops::cast(
        &ops::greater(alcohol, &Tensor::new(13f32, alcohol.device())?)?,
        DType::F32,
    )?)
}

fn main() -> Result<()> {
    let options = Options::from_args(&["epochs"])?;
    set_random_seed(9);
    let wines = datasets::wine()?;
    let ((x, alcohol), (x_test, alcohol_test)) =
        (without_alcohol(&wines.train.0)?, without_alcohol(&wines.test.0)?);

    // The layer learns the scale of each column from the training part, and is saved with the model.
    let mut scale = Normalization::new();
    scale.adapt(&x)?;
    let measured = input([12]).name("measured");
    let scaled = scale.apply(&measured)?;
    let hidden = Dense::new(64)
        .activation("relu")
        .kernel_regularizer(regularizers::L2 { l2: 1e-3 })
        .apply(&scaled)?;
    let hidden = Dropout::new(0.4).apply(&hidden)?;
    let grower = Dense::new(3).activation("softmax").apply(&hidden)?.name("grower");
    let alcohol_out = Dense::new(1)
        .bias_initializer(initializers::Constant { value: 13. })
        .apply(&hidden)?
        .name("alcohol");
    let strong_out = Dense::new(1).activation("sigmoid").apply(&hidden)?.name("strong");
    let mut model = Model::new_on(&measured, [&grower, &alcohol_out, &strong_out], &Device::Cpu)?;
    println!("{}", model.summary());

    model.compile(
        Compile::new(Adam::new(5e-3))
            .output(
                "grower",
                output()
                    .loss("sparse_categorical_crossentropy")
                    .metric("accuracy"),
            )
            .output(
                "alcohol",
                output()
                    .loss("huber")
                    .weight(2.)
                    .metric("mae")
                    .metric(metrics::R2Score::new()),
            )
            .output(
                "strong",
                output()
                    .loss("binary_crossentropy")
                    .metric("accuracy")
                    .metric("auc"),
            ),
    )?;
    let targets = [
        ("grower", &wines.train.1),
        ("alcohol", &alcohol),
        ("strong", &strong(&alcohol)?),
    ];
    let fit = Fit::new()
        .epochs(options.epochs(150, 20)?)
        .batch_size(16)
        .verbose(0);
    model.fit(([("measured", &x)], targets), fit)?;

    let targets = [
        ("grower", &wines.test.1),
        ("alcohol", &alcohol_test),
        ("strong", &strong(&alcohol_test)?),
    ];
    let scores = model.evaluate(([("measured", &x_test)], targets), Evaluate::new().verbose(0))?;
    println!("on {} wines that it has not seen:", x_test.dim(0)?);
    for (name, value) in scores.iter() {
        println!("  {name:<20} {value:.3}");
    }
    options.reaches("accuracy of the grower", scores.get("grower_accuracy")?, 0.9, 0.7)?;
    options.reaches("R² of the alcohol", scores.get("alcohol_r2_score")?, 0.5, -1.)
}
