//! Element-wise passes.

use candle_core::{DType, Result, Tensor};

use super::simd;
use crate::host::Real;

/// `sum += term` for float tensors of equal shape and dtype.
pub fn add_assign(sum: &Tensor, term: &Tensor) -> Result<()> {
    if sum.shape() != term.shape() || sum.dtype() != term.dtype() {
        candle_core::bail!(
            "add_assign: expected {:?} {:?}, got {:?} {:?}",
            sum.dims(),
            sum.dtype(),
            term.dims(),
            term.dtype()
        );
    }
    match (sum.device().is_cpu(), sum.dtype()) {
        (true, DType::F32) => add::<f32>(sum, term),
        (true, DType::F64) => add::<f64>(sum, term),
        _ => {
            let total = (sum.detach() + term.detach())?;
            sum.slice_set(&total, 0, 0)
        }
    }
}

fn add<T: Real>(sum: &Tensor, term: &Tensor) -> Result<()> {
    crate::host::read(term, |term: &[T]| {
        crate::inplace::write("add_assign", sum, |sum: &mut [T]| {
            simd::zip2(sum, term, |s, t| {
                simd::vectorize(
                    #[inline(always)]
                    || s.iter_mut().zip(t).for_each(|(s, t)| *s += *t),
                )
            });
            Ok(())
        })
    })
}
