//! Values of transforms against Keras: see keras/make_signal.py.

use keras_ops::{self as ops, StftOptions, Tensor, Window};

use super::table::{self, Run};

fn pair(outputs: ops::Result<(Tensor, Tensor)>) -> ops::Result<Vec<Tensor>> {
    outputs.map(|(re, im)| vec![re, im])
}

fn one(output: ops::Result<Tensor>) -> ops::Result<Vec<Tensor>> {
    output.map(|x| vec![x])
}

fn options(sizes: [usize; 3], window: Window, center: bool) -> StftOptions {
    StftOptions {
        window,
        center,
        ..StftOptions::new(sizes[0], sizes[1], sizes[2])
    }
}

#[rustfmt::skip]
const TABLE: &[(&str, Run)] = &[
    ("fft", |x| pair(ops::fft(&x[0], &x[1]))),
    ("fft 97", |x| pair(ops::fft(&x[0], &x[1]))),
    ("fft2", |x| pair(ops::fft2(&x[0], &x[1]))),
    ("ifft2", |x| pair(ops::ifft2(&x[0], &x[1]))),
    ("rfft", |x| pair(ops::rfft(&x[0], None))),
    ("rfft 51", |x| pair(ops::rfft(&x[0], Some(51)))),
    ("rfft 32", |x| pair(ops::rfft(&x[0], Some(32)))),
    ("irfft", |x| one(ops::irfft(&x[0], &x[1], None))),
    ("irfft 7", |x| one(ops::irfft(&x[0], &x[1], Some(7)))),
    ("irfft 12", |x| one(ops::irfft(&x[0], &x[1], Some(12)))),
    ("extract_sequences", |x| one(ops::extract_sequences(&x[0], 7, 3))),
    ("stft", |x| pair(ops::stft(&x[0], &options([8, 4, 8], Window::Hann, true)))),
    ("stft hamming", |x| pair(ops::stft(&x[0], &options([6, 5, 11], Window::Hamming, false)))),
    ("stft none", |x| pair(ops::stft(&x[0], &options([6, 2, 8], Window::None, true)))),
    ("stft weights", |x| pair(ops::stft(&x[0], &options([6, 2, 9], Window::Weights(vec![0.5, 0.7, 0.9, 1.1, 1.3, 1.5]), true)))),
    ("istft", |x| one(ops::istft(&x[0], &x[1], &options([8, 4, 8], Window::Hann, true), None))),
    ("istft length", |x| one(ops::istft(&x[0], &x[1], &options([6, 3, 8], Window::Hann, true), Some(17)))),
    ("istft hamming", |x| one(ops::istft(&x[0], &x[1], &options([8, 3, 8], Window::Hamming, false), None))),
];

#[test]
fn values_are_those_of_keras() {
    table::check("signal", 1e-5, TABLE);
}

#[test]
fn misuse_names_the_operation() {
    let x = Tensor::ones(4, ops::DType::F32, &ops::Device::Cpu).unwrap();
    let long = ops::stft(&x, &StftOptions::new(8, 2, 8)).unwrap_err().to_string();
    assert!(
        long.starts_with("stft: a signal of 4 elements is too short"),
        "{long}"
    );
    let window = options([4, 2, 4], Window::Weights(vec![1.; 3]), false);
    let short = ops::stft(&x, &window).unwrap_err().to_string();
    assert!(
        short.contains("expected a window of sequence_length = 4 weights, got 3"),
        "{short}"
    );
}
