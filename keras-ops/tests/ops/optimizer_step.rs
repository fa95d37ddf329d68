use keras_ops::optimizer_step::*;
use keras_ops::{DType, Device, Result, Seed, Tensor, Var, random};

const CPU: Device = Device::Cpu;
// one small odd size, one that is split among threads
const SIZES: [usize; 2] = [37, 70_001];

fn sample(n: usize, counter: u64, dtype: DType) -> Result<Var> {
    Var::from_tensor(&random::uniform(n, -1., 1., dtype, &CPU, Seed::new(11, counter))?)
}

fn values(x: &Tensor) -> Result<Vec<f64>> {
    x.detach().to_dtype(DType::F64)?.to_vec1()
}

fn assert_close(got: &Tensor, expected: &[f64], tolerance: f64) -> Result<()> {
    for (i, (got, expected)) in values(got)?.iter().zip(expected).enumerate() {
        assert!(
            (got - expected).abs() <= tolerance * (1. + expected.abs()),
            "{i}: {got} {expected}"
        );
    }
    Ok(())
}

fn tolerance(dtype: DType) -> f64 {
    match dtype {
        DType::F64 => 1e-12,
        DType::F32 => 3e-6,
        _ => 0.03,
    }
}

/// Runs three steps of `step` and of `formula`, which gets the variable and two slots, on each element.
fn compare(
    slots: usize,
    step: impl Fn(u64, &Tensor, &Tensor, &[Var]) -> Result<()>,
    formula: impl Fn(u64, &mut f64, &mut [f64], f64),
) -> Result<()> {
    for dtype in [DType::F32, DType::F64, DType::BF16] {
        for n in SIZES {
            let var = sample(n, 0, dtype)?;
            let kept: Vec<Var> = (0..slots)
                .map(|_| Var::zeros(n, dtype, &CPU))
                .collect::<Result<_>>()?;
            let mut expected = values(&var)?;
            let mut expected_slots = vec![vec![0.; slots]; n];
            for t in 1..4 {
                let grad = sample(n, t, dtype)?.as_detached_tensor();
                step(t, &var, &grad, &kept)?;
                let grad = values(&grad)?;
                for i in 0..n {
                    formula(t, &mut expected[i], &mut expected_slots[i], grad[i]);
                }
            }
            assert_close(&var, &expected, tolerance(dtype))?;
            for (k, slot) in kept.iter().enumerate() {
                let expected: Vec<f64> = expected_slots.iter().map(|s| s[k]).collect();
                assert_close(slot, &expected, tolerance(dtype))?;
            }
        }
    }
    Ok(())
}

#[test]
fn sgd() -> Result<()> {
    let rule = SgdRule {
        learning_rate: 0.1,
        momentum: 0.9,
        nesterov: false,
    };
    compare(
        0,
        |_, w, g, _| sgd_step(&rule, w, g, None),
        |_, w, _, g| *w -= 0.1 * g,
    )?;
    for nesterov in [false, true] {
        compare(
            1,
            |_, w, g, s| sgd_step(&SgdRule { nesterov, ..rule }, w, g, Some(&s[0])),
            |_, w, s, g| {
                s[0] = 0.9 * s[0] - 0.1 * g;
                *w += if nesterov { 0.9 * s[0] - 0.1 * g } else { s[0] };
            },
        )?;
    }
    Ok(())
}

#[test]
fn adam() -> Result<()> {
    for amsgrad in [false, true] {
        compare(
            2 + usize::from(amsgrad),
            |t, w, g, s| {
                let rule = AdamRule {
                    learning_rate: 0.01,
                    beta_1: 0.8,
                    beta_2: 0.95,
                    epsilon: 1e-3,
                    step: t,
                };
                adam_step(&rule, w, g, &s[0], &s[1], s.get(2).map(|v| v.as_tensor()))
            },
            |t, w, s, g| {
                s[0] = 0.8 * s[0] + 0.2 * g;
                s[1] = 0.95 * s[1] + 0.05 * g * g;
                let mut v = s[1];
                if amsgrad {
                    s[2] = s[2].max(v);
                    v = s[2];
                }
                let alpha = 0.01 * (1. - 0.95f64.powi(t as i32)).sqrt() / (1. - 0.8f64.powi(t as i32));
                *w -= s[0] * alpha / (v.sqrt() + 1e-3);
            },
        )?;
    }
    Ok(())
}

#[test]
fn rmsprop() -> Result<()> {
    let rule = RmspropRule {
        learning_rate: 0.01,
        rho: 0.9,
        momentum: 0.5,
        epsilon: 0.02,
    };
    for (momentum, centered) in [(false, false), (true, false), (false, true), (true, true)] {
        let slots = 1 + usize::from(momentum) + usize::from(centered);
        compare(
            slots,
            |_, w, g, s| {
                let m = momentum.then(|| s[1].as_tensor());
                let a = centered.then(|| s[slots - 1].as_tensor());
                rmsprop_step(&rule, w, g, &s[0], m, a)
            },
            |_, w, s, g| {
                s[0] = 0.9 * s[0] + 0.1 * g * g;
                let mut divisor = s[0];
                if centered {
                    s[slots - 1] = 0.9 * s[slots - 1] + 0.1 * g;
                    divisor -= s[slots - 1] * s[slots - 1];
                }
                let mut step = 0.01 * g / (divisor + 0.02).sqrt();
                if momentum {
                    s[1] = 0.5 * s[1] + step;
                    step = s[1];
                }
                *w -= step;
            },
        )?;
    }
    Ok(())
}

/// Keras 3.15.1 with JAX: Adam() on [1, -2], gradients [0.5, -0.1] twice.
#[test]
fn adam_as_keras() -> Result<()> {
    let w = Var::new(&[1f32, -2.], &CPU)?;
    let g = Tensor::new(&[0.5f32, -0.1], &CPU)?;
    let (m, v) = (w.zeros_like()?, w.zeros_like()?);
    for step in 1..3 {
        let rule = AdamRule {
            learning_rate: 0.001,
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-7,
            step,
        };
        adam_step(&rule, &w, &g, &m, &v, None)?;
    }
    assert_close(&w, &[0.998_000_025_749_206_5, -1.998_000_144_958_496], 1e-7)
}

#[test]
fn gradient_may_share_the_variables_memory() -> Result<()> {
    let w = Var::new(&[1f32, -2.], &CPU)?;
    let rule = SgdRule {
        learning_rate: 0.5,
        momentum: 0.,
        nesterov: false,
    };
    sgd_step(&rule, &w, &w.as_detached_tensor(), None)?;
    assert_eq!(w.to_vec1::<f32>()?, [0.5, -1.]);
    Ok(())
}

#[test]
fn gradients_are_converted_and_made_contiguous() -> Result<()> {
    let w = Var::zeros((2, 3), DType::F32, &CPU)?;
    let g = Tensor::arange(0f64, 6., &CPU)?.reshape((3, 2))?.t()?;
    let rule = SgdRule {
        learning_rate: 1.,
        momentum: 0.,
        nesterov: false,
    };
    sgd_step(&rule, &w, &g, None)?;
    assert_eq!(w.to_vec2::<f32>()?, [[0., -2., -4.], [-1., -3., -5.]]);
    Ok(())
}

#[test]
fn shapes_must_agree() -> Result<()> {
    let (w, g) = (
        Var::zeros((2, 3), DType::F32, &CPU)?,
        Tensor::zeros((3, 2), DType::F32, &CPU)?,
    );
    let rule = SgdRule {
        learning_rate: 1.,
        momentum: 0.,
        nesterov: false,
    };
    let error = sgd_step(&rule, &w, &g, None).unwrap_err().to_string();
    assert!(
        error.contains("sgd_step") && error.contains("[2, 3]") && error.contains("[3, 2]"),
        "{error}"
    );
    assert!(sgd_step(&rule, &w, &w.as_detached_tensor(), Some(&g)).is_err());
    assert!(mix_in_place(&w, 1., &g, 1.).is_err());
    Ok(())
}

#[test]
fn steps_do_not_depend_on_threads() -> Result<()> {
    let run = || -> Result<(Vec<f64>, f64)> {
        let (w, g) = (sample(200_003, 0, DType::F32)?, sample(200_003, 1, DType::F32)?);
        let (m, v) = (w.zeros_like()?, w.zeros_like()?);
        let rule = AdamRule {
            learning_rate: 0.01,
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-7,
            step: 1,
        };
        adam_step(&rule, &w, &g.as_detached_tensor(), &m, &v, None)?;
        Ok((values(&w)?, global_norm(&[&w])?))
    };
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(run()?, one.install(run)?);
    Ok(())
}

#[test]
fn passes() -> Result<()> {
    for dtype in [DType::F32, DType::F64, DType::F16] {
        for n in SIZES {
            let (x, y) = (sample(n, 0, dtype)?, sample(n, 1, dtype)?);
            let (a, b) = (values(&x)?, values(&y)?);
            let norm = a.iter().chain(&b).map(|v| v * v).sum::<f64>().sqrt();
            assert!((global_norm(&[&x, &y])? / norm - 1.).abs() < 1e-10);
            scale_in_place(&x, -3.)?;
            let expected: Vec<f64> = a.iter().map(|a| -3. * a).collect();
            assert_close(&x, &expected, tolerance(dtype))?;
            mix_in_place(&x, 0.25, &y, 0.5)?;
            let expected: Vec<f64> = expected.iter().zip(&b).map(|(x, y)| 0.25 * x + 0.5 * y).collect();
            assert_close(&x, &expected, tolerance(dtype))?;
            axpy_in_place(&x, -0.5, &y)?;
            let expected: Vec<f64> = expected.iter().zip(&b).map(|(x, y)| x - 0.5 * y).collect();
            assert_close(&x, &expected, tolerance(dtype))?;
            scale_and_clip(&x, Some(&y), -2., 0.75)?;
            let expected: Vec<f64> = b.iter().map(|y| (-2. * y).clamp(-0.75, 0.75)).collect();
            assert_close(&x, &expected, tolerance(dtype))?;
            scale_and_clip(&x, None, 0.5, f64::INFINITY)?;
            let expected: Vec<f64> = expected.iter().map(|x| 0.5 * x).collect();
            assert_close(&x, &expected, tolerance(dtype))?;
            fill_in_place(&x, 0.5)?;
            assert!(values(&x)?.iter().all(|x| *x == 0.5));
        }
    }
    Ok(())
}
