//! Sample weights seen by element.

use std::borrow::Cow;

use keras_core::{Result, bail};

/// Weights of elements in row-major order: one for each run of `each` of them.
#[derive(Debug)]
pub(crate) struct Weights<'a> {
    pub(crate) values: Cow<'a, [f32]>,
    pub(crate) each: usize,
}

impl<'a> Weights<'a> {
    /// Of elements of shape `of`: one number, one for each sample (or for each position of the leading axes), or the
    /// same rank with any axis 1.
    ///
    /// # Errors
    /// When the shapes do not fit.
    pub(crate) fn new(name: &str, values: &'a [f32], dims: &[usize], of: &[usize]) -> Result<Self> {
        let lead = dims
            .strip_suffix(&[1])
            .filter(|lead| lead.len() <= of.len())
            .unwrap_or(dims);
        if values.len() == 1 || of.starts_with(lead) {
            let alike = if values.len() == 1 { 0 } else { lead.len() };
            return Ok(Self {
                values: Cow::Borrowed(values),
                each: of[alike..].iter().product::<usize>().max(1),
            });
        }
        let fits = |(own, size): (&usize, &usize)| own == size || *own == 1;
        if dims.len() == of.len() && dims.iter().zip(of).all(fits) {
            return Ok(Self {
                values: Cow::Owned(broadcast(values, dims, of)),
                each: 1,
            });
        }
        bail!(
            "{name}: sample weights of shape {dims:?} do not fit values of shape {of:?}: give one number, one for each \
             sample, or the shape {of:?} with any axis 1"
        )
    }

    /// The weight of element `i`.
    pub(crate) fn of(&self, i: usize) -> f64 {
        f64::from(self.values[i / self.each])
    }
}

/// The values of a block of shape `dims` repeated along its axes of size 1.
fn broadcast(values: &[f32], dims: &[usize], of: &[usize]) -> Vec<f32> {
    let at = |mut i: usize| {
        let (mut at, mut stride) = (0, 1);
        for (own, size) in dims.iter().zip(of).rev() {
            at += if *own == 1 { 0 } else { i % size * stride };
            stride *= own;
            i /= size;
        }
        at
    };
    (0..of.iter().product()).map(|i| values[at(i)]).collect()
}
