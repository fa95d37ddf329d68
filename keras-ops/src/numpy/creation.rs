//! New tensors.

use candle_core::{DType, Device, Result, Shape, Tensor};

use crate::host;

/// Zeros.
///
/// ```
/// use keras_ops::{self as ops, DType, Device};
/// assert_eq!(ops::zeros((2, 3), DType::F32, &Device::Cpu)?.dims(), [2, 3]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn zeros(shape: impl Into<Shape>, dtype: DType, device: &Device) -> Result<Tensor> {
    Tensor::zeros(shape, dtype, device)
}

/// Ones.
pub fn ones(shape: impl Into<Shape>, dtype: DType, device: &Device) -> Result<Tensor> {
    full(shape, 1., dtype, device)
}

/// `fill_value` everywhere.
///
/// ```
/// use keras_ops::{self as ops, DType, Device};
/// assert_eq!(ops::full(2, 7., DType::I64, &Device::Cpu)?.to_vec1::<i64>()?, [7, 7]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn full(shape: impl Into<Shape>, fill_value: f64, dtype: DType, device: &Device) -> Result<Tensor> {
    let shape = shape.into();
    let count = shape.elem_count();
    match dtype {
        _ if dtype.is_float() => host::tensor(vec![fill_value; count], dtype, &shape, device),
        _ => super::integer::tensor(vec![fill_value as i64; count], dtype, &shape, device),
    }
}

/// Zeros: memory is never left unwritten.
pub fn empty(shape: impl Into<Shape>, dtype: DType, device: &Device) -> Result<Tensor> {
    zeros(shape, dtype, device)
}

/// Zeros of `x`'s shape and device, in `dtype` or its own.
///
/// ```
/// use keras_ops::{self as ops, DType, Device, Tensor};
/// let x = Tensor::new(&[1u8, 2], &Device::Cpu)?;
/// assert_eq!(ops::zeros_like(&x, None)?.to_vec1::<u8>()?, [0, 0]);
/// assert_eq!(ops::ones_like(&x, Some(DType::F32))?.to_vec1::<f32>()?, [1., 1.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn zeros_like(x: &Tensor, dtype: Option<DType>) -> Result<Tensor> {
    zeros(x.shape(), dtype.unwrap_or(x.dtype()), x.device())
}

/// Ones of `x`'s shape and device, in `dtype` or its own.
pub fn ones_like(x: &Tensor, dtype: Option<DType>) -> Result<Tensor> {
    ones(x.shape(), dtype.unwrap_or(x.dtype()), x.device())
}

/// Zeros of `x`'s shape and device, in `dtype` or its own.
pub fn empty_like(x: &Tensor, dtype: Option<DType>) -> Result<Tensor> {
    zeros_like(x, dtype)
}

/// A matrix from a function of row and column that tells where 1 is.
fn marked(
    (rows, cols): (usize, usize),
    dtype: DType,
    device: &Device,
    on: impl Fn(i64, i64) -> bool,
) -> Result<Tensor> {
    let at = |i: usize| on((i / cols) as i64, (i % cols) as i64) as u8;
    let mask = Tensor::from_vec((0..rows * cols).map(at).collect(), (rows, cols), device)?;
    crate::cast(&mask, dtype)
}

/// Ones on diagonal `k` (above the main one when positive) of an `n` by `m` matrix, `m` being `n` by default.
///
/// ```
/// use keras_ops::{self as ops, DType, Device};
/// let y = ops::eye(2, Some(3), 1, DType::U8, &Device::Cpu)?;
/// assert_eq!(y.to_vec2::<u8>()?, [[0, 1, 0], [0, 0, 1]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn eye(n: usize, m: Option<usize>, k: i64, dtype: DType, device: &Device) -> Result<Tensor> {
    marked((n, m.unwrap_or(n)), dtype, device, |row, col| col - row == k)
}

/// Ones on the main diagonal of an `n` by `n` matrix.
pub fn identity(n: usize, dtype: DType, device: &Device) -> Result<Tensor> {
    eye(n, None, 0, dtype, device)
}

/// Ones on and below diagonal `k` of an `n` by `m` matrix, `m` being `n` by default.
///
/// ```
/// use keras_ops::{self as ops, DType, Device};
/// let y = ops::tri(2, None, 0, DType::U8, &Device::Cpu)?;
/// assert_eq!(y.to_vec2::<u8>()?, [[1, 0], [1, 1]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn tri(n: usize, m: Option<usize>, k: i64, dtype: DType, device: &Device) -> Result<Tensor> {
    marked((n, m.unwrap_or(n)), dtype, device, |row, col| col - row <= k)
}

/// Where [`linspace`] and its kin put their numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Space {
    /// How many.
    pub num: usize,
    /// Whether `stop` is the last one.
    pub endpoint: bool,
    /// The axis of the result along which they lie.
    pub axis: i64,
}

impl Default for Space {
    fn default() -> Self {
        Self {
            num: 50,
            endpoint: true,
            axis: 0,
        }
    }
}

/// `num` numbers at equal distances from `start` to `stop`, tensors of any shape (they broadcast).
///
/// # Shapes
/// That of `start` and `stop` with a new axis of `num`.
///
/// # Errors
/// When the dtypes differ or are not float, the shapes do not broadcast, or the axis is out of range.
///
/// ```
/// use keras_ops::{self as ops, Device, Space, Tensor};
/// let [start, stop] = [Tensor::new(0f32, &Device::Cpu)?, Tensor::new(1f32, &Device::Cpu)?];
/// let y = ops::linspace(&start, &stop, Space { num: 5, ..Space::default() })?;
/// assert_eq!(y.to_vec1::<f32>()?, [0., 0.25, 0.5, 0.75, 1.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn linspace(start: &Tensor, stop: &Tensor, options: Space) -> Result<Tensor> {
    let Space { num, endpoint, axis } = options;
    host::within("linspace", || {
        host::compute_dtype("linspace", start.dtype())?;
        let gaps = if endpoint { num.saturating_sub(1) } else { num }.max(1) as f64;
        let rank = start.rank().max(stop.rank());
        let at = crate::axes::axis("linspace", axis, rank + 1)?;
        let (start, stop) = (lifted(start, rank, at)?, lifted(stop, rank, at)?);
        let mut dims = vec![1; rank + 1];
        dims[at] = num;
        let weights = (0..num).map(|i| i as f64 / gaps).collect();
        let weights = host::tensor::<f64>(weights, start.dtype(), &Shape::from(dims), start.device())?;
        let rest = crate::scale_shift(&weights, -1., 1.)?;
        crate::add(
            &crate::multiply(&start, &rest)?,
            &crate::multiply(&stop, &weights)?,
        )
    })
}

/// `x` as a tensor of `rank` axes with a further one of size 1 at `at`.
fn lifted(x: &Tensor, rank: usize, at: usize) -> Result<Tensor> {
    let mut dims = vec![1; rank - x.rank()];
    dims.extend(x.dims());
    dims.insert(at, 1);
    let dims: Vec<i64> = dims.into_iter().map(|n| n as i64).collect();
    crate::reshape(x, &dims)
}

/// `base` to the power of numbers at equal distances from `start` to `stop`; as [`linspace`].
///
/// ```
/// use keras_ops::{self as ops, Device, Space, Tensor};
/// let [start, stop] = [Tensor::new(0f64, &Device::Cpu)?, Tensor::new(2f64, &Device::Cpu)?];
/// let y = ops::logspace(&start, &stop, 10., Space { num: 3, ..Space::default() })?;
/// assert_eq!(y.to_vec1::<f64>()?, [1., 10., 100.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn logspace(start: &Tensor, stop: &Tensor, base: f64, options: Space) -> Result<Tensor> {
    host::within("logspace", || {
        let exponents = linspace(start, stop, options)?;
        let base = host::tensor(vec![base], exponents.dtype(), &Shape::from(1), exponents.device())?;
        crate::power(&crate::reshape(&base, &vec![1; exponents.rank()])?, &exponents)
    })
}

/// Numbers at equal ratios from `start` to `stop`, which have one sign and are not 0; as [`linspace`].
///
/// ```
/// use keras_ops::{self as ops, Device, Space, Tensor};
/// let [start, stop] = [Tensor::new(1f64, &Device::Cpu)?, Tensor::new(8f64, &Device::Cpu)?];
/// let y = ops::geomspace(&start, &stop, Space { num: 4, ..Space::default() })?.to_vec1::<f64>()?;
/// assert!(y.iter().zip([1., 2., 4., 8.]).all(|(y, e)| (y - e).abs() < 1e-12));
/// # Ok::<(), ops::Error>(())
/// ```
pub fn geomspace(start: &Tensor, stop: &Tensor, options: Space) -> Result<Tensor> {
    host::within("geomspace", || {
        let log = |x: &Tensor| crate::log(&crate::abs(x)?);
        let sizes = crate::exp(&linspace(&log(start)?, &log(stop)?, options)?)?;
        let at = crate::axes::axis("geomspace", options.axis, sizes.rank())?;
        let signs = crate::sign(&lifted(start, sizes.rank() - 1, at)?)?;
        crate::multiply(&sizes, &signs)
    })
}
