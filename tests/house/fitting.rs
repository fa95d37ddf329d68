//! Histories and weights after `fit`, as Keras 3.15.1 has them with JAX.

use keras::data::{Batch, Batches, Indexed, IndexedDataset};
use keras::initializers::Constant;
use keras::prelude::*;

use super::weights;

const SAMPLES: usize = 14;

/// Two inputs, a number to be met, a weight, a label.
#[derive(Clone)]
struct Points {
    x: Vec<[f32; 2]>,
    y: Vec<[f32; 1]>,
    w: Vec<f32>,
    labels: Vec<i64>,
}

fn points() -> Points {
    let x: Vec<[f32; 2]> = (0..SAMPLES)
        .map(|i| [i as f32 / 7. - 1., (i * i % 5) as f32 / 5.])
        .collect();
    Points {
        y: x.iter().map(|[a, b]| [a * 2. - b + 0.5]).collect(),
        w: (0..SAMPLES).map(|i| (i % 3) as f32 + 0.5).collect(),
        labels: (0..SAMPLES).map(|i| (i % 3) as i64).collect(),
        x,
    }
}

fn line(steps_per_execution: usize) -> keras::Result<Model> {
    let dense = Dense::new(1).kernel_initializer(Constant { value: 0.25 });
    let mut model = Sequential::new().input([2]).add(dense).build_on(&Device::Cpu)?;
    model.compile(
        Compile::new(SGD::new(0.1))
            .loss("mse")
            .metric("mae")
            .weighted_metric("mse")
            .steps_per_execution(steps_per_execution),
    )?;
    Ok(model)
}

#[track_caller]
fn close(what: &str, got: &[f64], expected: &[f64]) {
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 2e-5 + 1e-4 * b.abs();
    assert!(
        got.len() == expected.len() && got.iter().zip(expected).all(near),
        "{what}: got {got:?}, Keras has {expected:?}"
    );
}

#[track_caller]
fn check(
    name: &str,
    model: &Model,
    history: &History,
    logs: &[(&str, &[f64])],
    end: &[f64],
) -> keras::Result<()> {
    for (log, expected) in logs {
        close(&format!("{name}, {log}"), history.get(log)?, expected);
    }
    let values: Vec<f64> = weights(model)?.concat().into_iter().map(f64::from).collect();
    close(&format!("{name}, weights"), &values, end);
    Ok(())
}

const PLAIN: [f64; 3] = [0.987881, 0.209621, 0.0926185];

#[test]
fn data_in_memory() -> keras::Result<()> {
    let p = points();
    let quiet = || Fit::new().verbose(0).shuffle(false);
    let by_four = || quiet().batch_size(4);
    let table: [(&str, usize, Fit, &[(&str, &[f64])], [f64; 3]); 9] = [
        (
            "the last batch is smaller",
            1,
            by_four().epochs(2),
            &[("loss", &[1.07026, 0.685859]), ("mae", &[0.867344, 0.685273])],
            PLAIN,
        ),
        (
            "epochs of steps end with the data",
            1,
            by_four().epochs(4).steps_per_epoch(3),
            &[
                ("loss", &[1.14089, 0.646471, 0.76838, 0.190733]),
                ("mae", &[0.87901, 0.797349, 0.727843, 0.429853]),
            ],
            PLAIN,
        ),
        (
            "more steps than data",
            1,
            by_four().epochs(2).steps_per_epoch(9),
            &[("loss", &[1.07026, 0.685859])],
            PLAIN,
        ),
        (
            "batches from steps",
            1,
            quiet().epochs(2).steps_per_epoch(5),
            &[("loss", &[0.970683, 0.571045])],
            [1.09369, 0.16728, 0.0974778],
        ),
        (
            "several batches an execution",
            3,
            by_four().epochs(2),
            &[("loss", &[1.07026, 0.685859]), ("mse", &[1.07026, 0.685859])],
            PLAIN,
        ),
        (
            "several batches an execution, with steps",
            3,
            quiet().batch_size(2).epochs(3).steps_per_epoch(4),
            &[("loss", &[0.93513, 0.302032, 0.516727])],
            [1.22899, 0.042784, 0.0982113],
        ),
        (
            "a split",
            1,
            by_four().epochs(2).validation_split(0.3).validation_batch_size(3),
            &[
                ("loss", &[0.967587, 0.504389]),
                ("val_loss", &[1.40732, 1.44626]),
                ("val_mae", &[1.16919, 1.18699]),
            ],
            [0.608488, 0.0726131, -0.320886],
        ),
        (
            "steps of validation",
            1,
            by_four()
                .epochs(2)
                .validation_data((
                    p.x.iter().rev().copied().collect::<Vec<_>>(),
                    p.y.iter().rev().copied().collect::<Vec<_>>(),
                    &p.w,
                ))
                .validation_steps(2),
            &[
                ("val_loss", &[0.48688, 0.340438]),
                ("val_mae", &[0.542252, 0.438293]),
                ("val_mse", &[0.354095, 0.247591]),
            ],
            PLAIN,
        ),
        (
            "a later start",
            1,
            by_four().epochs(5).initial_epoch(3),
            &[("loss", &[1.07026, 0.685859])],
            PLAIN,
        ),
    ];
    for (name, block, fit, logs, end) in table {
        let mut model = line(block)?;
        let history = model.fit((&p.x, &p.y), fit)?;
        check(name, &model, &history, logs, &end)?;
    }
    let mut model = line(1)?;
    let history = model.fit((&p.x, &p.y, &p.w), by_four().epochs(2))?;
    let logs: [(&str, &[f64]); 3] = [
        ("loss", &[1.60036, 0.923097]),
        ("mae", &[0.867068, 0.625836]),
        ("mse", &[1.12025, 0.646168]),
    ];
    check(
        "sample weights",
        &model,
        &history,
        &logs,
        &[1.16703, 0.0725542, 0.166026],
    )
}

struct ByFour(Points, bool);

impl IndexedDataset for ByFour {
    fn len(&self) -> usize {
        4
    }
    fn get(&self, index: usize) -> keras::Result<Batch> {
        let (p, rows) = (&self.0, index * 4..(index * 4 + 4).min(SAMPLES));
        let batch = Batch::new(&p.x[rows.clone()], &p.y[rows.clone()])?;
        if self.1 {
            batch.sample_weight(&p.w[rows])
        } else {
            Ok(batch)
        }
    }
}

#[test]
fn data_by_number_and_from_iterators() -> keras::Result<()> {
    let quiet = |epochs| Fit::new().verbose(0).shuffle(false).epochs(epochs);
    let p = points();
    let steps3: [(&str, &[f64]); 1] = [("loss", &[1.14089, 0.646471, 0.76838, 0.190733])];
    for workers in [0, 1, 3] {
        let data = |weighted| Indexed::batches(ByFour(points(), weighted)).workers(workers);
        let mut model = line(1)?;
        let history = model.fit(data(true), quiet(2))?;
        let logs: [(&str, &[f64]); 2] = [("loss", &[1.60036, 0.923097]), ("mse", &[1.12025, 0.646168])];
        check(
            "weighted",
            &model,
            &history,
            &logs,
            &[1.16703, 0.0725542, 0.166026],
        )?;
        let mut model = line(1)?;
        let history = model.fit(data(false), quiet(4).steps_per_epoch(3))?;
        check("steps", &model, &history, &steps3, &PLAIN)?;
    }
    // Endless, going on from epoch to epoch.
    let endless = || {
        let all = ByFour(points(), false);
        (0..).map(move |i| all.get(i % 4))
    };
    let expected: [(&str, &[f64]); 1] = [("loss", &[1.14089, 0.756429, 0.713261])];
    for data in [
        Batches::new(endless),
        Batches::once(endless()),
        Batches::ahead(2, endless),
    ] {
        let mut model = line(1)?;
        let history = model.fit(data, quiet(3).steps_per_epoch(3))?;
        check(
            "endless",
            &model,
            &history,
            &expected,
            &[1.12657, 0.105723, -0.0938184],
        )?;
    }
    // An iterator whose length nobody knows ends an epoch as the data in memory does.
    let all = ByFour(p, false);
    let data = Batches::new(move || (0..4).map(|i| all.get(i)).collect::<Vec<_>>());
    let mut model = line(1)?;
    let history = model.fit(data, quiet(4).steps_per_epoch(3))?;
    check("unknown length", &model, &history, &steps3, &PLAIN)
}

fn classifier(compile: Compile) -> keras::Result<Model> {
    let dense = Dense::new(3)
        .activation("softmax")
        .kernel_initializer(Constant { value: 0.25 })
        .bias_initializer(Constant { value: 0.1 });
    let mut model = Sequential::new().input([2]).add(dense).build_on(&Device::Cpu)?;
    model.compile(compile)?;
    Ok(model)
}

#[test]
fn class_weights() -> keras::Result<()> {
    let p = points();
    let column: Vec<[i64; 1]> = p.labels.iter().map(|l| [*l]).collect();
    let one_hot: Vec<[f32; 3]> = p
        .labels
        .iter()
        .map(|l| [0, 1, 2].map(|class| if class == *l { 1. } else { 0. }))
        .collect();
    let logs: [(&str, &[f64]); 3] = [
        ("loss", &[1.48861, 1.36898]),
        ("acc", &[0.357143, 0.285714]),
        ("accuracy", &[0.512821, 0.615385]),
    ];
    let end = [
        0.332827, 0.491295, -0.0741222, 0.0836503, 0.28125, 0.385099, -0.365502, 0.0734819, 0.59202,
    ];
    let fit = || {
        let fit = Fit::new().verbose(0).shuffle(false).batch_size(4).epochs(2);
        fit.class_weight(0, 0.5).class_weight(2, 3.)
    };
    let compile = |loss: &str| {
        Compile::new(SGD::new(0.5))
            .loss(loss)
            .metric("acc")
            .weighted_metric("accuracy")
    };
    let mut sparse = classifier(compile("sparse_categorical_crossentropy"))?;
    let history = sparse.fit((&p.x, &p.labels), fit())?;
    check("labels", &sparse, &history, &logs, &end)?;
    let mut sparse = classifier(compile("sparse_categorical_crossentropy"))?;
    let history = sparse.fit((&p.x, &column), fit())?;
    check("a column of labels", &sparse, &history, &logs, &end)?;
    let mut dense = classifier(compile("categorical_crossentropy"))?;
    let history = dense.fit((&p.x, &one_hot), fit())?;
    check("one-hot", &dense, &history, &logs, &end)?;
    // And of batches that an iterator makes.
    let mut iterated = classifier(compile("sparse_categorical_crossentropy"))?;
    let (x, labels) = (p.x.clone(), p.labels.clone());
    let batches = Batches::new(move || {
        let parts = x.chunks(4).zip(labels.chunks(4));
        parts.map(|(x, y)| Batch::new(x, y)).collect::<Vec<_>>()
    });
    let history = iterated.fit(batches, fit())?;
    check("an iterator", &iterated, &history, &logs, &end)
}

#[test]
fn single_batches() -> keras::Result<()> {
    let p = points();
    let mut model = line(1)?;
    let scores = |scores: keras::trainer::Scores| scores.iter().map(|(_, v)| v).collect::<Vec<_>>();
    close(
        "plain",
        &scores(model.train_on_batch((&p.x, &p.y))?),
        &[1.01786, 0.857143, 1.01786],
    );
    let weighted = scores(model.train_on_batch((&p.x, &p.y, &p.w))?);
    close("weighted", &weighted, &[1.33748, 0.810031, 0.936234]);
    let tested = scores(model.test_on_batch((&p.x[..3], &p.y[..3]))?);
    close("tested", &tested, &[1.34069, 1.13326, 1.34069]);
    Ok(())
}

#[test]
fn the_crossentropy_that_the_shapes_mean() -> keras::Result<()> {
    let p = points();
    let compile = Compile::new("sgd")
        .loss("crossentropy")
        .metric("Accuracy")
        .metric("ce");
    let mut model = classifier(compile)?;
    for evaluate in [Evaluate::new(), Evaluate::new().steps(2)] {
        let scores = model.evaluate((&p.x, &p.labels), evaluate.verbose(0))?;
        assert_eq!(model.metrics_names()?, ["loss", "Accuracy", "ce"]);
        close(
            "loss",
            &[scores.get("loss")?, scores.get("ce")?],
            &[1.09861, 1.09861],
        );
        close("accuracy", &[scores.get("Accuracy")?], &[0.357143]);
    }
    Ok(())
}

fn two(compile: Compile) -> keras::Result<Model> {
    let quarter = || Constant { value: 0.25 };
    let x = input([2]).name("x");
    let a = Dense::new(1).kernel_initializer(quarter()).apply(&x)?.name("a");
    let b = Dense::new(3)
        .activation("softmax")
        .kernel_initializer(quarter())
        .bias_initializer(Constant { value: 0.1 })
        .apply(&x)?
        .name("b");
    let mut model = Model::new_on(&x, [&a, &b], &Device::Cpu)?;
    model.compile(compile)?;
    Ok(model)
}

#[test]
fn several_outputs() -> keras::Result<()> {
    const SPARSE: &str = "sparse_categorical_crossentropy";
    let p = points();
    let y = Tensor::from_vec(p.y.concat(), (SAMPLES, 1), &Device::Cpu)?;
    let labels = Tensor::from_vec(p.labels.clone(), SAMPLES, &Device::Cpu)?;
    let fit = || Fit::new().verbose(0).shuffle(false).batch_size(4).epochs(2);
    let sgd = || Compile::new(SGD::new(0.2));
    let both: [(&str, &[f64]); 3] = [
        ("loss", &[2.76837, 2.56719]),
        ("a_loss", &[1.07026, 0.685859]),
        ("b_loss", &[1.11662, 1.11213]),
    ];
    let end = [
        0.987881, 0.209621, 0.0926185, 0.234788, 0.367286, 0.147926, 0.308109, 0.299101, 0.142791, 0.194826,
        0.199636, -0.0944623,
    ];
    // By position and by name.
    let listed = sgd().outputs([
        output().loss("mse").weight(0.5).metric("mae"),
        output().loss(SPARSE).weight(2.).metric("acc"),
    ]);
    let named = sgd()
        .output("b", output().loss(SPARSE).weight(2.).metric("acc"))
        .output("a", output().loss("mse").weight(0.5).metric("mae"));
    for compile in [listed, named] {
        let mut model = two(compile)?;
        let history = model.fit((&p.x, [&y, &labels]), fit())?;
        check("weighted losses", &model, &history, &both, &end)?;
        let metrics: [(&str, &[f64]); 2] =
            [("a_mae", &[0.867344, 0.685273]), ("b_acc", &[0.285714, 0.357143])];
        check("metrics", &model, &history, &metrics, &end)?;
        assert_eq!(history.names(), ["loss", "a_loss", "b_loss", "a_mae", "b_acc"]);
    }
    // No loss for one output: its targets may be left out.
    let alone = [
        1.40356, 0.0350526, 0.1383, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.1, 0.1, 0.1,
    ];
    let one: [(&str, &[f64]); 2] = [("loss", &[1.10811, 0.535282]), ("a_mae", &[0.928498, 0.578617])];
    let make = || two(sgd().output("a", output().loss("mse").metric("mae")));
    let mut model = make()?;
    let history = model.fit((&p.x, [&y, &labels]), fit())?;
    check("no loss for b", &model, &history, &one, &alone)?;
    assert_eq!(history.names(), ["loss", "a_mae"]);
    let mut model = make()?;
    let history = model.fit((&p.x, &y), fit())?;
    check("no targets for b", &model, &history, &one, &alone)?;
    let mut model = make()?;
    let history = model.fit((&p.x, [("a", &y)]), fit())?;
    check("no targets for b, by name", &model, &history, &one, &alone)?;

    // Sample weights: one for both outputs, and one for each.
    let compile = || {
        sgd().outputs([
            output().loss("mse").metric("mse").weighted_metric("mse"),
            output().loss(SPARSE).metric("acc").weighted_metric("acc"),
        ])
    };
    let mut model = two(compile())?;
    let history = model.fit((&p.x, [&y, &labels], &p.w), fit())?;
    let logs: [(&str, &[f64]); 7] = [
        ("loss", &[3.25014, 2.25088]),
        ("a_loss", &[1.68707, 0.754924]),
        ("b_loss", &[1.56307, 1.49596]),
        ("a_mse", &[1.11698, 0.508394]),
        ("a_weighted_mse", &[1.18095, 0.528447]),
        ("b_acc", &[0.357143, 0.214286]),
        ("b_weighted_acc", &[0.425, 0.325]),
    ];
    let end = [
        1.56194, -0.26247, 0.27665, 0.258392, 0.356035, 0.135574, 0.121295, 0.321703, 0.307001, -0.206971,
        0.237823, 0.269148,
    ];
    check("one weight", &model, &history, &logs, &end)?;
    let mut model = two(sgd().outputs([
        output().loss("mse").weighted_metric("mse"),
        output().loss(SPARSE).weighted_metric("acc"),
    ]))?;
    let w = Tensor::new(p.w.as_slice(), &Device::Cpu)?;
    let back: Vec<f32> = p.w.iter().rev().copied().collect();
    let back = Tensor::new(back.as_slice(), &Device::Cpu)?;
    let history = model.fit((&p.x, [&y, &labels], [("b", &back), ("a", &w)]), fit())?;
    let logs: [(&str, &[f64]); 4] = [
        ("loss", &[3.24837, 2.24898]),
        ("b_loss", &[1.56131, 1.49405]),
        ("a_mse", &[1.18095, 0.528447]),
        ("b_acc", &[0.475, 0.45]),
    ];
    let end = [
        1.56194, -0.26247, 0.27665, 0.269618, 0.31815, 0.162232, 0.324386, 0.119405, 0.30621, 0.23439,
        -0.204833, 0.270443,
    ];
    check("a weight for each", &model, &history, &logs, &end)
}
