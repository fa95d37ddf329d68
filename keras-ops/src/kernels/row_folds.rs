//! Folds of one row, inlined into loops that are already compiled for the instruction set.
//!
//! Sums are in the element's type inside a block and in `f64` across blocks.

use super::math::Math;
use super::turn;

/// Partial results side by side.
pub const LANES: usize = 32;
/// Elements that are summed in their own type.
pub const BLOCK: usize = 4096;

/// The sum of the lanes, in pairs.
#[inline(always)]
pub fn tree<T: Math>(lanes: [T; LANES]) -> T {
    // Through memory: seen together with the halving, the loops that made the lanes become ones of vectors of two.
    let mut lanes = std::hint::black_box(lanes);
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// Rows that are summed side by side.
pub const EIGHT: usize = 8;

/// The first halvings of [`tree`].
#[inline(always)]
pub fn halved<T: Math>(lanes: &[T; LANES]) -> [T; EIGHT] {
    let mut few = [T::ZERO; EIGHT];
    for i in 0..EIGHT {
        few[i] = (lanes[i] + lanes[i + 16]) + (lanes[i + 8] + lanes[i + 24]);
    }
    few
}

/// What [`tree`] gives for each of eight rows, after [`halved`].
#[inline(always)]
#[allow(
    clippy::needless_range_loop,
    reason = "iterators are not always inlined where this is compiled"
)]
pub fn trees<T: Math>(rows: &[[T; EIGHT]; EIGHT]) -> [T; EIGHT] {
    let mut lanes = turn::eight(rows);
    let mut width = EIGHT / 2;
    while width > 0 {
        for i in 0..width {
            let other = lanes[i + width];
            for r in 0..EIGHT {
                lanes[i][r] += other[r];
            }
        }
        width /= 2;
    }
    lanes[0]
}

/// The sum of `f(x)`.
#[inline(always)]
pub fn sum_of<T: Math>(x: &[T], f: impl Fn(T) -> T) -> f64 {
    let mut total = 0.;
    for block in x.chunks(BLOCK) {
        let mut lanes = [T::ZERO; LANES];
        let (chunks, rest) = block.as_chunks::<LANES>();
        for chunk in chunks {
            for i in 0..LANES {
                lanes[i] += f(chunk[i]);
            }
        }
        lanes.iter_mut().zip(rest).for_each(|(lane, x)| *lane += f(*x));
        total += tree(lanes).f64();
    }
    total
}

/// The sum of `f(a, b)`.
#[inline(always)]
pub fn sum_of_pairs<T: Math>(a: &[T], b: &[T], f: impl Fn(T, T) -> T) -> f64 {
    let mut total = 0.;
    for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
        let mut lanes = [T::ZERO; LANES];
        let (a, a_rest) = a.as_chunks::<LANES>();
        let (b, b_rest) = b.as_chunks::<LANES>();
        for (a, b) in a.iter().zip(b) {
            for i in 0..LANES {
                lanes[i] += f(a[i], b[i]);
            }
        }
        let rest = lanes.iter_mut().zip(a_rest.iter().zip(b_rest));
        rest.for_each(|(lane, (a, b))| *lane += f(*a, *b));
        total += tree(lanes).f64();
    }
    total
}

/// Writes `f(x)` and sums it.
#[inline(always)]
pub fn write_sum<T: Math>(x: &[T], out: &mut [T], f: impl Fn(T) -> T) -> f64 {
    let mut total = 0.;
    for (x, out) in x.chunks(BLOCK).zip(out.chunks_mut(BLOCK)) {
        let mut lanes = [T::ZERO; LANES];
        let (x, x_rest) = x.as_chunks::<LANES>();
        let (out, out_rest) = out.as_chunks_mut::<LANES>();
        for (x, out) in x.iter().zip(out) {
            for i in 0..LANES {
                out[i] = f(x[i]);
                lanes[i] += out[i];
            }
        }
        let rest = lanes.iter_mut().zip(x_rest.iter().zip(out_rest));
        for (lane, (x, out)) in rest {
            *out = f(*x);
            *lane += *out;
        }
        total += tree(lanes).f64();
    }
    total
}

/// The largest; -∞ of nothing. NaN is passed over: what is made of it afterwards is NaN again.
#[inline(always)]
pub fn largest<T: Math>(x: &[T]) -> T {
    let mut lanes = [T::of(f64::NEG_INFINITY); LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] = if chunk[i] > lanes[i] { chunk[i] } else { lanes[i] };
        }
    }
    let larger = |a: T, b: &T| if *b > a { *b } else { a };
    rest.iter().fold(lanes.iter().fold(lanes[0], larger), larger)
}
