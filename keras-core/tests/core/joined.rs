//! Layers that a model runs in one pass, or in parts, give what they give one after the other and as a whole.

use keras_core::layer::Call;
use keras_core::layers::{Activation, Conv2D, Dense, Flatten, MaxPooling2D};
use keras_core::ops::{self, DType, Device, Tensor};
use keras_core::{Apply, Compile, Fit, Model, Predict, Registry, Result, Sequential, input, loss_fn};

/// What a model gives after some training, and its weights; by layers one after the other with `apart`.
fn trained(model: fn() -> Result<Model>, apart: bool) -> Result<Vec<Vec<f32>>> {
    keras_core::set_random_seed(3);
    let mut model = model()?;
    let loss = loss_fn("squares", |_: &Tensor, y: &Tensor| ops::square(y));
    let compile = Compile::new("sgd").loss(loss).run_eagerly(apart);
    model.compile_with(compile, &Registry::core())?;
    let values: Vec<f32> = (0..6 * 9 * 8 * 2)
        .map(|i| ((i * 37 % 101) as f32 - 50.) / 25.)
        .collect();
    let x = Tensor::from_vec(values, (6, 9, 8, 2), &Device::Cpu)?;
    let outputs = model.predict_all(&x, Predict::new().verbose(0))?;
    let y: Vec<Tensor> = outputs
        .iter()
        .map(Tensor::zeros_like)
        .collect::<ops::Result<_>>()?;
    let fit = Fit::new().batch_size(3).epochs(2).verbose(0);
    match y.as_slice() {
        [y] => model.fit((&x, y), fit)?,
        [a, b] => model.fit((&x, [a, b]), fit)?,
        _ => unreachable!("one or two outputs"),
    };
    let after = model.predict_all(&x, Predict::new().verbose(0))?;
    let weights = model.weights().into_iter().map(|(_, weight)| weight.value());
    let all = after.into_iter().chain(weights);
    all.map(|t| Ok(t.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?))
        .collect()
}

fn conv() -> Conv2D {
    Conv2D::new(5, 3).activation("relu")
}

fn sequential() -> Result<Model> {
    Sequential::new()
        .input([9, 8, 2])
        .add(conv())
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(3, 2))
        .add(MaxPooling2D::new(2).strides(1))
        .add(Flatten::new())
        .build()
}

/// What the convolution gives is an output too.
fn seen_outside() -> Result<Model> {
    let x = input([9, 8, 2]);
    let y = conv().apply(&x)?;
    let pooled = Flatten::new().apply(&MaxPooling2D::new(2).apply(&y)?)?;
    Model::new(&x, [&y, &pooled])
}

/// Two layers read what the convolution gives.
fn read_twice() -> Result<Model> {
    let x = input([9, 8, 2]);
    let y = conv().apply(&x)?;
    let pooled = MaxPooling2D::new(2).apply(&y)?;
    let other = Activation::new("tanh").apply(&y)?;
    Model::new(&x, [&pooled, &other])
}

/// A penalty on what the convolution gives, and an activation that no kernel has.
fn with_more_to_do() -> Result<Model> {
    Sequential::new()
        .input([9, 8, 2])
        .add(conv().activity_regularizer("l2"))
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(3, 2).activation("gelu"))
        .add(MaxPooling2D::new(2))
        .add(Flatten::new())
        .build()
}

fn other_dtype() -> Result<Model> {
    Sequential::new()
        .input([9, 8, 2])
        .add(conv())
        .add(MaxPooling2D::new(2).dtype("float64"))
        .add(Flatten::new())
        .build()
}

#[test]
fn a_convolution_and_its_pooling() -> Result<()> {
    let models: [(&str, fn() -> Result<Model>); 5] = [
        ("sequential", sequential),
        ("seen outside", seen_outside),
        ("read twice", read_twice),
        ("with more to do", with_more_to_do),
        ("of another dtype", other_dtype),
    ];
    for (name, model) in models {
        let (joined, apart) = (trained(model, false)?, trained(model, true)?);
        assert!(joined.len() > 2 && joined.iter().all(|v| !v.is_empty()), "{name}");
        assert_eq!(joined, apart, "{name}");
    }
    Ok(())
}

#[test]
fn a_large_output_is_predicted_in_parts() -> Result<()> {
    let stack = || Sequential::new().input([2]).add(Dense::new(3).activation("tanh"));
    let wide = || Dense::new(70_001).activation("relu");
    let plain = stack().add(wide()).build()?;
    let (x, y) = (input([2]), plain.as_layer());
    let inner = Model::new(&x, Activation::new("linear").apply(&y.apply(&x)?)?)?;
    let penalised = stack().add(wide().activity_regularizer("l2")).build()?;
    let values: Vec<f32> = (0..2 * 67).map(|i| (i % 19) as f32 / 9. - 1.).collect();
    let x = Tensor::from_vec(values, (67, 2), &Device::Cpu)?;
    for (name, mut model) in [("plain", plain), ("inner", inner), ("penalised", penalised)] {
        let whole = model.call(std::slice::from_ref(&x), &mut Call::new(false))?[0].to_vec2::<f32>()?;
        for batch in [64, 67, 80] {
            let predicted = model.predict(&x, Predict::new().batch_size(batch).verbose(0))?;
            assert_eq!(predicted.dims(), [67, 70_001], "{name}");
            assert!(predicted.to_vec2::<f32>()? == whole, "{name} by {batch}");
        }
    }
    Ok(())
}
