//! Which layers see masks, and what they do with them, by Keras's rules.

use keras_core::initializers::Constant;
use keras_core::layer::Call;
use keras_core::layers::{
    Add, BatchNormalization, Dense, GlobalAveragePooling1D, Masking, Maximum, Minimum, MultiHeadAttention,
    Multiply, SimpleRNN, Softmax,
};
use keras_core::ops::{Device, Tensor};
use keras_core::{Apply, Arguments, Model, Result, Sequential, Symbolic, input};

/// A sequence of steps of one number.
fn steps<const N: usize>(values: [f32; N]) -> Result<Tensor> {
    Ok(Tensor::new(&values, &Device::Cpu)?.reshape((1, N, 1))?)
}

fn flat(model: &Model, inputs: &[Tensor], training: bool) -> Result<Vec<f32>> {
    let outputs = model.call(inputs, &mut Call::new(training))?;
    Ok(outputs[0].flatten_all()?.to_vec1()?)
}

/// Steps of 9 are masked, and 0 from there on.
fn masking() -> Masking {
    Masking::new(9.)
}

/// `2 state + x` at each step.
fn doubling() -> SimpleRNN {
    SimpleRNN::new(1)
        .activation("linear")
        .kernel_initializer("ones")
        .recurrent_initializer(Constant { value: 2. })
}

#[test]
fn a_mask_given_by_name_was_refused_by_layers_that_take_one() -> Result<()> {
    let (x, mask) = (input([3, 1]), input([3]));
    let given = || Arguments::new().tensor("mask", &mask);
    let data = [
        steps([1., 9., 2.])?,
        Tensor::new(&[[1f32, 0., 1.]], &Device::Cpu)?,
    ];

    let pooled = GlobalAveragePooling1D::new().apply_with(&x, given())?;
    assert_eq!(flat(&Model::new([&x, &mask], &pooled)?, &data, false)?, [1.5]);

    let normalized = BatchNormalization::new().momentum(0.).apply_with(&x, given())?;
    let model = Model::new([&x, &mask], &normalized)?;
    flat(&model, &data, true)?;
    let mean = model.layer("batch_normalization")?.weights("")[2].1.value();
    assert_eq!(mean.to_vec1::<f32>()?, [1.5]);

    let (x, mask) = (input([3]), input([3]));
    let softmax = Softmax::new().apply_with(&x, Arguments::new().tensor("mask", &mask))?;
    let data = [
        Tensor::new(&[[1f32, 9., 1.]], &Device::Cpu)?,
        Tensor::new(&[[1f32, 0., 1.]], &Device::Cpu)?,
    ];
    assert_eq!(
        flat(&Model::new([&x, &mask], &softmax)?, &data, false)?,
        [0.5, 0., 0.5]
    );
    Ok(())
}

#[test]
fn a_recurrent_layer_with_an_initial_state_saw_the_mask_of_its_sequence() -> Result<()> {
    let (x, state) = (input([3, 1]), input([1]));
    let masked = masking().apply(&x)?;
    let alone = doubling().apply(&masked)?;
    let data = [steps([1., 9., 2.])?, Tensor::new(&[[10f32]], &Device::Cpu)?];
    assert_eq!(flat(&Model::new(&x, &alone)?, &data[..1], false)?, [4.]);
    let with_state = |arguments: Arguments| doubling().apply_with(&masked, arguments);
    let untold = with_state(Arguments::new().tensor("initial_state", &state))?;
    assert_eq!(flat(&Model::new([&x, &state], &untold)?, &data, false)?, [86.]);

    let mask = input([3]);
    let told = with_state(
        Arguments::new()
            .tensor("initial_state", &state)
            .tensor("mask", &mask),
    )?;
    let [x_data, state_data] = data;
    let data = [x_data, state_data, Tensor::new(&[[1f32, 0., 0.]], &Device::Cpu)?];
    assert_eq!(
        flat(&Model::new([&x, &state, &mask], &told)?, &data, false)?,
        [21.]
    );
    Ok(())
}

#[test]
fn attention_left_the_masks_on_its_inputs() -> Result<()> {
    let x = input([3, 1]);
    let masked = masking().apply(&x)?;
    let nothing = MultiHeadAttention::new(1, 1).kernel_initializer("zeros");
    let attended = nothing.apply([&masked, &masked])?;
    let pooled = GlobalAveragePooling1D::new().apply(&Add::new().apply([&masked, &attended])?)?;
    assert_eq!(
        flat(&Model::new(&x, &pooled)?, &[steps([1., 9., 2.])?], false)?,
        [1.]
    );
    Ok(())
}

/// By Keras's rules: a masked factor is 1, and a product of masked ones 0; a masked element is not chosen.
#[test]
fn masked_elements_counted_in_products_and_choices() -> Result<()> {
    let (a, b) = (input([3, 1]), input([3, 1]));
    let masked = [masking().apply(&a)?, masking().apply(&b)?];
    let run = |y: Symbolic, middle: f32| -> Result<Vec<f32>> {
        let data = [steps([2., 9., 9.])?, steps([3., middle, 9.])?];
        flat(&Model::new([&a, &b], &y)?, &data, false)
    };
    let pair = || masked.each_ref();
    assert_eq!(run(Multiply::new().apply(pair())?, 4.)?, [6., 4., 0.]);
    assert_eq!(run(Maximum::new().apply(pair())?, -4.)?, [3., -4., 0.]);
    assert_eq!(run(Minimum::new().apply(pair())?, 4.)?, [2., 4., 0.]);
    let half = [&masked[0], &b];
    assert_eq!(run(Multiply::new().apply(half)?, 4.)?, [6., 4., 9.]);
    Ok(())
}

#[test]
fn a_sequential_refused_several_outputs_of_its_last_layer() -> Result<()> {
    let model = Sequential::new()
        .input([3, 1])
        .add(doubling().return_state(true))
        .build()?;
    let again = Model::from_json(&model.to_json()?, keras_core::registry::core())?;
    for model in [&model, &again] {
        let outputs = model.call(&[steps([1., 2., 4.])?], &mut Call::new(false))?;
        assert_eq!(outputs.len(), 2);
        assert_eq!(outputs[1].to_vec2::<f32>()?, [[12.]]);
    }
    let onto = Sequential::new()
        .input([3, 1])
        .add(doubling().return_state(true))
        .add(Dense::new(1))
        .build();
    assert!(onto.is_err_and(|e| e.to_string().contains("Dense")));
    Ok(())
}
