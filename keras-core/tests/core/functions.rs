//! Activations, regularizers and constraints: names, configuration, errors.

use keras_core::activations::{self, LeakyRelu, Relu, Softmax, activation_fn};
use keras_core::regularizers::{L1, L1L2};
use keras_core::{Activation, Regularizer, Result, registry};
use keras_ops::{Device, FusedActivation, Tensor};
use serde_json::json;

#[test]
fn every_activation_is_read_back_from_what_it_is_saved_as() -> Result<()> {
    let core = registry::core();
    for entry in core.activations.iter() {
        let activation = core.activations.by_name(entry.class_name, core)?;
        let saved = activations::serialize(&*activation);
        assert_eq!(saved, entry.class_name);
        assert_eq!(
            activations::deserialize(Some(&saved), core)?.name(),
            entry.class_name
        );
        assert!(
            entry
                .aliases
                .iter()
                .all(|alias| core.activations.find(alias).is_ok())
        );
    }
    Ok(())
}

#[test]
fn activation_arguments_survive_saving() -> Result<()> {
    let core = registry::core();
    let all: Vec<Box<dyn Activation>> = vec![
        Box::new(LeakyRelu { negative_slope: 0.5 }),
        Box::new(Relu {
            max_value: Some(6.),
            threshold: 1.,
            ..Relu::default()
        }),
        Box::new(Softmax { axis: vec![1, 2] }),
        Box::new(activations::Celu { alpha: 2. }),
        Box::new(activations::Gelu { approximate: true }),
    ];
    for activation in all {
        let saved = activations::serialize(&*activation);
        let again = activations::deserialize(Some(&saved), core)?;
        assert_eq!(again.config(), activation.config(), "{saved}");
    }
    Ok(())
}

#[test]
fn a_closure_is_saved_by_its_name() {
    let cube = activation_fn("cube", |x: &Tensor| keras_ops::pow_scalar(x, 3.));
    let saved = activations::serialize(&cube);
    assert_eq!(saved["class_name"], "function");
    assert_eq!(saved["config"], "cube");
}

#[test]
fn only_plain_relu_sigmoid_tanh_and_linear_are_fused() -> Result<()> {
    let core = registry::core();
    let fused = |name: &str| Ok::<_, keras_core::Error>(core.activations.by_name(name, core)?.fused());
    assert_eq!(fused("relu")?, Some(FusedActivation::Relu));
    assert_eq!(fused("sigmoid")?, Some(FusedActivation::Sigmoid));
    assert_eq!(fused("tanh")?, Some(FusedActivation::Tanh));
    assert_eq!(fused("linear")?, Some(FusedActivation::Linear));
    assert_eq!(fused("gelu")?, None);
    assert_eq!(
        Relu {
            max_value: Some(1.),
            ..Relu::default()
        }
        .fused(),
        None
    );
    Ok(())
}

#[test]
fn unknown_names_suggest_the_nearest() {
    let core = registry::core();
    let error = core
        .activations
        .by_name("sigmiod", core)
        .expect_err("unknown")
        .to_string();
    assert!(error.contains("Did you mean `sigmoid`?"), "{error}");
}

#[test]
fn regularizers_and_constraints_round_trip() -> Result<()> {
    let core = registry::core();
    for entry in core.regularizers.iter() {
        let first = core.regularizers.by_name(entry.class_name, core)?;
        let value = json!({"class_name": first.class_name(), "config": first.config().0});
        assert_eq!(
            core.regularizers.from_value(&value, core)?.config(),
            first.config()
        );
    }
    for entry in core.constraints.iter() {
        let first = core.constraints.by_name(entry.class_name, core)?;
        let value = json!({"class_name": first.class_name(), "config": first.config().0});
        assert_eq!(
            core.constraints.from_value(&value, core)?.config(),
            first.config()
        );
    }
    Ok(())
}

#[test]
fn a_negative_penalty_is_an_error() {
    let core = registry::core();
    let value = json!({"class_name": "L2", "config": {"l2": -1.0}});
    let error = core
        .regularizers
        .from_value(&value, core)
        .expect_err("negative")
        .to_string();
    assert!(error.contains("`l2` must be"), "{error}");
    let x = Tensor::new(&[1f32], &Device::Cpu).expect("a tensor");
    assert!(L1 { l1: f64::NAN }.call(&x).is_err());
}

#[test]
fn the_bare_name_l1_l2_is_a_penalty() -> Result<()> {
    let x = Tensor::new(&[1f32, -3.], &Device::Cpu)?;
    assert_eq!(L1L2 { l1: 0., l2: 1. }.call(&x)?.to_scalar::<f32>()?, 10.);
    let core = registry::core();
    let named = core
        .regularizers
        .by_name("l1_l2", core)?
        .call(&x)?
        .to_scalar::<f32>()?;
    assert!((named - 0.14).abs() < 1e-6); // 0.01 * 4 + 0.01 * 10
    Ok(())
}
