//! NumPy broadcasting of two row-major operands.

use std::mem::MaybeUninit;

use crate::kernels::team::{Parts as _, Slice as _};
use candle_core::Result;
use smallvec::SmallVec;

use super::map::{map1, map2, map3};
use super::simd;

/// How two operands combine.
#[derive(Clone, Debug)]
enum Kind {
    Same,
    LeftScalar,
    RightScalar,
    /// Collapsed axes: size, then the strides of both operands; the last one has strides 0 or 1.
    Strided(SmallVec<[(usize, usize, usize); 4]>),
}

/// The broadcast of two shapes.
#[derive(Clone, Debug)]
pub struct Plan {
    shape: SmallVec<[usize; 4]>,
    kind: Kind,
}

/// One operand of a run: consecutive elements or a repeated one.
#[derive(Clone, Copy, Debug)]
enum Run<'a, T> {
    Slice(&'a [T]),
    One(T),
}

impl<'a, T: Copy> Run<'a, T> {
    fn new(values: &'a [T], at: usize, len: usize, stride: usize) -> Self {
        if stride == 0 {
            Run::One(values[at])
        } else {
            Run::Slice(&values[at..at + len])
        }
    }
}

impl Plan {
    /// # Errors
    /// When the shapes do not broadcast; `op` names the operation.
    pub fn new(op: &str, a: &[usize], b: &[usize]) -> Result<Self> {
        if a == b {
            return Ok(Self {
                shape: a.into(),
                kind: Kind::Same,
            });
        }
        let rank = a.len().max(b.len());
        let size = |dims: &[usize], i: usize| {
            if i + dims.len() < rank {
                1
            } else {
                dims[i + dims.len() - rank]
            }
        };
        let mut shape = SmallVec::with_capacity(rank);
        for i in 0..rank {
            shape.push(match (size(a, i), size(b, i)) {
                (x, y) if x == y || y == 1 => x,
                (1, y) => y,
                _ => candle_core::bail!(
                    "{op}: shapes {a:?} and {b:?} do not broadcast; aligned at the last axis, sizes must be \
                     equal or 1"
                ),
            });
        }
        let count = |dims: &[usize]| dims.iter().product::<usize>();
        let total = count(&shape);
        let kind = match (count(a), count(b)) {
            (x, y) if x == total && y == total => Kind::Same,
            (x, 1) if x == total => Kind::RightScalar,
            (1, y) if y == total => Kind::LeftScalar,
            _ => Kind::Strided(collapse(&shape, |i| size(a, i), |i| size(b, i))),
        };
        Ok(Self { shape, kind })
    }

    /// The shape that three operands broadcast to.
    ///
    /// # Errors
    /// When they do not.
    pub fn shape_of_three(op: &str, a: &[usize], b: &[usize], c: &[usize]) -> Result<SmallVec<[usize; 4]>> {
        let both = Self::new(op, a, b)?;
        Ok(Self::new(op, both.shape(), c)?.shape)
    }

    /// The broadcast shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Whether one operand is a single value and the other has the broadcast shape.
    pub(super) fn is_scalar(&self, second: bool) -> bool {
        match self.kind {
            Kind::LeftScalar => !second,
            Kind::RightScalar => second,
            _ => false,
        }
    }

    /// Sizes and both operands' strides, where two axes are left after joining neighbours.
    pub(super) fn two_axes(&self) -> Option<[(usize, (usize, usize)); 2]> {
        match &self.kind {
            Kind::Strided(axes) => match axes.as_slice() {
                [(n, a, b), (m, c, d)] => Some([(*n, (*a, *b)), (*m, (*c, *d))]),
                _ => None,
            },
            _ => None,
        }
    }

    fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// `f(a, b)` over the broadcast.
    #[inline(always)]
    pub fn map<A, C>(&self, a: &[A], b: &[A], f: impl Fn(A, A) -> C + Sync) -> Vec<C>
    where
        A: Copy + Sync,
        C: Copy + Send,
    {
        let axes = match &self.kind {
            Kind::Same => return map2(a, b, f),
            Kind::RightScalar => {
                let b = b[0];
                return map1(
                    a,
                    #[inline(always)]
                    |a| f(a, b),
                );
            }
            Kind::LeftScalar => {
                let a = a[0];
                return map1(
                    b,
                    #[inline(always)]
                    |b| f(a, b),
                );
            }
            Kind::Strided(axes) => axes,
        };
        let len = axes.last().map_or(1, |axis| axis.0);
        build_runs(self.count(), len, &|first, slots| {
            simd::vectorize_for::<A, _>(
                #[inline(always)]
                || {
                    let mut slots = slots.chunks_exact_mut(len);
                    runs(axes, first, slots.len(), |i, j, (len, sa, sb)| {
                        let Some(slots) = slots.next() else { return };
                        let slots = slots.iter_mut();
                        match (Run::new(a, i, len, sa), Run::new(b, j, len, sb)) {
                            (Run::Slice(a), Run::Slice(b)) => {
                                for ((slot, a), b) in slots.zip(a).zip(b) {
                                    slot.write(f(*a, *b));
                                }
                            }
                            (Run::Slice(a), Run::One(b)) => {
                                for (slot, a) in slots.zip(a) {
                                    slot.write(f(*a, b));
                                }
                            }
                            (Run::One(a), Run::Slice(b)) => {
                                for (slot, b) in slots.zip(b) {
                                    slot.write(f(a, *b));
                                }
                            }
                            (Run::One(a), Run::One(b)) => slots.for_each(|slot| _ = slot.write(f(a, b))),
                        }
                    })
                },
            );
        })
    }

    /// `f(g, a, b)`, where `g` has the broadcast shape.
    #[inline(always)]
    pub fn map_with<T, C>(&self, g: &[T], a: &[T], b: &[T], f: impl Fn(T, T, T) -> C + Sync) -> Vec<C>
    where
        T: Copy + Sync,
        C: Copy + Send,
    {
        let axes = match &self.kind {
            Kind::Same => return map3(g, a, b, f),
            Kind::RightScalar => {
                let b = b[0];
                return map2(
                    g,
                    a,
                    #[inline(always)]
                    |g, a| f(g, a, b),
                );
            }
            Kind::LeftScalar => {
                let a = a[0];
                return map2(
                    g,
                    b,
                    #[inline(always)]
                    |g, b| f(g, a, b),
                );
            }
            Kind::Strided(axes) => axes,
        };
        let len = axes.last().map_or(1, |axis| axis.0);
        build_runs(g.len(), len, &|first, slots| {
            let g = &g[first * len..first * len + slots.len()];
            simd::vectorize_for::<T, _>(
                #[inline(always)]
                || {
                    let mut parts = slots.chunks_exact_mut(len).zip(g.chunks_exact(len));
                    runs(axes, first, parts.len(), |i, j, (len, sa, sb)| {
                        let Some((slots, g)) = parts.next() else { return };
                        let slots = slots.iter_mut();
                        match (Run::new(a, i, len, sa), Run::new(b, j, len, sb)) {
                            (Run::Slice(a), Run::Slice(b)) => {
                                for (((slot, g), a), b) in slots.zip(g).zip(a).zip(b) {
                                    slot.write(f(*g, *a, *b));
                                }
                            }
                            (Run::Slice(a), Run::One(b)) => {
                                for ((slot, g), a) in slots.zip(g).zip(a) {
                                    slot.write(f(*g, *a, b));
                                }
                            }
                            (Run::One(a), Run::Slice(b)) => {
                                for ((slot, g), b) in slots.zip(g).zip(b) {
                                    slot.write(f(*g, a, *b));
                                }
                            }
                            (Run::One(a), Run::One(b)) => {
                                for (slot, g) in slots.zip(g) {
                                    slot.write(f(*g, a, b));
                                }
                            }
                        }
                    })
                },
            );
        })
    }
}

/// A fresh vector of runs of `len` elements; `fill` gets the number of the first run and the slots of whole
/// runs, which it must all write. Parts depend on sizes alone.
fn build_runs<C: Copy + Send>(
    count: usize,
    len: usize,
    fill: &(dyn Fn(usize, &mut [MaybeUninit<C>]) + Sync),
) -> Vec<C> {
    let mut out = Vec::with_capacity(count);
    let slots = &mut out.spare_capacity_mut()[..count];
    let per = simd::CHUNK.div_ceil(len.max(1));
    if count > 0 && simd::parallel(count) && per * len < count {
        let parts = slots.par_chunks_mut(per * len).enumerate();
        parts.for_each(|(i, slots)| fill(i * per, slots));
    } else if count > 0 {
        fill(0, slots);
    }
    // SAFETY: the chunks cover the first `count` slots, and the private callers above write each run that they
    // are given: all operands are sliced to its length.
    unsafe { out.set_len(count) };
    out
}

/// Joins neighbouring axes that both operands walk alike.
#[inline]
fn collapse(
    shape: &[usize],
    a: impl Fn(usize) -> usize,
    b: impl Fn(usize) -> usize,
) -> SmallVec<[(usize, usize, usize); 4]> {
    let mut axes: SmallVec<[(usize, usize, usize); 4]> = SmallVec::new();
    let (mut stride_a, mut stride_b) = (1, 1);
    for (i, &size) in shape.iter().enumerate().rev() {
        let here = (
            if a(i) == 1 { 0 } else { stride_a },
            if b(i) == 1 { 0 } else { stride_b },
        );
        stride_a *= a(i);
        stride_b *= b(i);
        if size == 1 {
            continue;
        }
        match axes.last_mut() {
            Some((n, x, y)) if here == (*x * *n, *y * *n) => *n *= size,
            _ => axes.push((size, here.0, here.1)),
        }
    }
    if axes.is_empty() {
        axes.push((1, 0, 0));
    }
    axes.reverse();
    axes
}

/// Calls `f(offset in a, offset in b, last axis)` for `count` runs along the last axis, from run `first` on.
#[inline(always)]
fn runs(
    axes: &[(usize, usize, usize)],
    first: usize,
    count: usize,
    mut f: impl FnMut(usize, usize, (usize, usize, usize)),
) {
    let Some((last, outer)) = axes.split_last() else {
        return;
    };
    let mut index: SmallVec<[usize; 4]> = SmallVec::from_elem(0, outer.len());
    let (mut a, mut b, mut rest) = (0, 0, first);
    for (i, &(size, sa, sb)) in outer.iter().enumerate().rev() {
        index[i] = rest % size;
        rest /= size;
        a += index[i] * sa;
        b += index[i] * sb;
    }
    for _ in 0..count {
        f(a, b, *last);
        for (i, &(size, sa, sb)) in outer.iter().enumerate().rev() {
            index[i] += 1;
            a += sa;
            b += sb;
            if index[i] < size {
                break;
            }
            a -= sa * size;
            b -= sb * size;
            index[i] = 0;
        }
    }
}
