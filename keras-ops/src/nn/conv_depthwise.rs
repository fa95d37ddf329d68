use candle_core::{Result, Tensor};

use super::conv::{self, ConvOptions};
use super::conv_run::{self, Direction, Operands};
use crate::kernels::fused::FusedActivation;

/// 1-D depthwise convolution; see [`depthwise_conv2d`].
///
/// # Shapes
/// `x` (batch, steps, channels), `kernel` (size, channels, multiplier), `bias` (channels · multiplier) → (batch, new
/// steps, channels · multiplier).
///
/// # Errors
/// As [`depthwise_conv2d`].
pub fn depthwise_conv1d(
    x: &Tensor,
    kernel: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions<1>,
    act: FusedActivation,
) -> Result<Tensor> {
    depthwise("depthwise_conv1d", Operands { x, kernel, bias }, options, act)
}

/// 2-D depthwise convolution: each channel with its own `multiplier` kernels, `act(x * kernel + bias)`.
///
/// # Shapes
/// `x` (batch, height, width, channels), `kernel` (height, width, channels, multiplier), `bias` (channels ·
/// multiplier) → (batch, new height, new width, channels · multiplier); the results of one channel lie together.
///
/// # Errors
/// When the shapes do not fit, `options.groups` is not 1, or the operands are not floats of one dtype on one device.
///
/// # Examples
/// ```
/// use keras_ops::{ConvOptions, Device, FusedActivation, Tensor, depthwise_conv2d};
/// let x = Tensor::new(&[[[[1f32, 10.], [2., 20.]]]], &Device::Cpu)?;
/// let kernel = Tensor::new(&[[[[1f32], [0.5]], [[1.], [0.5]]]], &Device::Cpu)?;
/// let y = depthwise_conv2d(&x, &kernel, None, &ConvOptions::default(), FusedActivation::Linear)?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [3., 15.]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn depthwise_conv2d(
    x: &Tensor,
    kernel: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions<2>,
    act: FusedActivation,
) -> Result<Tensor> {
    depthwise("depthwise_conv2d", Operands { x, kernel, bias }, options, act)
}

/// 3-D depthwise convolution; see [`depthwise_conv2d`].
///
/// # Shapes
/// `x` (batch, depth, height, width, channels), `kernel` (depth, height, width, channels, multiplier) → (batch, new
/// depth, new height, new width, channels · multiplier).
///
/// # Errors
/// As [`depthwise_conv2d`].
pub fn depthwise_conv3d(
    x: &Tensor,
    kernel: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions<3>,
    act: FusedActivation,
) -> Result<Tensor> {
    depthwise("depthwise_conv3d", Operands { x, kernel, bias }, options, act)
}

/// 1-D separable convolution; see [`separable_conv2d`].
///
/// # Shapes
/// `x` (batch, steps, channels), `depthwise_kernel` (size, channels, multiplier), `pointwise_kernel` (1, channels ·
/// multiplier, filters), `bias` (filters) → (batch, new steps, filters).
///
/// # Errors
/// As [`separable_conv2d`].
pub fn separable_conv1d(
    x: &Tensor,
    depthwise_kernel: &Tensor,
    pointwise_kernel: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions<1>,
    act: FusedActivation,
) -> Result<Tensor> {
    let operands = Operands {
        x,
        kernel: pointwise_kernel,
        bias,
    };
    separable("separable_conv1d", operands, depthwise_kernel, options, act)
}

/// 2-D separable convolution: a depthwise one, whose results a 1×1 convolution mixes:
/// `act((x * depthwise_kernel) * pointwise_kernel + bias)`.
///
/// # Shapes
/// `x` (batch, height, width, channels), `depthwise_kernel` (height, width, channels, multiplier), `pointwise_kernel`
/// (1, 1, channels · multiplier, filters), `bias` (filters) → (batch, new height, new width, filters).
///
/// # Errors
/// As [`depthwise_conv2d`], and when `pointwise_kernel` has another shape.
///
/// # Examples
/// ```
/// use keras_ops::{ConvOptions, Device, FusedActivation, Tensor, separable_conv2d};
/// let x = Tensor::new(&[[[[1f32, 10.], [2., 20.]]]], &Device::Cpu)?;
/// let depthwise = Tensor::new(&[[[[1f32], [0.5]], [[1.], [0.5]]]], &Device::Cpu)?;
/// let pointwise = Tensor::new(&[[[[1f32], [2.]]]], &Device::Cpu)?;
/// let y = separable_conv2d(&x, &depthwise, &pointwise, None, &ConvOptions::default(), FusedActivation::Linear)?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [33.]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn separable_conv2d(
    x: &Tensor,
    depthwise_kernel: &Tensor,
    pointwise_kernel: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions<2>,
    act: FusedActivation,
) -> Result<Tensor> {
    let operands = Operands {
        x,
        kernel: pointwise_kernel,
        bias,
    };
    separable("separable_conv2d", operands, depthwise_kernel, options, act)
}

pub(super) fn depthwise<const N: usize>(
    op: &'static str,
    operands: Operands<'_>,
    options: &ConvOptions<N>,
    act: FusedActivation,
) -> Result<Tensor> {
    conv_run::channels_last::<N>(op, operands, options.channels_first, |operands| {
        let Operands { x, kernel, bias } = operands;
        let (dims, sizes) = (x.dims(), kernel.dims());
        let fits = sizes.len() == N + 2
            && dims[N + 1] == sizes[N]
            && options.groups == 1
            && bias.is_none_or(|b| b.dims() == [sizes[N] * sizes[N + 1]]);
        if !fits {
            candle_core::bail!(
                "{op}: expected x (batch, {N} spatial axes, channels), kernel ({N} sizes, channels, multiplier), \
                 bias (channels * multiplier) and one group, got {dims:?}, {sizes:?}, {:?} and {} groups",
                bias.map(|b| b.dims()),
                options.groups
            );
        }
        let (channels, multiplier) = (sizes[N], sizes[N + 1]);
        // Few results a channel: the kernel for one result, on repeated channels, wastes less.
        let repeated = channels > 1 && (2..REPEATED).contains(&multiplier);
        let x = if repeated { &repeat(x, multiplier)? } else { x };
        let results = channels * multiplier;
        let mut geometry = conv::geometry(op, x.dims(), &[&sizes[..=N], &[results]].concat(), options)?;
        geometry.groups = geometry.channels.max(1);
        conv_run::run(op, Direction::Gather, geometry, Operands { x, ..operands }, act)
    })
}

// From this multiplier on, a channel's results fill registers well enough.
const REPEATED: usize = 8;

/// Each channel `count` times, side by side.
fn repeat(x: &Tensor, count: usize) -> Result<Tensor> {
    let dims = x.dims();
    let wide = [dims, &[count]].concat();
    let mut joined: Vec<i64> = dims.iter().map(|n| *n as i64).collect();
    joined[dims.len() - 1] *= count as i64;
    let x = crate::broadcast_to(&crate::expand_dims(x, -1)?, &wide)?;
    crate::reshape(&x, &joined)
}

pub(super) fn separable<const N: usize>(
    op: &'static str,
    operands: Operands<'_>,
    depthwise_kernel: &Tensor,
    options: &ConvOptions<N>,
    act: FusedActivation,
) -> Result<Tensor> {
    let pointwise = operands.kernel.dims();
    let expected = match depthwise_kernel.dims() {
        [.., channels, multiplier] => channels * multiplier,
        _ => 0,
    };
    let fits = pointwise.len() == N + 2 && pointwise[..N] == [1; N] && pointwise[N] == expected;
    if !fits {
        candle_core::bail!(
            "{op}: expected depthwise_kernel ({N} sizes, channels, multiplier) and pointwise_kernel ({N} times 1, \
             channels * multiplier, filters), got {:?} and {pointwise:?}",
            depthwise_kernel.dims()
        );
    }
    let first = Operands {
        x: operands.x,
        kernel: depthwise_kernel,
        bias: None,
    };
    let y = depthwise(op, first, options, FusedActivation::Linear)?;
    let pointwise = ConvOptions {
        channels_first: options.channels_first,
        ..ConvOptions::<N>::default()
    };
    conv::convolve(op, Operands { x: &y, ..operands }, &pointwise, act)
}
