use std::path::Path;

use serde_json::Value;

use super::archive::Named;
use super::model::{seeds, slots, states};
use super::packed::Packed;
use super::weights;
use crate::trainer::Place;
use crate::{Model, Result};

/// The format of checkpoints.
pub(super) const FORMAT: &str = "keras-checkpoint";
pub(super) const VERSION: &str = "1";

/// The whole state of a training at a moment: what a callback that [wants it](crate::Context::want_snapshot) is
/// given, to save now or on another thread.
///
/// Weights, optimizer and its slots, random streams, running values of losses and metrics, the states of callbacks,
/// history, the place in the data. Taking one copies nothing but small states: a weight is copied when training is
/// about to change it before it is written. [`Fit::resume`](crate::Fit::resume) goes on from what it saves, to the same
/// bits.
///
/// Saving takes it, so that each weight is let go as soon as it is written; clone it to save it twice.
#[derive(Clone, Debug)]
pub struct Snapshot {
    place: Place,
    packed: Packed,
    /// The first of the tensors are the weights.
    weights: usize,
}

impl Snapshot {
    /// Of `model`; `run` says what must be the same to go on, `state` is what the training adds, with `tensors`.
    pub(crate) fn take(
        model: &Model,
        place: Place,
        run: String,
        mut state: serde_json::Map<String, Value>,
        tensors: Vec<Named>,
    ) -> Result<Self> {
        let optimizer = model.optimizer()?;
        state.insert("place".to_owned(), place.to_value());
        state.insert("seeds".to_owned(), seeds(model));
        state.insert("optimizer".to_owned(), optimizer.state());
        let mut all = weights::values(model.weights());
        let weights = all.len();
        all.extend(weights::values(states(model)));
        all.extend(weights::values(slots(optimizer)));
        all.extend(tensors);
        let texts = vec![
            ("format", FORMAT.to_owned()),
            ("version", VERSION.to_owned()),
            ("keras_rust_version", env!("CARGO_PKG_VERSION").to_owned()),
            ("run", run),
            ("state", Value::Object(state).to_string()),
        ];
        Ok(Self {
            place,
            packed: Packed { texts, tensors: all },
            weights,
        })
    }

    /// How far the training had come.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The bytes of all its tensors.
    pub fn bytes(&self) -> usize {
        self.packed.bytes()
    }

    /// Writes it to a file, which appears whole or not at all: a safetensors file with checksums.
    ///
    /// # Errors
    /// When it cannot be written; a former file of this name is then what it was.
    pub fn save(self, path: impl AsRef<Path>) -> Result<()> {
        self.packed.write(path)
    }

    /// Writes it to a folder of files of about `shard_bytes` with a manifest. The folder appears whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written; nothing is left behind.
    pub fn save_sharded(self, folder: impl AsRef<Path>, shard_bytes: usize) -> Result<()> {
        self.packed.write_sharded(folder.as_ref(), shard_bytes)
    }

    /// [`save_sharded`](Self::save_sharded) of the weights alone, for
    /// [`Model::load_weights`](crate::Model::load_weights).
    ///
    /// # Errors
    /// As there.
    pub fn save_weights_sharded(self, folder: impl AsRef<Path>, shard_bytes: usize) -> Result<()> {
        let mut tensors = self.packed.tensors;
        tensors.truncate(self.weights);
        let texts = weights::texts();
        Packed { texts, tensors }.write_sharded(folder.as_ref(), shard_bytes)
    }
}
