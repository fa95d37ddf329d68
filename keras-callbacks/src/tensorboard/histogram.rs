//! Numbers in buckets.

const BUCKETS: usize = 30;

/// Left edge, right edge and count of each of TensorBoard's 30 buckets of equal width. Equal numbers are all in the
/// last; NaN and infinities are in none.
pub(super) fn buckets(values: &[f32]) -> Vec<[f64; 3]> {
    let finite = || values.iter().filter(|v| v.is_finite()).map(|v| f64::from(*v));
    let (least, most) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), v| {
        (least.min(v), most.max(v))
    });
    if least > most {
        return vec![[0.; 3]; BUCKETS];
    }
    if least == most {
        let mut all = vec![[least, least, 0.]; BUCKETS];
        all[BUCKETS - 1][2] = finite().count() as f64;
        return all;
    }
    let width = (most - least) / BUCKETS as f64;
    let edge = |i: usize| match i {
        BUCKETS => most,
        i => least + width * i as f64,
    };
    let mut all: Vec<[f64; 3]> = (0..BUCKETS).map(|i| [edge(i), edge(i + 1), 0.]).collect();
    for value in finite() {
        let at = ((value - least) / width) as usize;
        all[at.min(BUCKETS - 1)][2] += 1.;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::buckets;

    #[test]
    fn edges_and_counts() {
        let values: Vec<f32> = (0..=60).map(|i| i as f32 / 2.).chain([f32::NAN]).collect();
        let all = buckets(&values);
        assert_eq!(all.len(), 30);
        assert_eq!((all[0], all[1]), ([0., 1., 2.], [1., 2., 2.]));
        // The largest belongs to the last.
        assert_eq!(all[29], [29., 30., 3.]);
        let same = buckets(&[2.; 5]);
        assert_eq!((same[0], same[29]), ([2., 2., 0.], [2., 2., 5.]));
        assert_eq!(buckets(&[f32::INFINITY]), vec![[0.; 3]; 30]);
    }
}
