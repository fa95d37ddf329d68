//! The parts of a transformer.

use keras::layer::{Call, LayerBase, Outputs};
use keras::prelude::*;
use keras::{Result, bail};

/// A vector for each number of a sequence plus one for its place: a layer made of two others.
#[derive(Debug)]
pub struct TokenAndPosition {
    base: LayerBase,
    tokens: LayerRef,
    positions: LayerRef,
}

impl TokenAndPosition {
    /// For sequences of up to `length` numbers below `vocabulary`, with vectors of `size` elements. Where the number is
    /// 0 nothing is there: the layers that follow do not look at such places.
    pub fn new(vocabulary: usize, length: usize, size: usize) -> Self {
        Self {
            base: LayerBase::default(),
            tokens: Embedding::new(vocabulary, size)
                .mask_zero(true)
                .name("tokens")
                .into(),
            positions: Embedding::new(length, size).name("positions").into(),
        }
    }
}

impl Layer for TokenAndPosition {
    fn base(&self) -> &LayerBase {
        &self.base
    }

    fn base_mut(&mut self) -> &mut LayerBase {
        &mut self.base
    }

    fn sublayers(&self) -> Vec<LayerRef> {
        vec![self.tokens.clone(), self.positions.clone()]
    }

    fn makes_mask(&self) -> bool {
        true
    }

    fn compute_mask(&self, inputs: &[Tensor], masks: &[Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
        self.tokens.read().compute_mask(inputs, masks)
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let [ids] = inputs else {
            bail!("expected one input, got {}", inputs.len())
        };
        let places = Tensor::arange(0u32, ids.dim(1)? as u32, ids.device())?;
        let tokens = cx.inner(&self.tokens).call(inputs)?;
        let places = cx.inner(&self.positions).call(&[places])?;
        Ok(ops::add(&tokens.0[0], &places.0[0])?.into())
    }
}

/// Attention and two dense layers, each around a shortcut; `causal` keeps a place from seeing later ones.
///
/// # Errors
/// When the sizes do not fit.
pub fn transformer_block(
    x: &Symbolic,
    heads: usize,
    hidden: usize,
    dropout: f64,
    causal: bool,
) -> Result<Symbolic> {
    let Some(Some(size)) = x.shape().last() else {
        bail!("expected vectors of a known size, got {x:?}")
    };
    let normal = LayerNormalization::new().epsilon(1e-6).apply(x)?;
    let attention = MultiHeadAttention::new(heads, size / heads).dropout(dropout);
    let seen = attention.apply_with(
        [&normal, &normal],
        Arguments::new().set("use_causal_mask", causal),
    )?;
    let x = layers::add([x, &Dropout::new(dropout).apply(&seen)?])?;
    let normal = LayerNormalization::new().epsilon(1e-6).apply(&x)?;
    let wide = Dense::new(hidden).activation("gelu").apply(&normal)?;
    let back = Dense::new(*size).apply(&wide)?;
    layers::add([&x, &Dropout::new(dropout).apply(&back)?])
}
