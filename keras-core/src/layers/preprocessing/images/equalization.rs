//! Images whose values are spread evenly.

use keras_ops::{self as ops, Device, Tensor, host};

use super::arguments::ValueRange;
use super::base::{Augmentation, ImageBase, ImageShape, image_layer};
use crate::layers::base::{base_accessors, common_methods, layer_entry};
use crate::{Result, bail};

image_layer! {
    /// In training, maps the values of each channel so that all occur about equally often.
    ///
    /// As in Keras, how often values occur is counted over the batch, and at inference nothing is done.
    ///
    /// # Shapes
    /// Images (height, width, channels) or a batch of them; the output has the same shape.
    ///
    /// # Errors
    /// When there are no bins.
    ///
    /// ```
    /// use keras_core::{Layer, layer::Call, layers::Equalization};
    /// use keras_ops::{Device, Tensor};
    /// let x = Tensor::new(&[[[[10f32], [20.], [30.]]]], &Device::Cpu)?;
    /// let y = Equalization::new().call(&[x], &mut Call::new(true))?;
    /// assert_eq!(y.0[0].flatten_all()?.to_vec1::<f32>()?, [0., 128., 255.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Equalization, "spreads the values of images evenly", fixed,
    new(),
    {
        /// The range of the images' values.
        value_range: ValueRange as impl Into<ValueRange> = ValueRange::BYTES,
        /// The number of values that are told apart.
        bins: usize as usize = 256,
    }
}

impl Equalization {
    /// What each bin of a channel is mapped to, unless all values are in one.
    fn table(&self, bins: impl Iterator<Item = usize>) -> Option<Vec<f32>> {
        let mut counts = vec![0u32; self.bins];
        bins.for_each(|bin| counts[bin] += 1);
        if counts.iter().filter(|c| **c > 0).count() <= 1 {
            return None;
        }
        let mut sum = 0;
        let cumulated = counts.iter().map(|c| {
            sum += c;
            sum
        });
        let cumulated: Vec<u32> = cumulated.collect();
        let least = cumulated.iter().copied().find(|c| *c > 0).unwrap_or(0);
        let span = (sum - least).max(1) as f32;
        let place = |c: u32| (c.saturating_sub(least) as f32 * 255. / span).round_ties_even();
        Some(cumulated.into_iter().map(|c| place(c).clamp(0., 255.)).collect())
    }

    fn equalized(&self, values: &mut [f32], channels: usize, inner: usize) {
        let (from, span) = (
            self.value_range.0 as f32,
            (self.value_range.1 - self.value_range.0) as f32,
        );
        let byte = |v: f32| (v - from) * (255. / span);
        let last = (self.bins - 1) as f32;
        let counted = |v: f32| ((byte(v) * last / 255.) as i64).clamp(0, self.bins as i64 - 1) as usize;
        let looked_up = |v: f32| (byte(v) / 255. * last).clamp(0., last) as usize;
        for channel in 0..channels {
            let of_channel = |at: usize| (at / inner) % channels == channel;
            let own = values.iter().enumerate().filter(|(at, _)| of_channel(*at));
            let Some(table) = self.table(own.map(|(_, v)| counted(*v))) else {
                continue;
            };
            let own = values.iter_mut().enumerate().filter(|(at, _)| of_channel(*at));
            own.for_each(|(_, v)| *v = table[looked_up(*v)] * (span / 255.) + from);
        }
    }
}

impl Augmentation for Equalization {
    type Transformation = ();

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn of_the_batch(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        if self.bins == 0 {
            bail!("Equalization: `bins` must be 1 or more, got 0");
        }
        Ok(())
    }

    fn get_random_transformation(&self, _images: ImageShape) -> Result<()> {
        Ok(())
    }

    fn transform_images(&self, images: &Tensor, (): &()) -> Result<Tensor> {
        let sizes = super::base::image_shape(&self.base, images)?;
        let inner = if self.base.channels_first() {
            sizes.height * sizes.width
        } else {
            1
        };
        let mut values = host::read(images, |v: &[f32]| Ok(v.to_vec()))?;
        self.equalized(&mut values, sizes.channels.max(1), inner.max(1));
        let y = Tensor::from_vec(values, images.shape(), &Device::Cpu)?;
        Ok(ops::cast(&y, images.dtype())?.to_device(images.device())?)
    }
}
