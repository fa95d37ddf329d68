//! One step of long short-term memory of images.

use keras_ops::{self as ops, ConvArgs, FusedActivation, Padding, Tensor};

use super::cell::{self, Draws, RnnCell};
use super::cell_args::{CellArgs, by_gate, cell_methods, in_training, part};
use super::gated;
use crate::config::Reader;
use crate::layer::{Build, Call, Layer, LayerBase, Outputs};
use crate::layers::base::{base_accessors, common_methods, expect_rank, known_size};
use crate::layers::window::Window;
use crate::layers::{DataFormat, Size};
use crate::shape::{self, Dims};
use crate::{Config, Entry, Registry, Result, bail};

/// One step of long short-term memory over `N` spatial axes: as [`LSTMCell`](crate::layers::LSTMCell), with
/// convolutions in place of the products. [`ConvLSTM2D`](crate::layers::ConvLSTM2D) and its siblings run it over a
/// sequence.
///
/// # Shapes
/// Takes an input (batch, spatial axes, channels) and states `h` and `c` (batch, new spatial axes, filters); gives the
/// output, which is `h`, and the new states. `kernel` is (sizes, channels, 4 filters), `recurrent_kernel` (sizes,
/// filters, 4 filters), `bias` (4 filters). The convolution of the state has padding "same" and moves by single steps.
///
/// # Errors
/// When `filters` or a size is 0, the window does not fit, the input has another rank, or its spatial axes or channels
/// are not known.
///
/// # Examples
/// ```
/// use keras_core::layers::{ConvLSTMCell, RNN};
/// use keras_core::{Apply, input};
/// let y = RNN::new(ConvLSTMCell::<2>::new(4, 3)).apply(&input([5, 8, 8, 1]))?;
/// assert_eq!(y.shape(), [None, Some(6), Some(6), Some(4)]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct ConvLSTMCell<const N: usize> {
    base: LayerBase,
    filters: usize,
    window: Window<N>,
    args: CellArgs,
    pub(super) unit_forget_bias: bool,
}

const CLASS: &str = "ConvLSTMCell";
const GATES: usize = 4;

/// Of the class that Keras does not export; the number of sizes tells the number of axes.
pub(super) const ENTRY: Entry<dyn Layer> = Entry {
    class_name: CLASS,
    module: "keras.src.layers.rnn.conv_lstm",
    aliases: &[],
    doc: "one step of long short-term memory of images",
    build: |config, registry| {
        let sizes = config.get("kernel_size").and_then(serde_json::Value::as_array);
        match sizes.map(Vec::len) {
            Some(1) => Ok(Box::new(ConvLSTMCell::<1>::from_config(config, registry)?)),
            Some(2) => Ok(Box::new(ConvLSTMCell::<2>::from_config(config, registry)?)),
            Some(3) => Ok(Box::new(ConvLSTMCell::<3>::from_config(config, registry)?)),
            _ => bail!(
                "{CLASS}: `kernel_size` must be a list of one to three sizes, got {}",
                config.get("kernel_size").unwrap_or(&serde_json::Value::Null)
            ),
        }
    },
};

common_methods!([const N: usize] ConvLSTMCell<N>);
cell_methods!([const N: usize] ConvLSTMCell<N>, recurrent_activation);

impl<const N: usize> ConvLSTMCell<N> {
    /// With a state of `filters` channels and a window of `kernel_size`.
    pub fn new(filters: usize, kernel_size: impl Into<Size<N>>) -> Self {
        let mut base = LayerBase::default();
        let args = CellArgs::new(&mut base, true);
        Self {
            base,
            filters,
            window: Window::new(kernel_size.into()),
            args,
            unit_forget_bias: true,
        }
    }

    /// Whether the bias of the forget gate begins at 1.
    #[must_use]
    pub fn unit_forget_bias(mut self, unit_forget_bias: bool) -> Self {
        self.unit_forget_bias = unit_forget_bias;
        self
    }

    /// How far the window of the inputs moves; 1 unless given.
    #[must_use]
    pub fn strides(mut self, strides: impl Into<Size<N>>) -> Self {
        self.window.strides = strides.into();
        self
    }

    /// How the border of the inputs is treated; [`Padding::Valid`] unless given.
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

    /// The distance between the elements of the window of the inputs; 1 unless given.
    #[must_use]
    pub fn dilation_rate(mut self, dilation_rate: impl Into<Size<N>>) -> Self {
        self.window.dilation = dilation_rate.into();
        self
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader(CLASS);
        let base = LayerBase::from_reader(&mut reader)?;
        let cell = Self::read(&mut reader, registry, base)?;
        reader.finish()?;
        Ok(cell)
    }

    /// Reads what is not read yet.
    pub(super) fn read(reader: &mut Reader<'_>, registry: &Registry, mut base: LayerBase) -> Result<Self> {
        let filters = reader.req("filters")?;
        let window = Window::read_conv(reader)?;
        let args = CellArgs::read(reader, registry, &mut base, true)?;
        let cell = Self {
            base,
            filters,
            window,
            args,
            unit_forget_bias: reader.or("unit_forget_bias", true)?,
        };
        cell.check()?;
        Ok(cell)
    }

    pub(super) fn with_args(&mut self, change: impl FnOnce(&mut CellArgs)) {
        change(&mut self.args);
    }

    pub(super) fn with_window(&mut self, change: impl FnOnce(&mut Window<N>)) {
        change(&mut self.window);
    }

    fn check(&self) -> Result<()> {
        if self.filters == 0 {
            bail!("{CLASS}: `filters` must be 1 or more, got 0");
        }
        self.window.check(CLASS, "kernel_size")?;
        self.window.check_one_above_1(CLASS)?;
        self.args.check()
    }

    /// Where the channels are, counted from the end: with an axis of time in front or without.
    fn channels_from_end(&self) -> i64 {
        self.window.channel_axis() as i64 - (N as i64 + 2)
    }

    /// A convolution of a step, or of all steps of a sequence as one batch.
    fn convolve(
        &self,
        x: &Tensor,
        kernel: &Tensor,
        bias: Option<&Tensor>,
        args: &ConvArgs,
    ) -> Result<Tensor> {
        let conv = |x: &Tensor| ops::conv(x, kernel, bias, args, FusedActivation::Linear);
        if x.rank() <= N + 2 {
            return Ok(conv(x)?);
        }
        let join = |first: &[usize], rest: &[usize]| -> Vec<i64> {
            first.iter().chain(rest).map(|size| *size as i64).collect()
        };
        let (outer, inner) = x.dims().split_at(2);
        let y = conv(&ops::reshape(x, &join(&[outer.iter().product()], inner))?)?;
        Ok(ops::reshape(&y, &join(outer, &y.dims()[1..]))?)
    }
}

impl<const N: usize> Layer for ConvLSTMCell<N> {
    base_accessors!();

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        self.compute_output_shape(inputs)?;
        let Some(input) = inputs.first() else {
            return Ok(());
        };
        let channels = known_size(CLASS, input, self.window.channel_axis(), "channel")?;
        if input[1..].iter().any(Option::is_none) {
            bail!(
                "{CLASS}: the sizes of the spatial axes must be known, got {}",
                shape::show(input)
            );
        }
        let width = GATES * self.filters;
        let kernel = [&self.window.size.0[..], &[channels, width]].concat();
        let recurrent = [&self.window.size.0[..], &[self.filters, width]].concat();
        let shapes: [&[usize]; 3] = [&kernel, &recurrent, &[width]];
        self.args.build(&mut self.base, shapes, self.unit_forget_bias, cx)
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.check()?;
        let Some(input) = inputs.first() else {
            bail!("{CLASS}: expected an input and the states, got nothing");
        };
        expect_rank(CLASS, input, N + 2)?;
        Ok(vec![self.window.output(CLASS, input, Some(self.filters))?; 3])
    }

    fn call_arguments(&self) -> &'static [&'static str] {
        &["states"]
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        cell::call(self, inputs, cx)
    }

    fn as_cell(&self) -> Option<&dyn RnnCell> {
        Some(self)
    }

    fn config(&self) -> Config {
        let mut config = Config::new().with("filters", self.filters);
        self.window.write_conv(&mut config);
        self.args.write(&mut config);
        config.set("unit_forget_bias", self.unit_forget_bias);
        config
    }
}

impl<const N: usize> RnnCell for ConvLSTMCell<N> {
    fn state_size(&self) -> Vec<usize> {
        vec![self.filters; 2]
    }

    fn state_shapes(&self, input: &[Option<usize>]) -> Result<Vec<Dims>> {
        let mut shapes = self.compute_output_shape(&[input.to_vec()])?;
        shapes.remove(0);
        Ok(shapes)
    }

    fn draw(&self, input: &[usize], states: &[Tensor], cx: &Call) -> Result<Draws> {
        let [h, _] = gated::states(CLASS, states)?;
        in_training(cx, || {
            self.args
                .draw([input, h.dims()], [GATES; 2], h.dtype(), h.device())
        })
    }

    fn project(&self, inputs: &Tensor, draws: &Draws) -> Result<Tensor> {
        let weights = self.args.weights(&self.base)?;
        let args = self.window.conv_args();
        by_gate(inputs, &draws.inputs, self.channels_from_end(), |x, gate| {
            let bias = weights.bias.as_ref();
            let bias = bias.map(|bias| part(bias, gate, GATES)).transpose()?;
            self.convolve(x, &part(&weights.kernel, gate, GATES)?, bias.as_ref(), &args)
        })
    }

    fn step(
        &self,
        input: &Tensor,
        states: &[Tensor],
        draws: &Draws,
        _cx: &mut Call,
    ) -> Result<(Tensor, Vec<Tensor>)> {
        let [h, c] = gated::states(CLASS, states)?;
        let (act, gate) = (self.args.activation.get()?, self.args.gate()?);
        let recurrent = self.args.weights(&self.base)?.recurrent;
        let args = ConvArgs {
            padding: Padding::Same,
            channels_first: self.window.conv_args().channels_first,
            ..ConvArgs::default()
        };
        let axis = self.channels_from_end();
        let by_h = by_gate(h, &draws.states, axis, |h, gate| {
            self.convolve(h, &part(&recurrent, gate, GATES)?, None, &args)
        })?;
        let (h, c) = gated::lstm_step(&ops::add(input, &by_h)?, c, axis, &*act, &*gate)?;
        Ok((h.clone(), vec![h, c]))
    }
}
