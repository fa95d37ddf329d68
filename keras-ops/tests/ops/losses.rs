//! Values of loss functions, and what is an error.

use keras_ops::losses::*;
use keras_ops::{Device, Result, Tensor};

/// `[3, 5]` values strictly between `low` and `high`, in no order.
fn spread(low: f64, high: f64, seed: usize) -> Result<Tensor> {
    let values = (0..15).map(|i| low + (high - low) * ((i * 7 + seed * 3) % 16 + 1) as f64 / 18.);
    Tensor::from_vec(values.collect(), (3, 5), &Device::Cpu)
}

/// Two frames spell "a" as `aa`, `a-` or `-a`.
#[test]
fn ctc_sums_over_alignments() -> Result<()> {
    let labels = Tensor::new(&[[1u32]], &Device::Cpu)?;
    let p: [[[f64; 2]; 2]; 1] = [[[0.4, 0.6], [0.7, 0.3]]];
    let logits = Tensor::new(&p, &Device::Cpu)?.log()?;
    let expected = -(0.6f64 * 0.3 + 0.6 * 0.7 + 0.4 * 0.3).ln();
    assert!((ctc(&labels, &logits)?.to_vec1::<f64>()?[0] - expected).abs() < 1e-12);
    Ok(())
}

#[test]
fn labels_that_are_no_class_are_named() -> Result<()> {
    let labels = Tensor::new(&[0u32, 7, 1], &Device::Cpu)?;
    let p = spread(0.1, 0.9, 1)?;
    let error = sparse_categorical_crossentropy(&labels, &p, false, None, -1)
        .unwrap_err()
        .to_string();
    assert!(error.contains("label 7 at position 1"), "{error}");
    assert!(sparse_categorical_crossentropy(&labels, &p, false, Some(7), -1).is_ok());
    Ok(())
}

#[test]
fn nothing_is_broadcast() -> Result<()> {
    let (column, row) = (
        Tensor::new(&[[1f32], [2.]], &Device::Cpu)?,
        Tensor::new(&[1f32, 2.], &Device::Cpu)?,
    );
    let error = mean_squared_error(&row, &column).unwrap_err().to_string();
    assert!(error.contains("[2]") && error.contains("[2, 1]"), "{error}");
    Ok(())
}
