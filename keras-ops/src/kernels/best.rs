//! Positions of the largest or smallest element along one axis.

use pulp::Simd;

use super::lanes::shared;
use super::reduce::Extent;
use super::simd::{self, dispatch};
use super::vector::{Lane, read};

const LANES: usize = 32;

/// Elements that are compared.
pub trait Ordered: Copy + PartialOrd + Default + Sync {
    /// [`best`] of each row of `len`, which is below [`SHORT`].
    fn of_short_rows<const MIN: bool>(x: &[Self], len: usize, out: &mut [u32]) {
        out.iter_mut()
            .zip(x.chunks_exact(len))
            .for_each(|(out, row)| *out = in_turn::<MIN, Self>(row));
    }
}

impl Ordered for u8 {}
impl Ordered for i64 {}
impl Ordered for f64 {}

impl Ordered for f32 {
    fn of_short_rows<const MIN: bool>(x: &[f32], len: usize, out: &mut [u32]) {
        dispatch(Short::<MIN> { x, len, out });
    }
}

/// Rows below this length are not split into lanes.
const SHORT: usize = 2 * LANES;

/// Where along the middle axis, which is not empty, the largest (for `MIN` the smallest) element is: the first
/// of equals; the first NaN, if there is one.
pub fn best<const MIN: bool, T: Ordered>(x: &[T], extent: Extent) -> Vec<u32> {
    let mut out = vec![0u32; extent.outer * extent.inner];
    if x.is_empty() {
        return out;
    }
    shared(x, extent, &mut out, |x, first, out| {
        if extent.inner == 1 && extent.len < SHORT {
            return T::of_short_rows::<MIN>(x, extent.len, out);
        }
        if extent.inner == 1 {
            let rows = out.iter_mut().zip(x.chunks_exact(extent.len));
            return rows.for_each(|(out, x)| *out = best_of::<MIN, T>(x));
        }
        let mut found = x[first..first + out.len()].to_vec();
        simd::vectorize(
            #[inline(always)]
            || {
                for (at, row) in x.chunks_exact(extent.inner).enumerate().skip(1) {
                    let row = &row[first..first + out.len()];
                    for ((x, found), out) in row.iter().zip(&mut found).zip(out.iter_mut()) {
                        let better = beats::<MIN, T>(*x, *found);
                        *found = if better { *x } else { *found };
                        *out = if better { at as u32 } else { *out };
                    }
                }
            },
        );
    });
    out
}

/// Whether `x` takes the place of `best`: NaN does, from a number.
#[inline(always)]
#[expect(clippy::eq_op, reason = "NaN alone differs from itself")]
fn beats<const MIN: bool, T: Copy + PartialOrd>(x: T, best: T) -> bool {
    let better = if MIN { x < best } else { x > best };
    better | ((x != x) & (best == best))
}

fn best_of<const MIN: bool, T: Ordered>(x: &[T]) -> u32 {
    let mut found = (x[0], 0);
    for (i, chunk) in x.chunks(4096).enumerate() {
        let top = simd::vectorize(
            #[inline(always)]
            || {
                let (rows, rest) = chunk.as_chunks::<LANES>();
                let mut lanes = [chunk[0]; LANES];
                for row in rows {
                    for lane in 0..LANES {
                        let better = beats::<MIN, T>(row[lane], lanes[lane]);
                        lanes[lane] = if better { row[lane] } else { lanes[lane] };
                    }
                }
                let pick = |a: T, b: &T| if beats::<MIN, T>(*b, a) { *b } else { a };
                rest.iter().fold(lanes.iter().fold(chunk[0], pick), pick)
            },
        );
        // Only a chunk with a better element is searched.
        if i == 0 || beats::<MIN, T>(top, found.0) {
            let same = |x: &T| !beats::<MIN, T>(top, *x) && !beats::<MIN, T>(*x, top);
            let at = chunk.iter().position(same).unwrap_or(0);
            found = (top, i * 4096 + at);
        }
    }
    found.1 as u32
}

fn in_turn<const MIN: bool, T: Ordered>(row: &[T]) -> u32 {
    let mut found = (row[0], 0);
    for (i, x) in row.iter().enumerate() {
        let better = beats::<MIN, T>(*x, found.0);
        found = (
            if better { *x } else { found.0 },
            if better { i as u32 } else { found.1 },
        );
    }
    found.1
}

/// The first lane that is set; their number where none is.
#[inline(always)]
fn first_set<S: Simd>(simd: S, mask: S::m32s) -> usize {
    let lanes = f32::lanes::<S>();
    if size_of::<S::m32s>() == size_of::<u16>() {
        // AVX-512 has a bit for each lane.
        let bits: u16 = pulp::bytemuck::cast(mask);
        return bits.trailing_zeros() as usize;
    }
    let (on, off) = (simd.splat_u32s(1), simd.splat_u32s(0));
    let set = simd.select_u32s(mask, on, off);
    pulp::bytemuck::cast_slice::<_, u32>(std::slice::from_ref(&set))
        .iter()
        .position(|on| *on != 0)
        .unwrap_or(lanes)
}

/// Rows that are redone together if one of them has a NaN.
const ROWS: usize = 64;

/// Rows of a few registers each.
struct Short<'a, const MIN: bool> {
    x: &'a [f32],
    len: usize,
    out: &'a mut [u32],
}

impl<const MIN: bool> pulp::WithSimd for Short<'_, MIN> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { x, len, out } = self;
        let lanes = f32::lanes::<S>();
        let registers = len.div_ceil(lanes);
        let last = simd
            .mask_between_m32s(0, (len - (registers - 1) * lanes) as u32)
            .mask();
        let lowest = simd.splat_f32s(f32::NEG_INFINITY);
        let one = simd.splat_f32s(1.);
        // What stands behind the end of a row is read too, and masked.
        let load = |row: &[f32], register: usize| {
            let part = &row[register * lanes..(register + 1) * lanes];
            // SAFETY: `part` has as many elements as a register.
            let v = unsafe { read::<f32, S>(part.as_ptr()) };
            let v = if MIN { simd.neg_f32s(v) } else { v };
            match register + 1 == registers {
                true => simd.select_f32s(last, v, lowest),
                false => v,
            }
        };
        let readable = match x.len().checked_sub(registers * lanes) {
            Some(start) => (start / len + 1).min(out.len()),
            None => 0,
        };
        for (i, out) in out[..readable].chunks_mut(ROWS).enumerate() {
            let first = i * ROWS;
            let mut nan = simd.splat_f32s(0.);
            for (r, out) in out.iter_mut().enumerate() {
                let row = &x[(first + r) * len..];
                let mut top = lowest;
                for register in 0..registers {
                    let v = load(row, register);
                    nan = simd.select_f32s(simd.equal_f32s(v, v), nan, one);
                    top = simd.max_f32s(top, v);
                }
                let top = simd.splat_f32s(simd.reduce_max_f32s(top));
                let mut found = (0..registers).map(|register| {
                    let same = simd.equal_f32s(load(row, register), top);
                    (register, first_set(simd, same))
                });
                let found = found.find(|(_, lane)| *lane < lanes);
                *out = found.map_or(0, |(register, lane)| register * lanes + lane) as u32;
            }
            if simd.reduce_max_f32s(nan) > 0. {
                let rows = x[first * len..].chunks_exact(len);
                out.iter_mut()
                    .zip(rows)
                    .for_each(|(out, row)| *out = in_turn::<MIN, f32>(row));
            }
        }
        let rows = x[readable * len..].chunks_exact(len);
        let rest = out[readable..].iter_mut().zip(rows);
        rest.for_each(|(out, row)| *out = in_turn::<MIN, f32>(row));
    }
}
