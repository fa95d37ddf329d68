//! Images turned, sheared, seen from elsewhere and pulled about.

use candle_core::{DType, Device, Result, Tensor};

use super::sample::{Rule, sampled};
use super::{FillMode, Interpolation, axes_of, batched, gaussian_blur, unbatched};
use crate::{Seed, host};

/// Options of [`affine_transform`] and [`perspective_transform`].
#[derive(Clone, Debug, Default)]
pub struct WarpOptions {
    /// [`Interpolation::Bilinear`] or [`Interpolation::Nearest`].
    pub interpolation: Interpolation,
    /// What lies outside; [`perspective_transform`] knows [`FillMode::Constant`] only.
    pub fill_mode: FillMode,
    /// The constant outside.
    pub fill_value: f64,
    /// Whether channels come before height and width.
    pub channels_first: bool,
}

impl WarpOptions {
    fn rule(&self, op: &str) -> Result<Rule> {
        let linear = match self.interpolation {
            Interpolation::Bilinear => true,
            Interpolation::Nearest => false,
            other => candle_core::bail!("{op}: expected bilinear or nearest interpolation, got {other:?}"),
        };
        Ok(Rule {
            linear,
            mode: self.fill_mode,
            fill: self.fill_value,
        })
    }
}

/// `images` at the places (rows, then columns) that `places(batch, height, width)` gives.
fn warped(
    op: &'static str,
    images: &Tensor,
    options: &WarpOptions,
    places: impl FnOnce(usize, usize, usize) -> Result<Vec<f64>>,
) -> Result<Tensor> {
    let rule = options.rule(op)?;
    host::compute_dtype(op, images.dtype())?;
    axes_of(op, images, options.channels_first)?;
    host::within(op, || {
        let (x, single) = batched(images, 4)?;
        let x = if options.channels_first {
            crate::transpose(&x, &[0, 2, 3, 1])?
        } else {
            x
        };
        let (batch, height, width, channels) = x.dims4()?;
        let places = places(batch, height, width)?;
        let places = Tensor::from_vec(places, (batch, 2, height * width), &Device::Cpu)?;
        let y = sampled(op, &x, &places, &[height, width], rule)?;
        let shape = [batch, height, width, channels].map(|n| n as i64);
        let y = crate::reshape(&y, &shape)?;
        let y = if options.channels_first {
            crate::transpose(&y, &[0, 3, 1, 2])?
        } else {
            y
        };
        unbatched(y, single)
    })
}

/// Rows of `width` numbers, one an image, from one row or one for each image.
fn rows(op: &str, x: &Tensor, width: usize, batch: usize) -> Result<Vec<Vec<f64>>> {
    let rows: Vec<Vec<f64>> = host::read(x, |x: &[f64]| {
        Ok(x.chunks_exact(width).map(<[f64]>::to_vec).collect())
    })?;
    match rows.len() {
        1 => Ok(vec![rows[0].clone(); batch]),
        n if n == batch => Ok(rows),
        n => candle_core::bail!("{op}: expected one transform or {batch}, got {n}"),
    }
}

/// Coordinates of all pixels, through `f(image, x, y)` giving (x, y).
fn coordinates(
    batch: usize,
    height: usize,
    width: usize,
    f: impl Fn(usize, f64, f64) -> [f64; 2],
) -> Vec<f64> {
    let pixels = height * width;
    let mut out = vec![0.; batch * 2 * pixels];
    for (b, out) in out.chunks_exact_mut((2 * pixels).max(1)).enumerate() {
        let (ys, xs) = out.split_at_mut(pixels);
        for (at, (y, x)) in ys.iter_mut().zip(xs).enumerate() {
            [*x, *y] = f(b, (at % width) as f64, (at / width) as f64);
        }
    }
    out
}

/// Images moved by an affine map: pixel `(x, y)` of the result is the input at
/// `(a0 x + a1 y + a2, b0 x + b1 y + b2)`.
///
/// Differentiable by the images, not by the transform.
///
/// # Shapes
/// `images` (height, width, channels) or a batch; `transform` (8,) or (batch, 8):
/// `[a0, a1, a2, b0, b1, b2, c0, c1]`, of which `c0` and `c1` are not used.
///
/// # Errors
/// When shapes do not fit or the images are not floats.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor, image::WarpOptions};
/// let x = ops::reshape(&Tensor::new(&[1f32, 2., 3.], &Device::Cpu)?, &[1, 3, 1])?;
/// let shift = Tensor::new(&[1f32, 0., 1., 0., 1., 0., 0., 0.], &Device::Cpu)?;
/// let y = ops::image::affine_transform(&x, &shift, &WarpOptions::default())?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [2., 3., 0.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn affine_transform(images: &Tensor, transform: &Tensor, options: &WarpOptions) -> Result<Tensor> {
    const OP: &str = "affine_transform";
    if !(1..=2).contains(&transform.rank()) || transform.dims().last() != Some(&8) {
        candle_core::bail!(
            "{OP}: expected a transform (8,) or (batch, 8), got {:?}",
            transform.dims()
        );
    }
    warped(OP, images, options, |batch, height, width| {
        let t = rows(OP, transform, 8, batch)?;
        Ok(coordinates(batch, height, width, |b, x, y| {
            let t = &t[b];
            [t[0] * x + t[1] * y + t[2], t[3] * x + t[4] * y + t[5]]
        }))
    })
}

/// Images seen in perspective: the corners `start_points` of the input move to `end_points`.
///
/// Differentiable by the images, not by the points.
///
/// # Shapes
/// Points (4, 2) or (batch, 4, 2), each `(x, y)`.
///
/// # Errors
/// When shapes do not fit, three points lie on a line, or the images are not floats.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor, image::WarpOptions};
/// let x = Tensor::rand(0f32, 1., (4, 4, 1), &Device::Cpu)?;
/// let corners = Tensor::new(&[[0f32, 0.], [3., 0.], [0., 3.], [3., 3.]], &Device::Cpu)?;
/// let y = ops::image::perspective_transform(&x, &corners, &corners, &WarpOptions::default())?;
/// assert_eq!(y.dims(), [4, 4, 1]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn perspective_transform(
    images: &Tensor,
    start_points: &Tensor,
    end_points: &Tensor,
    options: &WarpOptions,
) -> Result<Tensor> {
    const OP: &str = "perspective_transform";
    let dims = start_points.dims();
    if !(2..=3).contains(&dims.len()) || !dims.ends_with(&[4, 2]) || end_points.dims() != dims {
        candle_core::bail!(
            "{OP}: expected start and end points (4, 2) or (batch, 4, 2), got {dims:?} and {:?}",
            end_points.dims()
        );
    }
    if options.fill_mode != FillMode::Constant {
        candle_core::bail!("{OP}: outside is constant only, got {:?}", options.fill_mode);
    }
    warped(OP, images, options, |batch, height, width| {
        let (from, to) = (rows(OP, start_points, 8, batch)?, rows(OP, end_points, 8, batch)?);
        let maps: Vec<[f64; 8]> = from
            .iter()
            .zip(&to)
            .map(|(from, to)| homography(from, to))
            .collect::<Result<_>>()?;
        Ok(coordinates(batch, height, width, |b, x, y| {
            let t = &maps[b];
            let below = t[6] * x + t[7] * y + 1.;
            [
                (t[0] * x + t[1] * y + t[2]) / below,
                (t[3] * x + t[4] * y + t[5]) / below,
            ]
        }))
    })
}

/// The map of the plane that takes the four points `to` to the points `from`.
fn homography(from: &[f64], to: &[f64]) -> Result<[f64; 8]> {
    // Eight equations with their right sides in the last column.
    let mut m = [[0.; 9]; 8];
    for k in 0..4 {
        let ([u, v], [x, y]) = ([from[2 * k], from[2 * k + 1]], [to[2 * k], to[2 * k + 1]]);
        m[k] = [x, y, 1., 0., 0., 0., -u * x, -u * y, u];
        m[k + 4] = [0., 0., 0., x, y, 1., -v * x, -v * y, v];
    }
    for k in 0..8 {
        let pivot = (k..8)
            .max_by(|a, b| m[*a][k].abs().total_cmp(&m[*b][k].abs()))
            .unwrap_or(k);
        m.swap(k, pivot);
        if m[k][k].abs() < 1e-12 {
            candle_core::bail!("the points {to:?} do not determine a perspective: three lie on a line");
        }
        let top = m[k];
        for (i, row) in m.iter_mut().enumerate().filter(|(i, _)| *i != k) {
            let _ = i;
            let factor = row[k] / top[k];
            row.iter_mut().zip(&top).for_each(|(x, t)| *x -= factor * t);
        }
    }
    Ok(std::array::from_fn(|k| m[k][8] / m[k][k]))
}

/// Options of [`elastic_transform`]; the defaults are Keras's.
#[derive(Clone, Debug)]
pub struct ElasticOptions {
    /// How far pixels move.
    pub alpha: f64,
    /// How smooth the movement is: the deviation of the Gaussian that blurs it.
    pub sigma: f64,
    /// Interpolation, what lies outside, and the format.
    pub warp: WarpOptions,
}

impl Default for ElasticOptions {
    fn default() -> Self {
        Self {
            alpha: 20.,
            sigma: 5.,
            warp: WarpOptions {
                fill_mode: FillMode::Reflect,
                ..WarpOptions::default()
            },
        }
    }
}

/// Images whose pixels are moved by smooth random distances: `alpha` times normal numbers of deviation `sigma`,
/// blurred with a Gaussian of deviation `sigma`.
///
/// Differs from Keras: rows and columns move by numbers of their own; in Keras both by the same.
///
/// # Errors
/// When the images are not floats of rank 3 or 4, or `sigma` is not positive.
///
/// ```
/// use keras_ops::{self as ops, Device, Seed, Tensor, image::ElasticOptions};
/// let x = Tensor::ones((8, 8, 1), ops::DType::F32, &Device::Cpu)?;
/// let y = ops::image::elastic_transform(&x, &ElasticOptions::default(), Seed::new(1, 0))?;
/// assert!(y.flatten_all()?.to_vec1::<f32>()?.iter().all(|v| (v - 1.).abs() < 1e-5));
/// # Ok::<(), ops::Error>(())
/// ```
pub fn elastic_transform(images: &Tensor, options: &ElasticOptions, seed: Seed) -> Result<Tensor> {
    const OP: &str = "elastic_transform";
    let sigma = options.sigma;
    if sigma.is_nan() || sigma <= 0. {
        candle_core::bail!("{OP}: expected a positive sigma, got {sigma}");
    }
    warped(OP, images, &options.warp, |batch, height, width| {
        let size = (6. * sigma) as usize | 1;
        let noise = crate::random::normal(
            &[2 * batch, height, width, 1],
            0.,
            sigma,
            DType::F32,
            &Device::Cpu,
            seed,
        )?;
        let noise = crate::no_grad(|| gaussian_blur(&noise, [size; 2], [sigma; 2], false))?;
        let moves = host::read(&noise, |m: &[f64]| Ok(m.to_vec()))?;
        let pixels = height * width;
        Ok(coordinates(batch, height, width, |b, x, y| {
            let at = y as usize * width + x as usize;
            let by = |plane: usize| options.alpha * moves[(2 * b + plane) * pixels + at];
            [x + by(0), y + by(1)]
        }))
    })
}
