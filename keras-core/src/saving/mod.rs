//! Saving and loading: one file with a model's configuration, weights, optimizer state and random streams.
//!
//! The file is a safetensors file, readable by anything that reads those. The weights lie under their paths
//! (`dense/kernel`), the optimizer's variables under `optimizer/…`, what layers carry from
//! batch to batch under `state/…`; the header's `__metadata__` has `format`,
//! `version`, `config` (Keras's JSON of the model), `compile_config`, `optimizer` (its state) and `seeds`. The last
//! tensor, `__crc32c__`, holds the checksums of the header and of each tensor before it: what is damaged is not loaded.
//! A checkpoint of a training is such a file too, or a folder of several with a manifest.
//!
//! ```
//! use keras_core::saving::load_model;
//! use keras_core::{Registry, Sequential, layers::Dense};
//! let folder = tempfile::tempdir().map_err(keras_core::Error::user)?;
//! let path = folder.path().join("model.keras");
//! let model = Sequential::new().input([4]).add(Dense::new(2)).build()?;
//! model.save(&path)?;
//! let again = load_model(&path, &Registry::core())?;
//! assert_eq!(again.weights()[0].1.value().to_vec2::<f32>()?, model.weights()[0].1.value().to_vec2::<f32>()?);
//! # Ok::<(), keras_core::Error>(())
//! ```

mod archive;
mod atomic;
mod checkpoint;
mod model;
mod packed;
mod shards;
mod snapshot;
mod tensors;
mod weights;

pub use atomic::write_atomic;
pub(crate) use checkpoint::{CALLBACKS, Checkpoint, METRICS};
pub use model::{LoadModel, load_model, load_model_with};
pub use packed::Packed;
pub use snapshot::Snapshot;
pub use tensors::{TensorFile, save_tensors};
pub use weights::LoadWeights;
