//! Indices as vectors: what the categorical layers give besides indices.

use keras_ops::{self as ops, DType, Device, Tensor, host};
use serde_json::Value;

use crate::config::{FromValue, IntoValue};
use crate::shape::Dims;
use crate::{Result, bail};

/// What a categorical layer gives for the index of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputMode {
    /// The index.
    #[default]
    Int,
    /// For each index, zeros with a 1 at its place. An axis of size 1 at the end is replaced.
    OneHot,
    /// For each sample, a 1 at the places of all indices that occur in it.
    MultiHot,
    /// For each sample, how often each index occurs in it.
    Count,
    /// [`Count`](Self::Count) times how rare the token is among documents. Lookups only.
    TfIdf,
}

impl OutputMode {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::OneHot => "one_hot",
            Self::MultiHot => "multi_hot",
            Self::Count => "count",
            Self::TfIdf => "tf_idf",
        }
    }

    /// An error when the mode is none of `allowed`.
    pub(super) fn check(self, class_name: &str, allowed: &[Self]) -> Result<()> {
        if allowed.contains(&self) {
            return Ok(());
        }
        let names: Vec<&str> = allowed.iter().map(|m| m.name()).collect();
        bail!(
            "{class_name}: `output_mode` must be {}, got \"{}\"",
            names.join(", "),
            self.name()
        );
    }
}

impl FromValue for OutputMode {
    const EXPECTED: &'static str = "\"int\", \"one_hot\", \"multi_hot\", \"count\" or \"tf_idf\"";
    fn from_value(value: &Value) -> Option<Self> {
        match value.as_str()? {
            "int" => Some(Self::Int),
            "one_hot" => Some(Self::OneHot),
            // The second is what older files say.
            "multi_hot" | "binary" => Some(Self::MultiHot),
            "count" => Some(Self::Count),
            "tf_idf" | "tf-idf" => Some(Self::TfIdf),
            _ => None,
        }
    }
}

impl IntoValue for OutputMode {
    fn into_value(self) -> Value {
        self.name().into()
    }
}

/// `sparse` and `ragged` are arguments that only false is possible for.
pub(super) fn dense_only(class_name: &str, argument: &str, given: bool) -> Result<()> {
    if given {
        bail!("{class_name}: `{argument}` outputs are not supported; leave it false and take dense tensors");
    }
    Ok(())
}

/// The shape of [`encode`]'s result.
pub(super) fn encoded_shape(mode: OutputMode, input: &Dims, depth: Option<usize>) -> Dims {
    let mut output = input.clone();
    match mode {
        OutputMode::Int => return output,
        OutputMode::OneHot if output.len() > 1 && output.last() == Some(&Some(1)) => drop(output.pop()),
        OutputMode::OneHot => {}
        // A vector is one sample; with more axes, the second one is summed, as in Keras.
        _ if output.len() > 1 => drop(output.remove(1)),
        _ => output.clear(),
    }
    output.push(depth);
    output
}

/// Indices as vectors of `depth` numbers; indices outside of `0..depth` count nothing.
///
/// With `weights` of the indices' shape, counts are sums of weights.
pub(super) fn encode(
    indices: &Tensor,
    mode: OutputMode,
    depth: usize,
    dtype: DType,
    weights: Option<&Tensor>,
) -> Result<Tensor> {
    if mode == OutputMode::Int {
        return Ok(ops::cast(indices, dtype)?);
    }
    let indices = match indices.rank() {
        0 => ops::reshape(indices, &[1])?,
        _ => indices.clone(),
    };
    match mode {
        OutputMode::OneHot => {
            let mut dims: Vec<i64> = indices.dims().iter().map(|d| *d as i64).collect();
            if dims.len() > 1 && dims.last() == Some(&1) {
                dims.pop();
            }
            Ok(ops::one_hot(&ops::reshape(&indices, &dims)?, depth, -1, dtype)?)
        }
        OutputMode::MultiHot => Ok(ops::multi_hot(&indices, depth, dtype)?),
        _ => count(&indices, depth, dtype, weights),
    }
}

fn count(indices: &Tensor, depth: usize, dtype: DType, weights: Option<&Tensor>) -> Result<Tensor> {
    if let Some(weights) = weights.filter(|w| w.dims() != indices.dims()) {
        bail!(
            "the weights of counts must have the shape of the indices, {:?}, got {:?}",
            indices.dims(),
            weights.dims()
        );
    }
    if indices.rank() > 2 {
        let hot = ops::one_hot(indices, depth, -1, weights.map_or(dtype, Tensor::dtype))?;
        let hot = match weights {
            Some(weights) => ops::multiply(&hot, &ops::expand_dims(weights, -1)?)?,
            None => hot,
        };
        return Ok(ops::sum(&hot, Some(&[1]), false)?);
    }
    // What counts nothing goes into one more bin, which is cut off.
    let bins = host::read(indices, |x: &[i64]| {
        let bin = |i: &i64| {
            if (0..depth as i64).contains(i) {
                *i
            } else {
                depth as i64
            }
        };
        Ok(x.iter().map(bin).collect::<Vec<i64>>())
    })?;
    let bins = Tensor::from_vec(bins, indices.shape(), &Device::Cpu)?.to_device(indices.device())?;
    let counted = ops::narrow(&ops::bincount(&bins, weights, depth + 1)?, -1, 0, depth)?;
    Ok(match weights {
        Some(_) => counted,
        None => ops::cast(&counted, dtype)?,
    })
}

/// The whole numbers in a tensor; decimals are cut off, as Keras does.
pub(super) fn integers(x: &Tensor) -> Result<Vec<i64>> {
    Ok(host::read(x, |x: &[i64]| Ok(x.to_vec()))?)
}
