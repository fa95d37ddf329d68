//! Files of tensors, whatever they were saved for.

use std::path::Path;

use keras_ops::{DType, Device, Tensor};
use serde_json::Value;

use super::archive::Archive;
use super::packed::Packed;
use super::weights;
use crate::lent::Lent;
use crate::{Error, Result};

/// A file of named tensors: a saved model, weights, a checkpoint of a training (also a folder of shards), or any other
/// safetensors file.
///
/// # Examples
/// ```
/// use keras_core::saving::TensorFile;
/// use keras_core::{Sequential, layers::Dense};
/// let folder = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// let path = folder.path().join("model.keras");
/// Sequential::new().input([4]).add(Dense::new(2).name("out")).build()?.save(&path)?;
/// let mut file = TensorFile::open(&path)?;
/// assert_eq!(file.format(), Some("keras-model"));
/// let (name, _, shape) = &file.tensors()?[0];
/// assert_eq!((name.as_str(), shape.as_slice()), ("out/kernel", [4, 2].as_slice()));
/// assert_eq!(file.read("out/bias")?.to_vec1::<f32>()?, [0., 0.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct TensorFile(Archive);

impl TensorFile {
    /// Opens a file, or a folder of shards, and reads its header.
    ///
    /// # Errors
    /// When it is no such file, or is cut off.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Archive::open(path.as_ref()).map(Self)
    }

    /// What it was saved as: `keras-model`, `keras-weights`, `keras-checkpoint`; `None` for files of others.
    pub fn format(&self) -> Option<&str> {
        self.text("format")
    }

    /// A text of the header.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.0.text(key)
    }

    /// A text of the header that is JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self, key: &str) -> Result<Option<Value>> {
        self.0.json(key)
    }

    /// The configuration of the model, for [`Model::from_config`](crate::Model::from_config), where the file has one:
    /// of a saved model, or of the training that a checkpoint is of.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn config(&self) -> Result<Option<Value>> {
        if let Some(config) = self.json("config")? {
            return Ok(Some(config));
        }
        let run = self.json("run")?.unwrap_or_default();
        let config = run.get("model").cloned();
        Ok(config.filter(|config| config.get("class_name").is_some()))
    }

    /// Names, dtypes and shapes, in the order of the file.
    ///
    /// # Errors
    /// When a dtype is one that no tensor here can have.
    pub fn tensors(&self) -> Result<Vec<(String, DType, Vec<usize>)>> {
        let form = |(name, info): (String, &safetensors::tensor::TensorInfo)| {
            let dtype = DType::try_from(info.dtype)
                .map_err(|_| Error::file(&self.0.path, format!("`{name}` has dtype {:?}", info.dtype)))?;
            Ok((name, dtype, info.shape.clone()))
        };
        self.0.in_order().into_iter().map(form).collect()
    }

    /// Reads a tensor, to the processor's memory, and compares its checksum where the file has them.
    ///
    /// # Errors
    /// When there is none of this name, or it is damaged.
    pub fn read(&mut self, name: &str) -> Result<Tensor> {
        self.0.tensor(name, &Device::Cpu)
    }

    /// Whether the file has checksums.
    pub fn has_checksums(&self) -> bool {
        self.0.has_checksums()
    }
}

/// Writes tensors as [`Model::save_weights`](crate::Model::save_weights) does: the file appears whole or not at all.
///
/// # Errors
/// When it cannot be written, or a dtype cannot be saved; a former file of this name is then what it was.
///
/// # Examples
/// ```
/// use keras_core::ops::{Device, Tensor};
/// use keras_core::saving::save_tensors;
/// use keras_core::{Sequential, layers::Dense};
/// let folder = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// let path = folder.path().join("out.safetensors");
/// let value = |values: &[f32]| Tensor::new(values, &Device::Cpu);
/// let kernel = value(&[1., 2.])?.reshape((1, 2))?;
/// save_tensors(&path, &[("out/kernel".to_owned(), kernel), ("out/bias".to_owned(), value(&[0.5, 0.])?)])?;
/// let mut model = Sequential::new().input([1]).add(Dense::new(2).name("out")).build()?;
/// model.load_weights(&path)?;
/// assert_eq!(model.weight("out/bias")?.value().to_vec1::<f32>()?, [0.5, 0.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn save_tensors(path: impl AsRef<Path>, tensors: &[(String, Tensor)]) -> Result<()> {
    let named = tensors.iter();
    Packed {
        texts: weights::texts(),
        tensors: named
            .map(|(name, tensor)| (name.clone(), Lent::fixed(tensor.clone())))
            .collect(),
    }
    .write(path)
}
