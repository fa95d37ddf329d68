//! Class numbers and the rows of predictions they belong to.

use keras_core::ops::{DType, Tensor, host};
use keras_core::{Result, bail};

use crate::state::Values;

/// One class number for each row of predictions.
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
        let (classes, outer) = y_true
            .dims()
            .split_last()
            .map_or((1, &[][..]), |(n, outer)| (*n, outer));
        let numbers = host::read(y_true, |t: &[f32]| {
            Ok(t.chunks_exact(classes.max(1))
                .map(|row| argmax(row) as i64)
                .collect())
        })?;
        Ok(Self {
            numbers,
            dims: outer.to_vec(),
        })
    }
}

fn numbers(y_true: &Tensor) -> Result<Vec<i64>> {
    Ok(match y_true.dtype() {
        DType::U32 => host::read(y_true, |v: &[u32]| Ok(v.iter().map(|l| *l as i64).collect())),
        DType::F32 => host::read(y_true, |v: &[f32]| Ok(v.iter().map(|l| *l as i64).collect())),
        _ => host::read(y_true, |v: &[i64]| Ok(v.to_vec())),
    }?)
}

/// 1 for each row of predictions where `right(label, row)`.
pub(crate) fn rows(y_pred: &Tensor, labels: &Labels, right: impl Fn(i64, &[f32]) -> bool) -> Result<Values> {
    let classes = y_pred.dims().last().copied().unwrap_or(1).max(1);
    let data = host::read(y_pred, |p: &[f32]| {
        let rows = p.chunks_exact(classes).zip(&labels.numbers);
        Ok(rows.map(|(row, label)| right(*label, row) as u8 as f32).collect())
    })?;
    Ok(Values {
        data,
        dims: labels.dims.clone(),
    })
}

/// The first of the largest.
pub(crate) fn argmax(row: &[f32]) -> usize {
    let mut best = 0;
    for (i, v) in row.iter().enumerate() {
        if *v > row[best] {
            best = i;
        }
    }
    best
}

/// Whether fewer than `k` predictions are larger than that at `label`.
pub(crate) fn in_top_k(row: &[f32], label: i64, k: usize) -> bool {
    let Some(own) = usize::try_from(label).ok().and_then(|label| row.get(label)) else {
        return false;
    };
    own.is_finite() && row.iter().filter(|p| *p > own).count() < k
}
