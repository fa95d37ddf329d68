//! Tensor operations of Keras in front of candle (`keras.ops` in Python, `op_*` in R).

pub mod device;
pub mod dtype;
pub mod host;
pub mod inplace;
pub mod kernels;
pub mod nn;
pub mod optimizer_step;
pub mod random;
pub mod tape;

pub use candle_core::{self as candle, DType, Device, Error, Result, Shape, Tensor, TensorId, Var};
pub use device::{DeviceExt, DeviceName, auto, device};
pub use dtype::{EPSILON, dtype_from_name, dtype_name, floatx, set_floatx};
pub use random::Seed;
pub use tape::{GradientTape, Gradients, no_grad, record, record_many, record_view, recording};

/// `max(x, 0)`.
pub fn relu(x: &Tensor) -> Result<Tensor> {
    let out = host::read(x, |v: &[f32]| Ok(v.iter().map(|v| v.max(0.)).collect::<Vec<_>>()))?;
    let saved = x.detach();
    Ok(record(
        &[x],
        host::storage(out, x.device())?,
        x.shape(),
        move |grad, _| {
            let mask = saved.gt(0.)?.to_dtype(grad.dtype())?;
            Ok([Some((grad * mask)?)].into_iter().collect())
        },
    ))
}
