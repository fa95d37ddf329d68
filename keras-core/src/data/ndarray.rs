//! Data from `ndarray`.

use keras_ops::{Device, Tensor, candle::WithDType};
use ndarray::{ArrayBase, Data, Dimension};

use super::{Arrays, IntoArrays};
use crate::Result;

impl<T: WithDType, S: Data<Elem = T>, D: Dimension> IntoArrays for &ArrayBase<S, D, T> {
    fn into_arrays(self) -> Result<Arrays> {
        let values: Vec<T> = self.iter().copied().collect();
        Tensor::from_vec(values, self.shape(), &Device::Cpu)?.into_arrays()
    }
}

impl<T: WithDType, S: Data<Elem = T>, D: Dimension> IntoArrays for ArrayBase<S, D, T> {
    fn into_arrays(self) -> Result<Arrays> {
        (&self).into_arrays()
    }
}
