//! Attention.

use keras_ops::random::Seed;
use keras_ops::{self as ops, AttentionOptions, Device, Result, Tensor};

use super::case::{Case, Input, case};

const QUERY: Input = (&[2, 3, 4, 5], -1.2, 1.3);
const KEY: Input = (&[2, 4, 2, 5], -1.1, 1.4);
const VALUE: Input = (&[2, 4, 2, 3], -2., 1.7);

fn attend(x: &[Tensor], change: impl FnOnce(&mut AttentionOptions)) -> Result<Tensor> {
    let mut options = AttentionOptions {
        bias: x.get(3).cloned(),
        ..Default::default()
    };
    change(&mut options);
    ops::dot_product_attention(&x[0], &x[1], &x[2], &options)
}

/// Sees some keys, none for the second query.
fn mask() -> Option<Tensor> {
    Tensor::new(&[[1u8, 0, 1, 1], [0, 0, 0, 0], [0, 1, 0, 0]], &Device::Cpu).ok()
}

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    case("dot_product_attention", &[QUERY, KEY, VALUE], |x| attend(x, |_| ())),
    case("dot_product_attention causal", &[QUERY, KEY, VALUE], |x| attend(x, |o| o.is_causal = true)),
    case("dot_product_attention scale", &[QUERY, KEY, VALUE], |x| attend(x, |o| o.scale = Some(-0.3))),
    case("dot_product_attention mask", &[QUERY, KEY, VALUE], |x| attend(x, |o| o.mask = mask())).fixed(),
    case("dot_product_attention dropout", &[QUERY, KEY, VALUE], |x| attend(x, |o| (o.dropout, o.seed) = (0.4, Seed::new(5, 0)))),
    case("dot_product_attention dropout and mask", &[QUERY, KEY, VALUE], |x| attend(x, |o| (o.dropout, o.mask) = (0.4, mask()))).fixed(),
    case("dot_product_attention bias", &[QUERY, KEY, VALUE, (&[2, 4, 3, 4], -1., 1.)], |x| attend(x, |_| ())),
    case("dot_product_attention bias of heads", &[QUERY, KEY, VALUE, (&[4, 3, 4], -1., 1.)], |x| attend(x, |o| o.dropout = 0.3)),
    case("dot_product_attention bias of all", &[QUERY, KEY, VALUE, (&[3, 1], -1., 1.)], |x| attend(x, |o| o.is_causal = true)),
    case("dot_product_attention bias of keys", &[QUERY, KEY, VALUE, (&[2, 1, 1, 4], -1., 1.)], |x| attend(x, |o| o.mask = mask())).fixed(),
];
