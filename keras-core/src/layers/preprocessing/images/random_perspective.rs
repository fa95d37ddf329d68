//! Images seen from elsewhere.

use keras_ops::image::{self, FillMode, Interpolation};
use keras_ops::{self as ops, DType, Device, Tensor, host};

use super::arguments::{Bounds, FactorRange, check_interpolation};
use super::base::{Augmentation, ImageBase, ImageShape, image_layer, image_shape, where_chosen};
use super::boxes::{BoundingBoxFormat, BoundingBoxes};
use super::warp::{Sampling, around, moves_pixels};
use crate::layers::base::{base_accessors, common_methods, layer_entry};
use crate::{Result, bail};

image_layer! {
    /// In training, moves the corners of images by random parts of their coordinates, each image with a random
    /// probability, and shows it in that perspective.
    ///
    /// # Shapes
    /// Images (height, width, channels) or a batch of them; the output has the same shape.
    ///
    /// # Errors
    /// When an argument is out of range.
    ///
    /// ```
    /// use keras_core::layers::{Augmentation, RandomPerspective, Perspective};
    /// use keras_ops::{DType, Device, Tensor};
    /// let x = Tensor::ones((1, 4, 4, 1), DType::F32, &Device::Cpu)?;
    /// let corners = vec![[[0., 0.], [3., 0.], [0., 3.], [3., 3.]]]; // where they are
    /// let same = Perspective { chosen: vec![true], corners };
    /// let y = RandomPerspective::new().transform_images(&x, &same)?;
    /// assert!(y.flatten_all()?.to_vec1::<f32>()?.iter().all(|v| (v - 1.).abs() < 1e-5));
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    RandomPerspective, "shows images in another perspective", random,
    new(),
    {
        /// The probability, within 0 and 1: drawn for each image from this range; one number reaches from 0.
        factor: FactorRange as impl Into<FactorRange> = FactorRange::One(1.),
        /// How far corners move, within 0 and 1: by half of this part of their coordinates, either way.
        scale: f64 as f64 = 1.,
        /// How values between pixels are made.
        interpolation: Interpolation as Interpolation = Interpolation::Bilinear,
        /// What lies outside of an image.
        fill_value: f64 as f64 = 0.,
    }
}

/// How a batch is seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Perspective {
    /// Which images are changed.
    pub chosen: Vec<bool>,
    /// Where the corners go, each as (x, y): top left, top right, bottom left, bottom right.
    pub corners: Vec<[[f64; 2]; 4]>,
}

/// The corners of an image.
fn corners_of(height: usize, width: usize) -> [[f64; 2]; 4] {
    let (right, bottom) = (width as f64 - 1., height as f64 - 1.);
    [[0., 0.], [right, 0.], [0., bottom], [right, bottom]]
}

impl RandomPerspective {
    fn bounds(&self) -> Result<Bounds> {
        self.factor.meeting("RandomPerspective", "factor", 0., 1.)
    }

    fn sampling(&self) -> Sampling {
        Sampling {
            interpolation: self.interpolation,
            fill_mode: FillMode::Constant,
            fill_value: self.fill_value,
        }
    }

    fn moved(&self, images: &Tensor, seen: &Perspective, sampling: Sampling) -> Result<Tensor> {
        let sizes = image_shape(&self.base, images)?;
        let points = |corners: Vec<[[f64; 2]; 4]>| {
            let flat: Vec<f64> = corners.into_iter().flatten().flatten().collect();
            Tensor::from_vec(flat, (seen.corners.len(), 4, 2), &Device::Cpu)
        };
        let start = points(vec![corners_of(sizes.height, sizes.width); seen.corners.len()])?;
        let end = points(seen.corners.clone())?;
        let moved = image::perspective_transform(images, &start, &end, &sampling.options(&self.base))?;
        where_chosen(&seen.chosen, &moved, images)
    }
}

/// The map of the plane that takes the corners of an image to `to`: `(a x + b y + c) / (g x + h y + 1)`, and so on.
fn map_to(to: &[[f64; 2]; 4], height: usize, width: usize) -> Result<Vec<f64>> {
    let (mut rows, mut right) = (Vec::with_capacity(64), Vec::with_capacity(8));
    for ([x, y], [u, v]) in corners_of(height, width).into_iter().zip(*to) {
        rows.extend([x, y, 1., 0., 0., 0., -u * x, -u * y]);
        rows.extend([0., 0., 0., x, y, 1., -v * x, -v * y]);
        right.extend([u, v]);
    }
    let rows = Tensor::from_vec(rows, (8, 8), &Device::Cpu)?;
    let solved = ops::solve(&rows, &Tensor::from_vec(right, (8, 1), &Device::Cpu)?)?;
    Ok(host::read(&ops::cast(&solved, DType::F64)?, |v: &[f64]| {
        Ok(v.to_vec())
    })?)
}

impl Augmentation for RandomPerspective {
    type Transformation = Perspective;

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn check(&self) -> Result<()> {
        self.bounds()?;
        if !(0. ..=1.).contains(&self.scale) {
            bail!(
                "RandomPerspective: `scale` must be between 0 and 1, got {}",
                self.scale
            );
        }
        check_interpolation("RandomPerspective", self.interpolation)
    }

    fn ranges(&self) -> Vec<(&'static str, Result<(f64, f64)>)> {
        vec![("factor", self.bounds())]
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<Perspective> {
        let chosen = self.base.chances(images.batch, self.bounds()?)?;
        let half = 0.5 * self.scale;
        let parts = self.base.uniform(8 * images.batch, (-half, half))?;
        let (parts, _) = parts.as_chunks::<8>();
        let corners = parts.iter().map(|parts| {
            let mut corners = corners_of(images.height, images.width);
            corners
                .as_flattened_mut()
                .iter_mut()
                .zip(parts)
                .for_each(|(at, part)| *at += *at * part);
            corners
        });
        Ok(Perspective {
            chosen,
            corners: corners.collect(),
        })
    }

    moves_pixels!(Perspective);

    /// The upright boxes around what is seen of the old ones.
    fn transform_bounding_boxes(
        &self,
        boxes: &BoundingBoxes,
        seen: &Perspective,
        images: ImageShape,
    ) -> Result<BoundingBoxes> {
        let Some(format) = self.base.bounding_box_format else {
            return Ok(boxes.clone());
        };
        let ImageShape { height, width, .. } = images;
        let map = |(chosen, to): (&bool, &[[f64; 2]; 4])| match chosen {
            true => map_to(to, height, width).map(Some),
            false => Ok(None),
        };
        let maps: Vec<Option<Vec<f64>>> = seen
            .chosen
            .iter()
            .zip(&seen.corners)
            .map(map)
            .collect::<Result<_>>()?;
        let moved = boxes.mapped(|image, values| {
            let values = format.converted(BoundingBoxFormat::Xyxy, values, [height as f32, width as f32]);
            match maps.get(image).and_then(|map| map.as_deref()) {
                Some(&[a, b, c, d, e, f, g, h]) => around(values, |[x, y]| {
                    let (x, y) = (f64::from(x), f64::from(y));
                    let below = g * x + h * y + 1.;
                    [
                        ((a * x + b * y + c) / below) as f32,
                        ((d * x + e * y + f) / below) as f32,
                    ]
                }),
                _ => values,
            }
        })?;
        let clipped = moved.clip_to_image_size(height, width)?;
        clipped.convert_format(BoundingBoxFormat::Xyxy, format, height, width)
    }
}
