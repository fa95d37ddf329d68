//! A graph of layers as a layer: how models nest.

use std::sync::Arc;

use keras_ops::{DType, Tensor};

use super::{Graph, Symbolic};
use crate::layer::{Build, Call, Layer, LayerBase, LayerRef, Outputs};
use crate::shape::{self, Dims};
use crate::{Config, Result, bail};

/// A model's graph, usable as a layer of another model. Made by [`Model::as_layer`](crate::Model::as_layer).
#[derive(Debug)]
pub struct Functional {
    pub(super) base: LayerBase,
    pub(crate) graph: Arc<Graph>,
    pub(crate) sequential: bool,
}

impl Functional {
    pub(crate) fn new(graph: Arc<Graph>, sequential: bool) -> Self {
        let mut base = LayerBase::default();
        base.set_auto_name(if sequential { "sequential" } else { "functional" }.to_owned());
        Self {
            base,
            graph,
            sequential,
        }
    }

    /// Another handle on the same layers.
    pub(crate) fn share(&self) -> Self {
        let mut base = LayerBase::default();
        if self.base.named() {
            base.set_name(self.base.name().to_owned());
        } else {
            base.set_auto_name(self.base.name().to_owned());
        }
        Self {
            base,
            graph: self.graph.clone(),
            sequential: self.sequential,
        }
    }
}

impl Layer for Functional {
    fn base(&self) -> &LayerBase {
        &self.base
    }

    fn base_mut(&mut self) -> &mut LayerBase {
        &mut self.base
    }

    fn class_name(&self) -> &str {
        if self.sequential {
            "Sequential"
        } else {
            "Functional"
        }
    }

    fn build(&mut self, _inputs: &[Dims], cx: &Build) -> Result<()> {
        self.graph.build(cx)
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        let graph = &self.graph;
        if inputs.len() != graph.inputs.len() {
            bail!("expected {} inputs, got {}", graph.inputs.len(), inputs.len());
        }
        for (declared, given) in graph.input_shapes.iter().zip(inputs) {
            let equal = |(d, g): (&Option<usize>, &Option<usize>)| d.is_none() || g.is_none() || d == g;
            if declared.len() != given.len() || !declared.iter().zip(given).all(equal) {
                bail!(
                    "expected an input of shape {}, got {}",
                    shape::show(declared),
                    shape::show(given)
                );
            }
        }
        Ok(graph.outputs.iter().map(|o| o.shape().to_vec()).collect())
    }

    fn call_arguments(&self) -> &'static [&'static str] {
        &["mask"]
    }

    fn compute_output_dtypes(&self, _inputs: &[DType], _count: usize) -> Vec<DType> {
        self.graph.outputs.iter().map(Symbolic::dtype).collect()
    }

    fn autocasts(&self) -> bool {
        false
    }

    fn makes_mask(&self) -> bool {
        self.graph.masked
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let outputs = self.graph.run(inputs, cx)?;
        let masks = std::mem::take(&mut cx.masks);
        cx.set_output_masks(masks);
        Ok(Outputs(outputs))
    }

    fn compute_mask(&self, _inputs: &[Tensor], _masks: &[Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![None; self.graph.outputs.len()])
    }

    fn sublayers(&self) -> Vec<LayerRef> {
        self.graph.layers.clone()
    }

    fn config(&self) -> Config {
        super::config::graph_config(self)
    }
}
