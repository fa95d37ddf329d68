//! Values of NumPy's functions against Keras: see keras/make_numpy.py.

use std::collections::{BTreeMap, BTreeSet};

use keras_ops::{
    self as ops, CorrelateMode, CrossAxes, DType, Device, Indexing, Interpolation, IsClose, NanToNum,
    PadMode, Quantile, Result, Space, Tensor, Trapezoid,
};

type Run = fn(&[Tensor]) -> Result<Vec<Tensor>>;

const CPU: Device = Device::Cpu;
const F32: DType = DType::F32;

fn five() -> Space {
    Space {
        num: 5,
        ..Space::default()
    }
}

/// The two paddings of the file: the second adds more than the axis has.
fn padded(x: &Tensor, mode: PadMode) -> Result<Tensor> {
    let second = x.flatten_all()?.to_vec1::<f32>()?.is_sorted();
    let widths = if second {
        [(0, 0), (7, 5)]
    } else {
        [(1, 0), (2, 3)]
    };
    ops::pad(x, &widths, mode)
}

macro_rules! unary {
    ($($name:ident)*) => { &[$((stringify!($name), |x| Ok(vec![ops::$name(&x[0])?]))),*] };
}

macro_rules! binary {
    ($($name:ident)*) => { &[$((stringify!($name), |x| Ok(vec![ops::$name(&x[0], &x[1])?]))),*] };
}

macro_rules! one {
    ($($name:literal: |$x:ident| $body:expr;)*) => { &[$(($name, |$x| Ok(vec![$body?]))),*] };
}

const UNARY: &[(&str, Run)] = unary! {
    absolute fabs negative sin cos tan arccos arcsin arctan sinh cosh tanh arccosh arcsinh arctanh sinc cbrt exp exp2
    expm1 log log2 log10 log1p sqrt rsqrt reciprocal square sign floor ceil trunc erf erfc erfinv angle conj real
    imag isreal signbit isnan isinf isfinite isneginf isposinf deg2rad rad2deg logical_not ravel copy stop_gradient i0
    bitwise_not bitwise_invert fliplr flipud
};

const BINARY: &[(&str, Run)] = binary! {
    add subtract multiply divide true_divide maximum minimum power fmod floor_divide divide_no_nan fmax fmin arctan2
    hypot logaddexp logaddexp2 heaviside equal not_equal greater greater_equal less less_equal logical_and logical_or
    logical_xor bitwise_and bitwise_or bitwise_xor gcd lcm left_shift right_shift bitwise_left_shift
    bitwise_right_shift nextafter ldexp dot inner outer vdot kron matmul
};

const ONE: &[(&str, Run)] = one! {
    "mod": |x| ops::mod_(&x[0], &x[1]);
    "round 0": |x| ops::round(&x[0], 0);
    "round 1": |x| ops::round(&x[0], 1);
    "round -1": |x| ops::round(&x[0], -1);
    "clip": |x| ops::clip(&x[0], -1., 2.);
    "nan_to_num": |x| ops::nan_to_num(&x[0], NanToNum::default());
    "nan_to_num given": |x| ops::nan_to_num(&x[0], NanToNum { nan: 7., posinf: Some(8.), neginf: Some(-9.) });
    "isclose False": |x| ops::isclose(&x[0], &x[1], IsClose::default());
    "isclose True": |x| ops::isclose(&x[0], &x[1], IsClose { equal_nan: true, ..IsClose::default() });
    "allclose": |x| ops::allclose(&x[0], &ops::broadcast_to(&x[1], x[0].dims())?, IsClose::default());
    "where": |x| ops::where_(&x[0], &x[1], &x[2]);
    "pad edge": |x| padded(&x[0], PadMode::Edge);
    "pad linear_ramp": |x| padded(&x[0], PadMode::LinearRamp);
    "pad maximum": |x| padded(&x[0], PadMode::Maximum);
    "pad mean": |x| padded(&x[0], PadMode::Mean);
    "pad median": |x| padded(&x[0], PadMode::Median);
    "pad minimum": |x| padded(&x[0], PadMode::Minimum);
    "pad reflect": |x| padded(&x[0], PadMode::Reflect);
    "pad symmetric": |x| padded(&x[0], PadMode::Symmetric);
    "pad wrap": |x| padded(&x[0], PadMode::Wrap);
    "pad reflect one": |x| ops::pad(&x[0], &[(2, 3)], PadMode::Reflect);
    "repeat flat": |x| ops::repeat(&x[0], 2, None);
    "repeat each": |x| ops::repeat(&x[0], [2, 0, 3], -1);
    "take flat": |x| ops::take(&x[0], &x[1], None);
    "take_along_axis flat": |x| ops::take_along_axis(&x[0], &x[1], None);
    "flip all": |x| ops::flip(&x[0], None);
    "one_hot -1": |x| ops::one_hot(&x[0], 3, -1, F32);
    "one_hot 0": |x| ops::one_hot(&x[0], 3, 0, F32);
    "one_hot 1": |x| ops::one_hot(&x[0], 3, 1, F32);
    "select": |x| ops::select(&[&x[0], &x[1]], &[&x[2], &x[3]], None);
    "saturate_cast": |x| ops::saturate_cast(&x[0], DType::U8);
    "tril -1": |x| ops::tril(&x[0], -1);
    "tril 0": |x| ops::tril(&x[0], 0);
    "tril 2": |x| ops::tril(&x[0], 2);
    "triu -1": |x| ops::triu(&x[0], -1);
    "triu 0": |x| ops::triu(&x[0], 0);
    "triu 2": |x| ops::triu(&x[0], 2);
    "eye -1": |_x| ops::eye(3, Some(4), -1, F32, &CPU);
    "eye 0": |_x| ops::eye(3, Some(4), 0, F32, &CPU);
    "eye 2": |_x| ops::eye(3, Some(4), 2, F32, &CPU);
    "tri -1": |_x| ops::tri(3, Some(4), -1, F32, &CPU);
    "tri 0": |_x| ops::tri(3, Some(4), 0, F32, &CPU);
    "tri 2": |_x| ops::tri(3, Some(4), 2, F32, &CPU);
    "diag -1": |x| ops::diag(&x[0], -1);
    "diag 0": |x| ops::diag(&x[0], 0);
    "diag 2": |x| ops::diag(&x[0], 2);
    "diagflat -1": |x| ops::diagflat(&x[0], -1);
    "diagflat 0": |x| ops::diagflat(&x[0], 0);
    "diagflat 2": |x| ops::diagflat(&x[0], 2);
    "diagonal -1": |x| ops::diagonal(&x[0], -1, 1, 2);
    "diagonal 0": |x| ops::diagonal(&x[0], 0, 1, 2);
    "diagonal 2": |x| ops::diagonal(&x[0], 2, 1, 2);
    "trace -1": |x| ops::trace(&x[0], -1, 0, -1);
    "trace 0": |x| ops::trace(&x[0], 0, 0, -1);
    "trace 2": |x| ops::trace(&x[0], 2, 0, -1);
    "identity": |_x| ops::identity(3, F32, &CPU);
    "full": |_x| ops::full((2, 3), 2.5, F32, &CPU);
    "vander": |x| ops::vander(&x[0], None, false);
    "vander increasing": |x| ops::vander(&x[0], Some(3), true);
    "linspace": |x| ops::linspace(&x[0], &x[1], five());
    "linspace open": |x| ops::linspace(&x[0], &x[1], Space { num: 4, endpoint: false, axis: -1 });
    "linspace one": |x| ops::linspace(&x[0], &x[1], Space { num: 1, ..five() });
    "logspace": |x| ops::logspace(&x[0], &x[1], 2., five());
    "geomspace": |x| ops::geomspace(&x[0], &x[1], five());
    "moveaxis": |x| ops::moveaxis(&x[0], 0, -1);
    "moveaxis two": |x| ops::moveaxis(&x[0], [0, 1], [-1, 0]);
    "swapaxes": |x| ops::swapaxes(&x[0], 0, -1);
    "roll": |x| ops::roll(&x[0], 2, Some(&[1]));
    "roll two": |x| ops::roll(&x[0], [1, -5], Some(&[0, 2]));
    "roll all": |x| ops::roll(&x[0], -3, None);
    "rot90 1": |x| ops::rot90(&x[0], 1, (1, 2));
    "rot90 2": |x| ops::rot90(&x[0], 2, (1, 2));
    "rot90 3": |x| ops::rot90(&x[0], 3, (1, 2));
    "rot90 -1": |x| ops::rot90(&x[0], -1, (1, 2));
    "depth_to_space": |x| ops::depth_to_space(&x[0], 2, false);
    "depth_to_space first": |x| ops::depth_to_space(&x[0], 2, true);
    "space_to_depth": |x| ops::space_to_depth(&x[0], 2, false);
    "space_to_depth first": |x| ops::space_to_depth(&x[0], 2, true);
    "rearrange": |x| ops::rearrange(&x[0], "b (h p) w (q c) -> (b h) q (w p c)", &[("p", 2), ("q", 4)]);
    "hstack": |x| ops::hstack(&[&x[0], &x[1]]);
    "vstack": |x| ops::vstack(&[&x[0], &x[1]]);
    "dstack": |x| ops::dstack(&[&x[0], &x[1]]);
    "append": |x| ops::append(&x[0], &x[1], None);
    "append rows": |x| ops::append(&x[0], &x[1], Some(0));
    "view": |x| ops::view(&x[0], DType::I32);
    "average": |x| ops::average(&x[0], Some(&[1]), Some(&x[1]));
    "average all": |x| ops::average(&x[0], None, Some(&x[1]));
    "quantile several": |x| ops::quantile(&x[0], &Tensor::new(&[0f32, 0.2, 0.5, 1.], &CPU)?, Quantile { axis: Some(&[0, 2]), ..Quantile::default() });
    "quantile all": |x| ops::quantile(&x[0], &Tensor::new(0.7f64, &CPU)?, Quantile::default());
    "corrcoef": |x| ops::corrcoef(&x[0]);
    "correlate valid": |x| ops::correlate(&x[0], &x[1], CorrelateMode::Valid);
    "correlate same": |x| ops::correlate(&x[0], &x[1], CorrelateMode::Same);
    "correlate full": |x| ops::correlate(&x[0], &x[1], CorrelateMode::Full);
    "diff": |x| ops::diff(&x[0], 1, 1);
    "diff two": |x| ops::diff(&x[0], 2, -1);
    "trapezoid": |x| ops::trapezoid(&x[0], Trapezoid { dx: 0.5, axis: 1, ..Trapezoid::default() });
    "trapezoid places": |x| ops::trapezoid(&x[0], Trapezoid { x: Some(&x[1]), ..Trapezoid::default() });
    "cross": |x| ops::cross(&x[0], &x[1], CrossAxes::default());
    "cross axes": |x| ops::cross(&x[0], &x[1], CrossAxes { axisa: 1, axisb: -1, axisc: 0, axis: None });
    "cross axis": |x| ops::cross(&x[0], &x[1], CrossAxes { axis: Some(1), ..CrossAxes::default() });
    "tensordot 1": |x| ops::tensordot(&x[0], &x[1], 1);
    "tensordot pairs": |x| ops::tensordot(&x[0], &x[1], ([1, 2], [0, 1]));
};

const MANY: &[(&str, Run)] = &[
    ("meshgrid xy", |x| {
        ops::meshgrid(&[&x[0], &x[1], &x[2]], Indexing::Xy)
    }),
    ("meshgrid ij", |x| ops::meshgrid(&[&x[0], &x[1]], Indexing::Ij)),
    ("histogram", |x| pair(ops::histogram(&x[0], 5, None))),
    ("histogram range", |x| {
        pair(ops::histogram(&x[0], 4, Some((-1., 2.))))
    }),
    ("array_split", |x| ops::array_split(&x[0], 3, 1)),
    ("split places", |x| ops::split(&x[0], [1, 2], 1)),
    ("hsplit", |x| ops::hsplit(&x[0], 2)),
    ("vsplit", |x| ops::vsplit(&x[0], [1])),
    ("dsplit", |x| ops::dsplit(&x[0], 2)),
    ("unstack", |x| ops::unstack(&x[0], 1)),
];

fn pair(result: Result<(Tensor, Tensor)>) -> Result<Vec<Tensor>> {
    result.map(|(a, b)| vec![a, b])
}

/// The axes in a name: `sum 0 2`.
fn axes(text: &str) -> Option<Vec<i64>> {
    (text != "None").then(|| text.split(' ').map(|n| n.parse().unwrap()).collect())
}

type Reduction = fn(&Tensor, Option<&[i64]>, bool) -> Result<Tensor>;
type Lane = fn(&Tensor, Option<i64>) -> Result<Tensor>;
type OfShare = fn(&Tensor, &Tensor, Quantile<'_>) -> Result<Tensor>;

const REDUCTIONS: &[(&str, Reduction)] = &[
    ("sum", ops::sum),
    ("mean", ops::mean),
    ("max", ops::max),
    ("min", ops::min),
    ("prod", ops::prod),
    ("var", ops::var),
    ("std", ops::std),
    ("amax", ops::amax),
    ("amin", ops::amin),
    ("ptp", ops::ptp),
    ("median", ops::median),
    ("any", ops::any),
    ("all", ops::all),
    ("nansum", ops::nansum),
    ("nanmean", ops::nanmean),
    ("nanmax", ops::nanmax),
    ("nanmin", ops::nanmin),
    ("nanprod", ops::nanprod),
    ("nanvar", ops::nanvar),
    ("nanstd", ops::nanstd),
    ("nanmedian", ops::nanmedian),
    ("logsumexp", ops::logsumexp),
];

const LANES: &[(&str, Lane)] = &[
    ("cumsum", ops::cumsum),
    ("cumprod", ops::cumprod),
    ("nancumsum", ops::nancumsum),
    ("nancumprod", ops::nancumprod),
    ("argmax", |x, axis| ops::argmax(x, axis, false)),
    ("argmin", |x, axis| ops::argmin(x, axis, false)),
    ("nanargmax", |x, axis| ops::nanargmax(x, axis, false)),
    ("nanargmin", |x, axis| ops::nanargmin(x, axis, false)),
    ("count_nonzero", |x, axis| {
        ops::count_nonzero(x, axis.map(|a| [a]).as_ref().map(|a| a.as_slice()), false)
    }),
];

const SHARES: &[(&str, OfShare)] = &[
    ("quantile", ops::quantile),
    ("percentile", ops::percentile),
    ("nanquantile", ops::nanquantile),
    ("nanpercentile", ops::nanpercentile),
];

const METHODS: &[(&str, Interpolation)] = &[
    ("linear", Interpolation::Linear),
    ("lower", Interpolation::Lower),
    ("higher", Interpolation::Higher),
    ("midpoint", Interpolation::Midpoint),
    ("nearest", Interpolation::Nearest),
];

fn find<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table.iter().find(|(n, _)| *n == name).map(|(_, value)| *value)
}

/// Functions whose names have their arguments: axes, methods, subscripts.
fn with_arguments(name: &str, x: &[Tensor]) -> Option<Result<Tensor>> {
    let (name, rest) = name.split_once(' ')?;
    if name == "einsum" {
        return Some(ops::einsum(rest, &x.iter().collect::<Vec<_>>()));
    }
    if let Some(of_share) = find(SHARES, name) {
        let method = find(METHODS, rest)?;
        let share = if name.ends_with("percentile") { 35. } else { 0.35 };
        let options = Quantile {
            axis: Some(&[-1]),
            method,
            keepdims: true,
        };
        return Some(of_share(&x[0], &Tensor::new(share, &CPU).unwrap(), options));
    }
    if let Some(lane) = find(LANES, name) {
        return Some(lane(&x[0], axes(rest).map(|a| a[0])));
    }
    let reduction = find(REDUCTIONS, name)?;
    let single = matches!(name, "ptp" | "nanmedian") && rest == "0 2";
    let axes = if single { Some(vec![1]) } else { axes(rest) };
    Some(reduction(&x[0], axes.as_deref(), rest == "-1"))
}

/// `window points`.
fn window(name: &str) -> Option<Result<Tensor>> {
    let (name, n) = name.split_once(' ')?;
    let n = n.parse().ok()?;
    Some(match name {
        "bartlett" => ops::bartlett(n, F32, &CPU),
        "blackman" => ops::blackman(n, F32, &CPU),
        "hamming" => ops::hamming(n, F32, &CPU),
        "hanning" => ops::hanning(n, F32, &CPU),
        "kaiser" => ops::kaiser(n, 8.6, F32, &CPU),
        _ => return None,
    })
}

/// Inputs and outputs by case.
type Stored = BTreeMap<String, (Vec<Tensor>, Vec<Tensor>)>;

fn stored() -> Stored {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ops/keras/numpy.safetensors");
    let mut tensors: Vec<_> = candle_core::safetensors::load(path, &CPU)
        .unwrap()
        .into_iter()
        .collect();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    let mut cases = Stored::new();
    for (key, tensor) in tensors {
        let (name, place) = key.rsplit_once('/').unwrap();
        let case = cases.entry(name.to_owned()).or_default();
        match place.starts_with("in") {
            true => case.0.push(tensor),
            false => case.1.push(tensor),
        }
    }
    cases
}

fn compare(got: &[Tensor], want: &[Tensor]) -> std::result::Result<(), String> {
    if got.len() != want.len() {
        return Err(format!("{} results, expected {}", got.len(), want.len()));
    }
    for (got, want) in got.iter().zip(want) {
        let integer = |x: &Tensor| !x.dtype().is_float();
        if got.dims() != want.dims() || integer(got) != integer(want) {
            let (g, w) = (got.dtype(), want.dtype());
            return Err(format!(
                "{:?} {g:?}, expected {:?} {w:?}",
                got.dims(),
                want.dims()
            ));
        }
        let flat = |x: &Tensor| x.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
        let (got, want) = (flat(got).unwrap(), flat(want).unwrap());
        for (at, (g, w)) in got.iter().zip(&want).enumerate() {
            let same = g == w || (g.is_nan() && w.is_nan());
            // JAX's own approximations are good to a few 1e-6.
            let close = (g - w).abs() <= 1e-6 + 1e-5 * w.abs();
            if !same && !close {
                return Err(format!("at {at}: {g:e}, expected {w:e}"));
            }
        }
    }
    Ok(())
}

#[test]
fn values_are_those_of_keras() {
    let table: BTreeMap<&str, Run> = [UNARY, BINARY, ONE, MANY].concat().into_iter().collect();
    let mut used = BTreeSet::new();
    let mut failures = Vec::new();
    let cases = stored();
    for (name, (inputs, expected)) in &cases {
        let function = name.split('#').next().unwrap();
        let other = || window(function).or_else(|| with_arguments(function, inputs));
        let result = match table.get(function) {
            Some(run) => run(inputs),
            None => match other() {
                Some(tensor) => tensor.map(|t| vec![t]),
                None => panic!("{name} is not in the table"),
            },
        };
        used.insert(function.to_owned());
        let outcome = result.map_err(|e| e.to_string());
        if let Err(why) = outcome.and_then(|got| compare(&got, expected)) {
            failures.push(format!("{name}: {why}"));
        }
    }
    let unused: Vec<_> = table.keys().filter(|name| !used.contains(**name)).collect();
    assert!(unused.is_empty(), "no case for {unused:?}");
    assert!(
        failures.is_empty(),
        "{} of {} cases differ:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
    println!("{} functions, {} cases", used.len(), cases.len());
}
