use std::path::Path;

use keras_ops::host;

use super::archive::{self, Named};
use super::shards;
use crate::Result;
use crate::lent::Lent;

/// What a file is to hold, as it is at a moment: to be written now, or on another thread while training goes on.
///
/// [`Model::pack`](crate::Model::pack) makes one. It copies nothing but small values: a weight is copied when training
/// is about to change it before it is written. [`detach`](Self::detach) copies them all at once.
///
/// # Examples
/// ```
/// use keras_core::{Sequential, layers::Dense, saving::load_model, Registry};
/// let folder = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// let path = folder.path().join("model.keras");
/// let model = Sequential::new().input([4]).add(Dense::new(2)).build()?;
/// let packed = model.pack()?;
/// assert_eq!(packed.bytes(), 4 * (4 * 2 + 2));
/// let file = path.clone();
/// let writer = std::thread::spawn(move || packed.write(file));
/// // Training goes on here.
/// writer.join().expect("it does not panic")?;
/// assert_eq!(load_model(&path, &Registry::core())?.count_params(), 10);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Packed {
    pub(super) texts: Vec<(&'static str, String)>,
    pub(super) tensors: Vec<Named>,
}

impl Packed {
    /// The bytes of all its tensors.
    pub fn bytes(&self) -> usize {
        let sizes = self.tensors.iter();
        sizes
            .map(|(_, lent)| lent.with(|t| t.elem_count() * t.dtype().size_in_bytes()))
            .sum()
    }

    /// With copies of the weights, so that training need not mind it any more.
    ///
    /// # Errors
    /// When the device cannot hold them.
    pub fn detach(mut self) -> Result<Self> {
        for (_, lent) in &mut self.tensors {
            let copy = lent.with(host::copy)?;
            *lent = Lent::fixed(copy);
        }
        Ok(self)
    }

    /// Writes the file, which appears whole or not at all and is on the disk when this returns. What is written is let
    /// go at once.
    ///
    /// # Errors
    /// When it cannot be written; a former file of this name is then what it was.
    pub fn write(self, path: impl AsRef<Path>) -> Result<()> {
        archive::write(path.as_ref(), self)
    }

    /// Writes a folder of files of about `shard_bytes`, which appears whole or not at all.
    pub(super) fn write_sharded(self, folder: &Path, shard_bytes: usize) -> Result<()> {
        shards::write(folder, self, shard_bytes)
    }
}
