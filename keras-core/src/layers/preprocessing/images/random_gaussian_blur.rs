//! Blurred images.

use keras_ops::{self as ops, Tensor, image};
use serde_json::Value;

use super::arguments::{Bounds, FactorRange, ValueRange};
use super::base::{Augmentation, ImageBase, ImageShape, image_layer, where_chosen};
use crate::config::{FromValue, IntoValue, Reader};
use crate::layers::base::{base_accessors, common_methods, layer_entry};
use crate::{Arg, Result, bail};

image_layer! {
    /// In training, blurs images with a Gaussian, each with a random probability; the deviations are drawn for the
    /// batch.
    ///
    /// # Shapes
    /// Images (height, width, channels) or a batch of them; the output has the same shape.
    ///
    /// # Errors
    /// When a factor is out of range or a size even.
    ///
    /// ```
    /// use keras_core::layers::{Augmentation, Blur, RandomGaussianBlur};
    /// use keras_ops::{DType, Device, Tensor};
    /// let x = Tensor::ones((1, 5, 5, 1), DType::F32, &Device::Cpu)?;
    /// let blur = Blur { chosen: vec![true], sigma: [1., 1.] };
    /// let y = RandomGaussianBlur::new().transform_images(&x, &blur)?;
    /// assert!((y.flatten_all()?.to_vec1::<f32>()?[12] - 1.).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    RandomGaussianBlur, "blurs some images", random,
    new(),
    {
        /// The probability, within 0 and 1: drawn for each image from this range; one number reaches from 0.
        factor: FactorRange as impl Into<FactorRange> = FactorRange::One(1.),
        /// The size of the kernel along width and height: odd.
        kernel_size: KernelSize as impl Into<KernelSize> = KernelSize([3, 3]),
        /// The deviations, within 0 and 1: drawn for each axis from this range; one number reaches from 0.
        sigma: FactorRange as impl Into<FactorRange> = FactorRange::One(1.),
        /// The range of the images' values.
        value_range: ValueRange as impl Into<ValueRange> = ValueRange::BYTES,
    }
}

/// The size of a kernel along width and height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelSize([usize; 2]);

impl From<usize> for KernelSize {
    fn from(size: usize) -> Self {
        Self([size; 2])
    }
}

impl From<[usize; 2]> for KernelSize {
    fn from(sizes: [usize; 2]) -> Self {
        Self(sizes)
    }
}

impl FromValue for KernelSize {
    const EXPECTED: &'static str = "an odd number or a list of two";
    fn from_value(value: &Value) -> Option<Self> {
        match usize::from_value(value) {
            Some(one) => Some(one.into()),
            None => <[usize; 2]>::from_value(value).map(Self),
        }
    }
}

impl Arg for KernelSize {
    fn read<'a>(reader: &mut Reader<'a>, key: &'a str, default: Self) -> Result<Self> {
        reader.or(key, default)
    }

    fn write(&self) -> Value {
        self.0.into_value()
    }
}

/// How a batch is blurred.
#[derive(Clone, Debug, PartialEq)]
pub struct Blur {
    /// Which images are blurred.
    pub chosen: Vec<bool>,
    /// The deviations along width and height.
    pub sigma: [f64; 2],
}

impl RandomGaussianBlur {
    fn bounds(&self, name: &str, factor: FactorRange) -> Result<Bounds> {
        factor.meeting("RandomGaussianBlur", name, 0., 1.)
    }
}

impl Augmentation for RandomGaussianBlur {
    type Transformation = Blur;

    fn image_base(&self) -> &ImageBase {
        &self.base
    }

    fn of_the_batch(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        self.bounds("factor", self.factor)?;
        self.bounds("sigma", self.sigma)?;
        if self.kernel_size.0.iter().any(|size| size % 2 == 0) {
            bail!(
                "RandomGaussianBlur: `kernel_size` must be odd, got {:?}",
                self.kernel_size.0
            );
        }
        Ok(())
    }

    fn ranges(&self) -> Vec<(&'static str, Result<(f64, f64)>)> {
        let bounds = |name: &'static str, factor| (name, self.bounds(name, factor));
        vec![bounds("factor", self.factor), bounds("sigma", self.sigma)]
    }

    fn get_random_transformation(&self, images: ImageShape) -> Result<Blur> {
        let chosen = self
            .base
            .chances(images.batch, self.bounds("factor", self.factor)?)?;
        let drawn = self.base.uniform(2, self.bounds("sigma", self.sigma)?)?;
        let sigma = std::array::from_fn(|axis| drawn.get(axis).copied().unwrap_or(0.) + 1e-6);
        Ok(Blur { chosen, sigma })
    }

    fn transform_images(&self, images: &Tensor, blur: &Blur) -> Result<Tensor> {
        let first = self.base.channels_first();
        let blurred = image::gaussian_blur(images, self.kernel_size.0, blur.sigma, first)?;
        let y = where_chosen(&blur.chosen, &blurred, images)?;
        Ok(ops::clip(&y, self.value_range.0, self.value_range.1)?)
    }
}
