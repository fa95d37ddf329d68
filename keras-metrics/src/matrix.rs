//! Which class was predicted for which: the state of metrics about the decisions among several classes.

use keras_core::ops::{DType, Tensor, host};
use keras_core::weighting::squeeze_or_expand_to_same_rank;
use keras_core::{Result, bail};

use crate::labels::{largest, numbers};
use crate::state::{Slots, State};
use crate::weights::Weights;

/// How decisions are read from targets and predictions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decide {
    pub(crate) num_classes: Option<usize>,
    pub(crate) ignore_class: Option<i64>,
    pub(crate) sparse_y_pred: bool,
    pub(crate) threshold: f64,
}

/// Targets, what was decided for each, and which of them count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pairs<'a> {
    pub(crate) truth: &'a [i64],
    pub(crate) found: &'a [i64],
    pub(crate) number: usize,
    pub(crate) ignore: Option<i64>,
}

impl Pairs<'_> {
    /// Adds the weight of each pair to its place. Pairs that are no classes are left out; gives the first of them.
    pub(crate) fn count(self, counts: &mut [f64], weight: impl Fn(usize) -> f64) -> Option<usize> {
        let Self {
            truth, found, number, ..
        } = self;
        let (mut unknown, known) = (None, number as u64);
        for (i, (t, p)) in truth.iter().zip(found).enumerate() {
            if Some(*t) == self.ignore {
                continue;
            }
            // Negative numbers are above all classes.
            if (*t as u64) < known && (*p as u64) < known {
                counts[*t as usize * number + *p as usize] += weight(i);
            } else if unknown.is_none() {
                unknown = Some(i);
            }
        }
        unknown
    }
}

/// The weight of samples by class (rows) and decision (columns).
#[derive(Debug)]
pub(crate) struct Matrix {
    slots: Slots,
    weighted: bool,
}

impl Matrix {
    /// Of so many classes; `None` is known at the first batch.
    pub(crate) fn new(num_classes: Option<usize>, dtype: Option<DType>) -> Self {
        let shape = [num_classes, num_classes];
        Self {
            slots: Slots::new(&["confusion_matrix"], &shape, dtype),
            weighted: false,
        }
    }

    pub(crate) fn number(&self) -> usize {
        self.slots.shape().first().copied().unwrap_or(0)
    }

    /// Whether samples had weights.
    pub(crate) fn weighted(&self) -> bool {
        self.weighted
    }

    /// Makes room for the classes that predictions with a last axis of `width` decide among.
    pub(crate) fn build(&mut self, class: &str, decide: Decide, width: usize) -> Result<()> {
        match (decide.num_classes, decide.sparse_y_pred) {
            (None, false) => {
                let number = width.max(2);
                self.slots.build(class, &[number, number])
            }
            _ => Ok(()),
        }
    }

    /// Takes in a batch.
    ///
    /// # Errors
    /// When shapes do not fit or a class number is out of range.
    pub(crate) fn add(
        &mut self,
        class: &str,
        decide: Decide,
        (y_true, y_pred): (&Tensor, &Tensor),
        weights: Option<&Tensor>,
    ) -> Result<()> {
        let (y_pred, width) = if decide.sparse_y_pred {
            (y_pred.clone(), None)
        } else {
            match y_pred.dims() {
                [] => {
                    bail!("{class}: expected `y_pred` of shape [samples, classes] or [samples], got a scalar")
                }
                [_] | [.., 1] => (y_pred.clone(), Some(1)),
                [.., width] => (y_pred.clone(), Some(*width)),
            }
        };
        let (truth, found, dims) = match width {
            Some(width) if width > 1 => {
                let outer = y_pred.dims()[..y_pred.rank() - 1].to_vec();
                let truth = match y_true.dims() {
                    dims if dims == y_pred.dims() => largest(y_true)?,
                    dims if dims == outer || dims.strip_suffix(&[1]) == Some(outer.as_slice()) => {
                        numbers(y_true)?
                    }
                    dims => bail!(
                        "{class}: `y_true` has shape {dims:?}, `y_pred` {:?}; expected one class number for each row, shape \
                         {outer:?}, or one-hot targets of the same shape",
                        y_pred.dims()
                    ),
                };
                (truth, largest(&y_pred)?, outer)
            }
            _ => {
                let (y_true, y_pred) = squeeze_or_expand_to_same_rank(y_true, &y_pred)?;
                if y_true.dims() != y_pred.dims() {
                    bail!(
                        "{class}: `y_true` has shape {:?}, `y_pred` {:?}; they must be the same",
                        y_true.dims(),
                        y_pred.dims()
                    );
                }
                let found = match width {
                    None => numbers(&y_pred)?,
                    Some(_) => host::read(&y_pred, |p: &[f32]| {
                        let above = p.iter().map(|p| i64::from(*p > decide.threshold as f32));
                        Ok(above.collect())
                    })?,
                };
                (numbers(&y_true)?, found, y_true.dims().to_vec())
            }
        };
        let number = match (decide.num_classes, width) {
            (Some(own), Some(width)) if own != width.max(2) => {
                bail!(
                    "{class}: `num_classes` is {own}, but `y_pred` of shape {:?} decides among {}",
                    y_pred.dims(),
                    width.max(2)
                )
            }
            (Some(own), _) => own,
            (None, Some(width)) => width.max(2),
            (None, None) => bail!("{class}: predictions that are class numbers need `num_classes`"),
        };
        self.slots.build(class, &[number, number])?;
        let pairs = Pairs {
            truth: &truth,
            found: &found,
            number,
            ignore: decide.ignore_class,
        };
        let mut counts = vec![0f64; number * number];
        self.weighted |= weights.is_some();
        let unknown = match weights {
            None => pairs.count(&mut counts, |_| 1.),
            Some(weights) => host::read(weights, |w: &[f32]| {
                let weights = Weights::new(class, w, weights.dims(), &dims);
                Ok(weights.map(|w| pairs.count(&mut counts, |i| w.of(i))))
            })??,
        };
        if let Some(i) = unknown {
            match truth[i] {
                t if (0..number as i64).contains(&t) => bail!(
                    "{class}: prediction {i} is {}, which is not among {number} classes",
                    found[i]
                ),
                t => bail!("{class}: target {i} is {t}, which is not among {number} classes"),
            }
        }
        self.slots.add(&[&counts])
    }

    /// The counts, row by row.
    pub(crate) fn read(&self) -> Result<Vec<f64>> {
        let [counts] = self.slots.read()?;
        Ok(counts)
    }

    /// The counts and their sums.
    pub(crate) fn sums(&self) -> Result<Sums> {
        let (counts, n) = (self.read()?, self.number());
        let mut sums = Sums {
            right: vec![0.; n],
            truth: vec![0.; n],
            found: vec![0.; n],
            total: counts.iter().sum(),
        };
        for (i, row) in counts.chunks_exact(n.max(1)).enumerate() {
            sums.right[i] = row[i];
            sums.truth[i] = row.iter().sum();
            sums.found.iter_mut().zip(row).for_each(|(sum, v)| *sum += v);
        }
        Ok(sums)
    }
}

/// By class: how many were decided right, how many there are, how many were decided for it.
#[derive(Debug)]
pub(crate) struct Sums {
    pub(crate) right: Vec<f64>,
    pub(crate) truth: Vec<f64>,
    pub(crate) found: Vec<f64>,
    pub(crate) total: f64,
}

impl State for Matrix {
    fn slots(&self) -> &[Slots] {
        self.slots.slots()
    }

    fn slots_mut(&mut self) -> &mut [Slots] {
        self.slots.slots_mut()
    }

    fn reset(&mut self) -> Result<()> {
        self.weighted = false;
        self.slots.reset()
    }
}

/// Defines a metric about a [`Matrix`]: how decisions are read is the same for all.
macro_rules! matrix_metric {
    (
        $(#[$doc:meta])*
        $class:ident: $name:literal, [$($alias:literal),*], $line:literal, $larger:expr;
        { $( $(#[$arg_doc:meta])* $arg:ident: $type:ty = $default:expr; )* }
        $( valid($metric:ident) $valid:expr; )?
        result($self:ident) $result:block
        { $($items:tt)* }
    ) => {
        metric_class! {
            $(#[$doc])*
            $class: $name, [$($alias),*], $line;
            {
                $( $(#[$arg_doc])* $arg: $type = $default; )*
                /// How many classes; without, as many as the predictions of the first batch decide among.
                num_classes: Option<usize> = None;
                /// Targets of this class are left out.
                ignore_class: Option<i64> = None;
                /// Whether predictions are class numbers instead of scores.
                sparse_y_pred: bool = false;
                /// Above it a prediction of two classes by one number means class 1.
                threshold: f64 = 0.5;
            }
            state(made): $crate::matrix::Matrix = $crate::matrix::Matrix::new(*made.num_classes, made.dtype);
            $( valid($metric) $valid; )?
            build(self, width) {
                let decide = self.decide();
                self.state.build($name, decide, width)
            };
            update(self, y_true, y_pred, weights) {
                let decide = self.decide();
                self.state.add($name, decide, (y_true, y_pred), weights)
            }
            result($self) $result
            {
                fn larger_is_better(&self) -> Option<bool> {
                    $larger
                }

                $($items)*
            }
        }

        impl $class {
            fn decide(&self) -> $crate::matrix::Decide {
                $crate::matrix::Decide {
                    num_classes: self.num_classes,
                    ignore_class: self.ignore_class,
                    sparse_y_pred: self.sparse_y_pred,
                    threshold: self.threshold,
                }
            }
        }
    };
}

pub(crate) use matrix_metric;
