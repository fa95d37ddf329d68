//! What `fit`, `evaluate` and `predict` take: tensors in memory, items by number, or batches from an iterator.

use super::{Arrays, Batches, Indexed, IntoArrays};
use crate::Result;

/// Inputs with targets and sample weights.
#[derive(Debug)]
#[non_exhaustive]
pub enum Dataset {
    /// Everything in memory.
    Arrays {
        /// Inputs.
        x: Arrays,
        /// Targets.
        y: Option<Arrays>,
        /// A weight a sample (or a position of a sample), for each output or for all.
        sample_weight: Option<Arrays>,
    },
    /// Batches made one after the other.
    Batches(Batches),
    /// Samples or batches by number.
    Indexed(Indexed),
}

/// What can be given as data with targets: `(x, y)`, `(x, y, sample_weight)`, [`Batches`], [`Indexed`].
///
/// ```
/// use keras_core::data::{Dataset, IntoDataset};
/// let data = (vec![[1f32, 2.], [3., 4.]], vec![0u32, 1]).into_dataset()?;
/// assert!(matches!(data, Dataset::Arrays { y: Some(_), .. }));
/// # Ok::<(), keras_core::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be used as training data",
    note = "use `(x, y)`, `(x, y, sample_weight)`, `Batches` or `Indexed`"
)]
pub trait IntoDataset {
    /// As a dataset.
    ///
    /// # Errors
    /// When rows differ in length.
    fn into_dataset(self) -> Result<Dataset>;
}

impl IntoDataset for Dataset {
    fn into_dataset(self) -> Result<Dataset> {
        Ok(self)
    }
}

impl IntoDataset for Batches {
    fn into_dataset(self) -> Result<Dataset> {
        Ok(Dataset::Batches(self))
    }
}

impl IntoDataset for Indexed {
    fn into_dataset(self) -> Result<Dataset> {
        Ok(Dataset::Indexed(self))
    }
}

impl<X: IntoArrays> IntoDataset for (X,) {
    fn into_dataset(self) -> Result<Dataset> {
        self.0.into_inputs()
    }
}

impl<X: IntoArrays, Y: IntoArrays> IntoDataset for (X, Y) {
    fn into_dataset(self) -> Result<Dataset> {
        Ok(Dataset::Arrays {
            x: self.0.into_arrays()?,
            y: Some(self.1.into_arrays()?),
            sample_weight: None,
        })
    }
}

impl<X: IntoArrays, Y: IntoArrays, W: IntoArrays> IntoDataset for (X, Y, W) {
    fn into_dataset(self) -> Result<Dataset> {
        let (x, y) = (self.0.into_arrays()?, Some(self.1.into_arrays()?));
        Ok(Dataset::Arrays {
            x,
            y,
            sample_weight: Some(self.2.into_arrays()?),
        })
    }
}

/// What can be given as inputs alone: all [`IntoArrays`], [`Batches`], [`Indexed`]; of the latter two targets are
/// passed over.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be used as inputs",
    note = "use a `Tensor`, `&Tensor`, nested `Vec`s or slices of numbers, a `Vec<Tensor>`, `[(\"name\", &tensor)]`, \
            `Batches` or `Indexed`"
)]
pub trait IntoInputs {
    /// As a dataset without targets.
    ///
    /// # Errors
    /// When rows differ in length.
    fn into_inputs(self) -> Result<Dataset>;
}

impl<X: IntoArrays> IntoInputs for X {
    fn into_inputs(self) -> Result<Dataset> {
        Ok(Dataset::Arrays {
            x: self.into_arrays()?,
            y: None,
            sample_weight: None,
        })
    }
}

macro_rules! inputs {
    ($($source:ty),*) => { $(
        impl IntoInputs for $source {
            fn into_inputs(self) -> Result<Dataset> {
                self.into_dataset()
            }
        }
    )* };
}
inputs!(Dataset, Batches, Indexed);
