//! Texts, vocabularies and hashes, against what Keras computed (`keras/make_text.py`).

use std::any::Any;

use keras_core::layer::Call;
use keras_core::layers::text::{self, Texts};
use keras_core::layers::{Feature, HashedCrossing, Hashing, IntegerLookup, StringLookup, TextVectorization};
use keras_core::{Layer, Result, registry};
use keras_ops::{DType, Device, Tensor};
use serde_json::{Value, json};

const KERAS: &str = include_str!("../keras/text.json");

/// Strings of a JSON value and their shape.
fn texts(value: &Value) -> (Vec<usize>, Vec<&str>) {
    match value {
        Value::String(one) => (vec![], vec![one]),
        Value::Array(items) => {
            let parts: Vec<_> = items.iter().map(texts).collect();
            let inner = parts.first().map(|p| p.0.clone()).unwrap_or_default();
            let dims = [vec![items.len()], inner].concat();
            (dims, parts.into_iter().flat_map(|p| p.1).collect())
        }
        other => panic!("no text: {other}"),
    }
}

fn given(value: &Value) -> Texts<'_> {
    let (dims, items) = texts(value);
    Texts::new(dims, items).unwrap()
}

fn numbers(value: &Value) -> Tensor {
    let rows: Vec<&Value> = match value.as_array() {
        Some(items) if items.first().is_some_and(Value::is_array) => {
            items.iter().flat_map(|row| row.as_array().unwrap()).collect()
        }
        Some(items) => items.iter().collect(),
        None => vec![value],
    };
    let count = value.as_array().map_or(1, Vec::len);
    let dims = match rows.len() == count {
        true => vec![count],
        false => vec![count, rows.len() / count],
    };
    match rows.iter().all(|v| v.is_i64()) {
        true => {
            let values = rows.iter().map(|v| v.as_i64().unwrap()).collect::<Vec<i64>>();
            Tensor::from_vec(values, dims, &Device::Cpu).unwrap()
        }
        false => {
            let values = rows.iter().map(|v| v.as_f64().unwrap()).collect::<Vec<f64>>();
            Tensor::from_vec(values, dims, &Device::Cpu).unwrap()
        }
    }
}

fn is_text(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.first().is_some_and(is_text),
        other => other.is_string(),
    }
}

fn same(y: &Tensor, expected: &Value, case: &Value) {
    let dims: Vec<usize> = serde_json::from_value(expected["shape"].clone()).unwrap();
    let values: Vec<f64> = serde_json::from_value(expected["values"].clone()).unwrap();
    let ours = y
        .to_dtype(DType::F64)
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1::<f64>()
        .unwrap();
    assert_eq!(y.dims(), dims, "{} {}", case["class_name"], case["config"]);
    for (at, (a, b)) in ours.iter().zip(&values).enumerate() {
        assert!(
            (a - b).abs() <= 1e-6 * b.abs().max(1.),
            "{} {}: {a} instead of {b} at {at}",
            case["class_name"],
            case["config"]
        );
    }
}

fn built<L: Layer>(case: &Value) -> L {
    let core = registry::core();
    let layer: Box<dyn Any> = core.layers.from_value(case, core).unwrap();
    *layer.downcast::<L>().unwrap()
}

fn call(layer: &dyn Layer, x: &Tensor) -> Result<Tensor> {
    Ok(layer
        .call(std::slice::from_ref(x), &mut Call::new(false))?
        .0
        .remove(0))
}

/// What a layer made of its own configuration gives.
fn again<L: Layer>(layer: &L) -> L {
    built(&json!({"class_name": layer.class_name(), "config": layer.config().0}))
}

fn check(case: &Value) -> Result<()> {
    let (inputs, expected) = (&case["inputs"], &case["output"]);
    let adapt = &case["adapt"];
    let vocabulary = || -> Vec<String> { serde_json::from_value(case["vocabulary"].clone()).unwrap() };
    match case["class_name"].as_str().unwrap() {
        "TextVectorization" => {
            let mut layer: TextVectorization = built(case);
            if !adapt.is_null() {
                layer.adapt(given(adapt))?;
            }
            assert_eq!(layer.get_vocabulary(true)?, vocabulary(), "{}", case["config"]);
            same(&layer.vectorize(given(inputs))?, expected, case);
            same(&again(&layer).vectorize(given(inputs))?, expected, case);
            same(&call(&layer, &text::encode(given(inputs))?)?, expected, case);
        }
        "StringLookup" if is_text(inputs) => {
            let mut layer: StringLookup = built(case);
            if !adapt.is_null() {
                layer.adapt(given(adapt))?;
            }
            assert_eq!(layer.get_vocabulary(true)?, vocabulary(), "{}", case["config"]);
            same(&layer.lookup(given(inputs))?, expected, case);
            same(&again(&layer).lookup(given(inputs))?, expected, case);
            same(&call(&layer, &text::encode(given(inputs))?)?, expected, case);
        }
        "StringLookup" => {
            let layer: StringLookup = built(case);
            let strings: Vec<String> = serde_json::from_value(expected["values"].clone()).unwrap();
            assert_eq!(layer.tokens(&numbers(inputs))?, strings, "{}", case["config"]);
            assert_eq!(text::decode(&call(&layer, &numbers(inputs))?)?, strings);
        }
        "IntegerLookup" => {
            let mut layer: IntegerLookup = built(case);
            if !adapt.is_null() {
                layer.adapt(numbers(adapt))?;
            }
            let vocabulary: Vec<i64> = serde_json::from_value(case["vocabulary"].clone()).unwrap();
            assert_eq!(layer.get_vocabulary(true)?, vocabulary, "{}", case["config"]);
            same(&call(&layer, &numbers(inputs))?, expected, case);
            same(&call(&again(&layer), &numbers(inputs))?, expected, case);
        }
        "Hashing" => {
            let layer: Hashing = built(case);
            let y = match is_text(inputs) {
                true => layer.hash(given(inputs))?,
                false => call(&layer, &numbers(inputs))?,
            };
            same(&y, expected, case);
        }
        "HashedCrossing" => {
            let layer: HashedCrossing = built(case);
            let features = inputs.as_array().unwrap().iter();
            let features = features.map(|f| match is_text(f) {
                true => Ok(Feature::from(&texts(f).1)),
                false => Feature::try_from(&numbers(f)),
            });
            same(
                &layer.cross(&features.collect::<Result<Vec<_>>>()?)?,
                expected,
                case,
            );
        }
        other => panic!("no case of {other} is known"),
    }
    Ok(())
}

#[test]
fn texts_vocabularies_and_hashes_are_those_of_keras() {
    let cases: Vec<Value> = serde_json::from_str(KERAS).unwrap();
    assert!(cases.len() > 90);
    for case in &cases {
        if let Err(error) = check(case) {
            panic!("{} {}: {error}", case["class_name"], case["config"]);
        }
    }
}
