//! Normalisation by fused kernels on a CUDA device.

use candle_core::{Result, Storage, Tensor};

use super::BatchNormalized;
use crate::kernels::cuda::{self, norm};
use crate::kernels::norm::Kind;
use crate::tape::{InputGrads, record};

/// The input and the parameters there are.
fn given<'a>(x: &'a Tensor, gamma: Option<&'a Tensor>, beta: Option<&'a Tensor>) -> Vec<&'a Tensor> {
    [Some(x), gamma, beta].into_iter().flatten().collect()
}

/// Whether the kernels take these tensors.
pub(super) fn on_device(x: &Tensor, gamma: Option<&Tensor>, beta: Option<&Tensor>) -> bool {
    cuda::fits(&given(x, gamma, beta))
}

/// Rows of `len` elements.
pub(super) fn rows(
    x: &Tensor,
    gamma: Option<&Tensor>,
    beta: Option<&Tensor>,
    len: usize,
    kind: Kind,
) -> Result<Tensor> {
    let kind = match kind {
        Kind::Layer(epsilon) => norm::Kind(0, epsilon),
        Kind::Rms(epsilon) => norm::Kind(1, epsilon),
        Kind::Unit(epsilon) => norm::Kind(2, epsilon),
    };
    let (out, moved) = norm::rows_forward(x, gamma, beta, len, kind)?;
    let (saved, [scale, shift]) = (x.detach(), [gamma, beta].map(|x| x.map(Tensor::detach)));
    Ok(record(
        &given(x, gamma, beta),
        out,
        x.shape(),
        move |grad, needs| {
            let mut slots = InputGrads::new();
            let by_x = || norm::rows_gradient(&grad, &saved, scale.as_ref(), &moved, len, kind);
            let by_x = needs[0].then(by_x).transpose()?;
            slots.push(by_x.map(|by_x| cuda::tensor(by_x, saved.shape())));
            if needs[1..].contains(&true) {
                let found = norm::rows_parameters(&grad, &saved, &moved, len)?;
                slots.extend(shaped(found, [scale.as_ref(), shift.as_ref()]));
            }
            Ok(slots)
        },
    ))
}

/// The gradients of the tensors that are there, in their shapes.
fn shaped<const N: usize>(found: [Storage; N], tensors: [Option<&Tensor>; N]) -> InputGrads {
    let pairs = found.into_iter().zip(tensors);
    let there = pairs.filter_map(|(found, tensor)| Some(cuda::tensor(found, tensor?.shape())));
    there.map(Some).collect()
}

/// A batch with channels last.
pub(super) fn batch(
    x: &Tensor,
    gamma: Option<&Tensor>,
    beta: Option<&Tensor>,
    epsilon: f64,
    channels: usize,
) -> Result<BatchNormalized> {
    let norm::Batch {
        output,
        mean,
        variance,
        stats,
    } = norm::batch_forward(x, gamma, beta, channels, epsilon)?;
    let (saved, [scale, shift]) = (x.detach(), [gamma, beta].map(|x| x.map(Tensor::detach)));
    let means = mean.clone();
    let output = record(&given(x, gamma, beta), output, x.shape(), move |grad, _| {
        let found = norm::batch_gradients(&grad, &saved, scale.as_ref(), &means, &stats, channels)?;
        Ok(shaped(found, [Some(&saved), scale.as_ref(), shift.as_ref()]))
    });
    Ok(BatchNormalized {
        output,
        mean,
        variance,
    })
}
