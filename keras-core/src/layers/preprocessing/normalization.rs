//! Features of mean 0 and variance 1.

use keras_ops::{self as ops, DType, Device, IntoAxes, Tensor, host};
use serde_json::Value;

use crate::config::{FromValue, IntoValue, Reader};
use crate::data::IntoArrays;
use crate::layer::{Build, Call, Layer, LayerBase, Outputs, Weight};
use crate::layers::base::{base_accessors, cast_input, common_methods, layer_entry, only, same_shape};
use crate::shape::{self, Dims};
use crate::{Config, Registry, Result, Variable, bail};

const CLASS: &str = "Normalization";

/// Shifts and scales features: `(x - mean) / max(sqrt(variance), 1e-7)`. Mean and variance are given, or learned by
/// [`adapt`](Self::adapt) and kept as weights.
///
/// # Shapes
/// The output has the input's shape. `mean` and `variance` have the sizes of the kept axes; given ones may have
/// fewer axes, which are the last of those, or be one number.
///
/// # Errors
/// When only one of mean and variance is given, a kept axis does not exist or has no known size, or the layer is used
/// before it has learned or is part of a model.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::Normalization};
/// use keras_ops::{Device, Tensor};
/// let mut layer = Normalization::new();
/// layer.adapt(vec![[0f32, 7.], [2., 9.], [0., 7.], [2., 9.]])?;
/// let y = layer.call(&[Tensor::new(&[[0f32, 9.]], &Device::Cpu)?], &mut Call::new(false))?;
/// assert_eq!(y.0[0].to_vec2::<f32>()?, [[-1., 1.]]);
/// let back = Normalization::new().axis([]).mean(3.).variance(4.).invert(true);
/// let y = back.call(&[Tensor::new(&[[0.5f32]], &Device::Cpu)?], &mut Call::new(false))?;
/// assert_eq!(y.0[0].to_vec2::<f32>()?, [[4.]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Normalization {
    base: LayerBase,
    axis: Vec<i64>,
    mean: Option<Moments>,
    variance: Option<Moments>,
    invert: bool,
    learned: Option<Learned>,
    weights: Option<[Variable; 2]>,
}

/// What `adapt` found before there were weights.
#[derive(Debug)]
struct Learned {
    sizes: Vec<usize>,
    mean: Vec<f64>,
    variance: Vec<f64>,
}

/// One number, or numbers along the kept axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    sizes: Vec<usize>,
    values: Vec<f64>,
}

impl From<f64> for Moments {
    fn from(value: f64) -> Self {
        Self {
            sizes: Vec::new(),
            values: vec![value],
        }
    }
}

impl From<Vec<f64>> for Moments {
    fn from(values: Vec<f64>) -> Self {
        Self {
            sizes: vec![values.len()],
            values,
        }
    }
}

impl<const N: usize> From<[f64; N]> for Moments {
    fn from(values: [f64; N]) -> Self {
        values.to_vec().into()
    }
}

impl<const N: usize, const M: usize> From<[[f64; N]; M]> for Moments {
    fn from(rows: [[f64; N]; M]) -> Self {
        Self {
            sizes: vec![M, N],
            values: rows.concat(),
        }
    }
}

impl FromValue for Moments {
    const EXPECTED: &'static str = "a number, or a list of numbers or of such lists of one length";
    fn from_value(value: &Value) -> Option<Self> {
        let Value::Array(items) = value else {
            return f64::from_value(value).map(Self::from);
        };
        let parts: Vec<Self> = items.iter().map(Self::from_value).collect::<Option<_>>()?;
        let inner = parts.first().map(|p| p.sizes.clone()).unwrap_or_default();
        if parts.iter().any(|p| p.sizes != inner) {
            return None;
        }
        let sizes = std::iter::once(items.len()).chain(inner).collect();
        Some(Self {
            sizes,
            values: parts.into_iter().flat_map(|p| p.values).collect(),
        })
    }
}

impl IntoValue for Moments {
    fn into_value(self) -> Value {
        fn nested(sizes: &[usize], values: &[f64]) -> Value {
            match sizes {
                [] => values.first().copied().into_value(),
                [_, inner @ ..] => {
                    let width = inner.iter().product::<usize>().max(1);
                    values.chunks(width).map(|part| nested(inner, part)).collect()
                }
            }
        }
        nested(&self.sizes, &self.values)
    }
}

impl Moments {
    /// Along the last of `kept` axes, each of the size that an input of shape `dims` has there.
    fn spread(&self, name: &str, dims: &[usize], kept: &[usize]) -> Result<Tensor> {
        let mut sizes = vec![1; dims.len()];
        let matched = self.sizes.iter().rev().zip(kept.iter().rev());
        let mut fits = self.sizes.len() <= kept.len();
        for (size, axis) in matched {
            fits &= *size == 1 || *size == dims[*axis];
            sizes[*axis] = *size;
        }
        if !fits {
            let kept: Vec<usize> = kept.iter().map(|axis| dims[*axis]).collect();
            bail!(
                "{CLASS}: `{name}` has shape {:?}, the kept axes of the input have {kept:?}",
                self.sizes
            );
        }
        Ok(Tensor::from_slice(&self.values, sizes, &Device::Cpu)?)
    }
}

common_methods!(Normalization);
layer_entry!(
    Normalization,
    "shifts and scales features to mean 0 and variance 1"
);

impl Default for Normalization {
    fn default() -> Self {
        Self {
            base: LayerBase::default(),
            axis: vec![-1],
            mean: None,
            variance: None,
            invert: false,
            learned: None,
            weights: None,
        }
    }
}

impl Normalization {
    /// Each index of the last axis by itself, with what `adapt` learns.
    pub fn new() -> Self {
        Self::default()
    }

    /// The axes whose indices have a mean and a variance each; none, as `[]`, for one of all elements.
    #[must_use]
    pub fn axis(mut self, axis: impl IntoAxes) -> Self {
        self.axis = axis.axes().to_vec();
        self
    }

    /// The mean, which makes learning it needless. Goes with [`variance`](Self::variance).
    #[must_use]
    pub fn mean(mut self, mean: impl Into<Moments>) -> Self {
        self.mean = Some(mean.into());
        self
    }

    /// The variance. Goes with [`mean`](Self::mean).
    #[must_use]
    pub fn variance(mut self, variance: impl Into<Moments>) -> Self {
        self.variance = Some(variance.into());
        self
    }

    /// Whether to turn normalised values back: `x * sqrt(variance) + mean`.
    #[must_use]
    pub fn invert(mut self, invert: bool) -> Self {
        self.invert = invert;
        self
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader(CLASS);
        let base = LayerBase::from_reader(&mut reader)?;
        let axis = match read_axes(&mut reader)? {
            None if reader.is_null("axis") => Vec::new(),
            axis => axis.unwrap_or(vec![-1]),
        };
        let layer = Self {
            base,
            axis,
            mean: reader.opt("mean")?,
            variance: reader.opt("variance")?,
            invert: reader.or("invert", false)?,
            ..Self::default()
        };
        reader.finish()?;
        layer.check()?;
        Ok(layer)
    }

    fn check(&self) -> Result<()> {
        match (&self.mean, &self.variance) {
            (None, None) => Ok(()),
            (Some(mean), Some(variance)) if mean.sizes != variance.sizes => bail!(
                "{CLASS}: `mean` and `variance` must have one shape, got {:?} and {:?}",
                mean.sizes,
                variance.sizes
            ),
            (Some(mean), Some(_)) if mean.sizes.len() > self.axis.len() => bail!(
                "{CLASS}: `mean` has {} axes, {:?}, but `axis` names {} only",
                mean.sizes.len(),
                mean.sizes,
                self.axis.len()
            ),
            (Some(_), Some(_)) => Ok(()),
            _ => bail!("{CLASS}: give both `mean` and `variance`, or none of them and call `adapt`"),
        }
    }

    /// The kept axes of an input of this rank, in order.
    fn kept(&self, rank: usize) -> Result<Vec<usize>> {
        let axis = |a: &i64| {
            let at = if *a < 0 { a + rank as i64 } else { *a };
            usize::try_from(at).ok().filter(|at| *at < rank)
        };
        let Some(mut kept) = self.axis.iter().map(axis).collect::<Option<Vec<usize>>>() else {
            bail!(
                "{CLASS}: `axis` {:?} must lie within the {rank} axes of the input",
                self.axis
            );
        };
        kept.sort_unstable();
        kept.dedup();
        Ok(kept)
    }

    /// The sizes of the kept axes.
    fn sizes(&self, dims: &[Option<usize>]) -> Result<Vec<usize>> {
        let kept = self.kept(dims.len())?;
        match kept.iter().map(|axis| dims[*axis]).collect() {
            Some(sizes) => Ok(sizes),
            None => bail!(
                "{CLASS}: the axes {:?} must have a known size, the input has shape {}",
                self.axis,
                shape::show(dims)
            ),
        }
    }

    /// Learns mean and variance from `data`, all of it at once.
    ///
    /// # Errors
    /// When they were given, or the data do not fit those the layer was built for.
    pub fn adapt(&mut self, data: impl IntoArrays) -> Result<()> {
        self.adapt_batches([data])
    }

    /// Learns mean and variance from one batch after the other.
    ///
    /// # Errors
    /// As [`adapt`](Self::adapt), and when there is no batch or their kept axes differ.
    pub fn adapt_batches<A: IntoArrays>(&mut self, batches: impl IntoIterator<Item = A>) -> Result<()> {
        self.check()?;
        if self.mean.is_some() {
            bail!("{CLASS}: mean and variance were given, so there is nothing to adapt; leave them out");
        }
        let mut so_far: Option<(Learned, f64)> = None;
        for batch in batches {
            for (_, x) in batch.into_arrays()?.0 {
                let (found, count) = self.moments_of(&x)?;
                so_far = Some(match so_far {
                    None => (found, count),
                    Some((before, seen)) => (before.joined(found, count / (seen + count))?, seen + count),
                });
            }
        }
        let Some((learned, _)) = so_far else {
            bail!("{CLASS}: `adapt` needs data, got no batch");
        };
        match &self.weights {
            Some([mean, variance]) => {
                if mean.shape() != learned.sizes {
                    bail!(
                        "{CLASS}: the layer was built for kept axes of sizes {:?}, the data have {:?}",
                        mean.shape(),
                        learned.sizes
                    );
                }
                mean.assign(&learned.tensor(&learned.mean)?)?;
                variance.assign(&learned.tensor(&learned.variance)?)?;
            }
            None => self.learned = Some(learned),
        }
        Ok(())
    }

    /// Mean and variance of a batch, and how many values each is made of.
    fn moments_of(&self, x: &Tensor) -> Result<(Learned, f64)> {
        let kept = self.kept(x.rank())?;
        let sizes: Vec<usize> = kept.iter().map(|axis| x.dims()[*axis]).collect();
        let others: Vec<i64> = (0..x.rank())
            .filter(|a| !kept.contains(a))
            .map(|a| a as i64)
            .collect();
        let dtype = if x.dtype() == DType::F64 {
            DType::F64
        } else {
            DType::F32
        };
        let x = ops::cast(&x.detach(), dtype)?;
        let values = |t: Tensor| host::read(&t, |v: &[f64]| Ok(v.to_vec()));
        let (mean, variance) = match others.is_empty() {
            // Each value is its own mean.
            true => (values(x.clone())?, vec![0.; x.elem_count()]),
            false => (
                values(ops::mean(&x, Some(&others), false)?)?,
                values(ops::variance(&x, Some(&others), false)?)?,
            ),
        };
        let count = x.elem_count() / sizes.iter().product::<usize>().max(1);
        Ok((
            Learned {
                sizes,
                mean,
                variance,
            },
            count as f64,
        ))
    }

    /// Mean and variance in the dtype of `x` and in a shape that broadcasts to it.
    fn moments(&self, x: &Tensor) -> Result<[Tensor; 2]> {
        self.check()?;
        let kept = self.kept(x.rank())?;
        let placed = |t: Tensor| -> Result<Tensor> {
            let mut dims = vec![1; x.rank()];
            kept.iter().for_each(|axis| dims[*axis] = x.dims()[*axis] as i64);
            if t.elem_count() as i64 != dims.iter().product::<i64>() {
                bail!(
                    "{CLASS}: it was built for kept axes of sizes {:?}, got {:?}",
                    t.dims(),
                    x.dims()
                );
            }
            Ok(ops::reshape(&t, &dims)?)
        };
        let found = match (&self.mean, &self.variance, &self.weights, &self.learned) {
            (Some(mean), Some(variance), _, _) => [
                mean.spread("mean", x.dims(), &kept)?,
                variance.spread("variance", x.dims(), &kept)?,
            ],
            (_, _, Some([mean, variance]), _) => [placed(mean.value())?, placed(variance.value())?],
            (_, _, _, Some(learned)) => [
                placed(learned.tensor(&learned.mean)?)?,
                placed(learned.tensor(&learned.variance)?)?,
            ],
            _ => {
                bail!("{CLASS}: it knows no mean and variance: give them, call `adapt`, or put it in a model")
            }
        };
        let [mean, variance] = found;
        let ready = |t: &Tensor| ops::cast(&t.to_device(x.device())?, x.dtype());
        Ok([ready(&mean)?, ready(&variance)?])
    }
}

impl Learned {
    fn tensor(&self, values: &[f64]) -> Result<Tensor> {
        Ok(Tensor::from_slice(values, self.sizes.as_slice(), &Device::Cpu)?)
    }

    /// With another part of the data, which has a share `weight` of both.
    fn joined(self, other: Self, weight: f64) -> Result<Self> {
        if self.sizes != other.sizes {
            bail!(
                "{CLASS}: a batch has kept axes of sizes {:?}, those before {:?}",
                other.sizes,
                self.sizes
            );
        }
        let mixed = |a: f64, b: f64| a * (1. - weight) + b * weight;
        let pairs = || self.mean.iter().zip(&other.mean);
        let mean: Vec<f64> = pairs().map(|(a, b)| mixed(*a, *b)).collect();
        let apart = pairs()
            .zip(&mean)
            .map(|((a, b), m)| ((a - m).powi(2), (b - m).powi(2)));
        let variance = self.variance.iter().zip(&other.variance).zip(apart);
        let variance = variance.map(|((a, b), (da, db))| mixed(a + da, b + db)).collect();
        Ok(Self {
            sizes: self.sizes,
            mean,
            variance,
        })
    }
}

/// One axis or a list of them.
fn read_axes(reader: &mut Reader<'_>) -> Result<Option<Vec<i64>>> {
    match reader.raw("axis") {
        Some(Value::Array(_)) => Ok(Some(reader.req("axis")?)),
        Some(_) => Ok(Some(vec![reader.req("axis")?])),
        None => Ok(None),
    }
}

impl Layer for Normalization {
    base_accessors!();

    fn supports_masking(&self) -> bool {
        true
    }

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        self.compute_output_shape(inputs)?;
        if self.mean.is_some() {
            return Ok(());
        }
        let sizes = self.sizes(only(CLASS, inputs)?)?;
        let weight = |name| Weight::new(name, &sizes).non_trainable();
        let mean = self.base.add_weight(weight("mean"), cx)?;
        let variance = self.base.add_weight(weight("variance").initializer("ones"), cx)?;
        let count = Weight::new("count", &[]).non_trainable().dtype(DType::I32);
        self.base.add_weight(count, cx)?;
        if let Some(learned) = self.learned.take() {
            if learned.sizes != sizes {
                bail!(
                    "{CLASS}: it adapted to kept axes of sizes {:?}, the input has {sizes:?}",
                    learned.sizes
                );
            }
            mean.assign(&learned.tensor(&learned.mean)?)?;
            variance.assign(&learned.tensor(&learned.variance)?)?;
        }
        self.weights = Some([mean, variance]);
        Ok(())
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.check()?;
        self.sizes(only(CLASS, inputs)?)?;
        same_shape(CLASS, inputs)
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let x = cast_input(&self.base, only(CLASS, inputs)?)?;
        let [mean, variance] = self.moments(&x)?;
        let deviation = ops::sqrt(&variance)?;
        let deviation = ops::maximum(&deviation, &ops::full_like(&deviation, ops::EPSILON)?)?;
        let y = match self.invert {
            true => ops::add(&mean, &ops::multiply(&x, &deviation)?)?,
            false => ops::divide(&ops::subtract(&x, &mean)?, &deviation)?,
        };
        Ok(y.into())
    }

    fn config(&self) -> Config {
        Config::new()
            .with("axis", self.axis.as_slice())
            .with("invert", self.invert)
            .with("mean", self.mean.clone())
            .with("variance", self.variance.clone())
    }
}
