//! One sample in ten is what matters: class weights and the focal loss, on tumours of the breast.
//!
//! `cargo run --release --example imbalanced [-- --epochs N | --short]`
//!
//! The training part keeps every sixth of the malignant tumours only, so that guessing "benign" is right nine times in
//! ten. The test part is as it was.
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use anyhow::Result;
use keras::prelude::*;
use keras_examples::Options;

/// Malignant is 1: what is to be found.
fn targets(benign: &Tensor) -> Result<Tensor> {
    let found: Vec<u8> = benign.to_vec1::<u8>()?.iter().map(|benign| 1 - benign).collect();
    Ok(Tensor::new(found.as_slice(), &Device::Cpu)?)
}

/// The rows to keep: all benign ones, and every sixth malignant one.
fn kept(y: &Tensor) -> Result<Tensor> {
    let (mut rows, mut malignant) = (Vec::new(), 0);
    for (row, label) in y.to_vec1::<u8>()?.iter().enumerate() {
        if *label == 0 || malignant % 6 == 0 {
            rows.push(row as u32);
        }
        malignant += u32::from(*label);
    }
    Ok(Tensor::new(rows.as_slice(), &Device::Cpu)?)
}

/// A trained model and what it reaches on the test part.
fn trained(
    name: &str,
    loss: impl Loss,
    fit: Fit,
    train: (&Tensor, &Tensor),
    test: (&Tensor, &Tensor),
) -> Result<Model> {
    set_random_seed(8);
    let mut model = Sequential::new()
        .input([30])
        .add(Dense::new(16).activation("relu"))
        .add(Dense::new(1).activation("sigmoid"))
        .build_on(&Device::Cpu)?;
    model.compile(
        Compile::new(Adam::new(3e-3))
            .loss(loss)
            .metric("auc")
            .metric("recall")
            .metric("precision"),
    )?;
    model.fit(train, fit)?;
    let scores = model.evaluate(test, Evaluate::new().verbose(0))?;
    println!(
        "{name:<20} AUC {:.4}, finds {:5.1} % of the malignant, right in {:5.1} % of its alarms",
        scores.get("auc")?,
        100. * scores.get("recall")?,
        100. * scores.get("precision")?
    );
    Ok(model)
}

fn main() -> Result<()> {
    let options = Options::from_args(&["epochs"])?;
    let table = datasets::breast_cancer()?.standardized()?;
    let (y, y_test) = (targets(&table.train.1)?, targets(&table.test.1)?);
    let rows = kept(&y)?;
    let (x, y) = (ops::take(&table.train.0, &rows, 0)?, ops::take(&y, &rows, 0)?);
    let (train, test) = ((&x, &y), (&table.test.0, &y_test));
    let malignant = y.to_vec1::<u8>()?.iter().filter(|label| **label == 1).count();
    let benign = y.dim(0)? - malignant;
    println!("{benign} benign tumours and {malignant} malignant ones to learn from\n");

    let epochs = options.epochs(40, 15)?;
    let fit = || Fit::new().epochs(epochs).batch_size(32).seed(1).verbose(0);
    trained("as they are", BinaryCrossentropy::default(), fit(), train, test)?;

    // Each class weighs as much as the other.
    let weight = benign as f64 / malignant as f64;
    let weighted = fit().class_weight(1, weight);
    let mut model = trained(
        "class weights",
        BinaryCrossentropy::default(),
        weighted,
        train,
        test,
    )?;

    // What is already right counts less, and the rare class more.
    let focal = BinaryFocalCrossentropy {
        apply_class_balancing: true,
        alpha: weight / (1. + weight),
        ..BinaryFocalCrossentropy::default()
    };
    trained("focal loss", focal, fit(), train, test)?;

    let mut report = metrics::ClassificationReport::new()
        .num_classes(Some(2))
        .target_names(Some(vec!["benign".to_owned(), "malignant".to_owned()]));
    let p = model.predict(&table.test.0, Predict::new().verbose(0))?;
    report.update_state(&y_test, &p, None)?;
    println!("\nWith class weights, on the test part:\n{}", report.report()?);
    Ok(())
}
