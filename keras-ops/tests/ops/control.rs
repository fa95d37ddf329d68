//! Values of control flow, sliding blocks and CTC against Keras: see keras/make_control.py.

use keras_ops::{self as ops, BlockOptions, CtcSearch, DType, Device, Result, Tensor};

use super::table::{self, Run};

fn one(output: Result<Tensor>) -> Result<Vec<Tensor>> {
    output.map(|x| vec![x])
}

fn two(outputs: Result<(Tensor, Tensor)>) -> Result<Vec<Tensor>> {
    outputs.map(|(a, b)| vec![a, b])
}

const PADDED: BlockOptions = BlockOptions {
    kernel_size: [2, 3],
    dilation: [2, 1],
    padding: [1, 2],
    stride: [2, 1],
};

fn summed(x: &Tensor) -> Result<(Tensor, Tensor)> {
    let step = |c: Tensor, x: &Tensor| Ok((ops::add(&c, x)?, ops::multiply(&c, x)?));
    ops::scan(step, Tensor::ones(3, DType::F32, &Device::Cpu)?, x, true)
}

fn beam(x: &[Tensor], beam_width: usize, top_paths: usize, blank: usize) -> Result<Vec<Tensor>> {
    two(ops::ctc_decode(
        &x[0],
        &x[1],
        CtcSearch::Beam {
            beam_width,
            top_paths,
        },
        blank,
    ))
}

#[rustfmt::skip]
const TABLE: &[(&str, Run)] = &[
    ("associative_scan", |x| one(ops::associative_scan(ops::multiply, &x[0], false, 0))),
    ("associative_scan reverse", |x| one(ops::associative_scan(ops::add, &x[0], true, 1))),
    ("scan", |x| two(summed(&x[0]))),
    ("unfold", |x| one(ops::unfold(&x[0], &BlockOptions::new([2, 3])))),
    ("unfold padded", |x| one(ops::unfold(&x[0], &PADDED))),
    ("fold", |x| one(ops::fold(&x[0], [6, 7], &BlockOptions::new([2, 3])))),
    ("fold padded", |x| one(ops::fold(&x[0], [6, 7], &PADDED))),
    ("ctc_loss", |x| one(ops::ctc_loss(&x[0], &x[1], &x[2], &x[3], 0))),
    ("ctc_loss blank", |x| one(ops::ctc_loss(&x[0], &x[1], &x[2], &x[3], 4))),
    ("ctc_decode greedy", |x| two(ops::ctc_decode(&x[0], &x[1], CtcSearch::default(), 0))),
    ("ctc_decode unmerged", |x| two(ops::ctc_decode(&x[0], &x[1], CtcSearch::Greedy { merge_repeated: false }, 4))),
    ("ctc_decode beam", |x| beam(x, 20, 4, 0)),
    ("ctc_decode narrow", |x| beam(x, 3, 2, 4)),
    ("psnr", |x| one(ops::psnr(&x[0], &x[1], 2.))),
    ("cdist", |x| one(ops::cdist(&x[0], &x[1]))),
];

#[test]
fn values_are_those_of_keras() {
    table::check("control", 1e-5, TABLE);
}

#[test]
fn misuse_names_the_operation() {
    let x = Tensor::ones((0, 2), DType::F32, &Device::Cpu).unwrap();
    let error = ops::map(ops::square, &x).unwrap_err().to_string();
    assert!(error.contains("map: expected at least one element"), "{error}");
    let x = Tensor::ones((1, 2, 3), DType::F32, &Device::Cpu).unwrap();
    let long = Tensor::new(&[3u32], &Device::Cpu).unwrap();
    let error = ops::ctc_decode(&x, &long, CtcSearch::default(), 0)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("ctc_decode: expected 1 whole lengths of at most 2"),
        "{error}"
    );
}
