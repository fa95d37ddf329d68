//! Separable convolution.

use keras_ops::{self as ops, Tensor};

use crate::layer::{Build, Call, Layer, LayerBase, Outputs};
use crate::layers::base::{
    base_accessors, cast_input, common_methods, expect_rank, known_size, only, spatial_entry,
};
use crate::layers::kernel::{KernelArgs, activation_method, bias_method, output_methods};
use crate::layers::size::Size;
use crate::layers::weight::{WeightArgs, one_weight_methods, weight_args};
use crate::layers::window::{Window, conv_methods};
use crate::shape::Dims;
use crate::{Config, Registry, Result, bail};

/// A depthwise convolution over `N` spatial axes, whose results are mixed at each place. See [`SeparableConv2D`].
#[derive(Debug)]
pub struct SeparableConv<const N: usize> {
    base: LayerBase,
    depth_multiplier: usize,
    filters: usize,
    window: Window<N>,
    args: KernelArgs,
    pointwise: WeightArgs,
}

/// Separable convolution over one axis: see [`SeparableConv2D`].
///
/// # Shapes
/// `(batch, steps, channels)` gives `(batch, new steps, filters)`; `depthwise_kernel` is `(size, channels,
/// depth_multiplier)`, `pointwise_kernel` `(1, channels * depth_multiplier, filters)`.
///
/// # Errors
/// As [`SeparableConv2D`].
///
/// # Examples
/// ```
/// use keras_core::{Layer, LayerRef, layer::{Build, Call}, layers::SeparableConv1D};
/// use keras_ops::{Device, Tensor};
/// let layer = SeparableConv1D::new(1, 2).depthwise_initializer("ones").pointwise_initializer("ones");
/// let layer = LayerRef::new(layer);
/// layer.build(&[vec![None, None, Some(2)]], &Build::new(&Device::Cpu))?;
/// let x = Tensor::new(&[[[1f32, 10.], [2., 20.]]], &Device::Cpu)?;
/// let y = layer.read().call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].to_vec3::<f32>()?, [[[33.]]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type SeparableConv1D = SeparableConv<1>;

/// A depthwise convolution of an image, and a 1×1 convolution that mixes its channels:
/// `activation(conv(conv(x, depthwise_kernel), pointwise_kernel) + bias)`.
///
/// # Shapes
/// `(batch, height, width, channels)` gives `(batch, height', width', filters)`; with
/// [`DataFormat::ChannelsFirst`](crate::layers::DataFormat) the channels come second. `depthwise_kernel` is `(kernel
/// height, kernel width, channels, depth_multiplier)`, `pointwise_kernel` `(1, 1, channels * depth_multiplier,
/// filters)`, `bias` `(filters,)`. A mask ends here.
///
/// # Errors
/// When an argument is 0, the input is no batch of images, or the kernel does not fit into it.
///
/// # Examples
/// ```
/// use keras_core::Sequential;
/// use keras_core::layers::SeparableConv2D;
/// let model = Sequential::new().input([8, 8, 3]).add(SeparableConv2D::new(16, 3)).build()?;
/// assert_eq!(model.output_shapes(), [[None, Some(6), Some(6), Some(16)]]);
/// assert_eq!(model.count_params(), 3 * 3 * 3 + 3 * 16 + 16);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type SeparableConv2D = SeparableConv<2>;

common_methods!([const N: usize] SeparableConv<N>);
conv_methods!([const N: usize] SeparableConv<N>, N);
activation_method!([const N: usize] SeparableConv<N>);
bias_method!([const N: usize] SeparableConv<N>);
output_methods!([const N: usize] SeparableConv<N>);
one_weight_methods!(
    [const N: usize] SeparableConv<N>, args.kernel, "depthwise kernel", "glorot_uniform":
    depthwise_initializer depthwise_regularizer depthwise_constraint
);
one_weight_methods!(
    [const N: usize] SeparableConv<N>, pointwise, "pointwise kernel", "glorot_uniform":
    pointwise_initializer pointwise_regularizer pointwise_constraint
);
spatial_entry!(
    [const N: usize] SeparableConv<N>,
    "convolves each channel by itself, then mixes the channels"
);

fn kernel_args() -> (KernelArgs, WeightArgs) {
    let depthwise = KernelArgs::of(weight_args!("depthwise", "glorot_uniform"));
    (depthwise, weight_args!("pointwise", "glorot_uniform"))
}

impl<const N: usize> SeparableConv<N> {
    const CLASS: &'static str = ["SeparableConv1D", "SeparableConv2D"][N - 1];
    const ALIASES: &'static [&'static str] =
        [&["SeparableConvolution1D"], &["SeparableConvolution2D"]][N - 1];

    /// With `filters` output channels and a kernel of this size for each input channel.
    pub fn new(filters: usize, kernel_size: impl Into<Size<N>>) -> Self {
        let (args, pointwise) = kernel_args();
        Self {
            base: LayerBase::default(),
            depth_multiplier: 1,
            filters,
            window: Window::new(kernel_size.into()),
            args,
            pointwise,
        }
    }

    /// How many kernels an input channel has; 1 unless given.
    #[must_use]
    pub fn depth_multiplier(mut self, depth_multiplier: usize) -> Self {
        self.depth_multiplier = depth_multiplier;
        self
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader(Self::CLASS);
        let (args, pointwise) = kernel_args();
        let layer = Self {
            base: LayerBase::from_reader(&mut reader)?,
            depth_multiplier: reader.or("depth_multiplier", 1)?,
            filters: reader.req("filters")?,
            window: Window::read_conv(&mut reader)?,
            args: args.read_with(&mut reader, registry)?,
            pointwise: pointwise.read(&mut reader, registry)?,
        };
        reader.finish()?;
        layer.check()?;
        Ok(layer)
    }

    fn check(&self) -> Result<()> {
        if self.depth_multiplier == 0 || self.filters == 0 {
            bail!(
                "{}: `depth_multiplier` and `filters` must be 1 or more, got {} and {}",
                Self::CLASS,
                self.depth_multiplier,
                self.filters
            );
        }
        self.window.check(Self::CLASS, "kernel_size")
    }
}

impl<const N: usize> Layer for SeparableConv<N> {
    base_accessors!();

    fn class_name(&self) -> &str {
        Self::CLASS
    }

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        self.compute_output_shape(inputs)?;
        let input = only(Self::CLASS, inputs)?;
        let channels = known_size(Self::CLASS, input, self.window.channel_axis(), "channel")?;
        let depthwise = [self.window.size.0.as_slice(), &[channels, self.depth_multiplier]].concat();
        let pointwise = [
            [1; N].as_slice(),
            &[channels * self.depth_multiplier, self.filters],
        ]
        .concat();
        self.args
            .build_kernel(&mut self.base, "depthwise_kernel", &depthwise, cx)?;
        self.pointwise
            .build(&mut self.base, "pointwise_kernel", &pointwise, cx)?;
        let bias = [self.filters];
        let bias = self.args.use_bias.then_some(bias.as_slice());
        self.args.build_bias(&mut self.base, bias, cx)
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.check()?;
        let input = only(Self::CLASS, inputs)?;
        expect_rank(Self::CLASS, input, N + 2)?;
        Ok(vec![self.window.output(
            Self::CLASS,
            input,
            Some(self.filters),
        )?])
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let x = cast_input(&self.base, only(Self::CLASS, inputs)?)?;
        let pointwise = self.pointwise.value(&self.base)?;
        let args = self.window.conv_args();
        self.args.run(&self.base, cx, |depthwise, bias, fused| {
            ops::separable_conv(&x, depthwise, &pointwise, bias, &args, fused)
        })
    }

    fn config(&self) -> Config {
        let mut config = Config::new()
            .with("depth_multiplier", self.depth_multiplier)
            .with("filters", self.filters);
        self.window.write_conv(&mut config);
        let Self { args, pointwise, .. } = self;
        args.write_activation(&mut config);
        args.write_these(&mut config, &[&args.kernel, pointwise, &args.bias]);
        config
    }
}
