//! Summaries of large data from which quantiles are read, as Keras computes them.

/// Values in order, each with how many values of the data it stands for.
#[derive(Clone, Debug, Default)]
pub(super) struct Summary {
    values: Vec<f32>,
    weights: Vec<f32>,
}

impl Summary {
    /// About `1 / epsilon` values at equal distances among the sorted data; all of them when there are fewer.
    pub(super) fn of(mut data: Vec<f32>, epsilon: f64) -> Self {
        data.sort_unstable_by(f32::total_cmp);
        let step = (data.len() as f64 * epsilon).max(1.);
        let values: Vec<f32> = data
            .into_iter()
            .skip((step - 1.) as usize)
            .step_by(step as usize)
            .collect();
        let weights = vec![step as f32; values.len()];
        Self { values, weights }
    }

    /// Both together, no longer than about `1 / epsilon`.
    pub(super) fn merged(&self, other: &Self, epsilon: f64) -> Self {
        let all = [self, other];
        let pairs = all
            .iter()
            .flat_map(|s| s.values.iter().copied().zip(s.weights.iter().copied()));
        let mut pairs: Vec<(f32, f32)> = pairs.collect();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (values, weights) = pairs.into_iter().unzip();
        Self { values, weights }.compressed(epsilon)
    }

    /// The values that part the data in `bins` of about one size.
    pub(super) fn boundaries(&self, bins: usize) -> Vec<f32> {
        let mut values = self.compressed(1. / bins as f64).values;
        values.pop();
        values
    }

    fn compressed(&self, epsilon: f64) -> Self {
        if (self.values.len() as f64) * epsilon < 1. {
            return self.clone();
        }
        let mut sum = 0f32;
        let cumulated = self.weights.iter().map(|w| {
            sum += w;
            sum
        });
        let cumulated: Vec<f32> = cumulated.collect();
        let shares: Vec<f64> = cumulated.iter().map(|c| f64::from(c / sum)).collect();
        let count = (1. / epsilon).ceil() as usize;
        let at = |line: &[f32], i: usize| interpolated(epsilon + i as f64 * epsilon, &shares, line);
        let values = (0..count).map(|i| at(&self.values, i) as f32).collect();
        let mut before = 0.;
        let weights = (0..count).map(|i| {
            let here = at(&cumulated, i);
            (here - std::mem::replace(&mut before, here)) as f32
        });
        Self {
            values,
            weights: weights.collect(),
        }
    }
}

/// The height over `x` of the line through the points `(xs[i], ys[i])`, level beyond its ends.
fn interpolated(x: f64, xs: &[f64], ys: &[f32]) -> f64 {
    let above = xs.partition_point(|v| *v <= x);
    let y = |i: usize| f64::from(ys[i]);
    match above.checked_sub(1) {
        None => ys.first().copied().map_or(0., f64::from),
        Some(at) if above == xs.len() || xs[at] == x => y(at),
        Some(at) => (y(above) - y(at)) / (xs[above] - xs[at]) * (x - xs[at]) + y(at),
    }
}
