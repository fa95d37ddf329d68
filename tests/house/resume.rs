//! Going on from a file.

use keras::prelude::*;

use super::{classifier, digits, weights};

fn fit(from: usize, to: usize) -> Fit {
    Fit::new()
        .initial_epoch(from)
        .epochs(to)
        .batch_size(64)
        .seed(11)
        .verbose(0)
}

#[test]
fn going_on_from_a_file_equals_training_without_a_break() -> keras::Result<()> {
    let data = digits()?;
    let data = || (&data.train.0, &data.train.1);
    set_random_seed(4);
    let mut whole = classifier()?;
    whole.fit(data(), fit(0, 4))?;

    let folder = tempfile::tempdir().map_err(keras::Error::user)?;
    let path = folder.path().join("half.keras");
    set_random_seed(4);
    let mut half = classifier()?;
    half.fit(data(), fit(0, 2))?;
    half.save(&path)?;
    drop(half);
    // Nothing may depend on what this process drew before.
    set_random_seed(999);
    let mut resumed = load_model(&path)?;
    resumed.fit(data(), fit(2, 4))?;
    assert_eq!(weights(&resumed)?, weights(&whole)?);
    assert_eq!(resumed.optimizer()?.iterations(), whole.optimizer()?.iterations());
    Ok(())
}

#[test]
fn a_loaded_model_predicts_the_same_bits() -> keras::Result<()> {
    set_random_seed(8);
    let data = digits()?;
    let mut model = classifier()?;
    model.fit((&data.train.0, &data.train.1), fit(0, 1))?;
    let folder = tempfile::tempdir().map_err(keras::Error::user)?;
    let path = folder.path().join("model.keras");
    model.save(&path)?;
    let mut loaded = load_model(&path)?;
    let predict = || Predict::new().verbose(0);
    let (a, b) = (
        model.predict(&data.test.0, predict())?,
        loaded.predict(&data.test.0, predict())?,
    );
    assert_eq!(a.to_vec2::<f32>()?, b.to_vec2::<f32>()?);
    let scores = |m: &mut Model| m.evaluate((&data.test.0, &data.test.1), Evaluate::new().verbose(0));
    assert_eq!(scores(&mut loaded)?, scores(&mut model)?);
    Ok(())
}
