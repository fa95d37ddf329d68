//! Masks: made by a layer, carried through models, used in losses and metrics.

use keras::layer::{Call, LayerBase, Outputs};
use keras::metrics::metric_fn;
use keras::prelude::*;
use keras::shape::Dims;

/// Passes its input on with a mask: positions that are not 0 count.
#[derive(Debug, Default)]
struct Mark {
    base: LayerBase,
}

impl Layer for Mark {
    fn base(&self) -> &LayerBase {
        &self.base
    }

    fn base_mut(&mut self) -> &mut LayerBase {
        &mut self.base
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> keras::Result<Vec<Dims>> {
        Ok(inputs.to_vec())
    }

    fn makes_mask(&self) -> bool {
        true
    }

    fn compute_mask(&self, inputs: &[Tensor], _: &[Option<Tensor>]) -> keras::Result<Vec<Option<Tensor>>> {
        let marked = ops::max(&ops::abs(&inputs[0])?, Some(&[-1]), false)?;
        Ok(vec![Some(ops::cast(&ops::sign(&marked)?, DType::U8)?)])
    }

    fn call(&self, inputs: &[Tensor], _: &mut Call) -> keras::Result<Outputs> {
        Ok(inputs[0].clone().into())
    }
}

/// Three sequences of two, three and four positions, and the targets 1, 2, 3, 4 of each.
fn data() -> keras::Result<(Tensor, Tensor)> {
    let x = [[1f32, 1., 0., 0.], [1., 1., 1., 0.], [1., 1., 1., 1.]];
    let y = [[1f32, 2., 3., 4.]; 3];
    let there = |rows: [[f32; 4]; 3]| Tensor::new(&rows, &Device::Cpu)?.reshape((3, 4, 1));
    Ok((there(x)?, there(y)?))
}

/// Predicts 0.3 everywhere.
fn point_three() -> Dense {
    Dense::new(1)
        .use_bias(false)
        .kernel_initializer(initializers::Constant { value: 0.3 })
}

fn compiled(mut model: Model) -> keras::Result<Model> {
    model.compile(
        Compile::new("sgd")
            .loss("mse")
            .metric("mae")
            .weighted_metric("mse"),
    )?;
    Ok(model)
}

/// The scores, as numbers that were computed by Keras 3.15 on TensorFlow for the same model (an `Embedding` with
/// `mask_zero` whose values are 1).
fn check(mut model: Model, case: &str) -> keras::Result<()> {
    let (x, y) = data()?;
    let near = |what: &str, name: &str, value: f64, expected: f64| {
        assert!(
            (value - expected).abs() < 1e-5,
            "{case}, {what}: {name} {value}, not {expected}"
        );
    };
    let expected = [("loss", 4.267_777_9), ("mae", 1.811_111_2), ("mse", 4.267_777_9)];
    let scores = model.evaluate((&x, &y), Evaluate::new().verbose(0))?;
    for (name, value) in expected {
        near("evaluate", name, scores.get(name)?, value);
    }
    let history = model.fit((&x, &y), Fit::new().verbose(0))?;
    for (name, value) in expected {
        near("fit", name, history.get(name)?[0], value);
    }
    Ok(())
}

#[test]
fn a_mask_reaches_losses_and_metrics() -> keras::Result<()> {
    let model = Sequential::new()
        .input([4, 1])
        .add(Mark::default())
        .add(Dropout::new(0.))
        .add(point_three())
        .build_on(&Device::Cpu)?;
    check(compiled(model)?, "in a stack")
}

#[test]
fn a_mask_passes_into_and_out_of_a_nested_model() -> keras::Result<()> {
    let maker = Sequential::new()
        .input([4, 1])
        .add(Mark::default())
        .build_on(&Device::Cpu)?;
    let user = Sequential::new()
        .input([4, 1])
        .add(point_three())
        .build_on(&Device::Cpu)?;
    let x = input([4, 1]);
    let output = user.as_layer().apply(&maker.as_layer().apply(&x)?)?;
    check(compiled(Model::new_on(&x, &output, &Device::Cpu)?)?, "nested")
}

#[test]
fn a_layer_that_does_not_support_masks_ends_them() -> keras::Result<()> {
    let model = Sequential::new()
        .input([4, 1])
        .add(Mark::default())
        .add(Flatten::new())
        .add(Dense::new(4).kernel_initializer("zeros").bias_initializer("ones"))
        .build_on(&Device::Cpu)?;
    let mut model = compiled(model)?;
    let (x, y) = data()?;
    let scores = model.evaluate((&x, &y.flatten_from(1)?), Evaluate::new().verbose(0))?;
    // Of 0, 1, 2 and 3, masked by nothing.
    assert_eq!((scores.get("loss")?, scores.get("mae")?), (3.5, 1.5));
    Ok(())
}

#[test]
fn masks_meet_sample_weights() -> keras::Result<()> {
    let model = Sequential::new()
        .input([4, 1])
        .add(Mark::default())
        .add(point_three())
        .build_on(&Device::Cpu)?;
    let mut model = compiled(model)?;
    let (x, y) = data()?;
    let weights = Tensor::new(&[[1f32; 4], [2.; 4], [0.; 4]], &Device::Cpu)?;
    let scores = model.evaluate((&x, &y, &weights), Evaluate::new().verbose(0))?;
    // Squares 0.49, 2.89, 7.29, 13.69: (3.38 + 2 * 10.67) * (12 / 9) / 12, and over the weights 2 + 6 for the metric.
    assert!((scores.get("loss")? - 24.72 / 9.).abs() < 1e-5, "{scores:?}");
    assert!((scores.get("mse")? - 24.72 / 8.).abs() < 1e-5, "{scores:?}");
    // A metric without weights has the mask alone: 0.7, 1.7, 2.7, 3.7 counted 3, 3, 2, 1 times.
    assert!((scores.get("mae")? - 16.3 / 9.).abs() < 1e-5, "{scores:?}");
    Ok(())
}

/// Multiplies by a weight, adds the mean of the output to the loss and to the logs.
#[derive(Debug, Default)]
struct Adds {
    base: LayerBase,
}

impl Layer for Adds {
    fn base(&self) -> &LayerBase {
        &self.base
    }

    fn base_mut(&mut self) -> &mut LayerBase {
        &mut self.base
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> keras::Result<Vec<Dims>> {
        Ok(inputs.to_vec())
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> keras::Result<Outputs> {
        let mean = ops::mean(&inputs[0], None, false)?;
        cx.add_metric("mean_output", &mean);
        cx.add_loss(ops::mul_scalar(&mean, 10.)?);
        Ok(inputs[0].clone().into())
    }
}

#[test]
fn layers_add_losses_and_logged_values() -> keras::Result<()> {
    let mut adds = Adds::default();
    adds.base.declare_metric("mean_output");
    let mut model = Sequential::new()
        .input([1])
        .add(Dense::new(1).kernel_initializer("ones"))
        .add(adds)
        .build_on(&Device::Cpu)?;
    model.compile(Compile::new(SGD::new(0.)).loss("mae"))?;
    assert_eq!(model.metrics_names()?, ["loss", "mean_output"]);
    let (x, y) = (vec![[1f32], [2.], [6.]], vec![[1f32], [2.], [6.]]);
    // Batches of two: means 1.5 and 6; the loss is weighted by samples, the value is not.
    let scores = model.evaluate((&x, &y), Evaluate::new().batch_size(2).verbose(0))?;
    assert_eq!(scores.get("mean_output")?, 3.75);
    assert_eq!(scores.get("loss")?, 30.);
    let stop = EarlyStopping::new("mean_output")
        .mode(keras::callbacks::Mode::Max)
        .patience(0);
    let fit = Fit::new()
        .epochs(3)
        .batch_size(2)
        .verbose(0)
        .shuffle(false)
        .callback(stop);
    assert_eq!(model.fit((&x, &y), fit)?.get("mean_output")?, [3.75, 3.75]);
    Ok(())
}

#[test]
fn a_metric_of_a_closure_is_masked() -> keras::Result<()> {
    let model = Sequential::new()
        .input([4, 1])
        .add(Mark::default())
        .add(point_three())
        .build_on(&Device::Cpu)?;
    let mut model = model;
    let off = metric_fn("off", |y: &Tensor, p: &Tensor| {
        ops::abs(&ops::subtract(p, y)?)?.squeeze(2)
    });
    model.compile(Compile::new("sgd").loss("mse").metric(off))?;
    let (x, y) = data()?;
    let scores = model.evaluate((&x, &y), Evaluate::new().verbose(0))?;
    assert!((scores.get("off")? - 16.3 / 9.).abs() < 1e-5, "{scores:?}");
    Ok(())
}
