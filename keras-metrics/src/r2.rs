//! The coefficient of determination.

use keras_core::ops::host::{self, Real};
use keras_core::ops::{DType, Tensor};
use keras_core::{Result, bail};

use crate::class::metric_class;
use crate::functions::{pair, same_shape};
use crate::state::{Slots, State, pair_sums, scalar, vector, wide};
use crate::weights::Weights;

/// The number of values, and sums by output.
#[derive(Debug)]
struct Sums([Slots; 2]);

impl State for Sums {
    fn slots(&self) -> &[Slots] {
        &self.0
    }

    fn slots_mut(&mut self) -> &mut [Slots] {
        &mut self.0
    }
}

metric_class! {
    /// The coefficient of determination: `1 - sum((y_true - y_pred)^2) / sum((y_true - mean)^2)`, at most 1; 0 for
    /// predictions as good as the mean. NaN before any batch, and for targets that do not vary and are predicted exactly.
    ///
    /// Keras: `keras.metrics.R2Score`; R: `metric_r2_score()`.
    ///
    /// Differs from Keras: before the first batch the result is NaN, where Keras fails.
    ///
    /// # Shapes
    /// `[samples, outputs]` twice, or one of them `[samples]` for one output; weights `[samples]`. The result is a
    /// scalar, or without aggregation `[outputs]`.
    ///
    /// # Errors
    /// When the shapes differ from these or from those of earlier batches.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::R2Score;
    /// use keras_ops::{Device, Tensor};
    /// let mut r2 = R2Score::new();
    /// let y = Tensor::new(&[[1f32], [4.], [3.]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[2f32], [4.], [4.]], &Device::Cpu)?;
    /// r2.update_state(&y, &p, None)?;
    /// assert!((r2.result()?.to_scalar::<f32>()? - (1. - 2. / (14. / 3.))).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    R2Score: "r2_score", ["r2_score"], "Coefficient of determination.";
    {
        /// `uniform_average` or `variance_weighted_average` over outputs; nothing gives each output's score.
        class_aggregation: Option<String> = Some("uniform_average".to_owned());
        /// The number of independent variables, to adjust the score by; 0 does not.
        num_regressors: usize = 0;
    }
    state(made): Sums = Sums([
        Slots::fixed(&["num_samples"], &[], made.dtype),
        Slots::new(&["squared_sum", "sum", "residual", "count"], &[None], made.dtype),
    ]);
    valid(metric) metric.aggregation();
    build(self, width) self.state.0[1].build("r2_score", &[width]);
    update(self, y_true, y_pred, weights) {
        let (y_true, y_pred): (Tensor, Tensor) = pair(y_true, y_pred)?;
        let &[samples, outputs] = y_pred.dims() else {
            bail!("r2_score: expected `y_pred` of shape [samples, outputs], got {:?}", y_pred.dims())
        };
        same_shape("r2_score", &y_true, &y_pred)?;
        self.state.0[1].build("r2_score", &[outputs])?;
        let sums = match y_pred.dtype() {
            DType::F64 => sums_of::<f64>((&y_true, &y_pred), outputs, weights)?,
            _ => sums_of::<f32>((&y_true, &y_pred), outputs, weights)?,
        };
        self.state.0[1].add(&[&sums[0], &sums[1], &sums[2], &sums[3]])?;
        self.state.0[0].add(&[&[(samples * outputs) as f64]])
    }
    result(self) {
        let by_output = &self.state.0[1];
        if by_output.is_open() {
            return scalar(f64::NAN, wide(self.dtype));
        }
        let [squares, sum, residual, count] = by_output.read()?;
        let [samples] = self.state.0[0].read()?;
        // In the metric's dtype, so that one sample alone has no variance at all, as in Keras.
        let own = |x: f64| match wide(self.dtype) {
            Some(DType::F64) => x,
            _ => f64::from(x as f32),
        };
        let total = |i: usize| own(squares[i] - own(sum[i] * own(sum[i] / count[i])));
        let totals: Vec<f64> = (0..sum.len()).map(total).collect();
        let score = |(r, t): (&f64, &f64)| Some(1. - r / t).filter(|s| !s.is_infinite()).unwrap_or(0.);
        let scores: Vec<f64> = residual.iter().zip(&totals).map(score).collect();
        let outputs = scores.len();
        let scores = match self.class_aggregation.as_deref() {
            None => scores,
            Some("variance_weighted_average") => {
                let weighted: f64 = scores.iter().zip(&totals).map(|(s, t)| s * t).sum();
                vec![weighted / totals.iter().sum::<f64>()]
            }
            Some(_) => vec![scores.iter().sum::<f64>() / outputs as f64],
        };
        let (n, p) = (samples[0], self.num_regressors as f64);
        let adjusts = p > 0. && p < n - 1.;
        let adjust = |s: f64| if adjusts { 1. - (1. - s) * (n - 1.) / (n - p - 1.) } else { s };
        let shape: &[usize] = if self.class_aggregation.is_none() { &[outputs] } else { &[] };
        vector(scores.into_iter().map(adjust).collect(), shape, wide(self.dtype))
    }
    {
        fn larger_is_better(&self) -> Option<bool> {
            Some(true)
        }
    }
}

impl R2Score {
    fn aggregation(&self) -> Result<()> {
        match self.class_aggregation.as_deref() {
            None | Some("uniform_average" | "variance_weighted_average") => Ok(()),
            Some(other) => bail!(
                "R2Score: `class_aggregation` must be uniform_average, variance_weighted_average or nothing, got `{other}`"
            ),
        }
    }
}

/// By output, weighted: the squares of targets, the targets, the squared errors, the weights.
fn sums_of<T: Real>(
    (y_true, y_pred): (&Tensor, &Tensor),
    outputs: usize,
    weights: Option<&Tensor>,
) -> Result<[Vec<f64>; 4]> {
    host::read(y_true, |t: &[T]| {
        host::read(y_pred, |p: &[T]| match weights {
            None if outputs == 1 => {
                let [squares, sum, residual] = pair_sums(
                    t,
                    p,
                    #[inline(always)]
                    |t, p| [t * t, t, (t - p) * (t - p)],
                );
                Ok(Ok([squares, sum, residual, t.len() as f64].map(|sum| vec![sum])))
            }
            None => Ok(Ok(by_output(t, p, outputs, |_| 1.))),
            Some(weights) => host::read(weights, |w: &[f32]| {
                let weights = Weights::new("r2_score", w, weights.dims(), y_pred.dims());
                Ok(weights.map(|w| by_output(t, p, outputs, |i| w.of(i))))
            }),
        })
    })?
}

fn by_output<T: Real>(t: &[T], p: &[T], outputs: usize, weight: impl Fn(usize) -> f64) -> [Vec<f64>; 4] {
    let mut sums: [Vec<f64>; 4] = std::array::from_fn(|_| vec![0f64; outputs]);
    for (i, (t, p)) in t.iter().zip(p).enumerate() {
        let (t, p, w, c) = (t.f64(), p.f64(), weight(i), i % outputs);
        sums[0][c] += t * t * w;
        sums[1][c] += t * w;
        sums[2][c] += (t - p) * (t - p) * w;
        sums[3][c] += w;
    }
    sums
}
