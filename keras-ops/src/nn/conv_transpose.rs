use candle_core::{Result, Tensor};

use super::conv::extent;
use super::conv_run::{self, Direction, Operands};
use super::window::{self, Padding};
use crate::kernels::convolution::Geometry;
use crate::kernels::fused::FusedActivation;

/// How a transposed convolution over `N` spatial axes moves.
///
/// With `k` the elements that a window covers, `n` inputs and stride `s` give
/// - `Valid`: `(n - 1) s + k + output_padding` outputs, where `output_padding` is `max(s - k, 0)` if not given;
/// - `Same`: `n s` outputs, or with `output_padding` `(n - 1) s + k % 2 + output_padding`.
///
/// ```
/// use keras_ops::ConvTransposeOptions;
/// let options: ConvTransposeOptions<2> = ConvTransposeOptions { strides: [2, 2], ..Default::default() };
/// assert_eq!(options.output_padding, None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvTransposeOptions<const N: usize = 2> {
    /// Steps between the windows of the output.
    pub strides: [usize; N],
    /// [`Padding::Valid`] or [`Padding::Same`].
    pub padding: Padding,
    /// What is added to the size of the output; by the rule above when `None`.
    pub output_padding: Option<[usize; N]>,
    /// Distance between the elements of a window.
    pub dilation: [usize; N],
    /// Input and output have their channels at axis 1 instead of last.
    pub channels_first: bool,
}

impl<const N: usize> Default for ConvTransposeOptions<N> {
    fn default() -> Self {
        Self {
            strides: [1; N],
            padding: Padding::Valid,
            output_padding: None,
            dilation: [1; N],
            channels_first: false,
        }
    }
}

/// 1-D transposed convolution; see [`conv_transpose2d`].
///
/// # Shapes
/// `x` (batch, steps, channels), `kernel` (size, filters, channels), `bias` (filters) → (batch, new steps, filters).
///
/// # Errors
/// As [`conv_transpose2d`].
pub fn conv_transpose1d(
    x: &Tensor,
    kernel: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvTransposeOptions<1>,
    act: FusedActivation,
) -> Result<Tensor> {
    transpose("conv_transpose1d", Operands { x, kernel, bias }, options, act)
}

/// 2-D transposed convolution, the gradient of a convolution by its input: every input lays its multiple of the
/// kernel over the output; `act` of their sum and `bias`.
///
/// # Shapes
/// `x` (batch, height, width, channels), `kernel` (height, width, filters, channels), `bias` (filters) → (batch, new
/// height, new width, filters); [`ConvTransposeOptions`] has the sizes.
///
/// # Errors
/// When the shapes do not fit, the padding is another than valid and same, the output would be empty, or the operands
/// are not floats of one dtype on one device.
///
/// # Examples
/// ```
/// use keras_ops::{ConvTransposeOptions, Device, FusedActivation, Tensor, conv_transpose2d};
/// let x = Tensor::new(&[[[[1f32], [2.]]]], &Device::Cpu)?;
/// let kernel = Tensor::new(&[[[[1f32]], [[10.]]]], &Device::Cpu)?;
/// let options = ConvTransposeOptions { strides: [1, 2], ..Default::default() };
/// let y = conv_transpose2d(&x, &kernel, None, &options, FusedActivation::Linear)?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [1., 10., 2., 20.]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn conv_transpose2d(
    x: &Tensor,
    kernel: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvTransposeOptions<2>,
    act: FusedActivation,
) -> Result<Tensor> {
    transpose("conv_transpose2d", Operands { x, kernel, bias }, options, act)
}

/// 3-D transposed convolution; see [`conv_transpose2d`].
///
/// # Shapes
/// `x` (batch, depth, height, width, channels), `kernel` (depth, height, width, filters, channels) → (batch, new
/// depth, new height, new width, filters).
///
/// # Errors
/// As [`conv_transpose2d`].
pub fn conv_transpose3d(
    x: &Tensor,
    kernel: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvTransposeOptions<3>,
    act: FusedActivation,
) -> Result<Tensor> {
    transpose("conv_transpose3d", Operands { x, kernel, bias }, options, act)
}

pub(super) fn transpose<const N: usize>(
    op: &'static str,
    operands: Operands<'_>,
    options: &ConvTransposeOptions<N>,
    act: FusedActivation,
) -> Result<Tensor> {
    conv_run::channels_last::<N>(op, operands, options.channels_first, |operands| {
        let Operands { x, kernel, bias } = operands;
        let (dims, sizes) = (x.dims(), kernel.dims());
        let fits = sizes.len() == N + 2
            && dims[N + 1] == sizes[N + 1]
            && bias.is_none_or(|b| b.dims() == [sizes[N]]);
        if !fits {
            candle_core::bail!(
                "{op}: expected x (batch, {N} spatial axes, channels), kernel ({N} sizes, filters, channels) and \
                 bias (filters), got {dims:?}, {sizes:?} and {:?}",
                bias.map(|b| b.dims())
            );
        }
        let geometry = geometry(op, dims, sizes, options)?;
        conv_run::run(op, Direction::Spread, geometry, operands, act)
    })
}

/// The geometry of the convolution whose gradient this is: its image is the output.
fn geometry<const N: usize>(
    op: &str,
    dims: &[usize],
    sizes: &[usize],
    options: &ConvTransposeOptions<N>,
) -> Result<Geometry> {
    let (mut before, mut size) = ([0; N], [1; N]);
    for i in 0..N {
        let reach = extent(sizes[i], options.dilation[i]);
        let extra = options.output_padding.map(|p| p[i]);
        (before[i], size[i]) = axis(op, dims[i + 1], reach, options.strides[i], options.padding, extra)?;
    }
    Ok(Geometry {
        batch: dims[0],
        input: window::three(&size, 1),
        channels: sizes[N],
        kernel: window::three(&sizes[..N], 1),
        filters: sizes[N + 1],
        stride: window::three(&options.strides, 1),
        dilation: window::three(&options.dilation, 1),
        before: window::three(&before, 0),
        output: window::three(&dims[1..=N], 1),
        groups: 1,
    })
}

/// What is cut off in front, and the size of the output.
fn axis(
    op: &str,
    inputs: usize,
    extent: usize,
    stride: usize,
    padding: Padding,
    extra: Option<usize>,
) -> Result<(usize, usize)> {
    if stride == 0 || extent == 0 || inputs == 0 {
        candle_core::bail!("{op}: sizes of the input, the kernel, strides and dilations must be at least 1");
    }
    let (before, size) = match (padding, extra) {
        (Padding::Valid, _) => {
            let extra = extra.unwrap_or(stride.saturating_sub(extent));
            (0, (inputs - 1) * stride + extent + extra)
        }
        (Padding::Same, extra) => {
            let odd = extent % 2;
            // What the dilated input is padded with on both sides, for a convolution with the turned kernel.
            let around = extra.map_or(stride + extent - 2, |extra| extent + odd + extra - 2);
            let left = around.div_ceil(2).min(extent - 1);
            (extent - 1 - left, (inputs - 1) * stride + 2 + around - extent)
        }
        _ => candle_core::bail!("{op}: expected padding \"valid\" or \"same\", got {padding:?}"),
    };
    if size == 0 {
        candle_core::bail!("{op}: the output would be empty; use a larger output_padding");
    }
    Ok((before, size))
}
