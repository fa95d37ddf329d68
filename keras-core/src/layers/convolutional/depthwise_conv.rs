//! Depthwise convolution.

use keras_ops::{self as ops, Tensor};

use crate::layer::{Build, Call, Layer, LayerBase, Outputs};
use crate::layers::base::{
    base_accessors, cast_input, common_methods, expect_rank, known_size, only, spatial_entry,
};
use crate::layers::kernel::{KernelArgs, activation_method, bias_method, output_methods};
use crate::layers::size::Size;
use crate::layers::weight::{one_weight_methods, weight_args};
use crate::layers::window::{Window, conv_methods};
use crate::shape::Dims;
use crate::{Config, Registry, Result, bail};

/// Convolves each channel by itself over `N` spatial axes. See [`DepthwiseConv2D`].
#[derive(Debug)]
pub struct DepthwiseConv<const N: usize> {
    base: LayerBase,
    depth_multiplier: usize,
    window: Window<N>,
    args: KernelArgs,
}

/// Depthwise convolution over one axis: see [`DepthwiseConv2D`].
///
/// # Shapes
/// `(batch, steps, channels)` gives `(batch, new steps, channels * depth_multiplier)`; `kernel` is `(size, channels,
/// depth_multiplier)`.
///
/// # Errors
/// As [`DepthwiseConv2D`].
///
/// # Examples
/// ```
/// use keras_core::{Layer, LayerRef, layer::{Build, Call}, layers::DepthwiseConv1D};
/// use keras_ops::{Device, Tensor};
/// let layer = LayerRef::new(DepthwiseConv1D::new(2).depthwise_initializer("ones"));
/// layer.build(&[vec![None, None, Some(2)]], &Build::new(&Device::Cpu))?;
/// let x = Tensor::new(&[[[1f32, 10.], [2., 20.]]], &Device::Cpu)?;
/// let y = layer.read().call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].to_vec3::<f32>()?, [[[3., 30.]]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type DepthwiseConv1D = DepthwiseConv<1>;

/// Convolves each channel of an image with its own `depth_multiplier` kernels: `activation(conv(x, kernel) + bias)`,
/// without mixing channels.
///
/// # Shapes
/// `(batch, height, width, channels)` gives `(batch, height', width', channels * depth_multiplier)`, the results of
/// one channel together; with [`DataFormat::ChannelsFirst`](crate::layers::DataFormat) the channels come second.
/// `kernel` is `(kernel height, kernel width, channels, depth_multiplier)`, `bias` `(channels * depth_multiplier,)`.
/// A mask ends here.
///
/// # Errors
/// When an argument is 0, the input is no batch of images, or the kernel does not fit into it.
///
/// # Examples
/// ```
/// use keras_core::Sequential;
/// use keras_core::layers::DepthwiseConv2D;
/// let model = Sequential::new().input([8, 8, 3]).add(DepthwiseConv2D::new(3).depth_multiplier(2)).build()?;
/// assert_eq!(model.output_shapes(), [[None, Some(6), Some(6), Some(6)]]);
/// assert_eq!(model.count_params(), 3 * 3 * 3 * 2 + 6);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type DepthwiseConv2D = DepthwiseConv<2>;

common_methods!([const N: usize] DepthwiseConv<N>);
conv_methods!([const N: usize] DepthwiseConv<N>, N);
activation_method!([const N: usize] DepthwiseConv<N>);
bias_method!([const N: usize] DepthwiseConv<N>);
output_methods!([const N: usize] DepthwiseConv<N>);
one_weight_methods!(
    [const N: usize] DepthwiseConv<N>, args.kernel, "kernel", "glorot_uniform":
    depthwise_initializer depthwise_regularizer depthwise_constraint
);
spatial_entry!([const N: usize] DepthwiseConv<N>, "convolves each channel by itself");

fn kernel_args() -> KernelArgs {
    KernelArgs::of(weight_args!("depthwise", "glorot_uniform"))
}

impl<const N: usize> DepthwiseConv<N> {
    const CLASS: &'static str = ["DepthwiseConv1D", "DepthwiseConv2D"][N - 1];
    const ALIASES: &'static [&'static str] = &[];

    /// With a kernel of this size for each channel.
    pub fn new(kernel_size: impl Into<Size<N>>) -> Self {
        Self {
            base: LayerBase::default(),
            depth_multiplier: 1,
            window: Window::new(kernel_size.into()),
            args: kernel_args(),
        }
    }

    /// How many kernels a channel has; 1 unless given.
    #[must_use]
    pub fn depth_multiplier(mut self, depth_multiplier: usize) -> Self {
        self.depth_multiplier = depth_multiplier;
        self
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader(Self::CLASS);
        let layer = Self {
            base: LayerBase::from_reader(&mut reader)?,
            depth_multiplier: reader.or("depth_multiplier", 1)?,
            window: Window::read_conv(&mut reader)?,
            args: kernel_args().read_with(&mut reader, registry)?,
        };
        reader.finish()?;
        layer.check()?;
        Ok(layer)
    }

    fn check(&self) -> Result<()> {
        if self.depth_multiplier == 0 {
            bail!("{}: `depth_multiplier` must be 1 or more, got 0", Self::CLASS);
        }
        self.window.check(Self::CLASS, "kernel_size")
    }
}

impl<const N: usize> Layer for DepthwiseConv<N> {
    base_accessors!();

    fn class_name(&self) -> &str {
        Self::CLASS
    }

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        self.compute_output_shape(inputs)?;
        let input = only(Self::CLASS, inputs)?;
        let channels = known_size(Self::CLASS, input, self.window.channel_axis(), "channel")?;
        let shape = [self.window.size.0.as_slice(), &[channels, self.depth_multiplier]].concat();
        self.args.build_kernel(&mut self.base, "kernel", &shape, cx)?;
        let bias = [channels * self.depth_multiplier];
        let bias = self.args.use_bias.then_some(bias.as_slice());
        self.args.build_bias(&mut self.base, bias, cx)
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.check()?;
        let input = only(Self::CLASS, inputs)?;
        expect_rank(Self::CLASS, input, N + 2)?;
        let channels = input[self.window.channel_axis()].map(|channels| channels * self.depth_multiplier);
        Ok(vec![self.window.output(Self::CLASS, input, channels)?])
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let x = cast_input(&self.base, only(Self::CLASS, inputs)?)?;
        let args = self.window.conv_args();
        self.args.run(&self.base, cx, |kernel, bias, fused| {
            ops::depthwise_conv(&x, kernel, bias, &args, fused)
        })
    }

    fn config(&self) -> Config {
        let mut config = Config::new().with("depth_multiplier", self.depth_multiplier);
        self.window.write_conv(&mut config);
        self.args.write(&mut config);
        config
    }
}
