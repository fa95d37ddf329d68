//! Values that are read while training goes on: a copy is made only of what is about to change.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use keras_ops::{Tensor, host};

use crate::{Result, Variable};

/// How many values are lent in this process; where there are none, nobody looks.
static LENT: AtomicUsize = AtomicUsize::new(0);

/// A tensor as it was at a moment. Of a variable's value there is one copy until the variable is written to.
#[derive(Clone)]
pub(crate) struct Lent(Arc<Slot>);

pub(crate) struct Slot {
    value: Mutex<Tensor>,
    /// Whether it counts in [`LENT`].
    counted: bool,
}

/// The values that a variable has lent and that still share its memory.
#[derive(Default)]
pub(crate) struct Lender(Mutex<Vec<Weak<Slot>>>);

impl Lent {
    /// A tensor that nobody writes to.
    pub(crate) fn fixed(value: Tensor) -> Self {
        Self(Arc::new(Slot {
            value: Mutex::new(value),
            counted: false,
        }))
    }

    /// The tensor now, with `f` between two writes to the variable.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&Tensor) -> R) -> R {
        f(&self.0.lock())
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Tensor> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.counted {
            LENT.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|tensor| write!(f, "Lent({:?})", tensor.dims()))
    }
}

impl Lender {
    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Slot>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn lend(&self, value: &Tensor) -> Lent {
        LENT.fetch_add(1, Ordering::Relaxed);
        let slot = Arc::new(Slot {
            value: Mutex::new(value.detach()),
            counted: true,
        });
        let mut lent = self.lock();
        lent.retain(|slot| slot.strong_count() > 0);
        lent.push(Arc::downgrade(&slot));
        Lent(slot)
    }

    /// Gives those that still read it a copy of their own.
    pub(crate) fn part(&self) -> Result<()> {
        if !any() {
            return Ok(());
        }
        let mut copied: Option<Tensor> = None;
        for slot in self.lock().drain(..) {
            let Some(slot) = slot.upgrade() else { continue };
            let _copy = tracing::debug_span!("copies").entered();
            let mut value = slot.lock();
            let own = match &copied {
                Some(own) => own.clone(),
                None => host::copy(&value)?,
            };
            *value = own.clone();
            copied = Some(own);
        }
        Ok(())
    }
}

/// Whether a value is lent at all.
pub(crate) fn any() -> bool {
    LENT.load(Ordering::Relaxed) != 0
}

/// [`Variable::will_change`] of many, before an optimizer's step.
pub(crate) fn will_change(variables: impl FnOnce() -> Vec<Variable>) -> Result<()> {
    match any() {
        // From the end, towards the one that writes: what it has written needs no copy.
        true => variables().iter().rev().try_for_each(Variable::will_change),
        false => Ok(()),
    }
}
