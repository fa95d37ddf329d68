//! One pass through a model's layers.

use keras_ops::{Joiner, Tensor};
use smallvec::SmallVec;

use super::graph::{Graph, Step};
use crate::layer::{Call, Layer, Tensors};
use crate::{Error, Result, ResultExt, bail};

impl Graph {
    /// Runs the layers on data whose shapes have been checked.
    pub(crate) fn run(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Tensors> {
        let (arguments, sink) = (std::mem::take(&mut cx.arguments), cx.sink.take());
        let mut pass = Pass::new(self, inputs, cx, sink);
        let ran = pass.steps(cx);
        (cx.arguments, cx.sink) = (arguments, pass.sink.take());
        ran?;
        pass.outputs(cx)
    }
}

/// What is known between steps.
struct Pass<'a> {
    graph: &'a Graph,
    slots: SmallVec<[Option<Tensor>; 16]>,
    /// One for each slot, or none at all where nothing is masked.
    masks: Vec<Option<Tensor>>,
    /// What [`Call::training`] says, but for steps that say otherwise.
    training: bool,
    /// Where the only output may go in parts, and whether it went.
    sink: Option<Joiner>,
    sunk: bool,
}

type Read = SmallVec<[Tensor; 2]>;

impl<'a> Pass<'a> {
    fn new(graph: &'a Graph, inputs: &[Tensor], cx: &Call, sink: Option<Joiner>) -> Self {
        let mut slots = SmallVec::from_elem(None, graph.slots);
        let mut masks = if graph.masked || cx.masks.iter().any(Option::is_some) {
            vec![None; graph.slots]
        } else {
            Vec::new()
        };
        for (i, (slot, tensor)) in graph.input_slots.iter().zip(inputs).enumerate() {
            slots[*slot] = Some(tensor.clone());
            if let (Some(to), Some(mask)) = (masks.get_mut(*slot), cx.masks.get(i)) {
                to.clone_from(mask);
            }
        }
        Self {
            graph,
            slots,
            masks,
            training: cx.training,
            sink,
            sunk: false,
        }
    }

    fn steps(&mut self, cx: &mut Call) -> Result<()> {
        let mut steps = self.graph.steps.iter().peekable();
        while let Some(step) = steps.next() {
            let read: Option<Read> = step.inputs.iter().map(|s| self.slots[*s].clone()).collect();
            let Some(read) = read else {
                bail!("model graph: a layer ran before its input")
            };
            let layer = step.layer.read();
            let next = steps.peek().copied();
            let joined = self
                .step(step, &**layer, next, &read, cx)
                .context(|| format!("layer `{}`", layer.base().name()))?;
            for slot in &step.free {
                self.slots[*slot] = None;
            }
            if joined {
                steps.next();
            }
        }
        Ok(())
    }

    /// Runs one step, and says whether the next one ran with it.
    fn step(
        &mut self,
        step: &Step,
        layer: &dyn Layer,
        next: Option<&Step>,
        read: &[Tensor],
        cx: &mut Call,
    ) -> Result<bool> {
        let plain = self.masks.is_empty();
        match next {
            None if plain && self.in_parts(step, layer, read, cx)? => Ok(false),
            Some(next) if plain && step.followed && !cx.eager && self.joined(layer, next, read, cx)? => {
                Ok(true)
            }
            _ => self.alone(step, layer, read, cx).map(|()| false),
        }
    }

    fn alone(&mut self, step: &Step, layer: &dyn Layer, read: &[Tensor], cx: &mut Call) -> Result<()> {
        cx.masks.clear();
        if !self.masks.is_empty() {
            let positional = step.arguments.positional(&step.inputs);
            // A `mask` that is given stands for all of them, where it has none as well.
            let of_input = |s: &usize| self.masks[*s].clone().filter(|_| !step.arguments.has("mask"));
            cx.masks.extend(positional.iter().map(of_input));
            for (mask, slot) in cx.masks.iter_mut().zip(&step.mask_slots) {
                if let Some(given) = slot.and_then(|s| self.slots[s].as_ref()) {
                    *mask = Some(given.clone());
                }
            }
        }
        cx.arguments.clone_from(&step.arguments);
        if let (Some(own), false) = (step.training, cx.said) {
            cx.training = own;
        }
        let outputs = cx.run_told(layer, read, step.arguments.tells_masks(layer));
        cx.training = self.training;
        let outputs = outputs?;
        if outputs.len() != step.outputs.len() {
            bail!(
                "compute_output_shape promised {} outputs, call gave {}",
                step.outputs.len(),
                outputs.len()
            );
        }
        let made = cx.take_output_masks();
        if !self.masks.is_empty() {
            if layer.takes_masks_off() {
                let read = step.arguments.positional(&step.inputs);
                read.iter().for_each(|slot| self.masks[*slot] = None);
            }
            for (slot, mask) in step.outputs.iter().zip(made) {
                self.masks[*slot] = mask;
            }
        }
        for (slot, tensor) in step.outputs.iter().zip(outputs) {
            self.slots[*slot] = Some(tensor);
        }
        Ok(())
    }

    /// Runs a layer and the next one in one pass, where they can.
    fn joined(&mut self, layer: &dyn Layer, next: &Step, read: &[Tensor], cx: &mut Call) -> Result<bool> {
        let after = next.layer.read();
        if !layer.joins(&**after) {
            return Ok(false);
        }
        let outputs = cx.run_with_next(layer, &**after, read)?;
        self.slots[next.outputs[0]] = outputs.into_iter().next();
        for slot in &next.free {
            self.slots[*slot] = None;
        }
        Ok(true)
    }

    /// Runs the last layer on some samples at a time, where its output is the only one and large.
    fn in_parts(&mut self, step: &Step, layer: &dyn Layer, read: &[Tensor], cx: &mut Call) -> Result<bool> {
        // Elements of a part: what the caches hold.
        const PART: usize = 1 << 20;
        let plain = step.arguments.is_empty() && self.graph.output_slots == *step.outputs;
        let (Some(sink), [input], [shape], true) = (&mut self.sink, read, step.shapes.as_slice(), plain)
        else {
            return Ok(false);
        };
        let dims = input.dims().iter();
        let mut sizes = shape.iter().zip(dims).map(|(size, here)| size.unwrap_or(*here));
        let (batch, sample) = (sizes.next().unwrap_or(0), sizes.product::<usize>());
        if batch.saturating_mul(sample) < 4 * PART || !layer.takes_parts() {
            return Ok(false);
        }
        let samples = (PART / sample).max(1);
        for first in (0..batch).step_by(samples) {
            let part = input.narrow(0, first, samples.min(batch - first))?;
            cx.masks.clear();
            cx.arguments.clone_from(&step.arguments);
            for output in cx.run(layer, &[part])? {
                sink.push(&output)?;
            }
        }
        self.sunk = true;
        Ok(true)
    }

    /// The outputs, and their masks in `cx`; none where they went elsewhere.
    fn outputs(self, cx: &mut Call) -> Result<Tensors> {
        cx.masks.clear();
        if self.sunk {
            return Ok(Tensors::new());
        }
        let slots = &self.graph.output_slots;
        if !self.masks.is_empty() {
            cx.masks.extend(slots.iter().map(|s| self.masks[*s].clone()));
        }
        let outputs: Option<Tensors> = slots.iter().map(|s| self.slots[*s].clone()).collect();
        outputs.ok_or_else(|| Error::invalid("model graph: an output was not computed"))
    }
}
