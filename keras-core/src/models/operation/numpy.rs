//! The operations of `keras.ops` that NumPy has, and of `core`, `math` and `linalg`.

use keras_ops::{self as ops, DType, PadMode, Tensor};

use super::{Op, Operands, ops};
use crate::{Result, bail};

type Made = Result<Vec<Tensor>>;

pub(super) fn one(tensor: ops::Result<Tensor>) -> Made {
    Ok(vec![tensor?])
}

/// Of one tensor.
pub(super) fn map(o: &Operands<'_>, f: fn(&Tensor) -> ops::Result<Tensor>) -> Made {
    one(f(o.x()?))
}

/// Of one tensor of floats; integers become floats, as in Keras.
pub(super) fn float(o: &Operands<'_>, f: fn(&Tensor) -> ops::Result<Tensor>) -> Made {
    one(f(&floats(o.x()?)?))
}

fn floats(x: &Tensor) -> Result<Tensor> {
    Ok(if x.dtype().is_float() {
        x.clone()
    } else {
        ops::cast(x, ops::floatx())?
    })
}

/// Of two operands in one dtype.
pub(super) fn both(o: &Operands<'_>, f: fn(&Tensor, &Tensor) -> ops::Result<Tensor>) -> Made {
    let (a, b) = o.pair(0, 1)?;
    one(f(&a, &b))
}

fn quotient(o: &Operands<'_>) -> Made {
    let (a, b) = o.pair(0, 1)?;
    one(ops::divide(&floats(&a)?, &floats(&b)?))
}

/// Along `axis`, one or several or all.
pub(super) fn fold(o: &Operands<'_>, f: fn(&Tensor, Option<&[i64]>, bool) -> ops::Result<Tensor>) -> Made {
    if o.opt::<f64>("initial")?.is_some() {
        bail!("`initial` is not supported; use `maximum` or `minimum` with it");
    }
    let axes = o.numbers("axis")?;
    one(f(o.x()?, axes.as_deref(), o.or("keepdims", false)?))
}

/// The same, of floats.
pub(super) fn float_fold(
    o: &Operands<'_>,
    f: fn(&Tensor, Option<&[i64]>, bool) -> ops::Result<Tensor>,
) -> Made {
    let axes = o.numbers("axis")?;
    one(f(&floats(o.x()?)?, axes.as_deref(), o.or("keepdims", false)?))
}

fn list(o: &Operands<'_>, f: fn(&[&Tensor], i64) -> ops::Result<Tensor>, axis: i64) -> Made {
    let all: Vec<&Tensor> = o.all().iter().collect();
    one(f(&all, o.or("axis", axis)?))
}

fn place(o: &Operands<'_>, f: fn(&Tensor, Option<i64>, bool) -> ops::Result<Tensor>) -> Made {
    one(f(o.x()?, o.opt("axis")?, o.or("keepdims", false)?))
}

fn reshape(o: &Operands<'_>) -> Made {
    let sizes: Vec<Option<i64>> = o.req("newshape")?;
    if sizes.iter().filter(|size| size.is_none_or(|n| n < 0)).count() > 1 {
        // Keras writes a size that it took from the input as null: the axes before the first known one.
        let x = o.x()?;
        let size =
            |(i, size): (usize, &Option<i64>)| size.unwrap_or(x.dims().get(i).map_or(-1, |n| *n as i64));
        let sizes: Vec<i64> = sizes.iter().enumerate().map(size).collect();
        return one(ops::reshape(x, &sizes));
    }
    let sizes: Vec<i64> = sizes.iter().map(|size| size.unwrap_or(-1)).collect();
    one(ops::reshape(o.x()?, &sizes))
}

fn transpose(o: &Operands<'_>) -> Made {
    let x = o.x()?;
    let order: Vec<usize> = match o.opt("axes")? {
        Some(order) => order,
        None => (0..x.rank()).rev().collect(),
    };
    one(ops::transpose(x, &order))
}

fn split(o: &Operands<'_>) -> Made {
    let (x, axis): (_, i64) = (o.x()?, o.or("axis", 0)?);
    match o.opt::<usize>("indices_or_sections")? {
        Some(sections) => Ok(ops::split(x, sections, axis)?),
        None => bail!("`indices_or_sections` must be the number of parts"),
    }
}

fn repeat(o: &Operands<'_>) -> Made {
    let Some(repeats) = o.numbers("repeats")? else {
        bail!("the argument `repeats` is required")
    };
    let repeats: Vec<usize> = repeats.into_iter().map(|n| n.max(0) as usize).collect();
    one(ops::repeat(o.x()?, repeats.as_slice(), o.opt::<i64>("axis")?))
}

fn tile(o: &Operands<'_>) -> Made {
    let mut x = o.x()?.clone();
    let mut repeats: Vec<usize> = match o.numbers("repeats")? {
        Some(repeats) => repeats.into_iter().map(|n| n.max(0) as usize).collect(),
        None => bail!("the argument `repeats` is required"),
    };
    while repeats.len() > x.rank() {
        x = ops::expand_dims(&x, 0)?;
    }
    let missing = x.rank() - repeats.len();
    repeats.splice(0..0, std::iter::repeat_n(1, missing));
    one(ops::tile(&x, &repeats))
}

fn pad(o: &Operands<'_>) -> Made {
    let value: Option<f64> = o.opt("constant_values")?;
    let mode = match o.or("mode", "constant".to_owned())?.as_str() {
        "constant" => PadMode::Constant(value.unwrap_or(0.)),
        other if value.is_some() => {
            bail!("`constant_values` can only be given with the mode \"constant\", got the mode \"{other}\"")
        }
        "edge" => PadMode::Edge,
        "empty" => PadMode::Constant(0.),
        "linear_ramp" => PadMode::LinearRamp,
        "maximum" => PadMode::Maximum,
        "mean" => PadMode::Mean,
        "median" => PadMode::Median,
        "minimum" => PadMode::Minimum,
        "reflect" => PadMode::Reflect,
        "symmetric" => PadMode::Symmetric,
        "wrap" | "circular" => PadMode::Wrap,
        other => {
            bail!("`mode` must be one of those of `keras.ops.pad`, such as \"constant\", got \"{other}\"")
        }
    };
    let widths: Vec<[usize; 2]> = o.req("pad_width")?;
    let widths: Vec<(usize, usize)> = widths
        .into_iter()
        .map(|[before, after]| (before, after))
        .collect();
    one(ops::pad(o.x()?, &widths, mode))
}

fn clip(o: &Operands<'_>) -> Made {
    one(ops::clip(o.x()?, o.req("x_min")?, o.req("x_max")?))
}

fn choose(o: &Operands<'_>) -> Made {
    let (a, b) = o.pair(1, 2)?;
    one(ops::where_(o.x()?, &a, &b))
}

fn take(o: &Operands<'_>) -> Made {
    one(ops::take(o.x()?, &o.indices(1)?, o.opt::<i64>("axis")?))
}

fn einsum(o: &Operands<'_>) -> Made {
    let all: Vec<&Tensor> = o.all().iter().collect();
    one(ops::einsum(&o.req::<String>("subscripts")?, &all))
}

fn cumsum(o: &Operands<'_>) -> Made {
    one(ops::cumsum(o.x()?, o.opt("axis")?))
}

fn roll(o: &Operands<'_>) -> Made {
    let Some(shift) = o.numbers("shift")? else {
        bail!("the argument `shift` is required")
    };
    one(ops::roll(o.x()?, shift.as_slice(), o.numbers("axis")?.as_deref()))
}

fn flip(o: &Operands<'_>) -> Made {
    one(ops::flip(o.x()?, o.numbers("axis")?.as_deref()))
}

fn squeeze(o: &Operands<'_>) -> Made {
    one(ops::squeeze(o.x()?, o.numbers("axis")?.as_deref()))
}

fn expand_dims(o: &Operands<'_>) -> Made {
    match o.numbers("axis")? {
        Some(axes) => one(ops::expand_dims(o.x()?, axes.as_slice())),
        None => bail!("the argument `axis` is required"),
    }
}

pub(super) fn cast(o: &Operands<'_>) -> Made {
    match o.dtype("dtype")? {
        Some(dtype) => one(ops::cast(o.x()?, dtype)),
        None => bail!("the argument `dtype` is required"),
    }
}

pub(super) fn top_k(o: &Operands<'_>) -> Made {
    let (values, places) = ops::top_k(o.x()?, o.req("k")?)?;
    Ok(vec![values, ops::cast(&places, DType::I32)?])
}

pub(super) fn norm(o: &Operands<'_>) -> Made {
    if o.opt::<f64>("ord")?.is_some_and(|p| p != 2.) {
        bail!("`ord` must be null or 2");
    }
    let axes = o.numbers("axis")?;
    one(ops::norm(
        o.x()?,
        ops::Norm::Euclidean,
        axes.as_deref(),
        o.or("keepdims", false)?,
    ))
}

pub(super) static OPS: &[Op] = ops! {"numpy":
    Add(x1, x2) => |o| both(o, ops::add);
    Subtract(x1, x2) => |o| both(o, ops::subtract);
    Multiply(x1, x2) => |o| both(o, ops::multiply);
    TrueDivide(x1, x2) => quotient;
    Divide(x1, x2) => quotient;
    DivideNoNan(x1, x2) => |o| both(o, ops::divide_no_nan);
    FloorDivide(x1, x2) => |o| both(o, ops::floor_divide);
    Mod(x1, x2) => |o| both(o, ops::mod_);
    Power(x1, x2) => |o| both(o, ops::power);
    Maximum(x1, x2) => |o| both(o, ops::maximum);
    Minimum(x1, x2) => |o| both(o, ops::minimum);
    Matmul(x1, x2) => |o| both(o, ops::matmul);
    Dot(x1, x2) => |o| both(o, ops::dot);
    Greater(x1, x2) boolean => |o| both(o, ops::greater);
    GreaterEqual(x1, x2) boolean => |o| both(o, ops::greater_equal);
    Less(x1, x2) boolean => |o| both(o, ops::less);
    LessEqual(x1, x2) boolean => |o| both(o, ops::less_equal);
    Equal(x1, x2) boolean => |o| both(o, ops::equal);
    NotEqual(x1, x2) boolean => |o| both(o, ops::not_equal);
    LogicalAnd(x1, x2) boolean => |o| both(o, ops::logical_and);
    LogicalOr(x1, x2) boolean => |o| both(o, ops::logical_or);
    LogicalXor(x1, x2) boolean => |o| both(o, ops::logical_xor);
    LogicalNot(x) boolean => |o| map(o, ops::logical_not);
    Isnan(x) boolean => |o| map(o, ops::isnan);
    Isinf(x) boolean => |o| map(o, ops::isinf);
    Isfinite(x) boolean => |o| map(o, ops::isfinite);
    Where(condition, x1, x2) => choose;
    GetItem(x, key) => |o| one(ops::get_item(o.x()?, &o.places(1)?));
    Negative(x) => |o| map(o, ops::neg);
    Absolute(x) => |o| map(o, ops::abs);
    Abs(x) => |o| map(o, ops::abs);
    Exp(x) => |o| float(o, ops::exp);
    Expm1(x) => |o| float(o, ops::expm1);
    Log(x) => |o| float(o, ops::log);
    Log1p(x) => |o| float(o, ops::log1p);
    Log2(x) => |o| float(o, ops::log2);
    Log10(x) => |o| float(o, ops::log10);
    Sqrt(x) => |o| float(o, ops::sqrt);
    Square(x) => |o| map(o, ops::square);
    Reciprocal(x) => |o| float(o, ops::reciprocal);
    Sign(x) => |o| map(o, ops::sign);
    Sin(x) => |o| float(o, ops::sin);
    Cos(x) => |o| float(o, ops::cos);
    Tan(x) => |o| float(o, ops::tan);
    Tanh(x) => |o| float(o, ops::tanh);
    Floor(x) => |o| float(o, ops::floor);
    Ceil(x) => |o| float(o, ops::ceil);
    Round(x)[decimals] => |o| one(ops::round(o.x()?, o.or::<i64>("decimals", 0)? as i32));
    Clip(x)[x_min, x_max] => clip;
    Sum(x)[axis, keepdims] => |o| fold(o, ops::sum);
    Mean(x)[axis, keepdims] => |o| float_fold(o, ops::mean);
    Var(x)[axis, keepdims] => |o| float_fold(o, ops::variance);
    Std(x)[axis, keepdims] => |o| float_fold(o, ops::std);
    Max(x)[axis, keepdims, initial] => |o| fold(o, ops::max);
    Min(x)[axis, keepdims, initial] => |o| fold(o, ops::min);
    Prod(x)[axis, keepdims, dtype] => |o| fold(o, ops::prod);
    Any(x)[axis, keepdims] boolean => |o| fold(o, ops::any);
    All(x)[axis, keepdims] boolean => |o| fold(o, ops::all);
    Argmax(x)[axis, keepdims] => |o| place(o, ops::argmax);
    Argmin(x)[axis, keepdims] => |o| place(o, ops::argmin);
    Cumsum(x)[axis, dtype] => cumsum;
    Reshape(x)[newshape] => reshape;
    Ravel(x) => |o| map(o, ops::ravel);
    Transpose(x)[axes] => transpose;
    Swapaxes(x)[axis1, axis2] => |o| one(ops::swapaxes(o.x()?, o.req("axis1")?, o.req("axis2")?));
    ExpandDims(x)[axis] => expand_dims;
    Squeeze(x)[axis] => squeeze;
    Concatenate(xs)[axis] => |o| list(o, ops::concatenate, 0);
    Stack(x)[axis] => |o| list(o, ops::stack, 0);
    Split(x)[indices_or_sections, axis] => split;
    Repeat(x)[repeats, axis] => repeat;
    Tile(x)[repeats] => tile;
    Pad(x)[pad_width, mode, constant_values] => pad;
    Flip(x)[axis] => flip;
    Roll(x)[shift, axis] => roll;
    Take(x, indices)[axis] => take;
    Einsum(x1, x2, x3, x4)[subscripts] => einsum;
    ZerosLike(x)[dtype] => |o| one(ops::zeros_like(o.x()?, o.dtype("dtype")?));
    OnesLike(x)[dtype] => |o| one(ops::ones_like(o.x()?, o.dtype("dtype")?));
};
