//! Files that cannot be written or read.

use std::path::Path;

use keras::prelude::*;

use super::{assert_says, line, message};

fn folder() -> keras::Result<tempfile::TempDir> {
    tempfile::tempdir().map_err(keras::Error::user)
}

fn saved(path: &Path) -> keras::Result<Model> {
    let model = line()?;
    model.save(path)?;
    Ok(model)
}

#[test]
fn a_checkpoint_folder_that_cannot_be_written_is_found_before_the_first_step() -> keras::Result<()> {
    let folder = folder()?;
    // A file where a folder should be: nobody, not even root, can write below it.
    let file = folder.path().join("file");
    std::fs::write(&file, "").map_err(keras::Error::user)?;
    let path = file.join("best.keras");
    let mut model = line()?;
    let before = super::weights(&model)?;
    let fit = Fit::new()
        .verbose(0)
        .callback(ModelCheckpoint::new(&path.to_string_lossy()).monitor("loss"));
    let text = message(model.fit((vec![[1f32]], vec![[1f32]]), fit));
    assert_says(&text, &["ModelCheckpoint", "file"]);
    assert_eq!(super::weights(&model)?, before);
    Ok(())
}

#[test]
fn a_missing_file_is_named() -> keras::Result<()> {
    let path = folder()?.path().join("none.keras");
    assert_says(&message(load_model(&path)), &["none.keras"]);
    Ok(())
}

#[test]
fn a_truncated_checkpoint_is_an_error() -> keras::Result<()> {
    let folder = folder()?;
    let path = folder.path().join("model.keras");
    saved(&path)?;
    let bytes = std::fs::read(&path).map_err(keras::Error::user)?;
    for length in [0, 4, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..length]).map_err(keras::Error::user)?;
        assert_says(&message(load_model(&path)), &["model.keras"]);
    }
    Ok(())
}

#[test]
fn a_file_of_something_else_is_an_error() -> keras::Result<()> {
    let folder = folder()?;
    let path = folder.path().join("other.keras");
    std::fs::write(&path, "this is no model").map_err(keras::Error::user)?;
    assert_says(&message(load_model(&path)), &["other.keras"]);
    // Tensors without a model's configuration.
    let tensors = [("w".to_owned(), Tensor::zeros(3, DType::F32, &Device::Cpu)?)];
    ops::candle::safetensors::save(&tensors.into_iter().collect(), &path)?;
    assert_says(&message(load_model(&path)), &["other.keras"]);
    Ok(())
}

#[test]
fn a_save_that_fails_leaves_the_former_file_whole() -> keras::Result<()> {
    let folder = folder()?;
    let path = folder.path().join("model.keras");
    let model = saved(&path)?;
    let before = std::fs::read(&path).map_err(keras::Error::user)?;
    // A folder in the way of the target makes the save fail after the model was gathered.
    let blocked = folder.path().join("blocked");
    std::fs::create_dir(&blocked).map_err(keras::Error::user)?;
    assert_says(&message(model.save(&blocked)), &["blocked"]);
    assert_eq!(std::fs::read(&path).map_err(keras::Error::user)?, before);
    let left = std::fs::read_dir(folder.path())
        .map_err(keras::Error::user)?
        .count();
    assert_eq!(left, 2, "a failed save left a file behind");
    load_model(&path)?;
    Ok(())
}
