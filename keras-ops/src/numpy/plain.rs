//! Functions of single elements that are not worth a vectorised kernel each: one loop in `f64` for all.

use candle_core::{DType, Result, Shape, Tensor};

use crate::host;
use crate::kernels::broadcast::Plan;
use crate::kernels::map::{map1, map2};
use crate::pairwise::{same_dtype, sum_to};
use crate::tape::{record, record_with_output};

type Fn1 = fn(f64) -> f64;
type Fn2 = fn(f64, f64) -> f64;

/// Applies `f` to every element; `slope(x, y)` is its derivative, `y` the result.
pub(crate) fn plain1(op: &'static str, f: Fn1, slope: Fn2, x: &Tensor) -> Result<Tensor> {
    let (dtype, device) = (x.dtype(), x.device());
    let out = match host::compute_dtype(op, dtype)? {
        DType::F64 => host::read(x, |x: &[f64]| host::storage(map1(x, f), device)),
        _ => host::read(x, |x: &[f32]| {
            host::storage_as(map1(x, |x| f(x as f64) as f32), dtype, device)
        }),
    }?;
    let saved = x.detach();
    Ok(record_with_output(&[x], out, x.shape(), move |grad, y, _| {
        let slopes = zip(&saved, y, slope)?;
        crate::multiply(&grad, &slopes).map(|dx| [Some(dx)].into_iter().collect())
    }))
}

/// `f(a, b)` of float tensors of one shape and dtype.
fn zip(a: &Tensor, b: &Tensor, f: Fn2) -> Result<Tensor> {
    let (dtype, device) = (a.dtype(), a.device());
    match dtype {
        DType::F64 => {
            let out = host::read(a, |a: &[f64]| host::read(b, |b: &[f64]| Ok(map2(a, b, f))))?;
            host::tensor(out, dtype, a.shape(), device)
        }
        _ => {
            let f = |a: f32, b: f32| f(a as f64, b as f64) as f32;
            let out = host::read(a, |a: &[f32]| host::read(b, |b: &[f32]| Ok(map2(a, b, f))))?;
            host::tensor(out, dtype, a.shape(), device)
        }
    }
}

/// Applies `f` to every pair of the broadcast; `slopes(a, b, y)` are its derivatives by `a` and by `b`.
pub(crate) fn plain2(
    op: &'static str,
    f: Fn2,
    slopes: fn(f64, f64, f64) -> (f64, f64),
    a: &Tensor,
    b: &Tensor,
) -> Result<Tensor> {
    same_dtype(op, a, b)?;
    let dtype = a.dtype();
    let plan = Plan::new(op, a.dims(), b.dims())?;
    let shape = Shape::from(plan.shape());
    let out = match host::compute_dtype(op, dtype)? {
        DType::F64 => host::read(a, |a: &[f64]| host::read(b, |b: &[f64]| Ok(plan.map(a, b, f))))
            .and_then(|out| host::storage(out, a.device())),
        _ => {
            let f = |a: f32, b: f32| f(a as f64, b as f64) as f32;
            host::read(a, |a: &[f32]| host::read(b, |b: &[f32]| Ok(plan.map(a, b, f))))
                .and_then(|out| host::storage_as(out, dtype, a.device()))
        }
    }?;
    let (left, right) = (a.detach(), b.detach());
    Ok(record(&[a, b], out, &shape, move |grad, needs| {
        // The backward pass is rare enough to work in f64 throughout.
        let wide = |x: &Tensor| -> Result<Vec<f64>> {
            let x = x.broadcast_as(grad.shape())?;
            host::read(&x, |x: &[f64]| Ok(x.to_vec()))
        };
        let (a, b, g) = (wide(&left)?, wide(&right)?, wide(&grad)?);
        let f = |(g, (a, b)): (&f64, (&f64, &f64))| {
            let (da, db) = slopes(*a, *b, f(*a, *b));
            (g * da, g * db)
        };
        let (da, db): (Vec<f64>, Vec<f64>) = g.iter().zip(a.iter().zip(&b)).map(f).unzip();
        let side = |needed: bool, d: Vec<f64>, like: &Tensor| -> Result<Option<Tensor>> {
            if !needed {
                return Ok(None);
            }
            let d = host::tensor(d, dtype, grad.shape(), grad.device())?;
            sum_to(&d, like.shape()).map(Some)
        };
        let da = side(needs[0], da, &left)?;
        Ok([da, side(needs[1], db, &right)?].into_iter().collect())
    }))
}

/// Defines functions by [`plain1`].
macro_rules! plain_fns {
    ($(
        $(#[$doc:meta])*
        $fun:ident: f64 saves both, |$x:ident| $forward:expr, |$dx:ident, $dy:ident| $slope:expr;
    )*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// When `x` is not a float tensor.
        #[allow(unused_variables)]
        pub fn $fun(x: &candle_core::Tensor) -> candle_core::Result<candle_core::Tensor> {
            $crate::numpy::plain::plain1(stringify!($fun), |$x| $forward, |$dx, $dy| $slope, x)
        }
    )*};
}

/// Defines functions by [`plain2`]; a third formula is for integers.
macro_rules! plain_pairs {
    ($(
        $(#[$doc:meta])*
        $fun:ident: f64 reads both, |$a:ident, $b:ident| $forward:expr, |$da:ident, $db:ident, $y:ident| $slopes:expr
            $(, |$ia:ident, $ib:ident| $integer:expr)?;
    )*) => {$(
        $(#[$doc])*
        ///
        /// Shapes broadcast as in NumPy.
        ///
        /// # Errors
        /// When the shapes do not broadcast, or the dtypes differ or are not float.
        #[allow(unused_variables)]
        pub fn $fun(x1: &candle_core::Tensor, x2: &candle_core::Tensor) -> candle_core::Result<candle_core::Tensor> {
            $(if !x1.dtype().is_float() {
                return $crate::numpy::integer::map2(stringify!($fun), x1, x2, &|$ia: i64, $ib: i64| $integer);
            })?
            let slopes = |$da: f64, $db: f64, $y: f64| $slopes;
            $crate::numpy::plain::plain2(stringify!($fun), |$a, $b| $forward, slopes, x1, x2)
        }
    )*};
}

pub(crate) use {plain_fns, plain_pairs};
