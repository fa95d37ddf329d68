//! Low-rank adapters: a small trained change to a kernel that stands still.

use keras_ops::{self as ops, DType, Tensor};

use crate::config::Reader;
use crate::layer::{Build, LayerBase, Weight};
use crate::{Config, Regularizer, Result, Spec, Variable, bail};

/// `alpha / rank · a · b` is added to the kernel.
#[derive(Clone, Debug)]
pub(super) struct Lora {
    rank: usize,
    /// The rank unless given.
    alpha: Option<f64>,
    weights: Option<[Variable; 2]>,
}

impl Lora {
    pub(super) fn new(rank: usize) -> Self {
        Self {
            rank,
            alpha: None,
            weights: None,
        }
    }

    /// Reads `lora_rank` and `lora_alpha`; the latter means nothing without the former.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Option<Self>> {
        let (rank, alpha) = (reader.opt("lora_rank")?, reader.opt("lora_alpha")?);
        Ok(rank.map(|rank| Self {
            alpha,
            ..Self::new(rank)
        }))
    }

    pub(super) fn set_alpha(&mut self, alpha: f64) {
        self.alpha = Some(alpha);
    }

    fn alpha(&self) -> f64 {
        self.alpha.unwrap_or(self.rank as f64)
    }

    pub(super) fn write(&self, config: &mut Config) {
        config.set("lora_rank", self.rank);
        config.set("lora_alpha", self.alpha());
    }

    pub(super) fn check(&self, class_name: &str, constrained: bool) -> Result<()> {
        if self.rank == 0 {
            bail!("{class_name}: `lora_rank` must be 1 or more, got 0");
        }
        if constrained {
            bail!("{class_name}: `lora_rank` does not go with `kernel_constraint`: leave one of them out");
        }
        Ok(())
    }

    /// Makes the two matrices over the kernel's last axis and freezes the kernel.
    pub(super) fn build(
        &mut self,
        base: &mut LayerBase,
        kernel: &Variable,
        regularizer: Option<&Spec<dyn Regularizer>>,
        cx: &Build,
    ) -> Result<()> {
        let (mut rows, mut columns) = (kernel.shape().to_vec(), vec![self.rank]);
        columns.extend(rows.pop());
        rows.push(self.rank);
        let mut make = |name, shape: &[usize], initializer: &str| {
            // Small changes would be lost in half precision.
            let weight = Weight::new(name, shape).dtype(DType::F32).autocast(false);
            base.add_weight(
                weight.initializer(initializer).regularizer(regularizer.cloned()),
                cx,
            )
        };
        let a = make("lora_kernel_a", &rows, "he_uniform")?;
        let b = make("lora_kernel_b", &columns, "zeros")?;
        kernel.set_trainable(false);
        self.weights = Some([a, b]);
        Ok(())
    }

    /// The kernel with the change.
    pub(super) fn merged(&self, kernel: Tensor) -> Result<Tensor> {
        let Some([a, b]) = &self.weights else {
            return Ok(kernel);
        };
        let change = ops::matmul(&a.value(), &b.value())?;
        let change = ops::mul_scalar(&change, self.alpha() / self.rank as f64)?;
        Ok(ops::add(&kernel, &ops::cast(&change, kernel.dtype())?)?)
    }
}
