//! Intersection over union of classes.

use keras_core::ops::{DType, EPSILON, Tensor, host};
use keras_core::{Result, bail};

use crate::class::metric_class;
use crate::labels::largest;
use crate::matrix::Pairs;
use crate::state::{Slots, vector};
use crate::weights::Weights;

/// Class numbers from a tensor that holds them, or their scores along `axis`.
fn classes(name: &str, x: &Tensor, sparse: bool, axis: i64) -> Result<Vec<i64>> {
    if sparse {
        return Ok(match x.dtype() {
            DType::F32 => host::read(x, |v: &[f32]| Ok(v.iter().map(|v| *v as i64).collect())),
            dtype if dtype.is_float() => host::read(x, |v: &[f64]| Ok(v.iter().map(|v| *v as i64).collect())),
            _ => host::read(x, |v: &[i64]| Ok(v.to_vec())),
        }?);
    }
    let rank = x.rank() as i64;
    let at = if axis < 0 { axis + rank } else { axis };
    if !(0..rank).contains(&at) {
        bail!("{name}: `axis` {axis} is out of range for shape {:?}", x.dims());
    }
    let others = (0..x.rank()).filter(|i| *i as i64 != at);
    let order: Vec<usize> = others.chain([at as usize]).collect();
    largest(&x.detach().permute(order)?)
}

/// Adds the confusions of a batch to the matrix. Weights count as whole numbers when the dtype is one, as in Keras.
fn tally(
    name: &str,
    matrix: &Slots,
    (number, ignore, dtype): (usize, Option<i64>, Option<DType>),
    (truth, found): (&[i64], &[i64]),
    (dims, weights): (&[usize], Option<&Tensor>),
) -> Result<()> {
    if truth.len() != found.len() {
        bail!(
            "{name}: got {} targets and {} predictions; there must be one for each",
            truth.len(),
            found.len()
        );
    }
    let whole = !dtype.is_some_and(|d| d.is_float());
    let pairs = Pairs {
        truth,
        found,
        number,
        ignore,
    };
    let mut counts = vec![0f64; number * number];
    match weights {
        None => {
            pairs.count(&mut counts, |_| 1.);
        }
        Some(weights) => host::read(weights, |w: &[f32]| {
            // One number a target whatever the shape, as in Keras; one a sample, or for all.
            let (own, of) = match w.len() == truth.len() {
                true => (std::slice::from_ref(&w.len()).to_vec(), vec![truth.len()]),
                false => (weights.dims().to_vec(), dims.to_vec()),
            };
            let weights = Weights::new(name, w, &own, &of);
            Ok(weights.map(|w| {
                let weight = |i| if whole { w.of(i).trunc() } else { w.of(i) };
                pairs.count(&mut counts, weight);
            }))
        })??,
    }
    matrix.add(&[&counts])
}

/// The mean over the classes of `targets` that occur.
fn mean_iou(matrix: &Slots, number: usize, targets: &[usize]) -> Result<Tensor> {
    let [matrix] = matrix.read()?;
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
    vector(vec![total / (valid + EPSILON)], &[], Some(DType::F32))
}

fn check(class: &str, number: usize, targets: &[usize]) -> Result<()> {
    if number == 0 {
        bail!("{class}: `num_classes` must be 1 or more, got 0");
    }
    if let Some(wrong) = targets.iter().find(|t| **t >= number) {
        bail!(
            "{class}: class {wrong} of `target_class_ids` is out of range: with `num_classes` {number}, they go from 0 to {}",
            number.saturating_sub(1)
        );
    }
    if targets.is_empty() {
        bail!("{class}: `target_class_ids` is empty; name the classes that count");
    }
    Ok(())
}

macro_rules! iou_metrics {
    ($(
        $(#[$doc:meta])*
        $class:ident: $name:literal, $alias:literal, $line:literal,
        { $($(#[$arg_doc:meta])* $arg:ident: $type:ty = $default:expr;)* }, [$($required:ident),*];
        |$metric:ident| number $number:expr, targets $targets:expr, ignore $ignore:expr,
        true $truth:expr, pred $found:expr;
    )*) => { $(
        metric_class! {
            $(#[$doc])*
            ///
            /// Weights count as whole numbers unless the metric's dtype is a float, as in Keras: 0.9 counts as 0. Class
            /// numbers out of range are left out. 0 where no class occurs.
            ///
            /// Differs from Keras: weights `[batch]` of targets with more axes weigh whole samples, where Keras fails.
            ///
            /// # Errors
            /// When there is not one prediction for each target, a target class is out of range, or the sample weights do
            /// not fit.
            $class: $name, [$name, $alias], $line;
            { $($(#[$arg_doc])* $arg: $type = $default;)* }
            state($metric): Slots = {
                let number: usize = $number;
                Slots::fixed(&["total_confusion_matrix"], &[number, number], $metric.dtype)
            };
            $( required $required; )*
            valid($metric) check(stringify!($class), $number, &$targets);
            update(self, y_true, y_pred, weights) {
                let $metric = &*self;
                let truth = $truth($metric, y_true)?;
                let found = $found($metric, y_pred)?;
                let options = ($number, $ignore, self.dtype);
                tally($name, &self.state, options, (&truth, &found), (y_true.dims(), weights))
            }
            result(self) {
                let $metric = self;
                mean_iou(&self.state, $number, &$targets)
            }
            {
                fn larger_is_better(&self) -> Option<bool> {
                    Some(true)
                }

                fn build(&mut self, _: &[Option<usize>], _: &[Option<usize>]) -> Result<()> {
                    self.check()
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
    /// `intersection / union`, averaged over some classes: `tp / (tp + fp + fn)` of each, from 0 to 1.
    ///
    /// Keras: `keras.metrics.IoU`; R: `metric_iou()`.
    ///
    /// # Shapes
    /// Class numbers of one shape, or scores along `axis`. The result is a scalar.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::IoU;
    /// use keras_ops::{Device, Tensor};
    /// let mut iou = IoU::new().num_classes(2).target_class_ids(vec![0]);
    /// let (y, p) = (Tensor::new(&[0u32, 0, 1, 1], &Device::Cpu)?, Tensor::new(&[0u32, 1, 0, 1], &Device::Cpu)?);
    /// iou.update_state(&y, &p, None)?;
    /// assert!((iou.result()?.to_scalar::<f32>()? - 1. / 3.).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    IoU: "io_u", "iou", "Intersection over union of some classes.", {
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
    }, [num_classes, target_class_ids];
    |metric| number metric.num_classes.to_owned(), targets metric.target_class_ids, ignore metric.ignore_class,
        true |m: &IoU, y: &Tensor| classes("iou", y, m.sparse_y_true, m.axis),
        pred |m: &IoU, y: &Tensor| classes("iou", y, m.sparse_y_pred, m.axis);
    /// [`IoU`] averaged over all classes that occur.
    ///
    /// Keras: `keras.metrics.MeanIoU`; R: `metric_mean_iou()`.
    ///
    /// # Shapes
    /// Class numbers of one shape, or scores along `axis`. The result is a scalar.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::MeanIoU;
    /// use keras_ops::{Device, Tensor};
    /// let mut iou = MeanIoU::new().num_classes(2);
    /// let (y, p) = (Tensor::new(&[0u32, 0, 1, 1], &Device::Cpu)?, Tensor::new(&[0u32, 1, 1, 1], &Device::Cpu)?);
    /// iou.update_state(&y, &p, None)?;
    /// assert!((iou.result()?.to_scalar::<f32>()? - (1. / 2. + 2. / 3.) / 2.).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    MeanIoU: "mean_io_u", "mean_iou", "Intersection over union of all classes.", {
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
    }, [num_classes];
    |metric| number metric.num_classes.to_owned(), targets all(metric.num_classes), ignore metric.ignore_class,
        true |m: &MeanIoU, y: &Tensor| classes("mean_iou", y, m.sparse_y_true, m.axis),
        pred |m: &MeanIoU, y: &Tensor| classes("mean_iou", y, m.sparse_y_pred, m.axis);
    /// [`IoU`] of yes/no predictions.
    ///
    /// Keras: `keras.metrics.BinaryIoU`; R: `metric_binary_iou()`.
    ///
    /// # Shapes
    /// Targets 0 or 1 and probabilities of one shape. The result is a scalar.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::BinaryIoU;
    /// use keras_ops::{Device, Tensor};
    /// let mut iou = BinaryIoU::new().threshold(0.3);
    /// let (y, p) = (Tensor::new(&[0u32, 1, 0, 1], &Device::Cpu)?, Tensor::new(&[0.1f32, 0.2, 0.4, 0.7], &Device::Cpu)?);
    /// iou.update_state(&y, &p, None)?;
    /// assert!((iou.result()?.to_scalar::<f32>()? - 1. / 3.).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    BinaryIoU: "binary_io_u", "binary_iou", "Intersection over union of yes/no predictions.", {
        /// The classes that count.
        target_class_ids: Vec<usize> = vec![0, 1];
        /// From it on a prediction means 1.
        threshold: f64 = 0.5;
    }, [];
    |metric| number { let _ = &metric; 2 }, targets metric.target_class_ids, ignore None,
        true |_: &BinaryIoU, y: &Tensor| numbers(y),
        pred |m: &BinaryIoU, y: &Tensor| above(y, m.threshold);
    /// [`IoU`] of one-hot targets.
    ///
    /// Keras: `keras.metrics.OneHotIoU`; R: `metric_one_hot_iou()`.
    ///
    /// # Shapes
    /// `[.., classes]` twice, or class numbers as predictions. The result is a scalar.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::OneHotIoU;
    /// use keras_ops::{Device, Tensor};
    /// let mut iou = OneHotIoU::new().num_classes(2).target_class_ids(vec![1]);
    /// let y = Tensor::new(&[[0f32, 1.], [1., 0.], [0., 1.]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[0.2f32, 0.8], [0.4, 0.6], [0.7, 0.3]], &Device::Cpu)?;
    /// iou.update_state(&y, &p, None)?;
    /// assert!((iou.result()?.to_scalar::<f32>()? - 1. / 3.).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    OneHotIoU: "one_hot_io_u", "one_hot_iou", "Intersection over union of some classes, one-hot.", {
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
    }, [num_classes, target_class_ids];
    |metric| number metric.num_classes.to_owned(), targets metric.target_class_ids, ignore metric.ignore_class,
        true |m: &OneHotIoU, y: &Tensor| classes("one_hot_iou", y, false, m.axis),
        pred |m: &OneHotIoU, y: &Tensor| classes("one_hot_iou", y, m.sparse_y_pred, m.axis);
    /// [`MeanIoU`] of one-hot targets.
    ///
    /// Keras: `keras.metrics.OneHotMeanIoU`; R: `metric_one_hot_mean_iou()`.
    ///
    /// # Shapes
    /// `[.., classes]` twice, or class numbers as predictions. The result is a scalar.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::OneHotMeanIoU;
    /// use keras_ops::{Device, Tensor};
    /// let mut iou = OneHotMeanIoU::new().num_classes(2);
    /// let y = Tensor::new(&[[0f32, 1.], [1., 0.]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[0.2f32, 0.8], [0.4, 0.6]], &Device::Cpu)?;
    /// iou.update_state(&y, &p, None)?;
    /// assert!((iou.result()?.to_scalar::<f32>()? - (1. / 2. + 0.) / 2.).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    OneHotMeanIoU: "one_hot_mean_io_u", "one_hot_mean_iou", "Intersection over union of all classes, one-hot.", {
        /// How many classes.
        num_classes: usize = 2;
        /// Targets of this class are left out.
        ignore_class: Option<i64> = None;
        /// Whether predictions are class numbers.
        sparse_y_pred: bool = false;
        /// The axis of scores.
        axis: i64 = -1;
    }, [num_classes];
    |metric| number metric.num_classes.to_owned(), targets all(metric.num_classes), ignore metric.ignore_class,
        true |m: &OneHotMeanIoU, y: &Tensor| classes("one_hot_mean_iou", y, false, m.axis),
        pred |m: &OneHotMeanIoU, y: &Tensor| classes("one_hot_mean_iou", y, m.sparse_y_pred, m.axis);
}

fn above(y_pred: &Tensor, threshold: f64) -> Result<Vec<i64>> {
    Ok(host::read(y_pred, |p: &[f32]| {
        Ok(p.iter().map(|p| i64::from(*p >= threshold as f32)).collect())
    })?)
}
