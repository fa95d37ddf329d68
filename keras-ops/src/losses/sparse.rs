//! Cross-entropies against class numbers.

use crate::kernels::team::{Parts as _, Slice as _};
use candle_core::{DType, Result, Shape, Tensor};

use super::crossentropy::{inside, is_inside, log_sum_exp, total};
use super::rows::positive;
use super::short_rows::{self, LONG, LogSumExp, Total};
use crate::EPSILON;
use crate::host;
use crate::kernels::math::Math;
use crate::kernels::simd::{self, CHUNK};
use crate::tape::record;

/// A function of a row of predictions and the class that is right, with its gradient.
trait Labelled: Copy + Send + Sync + 'static {
    const NAME: &'static str;
    /// The value, and what the gradient needs of the row.
    fn value<T: Math>(self, label: usize, p: &[T]) -> (T, T);
    /// The values of rows shorter than [`LONG`], in the best way for many of them.
    #[inline(always)]
    fn short_values<T: Math>(self, out: &mut [T], of_rows: &mut [T], labels: &[i64], p: &[T], n: usize) {
        let rows = out
            .iter_mut()
            .zip(of_rows)
            .zip(labels.iter().zip(p.chunks_exact(n)));
        for ((out, of_row), (label, p)) in rows {
            if *label != IGNORED {
                (*out, *of_row) = self.value(*label as usize, p);
            }
        }
    }
    fn gradient<T: Math>(self, g: T, label: usize, p: &[T], of_row: T, d: &mut [T]);
}

#[derive(Clone, Copy)]
struct Sparse<const LOGITS: bool>;

impl<const LOGITS: bool> Labelled for Sparse<LOGITS> {
    const NAME: &'static str = "sparse_categorical_crossentropy";

    #[inline(always)]
    fn short_values<T: Math>(self, out: &mut [T], of_rows: &mut [T], labels: &[i64], p: &[T], n: usize) {
        let rows = (out, of_rows);
        if LOGITS {
            short_rows::picked(rows, labels, p, n, LogSumExp, |own, scale| scale - own);
        } else {
            short_rows::picked(
                rows,
                labels,
                p,
                n,
                Total,
                #[inline(always)]
                |own: T, scale: T| -inside(own / scale).ln(),
            );
        }
    }

    #[inline(always)]
    fn value<T: Math>(self, label: usize, p: &[T]) -> (T, T) {
        if LOGITS {
            let scale = log_sum_exp(p);
            (scale - p[label], scale)
        } else {
            let scale = total(p);
            (-inside(p[label] / scale).ln(), scale)
        }
    }

    #[inline(always)]
    fn gradient<T: Math>(self, g: T, label: usize, p: &[T], scale: T, d: &mut [T]) {
        if LOGITS {
            d.iter_mut().zip(p).for_each(|(d, p)| *d = g * (*p - scale).exp());
            d[label] -= g;
            return;
        }
        let share = p[label] / scale;
        let by_share = -(g / inside(share)) * is_inside(share) / scale;
        d.fill(-(by_share * share));
        d[label] += by_share;
    }
}

#[derive(Clone, Copy)]
struct Generalized {
    q: f64,
}

impl Labelled for Generalized {
    const NAME: &'static str = "categorical_generalized_cross_entropy";

    #[inline(always)]
    fn value<T: Math>(self, label: usize, p: &[T]) -> (T, T) {
        ((T::ONE - p[label].pow(T::of(self.q))) / T::of(self.q), T::ZERO)
    }

    #[inline(always)]
    fn gradient<T: Math>(self, g: T, label: usize, p: &[T], _of_row: T, d: &mut [T]) {
        // The slope at 0 is infinite: there, and nearer than probabilities are told apart, that of 1e-7.
        d[label] = -(g * p[label].larger(T::of(EPSILON)).pow(T::of(self.q - 1.)));
    }
}

/// A label that is left out: its value and gradient are 0.
const IGNORED: i64 = -1;

/// The labels as row-major class numbers, checked against `classes`.
fn read_labels(name: &str, y_true: &Tensor, classes: usize, ignore: Option<i64>) -> Result<Vec<i64>> {
    let wrong = |at: usize, label: &dyn std::fmt::Display| {
        candle_core::Error::msg(format!(
            "{name}: label {label} at position {at} of `y_true` (shape {:?}) is not a class: `y_pred` has {classes} \
             classes, so labels go from 0 to {}",
            y_true.dims(),
            classes.saturating_sub(1)
        ))
    };
    let check = |(at, label): (usize, i64)| match label {
        label if Some(label) == ignore => Ok(IGNORED),
        label if (0..classes as i64).contains(&label) => Ok(label),
        label => Err(wrong(at, &label)),
    };
    match y_true.dtype() {
        DType::U32 => host::read(y_true, |v: &[u32]| {
            v.iter().map(|l| i64::from(*l)).enumerate().map(check).collect()
        }),
        dtype if dtype.is_float() => host::read(y_true, |v: &[f64]| {
            let whole = |(at, l): (usize, &f64)| match l.fract() == 0. {
                true => check((at, *l as i64)),
                false => Err(wrong(at, l)),
            };
            v.iter().enumerate().map(whole).collect()
        }),
        _ => host::read(y_true, |v: &[i64]| {
            v.iter().copied().enumerate().map(check).collect()
        }),
    }
}

fn labelled<F: Labelled>(
    f: F,
    y_true: &Tensor,
    y_pred: &Tensor,
    ignore: Option<i64>,
    axis: i64,
) -> Result<Tensor> {
    let name = F::NAME;
    let rank = y_pred.rank() as i64;
    if rank == 0 {
        candle_core::bail!("{name}: expected `y_pred` with an axis of classes, got a scalar");
    }
    let at = positive(name, &[axis], rank)?[0];
    let order: Vec<usize> = (0..rank as usize).filter(|i| *i != at).chain([at]).collect();
    let moved = if at + 1 == rank as usize {
        y_pred.clone()
    } else {
        y_pred.permute(order.as_slice())?
    };
    let (outer, classes) = (
        &moved.dims()[..rank as usize - 1],
        moved.dims()[rank as usize - 1],
    );
    let squeezed = y_true.rank() == rank as usize && y_true.dims()[at] == 1;
    let fits = if squeezed {
        (0..rank as usize - 1).all(|i| y_true.dims()[order[i]] == outer[i])
    } else {
        y_true.dims() == outer
    };
    if !fits {
        candle_core::bail!(
            "{name}: `y_true` has shape {:?}, `y_pred` {:?}; expected one class number for each row of `y_pred`: \
             shape {outer:?}. One-hot targets need `categorical_crossentropy`",
            y_true.dims(),
            y_pred.dims()
        );
    }
    let labels = read_labels(name, y_true, classes, ignore)?;
    match host::compute_dtype(name, moved.dtype())? {
        DType::F64 => apply::<F, f64>(f, labels, &moved),
        _ => apply::<F, f32>(f, labels, &moved),
    }
}

fn apply<F: Labelled, T: Math>(f: F, labels: Vec<i64>, y_pred: &Tensor) -> Result<Tensor> {
    let (classes, outer) = y_pred
        .dims()
        .split_last()
        .map_or((1, &[][..]), |(n, outer)| (*n, outer));
    let shape = Shape::from(outer);
    let (out, of_rows) = host::read(y_pred, |p: &[T]| Ok(values(f, &labels, p, classes)))?;
    let out = host::storage_as(out, y_pred.dtype(), y_pred.device())?;
    let p = y_pred.detach();
    Ok(record(&[y_pred], out, &shape, move |grad, _| {
        let d = host::read(&p, |p: &[T]| {
            host::read(&grad, |g: &[T]| {
                Ok(gradients(f, g, &labels, p, &of_rows, classes))
            })
        })?;
        Ok([Some(host::tensor(d, p.dtype(), p.shape(), p.device())?)]
            .into_iter()
            .collect())
    }))
}

fn values<F: Labelled, T: Math>(f: F, labels: &[i64], p: &[T], classes: usize) -> (Vec<T>, Vec<T>) {
    let (mut out, mut of_rows) = (vec![T::ZERO; labels.len()], vec![T::ZERO; labels.len()]);
    type Written<'a, T> = (&'a mut [T], &'a mut [T]);
    let run = |((out, of_rows), (labels, p)): (Written<'_, T>, (&[i64], &[T]))| {
        simd::vectorize_for::<T, _>(
            #[inline(always)]
            || {
                if (1..LONG).contains(&classes) {
                    return f.short_values(out, of_rows, labels, p, classes);
                }
                let rows = out
                    .iter_mut()
                    .zip(of_rows)
                    .zip(labels.iter().zip(p.chunks_exact(classes)));
                for ((out, of_row), (label, p)) in rows {
                    if *label != IGNORED {
                        (*out, *of_row) = f.value(*label as usize, p);
                    }
                }
            },
        )
    };
    if simd::parallel(p.len()) {
        let many = (CHUNK / classes).max(1);
        let inputs = labels.par_chunks(many).zip(p.par_chunks(many * classes));
        let parts = out.par_chunks_mut(many).zip(of_rows.par_chunks_mut(many));
        parts.zip(inputs).for_each(run);
    } else if classes > 0 {
        run(((&mut out, &mut of_rows), (labels, p)));
    }
    (out, of_rows)
}

fn gradients<F: Labelled, T: Math>(
    f: F,
    g: &[T],
    labels: &[i64],
    p: &[T],
    of_rows: &[T],
    classes: usize,
) -> Vec<T> {
    let mut d = vec![T::ZERO; p.len()];
    let run = |d: &mut [T], p: &[T], first: usize| {
        simd::vectorize_for::<T, _>(
            #[inline(always)]
            || {
                let rows = d.chunks_exact_mut(classes).zip(p.chunks_exact(classes));
                for (i, (d, p)) in rows.enumerate() {
                    let row = first + i;
                    if labels[row] != IGNORED {
                        f.gradient(g[row], labels[row] as usize, p, of_rows[row], d);
                    }
                }
            },
        )
    };
    if simd::parallel(p.len()) {
        let many = (CHUNK / classes).max(1);
        let parts = d.par_chunks_mut(many * classes).zip(p.par_chunks(many * classes));
        parts.enumerate().for_each(|(i, (d, p))| run(d, p, i * many));
    } else if classes > 0 {
        run(&mut d, p, 0);
    }
    d
}

/// `-log(p[y_true])`, where `p` is `y_pred` divided by its sum over `axis` and kept 1e-7 away from 0 and 1, or its
/// softmax when `from_logits`. Rows whose label is `ignore_class` have the value and gradient 0.
///
/// # Shapes
/// Class numbers `[..]` or `[.., 1]` and predictions `[.., classes]` to `[..]`.
///
/// # Errors
/// When the shapes do not fit, or a label is not a class (the message names it and its position). On CUDA,
/// `f32` logits of a row whose label is no class give NaN instead, since an error would wait for the device.
///
/// ```
/// use keras_ops::{Device, Tensor, losses};
/// let y = Tensor::new(&[1u32, 0], &Device::Cpu)?;
/// let p = Tensor::new(&[[0.25f32, 0.75], [0.5, 0.5]], &Device::Cpu)?;
/// let loss = losses::sparse_categorical_crossentropy(&y, &p, false, None, -1)?.to_vec1::<f32>()?;
/// assert!((loss[0] + 0.75f32.ln()).abs() < 1e-6 && (loss[1] + 0.5f32.ln()).abs() < 1e-6);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn sparse_categorical_crossentropy(
    y_true: &Tensor,
    y_pred: &Tensor,
    from_logits: bool,
    ignore_class: Option<i64>,
    axis: i64,
) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    if from_logits
        && ignore_class.is_none()
        && let Some(losses) = super::device::sparse(y_true, y_pred, axis)
    {
        return losses;
    }
    if from_logits {
        labelled(Sparse::<true>, y_true, y_pred, ignore_class, axis)
    } else {
        labelled(Sparse::<false>, y_true, y_pred, ignore_class, axis)
    }
}

/// `(1 - p[y_true]^q) / q`: between mean absolute error (`q` near 1) and cross-entropy (`q` near 0).
///
/// # Shapes
/// Class numbers `[..]` and predictions `[.., classes]` to `[..]`.
///
/// # Errors
/// When the shapes do not fit or a label is not a class.
pub fn categorical_generalized_cross_entropy(y_true: &Tensor, y_pred: &Tensor, q: f64) -> Result<Tensor> {
    labelled(Generalized { q }, y_true, y_pred, None, -1)
}

/// 1 where a label is not `ignore_class`, else 0, in the labels' shape.
///
/// # Errors
/// When the labels are not numbers of the host.
pub fn not_ignored(y_true: &Tensor, ignore_class: i64) -> Result<Tensor> {
    let mask = host::read(y_true, |v: &[i64]| {
        Ok(v.iter().map(|l| (*l != ignore_class) as u8).collect::<Vec<_>>())
    })?;
    let storage = host::storage(mask, y_true.device())?;
    Ok(record(
        &[],
        storage,
        y_true.shape(),
        |_, _| Ok(Default::default()),
    ))
}
