//! Looking rows up, random numbers, losses by class number.

use std::sync::OnceLock;

use keras::ops::random::{normal, uniform};
use keras::ops::{self, Result, Seed};
use keras::{DType, Device, Tensor};

use super::{Row, row};

/// Reproducible numbers below `limit`, made once: the peers' lie ready as well.
fn ids(known: &OnceLock<Tensor>, shape: &[usize], limit: u32) -> Result<Tensor> {
    if let Some(ids) = known.get() {
        return Ok(ids.clone());
    }
    let count = shape.iter().product::<usize>() as u32;
    let ids: Vec<u32> = (0..count)
        .map(|i| i.wrapping_mul(2_654_435_761) % limit)
        .collect();
    let ids = Tensor::from_vec(ids, shape, &Device::Cpu)?;
    Ok(known.get_or_init(|| ids).clone())
}

static WORDS: OnceLock<Tensor> = OnceLock::new();
static CLASSES: OnceLock<Tensor> = OnceLock::new();

const ONE: &[&[usize]] = &[&[1]];

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("embedding 20000x128 of 32x200", &[&[20000, 128]], |x| ops::embedding(&x[0], &ids(&WORDS, &[32, 200], 20000)?))
        .candle(|x| x[0].index_select(&ids(&WORDS, &[32, 200], 20000)?.flatten_all()?, 0)),
    row("sparse_categorical_crossentropy logits 2048x8000", &[&[2048, 8000]], |x| {
        ops::sparse_categorical_crossentropy(&ids(&CLASSES, &[2048], 8000)?, &x[0], true, -1)
    }),
    row("top_k 10 1024x1000", &[&[1024, 1000]], |x| Ok(ops::top_k(&x[0], 10)?.0)).forward_only(),
    row("sort 1M", &[&[1 << 20]], |x| ops::sort(&x[0], -1)).candle(|x| Ok(x[0].sort_last_dim(true)?.0)).forward_only(),
    row("cumsum last 1M", &[&[1000, 1000]], |x| ops::cumsum(&x[0], Some(-1))).candle(|x| x[0].cumsum(1)),
    row("cumsum first 1M", &[&[1000, 1000]], |x| ops::cumsum(&x[0], Some(0))),
    row("transpose copy 1M", &[&[1000, 1000]], |x| ops::copy(&x[0].t()?)).candle(|x| x[0].t()?.contiguous()).forward_only(),
    row("rfft 1024x1024", &[&[1024, 1024]], |x| Ok(ops::rfft(&x[0], None)?.0)).forward_only(),
    row("resize bilinear 8x224x224x3 to 448", &[&[8, 224, 224, 3]], |x| {
        ops::image::resize(&x[0], [448, 448], &ops::image::ResizeOptions::default())
    }),
    row("normal 1M", ONE, |_| normal(1 << 20, 0., 1., DType::F32, &Device::Cpu, Seed::new(1, 0)))
        .candle(|_| Tensor::randn(0f32, 1., 1 << 20, &Device::Cpu)).forward_only(),
    row("uniform 1M", ONE, |_| uniform(1 << 20, 0., 1., DType::F32, &Device::Cpu, Seed::new(1, 0))).forward_only(),
];
