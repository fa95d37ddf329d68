//! Matrices turned on their diagonal, in blocks that stay in registers.

use pulp::Simd;

use super::simd;

/// Rows and columns of a block.
const SIDE: usize = 8;

/// `to[i * to_stride + j] = from[j * from_stride + i]` for `i` below `rows` and `j` below `columns`.
#[inline(always)]
pub(super) fn turn<S: Simd>(
    to: &mut [f32],
    to_stride: usize,
    from: &[f32],
    from_stride: usize,
    rows: usize,
    columns: usize,
) {
    if rows == 0 || columns == 0 {
        return;
    }
    assert!(
        (rows - 1) * to_stride + columns <= to.len() && (columns - 1) * from_stride + rows <= from.len(),
        "turn: the slices are too short"
    );
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut))]
    let mut whole = 0;
    #[cfg(target_arch = "x86_64")]
    if const { S::F32_LANES >= SIDE } {
        whole = columns / SIDE * SIDE;
        let high = rows / SIDE * SIDE;
        for j in (0..whole).step_by(SIDE) {
            for i in (0..high).step_by(SIDE) {
                // SAFETY: the block lies inside both slices; vectors of eight lanes mean AVX.
                unsafe {
                    let from = from.as_ptr().add(j * from_stride + i);
                    block(
                        to.as_mut_ptr().add(i * to_stride + j),
                        to_stride,
                        from,
                        from_stride,
                    );
                }
            }
            for i in high..rows {
                for j in j..j + SIDE {
                    to[i * to_stride + j] = from[j * from_stride + i];
                }
            }
        }
    }
    for j in whole..columns {
        for (i, value) in from[j * from_stride..][..rows].iter().enumerate() {
            to[i * to_stride + j] = *value;
        }
    }
}

/// Eight rows of eight values turned.
#[inline(always)]
pub(super) fn eight<P: Copy>(rows: &[[P; SIDE]; SIDE]) -> [[P; SIDE]; SIDE] {
    let mut turned = *rows;
    #[cfg(target_arch = "x86_64")]
    if const { size_of::<P>() == size_of::<f32>() } && simd::wide() {
        // SAFETY: both are blocks of values of as many bytes, which are only moved; the processor has AVX.
        unsafe { one_block(turned.as_mut_ptr().cast(), rows.as_ptr().cast()) };
        return turned;
    }
    for (i, row) in rows.iter().enumerate() {
        for (to, value) in turned.iter_mut().zip(row) {
            to[i] = *value;
        }
    }
    turned
}

/// A block without gaps; a function of its own, so that the loops that made the rows stay what they are: together with
/// the turning LLVM makes vectors of two of them.
///
/// # Safety
/// Both must hold a block.
#[cfg(target_arch = "x86_64")]
#[inline(never)]
#[target_feature(enable = "avx")]
unsafe fn one_block(to: *mut f32, from: *const f32) {
    // SAFETY: the caller's promise.
    unsafe { block(to, SIDE, from, SIDE) };
}

/// One block.
///
/// # Safety
/// Both must hold a block of rows that lie their strides apart.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn block(to: *mut f32, to_stride: usize, from: *const f32, from_stride: usize) {
    use std::arch::x86_64::*;
    // SAFETY: the caller's promise.
    unsafe {
        for half in [0, SIDE / 2] {
            // Row r in the low half, row r + 4 in the high one: what is left to do stays inside the halves.
            let both = |row: usize| {
                let low = _mm_loadu_ps(from.add(row * from_stride + half));
                let high = _mm_loadu_ps(from.add((row + SIDE / 2) * from_stride + half));
                _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(low), high)
            };
            let rows = [both(0), both(1), both(2), both(3)];
            let (a, b) = (
                _mm256_unpacklo_ps(rows[0], rows[1]),
                _mm256_unpackhi_ps(rows[0], rows[1]),
            );
            let (c, d) = (
                _mm256_unpacklo_ps(rows[2], rows[3]),
                _mm256_unpackhi_ps(rows[2], rows[3]),
            );
            let turned = [
                _mm256_shuffle_ps::<0x44>(a, c),
                _mm256_shuffle_ps::<0xee>(a, c),
                _mm256_shuffle_ps::<0x44>(b, d),
                _mm256_shuffle_ps::<0xee>(b, d),
            ];
            for (i, line) in turned.into_iter().enumerate() {
                _mm256_storeu_ps(to.add((half + i) * to_stride), line);
            }
        }
    }
}

/// [`turn`] of a whole matrix without gaps in `to`, block by block so that both sides are gone through by cache lines.
pub(super) fn turned(to: &mut [f32], from: &[f32], from_stride: usize, rows: usize, columns: usize) {
    simd::dispatch(Turned {
        to,
        from,
        from_stride,
        rows,
        columns,
    });
}

struct Turned<'a> {
    to: &'a mut [f32],
    from: &'a [f32],
    from_stride: usize,
    rows: usize,
    columns: usize,
}

impl pulp::WithSimd for Turned<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        const LINE: usize = 2 * SIDE;
        let Self {
            to,
            from,
            from_stride,
            rows,
            columns,
        } = self;
        for i in (0..rows).step_by(LINE) {
            for j in (0..columns).step_by(LINE) {
                turn::<S>(
                    &mut to[i * columns + j..],
                    columns,
                    &from[j * from_stride + i..],
                    from_stride,
                    LINE.min(rows - i),
                    LINE.min(columns - j),
                );
            }
        }
    }
}
