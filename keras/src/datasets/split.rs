//! What a dataset gives.

use keras_core::{Error, Result};
use keras_ops::{DType, Device, Tensor, host};

/// Training and test part, each the samples `x` and their labels `y`, on the CPU.
///
/// # Examples
/// ```
/// let digits = keras::datasets::digits()?.scaled(16.)?;
/// let (x, y) = &digits.train;
/// assert_eq!((x.dims(), y.dims()), (&[1437, 8, 8, 1][..], &[1437][..]));
/// assert_eq!(digits.flattened()?.test.0.dims(), [360, 64]); // for a Dense layer
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Split {
    /// What to train on: `(x, y)`.
    pub train: (Tensor, Tensor),
    /// What to test on: `(x, y)`.
    pub test: (Tensor, Tensor),
}

impl Split {
    /// `x / by` in float32: `by` is 255 for pixels, 16 for [`digits`](super::digits()).
    ///
    /// # Errors
    /// When `by` is zero or not a number.
    pub fn scaled(self, by: f64) -> Result<Self> {
        if !by.is_finite() || by == 0. {
            return Err(Error::invalid(format!(
                "scaled: expected a number other than 0 to divide by, got {by}"
            )));
        }
        self.map(|x| {
            let values = host::read(x, |v: &[f32]| {
                Ok(v.iter().map(|v| v / by as f32).collect::<Vec<_>>())
            })?;
            Ok(Tensor::from_vec(values, x.shape(), &Device::Cpu)?)
        })
    }

    /// Each column of `x` less its mean, divided by its standard deviation, both those of the training part: columns
    /// of one scale, for a table. A column that is everywhere the same becomes 0.
    ///
    /// # Errors
    /// When `x` is not a table, or has no rows to train on.
    ///
    /// # Examples
    /// ```
    /// let irises = keras::datasets::iris()?.standardized()?;
    /// let first = irises.train.0.narrow(1, 0, 1)?.flatten_all()?.to_vec1::<f32>()?;
    /// assert!(first.iter().sum::<f32>().abs() < 1e-3);
    /// assert!((first.iter().map(|x| x * x).sum::<f32>() / 120. - 1.).abs() < 1e-3);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    pub fn standardized(self) -> Result<Self> {
        let (rows, columns) = match *self.train.0.dims() {
            [rows, columns] if rows > 0 => (rows, columns),
            ref other => {
                return Err(Error::invalid(format!(
                    "standardized: expected a table (rows, columns) with rows to train on, got {other:?}"
                )));
            }
        };
        let scales: Vec<(f64, f64)> = host::read(&self.train.0, |x: &[f64]| {
            let column = |j: usize| {
                let values = || x.iter().skip(j).step_by(columns);
                let mean = values().sum::<f64>() / rows as f64;
                let square = values().map(|v| (v - mean).powi(2)).sum::<f64>() / rows as f64;
                (mean, square.sqrt())
            };
            Ok((0..columns).map(column).collect())
        })?;
        self.map(|x| {
            let scaled = |(value, (mean, deviation)): (&f64, &(f64, f64))| match *deviation > 0. {
                true => ((value - mean) / deviation) as f32,
                false => 0.,
            };
            let values: Vec<f32> = host::read(x, |x: &[f64]| {
                Ok(x.iter().zip(scales.iter().cycle()).map(scaled).collect())
            })?;
            Ok(Tensor::from_vec(values, x.shape(), &Device::Cpu)?)
        })
    }

    /// `x` as one row a sample: `(n, 28, 28)` becomes `(n, 784)`.
    ///
    /// # Errors
    /// When `x` has no axis of samples.
    pub fn flattened(self) -> Result<Self> {
        self.map(|x| {
            let (samples, rest) = (x.dim(0)?, x.dims().iter().skip(1).product::<usize>());
            Ok(x.reshape((samples, rest))?)
        })
    }

    /// Images `(n, height, width)` with an axis for their one channel: `(n, height, width, 1)`; images that
    /// have it stay.
    ///
    /// # Errors
    /// When `x` holds no images.
    pub fn with_channel(self) -> Result<Self> {
        self.map(|x| match *x.dims() {
            [n, height, width] => Ok(x.reshape((n, height, width, 1))?),
            [_, _, _, _] => Ok(x.clone()),
            _ => Err(Error::invalid(format!(
                "with_channel: expected images of shape (n, height, width), got {:?}",
                x.dims()
            ))),
        })
    }

    fn map(self, f: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Self> {
        Ok(Self {
            train: (f(&self.train.0)?, self.train.1),
            test: (f(&self.test.0)?, self.test.1),
        })
    }
}

/// Bytes as a tensor of this shape.
pub(super) fn bytes(content: &[u8], shape: &[usize]) -> Result<Tensor> {
    Ok(Tensor::from_raw_buffer(content, DType::U8, shape, &Device::Cpu)?)
}
