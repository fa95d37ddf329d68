//! Recurrent layers: values of real Keras 3.15.1 (JAX), and both ways of computing a sequence against each other.

use keras_core::activations::activation_fn;
use keras_core::layer::{Build, Call};
use keras_core::layers::{
    Bidirectional, GRU, GRUCell, LSTM, LSTMCell, MergeMode, RNN, SimpleRNN, SimpleRNNCell, StackedRNNCells,
};
use keras_core::{Arguments, LayerRef, Result};
use keras_ops::{self as ops, DType, Device, GradientTape, Tensor, Var};

/// `f(i)` by position, in `shape`.
fn spread(shape: &[usize], f: impl Fn(f64) -> f64) -> Result<Tensor> {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|i| f(i as f64) as f32).collect();
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
}

/// `cos(0), cos(1), …` as two sequences of three steps of two features.
fn sequences() -> Result<Tensor> {
    spread(&[2, 3, 2], f64::cos)
}

fn mask() -> Result<Tensor> {
    Ok(Tensor::new(&[[0u8, 1, 0], [1, 1, 0]], &Device::Cpu)?)
}

/// Built for `x`, each weight `sin(position + number) / 2`.
fn built(layer: impl Into<LayerRef>, x: &Tensor) -> Result<LayerRef> {
    let layer = layer.into();
    layer.build(
        &[x.dims().iter().map(|d| Some(*d)).collect()],
        &Build::new(&Device::Cpu),
    )?;
    for (number, (_, weight)) in layer.weights("").iter().enumerate() {
        weight.assign(&spread(weight.shape(), |i| (i + number as f64).sin() / 2.)?)?;
    }
    Ok(layer)
}

fn numbers(x: &Tensor) -> Result<Vec<f32>> {
    Ok(x.flatten_all()?.to_vec1()?)
}

fn near(what: &str, ours: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(ours.len(), expected.len(), "{what}");
    for (i, (a, b)) in ours.iter().zip(expected).enumerate() {
        assert!((a - b).abs() < tolerance, "{what}: {a} at {i}, expected {b}");
    }
}

#[test]
fn stateful_layers_go_on_where_the_last_batch_ended() -> Result<()> {
    let x = sequences()?;
    type Case = (&'static str, LayerRef, &'static [f32], &'static [f32]);
    let cases: Vec<Case> = vec![
        (
            "SimpleRNN",
            SimpleRNN::new(2).stateful(true).into(),
            &[0.6028957, -0.0235091, 0.5398025, -0.1506512],
            &[0.6192266, 0.0084543, 0.5533046, -0.1182568],
        ),
        (
            "LSTM",
            LSTM::new(2).stateful(true).into(),
            &[0.0193529, 0.1636217, 0.0672179, 0.1449557],
            &[0.0253386, 0.1800264, 0.0740129, 0.1594226],
        ),
        (
            "GRU",
            GRU::new(2).stateful(true).into(),
            &[-0.08352, 0.4520508, -0.0641259, 0.494726],
            &[-0.1307754, 0.5162986, -0.1067338, 0.5640701],
        ),
        (
            "Bidirectional",
            Bidirectional::new(GRU::new(2).stateful(true)).into(),
            &[
                -0.08352, 0.4520508, 0.4381379, 0.0170273, -0.0641259, 0.494726, 0.454659, 0.0776067,
            ],
            &[
                -0.1307754, 0.5162986, 0.4885864, 0.0333115, -0.1067338, 0.5640701, 0.5132256, 0.1014743,
            ],
        ),
    ];
    for (name, layer, first, second) in cases {
        let layer = built(layer, &x)?;
        let call = || {
            numbers(
                &layer
                    .read()
                    .call(std::slice::from_ref(&x), &mut Call::new(false))?
                    .0[0],
            )
        };
        near(name, &call()?, first, 2e-6);
        near(name, &call()?, second, 2e-6);
        layer.reset_state()?;
        near(name, &call()?, first, 2e-6);
        let other = ops::narrow(&x, 0, 0, 1)?;
        let error = layer.read().call(&[other], &mut Call::new(false)).unwrap_err();
        assert!(error.to_string().contains("batches of 2 samples"), "{error}");
    }
    Ok(())
}

#[test]
fn masked_outputs_follow_keras_with_an_initial_state() -> Result<()> {
    let x = sequences()?;
    let ones = Tensor::ones((2, 2), DType::F32, &Device::Cpu)?;
    let kept = [
        1., 1., 0.857668, 0.921753, 0.857668, 0.921753, 0.679241, 0.801153, 0.548994, 0.760428, 0.548994,
        0.760428,
    ];
    let zeros = [
        0., 0., 0.857668, 0.921753, 0., 0., 0.679241, 0.801153, 0.548994, 0.760428, 0., 0.,
    ];
    let before = [
        0., 0., 0.857668, 0.921753, 0.857668, 0.921753, 0.679241, 0.801153, 0.548994, 0.760428, 0.548994,
        0.760428,
    ];
    for (unroll, zero, expected) in [
        (false, false, kept),
        (false, true, zeros),
        (true, false, before),
        (true, true, before),
    ] {
        let layer = GRU::new(2)
            .return_sequences(true)
            .unroll(unroll)
            .zero_output_for_mask(zero);
        let layer = built(layer, &x)?;
        let mut cx = Call::new(false).arguments(Arguments::new().range("initial_state", 1..2));
        cx.masks = [Some(mask()?)].into_iter().collect();
        let y = layer.read().call(&[x.clone(), ones.clone()], &mut cx)?;
        near(
            &format!("unroll {unroll}, zero {zero}"),
            &numbers(&y.0[0])?,
            &expected,
            2e-6,
        );
    }
    Ok(())
}

/// The outputs of a pass in training, then the gradients of their sums, squared, by the input and the weights.
fn pass(layer: &LayerRef, x: &Tensor, mask: Option<&Tensor>) -> Result<Vec<Vec<f32>>> {
    let x = Var::from_tensor(x)?;
    let tape = GradientTape::start();
    let mut cx = Call::new(true);
    if let Some(mask) = mask {
        cx.masks = [Some(mask.clone())].into_iter().collect();
    }
    let outputs = layer.read().call(&[x.as_tensor().clone()], &mut cx)?.0;
    let targets = outputs
        .iter()
        .enumerate()
        .map(|(n, y)| Ok((y, spread(y.dims(), |i| (i + n as f64).cos())?)))
        .collect::<Result<Vec<_>>>()?;
    let mut found = tape.gradients_with(&targets)?;
    let mut all = outputs.iter().map(numbers).collect::<Result<Vec<_>>>()?;
    let weights = layer.weights("");
    let tensors = weights.iter().map(|(_, v)| v.tensor());
    for tensor in std::iter::once(x.as_tensor()).chain(tensors) {
        let gradient = found.remove(tensor);
        all.push(gradient.map_or_else(|| Ok(vec![0.; tensor.elem_count()]), |g| numbers(&g))?);
    }
    Ok(all)
}

/// `tanh` under a name that no whole-sequence operation knows.
fn stepped() -> impl keras_core::Activation {
    activation_fn("of_steps", |x: &Tensor| ops::tanh(x))
}

#[test]
fn a_sequence_at_once_is_what_its_steps_are() -> Result<()> {
    let x = spread(&[3, 4, 5], |i| (i * 0.7).sin())?;
    let mask = Tensor::new(&[[1u8, 0, 1, 1], [0, 1, 1, 0], [1, 1, 1, 1]], &Device::Cpu)?;
    // Dropout of the inputs, of the state, and of both: gates have masks of their own with the second.
    for (dropout, recurrent) in [(0., 0.), (0.4, 0.), (0., 0.4), (0.3, 0.5)] {
        for masked in [None, Some(&mask)] {
            for (backwards, sequences, zero) in
                [(false, true, false), (true, true, true), (true, false, false)]
            {
                macro_rules! pair {
                    ($layer:expr) => {{
                        let layer = || {
                            $layer
                                .dropout(dropout)
                                .recurrent_dropout(recurrent)
                                .seed(11)
                                .go_backwards(backwards)
                                .return_sequences(sequences)
                                .zero_output_for_mask(zero)
                                .return_state(true)
                        };
                        (
                            LayerRef::new(layer()),
                            LayerRef::new(layer().activation(stepped())),
                        )
                    }};
                }
                for (at_once, by_step) in [
                    pair!(SimpleRNN::new(3)),
                    pair!(LSTM::new(3)),
                    pair!(GRU::new(3)),
                    pair!(GRU::new(3).reset_after(false)),
                    pair!(GRU::new(3).use_bias(false)),
                ] {
                    let (at_once, by_step) = (built(at_once, &x)?, built(by_step, &x)?);
                    let ours = pass(&at_once, &x, masked)?;
                    let expected = pass(&by_step, &x, masked)?;
                    let what = format!(
                        "{} {dropout} {recurrent} {} {backwards} {sequences} {zero}",
                        at_once.read().class_name(),
                        masked.is_some()
                    );
                    assert_eq!(ours.len(), expected.len());
                    for (i, (a, b)) in ours.iter().zip(&expected).enumerate() {
                        near(&format!("{what}, part {i}"), a, b, 2e-5);
                    }
                }
            }
        }
    }
    Ok(())
}

#[test]
fn both_directions_side_by_side_are_what_each_is() -> Result<()> {
    let x = spread(&[3, 4, 5], |i| (i * 0.7).sin())?;
    let mask = Tensor::new(&[[1u8, 0, 1, 1], [0, 1, 1, 0], [1, 1, 1, 1]], &Device::Cpu)?;
    for mode in [Some(MergeMode::Concat), Some(MergeMode::Mul), None] {
        for masked in [None, Some(&mask)] {
            for sequences in [true, false] {
                macro_rules! pair {
                    ($layer:expr) => {{
                        let layer = || {
                            $layer
                                .return_sequences(sequences)
                                .return_state(true)
                                .recurrent_dropout(0.3)
                                .seed(5)
                        };
                        let ours = Bidirectional::new(layer()).merge_mode(mode);
                        let back = layer().go_backwards(true).activation(stepped());
                        let apart = Bidirectional::new(layer().activation(stepped())).backward_layer(back);
                        (LayerRef::new(ours), LayerRef::new(apart.merge_mode(mode)))
                    }};
                }
                for (ours, apart) in [pair!(SimpleRNN::new(3)), pair!(LSTM::new(2)), pair!(GRU::new(3))] {
                    let (ours, apart) = (built(ours, &x)?, built(apart, &x)?);
                    let (a, b) = (pass(&ours, &x, masked)?, pass(&apart, &x, masked)?);
                    assert_eq!(a.len(), b.len());
                    for (i, (a, b)) in a.iter().zip(&b).enumerate() {
                        near(
                            &format!("{mode:?} {sequences} {}, part {i}", masked.is_some()),
                            a,
                            b,
                            2e-5,
                        );
                    }
                }
            }
        }
    }
    Ok(())
}

#[test]
fn a_stack_is_run_cell_by_cell_or_step_by_step() -> Result<()> {
    let x = spread(&[3, 4, 5], |i| (i * 0.7).sin())?;
    let mask = Tensor::new(&[[1u8, 0, 1, 1], [0, 1, 1, 0], [1, 1, 1, 1]], &Device::Cpu)?;
    let stack = |unroll: bool, backwards: bool| {
        let cells = [
            LayerRef::new(LSTMCell::new(3).dropout(0.2).seed(1)),
            LayerRef::new(SimpleRNNCell::new(4).recurrent_dropout(0.2).seed(2)),
            LayerRef::new(GRUCell::new(2).dropout(0.2).recurrent_dropout(0.3).seed(3)),
        ];
        RNN::new(StackedRNNCells::new(cells))
            .return_state(true)
            .return_sequences(true)
            .unroll(unroll)
            .go_backwards(backwards)
    };
    for backwards in [false, true] {
        // An unrolled loop with a mask goes step by step; from a state of zeros its rule gives the same.
        let (at_once, by_step) = (
            built(stack(false, backwards), &x)?,
            built(stack(true, backwards), &x)?,
        );
        let ours = pass(&at_once, &x, Some(&mask))?;
        let expected = pass(&by_step, &x, Some(&mask))?;
        for (i, (a, b)) in ours.iter().zip(&expected).enumerate() {
            near(&format!("part {i}"), a, b, 2e-5);
        }
    }
    Ok(())
}

#[test]
fn dropout_draws_anew_for_each_batch_but_not_for_each_step() -> Result<()> {
    let x = Tensor::ones((4, 5, 6), DType::F32, &Device::Cpu)?;
    let layer = SimpleRNN::new(8)
        .activation("linear")
        .recurrent_initializer("zeros")
        .dropout(0.5)
        .seed(3);
    let layer = built(layer.return_sequences(true), &x)?;
    layer.weights("")[1].1.zero()?;
    let call = |training| {
        numbers(
            &layer
                .read()
                .call(std::slice::from_ref(&x), &mut Call::new(training))?
                .0[0],
        )
    };
    let (first, second) = (call(true)?, call(true)?);
    assert_ne!(first, second);
    for sequence in first.chunks(5 * 8) {
        assert!(sequence.chunks(8).all(|step| step == &sequence[..8]));
    }
    assert_eq!(call(false)?, call(false)?);
    // As in Keras, gated cells do nothing at 1.
    let all = built(LSTM::new(3).dropout(1.), &x)?;
    let (a, b) = (
        all.read().call(std::slice::from_ref(&x), &mut Call::new(true))?,
        all.read().call(std::slice::from_ref(&x), &mut Call::new(false))?,
    );
    assert_eq!(numbers(&a.0[0])?, numbers(&b.0[0])?);
    Ok(())
}
