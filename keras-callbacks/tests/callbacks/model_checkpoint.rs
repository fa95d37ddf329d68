use std::path::Path;

use keras_callbacks::{ModelCheckpoint, SaveFreq};
use keras_core::{Callback, Result};
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
            format!("saved {path}"),
            "val_loss not better than 0.5000".to_owned()
        ]
    );
    // The best is kept for the next training.
    run.fit(&mut callback, "val_loss", &[0.7])?;
    assert_eq!(run.notes(), ["val_loss not better than 0.5000"]);
    Ok(())
}
