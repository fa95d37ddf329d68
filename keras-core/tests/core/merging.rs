//! Layers that join inputs: masks, functions, misuse.

use keras_core::layers::{self, Add, Concatenate, Dot, Maximum};
use keras_core::ops::{DType, Device, Tensor};
use keras_core::{Layer, Result, input};

fn mask(rows: &[[u8; 3]; 2]) -> Result<Option<Tensor>> {
    Ok(Some(Tensor::new(rows, &Device::Cpu)?))
}

#[test]
fn masks_are_those_of_keras() -> Result<()> {
    let x = Tensor::ones((2, 3, 4), DType::F32, &Device::Cpu)?;
    let inputs = [x.clone(), x];
    let (a, b) = (mask(&[[1, 1, 0], [1, 0, 0]])?, mask(&[[1, 0, 0], [0, 0, 1]])?);
    type Case<'a> = (Box<dyn Layer>, [Option<Tensor>; 2], Option<Vec<Vec<u8>>>);
    let cases: Vec<Case<'_>> = vec![
        (
            Box::new(Add::new()),
            [a.clone(), b.clone()],
            Some(vec![vec![1, 1, 0], vec![1, 0, 1]]),
        ),
        (Box::new(Maximum::new()), [a.clone(), None], None),
        (
            Box::new(Concatenate::new()),
            [a.clone(), b.clone()],
            Some(vec![vec![1, 1, 0], vec![1, 0, 1]]),
        ),
        (
            Box::new(Concatenate::new()),
            [a.clone(), None],
            Some(vec![vec![1; 3]; 2]),
        ),
        (
            Box::new(Concatenate::new().axis(1)),
            [a.clone(), None],
            Some(vec![vec![1, 1, 0, 1, 1, 1], vec![1, 0, 0, 1, 1, 1]]),
        ),
        (Box::new(Dot::new(2)), [a, b], None),
    ];
    for (layer, masks, expected) in cases {
        let found = layer.compute_mask(&inputs, &masks)?.into_iter().next().flatten();
        let found = found.map(|m| m.to_vec2::<u8>()).transpose()?;
        assert_eq!(found, expected, "{layer:?}");
    }
    Ok(())
}

#[test]
fn functions_apply_the_layers() -> Result<()> {
    let (a, b) = (input([4, 2]), input([4, 2]));
    let all = [
        layers::add([&a, &b])?,
        layers::average([&a, &b])?,
        layers::maximum([&a, &b])?,
        layers::minimum([&a, &b])?,
        layers::multiply([&a, &b])?,
        layers::subtract([&a, &b])?,
        layers::concatenate([&a, &b], -1)?,
        layers::dot([&a, &b], 1)?,
    ];
    let names: Vec<String> = all
        .iter()
        .map(|y| y.layer().read().class_name().to_owned())
        .collect();
    let expected = [
        "Add",
        "Average",
        "Maximum",
        "Minimum",
        "Multiply",
        "Subtract",
        "Concatenate",
        "Dot",
    ];
    assert_eq!(names, expected);
    assert!(layers::subtract([&a, &b, &a]).is_err());
    Ok(())
}

#[test]
fn wrong_axes_and_shapes_of_dot_are_errors_that_say_why() {
    let s = Some;
    let pair = || vec![vec![None, s(3), s(4)], vec![None, s(5), s(4)]];
    let cases: Vec<(Dot, Vec<Vec<Option<usize>>>, &str)> = vec![
        (
            Dot::new(1),
            pair(),
            "axis 1 of (None, 3, 4) and axis 1 of (None, 5, 4) differ",
        ),
        (Dot::new([0, 1]), pair(), "batch axis"),
        (Dot::new([-3, 1]), pair(), "batch axis"),
        (Dot::new(3), pair(), "out of range"),
        (Dot::new(2), vec![vec![None, s(3), s(4)]], "exactly 2 inputs"),
        (Dot::new(0), vec![vec![None], vec![None]], "rank 2 or more"),
        (
            Dot::new(1),
            vec![vec![s(2), s(3)], vec![s(4), s(3)]],
            "batch sizes",
        ),
    ];
    for (layer, inputs, expected) in cases {
        let error = layer
            .compute_output_shape(&inputs)
            .expect_err(expected)
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
}
