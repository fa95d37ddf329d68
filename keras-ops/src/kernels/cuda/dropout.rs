//! Dropout, with the mask that the processor makes.

use candle_core::{Result, Storage, Tensor};

use super::launch::{by_element, device, function, launch, plain, read, stored, unwritten};
use super::sources::DROPOUT;

/// `x * scale` where kept, else 0: what is kept is [`drop_random`](crate::kernels::dropout::drop_random)'s choice
/// for the same threshold, key and draw.
pub(crate) fn drop_random(x: &Tensor, threshold: u32, scale: f32, key: u64, draw: u64) -> Result<Storage> {
    let (device, count) = (device(x)?, x.elem_count());
    let function = function(&device, &DROPOUT, "dropout")?;
    // SAFETY: the kernel writes every element below `count`.
    let mut out = unsafe { unwritten::<f32>(&device, count)? };
    read(&[&plain::<f32>(x)?], |x| {
        let config = by_element(count.div_ceil(128) * 16);
        let count = count as u64;
        // SAFETY: the parameters of `dropout` in `dropout.cu`; both slices have `count` elements.
        unsafe {
            launch!(
                &function, config, &count, &x[0], &mut out, &threshold, &scale, &key, &draw
            )
        }
    })?;
    Ok(stored(out, &device))
}
