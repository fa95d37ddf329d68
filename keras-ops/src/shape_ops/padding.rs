//! Padding with a value.

use candle_core::{Result, Shape, Tensor, WithDType};

use super::any_dtype;
use crate::host;
use crate::tape::record;

/// `x` with elements of `value` around it, one pair of numbers for each axis.
pub(super) fn with_value(x: &Tensor, padding: &[(usize, usize)], value: f64) -> Result<Tensor> {
    let dims: Vec<usize> = x
        .dims()
        .iter()
        .zip(padding)
        .map(|(n, (a, b))| n + a + b)
        .collect();
    let storage = any_dtype!("pad", x.dtype(), T => {
        let out = host::read(x, |v: &[T]| Ok(padded(v, x.dims(), padding, &dims, T::from_f64(value))))?;
        host::storage(out, x.device())?
    });
    let (starts, sizes) = (padding.iter().map(|p| p.0).collect::<Vec<_>>(), x.dims().to_vec());
    Ok(record(&[x], storage, &Shape::from(dims), move |grad, _| {
        Ok([Some(super::slice(&grad, &starts, &sizes)?)]
            .into_iter()
            .collect())
    }))
}

fn padded<T: WithDType>(
    x: &[T],
    from: &[usize],
    padding: &[(usize, usize)],
    to: &[usize],
    value: T,
) -> Vec<T> {
    let mut out = vec![value; to.iter().product()];
    if x.is_empty() {
        return out;
    }
    // Trailing axes without padding are copied together with the last padded one.
    let whole = padding.iter().rposition(|p| *p != (0, 0)).unwrap_or(0);
    let run: usize = from[whole.min(from.len())..].iter().product();
    let mut index = vec![0; whole];
    for row in x.chunks_exact(run) {
        let mut at = 0;
        for axis in 0..from.len() {
            let place = index.get(axis).copied().unwrap_or(0) + padding[axis].0;
            at = at * to[axis] + place;
        }
        out[at..at + run].copy_from_slice(row);
        for axis in (0..whole).rev() {
            index[axis] += 1;
            if index[axis] < from[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    out
}
