use keras_callbacks::CSVLogger;
use keras_core::{Callback, Logs, Result};
use tempfile::TempDir;

use crate::run::{Run, logs};

fn epochs(run: &mut Run, callback: &mut CSVLogger, from: usize, rows: &[&[(&str, f64)]]) -> Result<()> {
    run.check(callback)?;
    callback.on_train_begin(&mut run.cx(), &mut Logs::new())?;
    for (i, row) in rows.iter().enumerate() {
        callback.on_epoch_end(from + i, &mut run.cx(), &mut logs(row))?;
    }
    callback.on_train_end(&mut run.cx(), &mut Logs::new())
}

#[test]
fn a_row_each_epoch_with_na_for_what_is_missing() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("runs/log.csv");
    let mut run = Run::new(&["loss", "acc", "val_loss"]);
    let rows: [&[(&str, f64)]; 2] = [
        &[("loss", 0.5), ("acc", 1.)],
        &[("loss", 0.25), ("acc", f64::NAN), ("val_loss", 1e-7)],
    ];
    epochs(&mut run, &mut CSVLogger::new(&path), 0, &rows)?;
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        text,
        "epoch,acc,loss,val_loss\n0,1,0.5,NA\n1,NaN,0.25,0.0000001\n"
    );

    epochs(&mut run, &mut CSVLogger::new(&path), 0, &[&[("loss", 2.)]])?;
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "epoch,acc,loss,val_loss\n0,NA,2,NA\n"
    );
    Ok(())
}

#[test]
fn rows_are_on_disk_at_once() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log.csv");
    let mut run = Run::new(&["loss"]);
    let mut callback = CSVLogger::new(&path);
    callback.on_train_begin(&mut run.cx(), &mut Logs::new())?;
    callback.on_epoch_end(0, &mut run.cx(), &mut logs(&[("loss", 0.5)]))?;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "epoch,loss\n0,0.5\n");
    Ok(())
}

#[test]
fn names_are_escaped_and_read_back() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log.csv");
    let name = "a;\"b\"\nc";
    let mut run = Run::new(&["loss", name]);
    let row: &[(&str, f64)] = &[("loss", 0.5), (name, 3.)];
    epochs(&mut run, &mut CSVLogger::new(&path).separator(';'), 0, &[row])?;
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, "epoch;\"a;\"\"b\"\"\nc\";loss\n0;3;0.5\n");
    // Appending needs to find the same columns again.
    epochs(
        &mut run,
        &mut CSVLogger::new(&path).separator(';').append(true),
        1,
        &[row],
    )?;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text + "1;3;0.5\n");
    Ok(())
}

#[test]
fn appending_goes_on_with_the_columns_of_the_file() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log.csv");
    std::fs::write(&path, "epoch,loss,val_loss\n0,1,2\n").unwrap();
    let mut run = Run::new(&["loss"]);
    epochs(
        &mut run,
        &mut CSVLogger::new(&path).append(true),
        1,
        &[&[("loss", 0.5)]],
    )?;
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "epoch,loss,val_loss\n0,1,2\n1,0.5,NA\n"
    );

    let mut run = Run::new(&["loss", "acc"]);
    let error = run
        .check(&mut CSVLogger::new(&path).append(true))
        .unwrap_err()
        .to_string();
    assert!(error.contains("has no column `acc`"), "{error}");
    // An empty file gets its header.
    std::fs::write(&path, "").unwrap();
    epochs(
        &mut run,
        &mut CSVLogger::new(&path).append(true),
        0,
        &[&[("loss", 0.5)]],
    )?;
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "epoch,acc,loss\n0,NA,0.5\n"
    );
    Ok(())
}

#[test]
fn what_cannot_be_written_is_found_before_training() {
    let folder = TempDir::new().unwrap();
    let mut run = Run::new(&["loss"]);
    let error = run
        .check(&mut CSVLogger::new(folder.path()))
        .unwrap_err()
        .to_string();
    assert!(error.contains("cannot write"), "{error}");
    let error = run
        .check(&mut CSVLogger::new("x.csv").separator('é'))
        .unwrap_err()
        .to_string();
    assert!(error.contains("cannot separate columns by 'é'"), "{error}");
}
