//! What a tape holds on to, and how deep it may be.

use keras_ops::{self as ops, DType, Device, GradientTape, Result, Tensor, Var};

const DEEP: usize = 100_000;

/// Runs `f` on a stack far too small for one frame a recorded operation.
fn on_small_stack(f: impl FnOnce() -> Result<()> + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(256 << 10).spawn(f);
    thread.unwrap().join().unwrap().unwrap();
}

fn chain(x: &Tensor) -> Result<Tensor> {
    (0..DEEP).try_fold(x.clone(), |y, _| ops::add_scalar(&y, 1e-5))
}

#[test]
fn deep_graphs_need_no_stack() {
    on_small_stack(|| {
        let x = Var::new(&[1f64, 2.], &Device::Cpu)?;
        let tape = GradientTape::start();
        let y = chain(x.as_tensor())?;
        let grad = tape.gradients(&y)?.remove(&x).unwrap();
        assert_eq!(grad.to_vec1::<f64>()?, [1., 1.]);
        Ok(())
    });
}

#[test]
fn a_deep_tape_is_dropped_without_a_stack() {
    on_small_stack(|| {
        let x = Var::new(&[1f64], &Device::Cpu)?;
        let tape = GradientTape::start();
        let y = chain(x.as_tensor())?;
        drop(tape);
        drop(y);
        Ok(())
    });
}

/// candle's own gradients keep the whole forward pass alive.
#[test]
fn gradients_carry_no_history() -> Result<()> {
    let x = Var::ones((4, 4), DType::F32, &Device::Cpu)?;
    let tape = GradientTape::start();
    let y = ops::exp(&ops::multiply(x.as_tensor(), x.as_tensor())?)?;
    let grads = tape.gradients(&y)?;
    let grad = grads.get(&x).unwrap();
    assert!(!grad.track_op());
    Ok(())
}

#[test]
fn one_result_used_twice_gets_both_gradients() -> Result<()> {
    let x = Var::new(&[3f64], &Device::Cpu)?;
    let tape = GradientTape::start();
    let y = ops::square(x.as_tensor())?;
    let z = ops::add(&ops::multiply(&y, &y)?, &y)?;
    let grad = tape.gradients(&z)?.remove(&x).unwrap();
    assert_eq!(grad.to_vec1::<f64>()?, [4. * 27. + 6.]);
    Ok(())
}

/// A backward pass begins with a gradient that is 1 everywhere, which operations take as one number; a tensor full of
/// ones must give the same.
#[test]
fn a_gradient_that_is_one_number_gives_what_a_tensor_of_it_gives() -> Result<()> {
    type Op = fn(&Tensor, &Tensor) -> Result<Tensor>;
    let ops: [(&str, Op); 9] = [
        ("add", |a, b| ops::add(a, b)),
        ("subtract", |a, b| ops::subtract(a, b)),
        ("multiply", |a, b| ops::multiply(a, b)),
        ("divide", |a, b| ops::divide(a, b)),
        ("maximum", |a, b| ops::maximum(a, b)),
        ("power", |a, b| ops::power(a, b)),
        ("after a sum", |a, b| {
            ops::mean(&ops::exp(&ops::multiply(a, b)?)?, None, false)
        }),
        ("used twice", |a, b| {
            ops::add(&ops::exp(a)?, &ops::multiply(a, b)?)
        }),
        ("candle's", |a, b| ops::exp(&a.broadcast_mul(b)?)?.sqr()),
    ];
    let shapes: [[&[usize]; 2]; 8] = [
        [&[3, 5], &[3, 5]],
        [&[3, 5], &[5]],
        [&[5], &[3, 5]],
        [&[3, 5], &[3, 1]],
        [&[3, 1], &[1, 5]],
        [&[3, 5], &[]],
        [&[2, 3, 5], &[3, 1]],
        [&[1], &[1]],
    ];
    for dtype in [DType::F32, DType::F64, DType::BF16] {
        for (name, op) in ops {
            for [a, b] in shapes {
                let filled = |shape: &[usize], from: f64| -> Result<Var> {
                    let count = shape.iter().product::<usize>();
                    let values = (0..count).map(|i| from + 0.1 * (i * 7 % 11) as f64);
                    let values = Tensor::from_vec(values.collect::<Vec<_>>(), shape, &Device::Cpu)?;
                    Var::from_tensor(&values.to_dtype(dtype)?)
                };
                let (a, b) = (filled(a, 0.3)?, filled(b, 0.5)?);
                let run = |ones: bool| {
                    let tape = GradientTape::start();
                    let y = op(a.as_tensor(), b.as_tensor())?;
                    let grads = if ones {
                        tape.gradients_with(&[(&y, y.ones_like()?)])?
                    } else {
                        tape.gradients(&y)?
                    };
                    let read = |v: &Var| {
                        let grad = grads.get(v).unwrap();
                        assert!(grad.is_contiguous() && grad.dims() == v.dims(), "{name}");
                        grad.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()
                    };
                    Ok::<_, ops::Error>([read(&a)?, read(&b)?].concat())
                };
                let error = match dtype {
                    DType::F64 => 1e-13,
                    DType::F32 => 1e-6,
                    _ => 1e-2,
                };
                for (one, full) in run(false)?.iter().zip(run(true)?) {
                    assert!(
                        (one - full).abs() <= error * full.abs().max(1.),
                        "{name} {dtype:?} {:?} {:?}: {one} and {full}",
                        a.dims(),
                        b.dims()
                    );
                }
            }
        }
    }
    Ok(())
}
