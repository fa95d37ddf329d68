//! Convolution over up to three spatial axes, channels last: patches of some output rows at a time, then a
//! matrix product.

use rayon::prelude::*;

use super::buffer::unwritten;
use super::fused::{self, FusedActivation};
use super::gemm::{Mat, Threads, gemm};
use super::patches::{add_patches, patches};
use crate::kernels::math::Math;

/// The sizes of a convolution. Spatial arrays are (depth, height, width), 1 where there are fewer axes.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    /// Images.
    pub batch: usize,
    /// Spatial size of the input.
    pub input: [usize; 3],
    /// Channels of the input.
    pub channels: usize,
    /// Spatial size of the kernel.
    pub kernel: [usize; 3],
    /// Channels of the output.
    pub filters: usize,
    /// Steps between windows.
    pub stride: [usize; 3],
    /// Distance between the elements of a window.
    pub dilation: [usize; 3],
    /// Padding in front.
    pub before: [usize; 3],
    /// Spatial size of the output.
    pub output: [usize; 3],
    /// Independent groups of channels and filters.
    pub groups: usize,
}

// Elements of the patches of one tile: half of a usual second-level cache.
const PATCH_ELEMENTS: usize = 1 << 17;
// Output pixels of one tile.
const TILE_PIXELS: usize = 1 << 10;
// The most blocks of images whose kernel gradients are summed apart, and the elements of all these sums.
const BLOCKS: usize = 16;
const BLOCK_ELEMENTS: usize = 1 << 22;

impl Geometry {
    /// Elements of one input image.
    pub fn image(&self) -> usize {
        self.input.iter().product::<usize>() * self.channels
    }
    /// Output rows of one image.
    pub fn rows(&self) -> usize {
        self.output[0] * self.output[1]
    }
    /// Channels of one group.
    pub fn group_channels(&self) -> usize {
        self.channels / self.groups
    }
    /// Elements of one patch of one group.
    pub fn patch(&self) -> usize {
        self.kernel.iter().product::<usize>() * self.group_channels()
    }
    fn group_filters(&self) -> usize {
        self.filters / self.groups
    }
    /// Elements of one output row.
    fn row(&self) -> usize {
        self.output[2] * self.filters
    }
    /// Output rows of one tile, of any images.
    fn tile(&self) -> usize {
        let pixels = TILE_PIXELS.min(PATCH_ELEMENTS / self.patch().max(1));
        (pixels / self.output[2].max(1)).max(1)
    }
    /// Images of one block of the backward pass.
    fn block(&self) -> usize {
        let sums = self.patch() * self.filters;
        let blocks = (BLOCK_ELEMENTS / sums.max(1)).clamp(2, BLOCKS);
        self.batch.div_ceil(blocks)
    }
    /// Nothing to compute.
    fn empty(&self) -> bool {
        self.batch == 0 || self.row() == 0 || self.rows() == 0
    }
    fn weights<'a, T>(&self, kernel: &'a [T], group: usize) -> Mat<'a, T> {
        let first = group * self.group_filters();
        Mat {
            data: &kernel[first.min(kernel.len())..],
            rows: self.patch(),
            cols: self.group_filters(),
            row_stride: self.filters,
            col_stride: 1,
        }
    }
    fn filters_of<'a, T>(&self, rows: &'a [T], group: usize) -> Mat<'a, T> {
        Mat {
            data: &rows[group * self.group_filters()..],
            rows: rows.len() / self.filters,
            cols: self.group_filters(),
            row_stride: self.filters,
            col_stride: 1,
        }
    }
}

/// `act(x * kernel + bias)`.
pub fn forward<T: Math>(
    geometry: &Geometry,
    x: &[T],
    kernel: &[T],
    bias: Option<&[T]>,
    act: FusedActivation,
) -> Vec<T> {
    let (row, tile) = (geometry.row(), geometry.tile());
    let len = geometry.batch * geometry.rows() * row;
    if geometry.empty() {
        return vec![T::default(); len];
    }
    // SAFETY: the products of all groups write every filter of every row.
    let mut out = unsafe { unwritten(len) };
    out.par_chunks_mut(tile * row)
        .enumerate()
        .for_each_init(Vec::new, |scratch, (index, out)| {
            let rows = index * tile..index * tile + out.len() / row;
            for group in 0..geometry.groups {
                let patches = patches(geometry, x, group, rows.clone(), scratch);
                let first = group * geometry.group_filters();
                let weights = geometry.weights(kernel, group);
                gemm(
                    &mut out[first..],
                    geometry.filters,
                    patches,
                    weights,
                    false,
                    Threads::One,
                );
            }
            fused::finish(out, bias, act);
        });
    out
}

/// Which gradients to compute.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// By the input.
    pub x: bool,
    /// By the kernel.
    pub kernel: bool,
    /// By the bias.
    pub bias: bool,
}

/// The gradients that were wanted.
#[derive(Debug)]
pub struct Grads<T> {
    /// By the input.
    pub x: Option<Vec<T>>,
    /// By the kernel.
    pub kernel: Option<Vec<T>>,
    /// By the bias.
    pub bias: Option<Vec<T>>,
}

/// The operands of a backward pass.
struct Pass<'a, T> {
    geometry: &'a Geometry,
    x: &'a [T],
    kernel: &'a [T],
    out: &'a [T],
    grad: &'a [T],
    act: FusedActivation,
    wanted: Wanted,
}

/// The gradients of [`forward`], `out` being its result and `grad` the gradient of that.
pub fn backward<T: Math>(
    geometry: &Geometry,
    x: &[T],
    kernel: &[T],
    out: &[T],
    grad: &[T],
    act: FusedActivation,
    wanted: Wanted,
) -> Grads<T> {
    let pass = Pass {
        geometry,
        x,
        kernel,
        out,
        grad,
        act,
        wanted,
    };
    let block = geometry.block().max(1);
    let mut dx = if geometry.empty() && wanted.x {
        vec![T::default(); x.len()]
    } else {
        // SAFETY: each block starts by filling its images.
        unsafe { unwritten(if wanted.x { x.len() } else { 0 }) }
    };
    let blocks: Vec<_> = match (geometry.empty(), wanted.x) {
        (true, _) => Vec::new(),
        (_, true) => dx.chunks_mut((block * geometry.image()).max(1)).collect(),
        _ => (0..geometry.batch.div_ceil(block))
            .map(|_| <&mut [T]>::default())
            .collect(),
    };
    let sums: Vec<_> = blocks
        .into_par_iter()
        .enumerate()
        .map(|(index, dx)| pass.block(index * block..((index + 1) * block).min(geometry.batch), dx))
        .collect();
    let empty = |len: usize, wanted: bool| vec![T::default(); if wanted { len } else { 0 }];
    let mut total = (
        empty(kernel.len(), wanted.kernel),
        empty(geometry.filters, wanted.bias),
    );
    for (kernel, bias) in &sums {
        fused::add_rows(&mut total.0, kernel);
        fused::add_rows(&mut total.1, bias);
    }
    Grads {
        x: wanted.x.then_some(dx),
        kernel: wanted.kernel.then_some(total.0),
        bias: wanted.bias.then_some(total.1),
    }
}

impl<T: Math> Pass<'_, T> {
    /// Writes the input gradient of some images and returns their kernel and bias gradients.
    fn block(&self, images: std::ops::Range<usize>, dx: &mut [T]) -> (Vec<T>, Vec<T>) {
        let geometry = self.geometry;
        let (row, tile) = (geometry.row(), geometry.tile());
        dx.fill(T::default());
        let mut dkernel = vec![T::default(); if self.wanted.kernel { self.kernel.len() } else { 0 }];
        let mut dbias = vec![T::default(); if self.wanted.bias { geometry.filters } else { 0 }];
        let (mut masked, mut scratch) = (Vec::new(), Vec::new());
        let all = images.start * geometry.rows()..images.end * geometry.rows();
        for first in all.clone().step_by(tile) {
            let rows = first..(first + tile).min(all.end);
            let at = rows.start * row..rows.end * row;
            let grad = if self.act == FusedActivation::Linear {
                &self.grad[at]
            } else {
                masked.resize(at.len(), T::default());
                fused::mask(&mut masked, &self.grad[at.clone()], &self.out[at], self.act);
                &masked[..]
            };
            if self.wanted.bias {
                fused::add_rows(&mut dbias, grad);
            }
            for group in 0..geometry.groups {
                let grad = geometry.filters_of(grad, group);
                if self.wanted.kernel {
                    let patches = patches(geometry, self.x, group, rows.clone(), &mut scratch);
                    let dst = &mut dkernel[group * geometry.group_filters()..];
                    gemm(dst, geometry.filters, patches.t(), grad, true, Threads::One);
                }
                if self.wanted.x {
                    let patch = geometry.patch();
                    scratch.resize(
                        (rows.len() * geometry.output[2] * patch).max(scratch.len()),
                        T::default(),
                    );
                    let weights = geometry.weights(self.kernel, group).t();
                    gemm(&mut scratch, patch, grad, weights, false, Threads::One);
                    add_patches(geometry, &scratch, group, rows.clone(), images.start, dx);
                }
            }
        }
        (dkernel, dbias)
    }
}
