//! Every argument of `fit`, `evaluate` and `predict` that can be wrong, found before the first step.

use keras::data::{Batch, Batches, Indexed, IndexedDataset, class_weights};
use keras::prelude::*;

use super::{assert_says, classifier, line, message, weights};

type Case = (&'static str, fn() -> Fit, &'static [&'static str]);

fn quiet() -> Fit {
    Fit::new().verbose(0)
}

fn points() -> Vec<[f32; 1]> {
    (0..8).map(|i| [i as f32]).collect()
}

#[test]
fn options_of_fit() -> keras::Result<()> {
    let cases: [Case; 16] = [
        (
            "batch_size 0",
            || quiet().batch_size(0),
            &["batch_size must be 1 or more"],
        ),
        (
            "steps 0",
            || quiet().steps_per_epoch(0),
            &["steps_per_epoch must be 1 or more"],
        ),
        (
            "validation batch 0",
            || quiet().validation_split(0.5).validation_batch_size(0),
            &["validation_batch_size must be 1 or more"],
        ),
        (
            "validation steps 0",
            || quiet().validation_split(0.5).validation_steps(0),
            &["validation_steps must be 1 or more"],
        ),
        (
            "frequency 0",
            || quiet().validation_split(0.5).validation_freq(0),
            &["validation_freq"],
        ),
        (
            "epoch 0",
            || quiet().validation_split(0.5).validation_epochs([0, 2]),
            &["count from 1"],
        ),
        (
            "split 1",
            || quiet().validation_split(1.),
            &["validation_split must be in 0..1"],
        ),
        (
            "split below 0",
            || quiet().validation_split(-0.1),
            &["validation_split must be in 0..1"],
        ),
        (
            "split NaN",
            || quiet().validation_split(f64::NAN),
            &["validation_split must be in 0..1"],
        ),
        (
            "steps without validation",
            || quiet().validation_steps(2),
            &["validation_steps", "nothing to validate with"],
        ),
        (
            "verbose 3",
            || Fit::new().verbose(3),
            &["verbose must be 0", "got 3"],
        ),
        (
            "validation data of another width",
            || quiet().validation_data((vec![[1f32, 2.]], vec![[1f32]])),
            &["validation_data", "(None, 1)", "[1, 2]"],
        ),
        (
            "validation data of different length",
            || quiet().validation_data((vec![[1f32], [2.]], vec![[1f32]])),
            &["validation_data", "x has 2 samples"],
        ),
        (
            "NaN in validation data",
            || quiet().validation_data((vec![[1f32], [f32::NAN]], vec![[1f32], [2.]])),
            &["validation_data", "x contains NaN", "sample 1"],
        ),
        (
            "class weight NaN",
            || quiet().class_weight(0, f64::NAN),
            &["class_weight of class 0", "finite"],
        ),
        (
            "unknown callback",
            || quiet().callback("EarlyStoping"),
            &["`EarlyStopping`?"],
        ),
    ];
    for (name, fit, words) in cases {
        let mut model = line()?;
        let before = weights(&model)?;
        let text = message(model.fit((points(), points()), fit()));
        assert_says(&text, words);
        assert_eq!(weights(&model)?, before, "{name}");
    }
    Ok(())
}

#[test]
fn data_of_fit() -> keras::Result<()> {
    let x = points;
    let says = |result: keras::Result<History>, words: &[&str]| assert_says(&message(result), words);
    says(
        line()?.fit((x(), x(), vec![1f32; 7]), quiet()),
        &["x has 8 samples", "sample_weight", "[7]"],
    );
    let nan = [1., f32::NAN, 1., 1., 1., 1., 1., 1.];
    says(
        line()?.fit((x(), x(), nan), quiet()),
        &["sample_weight contains NaN", "sample 1"],
    );
    says(
        line()?.fit((x(), x(), vec![1f32; 8]), quiet().class_weight(1, 2.)),
        &["class_weight and sample_weight"],
    );
    says(line()?.fit((x(),), quiet()), &["targets are missing"]);
    let named = |name| -> keras::Result<_> { Ok([(name, Tensor::zeros((8, 1), DType::F32, &Device::Cpu)?)]) };
    let input = line()?.input_names().remove(0);
    let wrong = format!("{input}x");
    says(
        line()?.fit((named(wrong.as_str())?, x()), quiet()),
        &["unknown name", &format!("Did you mean `{input}`?")],
    );
    let output = line()?.output_names().remove(0);
    let wrong = format!("{output}s");
    says(
        line()?.fit((x(), named(wrong.as_str())?), quiet()),
        &["unknown name", &format!("Did you mean `{output}`?")],
    );
    let labels = vec![1i64; 8];
    let rows = Tensor::zeros((8, 64), DType::F32, &Device::Cpu)?;
    says(
        classifier()?.fit((&rows, &labels), quiet().class_weight(10, 2.)),
        &["class_weight names class 10", "10 classes"],
    );
    let scalar = Tensor::new(1f32, &Device::Cpu)?;
    says(
        line()?.fit((&scalar, &scalar), quiet()),
        &["x has no axis that counts samples"],
    );
    Ok(())
}

#[test]
fn iterators_and_datasets_of_fit() -> keras::Result<()> {
    let says = |result: keras::Result<History>, words: &[&str]| assert_says(&message(result), words);
    let batches = || Batches::new(|| (0..3).map(|_| Batch::new(vec![[1f32]], vec![[1f32]])));
    says(
        line()?.fit(batches(), quiet().validation_split(0.5)),
        &["validation_split", "validation_data"],
    );
    says(
        line()?.fit(Batches::new(Vec::<keras::Result<Batch>>::new), quiet()),
        &["the data gave no batch"],
    );
    let once = Batches::once((0..2).map(|_| Batch::new(vec![[1f32]], vec![[1f32]])));
    says(line()?.fit(once, quiet().epochs(2)), &["no batch in epoch 1"]);
    let bare = Batches::new(|| [Batch::inputs(vec![[1f32]])]);
    says(line()?.fit(bare, quiet()), &["batch 0", "targets are missing"]);
    let wide = Batches::new(|| [Batch::new(vec![[1f32, 2.]], vec![[1f32]])]);
    says(line()?.fit(wide, quiet()), &["(None, 1)", "[1, 2]"]);
    let nan = Batches::new(|| [Batch::new(vec![[1f32]], vec![[f32::NAN]])]);
    says(line()?.fit(nan, quiet()), &["batch 0", "y contains NaN"]);
    let weighted = Batches::new(|| {
        [Batch::new(vec![[1f32]], vec![[1f32]]).and_then(|batch| batch.sample_weight(vec![1f32]))]
    });
    says(
        line()?.fit(weighted, quiet().class_weight(1, 2.)),
        &["class_weight and sample_weight"],
    );
    let failing = Batches::new(|| [Err(keras::Error::invalid("the file is gone"))]);
    says(line()?.fit(failing, quiet()), &["batch 0", "the file is gone"]);

    struct Empty;
    impl IndexedDataset for Empty {
        fn len(&self) -> usize {
            0
        }
        fn get(&self, _: usize) -> keras::Result<Batch> {
            Batch::new([1f32], [1f32])
        }
    }
    says(line()?.fit(Indexed::samples(Empty), quiet()), &["no items"]);
    says(
        line()?.fit(Indexed::samples(Empty).max_queue_size(0), quiet()),
        &["max_queue_size"],
    );
    Ok(())
}

#[test]
fn evaluate_and_predict() -> keras::Result<()> {
    let x = points;
    let mut model = line()?;
    let evaluate = || Evaluate::new().verbose(0);
    let predict = || Predict::new().verbose(0);
    for (result, words) in [
        (
            model.evaluate((x(), x()), evaluate().batch_size(0)),
            "batch_size must be 1 or more",
        ),
        (
            model.evaluate((x(), x()), evaluate().steps(0)),
            "steps must be 1 or more",
        ),
        (
            model.evaluate((x(), x()), Evaluate::new().verbose(9)),
            "verbose must be 0",
        ),
        (model.evaluate((x(),), evaluate()), "targets are missing"),
        (
            model.evaluate((x(), vec![[f32::NAN]; 8]), evaluate()),
            "y contains NaN",
        ),
    ] {
        assert_says(&message(result), &[words]);
    }
    let nan = model.evaluate((x(), vec![[f32::NAN]; 8]), evaluate().allow_nan(true))?;
    assert!(nan.get("loss")?.is_nan());
    for (result, words) in [
        (
            model.predict(x(), predict().batch_size(0)),
            "batch_size must be 1 or more",
        ),
        (model.predict(x(), predict().steps(0)), "steps must be 1 or more"),
        (model.predict(vec![[1f32, 2.]], predict()), "(None, 1)"),
        (model.predict(vec![[1f32]; 0], predict()), "x has no"),
        (
            model.predict(Batches::new(Vec::<keras::Result<Batch>>::new), predict()),
            "gave no batch",
        ),
    ] {
        assert_says(&message(result), &[words]);
    }
    let text = message(model.train_on_batch(Batches::new(|| [Batch::inputs(vec![[1f32]])])));
    assert_says(&text, &["one batch is tensors"]);
    Ok(())
}

#[test]
fn weights_of_several_outputs_and_positions() -> keras::Result<()> {
    let x = input([1]).name("x");
    let (a, b) = (
        Dense::new(2).apply(&x)?.name("left"),
        Dense::new(1).apply(&x)?.name("right"),
    );
    let mut model = Model::new_on(&x, [&a, &b], &Device::Cpu)?;
    model.compile(Compile::new("sgd").loss("mse"))?;
    let y = (
        Tensor::zeros((8, 2), DType::F32, &Device::Cpu)?,
        Tensor::zeros((8, 1), DType::F32, &Device::Cpu)?,
    );
    let both = || [&y.0, &y.1];
    let says = |result: keras::Result<History>, words: &[&str]| assert_says(&message(result), words);
    says(
        model.fit((points(), both(), &y.0), quiet()),
        &["(samples,)", "left, right"],
    );
    says(
        model.fit((points(), &y.0), quiet()),
        &["y", "2 (left, right)", "got 1"],
    );
    says(
        model.fit((points(), [("left", &y.0), ("rigth", &y.1)]), quiet()),
        &["y", "unknown name `rigth`", "Did you mean `right`?"],
    );
    says(
        model.fit((points(), [("left", &y.0), ("left", &y.1)]), quiet()),
        &["given once"],
    );
    says(
        model.fit((points(), both()), quiet().class_weight(0, 2.)),
        &["one output"],
    );
    let images = Tensor::zeros((2, 3, 4), DType::F32, &Device::Cpu)?;
    assert_says(
        &message(class_weights(&images, [(0, 1.)])),
        &["one class a sample", "[2, 3, 4]"],
    );
    Ok(())
}
