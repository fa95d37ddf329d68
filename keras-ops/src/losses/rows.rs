//! Functions of two rows, one value each: the frame of the losses that reduce the last axis.

use candle_core::{DType, Result, Shape, Tensor};

use super::short_rows::LONG;
use crate::host;
use crate::kernels::math::Math;
use crate::kernels::simd::{self, CHUNK};
use crate::tape::record;

/// A function of a row of targets and a row of predictions, with its gradients.
pub(super) trait Rows: Copy + Send + Sync + 'static {
    /// The name for errors.
    const NAME: &'static str;
    /// The value.
    fn value<T: Math>(self, t: &[T], p: &[T]) -> T;
    /// The values of rows shorter than [`LONG`], in the best way for many of them.
    #[inline(always)]
    fn short_values<T: Math>(self, out: &mut [T], t: &[T], p: &[T], n: usize) {
        for (out, (t, p)) in out.iter_mut().zip(t.chunks_exact(n).zip(p.chunks_exact(n))) {
            *out = self.value(t, p);
        }
    }
    /// Writes `g` times the derivatives by the predictions.
    fn by_pred<T: Math>(self, g: T, t: &[T], p: &[T], d: &mut [T]);
    /// Writes `g` times the derivatives by the targets.
    fn by_true<T: Math>(self, g: T, t: &[T], p: &[T], d: &mut [T]);
}

/// The targets in the dtype of the predictions.
pub(super) fn like(y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
    if y_true.dtype() == y_pred.dtype() {
        Ok(y_true.clone())
    } else {
        y_true.to_dtype(y_pred.dtype())
    }
}

/// # Errors
/// When the shapes differ or have no axis to reduce.
pub(super) fn same_shape(name: &str, y_true: &Tensor, y_pred: &Tensor) -> Result<()> {
    if y_true.dims() != y_pred.dims() {
        candle_core::bail!(
            "{name}: `y_true` has shape {:?}, `y_pred` {:?}; they must be the same: reshape one of them, nothing \
             is broadcast",
            y_true.dims(),
            y_pred.dims()
        );
    }
    if y_true.rank() == 0 {
        candle_core::bail!(
            "{name}: expected at least one axis, got scalars; give a single value the shape [1]"
        );
    }
    Ok(())
}

/// Applies `f` to the rows along the last axis: `[.., n]` and `[.., n]` to `[..]`.
pub(super) fn rows<F: Rows>(f: F, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
    let y_true = like(y_true, y_pred)?;
    same_shape(F::NAME, &y_true, y_pred)?;
    match host::compute_dtype(F::NAME, y_pred.dtype())? {
        DType::F64 => apply::<F, f64>(f, &y_true, y_pred),
        _ => apply::<F, f32>(f, &y_true, y_pred),
    }
}

/// [`rows`] along other axes; `None` takes the whole tensors as one row.
pub(super) fn rows_over<F: Rows>(
    f: F,
    y_true: &Tensor,
    y_pred: &Tensor,
    axes: Option<&[i64]>,
) -> Result<Tensor> {
    let rank = y_pred.rank() as i64;
    if rank > 0 && matches!(axes, Some([axis]) if *axis == -1 || *axis == rank - 1) {
        return rows(f, y_true, y_pred);
    }
    let y_true = like(y_true, y_pred)?;
    same_shape(F::NAME, &y_true, y_pred)?;
    let all: Vec<i64> = (0..rank).collect();
    let axes = positive(F::NAME, axes.unwrap_or(&all), rank)?;
    let kept: Vec<usize> = (0..rank as usize).filter(|axis| !axes.contains(axis)).collect();
    let order: Vec<usize> = kept.iter().chain(&axes).copied().collect();
    let mut shape: Vec<usize> = kept.iter().map(|axis| y_pred.dims()[*axis]).collect();
    let len: usize = axes.iter().map(|axis| y_pred.dims()[*axis]).product();
    shape.push(len);
    let arrange = |x: &Tensor| x.permute(order.as_slice())?.reshape(shape.as_slice());
    rows(f, &arrange(&y_true)?, &arrange(y_pred)?)
}

/// Axes counted from the start.
pub(super) fn positive(name: &str, axes: &[i64], rank: i64) -> Result<Vec<usize>> {
    let mut found = Vec::with_capacity(axes.len());
    for &axis in axes {
        let at = if axis < 0 { axis + rank } else { axis };
        if !(0..rank).contains(&at) {
            candle_core::bail!("{name}: axis {axis} is out of range for tensors of {rank} axes");
        }
        if found.contains(&(at as usize)) {
            candle_core::bail!("{name}: axis {axis} is given twice");
        }
        found.push(at as usize);
    }
    Ok(found)
}

fn apply<F: Rows, T: Math>(f: F, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
    let (last, outer) = y_pred
        .dims()
        .split_last()
        .map_or((1, &[][..]), |(n, outer)| (*n, outer));
    let shape = Shape::from(outer);
    let out = host::read(y_true, |t: &[T]| {
        host::read(y_pred, |p: &[T]| Ok(forward(f, t, p, last, shape.elem_count())))
    })?;
    let out = host::storage_as(out, y_pred.dtype(), y_pred.device())?;
    if !(y_true.track_op() || y_pred.track_op()) {
        return Ok(record(&[], out, &shape, |_, _| Ok(Default::default())));
    }
    let (t, p) = (y_true.detach(), y_pred.detach());
    Ok(record(&[y_true, y_pred], out, &shape, move |grad, needs| {
        let side = |needed: bool, by_true: bool| {
            if !needed {
                return Ok(None);
            }
            let d = host::read(&t, |tv: &[T]| {
                host::read(&p, |pv: &[T]| {
                    host::read(&grad, |g: &[T]| Ok(backward(f, by_true, g, tv, pv, last)))
                })
            })?;
            host::tensor(d, p.dtype(), p.shape(), p.device()).map(Some)
        };
        Ok([side(needs[0], true)?, side(needs[1], false)?]
            .into_iter()
            .collect())
    }))
}

#[inline]
fn forward<F: Rows, T: Math>(f: F, t: &[T], p: &[T], n: usize, count: usize) -> Vec<T> {
    let run = |out: &mut [T], t: &[T], p: &[T]| {
        simd::vectorize_for::<T, _>(
            #[inline(always)]
            || {
                if (1..LONG).contains(&n) {
                    return f.short_values(out, t, p, n);
                }
                for (i, out) in out.iter_mut().enumerate() {
                    let row = i * n..(i + 1) * n;
                    *out = f.value(&t[row.clone()], &p[row]);
                }
            },
        )
    };
    let mut out = vec![T::ZERO; count];
    let rows = (CHUNK / n.max(1)).max(1);
    simd::chunks_mut(&mut out, rows, simd::parallel(p.len()), &|i, out| {
        let part = i * rows * n..(i * rows + out.len()) * n;
        run(out, &t[part.clone()], &p[part]);
    });
    out
}

#[inline]
fn backward<F: Rows, T: Math>(f: F, by_true: bool, g: &[T], t: &[T], p: &[T], n: usize) -> Vec<T> {
    let run = |d: &mut [T], g: &[T], t: &[T], p: &[T]| {
        simd::vectorize_for::<T, _>(
            #[inline(always)]
            || {
                for (i, g) in g.iter().enumerate() {
                    let row = i * n..(i + 1) * n;
                    let (t, p) = (&t[row.clone()], &p[row.clone()]);
                    if by_true {
                        f.by_true(*g, t, p, &mut d[row]);
                    } else {
                        f.by_pred(*g, t, p, &mut d[row]);
                    }
                }
            },
        )
    };
    let mut d = vec![T::ZERO; p.len()];
    if n == 0 {
        return d;
    }
    let rows = (CHUNK / n).max(1);
    simd::chunks_mut(&mut d, rows * n, simd::parallel(p.len()), &|i, d| {
        let (first, part) = (i * rows, i * rows * n..i * rows * n + d.len());
        run(d, &g[first..first + part.len() / n], &t[part.clone()], &p[part]);
    });
    d
}

const LANES: usize = 16;

/// The sum of `f(t, p)` over a row, in `f64`.
#[inline(always)]
pub(super) fn sum<T: Math>(t: &[T], p: &[T], f: impl Fn(T, T) -> T) -> f64 {
    let mut lanes = [0f64; LANES];
    let (t_chunks, t_rest) = t.as_chunks::<LANES>();
    let (p_chunks, p_rest) = p.as_chunks::<LANES>();
    for (t, p) in t_chunks.iter().zip(p_chunks) {
        for i in 0..LANES {
            lanes[i] += f(t[i], p[i]).f64();
        }
    }
    let rest: f64 = t_rest.iter().zip(p_rest).map(|(t, p)| f(*t, *p).f64()).sum();
    lanes.iter().sum::<f64>() + rest
}

/// Writes `f(t, p)` for each element.
#[inline(always)]
pub(super) fn fill<T: Math>(t: &[T], p: &[T], d: &mut [T], f: impl Fn(T, T) -> T) {
    for ((d, t), p) in d.iter_mut().zip(t).zip(p) {
        *d = f(*t, *p);
    }
}
