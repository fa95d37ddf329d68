//! The default float type and names of dtypes.

use std::sync::atomic::{AtomicU8, Ordering};

use candle_core::{DType, Result};

static FLOATX: AtomicU8 = AtomicU8::new(2);
const FLOATS: [DType; 4] = [DType::BF16, DType::F16, DType::F32, DType::F64];

/// The default float type of new variables and data, `float32` unless [`set_floatx`] changed it.
pub fn floatx() -> DType {
    FLOATS[FLOATX.load(Ordering::Relaxed) as usize % FLOATS.len()]
}

/// Sets [`floatx`] for the whole process.
///
/// # Errors
/// When `dtype` is not one of bfloat16, float16, float32, float64.
pub fn set_floatx(dtype: DType) -> Result<()> {
    match FLOATS.iter().position(|d| *d == dtype) {
        Some(index) => FLOATX.store(index as u8, Ordering::Relaxed),
        None => candle_core::bail!("set_floatx: expected a float dtype, got {dtype:?}"),
    }
    Ok(())
}

/// Keras's fuzz factor, 1e-7: keeps probabilities away from 0 and 1, divisors from 0.
pub const EPSILON: f64 = 1e-7;

/// Keras's name of a dtype (`float32`, `int32`, …).
pub fn dtype_name(dtype: DType) -> &'static str {
    match dtype {
        DType::U8 => "uint8",
        DType::U32 => "uint32",
        DType::I16 => "int16",
        DType::I32 => "int32",
        DType::I64 => "int64",
        DType::BF16 => "bfloat16",
        DType::F16 => "float16",
        DType::F32 => "float32",
        DType::F64 => "float64",
        DType::F8E4M3 => "float8_e4m3fn",
        _ => "unsupported",
    }
}

/// The dtype of a Keras name; `bool` is `uint8`, as candle has no booleans.
///
/// # Errors
/// When the name is unknown or candle has no such type.
///
/// ```
/// assert_eq!(keras_ops::dtype_from_name("float32")?, candle_core::DType::F32);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn dtype_from_name(name: &str) -> Result<DType> {
    Ok(match name {
        "bool" | "uint8" => DType::U8,
        "uint32" => DType::U32,
        "int16" => DType::I16,
        "int32" => DType::I32,
        "int64" => DType::I64,
        "bfloat16" => DType::BF16,
        "float16" => DType::F16,
        "float32" => DType::F32,
        "float64" => DType::F64,
        _ => candle_core::bail!(
            "expected the dtype to be one of bool, uint8, uint32, int16, int32, int64, bfloat16, float16, float32, \
             float64; got `{name}`"
        ),
    })
}
