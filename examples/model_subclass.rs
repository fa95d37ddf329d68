//! A model whose forward pass is code of its own: a type with layers in it, as a subclass of Keras's `Model`.
//!
//! `cargo run --release --example model_subclass [-- --epochs N | --short]`
//!
//! It is a mixture of experts: small networks for the same question, and a gate that says for each picture how much to
//! listen to which.
//!
//! It reaches 0.975 in less than a second.
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use anyhow::Result;
use keras::layer::{Call, LayerBase, Outputs};
use keras::prelude::*;
use keras_examples::Options;

#[derive(Debug)]
struct Mixture {
    base: LayerBase,
    experts: Vec<LayerRef>,
    gate: LayerRef,
}

impl Mixture {
    fn new(count: usize, kinds: usize) -> keras::Result<Self> {
        let expert = |i: usize| {
            let network = Sequential::new()
                .name(&format!("expert_{i}"))
                .input([64])
                .add(Dense::new(32).activation("relu"))
                .add(Dense::new(kinds).activation("softmax"));
            Ok(network.build()?.as_layer())
        };
        Ok(Self {
            base: LayerBase::default(),
            experts: (0..count).map(expert).collect::<keras::Result<_>>()?,
            gate: Dense::new(count).activation("softmax").name("gate").into(),
        })
    }
}

impl Layer for Mixture {
    fn base(&self) -> &LayerBase {
        &self.base
    }

    fn base_mut(&mut self) -> &mut LayerBase {
        &mut self.base
    }

    /// Whose weights are trained, named and saved with it.
    fn sublayers(&self) -> Vec<LayerRef> {
        self.experts.iter().chain([&self.gate]).cloned().collect()
    }

    /// The experts' opinions, weighed by the gate.
    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> keras::Result<Outputs> {
        let shares = cx.inner(&self.gate).call(inputs)?.0.remove(0);
        // The gate should listen to all: what it is certain of costs a little.
        let even = ops::mean(
            &ops::sum(&ops::square(&shares)?, Some(&[-1]), false)?,
            None,
            false,
        )?;
        cx.add_loss(ops::mul_scalar(&even, 0.1)?);
        let mut sum: Option<Tensor> = None;
        for (i, expert) in self.experts.iter().enumerate() {
            let opinion = cx.inner(expert).call(inputs)?.0.remove(0);
            let weighed = ops::multiply(&opinion, &shares.narrow(1, i, 1)?)?;
            sum = Some(match sum {
                Some(sum) => ops::add(&sum, &weighed)?,
                None => weighed,
            });
        }
        match sum {
            Some(sum) => Ok(sum.into()),
            None => keras::bail!("expected one expert or more"),
        }
    }
}

fn main() -> Result<()> {
    let options = Options::from_args(&["epochs"])?;
    set_random_seed(13);
    let digits = datasets::digits()?.scaled(16.)?.flattened()?;
    let ((x, y), (x_test, y_test)) = (digits.train, digits.test);

    let mut model = Model::from_layer(Mixture::new(4, 10)?, input([64]))?;
    println!("{}", model.summary());
    for (path, weight) in model.weights().iter().take(4) {
        println!("{path} {:?}", weight.shape());
    }
    model.compile(
        Compile::new(Adam::new(3e-3))
            .loss("sparse_categorical_crossentropy")
            .metric("accuracy"),
    )?;
    model.fit(
        (&x, &y),
        Fit::new().epochs(options.epochs(30, 5)?).validation_split(0.1),
    )?;
    let scores = model.evaluate((&x_test, &y_test), Evaluate::new().verbose(0))?;
    let accuracy = scores.get("accuracy")?;
    println!("test accuracy {accuracy:.4}");
    options.reaches("test accuracy", accuracy, 0.96, 0.85)
}
