//! Convolution over images.

use keras_ops::{self as ops, Padding, Tensor};

use crate::layer::{Build, Call, Layer, LayerBase, Outputs};
use crate::layers::base::{
    DataFormat, base_accessors, cast_input, common_methods, expect_rank, known_size, layer_entry, only,
};
use crate::layers::kernel::{KernelArgs, kernel_methods};
use crate::layers::window::{Pair, Window, positive, read_pair};
use crate::shape::{self, Dims};
use crate::{Config, Registry, Result, bail};

/// Slides `filters` kernels over an image: `activation(conv(x, kernel) + bias)`.
///
/// # Shapes
/// `(batch, height, width, channels)` gives `(batch, height', width', filters)`; with
/// [`DataFormat::ChannelsFirst`] the channels come second. `kernel` is `(kernel height, kernel width,
/// channels / groups, filters)`, `bias` `(filters,)`.
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
#[derive(Debug)]
pub struct Conv2D {
    base: LayerBase,
    filters: usize,
    window: Window,
    groups: usize,
    args: KernelArgs,
}

common_methods!(Conv2D);
kernel_methods!(Conv2D);
layer_entry!(Conv2D, "activation(conv(x, kernel) + bias)");

impl Conv2D {
    /// With `filters` output channels and a kernel of this size.
    pub fn new(filters: usize, kernel_size: impl Into<Pair>) -> Self {
        Self {
            base: LayerBase::default(),
            filters,
            window: Window {
                size: kernel_size.into(),
                strides: 1.into(),
                dilation: 1.into(),
                padding: Padding::default(),
                data_format: DataFormat::default(),
            },
            groups: 1,
            args: KernelArgs::default(),
        }
    }

    /// How far the kernel moves.
    #[must_use]
    pub fn strides(mut self, strides: impl Into<Pair>) -> Self {
        self.window.strides = strides.into();
        self
    }

    /// How the border is treated; [`Padding::Valid`] unless given.
    #[must_use]
    pub fn padding(mut self, padding: Padding) -> Self {
        self.window.padding = padding;
        self
    }

    /// Where the channels are; last unless given.
    #[must_use]
    pub fn data_format(mut self, data_format: DataFormat) -> Self {
        self.window.data_format = data_format;
        self
    }

    /// The distance between the elements of the kernel.
    #[must_use]
    pub fn dilation_rate(mut self, dilation_rate: impl Into<Pair>) -> Self {
        self.window.dilation = dilation_rate.into();
        self
    }

    /// Into how many groups the channels are split, each with its own filters.
    #[must_use]
    pub fn groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("Conv2D");
        let base = LayerBase::from_reader(&mut reader)?;
        let filters = reader.req("filters")?;
        let Some(size) = read_pair(&mut reader, "kernel_size")? else {
            bail!("Conv2D: the argument `kernel_size` (a number or a list of two) is required");
        };
        let window = Window {
            size,
            strides: read_pair(&mut reader, "strides")?.unwrap_or(1.into()),
            dilation: read_pair(&mut reader, "dilation_rate")?.unwrap_or(1.into()),
            padding: reader.or("padding", Padding::default())?,
            data_format: reader.or("data_format", DataFormat::default())?,
        };
        let groups = reader.or("groups", 1)?;
        let args = KernelArgs::read(&mut reader, registry)?;
        reader.finish()?;
        let layer = Self {
            base,
            filters,
            window,
            groups,
            args,
        };
        layer.check()?;
        Ok(layer)
    }

    fn check(&self) -> Result<()> {
        if self.filters == 0 || self.groups == 0 {
            bail!(
                "Conv2D: `filters` and `groups` must be 1 or more, got {} and {}",
                self.filters,
                self.groups
            );
        }
        if !self.filters.is_multiple_of(self.groups) {
            bail!(
                "Conv2D: {} filters cannot be split into {} groups of equal size",
                self.filters,
                self.groups
            );
        }
        let Window {
            size,
            strides,
            dilation,
            ..
        } = self.window;
        positive("Conv2D", "kernel_size", size)?;
        positive("Conv2D", "strides", strides)?;
        positive("Conv2D", "dilation_rate", dilation)?;
        if strides.0.iter().any(|s| *s > 1) && dilation.0.iter().any(|d| *d > 1) {
            bail!(
                "Conv2D: `strides` {:?} and `dilation_rate` {:?} cannot both be above 1",
                strides.0,
                dilation.0
            );
        }
        Ok(())
    }

    fn check_channels(&self, input: &Dims) -> Result<()> {
        match input[self.window.channel_axis()] {
            Some(channels) if !channels.is_multiple_of(self.groups) => bail!(
                "Conv2D: {channels} input channels cannot be split into {} groups of equal size (input {})",
                self.groups,
                shape::show(input)
            ),
            _ => Ok(()),
        }
    }
}

impl Layer for Conv2D {
    base_accessors!();

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        self.compute_output_shape(inputs)?;
        let channels = known_size(
            "Conv2D",
            only("Conv2D", inputs)?,
            self.window.channel_axis(),
            "channel",
        )?;
        let [height, width] = self.window.size.0;
        self.args.build(
            &mut self.base,
            &[height, width, channels / self.groups, self.filters],
            cx,
        )
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.check()?;
        let input = only("Conv2D", inputs)?;
        expect_rank("Conv2D", input, 4)?;
        self.check_channels(input)?;
        Ok(vec![self.window.output("Conv2D", input, Some(self.filters))?])
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let x = cast_input(&self.base, only("Conv2D", inputs)?)?;
        let options = self.window.conv_options(self.groups);
        self.args.run(&self.base, cx, |kernel, bias, fused| {
            ops::conv2d(&x, kernel, bias, &options, fused)
        })
    }

    fn config(&self) -> Config {
        let mut config = Config::new()
            .with("filters", self.filters)
            .with("kernel_size", self.window.size.0)
            .with("strides", self.window.strides.0)
            .with("padding", self.window.padding)
            .with("data_format", self.window.data_format)
            .with("dilation_rate", self.window.dilation.0)
            .with("groups", self.groups);
        self.args.write(&mut config);
        config
    }
}
