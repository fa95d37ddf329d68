use keras_callbacks::LearningRateFinder;
use keras_core::layers::{Dense, Dropout};
use keras_core::ops::Tensor;
use keras_core::optimizers::schedules::ExponentialDecay;
use keras_core::optimizers::{Adam, SGD};
use keras_core::{Compile, Config, Fit, Model, Optimizer, Registry, Result, Sequential, Shared, loss_fn};

type Data = (Vec<[f32; 2]>, Vec<[f32; 1]>);

fn data() -> Data {
    let x: Vec<[f32; 2]> = (0..64)
        .map(|i| [(i % 8) as f32 / 8., (i % 5) as f32 / 5.])
        .collect();
    let y = x.iter().map(|[a, b]| [a - 2. * b]).collect();
    (x, y)
}

fn model(optimizer: impl Optimizer) -> Result<Model> {
    keras_core::set_random_seed(4);
    let mut model = Sequential::new()
        .input([2])
        .add(Dense::new(8).activation("relu"))
        .add(Dropout::new(0.2))
        .add(Dense::new(1))
        .build()?;
    let mse = loss_fn("mse", |y: &Tensor, p: &Tensor| (p - y)?.sqr());
    model.compile_with(Compile::new(optimizer).loss(mse), &Registry::core())?;
    Ok(model)
}

fn fit() -> Fit {
    Fit::new().batch_size(8).seed(1).verbose(0)
}

fn values(model: &Model) -> Vec<Vec<f32>> {
    let optimizer = model.optimizer().unwrap();
    let all = model.weights().into_iter().chain(optimizer.state_variables());
    all.map(|(_, v)| v.value().flatten_all().unwrap().to_vec1().unwrap())
        .collect()
}

#[test]
fn rates_grow_by_one_factor_and_losses_are_those_of_batches() -> Result<()> {
    let (x, y) = data();
    let finder = LearningRateFinder::new().min_lr(1e-4).max_lr(1e-1).steps(4);
    let sweep = finder
        .smoothing(0.)
        .find(&mut model(SGD::new(0.1))?, (&x, &y), fit())?;
    for (rate, expected) in sweep.rates().iter().zip([1e-4, 1e-3, 1e-2, 1e-1]) {
        assert!((rate / expected - 1.).abs() < 1e-12, "{:?}", sweep.rates());
    }
    assert_eq!(sweep.losses().len(), 4);
    assert_eq!(sweep.smoothed(), sweep.losses());
    // The first batch's loss does not depend on the rate.
    let once = LearningRateFinder::new().min_lr(1e-2).steps(2);
    let other = once.find(&mut model(SGD::new(0.1))?, (&x, &y), fit())?;
    assert_eq!(other.losses()[0], sweep.losses()[0]);
    Ok(())
}

/// Training after the search gives the bits of training without it.
#[test]
fn all_is_as_before() -> Result<()> {
    let (x, y) = data();
    let train = |search: bool| {
        let mut model = model(Adam::new(0.02))?;
        model.fit((&x, &y), fit())?;
        if search {
            let before = values(&model);
            let sweep = LearningRateFinder::new().find(&mut model, (&x, &y), fit())?;
            assert!(sweep.suggestion().is_some());
            assert_eq!(values(&model), before);
            assert_eq!(model.optimizer()?.learning_rate()?, 0.02);
        }
        let history = model.fit((&x, &y), fit().epochs(2))?;
        Ok::<_, keras_core::Error>((history.get("loss")?.to_vec(), values(&model)))
    };
    assert_eq!(train(true)?, train(false)?);
    Ok(())
}

#[test]
fn ends_when_the_loss_diverges() -> Result<()> {
    let (x, y) = data();
    let finder = Shared::new(LearningRateFinder::new().min_lr(1e-3).max_lr(1e6).steps(50));
    let history = model(SGD::new(0.1))?.fit((&x, &y), fit().epochs(50).callback(finder.clone()))?;
    let tried = finder.lock().sweep().rates().len();
    assert!(tried < 50, "{tried}");
    assert!(history.get("loss")?.len() < 8);
    let sweep = finder.lock().sweep().clone();
    assert!(sweep.suggestion() < sweep.minimum());
    Ok(())
}

#[test]
fn arguments_are_checked_before_training() -> Result<()> {
    let (x, y) = data();
    for (finder, message) in [
        (
            LearningRateFinder::new().min_lr(0.),
            "rates must grow from above 0",
        ),
        (
            LearningRateFinder::new().max_lr(1e-9),
            "rates must grow from above 0",
        ),
        (LearningRateFinder::new().steps(1), "`steps` must be 2 or more"),
        (
            LearningRateFinder::new().smoothing(1.),
            "`smoothing` must be in 0..1",
        ),
        (
            LearningRateFinder::new().diverge(1.),
            "`diverge` must be a finite number above 1",
        ),
        (
            LearningRateFinder::new().diverge(f64::INFINITY),
            "`diverge` must be a finite number above 1, got inf",
        ),
    ] {
        let error = finder
            .find(&mut model(SGD::new(0.1))?, (&x, &y), fit())
            .unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
    let schedule = ExponentialDecay::new(0.1, 10., 0.5);
    let error = LearningRateFinder::new()
        .find(&mut model(SGD::new(schedule))?, (&x, &y), fit())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("needs an optimizer whose learning rate is a number"),
        "{error}"
    );
    let entry = keras_callbacks::ENTRIES
        .iter()
        .find(|e| e.class_name == "LearningRateFinder");
    let built = (entry.unwrap().build)(&Config::new().with("steps", 1), &Registry::core());
    assert!(built.is_err());
    Ok(())
}
