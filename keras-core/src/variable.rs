//! Variables: named tensors that training changes in place.

use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use keras_ops::{DType, Device, Tensor, Var, inplace};

use crate::lent::{Lender, Lent};
use crate::{Aggregation, Constraint, Regularizer, Result, bail};

thread_local! {
    /// Values that are given instead of variables' own, by the variables' addresses: see [`Variable::with_value`].
    static STAND_INS: RefCell<Vec<(usize, Tensor)>> = const { RefCell::new(Vec::new()) };
}

struct Inner {
    name: String,
    path: RwLock<String>,
    var: Var,
    trainable: AtomicBool,
    /// Whether it was made trainable; freezing a layer and thawing it leaves counters and moments alone.
    weight: bool,
    /// Whether layers use it in the dtype they compute in.
    autocast: AtomicBool,
    /// Its value in another dtype, made on the tape of this number.
    cast: Mutex<Option<(u64, Tensor)>>,
    regularizer: Option<Arc<dyn Regularizer>>,
    constraint: Option<Arc<dyn Constraint>>,
    aggregation: Aggregation,
    lender: Lender,
}

/// A named tensor that lives through training: a layer's weight, an optimizer's slot, a metric's sum.
///
/// Cloning gives another handle on the same values. The shape and dtype never change; values are written in
/// place by [`assign`](Self::assign) and the optimizer's kernels.
///
/// # Examples
/// ```
/// use keras_core::Variable;
/// use keras_ops::{DType, Device, Tensor};
/// let total = Variable::zeros("total", &[2], DType::F32, &Device::Cpu)?;
/// total.assign(&Tensor::new(&[1f32, 2.], &Device::Cpu)?)?;
/// assert_eq!(total.value().to_vec1::<f32>()?, [1., 2.]);
/// assert!(total.assign(&Tensor::new(&[1f32], &Device::Cpu)?).is_err()); // another shape
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Variable(Arc<Inner>);

impl Variable {
    /// A variable that starts as a copy of `value`.
    ///
    /// # Errors
    /// When the device cannot hold it.
    pub fn new(name: &str, value: &Tensor, trainable: bool) -> Result<Self> {
        Self::make(name, value, trainable, None, None, Aggregation::None)
    }

    /// A variable that no gradient reaches and whose values on several processes are joined by `aggregation`: a
    /// metric's state.
    ///
    /// # Errors
    /// When the device cannot hold it.
    ///
    /// ```
    /// use keras_core::{Aggregation, Variable};
    /// use keras_ops::{Device, Tensor};
    /// let total = Variable::aggregated("total", &Tensor::new(0f32, &Device::Cpu)?, Aggregation::Sum)?;
    /// assert_eq!((total.aggregation(), total.trainable()), (Aggregation::Sum, false));
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    pub fn aggregated(name: &str, value: &Tensor, aggregation: Aggregation) -> Result<Self> {
        Self::make(name, value, false, None, None, aggregation)
    }

    pub(crate) fn with(
        name: &str,
        value: &Tensor,
        trainable: bool,
        regularizer: Option<Arc<dyn Regularizer>>,
        constraint: Option<Arc<dyn Constraint>>,
    ) -> Result<Self> {
        Self::make(name, value, trainable, regularizer, constraint, Aggregation::None)
    }

    fn make(
        name: &str,
        value: &Tensor,
        trainable: bool,
        regularizer: Option<Arc<dyn Regularizer>>,
        constraint: Option<Arc<dyn Constraint>>,
        aggregation: Aggregation,
    ) -> Result<Self> {
        Ok(Self(Arc::new(Inner {
            name: name.to_owned(),
            path: RwLock::new(name.to_owned()),
            var: Var::from_tensor(&value.detach().force_contiguous()?)?,
            trainable: AtomicBool::new(trainable),
            weight: trainable,
            autocast: AtomicBool::new(true),
            cast: Mutex::new(None),
            regularizer,
            constraint,
            aggregation,
            lender: Lender::default(),
        })))
    }

    /// A variable of zeros that no gradient reaches: an optimizer's slot, a metric's state.
    ///
    /// # Errors
    /// When the device cannot hold it.
    pub fn zeros(name: &str, shape: &[usize], dtype: DType, device: &Device) -> Result<Self> {
        Self::new(name, &Tensor::zeros(shape, dtype, device)?, false)
    }

    /// The last part of the path: `kernel`.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The layer's name and the variable's: `dense/kernel`.
    pub fn path(&self) -> String {
        self.0.path.read().map(|p| p.clone()).unwrap_or_default()
    }

    /// Sets [`path`](Self::path); models do so when they name their layers.
    pub fn set_path(&self, path: &str) {
        if let Ok(mut slot) = self.0.path.write() {
            path.clone_into(&mut slot);
        }
    }

    /// The value. While a tape records, a trainable variable's value is tracked; otherwise it is plain data.
    pub fn value(&self) -> Tensor {
        if let Some(other) = self.stand_in() {
            other
        } else if self.trainable() && keras_ops::recording() {
            self.0.var.as_tensor().clone()
        } else {
            self.0.var.as_detached_tensor()
        }
    }

    pub(crate) fn autocast(self, autocast: bool) -> Self {
        self.0.autocast.store(autocast, Ordering::Relaxed);
        self
    }

    /// [`value`](Self::value) in `dtype`, unless it is no float or stays as it is. While a tape records, it is
    /// converted once; the gradient comes back in the variable's own dtype.
    pub(crate) fn value_in(&self, dtype: DType) -> Result<Tensor> {
        if self.dtype() == dtype || !self.dtype().is_float() || !self.0.autocast.load(Ordering::Relaxed) {
            return Ok(self.value());
        }
        let tape = keras_ops::tape::serial().filter(|_| self.stand_in().is_none());
        let Some(tape) = tape else {
            return Ok(keras_ops::cast(&self.value(), dtype)?);
        };
        let mut cast = self.lock_cast();
        match &*cast {
            Some((made_on, value)) if *made_on == tape && value.dtype() == dtype => Ok(value.clone()),
            _ => {
                let value = keras_ops::cast(&self.value(), dtype)?;
                *cast = Some((tape, value.clone()));
                Ok(value)
            }
        }
    }

    fn lock_cast(&self) -> MutexGuard<'_, Option<(u64, Tensor)>> {
        self.0.cast.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `f`, during which [`value`](Self::value) of this variable is `other` on this thread: for wrappers that
    /// let a layer compute with something made of its weight.
    ///
    /// ```
    /// use keras_core::Variable;
    /// use keras_ops::{self as ops, DType, Device};
    /// let kernel = Variable::zeros("kernel", &[1], DType::F32, &Device::Cpu)?;
    /// let other = ops::add_scalar(&kernel.value(), 3.)?;
    /// assert_eq!(kernel.with_value(other, || kernel.value().to_vec1::<f32>())?, [3.]);
    /// assert_eq!(kernel.value().to_vec1::<f32>()?, [0.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    pub fn with_value<R>(&self, other: Tensor, f: impl FnOnce() -> R) -> R {
        struct Guard;
        impl Drop for Guard {
            fn drop(&mut self) {
                STAND_INS.with(|all| all.borrow_mut().pop());
            }
        }
        STAND_INS.with(|all| all.borrow_mut().push((self.address(), other)));
        let _guard = Guard;
        f()
    }

    fn stand_in(&self) -> Option<Tensor> {
        STAND_INS.with(|all| {
            let all = all.borrow();
            let found = all.iter().rev().find(|(address, _)| *address == self.address());
            found.map(|(_, other)| other.clone())
        })
    }

    fn address(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }

    /// The tensor behind the variable, for in-place kernels and for looking up its gradient. Who writes to it calls
    /// [`will_change`](Self::will_change) before.
    pub fn tensor(&self) -> &Tensor {
        self.0.var.as_tensor()
    }

    /// Says that the value is about to be written to in place, by other means than [`assign`](Self::assign) and its
    /// like: a checkpoint that is being written in the background gets a copy, if it still needs the value. An
    /// optimizer's step calls it for all its variables and slots.
    ///
    /// # Errors
    /// When the device cannot hold a copy.
    pub fn will_change(&self) -> Result<()> {
        self.0.lender.part()
    }

    /// The value as it is now, which later writes don't change.
    pub(crate) fn lend(&self) -> Lent {
        self.0.lender.lend(self.tensor())
    }

    /// Overwrites the value.
    ///
    /// # Errors
    /// When the shape differs. Another dtype is converted.
    pub fn assign(&self, value: &Tensor) -> Result<()> {
        if value.shape() != self.tensor().shape() {
            bail!(
                "variable `{}`: expected a value of shape {:?}, got {:?}",
                self.path(),
                self.shape(),
                value.dims()
            );
        }
        *self.lock_cast() = None;
        self.will_change()?;
        let value = value
            .detach()
            .to_device(self.device())?
            .to_dtype(self.dtype())?
            .force_contiguous()?;
        Ok(self
            .0
            .var
            .as_tensor()
            .slice_set(&value.reshape(self.shape())?, 0, 0)
            .or_else(|_| self.0.var.set(&value))?)
    }

    /// `value += delta`, of the same shape and dtype.
    ///
    /// # Errors
    /// When the shape or dtype differs.
    pub fn assign_add(&self, delta: &Tensor) -> Result<()> {
        *self.lock_cast() = None;
        self.will_change()?;
        Ok(inplace::add_assign(self.tensor(), delta)?)
    }

    /// Sets every element to zero.
    ///
    /// # Errors
    /// When the device fails.
    pub fn zero(&self) -> Result<()> {
        *self.lock_cast() = None;
        self.will_change()?;
        Ok(self.tensor().zero_set()?)
    }

    /// A copy of the value that later assignments don't change.
    ///
    /// # Errors
    /// When the device cannot hold it.
    pub fn snapshot(&self) -> Result<Tensor> {
        Ok(self.tensor().copy()?.detach())
    }

    /// The shape.
    pub fn shape(&self) -> &[usize] {
        self.tensor().dims()
    }

    /// The dtype.
    pub fn dtype(&self) -> DType {
        self.tensor().dtype()
    }

    /// The device.
    pub fn device(&self) -> &Device {
        self.tensor().device()
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.tensor().elem_count()
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether training changes it by gradients.
    pub fn trainable(&self) -> bool {
        self.0.trainable.load(Ordering::Relaxed)
    }

    /// Freezes or thaws it. Variables made without gradients stay without.
    pub fn set_trainable(&self, trainable: bool) {
        self.0
            .trainable
            .store(trainable && self.0.weight, Ordering::Relaxed);
    }

    /// Whether it was made to be trained, frozen or not; Keras's weight order puts these first in a layer.
    pub fn is_weight(&self) -> bool {
        self.0.weight
    }

    /// The penalty on its value that is added to the loss.
    pub fn regularizer(&self) -> Option<&Arc<dyn Regularizer>> {
        self.0.regularizer.as_ref()
    }

    /// What its value is projected to after each update.
    pub fn constraint(&self) -> Option<&Arc<dyn Constraint>> {
        self.0.constraint.as_ref()
    }

    /// How its values on several processes are joined.
    pub fn aggregation(&self) -> Aggregation {
        self.0.aggregation
    }

    /// Whether both are handles on the same values.
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<Variable path={}, shape={:?}, dtype={}, trainable={}>",
            self.path(),
            self.shape(),
            keras_ops::dtype_name(self.dtype()),
            self.trainable()
        )
    }
}
