use candle_core::{DType, Result, Tensor};
use half::{bf16, f16};

use super::{checked, through_host};
use crate::host::Real;
use crate::kernels::optimizers::{Element, Float};
use crate::{host, inplace};

/// The arguments of [`adafactor_step`].
#[derive(Clone, Copy, Debug)]
pub struct AdafactorRule {
    /// The learning rate.
    pub learning_rate: f64,
    /// The exponent of the second moment's decay, below 0.
    pub beta_2_decay: f64,
    /// Added to the squares of the gradient.
    pub epsilon_1: f64,
    /// The least root mean square of a variable.
    pub epsilon_2: f64,
    /// The root mean square of a step is at most this.
    pub clip_threshold: f64,
    /// The number of this step, from 1.
    pub step: u64,
}

/// `w -= max(epsilon_2, rms(w)) min(lr, 1 / sqrt(t)) u / max(1, rms(u) / clip_threshold)` with
/// `u = g / sqrt(v)`.
///
/// With the slots `(r, c)` of row and column means over the last two axes, `v` is
/// `r c / mean(r)`, where `r` and `c` are moving averages of `g² + epsilon_1`; without them `v` is such an
/// average itself. `1 - t^beta_2_decay` of an average stays at step `t`.
///
/// # Errors
/// When shapes differ or a slot's dtype is not the variable's.
pub fn adafactor_step(
    rule: &AdafactorRule,
    var: &Tensor,
    grad: &Tensor,
    v: &Tensor,
    factors: Option<(&Tensor, &Tensor)>,
) -> Result<()> {
    let grad = checked("adafactor_step", &[var, v], grad)?;
    let mut written = vec![var, v];
    if let Some((r, c)) = factors {
        let dims = var.dims();
        let Some((&columns, outer)) = dims.split_last().filter(|(_, outer)| !outer.is_empty()) else {
            candle_core::bail!("adafactor_step: a variable of shape {dims:?} has no rows and columns");
        };
        let wanted = [outer.to_vec(), [&outer[..outer.len() - 1], &[columns]].concat()];
        if r.dims() != wanted[0] || c.dims() != wanted[1] {
            candle_core::bail!(
                "adafactor_step: expected row and column means of shapes {:?} and {:?}, got {:?} and {:?}",
                wanted[0],
                wanted[1],
                r.dims(),
                c.dims()
            );
        }
        written.extend([r, c]);
    }
    if !var.device().is_cpu() {
        return through_host(&written, &grad, |written, grad| on_cpu(rule, written, grad));
    }
    on_cpu(rule, &written, &grad)
}

fn on_cpu(rule: &AdafactorRule, written: &[&Tensor], grad: &Tensor) -> Result<()> {
    by_dtype!("adafactor_step", written[0].dtype(), typed(rule, written, grad))
}

fn typed<E: Element>(rule: &AdafactorRule, written: &[&Tensor], grad: &Tensor) -> Result<()> {
    let columns = written[0].dims().last().copied().unwrap_or(1);
    let rows = match written[0].dims() {
        [.., rows, _] => *rows,
        _ => 1,
    };
    let old = E::Wide::of(1.) - E::Wide::of((rule.step as f64).powf(rule.beta_2_decay));
    host::read(grad, |grad: &[E]| {
        inplace::write_many("adafactor_step", written, |slices: &mut [&mut [E]]| {
            match slices {
                [w, v, r, c] => {
                    let matrices = rows * columns;
                    let parts = v.chunks_mut(matrices.max(1)).zip(grad.chunks(matrices.max(1)));
                    let means = r.chunks_mut(rows.max(1)).zip(c.chunks_mut(columns.max(1)));
                    for ((v, grad), (r, c)) in parts.zip(means) {
                        factored(rule, old, v, grad, r, c);
                    }
                    apply(rule, w, v, grad);
                }
                [w, v] => {
                    let new = E::Wide::of(1.) - old;
                    for (v, g) in v.iter_mut().zip(grad) {
                        *v = E::narrow(old * v.wide() + new * square(rule, g));
                    }
                    apply(rule, w, v, grad);
                }
                _ => {}
            }
            Ok(())
        })
    })
}

/// `g² + epsilon_1`.
fn square<E: Element>(rule: &AdafactorRule, g: &E) -> E::Wide {
    g.wide() * g.wide() + E::Wide::of(rule.epsilon_1)
}

/// The second moment of one matrix from the means of its rows and columns.
fn factored<E: Element>(
    rule: &AdafactorRule,
    old: E::Wide,
    v: &mut [E],
    grad: &[E],
    r: &mut [E],
    c: &mut [E],
) {
    let of = E::Wide::of;
    let (new, columns) = (of(1.) - old, c.len());
    let mut sums = vec![of(0.); columns];
    for (r, grad) in r.iter_mut().zip(grad.chunks(columns.max(1))) {
        let mut row = of(0.);
        for (sum, g) in sums.iter_mut().zip(grad) {
            let square = square(rule, g);
            *sum += square;
            row += square;
        }
        *r = E::narrow(old * r.wide() + new * row / of(columns as f64));
    }
    for (c, sum) in c.iter_mut().zip(&sums) {
        *c = E::narrow(old * c.wide() + new * *sum / of(r.len() as f64));
    }
    let mean = r.iter().map(|r| r.wide()).sum::<E::Wide>() / of(r.len() as f64);
    for (v, r) in v.chunks_mut(columns.max(1)).zip(r.iter()) {
        let r = r.wide() / mean;
        v.iter_mut()
            .zip(c.iter())
            .for_each(|(v, c)| *v = E::narrow(r * c.wide()));
    }
}

fn apply<E: Element>(rule: &AdafactorRule, w: &mut [E], v: &[E], grad: &[E]) {
    let of = E::Wide::of;
    let rms = |squares: f64| (squares / w.len().max(1) as f64).sqrt();
    let update = |g: &E, v: &E| g.wide() / v.wide().root();
    let size = rms(w.iter().map(|w| w.wide().f64().powi(2)).sum());
    let step = rms(grad.iter().zip(v).map(|(g, v)| update(g, v).f64().powi(2)).sum());
    let rate = rule.learning_rate.min(1. / (rule.step as f64).sqrt()) * size.max(rule.epsilon_2);
    let (rate, clip) = (of(rate), of((step / rule.clip_threshold).max(1.)));
    for ((w, g), v) in w.iter_mut().zip(grad).zip(v) {
        *w = E::narrow(w.wide() - rate * (update(g, v) / clip));
    }
}
