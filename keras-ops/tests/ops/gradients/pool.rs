//! Pooling.

use keras_ops::{self as ops, Padding, PoolArgs, PoolOptions};

use super::case::{Case, Input, case};

const STEPS: Input = (&[2, 7, 3], -2., 2.3);
const IMAGE: Input = (&[2, 5, 4, 3], -2., 2.3);
const WIDE: Input = (&[1, 4, 5, 17], -2., 2.3);
const SOLID: Input = (&[2, 3, 4, 3, 2], -2., 2.3);

fn same<const N: usize>(pool: [usize; N], strides: [usize; N]) -> PoolOptions<N> {
    PoolOptions {
        strides,
        padding: Padding::Same,
        ..PoolOptions::new(pool)
    }
}

fn valid<const N: usize>(pool: [usize; N], strides: [usize; N]) -> PoolOptions<N> {
    PoolOptions {
        strides,
        ..PoolOptions::new(pool)
    }
}

fn first<const N: usize>(options: PoolOptions<N>) -> PoolOptions<N> {
    PoolOptions {
        channels_first: true,
        ..options
    }
}

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    case("max_pool1d", &[STEPS], |x| ops::max_pool1d(&x[0], &PoolOptions::new([3]))),
    case("max_pool1d overlapping", &[STEPS], |x| ops::max_pool1d(&x[0], &same([3], [2]))),
    case("max_pool2d tiles", &[(&[2, 4, 6, 2], -2., 2.3)], |x| ops::max_pool2d(&x[0], &PoolOptions::new([2, 3]))),
    case("max_pool2d rest", &[IMAGE], |x| ops::max_pool2d(&x[0], &PoolOptions::new([2, 2]))),
    case("max_pool2d overlapping", &[IMAGE], |x| ops::max_pool2d(&x[0], &valid([3, 2], [1, 2]))),
    case("max_pool2d same", &[IMAGE], |x| ops::max_pool2d(&x[0], &same([4, 3], [2, 2]))),
    case("max_pool2d gaps", &[IMAGE], |x| ops::max_pool2d(&x[0], &valid([1, 2], [3, 3]))),
    case("max_pool2d many channels", &[WIDE], |x| ops::max_pool2d(&x[0], &same([3, 3], [2, 2]))),
    case("max_pool2d large windows", &[WIDE], |x| ops::max_pool2d(&x[0], &same([4, 4], [1, 1]))),
    case("max_pool2d channels first", &[IMAGE], |x| ops::max_pool2d(&x[0], &first(PoolOptions::new([2, 2])))),
    case("max_pool2d padded", &[IMAGE], |x| ops::max_pool2d(&x[0], &PoolOptions {
        padding: Padding::explicit([(1, 0), (0, 2)]), ..valid([2, 3], [2, 1])
    })),
    case("max_pool3d", &[SOLID], |x| ops::max_pool3d(&x[0], &same([2, 2, 2], [1, 2, 1]))),
    case("max_pool 1-D", &[STEPS], |x| ops::max_pool(&x[0], &PoolArgs::new(2))),
    case("max_pool 3-D", &[SOLID], |x| ops::max_pool(&x[0], &PoolArgs { strides: Some(1.into()), ..PoolArgs::new([2, 1, 3]) })),
    case("average_pool1d", &[STEPS], |x| ops::average_pool1d(&x[0], &same([3], [2]))),
    case("average_pool2d tiles", &[IMAGE], |x| ops::average_pool2d(&x[0], &PoolOptions::new([5, 2]))),
    case("average_pool2d overlapping", &[IMAGE], |x| ops::average_pool2d(&x[0], &valid([3, 2], [1, 2]))),
    case("average_pool2d many channels", &[WIDE], |x| ops::average_pool2d(&x[0], &same([3, 3], [2, 2]))),
    case("average_pool2d channels first", &[IMAGE], |x| ops::average_pool2d(&x[0], &first(same([2, 2], [1, 1])))),
    case("average_pool3d", &[SOLID], |x| ops::average_pool3d(&x[0], &same([2, 2, 2], [1, 2, 1]))),
    case("average_pool 2-D", &[IMAGE], |x| ops::average_pool(&x[0], &PoolArgs { padding: Padding::Same, ..PoolArgs::new(2) })),
    case("average_pool 3-D", &[SOLID], |x| ops::average_pool(&x[0], &PoolArgs::new([2, 1, 3]))),
    case("adaptive_average_pool 1-D", &[STEPS], |x| ops::adaptive_average_pool(&x[0], 3, false)),
    case("adaptive_average_pool 2-D", &[IMAGE], |x| ops::adaptive_average_pool(&x[0], [3, 6], false)),
    case("adaptive_average_pool 3-D channels first", &[SOLID], |x| ops::adaptive_average_pool(&x[0], [2, 2, 1], true)),
    case("adaptive_max_pool 1-D", &[STEPS], |x| ops::adaptive_max_pool(&x[0], 3, false)),
    case("adaptive_max_pool 2-D", &[IMAGE], |x| ops::adaptive_max_pool(&x[0], [3, 6], true)),
    case("adaptive_max_pool 3-D", &[SOLID], |x| ops::adaptive_max_pool(&x[0], [2, 3, 1], false)),
    case("global_average_pool", &[IMAGE], |x| ops::global_average_pool(&x[0], false, false)),
    case("global_average_pool channels first", &[SOLID], |x| ops::global_average_pool(&x[0], true, true)),
    case("global_max_pool", &[IMAGE], |x| ops::global_max_pool(&x[0], true, false)),
    case("global_max_pool channels first", &[STEPS], |x| ops::global_max_pool(&x[0], false, true)),
];
