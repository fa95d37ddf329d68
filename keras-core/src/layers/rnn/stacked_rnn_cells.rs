//! Cells on top of each other.

use keras_ops::{self as ops, Tensor};
use serde_json::Value;

use super::cell::{self, Draws, RnnCell, Sequence};
use super::{names, steps};
use crate::layer::{Build, Call, Layer, LayerBase, LayerRef, Outputs};
use crate::layers::base::{base_accessors, common_methods, layer_entry};
use crate::models::config::envelope;
use crate::registry;
use crate::shape::{self, Dims};
use crate::{Config, Registry, Result, bail};

/// A stack of cells as one cell: each takes the output of the one before, the last gives the output.
///
/// # Shapes
/// Its states are those of the cells, in order.
///
/// # Errors
/// When there is no cell, or a cell cannot take the output of the one before.
///
/// # Examples
/// ```
/// use keras_core::layers::{LSTMCell, RNN, StackedRNNCells};
/// use keras_core::{Apply, LayerRef, input};
/// let stack = StackedRNNCells::new([4, 2].map(|units| LayerRef::new(LSTMCell::new(units))));
/// let y = RNN::new(stack).return_state(true).apply_many(&input([10, 3]))?;
/// let sizes: Vec<_> = y.iter().map(|y| y.shape()[1]).collect();
/// assert_eq!(sizes, [Some(2), Some(4), Some(4), Some(2), Some(2)]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct StackedRNNCells {
    base: LayerBase,
    cells: Vec<LayerRef>,
}

common_methods!(StackedRNNCells);
layer_entry!(StackedRNNCells, "cells on top of each other");

const CLASS: &str = "StackedRNNCells";

impl StackedRNNCells {
    /// From the lowest to the highest.
    pub fn new(cells: impl IntoIterator<Item = LayerRef>) -> Self {
        let cells: Vec<LayerRef> = cells.into_iter().collect();
        names::give(&cells);
        Self {
            base: LayerBase::default(),
            cells,
        }
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader(CLASS);
        let base = LayerBase::from_reader(&mut reader)?;
        let cells: Vec<Value> = reader.req("cells")?;
        let cell = |cell| Ok(LayerRef::from_box(registry.layers.from_value(cell, registry)?));
        let cells = cells.iter().map(cell).collect::<Result<Vec<_>>>();
        let cells = reader.about("cells", cells)?;
        reader.finish()?;
        let stack = Self {
            base,
            ..Self::new(cells)
        };
        stack.check()?;
        Ok(stack)
    }

    fn check(&self) -> Result<()> {
        if self.cells.is_empty() {
            bail!("{CLASS}: `cells` must have at least one cell");
        }
        (0..self.cells.len()).try_for_each(|i| self.with(i, |_| Ok(())))
    }

    /// Gives `f` a cell.
    fn with<R>(&self, index: usize, f: impl FnOnce(&dyn RnnCell) -> Result<R>) -> Result<R> {
        let cell = self.cells[index].read();
        match cell.as_cell() {
            Some(cell) => f(cell),
            None => bail!(
                "{CLASS}: all `cells` must be cells, such as LSTMCell, got {}",
                cell.class_name()
            ),
        }
    }

    /// The shapes that each cell gives: its output's and its states'.
    fn shapes(&self, input: &[Option<usize>]) -> Result<Vec<Vec<Dims>>> {
        self.check()?;
        let mut input = input.to_vec();
        let shapes = |index| {
            let shapes = self.with(index, |cell| {
                cell.state_shapes(&input)?;
                cell.compute_output_shape(std::slice::from_ref(&input))
            })?;
            input.clone_from(&shapes[0]);
            Ok(shapes)
        };
        (0..self.cells.len()).map(shapes).collect()
    }

    /// Gives `f` each cell with its states and draws, in order.
    fn each(
        &self,
        states: &[Tensor],
        draws: &Draws,
        mut f: impl FnMut(usize, &dyn RnnCell, &[Tensor], &Draws) -> Result<()>,
    ) -> Result<()> {
        let (mut rest, none) = (states, Draws::default());
        for index in 0..self.cells.len() {
            self.with(index, |cell| {
                let Some((own, others)) = rest.split_at_checked(cell.state_size().len()) else {
                    bail!(
                        "{CLASS}: expected {} states, got {}",
                        self.state_size().len(),
                        states.len()
                    );
                };
                rest = others;
                f(index, cell, own, draws.cells.get(index).unwrap_or(&none))
            })?;
        }
        if !rest.is_empty() {
            bail!(
                "{CLASS}: expected {} states, got {}",
                self.state_size().len(),
                states.len()
            );
        }
        Ok(())
    }
}

impl Layer for StackedRNNCells {
    base_accessors!();

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        let mut input = only_first(inputs)?.clone();
        for (cell, shapes) in self.cells.iter().zip(self.shapes(&input)?) {
            cell.build(std::slice::from_ref(&input), cx)?;
            input = shapes.into_iter().next().unwrap_or_default();
        }
        Ok(())
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        let mut shapes = self.shapes(only_first(inputs)?)?;
        let output = shapes.last_mut().and_then(|s| s.first().cloned());
        let states = shapes.into_iter().flat_map(|s| s.into_iter().skip(1));
        Ok(output.into_iter().chain(states).collect())
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        self.check()?;
        cell::call(self, inputs, cx)
    }

    fn sublayers(&self) -> Vec<LayerRef> {
        self.cells.clone()
    }

    fn config(&self) -> Config {
        let cells: Vec<Value> = self
            .cells
            .iter()
            .map(|cell| envelope(&**cell.read(), registry::core()))
            .collect();
        Config::new().with("cells", cells)
    }

    fn call_arguments(&self) -> &'static [&'static str] {
        &["states"]
    }

    fn as_cell(&self) -> Option<&dyn RnnCell> {
        Some(self)
    }
}

fn only_first(inputs: &[Dims]) -> Result<&Dims> {
    match inputs.first() {
        Some(input) => Ok(input),
        None => bail!("{CLASS}: expected an input and the states, got nothing"),
    }
}

impl RnnCell for StackedRNNCells {
    fn state_size(&self) -> Vec<usize> {
        let sizes = |cell: &LayerRef| cell.read().as_cell().map(RnnCell::state_size).unwrap_or_default();
        self.cells.iter().flat_map(sizes).collect()
    }

    fn state_shapes(&self, input: &[Option<usize>]) -> Result<Vec<Dims>> {
        let shapes = self.shapes(input)?;
        Ok(shapes.into_iter().flat_map(|s| s.into_iter().skip(1)).collect())
    }

    fn draw(&self, input: &[usize], states: &[Tensor], cx: &Call) -> Result<Draws> {
        let shapes = self.shapes(&shape::dims_of(input))?;
        let mut cells = Vec::with_capacity(self.cells.len());
        self.each(states, &Draws::default(), |index, cell, states, _| {
            let below = index.checked_sub(1).and_then(|below| shapes[below].first());
            let known = below.map(|dims| dims.iter().map(|d| d.unwrap_or(1)).collect());
            let input = known.unwrap_or_else(|| input.to_vec());
            cells.push(cell.draw(&input, states, cx)?);
            Ok(())
        })?;
        Ok(Draws {
            cells,
            ..Draws::default()
        })
    }

    fn project(&self, inputs: &Tensor, draws: &Draws) -> Result<Tensor> {
        let none = Draws::default();
        self.with(0, |cell| {
            cell.project(inputs, draws.cells.first().unwrap_or(&none))
        })
    }

    fn step(
        &self,
        input: &Tensor,
        states: &[Tensor],
        draws: &Draws,
        cx: &mut Call,
    ) -> Result<(Tensor, Vec<Tensor>)> {
        let (mut output, mut after) = (input.clone(), Vec::with_capacity(states.len()));
        self.each(states, draws, |index, cell, states, draws| {
            if index > 0 {
                output = cell.project(&output, draws)?;
            }
            let (next, states) = cell.step(&output, states, draws, cx)?;
            output = next;
            after.extend(states);
            Ok(())
        })?;
        Ok((output, after))
    }

    /// Cell by cell, each over all steps: a step that is left out changes no state of any cell.
    fn sequence(&self, sequence: &Sequence<'_>, cx: &mut Call) -> Result<Option<(Tensor, Vec<Tensor>)>> {
        let (mut x, mut after) = (sequence.x.clone(), Vec::with_capacity(sequence.states.len()));
        let (mut mask, mut backwards) = (sequence.mask.cloned(), sequence.go_backwards);
        self.each(sequence.states, sequence.draws, |index, cell, states, draws| {
            let last = index + 1 == self.cells.len();
            let own = Sequence {
                x: &x,
                states,
                mask: mask.as_ref(),
                draws,
                go_backwards: backwards,
                return_sequences: sequence.return_sequences || !last,
                input_order: false,
                zero_output_for_mask: sequence.zero_output_for_mask && last,
            };
            let (output, states) = steps::run(cell, &own, false, cx)?;
            // What comes out is in the order of the steps.
            if std::mem::take(&mut backwards) {
                mask = mask.take().map(|mask| ops::flip(&mask, Some(&[1]))).transpose()?;
            }
            x = output;
            after.extend(states);
            Ok(())
        })?;
        if sequence.go_backwards && sequence.input_order && sequence.return_sequences {
            x = ops::flip(&x, Some(&[1]))?;
        }
        Ok(Some((x, after)))
    }

    fn output_state(&self) -> usize {
        let below = self.cells.len().saturating_sub(1);
        let sizes = |cell: &LayerRef| cell.read().as_cell().map_or(0, |cell| cell.state_size().len());
        let before: usize = self.cells[..below].iter().map(sizes).sum();
        let top = self
            .cells
            .last()
            .and_then(|cell| Some(cell.read().as_cell()?.output_state()));
        before + top.unwrap_or_default()
    }
}
