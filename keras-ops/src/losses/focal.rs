//! Focal cross-entropies: rows that are already right count less.

use candle_core::{Result, Shape, Tensor};

use super::crossentropy::{
    Smoothed, binary, binary_by_pred, binary_by_true, inside, is_inside, log_sum_exp, total,
};
use super::pointwise::{Pair, mean_along};
use super::rows::{Rows, fill, like, positive, rows_over, sum};
use super::short_rows::{self, LogSumExp, Total};
use crate::kernels::math::Math;
use crate::{EPSILON, host};

#[derive(Clone, Copy)]
struct BinaryFocal {
    from_logits: bool,
    smoothing: f64,
    gamma: f64,
    /// The weight of the positive class when classes are balanced.
    alpha: Option<f64>,
}

impl BinaryFocal {
    /// The smoothed target and the probability.
    #[inline(always)]
    fn inputs<T: Math>(self, t: T, p: T) -> (T, T) {
        let t = t * T::of(1. - self.smoothing) + T::of(0.5 * self.smoothing);
        (t, if self.from_logits { p.sigmoid() } else { p })
    }

    /// `1 - p_t`: how far the prediction is from the target.
    #[inline(always)]
    fn miss<T: Math>(t: T, p: T) -> T {
        T::ONE - (t * p + (T::ONE - t) * (T::ONE - p))
    }

    #[inline(always)]
    fn weight<T: Math>(self, t: T) -> T {
        match self.alpha {
            Some(alpha) => t * T::of(alpha) + (T::ONE - t) * T::of(1. - alpha),
            None => T::ONE,
        }
    }

    /// The derivative of `miss^gamma` by `miss`.
    #[inline(always)]
    fn slope<T: Math>(self, miss: T) -> T {
        if self.gamma == 0. {
            T::ZERO
        } else if self.gamma < 1. {
            // Infinite at 0, so that of 1e-7 there.
            T::of(self.gamma) * miss.larger(T::of(EPSILON)).pow(T::of(self.gamma - 1.))
        } else {
            T::of(self.gamma) * miss.pow(T::of(self.gamma - 1.))
        }
    }
}

impl Pair for BinaryFocal {
    const NAME: &'static str = "binary_focal_crossentropy";

    #[inline(always)]
    fn value<T: Math>(self, t: T, p: T) -> T {
        let (t, p) = self.inputs(t, p);
        self.weight(t) * Self::miss(t, p).pow(T::of(self.gamma)) * binary(t, p)
    }

    #[inline(always)]
    fn by_pred<T: Math>(self, t: T, p: T) -> T {
        let (t, p) = self.inputs(t, p);
        let miss = Self::miss(t, p);
        let by_factor = -self.slope(miss) * (t + t - T::ONE) * binary(t, p);
        let slope = by_factor + miss.pow(T::of(self.gamma)) * binary_by_pred(t, p);
        let through = if self.from_logits {
            p * (T::ONE - p)
        } else {
            T::ONE
        };
        self.weight(t) * slope * through
    }

    #[inline(always)]
    fn by_true<T: Math>(self, t: T, p: T) -> T {
        let (t, p) = self.inputs(t, p);
        let miss = Self::miss(t, p);
        let factor = miss.pow(T::of(self.gamma));
        let by_factor = -self.slope(miss) * (p + p - T::ONE) * binary(t, p);
        let by_weight = match self.alpha {
            Some(alpha) => T::of(2. * alpha - 1.) * factor * binary(t, p),
            None => T::ZERO,
        };
        T::of(1. - self.smoothing) * (by_weight + self.weight(t) * (by_factor + factor * binary_by_true(p)))
    }
}

/// The mean over `axis` of `(1 - p_t)^gamma` times the binary cross-entropy, where `p_t` is the probability given
/// to the target; with `alpha`, positive targets weigh `alpha` and negative ones `1 - alpha`.
///
/// # Shapes
/// Two of the same shape to that shape without `axis`.
///
/// # Errors
/// When the shapes differ or the axis is out of range.
pub fn binary_focal_crossentropy(
    y_true: &Tensor,
    y_pred: &Tensor,
    alpha: Option<f64>,
    gamma: f64,
    from_logits: bool,
    label_smoothing: f64,
    axis: i64,
) -> Result<Tensor> {
    let pair = BinaryFocal {
        from_logits,
        smoothing: label_smoothing,
        gamma,
        alpha,
    };
    mean_along(pair, y_true, y_pred, axis)
}

#[derive(Clone, Copy)]
struct CategoricalFocal {
    smoothed: Smoothed,
    from_logits: bool,
    alpha: f64,
    gamma: f64,
}

impl CategoricalFocal {
    /// What maps a prediction to its share of the row.
    #[inline(always)]
    fn share<T: Math>(self, scale: T, p: T) -> T {
        if self.from_logits {
            (p - scale).exp()
        } else {
            p / scale
        }
    }

    #[inline(always)]
    fn scale<T: Math>(self, p: &[T]) -> T {
        if self.from_logits {
            log_sum_exp(p)
        } else {
            total(p)
        }
    }

    #[inline(always)]
    fn term<T: Math>(self, t: T, p: T, scale: T) -> T {
        let c = inside(self.share(scale, p));
        -(self.smoothed.of(t) * self.factor(c) * c.ln())
    }

    #[inline(always)]
    fn factor<T: Math>(self, c: T) -> T {
        T::of(self.alpha) * (T::ONE - c).pow(T::of(self.gamma))
    }

    /// The derivative by the share `s`.
    #[inline(always)]
    fn by_share<T: Math>(self, t: T, s: T) -> T {
        let c = inside(s);
        let slope = T::of(self.alpha * self.gamma) * (T::ONE - c).pow(T::of(self.gamma - 1.));
        is_inside(s) * self.smoothed.of(t) * (slope * c.ln() - self.factor(c) / c)
    }
}

impl Rows for CategoricalFocal {
    const NAME: &'static str = "categorical_focal_crossentropy";

    #[inline(always)]
    fn short_values<T: Math>(self, out: &mut [T], t: &[T], p: &[T], n: usize) {
        if self.from_logits {
            short_rows::sums(
                out,
                (t, p),
                n,
                LogSumExp,
                #[inline(always)]
                |t, p, scale| self.term(t, p, scale),
            );
        } else {
            short_rows::sums(
                out,
                (t, p),
                n,
                Total,
                #[inline(always)]
                |t, p, scale| self.term(t, p, scale),
            );
        }
    }

    #[inline(always)]
    fn value<T: Math>(self, t: &[T], p: &[T]) -> T {
        let scale = self.scale(p);
        let value = sum(
            t,
            p,
            #[inline(always)]
            |t, p| self.term(t, p, scale),
        );
        T::of(value)
    }

    #[inline(always)]
    fn by_pred<T: Math>(self, g: T, t: &[T], p: &[T], d: &mut [T]) {
        let scale = self.scale(p);
        let mean = T::of(sum(
            t,
            p,
            #[inline(always)]
            |t, p| self.by_share(t, self.share(scale, p)) * self.share(scale, p),
        ));
        fill(
            t,
            p,
            d,
            #[inline(always)]
            |t, p| {
                let s = self.share(scale, p);
                let through = if self.from_logits { s } else { T::ONE / scale };
                g * (self.by_share(t, s) - mean) * through
            },
        );
    }

    #[inline(always)]
    fn by_true<T: Math>(self, g: T, t: &[T], p: &[T], d: &mut [T]) {
        let scale = self.scale(p);
        let g = g * self.smoothed.scale::<T>();
        fill(
            t,
            p,
            d,
            #[inline(always)]
            |_, p| {
                let c = inside(self.share(scale, p));
                -(g * self.factor(c) * c.ln())
            },
        );
    }
}

/// `-sum(alpha (1 - p)^gamma t log(p))` over `axis`; `p` and `t` as in
/// [`categorical_crossentropy`](super::categorical_crossentropy). `alpha` is one number, or one for each class.
///
/// # Shapes
/// Two of the same shape to that shape without `axis`.
///
/// # Errors
/// When the shapes differ, the axis is out of range, or `alpha` has another length than there are classes.
pub fn categorical_focal_crossentropy(
    y_true: &Tensor,
    y_pred: &Tensor,
    alpha: &[f64],
    gamma: f64,
    from_logits: bool,
    label_smoothing: f64,
    axis: i64,
) -> Result<Tensor> {
    const OP: &str = CategoricalFocal::NAME;
    let smoothed = Smoothed::new(OP, y_true, y_pred, label_smoothing)?;
    let rows = |smoothed, alpha| CategoricalFocal {
        smoothed,
        from_logits,
        alpha,
        gamma,
    };
    if let [alpha] = alpha {
        return rows_over(rows(smoothed, *alpha), y_true, y_pred, Some(&[axis]));
    }
    let at = positive(OP, &[axis], y_pred.rank() as i64)?[0];
    if alpha.len() != y_pred.dims()[at] {
        candle_core::bail!(
            "{OP}: `alpha` has {} numbers, `y_pred` of shape {:?} {} classes along axis {axis}: give one number, or \
             one for each class",
            alpha.len(),
            y_pred.dims(),
            y_pred.dims()[at]
        );
    }
    // A weight of a class is a factor of its target.
    let weighted = host::within(OP, || {
        let mut shape = vec![1; y_pred.rank()];
        shape[at] = alpha.len();
        let alpha = host::tensor(
            alpha.to_vec(),
            y_pred.dtype(),
            &Shape::from(shape),
            y_pred.device(),
        )?;
        crate::multiply(&smoothed.apply(&like(y_true, y_pred)?)?, &alpha)
    })?;
    rows_over(rows(Smoothed::NONE, 1.), &weighted, y_pred, Some(&[axis]))
}
