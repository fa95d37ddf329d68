//! Batches mixed with themselves in another order.

use keras_ops::{self as ops, DType, Device, Tensor, host, random};

use super::base::ImageBase;
use crate::Result;

/// `0..count` in random order.
pub(super) fn order(base: &ImageBase, count: usize) -> Vec<u32> {
    random::permutation(count, base.seeds.next())
}

/// Numbers of a symmetric beta distribution.
pub(super) fn shares(base: &ImageBase, count: usize, alpha: f64) -> Result<Vec<f64>> {
    let alpha = Tensor::new(alpha as f32, &Device::Cpu)?;
    let drawn = random::beta(count, &alpha, &alpha, DType::F32, base.seeds.next())?;
    Ok(host::read(&drawn, |v: &[f64]| Ok(v.to_vec()))?)
}

/// The rows of a batch in another order.
pub(super) fn reordered(x: &Tensor, order: &[u32]) -> Result<Tensor> {
    let order = Tensor::new(order, &Device::Cpu)?.to_device(x.device())?;
    Ok(ops::take(x, &order, 0)?)
}

/// `share * x + (1 - share) * x in another order`, a share a row; whole numbers become floats.
pub(super) fn blended(x: &Tensor, shares: &[f64], order: &[u32]) -> Result<Tensor> {
    let x = match x.dtype().is_float() {
        true => x.clone(),
        false => ops::cast(x, keras_ops::floatx())?,
    };
    let mut dims = vec![1; x.rank()];
    if let Some(rows) = dims.first_mut() {
        *rows = shares.len();
    }
    let column = |values: Vec<f64>| -> Result<Tensor> {
        let values = Tensor::from_vec(values, dims.as_slice(), &Device::Cpu)?;
        Ok(ops::cast(&values, x.dtype())?.to_device(x.device())?)
    };
    let own = ops::multiply(&x, &column(shares.to_vec())?)?;
    let rest = column(shares.iter().map(|s| 1. - s).collect())?;
    Ok(ops::add(&own, &ops::multiply(&reordered(&x, order)?, &rest)?)?)
}
