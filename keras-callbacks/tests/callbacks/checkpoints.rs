//! Checkpoints that cannot be used, and what callbacks save.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use keras_callbacks::{
    BackupAndRestore, EarlyStopping, LambdaCallback, ModelCheckpoint, OrbaxCheckpoint, SaveErrors, SaveFreq,
    SwapEMAWeights, Timer,
};
use keras_core::layers::Dense;
use keras_core::ops::{self, Tensor};
use keras_core::optimizers::SGD;
use keras_core::{
    Callback, Compile, Context, Evaluate, Fit, Logs, Model, Optimizer, Outcome, Registry, Result, Sequential,
    Shared, loss_fn, set_random_seed,
};
use tempfile::TempDir;

use crate::run::Run;

fn model_with(units: usize, rate: f64, momentum: f64) -> Result<Model> {
    set_random_seed(5);
    let mut model = Sequential::new()
        .input([2])
        .add(Dense::new(units))
        .add(Dense::new(1))
        .build()?;
    let mse = loss_fn("mse", |y: &Tensor, p: &Tensor| ops::square(&ops::subtract(p, y)?));
    let mut sgd = SGD::new(rate).momentum(momentum);
    sgd.base_mut().use_ema = true;
    model.compile_with(Compile::new(sgd).loss(mse), &Registry::core())?;
    Ok(model)
}

fn model() -> Result<Model> {
    model_with(3, 0.05, 0.9)
}

fn data() -> (Vec<[f32; 2]>, Vec<[f32; 1]>) {
    let rows = (0..12).map(|i| (i as f32 / 12., (i % 5) as f32));
    rows.map(|(a, b)| ([a, b / 5.], [a + b / 4.])).unzip()
}

fn fit(model: &mut Model, options: Fit) -> Result<Vec<f64>> {
    let (x, y) = data();
    let history = model.fit((&x, &y), options.batch_size(4).seed(1).verbose(0))?;
    Ok(history.get("loss")?.to_vec())
}

fn weights(model: &Model) -> Vec<Vec<f32>> {
    let flat = |t: Tensor| t.flatten_all()?.to_vec1::<f32>();
    let all = model.weights().into_iter();
    all.map(|(_, v)| flat(v.value()).unwrap()).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Notes of the beginning of a run.
#[derive(Clone, Debug, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Callback for Notes {
    fn on_train_begin(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.0.lock().unwrap().extend(cx.take_notes());
        Ok(())
    }
}

fn backup(folder: &Path) -> BackupAndRestore {
    BackupAndRestore::new(folder)
        .double_checkpoint(true)
        .delete_checkpoint(false)
}

/// A folder with the saves after epochs 2 and 3.
fn two_saves() -> (TempDir, Vec<PathBuf>) {
    let folder = TempDir::new().unwrap();
    fit(
        &mut model().unwrap(),
        Fit::new().epochs(3).callback(backup(folder.path())),
    )
    .unwrap();
    let found = names(folder.path());
    assert_eq!(
        found,
        ["backup-00000002-00000000.ckpt", "backup-00000003-00000000.ckpt"]
    );
    let paths = found.iter().map(|name| folder.path().join(name)).collect();
    (folder, paths)
}

/// What is said when training goes on, and its losses.
fn go_on(folder: &Path) -> Result<(Vec<String>, Vec<f64>)> {
    let notes = Notes::default();
    let losses = fit(
        &mut model()?,
        Fit::new()
            .epochs(5)
            .callback(backup(folder))
            .callback(notes.clone()),
    )?;
    let notes = notes.0.lock().unwrap().clone();
    Ok((notes, losses))
}

#[test]
fn a_damaged_checkpoint_is_refused_and_the_one_before_is_used() -> Result<()> {
    let expected = fit(&mut model()?, Fit::new().epochs(5))?;
    let bytes = fs::read(&two_saves().1[1]).unwrap();
    let header = 8 + usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let flipped = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 4;
        bytes
    };
    let saved_model = {
        let folder = TempDir::new().unwrap();
        model()?.save(folder.path().join("m.keras"))?;
        fs::read(folder.path().join("m.keras")).unwrap()
    };
    for (damaged, why) in [
        (Vec::new(), "the file is empty"),
        (b"PK\x03\x04 something".to_vec(), "a zip archive"),
        (b"hello, I am no checkpoint at all".to_vec(), "not a saved model"),
        (bytes[..7].to_vec(), "cut off"),
        (bytes[..header - 5].to_vec(), "cut off"),
        (bytes[..bytes.len() - 1].to_vec(), "cut off or damaged"),
        (flipped(header), "do not have their checksum"),
        (flipped(bytes.len() - 10), "checksum"),
        (flipped(header / 2), ""),
        (saved_model, "a saved model, not a checkpoint"),
    ] {
        let (folder, paths) = two_saves();
        fs::write(&paths[1], damaged).unwrap();
        let (notes, losses) = go_on(folder.path())?;
        assert_eq!(losses, expected, "{why}");
        assert!(
            notes[0].starts_with("not used: ") && notes[0].contains(why),
            "{why}: {notes:?}"
        );
        assert!(notes[0].contains("backup-00000003"), "{notes:?}");
        assert!(notes[1].starts_with("going on with epoch 3 from"), "{notes:?}");
    }
    Ok(())
}

#[test]
fn no_byte_of_a_checkpoint_may_change() -> Result<()> {
    let (folder, paths) = two_saves();
    fs::remove_file(&paths[0]).unwrap();
    let bytes = fs::read(&paths[1]).unwrap();
    for at in (0..bytes.len()).step_by(97) {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        fs::write(&paths[1], changed).unwrap();
        let error = go_on(folder.path()).expect_err(&format!("byte {at}")).to_string();
        assert!(
            error.contains("no checkpoint here can be used; delete them"),
            "{error}"
        );
    }
    Ok(())
}

#[test]
fn checkpoints_of_another_training_are_refused_with_the_difference() {
    let (folder, _) = two_saves();
    let error = |model: Result<Model>, batch: usize| {
        let (x, y) = data();
        let options = Fit::new()
            .epochs(5)
            .batch_size(batch)
            .verbose(0)
            .callback(backup(folder.path()));
        model.unwrap().fit((&x, &y), options).unwrap_err().to_string()
    };
    let text = error(model_with(4, 0.05, 0.9), 4);
    assert!(
        text.contains("it is of another training: `model.config.layers[1].config.units` was 3, is 4"),
        "{text}"
    );
    let text = error(model_with(3, 0.05, 0.5), 4);
    assert!(
        text.contains("`compile.optimizer.config.momentum` was 0.9, is 0.5"),
        "{text}"
    );
    let text = error(model(), 3);
    assert!(text.contains("`fit.batch_size` was 4, is 3"), "{text}");
    assert!(text.contains("backup-00000002"), "both are named: {text}");
}

#[test]
fn resume_needs_a_checkpoint() {
    let folder = TempDir::new().unwrap();
    let error = fit(&mut model().unwrap(), Fit::new().resume(folder.path())).unwrap_err();
    assert!(error.to_string().contains("there is no checkpoint"), "{error}");
}

#[test]
fn saves_in_the_background_hold_the_moment_they_were_asked_for() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = seen.clone();
    let orbax = OrbaxCheckpoint::new(folder.path())
        .save_freq(1)
        .max_to_keep(None)
        .shard_bytes(40);
    let watch = LambdaCallback::new().on_train_batch_end(move |_, cx, _| {
        keep.lock().unwrap().push(weights(cx.model));
        Ok(())
    });
    let expected = fit(
        &mut model()?,
        Fit::new().epochs(4).callback(orbax).callback(watch),
    )?;
    let seen = seen.lock().unwrap();
    assert_eq!(names(folder.path()).len(), 12);
    for (index, expected) in seen.iter().enumerate() {
        let path = folder.path().join((index + 1).to_string());
        assert!(
            names(&path).len() > 3,
            "several files and the manifest: {:?}",
            names(&path)
        );
        // Every one of them is a checkpoint to go on from, and has the weights of its batch.
        let mut loaded = model()?;
        loaded.load_weights(&path)?;
        assert_eq!(weights(&loaded), *expected, "batch {index}");
        let mut model = model()?;
        let last = Arc::new(Mutex::new(Vec::new()));
        let first = last.clone();
        let begin = LambdaCallback::new().on_train_begin(move |cx, _| {
            *first.lock().unwrap() = weights(cx.model);
            Ok(())
        });
        fit(&mut model, Fit::new().epochs(4).resume(&path).callback(begin))?;
        assert_eq!(*last.lock().unwrap(), *expected, "batch {index}");
    }
    let again = fit(
        &mut model()?,
        Fit::new().epochs(4).resume(folder.path().join("5")),
    )?;
    assert_eq!(again, expected);
    // The newest of the folder.
    assert_eq!(
        fit(&mut model()?, Fit::new().epochs(4).resume(folder.path()))?,
        expected
    );
    Ok(())
}

#[test]
fn the_newest_saves_are_kept() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let orbax = |name: &str| OrbaxCheckpoint::new(path(name));
    let options = Fit::new()
        .epochs(12)
        .callback(orbax("one"))
        .callback(orbax("two").max_to_keep(2).save_on_background(false))
        .callback(orbax("weights").save_weights_only(true))
        .callback(
            orbax("best")
                .monitor("loss")
                .save_best_only(true)
                .initial_value_threshold(0.),
        );
    let mut model = model()?;
    fit(&mut model, options)?;
    assert_eq!(names(&path("one")), ["11"]);
    assert_eq!(names(&path("two")), ["10", "11"]);
    assert_eq!(names(&path("best")), [""; 0]);
    let mut again = self::model()?;
    again.load_weights(path("weights/11"))?;
    // `fit` ends with the averages in the model.
    assert_ne!(weights(&again), weights(&model));
    let manifest = path("one/11/manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("00001-of", "00002-of")).unwrap();
    let error = fit(&mut self::model()?, Fit::new().epochs(13).resume(path("one"))).unwrap_err();
    assert!(
        error.to_string().contains("does not have its checksum"),
        "{error}"
    );
    Ok(())
}

fn saved(
    template: &str,
    values: &[f64],
    with: impl Fn(ModelCheckpoint) -> ModelCheckpoint,
) -> Result<Vec<String>> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(template);
    let mut callback = with(ModelCheckpoint::new(path.to_str().unwrap()));
    Run::new(&["loss", "val_loss"]).fit(&mut callback, "val_loss", values)?;
    Ok(names(folder.path()))
}

#[test]
fn the_best_or_the_last_files_are_kept() -> Result<()> {
    let values = [0.9, 0.5, f64::NAN, 0.7, 0.6, 0.8];
    let name = "e{epoch}.keras";
    assert_eq!(
        saved(name, &values, |c| c.keep_last(2))?,
        ["e5.keras", "e6.keras"]
    );
    assert_eq!(
        saved(name, &values, |c| c.keep_best(2))?,
        ["e2.keras", "e5.keras"]
    );
    assert_eq!(
        saved(name, &values, |c| c.keep_best(3).initial_value_threshold(0.65))?,
        ["e2.keras", "e5.keras"]
    );
    assert_eq!(
        saved(name, &values, |c| c.keep_best(1).mode(keras_callbacks::Mode::Max))?,
        ["e1.keras"]
    );
    let error = saved("m.keras", &values, |c| c.keep_last(2))
        .unwrap_err()
        .to_string();
    assert!(error.contains("their names must differ"), "{error}");
    let error = saved(name, &values, |c| c.keep_best(0)).unwrap_err().to_string();
    assert!(error.contains("1 or more"), "{error}");
    let error = saved(name, &values, |c| c.keep_best(1).save_best_only(true)).unwrap_err();
    assert!(
        error.to_string().contains("leave out `save_best_only`"),
        "{error}"
    );
    Ok(())
}

#[test]
fn nan_is_never_the_best() -> Result<()> {
    let mut run = Run::new(&["val_loss"]);
    let logs = |value: f64| Logs::from_iter([("val_loss".to_owned(), value)]);
    let mut stop = EarlyStopping::new("val_loss")
        .patience(5)
        .restore_best_weights(true);
    run.check(&mut stop)?;
    stop.on_train_begin(&mut run.cx(), &mut Logs::new())?;
    for (epoch, value) in [f64::NAN, 0.5, f64::NAN, 0.7].into_iter().enumerate() {
        stop.on_epoch_end(epoch, &mut run.cx(), &mut logs(value))?;
    }
    assert_eq!((stop.best(), stop.best_epoch()), (Some(0.5), Some(1)));
    Ok(())
}

/// The folder is lost while training runs: a file lies in its place.
#[test]
fn what_cannot_be_saved_ends_training_or_is_said() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let inner = folder.path().join("backup");
    let lose = |at: usize| {
        let inner = inner.clone();
        LambdaCallback::new().on_epoch_begin(move |epoch, _, _| {
            if epoch == at {
                fs::remove_dir_all(&inner).unwrap();
                fs::write(&inner, "").unwrap();
            }
            Ok(())
        })
    };
    let options = |errors| {
        let backup = BackupAndRestore::new(&inner)
            .save_errors(errors)
            .delete_checkpoint(false);
        Fit::new().epochs(3).callback(backup).callback(lose(1))
    };
    let error = fit(&mut model()?, options(SaveErrors::Stop))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("BackupAndRestore") && error.contains(inner.to_str().unwrap()),
        "{error}"
    );
    fs::remove_file(&inner).unwrap();
    assert_eq!(fit(&mut model()?, options(SaveErrors::Warn))?.len(), 3);
    // A folder that was deleted is made again.
    fs::remove_file(&inner).unwrap();
    let gone = inner.clone();
    let delete = LambdaCallback::new().on_epoch_begin(move |epoch, _, _| {
        if epoch == 1 {
            fs::remove_dir_all(&gone).unwrap();
        }
        Ok(())
    });
    let backup = BackupAndRestore::new(&inner).delete_checkpoint(false);
    fit(
        &mut model()?,
        Fit::new().epochs(2).callback(backup).callback(delete),
    )?;
    assert_eq!(names(&inner), ["backup-00000002-00000000.ckpt"]);
    Ok(())
}

#[test]
fn the_end_of_training_is_always_told() -> Result<()> {
    #[derive(Clone, Debug, Default)]
    struct End(Arc<Mutex<Vec<Outcome>>>);
    impl Callback for End {
        fn on_train_end(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
            self.0.lock().unwrap().push(cx.outcome());
            keras_core::bail!("not even this keeps the others from it");
        }
    }
    let (end, last) = (End::default(), End::default());
    let run = |hook: fn(&mut Context<'_>) -> Result<()>| {
        let lambda = LambdaCallback::new().on_epoch_end(move |_, cx, _| hook(cx));
        let options = Fit::new()
            .epochs(2)
            .callback(end.clone())
            .callback(lambda)
            .callback(last.clone());
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            fit(&mut model().unwrap(), options)
        }))
    };
    assert!(run(|_| Ok(())).is_ok());
    let error = run(|_| keras_core::bail!("no luck")).unwrap().unwrap_err();
    assert_eq!(error.to_string(), "callback LambdaCallback: no luck");
    assert!(run(|_| panic!("in a hook")).is_err());
    assert!(
        run(|cx| {
            cx.stop_training_because("enough");
            Ok(())
        })
        .is_ok()
    );
    let failed = |message: &str| Outcome::Failed {
        message: message.to_owned(),
    };
    let expected = [
        Outcome::Completed,
        failed("callback LambdaCallback: no luck"),
        failed("a panic: in a hook"),
        Outcome::Stopped {
            by: "LambdaCallback".to_owned(),
            reason: Some("enough".to_owned()),
        },
    ];
    assert_eq!(*end.0.lock().unwrap(), expected);
    assert_eq!(*last.0.lock().unwrap(), expected);
    Ok(())
}

#[test]
fn averages_are_evaluated_and_go_back() -> Result<()> {
    let (x, y) = data();
    let mut plain = model()?;
    let expected = fit(&mut plain, Fit::new().epochs(3))?;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = seen.clone();
    let look = LambdaCallback::new().on_test_begin(move |cx, _| {
        keep.lock()
            .unwrap()
            .push(cx.model.optimizer()?.averages_swapped());
        Ok(())
    });
    for swap in [SwapEMAWeights::new(), SwapEMAWeights::new().swap_on_epoch(true)] {
        let mut model = model()?;
        let options = Fit::new().epochs(3).validation_data((&x, &y)).callback(swap);
        let options = options.callback(LambdaCallback::new());
        assert_eq!(fit(&mut model, options)?, expected);
        // The averages are the weights at the end, as without the callback.
        assert_eq!(weights(&model), weights(&plain));
    }
    // An average of one step is the weight itself; after more they differ.
    let mut model = model()?;
    let evaluate = |model: &mut Model, callback: Option<SwapEMAWeights>| {
        let options = Evaluate::new().verbose(0);
        let options = match callback {
            Some(callback) => options.callback(callback),
            None => options,
        };
        model.evaluate((&x, &y), options)?.get("loss")
    };
    for _ in 0..3 {
        model.train_on_batch((&x, &y))?;
    }
    let before = weights(&model);
    let raw = evaluate(&mut model, None)?;
    let averaged = evaluate(&mut model, Some(SwapEMAWeights::new()))?;
    assert!(averaged > raw, "averages lag behind: {averaged} {raw}");
    assert_eq!(weights(&model), before);
    let options = Evaluate::new()
        .verbose(0)
        .callback(SwapEMAWeights::new())
        .callback(look);
    model.evaluate((&x, &y), options)?;
    assert_eq!(*seen.lock().unwrap(), [true]);
    let mut without = model_with(3, 0.1, 0.)?;
    without.optimizer_mut()?.base_mut().use_ema = false;
    let mut plain = Sequential::new().input([2]).add(Dense::new(1)).build()?;
    let mse = loss_fn("mse", |y: &Tensor, p: &Tensor| ops::square(&ops::subtract(p, y)?));
    plain.compile_with(Compile::new("sgd").loss(mse), &Registry::core())?;
    let error = fit(&mut plain, Fit::new().callback(SwapEMAWeights::new())).unwrap_err();
    assert!(error.to_string().contains("keeps no averages"), "{error}");
    Ok(())
}

#[test]
fn swapped_averages_survive_a_checkpoint() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let options = |fail: bool| {
        let swap = SwapEMAWeights::new().swap_on_epoch(true);
        let plug = LambdaCallback::new().on_epoch_begin(move |epoch, _, _| match fail && epoch == 2 {
            true => keras_core::bail!("pulled the plug"),
            false => Ok(()),
        });
        Fit::new()
            .epochs(4)
            .callback(swap)
            .callback(BackupAndRestore::new(folder.path()))
            .callback(plug)
    };
    let mut whole = model()?;
    let expected = fit(&mut whole, options(false))?;
    let error = fit(&mut model()?, options(true)).unwrap_err().to_string();
    assert!(error.contains("pulled the plug"), "{error}");
    let mut pieces = model()?;
    assert_eq!(fit(&mut pieces, options(false))?, expected);
    assert_eq!(weights(&pieces), weights(&whole));
    Ok(())
}

#[test]
fn time_is_measured_and_may_be_up() -> Result<()> {
    let timer = Shared::new(Timer::new().stop_after(std::time::Duration::from_millis(1)));
    let mut model = model()?;
    let (x, y) = data();
    let options = Fit::new().epochs(100_000).verbose(0).callback(timer.clone());
    let history = model.fit((&x, &y), options)?;
    assert!(history.epochs().len() < 100_000 && history.get("seconds")?.iter().all(|s| *s > 0.));
    assert!(
        history.outcome().to_string().starts_with("stopped by Timer: "),
        "{}",
        history.outcome()
    );
    assert!(timer.lock().total().as_secs_f64() >= 0.001);
    Ok(())
}

#[test]
fn a_stop_survives_a_checkpoint() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let run = |fail: bool| {
        let stop = LambdaCallback::new().on_epoch_end(|epoch, cx, _| {
            if epoch == 1 {
                cx.stop_training_because("enough");
            }
            Ok(())
        });
        let plug = LambdaCallback::new().on_train_end(move |_, _| match fail {
            true => keras_core::bail!("pulled the plug"),
            false => Ok(()),
        });
        let backup = BackupAndRestore::new(folder.path()).delete_checkpoint(!fail);
        let (x, y) = data();
        let options = Fit::new()
            .epochs(9)
            .verbose(0)
            .callback(stop)
            .callback(backup)
            .callback(plug);
        model()?.fit((&x, &y), options)
    };
    assert!(run(true).is_err());
    let history = run(false)?;
    assert_eq!(history.epochs(), [0, 1]);
    assert_eq!(history.outcome().to_string(), "stopped by LambdaCallback: enough");
    Ok(())
}

#[test]
fn wrong_arguments_are_found_before_training() {
    let error = |callback: &mut dyn Callback| Run::new(&["loss"]).check(callback).unwrap_err().to_string();
    let folder = TempDir::new().unwrap();
    assert!(error(&mut BackupAndRestore::new("")).contains("got an empty path"));
    assert!(error(&mut BackupAndRestore::new(folder.path()).save_freq(0)).contains("1 batch or more"));
    assert!(error(&mut OrbaxCheckpoint::new(folder.path()).max_to_keep(0)).contains("1 or more"));
    let best = &mut OrbaxCheckpoint::new(folder.path()).save_best_only(true);
    assert!(error(best).contains("OrbaxCheckpoint monitors `val_loss`"));
    let never = &mut ModelCheckpoint::new("m.keras").save_freq(SaveFreq::Never);
    assert!(error(never).contains("BackupAndRestore"));
}
