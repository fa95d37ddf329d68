//! Values at places between pixels.

use candle_core::{DType, Result, Shape, Tensor};
use smallvec::SmallVec;

use crate::host;
use crate::kernels::math::Math;
use crate::kernels::simd;
use crate::kernels::team::{Parts as _, Slice as _};
use crate::tape::record;

/// What lies outside of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FillMode {
    /// A constant: `k k k | a b c | k k k`.
    #[default]
    Constant,
    /// The last value: `a a a | a b c | c c c`.
    Nearest,
    /// The image again: `a b c | a b c | a b c`.
    Wrap,
    /// The image mirrored at its last values: `c b | a b c | b a`.
    Mirror,
    /// The image mirrored at its border: `b a | a b c | c b`.
    Reflect,
}

impl FillMode {
    /// The place inside that stands for place `i`, if any.
    fn inside(self, i: i64, size: i64) -> Option<usize> {
        let mirrored = |i: i64, size: i64| match size {
            1 => 0,
            _ => ((i + size - 1).rem_euclid(2 * (size - 1)) - (size - 1)).abs(),
        };
        let at = match self {
            Self::Constant => return (0..size).contains(&i).then_some(i as usize),
            Self::Nearest => i.clamp(0, size - 1),
            Self::Wrap => i.rem_euclid(size),
            Self::Mirror => mirrored(i, size),
            Self::Reflect => (mirrored(2 * i + 1, 2 * size + 1) - 1).div_euclid(2),
        };
        Some(at as usize)
    }
}

/// How to sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) linear: bool,
    pub(super) mode: FillMode,
    pub(super) fill: f64,
}

/// An image of `sizes` with `channels` values a pixel, sampled at `count` places.
struct Grid<'a> {
    rule: Rule,
    sizes: &'a [usize],
    channels: usize,
}

impl Grid<'_> {
    fn pixels(&self) -> usize {
        self.sizes.iter().product()
    }

    /// Calls `f` with each neighbour of place `at`: its pixel, its weight, and with `SLOPES` the weight's slope along
    /// each axis.
    fn neighbours<const SLOPES: bool>(
        &self,
        coordinates: &[f64],
        (at, count): (usize, usize),
        mut f: impl FnMut(Option<usize>, f64, &[f64]),
    ) {
        let axes = self.sizes.iter().zip(coordinates.chunks_exact(count));
        let axes: SmallVec<[Sides; 3]> = axes.map(|(size, axis)| self.sides(axis[at], *size)).collect();
        let rank = axes.len();
        let corners = if self.rule.linear { 1usize << rank } else { 1 };
        let mut slopes: SmallVec<[f64; 3]> = SmallVec::from_elem(0., if SLOPES { rank } else { 0 });
        for corner in 0..corners {
            let (mut pixel, mut weight) = (Some(0), 1.);
            slopes.fill(1.);
            for (axis, (sides, size)) in axes.iter().zip(self.sizes).enumerate() {
                let side = corner >> (rank - 1 - axis) & 1;
                weight *= sides.weights[side];
                for (other, s) in slopes.iter_mut().enumerate() {
                    *s *= if other == axis {
                        sides.slopes[side]
                    } else {
                        sides.weights[side]
                    };
                }
                pixel = pixel.zip(sides.inside[side]).map(|(pixel, at)| pixel * size + at);
            }
            f(pixel, weight, &slopes);
        }
    }

    /// What lies on both sides of a coordinate, which is bounded so that it has pixel numbers.
    fn sides(&self, x: f64, size: usize) -> Sides {
        let x = if x.is_nan() { -1e9 } else { x.clamp(-1e9, 1e9) };
        let inside = |i: i64| self.rule.mode.inside(i, size as i64);
        if !self.rule.linear {
            return Sides {
                inside: [inside(x.round() as i64), None],
                weights: [1., 0.],
                slopes: [0., 0.],
            };
        }
        let low = x.floor();
        Sides {
            inside: [inside(low as i64), inside(low as i64 + 1)],
            weights: [1. - (x - low), x - low],
            slopes: [-1., 1.],
        }
    }
}

/// The two pixels, of one axis, that a coordinate lies between.
struct Sides {
    inside: [Option<usize>; 2],
    weights: [f64; 2],
    slopes: [f64; 2],
}

/// A batch of images [batch, ..sizes, channels] at the places of coordinates [batch, rank, count]: the result is
/// [batch, count, channels]. Recorded for the images and the coordinates.
pub(super) fn sampled(
    op: &'static str,
    images: &Tensor,
    coordinates: &Tensor,
    sizes: &[usize],
    rule: Rule,
) -> Result<Tensor> {
    if sizes.contains(&0) {
        candle_core::bail!("{op}: an image has no pixels: {:?}", images.dims());
    }
    match host::compute_dtype(op, images.dtype())? {
        DType::F64 => run::<f64>(images, coordinates, sizes, rule),
        _ => run::<f32>(images, coordinates, sizes, rule),
    }
}

fn run<T: Math>(images: &Tensor, coordinates: &Tensor, sizes: &[usize], rule: Rule) -> Result<Tensor> {
    let (batch, count) = (images.dims()[0], coordinates.dims()[2]);
    let channels: usize = images.dims()[1 + sizes.len()..].iter().product();
    let sizes = sizes.to_vec();
    let grid = Grid {
        rule,
        sizes: &sizes,
        channels,
    };
    let out = host::read(images, |x: &[T]| {
        host::read(coordinates, |c: &[f64]| Ok(forward(&grid, x, c, batch, count)))
    })?;
    let storage = host::storage_as(out, images.dtype(), images.device())?;
    let shape = Shape::from((batch, count, channels));
    let (saved, places) = (images.detach(), coordinates.detach());
    Ok(record(
        &[images, coordinates],
        storage,
        &shape,
        move |grad, needs| {
            let grid = Grid {
                rule,
                sizes: &sizes,
                channels,
            };
            let (dx, dc) = host::read(&grad, |g: &[T]| {
                host::read(&saved, |x: &[T]| {
                    host::read(&places, |c: &[f64]| Ok(backward(&grid, g, x, c, batch, count)))
                })
            })?;
            let dx = host::tensor(dx, saved.dtype(), saved.shape(), saved.device())?;
            let dc = match needs[1] {
                true => Some(host::tensor(dc, places.dtype(), places.shape(), places.device())?),
                false => None,
            };
            Ok([Some(dx), dc].into_iter().collect())
        },
    ))
}

fn forward<T: Math>(grid: &Grid<'_>, x: &[T], c: &[f64], batch: usize, count: usize) -> Vec<T> {
    let (channels, rank) = (grid.channels, grid.sizes.len());
    let mut out = vec![T::ZERO; batch * count * channels];
    let per = count * channels;
    if per == 0 {
        return out;
    }
    let fill = T::of(grid.rule.fill);
    // Places of all images, one after another.
    let some = |first: usize, out: &mut [T]| {
        for (i, out) in out.chunks_exact_mut(channels).enumerate() {
            let (b, at) = ((first + i) / count, (first + i) % count);
            let x = &x[b * grid.pixels() * channels..];
            let c = &c[b * rank * count..(b + 1) * rank * count];
            grid.neighbours::<false>(c, (at, count), |pixel, weight, _| {
                let weight = T::of(weight);
                match pixel {
                    Some(pixel) => out
                        .iter_mut()
                        .zip(&x[pixel * channels..])
                        .for_each(|(out, x)| *out += weight * *x),
                    None => out.iter_mut().for_each(|out| *out += weight * fill),
                }
            });
        }
    };
    if simd::parallel(out.len()) {
        let places = (simd::CHUNK / channels).max(1);
        let parts = out.par_chunks_mut(places * channels).enumerate();
        parts.for_each(|(i, out)| some(i * places, out));
    } else {
        some(0, &mut out);
    }
    out
}

/// The gradients by the images and by the coordinates.
fn backward<T: Math>(
    grid: &Grid<'_>,
    g: &[T],
    x: &[T],
    c: &[f64],
    batch: usize,
    count: usize,
) -> (Vec<T>, Vec<f64>) {
    let (channels, rank) = (grid.channels, grid.sizes.len());
    let (mut dx, mut dc) = (vec![T::ZERO; x.len()], vec![0.; c.len()]);
    let (per, image) = (count * channels, grid.pixels() * channels);
    if per == 0 || batch == 0 {
        return (dx, dc);
    }
    dx.par_chunks_mut(image)
        .zip(dc.par_chunks_mut(rank * count))
        .enumerate()
        .for_each(|(b, (dx, dc))| {
            let (x, g) = (&x[b * image..(b + 1) * image], &g[b * per..(b + 1) * per]);
            let c = &c[b * rank * count..(b + 1) * rank * count];
            for (at, g) in g.chunks_exact(channels).enumerate() {
                grid.neighbours::<true>(c, (at, count), |pixel, weight, slopes| {
                    let value = |k: usize| pixel.map_or(grid.rule.fill, |p| x[p * channels + k].f64());
                    let along: f64 = g.iter().enumerate().map(|(k, g)| g.f64() * value(k)).sum();
                    for (axis, slope) in slopes.iter().enumerate() {
                        dc[axis * count + at] += slope * along;
                    }
                    if let Some(pixel) = pixel {
                        let dx = &mut dx[pixel * channels..(pixel + 1) * channels];
                        dx.iter_mut().zip(g).for_each(|(dx, g)| *dx += T::of(weight) * *g);
                    }
                });
            }
        });
    (dx, dc)
}

/// The values of `inputs` at places between its elements.
///
/// `order` 0 takes the nearest element, 1 interpolates linearly; differentiable by the inputs and, for order 1, by
/// the coordinates.
///
/// # Shapes
/// `coordinates` (rank of `inputs`, ..); the result has its shape without the first axis.
///
/// # Errors
/// When the first axis of the coordinates is not the inputs' rank, they have less than two axes, `order` is
/// neither 0 nor 1, or one of both is not a float tensor.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor, image::FillMode};
/// let x = Tensor::new(&[10f32, 20., 30.], &Device::Cpu)?;
/// let at = Tensor::new(&[[0.5f32, 2., 4.]], &Device::Cpu)?;
/// let y = ops::image::map_coordinates(&x, &at, 1, FillMode::Constant, -1.)?;
/// assert_eq!(y.to_vec1::<f32>()?, [15., 30., -1.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn map_coordinates(
    inputs: &Tensor,
    coordinates: &Tensor,
    order: usize,
    fill_mode: FillMode,
    fill_value: f64,
) -> Result<Tensor> {
    const OP: &str = "map_coordinates";
    host::compute_dtype(OP, coordinates.dtype())?;
    let rank = inputs.rank();
    if rank == 0 || coordinates.rank() < 2 || coordinates.dims()[0] != rank || order > 1 {
        candle_core::bail!(
            "{OP}: expected coordinates ({rank}, ..) for inputs of shape {:?} and order 0 or 1; got {:?} and order \
             {order}",
            inputs.dims(),
            coordinates.dims()
        );
    }
    let rule = Rule {
        linear: order == 1,
        mode: fill_mode,
        fill: fill_value,
    };
    let size = |dims: &[usize]| dims.iter().map(|n| *n as i64).collect::<Vec<i64>>();
    let shape = coordinates.dims()[1..].to_vec();
    host::within(OP, || {
        let x = crate::expand_dims(inputs, 0)?;
        let count = shape.iter().product::<usize>() as i64;
        let places = crate::reshape(coordinates, &[1, rank as i64, count])?;
        let y = sampled(OP, &x, &places, inputs.dims(), rule)?;
        crate::reshape(&y, &size(&shape))
    })
}
