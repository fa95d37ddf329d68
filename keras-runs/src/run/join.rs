//! Programs that `keras run` and `keras tune` start: they write into the directory that was made for them.

use std::fs::File;
use std::path::PathBuf;

use keras_core::{Error, Result, ResultExt};
use serde_json::{Map, Value};

use crate::data_dir::DataDir;

/// The run's directory.
pub(crate) const RUN_DIR: &str = "KERAS_RUN_DIR";
/// Its flags, as JSON.
pub(crate) const RUN_FLAGS: &str = "KERAS_RUN_FLAGS";
/// Its seed.
pub(crate) const RUN_SEED: &str = "KERAS_RUN_SEED";

pub(super) struct Joined {
    pub(super) path: PathBuf,
    pub(super) flags: Map<String, Value>,
    pub(super) seed: Option<u64>,
}

/// The directory made for this program, for its first run; later ones, and those of programs it starts, get their own.
pub(super) fn claim() -> Result<Option<Joined>> {
    let Some(path) = std::env::var_os(RUN_DIR)
        .filter(|dir| !dir.is_empty())
        .map(PathBuf::from)
    else {
        return Ok(None);
    };
    let data = DataDir::of(&path);
    match File::create_new(data.join("joined")) {
        Ok(_) => {}
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => return Ok(None),
        Err(e) => {
            return Err(Error::io(
                data.join("joined"),
                "cannot join the run that KERAS_RUN_DIR names",
                e,
            ));
        }
    }
    Ok(Some(Joined {
        path,
        flags: flags()?,
        seed: seed()?,
    }))
}

/// The flags that the program was started with.
pub(crate) fn flags() -> Result<Map<String, Value>> {
    match std::env::var(RUN_FLAGS) {
        Ok(text) if !text.is_empty() => serde_json::from_str(&text)
            .map_err(Error::from)
            .context(|| format!("the environment variable {RUN_FLAGS}")),
        _ => Ok(Map::new()),
    }
}

/// The seed that the program was started with.
pub(crate) fn seed() -> Result<Option<u64>> {
    match std::env::var(RUN_SEED) {
        Ok(text) if !text.is_empty() => text.parse().map(Some).map_err(|_| {
            Error::invalid(format!(
                "{RUN_SEED} must be a whole number, 0 or more, got `{text}`"
            ))
        }),
        _ => Ok(None),
    }
}
