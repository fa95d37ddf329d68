//! One step of long short-term memory.

use keras_ops::{self as ops, Direction, Tensor};

use super::cell::{Draws, RnnCell, Sequence};
use super::cell_args::{CellArgs, Weights, by_gate, cell_methods, part, step_shape};
use super::gated::{self, AllAtOnce, AtOnce, cell_layer};
use crate::config::Reader;
use crate::layer::{Build, Call, Layer, LayerBase};
use crate::layers::base::{common_methods, layer_entry};
use crate::{Config, Registry, Result};

/// One step of long short-term memory: with `x kernel + h recurrent_kernel + bias` split into `i, f, g, o`,
/// `c = s(f) c + s(i) a(g)` and `h = s(o) a(c)`; `a` is the activation, `s` the recurrent one.
///
/// [`LSTM`](crate::layers::LSTM) runs it over a sequence.
///
/// # Shapes
/// Takes an input (batch, features) and states `h` and `c` (batch, units); gives the output, which is `h`, and the
/// new states. `kernel` is (features, 4 units), `recurrent_kernel` (units, 4 units), `bias` (4 units).
///
/// # Errors
/// When `units` is 0 or the input has another rank.
///
/// # Examples
/// ```
/// use keras_core::layers::{LSTMCell, RNN};
/// use keras_core::{Apply, input};
/// let y = RNN::new(LSTMCell::new(4)).return_state(true).apply_many(&input([10, 8]))?;
/// assert_eq!(y.len(), 3); // the output, h and c
/// assert_eq!(y[0].shape(), [None, Some(4)]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct LSTMCell {
    base: LayerBase,
    units: usize,
    args: CellArgs,
    pub(super) unit_forget_bias: bool,
}

common_methods!(LSTMCell);
cell_methods!(LSTMCell, recurrent_activation);
layer_entry!(LSTMCell, "one step of long short-term memory");

const GATES: usize = 4;

impl LSTMCell {
    /// With a state of `units`.
    pub fn new(units: usize) -> Self {
        let mut base = LayerBase::default();
        let args = CellArgs::new(&mut base, true);
        Self {
            base,
            units,
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

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("LSTMCell");
        let base = LayerBase::from_reader(&mut reader)?;
        let cell = Self::read(&mut reader, registry, base)?;
        reader.finish()?;
        Ok(cell)
    }

    /// Reads what is not read yet.
    pub(super) fn read(reader: &mut Reader<'_>, registry: &Registry, mut base: LayerBase) -> Result<Self> {
        let units = reader.req("units")?;
        let args = CellArgs::read(reader, registry, &mut base, true)?;
        let unit_forget_bias = reader.or("unit_forget_bias", true)?;
        let cell = Self {
            base,
            units,
            args,
            unit_forget_bias,
        };
        cell.check()?;
        Ok(cell)
    }

    pub(super) fn with_args(&mut self, change: impl FnOnce(&mut CellArgs)) {
        change(&mut self.args);
    }

    fn check(&self) -> Result<()> {
        gated::positive_units("LSTMCell", self.units)?;
        self.args.check()
    }

    fn build_weights(&mut self, features: usize, cx: &Build) -> Result<()> {
        let width = GATES * self.units;
        let shapes: [&[usize]; 3] = [&[features, width], &[self.units, width], &[width]];
        self.args.build(&mut self.base, shapes, self.unit_forget_bias, cx)
    }
}

impl Layer for LSTMCell {
    cell_layer!("LSTMCell", 2);

    fn config(&self) -> Config {
        let mut config = Config::new().with("units", self.units);
        self.args.write(&mut config);
        config.set("unit_forget_bias", self.unit_forget_bias);
        config
    }
}

impl RnnCell for LSTMCell {
    fn state_size(&self) -> Vec<usize> {
        vec![self.units; 2]
    }

    fn draw(&self, input: &[usize], states: &[Tensor], cx: &Call) -> Result<Draws> {
        gated::draw(&self.args, GATES, input, states, cx)
    }

    fn project(&self, inputs: &Tensor, draws: &Draws) -> Result<Tensor> {
        let weights = self.args.weights(&self.base)?;
        gated::project(&weights, weights.bias.as_ref(), inputs, draws, GATES)
    }

    fn step(
        &self,
        input: &Tensor,
        states: &[Tensor],
        draws: &Draws,
        _cx: &mut Call,
    ) -> Result<(Tensor, Vec<Tensor>)> {
        let Weights { recurrent, .. } = self.args.weights(&self.base)?;
        let [h, c] = gated::states("LSTMCell", states)?;
        let (act, gate) = (self.args.activation.get()?, self.args.gate()?);
        let by_h = by_gate(h, &draws.states, -1, |h, g| {
            Ok(ops::matmul(h, &part(&recurrent, g, GATES)?)?)
        })?;
        let (h, c) = gated::lstm_step(&ops::add(input, &by_h)?, c, -1, &*act, &*gate)?;
        Ok((h.clone(), vec![h, c]))
    }

    fn sequence(&self, sequence: &Sequence<'_>, _cx: &mut Call) -> Result<Option<(Tensor, Vec<Tensor>)>> {
        let Some(run) = self.at_once(sequence)? else {
            return Ok(None);
        };
        let [h, c] = gated::states("LSTMCell", sequence.states)?;
        let Weights {
            kernel,
            recurrent,
            bias,
        } = &run.weights;
        let options = run.options(sequence);
        let (y, states) = ops::lstm(
            sequence.x,
            Some([h, c]),
            kernel,
            recurrent,
            bias.as_ref(),
            &options,
        )?;
        Ok(Some((y, states.into())))
    }
}

impl AllAtOnce for LSTMCell {
    fn args(&self) -> &CellArgs {
        &self.args
    }

    fn at_once(&self, sequence: &Sequence<'_>) -> Result<Option<AtOnce>> {
        gated::at_once(&self.args, &self.base, sequence)
    }

    fn side_by_side(x: &Tensor, directions: [&Direction<'_>; 2]) -> Result<[(Tensor, Vec<Tensor>); 2]> {
        let both = ops::bidirectional_lstm(x, directions)?;
        Ok(both.map(|(y, states)| (y, states.into())))
    }
}
