//! From data to predictions.

use keras::prelude::*;

use super::{classifier, digits};

#[test]
fn fit_on_digits_reaches_accuracy() -> keras::Result<()> {
    set_random_seed(42);
    let data = digits()?;
    let mut model = classifier()?;
    let fit = Fit::new().epochs(30).validation_split(0.1).verbose(0);
    let history = model.fit((&data.train.0, &data.train.1), fit)?;
    assert_eq!(history.names(), ["loss", "accuracy", "val_loss", "val_accuracy"]);
    let scores = model.evaluate((&data.test.0, &data.test.1), Evaluate::new().verbose(0))?;
    assert!(scores.get("accuracy")? > 0.93, "{scores:?}");

    // What `evaluate` counts is what `predict` says.
    let outputs = model.predict(&data.test.0, Predict::new().verbose(0))?;
    let rows = outputs.to_vec2::<f32>()?;
    let labels = data.test.1.to_dtype(DType::U32)?.to_vec1::<u32>()?;
    let largest = |row: &[f32]| (0..10).fold(0, |best, j| if row[j] > row[best] { j } else { best });
    let right = rows
        .iter()
        .zip(&labels)
        .filter(|(row, label)| largest(row) == **label as usize)
        .count();
    let accuracy = right as f64 / labels.len() as f64;
    assert!((scores.get("accuracy")? - accuracy).abs() < 1e-6);
    Ok(())
}

#[test]
fn early_stopping_ends_training_and_restores_the_best_weights() -> keras::Result<()> {
    set_random_seed(1);
    let data = digits()?;
    let mut model = classifier()?;
    let stop = Shared::new(
        EarlyStopping::new("val_loss")
            .patience(1)
            .restore_best_weights(true),
    );
    let fit = Fit::new()
        .epochs(200)
        .validation_split(0.2)
        .verbose(0)
        .callback(stop.clone());
    let history = model.fit((&data.train.0, &data.train.1), fit)?;
    let epochs = history.epochs().len();
    assert!(epochs < 200, "never stopped");
    assert_eq!(history.best_epoch("val_loss")?, epochs - 2);
    let n = data.train.0.dim(0)?;
    let held = n - (n as f64 * 0.8).floor() as usize;
    let (x, y) = (
        data.train.0.narrow(0, n - held, held)?,
        data.train.1.narrow(0, n - held, held)?,
    );
    let scores = model.evaluate((&x, &y), Evaluate::new().verbose(0))?;
    assert!((scores.get("loss")? - history.best("val_loss")?).abs() < 1e-5);
    Ok(())
}

#[test]
fn outputs_and_inputs_go_by_name() -> keras::Result<()> {
    set_random_seed(2);
    let (a, b) = (input([2]).name("a"), input([3]).name("b"));
    let both = Concatenate::new().apply([&a, &b])?;
    let kind = Dense::new(2).activation("softmax").apply(&both)?.name("kind");
    let score = Dense::new(1).apply(&both)?.name("score");
    let mut model = Model::new_on([&a, &b], [&kind, &score], &Device::Cpu)?;
    model.compile(
        Compile::new("adam")
            .output("score", output().loss("mse").weight(0.2).metric("mae"))
            .output(
                "kind",
                output()
                    .loss("sparse_categorical_crossentropy")
                    .metric("accuracy"),
            ),
    )?;
    let wanted = ["loss", "kind_loss", "score_loss", "kind_accuracy", "score_mae"];
    assert_eq!(model.metrics_names()?, wanted);
    let x = (
        Tensor::ones((8, 2), DType::F32, &Device::Cpu)?,
        Tensor::ones((8, 3), DType::F32, &Device::Cpu)?,
    );
    let kinds = Tensor::new(&[0u32, 1, 0, 1, 0, 1, 0, 1], &Device::Cpu)?;
    let scores = Tensor::ones((8, 1), DType::F32, &Device::Cpu)?;
    let data = ([("b", &x.1), ("a", &x.0)], [("score", &scores), ("kind", &kinds)]);
    let history = model.fit(data, Fit::new().epochs(2).verbose(0))?;
    let parts = history.get("kind_loss")?[1] + 0.2 * history.get("score_loss")?[1];
    assert!((history.get("loss")?[1] - parts).abs() < 1e-5);
    Ok(())
}

#[test]
fn targets_of_shape_n_count_as_n_by_one() -> keras::Result<()> {
    // Keras's rule: one rank less than the output is a missing axis of size one, never a broadcast.
    let x: Vec<[f32; 1]> = (0..16).map(|i| [i as f32 / 16.]).collect();
    let flat: Vec<f32> = x.iter().map(|[v]| 3. * v - 1.).collect();
    let column: Vec<[f32; 1]> = flat.iter().map(|v| [*v]).collect();
    let train = |rows: bool| -> keras::Result<_> {
        set_random_seed(3);
        let mut model = super::line()?;
        let fit = Fit::new().epochs(3).verbose(0);
        let history = if rows {
            model.fit((&x, &column), fit)?
        } else {
            model.fit((&x, &flat), fit)?
        };
        Ok((history, super::weights(&model)?))
    };
    assert_eq!(train(false)?, train(true)?);
    Ok(())
}

#[test]
fn equal_seeds_give_equal_weights() -> keras::Result<()> {
    let data = digits()?;
    let train = |seed| -> keras::Result<_> {
        set_random_seed(seed);
        let mut model = classifier()?;
        model.fit((&data.train.0, &data.train.1), Fit::new().epochs(1).verbose(0))?;
        super::weights(&model)
    };
    assert_eq!(train(5)?, train(5)?);
    assert_ne!(train(5)?, train(6)?);
    Ok(())
}
