//! A cell run over a sequence step by step.

use keras_ops::{self as ops, DType, Tensor};

use super::cell::{Draws, RnnCell, Sequence};
use crate::layer::Call;
use crate::{Result, bail};

/// What becomes of the outputs of steps that are left out.
#[derive(Clone, Copy, Debug, PartialEq)]
enum LeftOut {
    Zero,
    /// The state that is the output.
    State(usize),
    /// The output before; 0 at first.
    Before,
}

/// Runs `cell` over a sequence, at once where it can. `unroll` has Keras's rule for masked outputs: the output
/// before, and 0 before the first.
pub(super) fn run(
    cell: &dyn RnnCell,
    sequence: &Sequence<'_>,
    unroll: bool,
    cx: &mut Call,
) -> Result<(Tensor, Vec<Tensor>)> {
    // Without a mask an unrolled loop is like any other.
    let unroll = unroll && sequence.mask.is_some();
    if !unroll && let Some(done) = cell.sequence(sequence, cx)? {
        return Ok(done);
    }
    let inputs = cell.project(sequence.x, sequence.draws)?;
    let left_out = match (unroll, sequence.zero_output_for_mask) {
        (true, _) => LeftOut::Before,
        (false, true) => LeftOut::Zero,
        (false, false) => LeftOut::State(cell.output_state()),
    };
    let step = |t: usize, states: &[Tensor], draws: &Draws| cell.step(&at(&inputs, t)?, states, draws, cx);
    each(sequence, left_out, step)
}

/// Step `t` of a sequence.
pub(super) fn at(inputs: &Tensor, t: usize) -> Result<Tensor> {
    Ok(ops::squeeze(&ops::narrow(inputs, 1, t, 1)?, Some(&[1]))?)
}

fn each(
    sequence: &Sequence<'_>,
    left_out: LeftOut,
    mut step: impl FnMut(usize, &[Tensor], &Draws) -> Result<(Tensor, Vec<Tensor>)>,
) -> Result<(Tensor, Vec<Tensor>)> {
    let time = sequence.x.dims().get(1).copied().unwrap_or_default();
    let mut states = sequence.states.to_vec();
    let mut outputs: Vec<Tensor> = Vec::new();
    for number in 0..time {
        let t = if sequence.go_backwards {
            time - 1 - number
        } else {
            number
        };
        let (mut output, mut after) = step(t, &states, sequence.draws)?;
        if after.len() != states.len() {
            bail!(
                "a cell gave {} states after a step, got {}",
                after.len(),
                states.len()
            );
        }
        if let Some(mask) = sequence.mask {
            let mask = at(mask, t)?;
            let same = |state: &&Tensor| state.dims() == output.dims();
            let before = match left_out {
                LeftOut::State(index) => states.get(index).filter(same).or(outputs.last()).cloned(),
                LeftOut::Before => outputs.last().cloned(),
                LeftOut::Zero => None,
            };
            let before = before.map_or_else(|| ops::zeros_like(&output, None), Ok)?;
            output = keep(&mask, &output, &before)?;
            for (after, before) in after.iter_mut().zip(&states) {
                *after = keep(&mask, after, before)?;
            }
        }
        states = after;
        if !sequence.return_sequences {
            outputs.clear();
        }
        outputs.push(output);
    }
    let output = match outputs.pop() {
        Some(last) if sequence.return_sequences => {
            outputs.push(last);
            if sequence.go_backwards && sequence.input_order {
                outputs.reverse();
            }
            ops::stack(&outputs.iter().collect::<Vec<_>>(), 1)?
        }
        Some(last) => last,
        None => bail!(
            "expected at least one time step, got a sequence of shape {:?}",
            sequence.x.dims()
        ),
    };
    Ok((output, states))
}

/// `after` where the mask is not 0, else `before`.
fn keep(mask: &Tensor, after: &Tensor, before: &Tensor) -> Result<Tensor> {
    let mut dims = vec![1; after.rank()];
    dims[0] = mask.elem_count() as i64;
    Ok(ops::where_(&ops::reshape(mask, &dims)?, after, before)?)
}

/// The mask of a sequence of shape `dims` as u8 of shape (batch, time); a step whose mask has more axes counts
/// where any of it does.
pub(super) fn mask_of(class_name: &str, mask: &Tensor, dims: &[usize]) -> Result<Tensor> {
    if mask.rank() < 2 || dims.len() < 2 || mask.dims()[..2] != dims[..2] {
        bail!(
            "{class_name}: expected a mask of shape (batch, time) = {:?}, got {:?}",
            &dims[..dims.len().min(2)],
            mask.dims()
        );
    }
    if mask.rank() > 2 {
        let inner: Vec<i64> = (2..mask.rank() as i64).collect();
        return Ok(ops::any(mask, Some(&inner), false)?);
    }
    if mask.dtype() == DType::U8 {
        return Ok(mask.clone());
    }
    Ok(ops::cast(mask, DType::U8)?)
}
