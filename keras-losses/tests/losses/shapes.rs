//! Shapes and weights drawn at random.

use keras_core::weighting::reduce_weighted_values;
use keras_core::{Loss, Reduction};
use keras_losses::*;
use keras_ops::{Device, Tensor};
use proptest::prelude::*;

use super::laws::tensor;

fn number(x: &Tensor) -> f32 {
    x.to_scalar().unwrap()
}

fn mse(reduction: Reduction) -> MeanSquaredError {
    MeanSquaredError {
        reduction,
        ..Default::default()
    }
}

fn apply(loss: &dyn Loss, y: &Tensor, p: &Tensor, w: Option<&Tensor>) -> Tensor {
    loss.apply(y, p, w, None).unwrap()
}

fn shapes() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(1usize..5, 1..4)
}

const REDUCTIONS: [Reduction; 4] = [
    Reduction::Sum,
    Reduction::SumOverBatchSize,
    Reduction::Mean,
    Reduction::MeanWithSampleWeight,
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    /// The values of a loss have the shape of the predictions without the last axis; the reductions are their sum and
    /// mean.
    #[test]
    fn reductions_agree_with_the_values(shape in shapes(), seed in 0usize..1000) {
        let y = tensor(|i| ((i * 7 + seed) % 11) as f32 / 5., &shape);
        let p = tensor(|i| ((i * 5 + 3 * seed) % 13) as f32 / 6., &shape);
        let values = apply(&mse(Reduction::None), &y, &p, None);
        prop_assert_eq!(values.dims(), &shape[..shape.len() - 1]);
        let total: f32 = values.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().sum();
        let count = values.elem_count() as f32;
        prop_assert!((number(&apply(&mse(Reduction::Sum), &y, &p, None)) - total).abs() < 1e-4);
        for reduction in [Reduction::Mean, Reduction::SumOverBatchSize, Reduction::MeanWithSampleWeight] {
            prop_assert!((number(&apply(&mse(reduction), &y, &p, None)) - total / count).abs() < 1e-4);
        }
    }

    /// Weights of every rank from `[batch]` to that of the values are the same as weights repeated to their shape.
    #[test]
    fn weights_of_lower_rank_are_repeated(shape in proptest::collection::vec(1usize..5, 1..4), seed in 0usize..1000) {
        let values = tensor(|i| ((i * 7 + seed) % 11) as f32 / 5., &shape);
        for rank in 1..=shape.len() {
            // Keras takes away a last axis of 1 where the ranks differ by one; then fewer axes are repeated.
            let given = &shape[..rank];
            let weight = |i: usize| 0.25 + ((i * 3 + seed) % 7) as f32;
            let weights = tensor(weight, given);
            let inner: usize = shape[rank..].iter().product();
            let whole = tensor(|i| weight(i / inner), &shape);
            for reduction in REDUCTIONS {
                let reduce = |w: &Tensor| number(&reduce_weighted_values(&values, Some(w), None, reduction).unwrap());
                let (found, expected) = (reduce(&weights), reduce(&whole));
                prop_assert!((found - expected).abs() < 1e-3, "{:?} {:?} {:?}: {} {}", shape, given, reduction, found, expected);
            }
        }
    }

    /// Weights of 1 are no weights, whatever their rank.
    #[test]
    fn weights_of_one_change_nothing(shape in shapes(), rank in 1usize..4) {
        let values = tensor(|i| (i % 5) as f32, &shape);
        let given = &shape[..rank.min(shape.len())];
        let ones = tensor(|_| 1., given);
        for reduction in REDUCTIONS {
            let plain = reduce_weighted_values(&values, None, None, reduction).unwrap();
            let weighted = reduce_weighted_values(&values, Some(&ones), None, reduction).unwrap();
            prop_assert!((number(&plain) - number(&weighted)).abs() < 1e-4);
        }
    }

    /// A masked sample is as one that is not there.
    #[test]
    fn masked_samples_are_not_there(kept in proptest::collection::vec(any::<bool>(), 1..9), weighted in any::<bool>()) {
        let n = kept.len();
        let values = tensor(|i| 1. + i as f32, &[n]);
        let mask = Tensor::from_vec(kept.iter().map(|k| u8::from(*k)).collect::<Vec<_>>(), n, &Device::Cpu).unwrap();
        let weights = weighted.then(|| tensor(|i| 0.5 + i as f32, &[n]));
        let (mut left, mut w) = (Vec::new(), Vec::new());
        for (i, _) in kept.iter().enumerate().filter(|(_, k)| **k) {
            left.push(1. + i as f32);
            w.push(0.5 + i as f32);
        }
        let count = left.len();
        let left = Tensor::from_vec(left, count, &Device::Cpu).unwrap();
        let w = weighted.then(|| Tensor::from_vec(w, count, &Device::Cpu).unwrap());
        for reduction in REDUCTIONS {
            let found = number(&reduce_weighted_values(&values, weights.as_ref(), Some(&mask), reduction).unwrap());
            let expected = match count {
                0 => 0.,
                _ => number(&reduce_weighted_values(&left, w.as_ref(), None, reduction).unwrap()),
            };
            prop_assert!((found - expected).abs() < 1e-3, "{:?}: {} {}", reduction, found, expected);
        }
    }

    /// Shapes that differ by more than a last axis of 1 are an error, never broadcast.
    #[test]
    fn nothing_is_broadcast(a in shapes(), b in shapes()) {
        let (y, p) = (tensor(|_| 1., &a), tensor(|_| 2., &b));
        let adjusted = |long: &[usize], short: &[usize]| {
            long.len() == short.len() + 1 && long[short.len()] == 1 && &long[..short.len()] == short
        };
        let fits = a == b || adjusted(&a, &b) || adjusted(&b, &a);
        let loss: &dyn Loss = &mse(Reduction::Sum);
        prop_assert_eq!(loss.apply(&y, &p, None, None).is_ok(), fits, "{:?} {:?}", a, b);
    }
}
