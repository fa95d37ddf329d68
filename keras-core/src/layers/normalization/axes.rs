//! The axes that a layer normalises over.

use keras_ops::{self as ops, IntoAxes, Tensor};
use serde_json::Value;

use crate::arg::Arg;
use crate::config::{IntoValue, Reader};
use crate::layers::base::{axis_of, known_size};
use crate::{Result, bail};

/// One axis or several, as given.
#[derive(Clone, Debug)]
pub(super) struct Axes {
    axes: Vec<i64>,
    /// Whether they were given as a list.
    list: bool,
}

impl Axes {
    pub(super) fn new(axes: impl IntoAxes) -> Self {
        let axes = axes.axes().to_vec();
        let list = axes.len() != 1;
        Self { axes, list }
    }

    /// `axis`, a number or a list; the last one unless given.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let list = reader.raw("axis").is_some_and(Value::is_array);
        let axes = Arg::read(reader, "axis", vec![-1])?;
        Ok(Self { axes, list })
    }

    /// As it was given.
    pub(super) fn value(&self) -> Value {
        match self.axes.as_slice() {
            [one] if !self.list => one.into_value(),
            _ => self.list_value(),
        }
    }

    /// As a list in any case.
    pub(super) fn list_value(&self) -> Value {
        self.axes.as_slice().into_value()
    }

    pub(super) fn as_slice(&self) -> &[i64] {
        &self.axes
    }

    /// Their places in an input of this shape, in the order that Keras sorts them: by the numbers given, so that
    /// negative ones come first.
    pub(super) fn places(&self, class_name: &str, input: &[Option<usize>]) -> Result<Vec<usize>> {
        let mut axes = self.axes.clone();
        axes.sort_unstable();
        let places = axes.iter().map(|axis| axis_of(class_name, *axis, input));
        let places = places.collect::<Result<Vec<usize>>>()?;
        let mut sorted = places.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() < places.len() || places.is_empty() {
            bail!(
                "{class_name}: `axis` must name one axis or more, each once, got {:?}",
                self.axes
            );
        }
        Ok(places)
    }

    /// Their sizes in an input of this shape: the shape of a weight over them.
    pub(super) fn sizes(&self, class_name: &str, input: &[Option<usize>]) -> Result<Vec<usize>> {
        let places = self.places(class_name, input)?.into_iter();
        places
            .map(|axis| known_size(class_name, input, axis, "normalised"))
            .collect()
    }

    /// A weight over them as operations take it, the axes in the input's order. Like Keras, this gives the same
    /// elements another shape and does not move them.
    pub(super) fn in_order(&self, weight: Option<Tensor>, x: &Tensor) -> Result<Option<Tensor>> {
        let Some(weight) = weight else { return Ok(None) };
        let rank = x.rank() as i64;
        let mut places: Vec<i64> = self.axes.iter().map(|a| (a + rank) % rank.max(1)).collect();
        places.sort_unstable();
        let sizes: Vec<i64> = places
            .iter()
            .filter_map(|axis| x.dims().get(*axis as usize).map(|n| *n as i64))
            .collect();
        let same = weight
            .dims()
            .iter()
            .copied()
            .eq(sizes.iter().map(|n| *n as usize));
        match same {
            true => Ok(Some(weight)),
            false => Ok(Some(ops::reshape(&weight, &sizes)?)),
        }
    }
}
