//! Operations of `keras.ops` in models: those of Keras's files, and what operators on symbolic tensors make.

use keras_core::layer::Call;
use keras_core::layers::Dense;
use keras_core::ops::{DType, Device, Tensor, cast};
use keras_core::{Apply, Model, Registry, Result, bail, input};
use serde_json::{Value, json};

use super::model_config::differences;

/// A model of every operation, what it is given, and what Keras 3.15 computed.
const OPERATIONS: &str = include_str!("../data/operations.json");

/// The same of further ones, by `../data/make_elements.py`.
const ELEMENTS: &str = include_str!("../data/elements.json");

fn numbers(value: &Value) -> Vec<f64> {
    let number = |v: &Value| match v.as_str() {
        Some("nan") => f64::NAN,
        Some("inf") => f64::INFINITY,
        Some("-inf") => f64::NEG_INFINITY,
        _ => v.as_f64().unwrap_or(f64::NAN),
    };
    value["values"]
        .as_array()
        .into_iter()
        .flatten()
        .map(number)
        .collect()
}

fn shape(value: &Value) -> Vec<usize> {
    let sizes = value["shape"].as_array().into_iter().flatten();
    sizes.filter_map(|v| v.as_u64().map(|n| n as usize)).collect()
}

#[test]
fn the_operations_of_keras_are_read_computed_and_written_the_same() -> Result<()> {
    read_computed_and_written_the_same(OPERATIONS)?;
    read_computed_and_written_the_same(ELEMENTS)
}

fn read_computed_and_written_the_same(text: &str) -> Result<()> {
    let given: Value = serde_json::from_str(text)?;
    let model = Model::from_config_on(&given["model"], &Registry::core(), &Device::Cpu)?;
    let inputs = given["inputs"].as_array().into_iter().flatten();
    let inputs = inputs.map(|x| Ok(Tensor::from_vec(numbers(x), shape(x), &Device::Cpu)?));
    let inputs = inputs.collect::<Result<Vec<_>>>()?;
    let outputs = model.call(&inputs, &mut Call::new(false))?;
    let expected = given["outputs"].as_array().into_iter().flatten();
    let names = given["names"].as_array().into_iter().flatten();
    let mut wrong = Vec::new();
    let shapes = model.output_shapes();
    for (((name, expected), output), declared) in names.zip(expected).zip(&outputs).zip(shapes) {
        if output.dims() != shape(expected) {
            wrong.push(format!(
                "{name}: shape {:?}, Keras {:?}",
                output.dims(),
                shape(expected)
            ));
            continue;
        }
        if !keras_core::shape::fits(&declared, output.dims()) {
            wrong.push(format!("{name}: declared {declared:?}, gave {:?}", output.dims()));
        }
        let ours = cast(output, DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
        for (a, b) in ours.iter().zip(numbers(expected)) {
            let close = (a - b).abs() <= 2e-5 * b.abs().max(1.);
            if !close && a.to_bits() != b.to_bits() && !(a.is_nan() && b.is_nan()) {
                wrong.push(format!("{name}: {a}, Keras {b}"));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let mut found = Vec::new();
    differences("", &given["model"], &model.to_config()?, &mut found);
    assert!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

#[test]
fn operators_make_the_nodes_of_keras() -> Result<()> {
    let (a, b) = (input([2]).name("a"), input([2]).name("b"));
    let sum = (&a + &b)?;
    let y = (-((2. * &sum)? - (&a / 4.)?)?)?;
    assert_eq!(y.shape(), [None, Some(2)]);
    let model = Model::new_on([&a, &b], &y, &Device::Cpu)?;
    let row = |v: [f32; 2]| Tensor::new(&[v], &Device::Cpu);
    let outputs = model.call(&[row([4., 8.])?, row([1., -1.])?], &mut Call::new(false))?;
    assert_eq!(outputs[0].to_vec2::<f32>()?, [[-9., -12.]]);
    let config = model.to_config()?;
    let names: Vec<&Value> = config["config"]["layers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|layer| &layer["name"])
        .collect();
    assert_eq!(
        names,
        ["a", "b", "add", "multiply", "true_divide", "subtract", "negative"]
    );
    let multiply = &config["config"]["layers"][3];
    assert_eq!(
        (&multiply["module"], &multiply["inbound_nodes"][0]["args"][0]),
        (&json!("keras.src.ops.numpy"), &json!(2.))
    );
    let again = Model::from_config_on(&config, &Registry::core(), &Device::Cpu)?;
    assert_eq!(again.to_config()?, config);
    Ok(())
}

#[test]
fn gradients_flow_through_operations() -> Result<()> {
    let x = input([3]);
    let y = (Dense::new(3).kernel_initializer("ones").apply(&x)? * &x)?;
    let model = Model::new_on(&x, &y, &Device::Cpu)?;
    let tape = keras_core::ops::GradientTape::start();
    let x = Tensor::new(&[[1f32, 2., 3.]], &Device::Cpu)?;
    let outputs = model.call(&[x], &mut Call::new(true))?;
    let gradients = tape.gradients(&outputs[0])?;
    let kernel = model.weight("dense/kernel")?;
    let Some(gradient) = gradients.get(kernel.tensor()) else {
        bail!("the kernel has no gradient")
    };
    assert_eq!(
        gradient.to_vec2::<f32>()?,
        [[1., 2., 3.], [2., 4., 6.], [3., 6., 9.]]
    );
    Ok(())
}

#[test]
fn shapes_that_do_not_broadcast_and_unknown_operations_are_errors() -> Result<()> {
    let (a, b) = (input([2]), input([3]));
    let Err(error) = &a + &b else {
        bail!("it was added")
    };
    assert!(
        error.to_string().contains("Add on (None, 2), (None, 3)"),
        "{error}"
    );
    let mut config = Model::new_on(&a, &(&a * 2.)?, &Device::Cpu)?.to_config()?;
    config["config"]["layers"][1]["class_name"] = json!("Multipy");
    let Err(error) = Model::from_config_on(&config, &Registry::core(), &Device::Cpu) else {
        bail!("it was read")
    };
    assert!(error.to_string().contains("Did you mean `Multiply`?"), "{error}");
    Ok(())
}
