//! What holds for every class in the list: a new one is covered by being listed.

use keras_core::{Config, Entry, Loss, Reduction, Registry, Result};
use keras_losses::ENTRIES;
use keras_ops::{DType, Device, GradientTape, Tensor, Var};

const SAMPLES: usize = 4;
const CLASSES: usize = 3;

pub(crate) fn tensor(f: impl Fn(usize) -> f32, shape: &[usize]) -> Tensor {
    let values: Vec<f32> = (0..shape.iter().product()).map(f).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn labels(f: impl Fn(usize) -> u32, shape: &[usize]) -> Tensor {
    let values: Vec<u32> = (0..shape.iter().product()).map(f).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// Whether a class takes rates or probabilities, not any number.
fn is_positive(class: &str) -> bool {
    matches!(class, "Poisson" | "CategoricalGeneralizedCrossEntropy")
}

/// Targets and predictions that a class takes; predictions are `size` or `-size / 2`, or only `size` for classes of
/// positive predictions.
pub(crate) fn inputs(class: &str, size: f32) -> (Tensor, Tensor) {
    let p = |i: usize| match i % 3 == 1 && !is_positive(class) {
        true => -size / 2.,
        false => size,
    };
    of_predictions(class, p)
}

/// Targets that a class takes, and predictions of these values.
fn of_predictions(class: &str, p: impl Fn(usize) -> f32) -> (Tensor, Tensor) {
    match class {
        "SparseCategoricalCrossentropy"
        | "CategoricalGeneralizedCrossEntropy"
        | "Circle"
        | "Contrastive"
        | "SupervisedContrastive"
        | "Triplet" => (
            labels(|i| i as u32 % 3, &[SAMPLES]),
            tensor(p, &[SAMPLES, CLASSES]),
        ),
        "CTC" => (
            labels(|i| 1 + i as u32 % 2, &[SAMPLES, 2]),
            tensor(p, &[SAMPLES, 6, CLASSES]),
        ),
        _ => (
            tensor(|i| (i % 4 == 0) as u8 as f32, &[SAMPLES, CLASSES]),
            tensor(p, &[SAMPLES, CLASSES]),
        ),
    }
}

pub(crate) fn build(entry: &Entry<dyn Loss>, config: &Config) -> Result<Box<dyn Loss>> {
    (entry.build)(config, &Registry::empty())
}

pub(crate) fn each(mut law: impl FnMut(&str, Box<dyn Loss>) -> Result<()>) {
    for entry in ENTRIES {
        let loss = build(entry, &Config::new()).unwrap();
        if let Err(error) = law(entry.class_name, loss) {
            panic!("{}: {error}", entry.class_name);
        }
    }
}

pub(crate) fn values(x: &Tensor) -> Vec<f32> {
    x.to_dtype(DType::F32)
        .and_then(|x| x.flatten_all()?.to_vec1())
        .unwrap()
}

/// Another value of the argument `key`, valid for every class.
fn other(key: &str, value: &serde_json::Value) -> serde_json::Value {
    use serde_json::{Value, json};
    match (key, value) {
        ("name", _) => json!("mine"),
        ("reduction", _) => json!("mean_with_sample_weight"),
        ("mining", _) => json!("hard"),
        ("axis", Value::Null) => json!([1, 2]),
        ("ignore_class", _) => json!(255),
        (_, Value::Bool(on)) => json!(!on),
        (_, Value::Number(n)) if n.is_i64() => json!(1),
        (_, Value::Number(_)) => json!(0.375),
        _ => panic!("no other value known for `{key}`: {value}"),
    }
}

#[test]
fn config_round_trip() {
    for entry in ENTRIES {
        let given = Config::new()
            .with("name", "mine")
            .with("reduction", "sum")
            .with("dtype", "float64");
        let loss = build(entry, &given).unwrap();
        assert_eq!(loss.class_name(), entry.class_name);
        assert_eq!(
            (loss.name().as_str(), loss.reduction(), loss.dtype()),
            ("mine", Reduction::Sum, Some(DType::F64))
        );
        let again = build(entry, &loss.config()).unwrap();
        assert_eq!(again.config(), loss.config(), "{}", entry.class_name);
    }
}

#[test]
fn every_argument_survives_the_configuration() {
    for entry in ENTRIES {
        let default = build(entry, &Config::new()).unwrap().config();
        let mut all = Config::new().with("dtype", "float16");
        for (key, value) in &default.0 {
            all.set(key, other(key, value));
        }
        let loss = build(entry, &all).unwrap();
        for (key, value) in &all.0 {
            assert_eq!(loss.config().get(key), Some(value), "{}: {key}", entry.class_name);
        }
    }
}

#[test]
fn serialized_losses_come_back_as_they_were() {
    for entry in ENTRIES {
        let loss = build(entry, &Config::new().with("reduction", "sum")).unwrap();
        let again = keras_losses::deserialize(&keras_losses::serialize(&*loss)).unwrap();
        assert_eq!(
            (again.class_name(), again.config()),
            (loss.class_name(), loss.config())
        );
    }
}

#[test]
fn every_name_gives_its_class() {
    for entry in ENTRIES {
        for name in entry.aliases.iter().chain([&entry.class_name]) {
            assert_eq!(keras_losses::get(name).unwrap().class_name(), entry.class_name);
        }
    }
}

#[test]
fn unknown_arguments_are_errors() {
    for entry in ENTRIES {
        let error = build(entry, &Config::new().with("nmae", "x"))
            .unwrap_err()
            .to_string();
        assert!(error.contains(entry.class_name), "{error}");
    }
}

#[test]
fn aliases_are_unique() {
    let mut seen = std::collections::HashSet::new();
    for name in ENTRIES
        .iter()
        .flat_map(|e| e.aliases.iter().chain([&e.class_name]))
    {
        assert!(seen.insert(*name), "{name} is listed twice");
    }
}

#[test]
fn weight_one_is_no_weight() {
    each(|class, loss| {
        let (y, p) = inputs(class, 0.6);
        let one = tensor(|_| 1., &[SAMPLES]);
        let (with, without) = (
            loss.apply(&y, &p, Some(&one), None)?,
            loss.apply(&y, &p, None, None)?,
        );
        assert!(
            (values(&with)[0] - values(&without)[0]).abs() < 1e-6,
            "{class}: {with} {without}"
        );
        Ok(())
    });
}

#[test]
fn mask_of_ones_is_no_mask() {
    each(|class, loss| {
        let (y, p) = inputs(class, 0.6);
        let ones = Tensor::ones(SAMPLES, DType::U8, &Device::Cpu)?;
        let (with, without) = (
            loss.apply(&y, &p, None, Some(&ones))?,
            loss.apply(&y, &p, None, None)?,
        );
        assert!(
            (values(&with)[0] - values(&without)[0]).abs() < 1e-6,
            "{class}: {with} {without}"
        );
        Ok(())
    });
}

/// # Panics
/// When the value or a gradient is not finite.
fn assert_finite(what: &str, loss: &dyn Loss, y: &Tensor, p: &Tensor) -> Result<()> {
    let p = Var::from_tensor(p)?;
    let tape = GradientTape::start();
    let value = loss.apply(y, p.as_tensor(), None, None)?;
    let gradients = tape.gradients(&value)?;
    let gradient = gradients.get(p.as_tensor()).unwrap();
    assert!(values(&value)[0].is_finite(), "{what}: {value}");
    assert!(
        values(gradient).iter().all(|g| g.is_finite()),
        "{what}: {gradient}"
    );
    Ok(())
}

#[test]
fn large_predictions_give_finite_values_and_gradients() {
    each(|class, loss| {
        for size in [100., 1e4] {
            let (y, p) = inputs(class, size);
            assert_finite(&format!("{class} at {size}"), &*loss, &y, &p)?;
        }
        Ok(())
    });
}

#[test]
fn predictions_of_0_and_1_give_finite_values_and_gradients() {
    type Pattern = fn(usize) -> f32;
    let patterns: [(&str, Pattern); 4] = [
        ("all 0", |_| 0.),
        ("all 1", |_| 1.),
        ("0 and 1", |i| (i % 2) as f32),
        ("one-hot", |i| u8::from(i % 4 == 0).into()),
    ];
    each(|class, loss| {
        for (what, pattern) in patterns {
            let (y, p) = of_predictions(class, pattern);
            for dtype in [DType::F32, DType::F64] {
                assert_finite(&format!("{class}, {what}"), &*loss, &y, &p.to_dtype(dtype)?)?;
            }
        }
        Ok(())
    });
}

#[test]
fn large_logits_give_finite_values_and_gradients() {
    for entry in ENTRIES {
        let config = Config::new().with("from_logits", true);
        // Those without the argument say so.
        let Ok(loss) = build(entry, &config) else { continue };
        for size in [100., 1e4, -1e4] {
            let (y, p) = inputs(entry.class_name, size);
            assert_finite(&format!("{} at {size}", entry.class_name), &*loss, &y, &p).unwrap();
        }
    }
}

#[test]
fn a_gamma_below_1_gives_finite_gradients() -> Result<()> {
    for (class, from_logits) in [
        ("BinaryFocalCrossentropy", false),
        ("BinaryFocalCrossentropy", true),
        ("CategoricalFocalCrossentropy", false),
        ("CategoricalFocalCrossentropy", true),
    ] {
        let entry = ENTRIES.iter().find(|e| e.class_name == class).unwrap();
        let config = Config::new().with("gamma", 0.5).with("from_logits", from_logits);
        let loss = build(entry, &config)?;
        let size = if from_logits { 1e4 } else { 1. };
        let (y, p) = of_predictions(class, |i| if i % 4 == 0 { size } else { 0. });
        assert_finite(class, &*loss, &y, &p)?;
    }
    Ok(())
}

#[test]
fn an_empty_batch_has_the_loss_0() {
    each(|class, loss| {
        // One value for the whole batch, or for none.
        if matches!(class, "Dice" | "Tversky") {
            return Ok(());
        }
        let (y, p) = inputs(class, 0.6);
        let value = loss.apply(&y.narrow(0, 0, 0)?, &p.narrow(0, 0, 0)?, None, None)?;
        assert!(values(&value).iter().all(|v| *v == 0.), "{class}: {value}");
        Ok(())
    });
}

#[test]
fn shapes_that_differ_are_errors() {
    each(|class, loss| {
        let (y, p) = inputs(class, 0.6);
        let more = Tensor::cat(&[&p, &p.narrow(0, 0, 1)?], 0)?;
        assert!(
            loss.apply(&y, &more, None, None).is_err(),
            "{class}: {:?} {:?}",
            y.dims(),
            more.dims()
        );
        Ok(())
    });
}

#[test]
fn weights_that_do_not_fit_are_errors() {
    each(|class, loss| {
        // One value for the whole batch takes any weights.
        if matches!(class, "Dice" | "Tversky") {
            return Ok(());
        }
        let (y, p) = inputs(class, 0.6);
        let error = loss
            .apply(&y, &p, Some(&tensor(|_| 1., &[SAMPLES + 1])), None)
            .unwrap_err()
            .to_string();
        assert!(error.contains("[5]") && error.contains("[4]"), "{class}: {error}");
        Ok(())
    });
}

#[test]
fn each_dtype_computes_and_answers_in_its_own() {
    for entry in ENTRIES {
        let class = entry.class_name;
        let (mut y, p) = inputs(class, 0.6);
        if class == "MeanAbsolutePercentageError" {
            y = y.affine(1., 1.).unwrap(); // in percent of 0 no error fits
        }
        let exact = build(entry, &Config::new().with("dtype", "float64")).unwrap();
        let exact = exact.apply(&y, &p, None, None).unwrap();
        assert_eq!(exact.dtype(), DType::F64, "{class}");
        // A half type rounds what goes in and what comes out; circle's scale of 80 makes much of the former.
        let table = [
            ("float32", DType::F32, 1e-5),
            ("float16", DType::F16, 2e-3),
            ("bfloat16", DType::BF16, 2e-2),
        ];
        for (name, dtype, tolerance) in table {
            let loss = build(entry, &Config::new().with("dtype", name)).unwrap();
            let value = loss.apply(&y, &p, None, None).unwrap();
            assert_eq!(value.dtype(), dtype, "{class}");
            let (found, expected) = (values(&value)[0], values(&exact)[0]);
            let scale = if class == "Circle" { 20. } else { 1. };
            assert!(
                (found - expected).abs() <= tolerance * scale * (1. + expected.abs()),
                "{class} in {name}: {found} is not {expected}"
            );
        }
    }
}

#[test]
fn half_types_are_computed_in_the_default_type() {
    each(|class, loss| {
        let (y, p) = inputs(class, 0.6);
        let value = loss.apply(&y, &p.to_dtype(DType::F16)?, None, None)?;
        assert_eq!(value.dtype(), DType::F32, "{class}");
        Ok(())
    });
}
