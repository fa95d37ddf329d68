//! Functions of two elements, with NumPy broadcasting.

use candle_core::{DType, Result, Shape, Tensor};

use crate::host;
use crate::kernels::broadcast::Plan;
use crate::kernels::math::Math;
use crate::kernels::reduce::{self, Sum};
use crate::tape::{Needs, record};

/// A differentiable function of two elements.
pub trait Pairwise: Copy + Send + Sync + 'static {
    /// The name for errors.
    const NAME: &'static str;
    /// Whether the gradients read the inputs.
    const READS: bool = true;
    /// The function.
    fn forward<T: Math>(self, a: T, b: T) -> T;
    /// The gradient by `a`, given the output's gradient `g`.
    fn da<T: Math>(self, g: T, a: T, b: T) -> T;
    /// The gradient by `b`.
    fn db<T: Math>(self, g: T, a: T, b: T) -> T;
    /// The function of integers, where it has integer results.
    fn integer() -> Option<fn(i64, i64) -> i64> {
        None
    }
}

/// Applies a [`Pairwise`] function, recording its gradient.
///
/// # Shapes
/// Broadcast as in NumPy: aligned at the last axis, sizes equal or 1.
///
/// # Errors
/// When the shapes do not broadcast, or the dtypes differ or are not float; integers, wrapping, are taken by
/// the functions that have integer results.
#[inline]
pub fn pairwise<P: Pairwise>(p: P, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    same_dtype(P::NAME, a, b)?;
    if !a.dtype().is_float()
        && let Some(f) = P::integer()
    {
        return crate::numpy::integer::map2(P::NAME, a, b, &f);
    }
    match host::compute_dtype(P::NAME, a.dtype())? {
        DType::F64 => apply::<P, f64>(p, a, b),
        _ => apply::<P, f32>(p, a, b),
    }
}

pub(crate) fn same_dtype(name: &str, a: &Tensor, b: &Tensor) -> Result<()> {
    if a.dtype() != b.dtype() {
        candle_core::bail!(
            "{name}: dtypes differ: {:?} and {:?}; use `cast`",
            a.dtype(),
            b.dtype()
        );
    }
    Ok(())
}

#[inline]
fn apply<P: Pairwise, T: Math>(p: P, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let plan = Plan::new(P::NAME, a.dims(), b.dims())?;
    let out = host::read(a, |av: &[T]| {
        host::read(b, |bv: &[T]| {
            Ok(plan.map(
                av,
                bv,
                #[inline(always)]
                |a, b| p.forward(a, b),
            ))
        })
    })?;
    let out = host::storage_as(out, a.dtype(), a.device())?;
    if !(a.track_op() || b.track_op()) {
        return Ok(record(&[], out, &Shape::from(plan.shape()), |_, _| {
            Ok(Default::default())
        }));
    }
    let saved = P::READS.then(|| (a.detach(), b.detach()));
    let (a_shape, b_shape) = (a.shape().clone(), b.shape().clone());
    let shape = Shape::from(plan.shape());
    Ok(record(&[a, b], out, &shape, move |grad, needs| {
        let shapes = [&a_shape, &b_shape];
        let [da, db] = match &saved {
            Some((a, b)) => gradients::<P, T>(p, &plan, &grad, a, b, needs)?,
            // The inputs are not read: the gradient stands in for them.
            None => gradients_of_grad::<P, T>(p, &grad, needs)?,
        };
        let mut slots = [da, db].into_iter().zip(shapes).map(|(g, shape)| match g {
            Some(g) => sum_to(&g, shape).map(Some),
            None => Ok(None),
        });
        slots.by_ref().collect()
    }))
}

/// `(g, a, b)` to one operand's gradient, and whether it is summed to the operand's shape already.
type SideGradient<'a, T> = dyn Fn(&[T], &[T], &[T]) -> (Vec<T>, bool) + 'a;

#[inline]
fn gradients<P: Pairwise, T: Math>(
    p: P,
    plan: &Plan,
    grad: &Tensor,
    a: &Tensor,
    b: &Tensor,
    needs: &Needs,
) -> Result<[Option<Tensor>; 2]> {
    let read = |f: &SideGradient<'_, T>, shape: &Shape| {
        let (out, summed) = host::read(grad, |g: &[T]| {
            host::read(a, |a: &[T]| host::read(b, |b: &[T]| Ok(f(g, a, b))))
        })?;
        let shape = if summed { shape } else { grad.shape() };
        host::tensor(out, grad.dtype(), shape, grad.device())
    };
    let by_a = |g: &[T], a: &[T], b: &[T]| {
        let sums = plan.sums(
            false,
            [g, a, b],
            #[inline(always)]
            |g, a, b| p.da(g, a, b),
        );
        let each = || {
            plan.map_with(
                g,
                a,
                b,
                #[inline(always)]
                |g, a, b| p.da(g, a, b),
            )
        };
        sums.map_or_else(|| (each(), false), |sums| (sums, true))
    };
    let by_b = |g: &[T], a: &[T], b: &[T]| {
        let sums = plan.sums(
            true,
            [g, b, a],
            #[inline(always)]
            |g, b, a| p.db(g, a, b),
        );
        let each = || {
            plan.map_with(
                g,
                a,
                b,
                #[inline(always)]
                |g, a, b| p.db(g, a, b),
            )
        };
        sums.map_or_else(|| (each(), false), |sums| (sums, true))
    };
    let da = needs[0].then(|| read(&by_a, a.shape())).transpose()?;
    let db = needs[1].then(|| read(&by_b, b.shape())).transpose()?;
    Ok([da, db])
}

#[inline]
fn gradients_of_grad<P: Pairwise, T: Math>(
    p: P,
    grad: &Tensor,
    needs: &Needs,
) -> Result<[Option<Tensor>; 2]> {
    let side = |needed: bool, factor: T| match (needed, factor == T::ONE) {
        (false, _) => Ok(None),
        (true, true) => Ok(Some(grad.clone())),
        (true, false) => crate::no_grad(|| crate::mul_scalar(grad, factor.f64())).map(Some),
    };
    let da = side(needs[0], p.da(T::ONE, T::ZERO, T::ZERO))?;
    Ok([da, side(needs[1], p.db(T::ONE, T::ZERO, T::ZERO))?])
}

/// The sum of `grad` over the axes along which `shape` was broadcast.
pub(crate) fn sum_to(grad: &Tensor, shape: &Shape) -> Result<Tensor> {
    if grad.shape() == shape {
        return Ok(grad.clone());
    }
    match host::compute_dtype("sum_to", grad.dtype())? {
        DType::F64 => sum_axes::<f64>(grad, shape),
        _ => sum_axes::<f32>(grad, shape),
    }
}

#[inline]
fn sum_axes<T: Math>(grad: &Tensor, shape: &Shape) -> Result<Tensor> {
    let mut dims = grad.dims().to_vec();
    let mut values: Option<Vec<T>> = None;
    let offset = dims.len() - shape.rank();
    let mut axis = 0;
    while axis < dims.len() {
        let kept = |axis: usize| axis >= offset && shape.dims()[axis - offset] == grad.dims()[axis];
        if kept(axis) || dims[axis] == 1 {
            axis += 1;
            continue;
        }
        let mut end = axis + 1;
        while end < dims.len() && !kept(end) {
            end += 1;
        }
        let extent = reduce::Extent {
            outer: dims[..axis].iter().product(),
            len: dims[axis..end].iter().product(),
            inner: dims[end..].iter().product(),
        };
        values = Some(match &values {
            Some(values) => reduce::fold(Sum, values, extent),
            None => host::read(grad, |g: &[T]| Ok(reduce::fold(Sum, g, extent)))?,
        });
        dims[axis..end].fill(1);
        axis = end;
    }
    match values {
        Some(values) => host::tensor(values, grad.dtype(), shape, grad.device()),
        None => grad.reshape(shape),
    }
}

macro_rules! pairwise_fns {
    ($(
        $(#[$doc:meta])*
        $fun:ident: $type:ident reads $reads:literal,
        |$a:ident, $b:ident| $forward:expr, |$g:ident, $ga:ident, $gb:ident| ($da:expr, $db:expr)
            $(, |$ia:ident, $ib:ident| $integer:expr)?;
    )*) => {$(
        #[doc = concat!("The formula of [`", stringify!($fun), "`](fn@", stringify!($fun), ").")]
        #[derive(Clone, Copy, Debug)]
        pub struct $type;

        #[allow(unused_variables)]
        impl Pairwise for $type {
            const NAME: &'static str = stringify!($fun);
            const READS: bool = $reads;
            #[inline(always)]
            fn forward<T: Math>(self, $a: T, $b: T) -> T {
                $forward
            }
            #[inline(always)]
            fn da<T: Math>(self, $g: T, $ga: T, $gb: T) -> T {
                $da
            }
            #[inline(always)]
            fn db<T: Math>(self, $g: T, $ga: T, $gb: T) -> T {
                $db
            }
            $(fn integer() -> Option<fn(i64, i64) -> i64> {
                Some(|$ia, $ib| $integer)
            })?
        }

        $(#[$doc])*
        ///
        /// Shapes broadcast as in NumPy: see [`pairwise`] for what is an error.
        pub fn $fun(a: &Tensor, b: &Tensor) -> Result<Tensor> {
            pairwise($type, a, b)
        }
    )*};
}

pairwise_fns! {
    /// `a + b`.
    ///
    /// ```
    /// use keras_ops::{self as ops, Device, Tensor};
    /// let a = Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?;
    /// let y = ops::add(&a, &Tensor::new(&[10f32, 20.], &Device::Cpu)?)?;
    /// assert_eq!(y.to_vec2::<f32>()?, [[11., 22.], [13., 24.]]);
    /// # Ok::<(), ops::Error>(())
    /// ```
    add: Add reads false, |a, b| a + b, |g, a, b| (g, g), |a, b| a.wrapping_add(b);
    /// `a - b`.
    subtract: Subtract reads false, |a, b| a - b, |g, a, b| (g, -g), |a, b| a.wrapping_sub(b);
    /// `a * b`.
    multiply: Multiply reads true, |a, b| a * b, |g, a, b| (g * b, g * a), |a, b| a.wrapping_mul(b);
    /// `a / b`.
    divide: Divide reads true, |a, b| a / b, |g, a, b| (g / b, -(g * a / (b * b)));
    /// The larger of `a` and `b`; NaN wins; of equals, each gets half the gradient.
    maximum: Maximum reads true, |a, b| a.larger(b), |g, a, b| (g * share(a > b, a == b), g * share(b > a, a == b)),
        |a, b| a.max(b);
    /// The smaller of `a` and `b`; NaN wins; of equals, each gets half the gradient.
    minimum: Minimum reads true, |a, b| a.smaller(b), |g, a, b| (g * share(a < b, a == b), g * share(b < a, a == b)),
        |a, b| a.min(b);
    /// `a^b`.
    power: Power reads true, |a, b| a.pow(b), |g, a, b| (power_da(g, a, b), power_db(g, a, b)),
        |a, b| crate::numpy::integer::power(a, b);
    /// `a` where it is positive, else `a * b`; the gradients at 0 are 0.
    ///
    /// ```
    /// use keras_ops::{self as ops, Device, Tensor};
    /// let x = Tensor::new(&[-4f32, 3.], &Device::Cpu)?;
    /// assert_eq!(ops::prelu(&x, &Tensor::new(&[0.5f32], &Device::Cpu)?)?.to_vec1::<f32>()?, [-2., 3.]);
    /// # Ok::<(), ops::Error>(())
    /// ```
    prelu: Prelu reads true, |a, b| if a > T::ZERO { a } else { a * b },
        |g, a, b| (g * slope(a, b), if a < T::ZERO { g * a } else { T::ZERO });
}

#[inline(always)]
fn slope<T: Math>(x: T, below: T) -> T {
    if x > T::ZERO {
        T::ONE
    } else if x < T::ZERO {
        below
    } else {
        T::ZERO
    }
}

#[inline(always)]
fn share<T: Math>(wins: bool, ties: bool) -> T {
    if wins {
        T::ONE
    } else if ties {
        T::of(0.5)
    } else {
        T::ZERO
    }
}

#[inline(always)]
fn power_da<T: Math>(g: T, a: T, b: T) -> T {
    if b == T::ZERO {
        T::ZERO
    } else {
        g * b * a.pow(b - T::ONE)
    }
}

// log of 0 must not turn 0^b * log 0 into NaN: its limit is 0.
#[inline(always)]
fn power_db<T: Math>(g: T, a: T, b: T) -> T {
    let log = if a == T::ZERO { T::ZERO } else { a.ln() };
    g * a.pow(b) * log
}

macro_rules! comparisons {
    ($($(#[$doc:meta])* $fun:ident: $op:tt;)*) => {$(
        $(#[$doc])*
        ///
        /// Gives u8, 1 where it holds. Shapes broadcast as in NumPy; dtypes must be equal. No gradient.
        pub fn $fun(a: &Tensor, b: &Tensor) -> Result<Tensor> {
            same_dtype(stringify!($fun), a, b)?;
            let plan = Plan::new(stringify!($fun), a.dims(), b.dims())?;
            let shape = Shape::from(plan.shape());
            macro_rules! run {
                ($t:ty) => {
                    host::read(a, |av: &[$t]| host::read(b, |bv: &[$t]| {
                        Ok(plan.map(av, bv, #[inline(always)] |a: $t, b: $t| (a $op b) as u8))
                    }))?
                };
            }
            let out = match a.dtype() {
                DType::F32 | DType::F16 | DType::BF16 => run!(f32),
                DType::F64 => run!(f64),
                DType::U8 => run!(u8),
                _ => run!(i64),
            };
            host::tensor(out, DType::U8, &shape, a.device())
        }
    )*};
}

comparisons! {
    /// `a == b`.
    equal: ==;
    /// `a != b`.
    not_equal: !=;
    /// `a > b`.
    ///
    /// ```
    /// use keras_ops::{self as ops, Device, Tensor};
    /// let a = Tensor::new(&[1f32, 2., 3.], &Device::Cpu)?;
    /// let y = ops::greater(&a, &Tensor::new(&[2f32], &Device::Cpu)?)?;
    /// assert_eq!(y.to_vec1::<u8>()?, [0, 0, 1]);
    /// # Ok::<(), ops::Error>(())
    /// ```
    greater: >;
    /// `a >= b`.
    greater_equal: >=;
    /// `a < b`.
    less: <;
    /// `a <= b`.
    less_equal: <=;
}
