//! In-place passes over CPU tensors: optimizer steps, gradient sums, metric state.
//!
//! candle's in-place operations give one writable tensor; an Adam step writes three. Nesting them holds
//! every write lock at once, in safe code.

use std::cell::RefCell;

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Tensor, WithDType};

struct Open<F>(&'static str, RefCell<Option<F>>);

impl<F: FnOnce(&mut CpuStorage, &Layout) -> Result<()>> InplaceOp1 for Open<F> {
    fn name(&self) -> &'static str {
        self.0
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        match self.1.take() {
            Some(f) => f(storage, layout),
            None => Ok(()),
        }
    }
}

/// Gives `f` the elements of a contiguous CPU tensor for writing.
///
/// # Errors
/// When the tensor is on another device, not contiguous, or of another dtype than `T`.
#[inline]
pub fn write<T: WithDType, R>(
    op: &'static str,
    tensor: &Tensor,
    f: impl FnOnce(&mut [T]) -> Result<R>,
) -> Result<R> {
    let mut result = None;
    let open = |storage: &mut CpuStorage, layout: &Layout| -> Result<()> {
        // Strides mean nothing where there are no elements.
        let empty = (layout.shape().elem_count() == 0).then_some((0, 0));
        let Some((start, end)) = empty.or_else(|| layout.contiguous_offsets()) else {
            candle_core::bail!("{op}: writing in place needs a contiguous tensor, got {layout:?}");
        };
        let found = storage.dtype();
        let Some(slice) = slice_mut::<T>(storage) else {
            candle_core::bail!(
                "{op}: expected a {:?} tensor to write to, got {found:?}",
                T::DTYPE
            );
        };
        // An empty view may start beyond the end of its memory.
        let range = if start == end { 0..0 } else { start..end };
        result = Some(f(&mut slice[range])?);
        Ok(())
    };
    tensor.inplace_op1(&Open(op, RefCell::new(Some(open))))?;
    match result {
        Some(result) => Ok(result),
        None => candle_core::bail!("{op}: the tensor could not be opened for writing"),
    }
}

/// Gives `f` the elements of several distinct contiguous CPU tensors for writing, in order.
#[inline]
pub fn write_many<T: WithDType, R>(
    op: &'static str,
    tensors: &[&Tensor],
    f: impl FnOnce(&mut [&mut [T]]) -> Result<R>,
) -> Result<R> {
    fn go<T: WithDType, R>(
        op: &'static str,
        rest: &[&Tensor],
        open: &mut Vec<&mut [T]>,
        f: impl FnOnce(&mut [&mut [T]]) -> Result<R>,
    ) -> Result<R> {
        let Some((first, rest)) = rest.split_first() else {
            return f(open);
        };
        let mut f = Some(f);
        write(op, first, |slice: &mut [T]| {
            // A fresh vector: the slice lives only inside this call, shorter than `open`'s element lifetime.
            let mut all: Vec<&mut [T]> = open.iter_mut().map(|s| &mut **s).collect();
            all.push(slice);
            match f.take() {
                Some(f) => go_dyn(op, rest, &mut all, Box::new(f)),
                None => candle_core::bail!("{op}: opened twice"),
            }
        })
    }
    type Last<'a, T, R> = Box<dyn FnOnce(&mut [&mut [T]]) -> Result<R> + 'a>;
    // Boxed to end the recursion of closure types.
    fn go_dyn<T: WithDType, R>(
        op: &'static str,
        rest: &[&Tensor],
        open: &mut Vec<&mut [T]>,
        f: Last<'_, T, R>,
    ) -> Result<R> {
        if rest.is_empty() {
            f(open)
        } else {
            go(op, rest, open, f)
        }
    }
    go_dyn(op, tensors, &mut Vec::new(), Box::new(f))
}

fn slice_mut<T: WithDType>(storage: &mut CpuStorage) -> Option<&mut [T]> {
    use std::any::Any;
    fn cast<T: 'static>(values: &mut dyn Any) -> Option<&mut [T]> {
        values.downcast_mut::<Vec<T>>().map(Vec::as_mut_slice)
    }
    match storage {
        CpuStorage::U8(v) => cast(v),
        CpuStorage::U32(v) => cast(v),
        CpuStorage::I64(v) => cast(v),
        CpuStorage::BF16(v) => cast(v),
        CpuStorage::F16(v) => cast(v),
        CpuStorage::F32(v) => cast(v),
        CpuStorage::F64(v) => cast(v),
        _ => None,
    }
}

/// `sum += term`, both of the same shape and dtype.
pub fn add_assign(sum: &Tensor, term: &Tensor) -> Result<()> {
    crate::kernels::elementwise::add_assign(sum, term)
}
