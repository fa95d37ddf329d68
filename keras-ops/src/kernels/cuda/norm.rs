//! Normalisation of rows, and of batches with channels last.

use candle_core::cuda_backend::cudarc::driver::{CudaSlice, LaunchConfig};
use candle_core::{CudaDevice, Result, Storage, Tensor};

use super::launch::{
    Function, by_element, by_row, device, function, grid, launch, plain, read, stored, tensor, unwritten,
    view,
};
use super::sources::{COLUMNS, NORM};

/// How rows are normalised, with epsilon: the kinds of [`kernels::norm`](crate::kernels::norm).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind(pub(crate) i32, pub(crate) f64);

/// Bit 0 for a gamma, bit 1 for a beta.
fn has(gamma: Option<&Tensor>, beta: Option<&Tensor>) -> i32 {
    i32::from(gamma.is_some()) | i32::from(beta.is_some()) << 1
}

/// Normalises rows of `len` elements, then `y gamma + beta`; also what each row was moved by, `[rows, 4]`.
pub(crate) fn rows_forward(
    x: &Tensor,
    gamma: Option<&Tensor>,
    beta: Option<&Tensor>,
    len: usize,
    Kind(kind, epsilon): Kind,
) -> Result<(Storage, Tensor)> {
    let (device, count) = (device(x)?, x.elem_count());
    let rows = count / len;
    let function = function(&device, &NORM, "rows_forward")?;
    // SAFETY: the kernel writes every element of each row, and four values a row.
    let (mut out, mut moved) = unsafe {
        (
            unwritten::<f32>(&device, count)?,
            unwritten::<f32>(&device, rows * 4)?,
        )
    };
    let (x, flags, config) = (plain::<f32>(x)?, has(gamma, beta), by_row(rows, len));
    let (gamma, beta) = (
        plain::<f32>(gamma.unwrap_or(&x))?,
        plain::<f32>(beta.unwrap_or(&x))?,
    );
    read(&[&x, &gamma, &beta], |x| {
        let (rows, len) = (rows as u64, len as u32);
        // SAFETY: the parameters of `rows_forward` in `norm.cu`: x and the result have `rows * len` elements,
        // gamma and beta `len` where `flags` says that they are there, `moved` four a row.
        unsafe {
            launch!(
                &function, config, &rows, &len, &kind, &epsilon, &flags, &x[0], &x[1], &x[2], &mut out,
                &mut moved
            )
        }
    })?;
    Ok((stored(out, &device), tensor(stored(moved, &device), (rows, 4))))
}

/// The gradient of [`rows_forward`] by `x`.
pub(crate) fn rows_gradient(
    g: &Tensor,
    x: &Tensor,
    gamma: Option<&Tensor>,
    moved: &Tensor,
    len: usize,
    Kind(kind, _): Kind,
) -> Result<Storage> {
    let (device, count) = (device(x)?, x.elem_count());
    let function = function(&device, &NORM, "rows_backward")?;
    // SAFETY: the kernel writes every element of each row.
    let mut out = unsafe { unwritten::<f32>(&device, count)? };
    let (g, x, flags) = (plain::<f32>(g)?, plain::<f32>(x)?, has(gamma, None));
    let gamma = plain::<f32>(gamma.unwrap_or(&x))?;
    read(&[&g, &x, &gamma, moved], |x| {
        let (rows, config) = ((count / len) as u64, by_row(count / len, len));
        let len = len as u32;
        // SAFETY: the parameters of `rows_backward` in `norm.cu`, of the sizes in `rows_forward`.
        unsafe {
            launch!(
                &function, config, &rows, &len, &kind, &flags, &x[0], &x[1], &x[2], &x[3], &mut out
            )
        }
    })?;
    Ok(stored(out, &device))
}

/// The gradients of [`rows_forward`] by gamma and beta.
pub(crate) fn rows_parameters(g: &Tensor, x: &Tensor, moved: &Tensor, len: usize) -> Result<[Storage; 2]> {
    let parts = Parts::sum(Mode::Rows, g, x, moved, len)?;
    // SAFETY: `both_sums` writes an element a column.
    let (mut plain, mut along) = unsafe { (parts.unwritten(len)?, parts.unwritten(len)?) };
    let (function, config, columns) = parts.finish("both_sums")?;
    // SAFETY: the parameters of `both_sums` in `columns.cu`: a pair a part and column, an element a column.
    unsafe {
        launch!(
            &function,
            config,
            &columns,
            &parts.count,
            &parts.sums,
            &mut plain,
            &mut along
        )
    }?;
    Ok([stored(along, &parts.device), stored(plain, &parts.device)])
}

/// What normalising a batch gives.
pub(crate) struct Batch {
    pub(crate) output: Storage,
    /// The mean by channel.
    pub(crate) mean: Tensor,
    /// The biased variance by channel.
    pub(crate) variance: Tensor,
    /// `[mean, 1 / sqrt(variance + epsilon)]` by channel in `f64`.
    pub(crate) stats: Tensor,
}

/// Batch normalisation by the batch's own statistics, channels last.
pub(crate) fn batch_forward(
    x: &Tensor,
    gamma: Option<&Tensor>,
    beta: Option<&Tensor>,
    channels: usize,
    epsilon: f64,
) -> Result<Batch> {
    let x = &plain::<f32>(x)?;
    let (count, flags) = (x.elem_count(), has(gamma, beta));
    let rows = (count / channels) as u64;
    let parts = Parts::sum(Mode::Plain, x, x, x, channels)?;
    // SAFETY: `column_means` writes an element a channel.
    let mut means = unsafe { parts.unwritten(channels)? };
    let (function, config, columns) = parts.finish("column_means")?;
    // SAFETY: the parameters of `column_means` in `columns.cu`: a pair a part and channel, an element a channel.
    unsafe {
        launch!(
            &function,
            config,
            &columns,
            &parts.count,
            &rows,
            &parts.sums,
            &mut means
        )
    }?;
    let device = parts.device;
    let rounded = tensor(stored(means, &device), channels);
    let parts = Parts::sum(Mode::Squares, x, x, &rounded, channels)?;
    // SAFETY: `batch_statistics` writes an element a channel in the first two, two in the third, three in the
    // fourth.
    let (mut means, mut variances, mut stats, mut by) = unsafe {
        (
            parts.unwritten(channels)?,
            parts.unwritten(channels)?,
            unwritten::<f64>(&device, 2 * channels)?,
            parts.unwritten(3 * channels)?,
        )
    };
    let (function, config, columns) = parts.finish("batch_statistics")?;
    let (gamma, beta) = (
        plain::<f32>(gamma.unwrap_or(x))?,
        plain::<f32>(beta.unwrap_or(x))?,
    );
    read(&[&rounded, &gamma, &beta], |v| {
        // SAFETY: the parameters of `batch_statistics` in `columns.cu`; gamma and beta have an element a channel
        // where `flags` says that they are there, the others as above.
        unsafe {
            launch!(
                &function,
                config,
                &columns,
                &parts.count,
                &rows,
                &epsilon,
                &flags,
                &parts.sums,
                &v[0],
                &v[1],
                &v[2],
                &mut means,
                &mut variances,
                &mut stats,
                &mut by
            )
        }
    })?;
    let by = tensor(stored(by, &device), (channels, 3));
    Ok(Batch {
        output: by_column(&device, "by_column", &[x, &by], channels)?,
        mean: tensor(stored(means, &device), channels),
        variance: tensor(stored(variances, &device), channels),
        stats: tensor(stored(stats, &device), (channels, 2)),
    })
}

/// The gradients of [`batch_forward`] by `x`, gamma and beta.
pub(crate) fn batch_gradients(
    g: &Tensor,
    x: &Tensor,
    gamma: Option<&Tensor>,
    mean: &Tensor,
    stats: &Tensor,
    channels: usize,
) -> Result<[Storage; 3]> {
    let (g, x) = (&plain::<f32>(g)?, &plain::<f32>(x)?);
    let (rows, flags) = ((x.elem_count() / channels) as u64, has(gamma, None));
    let parts = Parts::sum(Mode::Along, g, x, mean, channels)?;
    // SAFETY: `batch_slopes` writes an element a channel in the first two, four in the third.
    let (mut by_gamma, mut by_beta, mut by) = unsafe {
        (
            parts.unwritten(channels)?,
            parts.unwritten(channels)?,
            parts.unwritten(4 * channels)?,
        )
    };
    let (function, config, columns) = parts.finish("batch_slopes")?;
    let gamma = plain::<f32>(gamma.unwrap_or(x))?;
    let (storage, layout) = stats.storage_and_layout();
    let stats = view::<f64>(&storage, layout)?;
    read(&[mean, &gamma], |v| {
        // SAFETY: the parameters of `batch_slopes` in `columns.cu`: `stats` has two elements a channel, gamma
        // one where `flags` says that it is there, the others as above.
        unsafe {
            launch!(
                &function,
                config,
                &columns,
                &parts.count,
                &rows,
                &flags,
                &parts.sums,
                &stats,
                &v[0],
                &v[1],
                &mut by_gamma,
                &mut by_beta,
                &mut by
            )
        }
    })?;
    let device = parts.device;
    let by = tensor(stored(by, &device), (channels, 4));
    let by_x = by_column(&device, "pair_by_column", &[g, x, &by], channels)?;
    Ok([by_x, stored(by_gamma, &device), stored(by_beta, &device)])
}

/// Launches a kernel by element whose last input has values a column.
fn by_column(device: &CudaDevice, name: &str, inputs: &[&Tensor], columns: usize) -> Result<Storage> {
    let (count, columns) = (inputs[0].elem_count(), columns as u32);
    let function = function(device, &COLUMNS, name)?;
    // SAFETY: the kernels write every element.
    let mut out = unsafe { unwritten::<f32>(device, count)? };
    let config = by_element(count);
    let count = count as u64;
    read(inputs, |x| match x {
        // SAFETY: the parameters of `by_column` in `columns.cu`: input and result have `count` elements, the last
        // input three a column.
        [x, by] => unsafe { launch!(&function, config, &count, &columns, x, by, &mut out) },
        // SAFETY: those of `pair_by_column`: likewise, the last input four a column.
        [g, x, by] => unsafe { launch!(&function, config, &count, &columns, g, x, by, &mut out) },
        _ => candle_core::bail!("{name}: expected two or three inputs, got {}", x.len()),
    })?;
    Ok(stored(out, device))
}

/// What `column_parts` sums.
#[derive(Clone, Copy)]
enum Mode {
    Plain,
    Squares,
    Along,
    Rows,
}

/// Pairs of sums of parts of the rows, by column.
struct Parts {
    device: CudaDevice,
    columns: usize,
    count: u32,
    sums: CudaSlice<f64>,
}

impl Parts {
    /// Columns and rows of a block.
    const BLOCK: (u32, u32) = (32, 8);
    /// The most parts, and the fewest rows of one.
    const MOST: usize = 256;
    const ROWS: usize = 64;

    fn sum(mode: Mode, g: &Tensor, x: &Tensor, by: &Tensor, columns: usize) -> Result<Self> {
        let (device, rows) = (device(x)?, x.elem_count() / columns);
        let rows_a_part = rows.div_ceil(Self::MOST).max(Self::ROWS);
        let count = rows.div_ceil(rows_a_part);
        let function = function(&device, &COLUMNS, "column_parts")?;
        // SAFETY: the kernel writes a pair a part and column.
        let mut sums = unsafe { unwritten::<f64>(&device, 2 * count * columns)? };
        let config = grid((columns.div_ceil(32) as u32, count as u32), Self::BLOCK);
        read(&[&plain::<f32>(g)?, &plain::<f32>(x)?, by], |x| {
            let (rows, columns, rows_a_part) = (rows as u64, columns as u32, rows_a_part as u64);
            let mode = mode as i32;
            // SAFETY: the parameters of `column_parts` in `columns.cu`: g and x have `rows * columns` elements, `by`
            // one a column, in mode `Rows` four a row, in mode `Plain` it is not read; a block has 256 threads.
            unsafe {
                launch!(
                    &function,
                    config,
                    &rows,
                    &columns,
                    &rows_a_part,
                    &mode,
                    &x[0],
                    &x[1],
                    &x[2],
                    &mut sums
                )
            }
        })?;
        Ok(Self {
            device,
            columns,
            count: count as u32,
            sums,
        })
    }

    /// A function by column, how to launch it, and the number of columns.
    fn finish(&self, name: &str) -> Result<(Function, LaunchConfig, u32)> {
        let function = function(&self.device, &COLUMNS, name)?;
        let blocks = self.columns.div_ceil(64) as u32;
        Ok((function, grid((blocks, 1), (64, 1)), self.columns as u32))
    }

    /// # Safety
    /// Every element has to be written before one is read.
    unsafe fn unwritten(&self, len: usize) -> Result<CudaSlice<f32>> {
        // SAFETY: the caller's promise is the one asked for here.
        unsafe { unwritten::<f32>(&self.device, len) }
    }
}
