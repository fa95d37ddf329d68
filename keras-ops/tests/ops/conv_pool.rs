//! `conv_max_pool` is `conv` and `max_pool` of its result, to the bit, and so are its gradients.

use keras_ops::{
    self as ops, ConvArgs, DType, Device, FusedActivation as Act, GradientTape, Padding, PoolArgs, Result,
    Sizes, Tensor, Var,
};

use Padding::{Causal, Same, Valid};

/// The shapes of image and kernel, and both options.
struct Pair {
    x: &'static [usize],
    kernel: &'static [usize],
    conv: (usize, Padding, bool),
    act: Act,
    pool: (&'static [usize], Option<usize>, Padding),
}

const fn pair(x: &'static [usize], kernel: &'static [usize], act: Act, pool: &'static [usize]) -> Pair {
    Pair {
        x,
        kernel,
        conv: (1, Valid, false),
        act,
        pool: (pool, None, Valid),
    }
}

const PLAIN: Pair = pair(&[3, 9, 11, 3], &[3, 2, 3, 18], Act::Relu, &[2, 2]);

#[rustfmt::skip]
const PAIRS: &[(&str, Pair)] = &[
    ("rests on both axes", PLAIN),
    ("no activation", Pair { act: Act::Linear, ..PLAIN }),
    ("strides", Pair { conv: (2, Same, false), act: Act::Tanh, ..PLAIN }),
    ("channels first", Pair { x: &[3, 3, 9, 11], conv: (1, Same, true), ..PLAIN }),
    ("oblong windows", Pair { pool: (&[3, 2], None, Valid), ..PLAIN }),
    ("windows of one pixel", Pair { pool: (&[1, 1], None, Valid), ..PLAIN }),
    ("whole windows, padded", Pair { conv: (1, Same, false), pool: (&[3, 11], None, Same), ..PLAIN }),
    ("parted windows, padded", Pair { pool: (&[2, 2], None, Same), ..PLAIN }),
    ("overlapping windows", Pair { pool: (&[3, 3], Some(2), Valid), ..PLAIN }),
    ("gaps between windows", Pair { pool: (&[2, 2], Some(3), Valid), ..PLAIN }),
    ("groups", pair(&[2, 8, 8, 4], &[3, 3, 2, 6], Act::Relu, &[2, 2])),
    ("a group a channel", pair(&[2, 8, 8, 4], &[3, 3, 1, 4], Act::Relu, &[2, 2])),
    ("single pixels", pair(&[2, 8, 8, 4], &[1, 1, 4, 33], Act::Relu, &[2, 2])),
    ("a line", Pair { conv: (1, Causal, false), ..pair(&[2, 50, 4], &[3, 4, 16], Act::Sigmoid, &[4]) }),
    ("a volume", pair(&[2, 5, 6, 7, 2], &[2, 2, 2, 2, 3], Act::Relu, &[2, 2, 2])),
    ("no images", pair(&[0, 8, 8, 4], &[3, 3, 4, 6], Act::Relu, &[2, 2])),
    ("many images", pair(&[67, 12, 12, 8], &[3, 3, 8, 32], Act::Relu, &[2, 2])),
];

/// Steps of a quarter, so that windows have ties.
fn values(dims: &[usize], seed: usize, dtype: DType) -> Tensor {
    let count: usize = dims.iter().product();
    let at = |i: usize| (((i + 1) * 48_271 + seed * 7_919) % 65_537 % 9) as f32 / 4. - 1.;
    let values: Vec<f32> = (0..count).map(at).collect();
    Tensor::from_vec(values, dims, &Device::Cpu)
        .unwrap()
        .to_dtype(dtype)
        .unwrap()
}

type Op = fn(&[Tensor], &ConvArgs, Act, &PoolArgs) -> Result<Tensor>;

/// Result and gradients, as bits of doubles.
fn bits(pair: &Pair, dtype: DType, op: Op) -> Result<Vec<Vec<u64>>> {
    let filters = pair.kernel[pair.kernel.len() - 1];
    let shapes = [pair.x, pair.kernel, &[filters]];
    let inputs = shapes.iter().enumerate().map(|(i, dims)| values(dims, i, dtype));
    let vars: Vec<Var> = inputs.map(|x| Var::from_tensor(&x)).collect::<Result<_>>()?;
    let given: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
    let (strides, padding, channels_first) = pair.conv;
    let conv = ConvArgs {
        strides: strides.into(),
        padding,
        channels_first,
        ..ConvArgs::default()
    };
    let pool = PoolArgs {
        strides: pair.pool.1.map(Sizes::from),
        padding: pair.pool.2,
        channels_first,
        ..PoolArgs::new(pair.pool.0.to_vec())
    };
    let bits = |t: &Tensor| -> Result<Vec<u64>> {
        let values = t.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
        Ok(values.into_iter().map(f64::to_bits).collect())
    };
    let forward = bits(&op(&given, &conv, pair.act, &pool)?)?;
    let tape = GradientTape::start();
    let y = op(&given, &conv, pair.act, &pool)?;
    let weights = values(y.dims(), 5, dtype);
    let mut grads = tape.gradients_with(&[(&y, weights)])?;
    let mut all = vec![forward, bits(&y)?];
    for var in &vars {
        all.push(bits(&grads.remove(var).unwrap())?);
    }
    Ok(all)
}

#[test]
fn it_is_both_operations_to_the_bit() -> Result<()> {
    let joined: Op = |x, conv, act, pool| ops::conv_max_pool(&x[0], &x[1], Some(&x[2]), conv, act, pool);
    let apart: Op =
        |x, conv, act, pool| ops::max_pool(&ops::conv(&x[0], &x[1], Some(&x[2]), conv, act)?, pool);
    for (name, pair) in PAIRS {
        for dtype in [DType::F32, DType::F64, DType::BF16] {
            let [a, b] = [joined, apart].map(|op| bits(pair, dtype, op));
            let (a, b) = (a?, b?);
            assert_eq!(a.len(), 5, "{name}");
            assert!(a == b, "{name} in {dtype:?}");
        }
    }
    Ok(())
}

#[test]
fn its_errors_name_it() {
    let x = values(&[2, 8, 8, 3], 0, DType::F32);
    let call = |kernel: &[usize], pool: PoolArgs| {
        let kernel = values(kernel, 1, DType::F32);
        let (args, act) = (ConvArgs::default(), Act::Linear);
        ops::conv_max_pool(&x, &kernel, None, &args, act, &pool)
            .unwrap_err()
            .to_string()
    };
    let wrong_kernel = call(&[3, 3, 2, 4], PoolArgs::new(2));
    assert!(
        wrong_kernel.starts_with("conv_max_pool: expected a kernel"),
        "{wrong_kernel}"
    );
    let large_window = call(&[3, 3, 3, 4], PoolArgs::new(9));
    assert!(large_window.starts_with("conv_max_pool: "), "{large_window}");
    let no_window = call(&[3, 3, 3, 4], PoolArgs::new(0));
    assert!(no_window.starts_with("conv_max_pool: "), "{no_window}");
}
