use candle_core::{Result, Tensor};

use super::concatenate;

/// Joins tensors along their first axis as they come, without history.
///
/// Where the number of rows is known they go into one buffer at once: nothing is kept twice, and the memory of each
/// tensor serves the next.
///
/// # Examples
/// ```
/// use keras_ops::{Device, Joiner, Tensor};
/// let mut joiner = Joiner::new(Some(3));
/// joiner.push(&Tensor::new(&[1f32, 2.], &Device::Cpu)?)?;
/// joiner.push(&Tensor::new(&[3f32], &Device::Cpu)?)?;
/// assert_eq!(joiner.finish()?.to_vec1::<f32>()?, [1., 2., 3.]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Joiner {
    rows: Option<usize>,
    /// Where the rows go, and how many it has.
    whole: Option<(Tensor, usize)>,
    parts: Vec<Tensor>,
}

impl Joiner {
    /// One that will be given `rows` rows, if that is known; it may get more or fewer.
    pub fn new(rows: Option<usize>) -> Self {
        Self {
            rows,
            ..Self::default()
        }
    }

    /// Adds rows.
    ///
    /// # Errors
    /// When a buffer cannot be had on the device.
    pub fn push(&mut self, rows: &Tensor) -> Result<()> {
        let rows = rows.detach();
        if let (Some(total), Some((&count, rest))) = (self.rows, rows.dims().split_first())
            && self.whole.is_none()
            && self.parts.is_empty()
            && total > count
        {
            let dims = [&[total], rest].concat();
            self.whole = Some((Tensor::zeros(dims, rows.dtype(), rows.device())?, 0));
        }
        let Some((whole, done)) = &mut self.whole else {
            self.parts.push(rows);
            return Ok(());
        };
        let count = rows.dims().first().copied().unwrap_or(0);
        let alike = rows.rank() == whole.rank() && rows.dims()[1..] == whole.dims()[1..];
        if alike && rows.dtype() == whole.dtype() && *done + count <= whole.dims()[0] {
            whole.slice_set(&rows.contiguous()?, 0, *done)?;
            *done += count;
            return Ok(());
        }
        self.parts.push(whole.narrow(0, 0, *done)?);
        self.parts.push(rows);
        (self.rows, self.whole) = (None, None);
        Ok(())
    }

    /// All rows.
    ///
    /// # Errors
    /// When there were none at all, or they do not fit together.
    pub fn finish(self) -> Result<Tensor> {
        match (self.whole, self.parts.as_slice()) {
            (Some((whole, done)), _) if done == whole.dims()[0] => Ok(whole),
            (Some((whole, done)), _) => whole.narrow(0, 0, done),
            (None, [one]) => Ok(one.clone()),
            (None, many) => concatenate(&many.iter().collect::<Vec<_>>(), 0),
        }
    }
}
