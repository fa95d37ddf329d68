//! The ways data comes in: batches by hand, iterators, weights, validation.

use keras::data::{Batch, Batches};
use keras::prelude::*;

use super::{line, weights};

/// Twelve points of a line.
fn points() -> (Vec<[f32; 1]>, Vec<[f32; 1]>) {
    let x: Vec<[f32; 1]> = (0..12).map(|i| [i as f32 / 12.]).collect();
    let y = x.iter().map(|[v]| [2. * v + 1.]).collect();
    (x, y)
}

fn in_order(epochs: usize) -> Fit {
    Fit::new().epochs(epochs).batch_size(4).shuffle(false).verbose(0)
}

#[test]
fn an_iterator_of_batches_trains_like_the_arrays() -> keras::Result<()> {
    let (x, y) = points();
    set_random_seed(1);
    let mut arrays = line()?;
    let expected = arrays.fit((&x, &y), in_order(2))?;
    set_random_seed(1);
    let mut iterator = line()?;
    let batches = Batches::new(move || {
        let parts: Vec<_> = x
            .chunks(4)
            .map(<[_]>::to_vec)
            .zip(y.chunks(4).map(<[_]>::to_vec))
            .collect();
        parts.into_iter().map(|(x, y)| Batch::new(x, y))
    });
    assert_eq!(iterator.fit(batches, in_order(2))?, expected);
    assert_eq!(weights(&iterator)?, weights(&arrays)?);
    Ok(())
}

#[test]
fn one_batch_by_hand_is_one_step_of_fit() -> keras::Result<()> {
    let (x, y) = points();
    set_random_seed(2);
    let mut fitted = line()?;
    let history = fitted.fit((&x, &y), in_order(1).batch_size(12))?;
    set_random_seed(2);
    let mut stepped = line()?;
    let before = stepped.test_on_batch((&x, &y))?.get("loss")?;
    stepped.reset_metrics()?;
    let scores = stepped.train_on_batch((&x, &y))?;
    assert_eq!(scores.get("loss")?, history.last("loss")?);
    assert_eq!(before, scores.get("loss")?);
    assert_eq!(weights(&stepped)?, weights(&fitted)?);
    let predicted = stepped.predict_on_batch(&x)?;
    let all = fitted.predict(&x, Predict::new().verbose(0))?;
    assert_eq!(predicted[0].to_vec2::<f32>()?, all.to_vec2::<f32>()?);
    Ok(())
}

#[test]
fn class_weights_are_sample_weights_by_label() -> keras::Result<()> {
    let x: Vec<[f32; 1]> = (0..12).map(|i| [i as f32]).collect();
    let y: Vec<u32> = (0..12).map(|i| i % 3).collect();
    let by_hand: Vec<f32> = y.iter().map(|label| if *label == 1 { 5. } else { 1. }).collect();
    let model = || -> keras::Result<Model> {
        set_random_seed(3);
        let mut model = Sequential::new()
            .input([1])
            .add(Dense::new(3).activation("softmax"))
            .build_on(&Device::Cpu)?;
        model.compile(Compile::new("sgd").loss("sparse_categorical_crossentropy"))?;
        Ok(model)
    };
    let (mut by_class, mut by_sample) = (model()?, model()?);
    let expected = by_sample.fit((&x, &y, &by_hand), in_order(2))?;
    assert_eq!(by_class.fit((&x, &y), in_order(2).class_weight(1, 5.))?, expected);
    assert_eq!(weights(&by_class)?, weights(&by_sample)?);
    Ok(())
}

#[test]
fn the_validation_split_is_the_tail() -> keras::Result<()> {
    let (x, y) = points();
    set_random_seed(4);
    let mut split = line()?;
    let history = split.fit((&x, &y), in_order(2).validation_split(0.25))?;
    set_random_seed(4);
    let mut given = line()?;
    let tail = (x[9..].to_vec(), y[9..].to_vec());
    let expected = given.fit((&x[..9], &y[..9]), in_order(2).validation_data(tail))?;
    assert_eq!(history, expected);
    Ok(())
}

#[test]
fn validation_is_left_out_where_it_is_not_due() -> keras::Result<()> {
    let (x, y) = points();
    let mut model = line()?;
    let fit = in_order(4).validation_split(0.25).validation_freq(2);
    let history = model.fit((&x, &y), fit)?;
    let missing: Vec<bool> = history.get("val_loss")?.iter().map(|v| v.is_nan()).collect();
    assert_eq!(missing, [true, false, true, false]);
    Ok(())
}
