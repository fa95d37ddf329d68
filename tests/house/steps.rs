//! Steps of one's own, steps layer by layer, weights without gradients, and steps in mixed precision.

use keras::layer::{Call, LayerBase, Outputs};
use keras::ops::GradientTape;
use keras::prelude::*;
use keras::shape::Dims;
use keras::trainer::{Step, TrainStep};
use keras::{Apply, DTypePolicy};

use super::{assert_says, classifier, digits, line, message, weights};

fn data() -> (Vec<[f32; 1]>, Vec<[f32; 1]>) {
    let x: Vec<[f32; 1]> = (0..16).map(|i| [i as f32 / 16.]).collect();
    let y = x.iter().map(|[v]| [2. * v + 0.5]).collect();
    (x, y)
}

/// The built-in step, put together by hand.
fn by_hand(step: &mut Step<'_>) -> keras::Result<()> {
    let tape = GradientTape::start();
    let outputs = step.call(true)?;
    let loss = step.compute_loss(&outputs)?;
    let gradients = step.gradients(tape, &loss)?;
    step.apply_gradients(gradients)?;
    step.update_metrics(&loss, &outputs)
}

#[test]
fn the_parts_of_a_step_make_the_built_in_one() -> keras::Result<()> {
    let digits = digits()?;
    let (x, y) = (&digits.train.0, &digits.train.1);
    let mut runs = Vec::new();
    for own in [false, true] {
        set_random_seed(3);
        let mut model = classifier()?;
        if own {
            model.set_train_step(by_hand);
        }
        let history = model.fit((x, y), Fit::new().epochs(2).verbose(0))?;
        runs.push((weights(&model)?, history.get("accuracy")?.to_vec()));
    }
    assert_eq!(runs[0], runs[1]);
    Ok(())
}

/// Trains on every second batch only, and says so.
struct EverySecond(usize);

impl TrainStep for EverySecond {
    fn train_step(&mut self, step: &mut Step<'_>) -> keras::Result<()> {
        self.0 += 1;
        let skipped = f32::from(self.0.is_multiple_of(2));
        step.log("skipped", &Tensor::new(skipped, &Device::Cpu)?);
        match self.0 % 2 {
            0 => step.test(),
            _ => step.train(),
        }
    }
}

#[test]
fn a_step_may_have_state_log_and_leave_the_weights_alone() -> keras::Result<()> {
    let mut model = line()?;
    model.set_train_step(EverySecond(0));
    let (x, y) = data();
    let history = model.fit((&x, &y), Fit::new().batch_size(4).verbose(0))?;
    assert_eq!(history.get("skipped")?, [0.5]);
    assert_eq!(model.optimizer()?.iterations(), 2);
    model.reset_train_step();
    model.fit((&x, &y), Fit::new().batch_size(4).verbose(0))?;
    assert_eq!(model.optimizer()?.iterations(), 6);
    Ok(())
}

/// `1 / x`, which is infinite at 0.
fn inverse() -> Lambda {
    Lambda::new("inverse", ops::reciprocal).name("inverse")
}

fn eager(model: Model) -> keras::Result<Model> {
    let mut model = model;
    model.compile(Compile::new("sgd").loss("mse").run_eagerly(true))?;
    Ok(model)
}

#[test]
fn layer_by_layer_the_first_output_that_is_not_finite_is_named() -> keras::Result<()> {
    let model = Sequential::new()
        .input([2])
        .add(Activation::new("relu").name("positive"))
        .add(inverse())
        .add(Dense::new(1).name("after"))
        .build_on(&Device::Cpu)?;
    let mut model = eager(model)?;
    let (x, y) = (vec![[1f32, 2.], [3., 0.]], vec![[1f32], [1.]]);
    let fit = message(model.fit((&x, &y), Fit::new().shuffle(false).verbose(0)));
    assert_says(
        &fit,
        &[
            "layer `inverse`",
            "(Lambda) is inf at [1, 1]",
            "what it was given is finite",
        ],
    );
    for text in [
        message(model.evaluate((&x, &y), Evaluate::new().verbose(0))),
        message(model.predict(&x, Predict::new().verbose(0))),
    ] {
        assert_says(&text, &["layer `inverse`", "is inf"]);
    }
    // In a nested model, the layer within.
    let inner = Sequential::new()
        .name("inner")
        .input([2])
        .add(inverse())
        .build_on(&Device::Cpu)?;
    let x = input([2]);
    let y = Dense::new(1).apply(&inner.as_layer().apply(&x)?)?;
    let mut outer = eager(Model::new_on(&x, &y, &Device::Cpu)?)?;
    let text = message(outer.predict(vec![[0f32, 1.]], Predict::new().verbose(0)));
    assert_says(&text, &["layer `inner`: layer `inverse`"]);
    Ok(())
}

#[test]
fn layer_by_layer_the_numbers_are_the_same() -> keras::Result<()> {
    let mut all = Vec::new();
    for run_eagerly in [false, true] {
        set_random_seed(5);
        let mut model = Sequential::new()
            .input([1])
            .add(Dense::new(8).activation("tanh"))
            .add(Dense::new(1))
            .build_on(&Device::Cpu)?;
        model.compile(Compile::new("adam").loss("mse").run_eagerly(run_eagerly))?;
        let (x, y) = data();
        model.fit((&x, &y), Fit::new().epochs(3).verbose(0))?;
        all.push(weights(&model)?.concat());
    }
    for (a, b) in all[0].iter().zip(&all[1]) {
        assert!((a - b).abs() < 1e-6, "{a} is not {b}");
    }
    Ok(())
}

#[test]
fn layer_by_layer_a_gradient_that_is_not_finite_names_its_weight() -> keras::Result<()> {
    let model = Sequential::new()
        .input([1])
        .add(Dense::new(1).kernel_initializer("zeros").name("zero"))
        .add(Lambda::new("root", ops::sqrt))
        .build_on(&Device::Cpu)?;
    let mut model = eager(model)?;
    let text = message(model.fit((&vec![[1f32]], &vec![[1f32]]), Fit::new().verbose(0)));
    assert_says(&text, &["the gradient of `zero/kernel` is -inf"]);
    Ok(())
}

/// A layer with a weight that its call does not use.
#[derive(Debug, Default)]
struct Idle {
    base: LayerBase,
}

impl Layer for Idle {
    fn base(&self) -> &LayerBase {
        &self.base
    }

    fn base_mut(&mut self) -> &mut LayerBase {
        &mut self.base
    }

    fn build(&mut self, _: &[Dims], cx: &keras::layer::Build) -> keras::Result<()> {
        self.base
            .add_weight(keras::layer::Weight::new("idle", &[2]), cx)?;
        Ok(())
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> keras::Result<Vec<Dims>> {
        Ok(inputs.to_vec())
    }

    fn call(&self, inputs: &[Tensor], _: &mut Call) -> keras::Result<Outputs> {
        Ok(inputs[0].clone().into())
    }
}

fn with_idle(trainable: bool) -> keras::Result<Model> {
    let mut idle = Idle::default();
    idle.base.set_trainable(trainable);
    let mut model = Sequential::new()
        .input([1])
        .add(Dense::new(1))
        .add(idle)
        .build_on(&Device::Cpu)?;
    model.compile(Compile::new("sgd").loss("mse"))?;
    Ok(model)
}

#[test]
fn a_weight_without_a_gradient_is_an_error_that_names_it() -> keras::Result<()> {
    let (x, y) = data();
    let text = message(with_idle(true)?.fit((&x, &y), Fit::new().verbose(0)));
    assert_says(&text, &["does not depend on idle/idle", "`.trainable(false)`"]);
    with_idle(false)?.fit((&x, &y), Fit::new().verbose(0))?;
    // What a node without gradient cuts off is found too.
    let input = input([1]);
    let cut = Lambda::new("cut", ops::stop_gradient).apply(&Dense::new(1).name("below").apply(&input)?)?;
    let mut model = Model::new_on(&input, &Dense::new(1).apply(&cut)?, &Device::Cpu)?;
    model.compile(Compile::new("sgd").loss("mse"))?;
    let text = message(model.fit((&x, &y), Fit::new().verbose(0)));
    assert_says(&text, &["below/kernel, below/bias"]);
    Ok(())
}

#[test]
fn an_output_without_a_loss_needs_no_gradient() -> keras::Result<()> {
    let (x, y) = data();
    let encoder = {
        let x = input([1]);
        let features = Dense::new(2).name("features").apply(&x)?;
        let extra = Dense::new(1).name("extra").apply(&features)?;
        Model::new_on(&x, [&features, &extra], &Device::Cpu)?.named("encoder")
    };
    let input = input([1]);
    let encoded = encoder.as_layer().apply_many(&input)?;
    let trained = Dense::new(1).name("trained").apply(&encoded[0])?;
    let shown = Dense::new(1).name("shown").apply(&encoded[0])?;
    let mut model = Model::new_on(&input, [&trained, &shown], &Device::Cpu)?;
    model.compile(Compile::new("sgd").output("trained", output().loss("mse")))?;
    let before = model.weight("shown/kernel")?.snapshot()?;
    let y = Tensor::from_vec(y.concat(), (16, 1), &Device::Cpu)?;
    model.fit((&x, [("trained", &y)]), Fit::new().verbose(0))?;
    let after = model.weight("shown/kernel")?.value();
    assert_eq!(before.to_vec2::<f32>()?, after.to_vec2::<f32>()?);
    Ok(())
}

/// Two layers whose values real Keras has too: computed by Keras 3.15 on JAX.
fn mixed(policy: DTypePolicy) -> keras::Result<Vec<f32>> {
    let mut model = Sequential::new()
        .input([3])
        .add(
            Dense::new(4)
                .activation("tanh")
                .kernel_initializer(initializers::Constant { value: 0.3 })
                .dtype(policy),
        )
        .add(
            Dense::new(1)
                .kernel_initializer(initializers::Constant { value: -0.7 })
                .dtype(policy),
        )
        .build_on(&Device::Cpu)?;
    model.compile(Compile::new(SGD::new(0.1)).loss("mse").auto_scale_loss(false))?;
    let x = Tensor::new(
        &[[0.1f32, -0.2, 0.3], [1., 2., -1.5], [0.25, 0.5, 0.75]],
        &Device::Cpu,
    )?;
    let y = vec![[1f32], [-1.], [0.5]];
    model.fit((&x, &y), Fit::new().epochs(5).batch_size(3).verbose(0))?;
    assert!(
        model
            .weights()
            .iter()
            .all(|(_, v)| v.dtype() == policy.variable_dtype())
    );
    let predicted = model.predict(&x, Predict::new().verbose(0))?;
    assert_eq!(predicted.dtype(), policy.compute_dtype());
    let kernel = model.weight("dense/kernel")?.value().narrow(1, 0, 1)?;
    let all = [
        predicted.flatten_all()?.to_dtype(DType::F32)?,
        kernel.flatten_all()?.to_dtype(DType::F32)?,
    ];
    Ok([all[0].to_vec1::<f32>()?, all[1].to_vec1::<f32>()?].concat())
}

#[test]
fn mixed_precision_trains_as_in_keras() -> keras::Result<()> {
    let cases: [(DTypePolicy, [f32; 6], f32); 4] = [
        (
            DTypePolicy::FLOAT32,
            [0.992_057, -0.881_9, 0.225_524, 0.282_818, 0.307_85, 0.091_289],
            1e-5,
        ),
        (
            DTypePolicy::MIXED_BFLOAT16,
            [0.992_188, -0.875, 0.225_586, 0.282_703, 0.307_739, 0.091_602],
            8e-3,
        ),
        (
            DTypePolicy::MIXED_FLOAT16,
            [0.992_188, -0.881_836, 0.225_952, 0.282_833, 0.307_898, 0.091_235],
            1e-3,
        ),
        (
            DTypePolicy::BFLOAT16,
            [0.992_188, -0.875, 0.223_633, 0.283_203, 0.310_547, 0.092_285],
            1.6e-2,
        ),
    ];
    for (policy, expected, tolerance) in cases {
        let found = mixed(policy)?;
        for (i, (a, b)) in found.iter().zip(expected).enumerate() {
            // Predictions are sums of terms near 1, each rounded; the weights are near 0.25.
            let scale = if i < 3 { 1. } else { 0.25f32 };
            assert!(
                (a - b).abs() <= tolerance * b.abs().max(scale),
                "{policy:?}: {found:?}, Keras {expected:?}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_policy_by_name_reaches_the_layers_and_an_unknown_one_is_an_error() -> keras::Result<()> {
    let model = Sequential::new()
        .input([2])
        .add(Dense::new(3).dtype("mixed_float16"))
        .build_on(&Device::Cpu)?;
    let config = model.to_config()?;
    assert_eq!(
        config["config"]["layers"][1]["config"]["dtype"]["config"]["name"],
        "mixed_float16"
    );
    let again = Model::from_config_on(&config, keras::registry(), &Device::Cpu)?;
    assert_eq!(again.to_config()?, config);
    let policy = again.layer("dense")?.read().base().dtype_policy();
    assert_eq!(policy, DTypePolicy::MIXED_FLOAT16);
    let text = message(Dense::new(3).dtype("mixed_float17").apply(input([2])));
    assert_says(&text, &["Dense on (None, 2)", "Did you mean `mixed_float16`?"]);
    Ok(())
}
