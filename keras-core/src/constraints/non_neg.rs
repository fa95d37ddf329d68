//! Weights of 0 and above.

use keras_ops::{self as ops, Tensor};

use crate::{Constraint, Entry, Result};

/// `max(w, 0)`.
///
/// ```
/// use keras_core::{Constraint, constraints::NonNeg};
/// use keras_ops::{Device, Tensor};
/// let w = NonNeg.call(&Tensor::new(&[-1f32, 2.], &Device::Cpu)?)?;
/// assert_eq!(w.to_vec1::<f32>()?, [0., 2.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NonNeg;

impl Constraint for NonNeg {
    fn call(&self, w: &Tensor) -> Result<Tensor> {
        Ok(ops::relu(w)?)
    }
}

pub(super) const ENTRY: Entry<dyn Constraint> = Entry {
    class_name: "NonNeg",
    module: "keras.constraints",
    aliases: &["non_neg", "nonneg"],
    doc: "max(w, 0)",
    build: |config, _| {
        config.reader("NonNeg").finish()?;
        Ok(Box::new(NonNeg))
    },
};
