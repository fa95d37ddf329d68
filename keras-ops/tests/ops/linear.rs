//! Matrix products, dense layers, convolutions and pooling against loops.

use candle_core::{DType, Device, Result, Tensor, Var};
use keras_ops::{
    ConvOptions, FusedActivation as Act, GradientTape, Padding, PoolOptions, conv1d, conv2d, dense,
    gradcheck, matmul, max_pool2d,
};

type Op<'a> = &'a dyn Fn(&[&Tensor]) -> Result<Tensor>;

/// Distinct values, so that maxima are unique, and never near a kink.
fn values(dims: &[usize], seed: usize) -> Tensor {
    let len: usize = dims.iter().product();
    let values: Vec<f64> = (0..len)
        .map(|i| {
            let mixed = ((i + 1) * 48_271 + seed * 7_919) % 65_537;
            mixed as f64 / 32_768. - 1. + i as f64 * 1e-5
        })
        .collect();
    Tensor::from_vec(values, dims, &Device::Cpu).expect("as many values as the shape has")
}

fn flat(x: &Tensor) -> Vec<f64> {
    x.to_dtype(DType::F64)
        .and_then(|x| x.flatten_all()?.to_vec1())
        .expect("a float tensor")
}

fn close(got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len());
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!(
            (g - w).abs() <= tolerance * (1. + w.abs()),
            "at {i}: got {g}, expected {w}"
        );
    }
}

fn check(inputs: &[Tensor], f: Op<'_>) -> Result<()> {
    gradcheck::check("linear", inputs, |t| f(&t.iter().collect::<Vec<_>>()))
}

fn only_needed(op: Op<'_>, data: &Tensor, weights: &Tensor) -> Result<()> {
    let var = Var::from_tensor(weights)?;
    let tape = GradientTape::start();
    let grads = tape.gradients(&op(&[data, var.as_tensor()])?)?;
    assert_eq!(grads.len(), 1);
    Ok(())
}

#[test]
fn matmul_shapes_and_gradients() -> Result<()> {
    let cases: [(&[usize], &[usize], &[usize]); 9] = [
        (&[3, 5], &[5, 2], &[3, 2]),
        (&[5], &[5], &[]),
        (&[5], &[5, 2], &[2]),
        (&[3, 5], &[5], &[3]),
        (&[2, 3, 5], &[5, 7], &[2, 3, 7]),
        (&[2, 3, 5], &[2, 5, 7], &[2, 3, 7]),
        (&[2, 1, 3, 5], &[4, 5, 1], &[2, 4, 3, 1]),
        (&[5], &[2, 5, 3], &[2, 3]),
        (&[3, 2, 5], &[5], &[3, 2]),
    ];
    for (a, b, out) in cases {
        let (a, b) = (values(a, 1), values(b, 2));
        assert_eq!(matmul(&a, &b)?.dims(), out);
        check(&[a, b], &|t| matmul(t[0], t[1]))?;
    }
    Ok(())
}

#[test]
fn matmul_of_views() -> Result<()> {
    let (a, b) = (values(&[3, 5, 4], 1), values(&[2, 5], 2));
    // A transposed left operand with a broadcast right one is what candle computes wrongly.
    check(&[a.clone(), b.clone()], &|t| {
        matmul(
            &t[0].detach().transpose(1, 2)?,
            &t[1].detach().t()?.broadcast_as((3, 5, 2))?,
        )?;
        matmul(&t[0].transpose(1, 2)?, &t[1].t()?.broadcast_as((3, 5, 2))?)
    })?;
    let got = matmul(&a.transpose(1, 2)?, &b.t()?.broadcast_as((3, 5, 2))?)?;
    let (a, b) = (a.to_vec3::<f64>()?, b.to_vec2::<f64>()?);
    let mut want = Vec::new();
    for a in &a {
        let column = |m: usize| a.iter().map(move |row| row[m]);
        for m in 0..4 {
            want.extend(
                b.iter()
                    .map(|b| column(m).zip(b).map(|(a, b)| a * b).sum::<f64>()),
            );
        }
    }
    close(&flat(&got), &want, 1e-12);
    Ok(())
}

#[test]
fn matmul_errors_name_the_shapes() {
    let message = |a: &[usize], b: &[usize]| {
        matmul(&values(a, 1), &values(b, 2))
            .map(drop)
            .expect_err("shapes do not fit")
            .to_string()
    };
    assert!(message(&[3, 5], &[4, 2]).contains("[3, 5] and [4, 2]"));
    assert!(message(&[2, 3, 5], &[3, 5, 2]).contains("do not broadcast"));
}

#[test]
fn matmul_is_the_same_for_any_thread_count() -> Result<()> {
    let run = |threads: usize| -> Result<(Vec<f64>, Vec<f64>)> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(candle_core::Error::wrap)?;
        pool.install(|| {
            let f32s = |dims: &[usize], seed| values(dims, seed).to_dtype(DType::F32);
            let (a, b) = (f32s(&[301, 257], 1)?, f32s(&[257, 119], 2)?);
            let x = f32s(&[37, 14, 14, 8], 3)?;
            let w = Var::from_tensor(&f32s(&[3, 3, 8, 20], 4)?)?;
            let tape = GradientTape::start();
            let y = conv2d(&x, w.as_tensor(), None, &ConvOptions::default(), Act::Relu)?;
            let grads = tape.gradients(&y)?;
            Ok((
                flat(&matmul(&a, &b)?),
                flat(grads.get(&w).expect("the kernel has a gradient")),
            ))
        })
    };
    let one = run(1)?;
    for threads in [2, 3, 4] {
        assert!(run(threads)? == one, "{threads} threads");
    }
    Ok(())
}

#[test]
fn half_types_go_through_f32() -> Result<()> {
    let (x, w) = (
        values(&[3, 4], 1).to_dtype(DType::BF16)?,
        values(&[4, 2], 2).to_dtype(DType::BF16)?,
    );
    let w = Var::from_tensor(&w)?;
    let tape = GradientTape::start();
    let y = dense(&x, w.as_tensor(), None, Act::Tanh)?;
    assert_eq!(y.dtype(), DType::BF16);
    let grads = tape.gradients(&y)?;
    assert_eq!(
        grads.get(&w).expect("the kernel has a gradient").dtype(),
        DType::BF16
    );
    Ok(())
}

#[test]
fn dense_gradients() -> Result<()> {
    let (x, w, b) = (values(&[2, 3, 5], 1), values(&[5, 7], 2), values(&[7], 3));
    for act in [Act::Linear, Act::Relu, Act::Sigmoid, Act::Tanh] {
        check(&[x.clone(), w.clone(), b.clone()], &|t| {
            dense(t[0], t[1], Some(t[2]), act)
        })?;
        check(&[x.clone(), w.clone()], &|t| dense(t[0], t[1], None, act))?;
        let turned = x.transpose(0, 2)?;
        check(&[turned, w.narrow(0, 0, 2)?], &|t| dense(t[0], t[1], None, act))?;
    }
    only_needed(&|t| dense(t[0], t[1], None, Act::Relu), &x, &w)
}

#[test]
fn dense_sums_many_rows_in_blocks() -> Result<()> {
    let (x, w) = (values(&[7000, 3], 1), values(&[3, 11], 2));
    let b = Var::zeros(11, DType::F64, &Device::Cpu)?;
    let tape = GradientTape::start();
    let y = dense(&x, &w, Some(b.as_tensor()), Act::Tanh)?;
    let grads = tape.gradients(&y)?;
    let want = (1. - matmul(&x, &w)?.tanh()?.sqr()?)?.sum(0)?;
    close(
        &flat(grads.get(&b).expect("the bias has a gradient")),
        &flat(&want),
        1e-11,
    );
    Ok(())
}

#[test]
fn relu_has_gradient_zero_at_zero() -> Result<()> {
    let x = Tensor::zeros((2, 3), DType::F32, &Device::Cpu)?;
    let w = Var::zeros((3, 2), DType::F32, &Device::Cpu)?;
    let b = Var::zeros(2, DType::F32, &Device::Cpu)?;
    let tape = GradientTape::start();
    let grads = tape.gradients(&dense(&x, w.as_tensor(), Some(b.as_tensor()), Act::Relu)?)?;
    assert_eq!(flat(grads.get(&b).expect("the bias has a gradient")), [0., 0.]);
    Ok(())
}

/// Padding in front and outputs of one axis, by Keras's rules.
fn axis(size: usize, extent: usize, stride: usize, padding: Padding) -> (usize, usize) {
    if padding == Padding::Valid {
        return (0, (size - extent) / stride + 1);
    }
    let out = size.div_ceil(stride);
    (((out - 1) * stride + extent).saturating_sub(size) / 2, out)
}

fn naive_conv(x: &Tensor, w: &Tensor, o: &ConvOptions<2>) -> Result<Vec<f64>> {
    let (n, h, wd, c) = x.dims4()?;
    let (kh, kw, cg, f) = w.dims4()?;
    let (xs, ws) = (flat(x), flat(w));
    let (ph, oh) = axis(h, (kh - 1) * o.dilation[0] + 1, o.strides[0], o.padding);
    let (pw, ow) = axis(wd, (kw - 1) * o.dilation[1] + 1, o.strides[1], o.padding);
    let mut out = Vec::new();
    for i in 0..n * oh * ow * f {
        let (filter, ox, oy, image) = (i % f, i / f % ow, i / f / ow % oh, i / f / ow / oh);
        let group = filter / (f / o.groups);
        let mut sum = 0.;
        for (k, weight) in ws.iter().enumerate().filter(|(k, _)| k % f == filter) {
            let (channel, kx, ky) = (k / f % cg, k / f / cg % kw, k / f / cg / kw);
            let y = (oy * o.strides[0] + ky * o.dilation[0]).wrapping_sub(ph);
            let x = (ox * o.strides[1] + kx * o.dilation[1]).wrapping_sub(pw);
            if y < h && x < wd {
                sum += weight * xs[((image * h + y) * wd + x) * c + group * cg + channel];
            }
        }
        out.push(sum);
    }
    Ok(out)
}

#[test]
fn conv2d_values() -> Result<()> {
    let base = ConvOptions::<2>::default();
    let same = Padding::Same;
    let cases = [
        ([2, 7, 6, 3], [3, 3, 3, 4], base),
        ([3, 7, 6, 1], [3, 2, 1, 4], base),
        (
            [2, 7, 8, 1],
            [3, 3, 1, 2],
            ConvOptions {
                padding: same,
                ..base
            },
        ),
        (
            [2, 7, 8, 3],
            [3, 2, 3, 5],
            ConvOptions {
                padding: same,
                strides: [2, 2],
                ..base
            },
        ),
        (
            [2, 9, 8, 2],
            [3, 3, 2, 3],
            ConvOptions {
                dilation: [2, 2],
                ..base
            },
        ),
        (
            [2, 9, 8, 1],
            [3, 2, 1, 3],
            ConvOptions {
                dilation: [2, 3],
                padding: same,
                ..base
            },
        ),
        (
            [2, 6, 7, 4],
            [3, 3, 2, 6],
            ConvOptions {
                groups: 2,
                padding: same,
                ..base
            },
        ),
        (
            [2, 6, 7, 3],
            [2, 3, 1, 6],
            ConvOptions {
                groups: 3,
                strides: [1, 2],
                ..base
            },
        ),
        (
            [2, 5, 9, 2],
            [1, 4, 2, 3],
            ConvOptions {
                strides: [3, 2],
                padding: same,
                ..base
            },
        ),
        ([17, 3, 3, 2], [2, 2, 2, 3], base),
    ];
    for (x, w, options) in cases {
        let (x, w) = (values(&x, 1), values(&w, 2));
        let got = conv2d(&x, &w, None, &options, Act::Linear)?;
        close(&flat(&got), &naive_conv(&x, &w, &options)?, 1e-12);
    }
    Ok(())
}

#[test]
fn conv2d_of_views_and_channels_first() -> Result<()> {
    let (x, w) = (values(&[5, 6, 3, 2], 1), values(&[3, 2, 3, 4], 2));
    let options = ConvOptions {
        padding: Padding::Same,
        ..Default::default()
    };
    let first = ConvOptions {
        channels_first: true,
        ..options
    };
    let image = x.permute((3, 2, 0, 1))?.contiguous()?;
    let got = conv2d(&image, &w, None, &first, Act::Linear)?;
    let want = conv2d(&x.permute((3, 0, 1, 2))?, &w, None, &options, Act::Linear)?.permute((0, 3, 1, 2))?;
    assert_eq!(flat(&got), flat(&want));
    let data = values(&[2, 5, 5, 3], 1);
    only_needed(&|t| conv2d(t[0], t[1], None, &options, Act::Relu), &data, &w)
}

#[test]
fn conv1d_is_conv2d_of_one_line() -> Result<()> {
    let (x, w) = (values(&[3, 9, 2], 1), values(&[3, 2, 4], 2));
    let options = ConvOptions {
        strides: [2],
        padding: Padding::Same,
        ..Default::default()
    };
    let got = conv1d(&x, &w, None, &options, Act::Linear)?;
    let flat_options = ConvOptions {
        strides: [1, 2],
        padding: Padding::Same,
        ..Default::default()
    };
    let want = conv2d(
        &x.unsqueeze(1)?,
        &w.unsqueeze(0)?,
        None,
        &flat_options,
        Act::Linear,
    )?
    .squeeze(1)?;
    assert_eq!(got.dims(), [3, 5, 4]);
    assert_eq!(flat(&got), flat(&want));
    Ok(())
}

#[test]
fn conv2d_errors_say_what_was_expected() {
    let (x, w) = (values(&[2, 5, 5, 3], 1), values(&[3, 3, 2, 4], 2));
    let message = |w: &Tensor, options: ConvOptions<2>| {
        conv2d(&x, w, None, &options, Act::Linear)
            .map(drop)
            .expect_err("shapes do not fit")
            .to_string()
    };
    assert!(message(&w, ConvOptions::default()).contains("[2, 5, 5, 3], [3, 3, 2, 4]"));
    let wide = values(&[7, 3, 3, 4], 2);
    assert!(message(&wide, ConvOptions::default()).contains("covers 7 elements but the axis has 5"));
    let still = ConvOptions {
        strides: [0, 1],
        ..Default::default()
    };
    assert!(message(&values(&[3, 3, 3, 4], 2), still).contains("at least 1"));
}

fn naive_pool(x: &Tensor, o: &PoolOptions<2>) -> Result<Vec<f64>> {
    let (n, h, w, c) = x.dims4()?;
    let xs = flat(x);
    let (ph, oh) = axis(h, o.pool[0], o.strides[0], o.padding);
    let (pw, ow) = axis(w, o.pool[1], o.strides[1], o.padding);
    let mut out = Vec::new();
    for i in 0..n * oh * ow * c {
        let (channel, ox, oy, image) = (i % c, i / c % ow, i / c / ow % oh, i / c / ow / oh);
        let mut best = f64::NEG_INFINITY;
        for k in 0..o.pool[0] * o.pool[1] {
            let y = (oy * o.strides[0] + k / o.pool[1]).wrapping_sub(ph);
            let x = (ox * o.strides[1] + k % o.pool[1]).wrapping_sub(pw);
            if y < h && x < w {
                best = best.max(xs[((image * h + y) * w + x) * c + channel]);
            }
        }
        out.push(best);
    }
    Ok(out)
}

#[test]
fn max_pool2d_values() -> Result<()> {
    for channels in [3, 9] {
        for (pool, strides) in [
            ([2, 2], [2, 2]),
            ([3, 2], [1, 2]),
            ([4, 3], [2, 2]),
            ([1, 2], [3, 3]),
        ] {
            for padding in [Padding::Valid, Padding::Same] {
                let options = PoolOptions {
                    strides,
                    padding,
                    ..PoolOptions::new(pool)
                };
                let x = values(&[2, 7, 6, channels], 1);
                close(&flat(&max_pool2d(&x, &options)?), &naive_pool(&x, &options)?, 0.);
            }
        }
    }
    Ok(())
}

#[test]
fn max_pool2d_ties_and_nan() -> Result<()> {
    for channels in [1, 8] {
        let x = Var::from_tensor(&Tensor::ones((1, 2, 2, channels), DType::F32, &Device::Cpu)?)?;
        let tape = GradientTape::start();
        let grads = tape.gradients(&max_pool2d(x.as_tensor(), &PoolOptions::new([2, 2]))?)?;
        let mut want = vec![0.; 4 * channels];
        want[..channels].fill(1.);
        assert_eq!(flat(grads.get(&x).expect("the input has a gradient")), want);
    }
    let x = Tensor::new(&[3f32, f32::NAN, 5., 1.], &Device::Cpu)?.reshape((1, 2, 2, 1))?;
    assert!(flat(&max_pool2d(&x, &PoolOptions::new([2, 2]))?)[0].is_nan());
    let low = Tensor::full(f32::NEG_INFINITY, (1, 3, 3, 1), &Device::Cpu)?;
    let same = PoolOptions {
        padding: Padding::Same,
        ..PoolOptions::new([2, 2])
    };
    assert!(
        flat(&max_pool2d(&low, &same)?)
            .iter()
            .all(|v| *v == f64::NEG_INFINITY)
    );
    Ok(())
}
