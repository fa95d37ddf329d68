//! Keras's element-wise activations. Where one has a kink, the gradient there is that of Keras on JAX.

use candle_core::{Result, Tensor};

use crate::elementwise::{clamp, inside, zero_or_nan};
use crate::host;
use crate::kernels::math::Math;
use crate::pointwise::{Pointwise, Saves, pointwise, pointwise_fns};

const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
const SQRT_HALF: f64 = std::f64::consts::FRAC_1_SQRT_2;
const SQRT_TWO_BY_PI: f64 = 0.797_884_560_802_865_4;
const GELU_CUBIC: f64 = 0.044_715;

pointwise_fns! {
    /// `max(x, 0)`; the gradient at 0 is 0. [`relu_with`] takes Keras's further arguments.
    ///
    /// ```
    /// use keras_ops::{self as ops, Device, Tensor};
    /// let y = ops::relu(&Tensor::new(&[-1f32, 0., 2.], &Device::Cpu)?)?;
    /// assert_eq!(y.to_vec1::<f32>()?, [0., 0., 2.]);
    /// # Ok::<(), ops::Error>(())
    /// ```
    relu: Relu saves Output, |x| x.relu(), |x, y| step(y > T::ZERO);
    /// `min(max(x, 0), 6)`.
    relu6: Relu6 saves Input, |x| clamp(x, 0., 6.), |x, y| step(x > T::ZERO && x < T::of(6.));
    /// `x` where it is at least 0, else `negative_slope * x`.
    leaky_relu(negative_slope): LeakyRelu saves Input,
        |x| if x >= T::ZERO { x } else { x * T::of(negative_slope) },
        |x, y| if x >= T::ZERO { T::ONE } else { T::of(negative_slope) };
    /// `1 / (1 + e^-x)`.
    ///
    /// ```
    /// use keras_ops::{self as ops, Device, Tensor};
    /// let y = ops::sigmoid(&Tensor::new(&[-1e4f32, 0., 1e4], &Device::Cpu)?)?;
    /// assert_eq!(y.to_vec1::<f32>()?, [0., 0.5, 1.]);
    /// # Ok::<(), ops::Error>(())
    /// ```
    sigmoid: Sigmoid saves Output, |x| x.sigmoid(), |x, y| y * (T::ONE - y);
    /// `min(max(x / 6 + 1/2, 0), 1)`.
    hard_sigmoid: HardSigmoid saves Input, |x| hard_gate(x),
        |x, y| step::<T>(x > T::of(-3.) && x < T::of(3.)) / T::of(6.);
    /// The hyperbolic tangent.
    tanh: Tanh saves Output, |x| x.tanh(), |x, y| T::ONE - y * y;
    /// `log(1 + e^x)`, finite for every finite `x`.
    softplus: Softplus saves Input, |x| x.softplus(), |x, y| x.sigmoid();
    /// `x / (1 + |x|)`.
    softsign: Softsign saves Input, |x| x / (T::ONE + x.abs()), |x, y| inverse_square(T::ONE + x.abs());
    /// `x * sigmoid(x)`.
    silu: Silu saves Input, |x| x * x.sigmoid(), |x, y| silu_slope(x);
    /// `x * hard_sigmoid(x)`.
    hard_silu: HardSilu saves Input, |x| x * hard_gate(x),
        |x, y| hard_gate(x) + x * step::<T>(x > T::of(-3.) && x < T::of(3.)) / T::of(6.);
    /// `x` where positive, else `alpha * (e^x - 1)`.
    elu(alpha): Elu saves Input,
        |x| if x > T::ZERO { x } else { T::of(alpha) * x.exp_m1() },
        |x, y| if x > T::ZERO { T::ONE } else { T::of(alpha) * x.exp() };
    /// The self-normalising [`elu`]: `1.0507 x` where positive, else `1.7581 (e^x - 1)`.
    selu: Selu saves Input,
        |x| T::of(SELU_SCALE) * if x > T::ZERO { x } else { T::of(SELU_ALPHA) * x.exp_m1() },
        |x, y| T::of(SELU_SCALE) * if x > T::ZERO { T::ONE } else { T::of(SELU_ALPHA) * x.exp() };
    /// `max(x, 0) + alpha * (e^(min(x, 0) / alpha) - 1)`.
    celu(alpha): Celu saves Input,
        |x| if x > T::ZERO { x } else { T::of(alpha) * (x / T::of(alpha)).exp_m1() },
        |x, y| if x > T::ZERO { T::ONE } else { (x / T::of(alpha)).exp() };
    /// `e^x`.
    exponential: Exponential saves Output, |x| x.exp(), |x, y| y;
    /// `-softplus(-x)`.
    log_sigmoid: LogSigmoid saves Input, |x| -(-x).softplus(), |x, y| (-x).sigmoid();
    /// `x * tanh(softplus(x))`.
    mish: Mish saves Input, |x| x * tanh_softplus(x), |x, y| mish_slope(x);
    /// `(x + sqrt(x^2 + b)) / 2`.
    squareplus(b): Squareplus saves Input,
        |x| T::of(0.5) * (x + (x * x + T::of(b)).sqrt()),
        |x, y| T::of(0.5) * (T::ONE + x / (x * x + T::of(b)).sqrt());
    /// 0 up to -1, `(x + 1)^2 / 4` to 1, then `x`.
    sparse_plus: SparsePlus saves Input,
        |x| if x >= T::ONE { x } else { clamp(x + T::ONE, 0., 2.) * clamp(x + T::ONE, 0., 2.) * T::of(0.25) },
        |x, y| clamp(x + T::ONE, 0., 2.) * T::of(0.5);
    /// `min(max((x + 1) / 2, 0), 1)`.
    sparse_sigmoid: SparseSigmoid saves Input,
        |x| clamp((x + T::ONE) * T::of(0.5), 0., 1.),
        |x, y| step::<T>(x > T::of(-1.) && x < T::ONE) * T::of(0.5);
    /// `x - tanh(x)`.
    tanh_shrink: TanhShrink saves Input, |x| x - x.tanh(), |x, y| x.tanh() * x.tanh();
    /// `min(max(x, -1), 1)`.
    hard_tanh: HardTanh saves Input, |x| clamp(x, -1., 1.), |x, y| inside(x, -1., 1.);
    /// `x` where `|x| > threshold`, else 0.
    hard_shrink(threshold): HardShrink saves Input,
        |x| if x.abs() > T::of(threshold) { x } else { T::ZERO },
        |x, y| step(x.abs() > T::of(threshold));
    /// `x` moved towards 0 by `threshold`, 0 within it.
    soft_shrink(threshold): SoftShrink saves Input,
        |x| x - clamp(x, -threshold, threshold),
        |x, y| step(x.abs() > T::of(threshold));
    /// `x` where `x > threshold`, else `default_value`.
    threshold(threshold, default_value): Threshold saves Input,
        |x| if x > T::of(threshold) { x } else { T::of(default_value) },
        |x, y| step(x > T::of(threshold));
}

pub use hard_silu as hard_swish;
pub use silu as swish;

#[inline(always)]
fn step<T: Math>(on: bool) -> T {
    if on { T::ONE } else { T::ZERO }
}

#[inline(always)]
fn inverse_square<T: Math>(x: T) -> T {
    T::ONE / (x * x)
}

#[inline(always)]
fn hard_gate<T: Math>(x: T) -> T {
    clamp(x + T::of(3.), 0., 6.) / T::of(6.)
}

#[inline(always)]
fn silu_slope<T: Math>(x: T) -> T {
    let s = x.sigmoid();
    s + x * s * (T::ONE - s)
}

/// `tanh(log(1 + e^x))` as a fraction of `e^x`, which is 1 in every dtype from 20 on.
#[inline(always)]
fn tanh_softplus<T: Math>(x: T) -> T {
    let e = clamp(x, f64::NEG_INFINITY, 20.).exp();
    let n = e * (e + T::of(2.));
    n / (n + T::of(2.))
}

#[inline(always)]
fn mish_slope<T: Math>(x: T) -> T {
    let t = tanh_softplus(x);
    t + x * (T::ONE - t * t) * x.sigmoid()
}

/// The identity.
pub fn linear(x: &Tensor) -> Result<Tensor> {
    Ok(x.clone())
}

/// The formula of [`gelu`].
#[derive(Clone, Copy, Debug)]
pub struct Gelu;

impl Pointwise for Gelu {
    const NAME: &'static str = "gelu";
    const SAVES: Saves = Saves::Input;
    #[inline(always)]
    fn forward<T: Math>(self, x: T) -> T {
        T::of(0.5) * x * (T::ONE + (x * T::of(SQRT_HALF)).erf())
    }
    #[inline(always)]
    fn derivative<T: Math>(self, x: T, _y: T) -> T {
        let cdf = T::of(0.5) * (T::ONE + (x * T::of(SQRT_HALF)).erf());
        let density = T::of(0.5 * SQRT_TWO_BY_PI) * (T::of(-0.5) * x * x).exp();
        cdf + x * density
    }
}

/// The formula of [`gelu`] with `approximate`.
#[derive(Clone, Copy, Debug)]
pub struct GeluTanh;

impl Pointwise for GeluTanh {
    const NAME: &'static str = "gelu";
    const SAVES: Saves = Saves::Input;
    // (1 + tanh(u)) / 2 = sigmoid(2 u), which is cheaper and precise where tanh is near -1.
    #[inline(always)]
    fn forward<T: Math>(self, x: T) -> T {
        let cubic = T::of(GELU_CUBIC) * x * x;
        x * (T::of(2. * SQRT_TWO_BY_PI) * x * (T::ONE + cubic)).sigmoid()
    }
    #[inline(always)]
    fn derivative<T: Math>(self, x: T, _y: T) -> T {
        let cubic = T::of(GELU_CUBIC) * x * x;
        let s = (T::of(2. * SQRT_TWO_BY_PI) * x * (T::ONE + cubic)).sigmoid();
        let slope = T::of(2. * SQRT_TWO_BY_PI) * (T::ONE + T::of(3.) * cubic);
        s + x * s * (T::ONE - s) * slope
    }
}

/// `x * P(X <= x)` for a standard normal `X`; `approximate` takes Keras's `tanh` formula for `P`.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let y = ops::gelu(&Tensor::new(&[-1e4f64, 0., 1.], &Device::Cpu)?, false)?.to_vec1::<f64>()?;
/// assert_eq!(y[..2], [0., 0.]);
/// assert!((y[2] - 0.841344746).abs() < 1e-9);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn gelu(x: &Tensor, approximate: bool) -> Result<Tensor> {
    if approximate {
        pointwise(GeluTanh, x)
    } else {
        pointwise(Gelu, x)
    }
}

/// The formula of [`relu_with`].
#[derive(Clone, Copy, Debug)]
pub struct ReluWith {
    /// The slope below the threshold.
    pub negative_slope: f64,
    /// The largest result.
    pub max_value: f64,
    /// Where the slope changes.
    pub threshold: f64,
}

impl Pointwise for ReluWith {
    const NAME: &'static str = "relu_with";
    const SAVES: Saves = Saves::Input;
    #[inline(always)]
    fn forward<T: Math>(self, x: T) -> T {
        let threshold = T::of(self.threshold);
        let over = if x > threshold {
            clamp(x, 0., self.max_value)
        } else {
            zero_or_nan(x)
        };
        let under = (threshold - x).relu();
        over - T::of(self.negative_slope) * under
    }
    #[inline(always)]
    fn derivative<T: Math>(self, x: T, _y: T) -> T {
        let threshold = T::of(self.threshold);
        let over = x > threshold && x < T::of(self.max_value) && x > T::ZERO;
        step::<T>(over) + T::of(self.negative_slope) * step(x < threshold)
    }
}

/// Keras's `relu` with all its arguments: `x` above `threshold`, at most `max_value`, and
/// `negative_slope * (x - threshold)` below.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[-10f32, 0., 3., 10.], &Device::Cpu)?;
/// assert_eq!(ops::relu_with(&x, 0.5, Some(5.), 0.)?.to_vec1::<f32>()?, [-5., 0., 3., 5.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn relu_with(x: &Tensor, negative_slope: f64, max_value: Option<f64>, threshold: f64) -> Result<Tensor> {
    match max_value {
        None if threshold == 0. && negative_slope == 0. => host::within("relu_with", || relu(x)),
        None if threshold == 0. => host::within("relu_with", || leaky_relu(x, negative_slope)),
        _ => pointwise(
            ReluWith {
                negative_slope,
                max_value: max_value.unwrap_or(f64::INFINITY),
                threshold,
            },
            x,
        ),
    }
}
