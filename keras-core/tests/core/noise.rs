//! Layers that draw random numbers: moments, repeatability, what shares a draw, nothing in inference.

use keras_core::layer::Call;
use keras_core::layers::{
    AlphaDropout, DataFormat, Dropout, GaussianDropout, GaussianNoise, SpatialDropout1D, SpatialDropout2D,
    SpatialDropout3D,
};
use keras_core::ops::{self, DType, Device, Seed, Tensor};
use keras_core::{Layer, Result};

fn train(layer: &dyn Layer, x: &Tensor) -> Result<Tensor> {
    Ok(layer
        .call(std::slice::from_ref(x), &mut Call::new(true))?
        .0
        .remove(0))
}

fn values(x: &Tensor) -> Result<Vec<f32>> {
    Ok(x.flatten_all()?.to_vec1()?)
}

fn moments(x: &Tensor) -> Result<(f32, f32)> {
    let values = values(x)?;
    let n = values.len() as f32;
    let mean = values.iter().sum::<f32>() / n;
    Ok((
        mean,
        values.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / n,
    ))
}

fn all(seed: u64) -> Vec<Box<dyn Layer>> {
    vec![
        Box::new(Dropout::new(0.4).seed(seed)),
        Box::new(AlphaDropout::new(0.3).seed(seed)),
        Box::new(GaussianDropout::new(0.3).seed(seed)),
        Box::new(GaussianNoise::new(0.7).seed(seed)),
        Box::new(SpatialDropout2D::new(0.4).seed(seed)),
    ]
}

#[test]
fn the_mean_stays_and_the_variance_is_that_of_the_formula() -> Result<()> {
    // 8000 maps of one pixel, of mean 0 and variance 1.
    let x = ops::random::normal((40, 1, 1, 200), 0., 1., DType::F32, &Device::Cpu, Seed::new(9, 0))?;
    let variances = [
        1. / 0.6,       // E[x²] / keep
        1.,             // kept by construction
        1. + 0.3 / 0.7, // 1 + rate / (1 - rate)
        1. + 0.49,      // stddev²
        1. / 0.6,
    ];
    for (layer, expected) in all(1).into_iter().zip(variances) {
        let (mean, variance) = moments(&train(&*layer, &x)?)?;
        assert!(mean.abs() < 0.06, "{layer:?}: mean {mean}");
        assert!(
            (variance - expected).abs() < 0.1,
            "{layer:?}: variance {variance}, not {expected}"
        );
    }
    Ok(())
}

#[test]
fn draws_differ_from_step_to_step_and_repeat_by_seed_and_state() -> Result<()> {
    let x = Tensor::ones((4, 2, 2, 16), DType::F32, &Device::Cpu)?;
    for (first, second) in all(7).into_iter().zip(all(7)) {
        let a = values(&train(&*first, &x)?)?;
        let b = values(&train(&*first, &x)?)?;
        assert_ne!(a, b, "{first:?}");
        assert_eq!(values(&train(&*second, &x)?)?, a, "{first:?}");
        second.base().seeds()[0].load_state(Seed::new(7, 1));
        assert_eq!(values(&train(&*second, &x)?)?, b, "{first:?}");
    }
    Ok(())
}

#[test]
fn inference_is_the_identity_and_draws_nothing() -> Result<()> {
    let x = Tensor::arange(0f32, 64., &Device::Cpu)?.reshape((2, 2, 2, 8))?;
    for layer in all(7) {
        let y = layer
            .call(std::slice::from_ref(&x), &mut Call::new(false))?
            .0
            .remove(0);
        assert_eq!(values(&y)?, values(&x)?, "{layer:?}");
        assert_eq!(layer.base().seeds()[0].state(), Seed::new(7, 0));
    }
    Ok(())
}

#[test]
fn maps_are_dropped_whole() -> Result<()> {
    type Case = (Box<dyn Layer>, &'static [usize], usize);
    let first = DataFormat::ChannelsFirst;
    let cases: Vec<Case> = vec![
        (Box::new(SpatialDropout1D::new(0.5).seed(1)), &[3, 5, 8], 2),
        (Box::new(SpatialDropout2D::new(0.5).seed(1)), &[3, 2, 4, 8], 3),
        (
            Box::new(SpatialDropout2D::new(0.5).seed(1).data_format(first)),
            &[3, 8, 2, 4],
            1,
        ),
        (Box::new(SpatialDropout3D::new(0.5).seed(1)), &[3, 2, 2, 4, 8], 4),
        (
            Box::new(SpatialDropout3D::new(0.5).seed(1).data_format(first)),
            &[3, 8, 2, 2, 4],
            1,
        ),
    ];
    for (layer, shape, channels) in cases {
        let y = train(&*layer, &Tensor::ones(shape, DType::F32, &Device::Cpu)?)?;
        let maps = y
            .transpose(1, channels)?
            .contiguous()?
            .reshape((24, ()))?
            .to_vec2::<f32>()?;
        assert!(
            maps.iter().all(|map| map.iter().all(|v| *v == map[0])),
            "{layer:?}"
        );
        let kept = maps.iter().filter(|map| map[0] == 2.).count();
        assert!(kept > 4 && kept < 20, "{layer:?}: {kept} of 24");
    }
    Ok(())
}

#[test]
fn a_noise_shape_shares_draws() -> Result<()> {
    let x = Tensor::ones((4, 6, 8), DType::F32, &Device::Cpu)?;
    let layers: Vec<Box<dyn Layer>> = vec![
        Box::new(Dropout::new(0.5).seed(1).noise_shape([None, Some(1), None])),
        Box::new(AlphaDropout::new(0.5).seed(1).noise_shape([None, Some(1), None])),
        Box::new(AlphaDropout::new(0.5).seed(1).noise_shape([Some(1), Some(8)])),
    ];
    for layer in layers {
        let y = train(&*layer, &x)?.to_vec3::<f32>()?;
        assert!(
            y.iter()
                .all(|sample| sample.iter().all(|step| *step == sample[0])),
            "{layer:?}"
        );
        assert!(y[0][0].iter().any(|v| *v != y[0][0][0]), "{layer:?}");
    }
    Ok(())
}

#[test]
fn wrong_rates_and_shapes_are_errors_that_say_why() -> Result<()> {
    let image = || vec![None, Some(4), Some(4), Some(3)];
    let cases: Vec<(Box<dyn Layer>, Vec<Option<usize>>, &str)> = vec![
        (
            Box::new(GaussianDropout::new(1.5)),
            image(),
            "`rate` must be between 0 and 1",
        ),
        (
            Box::new(GaussianNoise::new(-0.1)),
            image(),
            "`stddev` must be between 0 and 1",
        ),
        (
            Box::new(AlphaDropout::new(f64::NAN)),
            image(),
            "AlphaDropout: `rate`",
        ),
        (
            Box::new(AlphaDropout::new(0.1).noise_shape([Some(2), None])),
            image(),
            "noise_shape",
        ),
        (
            Box::new(Dropout::new(0.1).noise_shape([Some(0)])),
            image(),
            "1 or more or None",
        ),
        (Box::new(SpatialDropout1D::new(0.1)), image(), "rank 3"),
        (Box::new(SpatialDropout3D::new(0.1)), image(), "rank 5"),
    ];
    for (layer, input, expected) in cases {
        let error = layer
            .compute_output_shape(&[input])
            .expect_err(expected)
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
    // Keras divides by zero there.
    let x = Tensor::ones(4, DType::F32, &Device::Cpu)?;
    for layer in [&GaussianDropout::new(1.) as &dyn Layer, &AlphaDropout::new(1.)] {
        assert!(
            train(layer, &x)
                .expect_err("rate 1")
                .to_string()
                .contains("below 1")
        );
    }
    assert_eq!(values(&train(&Dropout::new(1.), &x)?)?, [0.; 4]);
    Ok(())
}
