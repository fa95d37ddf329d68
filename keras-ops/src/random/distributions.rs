//! Distributions by rejection: each element draws from a stream of its own, so that the numbers are the same
//! for any number of threads. Computed in `f64`.

use crate::kernels::team::{Parts as _, Slice as _};
use candle_core::{DType, Device, Result, Shape, Tensor};

use super::Seed;
use crate::host;
use crate::kernels::gaussian;
use crate::kernels::philox::{self, block};
use crate::kernels::simd;

/// The words of one element, four at an attempt.
#[derive(Clone, Copy)]
struct Stream {
    seed: Seed,
    element: u32,
    /// Tells streams of one element apart.
    tag: u32,
}

impl Stream {
    fn words(self, attempt: u32) -> [u32; 4] {
        let halves = |x: u64| [x as u32, (x >> 32) as u32];
        let [low, high] = halves(self.seed.counter);
        block(
            halves(self.seed.seed),
            [self.element, attempt | self.tag << 31, low, high],
        )
    }

    /// The logarithm of a number of the gamma distribution (Marsaglia and Tsang, "A simple method for
    /// generating gamma variables").
    fn ln_gamma(self, alpha: f64) -> f64 {
        // Below 1: a number for alpha + 1, times u^(1 / alpha).
        let boost = if alpha < 1. {
            open(self.words(u32::MAX >> 1)[0]).ln() / alpha
        } else {
            0.
        };
        let d = if alpha < 1. { alpha + 1. } else { alpha } - 1. / 3.;
        let c = 1. / (9. * d).sqrt();
        for attempt in 0.. {
            let [word, u, low, _] = self.words(attempt);
            let x = gaussian::normal(word) as f64;
            let root = 1. + c * x;
            if root <= 0. {
                continue;
            }
            let v = root * root * root;
            let u = open64(u, low);
            // The first test is implied by the second and saves its logarithms most of the time.
            if u < 1. - 0.0331 * x.powi(4) || u.ln() < 0.5 * x * x + d * (1. - v + v.ln()) {
                return (d * v).ln() + boost;
            }
        }
        f64::NAN
    }

    /// The number of successes in `n` trials of probability `p`.
    fn binomial(self, n: f64, p: f64) -> f64 {
        if p > 0.5 {
            return n - self.binomial(n, 1. - p);
        }
        match n * p {
            0. => 0.,
            mean if mean < 10. => self.counted(n, p),
            _ => self.rejected(n, p),
        }
    }

    /// By the sums of the probabilities of 0, 1, ….
    fn counted(self, n: f64, p: f64) -> f64 {
        let [high, low, ..] = self.words(0);
        let mut left = open64(high, low);
        let (mut k, mut mass) = (0., (n * (-p).ln_1p()).exp());
        while left > mass && k < n {
            left -= mass;
            k += 1.;
            mass *= (n - k + 1.) / k * (p / (1. - p));
        }
        k
    }

    /// By transformed rejection with a squeeze (Hörmann, "The generation of binomial random variates").
    fn rejected(self, n: f64, p: f64) -> f64 {
        let spread = (n * p * (1. - p)).sqrt();
        let b = 1.15 + 2.53 * spread;
        let a = -0.0873 + 0.0248 * b + 0.01 * p;
        let centre = n * p + 0.5;
        let squeeze = 0.92 - 4.2 / b;
        let scale = (2.83 + 5.1 / b) * spread;
        let mode = ((n + 1.) * p).floor();
        let odds = (p / (1. - p)).ln();
        let height = ln_factorial(mode) + ln_factorial(n - mode);
        for attempt in 0.. {
            let [high, low, v, v_low] = self.words(attempt);
            let (u, v) = (open64(high, low) - 0.5, open64(v, v_low));
            let edge = 0.5 - u.abs();
            let k = ((2. * a / edge + b) * u + centre).floor();
            if edge >= 0.07 && v <= squeeze {
                return k;
            }
            if !(0. ..=n).contains(&k) {
                continue;
            }
            let ratio = height - ln_factorial(k) - ln_factorial(n - k) + (k - mode) * odds;
            if (v * scale / (a / (edge * edge) + b)).ln() <= ratio {
                return k;
            }
        }
        f64::NAN
    }
}

/// A word as the middle of one of 2³² equal steps of (0, 1).
fn open(word: u32) -> f64 {
    (word as f64 + 0.5) / 4_294_967_296.
}

/// Two words as a number in (0, 1).
fn open64(high: u32, low: u32) -> f64 {
    (high as f64 + open(low)) / 4_294_967_296.
}

/// `ln k!`: as a sum for small `k`, by Stirling's series above.
fn ln_factorial(k: f64) -> f64 {
    if k < 16. {
        return (2..=k as u32).map(f64::from).product::<f64>().ln();
    }
    let x = k + 1.;
    let series = (1. / 12. - (1. / 360. - 1. / (1260. * x * x)) / (x * x)) / x;
    (x - 0.5) * x.ln() - x + 0.918_938_533_204_672_8 + series
}

/// `f(element)` for each element of `shape`.
fn each(shape: &Shape, dtype: DType, device: &Device, f: impl Fn(usize) -> f64 + Sync) -> Result<Tensor> {
    let mut values = vec![0f64; shape.elem_count()];
    let run = |first: usize, chunk: &mut [f64]| {
        chunk.iter_mut().enumerate().for_each(|(i, v)| *v = f(first + i));
    };
    const PART: usize = 1 << 10;
    if simd::parallel(values.len() * 16) {
        values
            .par_chunks_mut(PART)
            .enumerate()
            .for_each(|(i, chunk)| run(i * PART, chunk));
    } else {
        run(0, &mut values);
    }
    host::tensor(values, dtype, shape, device)
}

/// A parameter for each element.
fn spread(op: &str, name: &str, parameter: &Tensor, shape: &Shape) -> Result<Vec<f64>> {
    let Ok(wide) = parameter.broadcast_as(shape) else {
        candle_core::bail!(
            "{op}: `{name}` of shape {:?} does not broadcast to {:?}",
            parameter.dims(),
            shape.dims()
        );
    };
    host::read(&wide, |values: &[f64]| Ok(values.to_vec()))
}

fn positive(op: &str, name: &str, values: &[f64]) -> Result<()> {
    match values.iter().find(|v| !(v.is_finite() && **v > 0.)) {
        Some(wrong) => candle_core::bail!("{op}: expected positive `{name}`, got {wrong}"),
        None => Ok(()),
    }
}

/// Numbers of the gamma distribution with shape parameter `alpha` (broadcast to `shape`) and scale 1.
///
/// # Errors
/// When `dtype` is not a float type, or `alpha` is not positive or does not broadcast.
///
/// ```
/// use keras_ops::{DType, Device, Tensor, random::{Seed, gamma}};
/// let alpha = Tensor::new(&[0.5f32, 20.], &Device::Cpu)?;
/// let x = gamma((1000, 2), &alpha, DType::F64, Seed::new(1, 0))?;
/// let means = x.mean(0)?.to_vec1::<f64>()?;
/// assert!((means[0] - 0.5).abs() < 0.1 && (means[1] - 20.).abs() < 0.6);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn gamma(shape: impl Into<Shape>, alpha: &Tensor, dtype: DType, seed: Seed) -> Result<Tensor> {
    const OP: &str = "gamma";
    host::compute_dtype(OP, dtype)?;
    let shape = shape.into();
    let alphas = spread(OP, "alpha", alpha, &shape)?;
    positive(OP, "alpha", &alphas)?;
    each(&shape, dtype, alpha.device(), |i| {
        stream(seed, i, 0).ln_gamma(alphas[i]).exp()
    })
}

/// Numbers of the beta distribution, in `[0, 1]`; the parameters broadcast to `shape`.
///
/// # Errors
/// When `dtype` is not a float type, or a parameter is not positive or does not broadcast.
///
/// ```
/// use keras_ops::{DType, Device, Tensor, random::{Seed, beta}};
/// let (a, b) = (Tensor::new(2f32, &Device::Cpu)?, Tensor::new(6f32, &Device::Cpu)?);
/// let mean = beta(1000, &a, &b, DType::F64, Seed::new(1, 0))?.mean(0)?.to_scalar::<f64>()?;
/// assert!((mean - 0.25).abs() < 0.03);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn beta(
    shape: impl Into<Shape>,
    alpha: &Tensor,
    beta: &Tensor,
    dtype: DType,
    seed: Seed,
) -> Result<Tensor> {
    const OP: &str = "beta";
    host::compute_dtype(OP, dtype)?;
    let shape = shape.into();
    let (a, b) = (
        spread(OP, "alpha", alpha, &shape)?,
        spread(OP, "beta", beta, &shape)?,
    );
    positive(OP, "alpha", &a)?;
    positive(OP, "beta", &b)?;
    // x / (x + y) of two gamma numbers, by their logarithms: both may be too small for a float.
    each(&shape, dtype, alpha.device(), |i| {
        let (x, y) = (
            stream(seed, i, 0).ln_gamma(a[i]),
            stream(seed, i, 1).ln_gamma(b[i]),
        );
        1. / (1. + (y - x).exp())
    })
}

/// How many of `counts` trials succeed, each with probability `probabilities`; both broadcast to `shape`.
///
/// # Errors
/// When a count is not a whole number from 0 on, a probability is outside of `[0, 1]`, `dtype` is not a float
/// type or a parameter does not broadcast.
///
/// ```
/// use keras_ops::{DType, Device, Tensor, random::{Seed, binomial}};
/// let (n, p) = (Tensor::new(10f32, &Device::Cpu)?, Tensor::new(&[0f32, 0.5, 1.], &Device::Cpu)?);
/// let x = binomial((2, 3), &n, &p, DType::F32, Seed::new(1, 0))?.to_vec2::<f32>()?;
/// assert!(x.iter().all(|row| row[0] == 0. && (0. ..=10.).contains(&row[1]) && row[2] == 10.));
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn binomial(
    shape: impl Into<Shape>,
    counts: &Tensor,
    probabilities: &Tensor,
    dtype: DType,
    seed: Seed,
) -> Result<Tensor> {
    const OP: &str = "binomial";
    host::compute_dtype(OP, dtype)?;
    let shape = shape.into();
    let n = spread(OP, "counts", counts, &shape)?;
    let p = spread(OP, "probabilities", probabilities, &shape)?;
    if let Some(wrong) = n
        .iter()
        .find(|n| !(n.is_finite() && **n >= 0. && n.fract() == 0.))
    {
        candle_core::bail!("{OP}: expected whole numbers from 0 on as `counts`, got {wrong}");
    }
    if let Some(wrong) = p.iter().find(|p| !(0. ..=1.).contains(*p)) {
        candle_core::bail!("{OP}: expected `probabilities` in [0, 1], got {wrong}");
    }
    each(&shape, dtype, counts.device(), |i| {
        stream(seed, i, 0).binomial(n[i], p[i])
    })
}

fn stream(seed: Seed, element: usize, tag: u32) -> Stream {
    Stream {
        seed,
        element: element as u32,
        tag,
    }
}

/// Class numbers with the probabilities `softmax(logits)` of each row.
///
/// # Shapes
/// `logits` (batch, classes), the result (batch, `num_samples`).
///
/// # Errors
/// When `logits` is no float matrix, or a row has no finite largest logit.
///
/// ```
/// use keras_ops::{DType, Device, Tensor, random::{Seed, categorical}};
/// let logits = Tensor::new(&[[0f32, f32::NEG_INFINITY], [f32::NEG_INFINITY, 0.]], &Device::Cpu)?;
/// let x = categorical(&logits, 3, DType::I64, Seed::new(1, 0))?;
/// assert_eq!(x.to_vec2::<i64>()?, [[0, 0, 0], [1, 1, 1]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn categorical(logits: &Tensor, num_samples: usize, dtype: DType, seed: Seed) -> Result<Tensor> {
    const OP: &str = "categorical";
    host::compute_dtype(OP, logits.dtype())?;
    let &[batch, classes] = logits.dims() else {
        candle_core::bail!(
            "{OP}: expected logits of shape (batch, classes), got {:?}",
            logits.dims()
        );
    };
    let mut uniform = vec![0f64; batch * num_samples];
    philox::fill(
        seed.seed,
        seed.counter,
        &mut uniform,
        #[inline(always)]
        |word| (word as f64 + 0.5) * (1. / 4_294_967_296.),
    );
    let drawn = host::read(logits, |logits: &[f64]| {
        let mut drawn: Vec<i64> = Vec::with_capacity(uniform.len());
        for row in 0..batch {
            let logits = &logits[row * classes..(row + 1) * classes];
            let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            if !top.is_finite() || logits.iter().any(|v| v.is_nan()) {
                candle_core::bail!(
                    "{OP}: row {row} has no class to draw: its largest logit is {top}, or one is NaN"
                );
            }
            let mut sum = 0.;
            let sums: Vec<f64> = logits
                .iter()
                .map(|v| {
                    sum += (v - top).exp();
                    sum
                })
                .collect();
            let samples = &uniform[row * num_samples..(row + 1) * num_samples];
            drawn.extend(
                samples
                    .iter()
                    .map(|u| sums.partition_point(|s| *s <= u * sum) as i64),
            );
        }
        Ok(drawn)
    })?;
    Tensor::from_vec(drawn, (batch, num_samples), &Device::Cpu)?
        .to_dtype(dtype)?
        .to_device(logits.device())
}
