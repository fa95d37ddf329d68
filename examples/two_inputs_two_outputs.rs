//! A model with two inputs and two outputs, each output with its own loss, metric and weight, all by name.
//!
//! `cargo run --release --example two_inputs_two_outputs [-- --epochs N | --short]`
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use anyhow::Result;
use keras::prelude::*;
use keras_examples::Options;

fn main() -> Result<()> {
    let options = Options::from_args(&["epochs"])?;
    set_random_seed(5);
    let device = Device::auto()?;

    let (numbers, flags) = (input([4]).name("numbers"), input([2]).name("flags"));
    let hidden = Dense::new(16).activation("relu").apply(&numbers)?;
    let both = Concatenate::new().apply([&hidden, &flags])?;
    let trunk = Dense::new(16).activation("relu").apply(&both)?;
    let kind = Dense::new(3).activation("softmax").apply(&trunk)?.name("kind");
    let score = Dense::new(1).apply(&trunk)?.name("score");
    let mut model = Model::new_on([&numbers, &flags], [&kind, &score], &device)?;

    model.compile(
        Compile::new(Adam::new(5e-3))
            .output(
                "kind",
                output()
                    .loss("sparse_categorical_crossentropy")
                    .metric("accuracy"),
            )
            .output(
                "score",
                output()
                    .loss(Huber {
                        delta: 0.5,
                        ..Huber::default()
                    })
                    .weight(0.2)
                    .metric("mae"),
            ),
    )?;

    // The kind is which of the first three numbers is largest; the score sums all, turned round by the first flag.
    let value = |i: usize, j: usize| ((i * (31 + 14 * j) + j * 7) % 101) as f32 / 50. - 1.;
    let x: Vec<[f32; 4]> = (0..1024)
        .map(|i| [value(i, 0), value(i, 1), value(i, 2), value(i, 3)])
        .collect();
    let f: Vec<[f32; 2]> = (0..1024)
        .map(|i| [(i % 2) as f32, (i % 3 == 0) as u8 as f32])
        .collect();
    let largest = |row: &[f32; 4]| (0..3).fold(0, |best, j| if row[j] > row[best] { j } else { best });
    let y: Vec<u32> = x.iter().map(|row| largest(row) as u32).collect();
    let s: Vec<[f32; 1]> = x
        .iter()
        .zip(&f)
        .map(|(x, f)| [x.iter().sum::<f32>() * (1. - 2. * f[0])])
        .collect();
    let tensor = |rows: &[f32], width| Tensor::from_slice(rows, (rows.len() / width, width), &Device::Cpu);
    let (x, f, s) = (
        tensor(x.as_flattened(), 4)?,
        tensor(f.as_flattened(), 2)?,
        tensor(s.as_flattened(), 1)?,
    );
    let y = Tensor::from_vec(y, 1024, &Device::Cpu)?;

    let fit = Fit::new()
        .epochs(options.epochs(40, 10)?)
        .validation_split(0.2)
        .verbose(2);
    let history = model.fit(
        ([("flags", &f), ("numbers", &x)], [("kind", &y), ("score", &s)]),
        fit,
    )?;
    println!(
        "kind: accuracy {:.3} on the validation part",
        history.last("val_kind_accuracy")?
    );
    println!("score: mean absolute error {:.3}", history.last("val_score_mae")?);
    let outputs = model.predict_all([("numbers", &x), ("flags", &f)], Predict::new().verbose(0))?;
    println!(
        "predictions of shapes {:?} and {:?}",
        outputs[0].dims(),
        outputs[1].dims()
    );
    Ok(())
}
