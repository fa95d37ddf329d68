//! What the recurrent operations share: checks, dtypes, recording.

use candle_core::{DType, Device, Result, Shape, Storage, Tensor};
use smallvec::SmallVec;

use super::{RecurrentActivation, RecurrentOptions};
use crate::kernels::packed::Product;
use crate::kernels::recurrent::{self, Cell, Factors, Kept, Plan};
use crate::tape::{InputGrads, record_many};
use crate::{host, shape_ops};

/// The arguments of a recurrent operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arguments<'a> {
    pub(super) op: &'static str,
    pub(super) x: &'a Tensor,
    pub(super) kernel: &'a Tensor,
    pub(super) recurrent: &'a Tensor,
    pub(super) bias: Option<&'a Tensor>,
    pub(super) states: [Option<&'a Tensor>; 2],
    pub(super) options: &'a RecurrentOptions<'a>,
    /// Columns of the kernels a unit.
    pub(super) gates: usize,
    /// States a layer has.
    pub(super) count: usize,
    /// The shape that the bias must have, for a number of units.
    pub(super) bias_shape: fn(usize) -> Vec<usize>,
}

/// Checked sizes and options that outlive the call.
#[derive(Clone, Debug)]
pub(super) struct Sizes<T> {
    batch: usize,
    time: usize,
    pub(super) features: usize,
    pub(super) units: usize,
    backwards: bool,
    sequences: bool,
    input_order: bool,
    zero_masked: bool,
    mask: Option<Vec<u8>>,
    /// Of the inputs and of the state.
    dropout: [Option<Dropout<T>>; 2],
}

/// Dropout factors and the number of gates that have some.
#[derive(Clone, Debug)]
struct Dropout<T> {
    data: Vec<T>,
    gates: usize,
}

impl<T: Copy> Sizes<T> {
    /// The dropout factors of the inputs and of the state.
    pub(super) fn factors(&self) -> [Option<Factors<'_, T>>; 2] {
        self.dropout.each_ref().map(|dropout| {
            let Dropout { data, gates } = dropout.as_ref()?;
            Some(Factors { data, gates: *gates })
        })
    }

    /// In how many parts the two kernels are multiplied.
    fn parts(&self) -> [usize; 2] {
        self.factors().map(|factors| factors.map_or(1, |f| f.gates))
    }

    pub(super) fn plan(&self) -> Plan<'_, T> {
        let [dropout, recurrent_dropout] = self.factors();
        Plan {
            batch: self.batch,
            time: self.time,
            features: self.features,
            units: self.units,
            backwards: self.backwards,
            sequences: self.sequences,
            input_order: self.input_order,
            zero_masked: self.zero_masked,
            mask: self.mask.as_deref(),
            dropout,
            recurrent_dropout,
        }
    }
}

/// What the gradients by the kernels and the bias are made from.
pub(super) struct After<'a, T> {
    pub(super) kept: Kept<'a, T>,
    pub(super) x: crate::kernels::gemm::Mat<'a, T>,
    pub(super) units: usize,
    pub(super) features: usize,
    /// Dropout of the inputs and of the state.
    pub(super) factors: [Option<Factors<'a, T>>; 2],
}

/// How a kind of cell is made and what its gradients are.
pub(super) trait Kind<T: Product>: Clone + Send + Sync + 'static {
    type Cell<'a>: Cell<T>
    where
        T: 'a;
    /// The cell on the way forward, or with transposed kernels on the way back; the kernels in parts.
    fn cell<'a>(
        &self,
        sizes: [usize; 2],
        parts: [usize; 2],
        kernel: &[T],
        recurrent: &[T],
        bias: Option<&'a [T]>,
        back: bool,
    ) -> Self::Cell<'a>;
    /// The gradients by kernel, recurrent kernel and bias; those not needed may be empty.
    fn gradients(&self, after: &After<'_, T>, needs: [bool; 3]) -> [Vec<T>; 3];
}

impl Arguments<'_> {
    fn fail(&self, what: &str, expected: &[usize], got: &Tensor) -> Result<()> {
        candle_core::bail!(
            "{}: expected {what} of shape {expected:?}, got {:?}",
            self.op,
            got.dims()
        )
    }

    fn shape(&self, what: &str, expected: &[usize], got: &Tensor) -> Result<()> {
        if got.dims() == expected {
            return Ok(());
        }
        self.fail(what, expected, got)
    }

    /// The sizes: batch, time, features, units.
    fn sizes(&self) -> Result<[usize; 4]> {
        let (op, gates) = (self.op, self.gates);
        let &[first, second, features] = self.x.dims() else {
            candle_core::bail!(
                "{op}: expected inputs of shape (batch, time, features), got {:?}",
                self.x.dims()
            );
        };
        let [batch, time] = if self.options.time_major {
            [second, first]
        } else {
            [first, second]
        };
        let units = match self.recurrent.dims() {
            [units, columns] if *units > 0 && *columns == gates * units => *units,
            other => candle_core::bail!(
                "{op}: expected a recurrent kernel of shape (units, {gates} units), got {other:?}"
            ),
        };
        if time == 0 {
            candle_core::bail!(
                "{op}: expected at least one time step, got inputs {:?}",
                self.x.dims()
            );
        }
        self.shape("a kernel", &[features, gates * units], self.kernel)?;
        if let Some(bias) = self.bias {
            self.shape("a bias", &(self.bias_shape)(units), bias)?;
        }
        for state in self.states.into_iter().flatten() {
            self.shape("an initial state", &[batch, units], state)?;
        }
        if let Some(mask) = self.options.mask {
            self.shape("a mask", &self.x.dims()[..2], mask)?;
            if mask.dtype() != DType::U8 {
                candle_core::bail!(
                    "{op}: expected a u8 mask, got {}; use `ops::cast`",
                    crate::dtype_name(mask.dtype())
                );
            }
        }
        for (what, factors, size) in [
            ("factors of dropout", self.options.dropout, features),
            (
                "factors of recurrent dropout",
                self.options.recurrent_dropout,
                units,
            ),
        ] {
            match factors {
                Some(factors) if factors.rank() == 3 => self.shape(what, &[gates, batch, size], factors)?,
                Some(factors) => self.shape(what, &[batch, size], factors)?,
                None => {}
            }
        }
        Ok([batch, time, features, units])
    }

    fn tensors(&self) -> SmallVec<[&Tensor; 6]> {
        let given = [Some(self.x), Some(self.kernel), Some(self.recurrent), self.bias];
        given.into_iter().chain(self.states).flatten().collect()
    }

    /// The dtype to compute in.
    pub(super) fn dtype(&self) -> Result<DType> {
        let dtype = self.x.dtype();
        let compute = host::compute_dtype(self.op, dtype)?;
        for tensor in self.tensors() {
            if tensor.dtype() != dtype {
                candle_core::bail!(
                    "{}: expected all of dtype {}, as the inputs, got {}; use `ops::cast`",
                    self.op,
                    crate::dtype_name(dtype),
                    crate::dtype_name(tensor.dtype())
                );
            }
        }
        Ok(compute)
    }

    /// Whether the activations are those that have loops of their own.
    pub(super) fn usual(&self) -> bool {
        use RecurrentActivation::{Sigmoid, Tanh};
        (self.options.activation, self.options.recurrent_activation) == (Tanh, Sigmoid)
    }

    /// Whether the way back needs what the steps gave.
    fn keep(&self) -> bool {
        crate::recording() && self.tensors().iter().any(|t| t.track_op())
    }

    /// The outputs, then the last states.
    pub(super) fn run<T: Product, K: Kind<T>>(&self, kind: K) -> Result<Vec<Tensor>> {
        if self.options.time_major {
            self.sizes()?;
            return self.time_major(kind);
        }
        let Done { outputs, back } = self.compute(kind, self.keep())?;
        Ok(record_many(&self.tensors(), outputs, move |grads, needs| {
            back.run(&grads, needs)
        }))
    }

    /// [`run`](Self::run) of two, side by side: the outputs and last states of the first, then of the second.
    pub(super) fn run_both<T: Product, K: Kind<T>>(both: [&Self; 2], kind: [K; 2]) -> Result<Vec<Tensor>> {
        let [first, second] = both;
        if first.options.time_major || second.options.time_major {
            candle_core::bail!(
                "{}: `time_major` is not supported: transpose the inputs",
                first.op
            );
        }
        let tensors = [first.tensors(), second.tensors()].concat();
        let (keep, [one, other]) = ([first.keep(), second.keep()], kind);
        let (one, other) = rayon::join(|| first.compute(one, keep[0]), || second.compute(other, keep[1]));
        let (mut one, other) = (one?, other?);
        let (count, given) = (one.outputs.len(), first.tensors().len());
        one.outputs.extend(other.outputs);
        let (one, outputs, other) = (one.back, one.outputs, other.back);
        Ok(record_many(&tensors, outputs, move |grads, needs| {
            let (of_one, of_other) = grads.split_at(count);
            let (need_one, need_other) = needs.split_at(given);
            let (one, other) = rayon::join(
                || one.run_if_any(of_one, need_one),
                || other.run_if_any(of_other, need_other),
            );
            let mut slots = one?;
            slots.extend(other?);
            Ok(slots)
        }))
    }

    /// The outputs and the last states, and how to go back; records nothing, so that it may run on any thread.
    fn compute<T: Product, K: Kind<T>>(&self, kind: K, keep: bool) -> Result<Done<T, K>> {
        let [batch, time, features, units] = self.sizes()?;
        let options = self.options;
        let plain = |t: &Tensor| host::read(t, |v: &[T]| Ok(v.to_vec()));
        let factors = |t: &Tensor| -> Result<_> {
            let gates = if t.rank() == 3 { t.dims()[0] } else { 1 };
            Ok(Dropout {
                data: plain(t)?,
                gates,
            })
        };
        let sizes = Sizes {
            batch,
            time,
            features,
            units,
            backwards: options.go_backwards,
            sequences: options.return_sequences,
            input_order: options.input_order,
            zero_masked: options.zero_output_for_mask,
            mask: match options.mask {
                Some(mask) => Some(host::read(mask, |v: &[u8]| Ok(v.to_vec()))?),
                None => None,
            },
            dropout: [
                options.dropout.map(factors).transpose()?,
                options.recurrent_dropout.map(factors).transpose()?,
            ],
        };
        let first = |i: usize| match self.states[i] {
            Some(state) => plain(state),
            None if i < self.count => Ok(vec![T::ZERO; batch * units]),
            None => Ok(Vec::new()),
        };
        let (mut h, mut c) = (first(0)?, first(1)?);
        let bias = self.bias.map(plain).transpose()?;
        let (out, kept) = host::read(self.x, |x: &[T]| {
            host::read(self.kernel, |kernel: &[T]| {
                host::read(self.recurrent, |recurrent: &[T]| {
                    let (size, parts) = ([features, units], sizes.parts());
                    let cell = kind.cell(size, parts, kernel, recurrent, bias.as_deref(), false);
                    Ok(recurrent::forward(&cell, &sizes.plan(), x, &mut h, &mut c, keep))
                })
            })
        })?;
        let (dtype, device) = (self.x.dtype(), self.x.device());
        let store = |values: Vec<T>, shape: &[usize]| -> Result<_> {
            Ok((host::storage_as(values, dtype, device)?, Shape::from(shape)))
        };
        let out_shape = [batch, time, units];
        let mut outputs = vec![
            match options.return_sequences {
                true => store(out, &out_shape)?,
                false => store(out, &[batch, units])?,
            },
            store(h, &[batch, units])?,
        ];
        if self.count > 1 {
            outputs.push(store(c, &[batch, units])?);
        }
        let back = Backward {
            kind,
            sizes,
            kept,
            inputs: [self.x, self.kernel, self.recurrent].map(Tensor::detach),
            bias: self.bias.map(|b| b.shape().clone()),
            states: self.states.map(|s| s.is_some()),
            count: self.count,
            dtype,
            device: device.clone(),
        };
        Ok(Done { outputs, back })
    }

    fn time_major<T: Product, K: Kind<T>>(&self, kind: K) -> Result<Vec<Tensor>> {
        let x = shape_ops::transpose(self.x, &[1, 0, 2])?;
        let mask = self.options.mask.map(|mask| mask.t()).transpose()?;
        let options = RecurrentOptions {
            mask: mask.as_ref(),
            time_major: false,
            ..*self.options
        };
        let mut outputs = Arguments {
            x: &x,
            options: &options,
            ..*self
        }
        .run(kind)?;
        if options.return_sequences {
            outputs[0] = shape_ops::transpose(&outputs[0], &[1, 0, 2])?;
        }
        Ok(outputs)
    }
}

/// What a run gave, and the way back.
struct Done<T, K> {
    outputs: Vec<(Storage, Shape)>,
    back: Backward<T, K>,
}

struct Backward<T, K> {
    kind: K,
    sizes: Sizes<T>,
    kept: Vec<T>,
    inputs: [Tensor; 3],
    bias: Option<Shape>,
    states: [bool; 2],
    count: usize,
    dtype: DType,
    device: Device,
}

impl<T: Product, K: Kind<T>> Backward<T, K> {
    /// [`run`](Self::run), unless nothing depended on the outputs.
    fn run_if_any(self, grads: &[Option<Tensor>], needs: &[bool]) -> Result<InputGrads> {
        match grads.iter().any(Option::is_some) {
            true => self.run(grads, needs),
            false => Ok(needs.iter().map(|_| None).collect()),
        }
    }

    fn run(mut self, grads: &[Option<Tensor>], needs: &[bool]) -> Result<InputGrads> {
        let plan = self.sizes.plan();
        let len = plan.batch * plan.units;
        let start = |i: usize| match grads.get(i) {
            Some(Some(grad)) => host::read(grad, |v: &[T]| Ok(v.to_vec())),
            _ if i <= self.count => Ok(vec![T::ZERO; len]),
            _ => Ok(Vec::new()),
        };
        let (mut dh, mut dc) = (start(1)?, start(2)?);
        let [x, kernel, recurrent] = &self.inputs;
        let cell = host::read(kernel, |kernel: &[T]| {
            host::read(recurrent, |recurrent: &[T]| {
                let (size, parts) = ([plan.features, plan.units], self.sizes.parts());
                Ok(self.kind.cell(size, parts, kernel, recurrent, None, true))
            })
        })?;
        let kept = &mut self.kept;
        let mut run =
            |grad: Option<&[T]>| recurrent::backward(&cell, &plan, grad, kept, &mut dh, &mut dc, needs[0]);
        let dx = match grads.first() {
            Some(Some(grad)) => host::read(grad, |grad: &[T]| Ok(run(Some(grad))))?,
            _ => run(None),
        };
        let rows = plan.batch * plan.time;
        let has_bias = self.bias.is_some();
        let wanted = [needs[1], needs[2], has_bias && needs[3]];
        let [dw, du, db] = host::read(x, |x: &[T]| {
            let after = After {
                kept: Kept {
                    data: &self.kept,
                    rows,
                    width: plan.units * <K::Cell<'_> as Cell<T>>::KEPT,
                },
                x: crate::kernels::gemm::Mat::new(x, rows, plan.features),
                units: plan.units,
                features: plan.features,
                factors: self.sizes.factors(),
            };
            Ok(self.kind.gradients(&after, wanted))
        })?;
        let tensor = |values, shape: &Shape| host::tensor(values, self.dtype, shape, &self.device);
        let some = |want: bool, values, shape: &Shape| want.then(|| tensor(values, shape)).transpose();
        let mut out = InputGrads::new();
        out.push(some(needs[0], dx, x.shape())?);
        out.push(some(needs[1], dw, kernel.shape())?);
        out.push(some(needs[2], du, recurrent.shape())?);
        if let Some(shape) = &self.bias {
            out.push(some(needs[3], db, shape)?);
        }
        let shape = Shape::from((plan.batch, plan.units));
        for (given, values) in self.states.into_iter().zip([dh, dc]) {
            if given {
                out.push(some(needs[out.len()], values, &shape)?);
            }
        }
        Ok(out)
    }
}
