//! Convolution.

use std::any::Any;

use keras_ops::{self as ops, Tensor};

use crate::layer::{Build, Call, Layer, LayerBase, Outputs};
use crate::layers::base::{
    base_accessors, cast_input, common_methods, expect_rank, known_size, only, spatial_entry,
};
use crate::layers::kernel::{KernelArgs, kernel_methods, lora_methods};
use crate::layers::pooling::{MaxPool, Pooling};
use crate::layers::size::Size;
use crate::layers::window::{Window, conv_methods};
use crate::shape::{self, Dims};
use crate::{Config, Registry, Result, bail};

/// Slides `filters` kernels over `N` spatial axes: `activation(conv(x, kernel) + bias)`. See [`Conv2D`].
#[derive(Debug)]
pub struct Conv<const N: usize> {
    base: LayerBase,
    filters: usize,
    window: Window<N>,
    groups: usize,
    args: KernelArgs,
}

/// Convolution over one axis, that of time: see [`Conv2D`].
///
/// [`Padding::Causal`](keras_ops::Padding::Causal) keeps an output from seeing later inputs.
///
/// # Shapes
/// `(batch, steps, channels)` gives `(batch, new steps, filters)`; `kernel` is `(size, channels / groups, filters)`.
///
/// # Errors
/// As [`Conv2D`].
///
/// # Examples
/// ```
/// use keras_core::layers::{Conv1D, Padding};
/// use keras_core::{Layer, LayerRef, layer::{Build, Call}};
/// use keras_ops::{Device, Tensor};
/// let layer = LayerRef::new(Conv1D::new(1, 2).padding(Padding::Causal).kernel_initializer("ones"));
/// layer.build(&[vec![None, None, Some(1)]], &Build::new(&Device::Cpu))?;
/// let x = Tensor::new(&[[[1f32], [2.], [4.]]], &Device::Cpu)?;
/// let y = layer.read().call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].flatten_all()?.to_vec1::<f32>()?, [1., 3., 6.]); // 0 + 1, 1 + 2, 2 + 4
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type Conv1D = Conv<1>;

/// Slides `filters` kernels over an image: `activation(conv(x, kernel) + bias)`.
///
/// # Shapes
/// `(batch, height, width, channels)` gives `(batch, height', width', filters)`; with
/// [`DataFormat::ChannelsFirst`](crate::layers::DataFormat) the channels come second. `kernel` is `(kernel height,
/// kernel width, channels / groups, filters)`, `bias` `(filters,)`. A mask ends here.
///
/// # Errors
/// When an argument is 0, strides and dilation are both above 1, `groups` divides neither the channels nor the
/// filters, the input is no batch of images, or the kernel does not fit into it.
///
/// # Examples
/// ```
/// use keras_core::Sequential;
/// use keras_core::layers::{Conv2D, Padding};
/// let model = Sequential::new()
///     .input([28, 28, 1])
///     .add(Conv2D::new(32, 3).activation("relu"))
///     .add(Conv2D::new(64, [5, 3]).strides(2).padding(Padding::Same).use_bias(false))
///     .build()?;
/// assert_eq!(model.output_shapes(), [[None, Some(13), Some(13), Some(64)]]);
/// assert_eq!(model.count_params(), 3 * 3 * 32 + 32 + 5 * 3 * 32 * 64);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type Conv2D = Conv<2>;

/// Convolution over three axes, of volumes or films: see [`Conv2D`].
///
/// # Shapes
/// `(batch, depth, height, width, channels)` gives `(batch, depth', height', width', filters)`; `kernel` is `(kernel
/// depth, kernel height, kernel width, channels / groups, filters)`.
///
/// # Errors
/// As [`Conv2D`].
///
/// # Examples
/// ```
/// use keras_core::{Layer, layers::Conv3D};
/// let shapes = Conv3D::new(4, [1, 2, 3]).compute_output_shape(&[vec![None, Some(5), Some(5), None, Some(2)]])?;
/// assert_eq!(shapes, [[None, Some(5), Some(4), None, Some(4)]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type Conv3D = Conv<3>;

common_methods!([const N: usize] Conv<N>);
conv_methods!([const N: usize] Conv<N>, N);
kernel_methods!([const N: usize] Conv<N>);
lora_methods!([const N: usize] Conv<N>);
spatial_entry!([const N: usize] Conv<N>, "activation(conv(x, kernel) + bias)");

impl<const N: usize> Conv<N> {
    const CLASS: &'static str = ["Conv1D", "Conv2D", "Conv3D"][N - 1];
    const ALIASES: &'static [&'static str] =
        [&["Convolution1D"], &["Convolution2D"], &["Convolution3D"]][N - 1];

    /// With `filters` output channels and a kernel of this size.
    pub fn new(filters: usize, kernel_size: impl Into<Size<N>>) -> Self {
        Self {
            base: LayerBase::default(),
            filters,
            window: Window::new(kernel_size.into()),
            groups: 1,
            args: KernelArgs::default(),
        }
    }

    /// Into how many groups the channels are split, each with its own filters.
    #[must_use]
    pub fn groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader(Self::CLASS);
        let layer = Self {
            base: LayerBase::from_reader(&mut reader)?,
            filters: reader.req("filters")?,
            window: Window::read_conv(&mut reader)?,
            groups: reader.or("groups", 1)?,
            args: KernelArgs::read(&mut reader, registry)?.read_lora(&mut reader)?,
        };
        reader.finish()?;
        layer.check()?;
        Ok(layer)
    }

    fn check(&self) -> Result<()> {
        let Self { filters, groups, .. } = self;
        if *filters == 0 || *groups == 0 {
            bail!(
                "{}: `filters` and `groups` must be 1 or more, got {filters} and {groups}",
                Self::CLASS
            );
        }
        if !filters.is_multiple_of(*groups) {
            bail!(
                "{}: {filters} filters cannot be split into {groups} groups of equal size",
                Self::CLASS
            );
        }
        self.window.check(Self::CLASS, "kernel_size")?;
        self.window.check_one_above_1(Self::CLASS)
    }

    fn pooling(next: &dyn Layer) -> Option<&Pooling<MaxPool, N>> {
        (next as &dyn Any).downcast_ref()
    }

    fn check_channels(&self, input: &Dims) -> Result<()> {
        match input[self.window.channel_axis()] {
            Some(channels) if !channels.is_multiple_of(self.groups) => bail!(
                "{}: {channels} input channels cannot be split into {} groups of equal size (input {})",
                Self::CLASS,
                self.groups,
                shape::show(input)
            ),
            _ => Ok(()),
        }
    }
}

impl<const N: usize> Layer for Conv<N> {
    base_accessors!();

    fn class_name(&self) -> &str {
        Self::CLASS
    }

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        self.compute_output_shape(inputs)?;
        let input = only(Self::CLASS, inputs)?;
        let channels = known_size(Self::CLASS, input, self.window.channel_axis(), "channel")?;
        let shape = [
            self.window.size.0.as_slice(),
            &[channels / self.groups, self.filters],
        ]
        .concat();
        self.args.build(&mut self.base, &shape, cx)
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.check()?;
        let input = only(Self::CLASS, inputs)?;
        expect_rank(Self::CLASS, input, N + 2)?;
        self.check_channels(input)?;
        Ok(vec![self.window.output(
            Self::CLASS,
            input,
            Some(self.filters),
        )?])
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let x = cast_input(&self.base, only(Self::CLASS, inputs)?)?;
        let args = self.window.conv_args();
        self.args.run(&self.base, cx, |kernel, bias, fused| {
            ops::conv(&x, kernel, bias, &args, fused)
        })
    }

    fn joins(&self, next: &dyn Layer) -> bool {
        let same_dtype = next.base().compute_dtype() == self.base.compute_dtype();
        same_dtype && Self::pooling(next).is_some() && self.args.fuses()
    }

    fn call_with_next(&self, inputs: &[Tensor], next: &dyn Layer, cx: &mut Call) -> Result<Outputs> {
        let Some(pool) = Self::pooling(next).map(Pooling::args) else {
            return next.call(&self.call(inputs, cx)?.0, cx);
        };
        let x = cast_input(&self.base, only(Self::CLASS, inputs)?)?;
        let args = self.window.conv_args();
        self.args.run(&self.base, cx, |kernel, bias, fused| {
            ops::conv_max_pool(&x, kernel, bias, &args, fused, &pool)
        })
    }

    fn config(&self) -> Config {
        let mut config = Config::new().with("filters", self.filters);
        self.window.write_conv(&mut config);
        config.set("groups", self.groups);
        self.args.write(&mut config);
        config
    }
}
