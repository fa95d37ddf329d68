//! Sixteen units at a time in local arrays: LLVM cannot tell that nine slices of a step don't overlap, and
//! would not make vector code of plain loops over them.

use crate::kernels::math::Math;

/// Units at a time.
pub(super) const LANES: usize = 16;
/// Values of as many units.
pub(super) type Lanes<T> = [T; LANES];

/// Where a group of units begins and how many it has.
#[derive(Clone, Copy)]
pub(super) struct At {
    start: usize,
    count: usize,
}

/// The groups of `units`.
#[inline(always)]
pub(super) fn groups(units: usize) -> impl Iterator<Item = At> {
    (0..units).step_by(LANES).map(move |start| At {
        start,
        count: LANES.min(units - start),
    })
}

impl At {
    /// A group's values; 0 past the last unit.
    #[inline(always)]
    pub(super) fn get<T: Math>(self, values: &[T]) -> Lanes<T> {
        let mut lanes = [T::ZERO; LANES];
        if self.count == LANES {
            lanes.copy_from_slice(&values[self.start..self.start + LANES]);
        } else {
            let values = &values[self.start..self.start + self.count];
            lanes.iter_mut().zip(values).for_each(|(lane, v)| *lane = *v);
        }
        lanes
    }

    /// Stores a group's values.
    #[inline(always)]
    pub(super) fn put<T: Math>(self, values: &mut [T], lanes: Lanes<T>) {
        if self.count == LANES {
            values[self.start..self.start + LANES].copy_from_slice(&lanes);
        } else {
            let values = &mut values[self.start..self.start + self.count];
            values.iter_mut().zip(lanes).for_each(|(v, lane)| *v = lane);
        }
    }
}

/// `f(a)` of each unit.
#[inline(always)]
pub(super) fn map<T: Math>(a: Lanes<T>, f: impl Fn(T) -> T) -> Lanes<T> {
    by(|k| f(a[k]))
}

/// `f(k)` of each unit, by its number in the group.
#[inline(always)]
pub(super) fn by<T: Math>(f: impl Fn(usize) -> T) -> Lanes<T> {
    let mut out = [T::ZERO; LANES];
    for (k, out) in out.iter_mut().enumerate() {
        *out = f(k);
    }
    out
}
