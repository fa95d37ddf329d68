//! Thresholds, and where predictions lie among them.

use keras_core::{Result, bail};

/// How a prediction's place among thresholds is found.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Spacing {
    /// By comparing.
    Any,
    /// They divide `[0, 1]` evenly: by multiplying, as Keras does. Predictions outside count as 0 or 1.
    Even,
    /// The same, with ends a little outside of `[0, 1]`, so that every prediction is above the first.
    Widened,
}

/// Thresholds in the order given, and in rising order.
#[derive(Clone, Debug)]
pub(crate) struct Thresholds {
    sorted: Vec<f32>,
    /// Where the thresholds of `sorted` were given.
    order: Vec<usize>,
    spacing: Spacing,
}

impl Thresholds {
    /// Any; three or more that divide `[0, 1]` evenly are found out.
    pub(crate) fn new(values: &[f64]) -> Self {
        let spacing = match divide_evenly(values) {
            true => Spacing::Even,
            false => Spacing::Any,
        };
        Self::with(values, spacing)
    }

    /// `number` from 0 to 1; one alone is 0.5.
    pub(crate) fn even(number: usize) -> Self {
        match number {
            0 | 1 => Self::with(&[0.5], Spacing::Any),
            _ => {
                let values: Vec<f64> = (0..number).map(|i| i as f64 / (number - 1) as f64).collect();
                Self::with(&values, Spacing::Even)
            }
        }
    }

    /// For a curve: `inner` or else `number` evenly spaced ones, with ends a little outside of `[0, 1]`.
    pub(crate) fn curve(number: usize, inner: Option<&[f64]>) -> Self {
        let widened = |inner: &[f64]| [&[-1e-7], inner, &[1. + 1e-7]].concat();
        match inner {
            Some(inner) => {
                let mut inner = inner.to_vec();
                inner.sort_by(f64::total_cmp);
                let spacing = match divide_evenly(&[&[0.], inner.as_slice(), &[1.]].concat()) {
                    true => Spacing::Widened,
                    false => Spacing::Any,
                };
                Self::with(&widened(&inner), spacing)
            }
            None => {
                let last = number.saturating_sub(1).max(1) as f64;
                let inner: Vec<f64> = (1..number.saturating_sub(1)).map(|i| i as f64 / last).collect();
                Self::with(&widened(&inner), Spacing::Widened)
            }
        }
    }

    fn with(values: &[f64], spacing: Spacing) -> Self {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
        Self {
            sorted: order.iter().map(|i| values[*i] as f32).collect(),
            order,
            spacing,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.sorted.len()
    }

    /// The only threshold, where there is one.
    pub(crate) fn single(&self) -> Option<f32> {
        match self.sorted.as_slice() {
            [one] => Some(*one),
            _ => None,
        }
    }

    /// How predictions are placed: gives how many thresholds a prediction is above.
    pub(crate) fn place(&self) -> Place<'_> {
        let steps = self.len().saturating_sub(1) as f32;
        match self.spacing {
            Spacing::Any => Place::Among(&self.sorted),
            Spacing::Even => Place::Step(steps, 0),
            Spacing::Widened => Place::Step(steps, 1),
        }
    }

    /// `above(i)` summed over all places from each threshold on, in the order given: `places` has one entry more than
    /// there are thresholds, for each of `width` columns.
    pub(crate) fn counts_above(&self, places: &mut [f64], width: usize) -> Vec<f64> {
        for i in (width..places.len().saturating_sub(width)).rev() {
            places[i] += places[i + width];
        }
        let mut found = vec![0.; self.len() * width];
        for (from, to) in self.order.iter().enumerate() {
            let row = &places[(from + 1) * width..(from + 2) * width];
            found[to * width..(to + 1) * width].copy_from_slice(row);
        }
        found
    }
}

/// How many thresholds a prediction is above.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// Compared with each, in rising order.
    Among(&'a [f32]),
    /// So many steps from 0 to 1, and at least so many.
    Step(f32, u32),
}

impl Place<'_> {
    #[inline(always)]
    pub(crate) fn of(self, p: f32) -> usize {
        match self {
            Self::Among(sorted) => sorted.partition_point(|t| p > *t),
            Self::Step(steps, least) => step(p, steps, least) as usize,
        }
    }
}

/// The place among evenly spaced thresholds. NaN is above the first alone, as in Keras.
#[inline(always)]
pub(crate) fn step(p: f32, steps: f32, least: u32) -> u32 {
    let place = (p.clamp(0., 1.) * steps).ceil() as u32;
    let least = if p.is_nan() { 1 } else { least };
    place.max(least)
}

/// As `numpy.allclose` sees it, with the tolerance that Keras uses.
fn divide_evenly(values: &[f64]) -> bool {
    let last = values.len().saturating_sub(1).max(1) as f32;
    let near = |(i, v): (usize, &f64)| {
        let even = f64::from(i as f32 / last);
        (v - even).abs() <= 1e-7 + 1e-5 * even.abs()
    };
    values.len() >= 3 && values.iter().enumerate().all(near)
}

/// # Errors
/// When a threshold is not within 0 and 1, or there is none.
pub(crate) fn check_thresholds(class: &str, thresholds: Option<&Vec<f64>>) -> Result<()> {
    let Some(all) = thresholds else {
        return Ok(());
    };
    if all.is_empty() {
        bail!("{class}: `thresholds` is empty; give one or more numbers within 0 and 1");
    }
    match all.iter().find(|t| !(0. ..=1.).contains(*t)) {
        Some(wrong) => bail!("{class}: `thresholds` must be within 0 and 1, got {wrong}"),
        None => Ok(()),
    }
}
