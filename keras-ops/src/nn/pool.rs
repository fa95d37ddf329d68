use candle_core::op::BackpropOp;
use candle_core::{DType, Result, Shape, Tensor};

use super::window::{self, Axis, Padding};
use crate::host::{self, Real};
use crate::kernels::pool::{self, Geometry};
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
    /// Treatment of the borders; padding is never the maximum.
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

/// The maxima of windows over one axis; see [`max_pool2d`].
///
/// # Shapes
/// (batch, steps, channels) → (batch, new steps, channels).
///
/// # Errors
/// When the shape does not fit the window or the dtype is not a float.
pub fn max_pool1d(x: &Tensor, options: &PoolOptions<1>) -> Result<Tensor> {
    max_pool("max_pool1d", x, options)
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
    max_pool("max_pool2d", x, options)
}

/// The maxima of windows over three axes; see [`max_pool2d`].
///
/// # Shapes
/// (batch, depth, height, width, channels) → (batch, new depth, new height, new width, channels).
///
/// # Errors
/// When the shape does not fit the window or the dtype is not a float.
pub fn max_pool3d(x: &Tensor, options: &PoolOptions<3>) -> Result<Tensor> {
    max_pool("max_pool3d", x, options)
}

fn max_pool<const N: usize>(op: &'static str, x: &Tensor, options: &PoolOptions<N>) -> Result<Tensor> {
    if x.rank() != N + 2 {
        candle_core::bail!(
            "{op}: expected x with {} axes (batch, spatial, channels), got {:?}",
            N + 2,
            x.dims()
        );
    }
    if options.channels_first {
        let last = PoolOptions {
            channels_first: false,
            ..*options
        };
        return window::channels_first(&max_pool(op, &window::channels_last(x)?, &last)?);
    }
    let dtype = x.dtype();
    match host::compute_dtype(op, dtype)? {
        compute if compute != dtype => max_pool(op, &x.to_dtype(compute)?, options)?.to_dtype(dtype),
        DType::F64 => typed::<f64>(&geometry(op, x, options)?, x, N),
        _ => typed::<f32>(&geometry(op, x, options)?, x, N),
    }
}

fn geometry<const N: usize>(op: &str, x: &Tensor, options: &PoolOptions<N>) -> Result<Geometry> {
    let dims = x.dims();
    let (mut before, mut output) = ([0; N], [1; N]);
    for i in 0..N {
        let axis = Axis::new(
            op,
            dims[i + 1],
            options.pool[i],
            options.strides[i],
            options.padding,
        )?;
        (before[i], output[i]) = (axis.before, axis.output);
    }
    let geometry = Geometry {
        batch: dims[0],
        input: window::three(&dims[1..=N], 1),
        channels: dims[N + 1],
        pool: window::three(&options.pool, 1),
        stride: window::three(&options.strides, 1),
        before: window::three(&before, 0),
        output: window::three(&output, 1),
    };
    if u32::try_from(geometry.image()).is_err() {
        candle_core::bail!(
            "{op}: an image of {} elements is too large; at most 2^32 - 1",
            geometry.image()
        );
    }
    Ok(geometry)
}

fn typed<T: Real>(geometry: &Geometry, x: &Tensor, spatial: usize) -> Result<Tensor> {
    let (out, places) = host::read(x, |x: &[T]| Ok(pool::forward(geometry, x)))?;
    let shape = [
        &[geometry.batch],
        &geometry.output[3 - spatial..],
        &[geometry.channels],
    ]
    .concat();
    let (geometry, device, input) = (*geometry, x.device().clone(), x.shape().clone());
    Ok(record(
        &[x],
        host::storage(out, x.device())?,
        &Shape::from(shape),
        move |grad, _| {
            let dx = host::read(&grad, |grad: &[T]| Ok(pool::backward(&geometry, grad, &places)))?;
            let dx = Tensor::from_storage(host::storage(dx, &device)?, &input, BackpropOp::none(), false);
            Ok([Some(dx)].into_iter().collect())
        },
    ))
}
