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
