//! Laws of all layers of images, and what they draw.

use keras_core::layer::Call;
use keras_core::layers::*;
use keras_core::{Apply, Layer, LayerRef, Model, Result, Sequential, input, registry};
use keras_ops::random::{Seed, uniform};
use keras_ops::{self as ops, DType, Device, Tensor};
use serde_json::{Value, json};

/// Every layer of images with arguments that change something.
const LAYERS: &[(&str, &str)] = &[
    ("AugMix", "{}"),
    ("AutoContrast", "{}"),
    ("CenterCrop", r#"{"height": 4, "width": 5}"#),
    ("ContrastLimitedAdaptiveHistogramEqualization", "{}"),
    ("CutMix", "{}"),
    ("Equalization", "{}"),
    ("MaxNumBoundingBoxes", r#"{"max_number": 3}"#),
    ("MixUp", "{}"),
    ("RandAugment", "{}"),
    ("RandomBrightness", r#"{"factor": 0.3}"#),
    ("RandomColorDegeneration", r#"{"factor": 0.7}"#),
    (
        "RandomColorJitter",
        r#"{"brightness_factor": 0.3, "contrast_factor": 0.4, "saturation_factor": [0.3, 0.6], "hue_factor": 0.2}"#,
    ),
    ("RandomContrast", r#"{"factor": 0.6}"#),
    ("RandomCrop", r#"{"height": 4, "width": 5}"#),
    ("RandomElasticTransform", "{}"),
    (
        "RandomErasing",
        r#"{"fill_value": 3.0, "factor": [0.9, 1.0], "scale": [0.3, 0.6]}"#,
    ),
    ("RandomFlip", "{}"),
    ("RandomGaussianBlur", "{}"),
    ("RandomGrayscale", "{}"),
    ("RandomHue", r#"{"factor": 0.6}"#),
    ("RandomInvert", r#"{"factor": [0.4, 0.6]}"#),
    ("RandomPerspective", "{}"),
    ("RandomPosterization", r#"{"factor": [2, 6]}"#),
    ("RandomRotation", r#"{"factor": 0.3}"#),
    ("RandomSaturation", r#"{"factor": [0.2, 0.8]}"#),
    ("RandomSharpness", r#"{"factor": 0.9}"#),
    ("RandomShear", r#"{"x_factor": 0.3, "y_factor": 0.2}"#),
    (
        "RandomTranslation",
        r#"{"height_factor": 0.3, "width_factor": 0.2}"#,
    ),
    ("RandomZoom", r#"{"height_factor": 0.4}"#),
    ("Resizing", r#"{"height": 4, "width": 5}"#),
    (
        "Solarization",
        r#"{"addition_factor": 0.3, "threshold_factor": 0.7}"#,
    ),
];

/// Those that change images at inference too.
const ALWAYS: [&str; 5] = [
    "AutoContrast",
    "CenterCrop",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "MaxNumBoundingBoxes",
    "Resizing",
];

/// The arguments of a layer of images.
pub(super) fn arguments(class_name: &str) -> Option<Value> {
    let (_, arguments) = LAYERS.iter().find(|(name, _)| *name == class_name)?;
    serde_json::from_str(arguments).ok()
}

fn config(text: &str, more: Value) -> Value {
    let mut config: Value = serde_json::from_str(text).unwrap();
    config
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    config
}

fn is_random(class_name: &str) -> bool {
    !ALWAYS.contains(&class_name) && class_name != "Equalization"
}

fn layer(class_name: &str, arguments: &str, data_format: &str, seed: u64) -> Box<dyn Layer> {
    let mut more = json!({"data_format": data_format});
    if is_random(class_name) {
        more["seed"] = json!(seed);
    }
    let core = registry::core();
    let value = json!({"class_name": class_name, "config": config(arguments, more)});
    core.layers.from_value(&value, core).unwrap()
}

fn pixels(seed: u64) -> Tensor {
    uniform(
        (4, 7, 8, 3),
        0.,
        255.,
        DType::F32,
        &Device::Cpu,
        Seed::new(seed, 0),
    )
    .unwrap()
}

fn call(layer: &dyn Layer, x: &Tensor, training: bool) -> Tensor {
    let outputs = layer.call(std::slice::from_ref(x), &mut Call::new(training));
    outputs
        .unwrap_or_else(|error| panic!("{layer:?}: {error}"))
        .0
        .remove(0)
}

fn values(x: &Tensor) -> Vec<f32> {
    x.flatten_all()
        .unwrap()
        .to_dtype(DType::F32)
        .unwrap()
        .to_vec1()
        .unwrap()
}

#[test]
fn the_list_has_every_layer_of_images() {
    let names: Vec<&str> = LAYERS.iter().map(|(name, _)| *name).collect();
    for entry in registry::core().layers.iter() {
        let of_images = entry.class_name.starts_with("Random") || names.contains(&entry.class_name);
        assert!(
            !of_images || names.contains(&entry.class_name),
            "{}",
            entry.class_name
        );
    }
    assert_eq!(names.len(), 31);
}

#[test]
fn outputs_have_the_promised_shape_and_dtype() -> Result<()> {
    let x = pixels(1);
    for (name, arguments) in LAYERS {
        let layer = layer(name, arguments, "channels_last", 5);
        let promised = layer
            .compute_output_shape(&[vec![None, Some(7), Some(8), Some(3)]])?
            .remove(0);
        let y = call(&*layer, &x, true);
        assert_eq!(y.dims()[0], 4, "{name}");
        let sizes: Vec<Option<usize>> = y.dims()[1..].iter().map(|d| Some(*d)).collect();
        assert_eq!(sizes, promised[1..], "{name}");
        assert_eq!(layer.compute_output_dtype(&[DType::F32]), y.dtype(), "{name}");
        let bytes = ops::cast(&x, DType::U8)?;
        assert_eq!(
            layer.compute_output_dtype(&[DType::U8]),
            call(&*layer, &bytes, true).dtype(),
            "{name}"
        );
        assert!(values(&y).iter().all(|v| v.is_finite()), "{name}");
    }
    Ok(())
}

#[test]
fn random_layers_leave_images_alone_at_inference() {
    let x = pixels(2);
    for (name, arguments) in LAYERS.iter().filter(|(name, _)| !ALWAYS.contains(name)) {
        let layer = layer(name, arguments, "channels_last", 5);
        assert_eq!(values(&call(&*layer, &x, false)), values(&x), "{name}");
        assert_ne!(values(&call(&*layer, &x, true)), values(&x), "{name}");
    }
}

#[test]
fn equal_seeds_draw_equal_images_and_a_stream_goes_on() {
    let x = pixels(3);
    for (name, arguments) in LAYERS.iter().filter(|(name, _)| is_random(name)) {
        let (a, b) = (
            layer(name, arguments, "channels_last", 9),
            layer(name, arguments, "channels_last", 9),
        );
        let first = values(&call(&*a, &x, true));
        assert_eq!(first, values(&call(&*b, &x, true)), "{name}");
        let second = values(&call(&*a, &x, true));
        assert_ne!(first, second, "{name}");
        // The stream is what is saved with a model: from its state another layer goes on alike.
        let c = layer(name, arguments, "channels_last", 1);
        assert_eq!(c.base().seeds().len(), 1, "{name}");
        c.base().seeds()[0].load_state(b.base().seeds()[0].state());
        assert_eq!(second, values(&call(&*c, &x, true)), "{name}");
    }
}

#[test]
fn channels_first_is_channels_last_turned() -> Result<()> {
    let x = pixels(4);
    let turned = ops::transpose(&x, &[0, 3, 1, 2])?;
    for (name, arguments) in LAYERS {
        // Keras's own axes are those of channels_last there.
        if ["AutoContrast", "AugMix", "RandAugment"].contains(name) {
            continue;
        }
        let last = call(&*layer(name, arguments, "channels_last", 6), &x, true);
        let first = call(&*layer(name, arguments, "channels_first", 6), &turned, true);
        let back = ops::transpose(&first, &[0, 2, 3, 1])?;
        assert_eq!(back.dims(), last.dims(), "{name}");
        for (a, b) in values(&back).iter().zip(values(&last)) {
            assert!((a - b).abs() < 1e-3, "{name}: {a} and {b}");
        }
    }
    Ok(())
}

#[test]
fn one_image_is_a_batch_of_one() -> Result<()> {
    let x = pixels(5);
    let one = ops::narrow(&x, 0, 0, 1)?;
    for (name, arguments) in LAYERS {
        let batch = call(&*layer(name, arguments, "channels_last", 7), &one, true);
        let single = call(
            &*layer(name, arguments, "channels_last", 7),
            &ops::squeeze(&one, Some(&[0]))?,
            true,
        );
        assert_eq!(single.dims(), &batch.dims()[1..], "{name}");
        assert_eq!(values(&single), values(&batch), "{name}");
    }
    Ok(())
}

#[test]
fn half_precision_stays_half_precision() -> Result<()> {
    let x = ops::cast(&pixels(6), DType::BF16)?;
    for (name, arguments) in LAYERS {
        let core = registry::core();
        let value = json!({"class_name": name, "config": config(arguments, json!({"dtype": "bfloat16"}))});
        let layer = core.layers.from_value(&value, core)?;
        assert_eq!(call(&*layer, &x, true).dtype(), DType::BF16, "{name}");
    }
    Ok(())
}

#[test]
fn all_that_belongs_to_images_moves_with_them() -> Result<()> {
    let x = pixels(7);
    let labels = Tensor::eye(4, DType::F32, &Device::Cpu)?;
    for training in [false, true] {
        // A mask that is the image itself moves as the image does.
        let flip = RandomFlip::new()
            .seed(3)
            .bounding_box_format(BoundingBoxFormat::RelXyxy);
        let boxes = Tensor::full(0.25f32, (4, 1, 4), &Device::Cpu)?;
        let boxes = ops::add(&boxes, &Tensor::new(&[0f32, 0., 0.5, 0.25], &Device::Cpu)?)?;
        let data = ImageBatch::new(x.clone())
            .labels(labels.clone())
            .segmentation_masks(x.clone())
            .bounding_boxes(BoundingBoxes::new(
                boxes,
                Tensor::ones((4, 1), DType::I64, &Device::Cpu)?,
            ));
        let data = flip.augment(data, training)?;
        let masks = data.segmentation_masks.unwrap();
        assert_eq!(values(&masks), values(&data.images));
        assert_eq!(values(&data.labels.unwrap()), values(&labels));
        let moved = data.bounding_boxes.unwrap().boxes.to_vec3::<f32>()?;
        for (image, moved) in moved.iter().enumerate() {
            let same = |a: &Tensor| values(&a.narrow(0, image, 1).unwrap());
            let flipped = same(&data.images) != same(&x);
            let expected = if flipped {
                [0.25, 0.5, 0.75, 0.75]
            } else {
                [0.25, 0.25, 0.75, 0.5]
            };
            assert_eq!(moved[0], expected);
        }
    }
    let mixed = MixUp::new()
        .seed(2)
        .augment(ImageBatch::new(x).labels(labels), true)?;
    let sums = ops::sum(&mixed.labels.unwrap(), Some(&[1]), false)?;
    assert!(values(&sums).iter().all(|s| (s - 1.).abs() < 1e-6));
    Ok(())
}

#[test]
fn a_pipeline_applies_its_layers_to_all_data() -> Result<()> {
    let x = pixels(8);
    let pipeline = Pipeline::new()
        .add(Resizing::new(6, 6))
        .add(RandomFlip::new().mode(FlipMode::Horizontal).seed(4))
        .add(Rescaling::new(1. / 255.));
    let data = ImageBatch::new(x.clone()).segmentation_masks(ops::cast(&x, DType::U8)?);
    let data = pipeline.augment(data, true)?;
    assert_eq!(data.images.dims(), [4, 6, 6, 3]);
    assert_eq!(
        data.segmentation_masks.map(|m| (m.dtype(), m.dims().to_vec())),
        Some((DType::U8, vec![4, 6, 6, 3]))
    );
    assert!(values(&data.images).iter().all(|v| (0. ..=1.).contains(v)));

    let core = registry::core();
    let value = json!({"class_name": "Pipeline", "config": pipeline.config().0});
    let again = core.layers.from_value(&value, core)?;
    assert_eq!(again.config(), pipeline.config());
    assert_eq!(
        values(&call(&*again, &x, false)),
        values(&call(&pipeline, &x, false))
    );
    let wrong =
        json!({"class_name": "Pipeline", "config": {"layers": [{"class_name": "RandomFlop", "config": {}}]}});
    let error = core.layers.from_value(&wrong, core).unwrap_err().to_string();
    assert!(
        error.contains("`layers`, number 0") && error.contains("RandomFlip"),
        "{error}"
    );
    Ok(())
}

#[test]
fn augmentation_is_a_part_of_a_model() -> Result<()> {
    let model = Sequential::new()
        .input([7, 8, 3])
        .add(RandomFlip::new().seed(1))
        .add(RandomTranslation::new(0.2, 0.2))
        .add(CenterCrop::new(4, 4))
        .add(Flatten::new())
        .build_on(&Device::Cpu)?;
    assert_eq!(model.output_shapes(), [[None, Some(48)]]);
    assert_eq!(model.seeds().len(), 2);
    let x = pixels(9);
    let y = model
        .call(std::slice::from_ref(&x), &mut Call::new(false))?
        .remove(0);
    let cropped = call(&CenterCrop::new(4, 4), &x, false);
    assert_eq!(values(&y), values(&cropped));
    Ok(())
}

#[test]
fn wrong_arguments_are_errors_that_say_why() {
    let image: Vec<Option<usize>> = vec![None, Some(7), Some(8), Some(3)];
    let cases: Vec<(Box<dyn Layer>, &str)> = vec![
        (
            Box::new(RandomBrightness::new(1.5)),
            "`factor` must be a number or a list of two numbers in the range [-1, 1]",
        ),
        (Box::new(RandomContrast::new(-0.5)), "[0, 1], got -0.5"),
        (Box::new(RandomZoom::new(-1.)), "above -1"),
        (
            Box::new(RandomZoom::new(0.5).width_factor(FactorRange::One(1.5))),
            "`width_factor`",
        ),
        (
            Box::new(RandomTranslation::new([0.5, 1.5], 0.)),
            "`height_factor`",
        ),
        (Box::new(RandomShear::new().x_factor(1.5)), "`x_factor`"),
        (Box::new(RandomPosterization::new(9)), "[1, 8]"),
        (Box::new(RandomPosterization::new(2.5)), "numbers of bits"),
        (Box::new(RandomGaussianBlur::new().kernel_size(4usize)), "odd"),
        (Box::new(RandomGrayscale::new().factor(2.)), "between 0 and 1"),
        (Box::new(RandomPerspective::new().scale(2.)), "`scale`"),
        (
            Box::new(RandomRotation::new(0.1).interpolation(ops::image::Interpolation::Bicubic)),
            "bicubic",
        ),
        (
            Box::new(RandomRotation::new(0.1).fill_mode(ops::image::FillMode::Mirror)),
            "mirror",
        ),
        (
            Box::new(RandomColorJitter::new().hue_factor(FactorRange::One(3.))),
            "RandomColorJitter: `hue_factor`: RandomHue",
        ),
        (Box::new(MixUp::new().alpha(0.)), "`alpha`"),
        (Box::new(AugMix::new().num_chains(0)), "`num_chains`"),
        (Box::new(Equalization::new().bins(0)), "`bins`"),
        (Box::new(Resizing::new(0, 3)), "1 or more"),
        (
            Box::new(
                Resizing::new(3, 3)
                    .crop_to_aspect_ratio(true)
                    .pad_to_aspect_ratio(true),
            ),
            "not both",
        ),
        (Box::new(CenterCrop::new(0, 3)), "1 or more"),
        (Box::new(RandomCrop::new(0, 3)), "1 or more"),
    ];
    for (layer, expected) in cases {
        let error = layer
            .compute_output_shape(std::slice::from_ref(&image))
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
    let flat = RandomFlip::new()
        .compute_output_shape(&[vec![None, Some(3)]])
        .unwrap_err()
        .to_string();
    assert!(
        flat.contains("rank 3 (one image) or 4") && flat.contains("(None, 3)"),
        "{flat}"
    );
    let grey = vec![None, Some(4), Some(4), Some(1)];
    let error = RandomColorDegeneration::new(0.5)
        .compute_output_shape(&[grey])
        .unwrap_err()
        .to_string();
    assert!(error.contains("3 channels"), "{error}");
}

#[test]
fn wrong_data_is_an_error_that_says_why() -> Result<()> {
    let x = pixels(10);
    let boxes = || {
        BoundingBoxes::new(
            Tensor::zeros((4, 2, 4), DType::F32, &Device::Cpu).unwrap(),
            Tensor::zeros((4, 2), DType::I64, &Device::Cpu).unwrap(),
        )
    };
    let without = RandomFlip::new().augment(ImageBatch::new(x.clone()).bounding_boxes(boxes()), true);
    assert!(without.unwrap_err().to_string().contains("bounding_box_format"));
    let cut = CutMix::new().bounding_box_format(BoundingBoxFormat::Xyxy);
    let cut = cut.augment(ImageBatch::new(x.clone()).bounding_boxes(boxes()), true);
    assert!(cut.unwrap_err().to_string().contains("not supported"));
    let labels = Tensor::new(&[0i64, 1, 2, 0], &Device::Cpu)?;
    let mixed = MixUp::new().augment(ImageBatch::new(x.clone()).labels(labels), true);
    assert!(mixed.unwrap_err().to_string().contains("one_hot"));
    let error = RandomErasing::new()
        .fill_value(Fill::from([1., 2., 3.]))
        .augment(ImageBatch::new(ops::narrow(&x, 3, 0, 2)?), true);
    assert!(error.unwrap_err().to_string().contains("2 channels"));
    Ok(())
}

#[test]
fn draws_lie_in_their_ranges() -> Result<()> {
    let sizes = ImageShape {
        batch: 2000,
        height: 10,
        width: 20,
        channels: 3,
    };
    let range = |values: Vec<f64>| {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        (least, values.into_iter().fold(f64::NEG_INFINITY, f64::max))
    };
    let near = |(a, b): (f64, f64), (c, d): (f64, f64)| {
        let span = d - c;
        assert!(
            a >= c && b <= d && a - c < 0.02 * span && d - b < 0.02 * span,
            "{a}..{b}, not {c}..{d}"
        );
    };
    let brightness = RandomBrightness::new(0.2).value_range([0., 1.]).seed(1);
    near(range(brightness.get_random_transformation(sizes)?), (-0.2, 0.2));
    let rotation = RandomRotation::new([0.1, 0.2]).seed(1);
    near(range(rotation.get_random_transformation(sizes)?), (36., 72.));
    let shifts = RandomTranslation::new([-0.5, 0.], 0.1)
        .seed(1)
        .get_random_transformation(sizes)?;
    near(range(shifts.iter().map(|s| s[0]).collect()), (-2., 2.));
    near(range(shifts.iter().map(|s| s[1]).collect()), (-5., 0.));
    let zooms = RandomZoom::new(0.3).seed(1).get_random_transformation(sizes)?;
    assert!(zooms.iter().all(|[x, y]| x == y));
    near(range(zooms.iter().map(|z| z[0]).collect()), (0.7, 1.3));
    let bits = RandomPosterization::new(4)
        .seed(1)
        .get_random_transformation(sizes)?;
    assert_eq!(range(bits.into_iter().map(f64::from).collect()), (1., 3.));
    let starts: Vec<[usize; 2]> = (0..300)
        .map(|seed| RandomCrop::new(8, 5).seed(seed).get_random_transformation(sizes))
        .collect::<Result<_>>()?;
    assert_eq!(range(starts.iter().map(|s| s[0] as f64).collect()), (0., 2.));
    assert_eq!(range(starts.iter().map(|s| s[1] as f64).collect()), (0., 15.));
    let flips = RandomFlip::new().seed(1).get_random_transformation(sizes)?;
    assert!((900..1100).contains(&flips.iter().filter(|f| **f).count()));
    let erasure = RandomErasing::new().seed(1).get_random_transformation(sizes)?;
    let widths: Vec<f64> = erasure.rectangles.iter().map(|r| (r[2] - r[0]) / 20.).collect();
    near(range(widths), (0.02f64.sqrt(), 0.33f64.sqrt()));
    assert!(
        erasure
            .rectangles
            .iter()
            .all(|[l, t, r, b]| *l >= 0. && *t >= 0. && *r <= 20.001 && *b <= 10.001)
    );
    let mixture = MixUp::new().seed(1).get_random_transformation(sizes)?;
    let mut order = mixture.order.clone();
    order.sort_unstable();
    assert_eq!(order, (0..2000).collect::<Vec<u32>>());
    Ok(())
}

#[test]
fn a_shared_layer_of_images_has_one_stream() -> Result<()> {
    let noise = LayerRef::new(RandomBrightness::new(0.2).seed(3).name("shared"));
    let (a, b) = (input([4, 4, 3]).name("a"), input([4, 4, 3]).name("b"));
    let sum = Add::new().apply([&noise.apply(&a)?, &noise.apply(&b)?])?;
    let model = Model::new_on([&a, &b], &sum, &Device::Cpu)?;
    assert_eq!(model.seeds().len(), 1);
    Ok(())
}
