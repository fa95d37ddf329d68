//! Transposed convolution.

use keras_ops::{self as ops, ConvArgs, Tensor};

use crate::layer::{Build, Call, Layer, LayerBase, Outputs};
use crate::layers::base::{
    base_accessors, cast_input, common_methods, expect_rank, known_size, only, spatial_entry,
};
use crate::layers::kernel::{KernelArgs, kernel_methods};
use crate::layers::size::Size;
use crate::layers::window::{Window, conv_methods};
use crate::shape::{self, Dims};
use crate::{Config, Registry, Result, bail};

/// Lays a kernel over `N` spatial axes for every input. See [`Conv2DTranspose`].
#[derive(Debug)]
pub struct ConvTranspose<const N: usize> {
    base: LayerBase,
    filters: usize,
    window: Window<N>,
    output_padding: Option<Size<N>>,
    args: KernelArgs,
}

/// Transposed convolution over one axis: see [`Conv2DTranspose`].
///
/// # Shapes
/// `(batch, steps, channels)` gives `(batch, new steps, filters)`; `kernel` is `(size, filters, channels)`.
///
/// # Errors
/// As [`Conv2DTranspose`].
///
/// # Examples
/// ```
/// use keras_core::{Layer, LayerRef, layer::{Build, Call}, layers::Conv1DTranspose};
/// use keras_ops::{Device, Tensor};
/// let layer = LayerRef::new(Conv1DTranspose::new(1, 3).strides(2).kernel_initializer("ones"));
/// layer.build(&[vec![None, None, Some(1)]], &Build::new(&Device::Cpu))?;
/// let x = Tensor::new(&[[[1f32], [10.]]], &Device::Cpu)?;
/// let y = layer.read().call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].flatten_all()?.to_vec1::<f32>()?, [1., 1., 11., 10., 10.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type Conv1DTranspose = ConvTranspose<1>;

/// The gradient of a convolution by its input, as a layer that enlarges images: every input lays its multiple of the
/// kernel over the output; `activation` of their sum and the bias.
///
/// With `k` the pixels that the kernel covers, `n` inputs and stride `s`, an axis has
/// - with [`Padding::Valid`](keras_ops::Padding) `(n - 1) s + k + output_padding` outputs, where `output_padding` is
///   `max(s - k, 0)` unless given;
/// - with `Padding::Same` `n s` outputs, or with `output_padding` `(n - 1) s + k % 2 + output_padding`.
///
/// # Shapes
/// `(batch, height, width, channels)` gives `(batch, height', width', filters)`; with
/// [`DataFormat::ChannelsFirst`](crate::layers::DataFormat) the channels come second. `kernel` is `(kernel height,
/// kernel width, filters, channels)`, `bias` `(filters,)`. A mask ends here.
///
/// # Errors
/// When an argument is 0, strides and dilation are both above 1, `output_padding` is not below the strides, or the
/// input is no batch of images.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layers::{Conv2DTranspose, Padding}};
/// let image = vec![None, Some(5), Some(7), Some(3)];
/// let layer = Conv2DTranspose::new(8, 3).strides(2).padding(Padding::Same);
/// assert_eq!(layer.compute_output_shape(&[image.clone()])?, [[None, Some(10), Some(14), Some(8)]]);
/// let layer = Conv2DTranspose::new(8, 3).strides(2).output_padding(1);
/// assert_eq!(layer.compute_output_shape(&[image])?, [[None, Some(12), Some(16), Some(8)]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type Conv2DTranspose = ConvTranspose<2>;

/// Transposed convolution over three axes: see [`Conv2DTranspose`].
///
/// # Shapes
/// `(batch, depth, height, width, channels)` gives `(batch, depth', height', width', filters)`; `kernel` is `(kernel
/// depth, kernel height, kernel width, filters, channels)`.
///
/// # Errors
/// As [`Conv2DTranspose`].
///
/// # Examples
/// ```
/// use keras_core::{Layer, layers::Conv3DTranspose};
/// let volume = vec![None, Some(2), Some(3), Some(4), Some(1)];
/// let shapes = Conv3DTranspose::new(6, [1, 2, 3]).compute_output_shape(&[volume])?;
/// assert_eq!(shapes, [[None, Some(2), Some(4), Some(6), Some(6)]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type Conv3DTranspose = ConvTranspose<3>;

common_methods!([const N: usize] ConvTranspose<N>);
conv_methods!([const N: usize] ConvTranspose<N>, N);
kernel_methods!([const N: usize] ConvTranspose<N>);
spatial_entry!(
    [const N: usize] ConvTranspose<N>,
    "the gradient of a convolution by its input, which enlarges"
);

impl<const N: usize> ConvTranspose<N> {
    const CLASS: &'static str = ["Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"][N - 1];
    const ALIASES: &'static [&'static str] = [
        &["Convolution1DTranspose"],
        &["Convolution2DTranspose"],
        &["Convolution3DTranspose"],
    ][N - 1];

    /// With `filters` output channels and a kernel of this size.
    pub fn new(filters: usize, kernel_size: impl Into<Size<N>>) -> Self {
        Self {
            base: LayerBase::default(),
            filters,
            window: Window::new(kernel_size.into()),
            output_padding: None,
            args: KernelArgs::default(),
        }
    }

    /// What is added to the size of the output, less than the strides; by the rule above unless given.
    #[must_use]
    pub fn output_padding(mut self, output_padding: impl Into<Size<N>>) -> Self {
        self.output_padding = Some(output_padding.into());
        self
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader(Self::CLASS);
        let layer = Self {
            base: LayerBase::from_reader(&mut reader)?,
            filters: reader.req("filters")?,
            window: Window::read_conv(&mut reader)?,
            output_padding: reader.opt("output_padding")?,
            args: KernelArgs::read(&mut reader, registry)?,
        };
        reader.finish()?;
        layer.check()?;
        Ok(layer)
    }

    fn check(&self) -> Result<()> {
        if self.filters == 0 {
            bail!("{}: `filters` must be 1 or more, got 0", Self::CLASS);
        }
        self.window.check(Self::CLASS, "kernel_size")?;
        self.window.check_one_above_1(Self::CLASS)?;
        let strides = self.window.strides.0;
        match self.output_padding {
            Some(extra)
                if extra
                    .0
                    .iter()
                    .zip(strides)
                    .any(|(extra, stride)| *extra >= stride) =>
            {
                bail!(
                    "{}: `output_padding` must be less than `strides` on every axis, got {:?} and {strides:?}",
                    Self::CLASS,
                    extra.0
                )
            }
            _ => Ok(()),
        }
    }
}

impl<const N: usize> Layer for ConvTranspose<N> {
    base_accessors!();

    fn class_name(&self) -> &str {
        Self::CLASS
    }

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        self.compute_output_shape(inputs)?;
        let input = only(Self::CLASS, inputs)?;
        let channels = known_size(Self::CLASS, input, self.window.channel_axis(), "channel")?;
        let shape = [self.window.size.0.as_slice(), &[self.filters, channels]].concat();
        self.args.build_kernel(&mut self.base, "kernel", &shape, cx)?;
        let bias = [self.filters];
        let bias = self.args.use_bias.then_some(bias.as_slice());
        self.args.build_bias(&mut self.base, bias, cx)
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.check()?;
        let input = only(Self::CLASS, inputs)?;
        expect_rank(Self::CLASS, input, N + 2)?;
        let output = self.window.transposed(input, self.filters, self.output_padding)?;
        if output[1..].contains(&Some(0)) {
            bail!(
                "{}: the output would be empty, {}, for the input {}; use a larger `output_padding`",
                Self::CLASS,
                shape::show(&output),
                shape::show(input)
            );
        }
        Ok(vec![output])
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let x = cast_input(&self.base, only(Self::CLASS, inputs)?)?;
        let args = ConvArgs {
            output_padding: self.output_padding.map(|p| p.0.into()),
            ..self.window.conv_args()
        };
        self.args.run(&self.base, cx, |kernel, bias, fused| {
            ops::conv_transpose(&x, kernel, bias, &args, fused)
        })
    }

    fn config(&self) -> Config {
        let mut config = Config::new().with("filters", self.filters);
        self.window.write_conv(&mut config);
        config.set("output_padding", self.output_padding);
        self.args.write(&mut config);
        config
    }
}
