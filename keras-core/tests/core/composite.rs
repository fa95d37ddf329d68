//! Layers made of layers, as layers and as models of their own; found by name, frozen, saved.

use keras_core::layer::{Build, Call, Layer, LayerBase, LayerRef, Outputs, Weight};
use keras_core::layers::{Dense, Flatten};
use keras_core::ops::{self, Device, Tensor};
use keras_core::shape::Dims;
use keras_core::{
    Apply, Compile, Config, Entry, Fit, Model, Predict, Registry, Result, Sequential, Variable, bail, input,
    loss_fn, saving,
};

/// Two layers and a scale around them.
#[derive(Debug)]
struct Scaled {
    base: LayerBase,
    units: usize,
    first: LayerRef,
    second: LayerRef,
    scale: Option<Variable>,
}

impl Scaled {
    fn new(units: usize) -> Self {
        Self::with(LayerBase::default(), units)
    }

    fn with(base: LayerBase, units: usize) -> Self {
        Self {
            base,
            units,
            first: Flatten::new().name("flat").into(),
            second: Dense::new(units)
                .kernel_initializer("ones")
                .name("product")
                .into(),
            scale: None,
        }
    }
}

impl Layer for Scaled {
    fn base(&self) -> &LayerBase {
        &self.base
    }

    fn base_mut(&mut self) -> &mut LayerBase {
        &mut self.base
    }

    fn sublayers(&self) -> Vec<LayerRef> {
        vec![self.first.clone(), self.second.clone()]
    }

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        cx.sublayers(self, inputs)?;
        self.scale = Some(
            self.base
                .add_weight(Weight::new("scale", &[self.units]).initializer("ones"), cx)?,
        );
        Ok(())
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let flat = cx.inner(&self.first).call(inputs)?;
        let product = cx.inner(&self.second).call(&flat.0)?;
        let Some(scale) = &self.scale else {
            // Shapes are asked for before there are weights.
            return Ok(product);
        };
        Ok(ops::multiply(&product.0[0], &self.base.cast_value(scale)?)?.into())
    }

    fn config(&self) -> Config {
        Config::new().with("units", self.units)
    }
}

static MINE: &[Entry<dyn Layer>] = &[Entry {
    class_name: "Scaled",
    module: "",
    aliases: &[],
    doc: "two layers and a scale",
    build: |config, _| {
        let mut reader = config.reader("Scaled");
        let base = LayerBase::from_reader(&mut reader)?;
        let units = reader.req("units")?;
        reader.finish()?;
        Ok(Box::new(Scaled::with(base, units)))
    },
}];

fn registry() -> Registry {
    let mut registry = Registry::core();
    registry.layers.add(MINE);
    registry
}

fn paths(model: &Model) -> Vec<String> {
    model.weights().into_iter().map(|(path, _)| path).collect()
}

#[test]
fn shapes_and_weights_of_a_layer_of_layers_are_found_by_running_it() -> Result<()> {
    let x = input([2, 3]);
    let y = Scaled::new(4).apply(&x)?;
    assert_eq!(y.shape(), [None, Some(4)]);
    let model = Model::new_on(&x, &y, &Device::Cpu)?;
    assert_eq!(
        paths(&model),
        ["scaled/scale", "scaled/product/kernel", "scaled/product/bias"]
    );
    assert_eq!(model.weight("scaled/product/kernel")?.shape(), [6, 4]);
    assert_eq!(model.count_params(), 4 + 24 + 4);
    let outputs = model.call(
        &[Tensor::ones((5, 2, 3), ops::DType::F32, &Device::Cpu)?],
        &mut Call::new(false),
    )?;
    assert_eq!(outputs[0].to_vec2::<f32>()?, [[6.; 4]; 5]);
    Ok(())
}

#[test]
fn a_layer_of_layers_is_a_model_to_train_and_save() -> Result<()> {
    let mut model = Model::from_layer_on(Scaled::new(1), input([2, 1]), &Device::Cpu)?;
    let mse = loss_fn("mse", |y: &Tensor, p: &Tensor| ops::square(&ops::subtract(p, y)?));
    model.compile_with(Compile::new("adam").loss(mse), &Registry::core())?;
    let x: Vec<[[f32; 1]; 2]> = (0..32).map(|i| [[i as f32 / 32.], [1.]]).collect();
    let y: Vec<[f32; 1]> = x.iter().map(|[[x], _]| [3. * x]).collect();
    let history = model.fit((&x, &y), Fit::new().epochs(5).verbose(0))?;
    assert!(history.get("loss")?[4] < history.get("loss")?[0]);

    let folder = tempfile::tempdir().map_err(keras_core::Error::user)?;
    let path = folder.path().join("scaled.keras");
    let expected = model
        .predict(&x, Predict::new().verbose(0))?
        .flatten_all()?
        .to_vec1::<f32>()?;
    model.save(&path)?;
    let mut again = saving::load_model_with(&path, &registry(), saving::LoadModel::new().compile(false))?;
    assert_eq!(paths(&again), paths(&model));
    let found = again
        .predict(&x, Predict::new().verbose(0))?
        .flatten_all()?
        .to_vec1::<f32>()?;
    assert_eq!(found, expected);
    Ok(())
}

#[test]
fn layers_and_weights_are_found_by_their_way() -> Result<()> {
    let encoder = Sequential::new()
        .name("encoder")
        .input([3])
        .add(Dense::new(2).name("wide"))
        .build_on(&Device::Cpu)?;
    let x = input([3]);
    let y = Dense::new(1).name("head").apply(&encoder.as_layer().apply(&x)?)?;
    let model = Model::new_on(&x, &y, &Device::Cpu)?;
    assert_eq!(model.layer("encoder/wide")?.read().count_params(), 8);
    assert_eq!(model.weight("encoder/wide/kernel")?.shape(), [3, 2]);
    let Err(error) = model.layer("encoder/wise") else {
        bail!("found")
    };
    let error = error.to_string();
    assert!(
        error.contains("within layer `encoder`") && error.contains("`wide`"),
        "{error}"
    );
    // Frozen as a whole, and thawed in part.
    model.layer("encoder")?.set_trainable(false);
    assert_eq!(model.trainable_variables().len(), 2);
    model.layer("encoder/wide")?.set_trainable(true);
    assert_eq!(model.trainable_variables().len(), 4);
    Ok(())
}

#[test]
fn a_layer_frozen_before_it_is_built_freezes_those_within() -> Result<()> {
    let mut layer = Scaled::new(2);
    layer.base.set_trainable(false);
    let model = Model::from_layer_on(layer, input([2, 1]), &Device::Cpu)?;
    assert_eq!((model.trainable_variables().len(), model.weights().len()), (0, 3));
    Ok(())
}

/// Gives as many outputs as it has positions.
#[derive(Debug, Default)]
struct Positions {
    base: LayerBase,
}

impl Layer for Positions {
    fn base(&self) -> &LayerBase {
        &self.base
    }

    fn base_mut(&mut self) -> &mut LayerBase {
        &mut self.base
    }

    fn call(&self, inputs: &[Tensor], _: &mut Call) -> Result<Outputs> {
        let along = inputs[0].dim(1)?;
        let each = (0..along)
            .map(|i| ops::slice(&inputs[0], &[0, i, 0], &[inputs[0].dim(0)?, 1, inputs[0].dim(2)?]));
        let each: keras_core::ops::Result<Vec<Tensor>> = each.collect();
        Ok(each?.into())
    }
}

#[test]
fn sizes_that_are_not_known_stay_so_or_are_an_error() -> Result<()> {
    let unknown = keras_core::layers::InputLayer::with_batch_shape(vec![None, None, Some(3)]).tensor();
    let Err(error) = Positions::default().apply_many(&unknown) else {
        bail!("it has a number of outputs")
    };
    assert!(
        error.to_string().contains("depends on sizes that are not known"),
        "{error}"
    );
    let doubled = (&unknown * 2.)?;
    assert_eq!(doubled.shape(), [None, None, Some(3)]);
    Ok(())
}
