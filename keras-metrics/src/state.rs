//! The state of metrics: variables on the host, written in place by plain loops.

use keras_core::ops::{DType, Device, Tensor, host, inplace};
use keras_core::weighting::{Samplewise, samplewise};
use keras_core::{Result, Variable};

/// The dtype of the state: float32, or float64 for a metric of that dtype.
pub(crate) fn state_dtype(dtype: Option<DType>) -> DType {
    if dtype == Some(DType::F64) {
        DType::F64
    } else {
        DType::F32
    }
}

/// A variable of zeros on the host, where metrics are counted.
pub(crate) fn zeros(name: &str, shape: &[usize], dtype: Option<DType>) -> Variable {
    Variable::zeros(name, shape, state_dtype(dtype), &Device::Cpu)
        .expect("invariant: zeros of a few elements fit on the host")
}

/// `variable += terms`, element by element.
pub(crate) fn add(variable: &Variable, terms: &[f64]) -> Result<()> {
    let tensor = variable.tensor();
    if variable.dtype() == DType::F64 {
        inplace::write("metric", tensor, |s: &mut [f64]| {
            s.iter_mut().zip(terms).for_each(|(s, t)| *s += t);
            Ok(())
        })?;
    } else {
        inplace::write("metric", tensor, |s: &mut [f32]| {
            s.iter_mut()
                .zip(terms)
                .for_each(|(s, t)| *s = (*s as f64 + t) as f32);
            Ok(())
        })?;
    }
    Ok(())
}

/// The values of a variable.
pub(crate) fn read(variable: &Variable) -> Result<Vec<f64>> {
    Ok(host::read(variable.tensor(), |v: &[f64]| Ok(v.to_vec()))?)
}

/// A result of the metric's dtype.
pub(crate) fn scalar(value: f64, dtype: Option<DType>) -> Result<Tensor> {
    vector(vec![value], &[], dtype)
}

/// Results of the metric's dtype.
pub(crate) fn vector(values: Vec<f64>, shape: &[usize], dtype: Option<DType>) -> Result<Tensor> {
    if state_dtype(dtype) == DType::F64 {
        return Ok(Tensor::from_vec(values, shape, &Device::Cpu)?);
    }
    let values: Vec<f32> = values.into_iter().map(|v| v as f32).collect();
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
}

/// `a / b`, 0 where `b` is.
pub(crate) fn ratio(a: f64, b: f64) -> f64 {
    if b == 0. { 0. } else { a / b }
}

/// One value for each sample or each position of a sample, in row-major order.
#[derive(Debug)]
pub(crate) struct Values {
    pub(crate) data: Vec<f32>,
    pub(crate) dims: Vec<usize>,
}

/// What a running mean can take in.
pub(crate) trait Samples {
    fn totals(&self, weights: Option<&Tensor>, double: bool, by: Samplewise) -> Result<(f64, f64)>;
}

impl Samples for Values {
    fn totals(&self, weights: Option<&Tensor>, _double: bool, by: Samplewise) -> Result<(f64, f64)> {
        let Some(weights) = weights else {
            return samplewise(&self.data, &self.dims, None, by);
        };
        let dims = weights.dims();
        host::read(weights, |w: &[f32]| {
            Ok(samplewise(&self.data, &self.dims, Some((w, dims)), by))
        })?
    }
}

impl Samples for Tensor {
    fn totals(&self, weights: Option<&Tensor>, double: bool, by: Samplewise) -> Result<(f64, f64)> {
        fn go<T: host::Real>(
            values: &Tensor,
            weights: Option<&Tensor>,
            by: Samplewise,
        ) -> Result<(f64, f64)> {
            let found = host::read(values, |v: &[T]| match weights {
                None => Ok(samplewise(v, values.dims(), None, by)),
                Some(w) => host::read(w, |ws: &[T]| {
                    Ok(samplewise(v, values.dims(), Some((ws, w.dims())), by))
                }),
            });
            found?
        }
        if double {
            go::<f64>(self, weights, by)
        } else {
            go::<f32>(self, weights, by)
        }
    }
}

/// The weighted sum of values and the sum of weights.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) total: Variable,
    pub(crate) count: Variable,
    pub(crate) dtype: Option<DType>,
}

impl Running {
    pub(crate) fn new(dtype: Option<DType>) -> Self {
        Self {
            total: zeros("total", &[], dtype),
            count: zeros("count", &[], dtype),
            dtype,
        }
    }

    pub(crate) fn add(&self, values: &impl Samples, weights: Option<&Tensor>) -> Result<()> {
        let double = self.total.dtype() == DType::F64;
        let (total, count) = values.totals(weights, double, Samplewise::Mean)?;
        add(&self.total, &[total])?;
        add(&self.count, &[count])
    }

    pub(crate) fn mean(&self) -> Result<f64> {
        Ok(ratio(read(&self.total)?[0], read(&self.count)?[0]))
    }

    pub(crate) fn result(&self) -> Result<Tensor> {
        scalar(self.mean()?, self.dtype)
    }

    pub(crate) fn variables(&self) -> Vec<Variable> {
        vec![self.total.clone(), self.count.clone()]
    }
}
