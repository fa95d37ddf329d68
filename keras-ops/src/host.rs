//! Reading CPU tensors as slices and making tensors from vectors, for kernels.

use std::borrow::Cow;

use candle_core::op::BackpropOp;
use candle_core::{CpuStorage, DType, Device, Layout, Result, Shape, Storage, Tensor, WithDType};

/// The float types kernels are written for; half types are computed in `f32`.
pub trait Real:
    WithDType
    + Default
    + PartialOrd
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
    + std::ops::Div<Output = Self>
    + std::ops::Neg<Output = Self>
    + std::ops::AddAssign
    + std::iter::Sum
{
    /// From a constant.
    fn of(value: f64) -> Self;
    /// To `f64`.
    fn f64(self) -> f64;
}

impl Real for f32 {
    #[inline(always)]
    fn of(value: f64) -> Self {
        value as f32
    }
    #[inline(always)]
    fn f64(self) -> f64 {
        self as f64
    }
}

impl Real for f64 {
    #[inline(always)]
    fn of(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn f64(self) -> f64 {
        self
    }
}

/// Gives `f` the elements of a tensor in row-major order: borrowed when it is a contiguous CPU tensor of
/// dtype `T`, converted otherwise.
#[inline]
pub fn read<T: WithDType, R>(tensor: &Tensor, f: impl FnOnce(&[T]) -> Result<R>) -> Result<R> {
    let plain;
    let tensor = match converted::<T>(tensor)? {
        None => tensor,
        Some(converted) => {
            plain = converted;
            &plain
        }
    };
    let (storage, layout) = tensor.storage_and_layout();
    f(elements(&storage, layout)?)
}

// The two halves of `read` are apart so that they are compiled once a type, not once a caller.

/// A contiguous CPU tensor of dtype `T` with the same values, unless the tensor is one.
#[inline(never)]
fn converted<T: WithDType>(tensor: &Tensor) -> Result<Option<Tensor>> {
    let plain = tensor.device().is_cpu() && tensor.dtype() == T::DTYPE && tensor.is_contiguous();
    if plain {
        return Ok(None);
    }
    let tensor = tensor.detach().to_dtype(T::DTYPE)?.to_device(&Device::Cpu)?;
    if tensor.is_contiguous() {
        return Ok(Some(tensor));
    }
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(data) = &*storage else {
        candle_core::bail!("reading a tensor: expected CPU data after conversion");
    };
    let data = data.as_slice::<T>()?.get(layout.start_offset()..).unwrap_or(&[]);
    let values = crate::kernels::strided::gather(data, layout.dims(), layout.stride());
    let storage = self::storage(values, &Device::Cpu)?;
    Ok(Some(Tensor::from_storage(
        storage,
        tensor.shape(),
        BackpropOp::none(),
        false,
    )))
}

#[inline(never)]
fn elements<'a, T: WithDType>(storage: &'a Storage, layout: &Layout) -> Result<&'a [T]> {
    match (storage, layout.contiguous_offsets()) {
        // A view of nothing may start beyond the end of its storage.
        (_, Some((start, end))) if start == end => Ok(&[]),
        (Storage::Cpu(storage), Some((start, end))) => Ok(&storage.as_slice::<T>()?[start..end]),
        _ => candle_core::bail!("reading a tensor: expected contiguous CPU data after conversion"),
    }
}

/// A contiguous copy that shares no memory, without history; made by all threads where it is large.
///
/// ```
/// use keras_ops::{Device, Tensor, host};
/// let x = Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?;
/// let copy = host::copy(&x)?;
/// x.zero_set()?;
/// assert_eq!(copy.to_vec2::<f32>()?, [[1., 2.], [3., 4.]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// When the device cannot hold it.
pub fn copy(tensor: &Tensor) -> Result<Tensor> {
    fn of<T: WithDType>(x: &Tensor) -> Result<Tensor> {
        read(x, |values: &[T]| {
            let copy = crate::kernels::buffer::copied(values);
            self::tensor(copy, T::DTYPE, x.shape(), &Device::Cpu)
        })
    }
    match tensor.dtype() {
        DType::F32 if tensor.device().is_cpu() => of::<f32>(tensor),
        DType::F64 if tensor.device().is_cpu() => of::<f64>(tensor),
        DType::F16 if tensor.device().is_cpu() => of::<half::f16>(tensor),
        DType::BF16 if tensor.device().is_cpu() => of::<half::bf16>(tensor),
        _ => Ok(tensor.force_contiguous()?.copy()?.detach()),
    }
}

/// Appends the elements of `part` in row-major order to `bytes`, little-endian, as files hold them.
///
/// # Errors
/// When the tensor has fewer elements, or its dtype is none that files hold.
pub fn extend_bytes(tensor: &Tensor, part: std::ops::Range<usize>, bytes: &mut Vec<u8>) -> Result<()> {
    fn put<T: WithDType, const N: usize>(
        tensor: &Tensor,
        part: std::ops::Range<usize>,
        bytes: &mut Vec<u8>,
        little: impl Fn(&T) -> [u8; N],
    ) -> Result<()> {
        read(tensor, |values: &[T]| {
            let Some(values) = values.get(part.clone()) else {
                candle_core::bail!("reading elements {part:?} of {}", values.len());
            };
            let from = bytes.len();
            bytes.resize(from + N * values.len(), 0);
            let slots = bytes[from..].as_chunks_mut::<N>().0;
            slots
                .iter_mut()
                .zip(values)
                .for_each(|(slot, value)| *slot = little(value));
            Ok(())
        })
    }
    match tensor.dtype() {
        DType::U8 => put(tensor, part, bytes, |v: &u8| [*v]),
        DType::I16 => put(tensor, part, bytes, |v: &i16| v.to_le_bytes()),
        DType::U32 => put(tensor, part, bytes, |v: &u32| v.to_le_bytes()),
        DType::I32 => put(tensor, part, bytes, |v: &i32| v.to_le_bytes()),
        DType::I64 => put(tensor, part, bytes, |v: &i64| v.to_le_bytes()),
        DType::BF16 => put(tensor, part, bytes, |v: &half::bf16| v.to_le_bytes()),
        DType::F16 => put(tensor, part, bytes, |v: &half::f16| v.to_le_bytes()),
        DType::F32 => put(tensor, part, bytes, |v: &f32| v.to_le_bytes()),
        DType::F64 => put(tensor, part, bytes, |v: &f64| v.to_le_bytes()),
        other => candle_core::bail!("tensors of dtype {other:?} cannot be saved"),
    }
}

/// A storage on `device` from host values.
pub fn storage<T: WithDType>(values: Vec<T>, device: &Device) -> Result<Storage> {
    use candle_core::backend::BackendDevice;
    let host: CpuStorage = T::to_cpu_storage_owned(values);
    Ok(match device {
        Device::Cpu => Storage::Cpu(host),
        Device::Cuda(d) => Storage::Cuda(d.storage_from_cpu_storage_owned(host)?),
        Device::Metal(d) => Storage::Metal(d.storage_from_cpu_storage_owned(host)?),
    })
}

/// [`storage`] of computed values in `dtype`, the dtype of the tensors they came from.
pub fn storage_as<T: WithDType>(values: Vec<T>, dtype: DType, device: &Device) -> Result<Storage> {
    use half::{bf16, f16};
    match dtype {
        _ if dtype == T::DTYPE => storage(values, device),
        DType::F16 => storage(values.iter().map(|v| f16::from_f64(v.to_f64())).collect(), device),
        DType::BF16 => storage(
            values.iter().map(|v| bf16::from_f64(v.to_f64())).collect(),
            device,
        ),
        DType::F32 => storage(values.iter().map(|v| v.to_f64() as f32).collect(), device),
        DType::F64 => storage(values.iter().map(|v| v.to_f64()).collect(), device),
        other => candle_core::bail!("expected a float dtype to store, got {other:?}"),
    }
}

/// A tensor without history from computed values.
pub fn tensor<T: WithDType>(values: Vec<T>, dtype: DType, shape: &Shape, device: &Device) -> Result<Tensor> {
    let storage = storage_as(values, dtype, device)?;
    Ok(Tensor::from_storage(storage, shape, BackpropOp::none(), false))
}

/// The dtype kernels compute a tensor of `dtype` in.
///
/// # Errors
/// When `dtype` is not a float type.
pub fn compute_dtype(op: &str, dtype: DType) -> Result<DType> {
    match dtype {
        DType::F32 | DType::F64 => Ok(dtype),
        DType::F16 | DType::BF16 => Ok(DType::F32),
        other => candle_core::bail!(
            "{op}: expected a float tensor, got {}; cast it with `ops::cast`",
            crate::dtype_name(other)
        ),
    }
}

/// A tensor of a half type as `f32`, for operations whose steps in between need the precision; `None` for others.
pub(crate) fn widened(x: &Tensor) -> Result<Option<Tensor>> {
    match x.dtype() {
        DType::F16 | DType::BF16 => Ok(Some(crate::cast(x, DType::F32)?)),
        _ => Ok(None),
    }
}

/// What `f` gives; an error says that it happened within `op`, for operations made of others.
#[inline]
pub fn within<R>(op: &str, f: impl FnOnce() -> Result<R>) -> Result<R> {
    f().map_err(|error| named(op, error))
}

/// The error with the operation's name before it, unless it begins with it.
#[cold]
fn named(op: &str, error: candle_core::Error) -> candle_core::Error {
    let text = error.to_string();
    match text.strip_prefix(op) {
        Some(rest) if rest.starts_with(':') => error,
        _ => candle_core::Error::msg(format!("{op}: {text}")),
    }
}

/// Joins words for messages: `a, b and c`.
pub fn list<'a>(words: &[&'a str]) -> Cow<'a, str> {
    match words {
        [] => Cow::Borrowed("none"),
        [one] => Cow::Borrowed(one),
        [init @ .., last] => Cow::Owned(format!("{} and {last}", init.join(", "))),
    }
}
