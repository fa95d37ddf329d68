//! Every differentiable operation against finite differences. A new one is a line in [`CASES`].

use keras_ops::{self as ops, DType, Device, Result, Tensor, gradcheck};

/// Shape, and the range its values are spread over.
type Input = (&'static [usize], f64, f64);
type Case = (&'static str, &'static [Input], fn(&[Tensor]) -> Result<Tensor>);

const X: Input = (&[3, 5], -2., 2.3);
const POSITIVE: Input = (&[3, 5], 0.3, 2.5);
const CUBE: Input = (&[2, 3, 5], -2., 2.3);
const ROW: Input = (&[5], 0.4, 1.9);
const COLUMN: Input = (&[3, 1], -1.7, 1.1);
const UNIT: Input = (&[3, 5], 0.02, 0.97);
const SCALAR: Input = (&[], 0.7, 0.9);

/// Distinct values over a range, in a scrambled order, so that no two tie and neighbours differ.
fn values((shape, low, high): Input, salt: usize) -> Result<Tensor> {
    let count: usize = shape.iter().product();
    let at = |i: usize| ((i * 7 + salt * 3) % count.max(1)) as f64 + 0.37 + 0.11 * salt as f64;
    let spread = (0..count)
        .map(|i| low + (high - low) * at(i) / (count as f64 + 1.))
        .collect();
    Tensor::from_vec::<_, f64>(spread, shape, &Device::Cpu)
}

fn labels(labels: &[u32]) -> Result<Tensor> {
    Tensor::new(labels, &Device::Cpu)
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("neg", &[X], |x| ops::neg(&x[0])),
    ("abs", &[X], |x| ops::abs(&x[0])),
    ("exp", &[CUBE], |x| ops::exp(&x[0])),
    ("log", &[POSITIVE], |x| ops::log(&x[0])),
    ("log1p", &[POSITIVE], |x| ops::log1p(&x[0])),
    ("expm1", &[X], |x| ops::expm1(&x[0])),
    ("sqrt", &[POSITIVE], |x| ops::sqrt(&x[0])),
    ("rsqrt", &[POSITIVE], |x| ops::rsqrt(&x[0])),
    ("reciprocal", &[POSITIVE], |x| ops::reciprocal(&x[0])),
    ("square", &[X], |x| ops::square(&x[0])),
    ("sign", &[X], |x| ops::sign(&x[0])),
    ("sin", &[X], |x| ops::sin(&x[0])),
    ("cos", &[X], |x| ops::cos(&x[0])),
    ("erf", &[X], |x| ops::erf(&x[0])),
    ("add_scalar", &[X], |x| ops::add_scalar(&x[0], 0.3)),
    ("mul_scalar", &[X], |x| ops::mul_scalar(&x[0], -1.3)),
    ("scale_shift", &[X], |x| ops::scale_shift(&x[0], 2.5, -1.)),
    ("pow_scalar", &[POSITIVE], |x| ops::pow_scalar(&x[0], 2.7)),
    ("clip", &[X], |x| ops::clip(&x[0], -0.9, 1.1)),
    ("cast", &[X], |x| ops::cast(&ops::square(&x[0])?, DType::F64)),
    ("where_", &[X, POSITIVE], |x| ops::where_(&ops::greater(&x[0], &ops::full_like(&x[0], 0.1)?)?, &x[0], &x[1])),
    ("add", &[X, POSITIVE], |x| ops::add(&x[0], &x[1])),
    ("add row", &[CUBE, ROW], |x| ops::add(&x[0], &x[1])),
    ("subtract column", &[COLUMN, CUBE], |x| ops::subtract(&x[0], &x[1])),
    ("subtract scalar", &[SCALAR, CUBE], |x| ops::subtract(&x[0], &x[1])),
    ("multiply", &[X, POSITIVE], |x| ops::multiply(&x[0], &x[1])),
    ("multiply row", &[CUBE, ROW], |x| ops::multiply(&x[0], &x[1])),
    ("multiply outer", &[COLUMN, ROW], |x| ops::multiply(&x[0], &x[1])),
    ("multiply scalar", &[CUBE, SCALAR], |x| ops::multiply(&x[0], &x[1])),
    ("multiply middle", &[(&[2, 1, 5], -1., 2.), (&[4, 2, 3, 5], -2., 1.)], |x| ops::multiply(&x[0], &x[1])),
    ("divide", &[X, POSITIVE], |x| ops::divide(&x[0], &x[1])),
    ("divide row", &[CUBE, ROW], |x| ops::divide(&x[0], &x[1])),
    ("maximum", &[X, ROW], |x| ops::maximum(&x[0], &x[1])),
    ("minimum", &[X, COLUMN], |x| ops::minimum(&x[0], &x[1])),
    ("power", &[POSITIVE, ROW], |x| ops::power(&x[0], &x[1])),
    ("relu", &[X], |x| ops::relu(&x[0])),
    ("relu_with", &[(&[5, 7], -3., 4.)], |x| ops::relu_with(&x[0], 0.3, Some(2.), 0.5)),
    ("relu6", &[(&[5, 7], -3., 9.)], |x| ops::relu6(&x[0])),
    ("leaky_relu", &[X], |x| ops::leaky_relu(&x[0], 0.2)),
    ("sigmoid", &[X], |x| ops::sigmoid(&x[0])),
    ("hard_sigmoid", &[(&[5, 7], -5., 5.)], |x| ops::hard_sigmoid(&x[0])),
    ("tanh", &[X], |x| ops::tanh(&x[0])),
    ("softplus", &[X], |x| ops::softplus(&x[0])),
    ("softsign", &[X], |x| ops::softsign(&x[0])),
    ("silu", &[X], |x| ops::silu(&x[0])),
    ("hard_silu", &[(&[5, 7], -5., 5.)], |x| ops::hard_silu(&x[0])),
    ("gelu", &[X], |x| ops::gelu(&x[0], false)),
    ("gelu tanh", &[X], |x| ops::gelu(&x[0], true)),
    ("elu", &[X], |x| ops::elu(&x[0], 0.7)),
    ("selu", &[X], |x| ops::selu(&x[0])),
    ("celu", &[X], |x| ops::celu(&x[0], 0.7)),
    ("exponential", &[X], |x| ops::exponential(&x[0])),
    ("log_sigmoid", &[X], |x| ops::log_sigmoid(&x[0])),
    ("mish", &[X], |x| ops::mish(&x[0])),
    ("squareplus", &[X], |x| ops::squareplus(&x[0], 4.)),
    ("sparse_plus", &[X], |x| ops::sparse_plus(&x[0])),
    ("sparse_sigmoid", &[X], |x| ops::sparse_sigmoid(&x[0])),
    ("tanh_shrink", &[X], |x| ops::tanh_shrink(&x[0])),
    ("hard_tanh", &[X], |x| ops::hard_tanh(&x[0])),
    ("hard_shrink", &[X], |x| ops::hard_shrink(&x[0], 0.5)),
    ("soft_shrink", &[X], |x| ops::soft_shrink(&x[0], 0.5)),
    ("threshold", &[X], |x| ops::threshold(&x[0], 0.5, -1.)),
    ("softmax", &[CUBE], |x| ops::softmax(&x[0], &[-1])),
    ("softmax middle", &[CUBE], |x| ops::softmax(&x[0], &[1])),
    ("softmax two axes", &[CUBE], |x| ops::softmax(&x[0], &[0, 2])),
    ("log_softmax", &[CUBE], |x| ops::log_softmax(&x[0], &[-1])),
    ("log_softmax first", &[CUBE], |x| ops::log_softmax(&x[0], &[0])),
    ("sum", &[CUBE], |x| ops::sum(&x[0], None, false)),
    ("sum first", &[CUBE], |x| ops::sum(&x[0], Some(&[0]), false)),
    ("sum outer", &[CUBE], |x| ops::sum(&x[0], Some(&[0, -1]), true)),
    ("mean last", &[CUBE], |x| ops::mean(&x[0], Some(&[-1]), true)),
    ("mean middle", &[CUBE], |x| ops::mean(&x[0], Some(&[1]), false)),
    ("max", &[CUBE], |x| ops::max(&x[0], Some(&[1]), false)),
    ("min", &[CUBE], |x| ops::min(&x[0], Some(&[0, 2]), true)),
    ("categorical_crossentropy", &[POSITIVE, POSITIVE], |x| ops::categorical_crossentropy(&x[0], &x[1], false, -1)),
    ("categorical_crossentropy first", &[POSITIVE, POSITIVE], |x| ops::categorical_crossentropy(&x[0], &x[1], false, 0)),
    ("categorical_crossentropy logits", &[X, CUBE], |x| ops::categorical_crossentropy(&ops::broadcast_to(&x[0], &[2, 3, 5])?, &x[1], true, 1)),
    ("sparse_categorical_crossentropy", &[POSITIVE], |x| ops::sparse_categorical_crossentropy(&labels(&[4, 0, 2])?, &x[0], false, -1)),
    ("sparse_categorical_crossentropy logits", &[X], |x| ops::sparse_categorical_crossentropy(&labels(&[4, 0, 2])?, &x[0], true, -1)),
    ("sparse_categorical_crossentropy first", &[X], |x| ops::sparse_categorical_crossentropy(&labels(&[2, 0, 1, 1, 2])?, &x[0], true, 0)),
    ("sparse from softmax", &[X], |x| ops::sparse_categorical_crossentropy(&labels(&[4, 0, 2])?, &ops::softmax(&x[0], &[-1])?, false, -1)),
    ("binary_crossentropy", &[X, UNIT], |x| ops::binary_crossentropy(&x[0], &x[1], false)),
    ("binary_crossentropy logits", &[POSITIVE, X], |x| ops::binary_crossentropy(&x[0], &x[1], true)),
    ("reshape", &[CUBE], |x| ops::reshape(&x[0], &[5, -1])),
    ("transpose", &[CUBE], |x| ops::transpose(&x[0], &[2, 0, 1])),
    ("expand_dims", &[X], |x| ops::expand_dims(&x[0], 1)),
    ("squeeze", &[COLUMN], |x| ops::squeeze(&x[0], None)),
    ("broadcast_to", &[COLUMN], |x| ops::broadcast_to(&x[0], &[2, 3, 4])),
    ("narrow", &[CUBE], |x| ops::narrow(&x[0], 1, 1, 2)),
    ("slice", &[CUBE], |x| ops::slice(&x[0], &[1, 0, 2], &[1, 2, 3])),
    ("split", &[CUBE], |x| ops::multiply(&ops::split(&x[0], 2, 0)?[0], &ops::split(&x[0], 2, 0)?[1])),
    ("concatenate", &[CUBE, CUBE], |x| ops::concatenate(&[&x[0], &x[1], &x[0]], 1)),
    ("stack", &[X, POSITIVE], |x| ops::stack(&[&x[0], &x[1]], -1)),
    ("pad", &[CUBE], |x| ops::pad(&x[0], &[(0, 0), (1, 2), (0, 0)], 3.)),
    ("pad last", &[CUBE], |x| ops::pad(&x[0], &[(1, 0), (0, 0), (2, 1)], 0.)),
    ("flip", &[CUBE], |x| ops::flip(&x[0], &[0, -1])),
    ("tile", &[X], |x| ops::tile(&x[0], &[2, 3])),
    ("repeat", &[X], |x| ops::repeat(&x[0], 2, 1)),
    ("take", &[CUBE], |x| ops::take(&x[0], &labels(&[2, 0, 2, 2])?, 1)),
    ("take_along_axis", &[X], |x| ops::take_along_axis(&x[0], &ops::reshape(&labels(&[4, 0, 2, 2, 3, 3])?, &[3, 2])?, 1)),
    ("take_along_axis first", &[X], |x| ops::take_along_axis(&x[0], &ops::reshape(&labels(&[1, 0, 2, 2, 0])?, &[1, 5])?, 0)),
    ("glu", &[(&[3, 4, 5], -2., 2.)], |x| ops::glu(&x[0], 1)),
    ("sparsemax", &[CUBE], |x| ops::sparsemax(&x[0], -1)),
    ("sparsemax middle", &[CUBE], |x| ops::sparsemax(&x[0], 1)),
    ("variance", &[CUBE], |x| ops::variance(&x[0], Some(&[0, 2]), false)),
    ("variance all", &[CUBE], |x| ops::variance(&x[0], None, true)),
    ("std", &[CUBE], |x| ops::std(&x[0], Some(&[1]), false)),
    ("logsumexp", &[CUBE], |x| ops::logsumexp(&x[0], Some(&[1]), true)),
    ("logsumexp all", &[CUBE], |x| ops::logsumexp(&x[0], None, false)),
    ("prod", &[CUBE], |x| ops::prod(&x[0], Some(&[-1]), false)),
];

#[test]
fn recorded_gradients_match_differences() {
    let mut failures = Vec::new();
    for (name, inputs, f) in CASES {
        let inputs: Result<Vec<_>> = inputs.iter().enumerate().map(|(i, x)| values(*x, i)).collect();
        if let Err(error) = inputs.and_then(|inputs| gradcheck::check(name, &inputs, f)) {
            failures.push(error.to_string());
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} failed:\n{}",
        failures.len(),
        CASES.len(),
        failures.join("\n")
    );
}

#[test]
fn a_wrong_gradient_is_named() {
    let x = values(X, 0).unwrap();
    let wrong = |x: &[Tensor]| {
        let y = ops::square(&x[0])?.detach();
        ops::add(&y, &ops::mul_scalar(&x[0], 0.5)?)
    };
    let error = gradcheck::check("wrong", &[x], wrong).unwrap_err().to_string();
    assert!(
        error.contains("input 0 [3, 5]") && error.contains("[0, 0]"),
        "{error}"
    );
    assert!(error.contains("expected") && error.contains("got"), "{error}");
}
