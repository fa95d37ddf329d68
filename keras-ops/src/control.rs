//! Control flow as functions that take closures: Keras's `cond`, `scan`, `while_loop` and their relatives.
//!
//! They run their closures as they come, on the tape that is recording, so gradients flow through every step.

use candle_core::{DType, Device, NdArray, Result, Tensor, WithDType};

use crate::{axes, host};

/// A tensor from numbers, arrays or vectors (nested up to four deep), in their dtype or in `dtype`.
///
/// ```
/// use keras_ops::{self as ops, DType};
/// let x = ops::convert_to_tensor(vec![vec![1f64, 2.], vec![3., 4.]], Some(DType::F32))?;
/// assert_eq!(x.to_vec2::<f32>()?, [[1., 2.], [3., 4.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn convert_to_tensor<A: NdArray>(x: A, dtype: Option<DType>) -> Result<Tensor> {
    let x = Tensor::new(x, &Device::Cpu)?;
    dtype.map_or(Ok(x.clone()), |dtype| crate::cast(&x, dtype))
}

pub use self::convert_to_tensor as array;

/// The elements of a tensor in row-major order, converted to `T`, and its shape.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[1u32, 2], [3, 4]], &Device::Cpu)?;
/// assert_eq!(ops::convert_to_numpy::<f64>(&x)?, (vec![1., 2., 3., 4.], vec![2, 2]));
/// # Ok::<(), ops::Error>(())
/// ```
pub fn convert_to_numpy<T: WithDType>(x: &Tensor) -> Result<(Vec<T>, Vec<usize>)> {
    Ok((host::read(x, |x: &[T]| Ok(x.to_vec()))?, x.dims().to_vec()))
}

/// The one number of a tensor.
fn scalar(op: &str, x: &Tensor) -> Result<f64> {
    if x.elem_count() != 1 {
        candle_core::bail!("{op}: expected one number, got shape {:?}", x.dims());
    }
    host::read(x, |x: &[f64]| Ok(x[0]))
}

/// `true_fn()` when the one element of `pred` is not 0, else `false_fn()`.
///
/// # Errors
/// When `pred` does not have one element; those of the function that runs.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(3f32, &Device::Cpu)?;
/// let y = ops::cond(&ops::greater(&x, &x.zeros_like()?)?, || ops::sqrt(&x), || Ok(x.clone()))?;
/// assert_eq!(y.to_scalar::<f32>()?, 3f32.sqrt());
/// # Ok::<(), ops::Error>(())
/// ```
pub fn cond<R>(
    pred: &Tensor,
    true_fn: impl FnOnce() -> Result<R>,
    false_fn: impl FnOnce() -> Result<R>,
) -> Result<R> {
    if scalar("cond", pred)? != 0. {
        true_fn()
    } else {
        false_fn()
    }
}

/// The result of the branch numbered by the one element of `index`; numbers out of range mean the first or last.
///
/// # Errors
/// When `index` does not have one element or there are no branches; those of the branch.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[1f32, 4.], &Device::Cpu)?;
/// let index = Tensor::new(1u32, &Device::Cpu)?;
/// let y = ops::switch(&index, &[&|| ops::square(&x), &|| ops::sqrt(&x)])?;
/// assert_eq!(y.to_vec1::<f32>()?, [1., 2.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn switch<R>(index: &Tensor, branches: &[&dyn Fn() -> Result<R>]) -> Result<R> {
    let Some(last) = branches.len().checked_sub(1) else {
        candle_core::bail!("switch: expected at least one branch");
    };
    let at = scalar("switch", index)?.clamp(0., last as f64) as usize;
    branches[at]()
}

/// `state` after `body(i, state)` for `i` in `lower..upper`.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(1f32, &Device::Cpu)?;
/// let y = ops::fori_loop(0, 3, |i, x| ops::add_scalar(&x, i as f64), x)?;
/// assert_eq!(y.to_scalar::<f32>()?, 4.);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn fori_loop<S>(
    lower: i64,
    upper: i64,
    mut body: impl FnMut(i64, S) -> Result<S>,
    state: S,
) -> Result<S> {
    (lower..upper).try_fold(state, |state, i| body(i, state))
}

/// `state` after `body(state)` as long as `cond(state)`, at most `maximum_iterations` times.
///
/// ```
/// use keras_ops as ops;
/// let (n, sum) = ops::while_loop(|(n, _)| Ok(*n > 0), |(n, sum)| Ok((n - 1, sum + n)), (4, 0), None)?;
/// assert_eq!((n, sum), (0, 10));
/// # Ok::<(), ops::Error>(())
/// ```
pub fn while_loop<S>(
    mut cond: impl FnMut(&S) -> Result<bool>,
    mut body: impl FnMut(S) -> Result<S>,
    mut state: S,
    maximum_iterations: Option<usize>,
) -> Result<S> {
    let mut left = maximum_iterations.unwrap_or(usize::MAX);
    while left > 0 && cond(&state)? {
        state = body(state)?;
        left -= 1;
    }
    Ok(state)
}

/// The elements along the first axis.
fn elements(op: &str, xs: &Tensor) -> Result<Vec<Tensor>> {
    match xs.dims() {
        [] | [0, ..] => candle_core::bail!(
            "{op}: expected at least one element along a first axis, got shape {:?}",
            xs.dims()
        ),
        [n, ..] => (0..*n)
            .map(|i| crate::squeeze(&crate::narrow(xs, 0, i, 1)?, Some(&[0])))
            .collect(),
    }
}

fn stacked(ys: &[Tensor]) -> Result<Tensor> {
    crate::stack(&ys.iter().collect::<Vec<_>>(), 0)
}

/// `f` of each element along the first axis, stacked.
///
/// # Errors
/// When there is no element, or the results differ in shape or dtype; those of `f`.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?;
/// let y = ops::map(|row| ops::sum(row, None, false), &x)?;
/// assert_eq!(y.to_vec1::<f32>()?, [3., 7.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn map(f: impl FnMut(&Tensor) -> Result<Tensor>, xs: &Tensor) -> Result<Tensor> {
    host::within("map", || {
        let ys: Vec<Tensor> = elements("map", xs)?.iter().map(f).collect::<Result<_>>()?;
        stacked(&ys)
    })
}

/// [`map`] under the name of Keras's vectorised one: `f` runs once for each element.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[1f32, 2.], &Device::Cpu)?;
/// assert_eq!(ops::vectorized_map(ops::square, &x)?.to_vec1::<f32>()?, [1., 4.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn vectorized_map(function: impl FnMut(&Tensor) -> Result<Tensor>, elements: &Tensor) -> Result<Tensor> {
    host::within("vectorized_map", || map(function, elements))
}

/// Carries a state over the elements along the first axis: `(carry, y) = f(carry, x)` for each, with the `y` stacked.
///
/// With `reverse`, from the last element to the first; the `y` keep the order of the `x`. For steps without elements,
/// use [`fori_loop`].
///
/// # Errors
/// When there is no element, or the `y` differ in shape or dtype; those of `f`.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[1f32, 2., 3.], &Device::Cpu)?;
/// let step = |sum: Tensor, x: &Tensor| {
///     let sum = ops::add(&sum, x)?;
///     Ok((sum.clone(), sum))
/// };
/// let (last, all) = ops::scan(step, Tensor::new(0f32, &Device::Cpu)?, &x, false)?;
/// assert_eq!(last.to_scalar::<f32>()?, 6.);
/// assert_eq!(all.to_vec1::<f32>()?, [1., 3., 6.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn scan<C>(
    mut f: impl FnMut(C, &Tensor) -> Result<(C, Tensor)>,
    init: C,
    xs: &Tensor,
    reverse: bool,
) -> Result<(C, Tensor)> {
    host::within("scan", || {
        let mut xs = elements("scan", xs)?;
        if reverse {
            xs.reverse();
        }
        let (mut carry, mut ys) = (init, Vec::with_capacity(xs.len()));
        for x in &xs {
            let (next, y) = f(carry, x)?;
            carry = next;
            ys.push(y);
        }
        if reverse {
            ys.reverse();
        }
        Ok((carry, stacked(&ys)?))
    })
}

/// The sums under an associative `f` of the elements up to each one along `axis`, in `log(n)` calls of `f` on many
/// elements at once; with `reverse`, from each one on.
///
/// # Errors
/// When the axis is out of range or `f` gives another shape; those of `f`.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[1f32, 2., 3., 4., 5.], &Device::Cpu)?;
/// let y = ops::associative_scan(|a, b| ops::multiply(a, b), &x, false, 0)?;
/// assert_eq!(y.to_vec1::<f32>()?, [1., 2., 6., 24., 120.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn associative_scan(
    f: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
    elems: &Tensor,
    reverse: bool,
    axis: i64,
) -> Result<Tensor> {
    const OP: &str = "associative_scan";
    let at = axes::axis(OP, axis, elems.rank())?;
    host::within(OP, || {
        if reverse {
            let turned = crate::flip(elems, Some(&[axis]))?;
            return crate::flip(&scanned(&f, &turned, at)?, Some(&[axis]));
        }
        scanned(&f, elems, at)
    })
}

fn scanned(f: &impl Fn(&Tensor, &Tensor) -> Result<Tensor>, x: &Tensor, axis: usize) -> Result<Tensor> {
    let n = x.dims()[axis];
    if n < 2 {
        return Ok(x.clone());
    }
    let pick = |from: usize, to: usize| {
        let places = (from..to).step_by(2).map(|i| i as u32).collect();
        crate::shape_ops::gather_axis("associative_scan", x, places, axis)
    };
    let checked = |a: &Tensor, b: &Tensor| {
        let y = f(a, b)?;
        if y.dims() != b.dims() {
            candle_core::bail!(
                "the function must keep the shape {:?}, it gave {:?}",
                b.dims(),
                y.dims()
            );
        }
        Ok(y)
    };
    // Sums of pairs give the sums up to every second element; one more step gives those between.
    let odd = scanned(f, &checked(&pick(0, n - 1)?, &pick(1, n)?)?, axis)?;
    let first = crate::narrow(x, axis as i64, 0, 1)?;
    let even = if n > 2 {
        let before = crate::narrow(&odd, axis as i64, 0, (n - 1) / 2)?;
        crate::concatenate(&[&first, &checked(&before, &pick(2, n)?)?], axis as i64)?
    } else {
        first
    };
    let evens = n.div_ceil(2) as u32;
    let order = (0..n as u32).map(|i| i / 2 + if i % 2 == 0 { 0 } else { evens });
    let both = crate::concatenate(&[&even, &odd], axis as i64)?;
    crate::shape_ops::gather_axis("associative_scan", &both, order.collect(), axis)
}

/// `f` with a gradient of your own: `f` gives its result and a function from the result's gradient to those of the
/// inputs, one each.
///
/// # Errors
/// Those of `f`; in the backward pass, when there is not one gradient of the right shape for each input.
///
/// ```
/// use keras_ops::{self as ops, Device, GradientTape, Tensor, Var};
/// // log(1 + e^x) with a gradient that does not overflow.
/// let softplus = |x: &[Tensor]| {
///     let e = ops::exp(&x[0])?;
///     let y = ops::log1p(&e)?;
///     let x = x[0].clone();
///     Ok((y, move |grad: &Tensor| Ok(vec![ops::multiply(grad, &ops::sigmoid(&x)?)?])))
/// };
/// let x = Var::new(&[0f32, 100.], &Device::Cpu)?;
/// let tape = GradientTape::start();
/// let y = ops::custom_gradient(softplus, &[x.as_tensor()])?;
/// let grads = tape.gradients(&y)?;
/// let grad = grads.get(&x).ok_or_else(|| ops::Error::msg("x was not used"))?;
/// assert_eq!(grad.to_vec1::<f32>()?, [0.5, 1.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn custom_gradient<B>(
    f: impl FnOnce(&[Tensor]) -> Result<(Tensor, B)>,
    inputs: &[&Tensor],
) -> Result<Tensor>
where
    B: FnOnce(&Tensor) -> Result<Vec<Tensor>> + 'static,
{
    const OP: &str = "custom_gradient";
    let plain: Vec<Tensor> = inputs.iter().map(|x| x.detach()).collect();
    let shapes: Vec<Vec<usize>> = inputs.iter().map(|x| x.dims().to_vec()).collect();
    let (y, backward) = crate::no_grad(|| f(&plain))?;
    let y = y.detach().contiguous()?;
    let storage = {
        let (storage, layout) = y.storage_and_layout();
        storage.try_clone(layout)?
    };
    if y.layout().start_offset() != 0 {
        candle_core::bail!("{OP}: the result must not be a part of another tensor; copy it");
    }
    Ok(crate::tape::record(inputs, storage, y.shape(), move |grad, _| {
        let grads = backward(&grad)?;
        let found: Vec<&[usize]> = grads.iter().map(Tensor::dims).collect();
        if found != shapes {
            candle_core::bail!("{OP}: expected gradients of shapes {shapes:?}, got {found:?}");
        }
        Ok(grads.into_iter().map(Some).collect())
    }))
}
