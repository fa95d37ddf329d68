//! A run without training: epochs of given logs, each leaving its number in the model's weight.

use keras_core::layer::{Build, Call, Layer, LayerBase, Outputs, Weight};
use keras_core::ops::Tensor;
use keras_core::shape::Dims;
use keras_core::{Callback, Context, Logs, Model, Params, Result, Sequential, Variable};

#[derive(Debug, Default)]
struct Scale {
    base: LayerBase,
    factor: Option<Variable>,
}

impl Layer for Scale {
    fn base(&self) -> &LayerBase {
        &self.base
    }
    fn base_mut(&mut self) -> &mut LayerBase {
        &mut self.base
    }
    fn build(&mut self, _: &[Dims], cx: &Build) -> Result<()> {
        self.factor = Some(self.base.add_weight(Weight::new("factor", &[1]), cx)?);
        Ok(())
    }
    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        Ok(inputs.to_vec())
    }
    fn call(&self, inputs: &[Tensor], _: &mut Call) -> Result<Outputs> {
        Ok(inputs[0].clone().into())
    }
}

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) model: Model,
    pub(crate) params: Params,
    pub(crate) stop: bool,
}

impl Run {
    /// A run that says it logs `names`.
    pub(crate) fn new(names: &[&str]) -> Self {
        let model = Sequential::new()
            .input([1])
            .add(Scale::default())
            .build()
            .unwrap();
        let mut params = Params::default();
        params.epochs = 20;
        params.steps = Some(4);
        params.verbose = 1;
        params.log_names = names.iter().map(|n| (*n).to_owned()).collect();
        params.validation = names.iter().any(|n| n.starts_with("val_"));
        Self {
            model,
            params,
            stop: false,
        }
    }

    pub(crate) fn cx(&mut self) -> Context<'_> {
        Context::new(&mut self.model, &self.params, &mut self.stop)
    }

    pub(crate) fn check(&mut self, callback: &mut dyn Callback) -> Result<()> {
        callback.check(&mut self.cx())
    }

    pub(crate) fn notes(&mut self) -> Vec<String> {
        self.cx().take_notes()
    }

    /// Trains on logs of one value an epoch; NaN stands for an epoch without it. Gives the epoch it stopped
    /// after.
    pub(crate) fn fit(
        &mut self,
        callback: &mut dyn Callback,
        name: &str,
        values: &[f64],
    ) -> Result<Option<usize>> {
        self.check(callback)?;
        self.stop = false;
        let mut logs = Logs::new();
        callback.on_train_begin(&mut self.cx(), &mut logs)?;
        let mut stopped = None;
        for (epoch, value) in values.iter().enumerate() {
            logs = Logs::new();
            self.set_weight(epoch as f32 + 1.)?;
            if !value.is_nan() {
                logs.set(name, *value);
            }
            callback.on_epoch_begin(epoch, &mut self.cx(), &mut Logs::new())?;
            callback.on_epoch_end(epoch, &mut self.cx(), &mut logs)?;
            if self.stop {
                stopped = Some(epoch);
                break;
            }
        }
        callback.on_train_end(&mut self.cx(), &mut logs)?;
        Ok(stopped)
    }

    pub(crate) fn set_weight(&self, value: f32) -> Result<()> {
        let (_, weight) = &self.model.weights()[0];
        weight.assign(&Tensor::new(&[value], weight.device())?)
    }

    /// The epoch, from 1, whose weight the model has.
    pub(crate) fn weight(&self) -> f32 {
        self.model.weights()[0].1.value().to_vec1::<f32>().unwrap()[0]
    }
}

pub(crate) fn logs(values: &[(&str, f64)]) -> Logs {
    values.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect()
}
