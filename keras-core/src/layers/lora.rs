//! Low-rank adaptation: fine-tuning a large weight by two small ones.

use keras_ops::{self as ops, DType, Tensor};

use crate::config::Reader;
use crate::layer::{Build, LayerBase, Weight};
use crate::{Config, Regularizer, Result, Spec, Variable, bail};

/// A frozen weight `w` that stands for `w + alpha / rank * (a . b)`, where `a` and `b` are trained; as in Keras, a
/// rank of 0 leaves the weight what it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Lora {
    pub(super) rank: usize,
    pub(super) alpha: Option<f64>,
    weights: Option<[Variable; 2]>,
}

impl Lora {
    /// The arguments `lora_rank` and `lora_alpha`.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        Ok(Self {
            rank: reader.or_null("lora_rank", 0)?,
            alpha: reader.opt("lora_alpha")?,
            weights: None,
        })
    }

    /// Adds the arguments to a configuration, where there is a rank.
    pub(super) fn write(&self, config: &mut Config) {
        if self.rank > 0 {
            config.set("lora_rank", self.rank);
            config.set("lora_alpha", self.alpha.unwrap_or(self.rank as f64));
        }
    }

    /// Freezes `weight` and makes `a` (`STEM_a`, the weight's shape with the rank at the end) and `b` (`STEM_b`).
    pub(super) fn build(
        &mut self,
        base: &mut LayerBase,
        stem: &str,
        weight: &Variable,
        regularizer: Option<&Spec<dyn Regularizer>>,
        cx: &Build,
    ) -> Result<()> {
        if self.rank == 0 {
            return Ok(());
        }
        let Some((last, front)) = weight.shape().split_last() else {
            bail!("`lora_rank`: a weight of one number has no rank to adapt");
        };
        let mut make = |letter: &str, shape: &[usize], initializer: &str| {
            let name = format!("{stem}_{letter}");
            let weight = Weight::new(&name, shape)
                .dtype(DType::F32)
                .autocast(false)
                .initializer(initializer)
                .regularizer(regularizer.cloned());
            base.add_weight(weight, cx)
        };
        let a = make("a", &[front, &[self.rank]].concat(), "he_uniform")?;
        let b = make("b", &[self.rank, *last], "zeros")?;
        self.weights = Some([a, b]);
        weight.set_trainable(false);
        Ok(())
    }

    /// What the frozen weight stands for.
    pub(super) fn adapted(&self, frozen: &Tensor) -> Result<Tensor> {
        self.added(frozen, |a| ops::reshape(a, &[-1, self.rank as i64]))
    }

    /// `frozen`, some rows of the weight, and what the factors add to them; `rows` takes those of `a`.
    pub(super) fn added(
        &self,
        frozen: &Tensor,
        rows: impl FnOnce(&Tensor) -> ops::Result<Tensor>,
    ) -> Result<Tensor> {
        let Some([a, b]) = &self.weights else {
            return Ok(frozen.clone());
        };
        let rank = self.rank as f64;
        let change = ops::matmul(&rows(&a.value())?, &b.value())?;
        let change = ops::mul_scalar(&change, self.alpha.unwrap_or(rank) / rank)?;
        let shape: Vec<i64> = frozen.dims().iter().map(|n| *n as i64).collect();
        let change = ops::reshape(&ops::cast(&change, frozen.dtype())?, &shape)?;
        Ok(ops::add(frozen, &change)?)
    }
}
