//! What holds for every class in the list: a new one is covered by being listed.

use keras_core::{Config, Entry, Loss, Reduction, Registry, Result};
use keras_losses::ENTRIES;
use keras_ops::{DType, Device, GradientTape, Tensor, Var};

const SAMPLES: usize = 4;
const CLASSES: usize = 3;

fn tensor(f: impl Fn(usize) -> f32, shape: &[usize]) -> Tensor {
    let values: Vec<f32> = (0..shape.iter().product()).map(f).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn labels(f: impl Fn(usize) -> u32, shape: &[usize]) -> Tensor {
    let values: Vec<u32> = (0..shape.iter().product()).map(f).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// Targets and predictions that a class takes; predictions are `size` or `-size / 2`, or only `size` for classes of
/// positive predictions.
fn inputs(class: &str, size: f32) -> (Tensor, Tensor) {
    let p = |i: usize| {
        if i % 3 == 1 && !matches!(class, "Poisson" | "CategoricalGeneralizedCrossEntropy") {
            -size / 2.
        } else {
            size
        }
    };
    match class {
        "SparseCategoricalCrossentropy" | "CategoricalGeneralizedCrossEntropy" | "Circle" => (
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

fn build(entry: &Entry<dyn Loss>, config: &Config) -> Result<Box<dyn Loss>> {
    (entry.build)(config, &Registry::empty())
}

fn each(mut law: impl FnMut(&str, Box<dyn Loss>) -> Result<()>) {
    for entry in ENTRIES {
        let loss = build(entry, &Config::new()).unwrap();
        if let Err(error) = law(entry.class_name, loss) {
            panic!("{}: {error}", entry.class_name);
        }
    }
}

fn values(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
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

#[test]
fn large_predictions_give_finite_values_and_gradients() {
    each(|class, loss| {
        let (y, p) = inputs(class, 100.);
        let p = Var::from_tensor(&p)?;
        let tape = GradientTape::start();
        let value = loss.apply(&y, p.as_tensor(), None, None)?;
        let gradients = tape.gradients(&value)?;
        let gradient = gradients.get(p.as_tensor()).unwrap();
        assert!(value.to_scalar::<f32>()?.is_finite(), "{class}: {value}");
        assert!(
            values(gradient).iter().all(|g| g.is_finite()),
            "{class}: {gradient}"
        );
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
fn half_types_are_computed_in_the_default_type() {
    each(|class, loss| {
        let (y, p) = inputs(class, 0.6);
        let value = loss.apply(&y, &p.to_dtype(DType::F16)?, None, None)?;
        assert_eq!(value.dtype(), DType::F32, "{class}");
        Ok(())
    });
}
