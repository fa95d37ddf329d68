//! Recurrent operations against the layers of Keras 3.15.1 (JAX); `keras/make_rnn.py` writes the values.

use std::collections::HashMap;

use keras_ops::{
    self as ops, DType, Device, Direction, GradientTape, RecurrentActivation as Act, RecurrentOptions,
    Result, Tensor, Var,
};

fn keras() -> HashMap<String, Tensor> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ops/keras/rnn.safetensors");
    ops::candle::safetensors::load(path, &Device::Cpu).unwrap()
}

fn difference(a: &Tensor, b: &Tensor) -> Result<f64> {
    assert_eq!(a.dims(), b.dims());
    let difference = (a.to_dtype(DType::F64)? - b.to_dtype(DType::F64)?)?;
    difference.abs()?.flatten_all()?.max(0)?.to_scalar()
}

/// The output and the last states of a case.
fn run(
    name: &str,
    table: &HashMap<String, Tensor>,
    options: &RecurrentOptions<'_>,
    dtype: DType,
) -> Result<Vec<Tensor>> {
    let get = |key: &str| {
        table
            .get(&format!("{name}.{key}"))
            .map(|t| t.to_dtype(dtype))
            .transpose()
    };
    let x = table["x"].to_dtype(dtype)?;
    let (kernel, recurrent, bias) = (get("kernel")?.unwrap(), get("recurrent")?.unwrap(), get("bias")?);
    let (h, c) = (get("first0")?, get("first1")?);
    let bias = bias.as_ref();
    if name.starts_with("lstm") {
        let first = h.as_ref().zip(c.as_ref()).map(|(h, c)| [h, c]);
        let (y, [h, c]) = ops::lstm(&x, first, &kernel, &recurrent, bias, options)?;
        return Ok(vec![y, h, c]);
    }
    let run = if name.starts_with("gru") {
        ops::gru
    } else {
        ops::simple_rnn
    };
    let (y, h) = run(&x, h.as_ref(), &kernel, &recurrent, bias, options)?;
    Ok(vec![y, h])
}

#[test]
fn as_keras() -> Result<()> {
    let table = keras();
    let mut names: Vec<&str> = table.keys().filter_map(|key| key.strip_suffix(".out0")).collect();
    names.sort_unstable();
    assert_eq!(names.len(), 29);
    for name in names {
        let mut options = RecurrentOptions {
            return_sequences: true,
            reset_after: !name.contains("before"),
            go_backwards: name.contains("backwards"),
            zero_output_for_mask: name.contains("zero"),
            ..Default::default()
        };
        if name.contains("masked") || name.contains("backwards") {
            options.mask = Some(&table["mask"]);
        }
        if name.contains("other") {
            (options.activation, options.recurrent_activation) = (Act::Relu, Act::HardSigmoid);
        }
        for dtype in [DType::F32, DType::F64] {
            let got = run(name, &table, &options, dtype)?;
            for (i, got) in got.iter().enumerate() {
                let difference = difference(got, &table[&format!("{name}.out{i}")])?;
                assert!(difference < 1e-5, "{name}, output {i}, {dtype:?}: {difference:e}");
            }
            let last = RecurrentOptions {
                return_sequences: false,
                ..options
            };
            let time = got[0].dim(1)?;
            let expected = got[0].narrow(1, time - 1, 1)?.squeeze(1)?;
            assert_eq!(
                difference(&run(name, &table, &last, dtype)?[0], &expected)?,
                0.,
                "{name}"
            );
        }
    }
    Ok(())
}

fn random(dims: &[usize], draw: u64) -> Result<Var> {
    Var::from_tensor(&ops::random::uniform(
        dims,
        -0.4,
        0.4,
        DType::F32,
        &Device::Cpu,
        ops::Seed::new(5, draw),
    )?)
}

/// Everything that a layer gives for a batch that is split among threads.
fn everything(kind: usize) -> Result<Vec<Vec<f32>>> {
    let (batch, time, features, units) = (50, 12, 24, 40);
    let gates = [4, 3, 3, 1][kind];
    let bias = if kind == 1 {
        vec![2, 3 * units]
    } else {
        vec![gates * units]
    };
    let inputs = [
        random(&[batch, time, features], 0)?,
        random(&[features, gates * units], 1)?,
        random(&[units, gates * units], 2)?,
        random(&bias, 3)?,
        random(&[batch, units], 4)?,
        random(&[batch, units], 5)?,
    ];
    let [x, kernel, recurrent, bias, h, c] = inputs.each_ref().map(|v| v.as_tensor());
    let options = RecurrentOptions {
        return_sequences: true,
        reset_after: kind == 1,
        ..Default::default()
    };
    let tape = GradientTape::start();
    let (y, state) = match kind {
        0 => {
            let (y, [_, c]) = ops::lstm(x, Some([h, c]), kernel, recurrent, Some(bias), &options)?;
            (y, c)
        }
        1 | 2 => ops::gru(x, Some(h), kernel, recurrent, Some(bias), &options)?,
        _ => ops::simple_rnn(x, Some(h), kernel, recurrent, Some(bias), &options)?,
    };
    let targets = [(&y, y.detach()), (&state, state.detach())];
    let mut grads = tape.gradients_with(&targets)?;
    let grads = inputs.iter().filter_map(|v| grads.remove(v));
    [y.detach(), state.detach()]
        .into_iter()
        .chain(grads)
        .map(|t| t.flatten_all()?.to_vec1())
        .collect()
}

#[test]
fn the_same_bits_for_any_number_of_threads() -> Result<()> {
    let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
    for kind in 0..4 {
        let one = pool(1).install(|| everything(kind))?;
        assert!(one.len() >= 7 && one.iter().flatten().all(|v| v.is_finite()));
        for threads in [2, 3] {
            assert!(
                one == pool(threads).install(|| everything(kind))?,
                "{kind}, {threads} threads"
            );
        }
    }
    Ok(())
}

/// Both directions, with everything that a layer gives for a batch that is split among threads.
fn everything_of_both() -> Result<Vec<Vec<f32>>> {
    let (batch, time, features, units) = (50, 12, 24, 40);
    let x = random(&[batch, time, features], 0)?;
    let of = |from: u64| -> Result<_> {
        Ok([
            random(&[features, 4 * units], from)?,
            random(&[units, 4 * units], from + 1)?,
            random(&[4 * units], from + 2)?,
        ])
    };
    let weights = [of(1)?, of(4)?];
    let options = RecurrentOptions {
        return_sequences: true,
        ..Default::default()
    };
    let backwards = RecurrentOptions {
        go_backwards: true,
        input_order: true,
        ..options
    };
    let tape = GradientTape::start();
    let [ahead, back] = [0, 1].map(|i: usize| Direction {
        states: &[],
        kernel: &weights[i][0],
        recurrent_kernel: &weights[i][1],
        bias: Some(&weights[i][2]),
        options: [options, backwards][i],
    });
    let [(y, [_, c]), (z, [h, _])] = ops::bidirectional_lstm(&x, [&ahead, &back])?;
    let outputs = [y, c, z, h];
    let targets: Vec<_> = outputs.iter().map(|t| (t, t.detach())).collect();
    let mut grads = tape.gradients_with(&targets)?;
    let variables = std::iter::once(&x).chain(weights.iter().flatten());
    let grads: Vec<Tensor> = variables.filter_map(|v| grads.remove(v)).collect();
    let all = outputs.iter().map(Tensor::detach).chain(grads);
    all.map(|t| t.flatten_all()?.to_vec1()).collect()
}

#[test]
fn both_directions_give_the_same_bits_for_any_number_of_threads() -> Result<()> {
    let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
    let one = pool(1).install(everything_of_both)?;
    assert!(one.len() == 4 + 7 && one.iter().flatten().all(|v| v.is_finite()));
    for threads in [2, 5] {
        assert!(
            one == pool(threads).install(everything_of_both)?,
            "{threads} threads"
        );
    }
    Ok(())
}

#[test]
fn what_does_not_fit_is_named() -> Result<()> {
    let zeros = |dims: &[usize]| Tensor::zeros(dims, DType::F32, &Device::Cpu);
    let (x, kernel, recurrent) = (zeros(&[2, 3, 4])?, zeros(&[4, 8])?, zeros(&[2, 8])?);
    let plain = RecurrentOptions::default();
    let error = |x: &Tensor, kernel: &Tensor, options: &RecurrentOptions<'_>| {
        let error = ops::lstm(x, None, kernel, &recurrent, None, options).unwrap_err();
        error.to_string()
    };
    assert!(ops::lstm(&x, None, &kernel, &recurrent, None, &plain).is_ok());
    for (message, parts) in [
        (
            error(&zeros(&[3, 4])?, &kernel, &plain),
            ["lstm", "(batch, time, features)"],
        ),
        (error(&x, &zeros(&[5, 8])?, &plain), ["[4, 8]", "[5, 8]"]),
        (
            error(&zeros(&[2, 0, 4])?, &kernel, &plain),
            ["at least one time step", "[2, 0, 4]"],
        ),
        (
            error(&x, &kernel.to_dtype(DType::F64)?, &plain),
            ["float64", "cast"],
        ),
        (
            error(
                &x,
                &kernel,
                &RecurrentOptions {
                    mask: Some(&kernel),
                    ..plain
                },
            ),
            ["mask", "[2, 3]"],
        ),
    ] {
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
    Ok(())
}

/// A mask that leaves the last step out must not hide the gradient of the output before it.
#[test]
fn the_last_output_of_a_masked_sequence_has_the_gradient_of_the_step_before() -> Result<()> {
    let x = Var::from_tensor(&ops::random::normal(
        (1, 3, 2),
        0.,
        1.,
        DType::F32,
        &Device::Cpu,
        ops::Seed::new(1, 1),
    )?)?;
    let (kernel, recurrent) = (random(&[2, 2], 1)?, random(&[2, 2], 2)?);
    let mask = Tensor::new(&[[1u8, 1, 0]], &Device::Cpu)?;
    let gradient = |steps: usize, mask: Option<&Tensor>| -> Result<Vec<f32>> {
        let tape = GradientTape::start();
        let options = RecurrentOptions {
            mask,
            ..Default::default()
        };
        let x_part = ops::narrow(x.as_tensor(), 1, 0, steps)?;
        let (y, _) = ops::simple_rnn(&x_part, None, &kernel, &recurrent, None, &options)?;
        tape.gradients(&y)?.remove(&x).unwrap().flatten_all()?.to_vec1()
    };
    assert_eq!(gradient(3, Some(&mask))?, gradient(2, None)?);
    Ok(())
}
