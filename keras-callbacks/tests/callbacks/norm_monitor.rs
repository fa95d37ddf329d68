use keras_callbacks::NormMonitor;
use keras_core::layers::Dense;
use keras_core::ops::{self, Tensor};
use keras_core::optimizers::{LossScaleOptimizer, SGD};
use keras_core::{
    Callback, Compile, Context, Fit, Logs, Model, Optimizer, Registry, Result, Sequential, Shared, loss_fn,
};

/// `loss = mean(scale * p)`, so that the gradient of the kernel is the mean of `scale * x`.
fn model(optimizer: impl Optimizer, scale: f64) -> Result<Model> {
    let mut model = Sequential::new()
        .input([2])
        .add(Dense::new(1).name("d").kernel_initializer("ones"))
        .build()?;
    let loss = loss_fn("linear", move |_: &Tensor, p: &Tensor| ops::mul_scalar(p, scale));
    model.compile_with(Compile::new(optimizer).loss(loss), &Registry::core())?;
    Ok(model)
}

/// What the notes of a run say.
#[derive(Debug, Default)]
struct Notes(Vec<String>);

impl Callback for Notes {
    fn on_train_end(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.0 = cx.take_notes();
        Ok(())
    }
}

fn fit(
    model: &mut Model,
    monitor: NormMonitor,
    x: &[[f32; 2]],
) -> Result<(keras_core::History, Vec<String>)> {
    let y = vec![[0f32]; x.len()];
    let notes = Shared::new(Notes::default());
    let options = Fit::new()
        .batch_size(1)
        .shuffle(false)
        .epochs(2)
        .verbose(0)
        .callback(monitor)
        .callback(notes.clone());
    let history = model.fit((&x.to_vec(), &y), options)?;
    let said = notes.lock().0.clone();
    Ok((history, said))
}

#[test]
fn norms_of_gradients_are_means_over_the_batches_looked_at() -> Result<()> {
    // With the bias, whose gradient is 1, the norms are 3, 1 and 9.
    let x = [[2f32, 2.], [0., 0.], [8., 4.]];
    for (every, expected) in [(1, 13. / 3.), (2, 6.), (3, 3.)] {
        let mut model = model(SGD::new(0.), 1.)?;
        let (history, notes) = fit(&mut model, NormMonitor::new().every(every), &x)?;
        for norm in history.get("gradient_norm")? {
            assert!((norm - expected).abs() < 1e-6, "every {every}: {norm}");
        }
        assert!((history.get("weight_norm")?[0] - 2f64.sqrt()).abs() < 1e-6);
        assert!(notes.is_empty(), "{notes:?}");
        // They are let go.
        assert!(model.gradients()?.is_empty());
    }
    Ok(())
}

#[test]
fn the_scale_of_the_loss_is_not_in_them() -> Result<()> {
    let mut model = model(LossScaleOptimizer::new(SGD::new(0.)).initial_scale(1024.), 1.)?;
    let (history, _) = fit(&mut model, NormMonitor::new().by_weight(true), &[[2., 2.]])?;
    assert!((history.get("gradient_norm")?[0] - 3.).abs() < 1e-6);
    assert!((history.get("gradient_norm/d/kernel")?[0] - 8f64.sqrt()).abs() < 1e-6);
    assert!((history.get("gradient_norm/d/bias")?[1] - 1.).abs() < 1e-6);
    assert!((history.get("weight_norm/d/kernel")?[1] - 2f64.sqrt()).abs() < 1e-6);
    Ok(())
}

#[test]
fn what_goes_wrong_is_named_once() -> Result<()> {
    let (_, notes) = fit(&mut model(SGD::new(0.), 0.)?, NormMonitor::new(), &[[1., 1.]])?;
    assert_eq!(
        notes,
        ["d/kernel", "d/bias"]
            .map(|path| format!("the gradient of {path} was 0 in epoch 1: nothing is learned there"))
    );
    let (_, notes) = fit(
        &mut model(SGD::new(0.), 100.)?,
        NormMonitor::new().explode(120.),
        &[[3., 4.]],
    )?;
    assert_eq!(
        notes,
        ["the gradient of d/kernel explodes: its norm is 500.0000 in batch 0"]
    );
    let (history, notes) = fit(
        &mut model(SGD::new(1.), f64::NAN)?,
        NormMonitor::new(),
        &[[1., 1.]],
    )?;
    assert_eq!(
        notes,
        [
            "the gradient of d/kernel is NaN in batch 0",
            "the gradient of d/bias is NaN in batch 0",
            "d/kernel is NaN after epoch 1",
            "d/bias is NaN after epoch 1",
        ]
    );
    assert!(history.get("gradient_norm")?[0].is_nan());
    Ok(())
}

#[test]
fn goes_on_within_an_epoch() -> Result<()> {
    let mut whole = NormMonitor::new();
    let mut model = model(SGD::new(0.), 1.)?;
    let params = keras_core::Params::default();
    let mut stop = false;
    whole.on_train_begin(
        &mut Context::new(&mut model, &params, &mut stop),
        &mut Logs::new(),
    )?;
    model.train_on_batch((&vec![[0f32, 0.]], &vec![[0f32]]))?;
    let mut cx = Context::new(&mut model, &params, &mut stop);
    whole.on_train_batch_end(0, &mut cx, &mut Logs::new())?;
    let mut resumed = NormMonitor::new();
    resumed.load_state(&whole.state())?;
    resumed.on_train_begin(&mut cx, &mut Logs::new())?;
    let mut logs = Logs::new();
    resumed.on_epoch_end(0, &mut cx, &mut logs)?;
    assert_eq!(logs.get("gradient_norm")?, Some(1.));
    assert!(resumed.load_state(&serde_json::json!({"looks": 1})).is_err());
    Ok(())
}

#[test]
fn arguments_are_checked_before_training() -> Result<()> {
    for (monitor, message) in [
        (NormMonitor::new().every(0), "`every` must be 1 batch or more"),
        (NormMonitor::new().explode(0.), "`explode` must be above 0"),
        (NormMonitor::new().explode(f64::NAN), "`explode` must be above 0"),
    ] {
        let error = fit(&mut model(SGD::new(0.), 1.)?, monitor, &[[1., 1.]]).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
    Ok(())
}
