use keras_ops::{self as ops, DType, Device, Result, Tensor};

fn message(result: Result<Tensor>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn impossible_requests_are_named() -> Result<()> {
    let x = Tensor::zeros((2, 3), DType::F32, &Device::Cpu)?;
    assert!(message(ops::reshape(&x, &[4, -1])).contains("(6 elements) cannot have shape [4, -1]"));
    assert!(message(ops::transpose(&x, &[0, 0])).contains("not an order"));
    assert!(message(ops::squeeze(&x, Some(&[1]))).contains("size 3, expected 1"));
    assert!(message(ops::broadcast_to(&x, &[2, 2])).contains("does not broadcast"));
    assert!(message(ops::narrow(&x, 1, 2, 2)).contains("beyond axis 1"));
    assert!(message(ops::concatenate(&[&x, &ops::transpose(&x, &[1, 0])?], 0)).contains("alike except"));
    assert!(message(ops::gather_rows(&x, &[2])).contains("row 2 is out of range for 2 rows"));
    let ids = Tensor::new(&[0i64, -4], &Device::Cpu)?;
    assert!(message(ops::take(&x, &ids, 1)).contains("index -4 at position 1"));
    Ok(())
}

#[test]
fn every_dtype_is_gathered_and_joined() -> Result<()> {
    use DType::*;
    for dtype in [U8, U32, I64, I32, F16, BF16, F32, F64] {
        let x = ops::arange(0., 6., 1., dtype, &Device::Cpu)?.reshape((3, 2))?;
        let rows = ops::gather_rows(&x, &[2, 0])?;
        assert_eq!(rows.dtype(), dtype);
        assert_eq!(rows.to_dtype(F64)?.to_vec2::<f64>()?, [[4., 5.], [0., 1.]]);
        let joined = ops::concatenate(&[&rows, &rows], 1)?.to_dtype(F64)?;
        assert_eq!(joined.to_vec2::<f64>()?, [[4., 5., 4., 5.], [0., 1., 0., 1.]]);
    }
    Ok(())
}

#[test]
fn padding_keeps_every_place() -> Result<()> {
    let x = ops::arange(1., 9., 1., DType::U32, &Device::Cpu)?.reshape((2, 2, 2))?;
    let y = ops::pad(&x, &[(1, 0), (0, 1), (1, 1)], 0.)?;
    assert_eq!(y.dims(), [3, 3, 4]);
    let back = ops::slice(&y, &[1, 0, 1], &[2, 2, 2])?;
    assert_eq!(back.flatten_all()?.to_vec1::<u32>()?, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(y.flatten_all()?.to_vec1::<u32>()?.iter().sum::<u32>(), 36);
    Ok(())
}

#[test]
fn positions_take_the_first_of_equals_and_nan() -> Result<()> {
    let x = Tensor::new(&[[1f32, 7., 7.], [f32::NAN, 9., f32::NAN]], &Device::Cpu)?;
    assert_eq!(ops::argmax(&x, Some(1), false)?.to_vec1::<u32>()?, [1, 0]);
    assert_eq!(ops::argmin(&x, Some(1), true)?.to_vec2::<u32>()?, [[0], [0]]);
    assert_eq!(ops::argmax(&x, None, false)?.to_scalar::<u32>()?, 3);
    assert_eq!(ops::any(&x, None, false)?.to_scalar::<u8>()?, 1);
    assert_eq!(
        ops::all(&Tensor::new(&[[1i64, 0]], &Device::Cpu)?, Some(&[0]), false)?.to_vec1::<u8>()?,
        [1, 0]
    );
    Ok(())
}

/// The first of equals, and NaN before all, whatever part of a register a row fills.
#[test]
fn positions_in_rows_of_every_length() -> ops::Result<()> {
    let mut checked = 0;
    for len in 1..=70usize {
        for rows in [1, 3, 67] {
            // Few values, so that there are ties; a NaN here and there.
            let value = |i: usize| match i * 7919 % 211 {
                5 => f32::NAN,
                6 => f32::NEG_INFINITY,
                n => (n % 13) as f32 - 6.,
            };
            let values: Vec<f32> = (0..rows * len).map(value).collect();
            let expected = |smaller: bool| -> Vec<u32> {
                let of_row = |row: &[f32]| {
                    row.iter().position(|v| v.is_nan()).unwrap_or_else(|| {
                        let better = |a: f32, b: f32| if smaller { a < b } else { a > b };
                        (0..len).fold(0, |best, i| if better(row[i], row[best]) { i } else { best })
                    }) as u32
                };
                values.chunks(len).map(of_row).collect()
            };
            let x = Tensor::from_vec(values.clone(), (rows, len), &Device::Cpu)?;
            for x in [x.clone(), x.to_dtype(DType::F64)?] {
                assert_eq!(
                    ops::argmax(&x, Some(-1), false)?.to_vec1::<u32>()?,
                    expected(false)
                );
                assert_eq!(
                    ops::argmin(&x, Some(-1), false)?.to_vec1::<u32>()?,
                    expected(true)
                );
                checked += 2;
            }
        }
    }
    assert_eq!(checked, 70 * 3 * 4);
    Ok(())
}
