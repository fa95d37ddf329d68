//! Statistics of channels, and shifting and scaling by channel: batch, group and instance normalisation, moments.
//!
//! A tensor is seen as `[outer, before, channels, after]`; statistics are by outer index and channel. Columns are
//! summed over a tile in their own type and over tiles in `f64`; squares are of distances from a mean, so that large
//! values do not cancel.

use crate::kernels::team::{IntoParts as _, Parts as _, Slice as _};

use super::buffer::unwritten;
use super::math::Math;
use super::norm::apart;
use super::row_folds::{BLOCK, sum_of, sum_of_pairs};
use super::simd;

/// Elements of one task.
const TASK: usize = 1 << 16;
/// Elements of a tile, which is read twice from the cache.
const TILE: usize = 1 << 13;
/// Narrow rows are joined to this many elements.
const WIDE: usize = 128;
/// Columns of a tile.
const COLUMNS: usize = 1024;
/// Columns whose sums stay in registers.
const GROUP: usize = 64;

/// A row-major block, statistics by `outer` and `channels`.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The product of the axes that have statistics of their own and come first.
    pub outer: usize,
    /// The product of the axes between, summed over.
    pub before: usize,
    /// The axis of the channels.
    pub channels: usize,
    /// The product of the axes after, summed over.
    pub after: usize,
}

impl Plan {
    /// Elements that a statistic sums over.
    pub fn count(&self) -> usize {
        self.before * self.after
    }

    fn slab(&self) -> usize {
        self.before * self.channels * self.after
    }

    /// Elements of `[channels, after]`.
    fn row(&self) -> usize {
        self.channels * self.after
    }

    /// The tasks: outer index, and rows from one to another.
    fn tasks(&self) -> Vec<(usize, usize, usize)> {
        let rows = (TASK / self.row().max(1)).max(1).next_multiple_of(self.joined());
        let starts = |outer| {
            (0..self.before)
                .step_by(rows)
                .map(move |first| (outer, first, (first + rows).min(self.before)))
        };
        (0..self.outer).flat_map(starts).collect()
    }

    /// How many rows make a wide one.
    fn joined(&self) -> usize {
        if self.after > 1 {
            1
        } else {
            (WIDE / self.channels.max(1)).max(1)
        }
    }

    fn part<'a, T>(&self, x: &'a [T], (outer, first, end): (usize, usize, usize)) -> &'a [T] {
        let start = outer * self.slab();
        &x[start + first * self.row()..start + end * self.row()]
    }

    /// `f` of each task, in order.
    fn each<R: Send>(
        &self,
        f: impl Fn((usize, usize, usize)) -> R + Sync + Send,
    ) -> Vec<((usize, usize, usize), R)> {
        let tasks = self.tasks();
        if simd::parallel(self.outer * self.slab()) {
            tasks.into_par_iter().map(|task| (task, f(task))).collect()
        } else {
            tasks.into_iter().map(|task| (task, f(task))).collect()
        }
    }
}

/// Count, mean, and sum of squared distances from it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moment {
    count: f64,
    /// The mean.
    pub mean: f64,
    /// The sum of squared distances from the mean.
    pub squares: f64,
}

impl Moment {
    /// From the sums of `x - mean` and of its square.
    #[inline(always)]
    fn around<T: Math>(mean: T, count: f64, [plain, squares]: [f64; 2]) -> Self {
        let low = plain / count;
        Self {
            count,
            mean: mean.f64() + low,
            squares: (squares - low * plain).max(0.),
        }
    }

    /// That of both together.
    #[inline(always)]
    pub fn join(self, other: Self) -> Self {
        let count = self.count + other.count;
        if count == 0. {
            return self;
        }
        self.join_by(other, other.count / count)
    }

    /// [`join`](Self::join), where `share` of all is the other's.
    #[inline(always)]
    fn join_by(self, other: Self, share: f64) -> Self {
        let apart = other.mean - self.mean;
        Self {
            count: self.count + other.count,
            mean: self.mean + apart * share,
            squares: self.squares + other.squares + apart * apart * self.count * share,
        }
    }
}

/// Mean and squared distances of each outer index and channel.
pub fn moments<T: Math>(x: &[T], plan: Plan) -> Vec<Moment> {
    let mut all = vec![Moment::default(); plan.outer * plan.channels];
    for ((outer, ..), part) in plan.each(|task| part_moments(plan.part(x, task), plan)) {
        let all = &mut all[outer * plan.channels..][..plan.channels];
        all.iter_mut()
            .zip(part)
            .for_each(|(all, part)| *all = all.join(part));
    }
    all
}

fn part_moments<T: Math>(x: &[T], plan: Plan) -> Vec<Moment> {
    let mut found = vec![Moment::default(); plan.channels];
    if plan.after > 1 {
        for row in x.chunks_exact(plan.row()) {
            simd::vectorize_for::<T, _>(
                #[inline(always)]
                || {
                    for (found, x) in found.iter_mut().zip(row.chunks_exact(plan.after)) {
                        *found = x.chunks(BLOCK).fold(*found, |found, x| found.join(run_moment(x)));
                    }
                },
            );
        }
        return found;
    }
    let width = plan.channels * plan.joined();
    let (wide, rest) = x.split_at(x.len() / width * width);
    let columns = column_moments(wide, width);
    for columns in columns.chunks_exact(plan.channels) {
        found.iter_mut().zip(columns).for_each(|(f, c)| *f = f.join(*c));
    }
    let columns = column_moments(rest, plan.channels);
    found.iter_mut().zip(columns).for_each(|(f, c)| *f = f.join(c));
    found
}

#[inline(always)]
fn run_moment<T: Math>(x: &[T]) -> Moment {
    let count = x.len() as f64;
    let mean = T::of(sum_of(x, |x| x) / count);
    Moment::around(mean, count, apart(x, mean))
}

/// The moments of the columns of rows of `width`.
fn column_moments<T: Math>(x: &[T], width: usize) -> Vec<Moment> {
    let mut found = vec![Moment::default(); width];
    let rows = x.len() / width;
    let tall = (TILE / width.min(COLUMNS)).max(1);
    let mut columns = [(); 3].map(|()| vec![T::ZERO; width.min(COLUMNS)]);
    for first in (0..rows).step_by(tall) {
        let x = &x[first * width..(first + tall).min(rows) * width];
        for (i, found) in found.chunks_mut(COLUMNS).enumerate() {
            let [means, plain, squares] = &mut columns;
            let columns = [means, plain, squares].map(|c| &mut c[..found.len()]);
            simd::vectorize_for::<T, _>(
                #[inline(always)]
                || tile_moments(x, width, i * COLUMNS, columns, first == 0, found),
            );
        }
    }
    found
}

/// Adds a tile's columns `from ..`. The squares are around the mean of what was found before, or of the tile itself
/// when it is the first: so they are no larger than those of all rows.
#[inline(always)]
fn tile_moments<T: Math>(
    x: &[T],
    width: usize,
    from: usize,
    [means, plain, squares]: [&mut [T]; 3],
    first: bool,
    found: &mut [Moment],
) {
    let rows = x.len() / width;
    let per = T::of(1. / rows as f64);
    if !first {
        let known = means.iter_mut().zip(&*found);
        known.for_each(|(m, found)| *m = T::of(found.mean));
    }
    let whole = found.len() / GROUP * GROUP;
    for column in (0..whole).step_by(GROUP) {
        let chunks = |row: usize| x[row * width + from + column..].first_chunk::<GROUP>();
        let mut m = [T::ZERO; GROUP];
        if first {
            for row in 0..rows {
                let Some(x) = chunks(row) else { continue };
                for i in 0..GROUP {
                    m[i] += x[i];
                }
            }
            m.iter_mut().for_each(|m| *m *= per);
            means[column..column + GROUP].copy_from_slice(&m);
        } else {
            m.copy_from_slice(&means[column..column + GROUP]);
        }
        let (mut p, mut s) = ([T::ZERO; GROUP], [T::ZERO; GROUP]);
        for row in 0..rows {
            let Some(x) = chunks(row) else { continue };
            for i in 0..GROUP {
                let d = x[i] - m[i];
                p[i] += d;
                s[i] += d * d;
            }
        }
        plain[column..column + GROUP].copy_from_slice(&p);
        squares[column..column + GROUP].copy_from_slice(&s);
    }
    let at = from + whole..from + found.len();
    let rest = [&mut means[whole..], &mut plain[whole..], &mut squares[whole..]];
    let [rest_means, rest_plain, rest_squares] = rest;
    rest_plain.fill(T::ZERO);
    rest_squares.fill(T::ZERO);
    if first && !rest_means.is_empty() {
        rest_means.fill(T::ZERO);
        for x in x.chunks_exact(width) {
            let sums = rest_means.iter_mut().zip(&x[at.clone()]);
            sums.for_each(|(m, x)| *m += *x);
        }
        rest_means.iter_mut().for_each(|m| *m *= per);
    }
    if !rest_means.is_empty() {
        for x in x.chunks_exact(width) {
            let sums = rest_plain.iter_mut().zip(&mut *rest_squares);
            for ((plain, squares), (x, m)) in sums.zip(x[at.clone()].iter().zip(&*rest_means)) {
                let d = *x - *m;
                *plain += d;
                *squares += d * d;
            }
        }
    }
    // All columns have as many rows.
    let share = rows as f64 / (found.first().map_or(0., |found| found.count) + rows as f64);
    let sums = plain.iter().zip(&*squares);
    for ((found, mean), (plain, squares)) in found.iter_mut().zip(&*means).zip(sums) {
        let tile = Moment::around(*mean, rows as f64, [plain.f64(), squares.f64()]);
        *found = found.join_by(tile, share);
    }
}

/// `sum(g)` and `sum(g (x - mean))` of each outer index and channel.
pub fn sums<T: Math>(g: &[T], x: &[T], means: &[T], plan: Plan) -> Vec<[f64; 2]> {
    let mut all = vec![[0.; 2]; plan.outer * plan.channels];
    let part = |task: (usize, usize, usize)| {
        let means = &means[task.0 * plan.channels..][..plan.channels];
        part_sums(plan.part(g, task), plan.part(x, task), means, plan)
    };
    for ((outer, ..), part) in plan.each(part) {
        let all = &mut all[outer * plan.channels..][..plan.channels];
        add_pairs(all, &part);
    }
    all
}

fn add_pairs(all: &mut [[f64; 2]], part: &[[f64; 2]]) {
    for (all, part) in all.iter_mut().zip(part) {
        all[0] += part[0];
        all[1] += part[1];
    }
}

fn part_sums<T: Math>(g: &[T], x: &[T], means: &[T], plan: Plan) -> Vec<[f64; 2]> {
    let mut found = vec![[0.; 2]; plan.channels];
    if plan.after > 1 {
        for (g, x) in g.chunks_exact(plan.row()).zip(x.chunks_exact(plan.row())) {
            simd::vectorize_for::<T, _>(
                #[inline(always)]
                || {
                    let runs = g.chunks_exact(plan.after).zip(x.chunks_exact(plan.after));
                    for ((found, mean), (g, x)) in found.iter_mut().zip(means).zip(runs) {
                        found[0] += sum_of(g, |g| g);
                        found[1] += sum_of_pairs(g, x, |g, x| g * (x - *mean));
                    }
                },
            );
        }
        return found;
    }
    let joined = plan.joined();
    let width = plan.channels * joined;
    let at = x.len() / width * width;
    let columns = column_sums(&g[..at], &x[..at], &means.repeat(joined), width);
    columns
        .chunks_exact(plan.channels)
        .for_each(|columns| add_pairs(&mut found, columns));
    add_pairs(&mut found, &column_sums(&g[at..], &x[at..], means, plan.channels));
    found
}

fn column_sums<T: Math>(g: &[T], x: &[T], means: &[T], width: usize) -> Vec<[f64; 2]> {
    let mut found = vec![[0.; 2]; width];
    let (mut plain, mut along) = (vec![T::ZERO; width], vec![T::ZERO; width]);
    let tile = (TILE / width).max(1) * width;
    for (g, x) in g.chunks(tile).zip(x.chunks(tile)) {
        simd::vectorize_for::<T, _>(
            #[inline(always)]
            || {
                for (g, x) in g.chunks_exact(width).zip(x.chunks_exact(width)) {
                    let sums = plain.iter_mut().zip(&mut along).zip(means);
                    for (((plain, along), mean), (g, x)) in sums.zip(g.iter().zip(x)) {
                        *plain += *g;
                        *along += *g * (*x - *mean);
                    }
                }
                for ((found, plain), along) in found.iter_mut().zip(&mut plain).zip(&mut along) {
                    found[0] += plain.f64();
                    found[1] += along.f64();
                    (*plain, *along) = (T::ZERO, T::ZERO);
                }
            },
        );
    }
    found
}

/// Calls `run(task's start, out)` for the tasks' parts of a new buffer.
fn build<T: Math>(plan: Plan, run: impl Fn(usize, usize, &mut [T]) + Sync) -> Vec<T> {
    let len = plan.outer * plan.slab();
    // SAFETY: the private callers below write every element of each part.
    let mut out = unsafe { unwritten::<T>(len) };
    if len == 0 {
        return out;
    }
    let step = (TASK / plan.row()).max(1).next_multiple_of(plan.joined()) * plan.row();
    let slab = |(outer, out): (usize, &mut [T])| {
        let start = outer * plan.slab();
        if simd::parallel(len) {
            let parts = out.par_chunks_mut(step).enumerate();
            parts.for_each(|(i, out)| run(outer, start + i * step, out));
        } else {
            run(outer, start, out);
        }
    };
    if simd::parallel(len) {
        out.par_chunks_mut(plan.slab()).enumerate().for_each(slab);
    } else {
        out.chunks_mut(plan.slab()).enumerate().for_each(slab);
    }
    out
}

/// `(x - mean) * scale + shift`, each `[mean, scale, shift]` by outer index and channel.
pub fn affine<T: Math>(x: &[T], by: &[[T; 3]], plan: Plan) -> Vec<T> {
    build(plan, |outer, start, out: &mut [T]| {
        let x = &x[start..start + out.len()];
        let by = &by[outer * plan.channels..][..plan.channels];
        if plan.after > 1 {
            simd::vectorize_for::<T, _>(
                #[inline(always)]
                || {
                    let runs = out.chunks_exact_mut(plan.after).zip(x.chunks_exact(plan.after));
                    for ((out, x), [mean, scale, shift]) in runs.zip(by.iter().cycle()) {
                        let run = out.iter_mut().zip(x);
                        run.for_each(|(out, x)| *out = (*x - *mean) * *scale + *shift);
                    }
                },
            );
            return;
        }
        let [mean, scale, shift] = [0, 1, 2].map(|i| column(by, i, plan.joined()));
        simd::vectorize_for::<T, _>(
            #[inline(always)]
            || {
                let width = mean.len();
                for (out, x) in out.chunks_mut(width).zip(x.chunks(width)) {
                    let by = mean.iter().zip(&scale).zip(&shift);
                    for ((out, x), ((mean, scale), shift)) in out.iter_mut().zip(x).zip(by) {
                        *out = (*x - *mean) * *scale + *shift;
                    }
                }
            },
        );
    })
}

/// Element `i` of each, `times` times over.
fn column<T: Copy, const N: usize>(by: &[[T; N]], i: usize, times: usize) -> Vec<T> {
    let column: Vec<T> = by.iter().map(|by| by[i]).collect();
    column.repeat(times)
}

/// `g * a + (x - mean) * b + c`, each `[a, mean, b, c]` by outer index and channel.
pub fn affine_pair<T: Math>(g: &[T], x: &[T], by: &[[T; 4]], plan: Plan) -> Vec<T> {
    build(plan, |outer, start, out: &mut [T]| {
        let (g, x) = (&g[start..start + out.len()], &x[start..start + out.len()]);
        let by = &by[outer * plan.channels..][..plan.channels];
        if plan.after > 1 {
            simd::vectorize_for::<T, _>(
                #[inline(always)]
                || {
                    let inputs = g.chunks_exact(plan.after).zip(x.chunks_exact(plan.after));
                    let runs = out.chunks_exact_mut(plan.after).zip(inputs);
                    for ((out, (g, x)), [a, mean, b, c]) in runs.zip(by.iter().cycle()) {
                        let run = out.iter_mut().zip(g.iter().zip(x));
                        run.for_each(|(out, (g, x))| *out = *g * *a + (*x - *mean) * *b + *c);
                    }
                },
            );
            return;
        }
        let [a, mean, b, c] = [0, 1, 2, 3].map(|i| column(by, i, plan.joined()));
        simd::vectorize_for::<T, _>(
            #[inline(always)]
            || {
                let width = mean.len();
                let inputs = g.chunks(width).zip(x.chunks(width));
                for (out, (g, x)) in out.chunks_mut(width).zip(inputs) {
                    let by = a.iter().zip(&mean).zip(b.iter().zip(&c));
                    let values = out.iter_mut().zip(g.iter().zip(x));
                    for ((out, (g, x)), ((a, mean), (b, c))) in values.zip(by) {
                        *out = *g * *a + (*x - *mean) * *b + *c;
                    }
                }
            },
        );
    })
}
