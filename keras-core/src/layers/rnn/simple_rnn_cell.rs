//! One step of the plain recurrent layer.

use keras_ops::{self as ops, Direction, Tensor};

use super::cell::{Draws, RnnCell, Sequence};
use super::cell_args::{CellArgs, Weights, by_gate, cell_methods, step_shape};
use super::gated::{self, AllAtOnce, AtOnce, cell_layer};
use crate::config::Reader;
use crate::layer::{Build, Call, Layer, LayerBase};
use crate::layers::base::{common_methods, layer_entry};
use crate::{Config, Registry, Result};

/// One step of the plain recurrent layer: `h = activation(x kernel + h recurrent_kernel + bias)`.
///
/// [`SimpleRNN`](crate::layers::SimpleRNN) runs it over a sequence.
///
/// # Shapes
/// Takes an input (batch, features) and a state (batch, units); gives the output and the new state, which are the
/// same. `kernel` is (features, units), `recurrent_kernel` (units, units), `bias` (units).
///
/// # Errors
/// When `units` is 0 or the input has another rank.
///
/// # Examples
/// ```
/// use keras_core::layer::{Build, Call};
/// use keras_core::{LayerRef, layers::SimpleRNNCell};
/// use keras_ops::{Device, Tensor};
/// let cell = SimpleRNNCell::new(1).activation("linear").kernel_initializer("ones").recurrent_initializer("ones");
/// let cell = LayerRef::new(cell);
/// cell.build(&[vec![None, Some(2)]], &Build::new(&Device::Cpu))?;
/// let (x, h) = (Tensor::new(&[[1f32, 2.]], &Device::Cpu)?, Tensor::new(&[[10f32]], &Device::Cpu)?);
/// let outputs = cell.read().call(&[x, h], &mut Call::new(false))?;
/// assert_eq!(outputs.0[1].to_vec2::<f32>()?, [[13.]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct SimpleRNNCell {
    base: LayerBase,
    units: usize,
    args: CellArgs,
}

common_methods!(SimpleRNNCell);
cell_methods!(SimpleRNNCell,);
layer_entry!(SimpleRNNCell, "one step of the plain recurrent layer");

impl SimpleRNNCell {
    /// With a state of `units`.
    pub fn new(units: usize) -> Self {
        let mut base = LayerBase::default();
        let args = CellArgs::new(&mut base, false);
        Self { base, units, args }
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("SimpleRNNCell");
        let base = LayerBase::from_reader(&mut reader)?;
        let cell = Self::read(&mut reader, registry, base)?;
        reader.finish()?;
        Ok(cell)
    }

    /// Reads what is not read yet.
    pub(super) fn read(reader: &mut Reader<'_>, registry: &Registry, mut base: LayerBase) -> Result<Self> {
        let units = reader.req("units")?;
        let args = CellArgs::read(reader, registry, &mut base, false)?;
        let cell = Self { base, units, args };
        cell.check()?;
        Ok(cell)
    }

    pub(super) fn with_args(&mut self, change: impl FnOnce(&mut CellArgs)) {
        change(&mut self.args);
    }

    fn check(&self) -> Result<()> {
        gated::positive_units("SimpleRNNCell", self.units)?;
        self.args.check()
    }

    fn build_weights(&mut self, features: usize, cx: &Build) -> Result<()> {
        let units = self.units;
        let shapes: [&[usize]; 3] = [&[features, units], &[units, units], &[units]];
        self.args.build(&mut self.base, shapes, false, cx)
    }
}

impl Layer for SimpleRNNCell {
    cell_layer!("SimpleRNNCell", 1);

    fn config(&self) -> Config {
        let mut config = Config::new().with("units", self.units);
        self.args.write(&mut config);
        config
    }
}

impl RnnCell for SimpleRNNCell {
    fn state_size(&self) -> Vec<usize> {
        vec![self.units; 1]
    }

    fn draw(&self, input: &[usize], states: &[Tensor], cx: &Call) -> Result<Draws> {
        gated::draw(&self.args, 1, input, states, cx)
    }

    fn project(&self, inputs: &Tensor, draws: &Draws) -> Result<Tensor> {
        let weights = self.args.weights(&self.base)?;
        gated::project(&weights, weights.bias.as_ref(), inputs, draws, 1)
    }

    fn step(
        &self,
        input: &Tensor,
        states: &[Tensor],
        draws: &Draws,
        _cx: &mut Call,
    ) -> Result<(Tensor, Vec<Tensor>)> {
        let Weights { recurrent, .. } = self.args.weights(&self.base)?;
        let [h] = gated::states("SimpleRNNCell", states)?;
        let by_h = by_gate(h, &draws.states, -1, |h, _| Ok(ops::matmul(h, &recurrent)?))?;
        let h = self.args.activation.get()?.call(&ops::add(input, &by_h)?)?;
        Ok((h.clone(), vec![h]))
    }

    fn sequence(&self, sequence: &Sequence<'_>, _cx: &mut Call) -> Result<Option<(Tensor, Vec<Tensor>)>> {
        let Some(run) = self.at_once(sequence)? else {
            return Ok(None);
        };
        let [h] = gated::states("SimpleRNNCell", sequence.states)?;
        let Weights {
            kernel,
            recurrent,
            bias,
        } = &run.weights;
        let options = run.options(sequence);
        let (y, h) = ops::simple_rnn(sequence.x, Some(h), kernel, recurrent, bias.as_ref(), &options)?;
        Ok(Some((y, vec![h])))
    }
}

impl AllAtOnce for SimpleRNNCell {
    fn args(&self) -> &CellArgs {
        &self.args
    }

    fn at_once(&self, sequence: &Sequence<'_>) -> Result<Option<AtOnce>> {
        gated::at_once(&self.args, &self.base, sequence)
    }

    fn side_by_side(x: &Tensor, directions: [&Direction<'_>; 2]) -> Result<[(Tensor, Vec<Tensor>); 2]> {
        let both = ops::bidirectional_simple_rnn(x, directions)?;
        Ok(both.map(|(y, states)| (y, vec![states])))
    }
}
