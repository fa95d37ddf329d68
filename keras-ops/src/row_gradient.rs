//! Gradients of tables of which a step reads few rows.

use std::sync::{Arc, OnceLock};

use candle_core::{DType, Result, Shape, Tensor};

use crate::host;
use crate::kernels::gather;
use crate::kernels::math::Math;
use crate::kernels::reduce::Extent;

/// A gradient that is 0 but for some rows of the first axis: what [`embedding`](crate::embedding) gives its
/// table. Nothing of the table's size is allocated, zeroed or added unless [`dense`](Self::dense) is called.
///
/// # Examples
/// ```
/// use keras_ops::{self as ops, DType, Device, Gradient, GradientTape, Tensor, Var};
/// let table = Var::zeros((1000, 2), DType::F32, &Device::Cpu)?;
/// let tape = GradientTape::start();
/// let y = ops::embedding(table.as_tensor(), &Tensor::new(&[7u32, 3, 7], &Device::Cpu)?)?;
/// let Some(Gradient::Rows(rows)) = tape.gradients(&y)?.take(&table) else {
///     return Err(ops::Error::msg("expected rows"));
/// };
/// assert_eq!(rows.rows(), [3, 7]);
/// assert_eq!(rows.values().to_vec2::<f32>()?, [[1., 1.], [2., 2.]]);
/// assert_eq!(rows.dense()?.dims(), [1000, 2]);
/// # Ok::<(), ops::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RowGradient {
    rows: Arc<[u32]>,
    values: Tensor,
    shape: Shape,
    dense: OnceLock<Tensor>,
}

impl RowGradient {
    /// The gradient of a table of shape `shape` that is `values[i]` in row `rows[i]`.
    ///
    /// # Errors
    /// When `rows` do not ascend or lie outside of the table, or `values` has not one row of the table's size
    /// for each.
    pub fn new(rows: impl Into<Arc<[u32]>>, values: Tensor, shape: impl Into<Shape>) -> Result<Self> {
        let (rows, shape) = (rows.into(), shape.into());
        let dims = shape.dims();
        let ascending = rows.windows(2).all(|pair| pair[0] < pair[1]);
        let inside = rows
            .last()
            .is_none_or(|last| dims.first().is_some_and(|n| (*last as usize) < *n));
        if !ascending || !inside || dims.is_empty() {
            candle_core::bail!("RowGradient: expected ascending rows of a table of shape {dims:?}");
        }
        if values.dims() != [&[rows.len()], &dims[1..]].concat() {
            candle_core::bail!(
                "RowGradient: expected values of {} rows of {:?}, got {:?}",
                rows.len(),
                &dims[1..],
                values.dims()
            );
        }
        Ok(Self {
            rows,
            values: values.detach(),
            shape,
            dense: OnceLock::new(),
        })
    }

    /// The rows that are not 0, ascending.
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// One row of values for each of [`rows`](Self::rows).
    pub fn values(&self) -> &Tensor {
        &self.values
    }

    /// The shape of the table.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The same rows with other values.
    ///
    /// # Errors
    /// When the shape of the values changes.
    pub fn with_values(&self, values: Tensor) -> Result<Self> {
        Self::new(self.rows.clone(), values, self.shape.clone())
    }

    /// The gradient in the table's shape; made once.
    ///
    /// # Errors
    /// When the device cannot hold it.
    pub fn dense(&self) -> Result<Tensor> {
        if let Some(dense) = self.dense.get() {
            return Ok(dense.clone());
        }
        let dense = match host::compute_dtype("RowGradient", self.values.dtype())? {
            DType::F64 => self.scattered::<f64>(),
            _ => self.scattered::<f32>(),
        }?;
        Ok(self.dense.get_or_init(|| dense).clone())
    }

    /// [`dense`](Self::dense), kept.
    pub(crate) fn dense_ref(&self) -> Option<&Tensor> {
        self.dense().ok()?;
        self.dense.get()
    }

    fn extent(&self) -> Extent {
        Extent {
            outer: 1,
            len: self.shape.dims()[0],
            inner: self.shape.dims()[1..].iter().product(),
        }
    }

    fn scattered<T: Math>(&self) -> Result<Tensor> {
        let extent = self.extent();
        let dense = host::read(&self.values, |values: &[T]| {
            Ok(gather::scatter_add(values, extent, &self.rows))
        })?;
        host::tensor(dense, self.values.dtype(), &self.shape, self.values.device())
    }

    /// The sum of both.
    pub(crate) fn add(&self, other: &Self) -> Result<Self> {
        let ids: Vec<u32> = self.rows.iter().chain(other.rows.iter()).copied().collect();
        let values = Tensor::cat(&[&self.values, &other.values], 0)?;
        Self::sum(&ids, &values, &self.shape)
    }

    /// The sum of the rows of `values` by their `ids`, which are rows of the table.
    pub(crate) fn sum(ids: &[u32], values: &Tensor, shape: &Shape) -> Result<Self> {
        match host::compute_dtype("RowGradient", values.dtype())? {
            DType::F64 => Self::summed::<f64>(ids, values, shape),
            _ => Self::summed::<f32>(ids, values, shape),
        }
    }

    fn summed<T: Math>(ids: &[u32], values: &Tensor, shape: &Shape) -> Result<Self> {
        let inner: usize = shape.dims()[1..].iter().product();
        let (rows, sums) = host::read(values, |values: &[T]| {
            Ok(gather::sum_rows(ids, values, inner, shape.dims()[0]))
        })?;
        let dims = [&[rows.len()], &shape.dims()[1..]].concat();
        let sums = host::tensor(sums, values.dtype(), &Shape::from(dims), values.device())?;
        Self::new(rows, sums, shape.clone())
    }
}

/// The gradient by a variable.
#[derive(Clone, Debug)]
pub enum Gradient {
    /// Of the variable's shape.
    Dense(Tensor),
    /// Of some rows; 0 elsewhere.
    Rows(RowGradient),
}

impl Gradient {
    /// The gradient in the variable's shape.
    ///
    /// # Errors
    /// When the device cannot hold it.
    pub fn dense(&self) -> Result<Tensor> {
        match self {
            Self::Dense(tensor) => Ok(tensor.clone()),
            Self::Rows(rows) => rows.dense(),
        }
    }

    /// All elements that may not be 0: for norms.
    pub fn elements(&self) -> &Tensor {
        match self {
            Self::Dense(tensor) => tensor,
            Self::Rows(rows) => rows.values(),
        }
    }
}

impl From<Tensor> for Gradient {
    fn from(tensor: Tensor) -> Self {
        Self::Dense(tensor)
    }
}
