//! Further operations of `keras.ops.numpy`: of single elements, of their order, of places in matrices.

use keras_ops::{self as ops, DType, NanToNum};

use super::numpy::{both, float, fold, map, one};
use super::{Op, Operands, ops};
use crate::{Result, bail};

type Made = Result<Vec<ops::Tensor>>;

/// Positions, which are whole numbers with a sign in Keras.
fn positions(places: ops::Result<ops::Tensor>) -> Made {
    one(ops::cast(&places?, DType::I32))
}

fn count_nonzero(o: &Operands<'_>) -> Made {
    let axes = o.numbers("axis")?;
    positions(ops::count_nonzero(o.x()?, axes.as_deref(), false))
}

fn moveaxis(o: &Operands<'_>) -> Made {
    match (o.numbers("source")?, o.numbers("destination")?) {
        (Some(from), Some(to)) => one(ops::moveaxis(o.x()?, from.as_slice(), to.as_slice())),
        _ => bail!("the arguments `source` and `destination` are required"),
    }
}

fn nan_to_num(o: &Operands<'_>) -> Made {
    let options = NanToNum {
        nan: o.or("nan", 0.)?,
        posinf: o.opt("posinf")?,
        neginf: o.opt("neginf")?,
    };
    one(ops::nan_to_num(o.x()?, options))
}

fn take_along_axis(o: &Operands<'_>) -> Made {
    one(ops::take_along_axis(
        o.x()?,
        &o.indices(1)?,
        o.opt::<i64>("axis")?,
    ))
}

pub(super) static ELEMENTS: &[Op] = ops! {"numpy":
    Sinh(x) => |o| float(o, ops::sinh);
    Cosh(x) => |o| float(o, ops::cosh);
    Arcsin(x) => |o| float(o, ops::arcsin);
    Arccos(x) => |o| float(o, ops::arccos);
    Arctan(x) => |o| float(o, ops::arctan);
    Arcsinh(x) => |o| float(o, ops::arcsinh);
    Arccosh(x) => |o| float(o, ops::arccosh);
    Arctanh(x) => |o| float(o, ops::arctanh);
    Exp2(x) => |o| float(o, ops::exp2);
    Cbrt(x) => |o| float(o, ops::cbrt);
    Deg2rad(x) => |o| float(o, ops::deg2rad);
    Rad2deg(x) => |o| float(o, ops::rad2deg);
    Sinc(x) => |o| float(o, ops::sinc);
    I0(x) => |o| float(o, ops::i0);
    Fabs(x) => |o| float(o, ops::fabs);
    Trunc(x) => |o| map(o, ops::trunc);
    Signbit(x) boolean => |o| map(o, ops::signbit);
    Isposinf(x) boolean => |o| map(o, ops::isposinf);
    Isneginf(x) boolean => |o| map(o, ops::isneginf);
    NanToNum(x)[nan, posinf, neginf] => nan_to_num;
    Arctan2(x1, x2) => |o| both(o, ops::arctan2);
    Hypot(x1, x2) => |o| both(o, ops::hypot);
    Logaddexp(x1, x2) => |o| both(o, ops::logaddexp);
    Logaddexp2(x1, x2) => |o| both(o, ops::logaddexp2);
    Heaviside(x1, x2) => |o| both(o, ops::heaviside);
    Fmax(x1, x2) => |o| both(o, ops::fmax);
    Fmin(x1, x2) => |o| both(o, ops::fmin);
    Inner(x1, x2) => |o| both(o, ops::inner);
    Outer(x1, x2) => |o| both(o, ops::outer);
    Kron(x1, x2) => |o| both(o, ops::kron);
    Amax(x)[axis, keepdims] => |o| fold(o, ops::amax);
    Amin(x)[axis, keepdims] => |o| fold(o, ops::amin);
    Median(x)[axis, keepdims] => |o| fold(o, ops::median);
    CountNonzero(x)[axis] => count_nonzero;
    Cumprod(x)[axis, dtype] => |o| one(ops::cumprod(o.x()?, o.opt("axis")?));
    Sort(x)[axis] => |o| one(ops::sort(o.x()?, o.or("axis", -1)?));
    Argsort(x)[axis] => |o| positions(ops::argsort(o.x()?, o.or("axis", -1)?));
    Diff(a)[n, axis] => |o| one(ops::diff(o.x()?, o.or("n", 1)?, o.or("axis", -1)?));
    TakeAlongAxis(x, indices)[axis] => take_along_axis;
    Moveaxis(x)[source, destination] => moveaxis;
    Tril(x)[k] => |o| one(ops::tril(o.x()?, o.or("k", 0)?));
    Triu(x)[k] => |o| one(ops::triu(o.x()?, o.or("k", 0)?));
    Trace(x)[offset, axis1, axis2] => |o| one(ops::trace(o.x()?, o.or("offset", 0)?, o.or("axis1", 0)?, o.or("axis2", 1)?));
    Diagonal(x)[offset, axis1, axis2] => |o| one(ops::diagonal(o.x()?, o.or("offset", 0)?, o.or("axis1", 0)?, o.or("axis2", 1)?));
    Hstack(xs) => |o| one(ops::hstack(&o.all().iter().collect::<Vec<_>>()));
    Vstack(xs) => |o| one(ops::vstack(&o.all().iter().collect::<Vec<_>>()));
    Dstack(xs) => |o| one(ops::dstack(&o.all().iter().collect::<Vec<_>>()));
};
