//! What holds for every case besides its gradient in f64.

use keras_ops::{DType, GradientTape, Result, Tensor, Var};

use super::case::{Case, Empty};
use super::each;

type Outcome = std::result::Result<(), String>;

/// The result and the gradient by each input, all as f64.
fn run(case: &Case, inputs: &[Tensor]) -> Result<(Tensor, Vec<Option<Tensor>>)> {
    let vars: Vec<Var> = inputs.iter().map(Var::from_tensor).collect::<Result<_>>()?;
    let tape = GradientTape::start();
    let given: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
    let y = (case.op)(&given)?;
    let mut grads = tape.gradients(&y)?;
    let grads = vars.iter().map(|v| grads.remove(v)).collect();
    Ok((y.detach(), grads))
}

fn flat(x: &Tensor) -> Result<Vec<f64>> {
    x.to_dtype(DType::F64)?.flatten_all()?.to_vec1()
}

/// Whether `got` is `want` within what f32 can tell, by the largest value around.
fn near(case: &Case, what: &str, got: &Tensor, want: &Tensor) -> Outcome {
    near_by(2e-5, case, what, got, want)
}

fn near_by(tolerance: f64, case: &Case, what: &str, got: &Tensor, want: &Tensor) -> Outcome {
    let flat = |x| flat(x).map_err(|e| e.to_string());
    let (got, want) = (flat(got)?, flat(want)?);
    let scale = want.iter().fold(1f64, |m, v| m.max(v.abs()));
    for (i, (g, w)) in got.iter().zip(&want).enumerate() {
        // NaN must fail too.
        let close = (g - w).abs() <= tolerance * scale;
        if !close {
            return Err(format!("{}: {what} at {i}: got {g:e}, expected {w:e}", case.name));
        }
    }
    Ok(())
}

#[test]
fn f32_agrees_with_f64() {
    each("f32 against f64", |case| {
        let run = |dtype| -> Result<_> {
            let single = case
                .inputs()?
                .iter()
                .map(|x| x.to_dtype(DType::F32))
                .collect::<Result<Vec<_>>>()?;
            let inputs = single
                .iter()
                .map(|x| x.to_dtype(dtype))
                .collect::<Result<Vec<_>>>()?;
            run(case, &inputs)
        };
        let failed = |e: keras_ops::Error| format!("{}: {e}", case.name);
        let (want, want_grads) = run(DType::F64).map_err(failed)?;
        let (got, got_grads) = run(DType::F32).map_err(failed)?;
        near(case, "value", &got, &want)?;
        for (i, pair) in got_grads.iter().zip(&want_grads).enumerate() {
            match pair {
                (Some(got), Some(want)) => near(case, &format!("gradient {i}"), got, want)?,
                (None, None) => (),
                _ => {
                    return Err(format!(
                        "{}: a gradient by input {i} for one dtype only",
                        case.name
                    ));
                }
            }
        }
        Ok(())
    });
}

#[test]
fn half_types_agree_with_f32() {
    each("half types against f32", |case| {
        let failed = |e: keras_ops::Error| format!("{}: {e}", case.name);
        for (half, tolerance) in [(DType::BF16, 4e-2), (DType::F16, 5e-3)] {
            let failed = |e: keras_ops::Error| format!("{} in {half:?}", failed(e));
            let cast = |x: &Tensor, dtype| x.to_dtype(half)?.to_dtype(dtype);
            let run = |dtype| -> Result<_> {
                let inputs = case.inputs()?;
                let inputs = inputs
                    .iter()
                    .map(|x| cast(x, dtype))
                    .collect::<Result<Vec<_>>>()?;
                Ok((inputs.clone(), run(case, &inputs)?))
            };
            let (_, (want, want_grads)) = run(DType::F32).map_err(failed)?;
            let (inputs, (got, got_grads)) = run(half).map_err(failed)?;
            if want.dtype() == DType::F32 && got.dtype() != half {
                return Err(format!(
                    "{}: the result of {half:?} is {:?}",
                    case.name,
                    got.dtype()
                ));
            }
            let near = |what: &str, got: &Tensor, want: &Tensor| near_by(tolerance, case, what, got, want);
            near("value", &got, &want)?;
            for (i, pair) in got_grads.iter().zip(&want_grads).enumerate() {
                match pair {
                    (Some(got), Some(_)) if got.dtype() != inputs[i].dtype() => {
                        return Err(format!(
                            "{}: gradient {i} of {half:?} is {:?}",
                            case.name,
                            got.dtype()
                        ));
                    }
                    (Some(got), Some(want)) => near(&format!("gradient {i}"), got, want)?,
                    (None, None) => (),
                    _ => {
                        return Err(format!(
                            "{}: a gradient by input {i} for one dtype only",
                            case.name
                        ));
                    }
                }
            }
        }
        Ok(())
    });
}

#[test]
fn an_empty_batch_works_or_says_why_not() {
    each("first axis of size 0", |case| {
        let failed = |e: keras_ops::Error| format!("{}: {e}", case.name);
        if case.empty == Empty::Fixed || case.inputs[0].0.is_empty() {
            return Ok(());
        }
        let inputs = case.empty_inputs().map_err(failed)?;
        match (run(case, &inputs), case.empty) {
            (Err(error), Empty::Works) => Err(failed(error)),
            (Ok(_), Empty::Fails) => Err(format!("{}: expected an error", case.name)),
            (Err(error), _) => names(case, &error.to_string()),
            (Ok((_, grads)), _) => {
                let shapes = inputs.iter().zip(&grads);
                let wrong = shapes.filter(|(x, g)| g.as_ref().is_some_and(|g| g.dims() != x.dims()));
                match wrong.count() {
                    0 => Ok(()),
                    n => Err(format!(
                        "{}: {n} gradients of another shape than the input",
                        case.name
                    )),
                }
            }
        }
    });
}

/// An error must say which operation failed.
fn names(case: &Case, message: &str) -> Outcome {
    let first = |name: &str| message.starts_with(&format!("{name}:"));
    if first(case.function()) || case.through.is_some_and(first) {
        return Ok(());
    }
    Err(format!("{}: the error does not name it: {message}", case.name))
}

#[test]
fn wrong_dtypes_and_ranks_are_errors_that_name_the_operation() {
    each("integers, one axis more, other sizes", |case| {
        let failed = |e: keras_ops::Error| format!("{}: {e}", case.name);
        let inputs = case.inputs().map_err(failed)?;
        type Change = fn(&Tensor) -> Result<Tensor>;
        let wrong: [(&str, Change); 3] = [
            ("u32", |x| x.abs()?.to_dtype(DType::U32)),
            ("one axis more", |x| x.unsqueeze(0)),
            ("one element more", |x| match x.rank() {
                0 => Ok(x.clone()),
                rank => x.pad_with_zeros(rank - 1, 0, 1),
            }),
        ];
        for (what, change) in wrong {
            for i in 0..inputs.len() {
                let mut inputs = inputs.clone();
                inputs[i] = change(&inputs[i]).map_err(failed)?;
                // Whether it works depends on the operation; that it never panics does not.
                if let Err(error) = (case.op)(&inputs) {
                    names(case, &error.to_string()).map_err(|e| format!("{e} (input {i}, {what})"))?;
                }
            }
        }
        Ok(())
    });
}
