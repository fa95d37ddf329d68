//! Checks class numbers before a run.

use keras_core::ops::{Tensor, host};
use keras_core::{Result, bail};

/// # Errors
/// When a label is not a whole number from 0 to the number of classes that `output` has along `axis`, nor `ignore`.
pub(crate) fn check_labels(
    loss: &str,
    y_true: &Tensor,
    output: &[Option<usize>],
    axis: i64,
    ignore: Option<i64>,
) -> Result<()> {
    let at = if axis < 0 {
        axis + output.len() as i64
    } else {
        axis
    };
    let Some(Some(classes)) = usize::try_from(at).ok().and_then(|at| output.get(at)) else {
        return Ok(());
    };
    let classes = *classes;
    let one_hot = y_true.rank() == output.len() && y_true.dims().last() == Some(&classes) && classes > 1;
    if one_hot {
        bail!(
            "loss `{loss}`: targets of shape {:?} look one-hot; it takes class numbers. Use \
             `categorical_crossentropy`, or the targets' argmax",
            y_true.dims()
        );
    }
    let wrong = host::read(y_true, |labels: &[f64]| {
        let fits =
            |l: f64| l.fract() == 0. && ((0. ..classes as f64).contains(&l) || Some(l as i64) == ignore);
        Ok(labels.iter().position(|l| !fits(*l)).map(|at| (at, labels[at])))
    })?;
    let Some((mut at, label)) = wrong else {
        return Ok(());
    };
    let mut position: Vec<usize> = Vec::new();
    for size in y_true.dims().iter().rev() {
        position.insert(0, at % size);
        at /= size;
    }
    bail!(
        "loss `{loss}`: label {label} at {position:?} is not a class: the output has {classes} classes, so labels go \
         from 0 to {}. Give the output more units, shift the labels to start at 0, or set `ignore_class`",
        classes.saturating_sub(1)
    )
}
