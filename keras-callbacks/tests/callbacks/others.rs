use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use keras_callbacks::{History, LambdaCallback, TerminateOnNaN};
use keras_core::{Callback, Logs, Result};

use crate::run::{Run, logs};

#[test]
fn history_is_shared_and_starts_anew() -> Result<()> {
    let mut history = History::new();
    let values = history.values();
    let mut run = Run::new(&["loss"]);
    for losses in [[0.5, 0.25], [0.2, 0.1]] {
        run.fit(&mut history, "loss", &losses)?;
        let values = values.lock().unwrap();
        assert_eq!((values.get("loss")?, values.epochs()), (&losses[..], &[0, 1][..]));
    }
    Ok(())
}

#[test]
fn closures_are_called_in_their_hooks() -> Result<()> {
    let calls = Arc::new(AtomicUsize::new(0));
    let (train, batches) = (calls.clone(), calls.clone());
    let callback = LambdaCallback::new()
        .on_train_begin(move |_, _| {
            train.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
        .on_train_batch_end(move |batch, _, _| {
            batches.fetch_add(batch, Ordering::Relaxed);
            Ok(())
        })
        .on_epoch_end(|epoch, cx, logs| {
            logs.set("twice", logs.get("loss")?.unwrap_or(0.) * 2.);
            if epoch == 1 {
                cx.stop_training();
            }
            Ok(())
        });
    assert_eq!(
        format!("{callback:?}"),
        "LambdaCallback(on_train_begin, on_epoch_end, on_train_batch_end)"
    );
    let mut boxed: Box<dyn Callback> = Box::new(callback);
    let mut run = Run::new(&["loss"]);
    assert_eq!(run.fit(&mut *boxed, "loss", &[1., 2., 3.])?, Some(1));
    boxed.on_train_batch_end(10, &mut run.cx(), &mut Logs::new())?;
    boxed.on_test_begin(&mut run.cx(), &mut Logs::new())?;
    assert_eq!(calls.load(Ordering::Relaxed), 11);
    let mut logs = logs(&[("loss", 4.)]);
    boxed.on_epoch_end(0, &mut run.cx(), &mut logs)?;
    assert_eq!(logs.get("twice")?, Some(8.));
    Ok(())
}

/// Keras: `on_train_batch_*` call `on_batch_*` unless replaced.
#[test]
fn other_names_of_the_batch_hooks() -> Result<()> {
    let calls = Arc::new(AtomicUsize::new(0));
    let add = |by: usize| {
        let calls = calls.clone();
        move |_: usize, _: &mut keras_core::Context<'_>, _: &mut Logs| {
            calls.fetch_add(by, Ordering::Relaxed);
            Ok(())
        }
    };
    let mut run = Run::new(&["loss"]);
    let mut batch = |callback: LambdaCallback| -> Result<usize> {
        let mut callback: Box<dyn Callback> = Box::new(callback);
        callback.on_train_batch_begin(0, &mut run.cx(), &mut Logs::new())?;
        callback.on_train_batch_end(0, &mut run.cx(), &mut Logs::new())?;
        Ok(calls.swap(0, Ordering::Relaxed))
    };
    let plain = || LambdaCallback::new().on_batch_begin(add(1)).on_batch_end(add(10));
    assert_eq!(batch(plain())?, 11);
    assert_eq!(batch(plain().on_train_batch_end(add(100)))?, 101);
    Ok(())
}

#[test]
fn a_loss_that_is_no_number_ends_training() -> Result<()> {
    for loss in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut run = Run::new(&["loss"]);
        let mut callback = TerminateOnNaN::new();
        callback.on_train_batch_end(0, &mut run.cx(), &mut logs(&[("loss", 1.)]))?;
        assert!(!run.stop);
        callback.on_train_batch_end(1, &mut run.cx(), &mut logs(&[("loss", loss)]))?;
        assert!(run.stop);
        assert_eq!(
            run.notes(),
            [format!("stopped: the loss is {loss} after batch 1")]
        );
        let mut callback = TerminateOnNaN::new().raise_error(true);
        let error = callback
            .on_train_batch_end(1, &mut run.cx(), &mut logs(&[("loss", loss)]))
            .unwrap_err();
        assert!(error.to_string().contains("after batch 1"), "{error}");
    }
    Ok(())
}
