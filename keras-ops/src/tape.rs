//! Reverse-mode differentiation: a tape for our operations, candle's own graph for everything else.
//!
//! candle records every tracked operation in the tensor it makes and walks that graph in
//! `Tensor::backward`. The walk allocates zeros and adds for every edge, computes gradients that nobody
//! asked for, recurses, and limits custom operations to three inputs. So operations of this crate record
//! themselves on a [`GradientTape`] and hand candle a leaf: candle's operations on that leaf are tracked as
//! usual, and [`GradientTape::gradients`] joins both walks. Code written with plain candle operations
//! (a custom loss, a layer ported from candle) therefore differentiates together with ours.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

use candle_core::op::BackpropOp;
use candle_core::{Result, Shape, Storage, Tensor, TensorId};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::row_gradient::{Gradient, RowGradient};

/// The gradients of one node's outputs, in order; `None` where nothing depended on that output.
pub type OutputGrads = SmallVec<[Option<Tensor>; 1]>;
/// The gradients that a backward function returns: one slot an input, in order.
pub type InputGrads = SmallVec<[Option<Tensor>; 4]>;
/// Which inputs of an operation want a gradient.
pub type Needs = SmallVec<[bool; 4]>;

type Backward = Box<dyn FnOnce(OutputGrads, &Needs) -> Result<InputGrads>>;
type RowsBackward = Box<dyn FnOnce(Tensor) -> Result<RowGradient>>;

/// Where a gradient goes.
#[derive(Clone, Copy, Debug)]
enum Edge {
    /// Output `.1` of node `.0`.
    Node(usize, usize),
    /// A variable (or any candle leaf that is not ours).
    Leaf(TensorId),
    /// Plain data.
    None,
}

enum Step {
    Op {
        edges: SmallVec<[Edge; 4]>,
        backward: Backward,
    },
    /// An operation that reads few rows of its only input.
    Rows { edge: Edge, backward: RowsBackward },
    /// A tensor that candle's own operations made: candle walks below it.
    Candle(Tensor),
}

struct Node {
    step: Option<Step>,
    grads: SmallVec<[Slot; 1]>,
}

/// A gradient and whether its buffer is ours alone, so that a sum may be made in place.
#[derive(Default)]
struct Slot {
    grad: Option<Tensor>,
    owned: bool,
    /// Rows to add; only where there is no `grad`.
    rows: Option<RowGradient>,
}

impl Slot {
    fn add(&mut self, grad: Tensor) -> Result<()> {
        if let Some(rows) = self.rows.take() {
            self.grad = Some(rows.dense()?);
            self.owned = true;
        }
        match &self.grad {
            None => self.grad = Some(grad),
            Some(sum) if self.owned => crate::inplace::add_assign(sum, &grad)?,
            Some(sum) => {
                self.grad = Some((sum + &grad)?);
                self.owned = true;
            }
        }
        Ok(())
    }

    fn add_rows(&mut self, rows: RowGradient) -> Result<()> {
        match self.rows.take() {
            _ if self.grad.is_some() => return self.add(rows.dense()?),
            Some(sum) => self.rows = Some(sum.add(&rows)?),
            None => self.rows = Some(rows),
        }
        Ok(())
    }

    fn gradient(self) -> Option<Gradient> {
        let dense = self.grad.map(Gradient::Dense);
        dense.or_else(|| self.rows.map(Gradient::Rows))
    }
}

#[derive(Default)]
struct Recording {
    nodes: Vec<Node>,
    made_by: FxHashMap<TensorId, (usize, usize)>,
    paused: usize,
    serial: u64,
}

impl Recording {
    fn push(&mut self, step: Step, outputs: usize) -> usize {
        let grads = (0..outputs).map(|_| Slot::default()).collect();
        self.nodes.push(Node {
            step: Some(step),
            grads,
        });
        self.nodes.len() - 1
    }

    /// The edge to an input, entering candle's graph where candle made the tensor.
    fn edge(&mut self, input: &Tensor) -> Edge {
        if !input.track_op() {
            return Edge::None;
        }
        let id = input.id();
        if let Some(&(node, output)) = self.made_by.get(&id) {
            return Edge::Node(node, output);
        }
        if input.is_variable() {
            return Edge::Leaf(id);
        }
        let node = self.push(Step::Candle(input.clone()), 1);
        self.made_by.insert(id, (node, 0));
        Edge::Node(node, 0)
    }
}

thread_local! {
    static TAPES: RefCell<Vec<Recording>> = const { RefCell::new(Vec::new()) };
}

fn with_top<R>(f: impl FnOnce(Option<&mut Recording>) -> R) -> R {
    TAPES.with_borrow_mut(|tapes| f(tapes.last_mut().filter(|tape| tape.paused == 0)))
}

/// Whether operations on this thread are being recorded.
///
/// ```
/// use keras_ops::{GradientTape, recording};
/// assert!(!recording());
/// let tape = GradientTape::start();
/// assert!(recording());
/// drop(tape);
/// assert!(!recording());
/// ```
pub fn recording() -> bool {
    with_top(|tape| tape.is_some())
}

/// The number of the tape that records on this thread: no other has it. `None` when none does.
///
/// ```
/// use keras_ops::{GradientTape, tape};
/// assert_eq!(tape::serial(), None);
/// let first = GradientTape::start();
/// let number = tape::serial();
/// let second = GradientTape::start();
/// assert_ne!(tape::serial(), number);
/// drop(second);
/// assert_eq!(tape::serial(), number);
/// ```
pub fn serial() -> Option<u64> {
    with_top(|tape| tape.map(|tape| tape.serial))
}

/// Runs `f` with recording switched off on this thread: its results carry no gradient.
pub fn no_grad<R>(f: impl FnOnce() -> R) -> R {
    struct Resume(usize);
    impl Drop for Resume {
        fn drop(&mut self) {
            TAPES.with_borrow_mut(|tapes| {
                if let Some(tape) = tapes.get_mut(self.0) {
                    tape.paused -= 1;
                }
            });
        }
    }
    let resume = TAPES.with_borrow_mut(|tapes| {
        let tape = tapes.last_mut()?;
        tape.paused += 1;
        Some(Resume(tapes.len() - 1))
    });
    let result = f();
    drop(resume);
    result
}

/// Records the operations of this thread from [`start`](Self::start) on, for one backward pass.
///
/// Tapes nest: the innermost one records. First order only. Do not call candle's `Tensor::backward` on what
/// a tape recorded: it stops at the first operation of this crate.
///
/// # Examples
/// ```
/// use candle_core::{Device, Tensor, Var};
/// use keras_ops::{self as ops, GradientTape};
///
/// let w = Var::new(&[[1f32, -2.], [3., 4.]], &Device::Cpu)?;
/// let tape = GradientTape::start();
/// let loss = ops::relu(w.as_tensor())?.sqr()?.sum_all()?; // ours, then candle's own
/// let mut grads = tape.gradients(&loss)?;
/// let grad = grads.remove(&w).ok_or_else(|| candle_core::Error::msg("w was not used"))?;
/// assert_eq!(grad.to_vec2::<f32>()?, [[2., 0.], [6., 8.]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
#[derive(Debug)]
pub struct GradientTape {
    depth: usize,
    // The recording lives in a thread-local, so the guard must stay on its thread.
    not_send: PhantomData<*const ()>,
}

impl GradientTape {
    /// Starts recording.
    pub fn start() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        crate::memory::keep_freed();
        TAPES.with_borrow_mut(|tapes| {
            tapes.push(Recording {
                serial: NEXT.fetch_add(1, Ordering::Relaxed),
                ..Recording::default()
            });
            Self {
                depth: tapes.len(),
                not_send: PhantomData,
            }
        })
    }

    /// Stops recording and returns the gradients of the sum of `loss` by every variable it depends on.
    ///
    /// # Errors
    /// When a backward function fails, or when `loss` depends on nothing that was recorded.
    pub fn gradients(self, loss: &Tensor) -> Result<Gradients> {
        let seed = loss.ones_like()?;
        self.gradients_with(&[(loss, seed)])
    }

    /// Like [`gradients`](Self::gradients) for several tensors, each with its own output gradient
    /// (vector-Jacobian products, summed).
    pub fn gradients_with(self, targets: &[(&Tensor, Tensor)]) -> Result<Gradients> {
        let mut recording = TAPES.with_borrow_mut(|tapes| {
            tapes.truncate(self.depth);
            tapes.pop().unwrap_or_default()
        });
        let mut leaves = Leaves::default();
        for (tensor, grad) in targets {
            if tensor.shape() != grad.shape() {
                candle_core::bail!(
                    "gradients: the output gradient has shape {:?}, the output {:?}",
                    grad.dims(),
                    tensor.dims()
                );
            }
            let edge = recording.edge(tensor);
            if let Edge::None = edge {
                candle_core::bail!(
                    "gradients: the result does not depend on any variable; compute it between \
                     `GradientTape::start()` and `gradients()` from the variables' values"
                );
            }
            deliver(&mut recording.nodes, &mut leaves, edge, grad.clone())?;
        }
        walk(recording, leaves)
    }
}

impl Drop for GradientTape {
    fn drop(&mut self) {
        TAPES.with_borrow_mut(|tapes| tapes.truncate(self.depth - 1));
    }
}

type Leaves = FxHashMap<TensorId, Slot>;

fn deliver(nodes: &mut [Node], leaves: &mut Leaves, edge: Edge, grad: Tensor) -> Result<()> {
    match edge {
        Edge::Node(node, output) => nodes[node].grads[output].add(grad),
        Edge::Leaf(id) => leaves.entry(id).or_default().add(grad),
        Edge::None => Ok(()),
    }
}

/// Runs the gradient of one operation in a span, so that the rest of a backward pass can be told apart.
fn spanned<R>(gradient: impl FnOnce() -> R) -> R {
    let _span = tracing::trace_span!("gradient").entered();
    gradient()
}

/// Visits the nodes in reverse order of creation, which is a topological order, and lets each go.
fn walk(recording: Recording, mut leaves: Leaves) -> Result<Gradients> {
    let Recording {
        mut nodes, made_by, ..
    } = recording;
    while let Some(mut node) = nodes.pop() {
        if node.grads.iter().all(|slot| slot.grad.is_none()) {
            continue;
        }
        let grads: OutputGrads = node.grads.into_iter().map(|slot| slot.grad).collect();
        match node.step.take() {
            Some(Step::Op { edges, backward }) => {
                let needs: Needs = edges.iter().map(|e| !matches!(e, Edge::None)).collect();
                let input_grads = spanned(|| backward(grads, &needs))?;
                for (edge, grad) in edges.into_iter().zip(input_grads) {
                    if let Some(grad) = grad {
                        deliver(&mut nodes, &mut leaves, edge, grad)?;
                    }
                }
            }
            Some(Step::Rows { edge, backward }) => {
                let Some(Some(grad)) = grads.into_iter().next() else {
                    continue;
                };
                match edge {
                    Edge::Leaf(id) => leaves
                        .entry(id)
                        .or_default()
                        .add_rows(spanned(|| backward(grad))?)?,
                    Edge::Node(..) => deliver(
                        &mut nodes,
                        &mut leaves,
                        edge,
                        spanned(|| backward(grad))?.dense()?,
                    )?,
                    Edge::None => {}
                }
            }
            Some(Step::Candle(tensor)) => {
                let Some(Some(grad)) = grads.into_iter().next() else {
                    continue;
                };
                let store = (&tensor * grad.detach())?.backward()?;
                for id in store.get_ids() {
                    let Some(grad) = store.get_id(*id) else { continue };
                    let edge = match made_by.get(id) {
                        Some(&(node, output)) => Edge::Node(node, output),
                        None => Edge::Leaf(*id),
                    };
                    deliver(&mut nodes, &mut leaves, edge, grad.detach())?;
                }
            }
            None => {}
        }
    }
    let found = leaves
        .into_iter()
        .filter_map(|(id, slot)| Some((id, slot.gradient()?)))
        .collect();
    Ok(Gradients(found))
}

/// The gradients by variable that a backward pass found.
#[derive(Debug, Default)]
pub struct Gradients(FxHashMap<TensorId, Gradient>);

impl Gradients {
    /// The gradient by `variable`; `None` when the result did not depend on it.
    pub fn get(&self, variable: &Tensor) -> Option<&Tensor> {
        match self.0.get(&variable.id())? {
            Gradient::Dense(tensor) => Some(tensor),
            Gradient::Rows(rows) => rows.dense_ref(),
        }
    }

    /// Takes the gradient by `variable` out, so that its memory can go as soon as it is used.
    pub fn remove(&mut self, variable: &Tensor) -> Option<Tensor> {
        self.take(variable)?.dense().ok()
    }

    /// [`remove`](Self::remove), leaving a gradient of few rows as it is.
    pub fn take(&mut self, variable: &Tensor) -> Option<Gradient> {
        self.0.remove(&variable.id())
    }

    /// The number of variables with a gradient.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no variable has a gradient.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Makes the output of an operation and records how to differentiate it.
///
/// `backward` gets the gradient of the output and which inputs need one; it returns one slot an input. It
/// runs at most once, on the thread that recorded, with recording off. Nothing is recorded when no tape is
/// active or no input is tracked.
///
/// # Examples
/// An operation of your own: `y = 3 x`.
/// ```
/// use candle_core::{CpuStorage, Device, Result, Storage, Tensor, Var};
/// use keras_ops::{GradientTape, record};
///
/// fn triple(x: &Tensor) -> Result<Tensor> {
///     let values: Vec<f32> = x.flatten_all()?.to_vec1()?;
///     let out = Storage::Cpu(CpuStorage::F32(values.iter().map(|v| 3. * v).collect()));
///     Ok(record(&[x], out, x.shape(), |grad, _needs| Ok([Some((grad * 3.)?)].into_iter().collect())))
/// }
/// let x = Var::new(&[1f32, 2.], &Device::Cpu)?;
/// let tape = GradientTape::start();
/// let y = triple(x.as_tensor())?;
/// let grads = tape.gradients(&y)?;
/// let grad = grads.get(&x).ok_or_else(|| candle_core::Error::msg("x was not used"))?;
/// assert_eq!(grad.to_vec1::<f32>()?, [3., 3.]);
/// # Ok::<(), candle_core::Error>(())
/// ```
#[inline]
pub fn record(
    inputs: &[&Tensor],
    output: Storage,
    shape: &Shape,
    backward: impl FnOnce(Tensor, &Needs) -> Result<InputGrads> + 'static,
) -> Tensor {
    if !wanted(inputs) {
        return Tensor::from_storage(output, shape, BackpropOp::none(), false);
    }
    let out = Tensor::from_storage(output, shape, BackpropOp::none(), true);
    push(
        inputs,
        &[&out],
        Box::new(|grads, needs| match grads.into_iter().next() {
            Some(Some(grad)) => backward(grad, needs),
            _ => Ok(InputGrads::new()),
        }),
    );
    out
}

// Apart from the functions above and below, which are compiled once a caller.

/// Whether an operation on `inputs` is to be recorded.
fn wanted(inputs: &[&Tensor]) -> bool {
    with_top(|tape| tape.is_some()) && inputs.iter().any(|t| t.track_op())
}

/// Records an operation on the tape, which is there.
fn push(inputs: &[&Tensor], outputs: &[&Tensor], backward: Backward) {
    with_top(|tape| {
        let Some(tape) = tape else { return };
        let edges = inputs.iter().map(|t| tape.edge(t)).collect();
        let node = tape.push(Step::Op { edges, backward }, outputs.len());
        for (index, tensor) in outputs.iter().enumerate() {
            tape.made_by.insert(tensor.id(), (node, index));
        }
    });
}

/// [`record`] for an operation whose gradient is computed from its output: `backward` gets the gradient and
/// the output (without history).
#[inline]
pub fn record_with_output(
    inputs: &[&Tensor],
    output: Storage,
    shape: &Shape,
    backward: impl FnOnce(Tensor, &Tensor, &Needs) -> Result<InputGrads> + 'static,
) -> Tensor {
    if !wanted(inputs) {
        return Tensor::from_storage(output, shape, BackpropOp::none(), false);
    }
    let out = Tensor::from_storage(output, shape, BackpropOp::none(), true);
    let saved = out.detach();
    push(
        inputs,
        &[&out],
        Box::new(move |grads, needs| match grads.into_iter().next() {
            Some(Some(grad)) => backward(grad, &saved, needs),
            _ => Ok(InputGrads::new()),
        }),
    );
    out
}

/// [`record`] for an operation with several outputs; `backward` gets one slot an output.
#[inline]
pub fn record_many(
    inputs: &[&Tensor],
    outputs: Vec<(Storage, Shape)>,
    backward: impl FnOnce(OutputGrads, &Needs) -> Result<InputGrads> + 'static,
) -> Vec<Tensor> {
    let tracked = wanted(inputs);
    let tensors: Vec<Tensor> = outputs
        .into_iter()
        .map(|(storage, shape)| Tensor::from_storage(storage, shape, BackpropOp::none(), tracked))
        .collect();
    if tracked {
        push(inputs, &tensors.iter().collect::<Vec<_>>(), Box::new(backward));
    }
    tensors
}

/// [`record`] for an operation that reads few rows of `table`: `backward` gives the gradient by those rows.
pub fn record_rows(
    table: &Tensor,
    output: Storage,
    shape: &Shape,
    backward: impl FnOnce(Tensor) -> Result<RowGradient> + 'static,
) -> Tensor {
    let tracked = wanted(&[table]);
    let out = Tensor::from_storage(output, shape, BackpropOp::none(), tracked);
    with_top(|tape| {
        let Some(tape) = tape.filter(|_| tracked) else {
            return;
        };
        let (edge, backward) = (tape.edge(table), Box::new(backward));
        let node = tape.push(Step::Rows { edge, backward }, 1);
        tape.made_by.insert(out.id(), (node, 0));
    });
    out
}

/// Records a cheaper backward for `output`, a view that candle's own differentiable operation made of
/// `input` (reshape, transpose, narrow): no copy going forward, none of candle's walk coming back.
#[inline]
pub fn record_view(
    input: &Tensor,
    output: Tensor,
    backward: impl FnOnce(Tensor) -> Result<Tensor> + 'static,
) -> Tensor {
    if output.id() == input.id() || !output.track_op() {
        return output;
    }
    if recording() {
        push(
            &[input],
            &[&output],
            Box::new(|grads, _| match grads.into_iter().next() {
                Some(Some(grad)) => Ok([Some(backward(grad)?)].into_iter().collect()),
                _ => Ok(InputGrads::new()),
            }),
        );
    }
    output
}
