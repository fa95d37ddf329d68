//! One line of a table of gradient checks.

use keras_ops::{Device, Result, Tensor};

/// Shape, and the range its values are spread over.
pub(super) type Input = (&'static [usize], f64, f64);
type Op = fn(&[Tensor]) -> Result<Tensor>;

/// An operation on inputs. The first word of the name is the function's.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) inputs: &'static [Input],
    pub(super) op: Op,
    pub(super) empty: Empty,
    /// Another function that the closure calls, whose errors may come first.
    pub(super) through: Option<&'static str>,
}

/// What happens with a first axis of size 0.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Empty {
    /// It works.
    Works,
    /// It is an error, because the result is not defined.
    Fails,
    /// The closure fixes the size.
    Fixed,
}

/// A case that also runs with a first axis of size 0.
pub(super) const fn case(name: &'static str, inputs: &'static [Input], op: Op) -> Case {
    Case {
        name,
        inputs,
        op,
        empty: Empty::Works,
        through: None,
    }
}

impl Case {
    /// The closure fixes the size of the first axis.
    pub(super) const fn fixed(mut self) -> Self {
        self.empty = Empty::Fixed;
        self
    }

    /// With a first axis of size 0 there is nothing to compute: an error.
    pub(super) const fn fails_empty(mut self) -> Self {
        self.empty = Empty::Fails;
        self
    }

    /// The closure also calls `other`, whose errors may come first.
    pub(super) const fn through(mut self, other: &'static str) -> Self {
        self.through = Some(other);
        self
    }

    /// The function's name.
    pub(super) fn function(&self) -> &'static str {
        self.name.split(' ').next().unwrap_or(self.name)
    }

    /// The inputs of the check.
    pub(super) fn inputs(&self) -> Result<Vec<Tensor>> {
        let inputs = self.inputs.iter().enumerate();
        inputs.map(|(i, x)| values(*x, i)).collect()
    }

    /// The inputs with a first axis of size 0, where they share it with the first input.
    pub(super) fn empty_inputs(&self) -> Result<Vec<Tensor>> {
        let batch = self.inputs.first().and_then(|x| x.0.first());
        let inputs = self.inputs()?.into_iter();
        let inputs = inputs.map(|x| match (x.dims().first(), batch) {
            (Some(n), Some(batch)) if n == batch => x.narrow(0, 0, 0)?.contiguous(),
            _ => Ok(x),
        });
        inputs.collect()
    }
}

pub(super) const X: Input = (&[3, 5], -2., 2.3);
pub(super) const POSITIVE: Input = (&[3, 5], 0.3, 2.5);
pub(super) const CUBE: Input = (&[2, 3, 5], -2., 2.3);
pub(super) const ROW: Input = (&[5], 0.4, 1.9);
pub(super) const COLUMN: Input = (&[3, 1], -1.7, 1.1);
pub(super) const UNIT: Input = (&[3, 5], 0.02, 0.97);
pub(super) const SCALAR: Input = (&[], 0.7, 0.9);

/// Distinct values over a range, in a scrambled order, so that no two tie and neighbours differ.
fn values((shape, low, high): Input, salt: usize) -> Result<Tensor> {
    let count: usize = shape.iter().product();
    let step = (7..).find(|step| !count.is_multiple_of(*step)).unwrap_or(7);
    let at = |i: usize| ((i * step + salt * 3) % count.max(1)) as f64 + 0.37 + 0.11 * salt as f64;
    let spread = (0..count)
        .map(|i| low + (high - low) * at(i) / (count as f64 + 1.))
        .collect();
    Tensor::from_vec::<_, f64>(spread, shape, &Device::Cpu)
}

/// Class numbers.
pub(super) fn labels(labels: &[u32]) -> Result<Tensor> {
    Tensor::new(labels, &Device::Cpu)
}
