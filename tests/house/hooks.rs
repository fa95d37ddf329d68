//! When callbacks are called, and what is in their logs.

use std::sync::{Arc, Mutex};

use keras::prelude::*;

type Calls = Arc<Mutex<Vec<String>>>;

/// Writes down the batches.
#[derive(Debug, Default)]
struct Batches(Calls);

impl Batches {
    fn note(&self, text: String) -> keras::Result<()> {
        self.0.lock().unwrap().push(text);
        Ok(())
    }
}

impl Callback for Batches {
    fn on_train_batch_begin(&mut self, batch: usize, _: &mut Context<'_>, _: &mut Logs) -> keras::Result<()> {
        self.note(format!("train {batch}"))
    }
    fn on_train_batch_end(&mut self, batch: usize, _: &mut Context<'_>, _: &mut Logs) -> keras::Result<()> {
        self.note(format!("trained {batch}"))
    }
    fn on_test_batch_end(&mut self, batch: usize, _: &mut Context<'_>, _: &mut Logs) -> keras::Result<()> {
        self.note(format!("tested {batch}"))
    }
    fn on_predict_batch_end(
        &mut self,
        batch: usize,
        _: &mut Context<'_>,
        logs: &mut Logs,
    ) -> keras::Result<()> {
        assert_eq!(logs.names(), ["outputs"]);
        let shapes: Vec<_> = logs
            .tensors("outputs")
            .unwrap_or_default()
            .iter()
            .map(|t| t.dims().to_vec())
            .collect();
        self.note(format!("predicted {batch} {shapes:?}"))
    }
}

/// A model compiled with three batches an execution, five batches of data, and the calls that `run` makes.
fn calls(
    run: impl FnOnce(&mut Model, &Tensor, &Tensor, Batches) -> keras::Result<()>,
) -> keras::Result<String> {
    let mut model = Sequential::new().input([3]).add(Dense::new(2)).build()?;
    model.compile(Compile::new("sgd").loss("mse").steps_per_execution(3))?;
    let (x, y) = (
        Tensor::from_vec(vec![0.5f32; 60], (20, 3), &Device::Cpu)?,
        Tensor::from_vec(vec![0.25f32; 40], (20, 2), &Device::Cpu)?,
    );
    let calls = Calls::default();
    run(&mut model, &x, &y, Batches(calls.clone()))?;
    let calls = calls.lock().unwrap();
    Ok(calls.join(", "))
}

/// The order and the numbers are those that Keras gave.
#[test]
fn callbacks_are_called_once_an_execution() -> keras::Result<()> {
    let fit = |steps: Option<usize>| {
        calls(move |model, x, y, callback| {
            let mut options = Fit::new().batch_size(4).verbose(0).callback(callback);
            if let Some(steps) = steps {
                options = options.steps_per_epoch(steps);
            }
            model.fit((x, y), options)?;
            assert_eq!(model.optimizer()?.iterations(), 5);
            Ok(())
        })
    };
    assert_eq!(fit(None)?, "train 0, trained 2, train 3, trained 5");
    assert_eq!(fit(Some(4))?, "train 0, trained 2, train 3, trained 5");
    let tested = calls(|model, x, y, callback| {
        model.evaluate(
            (x, y),
            Evaluate::new().batch_size(4).verbose(0).callback(callback),
        )?;
        Ok(())
    });
    assert_eq!(tested?, "tested 2, tested 5");
    Ok(())
}

#[test]
fn prediction_batches_hold_their_outputs() -> keras::Result<()> {
    let predicted = calls(|model, x, _, callback| {
        let outputs = model.predict(x, Predict::new().batch_size(4).verbose(0).callback(callback))?;
        assert_eq!(outputs.dims(), [20, 2]);
        Ok(())
    });
    assert_eq!(predicted?, "predicted 2 [[12, 2]], predicted 5 [[8, 2]]");
    Ok(())
}

#[test]
fn no_batch_an_execution_is_an_error() -> keras::Result<()> {
    let mut model = Sequential::new().input([3]).add(Dense::new(2)).build()?;
    let error = model.compile(Compile::new("sgd").loss("mse").steps_per_execution(0));
    assert!(error.unwrap_err().to_string().contains("steps_per_execution"));
    Ok(())
}
