//! Convolution and pooling against real Keras 3.15 (`keras/make_conv.py`), in single precision against double, and
//! their errors.

use std::collections::{HashMap, HashSet};

use keras_ops::{
    self as ops, ConvArgs, ConvOptions, ConvTransposeOptions, DType, Device, FusedActivation as Act,
    GradientTape, Padding, PoolArgs, PoolOptions, Result, Sizes, Tensor, Var,
};

use Padding::{Causal, Same, Valid};

/// A call on the inputs, a padding and whether channels come first.
type Call = fn(&[Tensor], Padding, bool) -> Result<Tensor>;

fn args(
    strides: impl Into<Sizes>,
    dilation: impl Into<Sizes>,
    padding: Padding,
    channels_first: bool,
) -> ConvArgs {
    ConvArgs {
        strides: strides.into(),
        dilation: dilation.into(),
        padding,
        channels_first,
        output_padding: None,
    }
}

fn conv(x: &[Tensor], args: ConvArgs) -> Result<Tensor> {
    ops::conv(&x[0], &x[1], x.get(2), &args, Act::Linear)
}

fn depthwise(x: &[Tensor], args: ConvArgs) -> Result<Tensor> {
    ops::depthwise_conv(&x[0], &x[1], x.get(2), &args, Act::Linear)
}

fn separable(x: &[Tensor], args: ConvArgs) -> Result<Tensor> {
    ops::separable_conv(&x[0], &x[1], &x[2], x.get(3), &args, Act::Linear)
}

fn transposed(x: &[Tensor], args: ConvArgs, output_padding: Option<Sizes>) -> Result<Tensor> {
    let args = ConvArgs {
        output_padding,
        ..args
    };
    ops::conv_transpose(&x[0], &x[1], x.get(2), &args, Act::Linear)
}

fn pool(
    size: impl Into<Sizes>,
    strides: impl Into<Sizes>,
    padding: Padding,
    channels_first: bool,
) -> PoolArgs {
    PoolArgs {
        strides: Some(strides.into()),
        padding,
        channels_first,
        ..PoolArgs::new(size)
    }
}

/// Each with both paddings.
#[rustfmt::skip]
const BOTH: &[(&str, Call)] = &[
    ("conv1d", |x, p, c| conv(x, args(1, 1, p, c))),
    ("conv2d", |x, p, c| conv(x, args(1, 1, p, c))),
    ("conv2d even strides", |x, p, c| conv(x, args([2, 3], 1, p, c))),
    ("conv2d dilated", |x, p, c| conv(x, args(1, [2, 3], p, c))),
    ("conv2d groups", |x, p, c| conv(x, args(2, 1, p, c))),
    ("conv3d", |x, p, c| conv(x, args([1, 2, 1], 1, p, c))),
    ("depthwise1d", |x, p, c| depthwise(x, args(2, 1, p, c))),
    ("depthwise2d", |x, p, c| depthwise(x, args(1, 1, p, c))),
    ("depthwise2d multiplier", |x, p, c| depthwise(x, args(2, 1, p, c))),
    ("depthwise2d dilated", |x, p, c| depthwise(x, args(1, 2, p, c))),
    ("separable1d", |x, p, c| separable(x, args(2, 1, p, c))),
    ("separable2d", |x, p, c| separable(x, args(2, 1, p, c))),
    ("transpose1d", |x, p, c| transposed(x, args(2, 1, p, c), None)),
    ("transpose2d k2 output 0", |x, p, c| transposed(x, args(2, 1, p, c), Some(0.into()))),
    ("transpose2d k2 output 1", |x, p, c| transposed(x, args(2, 1, p, c), Some(1.into()))),
    ("transpose2d k2 output (1,0)", |x, p, c| transposed(x, args(2, 1, p, c), Some([1, 0].into()))),
    ("transpose2d k3 output 0", |x, p, c| transposed(x, args(2, 1, p, c), Some(0.into()))),
    ("transpose2d k3 output 1", |x, p, c| transposed(x, args(2, 1, p, c), Some(1.into()))),
    ("transpose2d k3 output (1,0)", |x, p, c| transposed(x, args(2, 1, p, c), Some([1, 0].into()))),
    ("transpose2d dilated s1", |x, p, c| transposed(x, args(1, [2, 3], p, c), None)),
    ("transpose2d dilated s2", |x, p, c| transposed(x, args(2, [2, 3], p, c), None)),
    ("transpose2d dilated s3", |x, p, c| transposed(x, args(3, [2, 3], p, c), None)),
    ("transpose3d", |x, p, c| transposed(x, args([1, 2, 2], 1, p, c), None)),
    ("max1d", |x, p, c| ops::max_pool(&x[0], &pool(3, 2, p, c))),
    ("max2d", |x, p, c| ops::max_pool(&x[0], &pool(2, 2, p, c))),
    ("max2d overlapping", |x, p, c| ops::max_pool(&x[0], &pool([3, 2], [2, 1], p, c))),
    ("max3d", |x, p, c| ops::max_pool(&x[0], &pool([2, 3, 2], [2, 2, 1], p, c))),
    ("average1d", |x, p, c| ops::average_pool(&x[0], &pool(3, 2, p, c))),
    ("average2d", |x, p, c| ops::average_pool(&x[0], &pool(2, 2, p, c))),
    ("average2d overlapping", |x, p, c| ops::average_pool(&x[0], &pool([3, 2], [2, 1], p, c))),
    ("average3d", |x, p, c| ops::average_pool(&x[0], &pool([2, 3, 2], [2, 2, 1], p, c))),
];

/// Those of [`BOTH`] with channels first as well.
const FIRST: &[&str] = &[
    "conv2d",
    "depthwise2d",
    "separable2d",
    "transpose1d",
    "max2d",
    "average2d",
];

/// Each with both places of the channels.
#[rustfmt::skip]
const ADAPTIVE: &[(&str, Call)] = &[
    ("adaptive average 1d", |x, _, c| ops::adaptive_average_pool(&x[0], 3, c)),
    ("adaptive average 2d", |x, _, c| ops::adaptive_average_pool(&x[0], [3, 4], c)),
    ("adaptive average 2d larger", |x, _, c| ops::adaptive_average_pool(&x[0], [5, 2], c)),
    ("adaptive average 3d", |x, _, c| ops::adaptive_average_pool(&x[0], [2, 3, 2], c)),
    ("adaptive max 1d", |x, _, c| ops::adaptive_max_pool(&x[0], 3, c)),
    ("adaptive max 2d", |x, _, c| ops::adaptive_max_pool(&x[0], [3, 4], c)),
    ("adaptive max 2d larger", |x, _, c| ops::adaptive_max_pool(&x[0], [5, 2], c)),
    ("adaptive max 3d", |x, _, c| ops::adaptive_max_pool(&x[0], [2, 3, 2], c)),
    ("global average", |x, _, c| ops::global_average_pool(&x[0], false, c)),
    ("global max", |x, _, c| ops::global_max_pool(&x[0], false, c)),
];

#[rustfmt::skip]
const SINGLE: &[(&str, Call)] = &[
    ("causal", |x, _, _| ops::conv(&x[0], &x[1], x.get(2), &args(1, 1, Causal, false), Act::Relu)),
    ("causal strides", |x, _, _| conv(x, args(2, 1, Causal, false))),
    ("causal dilated", |x, _, _| conv(x, args(1, 2, Causal, false))),
    ("conv2d tanh", |x, _, _| ops::conv(&x[0], &x[1], x.get(2), &args(1, 1, Same, false), Act::Tanh)),
    ("depthwise sigmoid", |x, _, _| ops::depthwise_conv(&x[0], &x[1], x.get(2), &args(1, 1, Valid, false), Act::Sigmoid)),
    ("separable relu", |x, _, _| ops::separable_conv(&x[0], &x[1], &x[2], x.get(3), &args(1, 1, Valid, false), Act::Relu)),
    ("transpose relu", |x, _, _| ops::conv_transpose(&x[0], &x[1], x.get(2), &args(2, 1, Same, false), Act::Relu)),
    ("explicit", |x, _, _| conv(x, args([1, 2], 1, Padding::explicit([(1, 0), (2, 3)]), false))),
    ("global average last keep", |x, _, _| ops::global_average_pool(&x[0], true, false)),
    ("global average first keep", |x, _, _| ops::global_average_pool(&x[0], true, true)),
    ("global max last keep", |x, _, _| ops::global_max_pool(&x[0], true, false)),
    ("global max first keep", |x, _, _| ops::global_max_pool(&x[0], true, true)),
];

fn flat(x: &Tensor) -> Vec<f64> {
    let x = x.to_dtype(DType::F64).unwrap().flatten_all().unwrap();
    x.to_vec1().unwrap()
}

/// Equal shapes, and values within `tolerance` of the largest one.
fn assert_near(what: &str, got: &Tensor, want: &Tensor, tolerance: f64) {
    assert_eq!(got.dims(), want.dims(), "{what}");
    let (got, want) = (flat(got), flat(want));
    let scale = want.iter().fold(1f64, |m, v| m.max(v.abs()));
    for (i, (g, w)) in got.iter().zip(&want).enumerate() {
        assert!(
            (g - w).abs() <= tolerance * scale,
            "{what} at {i}: {g}, expected {w}"
        );
    }
}

#[test]
fn values_and_gradients_are_those_of_keras() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ops/keras/conv.safetensors");
    let keras = ops::candle::safetensors::load(path, &Device::Cpu).unwrap();
    let mut unseen: HashSet<String> = keras
        .keys()
        .filter_map(|k| k.strip_suffix(".y"))
        .map(str::to_owned)
        .collect();
    let mut check = |name: &str, call: Call, padding, first| {
        assert!(unseen.remove(name), "{name}: not in the file, or twice here");
        against_keras(&keras, name, |x| call(x, padding, first));
    };
    let forms = [("last", false), ("first", true)];
    for (form, first) in forms {
        for (name, call) in BOTH {
            if !first {
                check(&format!("{name} valid {form}"), *call, Valid, first);
            }
            if !first || FIRST.contains(name) {
                check(&format!("{name} same {form}"), *call, Same, first);
            }
        }
        for (name, call) in ADAPTIVE {
            check(&format!("{name} {form}"), *call, Valid, first);
        }
    }
    for (name, call) in SINGLE {
        check(name, *call, Valid, false);
    }
    for (label, padding) in [("valid", Valid), ("same", Same)] {
        for kernel in 1..=4 {
            for strides in 1..=3 {
                let name = format!("transpose2d k{kernel} s{strides} {label}");
                assert!(unseen.remove(&name), "{name}");
                against_keras(&keras, &name, |x| {
                    transposed(x, args(strides, 1, padding, false), None)
                });
            }
        }
    }
    assert!(unseen.is_empty(), "without a line here: {unseen:?}");
}

fn against_keras(keras: &HashMap<String, Tensor>, name: &str, call: impl Fn(&[Tensor]) -> Result<Tensor>) {
    let get = |part: &str| keras.get(&format!("{name}.{part}"));
    let vars: Vec<Var> = (0..)
        .map_while(|i| get(&format!("x{i}")))
        .map(|x| Var::from_tensor(x).unwrap())
        .collect();
    let (y, grads) = run(&vars, get("w").unwrap(), call).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_near(name, &y, get("y").unwrap(), 2e-6);
    for (i, grad) in grads.iter().enumerate() {
        let want = get(&format!("g{i}")).unwrap();
        assert_near(&format!("{name}: gradient {i}"), grad, want, 1e-5);
    }
}

/// The result, and the gradients with the cotangent `w`.
fn run(
    vars: &[Var],
    w: &Tensor,
    call: impl Fn(&[Tensor]) -> Result<Tensor>,
) -> Result<(Tensor, Vec<Tensor>)> {
    let inputs: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
    let tape = GradientTape::start();
    let y = call(&inputs)?;
    let mut grads = tape.gradients_with(&[(&y, w.clone())])?;
    let grads = vars.iter().map(|v| grads.remove(v).unwrap()).collect();
    Ok((y, grads))
}

/// Values in -1..1.
fn values(dims: &[usize], seed: usize) -> Tensor {
    let count: usize = dims.iter().product();
    let at = |i: usize| (((i + 1) * 48_271 + seed * 7_919) % 65_537) as f32 / 32_768. - 1.;
    Tensor::from_vec((0..count).map(at).collect::<Vec<_>>(), dims, &Device::Cpu).unwrap()
}

/// Sizes that go through every path of the kernels: several parts and blocks, deep and wide kernels, few channels,
/// lines longer than a part, single pixels.
#[test]
fn single_precision_agrees_with_double() {
    #[rustfmt::skip]
    let cases: [(&[usize], &[usize], ConvOptions<2>); 9] = [
        (&[9, 13, 14, 5], &[3, 3, 5, 40], ConvOptions { padding: Same, ..Default::default() }),
        (&[3, 21, 20, 1], &[3, 3, 1, 33], ConvOptions { padding: Same, ..Default::default() }),
        (&[2, 31, 30, 3], &[7, 7, 3, 24], ConvOptions { strides: [2, 2], padding: Same, ..Default::default() }),
        (&[1, 2, 1300, 4], &[1, 3, 4, 8], ConvOptions::default()),
        (&[1, 5, 4, 300], &[3, 3, 300, 17], ConvOptions { padding: Same, ..Default::default() }),
        (&[2, 3, 3, 520], &[3, 3, 520, 600], ConvOptions { padding: Same, ..Default::default() }),
        (&[4, 12, 11, 50], &[1, 1, 50, 70], ConvOptions::default()),
        (&[4, 12, 11, 50], &[1, 1, 50, 19], ConvOptions { strides: [2, 2], ..Default::default() }),
        (&[3, 20, 19, 36], &[3, 3, 1, 36], ConvOptions { groups: 36, strides: [1, 2], padding: Same, ..Default::default() }),
    ];
    for (x, w, options) in cases {
        let name = format!("{x:?} {w:?}");
        let inputs = [values(x, 1), values(w, 2), values(&w[3..], 3)];
        let results = [DType::F64, DType::F32].map(|dtype| {
            let cast = |x: &Tensor| x.to_dtype(dtype).unwrap();
            let vars: Vec<Var> = inputs
                .iter()
                .map(|x| Var::from_tensor(&cast(x)).unwrap())
                .collect();
            let call = |x: &[Tensor]| ops::conv2d(&x[0], &x[1], Some(&x[2]), &options, Act::Tanh);
            let y = call(&inputs.each_ref().map(cast)).unwrap();
            run(&vars, &cast(&values(y.dims(), 4)), call).unwrap()
        });
        let [(want, want_grads), (got, got_grads)] = results;
        assert_near(&name, &got, &want, 2e-4);
        for (i, (got, want)) in got_grads.iter().zip(&want_grads).enumerate() {
            assert_near(&format!("{name}: gradient {i}"), got, want, 5e-4);
        }
    }
}

#[test]
fn a_wide_transposed_convolution_is_the_gradient_of_a_convolution() {
    let (small, w) = (values(&[2, 9, 10, 40], 1), values(&[4, 3, 21, 40], 2));
    let options = ConvTransposeOptions {
        strides: [2, 1],
        padding: Same,
        ..Default::default()
    };
    let got = ops::conv_transpose2d(&small, &w, None, &options, Act::Linear).unwrap();
    let image = Var::from_tensor(&values(&[2, 18, 10, 21], 3)).unwrap();
    let options = ConvOptions {
        strides: [2, 1],
        padding: Same,
        ..Default::default()
    };
    let tape = GradientTape::start();
    let y = ops::conv2d(image.as_tensor(), &w, None, &options, Act::Linear).unwrap();
    let want = tape
        .gradients_with(&[(&y, small)])
        .unwrap()
        .remove(&image)
        .unwrap();
    assert_near("transposed", &got, &want, 1e-6);
}

#[test]
fn errors_say_what_came_and_what_is_needed() {
    let x = values(&[2, 5, 5, 3], 1);
    let kernel = |dims: &[usize]| values(dims, 2);
    let error = |result: Result<Tensor>, parts: &[&str]| {
        let message = result.map(drop).unwrap_err().to_string();
        for part in parts {
            assert!(message.contains(part), "{message}: without `{part}`");
        }
    };
    let plain = ConvArgs::default();
    let conv = |x: &Tensor, w: &Tensor, args: &ConvArgs| ops::conv(x, w, None, args, Act::Linear);
    error(
        conv(&values(&[2, 5], 1), &kernel(&[3, 3, 3, 4]), &plain),
        &["conv: ", "3 to 5 axes", "[2, 5]"],
    );
    error(
        conv(&x, &kernel(&[3, 3, 2, 4]), &plain),
        &["conv: ", "3 channels", "[3, 3, 2, 4]"],
    );
    error(
        conv(&x, &kernel(&[3, 3, 1, 4]), &plain),
        &["conv: ", "3 groups", "[3, 3, 1, 4]"],
    );
    error(
        conv(&x, &kernel(&[7, 3, 3, 4]), &plain),
        &["conv: ", "covers 7 elements but the axis has 5", "same"],
    );
    error(
        conv(&x, &kernel(&[0, 3, 3, 4]), &plain),
        &["conv: ", "at least 1"],
    );
    let doubles = kernel(&[3, 3, 3, 4]).to_dtype(DType::F64).unwrap();
    error(
        conv(&x, &doubles, &plain),
        &["conv: ", "float32", "float64", "ops::cast"],
    );
    let whole = x.to_dtype(DType::U32).unwrap();
    let kernels = kernel(&[3, 3, 3, 4]).to_dtype(DType::U32).unwrap();
    error(conv(&whole, &kernels, &plain), &["conv: ", "uint32"]);
    let causal = ConvArgs {
        padding: Causal,
        ..plain.clone()
    };
    error(
        conv(&x, &kernel(&[3, 3, 3, 4]), &causal),
        &["conv: ", "causal", "one spatial axis, got 2"],
    );
    let three = ConvArgs {
        strides: [1, 2, 3].into(),
        ..plain.clone()
    };
    error(
        conv(&x, &kernel(&[3, 3, 3, 4]), &three),
        &["conv: ", "strides", "2 spatial axes", "[1, 2, 3]"],
    );
    let still = ConvArgs {
        dilation: 0.into(),
        ..plain.clone()
    };
    error(
        conv(&x, &kernel(&[3, 3, 3, 4]), &still),
        &["conv: ", "at least 1"],
    );
    let deep = ConvArgs {
        padding: Padding::explicit([(0, 0), (0, 0), (1, 0)]),
        ..plain.clone()
    };
    error(
        conv(&x, &kernel(&[3, 3, 3, 4]), &deep),
        &["conv: ", "2 spatial axes", "Padding::explicit"],
    );
    let padded = ConvArgs {
        output_padding: Some(1.into()),
        ..plain.clone()
    };
    error(
        conv(&x, &kernel(&[3, 3, 3, 4]), &padded),
        &["conv: ", "conv_transpose"],
    );
    let bias = values(&[5], 3);
    let options = ConvOptions::default();
    let with = ops::conv2d(&x, &kernel(&[3, 3, 3, 4]), Some(&bias), &options, Act::Linear);
    error(with, &["conv2d: ", "bias (filters)", "Some([5])"]);
    let depthwise = ops::depthwise_conv2d(&x, &kernel(&[3, 3, 2, 1]), None, &options, Act::Linear);
    error(depthwise, &["depthwise_conv2d: ", "multiplier", "[3, 3, 2, 1]"]);
    let (first, second) = (kernel(&[3, 3, 3, 2]), kernel(&[1, 1, 3, 4]));
    let separable = ops::separable_conv2d(&x, &first, &second, None, &options, Act::Linear);
    error(
        separable,
        &["separable_conv2d: ", "channels * multiplier", "[1, 1, 3, 4]"],
    );
    let options = ConvTransposeOptions::default();
    let transposed = ops::conv_transpose2d(&x, &kernel(&[3, 3, 3, 4]), None, &options, Act::Linear);
    error(
        transposed,
        &["conv_transpose2d: ", "filters, channels", "[3, 3, 3, 4]"],
    );
    let options = ConvTransposeOptions {
        padding: Causal,
        ..options
    };
    let transposed = ops::conv_transpose2d(&x, &kernel(&[3, 3, 4, 3]), None, &options, Act::Linear);
    error(
        transposed,
        &["conv_transpose2d: ", "\"valid\" or \"same\"", "Causal"],
    );
    error(
        ops::max_pool(&x, &PoolArgs::new([2, 2, 2])),
        &["max_pool: ", "pool size", "[2, 2, 2]"],
    );
    error(
        ops::average_pool2d(&x, &PoolOptions::new([6, 2])),
        &["average_pool2d: ", "covers 6 elements"],
    );
    let padded = PoolOptions {
        padding: Padding::explicit([(2, 0)]),
        ..PoolOptions::new([2, 2])
    };
    error(
        ops::max_pool2d(&x, &padded),
        &["max_pool2d: ", "as large as the window"],
    );
    error(
        ops::adaptive_max_pool(&x, 0, false),
        &["adaptive_max_pool: ", "at least 1", "[0, 0]"],
    );
    error(
        ops::global_average_pool(&whole, false, false),
        &["global_average_pool: ", "uint32"],
    );
}
