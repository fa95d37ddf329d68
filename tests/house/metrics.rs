//! Metrics of a model: several numbers in the logs, masks.

use keras::layers::Embedding;
use keras::metrics::{ClassificationReport, F1Score, Precision};
use keras::prelude::*;

use super::{assert_says, message};

fn classifier(compile: Compile) -> keras::Result<Model> {
    set_random_seed(3);
    let mut model = Sequential::new()
        .input([2])
        .add(Dense::new(2).activation("softmax"))
        .build_on(&Device::Cpu)?;
    model.compile(compile)?;
    Ok(model)
}

fn points() -> (Vec<[f32; 2]>, Vec<[f32; 2]>) {
    let x: Vec<[f32; 2]> = (0..24).map(|i| [(i % 5) as f32, (i % 3) as f32]).collect();
    let y = x
        .iter()
        .map(|[a, b]| if a > b { [1., 0.] } else { [0., 1.] })
        .collect();
    (x, y)
}

/// A vector becomes `name_0`, `name_1`, …; named numbers keep their names; a callback may watch any of them.
#[test]
fn several_numbers_are_several_logs() -> keras::Result<()> {
    let compile = Compile::new("sgd")
        .loss("categorical_crossentropy")
        .metric("accuracy")
        .metric(F1Score::new())
        .metric(Precision::new().thresholds(Some(vec![0.3, 0.6])))
        .metric(ClassificationReport::new());
    let mut model = classifier(compile)?;
    let (x, y) = points();
    let watch = EarlyStopping::new("val_f1_score_1").patience(5);
    let fit = || {
        Fit::new()
            .epochs(2)
            .batch_size(5)
            .validation_split(0.25)
            .verbose(0)
    };
    let history = model.fit((&x, &y), fit().callback(watch))?;
    for name in [
        "f1_score_0",
        "f1_score_1",
        "precision_0",
        "precision_1",
        "0_recall",
        "macro_avg_precision",
    ] {
        assert_eq!(history.get(name)?.len(), 2, "{name}");
        assert_eq!(history.get(&format!("val_{name}"))?.len(), 2, "{name}");
    }
    // The report's accuracy is the metric's.
    assert_eq!(history.get("accuracy")?, history.get("accuracy_1")?);
    assert_eq!(model.larger_is_better("f1_score_1"), Some(true));
    let wrong = model.fit((&x, &y), fit().callback(EarlyStopping::new("val_f1_score_2")));
    assert_says(&message(wrong), &["val_f1_score_2", "val_f1_score_1"]);
    Ok(())
}

/// Metrics in training left masks out of account.
#[test]
fn a_mask_leaves_positions_out() -> keras::Result<()> {
    set_random_seed(5);
    let mut model = Sequential::new()
        .input([3])
        .add(Embedding::new(5, 4).mask_zero(true))
        .add(Dense::new(2).activation("softmax"))
        .build_on(&Device::Cpu)?;
    model.compile(
        Compile::new("sgd")
            .loss("sparse_categorical_crossentropy")
            .metric("accuracy")
            .weighted_metric("sparse_categorical_crossentropy"),
    )?;
    let x = vec![[1u32, 2, 0], [3, 0, 0], [4, 1, 2]];
    let y = vec![[0u32, 1, 1], [1, 0, 0], [0, 0, 1]];
    let p = model.predict(&x, Predict::new().verbose(0))?;
    let scores = model.evaluate((&x, &y), Evaluate::new().verbose(0))?;
    let p = p.flatten_all()?.to_vec1::<f32>()?;
    let (mut right, mut loss, mut count) = (0., 0., 0.);
    for (i, (x, y)) in x.iter().flatten().zip(y.iter().flatten()).enumerate() {
        if *x != 0 {
            let row = &p[2 * i..2 * i + 2];
            right += f64::from(u8::from(u32::from(row[1] > row[0]) == *y));
            loss -= f64::from(row[*y as usize].ln());
            count += 1.;
        }
    }
    assert!((scores.get("accuracy")? - right / count).abs() < 1e-5);
    assert!((scores.get("sparse_categorical_crossentropy")? - loss / count).abs() < 1e-5);
    Ok(())
}
