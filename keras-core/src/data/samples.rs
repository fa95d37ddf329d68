use keras_ops::Tensor;

use crate::{Result, bail};

/// Tensors of one run in the model's order, checked to have the same number of samples.
#[derive(Clone, Debug)]
pub(crate) struct Samples {
    pub(crate) x: Vec<Tensor>,
    pub(crate) y: Vec<Tensor>,
    pub(crate) w: Vec<Tensor>,
    pub(crate) len: usize,
}

impl Samples {
    pub(crate) fn new(x: Vec<Tensor>, y: Vec<Tensor>, w: Vec<Tensor>) -> Result<Self> {
        let count = |t: &Tensor| t.dims().first().copied();
        let Some(len) = x.first().and_then(count) else {
            bail!("data: x has no axis that counts samples; give it the shape (samples, …)");
        };
        if len == 0 {
            bail!("data: x has no samples (its shape is {:?})", x[0].dims());
        }
        let named = x.iter().map(|t| ("x", t)).chain(y.iter().map(|t| ("y", t)));
        for (what, tensor) in named.chain(w.iter().map(|t| ("sample_weight", t))) {
            if count(tensor) != Some(len) {
                bail!(
                    "data: x has {len} samples, but {what} has shape {:?}",
                    tensor.dims()
                );
            }
        }
        Ok(Self { x, y, w, len })
    }

    /// Checks that nothing is NaN.
    pub(crate) fn check_finite(&self) -> Result<()> {
        let all = [("x", &self.x), ("y", &self.y), ("sample_weight", &self.w)];
        for (what, tensors) in all {
            for tensor in tensors {
                if let Some(at) = keras_ops::first_nan(tensor)? {
                    let row = at / (tensor.elem_count() / self.len).max(1);
                    bail!(
                        "data: {what} contains NaN, first in sample {row}; clean the data, or call \
                         `.allow_nan(true)` if that is meant"
                    );
                }
            }
        }
        Ok(())
    }

    /// Samples `from..to`, without copying.
    pub(crate) fn range(&self, from: usize, to: usize) -> Result<Self> {
        let cut = |tensors: &[Tensor]| -> Result<Vec<Tensor>> {
            tensors
                .iter()
                .map(|t| Ok(t.narrow(0, from, to - from)?))
                .collect()
        };
        Ok(Self {
            x: cut(&self.x)?,
            y: cut(&self.y)?,
            w: cut(&self.w)?,
            len: to - from,
        })
    }

    /// The samples of these numbers.
    pub(crate) fn rows(&self, rows: &[u32]) -> Result<Self> {
        let pick = |tensors: &[Tensor]| -> Result<Vec<Tensor>> {
            tensors
                .iter()
                .map(|t| Ok(keras_ops::gather_rows(t, rows)?))
                .collect()
        };
        Ok(Self {
            x: pick(&self.x)?,
            y: pick(&self.y)?,
            w: pick(&self.w)?,
            len: rows.len(),
        })
    }

    /// Everything in row-major order, so that batches are cheap to cut.
    pub(crate) fn contiguous(mut self) -> Result<Self> {
        for tensor in self.x.iter_mut().chain(&mut self.y).chain(&mut self.w) {
            *tensor = tensor.detach().contiguous()?;
        }
        Ok(self)
    }
}
