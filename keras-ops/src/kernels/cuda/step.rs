//! Optimizer steps: a variable and its slots in one launch.

use std::cell::RefCell;

use candle_core::cuda_backend::CudaStorage;
use candle_core::cuda_backend::cudarc::driver::{CudaViewMut, PushKernelArg};
use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Tensor};

use super::launch::{by_element, device, fits, launched, load, plain, read};
use super::sources::StepKernel;
use crate::host;

/// Runs `kernel` over `written` in place, if it takes such tensors.
pub(crate) fn run(kernel: &StepKernel, written: &[&Tensor], grad: &Tensor, factors: &[f32]) -> Result<bool> {
    let all: Vec<&Tensor> = written.iter().copied().chain([grad]).collect();
    if !fits(&all) || !written.iter().all(|x| x.is_contiguous()) {
        return Ok(false);
    }
    host::within(kernel.name, || launch(kernel, written, grad, factors)).map(|()| true)
}

fn launch(kernel: &StepKernel, written: &[&Tensor], grad: &Tensor, factors: &[f32]) -> Result<()> {
    let sizes = (written.len(), factors.len());
    if sizes != (kernel.written.len(), kernel.factors.len()) {
        candle_core::bail!(
            "the kernel writes {:?} by {:?}, got {sizes:?}",
            kernel.written,
            kernel.factors
        );
    }
    let device = device(grad)?;
    let source = kernel.source();
    let function = load(&device, &source.name, kernel.name, || source.text.clone())?;
    let (grad, count) = (plain::<f32>(grad)?, grad.elem_count());
    read(&[&grad], |grad| {
        let last = |mut written: Vec<CudaViewMut<'_, f32>>| {
            let (count64, mut builder) = (count as u64, function.builder());
            builder.arg(&count64);
            for slice in &mut written {
                builder.arg(slice);
            }
            builder.arg(&grad[0]);
            for factor in factors {
                builder.arg(factor);
            }
            // SAFETY: the source has these parameters in this order; every slice has `count` elements, which
            // the caller's check of shapes and `contiguous_offsets` see to, and the kernel stays below `count`.
            launched(unsafe { builder.launch(by_element(count)) })
        };
        open(kernel.name, written, Vec::new(), Box::new(last))
    })
}

type Last<'f> = Box<dyn FnOnce(Vec<CudaViewMut<'_, f32>>) -> Result<()> + 'f>;

/// Opens tensors for writing one inside the other, so that all are open at once.
fn open(
    op: &'static str,
    tensors: &[&Tensor],
    opened: Vec<CudaViewMut<'_, f32>>,
    last: Last<'_>,
) -> Result<()> {
    let Some((first, rest)) = tensors.split_first() else {
        return last(opened);
    };
    first.inplace_op1(&Open(
        op,
        RefCell::new(Some(Box::new(
            move |storage: &mut CudaStorage, layout: &Layout| {
                let Some((start, end)) = layout.contiguous_offsets() else {
                    candle_core::bail!("writing in place needs a contiguous tensor, got {layout:?}");
                };
                let mut all = opened;
                all.push(storage.as_cuda_slice_mut::<f32>()?.slice_mut(start..end));
                open(op, rest, all, last)
            },
        ))),
    ))
}

type Opening<'f> = Box<dyn FnOnce(&mut CudaStorage, &Layout) -> Result<()> + 'f>;

struct Open<'f>(&'static str, RefCell<Option<Opening<'f>>>);

impl InplaceOp1 for Open<'_> {
    fn name(&self) -> &'static str {
        self.0
    }

    fn cpu_fwd(&self, _: &mut CpuStorage, _: &Layout) -> Result<()> {
        candle_core::bail!(
            "{}: expected a tensor on a CUDA device, got one on the host",
            self.0
        )
    }

    fn cuda_fwd(&self, storage: &mut CudaStorage, layout: &Layout) -> Result<()> {
        match self.1.take() {
            Some(f) => f(storage, layout),
            None => Ok(()),
        }
    }
}
