//! Dot-product attention.

use candle_core::{DType, Result, Shape, Tensor};

use crate::host;
use crate::kernels::attention::{Attention, Dropout, Rules, Sizes, View};
use crate::kernels::math::Math;
use crate::random::Seed;
use crate::tape::{InputGrads, record_with_output};

/// What [`dot_product_attention`] does besides.
#[derive(Clone, Debug, Default)]
pub struct AttentionOptions {
    /// Added to the scores; broadcasts to (batch, heads, queries, keys).
    pub bias: Option<Tensor>,
    /// `uint8`: a key is seen where it is not 0. Broadcasts to (batch, heads, queries, keys).
    pub mask: Option<Tensor>,
    /// What `query · key` is multiplied by, `1 / sqrt(depth)` by default.
    pub scale: Option<f64>,
    /// Whether query `t` sees only the keys `0 ..= t`.
    pub is_causal: bool,
    /// The probability with which a weight is set to 0; the others are divided by its complement.
    pub dropout: f64,
    /// Where dropout's random numbers come from.
    pub seed: Seed,
}

/// `softmax(query · keyᵀ * scale + bias) · value`, by tiles: the scores of all queries and keys are never kept.
///
/// Keys that the mask hides have no weight. A query that sees no key gives the mean of all values, as in Keras.
/// Differentiable by query, key, value and bias.
///
/// # Shapes
/// `query` (batch, queries, heads, depth), `key` (batch, keys, key heads, depth), `value` (batch, keys, key heads,
/// width), to (batch, queries, heads, width). The key heads divide the heads: each serves as many neighbouring ones.
///
/// # Errors
/// When the shapes do not fit, the tensors are not of one float dtype, the mask is not `uint8`, or `dropout` is not in
/// `[0, 1]`.
///
/// # Examples
/// ```
/// use keras_ops::{AttentionOptions, Device, Tensor, dot_product_attention};
/// let x = Tensor::new(&[1f32, 2., 3.], &Device::Cpu)?.reshape((1, 3, 1, 1))?;
/// let zeros = x.zeros_like()?; // equal scores
/// let options = AttentionOptions { is_causal: true, ..Default::default() };
/// let y = dot_product_attention(&zeros, &zeros, &x, &options)?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [1., 1.5, 2.]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn dot_product_attention(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    options: &AttentionOptions,
) -> Result<Tensor> {
    let sizes = sizes(query, key, value)?;
    let scores = [sizes.batch, sizes.heads, sizes.queries, sizes.keys];
    if !(0. ..=1.).contains(&options.dropout) {
        candle_core::bail!("{OP}: expected a dropout in [0, 1], got {}", options.dropout);
    }
    if let Some(mask) = &options.mask {
        if mask.dtype() != DType::U8 {
            let dtype = crate::dtype_name(mask.dtype());
            candle_core::bail!("{OP}: expected a mask of uint8, got {dtype}; an additive mask is a `bias`");
        }
        broadcast("mask", mask, scores)?;
    }
    if let Some(bias) = &options.bias {
        if bias.dtype() != query.dtype() {
            candle_core::bail!(
                "{OP}: expected a bias of the query's dtype {}, got {}; use `cast`",
                crate::dtype_name(query.dtype()),
                crate::dtype_name(bias.dtype())
            );
        }
        broadcast("bias", bias, scores)?;
    }
    match query.dtype() {
        DType::F64 => apply::<f64>(query, key, value, sizes, options),
        _ => apply::<f32>(query, key, value, sizes, options),
    }
}

const OP: &str = "dot_product_attention";

fn sizes(query: &Tensor, key: &Tensor, value: &Tensor) -> Result<Sizes> {
    host::compute_dtype(OP, query.dtype())?;
    let dtypes = [query, key, value].map(|x| crate::dtype_name(x.dtype()));
    if dtypes.iter().any(|dtype| *dtype != dtypes[0]) {
        candle_core::bail!("{OP}: expected query, key and value of one dtype, got {dtypes:?}; use `cast`");
    }
    match (query.dims(), key.dims(), value.dims()) {
        (&[batch, queries, heads, depth], &[kb, keys, shared, kd], &[vb, vk, vh, width])
            if [kb, vb] == [batch; 2]
                && [vk, vh] == [keys, shared]
                && kd == depth
                && shared > 0
                && heads % shared == 0 =>
        {
            Ok(Sizes {
                batch,
                queries,
                keys,
                heads,
                shared,
                depth,
                width,
            })
        }
        (query, key, value) => candle_core::bail!(
            "{OP}: expected query (batch, queries, heads, depth), key (batch, keys, key heads, depth) and value \
             (batch, keys, key heads, width), the key heads dividing the heads; got {query:?}, {key:?} and {value:?}"
        ),
    }
}

/// The tensor's dims with ones in front.
fn broadcast(name: &str, x: &Tensor, scores: [usize; 4]) -> Result<[usize; 4]> {
    let mut dims = [1; 4];
    let fits = x.rank() <= 4 && {
        dims[4 - x.rank()..].copy_from_slice(x.dims());
        dims.iter().zip(scores).all(|(n, score)| *n == 1 || *n == score)
    };
    if !fits {
        candle_core::bail!(
            "{OP}: expected a {name} that broadcasts to (batch, heads, queries, keys) {scores:?}, got {:?}",
            x.dims()
        );
    }
    Ok(dims)
}

/// Strides in a contiguous tensor of these dims, 0 where it repeats.
fn strides(dims: [usize; 4]) -> [usize; 4] {
    let mut strides = [0; 4];
    let mut stride = 1;
    for i in (0..4).rev() {
        strides[i] = if dims[i] == 1 { 0 } else { stride };
        stride *= dims[i];
    }
    strides
}

/// The inputs and options, read each time they are needed.
struct Saved {
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Option<Tensor>,
    mask: Option<Tensor>,
    sizes: Sizes,
    scale: f64,
    causal: bool,
    drop: Option<Dropout>,
}

impl Saved {
    fn new(query: &Tensor, key: &Tensor, value: &Tensor, sizes: Sizes, options: &AttentionOptions) -> Self {
        let keep = 1. - options.dropout;
        let drop = (options.dropout > 0.).then_some(Dropout {
            below: (keep * 65536.).round() as u32,
            scale: if keep > 0. { 1. / keep } else { 0. },
            key: options.seed.seed,
            draw: options.seed.counter,
        });
        Self {
            query: query.detach(),
            key: key.detach(),
            value: value.detach(),
            bias: options.bias.as_ref().map(Tensor::detach),
            mask: options.mask.as_ref().map(Tensor::detach),
            sizes,
            scale: options.scale.unwrap_or(1. / (sizes.depth as f64).sqrt()),
            causal: options.is_causal,
            drop,
        }
    }

    fn scores(&self) -> [usize; 4] {
        let Sizes {
            batch,
            heads,
            queries,
            keys,
            ..
        } = self.sizes;
        [batch, heads, queries, keys]
    }

    fn with<T: Math, R>(&self, f: impl FnOnce(Attention<'_, T>) -> Result<R>) -> Result<R> {
        let none = Tensor::zeros(0, DType::U8, &candle_core::Device::Cpu)?;
        let view = |name: &str, x: &Option<Tensor>| -> Result<Option<[usize; 4]>> {
            x.as_ref()
                .map(|x| Ok(strides(broadcast(name, x, self.scores())?)))
                .transpose()
        };
        let (bias_strides, mask_strides) = (view("bias", &self.bias)?, view("mask", &self.mask)?);
        host::read(self.bias.as_ref().unwrap_or(&none), |bias: &[T]| {
            host::read(self.mask.as_ref().unwrap_or(&none), |mask: &[u8]| {
                let rules = Rules {
                    scale: self.scale,
                    causal: self.causal,
                    bias: bias_strides.map(|strides| View { data: bias, strides }),
                    mask: mask_strides.map(|strides| View { data: mask, strides }),
                    drop: self.drop,
                };
                host::read(&self.query, |query: &[T]| {
                    host::read(&self.key, |key: &[T]| {
                        host::read(&self.value, |value: &[T]| {
                            f(Attention {
                                query,
                                key,
                                value,
                                sizes: self.sizes,
                                rules,
                            })
                        })
                    })
                })
            })
        })
    }
}

fn apply<T: Math>(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    sizes: Sizes,
    options: &AttentionOptions,
) -> Result<Tensor> {
    let saved = Saved::new(query, key, value, sizes, options);
    let (out, sums) = saved.with(|attention: Attention<'_, T>| Ok(attention.forward()))?;
    let out = host::storage_as(out, query.dtype(), query.device())?;
    let mut inputs = vec![query, key, value];
    inputs.extend(&options.bias);
    let shape = Shape::from((sizes.batch, sizes.queries, sizes.heads, sizes.width));
    Ok(record_with_output(
        &inputs,
        out,
        &shape,
        move |grad, out, needs| {
            let bias = match &saved.bias {
                Some(bias) if needs[3] => Some(broadcast("bias", bias, saved.scores())?),
                _ => None,
            };
            let found = host::read(&grad, |grad: &[T]| {
                host::read(out, |out: &[T]| {
                    saved.with(|attention: Attention<'_, T>| Ok(attention.backward(out, &sums, grad, bias)))
                })
            })?;
            let like = |values: Vec<T>, x: &Tensor| host::tensor(values, x.dtype(), x.shape(), x.device());
            let mut slots = InputGrads::new();
            for (values, x) in [
                (found.query, &saved.query),
                (found.key, &saved.key),
                (found.value, &saved.value),
            ] {
                slots.push(Some(like(values, x)?));
            }
            if let Some(tensor) = &saved.bias {
                slots.push(bias.map(|_| like(found.bias, tensor)).transpose()?);
            }
            Ok(slots)
        },
    ))
}
