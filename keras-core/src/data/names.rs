use keras_ops::{DType, Device, Tensor};

use super::Arrays;
use crate::{Result, bail};

/// What a model calls its inputs and outputs, and which outputs a loss or metric compares with targets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<String>,
    /// For each output; empty where nothing is compared.
    pub(crate) taught: Vec<bool>,
}

impl Names {
    pub(super) fn any_taught(&self) -> bool {
        self.taught.contains(&true)
    }

    fn is_taught(&self, output: usize) -> bool {
        self.taught.get(output).copied().unwrap_or(false)
    }

    /// Targets or weights, one for each output: all are given, or those of the outputs that need them.
    pub(super) fn targets(&self, what: &str, given: &Arrays, len: usize) -> Result<Vec<Tensor>> {
        let needed = self
            .outputs
            .iter()
            .enumerate()
            .filter(|(i, _)| self.is_taught(*i));
        let needed: Vec<String> = needed.map(|(_, name)| name.clone()).collect();
        let named = given.0.iter().any(|(name, _)| name.is_some());
        let all = given.0.len() == self.outputs.len();
        if all || needed.is_empty() || (!named && given.0.len() != needed.len()) {
            return given.in_order(what, &self.outputs);
        }
        given.check_names(what, &self.outputs)?;
        // Of the outputs that need none, some may be given still.
        let wanted: Vec<String> = match named {
            true => {
                let known = |name: &&String| needed.contains(name) || given.has(name);
                self.outputs.iter().filter(known).cloned().collect()
            }
            false => needed,
        };
        let mut tensors = given.in_order(what, &wanted)?.into_iter();
        let spread = self.outputs.iter().map(|name| match wanted.contains(name) {
            true => Ok(tensors.next()),
            false => Tensor::zeros((len, 0), DType::F32, &Device::Cpu).map(Some),
        });
        match spread.collect::<keras_ops::Result<Option<Vec<_>>>>()? {
            Some(tensors) => Ok(tensors),
            None => bail!("{what}: each of {} must be given once", wanted.join(", ")),
        }
    }
}
