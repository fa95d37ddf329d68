//! Control flow, and operations with several parts.

use keras_ops as ops;
use ops::{BlockOptions, Result, Tensor, Vectorize};

use super::case::{CUBE, Case, Input, POSITIVE, ROW, UNIT, X, case, labels};

const IMAGES: Input = (&[2, 2, 4, 5], -1.4, 1.9);
const BLOCKS: Input = (&[2, 8, 6], -1.4, 1.9);
const LOGITS: Input = (&[2, 5, 4], -1.4, 1.9);

fn running_product(x: &Tensor, reverse: bool) -> Result<Tensor> {
    let init = ops::full_like(&ops::narrow(x, 0, 0, 1)?.detach().squeeze(0)?, 1.)?;
    let step = |carry: Tensor, x: &Tensor| {
        let next = ops::multiply(&carry, x)?;
        Ok((next.clone(), next))
    };
    let (last, all) = ops::scan(step, init, x, reverse)?;
    ops::concatenate(&[&ops::expand_dims(&last, 0)?, &all], 0)
}

fn dots() -> impl Fn(&[&Tensor]) -> Result<Tensor> {
    let signature = Some("(n),(n)->()".to_owned());
    let options = Vectorize {
        signature,
        ..Default::default()
    };
    ops::vectorize(|x| ops::dot(&x[0], &x[1]), options)
}

fn both((a, b): (Tensor, Tensor)) -> Result<Tensor> {
    ops::stack(&[&a, &b], 0)
}

fn blocks() -> BlockOptions {
    BlockOptions {
        stride: [2, 1],
        padding: [1, 0],
        dilation: [1, 2],
        ..BlockOptions::new([2, 2])
    }
}

fn loss(x: &Tensor, blank: usize) -> Result<Tensor> {
    let target = ops::reshape(&labels(&[1, 1, 2, 3, 0, 0])?, &[2, 3])?;
    ops::ctc_loss(&target, x, &labels(&[3, 1])?, &labels(&[5, 4])?, blank)
}

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    case("map", &[CUBE], |x| ops::map(|row| ops::sum(&ops::square(row)?, Some(&[-1]), false), &x[0])).fails_empty(),
    case("vectorized_map", &[X], |x| ops::vectorized_map(ops::square, &x[0])).fails_empty(),
    case("vectorize", &[CUBE, ROW], |x| ops::vectorize(|x| ops::multiply(&x[0], &x[1]), Vectorize::default())(&[&x[0], &x[1]])).fails_empty(),
    case("vectorize signature", &[CUBE, ROW], |x| dots()(&[&x[0], &x[1]])).fails_empty(),
    case("scan", &[X], |x| ops::host::within("scan", || running_product(&x[0], false))).fails_empty(),
    case("scan reverse", &[X], |x| ops::host::within("scan", || running_product(&x[0], true))).fails_empty(),
    case("associative_scan", &[(&[7, 2], 0.5, 1.6)], |x| ops::associative_scan(ops::multiply, &x[0], false, 0)),
    case("associative_scan reverse", &[(&[2, 6], 0.5, 1.6)], |x| ops::associative_scan(ops::multiply, &x[0], true, -1)),
    case("custom_gradient", &[X, POSITIVE], |x| {
        let product = |x: &[Tensor]| {
            let saved = x.to_vec();
            let y = ops::multiply(&x[0], &x[1])?;
            Ok((y, move |g: &Tensor| Ok(vec![ops::multiply(g, &saved[1])?, ops::multiply(g, &saved[0])?])))
        };
        ops::host::within("custom_gradient", || ops::custom_gradient(product, &[&x[0], &x[1]]))
    }),
    case("unfold", &[IMAGES], |x| ops::unfold(&x[0], &blocks())),
    case("fold", &[BLOCKS], |x| ops::fold(&x[0], [3, 5], &blocks())),
    case("ctc_loss", &[LOGITS], |x| loss(&x[0], 0)).fixed(),
    case("ctc_loss blank", &[LOGITS], |x| loss(&x[0], 3)).fixed(),
    case("view_as_complex", &[(&[3, 2], -1., 1.)], |x| both(ops::view_as_complex(&x[0])?)),
    case("view_as_real", &[X, POSITIVE], |x| ops::view_as_real(&x[0], &x[1])),
    case("polar", &[POSITIVE, X], |x| both(ops::polar(&x[0], &x[1])?)),
    case("psnr", &[X, UNIT], |x| ops::psnr(&x[0], &x[1], 2.)),
    case("cdist", &[(&[2, 3, 4], -1., 1.), (&[2, 5, 4], -1.3, 0.9)], |x| ops::cdist(&x[0], &x[1])),
];
