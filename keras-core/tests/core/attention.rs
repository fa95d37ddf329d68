//! Attention: masks, scores and arguments against values of Keras 3.15 on JAX, and laws.

use keras_core::layer::{Build, Call};
use keras_core::layers::{
    AdditiveAttention, Attention, GroupedQueryAttention, MultiHeadAttention, ScoreMode,
};
use keras_core::ops::{self, DType, Device, Tensor};
use keras_core::shape::Dims;
use keras_core::{Apply, Arguments, Layer, LayerRef, Model, Result, input, set_random_seed};

/// Two sequences of four steps.
const X: [[[f32; 2]; 4]; 2] = [
    [[0.5, -1.], [1., 0.25], [-0.75, 2.], [0.1, 0.3]],
    [[1., 1.], [-1., 0.5], [0.2, 0.2], [2., -0.5]],
];
const QUERY: [[u8; 4]; 2] = [[1, 1, 1, 0], [1, 1, 0, 0]];
const VALUE: [[u8; 4]; 2] = [[1, 1, 0, 1], [1, 0, 0, 0]];

fn attention() -> Result<Tensor> {
    let one: [[u8; 4]; 4] = [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]];
    Ok(Tensor::new(&[one, one], &Device::Cpu)?)
}

/// What a layer is called with.
#[derive(Default)]
struct Given {
    query: Option<[[u8; 4]; 2]>,
    value: Option<[[u8; 4]; 2]>,
    key: Option<[[u8; 4]; 2]>,
    attention: Option<Tensor>,
    causal: bool,
    scores: bool,
}

fn causal() -> Given {
    Given {
        causal: true,
        ..Given::default()
    }
}

/// Sets every weight to -0.6, -0.3, 0, 0.3, 0.6, -0.6, …
fn ramps(layer: &LayerRef) -> Result<()> {
    for (_, variable) in layer.weights("") {
        let values: Vec<f32> = (0..variable.len()).map(|i| ((i % 5) as f32 - 2.) * 0.3).collect();
        variable.assign(&Tensor::from_vec(values, variable.shape(), &Device::Cpu)?)?;
    }
    Ok(())
}

fn run(layer: &LayerRef, inputs: &[Tensor], given: &Given) -> Result<Vec<Vec<f32>>> {
    let mut inputs = inputs.to_vec();
    let mut arguments = Arguments::new()
        .set("use_causal_mask", given.causal)
        .set("return_attention_scores", given.scores);
    let count = inputs.len();
    if let Some(mask) = &given.attention {
        arguments = arguments.range("attention_mask", count..count + 1);
        inputs.push(mask.clone());
    }
    let mut cx = Call::new(false).arguments(arguments);
    for mask in [given.query, given.value, given.key].into_iter().take(count) {
        cx.masks
            .push(mask.map(|m| Tensor::new(&m, &Device::Cpu)).transpose()?);
    }
    let outputs = layer.read().call(&inputs, &mut cx)?.0;
    outputs.iter().map(|y| Ok(y.flatten_all()?.to_vec1()?)).collect()
}

fn close(name: &str, ours: &[f32], keras: &[f32]) {
    let far = ours.iter().zip(keras).any(|(a, b)| (a - b).abs() > 2e-5);
    assert!(
        !far && ours.len() == keras.len(),
        "{name}: {ours:?}, Keras {keras:?}"
    );
}

#[test]
#[rustfmt::skip]
fn masks_of_several_heads_are_those_of_keras() -> Result<()> {
    let m = || Box::new(MultiHeadAttention::new(2, 2)) as Box<dyn Layer>;
    let g = || Box::new(GroupedQueryAttention::new(2, 2, 1)) as Box<dyn Layer>;
    type Case = (&'static str, Box<dyn Layer>, Given, [f32; 16]);
    let cases: Vec<Case> = vec![
        ("mha plain", m(), Given::default(), [-0.08799, 0.0084, -0.2598, -0.12082, -1.14579, -0.70506, -0.39183, -0.20555, -0.1586, -0.15114, -0.42397, -0.25599, -0.14664, -0.13135, 0.25766, 0.07651]),
        ("mha causal", m(), causal(), [0.345, 0.015, 0.05972, -0.08478, -1.24776, -0.7593, -0.39183, -0.20555, -0.6, -0.3, -0.73607, -0.34464, -0.56384, -0.30174, 0.25766, 0.07651]),
        ("mha value mask", m(), Given { value: Some(VALUE), ..Given::default() }, [0.00805, -0.04224, -0.06879, -0.11546, -0.22071, -0.22616, -0.09519, -0.13317, -0.6, -0.3, -0.6, -0.3, -0.6, -0.3, -0.6, -0.3]),
        ("mha query and value mask", m(), Given { query: Some(QUERY), value: Some(VALUE), ..Given::default() }, [0.00805, -0.04224, -0.06879, -0.11546, -0.22071, -0.22616, -0.48188, -0.26063, -0.6, -0.3, -0.6, -0.3, -0.3435, -0.2145, -0.3435, -0.2145]),
        ("mha query, value and causal", m(), Given { query: Some(QUERY), value: Some(VALUE), ..causal() }, [0.345, 0.015, 0.05972, -0.08478, -0.0061, -0.17039, -0.48188, -0.26063, -0.6, -0.3, -0.6, -0.3, -0.3435, -0.2145, -0.3435, -0.2145]),
        ("mha attention mask", m(), Given { attention: Some(attention()?), ..Given::default() }, [0.345, 0.015, 0.05972, -0.08478, -1.38197, -0.6795, -0.48188, -0.26063, -0.6, -0.3, -0.73607, -0.34464, 0.19363, -0.02052, -0.3435, -0.2145]),
        ("mha attention mask, dropout", Box::new(MultiHeadAttention::new(2, 2).dropout(0.5)), Given { attention: Some(attention()?), ..Given::default() }, [0.345, 0.015, 0.05972, -0.08478, -1.38197, -0.6795, -0.6, -0.3, -0.6, -0.3, -0.73607, -0.34464, 0.19363, -0.02052, -0.6, -0.3]),
        ("mha attention mask and causal and value, dropout", Box::new(MultiHeadAttention::new(2, 2).dropout(0.5)), Given { attention: Some(attention()?), value: Some(VALUE), ..causal() }, [0.345, 0.015, 0.05972, -0.08478, -0.6, -0.3, -0.6, -0.3, -0.6, -0.3, -0.6, -0.3, -0.6, -0.3, -0.6, -0.3]),
        ("mha window causal", Box::new(MultiHeadAttention::new(2, 2).sliding_window(2)), causal(), [0.345, 0.015, 0.05972, -0.08478, -1.39545, -0.68848, -0.98161, -0.40663, -0.6, -0.3, -0.73607, -0.34464, -0.56935, -0.28665, 0.4111, 0.07312]),
        ("mha key mask", m(), Given { key: Some(QUERY), ..Given::default() }, [-0.01599, 0.05906, -0.20584, -0.08431, -1.24776, -0.7593, -0.36957, -0.18996, -0.61451, -0.3386, -0.73607, -0.34464, -0.65642, -0.34143, -0.57156, -0.33686]),
        ("mha float attention mask of rank 2", m(), Given { attention: Some(attention()?.get(0)?.to_dtype(DType::F32)?), ..Given::default() }, [0.345, 0.015, 0.05972, -0.08478, -1.38197, -0.6795, -0.48188, -0.26063, -0.6, -0.3, -0.73607, -0.34464, 0.19363, -0.02052, -0.3435, -0.2145]),
        ("gqa value mask causal", g(), Given { value: Some(VALUE), ..causal() }, [-0.375, 0.285, -0.41098, 0.46282, -0.43622, 0.4435, -0.43535, 0.37552, -0.51, 0.69, -0.51, 0.69, -0.51, 0.69, -0.51, 0.69]),
        ("gqa window", Box::new(GroupedQueryAttention::new(2, 2, 1).sliding_window(1)), Given::default(), [-0.375, 0.285, -0.4425, 0.6225, -0.7575, -0.0075, -0.528, 0.222, -0.51, 0.69, -0.645, -0.255, -0.51, 0.258, -0.285, 1.005]),
    ];
    let x = Tensor::new(&X, &Device::Cpu)?;
    for (name, layer, given, keras) in cases {
        let layer = LayerRef::from_box(layer);
        let inputs = vec![x.clone(); if given.key.is_some() { 3 } else { 2 }];
        let shapes: Vec<Dims> = vec![vec![None, Some(4), Some(2)]; inputs.len()];
        layer.build(&shapes, &Build::new(&Device::Cpu))?;
        ramps(&layer)?;
        close(name, &run(&layer, &inputs, &given)?[0], &keras);
    }
    Ok(())
}

#[test]
#[rustfmt::skip]
fn scores_are_those_of_keras() -> Result<()> {
    let x = Tensor::new(&X, &Device::Cpu)?;
    let cases: [(Box<dyn Layer>, [f32; 16], [f32; 32]); 2] = [
        (Box::new(MultiHeadAttention::new(2, 2)), [0.345, 0.015, 0.05972, -0.08478, -1.38197, -0.6795, -0.6, -0.3, -0.6, -0.3, -0.73607, -0.34464, 0.19363, -0.02052, -0.6, -0.3], [1.0, 0.0, 0.0, 0.0, 0.46426, 0.53574, 0.0, 0.0, 0.0, 0.0, 0.86124, 0.13876, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.47913, 0.52087, 0.0, 0.0, 0.0, 0.0, 0.55054, 0.44946, 0.0, 0.0, 0.0, 0.0]),
        (Box::new(GroupedQueryAttention::new(2, 2, 1)), [-0.375, 0.285, -0.41098, 0.46282, -0.6225, 0.11476, -0.6, -0.3, -0.51, 0.69, -0.62467, 0.23145, -0.27137, 0.62497, -0.6, -0.3], [1.0, 0.0, 0.0, 0.0, 0.47417, 0.52583, 0.0, 0.0, 0.0, 0.0, 0.42286, 0.57714, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.47219, 0.52781, 0.0, 0.0, 0.0, 0.0, 0.45616, 0.54384, 0.0, 0.0, 0.0, 0.0]),
    ];
    for (layer, output, scores) in cases {
        let layer = LayerRef::from_box(layer);
        layer.build(&vec![vec![None, Some(4), Some(2)]; 2], &Build::new(&Device::Cpu))?;
        ramps(&layer)?;
        let given = Given { attention: Some(attention()?), scores: true, ..Given::default() };
        let found = run(&layer, &[x.clone(), x.clone()], &given)?;
        close("output", &found[0], &output);
        close("scores", &found[1][..32], &scores);
        assert_eq!(found[1].len(), 64);
    }
    Ok(())
}

#[test]
#[rustfmt::skip]
fn masks_of_plain_attention_are_those_of_keras() -> Result<()> {
    let x = Tensor::new(&X, &Device::Cpu)?;
    let both = || Given { query: Some(QUERY), value: Some(VALUE), ..Given::default() };
    let ordered = || Given { value: Some(VALUE), ..causal() };
    let cases: Vec<(Box<dyn Layer>, Given, [f32; 16])> = vec![
        (Box::new(Attention::new()), both(), [1.08059, -1.60529, 1.63262, 0.15213, 0.51636, 0.57606, 0.0, 0.0, 2.0, 2.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0]),
        (Box::new(Attention::new()), ordered(), [1.0, -2.0, 1.83548, 0.08871, 1.98594, 0.46484, 1.13611, 0.07062, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]),
        (Box::new(Attention::new().score_mode(ScoreMode::Concat)), ordered(), [1.0, -2.0, 1.83307, 0.08268, 1.83061, 0.07653, 1.33589, 0.28139, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]),
        (Box::new(AdditiveAttention::new().use_scale(false)), both(), [1.17855, -0.06025, 1.13336, 0.30433, 1.54085, 0.16956, 0.0, 0.0, 2.0, 2.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0]),
    ];
    for (layer, mut given, keras) in cases {
        let layer = LayerRef::from_box(layer);
        layer.build(&vec![vec![None, Some(4), Some(2)]; 2], &Build::new(&Device::Cpu))?;
        let inputs = [x.clone(), ops::mul_scalar(&x, 2.)?];
        close("output", &run(&layer, &inputs, &given)?[0], &keras);
        // The same on the way that keeps the scores.
        given.scores = true;
        let found = run(&layer, &inputs, &given)?;
        close("output beside scores", &found[0], &keras);
        let sums: Vec<f32> = found[1].chunks(4).map(|row| row.iter().sum()).collect();
        close("sums of weights", &sums, &[1.; 8]);
    }
    Ok(())
}

#[test]
fn one_operation_gives_what_the_scores_give() -> Result<()> {
    set_random_seed(5);
    let cx = Build::new(&Device::Cpu);
    let shapes: Vec<Dims> = vec![vec![None, Some(9), Some(6)], vec![None, Some(7), Some(6)]];
    let draw = |steps: usize, seed: u64| {
        ops::random::normal(
            (3, steps, 6),
            0.,
            1.,
            DType::F32,
            &Device::Cpu,
            ops::Seed::new(seed, 0),
        )
    };
    let inputs = [draw(9, 1)?, draw(7, 2)?];
    let layers: Vec<Box<dyn Layer>> = vec![
        Box::new(MultiHeadAttention::new(3, 4).value_dim(5).use_gate(true)),
        Box::new(
            MultiHeadAttention::new(2, 3)
                .sliding_window(3)
                .output_shape([2, 2]),
        ),
        Box::new(GroupedQueryAttention::new(4, 6, 2)),
        Box::new(Attention::new().use_scale(true)),
    ];
    for layer in layers {
        let layer = LayerRef::from_box(layer);
        layer.build(&shapes, &cx)?;
        for causal in [false, true] {
            let quick = run(
                &layer,
                &inputs,
                &Given {
                    causal,
                    ..Given::default()
                },
            )?;
            let kept = run(
                &layer,
                &inputs,
                &Given {
                    causal,
                    scores: true,
                    ..Given::default()
                },
            )?;
            close(layer.read().class_name(), &quick[0], &kept[0]);
        }
    }
    Ok(())
}

#[test]
fn dropout_acts_in_training_alone_and_keeps_the_mean() -> Result<()> {
    let x = Tensor::ones((64, 8, 4), DType::F32, &Device::Cpu)?;
    let layer = LayerRef::new(Attention::new().dropout(0.5).seed(3));
    layer.build(&vec![vec![None, Some(8), Some(4)]; 2], &Build::new(&Device::Cpu))?;
    let call = |training| -> Result<Vec<f32>> {
        let outputs = layer
            .read()
            .call(&[x.clone(), x.clone()], &mut Call::new(training))?
            .0;
        Ok(outputs[0].flatten_all()?.to_vec1()?)
    };
    close("inference", &call(false)?[..4], &[1.; 4]);
    let (first, second) = (call(true)?, call(true)?);
    assert_ne!(first, second);
    let mean = first.iter().sum::<f32>() / first.len() as f32;
    assert!((mean - 1.).abs() < 0.05, "{mean}");
    layer.read().base().seeds()[0].load_state(ops::Seed::new(3, 0));
    assert_eq!(call(true)?, first);
    Ok(())
}

#[test]
fn weights_have_the_names_order_and_shapes_of_keras() -> Result<()> {
    let x = input([6, 4]);
    let mha = MultiHeadAttention::new(2, 3)
        .value_dim(5)
        .use_gate(true)
        .output_shape([7]);
    let y = mha.apply([&x, &x])?;
    let z = GroupedQueryAttention::new(3, 4, 2)
        .use_bias(false)
        .apply([&y, &y, &y])?;
    let model = Model::new(&x, &z)?;
    let found: Vec<(String, Vec<usize>)> = model
        .weights()
        .into_iter()
        .map(|(path, v)| {
            assert_eq!(path, v.path());
            (path, v.shape().to_vec())
        })
        .collect();
    let expected: &[(&str, &[usize])] = &[
        ("multi_head_attention/query/kernel", &[4, 2, 3]),
        ("multi_head_attention/query/bias", &[2, 3]),
        ("multi_head_attention/key/kernel", &[4, 2, 3]),
        ("multi_head_attention/key/bias", &[2, 3]),
        ("multi_head_attention/gate/kernel", &[4, 2, 5]),
        ("multi_head_attention/gate/bias", &[2, 5]),
        ("multi_head_attention/value/kernel", &[4, 2, 5]),
        ("multi_head_attention/value/bias", &[2, 5]),
        ("multi_head_attention/attention_output/kernel", &[2, 5, 7]),
        ("multi_head_attention/attention_output/bias", &[7]),
        ("grouped_query_attention/query/kernel", &[7, 4, 3]),
        ("grouped_query_attention/key/kernel", &[7, 2, 3]),
        ("grouped_query_attention/value/kernel", &[7, 2, 3]),
        ("grouped_query_attention/attention_output/kernel", &[4, 3, 7]),
    ];
    let expected: Vec<(String, Vec<usize>)> = expected
        .iter()
        .map(|(path, shape)| ((*path).to_owned(), shape.to_vec()))
        .collect();
    assert_eq!(found, expected);
    Ok(())
}

#[test]
fn wrong_arguments_and_shapes_are_errors_that_say_why() {
    let n = |sizes: &[usize]| -> Dims {
        std::iter::once(None)
            .chain(sizes.iter().map(|s| Some(*s)))
            .collect()
    };
    let heads = MultiHeadAttention::new;
    let groups = GroupedQueryAttention::new;
    type Case = (Box<dyn Layer>, Vec<Dims>, &'static str);
    let pair = || vec![n(&[4, 6]), n(&[5, 6])];
    let cases: Vec<Case> = vec![
        (Box::new(heads(0, 2)), pair(), "num_heads"),
        (Box::new(heads(2, 0)), pair(), "key_dim"),
        (Box::new(heads(2, 2).value_dim(0)), pair(), "value_dim"),
        (Box::new(heads(2, 2).output_shape([3, 0])), pair(), "output_shape"),
        (Box::new(heads(2, 2).dropout(1.5)), pair(), "dropout"),
        (Box::new(heads(2, 2).sliding_window(0)), pair(), "sliding_window"),
        (
            Box::new(heads(2, 2).flash_attention(true).dropout(0.1)),
            pair(),
            "flash_attention",
        ),
        (
            Box::new(heads(2, 2).attention_axes([2])),
            pair(),
            "attention_axes",
        ),
        (Box::new(heads(2, 2).attention_axes([1, -2])), pair(), "each once"),
        (Box::new(heads(2, 2)), vec![n(&[4, 6])], "got 1"),
        (Box::new(heads(2, 2)), vec![n(&[4, 6]), n(&[2, 5, 6])], "one rank"),
        (Box::new(heads(2, 2)), vec![n(&[6]), n(&[6])], "3 or more"),
        (
            Box::new(heads(2, 2)),
            vec![n(&[4, 6]), n(&[5, 6]), n(&[3, 6])],
            "value and key",
        ),
        (Box::new(groups(2, 3, 2)), pair(), "multiple"),
        (Box::new(groups(2, 0, 2)), pair(), "num_query_heads"),
        (
            Box::new(groups(2, 2, 1)),
            vec![n(&[4, 6]), n(&[5, 3])],
            "query and value",
        ),
        (Box::new(Attention::new()), vec![n(&[4, 6])], "[query, value]"),
        (
            Box::new(Attention::new()),
            vec![n(&[4, 6]), n(&[5, 3])],
            "last axes",
        ),
        (
            Box::new(AdditiveAttention::new()),
            vec![n(&[4, 6]), n(&[5, 6]), n(&[3, 6])],
            "as many steps",
        ),
        (Box::new(Attention::new().dropout(-1.)), pair(), "dropout"),
    ];
    for (layer, inputs, expected) in cases {
        let error = layer
            .compute_output_shape(&inputs)
            .expect_err(expected)
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
    let x = input([4, 6]);
    let flash = heads(2, 2).flash_attention(true);
    let scores = Arguments::new().set("return_attention_scores", true);
    let outputs = flash
        .apply_many_with([&x, &x], scores)
        .and_then(|y| Model::new(&x, y));
    let error = outputs.and_then(|m| {
        m.call(
            &[Tensor::ones((1, 4, 6), DType::F32, &Device::Cpu)?],
            &mut Call::new(false),
        )
    });
    assert!(error.expect_err("scores").to_string().contains("flash_attention"));
}
