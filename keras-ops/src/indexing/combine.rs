//! The loops behind scattering and segments, and their gradients.

use candle_core::{DType, Result, Tensor, WithDType};

use super::scatter::{NOWHERE, Reduction, Write, gathered};
use crate::host;
use crate::tape::{InputGrads, Needs};

/// Numbers that can be combined.
pub(super) trait Number: WithDType + Default + PartialOrd {
    /// No number is less.
    const LEAST: Self;
    /// No number is greater.
    const MOST: Self;
    /// 1.
    const ONE: Self;
    fn plus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
}

macro_rules! float {
    ($($t:ty),*) => {$(
        impl Number for $t {
            const LEAST: Self = <$t>::NEG_INFINITY;
            const MOST: Self = <$t>::INFINITY;
            const ONE: Self = 1.;
            fn plus(self, other: Self) -> Self {
                self + other
            }
            fn times(self, other: Self) -> Self {
                self * other
            }
        }
    )*};
}

float!(f32, f64);

impl Number for i64 {
    const LEAST: Self = i64::MIN;
    const MOST: Self = i64::MAX;
    const ONE: Self = 1;
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    fn times(self, other: Self) -> Self {
        self.wrapping_mul(other)
    }
}

/// What a reduction leaves as it is.
pub(super) fn neutral<T: Number>(reduction: Reduction) -> T {
    match reduction {
        Reduction::Set | Reduction::Add => T::default(),
        Reduction::Max => T::LEAST,
        Reduction::Min => T::MOST,
        Reduction::Mul => T::ONE,
    }
}

/// `out[place] = out[place] ∘ update`, update by update.
pub(super) fn write<T: Number>(out: &mut [T], updates: &[T], plan: &Write) {
    let each = |out: &mut [T], f: &dyn Fn(&mut [T], &[T])| {
        for (k, place) in plan.places.iter().enumerate().filter(|(_, p)| **p != NOWHERE) {
            let to = *place as usize * plan.inner;
            f(
                &mut out[to..to + plan.inner],
                &updates[k * plan.inner..(k + 1) * plan.inner],
            );
        }
    };
    // NaN stays and spreads.
    let choose = |less: bool| {
        move |out: &mut [T], new: &[T]| {
            for (out, v) in out.iter_mut().zip(new) {
                let better = if less { *v < *out } else { *v > *out };
                if better || v.partial_cmp(v).is_none() {
                    *out = *v;
                }
            }
        }
    };
    match plan.reduction {
        Reduction::Set => each(out, &|out, new| out.copy_from_slice(new)),
        Reduction::Add => each(out, &|out, new| {
            out.iter_mut().zip(new).for_each(|(o, v)| *o = o.plus(*v))
        }),
        Reduction::Mul => each(out, &|out, new| {
            out.iter_mut().zip(new).for_each(|(o, v)| *o = o.times(*v))
        }),
        Reduction::Max => each(out, &choose(false)),
        Reduction::Min => each(out, &choose(true)),
    }
}

/// The gradients by the base, if there is one, and by the updates.
pub(super) fn gradients(
    base: Option<&Tensor>,
    updates: &Tensor,
    grad: &Tensor,
    plan: &Write,
    needs: &Needs,
) -> Result<InputGrads> {
    let mut found = InputGrads::new();
    if plan.reduction == Reduction::Add {
        found.extend(base.map(|_| Some(grad.clone())));
        let wanted = needs.last() == Some(&true);
        found.push(match wanted {
            true => Some(gathered(grad, plan, updates.shape())?),
            false => None,
        });
        return Ok(found);
    }
    // The rest is rare: plain loops in f64.
    let plain = |x: &Tensor| host::read(x, |x: &[f64]| Ok(x.to_vec()));
    let start = match base {
        Some(base) => plain(base)?,
        None => vec![neutral::<f64>(plan.reduction); plan.count * plan.inner],
    };
    let pull = Pull {
        base: start,
        updates: plain(updates)?,
        grad: plain(grad)?,
        plan,
    };
    let (by_base, by_updates) = match plan.reduction {
        Reduction::Mul => pull.products(),
        Reduction::Set => pull.last(),
        _ => pull.shares(),
    };
    let tensor = |values: Vec<f64>, like: &Tensor| {
        host::tensor(values, DType::F64, like.shape(), like.device())?.to_dtype(grad.dtype())
    };
    if let Some(base) = base {
        found.push(Some(tensor(by_base, base)?));
    }
    found.push(Some(tensor(by_updates, updates)?));
    Ok(found)
}

struct Pull<'a> {
    base: Vec<f64>,
    updates: Vec<f64>,
    grad: Vec<f64>,
    plan: &'a Write,
}

impl Pull<'_> {
    /// Each update with its place: indices into updates and base.
    fn pairs(&self) -> impl DoubleEndedIterator<Item = (usize, usize)> + '_ {
        let inner = self.plan.inner;
        let rows = self.plan.places.iter().enumerate();
        rows.filter(|(_, place)| **place != NOWHERE)
            .flat_map(move |(k, place)| (0..inner).map(move |i| (k * inner + i, *place as usize * inner + i)))
    }

    /// Of a place that is set the last update has the gradient.
    fn last(&self) -> (Vec<f64>, Vec<f64>) {
        let mut by_base = self.grad.clone();
        let mut by_updates = vec![0.; self.updates.len()];
        let mut taken = vec![false; self.base.len()];
        for (from, to) in self.pairs().rev() {
            if !std::mem::replace(&mut taken[to], true) {
                by_updates[from] = self.grad[to];
                by_base[to] = 0.;
            }
        }
        (by_base, by_updates)
    }

    /// Of the largest or smallest, equals share the gradient.
    fn shares(&self) -> (Vec<f64>, Vec<f64>) {
        let mut best = self.base.clone();
        write(&mut best, &self.updates, self.plan);
        let mut count: Vec<f64> = self
            .base
            .iter()
            .zip(&best)
            .map(|(b, v)| f64::from(b == v))
            .collect();
        self.pairs()
            .for_each(|(from, to)| count[to] += f64::from(self.updates[from] == best[to]));
        let share = |v: f64, to: usize| match v == best[to] {
            true => self.grad[to] / count[to],
            false => 0.,
        };
        let by_base = self
            .base
            .iter()
            .enumerate()
            .map(|(to, v)| share(*v, to))
            .collect();
        let mut by_updates = vec![0.; self.updates.len()];
        self.pairs()
            .for_each(|(from, to)| by_updates[from] = share(self.updates[from], to));
        (by_base, by_updates)
    }

    /// Of a product, each factor has the product of the others.
    fn products(&self) -> (Vec<f64>, Vec<f64>) {
        // The product of the factors that are not 0, and how many are.
        let mut parts: Vec<(f64, u32)> = vec![(1., 0); self.base.len()];
        let take = |part: &mut (f64, u32), v: f64| match v == 0. {
            true => part.1 += 1,
            false => part.0 *= v,
        };
        parts
            .iter_mut()
            .zip(&self.base)
            .for_each(|(part, v)| take(part, *v));
        self.pairs()
            .for_each(|(from, to)| take(&mut parts[to], self.updates[from]));
        let others = |v: f64, to: usize| {
            self.grad[to]
                * match (parts[to], v == 0.) {
                    ((product, 0), _) => product / v,
                    ((product, 1), true) => product,
                    _ => 0.,
                }
        };
        let by_base = self
            .base
            .iter()
            .enumerate()
            .map(|(to, v)| others(*v, to))
            .collect();
        let mut by_updates = vec![0.; self.updates.len()];
        self.pairs()
            .for_each(|(from, to)| by_updates[from] = others(self.updates[from], to));
        (by_base, by_updates)
    }
}
