//! The operations of `keras.ops` for neural networks, and of its other modules.

use keras_ops::{self as ops, Tensor};

use super::numpy::{cast, float, float_fold, map, norm, one, top_k};
use super::{Op, Operands, ops};
use crate::Result;

/// Softmax and its logarithm, along one axis or several.
fn along(o: &Operands<'_>, f: fn(&Tensor, &[i64]) -> ops::Result<Tensor>) -> Result<Vec<Tensor>> {
    let axes = o.numbers("axis")?.unwrap_or_else(|| vec![-1]);
    one(f(o.x()?, &axes))
}

fn one_hot(o: &Operands<'_>) -> Result<Vec<Tensor>> {
    let dtype = o.dtype("dtype")?.unwrap_or_else(ops::floatx);
    one(ops::one_hot(
        o.x()?,
        o.req("num_classes")?,
        o.or("axis", -1)?,
        dtype,
    ))
}

fn normalize(o: &Operands<'_>) -> Result<Vec<Tensor>> {
    let order = o.or::<i64>("order", 2)?.try_into().unwrap_or(2);
    one(ops::normalize(
        o.x()?,
        o.or("axis", -1)?,
        order,
        o.or("epsilon", ops::EPSILON)?,
    ))
}

fn convert(o: &Operands<'_>) -> Result<Vec<Tensor>> {
    match o.dtype("dtype")? {
        Some(_) => cast(o),
        None => Ok(vec![o.x()?.clone()]),
    }
}

pub(super) static NN: &[Op] = ops! {"nn":
    Relu(x) => |o| map(o, ops::relu);
    Relu6(x) => |o| map(o, ops::relu6);
    Sigmoid(x) => |o| float(o, ops::sigmoid);
    Softplus(x) => |o| float(o, ops::softplus);
    Softsign(x) => |o| float(o, ops::softsign);
    Silu(x) => |o| float(o, ops::silu);
    LogSigmoid(x) => |o| float(o, ops::log_sigmoid);
    HardSigmoid(x) => |o| float(o, ops::hard_sigmoid);
    HardSilu(x) => |o| float(o, ops::hard_silu);
    HardTanh(x) => |o| float(o, ops::hard_tanh);
    TanhShrink(x) => |o| float(o, ops::tanh_shrink);
    Selu(x) => |o| float(o, ops::selu);
    LeakyRelu(x)[negative_slope] => |o| one(ops::leaky_relu(o.x()?, o.or("negative_slope", 0.2)?));
    Elu(x)[alpha] => |o| one(ops::elu(o.x()?, o.or("alpha", 1.)?));
    Celu(x)[alpha] => |o| one(ops::celu(o.x()?, o.or("alpha", 1.)?));
    Gelu(x)[approximate] => |o| one(ops::gelu(o.x()?, o.or("approximate", true)?));
    Glu(x)[axis] => |o| one(ops::glu(o.x()?, o.or("axis", -1)?));
    Softmax(x)[axis] => |o| along(o, ops::softmax);
    LogSoftmax(x)[axis] => |o| along(o, ops::log_softmax);
    HardShrink(x)[threshold] => |o| one(ops::hard_shrink(o.x()?, o.or("threshold", 0.5)?));
    SoftShrink(x)[threshold] => |o| one(ops::soft_shrink(o.x()?, o.or("threshold", 0.5)?));
    Threshold(x)[threshold, default_value] => |o| one(ops::threshold(o.x()?, o.req("threshold")?, o.req("default_value")?));
    Squareplus(x)[b] => |o| one(ops::squareplus(o.x()?, o.or("b", 4.)?));
    Sparsemax(x)[axis] => |o| one(ops::sparsemax(o.x()?, o.or("axis", -1)?));
    SparsePlus(x) => |o| float(o, ops::sparse_plus);
    SparseSigmoid(x) => |o| float(o, ops::sparse_sigmoid);
    OneHot(x)[num_classes, axis, dtype, sparse] => one_hot;
    Normalize(x)[axis, order, epsilon] => normalize;
};

pub(super) static CORE: &[Op] = ops! {"core":
    Cast(x)[dtype] => cast;
    ConvertToTensor(x)[dtype, sparse, ragged] => convert;
    StopGradient(variable) => |o| map(o, ops::stop_gradient);
};

pub(super) static MATH: &[Op] = ops! {"math":
    Rsqrt(x) => |o| float(o, ops::rsqrt);
    Erfc(x) => |o| float(o, ops::erfc);
    Erfinv(x) => |o| float(o, ops::erfinv);
    Erf(x) => |o| float(o, ops::erf);
    Logsumexp(x)[axis, keepdims] => |o| float_fold(o, ops::logsumexp);
    TopK(x)[k, sorted] => top_k;
};

pub(super) static LINALG: &[Op] = ops! {"linalg":
    Det(x) => |o| float(o, ops::det);
    Norm(x)[ord, axis, keepdims] => norm;
};
