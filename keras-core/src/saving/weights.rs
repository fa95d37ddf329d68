//! Weights to and from files.

use std::path::Path;

use keras_ops::Tensor;
use rustc_hash::FxHashSet;

use super::archive::{Archive, Named};
use super::checkpoint::{CALLBACKS, METRICS};
use super::packed::Packed;
use crate::{Error, Model, Result, Variable, bail};

/// The folder of the optimizer's variables.
pub(super) const OPTIMIZER: &str = "optimizer/";
/// Before the names of what layers carry from batch to batch.
pub(super) const STATE: &str = "state/";

/// How weights are loaded. See [`Model::load_weights_with`].
#[derive(Clone, Debug, Default)]
pub struct LoadWeights {
    skip_mismatch: bool,
    by_name: bool,
    layers: Option<Vec<String>>,
}

impl LoadWeights {
    /// All weights, which must fit.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves weights alone that the file lacks or has in another shape, and lets others in the file be.
    #[must_use]
    pub fn skip_mismatch(mut self, skip: bool) -> Self {
        self.skip_mismatch = skip;
        self
    }

    /// Loads into the layers that the file knows by name, whole or not at all; other layers are left alone. A
    /// shape that differs is an error unless [`skip_mismatch`](Self::skip_mismatch) is set.
    #[must_use]
    pub fn by_name(mut self, by_name: bool) -> Self {
        self.by_name = by_name;
        self
    }

    /// Only these layers of the model.
    #[must_use]
    pub fn layers<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.layers = Some(names.into_iter().map(Into::into).collect());
        self
    }
}

impl Model {
    /// Saves the weights alone, by path, as a safetensors file. The file appears whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written; a former file of this name is then what it was.
    pub fn save_weights(&self, path: impl AsRef<Path>) -> Result<()> {
        self.pack_weights().write(path)
    }

    /// What [`save_weights`](Self::save_weights) writes, as it is now.
    pub fn pack_weights(&self) -> Packed {
        Packed {
            texts: texts(),
            tensors: values(self.weights()),
        }
    }

    /// Loads weights that [`save_weights`](Self::save_weights) or [`save`](Self::save) wrote, or those of a checkpoint of
    /// a training; a file, or a folder of several with its manifest.
    ///
    /// # Errors
    /// When names or shapes differ: lists all of them, and changes nothing.
    ///
    /// # Examples
    /// ```
    /// use keras_core::{Sequential, layers::Dense};
    /// let folder = tempfile::tempdir().map_err(keras_core::Error::user)?;
    /// let path = folder.path().join("model.weights.safetensors");
    /// let make = |units| Sequential::new().input([4]).add(Dense::new(units)).build();
    /// make(2)?.save_weights(&path)?;
    /// make(2)?.load_weights(&path)?;
    /// assert!(make(3)?.load_weights(&path).is_err());
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    pub fn load_weights(&mut self, path: impl AsRef<Path>) -> Result<()> {
        self.load_weights_with(path, LoadWeights::new()).map(drop)
    }

    /// Loads a part of a file, or into a part of the model. Gives the paths of the weights that were loaded.
    ///
    /// # Errors
    /// When what is asked for does not fit: lists all of it, and changes nothing.
    pub fn load_weights_with(&mut self, path: impl AsRef<Path>, options: LoadWeights) -> Result<Vec<String>> {
        let mut archive = Archive::open(path.as_ref())?;
        let mut wanted = self.weights();
        if let Some(layers) = &options.layers {
            for name in layers {
                self.layer(name)?;
            }
            wanted.retain(|(path, _)| layers.iter().any(|l| top(path) == l));
        }
        let partial = options.by_name || options.layers.is_some();
        if options.by_name {
            let entries = archive.entries();
            let known: FxHashSet<&str> = entries.keys().map(|k| top(k)).collect();
            wanted.retain(|(path, _)| known.contains(top(path)));
        }
        if options.skip_mismatch {
            let entries = archive.entries();
            wanted.retain(|(path, v)| entries.get(path).is_some_and(|e| e.shape == v.shape()));
        }
        let ignore_extra = partial || options.skip_mismatch;
        check(&archive, &wanted, |name| {
            ignore_extra
                || [OPTIMIZER, STATE, METRICS, CALLBACKS]
                    .iter()
                    .any(|folder| name.starts_with(folder))
        })?;
        let loaded = wanted.iter().map(|(path, _)| path.clone()).collect();
        read(&mut archive, wanted)?.assign()?;
        Ok(loaded)
    }
}

/// What the header of a file of weights says.
pub(super) fn texts() -> Vec<(&'static str, String)> {
    vec![
        ("format", "keras-weights".to_owned()),
        ("version", "1".to_owned()),
    ]
}

/// The layer of the model that a path begins with.
fn top(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

/// The values now, for writing; later changes do not reach them.
pub(super) fn values(variables: Vec<(String, Variable)>) -> Vec<Named> {
    let value = |(name, variable): (String, Variable)| (name, variable.lend());
    variables.into_iter().map(value).collect()
}

/// Checks that the file has all of `wanted` in their shapes, and nothing else but what `ignore` lets pass.
pub(super) fn check(
    archive: &Archive,
    wanted: &[(String, Variable)],
    ignore: impl Fn(&str) -> bool,
) -> Result<()> {
    let entries = archive.entries();
    let mut problems = Vec::new();
    for (name, variable) in wanted {
        match entries.get(name) {
            None => problems.push(format!("missing in the file: `{name}` {:?}", variable.shape())),
            Some(entry) if entry.shape != variable.shape() => problems.push(format!(
                "`{name}`: expected shape {:?}, the file has {:?}",
                variable.shape(),
                entry.shape
            )),
            Some(_) => {}
        }
    }
    let known: FxHashSet<&str> = wanted.iter().map(|(name, _)| name.as_str()).collect();
    let mut extra: Vec<&String> = entries
        .keys()
        .filter(|k| !known.contains(k.as_str()) && !ignore(k))
        .collect();
    extra.sort();
    problems.extend(
        extra
            .iter()
            .map(|name| format!("only in the file: `{name}` {:?}", entries[*name].shape)),
    );
    if problems.is_empty() {
        return Ok(());
    }
    Err(Error::file(
        &archive.path,
        format!(
            "the weights do not fit the model (nothing was changed):\n  {}\n  to load what fits, use \
             LoadWeights::new().skip_mismatch(true)",
            problems.join("\n  ")
        ),
    ))
}

/// Values read from a file, not yet in their variables.
pub(super) struct Loaded(Vec<(Variable, Tensor)>);

pub(super) fn read(archive: &mut Archive, wanted: Vec<(String, Variable)>) -> Result<Loaded> {
    let value = |(name, variable): (String, Variable)| {
        let value = archive.tensor(&name, variable.device())?;
        if value.dtype().is_float() != variable.dtype().is_float() {
            bail!(
                "`{name}` has dtype {}, the file's value {}",
                keras_ops::dtype_name(variable.dtype()),
                keras_ops::dtype_name(value.dtype())
            );
        }
        Ok((variable, value))
    };
    wanted.into_iter().map(value).collect::<Result<_>>().map(Loaded)
}

impl Loaded {
    pub(super) fn assign(self) -> Result<()> {
        self.0
            .into_iter()
            .try_for_each(|(variable, value)| variable.assign(&value))
    }
}
