use keras_ops::kernels::philox::{Words, block, fill};
use keras_ops::random::{
    bernoulli, normal, orthogonal, permutation, randint, shuffle, truncated_normal, uniform,
};
use keras_ops::{DType, Device, Result, Seed, Tensor};

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
