//! Comparing numbers.

use anyhow::{Result, bail};
use keras::{DType, Tensor};

/// How far apart two numbers may be: `|a - b| <= abs + rel * |b|`.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    /// In absolute terms.
    pub abs: f64,
    /// Relative to Keras's number.
    pub rel: f64,
}

impl Tolerance {
    /// Values of losses, metrics, functions and schedules.
    pub const VALUE: Self = Self { abs: 1e-5, rel: 1e-4 };
    /// Gradients, and everything about layers.
    pub const GRADIENT: Self = Self { abs: 2e-5, rel: 5e-4 };
    /// Variables after optimizer steps.
    pub const OPTIMIZER: Self = Self { abs: 1e-5, rel: 2e-4 };
    /// Histories and evaluations of models.
    pub const HISTORY: Self = Self { abs: 1e-4, rel: 2e-3 };
    /// Predictions and weights of trained models.
    pub const MODEL: Self = Self { abs: 5e-4, rel: 5e-3 };

    fn allows(self, ours: f64, theirs: f64) -> bool {
        if theirs.is_nan() || theirs.is_infinite() {
            return ours == theirs || (ours.is_nan() && theirs.is_nan());
        }
        (ours - theirs).abs() <= self.abs + self.rel * theirs.abs()
    }
}

/// Gathers what differed in a case.
#[derive(Debug, Default)]
pub struct Differences(Vec<String>);

impl Differences {
    /// Compares shapes and elements.
    ///
    /// # Errors
    /// When a tensor cannot be read.
    pub fn tensors(
        &mut self,
        what: &str,
        ours: &Tensor,
        theirs: &Tensor,
        tolerance: Tolerance,
    ) -> Result<()> {
        // The files hold scalars as one element.
        let scalar = ours.rank() == 0 && theirs.dims() == [1];
        if ours.dims() != theirs.dims() && !scalar {
            self.0.push(format!(
                "{what}: shape {:?}, Keras {:?}",
                ours.dims(),
                theirs.dims()
            ));
            return Ok(());
        }
        self.numbers(what, &values(ours)?, &values(theirs)?, tolerance);
        Ok(())
    }

    /// Compares lists of tensors.
    ///
    /// # Errors
    /// When a tensor cannot be read.
    pub fn lists(
        &mut self,
        what: &str,
        ours: &[Tensor],
        theirs: &[Tensor],
        tolerance: Tolerance,
    ) -> Result<()> {
        if ours.len() != theirs.len() {
            self.0
                .push(format!("{what}: {} tensors, Keras {}", ours.len(), theirs.len()));
        }
        for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
            self.tensors(&format!("{what} {index}"), ours, theirs, tolerance)?;
        }
        Ok(())
    }

    /// Compares lists of numbers.
    pub fn numbers(&mut self, what: &str, ours: &[f64], theirs: &[f64], tolerance: Tolerance) {
        if ours.len() != theirs.len() {
            self.0
                .push(format!("{what}: {} values, Keras {}", ours.len(), theirs.len()));
            return;
        }
        let pairs = || ours.iter().copied().zip(theirs.iter().copied()).enumerate();
        let wrong = pairs().filter(|(_, (a, b))| !tolerance.allows(*a, *b)).count();
        if wrong == 0 {
            return;
        }
        // NaN against a number is the largest difference there is.
        let distance = |(a, b): (f64, f64)| if a == b { 0. } else { (a - b).abs() };
        let rank = |d: f64| if d.is_nan() { f64::INFINITY } else { d };
        let largest = pairs()
            .filter(|(_, (a, b))| !tolerance.allows(*a, *b))
            .max_by(|a, b| rank(distance(a.1)).total_cmp(&rank(distance(b.1))));
        if let Some((index, (a, b))) = largest {
            let (count, far) = (ours.len(), distance((a, b)));
            self.0.push(format!(
                "{what}: {wrong} of {count} differ, largest difference {far:.3e} at {index} ({a:e}, Keras {b:e})"
            ));
        }
    }

    /// Compares anything that is equal or not.
    pub fn equal<T: PartialEq + std::fmt::Debug + ?Sized>(&mut self, what: &str, ours: &T, theirs: &T) {
        if ours != theirs {
            self.0.push(format!("{what}: {ours:?}, Keras {theirs:?}"));
        }
    }

    /// Notes a difference in words.
    pub fn note(&mut self, text: String) {
        self.0.push(text);
    }

    /// Success when nothing differed.
    ///
    /// # Errors
    /// With everything that differed.
    pub fn finish(self) -> Result<()> {
        match self.0.is_empty() {
            true => Ok(()),
            false => bail!("{}", self.0.join("; ")),
        }
    }
}

/// The elements in row-major order.
pub(crate) fn values(tensor: &Tensor) -> Result<Vec<f64>> {
    Ok(tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
}

/// `cos(0), cos(1), …` in the shape of `like`: the output gradient of the cases that name one.
pub(crate) fn cosines(like: &Tensor) -> Result<Tensor> {
    let values: Vec<f32> = (0..like.elem_count()).map(|i| (i as f64).cos() as f32).collect();
    Ok(Tensor::from_vec(values, like.shape(), like.device())?.to_dtype(like.dtype())?)
}
