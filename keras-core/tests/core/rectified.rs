//! Activations as layers: masks, misuse.

use keras_core::layer::{Build, Call};
use keras_core::layers::{ELU, LeakyReLU, PReLU, ReLU, Softmax};
use keras_core::ops::{DType, Device, GradientTape, Tensor, Var};
use keras_core::{Layer, LayerRef, Result, registry};
use serde_json::json;

#[test]
fn wrong_arguments_are_errors_that_say_why() {
    let image = || vec![None, Some(4), Some(4), Some(3)];
    let cases: Vec<(Box<dyn Layer>, Vec<Option<usize>>, &str)> = vec![
        (
            Box::new(ReLU::new().max_value(-1.)),
            image(),
            "`max_value` must be 0 or more, got -1",
        ),
        (
            Box::new(ReLU::new().negative_slope(f64::NAN)),
            image(),
            "negative_slope",
        ),
        (Box::new(ReLU::new().threshold(-0.5)), image(), "threshold"),
        (
            Box::new(LeakyReLU::new().negative_slope(-0.5)),
            image(),
            "LeakyReLU: `negative_slope`",
        ),
        (Box::new(PReLU::new().shared_axes([4])), image(), "shared_axes"),
        (
            Box::new(PReLU::new().shared_axes([0])),
            image(),
            "after the batch",
        ),
        (Box::new(PReLU::new()), vec![None], "rank 2 or more"),
        (
            Box::new(Softmax::new().axis(4)),
            image(),
            "axis` 4 is out of range",
        ),
        (Box::new(Softmax::new().axis([1, -3])), image(), "twice"),
        (
            Box::new(Softmax::new().axis(vec![])),
            image(),
            "at least one axis",
        ),
    ];
    for (layer, input, expected) in cases {
        let error = layer
            .compute_output_shape(&[input])
            .expect_err(expected)
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
    let unknown = LayerRef::new(PReLU::new()).build(&[vec![None, None, Some(3)]], &Build::new(&Device::Cpu));
    assert!(unknown.expect_err("size").to_string().contains("shared_axes"));
}

/// Keras takes the batch's place off a negative axis too, so that it is the one before.
#[test]
fn prelu_shared_the_last_axis_for_minus_one() -> Result<()> {
    let layer = LayerRef::new(PReLU::new().shared_axes([-1]));
    layer.build(&[vec![None, Some(3), Some(4)]], &Build::new(&Device::Cpu))?;
    assert_eq!(layer.weights("")[0].1.shape(), [1, 4]);
    Ok(())
}

#[test]
fn older_names_of_arguments_are_taken() -> Result<()> {
    let core = registry::core();
    let value = json!({"class_name": "LeakyReLU", "config": {"alpha": 0.25}});
    let layer = core.layers.from_value(&value, core)?;
    assert_eq!(layer.config().get("negative_slope"), Some(&json!(0.25)));
    Ok(())
}

#[test]
fn configurations_keep_the_form_of_axes() -> Result<()> {
    assert_eq!(Softmax::new().axis(1).config().get("axis"), Some(&json!(1)));
    assert_eq!(Softmax::new().axis([1]).config().get("axis"), Some(&json!([1])));
    assert_eq!(ELU::new().alpha(0.5).config().get("alpha"), Some(&json!(0.5)));
    assert_eq!(ReLU::new().config().get("max_value"), Some(&json!(null)));
    assert_eq!(PReLU::new().config().get("shared_axes"), Some(&json!(null)));
    Ok(())
}

#[test]
fn a_mask_that_does_not_broadcast_is_an_error() -> Result<()> {
    let x = Tensor::ones((2, 3, 4), DType::F32, &Device::Cpu)?;
    for mask in [
        Tensor::ones((2, 3), DType::U8, &Device::Cpu)?,
        Tensor::ones((1, 2, 3, 4), DType::U8, &Device::Cpu)?,
    ] {
        let mut cx = Call::new(false);
        cx.masks.push(Some(mask));
        let error = Softmax::new()
            .call(std::slice::from_ref(&x), &mut cx)
            .expect_err("mask");
        assert!(error.to_string().contains("must broadcast"), "{error}");
    }
    Ok(())
}

#[test]
fn hidden_places_get_no_probability_and_no_gradient() -> Result<()> {
    let x = Var::from_tensor(&Tensor::new(&[[1f32, 1., 7.], [3., 3., 3.]], &Device::Cpu)?)?;
    let mut cx = Call::new(false);
    // Floats count above one half.
    cx.masks.push(Some(Tensor::new(
        &[[1f32, 0.75, 0.5], [0., 0., 0.]],
        &Device::Cpu,
    )?));
    let tape = GradientTape::start();
    let y = Softmax::new()
        .call(&[x.as_tensor().clone()], &mut cx)?
        .0
        .remove(0);
    assert_eq!(y.to_vec2::<f32>()?, [[0.5, 0.5, 0.], [0., 0., 0.]]);
    let weights = Tensor::new(&[[1f32, 0., 5.], [1., 2., 3.]], &Device::Cpu)?;
    let mut gradients = tape.gradients_with(&[(&y, weights)])?;
    let gradient = gradients.remove(x.as_tensor()).unwrap().to_vec2::<f32>()?;
    assert_eq!(gradient, [[0.25, -0.25, 0.], [0., 0., 0.]]);
    Ok(())
}
