use keras_ops::{self as ops, Device, Result, Tensor, Var};

fn logits() -> Result<Tensor> {
    Tensor::new(&[[1e4f32, -1e4, 0.], [-1e4, -1e4, 1e4]], &Device::Cpu)
}

#[test]
fn extreme_logits_give_finite_losses_and_gradients() -> Result<()> {
    let labels = Tensor::new(&[1u32, 2], &Device::Cpu)?;
    let hot = Tensor::new(&[[0f32, 1., 0.], [0., 0., 1.]], &Device::Cpu)?;
    let x = Var::from_tensor(&logits()?)?;
    let check = |f: &dyn Fn(&Tensor) -> Result<Tensor>, expected: &[f32]| -> Result<()> {
        let tape = ops::GradientTape::start();
        let loss = f(x.as_tensor())?;
        let grad = tape.gradients(&loss)?.remove(&x).unwrap();
        assert!(ops::all_finite(&grad)?);
        assert_eq!(loss.flatten_all()?.to_vec1::<f32>()?, expected);
        Ok(())
    };
    check(
        &|x| ops::sparse_categorical_crossentropy(&labels, x, true, -1),
        &[2e4, 0.],
    )?;
    check(&|x| ops::categorical_crossentropy(&hot, x, true, -1), &[2e4, 0.])?;
    let log_two = 2f32.ln();
    check(
        &|x| ops::binary_crossentropy(&hot, x, true),
        &[1e4, 1e4, log_two, 0., 0., 0.],
    )
}

/// -log(1e-7), and the gradient rule of `clip`, as in Keras.
#[test]
fn clipped_probabilities_get_no_gradient() -> Result<()> {
    let x = Var::new(&[[1f32, 0.], [0.25, 0.75]], &Device::Cpu)?;
    let labels = Tensor::new(&[[1i64], [0]], &Device::Cpu)?;
    let tape = ops::GradientTape::start();
    let loss = ops::sparse_categorical_crossentropy(&labels, x.as_tensor(), false, -1)?;
    let values = loss.to_vec1::<f32>()?;
    assert!(
        (values[0] - 16.118_095).abs() < 1e-5 && (values[1] - 4f32.ln()).abs() < 1e-6,
        "{values:?}"
    );
    let grad = tape.gradients(&loss)?.remove(&x).unwrap().to_vec2::<f32>()?;
    assert_eq!(grad, [[0., 0.], [-3., 1.]]);
    Ok(())
}

#[test]
fn a_label_out_of_range_is_named() -> Result<()> {
    let x = logits()?;
    let message = |labels: Tensor| {
        ops::sparse_categorical_crossentropy(&labels, &x, true, -1)
            .unwrap_err()
            .to_string()
    };
    for labels in [
        Tensor::new(&[0u32, 3], &Device::Cpu)?,
        Tensor::new(&[0f32, 3.], &Device::Cpu)?,
    ] {
        let text = message(labels);
        assert!(
            text.contains("label 3 at position 1") && text.contains("3 classes") && text.contains("0 to 2"),
            "{text}"
        );
    }
    assert!(message(Tensor::new(&[-1i64, 0], &Device::Cpu)?).contains("label -1 at position 0"));
    assert!(message(Tensor::new(&[0.5f32, 0.], &Device::Cpu)?).contains("label 0.5"));
    assert!(message(Tensor::new(&[0u32], &Device::Cpu)?).contains("shape [2]"));
    Ok(())
}

#[test]
fn shapes_must_agree() -> Result<()> {
    let x = logits()?;
    let target = Tensor::new(&[[0f32, 1., 0.]], &Device::Cpu)?;
    assert!(ops::categorical_crossentropy(&target, &x, true, -1).is_err());
    assert!(ops::binary_crossentropy(&target, &x, true).is_err());
    Ok(())
}
