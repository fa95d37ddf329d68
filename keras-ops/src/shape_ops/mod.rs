//! Shapes and indices.
//!
//! Axes may be negative: counted from the end. Moves of data take every dtype; gradients flow for floats.

mod indexing;
mod joiner;
mod joining;
mod pad_mode;
mod padding;
mod views;

pub(crate) use indexing::gather_axis;
pub use indexing::*;
pub use joiner::Joiner;
pub use joining::*;
pub use pad_mode::*;
pub use views::*;

/// Runs an expression with `$t` standing for the element type of a dtype.
macro_rules! any_dtype {
    ($op:expr, $dtype:expr, $t:ident => $body:expr) => {{
        macro_rules! run {
            ($type:ty) => {{
                type $t = $type;
                $body
            }};
        }
        match $dtype {
            candle_core::DType::U8 => run!(u8),
            candle_core::DType::U32 => run!(u32),
            candle_core::DType::I16 => run!(i16),
            candle_core::DType::I32 => run!(i32),
            candle_core::DType::I64 => run!(i64),
            candle_core::DType::F16 => run!(half::f16),
            candle_core::DType::BF16 => run!(half::bf16),
            candle_core::DType::F32 => run!(f32),
            candle_core::DType::F64 => run!(f64),
            other => candle_core::bail!("{}: no support for dtype {other:?}", $op),
        }
    }};
}
pub(crate) use any_dtype;
