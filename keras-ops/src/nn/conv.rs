use candle_core::{Result, Tensor};

use super::conv_run::{self, Direction, Operands};
use super::window::{self, Axis, Padding};
use crate::kernels::convolution::Geometry;
use crate::kernels::fused::FusedActivation;

/// How a convolution over `N` spatial axes moves.
///
/// ```
/// use keras_ops::{ConvOptions, Padding};
/// let options: ConvOptions<2> = ConvOptions { strides: [2, 2], padding: Padding::Same, ..Default::default() };
/// assert_eq!(options.dilation, [1, 1]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvOptions<const N: usize = 2> {
    /// Steps between windows.
    pub strides: [usize; N],
    /// Treatment of the borders.
    pub padding: Padding,
    /// Distance between the elements of a window.
    pub dilation: [usize; N],
    /// Channels and filters are split into this many independent groups.
    pub groups: usize,
    /// Input and output have their channels at axis 1 instead of last.
    pub channels_first: bool,
}

impl<const N: usize> Default for ConvOptions<N> {
    fn default() -> Self {
        Self {
            strides: [1; N],
            padding: Padding::Valid,
            dilation: [1; N],
            groups: 1,
            channels_first: false,
        }
    }
}

/// 1-D convolution (cross-correlation): `act(x * kernel + bias)`; see [`conv2d`].
///
/// # Shapes
/// `x` (batch, steps, channels), `kernel` (size, channels / groups, filters) → (batch, new steps, filters).
///
/// # Errors
/// When the shapes do not fit or the operands are not floats of one dtype on one device.
pub fn conv1d(
    x: &Tensor,
    kernel: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions<1>,
    act: FusedActivation,
) -> Result<Tensor> {
    convolve("conv1d", Operands { x, kernel, bias }, options, act)
}

/// 2-D convolution (cross-correlation): `act(x * kernel + bias)` in one pass.
///
/// # Shapes
/// `x` (batch, height, width, channels), `kernel` (height, width, channels / groups, filters), `bias`
/// (filters) → (batch, new height, new width, filters).
///
/// # Errors
/// When the shapes do not fit or the operands are not floats of one dtype on one device.
///
/// # Examples
/// ```
/// use keras_ops::{ConvOptions, Device, FusedActivation, Tensor, conv2d};
/// let x = Tensor::arange(0f32, 9., &Device::Cpu)?.reshape((1, 3, 3, 1))?;
/// let kernel = Tensor::ones((2, 2, 1, 1), x.dtype(), &Device::Cpu)?;
/// let y = conv2d(&x, &kernel, None, &ConvOptions::default(), FusedActivation::Linear)?;
/// assert_eq!(y.dims(), [1, 2, 2, 1]);
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [8., 12., 20., 24.]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn conv2d(
    x: &Tensor,
    kernel: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions<2>,
    act: FusedActivation,
) -> Result<Tensor> {
    convolve("conv2d", Operands { x, kernel, bias }, options, act)
}

/// 3-D convolution (cross-correlation): `act(x * kernel + bias)`; see [`conv2d`].
///
/// # Shapes
/// `x` (batch, depth, height, width, channels), `kernel` (depth, height, width, channels / groups, filters)
/// → (batch, new depth, new height, new width, filters).
///
/// # Errors
/// When the shapes do not fit or the operands are not floats of one dtype on one device.
pub fn conv3d(
    x: &Tensor,
    kernel: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions<3>,
    act: FusedActivation,
) -> Result<Tensor> {
    convolve("conv3d", Operands { x, kernel, bias }, options, act)
}

pub(super) fn convolve<const N: usize>(
    op: &'static str,
    operands: Operands<'_>,
    options: &ConvOptions<N>,
    act: FusedActivation,
) -> Result<Tensor> {
    conv_run::channels_last::<N>(op, operands, options.channels_first, |operands| {
        let geometry = checked(op, operands, options)?;
        conv_run::run(op, Direction::Gather, geometry, operands, act)
    })
}

/// The geometry of operands whose channels come last.
pub(super) fn checked<const N: usize>(
    op: &str,
    Operands { x, kernel, bias }: Operands<'_>,
    options: &ConvOptions<N>,
) -> Result<Geometry> {
    let (dims, sizes, groups) = (x.dims(), kernel.dims(), options.groups);
    let fits = sizes.len() == N + 2
        && groups > 0
        && dims[N + 1] == sizes[N] * groups
        && sizes[N + 1].is_multiple_of(groups)
        && bias.is_none_or(|b| b.dims() == [sizes[N + 1]]);
    if !fits {
        candle_core::bail!(
            "{op}: expected x (batch, {N} spatial axes, channels), kernel ({N} sizes, channels / {groups}, \
             filters), filters divisible by the {groups} groups, and bias (filters), got {dims:?}, \
             {sizes:?} and {:?}",
            bias.map(|b| b.dims())
        );
    }
    geometry(op, dims, sizes, options)
}

/// The geometry of a convolution of `dims` (batch, spatial axes, channels) with a kernel whose sizes come first in
/// `sizes` and whose last size is the filters.
pub(super) fn geometry<const N: usize>(
    op: &str,
    dims: &[usize],
    sizes: &[usize],
    options: &ConvOptions<N>,
) -> Result<Geometry> {
    let (mut before, mut output) = ([0; N], [1; N]);
    for i in 0..N {
        let extent = extent(sizes[i], options.dilation[i]);
        let axis = Axis::new(
            op,
            (i, N),
            dims[i + 1],
            extent,
            options.strides[i],
            options.padding,
        )?;
        (before[i], output[i]) = (axis.before, axis.output);
    }
    Ok(Geometry {
        batch: dims[0],
        input: window::three(&dims[1..=N], 1),
        channels: dims[N + 1],
        kernel: window::three(&sizes[..N], 1),
        filters: sizes[N + 1],
        stride: window::three(&options.strides, 1),
        dilation: window::three(&options.dilation, 1),
        before: window::three(&before, 0),
        output: window::three(&output, 1),
        groups: options.groups,
    })
}

/// What a window covers of an axis; 0 when a size or dilation is 0.
pub(super) fn extent(size: usize, dilation: usize) -> usize {
    if size == 0 || dilation == 0 {
        return 0;
    }
    (size - 1) * dilation + 1
}
