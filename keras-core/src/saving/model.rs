//! Whole models to and from files.

use std::path::Path;

use keras_ops::{Device, Seed};
use serde_json::{Map, Value, json};

use super::archive::Archive;
use super::packed::Packed;
use super::weights::{self, OPTIMIZER, STATE};
use crate::{Compile, Error, Model, Optimizer, Registry, Result, ResultExt, Variable};

const FORMAT: &str = "keras-model";
const VERSION: &str = "1";

impl Model {
    /// Saves the model so that [`load_model`] gives one that goes on exactly where this one stands: architecture,
    /// weights, random streams and, once compiled, losses, metrics and the optimizer with its state. Of losses and
    /// metrics from closures only the name is saved.
    ///
    /// The file appears whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written; a former file of this name is then what it was.
    ///
    /// # Examples
    /// See the [module](crate::saving).
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.pack()?.write(path)
    }

    /// What [`save`](Self::save) writes, as it is now.
    ///
    /// # Errors
    /// When a layer has no configuration.
    pub fn pack(&self) -> Result<Packed> {
        let mut texts = vec![
            ("format", FORMAT.to_owned()),
            ("version", VERSION.to_owned()),
            ("keras_rust_version", env!("CARGO_PKG_VERSION").to_owned()),
            ("config", self.architecture_text()),
            ("seeds", seeds(self).to_string()),
        ];
        let mut tensors = weights::values(self.weights());
        tensors.extend(weights::values(states(self)));
        if let Some(trainer) = &self.trainer {
            let compile = trainer.compile_config(&self.output_names());
            texts.push(("compile_config", compile.to_string()));
            texts.push(("optimizer", trainer.optimizer.state().to_string()));
            tensors.extend(weights::values(slots(&*trainer.optimizer)));
        }
        Ok(Packed { texts, tensors })
    }
}

/// The optimizer's variables under names of their own.
pub(super) fn slots(optimizer: &dyn Optimizer) -> Vec<(String, Variable)> {
    let mut slots: Vec<(String, Variable)> = Vec::new();
    for (name, variable) in optimizer.state_variables() {
        let stem = format!("{OPTIMIZER}{name}");
        let taken = |name: &String| slots.iter().any(|(n, _)| n == name);
        // `a_b/c` and `a/b_c` give slots of the same name.
        let mut free = std::iter::once(stem.clone()).chain((1..).map(|i| format!("{stem}_{i}")));
        let name = free.find(|n| !taken(n)).unwrap_or(stem);
        slots.push((name, variable));
    }
    slots
}

/// What layers carry from batch to batch under names of their own.
pub(super) fn states(model: &Model) -> Vec<(String, Variable)> {
    let named = |(path, variable)| (format!("{STATE}{path}"), variable);
    model.states().into_iter().map(named).collect()
}

/// Where each random stream stands, in the order of the layers.
pub(super) fn seeds(model: &Model) -> Value {
    let state = |(path, seed): (String, crate::SeedGenerator)| {
        let state = seed.state();
        (path, json!([state.seed, state.counter]))
    };
    Value::Object(model.seeds().into_iter().map(state).collect::<Map<_, _>>())
}

/// How a model is loaded. See [`load_model_with`].
#[derive(Clone, Debug)]
pub struct LoadModel {
    compile: bool,
    device: Option<Device>,
}

impl Default for LoadModel {
    fn default() -> Self {
        Self::new()
    }
}

impl LoadModel {
    /// Compiled as it was saved, on [`keras_ops::auto`]'s device.
    pub fn new() -> Self {
        Self {
            compile: true,
            device: None,
        }
    }

    /// Whether to compile the model as it was when saved.
    #[must_use]
    pub fn compile(mut self, compile: bool) -> Self {
        self.compile = compile;
        self
    }

    /// The device of the weights.
    #[must_use]
    pub fn device(mut self, device: &Device) -> Self {
        self.device = Some(device.clone());
        self
    }
}

/// Loads a model that [`Model::save`] wrote; classes are looked up in `registry`. If it was compiled, it is so
/// again and trains on exactly as it would have.
///
/// # Errors
/// When the file is not a saved model, is damaged, or uses a class or closure that is not registered.
///
/// # Examples
/// See the [module](crate::saving).
pub fn load_model(path: impl AsRef<Path>, registry: &Registry) -> Result<Model> {
    load_model_with(path, registry, LoadModel::new())
}

/// [`load_model`] without compiling, or on a device.
///
/// # Errors
/// As [`load_model`].
pub fn load_model_with(path: impl AsRef<Path>, registry: &Registry, options: LoadModel) -> Result<Model> {
    let mut archive = Archive::open(path.as_ref())?;
    load(&mut archive, registry, options).map_err(|e| match e {
        Error::File { .. } => e,
        e => e.context(format!("{}: cannot load the model", path.as_ref().display())),
    })
}

fn load(archive: &mut Archive, registry: &Registry, options: LoadModel) -> Result<Model> {
    check_format(archive)?;
    let Some(config) = archive.json("config")? else {
        return Err(Error::file(&archive.path, "damaged: the header has no `config`"));
    };
    let device = options.device.map_or_else(keras_ops::auto, Ok)?;
    let mut model = Model::from_config_on(&config, registry, &device)?;
    let mut wanted = model.weights();
    wanted.extend(states(&model));
    let compile = archive.json("compile_config")?.filter(|_| options.compile);
    if let Some(compile) = &compile {
        compile_again(&mut model, compile, registry)?;
        wanted.extend(slots(model.optimizer()?));
    }
    let compiled = compile.is_some();
    weights::check(archive, &wanted, |name| !compiled && name.starts_with(OPTIMIZER))?;
    weights::read(archive, wanted)?.assign()?;
    restore_seeds(&archive.path, &archive.json("seeds")?.unwrap_or_default(), &model)?;
    if let (true, Some(state)) = (compiled, archive.json("optimizer")?) {
        model.optimizer_mut()?.load_state(&state)?;
    }
    Ok(model)
}

fn check_format(archive: &Archive) -> Result<()> {
    let wrong = |message: String| Err(Error::file(&archive.path, message));
    match (archive.text("format"), archive.text("version")) {
        (Some(FORMAT), Some(VERSION)) => Ok(()),
        (Some(FORMAT), version) => wrong(format!(
            "this model was saved by a newer version of this library (file version {}, known {VERSION}): update it",
            version.unwrap_or("unknown")
        )),
        (Some("keras-weights"), _) => {
            wrong("this file has weights without a model: build the model and call `load_weights`".to_owned())
        }
        _ => wrong(
            "a safetensors file, but not of a model that this library saved; build the model and call \
             `load_weights` if the names fit"
                .to_owned(),
        ),
    }
}

fn compile_again(model: &mut Model, config: &Value, registry: &Registry) -> Result<()> {
    let compile = Compile::from_config(config, &model.output_names(), registry);
    let done = compile.and_then(|compile| model.compile_with(compile, registry));
    done.context(|| {
        "compiling as it was saved (a loss, metric or optimizer of your own must be in the registry; a closure is \
         not saved: load with LoadModel::new().compile(false) and compile again)"
    })
}

pub(super) fn restore_seeds(path: &Path, saved: &Value, model: &Model) -> Result<()> {
    for (name, seed) in model.seeds() {
        let state = saved
            .get(&name)
            .and_then(|v| Some((v.get(0)?.as_u64()?, v.get(1)?.as_u64()?)));
        let Some((start, counter)) = state else {
            return Err(Error::file(
                path,
                format!("damaged: the random stream `{name}` is missing"),
            ));
        };
        seed.load_state(Seed::new(start, counter));
    }
    Ok(())
}
