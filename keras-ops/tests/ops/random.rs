use keras_ops::kernels::philox::{Words, block, fill};
use keras_ops::random::{
    bernoulli, normal, orthogonal, permutation, randint, shuffle, truncated_normal, uniform,
};
use keras_ops::{DType, Device, Result, Seed, Tensor, random};

const N: usize = 200_001;
const CPU: Device = Device::Cpu;

/// The known answers published with Random123.
#[test]
fn philox_known_answers() {
    assert_eq!(
        block([0; 2], [0; 4]),
        [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
    );
    let ones = u32::MAX;
    assert_eq!(
        block([ones; 2], [ones; 4]),
        [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
    );
    let pi = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
    let key = [0xa409_3822, 0x299f_31d0];
    assert_eq!(
        block(key, pi),
        [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
    );
}

#[test]
fn words_are_placed_as_documented() {
    let (key, draw) = (0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210);
    let mut words = vec![0u32; 70_003];
    fill(key, draw, &mut words, |word| word);
    for (e, word) in words.iter().enumerate() {
        let index = (e / 64 * 16 + e % 16) as u32;
        let made = block([0x89ab_cdef, 0x0123_4567], [index, 0, 0x7654_3210, 0xfedc_ba98]);
        assert_eq!(*word, made[e % 64 / 16], "element {e}");
    }
    let mut one_by_one = Words::new(key, draw);
    assert!(words.iter().take(300).all(|word| *word == one_by_one.next_u32()));
}

#[test]
fn draws_do_not_depend_on_threads_or_length() -> Result<()> {
    let sample = |n: usize| normal(n, 0., 1., DType::F32, &CPU, Seed::new(3, 9))?.to_vec1::<f32>();
    let long = sample(N)?;
    assert_eq!(sample(1000)?, long[..1000]);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(pool.install(|| sample(N))?, long);
    let wide = normal(1000, 0., 1., DType::F64, &CPU, Seed::new(3, 9))?.to_vec1::<f64>()?;
    assert!(wide.iter().zip(&long).all(|(a, b)| *a == *b as f64));
    assert_ne!(
        sample(8)?,
        normal(8, 0., 1., DType::F32, &CPU, Seed::new(3, 10))?.to_vec1::<f32>()?
    );
    Ok(())
}

/// Mean, standard deviation, skewness and kurtosis.
fn moments(x: &[f64]) -> [f64; 4] {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let central = |p: i32| x.iter().map(|x| (x - mean).powi(p)).sum::<f64>() / n;
    let std = central(2).sqrt();
    [mean, std, central(3) / std.powi(3), central(4) / std.powi(4)]
}

fn assert_moments(x: Tensor, expected: [f64; 4]) -> Result<Vec<f64>> {
    let x = x.to_dtype(DType::F64)?.to_vec1::<f64>()?;
    // about five standard errors of a normal sample of this size
    for ((got, expected), error) in moments(&x)
        .into_iter()
        .zip(expected)
        .zip([0.011, 0.008, 0.03, 0.06])
    {
        assert!(
            (got - expected).abs() < error,
            "{:?}, expected {expected:?}",
            moments(&x)
        );
    }
    Ok(x)
}

#[test]
fn uniform_moments_and_bounds() -> Result<()> {
    let x = uniform(N, -1., 3., DType::F32, &CPU, Seed::new(1, 0))?;
    let x = assert_moments(x, [1., 4. / 12f64.sqrt(), 0., 1.8])?;
    assert!(x.iter().all(|x| (-1. ..3.).contains(x)));
    let x = uniform(N, 1., 2., DType::F32, &CPU, Seed::new(1, 0))?.to_vec1::<f32>()?;
    assert!(
        x.iter().all(|x| (1. ..2.).contains(x)),
        "rounding must not reach the upper bound"
    );
    assert!(uniform(3, 1., 0., DType::F32, &CPU, Seed::default()).is_err());
    assert!(uniform(3, 0., 1., DType::U32, &CPU, Seed::default()).is_err());
    Ok(())
}

#[test]
fn normal_moments_and_tails() -> Result<()> {
    let x = normal(N, 0., 1., DType::F32, &CPU, Seed::new(2, 0))?;
    let x = assert_moments(x, [0., 1., 0., 3.])?;
    let beyond = |t: f64| x.iter().filter(|x| x.abs() > t).count() as f64 / N as f64;
    assert!((beyond(1.) - 0.3173).abs() < 0.004 && (beyond(3.) - 0.0027).abs() < 0.0005);
    assert_moments(
        normal(N, 0.5, 0.1, DType::F64, &CPU, Seed::new(2, 1))?,
        [0.5, 0.1, 0., 3.],
    )?;
    Ok(())
}

#[test]
fn normal_is_the_inverse_distribution_function() {
    use keras_ops::kernels::gaussian::normal;
    // (probability, quantile) of the standard normal distribution
    for (p, quantile) in [
        (0.975f64, 1.959_963_984_540_054f64),
        (0.75, 0.674_489_750_196_081_7),
        (0.5, 0.),
        (0.01, -2.326_347_874_040_841),
        (1e-6, -4.753_424_308_822_899),
        (1e-9, -5.997_807_015_007_687),
    ] {
        let got = normal((p * 4_294_967_296f64) as u32) as f64;
        // at 1e-9 a word is a quarter of the probability
        let tolerance = if p < 1e-8 {
            0.05
        } else {
            2e-5 + 1e-5 * quantile.abs()
        };
        assert!((got - quantile).abs() < tolerance, "{p}: {got} {quantile}");
    }
    assert!(normal(0).is_finite() && normal(0) == -normal(u32::MAX));
}

#[test]
fn truncated_normal_moments_and_bounds() -> Result<()> {
    // of a standard normal cut at ±2: variance 0.774, kurtosis 2.37
    let x = truncated_normal(N, 0., 1., DType::F32, &CPU, Seed::new(5, 0))?;
    let x = assert_moments(x, [0., 0.8796, 0., 2.366])?;
    assert!(x.iter().all(|x| x.abs() <= 2.) && x.iter().any(|x| x.abs() > 1.99));
    Ok(())
}

#[test]
fn bernoulli_frequencies() -> Result<()> {
    for p in [0., 0.25, 0.9, 1.] {
        let x = bernoulli(N, p, DType::F64, &CPU, Seed::new(6, 0))?.to_vec1::<f64>()?;
        let mean = x.iter().sum::<f64>() / N as f64;
        assert!((mean - p).abs() < 0.005, "{p}: {mean}");
        assert!(p % 1. != 0. || mean == p);
    }
    assert!(bernoulli(3, 1.5, DType::F32, &CPU, Seed::default()).is_err());
    Ok(())
}

#[test]
fn randint_is_even() -> Result<()> {
    let x = randint((100, 600), -2, 4, DType::I64, &CPU, Seed::new(7, 0))?;
    assert_eq!(x.dims(), [100, 600]);
    let mut counts = [0; 6];
    x.flatten_all()?
        .to_vec1::<i64>()?
        .iter()
        .for_each(|x| counts[(x + 2) as usize] += 1);
    assert!(
        counts.iter().all(|count| (9500..10500).contains(count)),
        "{counts:?}"
    );
    let wide = randint(1000, i64::MIN, i64::MAX, DType::I64, &CPU, Seed::new(7, 0))?.to_vec1::<i64>()?;
    assert!(wide.iter().any(|x| *x > i64::MAX / 2) && wide.iter().any(|x| *x < i64::MIN / 2));
    assert!(randint(3, 4, 4, DType::I64, &CPU, Seed::default()).is_err());
    Ok(())
}

#[test]
fn permutations_are_even() {
    let mut counts = std::collections::HashMap::new();
    for counter in 0..24_000 {
        *counts.entry(permutation(4, Seed::new(8, counter))).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 24);
    assert!(
        counts.values().all(|count| (850..1150).contains(count)),
        "{counts:?}"
    );
    assert_eq!(permutation(0, Seed::default()), [0u32; 0]);
}

#[test]
fn shuffle_moves_whole_slices() -> Result<()> {
    let x = Tensor::arange(0f32, 40., &CPU)?.reshape((2, 20))?;
    let y = shuffle(&x, 1, Seed::new(9, 0))?.to_vec2::<f32>()?;
    assert_ne!(y, x.to_vec2::<f32>()?);
    assert!(y[0].iter().zip(&y[1]).all(|(a, b)| a + 20. == *b));
    let mut sorted = y[0].clone();
    sorted.sort_by(f32::total_cmp);
    assert_eq!(sorted, x.to_vec2::<f32>()?[0]);
    Ok(())
}

#[test]
fn orthogonal_gram_is_identity() -> Result<()> {
    for (rows, columns) in [(1, 1), (40, 60), (60, 40), (33, 33), (300, 257)] {
        let q = orthogonal(rows, columns, 1.5, DType::F64, &CPU, Seed::new(12, 0))?;
        assert_eq!(q.dims(), [rows, columns]);
        let gram = if rows < columns {
            q.matmul(&q.t()?)?
        } else {
            q.t()?.matmul(&q)?
        };
        for (i, row) in gram.to_vec2::<f64>()?.iter().enumerate() {
            for (j, x) in row.iter().enumerate() {
                let expected = if i == j { 2.25 } else { 0. };
                assert!((x - expected).abs() < 1e-12, "{rows} {columns} {i} {j}: {x}");
            }
        }
    }
    Ok(())
}

/// The greatest distance of the sample's distribution function from `cdf`, times the root of its size
/// (Kolmogorov–Smirnov: above 1.95 once in a thousand).
fn distance(x: &Tensor, cdf: impl Fn(f64) -> f64) -> Result<f64> {
    let mut x = x.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    x.sort_by(f64::total_cmp);
    let n = x.len() as f64;
    let step = |(i, x): (usize, &f64)| {
        let expected = cdf(*x);
        (expected - i as f64 / n)
            .abs()
            .max(((i + 1) as f64 / n - expected).abs())
    };
    Ok(x.iter().enumerate().map(step).fold(0., f64::max) * n.sqrt())
}

fn scalar(value: f64) -> Result<Tensor> {
    Tensor::new(value, &CPU)
}

#[test]
fn gamma_follows_its_distribution() -> Result<()> {
    let erf = |x: f64| keras_ops::kernels::math::Math::erf(x);
    type Cdf<'a> = &'a dyn Fn(f64) -> f64;
    let cases: [(f64, Cdf<'_>); 3] = [
        (0.5, &|x| erf(x.sqrt())),
        (1., &|x| 1. - (-x).exp()),
        (3., &|x| 1. - (-x).exp() * (1. + x + x * x / 2.)),
    ];
    for (alpha, cdf) in cases {
        let x = random::gamma(100_000, &scalar(alpha)?, DType::F64, Seed::new(21, 0))?;
        assert!(distance(&x, cdf)? < 1.95, "{alpha}: {}", distance(&x, cdf)?);
    }
    // mean and variance are alpha, also of tiny and large ones
    for alpha in [0.02, 40., 5000.] {
        let x = random::gamma(N, &scalar(alpha)?, DType::F64, Seed::new(22, 0))?.to_vec1::<f64>()?;
        let [mean, std, ..] = moments(&x);
        assert!(
            (mean / alpha - 1.).abs() < 0.1 && (std * std / alpha - 1.).abs() < 0.1,
            "{alpha} {mean} {std}"
        );
    }
    let alphas = Tensor::new(&[1f32, 2.], &CPU)?;
    assert_eq!(
        random::gamma((3, 2), &alphas, DType::F32, Seed::default())?.dims(),
        [3, 2]
    );
    for wrong in [0., -1., f64::NAN] {
        let error = random::gamma(3, &scalar(wrong)?, DType::F32, Seed::default()).unwrap_err();
        assert!(
            error.to_string().contains("gamma: expected positive `alpha`"),
            "{error}"
        );
    }
    assert!(random::gamma(3, &alphas, DType::F32, Seed::default()).is_err());
    Ok(())
}

#[test]
fn beta_follows_its_distribution() -> Result<()> {
    let draw = |a: f64, b: f64| random::beta(100_000, &scalar(a)?, &scalar(b)?, DType::F64, Seed::new(23, 0));
    let polynomial = |x: f64| x * x * (6. - 8. * x + 3. * x * x);
    assert!(distance(&draw(2., 3.)?, polynomial)? < 1.95);
    let arcsine = |x: f64| x.sqrt().asin() * 2. / std::f64::consts::PI;
    assert!(distance(&draw(0.5, 0.5)?, arcsine)? < 1.95);
    // Gamma numbers of so small a parameter are too small for a float.
    let x = draw(1e-4, 1e-4)?.to_vec1::<f64>()?;
    assert!(x.iter().all(|x| (0. ..=1.).contains(x)) && (moments(&x)[0] - 0.5).abs() < 0.01);
    Ok(())
}

/// Pearson's statistic of counts against probabilities, less its degrees of freedom, in standard deviations.
fn chi_square(counts: &[f64], probabilities: &[f64]) -> f64 {
    let n: f64 = counts.iter().sum();
    let (mut statistic, mut bins, mut rare) = (0., 0., (0., 0.));
    for (count, p) in counts.iter().zip(probabilities) {
        if n * p < 8. {
            rare = (rare.0 + count, rare.1 + p);
        } else {
            statistic += (count - n * p).powi(2) / (n * p);
            bins += 1.;
        }
    }
    if n * rare.1 > 1. {
        statistic += (rare.0 - n * rare.1).powi(2) / (n * rare.1);
        bins += 1.;
    }
    (statistic - (bins - 1.)) / (2f64 * (bins - 1.)).sqrt()
}

#[test]
fn binomial_follows_its_distribution() -> Result<()> {
    for (n, p) in [
        (1., 0.3),
        (10., 0.3),
        (40., 0.5),
        (1000., 0.02),
        (60., 0.93),
        (100_000., 0.4),
    ] {
        let x = random::binomial(N, &scalar(n)?, &scalar(p)?, DType::F64, Seed::new(24, 1))?;
        let x = x.to_vec1::<f64>()?;
        let mut mass = vec![0f64; n as usize + 1];
        // from the mode out, in logarithms
        let mut ln_mass = 0f64;
        let mut logs = vec![0f64; n as usize + 1];
        for (k, log) in logs.iter_mut().enumerate().skip(1) {
            ln_mass += ((n - k as f64 + 1.) / k as f64 * p / (1. - p)).ln();
            *log = ln_mass;
        }
        let top = logs.iter().copied().fold(f64::MIN, f64::max);
        let total: f64 = logs.iter().map(|l| (l - top).exp()).sum();
        mass.iter_mut()
            .zip(&logs)
            .for_each(|(m, l)| *m = (l - top).exp() / total);
        let mut counts = vec![0f64; n as usize + 1];
        x.iter().for_each(|x| counts[*x as usize] += 1.);
        let off = chi_square(&counts, &mass);
        assert!(off.abs() < 4., "{n} {p}: {off}");
    }
    let error = random::binomial(3, &scalar(2.5)?, &scalar(0.5)?, DType::F32, Seed::default()).unwrap_err();
    assert!(
        error.to_string().contains("whole numbers") && error.to_string().contains("2.5"),
        "{error}"
    );
    assert!(random::binomial(3, &scalar(2.)?, &scalar(1.5)?, DType::F32, Seed::default()).is_err());
    Ok(())
}

#[test]
fn categorical_follows_the_logits() -> Result<()> {
    let p = [0.1f64, 0.2, 0., 0.65, 0.05];
    let logits: Vec<f64> = p.iter().map(|p| p.ln() + 3.).collect();
    let logits = Tensor::from_vec([logits, vec![0.; 5]].concat(), (2, 5), &CPU)?;
    let x = random::categorical(&logits, N, DType::I64, Seed::new(25, 0))?.to_vec2::<i64>()?;
    for (x, p) in x.iter().zip([p, [0.2; 5]]) {
        let mut counts = [0f64; 5];
        x.iter().for_each(|x| counts[*x as usize] += 1.);
        assert!(p[2] > 0. || counts[2] == 0.);
        let [counts, p] = [counts, p].map(|v| [v[0], v[1], v[3], v[4], v[2]]);
        let used = if p[4] > 0. { 5 } else { 4 };
        assert!(chi_square(&counts[..used], &p[..used]).abs() < 4.);
    }
    let error = random::categorical(&logits.get(0)?, 3, DType::I64, Seed::default()).unwrap_err();
    assert!(error.to_string().contains("categorical") && error.to_string().contains("(batch, classes)"));
    Ok(())
}

#[test]
fn rejected_draws_do_not_depend_on_threads_or_length() -> Result<()> {
    let alpha = scalar(0.7)?;
    let sample = |n: usize| random::gamma(n, &alpha, DType::F64, Seed::new(3, 9))?.to_vec1::<f64>();
    let long = sample(20_000)?;
    assert_eq!(sample(1000)?, long[..1000]);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(pool.install(|| sample(20_000))?, long);
    Ok(())
}
