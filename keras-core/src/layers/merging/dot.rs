//! Products of two inputs, sample by sample.

use keras_ops::{self as ops, Tensor};
use serde_json::Value;

use crate::config::IntoValue;
use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{base_accessors, cast_input, common_methods, layer_entry};
use crate::shape::{self, Dims};
use crate::{Config, Registry, Result, bail};

/// The sum of products of two inputs over one axis of each, for every sample.
///
/// # Shapes
/// The first input's shape without its axis, then the second's without the batch and its axis. If only the batch is left,
/// an axis of size 1 is added.
///
/// # Errors
/// When there are not two inputs, one has no axis but the batch, an axis is the batch or out of range, or their sizes
/// differ.
///
/// # Examples
/// ```
/// use keras_core::{Apply, Layer, input, layer::Call, layers::Dot};
/// use keras_ops::{Device, Tensor};
/// let (a, b) = (input([3, 5]), input([10, 3]));
/// assert_eq!(Dot::new([1, 2]).apply([&a, &b])?.shape(), [None, Some(5), Some(10)]);
/// let x = Tensor::new(&[[3f32, 4.]], &Device::Cpu)?;
/// let y = Tensor::new(&[[0f32, 2.]], &Device::Cpu)?;
/// let cosine = Dot::new(-1).normalize(true).call(&[x, y], &mut Call::new(false))?.0[0].to_vec2::<f32>()?;
/// assert!((cosine[0][0] - 0.8).abs() < 1e-6);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Dot {
    base: LayerBase,
    axes: DotAxes,
    normalize: bool,
}

/// One axis for both inputs, or one for each; negative ones count from the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DotAxes([i64; 2], bool);

impl From<i64> for DotAxes {
    fn from(both: i64) -> Self {
        Self([both, both], false)
    }
}

impl From<[i64; 2]> for DotAxes {
    fn from(axes: [i64; 2]) -> Self {
        Self(axes, true)
    }
}

impl From<(i64, i64)> for DotAxes {
    fn from(axes: (i64, i64)) -> Self {
        Self([axes.0, axes.1], true)
    }
}

common_methods!(Dot);
layer_entry!(Dot, "sums of products of two inputs over an axis");

impl Dot {
    /// Over one axis of each input.
    pub fn new(axes: impl Into<DotAxes>) -> Self {
        Self {
            base: LayerBase::default(),
            axes: axes.into(),
            normalize: false,
        }
    }

    /// Whether to scale both inputs to length 1 along the axis first: the result is the cosine between them.
    #[must_use]
    pub fn normalize(mut self, normalize: bool) -> Self {
        self.normalize = normalize;
        self
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("Dot");
        let base = LayerBase::from_reader(&mut reader)?;
        let axes = match reader.raw("axes") {
            Some(Value::Array(_)) => reader.req::<[i64; 2]>("axes")?.into(),
            _ => reader.req::<i64>("axes")?.into(),
        };
        let normalize = reader.or("normalize", false)?;
        reader.finish()?;
        Ok(Self {
            base,
            axes,
            normalize,
        })
    }

    /// The axes counted from the front.
    fn places(&self, ranks: [usize; 2]) -> Result<[usize; 2]> {
        let mut places = [0; 2];
        for ((place, rank), axis) in places.iter_mut().zip(ranks).zip(self.axes.0) {
            let from_front = if axis < 0 { axis + rank as i64 } else { axis };
            *place = match usize::try_from(from_front) {
                Ok(0) => bail!(
                    "Dot: `axes` {:?} names the batch axis; the product is made for each sample, over another axis",
                    self.axes.0
                ),
                Ok(place) if place < rank => place,
                _ => bail!("Dot: axis {axis} is out of range for an input of rank {rank}"),
            };
        }
        Ok(places)
    }
}

impl Layer for Dot {
    base_accessors!();

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        let [a, b] = inputs else {
            bail!("Dot: expected exactly 2 inputs, got {}", inputs.len())
        };
        if a.len() < 2 || b.len() < 2 {
            bail!(
                "Dot: expected inputs of rank 2 or more, got {} and {}",
                shape::show(a),
                shape::show(b)
            );
        }
        let [i, j] = self.places([a.len(), b.len()])?;
        if a[i].zip(b[j]).is_some_and(|(a, b)| a != b) {
            bail!(
                "Dot: the sizes of axis {i} of {} and axis {j} of {} differ",
                shape::show(a),
                shape::show(b)
            );
        }
        if a[0].zip(b[0]).is_some_and(|(a, b)| a != b) {
            bail!(
                "Dot: the inputs have different batch sizes: {} and {}",
                shape::show(a),
                shape::show(b)
            );
        }
        let kept = |dims: &Dims, axis: usize, from: usize| -> Dims {
            (from..dims.len())
                .filter(|k| *k != axis)
                .map(|k| dims[k])
                .collect()
        };
        let mut output = [kept(a, i, 0), kept(b, j, 1)].concat();
        output[0] = a[0].or(b[0]);
        if output.len() == 1 {
            output.push(Some(1));
        }
        Ok(vec![output])
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let [a, b] = inputs else {
            bail!("Dot: expected exactly 2 inputs, got {}", inputs.len())
        };
        let places = self.places([a.rank(), b.rank()])?;
        let side = |x: &Tensor, axis: usize| {
            let x = cast_input(&self.base, x)?;
            Ok::<_, crate::Error>(match self.normalize {
                true => ops::normalize(&x, axis as i64, 2, ops::EPSILON)?,
                false => x,
            })
        };
        let (a, b) = (side(a, places[0])?, side(b, places[1])?);
        // The batch is `a`, the summed axis `b`.
        let mut letters = 'c'..='z';
        let mut named = |rank: usize, place: usize| -> Option<String> {
            let letter = |axis| match axis {
                0 => Some('a'),
                axis if axis == place => Some('b'),
                _ => letters.next(),
            };
            (0..rank).map(letter).collect()
        };
        let sides = named(a.rank(), places[0]).zip(named(b.rank(), places[1]));
        let Some((left, right)) = sides else {
            bail!(
                "Dot: the inputs have too many axes, {} and {}",
                a.rank(),
                b.rank()
            )
        };
        let kept: String = left
            .chars()
            .chain(right.chars().skip(1))
            .filter(|c| *c != 'b')
            .collect();
        let y = ops::einsum(&format!("{left},{right}->{kept}"), &[&a, &b])?;
        Ok(match y.rank() {
            1 => ops::expand_dims(&y, 1)?,
            _ => y,
        }
        .into())
    }

    /// No mask goes on, as in Keras.
    fn compute_mask(&self, _inputs: &[Tensor], _masks: &[Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![None])
    }

    fn config(&self) -> Config {
        let axes = match self.axes {
            DotAxes(both, true) => both.into_value(),
            DotAxes([one, _], false) => one.into_value(),
        };
        Config::new().with("axes", axes).with("normalize", self.normalize)
    }
}
