//! Losses as metrics: the mean of a loss function's values over samples.

use crate::class::{mean_metric, metric_class};
use crate::functions::{self, pointwise};

macro_rules! loss_metrics {
    ($(
        $(#[$doc:meta])*
        $class:ident: $name:literal, [$($alias:literal),*], $line:literal, $larger:expr, $others:literal;
        { $( $(#[$arg_doc:meta])* $arg:ident: $type:ty = $default:expr; )* }
        |$self:ident, $t:ident, $p:ident, $each:ident| $body:expr;
        $y_true:expr, $y_pred:expr => $value:literal;
    )*) => { $(
        mean_metric! {
            $(#[$doc])*
            ///
            #[doc = concat!($others, ".")]
            ///
            /// # Shapes
            /// Two of the same shape `[batch, ..]`, or one with a last axis of 1 more. A sample counts once, however many
            /// positions it has.
            ///
            /// # Errors
            /// When the shapes differ, or the sample weights do not fit the samples.
            ///
            /// # Examples
            /// ```
            /// use keras_core::Metric;
            #[doc = concat!("use keras_metrics::", stringify!($class), ";")]
            /// use keras_ops::{Device, Tensor};
            #[doc = concat!("let mut metric = ", stringify!($class), "::new();")]
            #[doc = concat!("let y = Tensor::new(&", stringify!($y_true), ", &Device::Cpu)?;")]
            #[doc = concat!("let p = Tensor::new(&", stringify!($y_pred), ", &Device::Cpu)?;")]
            /// metric.update_state(&y, &p, None)?;
            #[doc = concat!("assert!((metric.result()?.to_scalar::<f32>()? - ", stringify!($value), ").abs() < 1e-5);")]
            /// # Ok::<(), keras_core::Error>(())
            /// ```
            $class: $name, [$($alias),*], $line, $larger;
            { $( $(#[$arg_doc])* $arg: $type = $default; )* }
            values($self, $t, $p, $each) $body;
        }
    )* };
}

loss_metrics! {
    /// The mean of `(y_true - y_pred)^2`, in the square of the targets' unit.
    MeanSquaredError: "mean_squared_error", ["mean_squared_error", "mse", "MSE"],
    "Mean of squared differences.", Some(false),
    "Keras: `keras.metrics.MeanSquaredError`; R: `metric_mean_squared_error()`";
    {}
    |self, t, p, each| pointwise(each, t, p, functions::mean_squared_error);
    [[0f32, 1.], [0., 0.]], [[1f32, 1.], [0., 0.]] => 0.25;

    /// The mean of `|y_true - y_pred|`, in the targets' unit.
    MeanAbsoluteError: "mean_absolute_error", ["mean_absolute_error", "mae", "MAE"],
    "Mean of absolute differences.", Some(false),
    "Keras: `keras.metrics.MeanAbsoluteError`; R: `metric_mean_absolute_error()`";
    {}
    |self, t, p, each| pointwise(each, t, p, functions::mean_absolute_error);
    [[0f32, 1.], [0., 0.]], [[2f32, 1.], [0., 0.]] => 0.5;

    /// The mean of `100 |y_true - y_pred| / max(|y_true|, 1e-7)`, in percent.
    MeanAbsolutePercentageError: "mean_absolute_percentage_error",
    ["mean_absolute_percentage_error", "mape", "MAPE"],
    "Mean of absolute differences in percent of the target.", Some(false),
    "Keras: `keras.metrics.MeanAbsolutePercentageError`; R: `metric_mean_absolute_percentage_error()`";
    {}
    |self, t, p, each| pointwise(each, t, p, functions::mean_absolute_percentage_error);
    [[1f32, 2.]], [[1.5f32, 2.]] => 25.;

    /// The mean of `(log(1 + y_true) - log(1 + y_pred))^2`, values below 1e-7 raised to it.
    MeanSquaredLogarithmicError: "mean_squared_logarithmic_error",
    ["mean_squared_logarithmic_error", "msle", "MSLE"],
    "Mean of squared differences of logarithms.", Some(false),
    "Keras: `keras.metrics.MeanSquaredLogarithmicError`; R: `metric_mean_squared_logarithmic_error()`";
    {}
    |self, t, p, each| pointwise(each, t, p, functions::mean_squared_logarithmic_error);
    [[0f32, 3.]], [[std::f32::consts::E - 1., 3.]] => 0.5;

    /// The mean cosine of the angle between targets and predictions along `axis`, from -1 to 1: 1 when they point the
    /// same way.
    CosineSimilarity: "cosine_similarity", ["cosine_similarity"], "Cosine of the angle.", Some(true),
    "Keras: `keras.metrics.CosineSimilarity`, which forgets `axis` in its configuration; R: `metric_cosine_similarity()`";
    {
        /// The axis of the vectors.
        axis: i64 = -1;
    }
    |self, t, p, _each| functions::cosine_similarity(t, p, self.axis);
    [[1f32, 0.], [1., 1.]], [[0f32, 2.], [3., 3.]] => 0.5;

    /// The mean of `log(cosh(y_pred - y_true))`: `e^2 / 2` for small errors, `|e| - log(2)` for large ones.
    LogCoshError: "logcosh", ["log_cosh_error", "log_cosh", "logcosh"],
    "Logarithm of the hyperbolic cosine of the difference.", Some(false),
    "Keras: `keras.metrics.LogCoshError`; R: `metric_log_cosh_error()`";
    {}
    |self, t, p, each| pointwise(each, t, p, functions::log_cosh);
    [[0f32, 0.]], [[1f32, -1.]] => 0.4337808;

    /// The mean of `e^2 / 2` where `|e| <= delta`, and of `delta |e| - delta^2 / 2` elsewhere; `e = y_pred - y_true`.
    Huber: "huber", ["huber"], "Squared difference near 0, absolute far from it.", Some(false),
    "Keras has only the function, `keras.metrics.huber`; R: `metric_huber()`";
    {
        /// Where it turns from squared to absolute.
        delta: f64 = 1.;
    }
    |self, t, p, each| pointwise(each, t, p, |t, p| functions::huber(t, p, self.delta));
    [[0f32, 0.]], [[0.5f32, 3.]] => 1.3125;

    /// The mean of `y_pred - y_true log(y_pred)`.
    Poisson: "poisson", ["poisson"], "Negative log-likelihood of counts.", Some(false),
    "Keras: `keras.metrics.Poisson`; R: `metric_poisson()`";
    {}
    |self, t, p, each| pointwise(each, t, p, functions::poisson);
    [[1f32, 4.]], [[1f32, 1.]] => 1.;

    /// The mean of `sum(y_true log(y_true / y_pred))`, in nats, both kept within `[1e-7, 1]`.
    KLDivergence: "kl_divergence", ["kl_divergence", "kld", "KLD"], "Kullback-Leibler divergence.", Some(false),
    "Keras: `keras.metrics.KLDivergence`; R: `metric_kl_divergence()`";
    {}
    |self, t, p, _each| functions::kl_divergence(t, p);
    [[0.5f32, 0.5]], [[0.25f32, 0.75]] => 0.143841;

    /// The mean of `max(1 - y_true y_pred, 0)`. Targets are -1 or 1; where all of a batch are 0 or 1 they are taken as -1
    /// and 1.
    Hinge: "hinge", ["hinge"], "Margin of two classes.", Some(false),
    "Keras: `keras.metrics.Hinge`; R: `metric_hinge()`";
    {}
    |self, t, p, each| pointwise(each, t, p, functions::hinge);
    [[1f32, -1.]], [[0.5f32, 0.5]] => 1.;

    /// The mean of `max(1 - y_true y_pred, 0)^2`. Targets are -1 or 1; where all of a batch are 0 or 1 they are taken as
    /// -1 and 1.
    SquaredHinge: "squared_hinge", ["squared_hinge"], "Squared margin of two classes.", Some(false),
    "Keras: `keras.metrics.SquaredHinge`; R: `metric_squared_hinge()`";
    {}
    |self, t, p, each| pointwise(each, t, p, functions::squared_hinge);
    [[1f32, -1.]], [[0.5f32, 0.5]] => 1.25;

    /// The mean of `max(max((1 - y_true) y_pred) - sum(y_true y_pred) + 1, 0)`, for one-hot targets.
    CategoricalHinge: "categorical_hinge", ["categorical_hinge"], "Margin of several classes.", Some(false),
    "Keras: `keras.metrics.CategoricalHinge`; R: `metric_categorical_hinge()`";
    {}
    |self, t, p, _each| functions::categorical_hinge(t, p);
    [[0f32, 1.]], [[0.25f32, 0.5]] => 0.75;

    /// The mean of `-y_true log(y_pred) - (1 - y_true) log(1 - y_pred)`, in nats.
    BinaryCrossentropy: "binary_crossentropy", ["binary_crossentropy", "bce", "BCE"],
    "Cross-entropy of yes/no targets.", Some(false),
    "Keras: `keras.metrics.BinaryCrossentropy`; R: `metric_binary_crossentropy()`";
    {
        /// Whether predictions are before the sigmoid.
        from_logits: bool = false;
        /// Moves targets towards 0.5 by this fraction.
        label_smoothing: f64 = 0.;
    }
    |self, t, p, each| pointwise(each, t, p, |t, p| {
        functions::binary_crossentropy(t, p, self.from_logits, self.label_smoothing, -1)
    });
    [[1f32, 0.]], [[0.5f32, 0.5]] => 0.693147;

    /// The mean of `(1 - p_t)^gamma` times the binary cross-entropy, where `p_t` is the probability given to the target.
    BinaryFocalCrossentropy: "binary_focal_crossentropy", ["binary_focal_crossentropy"],
    "Cross-entropy of yes/no targets that favours what is predicted badly.", Some(false),
    "Keras has only the function, `keras.metrics.binary_focal_crossentropy`; R: `metric_binary_focal_crossentropy()`";
    {
        /// Whether positive targets weigh `alpha` and negative ones `1 - alpha`.
        apply_class_balancing: bool = false;
        /// The weight of positive targets.
        alpha: f64 = 0.25;
        /// How much well predicted targets are left out.
        gamma: f64 = 2.;
        /// Whether predictions are before the sigmoid.
        from_logits: bool = false;
        /// Moves targets towards 0.5 by this fraction.
        label_smoothing: f64 = 0.;
        /// The axis of the mean.
        axis: i64 = -1;
    }
    |self, t, p, _each| functions::binary_focal_crossentropy(t, p, self.apply_class_balancing, self.alpha, self.gamma,
        self.from_logits, self.label_smoothing, self.axis);
    [[1f32]], [[0.5f32]] => 0.173287;

    /// The mean of `-sum(y_true log(y_pred))` along `axis`, in nats, for one-hot targets.
    CategoricalCrossentropy: "categorical_crossentropy", ["categorical_crossentropy"],
    "Cross-entropy of one-hot targets.", Some(false),
    "Keras: `keras.metrics.CategoricalCrossentropy`; R: `metric_categorical_crossentropy()`";
    {
        /// Whether predictions are before the softmax.
        from_logits: bool = false;
        /// Moves this fraction of the targets' mass to all classes evenly.
        label_smoothing: f64 = 0.;
        /// The axis of the classes.
        axis: i64 = -1;
    }
    |self, t, p, _each| functions::categorical_crossentropy(t, p, self.from_logits, self.label_smoothing, self.axis);
    [[0f32, 1.]], [[0.5f32, 0.5]] => 0.693147;

    /// The mean of `-sum(alpha (1 - y_pred)^gamma y_true log(y_pred))` along `axis`, for one-hot targets.
    CategoricalFocalCrossentropy: "categorical_focal_crossentropy", ["categorical_focal_crossentropy"],
    "Cross-entropy of one-hot targets that favours what is predicted badly.", Some(false),
    "Keras has only the function, `keras.metrics.categorical_focal_crossentropy`; R: \
     `metric_categorical_focal_crossentropy()`";
    {
        /// A factor.
        alpha: f64 = 0.25;
        /// How much well predicted targets are left out.
        gamma: f64 = 2.;
        /// Whether predictions are before the softmax.
        from_logits: bool = false;
        /// Moves this fraction of the targets' mass to all classes evenly.
        label_smoothing: f64 = 0.;
        /// The axis of the classes.
        axis: i64 = -1;
    }
    |self, t, p, _each| functions::categorical_focal_crossentropy(t, p, &[self.alpha], self.gamma, self.from_logits,
        self.label_smoothing, self.axis);
    [[0f32, 1.]], [[0.5f32, 0.5]] => 0.0433217;
}
