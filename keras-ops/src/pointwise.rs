//! Functions of one element: formula and derivative once, for every dtype and for fused kernels.

use candle_core::{DType, Result, Tensor};

use crate::host;
use crate::kernels::map::{map1, map2};
use crate::kernels::math::Math;
use crate::kernels::simd;
use crate::tape::record_with_output;

/// What the derivative of a [`Pointwise`] function is computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saves {
    /// The input.
    Input,
    /// The output, so that the input need not be kept alive.
    Output,
}

/// A size, and the function for what is beyond.
pub type Far = (f64, fn(f64) -> f64);

/// A differentiable function of one element.
///
/// # Examples
/// ```
/// use keras_ops::kernels::math::Math;
/// use keras_ops::pointwise::{Pointwise, Saves, pointwise};
/// use keras_ops::{Device, Tensor};
///
/// #[derive(Clone, Copy)]
/// struct Cube;
/// impl Pointwise for Cube {
///     const NAME: &str = "cube";
///     const SAVES: Saves = Saves::Input;
///     fn forward<T: Math>(self, x: T) -> T {
///         x * x * x
///     }
///     fn derivative<T: Math>(self, x: T, _y: T) -> T {
///         T::of(3.) * x * x
///     }
/// }
/// let y = pointwise(Cube, &Tensor::new(&[1f32, 2.], &Device::Cpu)?)?;
/// assert_eq!(y.to_vec1::<f32>()?, [1., 8.]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub trait Pointwise: Copy + Send + Sync + 'static {
    /// The name for errors.
    const NAME: &'static str;
    /// What [`derivative`](Self::derivative) reads.
    const SAVES: Saves;
    /// The function.
    fn forward<T: Math>(self, x: T) -> T;
    /// Its derivative by `x`, where `y` is the result; an argument that [`SAVES`](Self::SAVES) does not name
    /// must not be used.
    fn derivative<T: Math>(self, x: T, y: T) -> T;
    /// The size from which [`forward`](Self::forward) is not precise in `f32`, and the function for what is
    /// beyond.
    fn far() -> Option<Far> {
        None
    }
    /// The function of integers, where it has integer results.
    fn integer() -> Option<fn(Self, i64) -> i64> {
        None
    }
}

/// Applies a [`Pointwise`] function to every element, recording its gradient.
///
/// # Errors
/// When `x` is not a float tensor, or of integers if the function has no formula for them.
#[inline]
pub fn pointwise<P: Pointwise>(p: P, x: &Tensor) -> Result<Tensor> {
    if !x.dtype().is_float()
        && let Some(f) = P::integer()
    {
        return crate::numpy::integer::map1(P::NAME, x, &|x| f(p, x));
    }
    match host::compute_dtype(P::NAME, x.dtype())? {
        DType::F64 => apply::<P, f64>(p, x),
        _ => apply::<P, f32>(p, x),
    }
}

#[inline]
fn apply<P: Pointwise, T: Math>(p: P, x: &Tensor) -> Result<Tensor> {
    let out = host::read(x, |x: &[T]| {
        let mut out = map1(
            x,
            #[inline(always)]
            |x| p.forward(x),
        );
        if let Some((limit, f)) = P::far()
            && T::DTYPE == DType::F32
        {
            mend(x, &mut out, limit, f);
        }
        Ok(out)
    })?;
    let out = host::storage_as(out, x.dtype(), x.device())?;
    let input = (P::SAVES == Saves::Input).then(|| x.detach());
    Ok(record_with_output(
        &[x],
        out,
        x.shape(),
        move |grad, output, _| {
            let saved = input.as_ref().unwrap_or(output);
            Ok([Some(backward::<P, T>(p, &grad, saved)?)].into_iter().collect())
        },
    ))
}

/// Replaces the results of elements beyond `limit`.
fn mend<T: Math>(x: &[T], out: &mut [T], limit: f64, f: fn(f64) -> f64) {
    let limit = T::of(limit);
    for (x, out) in x.chunks(4096).zip(out.chunks_mut(4096)) {
        let near = simd::vectorize_for::<T, _>(
            #[inline(always)]
            || x.iter().map(|x| u32::from(x.abs() > limit)).sum::<u32>() == 0,
        );
        if !near {
            let far = x.iter().zip(out).filter(|(x, _)| x.abs() > limit);
            far.for_each(|(x, out)| *out = T::of(f(x.f64())));
        }
    }
}

/// `grad * derivative`, where `saved` is the input or the output, whichever the function keeps.
#[inline]
fn backward<P: Pointwise, T: Math>(p: P, grad: &Tensor, saved: &Tensor) -> Result<Tensor> {
    let out = host::read(grad, |g: &[T]| {
        host::read(saved, |s: &[T]| {
            Ok(map2(
                g,
                s,
                #[inline(always)]
                |g, s| g * p.derivative(s, s),
            ))
        })
    })?;
    host::tensor(out, grad.dtype(), grad.shape(), grad.device())
}

/// Defines [`Pointwise`] types, each with the function that applies it; formulas see the arguments by name. A
/// third formula is for integers.
macro_rules! pointwise_fns {
    ($(
        $(#[$doc:meta])*
        $fun:ident $(($($field:ident),+))?: $type:ident saves $saves:ident,
        |$x:ident| $forward:expr, |$dx:ident, $dy:ident| $derivative:expr $(, |$this:ident, $ix:ident| $integer:expr)?;
    )*) => {$(
        #[doc = concat!("The formula of [`", stringify!($fun), "`](fn@", stringify!($fun), ").")]
        #[derive(Clone, Copy, Debug)]
        pub struct $type { $($(#[doc = concat!("Argument `", stringify!($field), "`.")] pub $field: f64),+)? }

        #[allow(unused_variables)]
        impl $crate::pointwise::Pointwise for $type {
            const NAME: &'static str = stringify!($fun);
            const SAVES: $crate::pointwise::Saves = $crate::pointwise::Saves::$saves;
            #[inline(always)]
            fn forward<T: $crate::kernels::math::Math>(self, $x: T) -> T {
                let $type { $($($field),+)? } = self;
                $forward
            }
            #[inline(always)]
            fn derivative<T: $crate::kernels::math::Math>(self, $dx: T, $dy: T) -> T {
                let $type { $($($field),+)? } = self;
                $derivative
            }
            $(fn integer() -> Option<fn(Self, i64) -> i64> {
                Some(|$this, $ix| $integer)
            })?
        }

        $(#[$doc])*
        pub fn $fun(x: &candle_core::Tensor $(, $($field: f64),+)?) -> candle_core::Result<candle_core::Tensor> {
            $crate::pointwise::pointwise($type { $($($field),+)? }, x)
        }
    )*};
}
pub(crate) use pointwise_fns;
