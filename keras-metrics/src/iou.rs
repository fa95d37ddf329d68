//! Intersection over union of classes.

use keras_core::ops::{DType, Tensor, host};
use keras_core::{Result, Variable, bail};

use crate::class::metric_class;
use crate::labels::argmax;
use crate::state::{add, read, vector, zeros};

const EPSILON: f64 = 1e-7;

/// Class numbers from a tensor that holds them, or their scores along the last axis.
fn classes(name: &str, x: &Tensor, sparse: bool, axis: i64) -> Result<Vec<i64>> {
    if sparse {
        return Ok(host::read(x, |v: &[f64]| {
            Ok(v.iter().map(|v| *v as i64).collect())
        })?);
    }
    let rank = x.rank() as i64;
    let at = if axis < 0 { axis + rank } else { axis };
    if !(0..rank).contains(&at) {
        bail!("{name}: axis {axis} is out of range for shape {:?}", x.dims());
    }
    let order: Vec<usize> = (0..rank as usize)
        .filter(|i| *i as i64 != at)
        .chain([at as usize])
        .collect();
    let width = x.dims()[at as usize].max(1);
    let rows = x.detach().permute(order)?;
    Ok(host::read(&rows, |v: &[f32]| {
        Ok(v.chunks_exact(width).map(|row| argmax(row) as i64).collect())
    })?)
}

/// Adds the confusions of a batch to the matrix. Weights count as whole numbers when the dtype is one, as in Keras.
fn tally(
    name: &str,
    matrix: &Variable,
    (number, ignore, dtype): (usize, Option<i64>, Option<DType>),
    (truth, found): (&[i64], &[i64]),
    (samples, weights): (usize, Option<&Tensor>),
) -> Result<()> {
    if truth.len() != found.len() {
        bail!(
            "{name}: got {} targets and {} predictions",
            truth.len(),
            found.len()
        );
    }
    let whole = !dtype.is_some_and(|d| d.is_float());
    let weights: Vec<f64> = match weights {
        None => vec![1.],
        Some(w) => host::read(w, |w: &[f64]| {
            Ok(w.iter().map(|w| if whole { w.trunc() } else { *w }).collect())
        })?,
    };
    // One number a target, a sample, or for all.
    let each = match weights.len() {
        1 => truth.len().max(1),
        n if n == truth.len() => 1,
        n if n == samples && truth.len().is_multiple_of(n.max(1)) => truth.len() / n,
        n => bail!(
            "{name}: expected one weight for each of {} targets or {samples} samples, got {n}",
            truth.len()
        ),
    };
    let mut counts = vec![0f64; number * number];
    let known = 0..number as i64;
    for (i, (t, p)) in truth.iter().zip(found).enumerate() {
        if known.contains(t) && known.contains(p) && Some(*t) != ignore {
            counts[*t as usize * number + *p as usize] += weights[i / each];
        }
    }
    add(matrix, &counts)
}

/// The mean over the classes of `targets` that occur.
fn mean_iou(matrix: &Variable, number: usize, targets: &[usize]) -> Result<Tensor> {
    let matrix = read(matrix)?;
    let (mut total, mut valid) = (0., 0.);
    for &class in targets {
        let row: f64 = matrix[class * number..(class + 1) * number].iter().sum();
        let column: f64 = (0..number).map(|i| matrix[i * number + class]).sum();
        let both = matrix[class * number + class];
        let union = row + column - both;
        if union > 1e-9 {
            total += both / (union + EPSILON);
            valid += 1.;
        }
    }
    vector(vec![total / (valid + EPSILON)], &[], None)
}

fn check(class: &str, number: usize, targets: &[usize]) -> Result<()> {
    if let Some(wrong) = targets.iter().find(|t| **t >= number) {
        bail!("{class}: target class {wrong} is out of range for {number} classes");
    }
    Ok(())
}

macro_rules! iou_metrics {
    ($(
        $(#[$doc:meta])*
        $class:ident: $name:literal, $line:literal,
        { $($(#[$arg_doc:meta])* $arg:ident: $type:ty = $default:expr;)* }, $($required:ident)?;
        |$metric:ident| number $number:expr, targets $targets:expr, ignore $ignore:expr,
        true $truth:expr, pred $found:expr;
    )*) => { $(
        metric_class! {
            $(#[$doc])*
            $class: $name, [$name], $line;
            { $($(#[$arg_doc])* $arg: $type = $default;)* }
            state($metric): Variable = {
                let number: usize = $number;
                zeros("total_confusion_matrix", &[number, number], $metric.dtype)
            };
            $( required $required; )?
            valid($metric) check(stringify!($class), $number, &$targets);
            {
                fn variables(&self) -> Vec<Variable> {
                    vec![self.state.clone()]
                }

                fn update_state(&mut self, y_true: &Tensor, y_pred: &Tensor, weights: Option<&Tensor>) -> Result<()> {
                    let $metric = &*self;
                    let truth = $truth($metric, y_true)?;
                    let found = $found($metric, y_pred)?;
                    let samples = y_true.dims().first().copied().unwrap_or(1);
                    tally($name, &self.state, ($number, $ignore, self.dtype), (&truth, &found), (samples, weights))
                }

                fn result(&self) -> Result<Tensor> {
                    let $metric = self;
                    mean_iou(&self.state, $number, &$targets)
                }

                fn larger_is_better(&self) -> Option<bool> {
                    Some(true)
                }
            }
        }
    )* };
}

fn numbers(x: &Tensor) -> Result<Vec<i64>> {
    classes("iou", x, true, -1)
}

fn all(number: usize) -> Vec<usize> {
    (0..number).collect()
}

iou_metrics! {
    /// `intersection / union`, averaged over some classes: `tp / (tp + fp + fn)` of each.
    ///
    /// # Shapes
    /// Class numbers of one shape, or scores along `axis`.
    IoU: "io_u", "Intersection over union of some classes.", {
        /// How many classes.
        num_classes: usize = 2;
        /// The classes that count.
        target_class_ids: Vec<usize> = Vec::new();
        /// Targets of this class are left out.
        ignore_class: Option<i64> = None;
        /// Whether targets are class numbers.
        sparse_y_true: bool = true;
        /// Whether predictions are class numbers.
        sparse_y_pred: bool = true;
        /// The axis of scores.
        axis: i64 = -1;
    }, num_classes;
    |metric| number metric.num_classes.to_owned(), targets metric.target_class_ids, ignore metric.ignore_class,
        true |m: &IoU, y: &Tensor| classes("iou", y, m.sparse_y_true, m.axis),
        pred |m: &IoU, y: &Tensor| classes("iou", y, m.sparse_y_pred, m.axis);
    /// [`IoU`] averaged over all classes.
    ///
    /// # Shapes
    /// Class numbers of one shape, or scores along `axis`.
    MeanIoU: "mean_io_u", "Intersection over union of all classes.", {
        /// How many classes.
        num_classes: usize = 2;
        /// Targets of this class are left out.
        ignore_class: Option<i64> = None;
        /// Whether targets are class numbers.
        sparse_y_true: bool = true;
        /// Whether predictions are class numbers.
        sparse_y_pred: bool = true;
        /// The axis of scores.
        axis: i64 = -1;
    }, num_classes;
    |metric| number metric.num_classes.to_owned(), targets all(metric.num_classes), ignore metric.ignore_class,
        true |m: &MeanIoU, y: &Tensor| classes("mean_iou", y, m.sparse_y_true, m.axis),
        pred |m: &MeanIoU, y: &Tensor| classes("mean_iou", y, m.sparse_y_pred, m.axis);
    /// [`IoU`] of yes/no predictions.
    ///
    /// # Shapes
    /// Targets 0 or 1 and probabilities of one shape.
    BinaryIoU: "binary_io_u", "Intersection over union of yes/no predictions.", {
        /// The classes that count.
        target_class_ids: Vec<usize> = vec![0, 1];
        /// From it on a prediction means 1.
        threshold: f64 = 0.5;
    }, ;
    |metric| number { let _ = &metric; 2 }, targets metric.target_class_ids, ignore None,
        true |_: &BinaryIoU, y: &Tensor| numbers(y),
        pred |m: &BinaryIoU, y: &Tensor| above(y, m.threshold);
    /// [`IoU`] of one-hot targets.
    ///
    /// # Shapes
    /// `[.., classes]` twice.
    OneHotIoU: "one_hot_io_u", "Intersection over union of some classes, one-hot.", {
        /// How many classes.
        num_classes: usize = 2;
        /// The classes that count.
        target_class_ids: Vec<usize> = Vec::new();
        /// Targets of this class are left out.
        ignore_class: Option<i64> = None;
        /// Whether predictions are class numbers.
        sparse_y_pred: bool = false;
        /// The axis of scores.
        axis: i64 = -1;
    }, num_classes;
    |metric| number metric.num_classes.to_owned(), targets metric.target_class_ids, ignore metric.ignore_class,
        true |m: &OneHotIoU, y: &Tensor| classes("one_hot_iou", y, false, m.axis),
        pred |m: &OneHotIoU, y: &Tensor| classes("one_hot_iou", y, m.sparse_y_pred, m.axis);
    /// [`MeanIoU`] of one-hot targets.
    ///
    /// # Shapes
    /// `[.., classes]` twice.
    OneHotMeanIoU: "one_hot_mean_io_u", "Intersection over union of all classes, one-hot.", {
        /// How many classes.
        num_classes: usize = 2;
        /// Targets of this class are left out.
        ignore_class: Option<i64> = None;
        /// Whether predictions are class numbers.
        sparse_y_pred: bool = false;
        /// The axis of scores.
        axis: i64 = -1;
    }, num_classes;
    |metric| number metric.num_classes.to_owned(), targets all(metric.num_classes), ignore metric.ignore_class,
        true |m: &OneHotMeanIoU, y: &Tensor| classes("one_hot_mean_iou", y, false, m.axis),
        pred |m: &OneHotMeanIoU, y: &Tensor| classes("one_hot_mean_iou", y, m.sparse_y_pred, m.axis);
}

fn above(y_pred: &Tensor, threshold: f64) -> Result<Vec<i64>> {
    Ok(host::read(y_pred, |p: &[f32]| {
        Ok(p.iter().map(|p| (*p >= threshold as f32) as i64).collect())
    })?)
}
