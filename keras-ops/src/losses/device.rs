//! Cross-entropies of logits by fused kernels on a CUDA device, classes last.

use candle_core::{Result, Shape, Tensor};

use crate::host;
use crate::kernels::cuda::{self, cross_entropy as kernel};
use crate::tape::record;

fn last(axis: i64, x: &Tensor) -> bool {
    axis == -1 || axis + 1 == x.rank() as i64
}

fn without_classes(x: &Tensor) -> &[usize] {
    &x.dims()[..x.rank().saturating_sub(1)]
}

/// The loss of one-hot or soft targets, where the kernels take such tensors.
pub(super) fn categorical(target: &Tensor, logits: &Tensor, axis: i64) -> Option<Result<Tensor>> {
    let fits = last(axis, logits) && target.dims() == logits.dims() && logits.rank() > 0;
    if !fits || !cuda::fits(&[target, logits]) {
        return None;
    }
    let run = || {
        let losses = kernel::dense_losses(target, logits)?;
        let shape = Shape::from(without_classes(logits));
        let (saved_target, saved) = (target.detach(), logits.detach());
        Ok(record(&[target, logits], losses, &shape, move |grad, needs| {
            let by_target = needs[0].then(|| kernel::dense_gradient_by_target(&saved, &grad));
            let by_logits = needs[1].then(|| kernel::dense_gradient(&saved_target, &saved, &grad));
            [by_target, by_logits]
                .into_iter()
                .map(|found| Ok(found.transpose()?.map(|found| cuda::tensor(found, saved.shape()))))
                .collect()
        }))
    };
    Some(host::within("categorical_crossentropy", run))
}

/// The loss of class numbers, where the kernels take such tensors.
pub(super) fn sparse(target: &Tensor, logits: &Tensor, axis: i64) -> Option<Result<Tensor>> {
    let outer = without_classes(logits);
    let dims = target.dims();
    let squeezed = dims.len() == logits.rank() && dims.last() == Some(&1) && &dims[..outer.len()] == outer;
    let fits = last(axis, logits) && logits.rank() > 0 && (dims == outer || squeezed);
    if !fits || !cuda::fits(&[logits]) || !target.device().same_device(logits.device()) {
        return None;
    }
    let run = || {
        let labels = kernel::labels(target)?;
        let losses = kernel::sparse_losses(&labels, logits)?;
        let saved = logits.detach();
        Ok(record(&[logits], losses, &Shape::from(outer), move |grad, _| {
            let found = kernel::sparse_gradient(&labels, &saved, &grad)?;
            Ok([Some(cuda::tensor(found, saved.shape()))].into_iter().collect())
        }))
    };
    Some(host::within("sparse_categorical_crossentropy", run))
}
