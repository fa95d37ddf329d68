//! Compiling, caching and launching; reading tensors on the device.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::cuda_backend::cudarc::driver::{
    CudaFunction, CudaSlice, CudaStream, CudaView, DeviceRepr, LaunchArgs, LaunchConfig,
};
use candle_core::cuda_backend::cudarc::nvrtc::{CompileOptions, compile_ptx_with_opts};
use candle_core::cuda_backend::{CudaDType, CudaStorage, WrapErr};
use candle_core::op::BackpropOp;
use candle_core::{CudaDevice, DType, Device, Error, Layout, Result, Shape, Storage, Tensor, WithDType};

use super::sources::Family;

/// Threads of a block in kernels by element.
const THREADS: u32 = 256;
/// The most blocks in kernels whose threads or blocks take more than one element or row.
const BLOCKS: u64 = 1 << 16;

/// Whether fused kernels take these tensors: all `f32`, on one CUDA device, with elements.
pub(crate) fn fits(tensors: &[&Tensor]) -> bool {
    let one = |x: &&Tensor| {
        x.dtype() == DType::F32
            && x.device().is_cuda()
            && x.elem_count() > 0
            && x.device().same_device(tensors[0].device())
    };
    !tensors.is_empty() && tensors.iter().all(one)
}

/// The CUDA device of a tensor.
pub(super) fn device(x: &Tensor) -> Result<CudaDevice> {
    match x.device() {
        Device::Cuda(device) => Ok(device.clone()),
        other => candle_core::bail!(
            "expected a tensor on a CUDA device, got one on {:?}",
            other.location()
        ),
    }
}

/// A function ready to be launched.
pub(super) struct Function(CudaFunction, Arc<CudaStream>);

impl Function {
    pub(super) fn builder(&self) -> LaunchArgs<'_> {
        self.1.launch_builder(&self.0)
    }
}

/// A function of a family, compiled at the process's first use of it.
pub(super) fn function(device: &CudaDevice, family: &Family, name: &str) -> Result<Function> {
    load(device, family.name, name, || family.text.to_owned())
}

/// A function of the module `module`, whose source is `text`.
pub(super) fn load(
    device: &CudaDevice,
    module: &str,
    name: &str,
    text: impl FnOnce() -> String,
) -> Result<Function> {
    static COMPILED: Mutex<Option<HashMap<String, Arc<str>>>> = Mutex::new(None);
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let compiled = compiled.get_or_insert_default();
    let ptx = match compiled.get(module) {
        Some(ptx) => ptx.clone(),
        None => {
            let ptx: Arc<str> = compile(module, &text())?.into();
            compiled.insert(module.to_owned(), ptx.clone());
            ptx
        }
    };
    let function = device.get_or_load_custom_func(name, module, &ptx)?;
    Ok(Function(function.into_cuda_function(), device.cuda_stream()))
}

fn compile(module: &str, text: &str) -> Result<String> {
    let options = CompileOptions {
        // As on the processor: products are rounded before they are added.
        fmad: Some(false),
        name: Some(format!("{module}.cu")),
        ..CompileOptions::default()
    };
    let ptx = compile_ptx_with_opts(text, options)
        .map_err(|e| Error::msg(format!("compiling the CUDA kernels of {module}: {e}")))?;
    Ok(ptx.to_src())
}

/// Blocks and threads for `count` elements; a thread may take several.
pub(super) fn by_element(count: usize) -> LaunchConfig {
    let blocks = (count as u64).div_ceil(THREADS as u64).clamp(1, BLOCKS);
    grid((blocks as u32, 1), (THREADS, 1))
}

/// A block for each of `rows` rows of `len` elements; a block may take several.
pub(super) fn by_row(rows: usize, len: usize) -> LaunchConfig {
    let threads = len.clamp(32, THREADS as usize).next_power_of_two();
    grid(((rows as u64).clamp(1, BLOCKS) as u32, 1), (threads as u32, 1))
}

pub(super) fn grid(blocks: (u32, u32), threads: (u32, u32)) -> LaunchConfig {
    LaunchConfig {
        grid_dim: (blocks.0, blocks.1, 1),
        block_dim: (threads.0, threads.1, 1),
        shared_mem_bytes: 0,
    }
}

/// A contiguous tensor of dtype `T` on the same device, without history.
pub(super) fn plain<T: WithDType>(x: &Tensor) -> Result<Tensor> {
    x.detach().to_dtype(T::DTYPE)?.contiguous()
}

/// The elements of a contiguous CUDA tensor.
pub(super) fn view<'a, T: CudaDType>(storage: &'a Storage, layout: &Layout) -> Result<CudaView<'a, T>> {
    match (storage, layout.contiguous_offsets()) {
        (Storage::Cuda(storage), Some((start, end))) => Ok(storage.as_cuda_slice::<T>()?.slice(start..end)),
        _ => candle_core::bail!("expected a contiguous tensor on a CUDA device"),
    }
}

/// Gives `f` the elements of contiguous `f32` tensors on a CUDA device.
pub(super) fn read<R>(tensors: &[&Tensor], f: impl FnOnce(&[CudaView<'_, f32>]) -> Result<R>) -> Result<R> {
    let open: Vec<_> = tensors.iter().map(|x| x.storage_and_layout()).collect();
    let views = open
        .iter()
        .map(|(storage, layout)| view::<f32>(storage, layout))
        .collect::<Result<Vec<_>>>()?;
    f(&views)
}

/// Memory whose contents are not set yet.
///
/// # Safety
/// Every element has to be written before one is read.
pub(super) unsafe fn unwritten<T: DeviceRepr>(device: &CudaDevice, len: usize) -> Result<CudaSlice<T>> {
    // SAFETY: the caller's promise is the one asked for here.
    unsafe { device.alloc::<T>(len) }
}

/// The storage of what a kernel wrote.
pub(super) fn stored<T: CudaDType>(values: CudaSlice<T>, device: &CudaDevice) -> Storage {
    Storage::Cuda(CudaStorage::wrap_cuda_slice(values, device.clone()))
}

/// What a kernel wrote, as a tensor without history.
pub(crate) fn tensor(values: Storage, shape: impl Into<Shape>) -> Tensor {
    Tensor::from_storage(values, shape, BackpropOp::none(), false)
}

/// An error of the driver as candle's.
pub(super) fn launched<T, E>(result: std::result::Result<T, E>) -> Result<()>
where
    std::result::Result<T, E>: WrapErr<T>,
{
    result.w().map(|_| ())
}

/// Launches a function with arguments in the order of its parameters.
///
/// The caller states why the launch is safe: the arguments fit the parameters, and no thread reads or writes
/// outside of them.
macro_rules! launch {
    ($function:expr, $config:expr, $($argument:expr),+ $(,)?) => {{
        use candle_core::cuda_backend::cudarc::driver::PushKernelArg as _;
        let function = $function;
        let config = $config;
        let mut builder = function.builder();
        $(builder.arg($argument);)+
        $crate::kernels::cuda::launch::launched(builder.launch(config))
    }};
}
pub(super) use launch;
