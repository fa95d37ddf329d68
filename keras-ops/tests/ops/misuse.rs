//! Wrong ranks, dtypes, sizes, axes and arguments of every operation: an error that names it, and never a panic.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use keras_ops::{
    self as ops, AttentionOptions, BlockOptions, ConvArgs, CorrelateMode, CrossAxes, CtcSearch, DType,
    Device, FusedActivation, Index, Indexing, IsClose, Norm, PadMode, PoolArgs, Quantile, Reduction, Result,
    Space, StftOptions, Tensor, Trapezoid, Vectorize,
};

use super::names;

type Wrong = (&'static str, fn() -> Result<()>);

const CPU: Device = Device::Cpu;
const LINEAR: FusedActivation = FusedActivation::Linear;
const FAR: i64 = 7;

/// Floats between 0.1 and 1.
fn f(dims: &[usize]) -> Tensor {
    let values: Vec<f32> = (0..dims.iter().product())
        .map(|i: usize| 0.1 + (i % 10) as f32 * 0.09)
        .collect();
    Tensor::from_vec(values, dims, &CPU).unwrap()
}

/// Small integers.
fn u(dims: &[usize]) -> Tensor {
    let values: Vec<i64> = (0..dims.iter().product())
        .map(|i: usize| (i % 3) as i64)
        .collect();
    Tensor::from_vec(values, dims, &CPU).unwrap()
}

fn m() -> Tensor {
    f(&[2, 3])
}

fn shares() -> Tensor {
    f(&[2])
}

macro_rules! wrong {
    ($($name:literal: $call:expr;)*) => { &[$(($name, || $call.map(drop))),*] };
}

/// Operations of one float tensor: of integers they are errors.
macro_rules! integers {
    ($($name:ident)*) => { &[$((concat!(stringify!($name), " of integers"), || ops::$name(&u(&[2, 3])).map(drop))),*] };
}

/// Operations of two tensors: of other dtypes and sizes they are errors.
macro_rules! pairs {
    ($($name:ident)*) => { &[$(
        (concat!(stringify!($name), " dtypes"), || ops::$name(&f(&[2, 3]), &u(&[2, 3])).map(drop)),
        (concat!(stringify!($name), " sizes"), || ops::$name(&f(&[2, 3]), &f(&[2, 4])).map(drop))
    ),*] };
}

/// Reductions: an axis that is not there, one named twice.
macro_rules! reductions {
    ($($name:ident)*) => { &[$(
        (concat!(stringify!($name), " axis"), || ops::$name(&m(), Some(&[FAR]), false).map(drop)),
        (concat!(stringify!($name), " negative axis"), || ops::$name(&m(), Some(&[-3]), true).map(drop)),
        (concat!(stringify!($name), " twice"), || ops::$name(&m(), Some(&[0, -2]), false).map(drop))
    ),*] };
}

/// Operations along one axis at most.
macro_rules! along {
    ($($name:ident)*) => { &[$(
        (concat!(stringify!($name), " axis"), || ops::$name(&m(), Some(FAR)).map(drop))
    ),*] };
}

/// Operations of square matrices.
macro_rules! square {
    ($($name:ident)*) => { &[$(
        (concat!(stringify!($name), " of a vector"), || ops::$name(&f(&[3])).map(drop)),
        (concat!(stringify!($name), " not square"), || ops::$name(&m()).map(drop)),
        (concat!(stringify!($name), " of integers"), || ops::$name(&u(&[2, 2])).map(drop))
    ),*] };
}

const INTEGERS: &[Wrong] = integers! {
    arccos arccosh arcsin arcsinh arctan arctanh cbrt cos cosh erf erfc erfinv exp exp2 expm1 i0 log log10 log1p log2
    log_sigmoid relu6 rsqrt sigmoid silu sin sinc sinh softplus softsign sqrt tan tanh tanh_shrink sparse_plus
    sparse_sigmoid selu hard_sigmoid hard_silu hard_tanh deg2rad rad2deg
};

const PAIRS: &[Wrong] = pairs! {
    add subtract multiply divide true_divide maximum minimum power fmod floor_divide divide_no_nan fmax fmin arctan2
    hypot logaddexp logaddexp2 heaviside mod_ equal not_equal greater greater_equal less less_equal gcd lcm bitwise_and
    bitwise_or bitwise_xor left_shift right_shift bitwise_left_shift bitwise_right_shift nextafter
};

const REDUCTIONS: &[Wrong] = reductions! {
    all any amax amin count_nonzero logsumexp max mean median min nanmax nanmean nanmedian nanmin nanprod nanstd nansum
    nanvar prod ptp std sum var
};

const ALONG: &[Wrong] = along! { cumsum cumprod nancumsum nancumprod unique };

const SQUARE: &[Wrong] = square! { det eig eigh inv logdet lu_factor slogdet };

#[rustfmt::skip]
const REST: &[Wrong] = wrong! {
    "adaptive_average_pool rank": ops::adaptive_average_pool(&m(), 2, false);
    "adaptive_max_pool rank": ops::adaptive_max_pool(&m(), 2, false);
    "allclose sizes": ops::allclose(&m(), &f(&[4]), IsClose::default());
    "append axis": ops::append(&m(), &m(), Some(FAR));
    "append sizes": ops::append(&m(), &f(&[2, 2]), Some(0));
    "arange step": ops::arange(0., 1., 0., DType::F32, &CPU);
    "argmax axis": ops::argmax(&m(), Some(FAR), false);
    "argmin axis": ops::argmin(&m(), Some(-3), false);
    "argpartition axis": ops::argpartition(&m(), 0, FAR);
    "argpartition kth": ops::argpartition(&m(), 9, -1);
    "argsort axis": ops::argsort(&m(), FAR);
    "array_split axis": ops::array_split(&m(), 2, FAR);
    "array_split none": ops::array_split(&m(), 0, 0);
    "associative_scan axis": ops::associative_scan(ops::add, &m(), false, FAR);
    "average axis": ops::average(&m(), Some(&[FAR]), None);
    "average weights": ops::average(&m(), Some(&[1]), Some(&f(&[4])));
    "average_pool rank": ops::average_pool(&m(), &PoolArgs::new(2));
    "batch_normalization axis": ops::batch_normalization(&m(), &f(&[3]), &f(&[3]), FAR, None, None, 1e-3);
    "batch_normalization sizes": ops::batch_normalization(&m(), &f(&[2]), &f(&[3]), -1, None, None, 1e-3);
    "binary_crossentropy shapes": ops::binary_crossentropy(&m(), &f(&[4]), false);
    "bincount of floats": ops::bincount(&f(&[3]), None, 0);
    "bincount weights": ops::bincount(&u(&[3]), Some(&f(&[4])), 0);
    "broadcast_to shape": ops::broadcast_to(&m(), &[2, 2]);
    "categorical_crossentropy shapes": ops::categorical_crossentropy(&m(), &f(&[2, 4]), false, -1);
    "categorical_crossentropy axis": ops::categorical_crossentropy(&m(), &m(), false, FAR);
    "cdist sizes": ops::cdist(&m(), &f(&[2, 4]));
    "celu of integers": ops::celu(&u(&[3]), 1.);
    "cholesky not square": ops::cholesky(&m(), false);
    "cholesky of zeros": ops::cholesky(&Tensor::zeros((2, 2), DType::F32, &CPU)?, false);
    "cholesky_inverse not square": ops::cholesky_inverse(&m(), false);
    "concatenate none": ops::concatenate(&[], 0);
    "concatenate axis": ops::concatenate(&[&m(), &m()], FAR);
    "concatenate sizes": ops::concatenate(&[&m(), &f(&[2, 4])], 0);
    "concatenate dtypes": ops::concatenate(&[&m(), &u(&[2, 3])], 0);
    "cond many": ops::cond(&m(), || Ok(1), || Ok(2));
    "conv rank": ops::conv(&m(), &m(), None, &ConvArgs::default(), LINEAR);
    "conv channels": ops::conv(&f(&[1, 4, 3]), &f(&[2, 2, 5]), None, &ConvArgs::default(), LINEAR);
    "conv_transpose rank": ops::conv_transpose(&m(), &m(), None, &ConvArgs::default(), LINEAR);
    "corrcoef rank": ops::corrcoef(&f(&[2, 2, 2]));
    "correlate rank": ops::correlate(&m(), &f(&[2]), CorrelateMode::Valid);
    "cross sizes": ops::cross(&f(&[2, 4]), &f(&[2, 4]), CrossAxes::default());
    "cross axis": ops::cross(&m(), &m(), CrossAxes { axis: Some(FAR), ..Default::default() });
    "ctc_decode rank": ops::ctc_decode(&m(), &u(&[2]), CtcSearch::default(), 0);
    "ctc_decode lengths": ops::ctc_decode(&f(&[2, 3, 4]), &u(&[3]), CtcSearch::default(), 0);
    "ctc_loss rank": ops::ctc_loss(&u(&[2, 2]), &m(), &u(&[2]), &u(&[2]), 0);
    "ctc_loss lengths": ops::ctc_loss(&u(&[2, 2]), &f(&[2, 5, 4]), &u(&[3]), &u(&[2]), 0);
    "depth_to_space rank": ops::depth_to_space(&m(), 2, false);
    "depth_to_space channels": ops::depth_to_space(&f(&[1, 2, 2, 3]), 2, false);
    "depthwise_conv rank": ops::depthwise_conv(&m(), &m(), None, &ConvArgs::default(), LINEAR);
    "diag rank": ops::diag(&f(&[2, 2, 2]), 0);
    "diagonal axis": ops::diagonal(&m(), 0, 0, FAR);
    "diagonal one axis": ops::diagonal(&m(), 0, 1, 1);
    "diff axis": ops::diff(&m(), 1, FAR);
    "digitize bins": ops::digitize(&m(), &m());
    "dot sizes": ops::dot(&m(), &m());
    "dot_product_attention rank": ops::dot_product_attention(&m(), &m(), &m(), &AttentionOptions::default());
    "dot_product_attention sizes": ops::dot_product_attention(&f(&[1, 2, 2, 4]), &f(&[1, 2, 2, 3]), &f(&[1, 2, 2, 4]), &AttentionOptions::default());
    "dsplit rank": ops::dsplit(&m(), 2);
    "dstack sizes": ops::dstack(&[&m(), &f(&[3, 3])]);
    "einsum subscripts": ops::einsum("ij,jk", &[&m()]);
    "einsum sizes": ops::einsum("ij,jk->ik", &[&m(), &m()]);
    "einsum output": ops::einsum("ij->k", &[&m()]);
    "elu of integers": ops::elu(&u(&[3]), 1.);
    "expand_dims axis": ops::expand_dims(&m(), FAR);
    "extract_sequences length": ops::extract_sequences(&m(), 0, 1);
    "extract_sequences scalar": ops::extract_sequences(&f(&[]), 1, 1);
    "fft shapes": ops::fft(&m(), &f(&[4]));
    "fft of integers": ops::fft(&u(&[4]), &u(&[4]));
    "fft2 rank": ops::fft2(&f(&[4]), &f(&[4]));
    "flip axis": ops::flip(&m(), Some(&[FAR]));
    "fliplr rank": ops::fliplr(&f(&[3]));
    "flipud rank": ops::flipud(&f(&[]));
    "fold rank": ops::fold(&m(), [4, 4], &BlockOptions::new([2, 2]));
    "gelu of integers": ops::gelu(&u(&[3]), true);
    "geomspace shapes": ops::geomspace(&m(), &f(&[4]), Space::default());
    "get_item too many": ops::get_item(&m(), &[Index::At(0), Index::At(0), Index::At(0)]);
    "get_item range": ops::get_item(&m(), &[Index::At(5)]);
    "glu axis": ops::glu(&m(), FAR);
    "glu odd": ops::glu(&m(), -1);
    "hard_shrink of integers": ops::hard_shrink(&u(&[3]), 0.5);
    "histogram none": ops::histogram(&m(), 0, None);
    "hsplit parts": ops::hsplit(&m(), 2);
    "hstack sizes": ops::hstack(&[&m(), &f(&[3, 3])]);
    "ifft2 rank": ops::ifft2(&f(&[4]), &f(&[4]));
    "in_top_k shapes": ops::in_top_k(&u(&[3]), &m(), 1);
    "inner sizes": ops::inner(&m(), &f(&[2, 4]));
    "irfft shapes": ops::irfft(&m(), &f(&[4]), None);
    "isclose sizes": ops::isclose(&m(), &f(&[4]), IsClose::default());
    "istft rank": ops::istft(&f(&[3]), &f(&[3]), &StftOptions::new(4, 2, 4), None);
    "kron dtypes": ops::kron(&m(), &u(&[2, 2]));
    "layer_normalization axis": ops::layer_normalization(&m(), None, None, &[FAR], 1e-3);
    "layer_normalization sizes": ops::layer_normalization(&m(), Some(&f(&[2])), None, &[-1], 1e-3);
    "ldexp of integers": ops::ldexp(&u(&[3]), &u(&[3]));
    "leaky_relu of integers": ops::leaky_relu(&u(&[3]), 0.2);
    "linspace shapes": ops::linspace(&m(), &f(&[4]), Space::default());
    "linspace axis": ops::linspace(&m(), &m(), Space { axis: FAR, ..Default::default() });
    "log_softmax axis": ops::log_softmax(&m(), &[FAR]);
    "logical_and sizes": ops::logical_and(&m(), &f(&[4]));
    "logical_or sizes": ops::logical_or(&m(), &f(&[4]));
    "logical_xor sizes": ops::logical_xor(&m(), &f(&[4]));
    "logspace shapes": ops::logspace(&m(), &f(&[4]), 10., Space::default());
    "lstsq sizes": ops::lstsq(&m(), &f(&[3, 1]), None);
    "map scalar": ops::map(ops::square, &f(&[]));
    "matmul sizes": ops::matmul(&m(), &m());
    "matmul dtypes": ops::matmul(&m(), &u(&[3, 2]));
    "matmul scalar": ops::matmul(&m(), &f(&[]));
    "matrix_rank rank": ops::matrix_rank(&f(&[3]), None);
    "max_pool rank": ops::max_pool(&m(), &PoolArgs::new(2));
    "meshgrid rank": ops::meshgrid(&[&f(&[2, 2, 2])], Indexing::Xy);
    "moments axis": ops::moments(&m(), &[FAR], false);
    "moveaxis axis": ops::moveaxis(&m(), 0, FAR);
    "moveaxis counts": ops::moveaxis(&m(), [0, 1], 0);
    "multi_hot of floats": ops::multi_hot(&m(), 3, DType::F32);
    "nanargmax axis": ops::nanargmax(&m(), Some(FAR), false);
    "nanargmin axis": ops::nanargmin(&m(), Some(FAR), false);
    "nanpercentile axis": ops::nanpercentile(&m(), &shares(), Quantile { axis: Some(&[FAR]), ..Default::default() });
    "nanquantile axis": ops::nanquantile(&m(), &shares(), Quantile { axis: Some(&[FAR]), ..Default::default() });
    "norm axis": ops::norm(&m(), Norm::Euclidean, Some(&[FAR]), false);
    "norm of integers": ops::norm(&u(&[3]), Norm::Euclidean, None, false);
    "normalize axis": ops::normalize(&m(), FAR, 2, 1e-7);
    "one_hot of floats": ops::one_hot(&m(), 3, -1, DType::F32);
    "one_hot axis": ops::one_hot(&u(&[3]), 3, FAR, DType::F32);
    "outer dtypes": ops::outer(&m(), &u(&[3]));
    "pad pairs": ops::pad(&m(), &[(1, 1)], 0.);
    "pad empty": ops::pad(&f(&[2, 0]), &[(0, 0), (1, 1)], PadMode::Edge);
    "percentile share": ops::percentile(&m(), &Tensor::new(&[120f32], &CPU)?, Quantile::default());
    "percentile axis": ops::percentile(&m(), &shares(), Quantile { axis: Some(&[FAR]), ..Default::default() });
    "pinv rank": ops::pinv(&f(&[3]), None);
    "polar shapes": ops::polar(&m(), &f(&[4]));
    "psnr shapes": ops::psnr(&m(), &f(&[4]), 1.);
    "qr rank": ops::qr(&f(&[3]), false);
    "quantile share": ops::quantile(&m(), &Tensor::new(&[1.2f32], &CPU)?, Quantile::default());
    "quantile axis": ops::quantile(&m(), &shares(), Quantile { axis: Some(&[FAR]), ..Default::default() });
    "rearrange pattern": ops::rearrange(&m(), "a b c -> c b a", &[]);
    "rearrange sizes": ops::rearrange(&m(), "(a b) c -> a b c", &[("a", 5)]);
    "repeat axis": ops::repeat(&m(), 2, FAR);
    "repeat counts": ops::repeat(&m(), [1, 2], 1);
    "reshape sizes": ops::reshape(&m(), &[4, -1]);
    "reshape two open": ops::reshape(&m(), &[-1, -1]);
    "rfft of integers": ops::rfft(&u(&[4]), None);
    "rfft scalar": ops::rfft(&f(&[]), None);
    "rms_normalization axis": ops::rms_normalization(&m(), None, &[FAR], 1e-3);
    "roll axis": ops::roll(&m(), 1, Some(&[FAR]));
    "rot90 axes": ops::rot90(&m(), 1, (0, FAR));
    "rot90 one axis": ops::rot90(&m(), 1, (1, 1));
    "scan scalar": ops::scan(|c: i32, x| Ok((c, x.clone())), 0, &f(&[]), false);
    "scatter shapes": ops::scatter(&u(&[2, 1]), &f(&[3]), &[4]);
    "scatter range": ops::scatter(&Tensor::new(&[[9i64]], &CPU)?, &f(&[1]), &[4]);
    "scatter_update shapes": ops::scatter_update(&m(), &u(&[2, 1]), &f(&[3, 3]), Reduction::Add);
    "scatter_update dtypes": ops::scatter_update(&m(), &u(&[2, 1]), &u(&[2, 3]), Reduction::Add);
    "searchsorted rank": ops::searchsorted(&m(), &f(&[2]), false);
    "segment_max of floats": ops::segment_max(&m(), &f(&[2]), None, false);
    "segment_min ids": ops::segment_min(&m(), &u(&[3]), None, false);
    "segment_prod ids": ops::segment_prod(&m(), &u(&[3]), None, false);
    "segment_sum ids": ops::segment_sum(&m(), &u(&[3]), None, false);
    "select counts": ops::select(&[&m()], &[], None);
    "separable_conv rank": ops::separable_conv(&m(), &m(), &m(), None, &ConvArgs::default(), LINEAR);
    "slice range": ops::slice(&m(), &[1, 0], &[2, 3]);
    "slice counts": ops::slice(&m(), &[1], &[1]);
    "slice_update range": ops::slice_update(&m(), &[1, 0], &f(&[2, 3]));
    "slice_update dtypes": ops::slice_update(&m(), &[0, 0], &u(&[1, 1]));
    "soft_shrink of integers": ops::soft_shrink(&u(&[3]), 0.5);
    "softmax axis": ops::softmax(&m(), &[FAR]);
    "softmax of integers": ops::softmax(&u(&[3]), &[-1]);
    "solve sizes": ops::solve(&f(&[2, 2]), &f(&[3]));
    "solve not square": ops::solve(&m(), &f(&[2]));
    "solve_triangular sizes": ops::solve_triangular(&f(&[2, 2]), &f(&[3]), true);
    "sort axis": ops::sort(&m(), FAR);
    "space_to_depth rank": ops::space_to_depth(&m(), 2, false);
    "space_to_depth size": ops::space_to_depth(&f(&[1, 3, 3, 1]), 2, false);
    "sparse_categorical_crossentropy shapes": ops::sparse_categorical_crossentropy(&u(&[3]), &m(), false, -1);
    "sparse_categorical_crossentropy axis": ops::sparse_categorical_crossentropy(&u(&[2]), &m(), false, FAR);
    "sparsemax axis": ops::sparsemax(&m(), FAR);
    "split axis": ops::split(&m(), 1, FAR);
    "split parts": ops::split(&m(), 2, 1);
    "split none": ops::split(&m(), 0, 1);
    "squareplus of integers": ops::squareplus(&u(&[3]), 4.);
    "squeeze size": ops::squeeze(&m(), Some(&[1]));
    "squeeze axis": ops::squeeze(&m(), Some(&[FAR]));
    "stack none": ops::stack(&[], 0);
    "stack axis": ops::stack(&[&m()], FAR);
    "stack sizes": ops::stack(&[&m(), &f(&[2, 4])], 0);
    "stft length": ops::stft(&m(), &StftOptions::new(0, 1, 4));
    "stft of integers": ops::stft(&u(&[9]), &StftOptions::new(4, 2, 4));
    "svd rank": ops::svd(&f(&[3]), true);
    "swapaxes axis": ops::swapaxes(&m(), 0, FAR);
    "switch none": ops::switch::<i32>(&f(&[1]), &[]);
    "take axis": ops::take(&m(), &u(&[2]), FAR);
    "take range": ops::take(&m(), &Tensor::new(&[5i64], &CPU)?, 0);
    "take of floats": ops::take(&m(), &f(&[2]), 0);
    "take_along_axis shapes": ops::take_along_axis(&m(), &u(&[3, 1]), 1);
    "take_along_axis axis": ops::take_along_axis(&m(), &u(&[2, 1]), FAR);
    "tensordot sizes": ops::tensordot(&m(), &m(), 1);
    "tensordot axes": ops::tensordot(&m(), &m(), 5);
    "threshold of integers": ops::threshold(&u(&[3]), 1., 0.);
    "tile counts": ops::tile(&m(), &[2]);
    "top_k many": ops::top_k(&m(), 9);
    "top_k scalar": ops::top_k(&f(&[]), 1);
    "trace rank": ops::trace(&f(&[3]), 0, 0, 1);
    "transpose order": ops::transpose(&m(), &[0, 0]);
    "transpose counts": ops::transpose(&m(), &[0]);
    "trapezoid axis": ops::trapezoid(&m(), Trapezoid { axis: FAR, ..Default::default() });
    "trapezoid places": ops::trapezoid(&m(), Trapezoid { x: Some(&f(&[5])), ..Default::default() });
    "tril rank": ops::tril(&f(&[]), 0);
    "triu rank": ops::triu(&f(&[]), 0);
    "unfold rank": ops::unfold(&m(), &BlockOptions::new([2, 2]));
    "unravel_index range": ops::unravel_index(&u(&[3]), &[1, 2]);
    "unravel_index of floats": ops::unravel_index(&f(&[3]), &[4]);
    "unstack axis": ops::unstack(&m(), FAR);
    "vander rank": ops::vander(&m(), None, false);
    "vdot sizes": ops::vdot(&m(), &f(&[4]));
    "vectorize signature": ops::vectorize(|x| Ok(x[0].clone()), Vectorize { signature: Some("n->n".into()), ..Default::default() })(&[&m()]);
    "vectorize arguments": ops::vectorize(|x| Ok(x[0].clone()), Vectorize { signature: Some("(n),(n)->()".into()), ..Default::default() })(&[&m()]);
    "vectorize excluded": ops::vectorize(|x| Ok(x[0].clone()), Vectorize { excluded: vec![3], ..Default::default() })(&[&m()]);
    "vectorize result": ops::vectorize(|_| Ok(f(&[2])), Vectorize::default())(&[&m()]);
    "vectorize sizes": ops::vectorize(|x| Ok(x[0].clone()), Vectorize::default())(&[&m(), &f(&[4])]);
    "vectorized_map scalar": ops::vectorized_map(ops::square, &f(&[]));
    "view size": ops::view(&f(&[3]), DType::F64);
    "view_as_complex size": ops::view_as_complex(&m());
    "view_as_real shapes": ops::view_as_real(&m(), &f(&[4]));
    "vsplit parts": ops::vsplit(&f(&[3]), 2);
    "vstack sizes": ops::vstack(&[&m(), &f(&[2, 4])]);
    "where_ sizes": ops::where_(&u(&[4]), &m(), &m());
    "where_ dtypes": ops::where_(&u(&[2, 3]), &m(), &u(&[2, 3]));
};

/// Nothing that their types allow is wrong.
const ALWAYS_RIGHT: &[&str] = &[
    // Every dtype and shape.
    "abs absolute fabs angle bitwise_invert bitwise_not cast ceil clip conj conjugate copy diagflat empty_like",
    "floor full_like identity imag isfinite isin isinf isnan isneginf isposinf isreal logical_not nan_to_num ndim negative nonzero",
    "ones_like ravel real reciprocal relu round saturate_cast shape sign signbit size square stop_gradient trunc",
    "zeros_like dtype",
    // From nothing but sizes.
    "bartlett blackman empty eye full hamming hanning kaiser ones tri zeros",
    // Closures; their own errors.
    "custom_gradient fori_loop while_loop",
    "array convert_to_numpy convert_to_tensor",
];

#[test]
fn misuse_is_an_error_that_names_the_operation() {
    let mut failures = Vec::new();
    let tables = [INTEGERS, PAIRS, REDUCTIONS, ALONG, SQUARE, REST];
    for (name, call) in tables.iter().copied().flatten() {
        let function = match name.split(' ').next().unwrap_or(name) {
            // Second names of one function.
            "true_divide" => "divide",
            "bitwise_left_shift" => "left_shift",
            "bitwise_right_shift" => "right_shift",
            "amax" => "max",
            "amin" => "min",
            own => own.trim_end_matches('_'),
        };
        match catch_unwind(AssertUnwindSafe(call)) {
            Err(_) => failures.push(format!("{name}: panics")),
            Ok(Ok(())) => failures.push(format!("{name}: no error")),
            Ok(Err(error)) => {
                let message = error.to_string();
                let message = message.lines().next().unwrap_or_default();
                let named = message.trim_start_matches('`').starts_with(function);
                let twice = message.starts_with(&format!("{function}: {function}:"));
                if !named || twice || message.len() < function.len() + 20 {
                    failures.push(format!("{name}: the message is: {message}"));
                }
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{}:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn every_operation_is_misused() {
    let tables = [INTEGERS, PAIRS, REDUCTIONS, ALONG, SQUARE, REST];
    let tables = tables.iter().copied().flatten();
    let mut known: BTreeSet<&str> = tables.filter_map(|(name, _)| name.split(' ').next()).collect();
    known.extend(ALWAYS_RIGHT.iter().flat_map(|names| names.split(' ')));
    let missing: Vec<&str> = names::imported().filter(|name| !known.contains(name)).collect();
    assert!(missing.is_empty(), "not misused in misuse.rs: {missing:?}");
}
