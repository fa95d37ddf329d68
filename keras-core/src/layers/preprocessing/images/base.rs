//! What layers of images share: their arguments, the data they change, and how random ones draw.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use keras_ops::{self as ops, DType, Device, Seed, Tensor, host, random};

use super::arguments::{Bounds, ValueRange, pair};
use super::boxes::{BoundingBoxFormat, BoundingBoxes};
use crate::config::Reader;
use crate::layer::{Layer, LayerBase};
use crate::layers::base::{DataFormat, cast_input};
use crate::shape::{self, Dims};
use crate::{Arg, Config, Result, SeedGenerator, bail};

/// What every layer of images has besides a [`LayerBase`].
#[derive(Debug)]
pub struct ImageBase {
    layer: LayerBase,
    pub(super) data_format: DataFormat,
    pub(super) bounding_box_format: Option<BoundingBoxFormat>,
    pub(super) seed: Option<u64>,
    pub(super) seeds: SeedGenerator,
}

impl Deref for ImageBase {
    type Target = LayerBase;
    fn deref(&self) -> &LayerBase {
        &self.layer
    }
}

impl DerefMut for ImageBase {
    fn deref_mut(&mut self) -> &mut LayerBase {
        &mut self.layer
    }
}

impl ImageBase {
    pub(super) fn new(random: bool) -> Self {
        Self::with(LayerBase::default(), random, None)
    }

    fn with(mut layer: LayerBase, random: bool, seed: Option<u64>) -> Self {
        let seeds = match random {
            true => layer.add_seed(seed),
            false => SeedGenerator::new(Some(0)),
        };
        Self {
            layer,
            data_format: DataFormat::default(),
            bounding_box_format: None,
            seed,
            seeds,
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>, random: bool) -> Result<Self> {
        let layer = LayerBase::from_reader(reader)?;
        let seed = if random { reader.opt("seed")? } else { None };
        Ok(Self {
            data_format: reader.or_null("data_format", DataFormat::default())?,
            bounding_box_format: reader.opt("bounding_box_format")?,
            ..Self::with(layer, random, seed)
        })
    }

    /// Keras's arguments of all layers of images.
    pub(super) fn write(&self, config: &mut Config, random: bool) {
        config.set("data_format", self.data_format);
        if self.bounding_box_format.is_some() {
            config.set("bounding_box_format", self.bounding_box_format);
        }
        if random {
            config.set("seed", self.seed);
        }
    }

    pub(super) fn set_seed(&mut self, seed: u64) {
        self.seed = Some(seed);
        self.seeds.load_state(Seed::new(seed, 0));
    }

    pub(super) fn channels_first(&self) -> bool {
        self.data_format == DataFormat::ChannelsFirst
    }

    /// The height, width and channel axes of a batch.
    pub(super) fn axes(&self) -> [i64; 3] {
        if self.channels_first() {
            [2, 3, 1]
        } else {
            [1, 2, 3]
        }
    }

    /// `count` numbers, uniform between two bounds.
    pub(super) fn uniform(&self, count: usize, (lower, upper): Bounds) -> Result<Vec<f64>> {
        let drawn = random::uniform(count, lower, upper, DType::F32, &Device::Cpu, self.seeds.next())?;
        Ok(host::read(&drawn, |v: &[f64]| Ok(v.to_vec()))?)
    }

    /// For each of `count` images, whether a number of the layer's probabilities beats one of 0..1.
    pub(super) fn chances(&self, count: usize, probability: Bounds) -> Result<Vec<bool>> {
        let probabilities = self.uniform(count, probability)?;
        let thresholds = self.uniform(count, (0., 1.))?;
        Ok(thresholds
            .iter()
            .zip(probabilities)
            .map(|(t, p)| *t < p)
            .collect())
    }
}

/// The sizes of a batch of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageShape {
    /// Images.
    pub batch: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels.
    pub channels: usize,
}

/// Images and what goes with them. Labels, boxes and masks follow where a layer moves or mixes images.
///
/// All are batches; a single image of rank 3 goes with a label, boxes and a mask without a batch axis.
#[derive(Clone, Debug)]
pub struct ImageBatch {
    /// The images.
    pub images: Tensor,
    /// Labels as vectors, so that they can be mixed.
    pub labels: Option<Tensor>,
    /// Boxes around objects.
    pub bounding_boxes: Option<BoundingBoxes>,
    /// The class of each pixel, in the images' format.
    pub segmentation_masks: Option<Tensor>,
}

impl ImageBatch {
    /// Images alone.
    pub fn new(images: Tensor) -> Self {
        Self {
            images,
            labels: None,
            bounding_boxes: None,
            segmentation_masks: None,
        }
    }

    /// With labels.
    #[must_use]
    pub fn labels(mut self, labels: Tensor) -> Self {
        self.labels = Some(labels);
        self
    }

    /// With boxes, in the layer's `bounding_box_format`.
    #[must_use]
    pub fn bounding_boxes(mut self, bounding_boxes: BoundingBoxes) -> Self {
        self.bounding_boxes = Some(bounding_boxes);
        self
    }

    /// With masks.
    #[must_use]
    pub fn segmentation_masks(mut self, segmentation_masks: Tensor) -> Self {
        self.segmentation_masks = Some(segmentation_masks);
        self
    }

    fn batched(self) -> Result<Self> {
        let up = |x: &Tensor| ops::expand_dims(x, 0);
        Ok(Self {
            images: up(&self.images)?,
            labels: self.labels.as_ref().map(up).transpose()?,
            bounding_boxes: self.bounding_boxes.map(|b| b.batched()).transpose()?,
            segmentation_masks: self.segmentation_masks.as_ref().map(up).transpose()?,
        })
    }

    fn unbatched(self) -> Result<Self> {
        let down = |x: &Tensor| ops::squeeze(x, Some(&[0]));
        Ok(Self {
            images: down(&self.images)?,
            labels: self.labels.as_ref().map(down).transpose()?,
            bounding_boxes: self.bounding_boxes.map(|b| b.unbatched()).transpose()?,
            segmentation_masks: self.segmentation_masks.as_ref().map(down).transpose()?,
        })
    }
}

/// A layer that changes images, and with them their labels, boxes and masks.
///
/// What is random is drawn first and then applied, so that both can be done apart:
/// [`get_random_transformation`](Self::get_random_transformation) and the `transform_…` methods, all on batches.
/// [`augment`](Self::augment) does both. As a layer of a model it changes images alone, in training; layers that are
/// not random work at inference too.
///
/// # Examples
/// ```
/// use keras_core::layers::{Augmentation, ImageBatch, RandomFlip};
/// use keras_ops::{Device, Tensor};
/// let image = Tensor::new(&[[[[1f32], [2.]]]], &Device::Cpu)?;
/// let flip = RandomFlip::new().seed(1);
/// let all = flip.transform_images(&image, &vec![true])?;
/// assert_eq!(all.flatten_all()?.to_vec1::<f32>()?, [2., 1.]);
/// let data = ImageBatch::new(image.clone()).segmentation_masks(image);
/// let data = flip.augment(data, true)?; // both are flipped, or none
/// let mask = data.segmentation_masks.map(|m| m.flatten_all()?.to_vec1::<f32>()).transpose()?;
/// assert_eq!(mask, Some(data.images.flatten_all()?.to_vec1()?));
/// # Ok::<(), keras_core::Error>(())
/// ```
pub trait Augmentation: Layer + Sized {
    /// What is drawn for a batch.
    type Transformation: Clone + fmt::Debug + Send + Sync;

    /// The arguments that all layers of images have.
    fn image_base(&self) -> &ImageBase;

    /// Whether images are changed at inference too.
    fn at_inference(&self) -> bool {
        false
    }

    /// Whether what happens to an image depends on others, or is drawn once for the batch.
    fn of_the_batch(&self) -> bool {
        false
    }

    /// An error when arguments are wrong.
    ///
    /// # Errors
    /// When an argument is out of range.
    fn check(&self) -> Result<()> {
        for (_, range) in self.ranges() {
            range?;
        }
        Ok(())
    }

    /// The arguments that are saved as a range, whatever they were given as.
    fn ranges(&self) -> Vec<(&'static str, Result<(f64, f64)>)> {
        Vec::new()
    }

    /// The shape of the output.
    ///
    /// # Errors
    /// When the layer cannot take such images.
    fn output_shape(&self, input: &Dims) -> Result<Dims> {
        Ok(input.clone())
    }

    /// The dtype of the output.
    fn output_dtype(&self, _input: DType) -> DType {
        self.base().compute_dtype()
    }

    /// Draws what happens to a batch.
    ///
    /// # Errors
    /// When the layer cannot take such images.
    fn get_random_transformation(&self, images: ImageShape) -> Result<Self::Transformation>;

    /// The images changed.
    ///
    /// # Errors
    /// When they do not fit the transformation.
    fn transform_images(&self, images: &Tensor, transformation: &Self::Transformation) -> Result<Tensor>;

    /// The labels changed.
    ///
    /// # Errors
    /// When they do not fit the transformation.
    fn transform_labels(&self, labels: &Tensor, _transformation: &Self::Transformation) -> Result<Tensor> {
        Ok(labels.clone())
    }

    /// The boxes changed; `images` are the sizes before.
    ///
    /// # Errors
    /// When they do not fit the transformation, or the layer cannot move boxes.
    fn transform_bounding_boxes(
        &self,
        boxes: &BoundingBoxes,
        _transformation: &Self::Transformation,
        _images: ImageShape,
    ) -> Result<BoundingBoxes> {
        Ok(boxes.clone())
    }

    /// The masks changed.
    ///
    /// # Errors
    /// When they do not fit the transformation.
    fn transform_segmentation_masks(
        &self,
        masks: &Tensor,
        _transformation: &Self::Transformation,
    ) -> Result<Tensor> {
        Ok(masks.clone())
    }

    /// Draws a transformation and changes images and all that goes with them.
    ///
    /// # Errors
    /// When arguments are wrong, or the layer cannot take such data.
    fn augment(&self, data: ImageBatch, training: bool) -> Result<ImageBatch> {
        augmented(self, data, training)
    }
}

/// A layer with a transformation that it drew, without their types.
pub(super) trait Drawn: fmt::Debug + Send + Sync {
    fn images(&self, images: &Tensor) -> Result<Tensor>;
    fn masks(&self, masks: &Tensor) -> Result<Tensor>;
    fn boxes(&self, boxes: &BoundingBoxes, images: ImageShape) -> Result<BoundingBoxes>;
}

#[derive(Debug)]
struct Of<A: Augmentation>(A, A::Transformation);

impl<A: Augmentation> Drawn for Of<A> {
    fn images(&self, images: &Tensor) -> Result<Tensor> {
        self.0.transform_images(images, &self.1)
    }

    fn masks(&self, masks: &Tensor) -> Result<Tensor> {
        self.0.transform_segmentation_masks(masks, &self.1)
    }

    fn boxes(&self, boxes: &BoundingBoxes, images: ImageShape) -> Result<BoundingBoxes> {
        self.0.transform_bounding_boxes(boxes, &self.1, images)
    }
}

/// Draws for a batch.
pub(super) fn drawn<A: Augmentation>(layer: A, images: ImageShape) -> Result<Arc<dyn Drawn>> {
    layer.check()?;
    let transformation = layer.get_random_transformation(images)?;
    Ok(Arc::new(Of(layer, transformation)))
}

/// An augmentation, without the type of its transformations.
pub(crate) trait AnyAugmentation {
    fn augment_any(&self, data: ImageBatch, training: bool) -> Result<ImageBatch>;
}

impl<A: Augmentation> AnyAugmentation for A {
    fn augment_any(&self, data: ImageBatch, training: bool) -> Result<ImageBatch> {
        self.augment(data, training)
    }
}

pub(super) fn augmented<A: Augmentation>(layer: &A, data: ImageBatch, training: bool) -> Result<ImageBatch> {
    layer.check()?;
    let class_name = layer.class_name();
    let (data, single) = match data.images.rank() {
        3 => (data.batched()?, true),
        4 => (data, false),
        _ => bail!(
            "{class_name}: expected images of rank 3 (one image) or 4 (a batch), got shape {:?}",
            data.images.dims()
        ),
    };
    layer.output_shape(&shape::dims_of(data.images.dims()))?;
    let output = layer.output_dtype(data.images.dtype());
    let mut data = data;
    if output == layer.base().compute_dtype() {
        data.images = cast_input(layer.base(), &data.images)?;
    }
    if training || layer.at_inference() {
        let sizes = image_shape(layer.image_base(), &data.images)?;
        let drawn = layer.get_random_transformation(sizes)?;
        data.images = layer.transform_images(&data.images, &drawn)?;
        if let Some(boxes) = &data.bounding_boxes {
            if layer.image_base().bounding_box_format.is_none() {
                bail!(
                    "{class_name}: it is given boxes but not their format; set `bounding_box_format`, to `Xyxy` for \
                     example"
                );
            }
            data.bounding_boxes = Some(layer.transform_bounding_boxes(boxes, &drawn, sizes)?);
        }
        data.labels = data
            .labels
            .map(|l| layer.transform_labels(&l, &drawn))
            .transpose()?;
        let masks = data.segmentation_masks;
        data.segmentation_masks = masks
            .map(|m| layer.transform_segmentation_masks(&m, &drawn))
            .transpose()?;
    }
    if single { data.unbatched() } else { Ok(data) }
}

pub(super) fn image_shape(base: &ImageBase, images: &Tensor) -> Result<ImageShape> {
    let (batch, a, b, c) = images.dims4()?;
    let [height, width, channels] = if base.channels_first() {
        [b, c, a]
    } else {
        [a, b, c]
    };
    Ok(ImageShape {
        batch,
        height,
        width,
        channels,
    })
}

/// One number for each image, so shaped that it meets all pixels of the image.
pub(super) fn per_image(values: &[f64], like: &Tensor) -> Result<Tensor> {
    let values = Tensor::from_slice(values, (values.len(), 1, 1, 1), &Device::Cpu)?;
    Ok(ops::cast(&values, like.dtype())?.to_device(like.device())?)
}

/// `changed` for the images that are chosen, `images` for the others.
pub(super) fn where_chosen(chosen: &[bool], changed: &Tensor, images: &Tensor) -> Result<Tensor> {
    if chosen.iter().all(|c| *c) {
        return Ok(ops::broadcast_to(changed, images.dims())?);
    }
    let mask: Vec<u8> = chosen.iter().map(|c| u8::from(*c)).collect();
    let mask = Tensor::from_vec(mask, (chosen.len(), 1, 1, 1), &Device::Cpu)?.to_device(images.device())?;
    Ok(ops::where_(&mask, changed, images)?)
}

/// Values of one range moved to another.
pub(super) fn to_range(x: &Tensor, from: ValueRange, to: ValueRange) -> Result<Tensor> {
    if from == to {
        return Ok(x.clone());
    }
    let scale = (to.1 - to.0) / (from.1 - from.0);
    Ok(ops::scale_shift(x, scale, to.0 - from.0 * scale)?)
}

/// The ranges of a layer in the place of what they were given as.
pub(super) fn write_ranges<A: Augmentation>(layer: &A, config: &mut Config) {
    for (name, range) in layer.ranges() {
        if let Ok(range) = range {
            config.set(name, pair(range));
        }
    }
}

/// A required argument.
pub(super) fn required<'a, T: Arg + Default>(
    reader: &mut Reader<'a>,
    class_name: &str,
    key: &'a str,
) -> Result<T> {
    if reader.raw(key).is_none() {
        bail!("{class_name}: the argument `{key}` is required");
    }
    T::read(reader, key, T::default())
}

/// A layer of images: the struct, its builder methods, its configuration and its [`Layer`], by its arguments. Its
/// [`Augmentation`] says what it does. `random` layers have a seed, `fixed` ones have not.
macro_rules! image_layer {
    (
        $(#[$doc:meta])*
        $type:ident, $line:literal, $random:ident,
        new($($req:ident: $rt:ty as $rp:ty),*),
        { $($(#[$odoc:meta])* $opt:ident: $ot:ty as $op:ty = $default:expr,)* }
    ) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $type {
            base: $crate::layers::preprocessing::images::base::ImageBase,
            $($req: $rt,)*
            $($opt: $ot,)*
        }

        common_methods!($type);
        layer_entry!($type, $line);

        impl $type {
            /// With the arguments that it must have.
            #[allow(clippy::new_without_default, reason = "the macro makes layers with and without arguments")]
            pub fn new($($req: $rp),*) -> Self {
                Self {
                    base: $crate::layers::preprocessing::images::base::ImageBase::new(image_layer!(@is $random)),
                    $($req: $req.into(),)*
                    $($opt: $default,)*
                }
            }

            $(
                $(#[$odoc])*
                #[must_use]
                pub fn $opt(mut self, $opt: $op) -> Self {
                    self.$opt = $opt.into();
                    self
                }
            )*

            /// Where the channels of the images are.
            #[must_use]
            pub fn data_format(mut self, data_format: $crate::layers::DataFormat) -> Self {
                self.base.data_format = data_format;
                self
            }

            /// What the numbers of boxes are.
            #[must_use]
            pub fn bounding_box_format(mut self, format: $crate::layers::BoundingBoxFormat) -> Self {
                self.base.bounding_box_format = Some(format);
                self
            }

            image_layer!(@seed $random);

            fn from_config(config: &$crate::Config, _registry: &$crate::Registry) -> $crate::Result<Self> {
                use $crate::layers::preprocessing::images::base;
                let mut reader = config.reader(stringify!($type));
                let layer = Self {
                    base: base::ImageBase::read(&mut reader, image_layer!(@is $random))?,
                    $($req: base::required::<$rt>(&mut reader, stringify!($type), stringify!($req))?,)*
                    $($opt: <$ot as $crate::Arg>::read(&mut reader, stringify!($opt), $default)?,)*
                };
                reader.finish()?;
                $crate::layers::Augmentation::check(&layer)?;
                Ok(layer)
            }
        }

        impl $crate::Layer for $type {
            base_accessors!();

            fn compute_output_shape(
                &self,
                inputs: &[$crate::shape::Dims],
            ) -> $crate::Result<Vec<$crate::shape::Dims>> {
                use $crate::layers::Augmentation;
                self.check()?;
                let input = $crate::layers::base::only(stringify!($type), inputs)?;
                if !(3..=4).contains(&input.len()) {
                    $crate::bail!(
                        "{}: expected images of rank 3 (one image) or 4 (a batch), got shape {}",
                        stringify!($type),
                        $crate::shape::show(input)
                    );
                }
                Ok(vec![self.output_shape(input)?])
            }

            fn compute_output_dtype(&self, inputs: &[keras_ops::DType]) -> keras_ops::DType {
                let input = inputs.first().copied().unwrap_or(self.base.compute_dtype());
                $crate::layers::Augmentation::output_dtype(self, input)
            }

            fn call(
                &self,
                inputs: &[keras_ops::Tensor],
                cx: &mut $crate::layer::Call,
            ) -> $crate::Result<$crate::layer::Outputs> {
                use $crate::layers::{Augmentation, ImageBatch};
                let images = $crate::layers::base::only(stringify!($type), inputs)?;
                Ok(self.augment(ImageBatch::new(images.clone()), cx.training)?.images.into())
            }

            fn mixes_samples(&self) -> bool {
                $crate::layers::Augmentation::of_the_batch(self)
            }

            fn config(&self) -> $crate::Config {
                use $crate::layers::preprocessing::images::base;
                let mut config = $crate::Config::new();
                self.base.write(&mut config, image_layer!(@is $random));
                $(config.set(stringify!($req), $crate::Arg::write(&self.$req));)*
                $(config.set(stringify!($opt), $crate::Arg::write(&self.$opt));)*
                base::write_ranges(self, &mut config);
                config
            }
        }
    };
    (@seed random) => {
        /// Makes what is drawn repeatable.
        #[must_use]
        pub fn seed(mut self, seed: u64) -> Self {
            self.base.set_seed(seed);
            self
        }

        /// Draws from another layer's stream, for layers that this one is a part of.
        #[allow(dead_code, reason = "some layers are no part of others")]
        pub(super) fn drawing_from(mut self, seeds: &$crate::SeedGenerator) -> Self {
            self.base.seeds = seeds.clone();
            self
        }
    };
    (@seed fixed) => {};
    (@is random) => { true };
    (@is fixed) => { false };
}
pub(super) use image_layer;
