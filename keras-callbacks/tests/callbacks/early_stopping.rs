use keras_callbacks::{EarlyStopping, Mode};
use keras_core::{Callback, Logs, Result, Shared};

use crate::run::Run;

const NAN: f64 = f64::NAN;

/// What real Keras 3.15 does with each series.
#[test]
fn stops_as_keras_does() -> Result<()> {
    let new = || EarlyStopping::new("val_loss");
    let series = [1.0, 0.8, 0.9, 0.7, 0.75, 0.74, 0.71, 0.6];
    // (callback, epoch of the stop, weight at the end)
    let table = [
        (new(), Some(2), 3.),
        (new().patience(1), Some(2), 3.),
        (new().patience(2), Some(5), 6.),
        (new().patience(4), None, 8.),
        (new().patience(2).restore_best_weights(true), Some(5), 4.),
        (new().patience(9).restore_best_weights(true), None, 8.),
        (new().patience(1).min_delta(0.15), Some(2), 3.),
        (new().patience(3).min_delta(-0.15), Some(4), 5.),
        (new().patience(3).mode(Mode::Max), Some(3), 4.),
        (new().start_from_epoch(4), None, 8.),
        (new().patience(2).baseline(0.5), Some(2), 3.),
        (
            new().patience(2).baseline(0.5).restore_best_weights(true),
            Some(2),
            2.,
        ),
        (new().patience(1).baseline(0.85), Some(2), 3.),
    ];
    for (i, (mut callback, stop, weight)) in table.into_iter().enumerate() {
        let mut run = Run::new(&["loss", "val_loss"]);
        let stopped = run.fit(&mut callback, "val_loss", &series)?;
        assert_eq!((stopped, run.weight()), (stop, weight), "case {i}: {callback:?}");
        assert_eq!(callback.stopped_epoch(), stop, "case {i}");
    }
    Ok(())
}

#[test]
fn the_first_epoch_never_stops() -> Result<()> {
    let mut callback = EarlyStopping::new("loss").baseline(0.1);
    let mut run = Run::new(&["loss"]);
    assert_eq!(run.fit(&mut callback, "loss", &[0.5, 0.5])?, Some(1));
    Ok(())
}

#[test]
fn epochs_without_the_value_do_not_count() -> Result<()> {
    let mut callback = EarlyStopping::new("val_loss")
        .patience(2)
        .restore_best_weights(true);
    let mut run = Run::new(&["val_loss"]);
    let stopped = run.fit(&mut callback, "val_loss", &[NAN, 0.5, NAN, 0.6, NAN, 0.7, NAN])?;
    assert_eq!((stopped, run.weight()), (Some(5), 2.));
    Ok(())
}

#[test]
fn an_exact_tie_with_min_delta_is_no_improvement() -> Result<()> {
    // 0.75 + 0.05 < 0.8 holds in f64 only by rounding; Keras compares in f32.
    let mut callback = EarlyStopping::new("val_loss").min_delta(0.1).patience(1);
    let mut run = Run::new(&["val_loss"]);
    assert_eq!(run.fit(&mut callback, "val_loss", &[0.8, 0.7])?, Some(1));
    Ok(())
}

#[test]
fn says_what_it_did() -> Result<()> {
    let mut run = Run::new(&["val_loss"]);
    let mut callback = EarlyStopping::new("val_loss")
        .patience(3)
        .restore_best_weights(true);
    let values = [0.5, 0.4, 0.3, 0.2, 0.1, 0.08741, 0.09, 0.1, 0.11];
    run.fit(&mut callback, "val_loss", &values)?;
    let expected = "Stopped after epoch 9: val_loss has not improved for 3 epochs. \
                    Restored weights of epoch 6 (val_loss 0.0874).";
    assert_eq!(run.notes(), [expected]);

    run.fit(&mut EarlyStopping::new("val_loss"), "val_loss", &[0.1, 0.2])?;
    assert_eq!(
        run.notes(),
        ["Stopped after epoch 2: val_loss has not improved for 1 epoch."]
    );

    run.fit(
        &mut EarlyStopping::new("val_loss").baseline(0.05).patience(2),
        "val_loss",
        &[0.1, 0.2],
    )?;
    let expected = "Stopped after epoch 2: val_loss has not beaten the baseline 0.0500 for 2 epochs.";
    assert_eq!(run.notes(), [expected]);

    let mut callback = EarlyStopping::new("val_loss")
        .patience(9)
        .restore_best_weights(true);
    run.fit(&mut callback, "val_loss", &[0.1, 0.2])?;
    assert_eq!(run.notes(), ["Restored weights of epoch 1 (val_loss 0.1000)."]);

    run.fit(&mut callback, "val_loss", &[0.2, 0.1])?;
    assert_eq!(run.notes(), [""; 0]);
    Ok(())
}

#[test]
fn a_wrong_monitor_is_found_before_training() {
    let mut run = Run::new(&["loss", "accuracy", "val_loss", "val_accuracy"]);
    let error = run.check(&mut EarlyStopping::new("val_acuracy")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "EarlyStopping monitors `val_acuracy`, which this run will not produce\n  \
         available: loss, accuracy, val_loss, val_accuracy. Did you mean `val_accuracy`?"
    );
}

#[test]
fn a_value_of_unknown_direction_needs_a_mode() -> Result<()> {
    let mut run = Run::new(&["loss", "happiness"]);
    let error = run.check(&mut EarlyStopping::new("happiness")).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("set the mode to Mode::Max or Mode::Min"),
        "{error}"
    );
    run.check(&mut EarlyStopping::new("happiness").mode(Mode::Max))
}

#[test]
fn what_an_earlier_callback_announces_can_be_monitored() -> Result<()> {
    let mut run = Run::new(&["loss"]);
    assert!(run.check(&mut EarlyStopping::new("val_gap_error")).is_err());
    run.check(&mut keras_callbacks::LambdaCallback::new().will_log("val_gap_error"))?;
    run.check(&mut EarlyStopping::new("val_gap_error"))
}

#[test]
fn goes_on_from_a_saved_state() -> Result<()> {
    let mut run = Run::new(&["val_loss"]);
    let mut first = EarlyStopping::new("val_loss").patience(3);
    assert_eq!(run.fit(&mut first, "val_loss", &[0.5, 0.6])?, None);
    let mut second = EarlyStopping::new("val_loss").patience(3);
    second.load_state(&first.state())?;
    assert_eq!(second.state(), first.state());
    assert_eq!(run.fit(&mut second, "val_loss", &[0.7, 0.8, 0.9])?, Some(1));
    // Without a state to go on from, every training starts anew.
    assert_eq!(run.fit(&mut second, "val_loss", &[0.9, 0.8, 0.7])?, None);
    assert!(second.load_state(&serde_json::json!([1])).is_err());
    Ok(())
}

#[test]
fn can_be_read_after_training() -> Result<()> {
    let mut run = Run::new(&["loss"]);
    let stop = Shared::new(EarlyStopping::new("loss"));
    run.fit(&mut stop.clone(), "loss", &[0.3, 0.2, 0.4])?;
    assert_eq!(stop.lock().stopped_epoch(), Some(2));
    assert_eq!(stop.lock().best_epoch(), Some(1));
    assert_eq!(stop.lock().best(), Some(0.2));
    assert_eq!(stop.class_name(), "EarlyStopping");
    let mut again = stop.clone();
    again.on_train_begin(&mut run.cx(), &mut Logs::new())?;
    assert_eq!(stop.lock().stopped_epoch(), None);
    Ok(())
}
