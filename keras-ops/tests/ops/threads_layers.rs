//! The same bits for any number of threads: operations of layers, which have several inputs.

use keras_ops::random::Seed;
use keras_ops::{self as ops, AttentionOptions, DType, Device, GradientTape, Result, Tensor, Var};

type Call = fn(&[Tensor]) -> Result<Tensor>;

fn attention(x: &[Tensor], options: AttentionOptions) -> Result<Tensor> {
    ops::dot_product_attention(&x[0], &x[1], &x[2], &options)
}

fn labels(rows: usize, classes: u32) -> Result<Tensor> {
    let labels: Vec<u32> = (0..rows as u32).map(|i| i * 7 % classes).collect();
    Tensor::from_vec(labels, rows, &Device::Cpu)
}

/// Name, shapes of the inputs, operation.
#[rustfmt::skip]
const TABLE: &[(&str, &[&[usize]], Call)] = &[
    ("softmax", &[&[300, 301]], |x| ops::softmax(&x[0], &[-1])),
    ("softmax short", &[&[20_000, 5]], |x| ops::softmax(&x[0], &[-1])),
    ("softmax middle", &[&[30, 41, 77]], |x| ops::softmax(&x[0], &[1])),
    ("log_softmax", &[&[300, 301]], |x| ops::log_softmax(&x[0], &[-1])),
    ("layer_normalization", &[&[700, 130], &[130], &[130]], |x| ops::layer_normalization(&x[0], Some(&x[1]), Some(&x[2]), &[-1], 1e-3)),
    ("rms_normalization", &[&[3, 70_000], &[70_000]], |x| ops::rms_normalization(&x[0], Some(&x[1]), &[-1], 1e-3)),
    ("batch_norm_training", &[&[40, 30, 31, 5], &[5], &[5]], |x| Ok(ops::batch_norm_training(&x[0], Some(&x[1]), Some(&x[2]), -1, 1e-3, None)?.output)),
    ("batch_norm_training first", &[&[9, 5, 50, 51], &[5], &[5]], |x| Ok(ops::batch_norm_training(&x[0], Some(&x[1]), Some(&x[2]), 1, 1e-3, None)?.output)),
    ("group_normalization", &[&[5, 30, 31, 24], &[24], &[24]], |x| ops::group_normalization(&x[0], Some(&x[1]), Some(&x[2]), 4, -1, 1e-3)),
    ("moments", &[&[3000, 50]], |x| { let (mean, variance) = ops::moments(&x[0], &[0], false)?; ops::add(&mean, &variance) }),
    ("categorical_crossentropy", &[&[300, 301], &[300, 301]], |x| ops::categorical_crossentropy(&x[0], &x[1], true, -1)),
    ("sparse_categorical_crossentropy", &[&[300, 301]], |x| ops::sparse_categorical_crossentropy(&labels(300, 301)?, &x[0], true, -1)),
    ("dot_product_attention", &[&[3, 150, 4, 8], &[3, 150, 2, 8], &[3, 150, 2, 8]], |x| attention(x, AttentionOptions { is_causal: true, dropout: 0.2, seed: Seed::new(1, 2), ..Default::default() })),
    ("dot_product_attention long", &[&[1, 700, 1, 8], &[1, 600, 1, 8], &[1, 600, 1, 8]], |x| attention(x, AttentionOptions::default())),
    ("dot_product_attention bias", &[&[3, 150, 4, 8], &[3, 150, 2, 8], &[3, 150, 2, 8], &[4, 150, 150]], |x| attention(x, AttentionOptions { bias: Some(x[3].clone()), ..Default::default() })),
];

/// The bits of the result and of each gradient.
fn bits(shapes: &[&[usize]], call: Call) -> Result<Vec<Vec<u32>>> {
    let make = |(salt, shape): (usize, &&[usize])| {
        let count: usize = shape.iter().product();
        let at = |i: usize| ((i * 7919 + salt * 104_729) % 100_003) as f32 / 25_000. - 2.;
        Var::from_vec((0..count).map(at).collect(), *shape, &Device::Cpu)
    };
    let vars: Vec<Var> = shapes.iter().enumerate().map(make).collect::<Result<_>>()?;
    let inputs: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
    let tape = GradientTape::start();
    let y = call(&inputs)?;
    let weights = y.detach().affine(0.5, 0.3)?;
    let mut grads = tape.gradients_with(&[(&y, weights)])?;
    let grads = vars.iter().filter_map(|v| grads.remove(v));
    std::iter::once(y.detach())
        .chain(grads)
        .map(|x| {
            let values: Vec<f32> = x.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
            Ok(values.into_iter().map(f32::to_bits).collect())
        })
        .collect()
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for (name, shapes, call) in TABLE {
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| bits(shapes, *call)).unwrap()
        };
        let one = run(1);
        assert_eq!(one.len(), shapes.len() + 1, "{name}: a gradient by every input");
        for threads in [2, 3] {
            let same = run(threads) == one;
            assert!(same, "{name}: {threads} threads give other bits than one");
        }
    }
}
