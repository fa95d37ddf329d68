//! One step of the gated recurrent unit.

use keras_ops::{self as ops, Direction, RecurrentOptions, Tensor};

use super::cell::{Draws, RnnCell, Sequence};
use super::cell_args::{CellArgs, Weights, by_gate, cell_methods, part, step_shape};
use super::gated::{self, AllAtOnce, AtOnce, cell_layer};
use crate::config::Reader;
use crate::layer::{Build, Call, Layer, LayerBase};
use crate::layers::base::{common_methods, layer_entry};
use crate::{Config, Registry, Result};

/// One step of the gated recurrent unit: the gates `z` and `r` are `s(x kernel + h recurrent_kernel + bias)` by
/// their columns (in the order z, r, candidate), and `h = z h + (1 - z) a(candidate)`; `a` is the activation, `s`
/// the recurrent one.
///
/// The candidate is `x W + b + r (h U + c)` with `reset_after` (the default), `x W + b + (r h) U` without.
/// [`GRU`](crate::layers::GRU) runs it over a sequence.
///
/// # Shapes
/// Takes an input (batch, features) and a state (batch, units); gives the output and the new state, which are the
/// same. `kernel` is (features, 3 units), `recurrent_kernel` (units, 3 units), `bias` (2, 3 units) with
/// `reset_after`, (3 units) without.
///
/// # Errors
/// When `units` is 0 or the input has another rank.
///
/// # Examples
/// ```
/// use keras_core::layer::{Build, Call};
/// use keras_core::{LayerRef, layers::GRUCell};
/// use keras_ops::{DType, Device, Tensor};
/// let cell = LayerRef::new(GRUCell::new(1).kernel_initializer("zeros").recurrent_initializer("zeros"));
/// cell.build(&[vec![None, Some(2)]], &Build::new(&Device::Cpu))?;
/// let (x, h) = (Tensor::zeros((1, 2), DType::F32, &Device::Cpu)?, Tensor::new(&[[10f32]], &Device::Cpu)?);
/// let outputs = cell.read().call(&[x, h], &mut Call::new(false))?;
/// assert_eq!(outputs.0[0].to_vec2::<f32>()?, [[5.]]); // z is 1/2, the candidate 0
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct GRUCell {
    base: LayerBase,
    units: usize,
    args: CellArgs,
    pub(super) reset_after: bool,
}

common_methods!(GRUCell);
cell_methods!(GRUCell, recurrent_activation);
layer_entry!(GRUCell, "one step of the gated recurrent unit");

const GATES: usize = 3;

impl GRUCell {
    /// With a state of `units`.
    pub fn new(units: usize) -> Self {
        let mut base = LayerBase::default();
        let args = CellArgs::new(&mut base, true);
        Self {
            base,
            units,
            args,
            reset_after: true,
        }
    }

    /// Whether the reset gate is applied after the recurrent product, which then has a bias of its own.
    #[must_use]
    pub fn reset_after(mut self, reset_after: bool) -> Self {
        self.reset_after = reset_after;
        self
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("GRUCell");
        let base = LayerBase::from_reader(&mut reader)?;
        let cell = Self::read(&mut reader, registry, base)?;
        reader.finish()?;
        Ok(cell)
    }

    /// Reads what is not read yet.
    pub(super) fn read(reader: &mut Reader<'_>, registry: &Registry, mut base: LayerBase) -> Result<Self> {
        let units = reader.req("units")?;
        let args = CellArgs::read(reader, registry, &mut base, true)?;
        let reset_after = reader.or("reset_after", true)?;
        let cell = Self {
            base,
            units,
            args,
            reset_after,
        };
        cell.check()?;
        Ok(cell)
    }

    pub(super) fn with_args(&mut self, change: impl FnOnce(&mut CellArgs)) {
        change(&mut self.args);
    }

    fn check(&self) -> Result<()> {
        gated::positive_units("GRUCell", self.units)?;
        self.args.check()
    }

    fn build_weights(&mut self, features: usize, cx: &Build) -> Result<()> {
        let width = GATES * self.units;
        let bias: &[usize] = if self.reset_after { &[2, width] } else { &[width] };
        let shapes: [&[usize]; 3] = [&[features, width], &[self.units, width], bias];
        self.args.build(&mut self.base, shapes, false, cx)
    }

    /// The biases of the input's part and of the state's.
    fn biases(&self, bias: Option<&Tensor>) -> Result<[Option<Tensor>; 2]> {
        let Some(bias) = bias else {
            return Ok([None, None]);
        };
        if !self.reset_after {
            return Ok([Some(bias.clone()), None]);
        }
        let row = |i| ops::squeeze(&ops::narrow(bias, 0, i, 1)?, Some(&[0]));
        Ok([Some(row(0)?), Some(row(1)?)])
    }
}

impl Layer for GRUCell {
    cell_layer!("GRUCell", 1);

    fn config(&self) -> Config {
        let mut config = Config::new().with("units", self.units);
        self.args.write(&mut config);
        config.set("reset_after", self.reset_after);
        config
    }
}

impl RnnCell for GRUCell {
    fn state_size(&self) -> Vec<usize> {
        vec![self.units; 1]
    }

    fn draw(&self, input: &[usize], states: &[Tensor], cx: &Call) -> Result<Draws> {
        gated::draw(&self.args, GATES, input, states, cx)
    }

    fn project(&self, inputs: &Tensor, draws: &Draws) -> Result<Tensor> {
        let weights = self.args.weights(&self.base)?;
        let [bias, _] = self.biases(weights.bias.as_ref())?;
        gated::project(&weights, bias.as_ref(), inputs, draws, GATES)
    }

    fn step(
        &self,
        input: &Tensor,
        states: &[Tensor],
        draws: &Draws,
        _cx: &mut Call,
    ) -> Result<(Tensor, Vec<Tensor>)> {
        let Weights { recurrent, bias, .. } = self.args.weights(&self.base)?;
        let [_, bias] = self.biases(bias.as_ref())?;
        let [h] = gated::states("GRUCell", states)?;
        let (act, gate) = (self.args.activation.get()?, self.args.gate()?);
        let dropped = |of: usize| match draws.states.get(of) {
            Some(mask) => ops::multiply(h, mask),
            None => Ok(h.clone()),
        };
        // With `reset_after` the state's part of all three; without, of the gates.
        let parts = if self.reset_after { GATES } else { GATES - 1 };
        let columns = ops::narrow(&recurrent, -1, 0, parts * self.units)?;
        let masks = &draws.states[..draws.states.len().min(parts)];
        let mut by_h = by_gate(h, masks, -1, |h, g| {
            Ok(ops::matmul(h, &part(&columns, g, parts)?)?)
        })?;
        if let Some(bias) = &bias {
            by_h = ops::add(&by_h, bias)?;
        }
        let of = |x: &Tensor, i: usize| ops::narrow(x, -1, i * self.units, self.units);
        let gated = |i: usize| gate.call(&ops::add(&of(input, i)?, &of(&by_h, i)?)?);
        let (z, r) = (gated(0)?, gated(1)?);
        let inner = if self.reset_after {
            ops::multiply(&r, &of(&by_h, 2)?)?
        } else {
            ops::matmul(&ops::multiply(&r, &dropped(2)?)?, &of(&recurrent, 2)?)?
        };
        let candidate = act.call(&ops::add(&of(input, 2)?, &inner)?)?;
        // z h + (1 - z) candidate
        let h = ops::add(&candidate, &ops::multiply(&z, &ops::subtract(h, &candidate)?)?)?;
        Ok((h.clone(), vec![h]))
    }

    fn sequence(&self, sequence: &Sequence<'_>, _cx: &mut Call) -> Result<Option<(Tensor, Vec<Tensor>)>> {
        let Some(run) = self.at_once(sequence)? else {
            return Ok(None);
        };
        let [h] = gated::states("GRUCell", sequence.states)?;
        let Weights {
            kernel,
            recurrent,
            bias,
        } = &run.weights;
        let options = RecurrentOptions {
            reset_after: self.reset_after,
            ..run.options(sequence)
        };
        let (y, h) = ops::gru(sequence.x, Some(h), kernel, recurrent, bias.as_ref(), &options)?;
        Ok(Some((y, vec![h])))
    }
}

impl AllAtOnce for GRUCell {
    fn args(&self) -> &CellArgs {
        &self.args
    }

    fn at_once(&self, sequence: &Sequence<'_>) -> Result<Option<AtOnce>> {
        gated::at_once(&self.args, &self.base, sequence)
    }

    fn direction<'a>(&self, run: &'a AtOnce, sequence: &Sequence<'a>) -> Direction<'a> {
        let options = RecurrentOptions {
            reset_after: self.reset_after,
            ..run.options(sequence)
        };
        Direction {
            options,
            ..gated::direction(run, sequence)
        }
    }

    fn side_by_side(x: &Tensor, directions: [&Direction<'_>; 2]) -> Result<[(Tensor, Vec<Tensor>); 2]> {
        let both = ops::bidirectional_gru(x, directions)?;
        Ok(both.map(|(y, states)| (y, vec![states])))
    }
}
