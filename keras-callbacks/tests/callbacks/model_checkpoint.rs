use std::path::Path;

use keras_callbacks::{ModelCheckpoint, SaveErrors, SaveFreq};
use keras_core::layers::Dense;
use keras_core::ops::Tensor;
use keras_core::{
    Callback, CallbackList, Compile, Context, Fit, Logs, Model, Params, Registry, Result, Sequential, loss_fn,
};
use tempfile::TempDir;

use crate::run::{Run, logs};

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The files left by a training with these validation losses.
fn saved(
    template: &str,
    values: &[f64],
    with: impl Fn(ModelCheckpoint) -> ModelCheckpoint,
) -> Result<Vec<String>> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(template);
    let mut callback = with(ModelCheckpoint::new(path.to_str().unwrap()));
    Run::new(&["loss", "val_loss"]).fit(&mut callback, "val_loss", values)?;
    Ok(files(folder.path()))
}

#[test]
fn saves_the_epochs_that_keras_saves() -> Result<()> {
    let values = [0.9, 0.95, 0.8, 0.8, 0.61];
    let name = "e{epoch:02d}-{val_loss:.2f}.keras";
    assert_eq!(saved(name, &values, |c| c)?.len(), 5);
    assert_eq!(
        saved(name, &values, |c| c.save_best_only(true))?,
        ["e01-0.90.keras", "e03-0.80.keras", "e05-0.61.keras"]
    );
    assert_eq!(
        saved(name, &values, |c| c
            .save_best_only(true)
            .initial_value_threshold(0.8))?,
        ["e05-0.61.keras"]
    );
    assert_eq!(
        saved(name, &values, |c| c
            .save_best_only(true)
            .mode(keras_callbacks::Mode::Max))?,
        ["e01-0.90.keras", "e02-0.95.keras"]
    );
    assert_eq!(
        saved("best.weights.h5", &values, |c| c.save_weights_only(true))?,
        ["best.weights.h5"]
    );
    Ok(())
}

#[test]
fn an_epoch_without_the_value_is_not_the_best() -> Result<()> {
    let values = [0.9, f64::NAN, 0.8];
    let name = "{epoch}-{val_loss:.1f}.keras";
    assert_eq!(
        saved(name, &values, |c| c.save_best_only(true))?,
        ["1-0.9.keras", "3-0.8.keras"]
    );
    assert_eq!(
        saved(name, &values, |c| c)?,
        ["1-0.9.keras", "2-NA.keras", "3-0.8.keras"]
    );
    Ok(())
}

/// Expected texts: Python's `str.format`.
#[test]
fn file_names_are_formatted_as_python_does() -> Result<()> {
    let table = [
        ("{epoch}", "1"),
        ("{epoch:03}", "001"),
        ("{epoch:>4}|{epoch:<4}|{epoch:^4}|{epoch:+d}", "   1|1   | 1  |+1"),
        ("{epoch:.1f}", "1.0"),
        ("{val_loss}", "0.08741"),
        ("{val_loss:.2f}", "0.09"),
        ("{val_loss:8.3f}", "   0.087"),
        ("{val_loss:08.3f}", "0000.087"),
        ("{val_loss:.3e}", "8.741e-02"),
        ("{val_loss:g}", "0.08741"),
        ("{val_loss:.2}", "0.087"),
        ("{val_loss:.1%}", "8.7%"),
        ("{val_loss:*>+9.2f}", "****+0.09"),
        ("{{{epoch}}}", "{1}"),
    ];
    for (template, expected) in table {
        let expected = format!("{expected}.keras");
        assert_eq!(
            saved(&format!("{template}.keras"), &[0.08741], |c| c)?,
            [expected],
            "{template}"
        );
    }
    assert_eq!(saved("{val_loss}.keras", &[1e-5], |c| c)?, ["1e-05.keras"]);
    assert_eq!(
        saved("{val_loss:g}.keras", &[1234567.0], |c| c)?,
        ["1.23457e+06.keras"]
    );
    assert_eq!(saved("{val_loss}.keras", &[2.0], |c| c)?, ["2.0.keras"]);
    Ok(())
}

#[test]
fn wrong_file_names_are_found_before_training() {
    let folder = TempDir::new().unwrap();
    let error = |name: &str, with: fn(ModelCheckpoint) -> ModelCheckpoint| {
        let path = folder.path().join(name);
        let mut callback = with(ModelCheckpoint::new(path.to_str().unwrap()));
        Run::new(&["loss", "val_loss"])
            .check(&mut callback)
            .unwrap_err()
            .to_string()
    };
    let text = error("{epoch}-{val_los:.2f}.keras", |c| c);
    assert!(
        text.contains("unknown placeholder `val_los`. Did you mean `val_loss`?"),
        "{text}"
    );
    assert!(error("{batch}.keras", |c| c).contains("unknown placeholder `batch`"));
    let text = error("{val_loss}.keras", |c| c.save_freq(10));
    assert!(text.contains("unknown placeholder `val_loss`"), "{text}");
    assert!(error("{loss:d}.keras", |c| c).contains("`loss` is no whole number"));
    assert!(error("{loss:wide}.keras", |c| c).contains("cannot use the format `:wide`"));
    assert!(error("{loss.keras", |c| c).contains("unmatched `{`"));
    assert!(error("best.h6", |c| c).contains("must end in `.keras`"));
    assert!(error("best.keras", |c| c.save_weights_only(true)).contains("must end in `.weights.h5`"));
    assert!(error("best.keras", |c| c.save_freq(0)).contains("1 batch or more"));
    let text = error("best.keras", |c| c.save_freq(5).save_best_only(true));
    assert!(text.contains("batches have no `val_loss`"), "{text}");
    let text = error("best.keras", |c| c.save_best_only(true).monitor("val_acc"));
    assert!(text.starts_with("ModelCheckpoint monitors `val_acc`"), "{text}");
    assert!(files(folder.path()).is_empty());
}

#[test]
fn folders_are_made_and_probed_before_training() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let mut run = Run::new(&["loss"]);
    run.check(&mut ModelCheckpoint::new(&path("a/b/{epoch}/m.keras")))?;
    assert!(folder.path().join("a/b").is_dir());
    assert!(files(&folder.path().join("a/b")).is_empty());

    std::fs::write(path("file"), "").unwrap();
    let error = run
        .check(&mut ModelCheckpoint::new(&path("file/m.keras")))
        .unwrap_err()
        .to_string();
    assert!(error.contains("cannot make this folder"), "{error}");
    std::fs::create_dir(path("dir.keras")).unwrap();
    let error = run
        .check(&mut ModelCheckpoint::new(&path("dir.keras")))
        .unwrap_err()
        .to_string();
    assert!(error.contains("is a folder"), "{error}");
    Ok(())
}

#[test]
fn saves_after_batches_through_all_epochs() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("{epoch}-{batch}-{loss:.1f}.keras");
    let mut callback = ModelCheckpoint::new(path.to_str().unwrap()).save_freq(SaveFreq::Batches(3));
    let mut run = Run::new(&["loss"]);
    run.check(&mut callback)?;
    for epoch in 0..2 {
        callback.on_epoch_begin(epoch, &mut run.cx(), &mut logs(&[]))?;
        for batch in 0..4 {
            callback.on_train_batch_end(batch, &mut run.cx(), &mut logs(&[("loss", batch as f64)]))?;
        }
        callback.on_epoch_end(epoch, &mut run.cx(), &mut logs(&[("loss", 0.)]))?;
    }
    callback.on_train_end(&mut run.cx(), &mut logs(&[]))?;
    assert_eq!(files(folder.path()), ["1-3-2.0.keras", "2-2-1.0.keras"]);
    assert!(callback.last_saved().unwrap().ends_with("2-2-1.0.keras"));
    Ok(())
}

#[test]
fn says_what_it_saved() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("best.keras").to_str().unwrap().to_owned();
    let mut run = Run::new(&["val_loss"]);
    let mut callback = ModelCheckpoint::new(&path).save_best_only(true).verbose(1);
    run.fit(&mut callback, "val_loss", &[0.5, 0.6])?;
    assert_eq!(
        run.notes(),
        [
            format!("saving {path}"),
            "val_loss not better than 0.5000".to_owned()
        ]
    );
    // The best is kept for the next training.
    run.fit(&mut callback, "val_loss", &[0.7])?;
    assert_eq!(run.notes(), ["val_loss not better than 0.5000"]);
    Ok(())
}

#[test]
fn small_files_are_written_while_training_goes_on() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let mut run = Run::new(&["loss"]);
    let end = |callback: &mut ModelCheckpoint, run: &mut Run, epoch| {
        callback.on_epoch_end(epoch, &mut run.cx(), &mut logs(&[("loss", 1.)]))
    };
    let mut callback = ModelCheckpoint::new(&path("{epoch}.keras"));
    run.check(&mut callback)?;
    end(&mut callback, &mut run, 0)?;
    assert_eq!(run.notes(), [format!("saving {}", path("1.keras"))]);
    // The next save waits for the one before; a checkpoint of the training waits for all.
    end(&mut callback, &mut run, 1)?;
    assert_eq!(callback.last_saved(), Some(path("1.keras").as_str()));
    callback.before_state(&mut run.cx())?;
    assert_eq!(files(folder.path()), ["1.keras", "2.keras"]);
    assert!(callback.state().to_string().contains("2.keras"));
    // Whoever does not end the training gets its files all the same.
    end(&mut callback, &mut run, 2)?;
    drop(callback);
    assert_eq!(files(folder.path()), ["1.keras", "2.keras", "3.keras"]);

    // A file that is replaced at once again and again holds what came last.
    let mut callback = ModelCheckpoint::new(&path("same.keras"));
    run.check(&mut callback)?;
    for epoch in 0..50 {
        run.set_weight(epoch as f32)?;
        end(&mut callback, &mut run, epoch)?;
    }
    callback.on_train_end(&mut run.cx(), &mut logs(&[]))?;
    run.set_weight(0.)?;
    run.model.load_weights(path("same.keras"))?;
    assert_eq!(run.weight(), 49.);
    std::fs::remove_file(path("same.keras")).unwrap();

    let mut callback = ModelCheckpoint::new(&path("waits.keras")).save_on_background(false);
    run.check(&mut callback)?;
    run.notes();
    end(&mut callback, &mut run, 0)?;
    assert_eq!(run.notes(), [format!("saved {}", path("waits.keras"))]);
    assert_eq!(callback.last_saved(), Some(path("waits.keras").as_str()));
    assert_eq!(callback.config().get("save_on_background"), Some(&false.into()));
    Ok(())
}

#[test]
fn what_could_not_be_written_is_told_at_the_next_hook() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let below = folder.path().join("below");
    let begin = |errors| -> Result<(Run, ModelCheckpoint)> {
        // Where the folder was there is a file.
        let _ = std::fs::remove_file(&below);
        let path = below.join("{epoch}.keras").display().to_string();
        let mut callback = ModelCheckpoint::new(&path).save_errors(errors).keep_last(1);
        let mut run = Run::new(&["loss"]);
        run.check(&mut callback)?;
        std::fs::remove_dir(&below).unwrap();
        std::fs::write(&below, "").unwrap();
        callback.on_epoch_end(0, &mut run.cx(), &mut logs(&[]))?;
        Ok((run, callback))
    };
    let told = |result: Result<()>| {
        let text = result.unwrap_err().to_string();
        assert!(text.contains(below.to_str().unwrap()), "{text}");
    };
    let (mut run, mut callback) = begin(SaveErrors::Stop)?;
    told(callback.on_train_end(&mut run.cx(), &mut logs(&[])));
    let (mut run, mut callback) = begin(SaveErrors::Stop)?;
    told(callback.before_state(&mut run.cx()));
    let (mut run, mut callback) = begin(SaveErrors::Stop)?;
    told(callback.on_epoch_end(1, &mut run.cx(), &mut logs(&[])));
    let (mut run, mut callback) = begin(SaveErrors::Stop)?;
    let mut batches = (0..1000).map(|batch| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        callback.on_train_batch_end(batch, &mut run.cx(), &mut logs(&[]))
    });
    told(batches.find(Result::is_err).unwrap());

    let (mut run, mut callback) = begin(SaveErrors::Warn)?;
    run.notes();
    callback.on_train_end(&mut run.cx(), &mut logs(&[]))?;
    let notes = run.notes();
    assert!(
        notes.len() == 1 && notes[0].starts_with("ModelCheckpoint could not save, training goes on: "),
        "{notes:?}"
    );
    assert_eq!((callback.kept().len(), callback.last_saved()), (0, None));
    Ok(())
}

#[test]
fn a_file_that_is_replaced_tells_when_it_could_not_be() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let below = folder.path().join("below");
    let path = below.join("same.keras").display().to_string();
    for errors in [SaveErrors::Stop, SaveErrors::Warn] {
        let _ = std::fs::remove_file(&below);
        let mut callback = ModelCheckpoint::new(&path).save_errors(errors);
        let mut run = Run::new(&["loss"]);
        run.check(&mut callback)?;
        std::fs::remove_dir_all(&below).unwrap();
        std::fs::write(&below, "").unwrap();
        let mut told = Ok(());
        for epoch in 0..5 {
            told = told.and(callback.on_epoch_end(epoch, &mut run.cx(), &mut logs(&[])));
        }
        told = told.and(callback.before_state(&mut run.cx()));
        let text = match errors {
            SaveErrors::Warn => {
                told?;
                run.notes().join("\n")
            }
            _ => told.unwrap_err().to_string(),
        };
        assert!(text.contains(below.to_str().unwrap()), "{text}");
        assert_eq!(callback.last_saved(), None);
        // What comes later is saved, when it can be.
        std::fs::remove_file(&below).unwrap();
        callback.on_epoch_end(5, &mut run.cx(), &mut logs(&[]))?;
        callback.on_train_end(&mut run.cx(), &mut logs(&[]))?;
        assert_eq!(callback.last_saved(), Some(path.as_str()));
        assert_eq!(files(&below), ["same.keras"]);
    }
    Ok(())
}

/// Keeps the files that it finds after each epoch, and before the next.
#[derive(Clone, Debug, Default)]
struct Looks {
    folder: std::path::PathBuf,
    found: std::sync::Arc<std::sync::Mutex<Vec<usize>>>,
}

impl Looks {
    fn look(&self) {
        self.found.lock().unwrap().push(files(&self.folder).len());
    }
}

impl Callback for Looks {
    fn on_epoch_begin(&mut self, _: usize, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.look();
        Ok(())
    }
    fn on_epoch_end(&mut self, _: usize, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.look();
        Ok(())
    }
}

#[test]
fn callbacks_and_loops_of_ones_own_find_each_file() -> Result<()> {
    let model = || -> Result<Model> {
        let mut model = Sequential::new().input([1]).add(Dense::new(1)).build()?;
        let mse = loss_fn("mse", |y: &Tensor, p: &Tensor| (p - y)?.sqr());
        model.compile_with(Compile::new("sgd").loss(mse), &Registry::core())?;
        Ok(model)
    };
    let (x, y) = (vec![[1f32], [2.]], vec![[2f32], [4.]]);
    for before in [false, true] {
        let folder = TempDir::new().unwrap();
        let checkpoint = ModelCheckpoint::new(folder.path().join("{epoch}.keras").to_str().unwrap());
        let looks = Looks {
            folder: folder.path().to_owned(),
            ..Looks::default()
        };
        let fit = Fit::new().epochs(3).verbose(0);
        let fit = match before {
            true => fit.callback(looks.clone()).callback(checkpoint),
            false => fit.callback(checkpoint).callback(looks.clone()),
        };
        model()?.fit((&x, &y), fit)?;
        let expected = if before {
            [0, 0, 1, 1, 2, 2]
        } else {
            [0, 1, 1, 2, 2, 3]
        };
        assert_eq!(*looks.found.lock().unwrap(), expected);
    }
    let folder = TempDir::new().unwrap();
    let checkpoint = ModelCheckpoint::new(folder.path().join("{epoch}.keras").to_str().unwrap());
    let mut model = model()?;
    let mut callbacks = CallbackList::new([checkpoint.into()], Params::default(), None)?;
    callbacks.train(&mut model, |callbacks, model, _| {
        for epoch in 0..3 {
            callbacks.on_epoch_begin(model, epoch, &mut Logs::new())?;
            callbacks.on_epoch_end(model, epoch, &mut Logs::new())?;
            assert_eq!(files(folder.path()).len(), epoch + 1);
        }
        Ok(())
    })
}
