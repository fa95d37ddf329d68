//! Dense layers in index notation: shapes of Keras 3.15, values by other layers.

use keras_core::layer::{Build, Call};
use keras_core::layers::{Dense, EinsumDense, OutputShape};
use keras_core::ops::{self, DType, Device, Seed, Tensor};
use keras_core::shape::{Dims, dims_of};
use keras_core::{Layer, LayerRef, Result};

fn built(layer: impl Layer, input: &[usize]) -> Result<LayerRef> {
    let layer = LayerRef::new(layer);
    layer.build(&[dims_of(input)], &Build::new(&Device::Cpu))?;
    Ok(layer)
}

fn draw(shape: &[usize]) -> Result<Tensor> {
    Ok(ops::random::normal(
        shape,
        0.,
        1.,
        DType::F32,
        &Device::Cpu,
        Seed::new(4, 0),
    )?)
}

fn run(layer: &LayerRef, x: &Tensor) -> Result<Tensor> {
    Ok(layer
        .read()
        .call(std::slice::from_ref(x), &mut Call::new(false))?
        .0
        .remove(0))
}

#[test]
fn shapes_are_those_of_keras() -> Result<()> {
    type Case<'a> = (
        &'a str,
        Vec<Option<usize>>,
        Option<&'a str>,
        &'a [usize],
        &'a [&'a [usize]],
        &'a [usize],
    );
    let s = Some;
    #[rustfmt::skip]
    let cases: Vec<Case<'_>> = vec![
        // equation, output_shape, bias_axes, input; kernel and bias, output
        ("ab,bc->ac", vec![s(5)], Some("c"), &[2, 3], &[&[3, 5], &[5]], &[2, 5]),
        ("ab...,bc->ac...", vec![s(5)], Some("c"), &[2, 3, 4, 6], &[&[3, 5], &[5, 1, 1]], &[2, 5, 4, 6]),
        ("ab...,bc->ac...", vec![s(5)], Some("a"), &[2, 3, 4], &[&[3, 5], &[2, 1, 1]], &[2, 5, 4]),
        ("abc,bcd->abd", vec![s(3), s(4)], Some("bd"), &[2, 3, 4], &[&[3, 4, 4], &[3, 4]], &[2, 3, 4]),
        ("abc,cd->adb", vec![s(7), None], Some("d"), &[2, 3, 4], &[&[4, 7], &[7, 1]], &[2, 7, 3]),
        ("abc,dc->abd", vec![None, s(5)], None, &[2, 3, 4], &[&[5, 4]], &[2, 3, 5]),
        ("ab,ab->a", vec![], None, &[2, 3], &[&[2, 3]], &[2]),
        ("abc,ad->abcd", vec![s(3), s(4), s(5)], None, &[2, 3, 4], &[&[2, 5]], &[2, 3, 4, 5]),
        ("abc,c->ab", vec![s(3)], Some("b"), &[2, 3, 4], &[&[4], &[3]], &[2, 3]),
        ("abcd,cde->abe", vec![None, s(5)], Some("e"), &[2, 3, 4, 5], &[&[4, 5, 5], &[5]], &[2, 3, 5]),
        ("abc,cde->abde", vec![None, s(3), s(2)], Some("d"), &[2, 3, 4], &[&[4, 3, 2], &[3, 1]], &[2, 3, 3, 2]),
        ("abc,cde->abde", vec![None, s(3), s(2)], Some("e"), &[2, 3, 4], &[&[4, 3, 2], &[2]], &[2, 3, 3, 2]),
        ("abc,cde->aebd", vec![s(2), None, s(3)], Some("de"), &[2, 3, 4], &[&[4, 3, 2], &[2, 1, 3]], &[2, 2, 3, 3]),
        ("abc,bd->abcd", vec![s(3), s(4), s(2)], None, &[2, 3, 4], &[&[3, 2]], &[2, 3, 4, 2]),
        ("aab,bc->ac", vec![s(3)], None, &[2, 2, 3], &[&[3, 3]], &[2, 3]),
        ("abc,b->abc", vec![s(3), s(4)], Some("bc"), &[2, 3, 4], &[&[3], &[3, 4]], &[2, 3, 4]),
        ("...x,xy->...y", vec![s(6)], Some("y"), &[2, 3, 4], &[&[4, 6], &[6]], &[2, 3, 6]),
        ("...x,xy->...y", vec![s(6)], Some("y"), &[2, 4], &[&[4, 6], &[6]], &[2, 6]),
    ];
    for (equation, output_shape, bias_axes, input, weights, output) in cases {
        let mut layer = EinsumDense::new(equation, output_shape);
        if let Some(axes) = bias_axes {
            layer = layer.bias_axes(axes);
        }
        let layer = built(layer, input)?;
        let found: Vec<Vec<usize>> = layer
            .weights("")
            .iter()
            .map(|(_, v)| v.shape().to_vec())
            .collect();
        assert_eq!(found, weights, "{equation}");
        assert_eq!(
            layer.read().compute_output_shape(&[dims_of(input)])?,
            [dims_of(output)],
            "{equation}"
        );
        assert_eq!(run(&layer, &draw(input)?)?.dims(), output, "{equation}");
    }
    Ok(())
}

#[test]
fn sizes_left_open_come_from_the_input() -> Result<()> {
    let layer = EinsumDense::new("abc,cd->abd", [None, Some(64)]);
    let input: Dims = vec![None, Some(32), Some(128)];
    assert_eq!(
        layer.compute_output_shape(&[input])?,
        [[None, Some(32), Some(64)]]
    );
    Ok(())
}

#[test]
fn it_computes_what_dense_computes() -> Result<()> {
    let x = draw(&[2, 3, 4])?;
    let dense = built(
        Dense::new(5).activation("tanh").bias_initializer("ones"),
        x.dims(),
    )?;
    let expected = run(&dense, &x)?.flatten_all()?.to_vec1::<f32>()?;
    // As one product, turned, and with the ellipsis.
    for (equation, shape, turned) in [
        ("abc,cd->abd", OutputShape::from([None, Some(5)]), false),
        ("abc,dc->abd", [None, Some(5)].into(), true),
        ("...c,cd->...d", 5.into(), false),
    ] {
        let layer = EinsumDense::new(equation, shape)
            .bias_axes("d")
            .activation("tanh");
        let layer = built(layer, x.dims())?;
        for ((_, to), (_, from)) in layer.weights("").iter().zip(dense.weights("")) {
            let value = from.value();
            to.assign(&if turned && value.rank() == 2 {
                value.t()?
            } else {
                value
            })?;
        }
        let found = run(&layer, &x)?.flatten_all()?.to_vec1::<f32>()?;
        let far = found.iter().zip(&expected).any(|(a, b)| (a - b).abs() > 1e-6);
        assert!(!far, "{equation}: {found:?}, {expected:?}");
    }
    Ok(())
}

#[test]
fn initializers_are_told_the_axes() -> Result<()> {
    // 64 inputs and 4 * 16 outputs: sqrt(6 / 128). By convention it would be sqrt(6 / (64 * 4 + 64 * 16)).
    let limit = (6f32 / 128.).sqrt();
    let layer = built(
        EinsumDense::new("abc,cde->abde", [None, Some(4), Some(16)]),
        &[1, 2, 64],
    )?;
    let values = layer.weights("")[0].1.value().flatten_all()?.to_vec1::<f32>()?;
    let largest = values.iter().fold(0f32, |top, v| top.max(v.abs()));
    assert!(largest <= limit && largest > 0.98 * limit, "{largest}, {limit}");
    // The configuration is that of the initializer given.
    let config = layer.read().config();
    assert_eq!(
        config
            .get("kernel_initializer")
            .map(|v| v["config"]["input_axes"].is_null()),
        Some(true)
    );
    Ok(())
}

#[test]
fn wrong_equations_are_errors_that_say_why() {
    let s = Some;
    let cases: Vec<(&str, Vec<Option<usize>>, Option<&str>, &[usize], &str)> = vec![
        ("ab,bc", vec![s(2)], None, &[2, 3], "must have the form"),
        ("ab,...bc->ac", vec![s(2)], None, &[2, 3], "must have the form"),
        ("a...,ab->b...", vec![s(2)], None, &[2, 3], "must have the form"),
        ("...ab,ba->...", vec![], None, &[2, 3], "must have the form"),
        (
            "ab,bc->ac",
            vec![s(2)],
            None,
            &[2, 3, 4],
            "rank 2, got shape (2, 3, 4)",
        ),
        ("...ab,bc->...ac", vec![s(2)], None, &[2], "rank 2 or more"),
        ("ab,bc->ac", vec![s(2), s(3)], None, &[2, 3], "must have 1 sizes"),
        (
            "abc,cd->abd",
            vec![s(4), s(5)],
            None,
            &[2, 3, 4],
            "says 4 for the index `b`",
        ),
        ("ab,bc->ad", vec![s(2)], None, &[2, 3], "`d` in its output"),
        ("ab,bcd->ac", vec![s(2)], None, &[2, 3], "`d` in its kernel"),
        ("ab,bc->ac", vec![s(2)], Some("x"), &[2, 3], "names `x`"),
        ("ab,bc->ac", vec![s(2)], Some(""), &[2, 3], "must name an axis"),
        ("ab,bc->ac", vec![None], None, &[2, 3], "must be known"),
    ];
    for (equation, shape, bias_axes, input, expected) in cases {
        let mut layer = EinsumDense::new(equation, shape);
        if let Some(axes) = bias_axes {
            layer = layer.bias_axes(axes);
        }
        let error = built(layer, input).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn adapters_train_in_place_of_the_kernel() -> Result<()> {
    let core = keras_core::registry::core();
    for (name, config) in [
        (
            "Dense",
            serde_json::json!({"units": 5, "lora_rank": 2, "lora_alpha": 6.0}),
        ),
        (
            "EinsumDense",
            serde_json::json!({"equation": "abc,cd->abd", "output_shape": [null, 5], "bias_axes": "d", "lora_rank": 2,
                "lora_alpha": 6.0}),
        ),
    ] {
        let value = serde_json::json!({"class_name": name, "config": config});
        let layer = LayerRef::from_box(core.layers.from_value(&value, core)?);
        layer.build(&[dims_of(&[2, 3, 4])], &Build::new(&Device::Cpu))?;
        assert_eq!(
            layer.read().config().get("lora_alpha"),
            Some(&serde_json::json!(6.0))
        );
        let weights = layer.weights("");
        let found: Vec<(&str, &[usize], bool)> = weights
            .iter()
            .map(|(_, v)| (v.name(), v.shape(), v.trainable()))
            .collect();
        let expected: [(&str, &[usize], bool); 4] = [
            ("kernel", &[4, 5], false),
            ("bias", &[5], true),
            ("lora_kernel_a", &[4, 2], true),
            ("lora_kernel_b", &[2, 5], true),
        ];
        assert_eq!(found, expected, "{name}");
        // With b all ones and a all 0.5: 6 / 2 * (0.5 + 0.5) = 3 is added to each element of the kernel.
        let x = Tensor::ones((2, 3, 4), DType::F32, &Device::Cpu)?;
        let before = run(&layer, &x)?.flatten_all()?.to_vec1::<f32>()?;
        weights[2]
            .1
            .assign(&Tensor::full(0.5f32, (4, 2), &Device::Cpu)?)?;
        weights[3]
            .1
            .assign(&Tensor::ones((2, 5), DType::F32, &Device::Cpu)?)?;
        let after = run(&layer, &x)?.flatten_all()?.to_vec1::<f32>()?;
        assert!(
            before.iter().zip(&after).all(|(b, a)| (a - b - 12.).abs() < 1e-5),
            "{before:?}, {after:?}"
        );
    }
    // As in Keras, a rank of 0 is none.
    let plain = LayerRef::new(EinsumDense::new("ab,bc->ac", 2).lora_rank(0));
    plain.build(&[dims_of(&[2, 3])], &Build::new(&Device::Cpu))?;
    assert_eq!(plain.weights("").len(), 1);
    assert!(plain.read().config().get("lora_rank").is_none());
    let both = Dense::new(2).lora_rank(1).kernel_constraint("max_norm");
    assert!(
        built(both, &[2, 3])
            .expect_err("both")
            .to_string()
            .contains("kernel_constraint")
    );
    Ok(())
}
