//! Numbers, images and sounds, against what Keras computed (`keras/make_arrays.py`).

use std::any::Any;
use std::collections::HashMap;
use std::sync::LazyLock;

use keras_core::config::FromValue;
use keras_core::layer::{Build, Call};
use keras_core::layers::*;
use keras_core::{Layer, LayerRef, Result, registry};
use keras_ops::{DType, Device, Tensor};
use serde_json::{Value, json};

static CASES: LazyLock<Vec<Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../keras/arrays.json")).unwrap());

static FILE: LazyLock<HashMap<String, Tensor>> = LazyLock::new(|| {
    let bytes = include_bytes!("../keras/arrays.safetensors");
    keras_ops::candle::safetensors::load_buffer(bytes, &Device::Cpu).unwrap()
});

/// A case: its layer, what was drawn, its arrays.
struct Case<'a>(&'a Value);

impl Case<'_> {
    fn has(&self, name: &str) -> bool {
        self.0["arrays"].get(name).is_some()
    }

    fn array(&self, name: &str) -> Tensor {
        FILE[self.0["arrays"][name].as_str().unwrap()].clone()
    }

    fn class_name(&self) -> &str {
        self.0["class_name"].as_str().unwrap()
    }

    fn boxed(&self) -> Box<dyn Layer> {
        let core = registry::core();
        core.layers
            .from_value(self.0, core)
            .unwrap_or_else(|error| panic!("{}: {error}", self.0))
    }

    fn layer<L: Layer>(&self) -> L {
        let any: Box<dyn Any> = self.boxed();
        *any.downcast::<L>().unwrap()
    }

    fn drawn<T: FromValue>(&self) -> T {
        T::from_value(&self.0["drawn"]).unwrap()
    }

    fn part<T: FromValue>(&self, name: &str) -> T {
        T::from_value(&self.0["drawn"][name]).unwrap()
    }

    fn order(&self) -> Vec<u32> {
        self.part::<Vec<usize>>("order")
            .into_iter()
            .map(|i| i as u32)
            .collect()
    }

    /// For pixels; the bands of pitch, whose edges Keras computes in float32, with the tolerance of the golden cases,
    /// in decibels what that is of power.
    fn same(&self, name: &str, ours: &Tensor) {
        match (self.class_name(), &self.0["config"]["power_to_db"]) {
            ("MelSpectrogram", Value::Bool(true)) => self.near(name, ours, 0., 10. * 1.0005f64.log10()),
            ("MelSpectrogram", _) => self.near(name, ours, 5e-4, 2e-5),
            _ => self.near(name, ours, 1e-5, 2e-4),
        }
    }

    fn near(&self, name: &str, ours: &Tensor, rel: f64, abs: f64) {
        let theirs = self.array(name);
        let what = format!("{name} of {} {}", self.class_name(), self.0["config"]);
        assert_eq!(ours.dims(), theirs.dims(), "{what}");
        let values = |t: &Tensor| {
            t.to_dtype(DType::F64)
                .unwrap()
                .flatten_all()
                .unwrap()
                .to_vec1::<f64>()
                .unwrap()
        };
        let angles = self.0["config"]["mode"] == "angle";
        for (at, (a, b)) in values(ours).iter().zip(values(&theirs)).enumerate() {
            // pi and -pi are one angle.
            let turns = if angles {
                ((a - b) / std::f64::consts::TAU).round()
            } else {
                0.
            };
            let a = a - turns * std::f64::consts::TAU;
            assert!(
                (a - b).abs() <= abs + rel * b.abs(),
                "{what}: {a} instead of {b} at {at}"
            );
        }
    }

    /// Images, and what goes with them, by the transformation that Keras was given.
    fn transformed<A: Augmentation>(&self, drawn: A::Transformation) -> Result<()> {
        let layer: A = self.layer();
        let x = self.array("x");
        self.same("y", &layer.transform_images(&x, &drawn)?);
        if self.has("mask") {
            self.same(
                "new_mask",
                &layer.transform_segmentation_masks(&self.array("mask"), &drawn)?,
            );
        }
        if self.has("labels") && self.has("new_labels") && !self.has("boxes") {
            self.same(
                "new_labels",
                &layer.transform_labels(&self.array("labels"), &drawn)?,
            );
        }
        if self.has("boxes") {
            let sizes = ImageShape {
                batch: 3,
                height: 9,
                width: 8,
                channels: 3,
            };
            let boxes = BoundingBoxes::new(self.array("boxes"), self.array("labels"));
            let moved = layer.transform_bounding_boxes(&boxes, &drawn, sizes)?;
            self.same("new_boxes", &moved.boxes);
            self.same("new_labels", &moved.labels);
        }
        Ok(())
    }

    /// A layer that is not random, called.
    fn called(&self) -> Result<()> {
        let layer = LayerRef::from_box(self.boxed());
        let mut inputs = vec![self.array("x")];
        inputs.extend(self.has("weights").then(|| self.array("weights")));
        let dims: Vec<_> = inputs
            .iter()
            .map(|x| x.dims().iter().map(|d| Some(*d)).collect())
            .collect();
        layer.build(&dims, &Build::new(&Device::Cpu))?;
        let y = layer.read().call(&inputs, &mut Call::new(true))?.0.remove(0);
        self.same("y", &y);
        let promised = layer.read().compute_output_shape(&dims)?.remove(0);
        let actual: Vec<Option<usize>> = y.dims().iter().map(|d| Some(*d)).collect();
        assert_eq!(promised, actual, "{}", self.0);
        assert_eq!(
            layer.read().compute_output_dtype(&[inputs[0].dtype()]),
            y.dtype(),
            "{}",
            self.0
        );
        Ok(())
    }

    fn check(&self) -> Result<()> {
        match self.class_name() {
            "RandomBrightness" => self.transformed::<RandomBrightness>(self.drawn()),
            "RandomContrast" => self.transformed::<RandomContrast>(self.drawn()),
            "RandomColorDegeneration" => self.transformed::<RandomColorDegeneration>(self.drawn()),
            "RandomGrayscale" => self.transformed::<RandomGrayscale>(self.drawn()),
            "RandomHue" => self.transformed::<RandomHue>(self.drawn()),
            "RandomSaturation" => self.transformed::<RandomSaturation>(self.drawn()),
            "RandomSharpness" => self.transformed::<RandomSharpness>(self.drawn()),
            "RandomPosterization" => {
                let bits = self.drawn::<Vec<usize>>().into_iter().map(|bits| bits as u32);
                self.transformed::<RandomPosterization>(bits.collect())
            }
            "RandomInvert" => self.transformed::<RandomInvert>(self.drawn()),
            "Solarization" => {
                let [additions, thresholds] = self.drawn();
                self.transformed::<Solarization>((additions, thresholds))
            }
            "RandomGaussianBlur" => self.transformed::<RandomGaussianBlur>(Blur {
                chosen: self.part("chosen"),
                sigma: self.part("sigma"),
            }),
            "RandomErasing" => self.transformed::<RandomErasing>(Erasure {
                chosen: self.part("chosen"),
                rectangles: self.part("rectangles"),
                fill: Tensor::full(self.part::<f64>("fill"), (1, 1, 1, 1), &Device::Cpu)?,
            }),
            "RandomRotation" => self.transformed::<RandomRotation>(self.drawn()),
            "RandomTranslation" => self.transformed::<RandomTranslation>(self.drawn()),
            "RandomZoom" => self.transformed::<RandomZoom>(self.drawn()),
            "RandomShear" => self.transformed::<RandomShear>(self.drawn()),
            "RandomPerspective" => self.transformed::<RandomPerspective>(Perspective {
                chosen: self.part("chosen"),
                corners: self.part("corners"),
            }),
            "RandomFlip" => self.transformed::<RandomFlip>(self.drawn()),
            "RandomCrop" => self.transformed::<RandomCrop>(self.drawn()),
            "CenterCrop" => self.transformed::<CenterCrop>(()),
            "Resizing" if self.has("boxes") => self.transformed::<Resizing>(()),
            "MixUp" => self.transformed::<MixUp>(Mixture {
                shares: self.part("shares"),
                order: self.order(),
            }),
            "CutMix" => self.transformed::<CutMix>(Pasting {
                shares: self.part("shares"),
                order: self.order(),
                rectangles: self.part("rectangles"),
            }),
            "Normalization" if self.has("adapt") => self.normalized(),
            "Discretization" if self.has("adapt") => self.discretized(),
            _ => self.called(),
        }
    }

    fn normalized(&self) -> Result<()> {
        let x = self.array("x");
        let mut before: Normalization = self.layer();
        before.adapt(self.array("adapt"))?;
        self.same(
            "y",
            &before.call(std::slice::from_ref(&x), &mut Call::new(false))?.0[0],
        );
        let dims = vec![vec![None, Some(4), Some(3)]];
        // With `axis` None Keras keeps a mean of no axes.
        let built = LayerRef::new(before);
        built.build(&dims, &Build::new(&Device::Cpu))?;
        assert_eq!(built.weights("").len(), 3);
        self.same(
            "y",
            &built
                .read()
                .call(std::slice::from_ref(&x), &mut Call::new(false))?
                .0[0],
        );

        let adapt = self.array("adapt");
        let mut batches: Normalization = self.layer();
        batches.adapt_batches([adapt.narrow(0, 0, 7)?, adapt.narrow(0, 7, 13)?])?;
        self.same("y", &batches.call(&[x], &mut Call::new(false))?.0[0]);
        Ok(())
    }

    fn discretized(&self) -> Result<()> {
        let mut layer: Discretization = self.layer();
        layer.adapt(self.array("adapt"))?;
        let ours = layer.bin_boundaries().unwrap().to_vec();
        let count = ours.len();
        self.near(
            "boundaries",
            &Tensor::from_vec(ours, count, &Device::Cpu)?,
            1e-6,
            1e-6,
        );
        let value = json!({"class_name": "Discretization", "config": layer.config().0});
        let again = registry::core().layers.from_value(&value, registry::core())?;
        self.same("y", &again.call(&[self.array("x")], &mut Call::new(false))?.0[0]);
        Ok(())
    }
}

#[test]
fn numbers_images_and_sounds_are_those_of_keras() {
    assert!(CASES.len() > 200);
    let mut wrong = Vec::new();
    for case in CASES.iter().map(Case) {
        let checked = std::panic::catch_unwind(|| case.check().map_err(|error| error.to_string()));
        let said = match checked {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => format!("{} {}: {error}", case.class_name(), case.0["config"]),
            Err(panic) => panic.downcast_ref::<String>().cloned().unwrap_or_default(),
        };
        wrong.push(said);
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        CASES.len(),
        wrong.join("\n")
    );
}
