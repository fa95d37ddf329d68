//! Random tensors from a counter-based generator: the same numbers on every device and thread count.
//!
//! Draws are made in `float32` and converted, so a seed means the same sample in every dtype.

mod distributions;

use candle_core::{DType, Device, Result, Shape, Tensor};

use crate::host;
use crate::kernels::gaussian;
use crate::kernels::philox::{self, Words};
use crate::linalg::dense;

pub use distributions::{beta, binomial, categorical, gamma};

/// Where random numbers come from: a seed and the number of the draw. Equal seeds give equal numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seed {
    /// The key of the generator.
    pub seed: u64,
    /// Which draw under that key.
    pub counter: u64,
}

impl Seed {
    /// Draw `counter` under `seed`.
    pub fn new(seed: u64, counter: u64) -> Self {
        Self { seed, counter }
    }

    /// This draw; moves on to the next one.
    ///
    /// ```
    /// use keras_ops::random::Seed;
    /// let mut state = Seed::new(7, 0);
    /// assert_eq!(state.draw(), Seed::new(7, 0));
    /// assert_eq!(state.draw(), Seed::new(7, 1));
    /// ```
    pub fn draw(&mut self) -> Self {
        let this = *self;
        self.counter = self.counter.wrapping_add(1);
        this
    }
}

/// Numbers uniform in `[min, max)`; in a half-precision dtype rounding may give `max` itself.
///
/// # Errors
/// When `dtype` is not a float type or `min > max`.
///
/// ```
/// use keras_ops::{DType, Device, random::{Seed, uniform}};
/// let x = uniform((2, 3), -1., 1., DType::F32, &Device::Cpu, Seed::new(1, 0))?;
/// assert!(x.flatten_all()?.to_vec1::<f32>()?.iter().all(|v| (-1. ..1.).contains(v)));
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn uniform(
    shape: impl Into<Shape>,
    min: f64,
    max: f64,
    dtype: DType,
    device: &Device,
    seed: Seed,
) -> Result<Tensor> {
    if min.is_nan() || max.is_nan() || min > max {
        candle_core::bail!("uniform: expected min <= max, got {min} and {max}");
    }
    let (low, span) = (min as f32, (max - min) as f32);
    let last = if max > min {
        (max as f32).next_down().max(low)
    } else {
        low
    };
    floats(
        "uniform",
        shape.into(),
        dtype,
        device,
        seed,
        #[inline(always)]
        move |word| (low + span * ((word >> 8) as f32 * (1. / 16_777_216.))).min(last),
    )
}

/// Normal numbers.
///
/// # Errors
/// When `dtype` is not a float type.
pub fn normal(
    shape: impl Into<Shape>,
    mean: f64,
    stddev: f64,
    dtype: DType,
    device: &Device,
    seed: Seed,
) -> Result<Tensor> {
    let (mean, stddev) = (mean as f32, stddev as f32);
    floats(
        "normal",
        shape.into(),
        dtype,
        device,
        seed,
        #[inline(always)]
        move |word| mean + stddev * gaussian::normal(word),
    )
}

/// Normal numbers within two standard deviations of the mean. Their own standard deviation is about
/// `0.88 stddev`.
///
/// # Errors
/// When `dtype` is not a float type.
pub fn truncated_normal(
    shape: impl Into<Shape>,
    mean: f64,
    stddev: f64,
    dtype: DType,
    device: &Device,
    seed: Seed,
) -> Result<Tensor> {
    let (mean, stddev) = (mean as f32, stddev as f32);
    floats(
        "truncated_normal",
        shape.into(),
        dtype,
        device,
        seed,
        #[inline(always)]
        move |word| mean + stddev * gaussian::truncated_normal(word),
    )
}

/// 1 with probability `p`, else 0, in any dtype.
///
/// # Errors
/// When `p` is outside `[0, 1]`.
pub fn bernoulli(
    shape: impl Into<Shape>,
    p: f64,
    dtype: DType,
    device: &Device,
    seed: Seed,
) -> Result<Tensor> {
    if !(0. ..=1.).contains(&p) {
        candle_core::bail!("bernoulli: expected a probability in [0, 1], got {p}");
    }
    let below = (p * 4_294_967_296.) as u64;
    let shape = shape.into();
    let mut values = vec![0u8; shape.elem_count()];
    philox::fill(
        seed.seed,
        seed.counter,
        &mut values,
        #[inline(always)]
        |word| u8::from((word as u64) < below),
    );
    Tensor::from_vec(values, shape, &Device::Cpu)?
        .to_dtype(dtype)?
        .to_device(device)
}

/// Whole numbers uniform in `[min, max)`, without bias, in any dtype.
///
/// # Errors
/// When the range is empty.
///
/// ```
/// use keras_ops::{DType, Device, random::{Seed, randint}};
/// let dice = randint(100, 1, 7, DType::I64, &Device::Cpu, Seed::new(1, 0))?;
/// assert!(dice.to_vec1::<i64>()?.iter().all(|v| (1..7).contains(v)));
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn randint(
    shape: impl Into<Shape>,
    min: i64,
    max: i64,
    dtype: DType,
    device: &Device,
    seed: Seed,
) -> Result<Tensor> {
    if min >= max {
        candle_core::bail!("randint: expected min < max, got {min} and {max}");
    }
    let shape = shape.into();
    let (range, mut words) = (max.wrapping_sub(min) as u64, Words::new(seed.seed, seed.counter));
    let values: Vec<i64> = (0..shape.elem_count())
        .map(|_| min.wrapping_add(words.below(range) as i64))
        .collect();
    Tensor::from_vec(values, shape, &Device::Cpu)?
        .to_dtype(dtype)?
        .to_device(device)
}

/// The numbers `0..n` in random order, every order equally likely.
///
/// ```
/// use keras_ops::random::{Seed, permutation};
/// let mut order = permutation(10, Seed::new(1, 0));
/// order.sort();
/// assert_eq!(order, (0..10).collect::<Vec<u32>>());
/// ```
pub fn permutation(n: usize, seed: Seed) -> Vec<u32> {
    let mut order: Vec<u32> = (0..n as u32).collect();
    shuffle_slice(&mut order, seed);
    order
}

/// Puts a slice in random order (Fisher–Yates).
pub fn shuffle_slice<T>(values: &mut [T], seed: Seed) {
    let mut words = Words::new(seed.seed, seed.counter);
    for last in (1..values.len()).rev() {
        values.swap(last, words.below(last as u64 + 1) as usize);
    }
}

/// The slices of `x` along `axis` in random order.
///
/// # Errors
/// When `x` has no such axis.
pub fn shuffle(x: &Tensor, axis: usize, seed: Seed) -> Result<Tensor> {
    let order = permutation(x.dim(axis)?, seed);
    let order = Tensor::new(order, x.device())?;
    x.index_select(&order, axis)
}

/// A matrix whose rows or columns, whichever are fewer, are orthonormal times `gain`; uniform among those.
///
/// # Errors
/// When `dtype` is not a float type.
///
/// ```
/// use keras_ops::{DType, Device, random::{Seed, orthogonal}};
/// let q = orthogonal(4, 3, 2., DType::F64, &Device::Cpu, Seed::new(1, 0))?;
/// let gram = q.t()?.matmul(&q)?.to_vec2::<f64>()?;
/// assert!((gram[0][0] - 4.).abs() < 1e-12 && gram[0][1].abs() < 1e-12);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn orthogonal(
    rows: usize,
    columns: usize,
    gain: f64,
    dtype: DType,
    device: &Device,
    seed: Seed,
) -> Result<Tensor> {
    host::compute_dtype("orthogonal", dtype)?;
    let (long, short) = (rows.max(columns), rows.min(columns));
    let mut matrix = vec![0f64; long * short];
    philox::fill(
        seed.seed,
        seed.counter,
        &mut matrix,
        #[inline(always)]
        |word| gaussian::normal(word) as f64,
    );
    let (mut q, r) = dense::qr(&matrix, long, short, short);
    // With a positive diagonal of R, Q is uniform.
    let diagonal = r.iter().step_by(short + 1);
    for (column, r) in q.chunks_exact_mut(long.max(1)).zip(diagonal) {
        let gain = if *r < 0. { -gain } else { gain };
        column.iter_mut().for_each(|q| *q *= gain);
    }
    // One column of the long side after the other: a matrix of `short` rows.
    let q = Tensor::from_vec(q, (short, long), &Device::Cpu)?;
    let q = if rows < columns { q } else { q.t()? };
    q.contiguous()?.to_dtype(dtype)?.to_device(device)
}

fn floats(
    op: &str,
    shape: Shape,
    dtype: DType,
    device: &Device,
    seed: Seed,
    f: impl Fn(u32) -> f32 + Sync + Send,
) -> Result<Tensor> {
    host::compute_dtype(op, dtype)?;
    let mut values = vec![0f32; shape.elem_count()];
    philox::fill(seed.seed, seed.counter, &mut values, f);
    Tensor::from_vec(values, shape, &Device::Cpu)?
        .to_dtype(dtype)?
        .to_device(device)
}
