use std::path::{Path, PathBuf};

use keras_core::ops::{DType, Tensor};
use keras_core::saving::TensorFile;
use keras_core::{Error, Model, Registry, Result, ResultExt};
use serde_json::Value;

use super::npz::Npz;

/// A file with a model, or with tensors.
#[derive(Debug)]
pub(super) enum Source {
    /// What [`Model::to_json`] wrote.
    Json(PathBuf, Value),
    /// What this library saved, or any safetensors file.
    Tensors(PathBuf, Box<TensorFile>),
    /// What NumPy saved.
    Npz(Npz),
}

/// Where a saved model or a checkpoint has what is no weight.
const OTHERS: [&str; 4] = ["optimizer/", "state/", "metrics/", "callbacks/"];

/// Whether a tensor of this name is a weight of the model.
pub(super) fn is_weight(name: &str) -> bool {
    !OTHERS.iter().any(|folder| name.starts_with(folder))
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self> {
        if path.join("tfruns.d").is_dir() {
            let file = path.join("tfruns.d").join("model.json");
            return match file.is_file() {
                true => Self::json(&file),
                false => Err(Error::file(
                    path,
                    format!("this run has no model.json; {}", models(path)),
                )),
            };
        }
        let kind = path.extension().and_then(|kind| kind.to_str());
        match kind {
            Some("json") => Self::json(path),
            Some("npz" | "npy") => Npz::open(path).map(Self::Npz),
            _ => Ok(Self::Tensors(path.to_owned(), Box::new(TensorFile::open(path)?))),
        }
    }

    fn json(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, "cannot read", e))?;
        let value: Value =
            serde_json::from_str(&text).map_err(|e| Error::file(path, format!("no JSON: {e}")))?;
        if value.get("class_name").is_none() || value.get("config").is_none() {
            return Err(Error::file(
                path,
                "no model's JSON: expected `class_name` and `config`, as `to_json` writes them",
            ));
        }
        Ok(Self::Json(path.to_owned(), value))
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Json(path, _) | Self::Tensors(path, _) => path,
            Self::Npz(npz) => npz.path(),
        }
    }

    /// What it is, in a word.
    pub(super) fn kind(&self) -> &str {
        match self {
            Self::Json(..) => "json",
            Self::Tensors(_, file) => file.format().unwrap_or("safetensors"),
            Self::Npz(_) => "npz",
        }
    }

    /// The model's configuration.
    pub(super) fn config(&self) -> Result<Value> {
        let config = match self {
            Self::Json(_, config) => Some(config.clone()),
            Self::Tensors(_, file) => file.config()?,
            Self::Npz(_) => None,
        };
        config.ok_or_else(|| {
            Error::file(
                self.path(),
                "these are tensors without a model; `keras inspect` lists them",
            )
        })
    }

    /// The model with new weights, of the classes that this library has.
    pub(super) fn model(&self) -> Result<Model> {
        let mut config = self.config()?;
        if let Some(config) = config.as_object_mut() {
            config.shift_remove("compile_config");
        }
        Model::from_config(&config, &Registry::core())
            .context(|| format!("{}: cannot build the model", self.path().display()))
    }

    /// Names, dtypes and shapes; none of a model's JSON.
    pub(super) fn tensors(&self) -> Result<Vec<(String, DType, Vec<usize>)>> {
        match self {
            Self::Json(path, _) => Err(match run_of(path) {
                Some(run) => Error::file(run, format!("this is a run; {}", models(run))),
                None => Error::file(path, "this is a model without weights; `keras summary` shows it"),
            }),
            Self::Tensors(_, file) => file.tensors(),
            Self::Npz(npz) => npz.tensors(),
        }
    }

    pub(super) fn read(&mut self, name: &str) -> Result<Tensor> {
        match self {
            Self::Json(path, _) => Err(Error::file(&*path, "this is a model without weights")),
            Self::Tensors(_, file) => file.read(name),
            Self::Npz(npz) => npz.read(name),
        }
    }
}

/// The run that a file of its record belongs to.
fn run_of(file: &Path) -> Option<&Path> {
    let data = file.parent().filter(|folder| folder.ends_with("tfruns.d"))?;
    data.parent()
}

/// The files in a run's folder that may be models.
fn models(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            let kind = path.extension().and_then(|kind| kind.to_str());
            matches!(kind, Some("keras" | "safetensors" | "npz" | "json"))
        })
        .map(|path| path.display().to_string())
        .collect();
    names.sort();
    match names.is_empty() {
        true => "there is no model among its files".to_owned(),
        false => format!("name one of its files: {}", names.join(", ")),
    }
}
