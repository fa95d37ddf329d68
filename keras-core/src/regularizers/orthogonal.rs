//! The penalty on rows or columns that are not orthogonal.

use keras_ops::{self as ops, DType, Device, Tensor};

use super::check_factor;
use crate::{Config, Entry, Error, Regularizer, Result, bail};

/// Which vectors of a matrix should be orthogonal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrthogonalMode {
    /// The rows.
    #[default]
    Rows,
    /// The columns.
    Columns,
}

/// `factor * mean(|u . v|)` over all pairs of different rows (or columns), each scaled to length 1.
///
/// # Shapes
/// A matrix; the penalty is a scalar.
///
/// # Errors
/// When the tensor is not a matrix.
///
/// ```
/// use keras_core::{Regularizer, regularizers::OrthogonalRegularizer};
/// use keras_ops::{Device, Tensor};
/// let same = Tensor::new(&[[2f32, 0.], [3., 0.]], &Device::Cpu)?;
/// let apart = Tensor::new(&[[2f32, 0.], [0., 3.]], &Device::Cpu)?;
/// let penalty = OrthogonalRegularizer { factor: 0.5, ..OrthogonalRegularizer::default() };
/// assert_eq!(penalty.call(&same)?.to_scalar::<f32>()?, 0.5);
/// assert_eq!(penalty.call(&apart)?.to_scalar::<f32>()?, 0.);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OrthogonalRegularizer {
    /// The factor.
    pub factor: f64,
    /// Rows or columns.
    pub mode: OrthogonalMode,
}

impl Default for OrthogonalRegularizer {
    fn default() -> Self {
        Self {
            factor: 0.01,
            mode: OrthogonalMode::Rows,
        }
    }
}

impl Regularizer for OrthogonalRegularizer {
    fn call(&self, x: &Tensor) -> Result<Tensor> {
        check_factor("OrthogonalRegularizer", "factor", self.factor)?;
        let &[rows, columns] = x.dims() else {
            bail!(
                "OrthogonalRegularizer: expected a tensor of rank 2, got shape {:?}",
                x.dims()
            );
        };
        let (axis, size) = match self.mode {
            OrthogonalMode::Rows => (1, rows),
            OrthogonalMode::Columns => (0, columns),
        };
        let squares = ops::sum(&ops::square(x)?, Some(&[axis]), true)?;
        let unit = ops::multiply(x, &ops::rsqrt(&ops::clip(&squares, 1e-14, f64::INFINITY)?)?)?;
        let turned = ops::transpose(&unit, &[1, 0])?;
        let product = match self.mode {
            OrthogonalMode::Rows => ops::matmul(&unit, &turned)?,
            OrthogonalMode::Columns => ops::matmul(&turned, &unit)?,
        };
        let others = ops::multiply(&ops::abs(&product)?, &off_diagonal(size, x.dtype(), x.device())?)?;
        let pairs = (size * size.saturating_sub(1)) as f64 / 2.;
        Ok(ops::mul_scalar(
            &ops::sum(&others, None, false)?,
            0.5 * self.factor / pairs,
        )?)
    }

    fn config(&self) -> Config {
        let mode = match self.mode {
            OrthogonalMode::Rows => "rows",
            OrthogonalMode::Columns => "columns",
        };
        Config::new().with("factor", self.factor).with("mode", mode)
    }
}

/// Ones with zeros on the diagonal.
fn off_diagonal(size: usize, dtype: DType, device: &Device) -> Result<Tensor> {
    let values: Vec<f32> = (0..size * size)
        .map(|i| f32::from(i / size != i % size))
        .collect();
    Ok(ops::cast(
        &Tensor::from_vec(values, (size, size), device)?,
        dtype,
    )?)
}

pub(super) const ENTRY: Entry<dyn Regularizer> = Entry {
    class_name: "OrthogonalRegularizer",
    module: "keras.regularizers",
    aliases: &["orthogonal_regularizer"],
    doc: "factor * the mean of |u . v| over pairs of rows or columns scaled to length 1",
    build: |config, _| {
        let default = OrthogonalRegularizer::default();
        let mut reader = config.reader("OrthogonalRegularizer");
        let factor = reader.or("factor", default.factor)?;
        let factor = check_factor("OrthogonalRegularizer", "factor", factor)?;
        let mode = match reader.or("mode", "rows".to_owned())?.as_str() {
            "rows" => OrthogonalMode::Rows,
            "columns" => OrthogonalMode::Columns,
            other => {
                let known = ["rows", "columns"].map(str::to_owned).to_vec();
                return reader.about("mode", Err(Error::unknown("mode", other, known)));
            }
        };
        reader.finish()?;
        Ok(Box::new(OrthogonalRegularizer { factor, mode }))
    },
};
