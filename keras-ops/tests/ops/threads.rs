//! The same bits for any number of threads: results and gradients of operations large enough to be shared out.

use keras_ops::image::{self, Interpolation, ResizeOptions, WarpOptions};
use keras_ops::{self as ops, Device, GradientTape, Result, StftOptions, Tensor, Var};

type Op = fn(&Tensor) -> Result<Tensor>;

/// Of a tensor of shape `(40, 70, 90)`.
const OPS: &[(&str, Op)] = &[
    ("sin", |x| ops::sin(x)),
    ("exp", |x| ops::exp(x)),
    ("power", |x| ops::power(&ops::abs(x)?, x)),
    ("arctan", |x| ops::arctan(x)),
    ("multiply row", |x| ops::multiply(x, &ops::narrow(x, 0, 0, 1)?)),
    ("multiply column", |x| {
        ops::multiply(x, &ops::narrow(x, -1, 3, 1)?)
    }),
    ("multiply middle", |x| ops::multiply(x, &ops::narrow(x, 1, 5, 1)?)),
    ("hypot", |x| ops::hypot(x, &ops::narrow(x, 1, 5, 1)?)),
    ("where_", |x| {
        ops::where_(
            &ops::greater(x, &ops::narrow(x, 0, 1, 1)?)?,
            x,
            &ops::narrow(x, 1, 0, 1)?,
        )
    }),
    ("sum", |x| ops::sum(x, None, false)),
    ("sum first", |x| ops::sum(x, Some(&[0]), false)),
    ("sum last", |x| ops::sum(x, Some(&[2]), false)),
    ("max middle", |x| ops::max(x, Some(&[1]), false)),
    ("variance", |x| ops::variance(x, None, false)),
    ("variance last", |x| ops::variance(x, Some(&[2]), false)),
    ("variance outer", |x| ops::variance(x, Some(&[0, 2]), false)),
    ("cumsum", |x| ops::cumsum(x, Some(2))),
    ("cumsum first", |x| ops::cumsum(x, Some(0))),
    ("cumsum all", |x| ops::cumsum(x, None)),
    ("cumprod", |x| ops::cumprod(x, Some(1))),
    ("transpose", |x| ops::copy(&ops::transpose(x, &[2, 0, 1])?)),
    ("transpose inner", |x| ops::copy(&ops::transpose(x, &[0, 2, 1])?)),
    ("concatenate", |x| ops::concatenate(&[x, x], 1)),
    ("median", |x| ops::median(x, Some(&[1]), false)),
    ("einsum", |x| ops::einsum("aij,aik->ajk", &[x, x])),
    ("argmax", |x| ops::argmax(x, Some(1), false)),
    ("argmax all", |x| ops::argmax(x, None, false)),
    ("count_nonzero", |x| ops::count_nonzero(x, Some(&[0, 1]), false)),
    ("fft", |x| both(ops::fft(x, x))),
    ("rfft", |x| both(ops::rfft(x, None))),
    ("fft2", |x| both(ops::fft2(x, x))),
    ("stft", |x| {
        both(ops::stft(
            &ops::reshape(x, &[10, -1])?,
            &StftOptions::new(100, 40, 128),
        ))
    }),
    ("istft", |x| {
        let bins = ops::narrow(x, -1, 0, 65)?;
        ops::istft(&bins, &bins, &StftOptions::new(100, 40, 128), None)
    }),
    ("resize", |x| resized(x, Interpolation::Bilinear)),
    ("resize wide", |x| {
        resized(&ops::reshape(x, &[40, 70, 45, 2])?, Interpolation::Lanczos3)
    }),
    ("upsample", |x| {
        image::upsample(x, &[1, 2, 3], Interpolation::Nearest)
    }),
    ("affine_transform", |x| {
        let turn = Tensor::new(&[0.9f32, 0.2, 0.3, -0.1, 1.1, 0.4, 0., 0.], &Device::Cpu)?;
        image::affine_transform(
            &ops::reshape(x, &[10, 40, 70, 9])?,
            &turn,
            &WarpOptions::default(),
        )
    }),
    ("solve", |x| ops::solve(&regular(x)?, &ops::narrow(x, 1, 0, 64)?)),
    ("inv large", |x| {
        ops::inv(&regular(&ops::narrow(
            &ops::reshape(x, &[1, 500, 504])?,
            2,
            0,
            500,
        )?)?)
    }),
    ("cholesky", |x| {
        let square = regular(x)?;
        ops::cholesky(
            &ops::matmul(&square, &ops::transpose(&square, &[0, 2, 1])?)?,
            false,
        )
    }),
    ("qr", |x| Ok(ops::qr(&regular(x)?, false)?.1)),
    ("svdvals", |x| ops::svdvals(&ops::narrow(x, 0, 0, 6)?)),
    ("eigh", |x| Ok(ops::eigh(&regular(&ops::narrow(x, 0, 0, 6)?)?)?.0)),
];

fn both(pair: Result<(Tensor, Tensor)>) -> Result<Tensor> {
    let (re, im) = pair?;
    ops::stack(&[&re, &im], 0)
}

fn resized(x: &Tensor, interpolation: Interpolation) -> Result<Tensor> {
    let options = ResizeOptions {
        interpolation,
        antialias: true,
        ..Default::default()
    };
    image::resize(x, [61, 53], &options)
}

/// Square matrices of the first rows and columns, away from singular ones.
fn regular(x: &Tensor) -> Result<Tensor> {
    let n = x.dims()[1]
        .min(x.dims()[2])
        .min(if x.dims()[0] == 1 { 500 } else { 64 });
    let square = ops::narrow(&ops::narrow(x, 1, 0, n)?, 2, 0, n)?;
    let one = Tensor::eye(n, x.dtype(), &Device::Cpu)?;
    ops::add(&square, &ops::mul_scalar(&one, 2. * (n as f64).sqrt())?)
}

fn bits(x: &Tensor) -> Result<Vec<u64>> {
    let wide = x.flatten_all()?.to_dtype(ops::DType::F64)?.to_vec1::<f64>()?;
    Ok(wide.into_iter().map(f64::to_bits).collect())
}

fn run(op: Op, threads: usize) -> Result<(Vec<u64>, Vec<u64>)> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    pool.install(|| outcome(op))
}

fn outcome(op: Op) -> Result<(Vec<u64>, Vec<u64>)> {
    let count = 40 * 70 * 90;
    let values: Vec<f32> = (0..count)
        .map(|i| ((i * 7919) % 100_003) as f32 / 40_000. - 1.2)
        .collect();
    let x = Var::from_tensor(&Tensor::from_vec(values, (40, 70, 90), &Device::Cpu)?)?;
    let tape = GradientTape::start();
    let y = op(x.as_tensor())?;
    let grad = match y.dtype().is_float() {
        true => bits(
            &tape
                .gradients(&ops::multiply(&y, &y.detach())?)?
                .remove(&x)
                .unwrap(),
        )?,
        false => Vec::new(),
    };
    Ok((bits(&y)?, grad))
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    for (name, op) in OPS {
        let one = run(*op, 1).unwrap();
        for threads in [2, 3] {
            assert!(
                run(*op, threads).unwrap() == one,
                "{name}: {threads} threads differ from one"
            );
        }
        // Outside of a pool the crate's own threads do the work.
        assert!(
            outcome(*op).unwrap() == one,
            "{name}: the own threads differ from one"
        );
    }
}
