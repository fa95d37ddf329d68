use keras_ops::kernels::map::map1;
use keras_ops::kernels::math::Math;

/// The largest error in units in the last place of the true value over a grid.
fn worst(f: fn(f32) -> f32, exact: fn(f64) -> f64, low: f32, high: f32) -> f64 {
    let steps = 200_000;
    let x: Vec<f32> = (0..=steps)
        .map(|i| low + (high - low) * i as f32 / steps as f32)
        .collect();
    let y = map1(&x, f);
    let error = |(x, y): (&f32, &f32)| {
        let exact = exact(*x as f64);
        let ulp = ((exact as f32).abs().next_up() - (exact as f32).abs()) as f64;
        (*y as f64 - exact).abs() / ulp
    };
    x.iter().zip(&y).map(error).fold(0., f64::max)
}

#[test]
fn single_precision_functions_are_accurate_to_documented_ulps() {
    let bounds = [
        ("exp", worst(Math::exp, f64::exp, -87., 88.7), 2.),
        ("exp subnormal", worst(Math::exp, f64::exp, -103., -87.), 2.),
        ("ln", worst(Math::ln, f64::ln, 1e-3, 10.), 2.),
        ("ln large", worst(Math::ln, f64::ln, 1., 1e30), 2.),
        ("tanh", worst(Math::tanh, f64::tanh, -10., 10.), 2.),
        (
            "sigmoid",
            worst(Math::sigmoid, |x| 1. / (1. + (-x).exp()), -80., 30.),
            3.,
        ),
        ("ln_1p", worst(Math::ln_1p, f64::ln_1p, -0.9, 5.), 3.),
        ("exp_m1", worst(Math::exp_m1, f64::exp_m1, -20., 5.), 3.),
        ("erf", worst(Math::erf, Math::erf, -5., 5.), 7.),
        ("sin", worst(Math::sin, f64::sin, -50., 50.), 2.),
        ("sin of large", worst(Math::sin, f64::sin, 1e6, 1e7), 2.),
        ("cos", worst(Math::cos, f64::cos, -50., 50.), 2.),
        (
            "pow",
            worst(|x| Math::pow(x, 2.7), |x| x.powf(2.7f32 as f64), 1e-3, 1e3),
            2.,
        ),
        (
            "pow small",
            worst(|x| Math::pow(x, -11.), |x| x.powi(-11), -3e3, -1e-3),
            2.,
        ),
        (
            "pow of 1.7",
            worst(|y| Math::pow(1.7, y), |y| (1.7f32 as f64).powf(y), -150., 160.),
            2.,
        ),
    ];
    let failed: Vec<_> = bounds
        .iter()
        .filter(|(_, found, bound)| found.is_nan() || found > bound)
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn special_values_are_those_of_the_standard_library() {
    let specials = [
        0f32,
        -0.,
        1.,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        200.,
        -200.,
        1e-40,
        f32::MAX,
    ];
    for x in specials {
        let same = |name: &str, got: f32, expected: f32| {
            let close = (got - expected).abs() <= 1e-6 * expected.abs();
            assert!(
                got == expected || close || (got.is_nan() && expected.is_nan()),
                "{name}({x}) = {got}"
            );
        };
        same("exp", Math::exp(x), x.exp());
        same("ln", Math::ln(x), x.ln());
        same("ln", Math::ln(-x), (-x).ln());
        same("tanh", Math::tanh(x), x.tanh());
        same("exp_m1", Math::exp_m1(x), x.exp_m1());
        same("ln_1p", Math::ln_1p(x), x.ln_1p());
        same("sigmoid", Math::sigmoid(x), 1. / (1. + (-x).exp()));
        same("erf", Math::erf(x), candle_core::cpu::erf::erf_f32(x));
        for y in specials.into_iter().chain([-1., 3., 2., 0.5, -3.]) {
            same("pow", Math::pow(x, y), x.powf(y));
            same("pow of negative", Math::pow(-x, y), (-x).powf(y));
            same("pow into", Math::pow(y, x), y.powf(x));
        }
    }
}

#[test]
fn waves_of_huge_arguments_are_right() {
    use keras_ops::{self as ops, Device, Tensor};
    let x: Vec<f32> = (0..5000)
        .map(|i| if i % 7 == 0 { 1e12 * i as f32 } else { i as f32 })
        .collect();
    let t = Tensor::new(x.as_slice(), &Device::Cpu).unwrap();
    let (sin, cos) = (ops::sin(&t).unwrap(), ops::cos(&t).unwrap());
    let (sin, cos) = (sin.to_vec1::<f32>().unwrap(), cos.to_vec1::<f32>().unwrap());
    for (i, x) in x.iter().enumerate() {
        assert!((sin[i] as f64 - (*x as f64).sin()).abs() < 2e-7, "sin {x}");
        assert!((cos[i] as f64 - (*x as f64).cos()).abs() < 2e-7, "cos {x}");
    }
    let infinite = ops::sin(&Tensor::new(&[f32::INFINITY], &Device::Cpu).unwrap()).unwrap();
    assert!(infinite.to_vec1::<f32>().unwrap()[0].is_nan());
}
