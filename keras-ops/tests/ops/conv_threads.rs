//! Convolution and pooling give the same bits for any number of threads, results and gradients.

use keras_ops::{
    self as ops, ConvArgs, Device, FusedActivation as Act, GradientTape, Padding, PoolArgs, Result, Tensor,
    Var,
};

type Op = fn(&[Tensor]) -> Result<Tensor>;

fn same(strides: usize) -> ConvArgs {
    ConvArgs {
        strides: strides.into(),
        padding: Padding::Same,
        ..ConvArgs::default()
    }
}

fn conv(x: &[Tensor], strides: usize) -> Result<Tensor> {
    ops::conv(&x[0], &x[1], Some(&x[2]), &same(strides), Act::Relu)
}

fn overlapping() -> PoolArgs {
    PoolArgs {
        strides: Some(2.into()),
        padding: Padding::Same,
        ..PoolArgs::new(3)
    }
}

#[rustfmt::skip]
const TABLE: &[(&str, &[&[usize]], Op)] = &[
    ("conv", &[&[37, 14, 14, 8], &[3, 3, 8, 20], &[20]], |x| conv(x, 1)),
    ("conv strides", &[&[9, 30, 29, 17], &[3, 3, 17, 40], &[40]], |x| conv(x, 2)),
    ("conv of one image", &[&[1, 40, 41, 16], &[3, 3, 16, 32], &[32]], |x| conv(x, 1)),
    ("conv of few channels", &[&[2, 90, 91, 3], &[7, 7, 3, 32], &[32]], |x| conv(x, 2)),
    ("conv of a deep kernel", &[&[1, 5, 6, 512], &[3, 3, 512, 600], &[600]], |x| conv(x, 1)),
    ("conv of single pixels", &[&[3, 30, 29, 64], &[1, 1, 64, 96], &[96]], |x| conv(x, 1)),
    ("conv of a long line", &[&[1, 9000, 16], &[3, 16, 32], &[32]], |x| conv(x, 1)),
    ("conv_max_pool", &[&[9, 30, 29, 17], &[3, 3, 17, 40], &[40]], |x| ops::conv_max_pool(&x[0], &x[1], Some(&x[2]), &same(1), Act::Relu, &PoolArgs::new(2))),
    ("conv_max_pool of a long line", &[&[1, 9000, 16], &[3, 16, 32], &[32]], |x| ops::conv_max_pool(&x[0], &x[1], Some(&x[2]), &same(1), Act::Relu, &PoolArgs::new(3))),
    ("depthwise_conv", &[&[4, 40, 41, 50], &[3, 3, 50, 1], &[50]], |x| ops::depthwise_conv(&x[0], &x[1], Some(&x[2]), &same(1), Act::Tanh)),
    ("conv_transpose", &[&[4, 20, 19, 32], &[4, 4, 24, 32], &[24]], |x| ops::conv_transpose(&x[0], &x[1], Some(&x[2]), &same(2), Act::Relu)),
    ("max_pool", &[&[3, 60, 61, 19]], |x| ops::max_pool(&x[0], &overlapping())),
    ("max_pool tiles", &[&[1, 128, 128, 16]], |x| ops::max_pool(&x[0], &PoolArgs::new(2))),
    ("average_pool", &[&[1, 100, 61, 19]], |x| ops::average_pool(&x[0], &overlapping())),
    ("global_average_pool", &[&[9, 60, 61, 19]], |x| ops::global_average_pool(&x[0], false, false)),
];

/// Values in -1..1.
fn values(dims: &[usize], seed: usize) -> Tensor {
    let count: usize = dims.iter().product();
    let at = |i: usize| (((i + 1) * 48_271 + seed * 7_919) % 65_537) as f32 / 32_768. - 1.;
    Tensor::from_vec((0..count).map(at).collect::<Vec<_>>(), dims, &Device::Cpu).unwrap()
}

/// The bits of the result and of all gradients.
fn bits(shapes: &[&[usize]], op: Op) -> Result<Vec<u32>> {
    let inputs = shapes.iter().enumerate().map(|(i, dims)| values(dims, i));
    let vars: Vec<Var> = inputs.map(|x| Var::from_tensor(&x)).collect::<Result<_>>()?;
    let given: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
    let tape = GradientTape::start();
    let y = op(&given)?;
    let mut grads = tape.gradients_with(&[(&y, values(y.dims(), 9))])?;
    let mut all = y.flatten_all()?.to_vec1::<f32>()?;
    for var in &vars {
        all.extend(grads.remove(var).unwrap().flatten_all()?.to_vec1::<f32>()?);
    }
    Ok(all.into_iter().map(f32::to_bits).collect())
}

#[test]
fn the_same_bits_for_any_number_of_threads() {
    let pools = [1, 2, 3].map(|n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap());
    for (name, shapes, op) in TABLE {
        let [one, two, three] = pools.each_ref().map(|pool| {
            pool.install(|| bits(shapes, *op))
                .unwrap_or_else(|e| panic!("{name}: {e}"))
        });
        assert!(one == two && one == three, "{name}");
    }
}
