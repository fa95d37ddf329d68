use candle_core::{DType, Result, Shape, Tensor};

use crate::host;
use crate::kernels::gather;
use crate::kernels::reduce::Extent;
use crate::row_gradient::RowGradient;
use crate::shape_ops::any_dtype;
use crate::tape::record_rows;

/// The rows of `table` with the numbers `ids`. The gradient by the table is a
/// [`RowGradient`](crate::RowGradient) of the rows that occur, so a step costs nothing for the others.
///
/// # Shapes
/// `table` (vocabulary, …), `ids` of any shape and integer dtype; the result has the axes of `ids`, then those
/// of a row.
///
/// # Errors
/// When an id is negative or not below the vocabulary's size, or `ids` are not integers.
///
/// # Examples
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let table = Tensor::new(&[[1f32, 2.], [3., 4.], [5., 6.]], &Device::Cpu)?;
/// let y = ops::embedding(&table, &Tensor::new(&[[2u32, 0]], &Device::Cpu)?)?;
/// assert_eq!(y.to_vec3::<f32>()?, [[[5., 6.], [1., 2.]]]);
/// let error = ops::embedding(&table, &Tensor::new(&[3u32], &Device::Cpu)?).unwrap_err();
/// assert!(error.to_string().contains("id 3 at position 0 is out of range for a vocabulary of 3"));
/// # Ok::<(), ops::Error>(())
/// ```
pub fn embedding(table: &Tensor, ids: &Tensor) -> Result<Tensor> {
    let Some((&count, row)) = table.dims().split_first() else {
        candle_core::bail!("embedding: expected a table of rows, got a scalar");
    };
    host::compute_dtype("embedding", table.dtype())?;
    if ids.dtype().is_float() {
        candle_core::bail!(
            "embedding: expected integer ids, got {:?}; use `ops::cast`",
            ids.dtype()
        );
    }
    let index = rows_of(ids, count)?;
    let extent = Extent {
        outer: 1,
        len: count,
        inner: row.iter().product(),
    };
    let storage = any_dtype!("embedding", table.dtype(), T => {
        host::storage(host::read(table, |x: &[T]| Ok(gather::gather(x, extent, &index)))?, table.device())?
    });
    let shape = table.shape().clone();
    let dims = [ids.dims(), row].concat();
    let values = [&[index.len()], row].concat();
    Ok(record_rows(table, storage, &Shape::from(dims), move |grad| {
        RowGradient::sum(&index, &grad.contiguous()?.reshape(values)?, &shape)
    }))
}

fn rows_of(ids: &Tensor, count: usize) -> Result<Vec<u32>> {
    if ids.dtype() == DType::U32 {
        return host::read(ids, |ids: &[u32]| {
            match ids.iter().position(|id| *id as usize >= count) {
                Some(at) => out_of_range(ids[at] as i64, at, count),
                None => Ok(ids.to_vec()),
            }
        });
    }
    host::read(ids, |ids: &[i64]| {
        match ids.iter().position(|id| !(0..count as i64).contains(id)) {
            Some(at) => out_of_range(ids[at], at, count),
            None => Ok(ids.iter().map(|id| *id as u32).collect()),
        }
    })
}

fn out_of_range(id: i64, at: usize, count: usize) -> Result<Vec<u32>> {
    candle_core::bail!("embedding: id {id} at position {at} is out of range for a vocabulary of {count}")
}
