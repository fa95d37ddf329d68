//! What one application of a layer is given beside its inputs.

use keras_core::layer::{Call, Layer, LayerBase, LayerRef, Outputs};
use keras_core::layers::{
    BatchNormalization, Dense, GlobalAveragePooling1D, Lambda, Pipeline, Rescaling, Softmax,
};
use keras_core::ops::{self, DType, Device, Tensor};
use keras_core::shape::Dims;
use keras_core::{Apply, Arguments, Entry, Model, Registry, Result, bail, input};
use serde_json::{Value, json};

/// `scale x + the states`, with the last state as a second output where `return_state` says so.
#[derive(Debug, Default)]
struct Stateful {
    base: LayerBase,
}

impl Layer for Stateful {
    fn base(&self) -> &LayerBase {
        &self.base
    }

    fn base_mut(&mut self) -> &mut LayerBase {
        &mut self.base
    }

    fn call_arguments(&self) -> &'static [&'static str] {
        &["initial_state", "scale", "return_state", "mask"]
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        match inputs {
            [one] => Ok(vec![one.clone()]),
            many => bail!("Stateful: expected one input, got {}", many.len()),
        }
    }

    fn compute_output_shape_with(&self, inputs: &[Dims], arguments: &Arguments) -> Result<Vec<Dims>> {
        let mut shapes = self.compute_output_shape(arguments.positional(inputs))?;
        if arguments.flag("return_state")? {
            shapes.extend_from_within(..);
        }
        Ok(shapes)
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let states = cx.arguments.named(inputs, "initial_state");
        let scale = cx.arguments.value("scale")?.unwrap_or(1.);
        let x = &cx.arguments.positional(inputs)[0];
        let sum = states
            .iter()
            .try_fold(ops::mul_scalar(x, scale)?, |sum, state| ops::add(&sum, state))?;
        // A mask says which of the positions count.
        let sum = match cx.masks.first().cloned().flatten() {
            Some(mask) => ops::multiply(&sum, &ops::cast(&mask, DType::F32)?)?,
            None => sum,
        };
        let mut outputs = vec![sum];
        if cx.arguments.flag("return_state")? {
            outputs.extend(states.last().cloned());
        }
        Ok(outputs.into())
    }
}

/// Takes its inputs one by one, as attention does.
#[derive(Debug, Default)]
struct Weigh {
    base: LayerBase,
}

impl Layer for Weigh {
    fn base(&self) -> &LayerBase {
        &self.base
    }

    fn base_mut(&mut self) -> &mut LayerBase {
        &mut self.base
    }

    fn input_arguments(&self) -> &'static [&'static str] {
        &["query", "value", "key"]
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        Ok(vec![inputs[0].clone()])
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let mut sum = inputs[0].clone();
        for (i, x) in inputs.iter().enumerate().skip(1) {
            sum = ops::add(&sum, &ops::mul_scalar(x, 10f64.powi(i as i32))?)?;
        }
        Ok(sum.into())
    }
}

static MINE: &[Entry<dyn Layer>] = &[
    Entry {
        class_name: "Stateful",
        module: "",
        aliases: &[],
        doc: "adds states",
        build: |config, _| {
            let base = LayerBase::from_reader(&mut config.reader("Stateful"))?;
            Ok(Box::new(Stateful { base }))
        },
    },
    Entry {
        class_name: "Weigh",
        module: "",
        aliases: &[],
        doc: "weighs its inputs by their places",
        build: |config, _| {
            let base = LayerBase::from_reader(&mut config.reader("Weigh"))?;
            Ok(Box::new(Weigh { base }))
        },
    },
];

fn registry() -> Registry {
    let mut registry = Registry::core();
    registry.layers.add(MINE);
    registry
}

fn row(values: [f32; 2]) -> Result<Tensor> {
    Ok(Tensor::new(&[values], &Device::Cpu)?)
}

fn run(model: &Model, inputs: &[Tensor]) -> Result<Vec<Vec<f32>>> {
    let outputs = model.call(inputs, &mut Call::new(false))?;
    outputs
        .iter()
        .map(|o| Ok(o.flatten_all()?.to_vec1::<f32>()?))
        .collect()
}

/// The calls of a layer as they are written.
fn inbound(config: &Value, layer: &str) -> Value {
    let layers = config["config"]["layers"].as_array();
    let found = layers.into_iter().flatten().find(|l| l["name"] == layer);
    found.map_or(Value::Null, |l| l["inbound_nodes"].clone())
}

fn tensor(from: &str) -> Value {
    json!({"class_name": "__keras_tensor__", "config": {
        "shape": [null, 2], "dtype": "float32", "keras_history": [from, 0, 0]}})
}

#[test]
fn constants_and_tensors_reach_the_layer_and_are_saved() -> Result<()> {
    let (x, h, c) = (input([2]).name("x"), input([2]).name("h"), input([2]).name("c"));
    let arguments = Arguments::new()
        .set("scale", 2.)
        .tensors("initial_state", [&h, &c])
        .set("return_state", true);
    let outputs = Stateful::default().apply_many_with(&x, arguments)?;
    assert_eq!(outputs.len(), 2);
    let model = Model::new([&x, &h, &c], outputs)?;
    let data = [row([1., 2.])?, row([10., 20.])?, row([100., 200.])?];
    let expected = [[112., 224.], [100., 200.]];
    assert_eq!(run(&model, &data)?, expected);
    let config = model.to_config()?;
    assert_eq!(
        inbound(&config, "stateful"),
        json!([{"args": [tensor("x")], "kwargs": {
            "scale": 2., "initial_state": [tensor("h"), tensor("c")], "return_state": true}}])
    );
    let again = Model::from_config(&config, &registry())?;
    assert_eq!(again.to_config()?, config);
    assert_eq!(run(&again, &data)?, expected);
    Ok(())
}

#[test]
fn a_second_argument_without_a_name_is_the_first_named_one() -> Result<()> {
    let (x, h) = (input([2]).name("x"), input([2]).name("h"));
    let stateful = Stateful::default().apply_with(&x, Arguments::new().tensors("initial_state", [&h]))?;
    let mut config = Model::new([&x, &h], &stateful)?.to_config()?;
    let layers = config["config"]["layers"].as_array_mut();
    for layer in layers.into_iter().flatten().filter(|l| l["name"] == "stateful") {
        layer["inbound_nodes"] = json!([{"args": [tensor("x"), [tensor("h")]], "kwargs": {"mask": null}}]);
    }
    let model = Model::from_config(&config, &registry())?;
    assert_eq!(run(&model, &[row([1., 2.])?, row([10., 20.])?])?, [[11., 22.]]);
    Ok(())
}

#[test]
fn inputs_that_are_arguments_of_their_own_are_written_so() -> Result<()> {
    let (q, v, k) = (input([2]).name("q"), input([2]).name("v"), input([2]).name("k"));
    let data = [row([1., 1.])?, row([2., 2.])?, row([3., 3.])?];
    for (by_name, expected) in [
        (
            false,
            json!([{"args": [tensor("q"), tensor("v"), tensor("k")], "kwargs": {}}]),
        ),
        (
            true,
            json!([{"args": [tensor("q"), tensor("v")], "kwargs": {"key": tensor("k")}}]),
        ),
    ] {
        let output = match by_name {
            true => Weigh::default().apply_with([&q, &v], Arguments::new().tensor("key", &k))?,
            false => Weigh::default().apply([&q, &v, &k])?,
        };
        let model = Model::new([&q, &v, &k], &output)?;
        assert_eq!(run(&model, &data)?, [[321., 321.]]);
        let config = model.to_config()?;
        assert_eq!(inbound(&config, "weigh"), expected);
        let again = Model::from_config(&config, &registry())?;
        assert_eq!(again.to_config()?, config);
        assert_eq!(run(&again, &data)?, [[321., 321.]]);
    }
    Ok(())
}

#[test]
fn a_mask_given_by_name_is_the_mask_of_the_input() -> Result<()> {
    let (x, m) = (input([2]).name("x"), input([2]).name("m"));
    let output = Stateful::default().apply_with(&x, Arguments::new().tensor("mask", &m))?;
    let model = Model::new([&x, &m], &output)?;
    assert_eq!(run(&model, &[row([3., 4.])?, row([0., 1.])?])?, [[0., 4.]]);
    Ok(())
}

/// Keras writes the mask of an input as an argument of every layer whose `call` takes one.
#[test]
fn every_layer_that_takes_a_mask_takes_it_by_name() -> Result<()> {
    let steps = Tensor::new(&[[[1f32, 2.], [3., 6.], [100., 100.]]], &Device::Cpu)?;
    let scores = Tensor::new(&[[1f32, 1., 100.]], &Device::Cpu)?;
    let mask = Tensor::new(&[[1f32, 1., 0.]], &Device::Cpu)?;
    let halve = Lambda::new("halve", |x: &Tensor| ops::mul_scalar(x, 0.5));
    let table: [(LayerRef, &Tensor, &[f32]); 5] = [
        (LayerRef::new(GlobalAveragePooling1D::new()), &steps, &[2., 4.]),
        (
            LayerRef::new(BatchNormalization::new().epsilon(0.)),
            &steps,
            &[1., 2., 3., 6., 100., 100.],
        ),
        (LayerRef::new(Softmax::new()), &scores, &[0.5, 0.5, 0.]),
        (LayerRef::new(halve), &scores, &[0.5, 0.5, 50.]),
        (
            LayerRef::new(Pipeline::new().add(Rescaling::new(2.))),
            &scores,
            &[2., 2., 200.],
        ),
    ];
    for (layer, data, expected) in table {
        let name = layer.read().class_name().to_owned();
        let (x, m) = (input(&data.dims()[1..]).name("x"), input([3]).name("m"));
        let output = layer.apply_with(&x, Arguments::new().tensor("mask", &m))?;
        let model = Model::new_on([&x, &m], &output, &Device::Cpu)?;
        assert_eq!(run(&model, &[data.clone(), mask.clone()])?, [expected], "{name}");
    }
    Ok(())
}

#[test]
fn an_inner_call_has_masks_and_arguments_of_its_own() -> Result<()> {
    let inner = LayerRef::new(Stateful::default());
    let mut cx = Call::new(true).arguments(Arguments::new().set("scale", 5.));
    cx.masks.push(Some(row([0., 0.])?));
    let states = Arguments::new().range("initial_state", 1..2);
    let outputs = cx
        .inner(&inner)
        .arguments(states)
        .training(false)
        .call(&[row([1., 2.])?, row([10., 20.])?])?;
    assert_eq!(outputs.0[0].to_vec2::<f32>()?, [[11., 22.]]);
    assert_eq!(cx.arguments.value("scale")?, Some(5.));
    assert!(cx.training && cx.masks.len() == 1);
    Ok(())
}

#[test]
fn unknown_and_wrong_arguments_are_errors() -> Result<()> {
    let x = input([2]).name("x");
    let message = |arguments: Arguments| match Stateful::default().apply_many_with(&x, arguments) {
        Ok(outputs) => format!("no error: {outputs:?}"),
        Err(error) => error.to_string(),
    };
    let unknown = message(Arguments::new().tensors("inital_state", [&x]));
    assert!(
        unknown.contains("Stateful on (None, 2)") && unknown.contains("Did you mean `initial_state`?"),
        "{unknown}"
    );
    let wrong = message(Arguments::new().set("return_state", 3.));
    assert!(
        wrong.contains("the call argument `return_state` must be true or false, got 3"),
        "{wrong}"
    );
    // The same in a file: the layer is named.
    let mut config = Model::new(&x, &Dense::new(1).apply(&x)?)?.to_config()?;
    config["config"]["layers"][1]["inbound_nodes"][0]["kwargs"] = json!({"use_causal_mask": true});
    let Err(error) = Model::from_config(&config, &registry()) else {
        bail!("Dense took use_causal_mask")
    };
    let error = error.to_string();
    assert!(
        error.contains("layer `dense`") && error.contains("unknown call argument `use_causal_mask`"),
        "{error}"
    );
    Ok(())
}
