//! The state of metrics: small variables, written in place by plain loops on the host.

use keras_core::ops::kernels::simd::vectorize;
use keras_core::ops::{self, DType, Device, Tensor, host, inplace};
use keras_core::weighting::{Samplewise, samplewise};
use keras_core::{Aggregation, Result, Variable, bail};

/// The dtype of the state: float32, or float64 for a metric of that dtype. Sums in half precision would stop growing
/// at 2048.
pub(crate) fn state_dtype(dtype: Option<DType>) -> DType {
    match dtype.unwrap_or_else(ops::floatx) {
        DType::F64 => DType::F64,
        _ => DType::F32,
    }
}

/// The dtype of results that are as exact as the state: counts, and what is made of them alone, as in Keras.
pub(crate) fn wide(dtype: Option<DType>) -> Option<DType> {
    Some(state_dtype(dtype))
}

/// Variables of one shape whose values on several processes are added. Axes of unknown size have size 0 until the
/// first batch.
#[derive(Debug)]
pub(crate) struct Slots {
    pattern: Vec<Option<usize>>,
    variables: Vec<Variable>,
}

impl Slots {
    /// Zeros of a known shape.
    pub(crate) fn fixed(names: &[&str], shape: &[usize], dtype: Option<DType>) -> Self {
        let pattern: Vec<_> = shape.iter().copied().map(Some).collect();
        Self::new(names, &pattern, dtype)
    }

    /// Zeros of a shape with axes (`None`) that the first batch knows.
    pub(crate) fn new(names: &[&str], pattern: &[Option<usize>], dtype: Option<DType>) -> Self {
        let shape: Vec<usize> = pattern.iter().map(|size| size.unwrap_or(0)).collect();
        let zeros = |name: &&str| {
            zeros(name, &shape, state_dtype(dtype), &Device::Cpu)
                .expect("invariant: zeros of a few elements fit on the host")
        };
        Self {
            pattern: pattern.to_vec(),
            variables: names.iter().map(zeros).collect(),
        }
    }

    pub(crate) fn variables(&self) -> &[Variable] {
        &self.variables
    }

    pub(crate) fn shape(&self) -> &[usize] {
        self.variables.first().map_or(&[], Variable::shape)
    }

    /// Whether the first batch has yet to say the shape.
    pub(crate) fn is_open(&self) -> bool {
        self.pattern.contains(&None) && self.variables.iter().all(Variable::is_empty)
    }

    /// Gives all variables the shape that a batch needs.
    ///
    /// # Errors
    /// When earlier batches needed another.
    pub(crate) fn build(&mut self, name: &str, shape: &[usize]) -> Result<()> {
        if self.shape() == shape {
            return Ok(());
        }
        if !self.is_open() || !self.takes(shape) {
            bail!(
                "{name}: its state has shape {:?}, but {shape:?} is needed now; a reset keeps the shape, so make another \
                 metric",
                self.shape()
            );
        }
        self.remake(shape)
    }

    /// Whether a state may have this shape.
    fn takes(&self, shape: &[usize]) -> bool {
        shape.len() == self.pattern.len()
            && self
                .pattern
                .iter()
                .zip(shape)
                .all(|(own, size)| own.is_none_or(|own| own == *size))
    }

    /// New zeros of another shape.
    pub(crate) fn remake(&mut self, shape: &[usize]) -> Result<()> {
        for variable in &mut self.variables {
            *variable = zeros(variable.name(), shape, variable.dtype(), variable.device())?;
        }
        Ok(())
    }

    /// `variables += terms`, element by element.
    pub(crate) fn add(&self, terms: &[&[f64]]) -> Result<()> {
        for (variable, terms) in self.variables.iter().zip(terms) {
            self.add_each(variable, |i| terms[i])?;
        }
        Ok(())
    }

    /// `variable[i] += term(i)`.
    fn add_each(&self, variable: &Variable, term: impl Fn(usize) -> f64) -> Result<()> {
        let tensor = variable.tensor();
        match (tensor.device(), variable.dtype()) {
            (Device::Cpu, DType::F64) => inplace::write("metric", tensor, |s: &mut [f64]| {
                s.iter_mut().enumerate().for_each(|(i, s)| *s += term(i));
                Ok(())
            })?,
            (Device::Cpu, _) => inplace::write("metric", tensor, |s: &mut [f32]| {
                s.iter_mut()
                    .enumerate()
                    .for_each(|(i, s)| *s = (f64::from(*s) + term(i)) as f32);
                Ok(())
            })?,
            (device, dtype) => {
                let terms: Vec<f64> = (0..variable.len()).map(term).collect();
                variable.assign_add(&host::tensor(terms, dtype, tensor.shape(), device)?)?;
            }
        }
        Ok(())
    }

    /// `variable[index][i] += term(i)`.
    pub(crate) fn add_to(&self, index: usize, term: impl Fn(usize) -> f64) -> Result<()> {
        match self.variables.get(index) {
            Some(variable) => self.add_each(variable, term),
            None => Ok(()),
        }
    }

    /// The values of the variables.
    pub(crate) fn read<const N: usize>(&self) -> Result<[Vec<f64>; N]> {
        let mut all: [Vec<f64>; N] = std::array::from_fn(|_| Vec::new());
        for (values, variable) in all.iter_mut().zip(&self.variables) {
            *values = host::read(variable.tensor(), |v: &[f64]| Ok(v.to_vec()))?;
        }
        Ok(all)
    }
}

fn zeros(name: &str, shape: &[usize], dtype: DType, device: &Device) -> Result<Variable> {
    Variable::aggregated(name, &Tensor::zeros(shape, dtype, device)?, Aggregation::Sum)
}

/// What a class keeps between batches.
pub(crate) trait State {
    fn slots(&self) -> &[Slots];

    fn slots_mut(&mut self) -> &mut [Slots];

    fn reset(&mut self) -> Result<()> {
        self.slots()
            .iter()
            .flat_map(Slots::variables)
            .filter(|variable| !variable.is_empty())
            .try_for_each(Variable::zero)
    }

    /// Moves to the device of the predictions.
    fn place(&mut self, device: &Device) -> Result<()> {
        for slots in self.slots_mut() {
            for variable in &mut slots.variables {
                if !variable.device().same_device(device) {
                    let value = variable.value().to_device(device)?;
                    *variable = Variable::aggregated(variable.name(), &value, Aggregation::Sum)?;
                }
            }
        }
        Ok(())
    }

    /// Called when its variables are about to be filled from a saved state.
    fn resized(&mut self) {}

    /// Joins the state of another process.
    fn merge(&mut self, class: &str, other: &[Tensor]) -> Result<()>
    where
        Self: Sized,
    {
        merge(self, class, other)
    }
}

impl State for Slots {
    fn slots(&self) -> &[Slots] {
        std::slice::from_ref(self)
    }

    fn slots_mut(&mut self) -> &mut [Slots] {
        std::slice::from_mut(self)
    }
}

pub(crate) fn variables(state: &impl State) -> Vec<Variable> {
    state.slots().iter().flat_map(Slots::variables).cloned().collect()
}

/// # Errors
/// When tensors of such shapes are no state of this class.
fn check_shapes(state: &impl State, class: &str, shapes: &[&[usize]]) -> Result<()> {
    let mut rest = shapes.iter();
    let fits = state.slots().iter().all(|slots| {
        let own: Vec<_> = rest.by_ref().take(slots.variables.len()).collect();
        let same = own.windows(2).all(|pair| pair[0] == pair[1]);
        same && own.len() == slots.variables.len() && own.iter().all(|shape| slots.takes(shape))
    });
    if fits && rest.next().is_none() {
        return Ok(());
    }
    let own = variables(state);
    bail!(
        "{class}: expected a state of {} tensors, {:?} of shapes {:?} (0 is unknown before the first batch); got {} of \
         shapes {shapes:?}",
        own.len(),
        own.iter().map(Variable::name).collect::<Vec<_>>(),
        own.iter().map(Variable::shape).collect::<Vec<_>>(),
        shapes.len()
    )
}

/// Gives the variables the shapes of a saved state.
///
/// # Errors
/// When the state of this class cannot have such shapes.
pub(crate) fn resize(state: &mut impl State, class: &str, shapes: &[&[usize]]) -> Result<()> {
    check_shapes(state, class, shapes)?;
    let mut rest = shapes.iter();
    for slots in state.slots_mut() {
        let shape = rest.by_ref().take(slots.variables.len()).last();
        if let Some(shape) = shape.filter(|shape| **shape != slots.shape()) {
            slots.remake(shape)?;
        }
    }
    state.resized();
    Ok(())
}

/// Adds the sums of another process.
///
/// # Errors
/// When they are no state of this class, or of other shapes than this one.
pub(crate) fn merge(state: &mut impl State, class: &str, other: &[Tensor]) -> Result<()> {
    let shapes: Vec<&[usize]> = other.iter().map(Tensor::dims).collect();
    check_shapes(state, class, &shapes)?;
    let mut rest = other.iter();
    for slots in state.slots_mut() {
        let own: Vec<&Tensor> = rest.by_ref().take(slots.variables.len()).collect();
        // The other has seen no batch yet.
        if own.iter().all(|sums| sums.elem_count() == 0) {
            continue;
        }
        slots.build(class, own[0].dims())?;
        for (index, sums) in own.into_iter().enumerate() {
            let sums = host::read(sums, |v: &[f64]| Ok(v.to_vec()))?;
            slots.add_to(index, |i| sums[i])?;
        }
    }
    Ok(())
}

/// A result of the metric's dtype.
pub(crate) fn scalar(value: f64, dtype: Option<DType>) -> Result<Tensor> {
    vector(vec![value], &[], dtype)
}

/// Results of the metric's dtype; of float32 for a metric of whole numbers.
pub(crate) fn vector(values: Vec<f64>, shape: &[usize], dtype: Option<DType>) -> Result<Tensor> {
    let dtype = dtype.filter(DType::is_float).unwrap_or_else(ops::floatx);
    Ok(host::tensor(values, dtype, &shape.into(), &Device::Cpu)?)
}

/// `a / b`, 0 where `b` is.
pub(crate) fn ratio(a: f64, b: f64) -> f64 {
    if b == 0. { 0. } else { a / b }
}

/// What a running mean can take in: the sum of the samples' values and of their weights.
pub(crate) trait Samples {
    fn totals(&self, weights: Option<&Tensor>, double: bool, by: Samplewise) -> Result<(f64, f64)>;
}

impl Samples for Tensor {
    fn totals(&self, weights: Option<&Tensor>, double: bool, by: Samplewise) -> Result<(f64, f64)> {
        fn go<T: host::Real>(
            values: &Tensor,
            weights: Option<&Tensor>,
            by: Samplewise,
        ) -> Result<(f64, f64)> {
            let dims = values.dims();
            let found = host::read(values, |v: &[T]| match weights {
                None => {
                    let rest: usize = dims.iter().skip(1).product();
                    let over = if by == Samplewise::Mean { rest as f64 } else { 1. };
                    let samples = dims.first().copied().unwrap_or(1) as f64;
                    Ok(Ok((ratio(sum(v), over), samples)))
                }
                Some(w) => host::read(w, |ws: &[T]| Ok(samplewise(v, dims, Some((ws, w.dims())), by))),
            });
            found?
        }
        if double {
            go::<f64>(self, weights, by)
        } else {
            go::<f32>(self, weights, by)
        }
    }
}

/// The sum: a few neighbours in their own type, these in float64, in lanes for vector code.
fn sum<T: host::Real>(values: &[T]) -> f64 {
    const LANES: usize = 64;
    const DEPTH: usize = 8;
    vectorize(
        #[inline(always)]
        || {
            let mut lanes = [0f64; LANES];
            let (blocks, rest) = values.as_chunks::<{ LANES * DEPTH }>();
            for block in blocks {
                let mut own = [T::default(); LANES];
                for chunk in block.as_chunks::<LANES>().0 {
                    for i in 0..LANES {
                        own[i] += chunk[i];
                    }
                }
                for i in 0..LANES {
                    lanes[i] += own[i].f64();
                }
            }
            let (few, rest) = rest.as_chunks::<8>();
            for chunk in few {
                for i in 0..8 {
                    lanes[i] += chunk[i].f64();
                }
            }
            lanes.iter().sum::<f64>() + rest.iter().map(|v| v.f64()).sum::<f64>()
        },
    )
}

/// The sums of several functions of pairs, in float64.
#[inline(always)]
pub(crate) fn pair_sums<T: host::Real, const N: usize>(
    a: &[T],
    b: &[T],
    f: impl Fn(f64, f64) -> [f64; N],
) -> [f64; N] {
    const LANES: usize = 16;
    vectorize(
        #[inline(always)]
        || {
            let mut lanes = [[0f64; LANES]; N];
            let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
            for (a, b) in a.iter().zip(b) {
                for i in 0..LANES {
                    let terms = f(a[i].f64(), b[i].f64());
                    for n in 0..N {
                        lanes[n][i] += terms[n];
                    }
                }
            }
            let mut sums = lanes.map(|lanes| lanes.iter().sum::<f64>());
            for (a, b) in a_rest.iter().zip(b_rest) {
                let terms = f(a.f64(), b.f64());
                sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
            }
            sums
        },
    )
}

/// The weighted sum of values and the sum of weights.
#[derive(Debug)]
pub(crate) struct Running(Slots);

impl Running {
    pub(crate) fn new(dtype: Option<DType>) -> Self {
        Self(Slots::fixed(&["total", "count"], &[], dtype))
    }

    pub(crate) fn add(&self, values: &impl Samples, weights: Option<&Tensor>) -> Result<()> {
        let double = self.0.variables[0].dtype() == DType::F64;
        let (total, count) = values.totals(weights, double, Samplewise::Mean)?;
        self.add_totals(total, count)
    }

    pub(crate) fn add_totals(&self, total: f64, count: f64) -> Result<()> {
        self.0.add(&[&[total], &[count]])
    }

    pub(crate) fn mean(&self) -> Result<f64> {
        let [total, count] = self.0.read()?;
        Ok(ratio(total[0], count[0]))
    }
}

impl State for Running {
    fn slots(&self) -> &[Slots] {
        self.0.slots()
    }

    fn slots_mut(&mut self) -> &mut [Slots] {
        self.0.slots_mut()
    }
}
