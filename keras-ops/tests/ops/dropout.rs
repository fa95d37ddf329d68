use keras_ops::{DType, Device, GradientTape, Result, Seed, Tensor, Var, nn};

const CPU: Device = Device::Cpu;

fn ramp(shape: (usize, usize), dtype: DType) -> Result<Var> {
    let n = shape.0 * shape.1;
    Var::from_tensor(
        &Tensor::arange(1f64, n as f64 + 1., &CPU)?
            .reshape(shape)?
            .to_dtype(dtype)?,
    )
}

/// Kept elements are multiplied, the others 0, and the gradient takes the same ones.
#[test]
fn forward_and_gradient_agree() -> Result<()> {
    for (shape, dtype) in [
        ((3, 43), DType::F64),
        ((1, 1), DType::F32),
        ((301, 257), DType::F32),
    ] {
        let x = ramp(shape, dtype)?;
        let tape = GradientTape::start();
        let y = nn::dropout(&x, 0.2, None, Seed::new(1, 2))?;
        let loss = (&y * x.as_detached_tensor())?.sum_all()?;
        let grad = tape.gradients(&loss)?.remove(&x).unwrap();
        let scaled = (x.as_detached_tensor() * 1.25)?;
        let kept = y.detach().gt(0.)?.to_dtype(dtype)?;
        let expected = (scaled * kept)?;
        for got in [y.detach(), grad] {
            let worst = (got / &expected)?
                .to_dtype(DType::F64)?
                .flatten_all()?
                .to_vec1::<f64>()?;
            assert!(
                worst
                    .iter()
                    .all(|ratio| ratio.is_nan() || (ratio - 1.).abs() < 1e-6)
            );
        }
    }
    Ok(())
}

#[test]
fn rates() -> Result<()> {
    let x = Tensor::ones(100_000, DType::F32, &CPU)?;
    for rate in [0., 0.1, 0.5, 0.9, 1.] {
        let y = nn::dropout(&x, rate, None, Seed::new(4, 0))?.to_vec1::<f32>()?;
        let kept = y.iter().filter(|y| **y != 0.).count() as f64 / y.len() as f64;
        assert!((kept - (1. - rate)).abs() < 0.005, "{rate}: {kept}");
        let scale = (1. / (1. - rate)) as f32;
        assert!(y.iter().all(|y| *y == 0. || *y == scale));
    }
    Ok(())
}

#[test]
fn neighbours_are_independent() -> Result<()> {
    let n = 1 << 16;
    let y = nn::dropout(&Tensor::ones(n, DType::F32, &CPU)?, 0.5, None, Seed::new(5, 0))?.to_vec1::<f32>()?;
    for lag in [1, 16, 32, 64, 128] {
        let equal = y.iter().zip(&y[lag..]).filter(|(a, b)| a == b).count() as f64 / n as f64;
        assert!((equal - 0.5).abs() < 0.01, "lag {lag}: {equal}");
    }
    Ok(())
}

#[test]
fn noise_shape_drops_together() -> Result<()> {
    let x = Var::from_tensor(&Tensor::ones((6, 5, 7), DType::F64, &CPU)?)?;
    for noise in [
        [6, 1, 7],
        [1, 5, 1],
        [6, 1, 1],
        [1, 1, 7],
        [1, 1, 1],
        [6, 5, 1],
        [1, 5, 7],
    ] {
        let tape = GradientTape::start();
        let y = nn::dropout(&x, 0.5, Some(&noise), Seed::new(6, 1))?;
        let values = y.detach();
        let first = values
            .narrow(0, 0, noise[0])?
            .narrow(1, 0, noise[1])?
            .narrow(2, 0, noise[2])?;
        let spread = first.broadcast_as((6, 5, 7))?.flatten_all()?.to_vec1::<f64>()?;
        assert_eq!(values.flatten_all()?.to_vec1::<f64>()?, spread, "{noise:?}");
        let grad = tape.gradients(&y)?.remove(&x).unwrap();
        assert_eq!(grad.flatten_all()?.to_vec1::<f64>()?, spread, "{noise:?}");
    }
    let all = nn::dropout(&x, 0.5, Some(&[6, 5, 7]), Seed::new(6, 1))?
        .flatten_all()?
        .to_vec1::<f64>()?;
    let plain = nn::dropout(&x, 0.5, None, Seed::new(6, 1))?
        .flatten_all()?
        .to_vec1::<f64>()?;
    assert_eq!(all, plain);
    Ok(())
}

#[test]
fn half_precision_and_views() -> Result<()> {
    let x = ramp((40, 30), DType::F32)?;
    let view = x.as_detached_tensor().t()?;
    let y = nn::dropout(&view, 0.5, None, Seed::new(7, 0))?;
    let copied = nn::dropout(&view.contiguous()?, 0.5, None, Seed::new(7, 0))?;
    assert_eq!(y.to_vec2::<f32>()?, copied.to_vec2::<f32>()?);
    let half = nn::dropout(&view.to_dtype(DType::BF16)?, 0.5, None, Seed::new(7, 0))?;
    assert_eq!(half.dtype(), DType::BF16);
    let same = half.ne(0.)?.to_vec2::<u8>()?;
    assert_eq!(same, y.ne(0.)?.to_vec2::<u8>()?);
    Ok(())
}

#[test]
fn wrong_arguments() -> Result<()> {
    let x = Tensor::ones((2, 3), DType::F32, &CPU)?;
    for rate in [-0.1, 1.1, f64::NAN] {
        assert!(nn::dropout(&x, rate, None, Seed::default()).is_err());
    }
    for noise in [&[2][..], &[2, 2], &[2, 3, 1]] {
        let error = nn::dropout(&x, 0.5, Some(noise), Seed::default())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("noise_shape") && error.contains("[2, 3]"),
            "{error}"
        );
    }
    assert!(nn::dropout(&x.to_dtype(DType::U32)?, 0.5, None, Seed::default()).is_err());
    Ok(())
}
