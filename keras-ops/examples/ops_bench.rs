//! Times of the matrix, convolution and pooling operations: `RAYON_NUM_THREADS=2 cargo run --release --example ops_bench`.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use keras_ops::{
    ConvOptions, Device, FusedActivation as Act, GradientTape, PoolOptions, Result, Tensor, Var, conv2d,
    dense, matmul, max_pool2d,
};

fn median(name: &str, runs: usize, mut f: impl FnMut() -> Result<()>) -> Result<()> {
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let start = Instant::now();
        f()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    println!("{name:<44} {:>9.4} ms  (best {:.4})", times[runs / 2], times[0]);
    Ok(())
}

fn random(dims: &[usize]) -> Result<Var> {
    let values: Vec<f32> = (0..dims.iter().product())
        .map(|i: usize| noise(i) - 0.5)
        .collect();
    Var::from_vec(values, dims, &Device::Cpu)
}

fn noise(i: usize) -> f32 {
    let mixed = (i as u32).wrapping_mul(2_654_435_761) ^ 0x9e37_79b9;
    (mixed.wrapping_mul(2_246_822_519) >> 8) as f32 / (1 << 24) as f32
}

fn backward(tape: GradientTape, y: &Tensor) -> Result<()> {
    tape.gradients_with(&[(y, y.detach())]).map(drop)
}

fn dense_layers() -> Result<()> {
    for (batch, inputs, units, runs) in [(32, 64, 64, 3000), (128, 784, 512, 200), (128, 512, 512, 200)] {
        let (x, w, b) = (
            random(&[batch, inputs])?,
            random(&[inputs, units])?,
            random(&[units])?,
        );
        median(&format!("dense {batch}x{inputs}x{units} forward"), runs, || {
            dense(&x, &w, Some(&b), Act::Relu).map(drop)
        })?;
        median(
            &format!("dense {batch}x{inputs}x{units} forward+backward"),
            runs,
            || {
                let tape = GradientTape::start();
                let y = dense(&x, &w, Some(&b), Act::Relu)?;
                backward(tape, &y)
            },
        )?;
    }
    Ok(())
}

fn cnn() -> Result<()> {
    let x = random(&[128, 28, 28, 1])?;
    let x = x.as_detached_tensor();
    let (k1, b1) = (random(&[3, 3, 1, 32])?, random(&[32])?);
    let (k2, b2) = (random(&[3, 3, 32, 64])?, random(&[64])?);
    let (w, b) = (random(&[1600, 10])?, random(&[10])?);
    let (conv, pool) = (ConvOptions::default(), PoolOptions::new([2, 2]));
    let forward = || {
        let y = max_pool2d(&conv2d(&x, &k1, Some(&b1), &conv, Act::Relu)?, &pool)?;
        let y = max_pool2d(&conv2d(&y, &k2, Some(&b2), &conv, Act::Relu)?, &pool)?;
        dense(&y.reshape((128, 1600))?, &w, Some(&b), Act::Linear)
    };
    median("cnn forward", 100, || forward().map(drop))?;
    median("cnn forward+backward", 100, || {
        let tape = GradientTape::start();
        let y = forward()?;
        backward(tape, &y)
    })
}

fn layers() -> Result<()> {
    let (conv, pool) = (ConvOptions::default(), PoolOptions::new([2, 2]));
    for (size, channels, filters) in [(28, 1, 32), (13, 32, 64), (32, 64, 64)] {
        let x = random(&[128, size, size, channels])?;
        let (k, b) = (random(&[3, 3, channels, filters])?, random(&[filters])?);
        let name = format!("conv2d 128x{size}x{size}x{channels} -> {filters}");
        median(&format!("{name} forward"), 50, || {
            conv2d(&x, &k, Some(&b), &conv, Act::Relu).map(drop)
        })?;
        let plain = x.as_detached_tensor();
        for (with, x) in [("kernel, bias", &plain), ("input, kernel, bias", x.as_tensor())] {
            median(&format!("{name} f+b by {with}"), 50, || {
                let tape = GradientTape::start();
                let y = conv2d(x, &k, Some(&b), &conv, Act::Relu)?;
                backward(tape, &y)
            })?;
        }
    }
    let x = random(&[128, 26, 26, 32])?;
    median("max_pool2d 128x26x26x32 forward", 100, || {
        max_pool2d(&x, &pool).map(drop)
    })?;
    median("max_pool2d 128x26x26x32 forward+backward", 100, || {
        let tape = GradientTape::start();
        let y = max_pool2d(&x, &pool)?;
        backward(tape, &y)
    })
}

fn main() -> Result<()> {
    println!(
        "threads: {}",
        std::env::var("RAYON_NUM_THREADS").unwrap_or_else(|_| "all".into())
    );
    dense_layers()?;
    for size in [256, 1024] {
        let (a, b) = (random(&[size, size])?, random(&[size, size])?);
        median(&format!("matmul {size}^3"), 50, || matmul(&a, &b).map(drop))?;
    }
    let (a, b) = (random(&[32, 8, 64, 64])?, random(&[32, 8, 64, 64])?);
    median("matmul 256 times 64^3, right transposed", 50, || {
        matmul(&a, &b.t()?).map(drop)
    })?;
    cnn()?;
    layers()
}
