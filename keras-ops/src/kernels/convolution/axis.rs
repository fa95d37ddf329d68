//! Which taps reach which pixels of an image, along one axis.

use super::Geometry;

/// The pixels of an image whose distance from the first window is `residue` beyond a multiple of the stride, and
/// the taps that reach them.
#[derive(Clone, Debug)]
pub(super) struct Phase {
    pub(super) residue: usize,
    /// (tap, its distance in windows from the first that reaches a pixel), by distance.
    pub(super) taps: Vec<(usize, usize)>,
    /// How far the first window is from the pixel's own.
    pub(super) reach: isize,
}

/// The phases of an axis, one for each step of the stride.
pub(super) fn phases(g: &Geometry, axis: usize) -> Vec<Phase> {
    let (stride, dilation) = (g.stride[axis], g.dilation[axis]);
    let phase = |residue: usize| {
        let reaching = (0..g.kernel[axis])
            .rev()
            .filter(|tap| tap * dilation % stride == residue);
        let behind = |tap: usize| (tap * dilation) as isize / stride as isize;
        let reach = reaching.clone().map(behind).max().unwrap_or(0);
        let taps = reaching
            .map(|tap| (tap, (reach - behind(tap)) as usize))
            .collect();
        Phase { residue, taps, reach }
    };
    (0..stride).map(phase).collect()
}

impl Phase {
    /// The first pixel of `from..to` in this phase, how many there are, and the first window that reaches it.
    pub(super) fn pixels(&self, g: &Geometry, axis: usize, from: usize, to: usize) -> (usize, usize, isize) {
        let (stride, before) = (g.stride[axis], g.before[axis]);
        let first = from + (self.residue + stride - (from + before) % stride) % stride;
        let count = to.saturating_sub(first).div_ceil(stride);
        let window = (first + before) / stride;
        (first, count, window as isize - self.reach)
    }
}

/// The windows that may reach the pixels `from..to`: the first, and how many.
pub(super) fn reaching(g: &Geometry, axis: usize, from: usize, to: usize) -> (isize, usize) {
    let (stride, before) = (g.stride[axis] as isize, g.before[axis] as isize);
    let first = (from as isize + before - g.extent(axis) as isize + 1).div_euclid(stride);
    let last = (to as isize - 1 + before).div_euclid(stride);
    (first, (last + 1 - first).max(1) as usize)
}
