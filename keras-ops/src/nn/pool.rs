use std::ops::Range;

use candle_core::{DType, Result, Shape, Tensor};

use super::window::{self, Axis, Padding, Sizes};
use crate::host;
use crate::kernels::pool::{self, Geometry};
use crate::kernels::vector::Lane;
use crate::record;

/// How a pooling over `N` spatial axes moves.
///
/// ```
/// use keras_ops::{Padding, PoolOptions};
/// let options = PoolOptions::new([2, 2]);
/// assert_eq!((options.strides, options.padding), ([2, 2], Padding::Valid));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolOptions<const N: usize = 2> {
    /// Size of a window.
    pub pool: [usize; N],
    /// Steps between windows.
    pub strides: [usize; N],
    /// Treatment of the borders; padding is never the maximum and does not count in a mean.
    pub padding: Padding,
    /// Input and output have their channels at axis 1 instead of last.
    pub channels_first: bool,
}

impl<const N: usize> PoolOptions<N> {
    /// Windows side by side, without padding, channels last.
    pub fn new(pool: [usize; N]) -> Self {
        Self {
            pool,
            strides: pool,
            padding: Padding::Valid,
            channels_first: false,
        }
    }
}

/// [`PoolOptions`] for a rank that is known only when it runs: the arguments of [`max_pool`] and [`average_pool`].
///
/// ```
/// use keras_ops::{Padding, PoolArgs};
/// let args = PoolArgs { strides: Some([1, 2].into()), padding: Padding::Same, ..PoolArgs::new(2) };
/// assert_eq!(args.pool, 2.into());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolArgs {
    /// Size of a window.
    pub pool: Sizes,
    /// Steps between windows; the window's size when `None`.
    pub strides: Option<Sizes>,
    /// Treatment of the borders.
    pub padding: Padding,
    /// Input and output have their channels at axis 1 instead of last.
    pub channels_first: bool,
}

impl PoolArgs {
    /// Windows side by side, without padding, channels last.
    pub fn new(pool: impl Into<Sizes>) -> Self {
        Self {
            pool: pool.into(),
            strides: None,
            padding: Padding::Valid,
            channels_first: false,
        }
    }

    pub(super) fn options<const N: usize>(&self, op: &str) -> Result<PoolOptions<N>> {
        let pool = self.pool.of(op, "the pool size")?;
        let strides = self.strides.as_ref().map(|s| s.of(op, "strides")).transpose()?;
        Ok(PoolOptions {
            pool,
            strides: strides.unwrap_or(pool),
            padding: self.padding,
            channels_first: self.channels_first,
        })
    }
}

/// What is computed of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Max,
    Average,
}

/// The maxima of windows over one axis; see [`max_pool2d`].
///
/// # Shapes
/// (batch, steps, channels) → (batch, new steps, channels).
///
/// # Errors
/// When the shape does not fit the window or the dtype is not a float.
pub fn max_pool1d(x: &Tensor, options: &PoolOptions<1>) -> Result<Tensor> {
    pool("max_pool1d", Kind::Max, x, options)
}

/// The maxima of windows over two axes. The gradient goes to the first maximum of a window; NaN is the largest.
///
/// # Shapes
/// (batch, height, width, channels) → (batch, new height, new width, channels).
///
/// # Errors
/// When the shape does not fit the window or the dtype is not a float.
///
/// # Examples
/// ```
/// use keras_ops::{Device, PoolOptions, Tensor, max_pool2d};
/// let x = Tensor::arange(0f32, 16., &Device::Cpu)?.reshape((1, 4, 4, 1))?;
/// let y = max_pool2d(&x, &PoolOptions::new([2, 2]))?;
/// assert_eq!(y.dims(), [1, 2, 2, 1]);
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [5., 7., 13., 15.]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn max_pool2d(x: &Tensor, options: &PoolOptions<2>) -> Result<Tensor> {
    pool("max_pool2d", Kind::Max, x, options)
}

/// The maxima of windows over three axes; see [`max_pool2d`].
///
/// # Shapes
/// (batch, depth, height, width, channels) → (batch, new depth, new height, new width, channels).
///
/// # Errors
/// When the shape does not fit the window or the dtype is not a float.
pub fn max_pool3d(x: &Tensor, options: &PoolOptions<3>) -> Result<Tensor> {
    pool("max_pool3d", Kind::Max, x, options)
}

/// The means of windows over one axis; see [`average_pool2d`].
///
/// # Shapes
/// (batch, steps, channels) → (batch, new steps, channels).
///
/// # Errors
/// When the shape does not fit the window or the dtype is not a float.
pub fn average_pool1d(x: &Tensor, options: &PoolOptions<1>) -> Result<Tensor> {
    pool("average_pool1d", Kind::Average, x, options)
}

/// The means of windows over two axes: of the elements that are there, not of padding.
///
/// # Shapes
/// (batch, height, width, channels) → (batch, new height, new width, channels).
///
/// # Errors
/// When the shape does not fit the window or the dtype is not a float.
///
/// # Examples
/// ```
/// use keras_ops::{Device, Padding, PoolOptions, Tensor, average_pool2d};
/// let x = Tensor::arange(0f32, 9., &Device::Cpu)?.reshape((1, 3, 3, 1))?;
/// let same = PoolOptions { padding: Padding::Same, ..PoolOptions::new([2, 2]) };
/// let y = average_pool2d(&x, &same)?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [2., 3.5, 6.5, 8.]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn average_pool2d(x: &Tensor, options: &PoolOptions<2>) -> Result<Tensor> {
    pool("average_pool2d", Kind::Average, x, options)
}

/// The means of windows over three axes; see [`average_pool2d`].
///
/// # Shapes
/// (batch, depth, height, width, channels) → (batch, new depth, new height, new width, channels).
///
/// # Errors
/// When the shape does not fit the window or the dtype is not a float.
pub fn average_pool3d(x: &Tensor, options: &PoolOptions<3>) -> Result<Tensor> {
    pool("average_pool3d", Kind::Average, x, options)
}

/// [`max_pool1d`], [`max_pool2d`] or [`max_pool3d`], by the rank of `x`.
///
/// # Errors
/// When `x` has not 3 to 5 axes, or as these.
///
/// ```
/// use keras_ops::{Device, PoolArgs, Tensor, max_pool};
/// let x = Tensor::arange(0f32, 4., &Device::Cpu)?.reshape((1, 4, 1))?;
/// let y = max_pool(&x, &PoolArgs::new(2))?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [1., 3.]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn max_pool(x: &Tensor, args: &PoolArgs) -> Result<Tensor> {
    by_rank("max_pool", Kind::Max, x, args)
}

/// [`average_pool1d`], [`average_pool2d`] or [`average_pool3d`], by the rank of `x`.
///
/// # Errors
/// When `x` has not 3 to 5 axes, or as these.
///
/// ```
/// use keras_ops::{Device, PoolArgs, Tensor, average_pool};
/// let x = Tensor::arange(0f32, 4., &Device::Cpu)?.reshape((1, 4, 1))?;
/// let y = average_pool(&x, &PoolArgs::new(2))?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [0.5, 2.5]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn average_pool(x: &Tensor, args: &PoolArgs) -> Result<Tensor> {
    by_rank("average_pool", Kind::Average, x, args)
}

fn by_rank(op: &'static str, kind: Kind, x: &Tensor, args: &PoolArgs) -> Result<Tensor> {
    match x.rank() {
        3 => pool(op, kind, x, &args.options::<1>(op)?),
        4 => pool(op, kind, x, &args.options::<2>(op)?),
        5 => pool(op, kind, x, &args.options::<3>(op)?),
        _ => Err(window::wrong_rank(op, x)),
    }
}

pub(super) fn pool<const N: usize>(
    op: &'static str,
    kind: Kind,
    x: &Tensor,
    options: &PoolOptions<N>,
) -> Result<Tensor> {
    over_windows::<N>(op, kind, x, options.channels_first, |sizes| {
        let mut windows: [Vec<Range<usize>>; N] = std::array::from_fn(|_| Vec::new());
        for (at, to) in windows.iter_mut().enumerate() {
            *to = axis(op, (at, N), sizes[at], options)?;
        }
        Ok(windows)
    })
}

fn axis<const N: usize>(
    op: &str,
    place: (usize, usize),
    size: usize,
    options: &PoolOptions<N>,
) -> Result<Vec<Range<usize>>> {
    let (pool, stride) = (options.pool[place.0], options.strides[place.0]);
    if options.padding == Padding::Causal {
        candle_core::bail!("{op}: padding \"causal\" is for convolution; use \"same\" or \"valid\"");
    }
    let axis = Axis::new(op, place, size, pool, stride, options.padding)?;
    if axis.before.max(axis.after) >= pool {
        candle_core::bail!(
            "{op}: padding {:?} of axis {} is as large as the window of {pool}; a window must cover an element",
            (axis.before, axis.after),
            place.0
        );
    }
    let window = |output: usize| {
        let start = output * stride;
        let end = (start + pool - axis.before).min(size);
        start.saturating_sub(axis.before).min(end)..end
    };
    Ok((0..axis.output).map(window).collect())
}

/// Pools over the windows that `windows` makes of the spatial sizes.
pub(super) fn over_windows<const N: usize>(
    op: &'static str,
    kind: Kind,
    x: &Tensor,
    channels_first: bool,
    windows: impl FnOnce(&[usize]) -> Result<[Vec<Range<usize>>; N]>,
) -> Result<Tensor> {
    if x.rank() != N + 2 {
        candle_core::bail!(
            "{op}: expected x with {} axes (batch, spatial, channels), got {:?}",
            N + 2,
            x.dims()
        );
    }
    if channels_first {
        let y = over_windows(op, kind, &window::channels_last(x)?, false, windows)?;
        return window::channels_first(&y);
    }
    let (dims, dtype) = (x.dims(), x.dtype());
    let compute = host::compute_dtype(op, dtype)?;
    if compute != dtype {
        return over_windows(op, kind, &x.to_dtype(compute)?, false, windows)?.to_dtype(dtype);
    }
    let mut all = std::array::from_fn(|_| std::iter::once(0..1).collect());
    for (to, windows) in all[3 - N..].iter_mut().zip(windows(&dims[1..=N])?) {
        *to = windows;
    }
    let geometry = Geometry {
        batch: dims[0],
        input: window::three(&dims[1..=N], 1),
        channels: dims[N + 1],
        windows: all,
    };
    if kind == Kind::Max && u32::try_from(geometry.image()).is_err() {
        candle_core::bail!(
            "{op}: an image of {} elements is too large; at most 2^32 - 1",
            geometry.image()
        );
    }
    match compute {
        DType::F64 => typed::<f64>(kind, geometry, x),
        _ => typed::<f32>(kind, geometry, x),
    }
}

fn typed<T: Lane>(kind: Kind, geometry: Geometry, x: &Tensor) -> Result<Tensor> {
    let keep = x.track_op() && crate::recording();
    let (out, places) = host::read(x, |x: &[T]| {
        Ok(match kind {
            Kind::Max => pool::max(&geometry, x, keep),
            Kind::Average => (pool::average(&geometry, x), Vec::new()),
        })
    })?;
    let output = geometry.output();
    let shape = [&[geometry.batch], &output[5 - x.rank()..], &[geometry.channels]].concat();
    let (device, input) = (x.device().clone(), x.shape().clone());
    Ok(record(
        &[x],
        host::storage(out, x.device())?,
        &Shape::from(shape),
        move |grad, _| {
            let dx = host::read(&grad, |grad: &[T]| {
                Ok(match kind {
                    Kind::Max => pool::max_backward(&geometry, grad, &places),
                    Kind::Average => pool::average_backward(&geometry, grad),
                })
            })?;
            let dx = host::tensor(dx, T::DTYPE, &input, &device)?;
            Ok([Some(dx)].into_iter().collect())
        },
    ))
}
