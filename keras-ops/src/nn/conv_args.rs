use candle_core::{Result, Tensor};

use super::conv::{self, ConvOptions};
use super::conv_depthwise as depthwise;
use super::conv_run::Operands;
use super::conv_transpose::{self as transposed, ConvTransposeOptions};
use super::window::{Padding, Sizes};
use crate::kernels::fused::FusedActivation;

/// [`ConvOptions`] and [`ConvTransposeOptions`] for a rank that is known only when it runs: the arguments of
/// [`conv`], [`depthwise_conv`], [`separable_conv`] and [`conv_transpose`].
///
/// ```
/// use keras_ops::{ConvArgs, Padding};
/// let args = ConvArgs { strides: 2.into(), padding: Padding::Same, ..Default::default() };
/// assert_eq!(args.dilation, 1.into());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvArgs {
    /// Steps between windows.
    pub strides: Sizes,
    /// Treatment of the borders.
    pub padding: Padding,
    /// Distance between the elements of a window.
    pub dilation: Sizes,
    /// What is added to the size of a transposed convolution's output.
    pub output_padding: Option<Sizes>,
    /// Input and output have their channels at axis 1 instead of last.
    pub channels_first: bool,
}

impl Default for ConvArgs {
    fn default() -> Self {
        Self {
            strides: 1.into(),
            padding: Padding::Valid,
            dilation: 1.into(),
            output_padding: None,
            channels_first: false,
        }
    }
}

impl ConvArgs {
    pub(super) fn options<const N: usize>(&self, op: &str, groups: usize) -> Result<ConvOptions<N>> {
        if self.output_padding.is_some() {
            candle_core::bail!("{op}: `output_padding` is for `conv_transpose`; leave it `None`");
        }
        Ok(ConvOptions {
            strides: self.strides.of(op, "strides")?,
            padding: self.padding,
            dilation: self.dilation.of(op, "dilation")?,
            groups,
            channels_first: self.channels_first,
        })
    }

    fn transposed<const N: usize>(&self, op: &str) -> Result<ConvTransposeOptions<N>> {
        let output_padding = self.output_padding.as_ref();
        Ok(ConvTransposeOptions {
            strides: self.strides.of(op, "strides")?,
            padding: self.padding,
            output_padding: output_padding.map(|p| p.of(op, "output_padding")).transpose()?,
            dilation: self.dilation.of(op, "dilation")?,
            channels_first: self.channels_first,
        })
    }

    /// As many groups as the channels of `x` are multiples of the kernel's.
    pub(super) fn groups(&self, op: &str, x: &Tensor, kernel: &Tensor) -> Result<usize> {
        let channels = if self.channels_first {
            x.dims()[1]
        } else {
            x.dims()[x.rank() - 1]
        };
        match kernel.dims() {
            [.., inputs, _] if *inputs > 0 && channels.is_multiple_of(*inputs) => Ok(channels / inputs),
            sizes => candle_core::bail!(
                "{op}: expected a kernel (sizes, channels / groups, filters) for {channels} channels, got {sizes:?}"
            ),
        }
    }
}

/// Calls the generic function for the number of spatial axes of `$x`.
macro_rules! by_rank {
    ($op:literal, $x:expr, |$n:ident| $call:expr) => {
        match $x.rank() {
            3 => {
                const $n: usize = 1;
                $call
            }
            4 => {
                const $n: usize = 2;
                $call
            }
            5 => {
                const $n: usize = 3;
                $call
            }
            _ => Err($crate::nn::window::wrong_rank($op, $x)),
        }
    };
}

pub(super) use by_rank;

/// [`conv1d`](crate::conv1d), [`conv2d`](crate::conv2d) or [`conv3d`](crate::conv3d), by the rank of `x`; as many
/// groups as the channels of `x` are multiples of the kernel's.
///
/// # Errors
/// When `x` has not 3 to 5 axes, its channels are no multiple of the kernel's, or as these.
///
/// ```
/// use keras_ops::{ConvArgs, Device, FusedActivation, Padding, Tensor, conv};
/// let x = Tensor::new(&[[[1f32], [2.], [3.]]], &Device::Cpu)?;
/// let kernel = Tensor::new(&[[[1f32]], [[10.]]], &Device::Cpu)?;
/// let causal = ConvArgs { padding: Padding::Causal, ..Default::default() };
/// let y = conv(&x, &kernel, None, &causal, FusedActivation::Linear)?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [10., 21., 32.]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn conv(
    x: &Tensor,
    kernel: &Tensor,
    bias: Option<&Tensor>,
    args: &ConvArgs,
    act: FusedActivation,
) -> Result<Tensor> {
    let operands = Operands { x, kernel, bias };
    by_rank!("conv", x, |N| {
        let groups = args.groups("conv", x, kernel)?;
        conv::convolve("conv", operands, &args.options::<N>("conv", groups)?, act)
    })
}

/// [`depthwise_conv1d`](crate::depthwise_conv1d), [`depthwise_conv2d`](crate::depthwise_conv2d) or
/// [`depthwise_conv3d`](crate::depthwise_conv3d), by the rank of `x`.
///
/// # Errors
/// When `x` has not 3 to 5 axes, or as these.
///
/// ```
/// use keras_ops::{ConvArgs, Device, FusedActivation, Tensor, depthwise_conv};
/// let x = Tensor::new(&[[[1f32, 10.], [2., 20.]]], &Device::Cpu)?;
/// let kernel = Tensor::new(&[[[1f32], [0.5]], [[1.], [0.5]]], &Device::Cpu)?;
/// let y = depthwise_conv(&x, &kernel, None, &ConvArgs::default(), FusedActivation::Linear)?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [3., 15.]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn depthwise_conv(
    x: &Tensor,
    kernel: &Tensor,
    bias: Option<&Tensor>,
    args: &ConvArgs,
    act: FusedActivation,
) -> Result<Tensor> {
    const OP: &str = "depthwise_conv";
    let operands = Operands { x, kernel, bias };
    by_rank!("depthwise_conv", x, |N| depthwise::depthwise(
        OP,
        operands,
        &args.options::<N>(OP, 1)?,
        act
    ))
}

/// [`separable_conv1d`](crate::separable_conv1d) or [`separable_conv2d`](crate::separable_conv2d), by the rank of
/// `x`; also over three axes.
///
/// # Errors
/// When `x` has not 3 to 5 axes, or as these.
///
/// ```
/// use keras_ops::{ConvArgs, Device, FusedActivation, Tensor, separable_conv};
/// let x = Tensor::new(&[[[1f32, 10.], [2., 20.]]], &Device::Cpu)?;
/// let depthwise = Tensor::new(&[[[1f32], [0.5]], [[1.], [0.5]]], &Device::Cpu)?;
/// let pointwise = Tensor::new(&[[[1f32], [2.]]], &Device::Cpu)?;
/// let y = separable_conv(&x, &depthwise, &pointwise, None, &ConvArgs::default(), FusedActivation::Linear)?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [33.]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn separable_conv(
    x: &Tensor,
    depthwise_kernel: &Tensor,
    pointwise_kernel: &Tensor,
    bias: Option<&Tensor>,
    args: &ConvArgs,
    act: FusedActivation,
) -> Result<Tensor> {
    const OP: &str = "separable_conv";
    let operands = Operands {
        x,
        kernel: pointwise_kernel,
        bias,
    };
    by_rank!("separable_conv", x, |N| depthwise::separable(
        OP,
        operands,
        depthwise_kernel,
        &args.options::<N>(OP, 1)?,
        act
    ))
}

/// [`conv_transpose1d`](crate::conv_transpose1d), [`conv_transpose2d`](crate::conv_transpose2d) or
/// [`conv_transpose3d`](crate::conv_transpose3d), by the rank of `x`.
///
/// # Errors
/// When `x` has not 3 to 5 axes, or as these.
///
/// ```
/// use keras_ops::{ConvArgs, Device, FusedActivation, Tensor, conv_transpose};
/// let x = Tensor::new(&[[[1f32], [2.]]], &Device::Cpu)?;
/// let kernel = Tensor::new(&[[[1f32]], [[10.]]], &Device::Cpu)?;
/// let twice = ConvArgs { strides: 2.into(), ..Default::default() };
/// let y = conv_transpose(&x, &kernel, None, &twice, FusedActivation::Linear)?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [1., 10., 2., 20.]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn conv_transpose(
    x: &Tensor,
    kernel: &Tensor,
    bias: Option<&Tensor>,
    args: &ConvArgs,
    act: FusedActivation,
) -> Result<Tensor> {
    const OP: &str = "conv_transpose";
    let operands = Operands { x, kernel, bias };
    by_rank!("conv_transpose", x, |N| transposed::transpose(
        OP,
        operands,
        &args.transposed::<N>(OP)?,
        act
    ))
}
