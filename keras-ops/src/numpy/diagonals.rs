//! Diagonals, triangles and matrices of powers. Every dtype; gradients flow for floats.

use candle_core::{Result, Tensor};

use crate::shape_ops::gather_axis;
use crate::{axes, host};

/// Keeps what `on(row, column)` allows in the last two axes, 0 elsewhere.
fn masked(op: &str, x: &Tensor, on: impl Fn(i64, i64) -> bool) -> Result<Tensor> {
    let &[.., rows, cols] = x.dims() else {
        candle_core::bail!("{op}: expected at least two axes, got {:?}", x.dims());
    };
    let at = |i: usize| on((i / cols) as i64, (i % cols) as i64) as u8;
    let mask = Tensor::from_vec((0..rows * cols).map(at).collect(), (rows, cols), x.device())?;
    let zero = Tensor::zeros((), x.dtype(), x.device())?;
    host::within(op, || crate::where_(&mask, x, &zero))
}

/// The last two axes on and below diagonal `k`, 0 above.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?;
/// assert_eq!(ops::tril(&x, 0)?.to_vec2::<f32>()?, [[1., 0.], [3., 4.]]);
/// assert_eq!(ops::triu(&x, 1)?.to_vec2::<f32>()?, [[0., 2.], [0., 0.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn tril(x: &Tensor, k: i64) -> Result<Tensor> {
    masked("tril", x, |row, col| col - row <= k)
}

/// The last two axes on and above diagonal `k`, 0 below.
pub fn triu(x: &Tensor, k: i64) -> Result<Tensor> {
    masked("triu", x, |row, col| col - row >= k)
}

/// A matrix with the vector `x` on diagonal `k`, or diagonal `k` of the matrix `x`.
///
/// # Errors
/// When `x` has another number of axes than one or two.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[1f32, 2.], &Device::Cpu)?;
/// let y = ops::diag(&x, 0)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[1., 0.], [0., 2.]]);
/// assert_eq!(ops::diag(&y, 1)?.to_vec1::<f32>()?, [0.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn diag(x: &Tensor, k: i64) -> Result<Tensor> {
    host::within("diag", || match x.rank() {
        1 => spread(x, k),
        2 => diagonal(x, k, 0, 1),
        rank => candle_core::bail!("expected one or two axes, got {rank}; see `diagonal`"),
    })
}

/// A matrix with all elements of `x` on diagonal `k`.
pub fn diagflat(x: &Tensor, k: i64) -> Result<Tensor> {
    host::within("diagflat", || spread(&super::ravel(x)?, k))
}

fn spread(x: &Tensor, k: i64) -> Result<Tensor> {
    let len = x.elem_count();
    let side = len + k.unsigned_abs() as usize;
    let (down, right) = ((-k).max(0) as usize, k.max(0) as usize);
    // One zero behind the elements serves every other place.
    let zero = Tensor::zeros(1, x.dtype(), x.device())?;
    let source = crate::concatenate(&[x, &zero], 0)?;
    let place = |at: usize| {
        let (row, col) = (at / side, at % side);
        match row.checked_sub(down) {
            Some(i) if i < len && col == i + right => i as u32,
            _ => len as u32,
        }
    };
    let flat = gather_axis("diag", &source, (0..side * side).map(place).collect(), 0)?;
    crate::reshape(&flat, &[side as i64, side as i64])
}

/// Diagonal `offset` of the matrices in `axis1` and `axis2`, as a new last axis.
///
/// # Errors
/// When the axes are out of range or the same.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[1f32, 2., 3.], [4., 5., 6.]], &Device::Cpu)?;
/// assert_eq!(ops::diagonal(&x, 1, 0, 1)?.to_vec1::<f32>()?, [2., 6.]);
/// assert_eq!(ops::trace(&x, 0, 0, 1)?.to_scalar::<f32>()?, 6.);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn diagonal(x: &Tensor, offset: i64, axis1: i64, axis2: i64) -> Result<Tensor> {
    const OP: &str = "diagonal";
    let first = axes::axis(OP, axis1, x.rank())?;
    let second = axes::axis(OP, axis2, x.rank())?;
    if first == second {
        candle_core::bail!("{OP}: expected two different axes, got {axis1} and {axis2}");
    }
    let rest = (0..x.rank()).filter(|i| *i != first && *i != second);
    let order: Vec<usize> = rest.clone().chain([first, second]).collect();
    let (rows, cols) = (x.dims()[first] as i64, x.dims()[second] as i64);
    let places = (0..rows)
        .map(|row| (row, row + offset))
        .filter(|(_, col)| (0..cols).contains(col));
    let index = places.map(|(row, col)| (row * cols + col) as u32).collect();
    let mut dims: Vec<i64> = rest.map(|i| x.dims()[i] as i64).collect();
    dims.push(rows * cols);
    host::within(OP, || {
        let flat = crate::reshape(&crate::transpose(x, &order)?, &dims)?;
        gather_axis(OP, &flat, index, dims.len() - 1)
    })
}

/// The sum of [`diagonal`].
pub fn trace(x: &Tensor, offset: i64, axis1: i64, axis2: i64) -> Result<Tensor> {
    host::within("trace", || {
        crate::sum(&diagonal(x, offset, axis1, axis2)?, Some(&[-1]), false)
    })
}

/// The powers of a vector's elements as rows, `n` of them (as many as elements by default), from the highest
/// down to 1, or `increasing` from 1.
///
/// # Errors
/// When `x` is not a vector.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[2f32, 3.], &Device::Cpu)?;
/// assert_eq!(ops::vander(&x, Some(3), true)?.to_vec2::<f32>()?, [[1., 2., 4.], [1., 3., 9.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn vander(x: &Tensor, n: Option<usize>, increasing: bool) -> Result<Tensor> {
    let &[len] = x.dims() else {
        candle_core::bail!("vander: expected a vector, got shape {:?}", x.dims());
    };
    let n = n.unwrap_or(len) as f64;
    host::within("vander", || {
        let powers = match increasing {
            true => crate::arange(0., n, 1., x.dtype(), x.device()),
            false => crate::arange(n - 1., -1., -1., x.dtype(), x.device()),
        }?;
        crate::power(&crate::expand_dims(x, 1)?, &powers)
    })
}
