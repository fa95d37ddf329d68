//! Half types and double precision: what is rounded, what is not, and what does not fit.

use keras_core::{Loss, Reduction, Result, loss_fn};
use keras_losses::*;
use keras_ops::{self as ops, DType, Device, Tensor};

use super::values::{matrix, near, vector};

fn half(dtype: DType) -> MeanSquaredError {
    MeanSquaredError {
        dtype: Some(dtype),
        ..Default::default()
    }
}

#[test]
fn what_fits_the_result_may_be_beyond_a_half_type_between() -> Result<()> {
    // Squares of 300 are beyond float16; their mean with 0 and 0 is not.
    let (y, p) = (matrix(&[[0.], [0.], [0.]]), matrix(&[[300.], [0.], [0.]]));
    let loss: &dyn Loss = &half(DType::F16);
    let value = loss.apply(&y, &p, None, None)?;
    assert_eq!(value.dtype(), DType::F16);
    near(&value.to_dtype(DType::F32)?, 30000.);
    Ok(())
}

#[test]
fn a_number_beyond_a_half_type_is_an_error_not_infinity() {
    let (zero, p) = (matrix(&[[0.], [0.]]), matrix(&[[300.], [300.]]));
    let loss: &dyn Loss = &half(DType::F16);
    let error = |y: &Tensor, p: &Tensor| loss.apply(y, p, None, None).unwrap_err().to_string();
    let text = error(&zero, &p);
    assert!(
        text.contains("the loss: 90000 is too large for float16") && text.contains("float32"),
        "{text}"
    );
    let large = matrix(&[[0.], [70000.]]);
    assert!(
        error(&zero, &large).contains("y_pred: 70000"),
        "{}",
        error(&zero, &large)
    );
    assert!(error(&large, &zero).contains("y_true: 70000"));
    let loss: &dyn Loss = &half(DType::BF16);
    assert!(loss.apply(&zero, &large, None, None).is_ok());
}

#[test]
fn infinite_predictions_stay_infinite() -> Result<()> {
    let (y, p) = (matrix(&[[0.]]), matrix(&[[f32::INFINITY]]));
    for dtype in [DType::F16, DType::F32] {
        let loss: &dyn Loss = &half(dtype);
        let value = loss.apply(&y, &p, None, None)?.to_dtype(DType::F32)?;
        assert_eq!(value.to_scalar::<f32>()?, f32::INFINITY);
    }
    Ok(())
}

#[test]
fn double_precision_is_kept_through_masks_and_weights() -> Result<()> {
    let y = Tensor::zeros((3, 1), DType::F64, &Device::Cpu)?;
    let p = Tensor::new(&[[1f64], [2.], [1e9]], &Device::Cpu)?;
    let mask = Tensor::new(&[1u8, 1, 0], &Device::Cpu)?;
    let weights = Tensor::new(&[1. + 1e-12, 1., 1.], &Device::Cpu)?;
    let loss: &dyn Loss = &MeanAbsoluteError::default();
    let value = loss
        .apply(&y, &p, Some(&weights), Some(&mask))?
        .to_scalar::<f64>()?;
    assert!((value - (1.5 + 0.5e-12)).abs() < 1e-15, "{value:e}");
    Ok(())
}

#[test]
fn a_target_next_to_1_is_not_taken_for_1() -> Result<()> {
    let y = Tensor::new(&[0., 1. + 1e-12], &Device::Cpu)?;
    let p = Tensor::new(&[0.5f64, 0.5], &Device::Cpu)?;
    // As -1 and 1 it would be (1.5 + 0.5) / 2.
    assert!((hinge(&y, &p)?.to_scalar::<f64>()? - 0.75).abs() < 1e-9);
    Ok(())
}

#[test]
fn gradients_of_half_predictions_are_in_their_dtype() -> Result<()> {
    let p = ops::Var::from_tensor(&vector(&[1., 3.]).to_dtype(DType::F16)?)?;
    let tape = ops::GradientTape::start();
    let loss: &dyn Loss = &half(DType::F16);
    let value = loss.apply(&vector(&[0., 0.]), p.as_tensor(), None, None)?;
    let mut gradients = tape.gradients(&value)?;
    let gradient = gradients.remove(&p).unwrap();
    assert_eq!(gradient.dtype(), DType::F16);
    assert_eq!(gradient.to_dtype(DType::F32)?.to_vec1::<f32>()?, [1., 3.]);
    Ok(())
}

#[test]
fn a_closure_has_reduction_and_dtype_too() -> Result<()> {
    let loss = loss_fn("absolute", |y: &Tensor, p: &Tensor| {
        ops::abs(&ops::subtract(p, y)?)
    });
    let loss: &dyn Loss = &loss.reduction(Reduction::Sum).dtype(DType::F64);
    let value = loss.apply(&vector(&[0., 0.]), &vector(&[1., -2.]), None, None)?;
    assert_eq!(value.to_scalar::<f64>()?, 3.);
    Ok(())
}
