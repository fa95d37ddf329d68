//! Products of vectors, matrices and tensors.

use candle_core::{Result, Tensor};

use crate::axes::IntoAxes;
use crate::{axes, host};

/// Which axes [`tensordot`] sums over: the last of the first tensor with the first of the second, or pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DotAxes {
    /// So many axes.
    Count(usize),
    /// The axes of the first, and those of the second that go with them.
    Pairs(Vec<i64>, Vec<i64>),
}

impl From<usize> for DotAxes {
    fn from(count: usize) -> Self {
        Self::Count(count)
    }
}

impl<A: IntoAxes, B: IntoAxes> From<(A, B)> for DotAxes {
    fn from((a, b): (A, B)) -> Self {
        Self::Pairs(a.axes().to_vec(), b.axes().to_vec())
    }
}

/// The sum of products over pairs of axes: the remaining axes of `x1`, then those of `x2`.
///
/// # Errors
/// When the axes do not pair up, or the tensors are not of one float dtype.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let a = Tensor::ones((2, 3, 4), ops::DType::F32, &Device::Cpu)?;
/// let b = Tensor::ones((4, 3, 5), ops::DType::F32, &Device::Cpu)?;
/// assert_eq!(ops::tensordot(&a, &b, ([1, 2], [1, 0]))?.dims(), [2, 5]);
/// assert_eq!(ops::tensordot(&a, &b, 1)?.dims(), [2, 3, 3, 5]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn tensordot(x1: &Tensor, x2: &Tensor, axes: impl Into<DotAxes>) -> Result<Tensor> {
    host::within("tensordot", || contract(x1, x2, axes.into()))
}

fn contract(a: &Tensor, b: &Tensor, axes: DotAxes) -> Result<Tensor> {
    const OP: &str = "tensordot";
    let (from_a, from_b) = match axes {
        DotAxes::Count(n) if n > a.rank().min(b.rank()) => {
            candle_core::bail!("{n} axes to sum over in {:?} and {:?}", a.dims(), b.dims())
        }
        DotAxes::Count(n) => ((a.rank() - n..a.rank()).collect(), (0..n).collect()),
        DotAxes::Pairs(first, second) => {
            let places = |given: &[i64], rank| -> Result<axes::List> {
                axes::list(OP, Some(given), rank)?; // names an axis given twice
                given.iter().map(|axis| axes::axis(OP, *axis, rank)).collect()
            };
            (places(&first, a.rank())?, places(&second, b.rank())?)
        }
    };
    let sizes = |x: &Tensor, axes: &[usize]| axes.iter().map(|i| x.dims()[*i]).collect::<Vec<_>>();
    if sizes(a, &from_a) != sizes(b, &from_b) {
        candle_core::bail!(
            "axes {from_a:?} of {:?} and {from_b:?} of {:?} differ in size",
            a.dims(),
            b.dims()
        );
    }
    let kept =
        |x: &Tensor, summed: &[usize]| (0..x.rank()).filter(|i| !summed.contains(i)).collect::<Vec<_>>();
    let (rows, cols) = (kept(a, &from_a), kept(b, &from_b));
    let shape: Vec<i64> = [sizes(a, &rows), sizes(b, &cols)]
        .concat()
        .iter()
        .map(|n| *n as i64)
        .collect();
    let product = |sizes: Vec<usize>| sizes.iter().product::<usize>() as i64;
    let (m, k, n) = (
        product(sizes(a, &rows)),
        product(sizes(a, &from_a)),
        product(sizes(b, &cols)),
    );
    let left = crate::transpose(a, &[&rows[..], &from_a].concat())?;
    let right = crate::transpose(b, &[&from_b[..], &cols].concat())?;
    let out = crate::matmul(
        &crate::reshape(&left, &[m, k])?,
        &crate::reshape(&right, &[k, n])?,
    )?;
    crate::reshape(&out, &shape)
}

/// NumPy's `dot`: the product with a scalar, else the sum over the last axis of `x1` and the second to last of
/// `x2` (the only one of a vector).
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[1f32, 2.], &Device::Cpu)?;
/// assert_eq!(ops::dot(&x, &x)?.to_scalar::<f32>()?, 5.);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn dot(x1: &Tensor, x2: &Tensor) -> Result<Tensor> {
    host::within("dot", || match (x1.rank(), x2.rank()) {
        (0, _) | (_, 0) => crate::multiply(x1, x2),
        (_, 1) => contract(x1, x2, (-1, 0).into()),
        _ => contract(x1, x2, (-1, -2).into()),
    })
}

/// The sum of products over the last axes; the product with a scalar.
pub fn inner(x1: &Tensor, x2: &Tensor) -> Result<Tensor> {
    host::within("inner", || match (x1.rank(), x2.rank()) {
        (0, _) | (_, 0) => crate::multiply(x1, x2),
        _ => contract(x1, x2, (-1, -1).into()),
    })
}

/// The product of each element of `x1` with each of `x2`, both flattened.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[1f32, 2.], &Device::Cpu)?;
/// assert_eq!(ops::outer(&x, &x)?.to_vec2::<f32>()?, [[1., 2.], [2., 4.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn outer(x1: &Tensor, x2: &Tensor) -> Result<Tensor> {
    host::within("outer", || {
        crate::multiply(&crate::reshape(x1, &[-1, 1])?, &super::ravel(x2)?)
    })
}

/// The sum of the products of all elements, both tensors flattened.
pub fn vdot(x1: &Tensor, x2: &Tensor) -> Result<Tensor> {
    host::within("vdot", || {
        contract(&super::ravel(x1)?, &super::ravel(x2)?, 1.into())
    })
}

/// Where [`cross`] finds its vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrossAxes {
    /// The axis of the vectors of the first tensor.
    pub axisa: i64,
    /// The axis of the vectors of the second.
    pub axisb: i64,
    /// The axis of the resulting vectors.
    pub axisc: i64,
    /// All three, when given.
    pub axis: Option<i64>,
}

impl Default for CrossAxes {
    fn default() -> Self {
        Self {
            axisa: -1,
            axisb: -1,
            axisc: -1,
            axis: None,
        }
    }
}

/// The cross product of vectors of two or three elements; of two of two elements only the third component.
/// The other axes broadcast.
///
/// # Errors
/// When the vectors have another length or the shapes do not broadcast.
///
/// ```
/// use keras_ops::{self as ops, CrossAxes, Device, Tensor};
/// let x = Tensor::new(&[1f32, 0., 0.], &Device::Cpu)?;
/// let y = Tensor::new(&[0f32, 1., 0.], &Device::Cpu)?;
/// assert_eq!(ops::cross(&x, &y, CrossAxes::default())?.to_vec1::<f32>()?, [0., 0., 1.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn cross(x1: &Tensor, x2: &Tensor, options: CrossAxes) -> Result<Tensor> {
    let [axisa, axisb, axisc] = match options.axis {
        Some(axis) => [axis; 3],
        None => [options.axisa, options.axisb, options.axisc],
    };
    host::within("cross", || {
        let parts = |x: &Tensor, axis: i64| -> Result<Vec<Tensor>> {
            let parts = super::unstack(x, axis)?;
            if !(2..=3).contains(&parts.len()) {
                candle_core::bail!("expected vectors of 2 or 3 elements, got {}", parts.len());
            }
            Ok(parts)
        };
        let (a, b) = (parts(x1, axisa)?, parts(x2, axisb)?);
        let times = |i: usize, j: usize| match (a.get(i), b.get(j)) {
            (Some(a), Some(b)) => crate::multiply(a, b).map(Some),
            _ => Ok(None),
        };
        let component = |i: usize, j: usize| match (times(i, j)?, times(j, i)?) {
            (Some(one), Some(other)) => crate::subtract(&one, &other),
            (Some(one), None) => Ok(one),
            (None, Some(other)) => crate::neg(&other),
            (None, None) => candle_core::bail!("expected vectors of 2 or 3 elements"),
        };
        if a.len() == 2 && b.len() == 2 {
            return component(0, 1);
        }
        let [x, y, z] = [component(1, 2)?, component(2, 0)?, component(0, 1)?];
        crate::stack(&[&x, &y, &z], axisc)
    })
}

/// The Kronecker product: a block of `x2` times each element of `x1`.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let [a, b] = [Tensor::new(&[1f32, 2.], &Device::Cpu)?, Tensor::new(&[1f32, 10.], &Device::Cpu)?];
/// assert_eq!(ops::kron(&a, &b)?.to_vec1::<f32>()?, [1., 10., 2., 20.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn kron(x1: &Tensor, x2: &Tensor) -> Result<Tensor> {
    let rank = x1.rank().max(x2.rank());
    let size = |x: &Tensor, i: usize| (i + x.rank()).checked_sub(rank).map_or(1, |i| x.dims()[i] as i64);
    let blocks: Vec<i64> = (0..rank).flat_map(|i| [size(x1, i), 1]).collect();
    let insides: Vec<i64> = (0..rank).flat_map(|i| [1, size(x2, i)]).collect();
    let shape: Vec<i64> = (0..rank).map(|i| size(x1, i) * size(x2, i)).collect();
    host::within("kron", || {
        let out = crate::multiply(&crate::reshape(x1, &blocks)?, &crate::reshape(x2, &insides)?)?;
        crate::reshape(&out, &shape)
    })
}
