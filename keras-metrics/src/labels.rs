//! Which predictions are right: class numbers, and the rows of predictions they belong to.

use keras_core::ops::host::{self, Real};
use keras_core::ops::kernels::best::{Ordered, best};
use keras_core::ops::kernels::reduce::Extent;
use keras_core::ops::kernels::simd::vectorize;
use keras_core::ops::{self, DType, Tensor};
use keras_core::weighting::{Samplewise, samplewise};
use keras_core::{Result, bail};

use crate::state::Samples;

/// Rights (1) and wrongs (0) in row-major order, or only how many are right.
#[derive(Debug)]
pub(crate) enum Hits {
    Each(Vec<f32>, Vec<usize>),
    Count(usize, Vec<usize>),
}

impl Hits {
    /// Of `right`, for values of shape `dims`.
    #[inline(always)]
    pub(crate) fn of(each: bool, dims: &[usize], right: impl Iterator<Item = bool>) -> Self {
        if each {
            let right = vectorize(|| right.map(|right| f32::from(u8::from(right))).collect());
            return Self::Each(right, dims.to_vec());
        }
        let count = vectorize(|| right.fold(0u32, |sum, right| sum + u32::from(right)));
        Self::Count(count as usize, dims.to_vec())
    }

    /// As a tensor beside `like`.
    pub(crate) fn tensor(self, like: &Tensor) -> Result<Tensor> {
        match self {
            Self::Each(values, dims) => Ok(Tensor::from_vec(values, dims, like.device())?),
            Self::Count(..) => bail!("invariant: the values are asked for where a tensor is wanted"),
        }
    }
}

impl Samples for Hits {
    fn totals(&self, weights: Option<&Tensor>, _double: bool, by: Samplewise) -> Result<(f64, f64)> {
        match (self, weights) {
            (Self::Each(values, dims), Some(weights)) => host::read(weights, |w: &[f32]| {
                Ok(samplewise(values, dims, Some((w, weights.dims())), by))
            })?,
            (Self::Each(values, dims), None) => samplewise(values, dims, None, by),
            (Self::Count(count, dims), None) => {
                let inner: usize = dims.iter().skip(1).product();
                let samples = dims.first().copied().unwrap_or(1);
                let total = if *count == 0 {
                    0.
                } else {
                    *count as f64 / inner as f64
                };
                Ok((total, samples as f64))
            }
            (Self::Count(..), Some(_)) => bail!("invariant: weighted values are counted one by one"),
        }
    }
}

/// One class number for each row of predictions; -1 where a target is none.
#[derive(Debug)]
pub(crate) struct Labels {
    numbers: Vec<i64>,
    dims: Vec<usize>,
}

impl Labels {
    /// Of targets that are class numbers, `[..]` or `[.., 1]`.
    pub(crate) fn of_numbers(name: &str, y_true: &Tensor, y_pred: &Tensor) -> Result<Self> {
        let Some((_, outer)) = y_pred.dims().split_last() else {
            bail!("{name}: expected `y_pred` with an axis of classes, got a scalar")
        };
        let fits = match y_true.dims() {
            dims if dims == outer => true,
            [lead @ .., 1] => lead == outer,
            _ => false,
        };
        if !fits {
            bail!(
                "{name}: `y_true` has shape {:?}, `y_pred` {:?}; expected one class number for each row: shape {outer:?}",
                y_true.dims(),
                y_pred.dims()
            );
        }
        let mut dims = outer.to_vec();
        if dims.len() > 1 && dims.last() == Some(&1) {
            dims.pop();
        }
        Ok(Self {
            numbers: numbers(y_true)?,
            dims,
        })
    }

    /// Of one-hot targets, or any whose largest is the class.
    pub(crate) fn of_one_hot(name: &str, y_true: &Tensor, y_pred: &Tensor) -> Result<Self> {
        if y_true.dims() != y_pred.dims() || y_true.rank() == 0 {
            bail!(
                "{name}: `y_true` has shape {:?}, `y_pred` {:?}; expected one-hot targets of the same shape. Class \
                 numbers need the `sparse_` metric",
                y_true.dims(),
                y_pred.dims()
            );
        }
        let outer = y_true.dims().split_last().map_or(&[][..], |(_, outer)| outer);
        Ok(Self {
            numbers: largest(y_true)?,
            dims: outer.to_vec(),
        })
    }
}

/// Class numbers; a fraction is none.
pub(crate) fn numbers(x: &Tensor) -> Result<Vec<i64>> {
    fn whole<T: Real>(values: &[T]) -> Vec<i64> {
        let number = |v: f64| if v.fract() == 0. { v as i64 } else { -1 };
        values.iter().map(|v| number(v.f64())).collect()
    }
    Ok(match x.dtype() {
        DType::U32 => host::read(x, |v: &[u32]| Ok(v.iter().map(|l| i64::from(*l)).collect())),
        DType::F64 => host::read(x, |v: &[f64]| Ok(whole(v))),
        dtype if dtype.is_float() => host::read(x, |v: &[f32]| Ok(whole(v))),
        _ => host::read(x, |v: &[i64]| Ok(v.to_vec())),
    }?)
}

/// The index of the largest of each row along the last axis.
pub(crate) fn largest(x: &Tensor) -> Result<Vec<i64>> {
    fn rows<T: Ordered>(values: &[T], len: usize) -> Vec<i64> {
        let extent = Extent {
            outer: values.len() / len.max(1),
            len,
            inner: 1,
        };
        best::<false, T>(values, extent)
            .into_iter()
            .map(i64::from)
            .collect()
    }
    let width = x.dims().last().copied().unwrap_or(1);
    Ok(match x.dtype() {
        DType::F64 => host::read(x, |v: &[f64]| Ok(rows(v, width))),
        _ => host::read(x, |v: &[f32]| Ok(rows(v, width))),
    }?)
}

/// Whether the first of each row's largest predictions is at the label. NaN counts as the largest, as in Keras.
pub(crate) fn at_largest(y_pred: &Tensor, labels: &Labels, each: bool) -> Result<Hits> {
    let found = largest(y_pred)?;
    let pairs = found.iter().zip(&labels.numbers);
    Ok(Hits::of(
        each,
        &labels.dims,
        pairs.map(|(found, label)| found == label),
    ))
}

/// Something to ask of a label and its row of predictions.
pub(crate) trait Right: Copy {
    fn right<T: Real>(self, label: i64, row: &[T]) -> bool;
}

/// Whether each row's label is right.
pub(crate) fn rows(y_pred: &Tensor, labels: &Labels, each: bool, ask: impl Right) -> Result<Hits> {
    fn go<T: Real>(p: &[T], width: usize, labels: &Labels, each: bool, ask: impl Right) -> Hits {
        let rows = p.chunks_exact(width).zip(&labels.numbers);
        Hits::of(
            each,
            &labels.dims,
            rows.map(|(row, label)| ask.right(*label, row)),
        )
    }
    let width = y_pred.dims().last().copied().unwrap_or(1).max(1);
    Ok(match y_pred.dtype() {
        DType::F64 => host::read(y_pred, |p: &[f64]| Ok(go(p, width, labels, each, ask))),
        _ => host::read(y_pred, |p: &[f32]| Ok(go(p, width, labels, each, ask))),
    }?)
}

/// Whether fewer than so many predictions are larger than that at the label.
#[derive(Clone, Copy)]
pub(crate) struct Among(pub(crate) usize);

impl Right for Among {
    #[inline(always)]
    fn right<T: Real>(self, label: i64, row: &[T]) -> bool {
        let Some(own) = usize::try_from(label).ok().and_then(|at| row.get(at)) else {
            return false;
        };
        // NaN is no large probability, as in Keras.
        let nan = own.partial_cmp(own).is_none();
        let own = if nan { T::of(f64::NEG_INFINITY) } else { *own };
        // In numbers as wide as the predictions, for vector code.
        let larger: u32 = row.iter().map(|p| u32::from(*p > own)).sum();
        (larger as usize) < self.0
    }
}

/// Whether the label is among the first so many of a row of class numbers.
#[derive(Clone, Copy)]
pub(crate) struct Listed(pub(crate) usize);

impl Right for Listed {
    #[inline(always)]
    fn right<T: Real>(self, label: i64, row: &[T]) -> bool {
        row.iter().take(self.0).any(|id| id.f64() == label as f64)
    }
}

/// Both as one dtype: targets become that of the predictions, as in Keras.
pub(crate) fn alike(y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
    Ok(ops::cast(&y_true.detach(), y_pred.dtype())?)
}
