use keras_core::initializers::*;
use keras_core::{Initializer, Result, registry, set_random_seed};
use keras_ops::{DType, Device};
use serde_json::json;

const CPU: Device = Device::Cpu;

fn sample(initializer: &dyn Initializer, shape: &[usize]) -> Result<Vec<f64>> {
    Ok(initializer
        .call(shape, DType::F64, &CPU)?
        .flatten_all()?
        .to_vec1()?)
}

fn spread(x: &[f64]) -> (f64, f64) {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    (
        mean,
        (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64).sqrt(),
    )
}

/// The variance is `scale / fan`; uniform numbers stay within `sqrt(3 variance)`.
#[test]
fn scaled_variances() -> Result<()> {
    let shape = [3, 3, 50, 70];
    for (name, variance) in [
        ("glorot_uniform", 1. / 540.),
        ("glorot_normal", 1. / 540.),
        ("lecun_uniform", 1. / 450.),
        ("lecun_normal", 1. / 450.),
        ("he_uniform", 2. / 450.),
        ("he_normal", 2. / 450.),
    ] {
        let initializer = registry::core().initializers.by_name(name, registry::core())?;
        let x = sample(initializer.as_ref(), &shape)?;
        let (mean, std) = spread(&x);
        let expected = f64::sqrt(variance);
        assert!(
            mean.abs() < 0.03 * expected && (std / expected - 1.).abs() < 0.03,
            "{name}: {mean} {std}"
        );
        let bound = if name.ends_with("uniform") {
            3f64.sqrt()
        } else {
            2. / 0.879_625_661
        };
        assert!(
            x.iter().all(|x| x.abs() <= bound * expected * 1.000_001),
            "{name}"
        );
    }
    Ok(())
}

#[test]
fn seeds() -> Result<()> {
    let seeded = RandomNormal {
        seed: Some(7),
        ..RandomNormal::default()
    };
    assert_eq!(sample(&seeded, &[9])?, sample(&seeded, &[9])?);
    let free = RandomNormal::default();
    assert_ne!(sample(&free, &[9])?, sample(&free, &[9])?);
    set_random_seed(1);
    let first = sample(&free, &[9])?;
    set_random_seed(1);
    assert_eq!(sample(&free, &[9])?, first);
    let generator = json!({"class_name": "RandomNormal", "config": {"seed": {
        "class_name": "SeedGenerator", "config": {"seed": 7}
    }}});
    let built = registry::core()
        .initializers
        .from_value(&generator, registry::core())?;
    assert_eq!(sample(built.as_ref(), &[9])?, sample(&seeded, &[9])?);
    Ok(())
}

#[test]
fn constants() -> Result<()> {
    let one = |name: &str, shape: &[usize]| -> Result<Vec<f64>> {
        sample(
            registry::core()
                .initializers
                .by_name(name, registry::core())?
                .as_ref(),
            shape,
        )
    };
    assert_eq!(one("zeros", &[2])?, [0., 0.]);
    assert_eq!(one("ones", &[2])?, [1., 1.]);
    assert_eq!(one("identity", &[3, 2])?, [1., 0., 0., 1., 0., 0.]);
    assert!(one("identity", &[3]).is_err());
    assert_eq!(
        Constant { value: 2.5 }
            .call(&[], DType::F32, &CPU)?
            .to_scalar::<f32>()?,
        2.5
    );
    Ok(())
}

#[test]
fn orthogonal_flattens_leading_axes() -> Result<()> {
    let gain = 1.5;
    let x = Orthogonal { gain, seed: Some(3) }
        .call(&[2, 3, 4], DType::F64, &CPU)?
        .reshape((6, 4))?;
    let gram = x.t()?.matmul(&x)?.to_vec2::<f64>()?;
    for (i, row) in gram.iter().enumerate() {
        for (j, x) in row.iter().enumerate() {
            assert!((x - if i == j { gain * gain } else { 0. }).abs() < 1e-12);
        }
    }
    assert!(Orthogonal::default().call(&[5], DType::F64, &CPU).is_err());
    Ok(())
}

#[test]
fn configurations_round_trip() -> Result<()> {
    let registry = registry::core();
    for entry in ENTRIES {
        let plain = (entry.build)(&keras_core::Config::new(), registry)?;
        assert_eq!((entry.build)(&plain.config(), registry)?.config(), plain.config());
        assert_eq!(plain.class_name(), entry.class_name);
        for alias in entry.aliases {
            assert_eq!(
                registry.initializers.by_name(alias, registry)?.class_name(),
                entry.class_name
            );
        }
    }
    let config = json!({
        "seed": 3, "scale": 2.0, "mode": "fan_out", "distribution": "uniform", "input_axes": null, "output_axes": null
    });
    let value = json!({"class_name": "VarianceScaling", "config": config});
    let built = registry.initializers.from_value(&value, registry)?;
    assert_eq!(serde_json::to_value(&built.config().0)?, config);
    for wrong in [
        json!({"scale": 0}),
        json!({"mode": "fan"}),
        json!({"distribution": "cauchy"}),
        json!({"seed": -1}),
    ] {
        let value = json!({"class_name": "VarianceScaling", "config": wrong});
        assert!(
            registry.initializers.from_value(&value, registry).is_err(),
            "{value}"
        );
    }
    Ok(())
}
