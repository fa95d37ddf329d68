//! Copies of strided views into row-major memory.

use crate::kernels::team::{Parts as _, Slice as _};
use smallvec::SmallVec;

use super::{simd, turn};

/// An axis of a view: its size and how far apart its elements lie.
type Axis = (usize, usize);

/// Elements of one side of a block of a transposition: a block's rows stay in the nearest cache.
const SIDE: usize = 16;
/// The long side of a block whose other side is short.
const LONG: usize = 512;

/// The elements of a view in row-major order: `data[0]` is its first element.
pub fn gather<T: Copy + Send + Sync>(data: &[T], dims: &[usize], strides: &[usize]) -> Vec<T> {
    let total: usize = dims.iter().product();
    if total == 0 {
        return Vec::new();
    }
    // SAFETY: the slabs cover the whole of it, and `fill` writes every element it is given.
    let mut out = unsafe { super::buffer::unwritten(total) };
    let axes = collapse(dims, strides);
    let Some((&(first, _), inner)) = axes.split_first() else {
        out[0] = data[0];
        return out;
    };
    let slab = total / first;
    // Slabs of the first axis, several together when they are small; bounds depend on sizes alone.
    let per = (simd::CHUNK / slab).max(1);
    let work = |(i, out): (usize, &mut [T])| {
        let mut axes: SmallVec<[Axis; 6]> = axes.clone();
        axes[0].0 = out.len() / slab;
        fill(out, &data[i * per * axes[0].1..], &axes);
    };
    if simd::parallel(total) && (first > per || inner.is_empty()) {
        out.par_chunks_mut(per * slab).enumerate().for_each(work);
    } else {
        fill(&mut out, data, &axes);
    }
    out
}

/// Joins neighbouring axes that lie behind one another in memory, and drops those of size 1.
fn collapse(dims: &[usize], strides: &[usize]) -> SmallVec<[Axis; 6]> {
    let mut axes: SmallVec<[Axis; 6]> = SmallVec::new();
    for (&size, &stride) in dims.iter().zip(strides) {
        match axes.last_mut() {
            _ if size == 1 => {}
            Some(last) if last.1 == size * stride => *last = (last.0 * size, stride),
            _ => axes.push((size, stride)),
        }
    }
    axes
}

/// Writes the view into `out`, which it fills.
fn fill<T: Copy>(out: &mut [T], data: &[T], axes: &[Axis]) {
    match axes {
        [] => out[0] = data[0],
        [(size, 1)] => out.copy_from_slice(&data[..*size]),
        [(_, 0)] => out.fill(data[0]),
        [(_, stride)] => out
            .iter_mut()
            .zip(data.iter().step_by(*stride))
            .for_each(|(out, x)| *out = *x),
        // The memory's own order runs across: walk it in blocks.
        [(rows, near), (cols, far)] if near < far && *near > 0 => {
            transposed(out, data, (*rows, *near), (*cols, *far))
        }
        // The innermost axis of memory is neither first nor last here: move it next to the last one.
        [(size, stride), rest @ ..] => {
            let len = out.len() / size;
            if let [middle, (cols, far)] = rest
                && *stride < *far
                && *stride > 0
                && middle.1 > *stride
                && *far > 1
            {
                return planes(out, data, (*size, *stride), *middle, (*cols, *far));
            }
            for (i, out) in out.chunks_exact_mut(len).enumerate() {
                fill(out, &data[i * stride..], rest);
            }
        }
    }
}

/// `out[i, j] = data[i * near + j * far]`, in blocks that read and write whole cache lines.
fn transposed<T: Copy>(out: &mut [T], data: &[T], (rows, near): Axis, (cols, far): Axis) {
    if const { size_of::<T>() == size_of::<f32>() && align_of::<T>() == align_of::<f32>() }
        && near == 1
        && rows.min(cols) >= SIDE / 2
    {
        // SAFETY: elements of as many bytes, which are only moved; all types that tensors hold have no gaps.
        let (out, data) = unsafe {
            (
                std::slice::from_raw_parts_mut(out.as_mut_ptr().cast(), out.len()),
                std::slice::from_raw_parts(data.as_ptr().cast(), data.len()),
            )
        };
        return turn::turned(out, data, far, rows, cols);
    }
    // A short side leaves room for a long other one.
    let tall = if cols < SIDE { LONG } else { SIDE };
    let wide = if rows < SIDE { LONG } else { SIDE };
    for i in (0..rows).step_by(tall) {
        for j in (0..cols).step_by(wide) {
            let (height, width) = (tall.min(rows - i), wide.min(cols - j));
            if (height, width, near) == (SIDE, SIDE, 1) {
                block(&mut out[i * cols + j..], cols, &data[i + j * far..], far);
            } else if width < SIDE {
                for col in j..j + width {
                    let out = out[i * cols + col..].iter_mut().step_by(cols).take(height);
                    let from = data[i * near + col * far..].iter().step_by(near);
                    out.zip(from).for_each(|(out, x)| *out = *x);
                }
            } else {
                for row in i..i + height {
                    let out = &mut out[row * cols + j..][..width];
                    let from = data[row * near + j * far..].iter().step_by(far);
                    out.iter_mut().zip(from).for_each(|(out, x)| *out = *x);
                }
            }
        }
    }
}

/// A full block: read row by row, turned on the stack, written row by row.
#[inline(always)]
fn block<T: Copy>(out: &mut [T], cols: usize, data: &[T], far: usize) {
    let mut tile = [[data[0]; SIDE]; SIDE];
    for (j, line) in (0..SIDE).map(|j| &data[j * far..j * far + SIDE]).enumerate() {
        for i in 0..SIDE {
            tile[i][j] = line[i];
        }
    }
    for (i, line) in tile.iter().enumerate() {
        out[i * cols..i * cols + SIDE].copy_from_slice(line);
    }
}

/// `out[i, m, j]` where `i` is nearest in memory: one transposition for each `m`.
fn planes<T: Copy>(out: &mut [T], data: &[T], (rows, near): Axis, middle: Axis, (cols, far): Axis) {
    let width = middle.0 * cols;
    for m in 0..middle.0 {
        for i in (0..rows).step_by(SIDE) {
            for j in (0..cols).step_by(SIDE) {
                for row in i..rows.min(i + SIDE) {
                    let wide = SIDE.min(cols - j);
                    let out = &mut out[row * width + m * cols + j..][..wide];
                    let from = data[row * near + m * middle.1 + j * far..].iter().step_by(far);
                    out.iter_mut().zip(from).for_each(|(out, x)| *out = *x);
                }
            }
        }
    }
}
