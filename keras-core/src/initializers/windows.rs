//! SciPy's windows of signals that need no parameters.

use std::f64::consts::PI;

/// Names, with SciPy's other ones, and the window of `n` points that is the same from both ends.
type Window = (&'static [&'static str], fn(usize) -> Vec<f64>);

const WINDOWS: &[Window] = &[
    (&["hann", "hanning", "han"], |n| cosines(n, &[0.5, 0.5])),
    (&["hamming", "hamm", "ham"], |n| cosines(n, &[0.54, 0.46])),
    (&["blackman", "black", "blk"], |n| cosines(n, &[0.42, 0.5, 0.08])),
    (&["blackmanharris", "blackharr", "bkh"], |n| {
        cosines(n, &[0.35875, 0.48829, 0.14128, 0.01168])
    }),
    (&["nuttall", "nutl", "nut"], |n| {
        cosines(n, &[0.3635819, 0.4891775, 0.1365995, 0.0106411])
    }),
    (&["flattop", "flat", "flt"], |n| {
        cosines(
            n,
            &[0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368],
        )
    }),
    (&["boxcar", "box", "ones", "rect", "rectangular"], |n| vec![1.; n]),
    (&["bartlett", "bart", "brt"], |n| {
        at(n, |x| 1. - (2. * x - 1.).abs())
    }),
    (&["triang", "triangle", "tri"], |n| {
        let half = if n.is_multiple_of(2) { n } else { n + 1 } as f64;
        let middle = (n as f64 - 1.) / 2.;
        (0..n)
            .map(|i| 1. - (i as f64 - middle).abs() * 2. / half)
            .collect()
    }),
    (&["bohman", "bman", "bmn"], |n| {
        at(n, |x| {
            let away = (2. * x - 1.).abs();
            ((1. - away) * (PI * away).cos() + (PI * away).sin() / PI).max(0.)
        })
    }),
    (&["barthann", "brthan", "bth"], |n| {
        at(n, |x| {
            0.62 - 0.48 * (x - 0.5).abs() + 0.38 * (2. * PI * (x - 0.5)).cos()
        })
    }),
    (&["cosine", "halfcosine"], |n| {
        (0..n).map(|i| (PI / n as f64 * (i as f64 + 0.5)).sin()).collect()
    }),
    (&["parzen", "parz", "par"], |n| {
        let middle = (n as f64 - 1.) / 2.;
        let weight = |i: usize| {
            let away = (i as f64 - middle).abs();
            let part = 2. * away / n as f64;
            match away <= middle / 2. {
                true => 1. - 6. * part * part + 6. * part.powi(3),
                false => 2. * (1. - part).powi(3),
            }
        };
        (0..n).map(weight).collect()
    }),
    (&["lanczos", "sinc"], |n| {
        at(n, |x| match PI * (2. * x - 1.) {
            0. => 1.,
            angle => angle.sin() / angle,
        })
    }),
    (&["tukey", "tuk"], |n| {
        let flat = 0.25 * (n as f64 - 1.);
        let weight = |i: usize| {
            let from_end = i.min(n - 1 - i) as f64;
            if from_end < flat {
                0.5 * (1. + (PI * (from_end / flat - 1.)).cos())
            } else {
                1.
            }
        };
        (0..n).map(weight).collect()
    }),
    (&["exponential", "poisson"], |n| {
        let middle = (n as f64 - 1.) / 2.;
        (0..n).map(|i| (-(i as f64 - middle).abs()).exp()).collect()
    }),
];

/// `f` at `n` places from 0 to 1.
fn at(n: usize, f: impl Fn(f64) -> f64) -> Vec<f64> {
    (0..n).map(|i| f(i as f64 / (n as f64 - 1.))).collect()
}

/// `sum a[k] cos(k angle)`, with angles from -pi to pi.
fn cosines(n: usize, a: &[f64]) -> Vec<f64> {
    at(n, |x| {
        let angle = PI * (2. * x - 1.);
        a.iter()
            .enumerate()
            .map(|(k, a)| a * (k as f64 * angle).cos())
            .sum()
    })
}

/// The window called `name`, of `n` points; a periodic one goes on where it began. `None` for an unknown name.
pub(super) fn window(name: &str, n: usize, periodic: bool) -> Option<Vec<f64>> {
    let (_, make) = WINDOWS.iter().find(|(names, _)| names.contains(&name))?;
    if n <= 1 {
        return Some(vec![1.; n]);
    }
    let mut points = make(n + usize::from(periodic));
    points.truncate(n);
    Some(points)
}

/// The names of all windows.
pub(super) fn names() -> Vec<String> {
    WINDOWS
        .iter()
        .filter_map(|(names, _)| names.first())
        .map(|n| (*n).to_owned())
        .collect()
}
