//! Images whose values are spread evenly, part by part.

use keras_ops::{self as ops, DType, Device, Tensor, host};
use rayon::prelude::*;

use super::arguments::ValueRange;
use super::base::{Augmentation, ImageBase, ImageShape, image_layer, image_shape};
use crate::layers::base::{base_accessors, common_methods, layer_entry};
use crate::{Result, bail};

image_layer! {
    /// Spreads the values within each tile of an image evenly, without raising contrast more than `clip_limit` times,
    /// and blends the tiles into each other; in training and at inference.
    ///
    /// # Shapes
    /// Images (height, width, channels) or a batch of them; the output has the same shape. Whole numbers stay whole
    /// numbers, cut off.
    ///
    /// # Errors
    /// When there are no tiles.
    ///
    /// ```
    /// use keras_core::{Layer, layer::Call, layers::ContrastLimitedAdaptiveHistogramEqualization};
    /// use keras_ops::{DType, Device, Tensor};
    /// let x = Tensor::full(7f32, (1, 16, 16, 1), &Device::Cpu)?;
    /// let layer = ContrastLimitedAdaptiveHistogramEqualization::new().clip_limit(0.);
    /// let y = layer.call(&[x], &mut Call::new(false))?.0[0].flatten_all()?.to_vec1::<f32>()?;
    /// assert!(y.iter().all(|v| *v == 255.)); // all pixels are no greater than 7
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    ContrastLimitedAdaptiveHistogramEqualization, "spreads the values of images evenly, part by part", fixed,
    new(),
    {
        /// The range of the images' values.
        value_range: ValueRange as impl Into<ValueRange> = ValueRange::BYTES,
        /// How often a value may occur, compared with an even spread; 0 for any number.
        clip_limit: f64 as f64 = 4.,
        /// The number of tiles along height and width.
        tile_grid_size: Vec<usize> as [usize; 2] = vec![8, 8],
    }
}

/// One image: its sizes, those of a tile, and the number of tiles.
#[derive(Clone, Copy)]
struct Tiles {
    size: [usize; 2],
    tile: [usize; 2],
    grid: [usize; 2],
    channels: usize,
}

impl Tiles {
    /// The pixel of the image that stands for a place beyond its end: mirrored at the border.
    fn mirrored(&self, axis: usize, at: usize) -> usize {
        let n = self.size[axis];
        let at = at % (2 * n);
        if at < n { at } else { 2 * n - 1 - at }
    }

    fn index(&self, y: usize, x: usize, channel: usize) -> usize {
        (y * self.size[1] + x) * self.channels + channel
    }

    /// For each tile and channel, the value that each value is mapped to.
    fn maps(&self, bytes: &[u8], clip_limit: f64) -> Vec<[f32; 256]> {
        let area = (self.tile[0] * self.tile[1]) as f32;
        let limit = (clip_limit * f64::from(area) / 256.) as f32;
        let mut maps = Vec::with_capacity(self.grid[0] * self.grid[1] * self.channels);
        for row in 0..self.grid[0] {
            for column in 0..self.grid[1] {
                for channel in 0..self.channels {
                    let mut counts = [0f32; 256];
                    for y in row * self.tile[0]..(row + 1) * self.tile[0] {
                        for x in column * self.tile[1]..(column + 1) * self.tile[1] {
                            let at = self.index(self.mirrored(0, y), self.mirrored(1, x), channel);
                            counts[usize::from(bytes[at])] += 1.;
                        }
                    }
                    if clip_limit > 0. {
                        let excess: f32 = counts.iter().map(|c| c - c.min(limit)).sum();
                        counts.iter_mut().for_each(|c| *c = c.min(limit) + excess / 256.);
                    }
                    maps.push(spread(counts, area));
                }
            }
        }
        maps
    }

    /// Where the middle of row or column `at` lies among tiles: the two nearest and the share of the second.
    fn between(&self, axis: usize, at: usize) -> ([usize; 2], f32) {
        let tile = self.tile[axis] as f32;
        let place = (at as f32 - tile / 2.) / tile + 1.;
        let low = place.floor();
        // Tile 0 and the last one are repeated beyond the border.
        let tile = |i: f32| (i.clamp(0., self.grid[axis] as f32 + 1.) as usize).clamp(1, self.grid[axis]) - 1;
        ([tile(low), tile(low + 1.)], place - low)
    }

    fn equalized(&self, values: &mut [f32], clip_limit: f64) {
        let bytes: Vec<u8> = values.iter().map(|v| *v as u8).collect();
        let maps = self.maps(&bytes, clip_limit);
        for y in 0..self.size[0] {
            let (rows, wy) = self.between(0, y);
            for x in 0..self.size[1] {
                let (columns, wx) = self.between(1, x);
                for channel in 0..self.channels {
                    let at = self.index(y, x, channel);
                    let mapped = |row: usize, column: usize| {
                        maps[(row * self.grid[1] + column) * self.channels + channel][usize::from(bytes[at])]
                    };
                    let line =
                        |row: usize| mapped(row, columns[0]) * (1. - wx) + mapped(row, columns[1]) * wx;
                    values[at] = line(rows[0]) * (1. - wy) + line(rows[1]) * wy;
                }
            }
        }
    }
}

/// The map that spreads values of these counts over 0..255.
fn spread(mut counts: [f32; 256], area: f32) -> [f32; 256] {
    let mut sum = 0.;
    for count in &mut counts {
        sum += *count;
        *count = sum;
    }
    let least = counts[0];
    let span = if area == least { 1. } else { area - least };
    counts.map(|c| ((c - least) * 255. / span).clamp(0., 255.))
}

impl Augmentation for ContrastLimitedAdaptiveHistogramEqualization {
    type Transformation = ();

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn at_inference(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        if self.tile_grid_size.len() != 2 || self.tile_grid_size.contains(&0) {
            bail!(
                "ContrastLimitedAdaptiveHistogramEqualization: `tile_grid_size` must be two numbers of 1 or more, got {:?}",
                self.tile_grid_size
            );
        }
        Ok(())
    }

    fn output_dtype(&self, input: DType) -> DType {
        if input.is_float() {
            self.base.compute_dtype()
        } else {
            input
        }
    }

    fn get_random_transformation(&self, _images: ImageShape) -> Result<()> {
        Ok(())
    }

    fn transform_images(&self, images: &Tensor, (): &()) -> Result<Tensor> {
        let last = match self.base.channels_first() {
            true => ops::transpose(images, &[0, 2, 3, 1])?,
            false => images.clone(),
        };
        let ImageShape {
            height,
            width,
            channels,
            ..
        } = image_shape(&self.base, images)?;
        let &[rows, columns] = self.tile_grid_size.as_slice() else {
            return Ok(images.clone());
        };
        let tiles = Tiles {
            size: [height, width],
            tile: [height.div_ceil(rows), width.div_ceil(columns)],
            grid: [rows, columns],
            channels,
        };
        let (from, span) = (
            self.value_range.0 as f32,
            (self.value_range.1 - self.value_range.0) as f32,
        );
        let mut values = host::read(&last, |v: &[f32]| Ok(v.to_vec()))?;
        values.iter_mut().for_each(|v| *v = (*v - from) / span * 255.);
        let image = height * width * channels;
        if image > 0 {
            let each = |image: &mut [f32]| tiles.equalized(image, self.clip_limit);
            values.par_chunks_exact_mut(image).for_each(each);
        }
        values.iter_mut().for_each(|v| *v = *v / 255. * span + from);
        let y = ops::cast(
            &Tensor::from_vec(values, last.dims(), &Device::Cpu)?,
            images.dtype(),
        )?;
        let y = y.to_device(images.device())?;
        Ok(match self.base.channels_first() {
            true => ops::transpose(&y, &[0, 3, 1, 2])?,
            false => y,
        })
    }
}
