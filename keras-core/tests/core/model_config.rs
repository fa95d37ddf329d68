//! Models to and from JSON that Keras 3.15 wrote (`model.to_json()`).

use keras_core::layers::{Add, Dense};
use keras_core::{Apply, Model, Registry, Result, Sequential, input};
use serde_json::{Value, json};

const SEQUENTIAL: &str = include_str!("../data/sequential.json");
const MULTI: &str = include_str!("../data/multi.json");

fn read(text: &str) -> Result<(Model, Value)> {
    let given: Value = serde_json::from_str(text)?;
    Ok((Model::from_config(&given, &Registry::core())?, given))
}

/// Where two configurations differ: keys of `given` that only Keras has a use for aside.
pub(super) fn differences(path: &str, given: &Value, ours: &Value, found: &mut Vec<String>) {
    const IDLE: [&str; 3] = ["build_config", "quantization_config", "compile_config"];
    match (given, ours) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, value) in a
                .iter()
                .filter(|(k, v)| !IDLE.contains(&k.as_str()) && !v.is_null())
            {
                let other = b.get(key).unwrap_or(&Value::Null);
                differences(&format!("{path}/{key}"), value, other, found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                differences(&format!("{path}/{i}"), a, b, found);
            }
        }
        (a, b) if a.as_f64().is_some() && a.as_f64() == b.as_f64() => {}
        (a, b) if a == b => {}
        (a, b) => found.push(format!("{path}: {a} became {b}")),
    }
}

#[test]
fn a_sequential_of_keras_is_read_and_written_the_same() -> Result<()> {
    let (model, given) = read(SEQUENTIAL)?;
    assert_eq!(model.name(), "seq");
    // Conv2D(4, 3) on one channel, then Dense(10) on 13 * 13 * 4.
    assert_eq!(model.count_params(), 4 * 9 + 4 + 676 * 10 + 10);
    let mut found = Vec::new();
    differences("", &given, &model.to_config()?, &mut found);
    assert!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

#[test]
fn several_inputs_shared_and_nested_models_are_read_and_written_the_same() -> Result<()> {
    let (model, given) = read(MULTI)?;
    assert_eq!(
        (model.input_names(), model.output_names()),
        (
            vec!["a".to_owned(), "b".to_owned()],
            vec!["score".to_owned(), "kind".to_owned()]
        )
    );
    // shared 8*4+4, inner 4*3+3 and 4*2+2, nested 3*3+3, score 7+1, kind 7*3+3.
    assert_eq!(model.count_params(), 36 + 15 + 10 + 12 + 8 + 24);
    let mut found = Vec::new();
    differences("", &given, &model.to_config()?, &mut found);
    assert!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

/// As Keras names losses, metrics and predictions of a model whose outputs are a dict.
#[test]
fn outputs_in_a_dict_are_called_by_its_keys() -> Result<()> {
    let mut given: Value = serde_json::from_str(MULTI)?;
    let outputs = json!({"tone": ["score", 0, 0], "hue": ["kind", 0, 0]});
    given["config"]["output_layers"] = outputs.clone();
    let model = Model::from_config(&given, &Registry::core())?;
    // In the order that Keras flattens a dict in.
    assert_eq!(model.output_names(), ["hue", "tone"]);
    let shapes = model.output_shapes();
    assert_eq!((shapes[0][1], shapes[1][1]), (Some(3), Some(1)));
    let written = model.to_config()?;
    assert_eq!(written["config"]["output_layers"], outputs);
    assert_eq!(
        Model::from_config(&written, &Registry::core())?.output_names(),
        ["hue", "tone"]
    );
    Ok(())
}

/// Keras counts the applications of a nested functional model from 1 in `output_layers`, from 0 elsewhere.
#[test]
fn outputs_of_a_nested_model_are_those_of_the_model() -> Result<()> {
    let mut given: Value = serde_json::from_str(MULTI)?;
    let outputs = json!([["inner", 2, 1], ["score", 0, 0], ["inner", 1, 0]]);
    given["config"]["output_layers"] = outputs.clone();
    let model = Model::from_config(&given, &Registry::core())?;
    let widths: Vec<_> = model.output_shapes().iter().map(|shape| shape[1]).collect();
    assert_eq!(widths, [Some(2), Some(1), Some(3)]);
    assert_eq!(model.to_config()?["config"]["output_layers"], outputs);
    Ok(())
}

#[test]
fn a_shared_layer_stays_shared() -> Result<()> {
    let (a, b) = (input([3]).name("a"), input([3]).name("b"));
    let shared = keras_core::LayerRef::new(Dense::new(3));
    let sum = Add::new().apply([&shared.apply(&a)?, &shared.apply(&b)?])?;
    let model = Model::new([&a, &b], &shared.apply(&sum)?)?;
    let config = model.to_config()?;
    let again = Model::from_json(&model.to_json()?, &Registry::core())?;
    assert_eq!(
        (again.count_params(), again.layers().len()),
        (12, model.layers().len())
    );
    assert_eq!(again.to_config()?, config);
    // The third application feeds the output.
    assert_eq!(config["config"]["output_layers"], json!(["dense", 2, 0]));
    Ok(())
}

fn error(config: &Value) -> String {
    match Model::from_config(config, &Registry::core()) {
        Ok(model) => format!("no error: {model:?}"),
        Err(e) => e.to_string(),
    }
}

#[test]
fn errors_name_the_layer() -> Result<()> {
    let good: Value = serde_json::from_str(MULTI)?;
    let mut bad = good.clone();
    bad["config"]["layers"][2]["class_name"] = json!("Densee");
    let message = error(&bad);
    assert!(
        message.contains("`shared`") && message.contains("Did you mean `Dense`"),
        "{message}"
    );
    let mut bad = good.clone();
    bad["config"]["layers"][2]["config"]["units"] = json!("many");
    let message = error(&bad);
    assert!(
        message.contains("`shared`") && message.contains("`units`"),
        "{message}"
    );
    let mut bad = good.clone();
    bad["config"]["layers"][2]["inbound_nodes"][0]["args"][0]["config"]["keras_history"][0] = json!("nobody");
    assert!(error(&bad).contains("nobody"), "{}", error(&bad));
    let mut bad = good.clone();
    bad["config"]["output_layers"] = json!([["score", 4, 0]]);
    assert!(
        error(&bad).contains("`score` has no application 4"),
        "{}",
        error(&bad)
    );
    let mut bad = good;
    bad["config"]["layers"][4]["module"] = json!("keras.src.ops.numpy");
    assert!(error(&bad).contains("`sum`"), "{}", error(&bad));
    assert!(error(&json!({"class_name": "Mine", "config": {}})).contains("Mine"));
    assert!(error(&json!(3)).contains("class_name"));
    Ok(())
}

#[test]
fn layers_that_wait_for_each_other_are_an_error() -> Result<()> {
    let mut bad: Value = serde_json::from_str(MULTI)?;
    let own = bad["config"]["layers"][2]["name"].clone();
    bad["config"]["layers"][2]["inbound_nodes"][0]["args"][0]["config"]["keras_history"][0] = own;
    assert!(
        error(&bad).contains("waits for its own output"),
        "{}",
        error(&bad)
    );
    Ok(())
}

#[test]
fn a_frozen_layer_stays_frozen() -> Result<()> {
    let model = Sequential::new()
        .input([2])
        .add(Dense::new(3))
        .add(Dense::new(1))
        .build()?;
    model.layer("dense")?.set_trainable(false);
    let again = Model::from_config(&model.to_config()?, &Registry::core())?;
    assert_eq!(again.trainable_variables().len(), 2);
    Ok(())
}
