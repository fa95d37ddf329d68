//! Recurrent layers: outputs and last states together.

use keras_ops::{
    self as ops, Device, Direction, RecurrentActivation as Act, RecurrentOptions as Options, Result, Tensor,
};

use super::case::{Case, Input, case};

const X: Input = (&[3, 4, 5], -1.6, 1.9);
const STATE: Input = (&[3, 2], -0.9, 0.8);
const STATE3: Input = (&[3, 3], -0.9, 0.8);
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
    dropout: None,
    recurrent_dropout: None,
    go_backwards: false,
    input_order: false,
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

fn direction<'a>(x: &'a [Tensor], options: Options<'a>) -> Direction<'a> {
    Direction {
        states: &x[3..],
        kernel: &x[0],
        recurrent_kernel: &x[1],
        bias: Some(&x[2]),
        options,
    }
}

/// Both directions with the second half of the inputs after `x` for the way back.
fn both<S>(
    x: &[Tensor],
    count: usize,
    f: impl Fn(&Tensor, [&Direction<'_>; 2]) -> Result<[(Tensor, S); 2]>,
    states: impl Fn(&S) -> Vec<&Tensor>,
) -> Result<Tensor> {
    let (ahead, back) = x[1..].split_at(3 + count);
    let mask = mask()?;
    let backwards = Options {
        go_backwards: true,
        input_order: true,
        mask: Some(&mask),
        ..ALL
    };
    let [(y, s), (z, t)] = f(&x[0], [&direction(ahead, ALL), &direction(back, backwards)])?;
    joined(&joined(&y, &states(&s))?, &[&joined(&z, &states(&t))?])
}

fn lstm_both(x: &[Tensor]) -> Result<Tensor> {
    both(x, 2, ops::bidirectional_lstm, |states| states.iter().collect())
}

fn gru_both(x: &[Tensor]) -> Result<Tensor> {
    both(x, 1, ops::bidirectional_gru, |state| vec![state])
}

fn simple_both(x: &[Tensor]) -> Result<Tensor> {
    both(x, 1, ops::bidirectional_simple_rnn, |state| vec![state])
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

/// Factors of the inputs and of the state that each of `gates` has of its own, and the mask, with options.
fn by_gate(
    options: Options<'static>,
    gates: usize,
    f: impl Fn(&Options<'_>) -> Result<Tensor>,
) -> Result<Tensor> {
    let draw = |size: usize, number: u64| {
        let ones = Tensor::ones((gates, 3, size), ops::DType::F64, &Device::Cpu)?;
        ops::nn::dropout(&ones, 0.4, None, ops::Seed::new(3, number))
    };
    let (mask, inputs, states) = (mask()?, draw(5, 1)?, draw(2, 2)?);
    f(&Options {
        mask: Some(&mask),
        dropout: Some(&inputs),
        recurrent_dropout: Some(&states),
        ..options
    })
}

const LSTM: &[Input] = &[X, kernel(&[5, 8]), kernel(&[2, 8]), kernel(&[8]), STATE, STATE];
const GRU: &[Input] = &[X, kernel(&[5, 6]), kernel(&[2, 6]), BIAS2, STATE];
const GRU_BEFORE: &[Input] = &[X, kernel(&[5, 6]), kernel(&[2, 6]), kernel(&[6]), STATE];
const SIMPLE: &[Input] = &[X, kernel(&[5, 2]), kernel(&[2, 2]), kernel(&[2]), STATE];
const LSTM_BOTH: &[Input] = &[
    X,
    kernel(&[5, 8]),
    kernel(&[2, 8]),
    kernel(&[8]),
    STATE,
    STATE,
    kernel(&[5, 12]),
    kernel(&[3, 12]),
    kernel(&[12]),
    STATE3,
    STATE3,
];
const GRU_BOTH: &[Input] = &[
    X,
    kernel(&[5, 6]),
    kernel(&[2, 6]),
    BIAS2,
    STATE,
    kernel(&[5, 6]),
    kernel(&[2, 6]),
    BIAS2,
    STATE,
];
const SIMPLE_BOTH: &[Input] = &[
    X,
    kernel(&[5, 2]),
    kernel(&[2, 2]),
    kernel(&[2]),
    STATE,
    kernel(&[5, 3]),
    kernel(&[3, 3]),
    kernel(&[3]),
    STATE3,
];
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
    case("lstm with dropout by gate", LSTM, |x| by_gate(ALL, 4, |o| lstm(x, o))).fixed(),
    case("gru with dropout by gate", GRU, |x| by_gate(ALL, 3, |o| gru(x, o))).fixed(),
    case("gru reset before with dropout by gate", GRU_BEFORE, |x| by_gate(BEFORE, 3, |o| gru(x, o))).fixed(),
    case("simple_rnn with dropout of inputs", SIMPLE, |x| by_gate(ALL, 1, |o| simple(x, o))).fixed(),
    case("lstm backwards in the order of the inputs", LSTM, |x| lstm(x, &Options { go_backwards: true, input_order: true, ..ALL })),
    case("gru reset before in the order of the inputs", GRU_BEFORE, |x| gru(x, &Options { go_backwards: true, input_order: true, ..BEFORE })),
    case("bidirectional_lstm", LSTM_BOTH, lstm_both).fixed(),
    case("bidirectional_gru", GRU_BOTH, gru_both).fixed(),
    case("bidirectional_simple_rnn", SIMPLE_BOTH, simple_both).fixed(),
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
