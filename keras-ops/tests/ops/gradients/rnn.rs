//! Recurrent layers: outputs and last states together.

use keras_ops::{
    self as ops, Device, RecurrentActivation as Act, RecurrentOptions as Options, Result, Tensor,
};

use super::case::{Case, Input, case};

const X: Input = (&[3, 4, 5], -1.6, 1.9);
const STATE: Input = (&[3, 2], -0.9, 0.8);
const BIAS2: Input = (&[2, 6], -0.6, 0.7);

const fn kernel(shape: &'static [usize]) -> Input {
    (shape, -0.9, 1.0)
}

fn joined(y: &Tensor, states: &[&Tensor]) -> Result<Tensor> {
    let rows = y.dims()[0] as i64;
    let count = y.dims()[1..].iter().product::<usize>() as i64;
    let y = ops::reshape(y, &[rows, count])?;
    ops::concatenate(&[&[&y], states].concat(), 1)
}

fn mask() -> Result<Tensor> {
    Tensor::new(&[[1u8, 1, 0, 1], [0, 1, 1, 0], [1, 0, 0, 1]], &Device::Cpu)
}

fn factors() -> Result<Tensor> {
    Tensor::new(&[[0f64, 2.], [2., 2.], [2., 0.]], &Device::Cpu)
}

const ALL: Options<'static> = Options {
    activation: Act::Tanh,
    recurrent_activation: Act::Sigmoid,
    mask: None,
    recurrent_dropout: None,
    go_backwards: false,
    time_major: false,
    zero_output_for_mask: false,
    return_sequences: true,
    reset_after: true,
};
const LAST: Options<'static> = Options {
    return_sequences: false,
    ..ALL
};
const BEFORE: Options<'static> = Options {
    reset_after: false,
    ..ALL
};
const OTHER: Options<'static> = Options {
    activation: Act::Linear,
    recurrent_activation: Act::HardSigmoid,
    ..ALL
};

fn lstm(x: &[Tensor], options: &Options<'_>) -> Result<Tensor> {
    let (y, [h, c]) = ops::lstm(&x[0], Some([&x[4], &x[5]]), &x[1], &x[2], Some(&x[3]), options)?;
    joined(&y, &[&h, &c])
}

fn gru(x: &[Tensor], options: &Options<'_>) -> Result<Tensor> {
    let (y, h) = ops::gru(&x[0], Some(&x[4]), &x[1], &x[2], Some(&x[3]), options)?;
    joined(&y, &[&h])
}

fn simple(x: &[Tensor], options: &Options<'_>) -> Result<Tensor> {
    let (y, h) = ops::simple_rnn(&x[0], Some(&x[4]), &x[1], &x[2], Some(&x[3]), options)?;
    joined(&y, &[&h])
}

/// The hidden factors and the mask with options.
fn with(options: Options<'static>, f: impl Fn(&Options<'_>) -> Result<Tensor>) -> Result<Tensor> {
    let (mask, factors) = (mask()?, factors()?);
    f(&Options {
        mask: Some(&mask),
        recurrent_dropout: Some(&factors),
        ..options
    })
}

const LSTM: &[Input] = &[X, kernel(&[5, 8]), kernel(&[2, 8]), kernel(&[8]), STATE, STATE];
const GRU: &[Input] = &[X, kernel(&[5, 6]), kernel(&[2, 6]), BIAS2, STATE];
const GRU_BEFORE: &[Input] = &[X, kernel(&[5, 6]), kernel(&[2, 6]), kernel(&[6]), STATE];
const SIMPLE: &[Input] = &[X, kernel(&[5, 2]), kernel(&[2, 2]), kernel(&[2]), STATE];
const TIME_MAJOR: &[Input] = &[(&[4, 3, 5], -1.6, 1.9), kernel(&[5, 2]), kernel(&[2, 2])];

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    case("lstm", LSTM, |x| lstm(x, &ALL)),
    case("lstm last output", LSTM, |x| lstm(x, &LAST)),
    case("lstm masked with dropout", LSTM, |x| with(ALL, |o| lstm(x, o))).fixed(),
    case("lstm masked zeros backwards", LSTM, |x| with(Options { zero_output_for_mask: true, go_backwards: true, ..ALL }, |o| lstm(x, o))).fixed(),
    case("lstm masked zeros last output", LSTM, |x| with(Options { zero_output_for_mask: true, ..LAST }, |o| lstm(x, o))).fixed(),
    case("lstm other activations", LSTM, |x| lstm(x, &OTHER)),
    case("lstm without bias and states", &[X, kernel(&[5, 8]), kernel(&[2, 8])], |x| Ok(ops::lstm(&x[0], None, &x[1], &x[2], None, &ALL)?.0)),
    case("gru", GRU, |x| gru(x, &ALL)),
    case("gru last output", GRU, |x| gru(x, &LAST)),
    case("gru masked with dropout", GRU, |x| with(ALL, |o| gru(x, o))).fixed(),
    case("gru other activations backwards", GRU, |x| gru(x, &Options { go_backwards: true, ..OTHER })),
    case("gru reset before", GRU_BEFORE, |x| gru(x, &BEFORE)),
    case("gru reset before last output", GRU_BEFORE, |x| gru(x, &Options { return_sequences: false, ..BEFORE })),
    case("gru reset before masked with dropout", GRU_BEFORE, |x| with(BEFORE, |o| gru(x, o))).fixed(),
    case("gru reset before masked zeros", GRU_BEFORE, |x| with(Options { zero_output_for_mask: true, ..BEFORE }, |o| gru(x, o))).fixed(),
    case("simple_rnn", SIMPLE, |x| simple(x, &ALL)),
    case("simple_rnn last output backwards", SIMPLE, |x| simple(x, &Options { go_backwards: true, ..LAST })),
    case("simple_rnn masked with dropout", SIMPLE, |x| with(ALL, |o| simple(x, o))).fixed(),
    case("simple_rnn linear", SIMPLE, |x| simple(x, &OTHER)),
    case("simple_rnn time major", TIME_MAJOR, |x| Ok(ops::simple_rnn(&x[0], None, &x[1], &x[2], None, &Options { time_major: true, ..ALL })?.0)).fixed(),
];
