//! What several seeds say about a figure, and which points no other beats.

/// Two-sided 95 % quantiles of Student's t for 1 to 30 degrees of freedom (NIST/SEMATECH e-Handbook of Statistical
/// Methods, 1.3.6.7.2).
const STUDENT_T: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/// The same of the normal distribution.
const NORMAL: f64 = 1.959_964;

/// The two-sided 95 % quantile of Student's t; above 30 degrees of freedom the first two terms of its expansion
/// (Abramowitz and Stegun 26.7.5).
fn student_t(degrees: usize) -> f64 {
    if let Some(quantile) = degrees.checked_sub(1).and_then(|index| STUDENT_T.get(index)) {
        return *quantile;
    }
    let (z, n) = (NORMAL, degrees as f64);
    let (z3, z5) = (z * z * z, z * z * z * z * z);
    z + (z3 + z) / (4.0 * n) + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * n * n)
}

/// A figure over several seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    /// How many seeds have the figure.
    pub seeds: usize,
    /// Their mean.
    pub mean: f64,
    /// The 95 % confidence interval of the mean reaches so far to either side; `None` from a single seed.
    pub half_width: Option<f64>,
}

impl Band {
    /// The band of these values; `None` when there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let seeds = values.len();
        if seeds == 0 {
            return None;
        }
        let n = seeds as f64;
        let mean = values.iter().sum::<f64>() / n;
        let half_width = (seeds > 1).then(|| {
            let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
            student_t(seeds - 1) * libm::sqrt(squares / (n - 1.0) / n)
        });
        Some(Self { seeds, mean, half_width })
    }

    /// The lower end; the mean from a single seed.
    pub fn low(&self) -> f64 {
        self.mean - self.half_width.unwrap_or(0.0)
    }

    /// The upper end.
    pub fn high(&self) -> f64 {
        self.mean + self.half_width.unwrap_or(0.0)
    }
}

/// Of points of cost and gain those that no other beats: none costs at most as much, gains at least as much, and is
/// better in one of the two. In order of cost.
pub fn pareto_front(points: &[(f64, f64)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&a, &b| {
        let ((cost_a, gain_a), (cost_b, gain_b)) = (points[a], points[b]);
        cost_a.total_cmp(&cost_b).then(gain_b.total_cmp(&gain_a)).then(a.cmp(&b))
    });
    let mut front: Vec<usize> = Vec::new();
    for index in order {
        let better = front.last().is_none_or(|&last| points[index].1 > points[last].1);
        let equal = front.last().is_some_and(|&last| points[index] == points[last]);
        if better || equal {
            front.push(index);
        }
    }
    front
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Rng;

    #[test]
    fn quantiles_continue_beyond_the_table() {
        // The same handbook: 40, 60 and 100 degrees of freedom.
        for (degrees, expected) in [(1, 12.706), (30, 2.042), (40, 2.021), (60, 2.000), (100, 1.984)] {
            assert!((student_t(degrees) - expected).abs() < 6e-4, "{degrees}: {}", student_t(degrees));
        }
        assert!((student_t(31) - student_t(30)).abs() < 0.003);
    }

    #[test]
    fn a_band_is_mean_and_quantile_times_standard_error() {
        let band = Band::of(&[1.0, 2.0, 3.0, 4.0]).unwrap();
        // Variance 5/3, standard error sqrt(5/12) = 0.645497, three degrees of freedom.
        assert_eq!((band.seeds, band.mean), (4, 2.5));
        assert!((band.half_width.unwrap() - 3.182 * 0.645_497_2).abs() < 1e-6);
        assert_eq!((Band::of(&[7.0]).unwrap().half_width, Band::of(&[])), (None, None));
        assert_eq!((Band::of(&[7.0]).unwrap().low(), Band::of(&[7.0, 7.0]).unwrap().high()), (7.0, 7.0));
    }

    /// The interval covers the true mean as often as it says.
    #[test]
    fn nineteen_of_twenty_intervals_hold_the_mean() {
        let mut rng = Rng::for_purpose(1, "bands", 0);
        let covered = (0..4_000).filter(|_| {
            let values: Vec<f64> = (0..5).map(|_| 3.0 + rng.normal()).collect();
            let band = Band::of(&values).unwrap();
            (band.low()..=band.high()).contains(&3.0)
        });
        // Standard deviation of the count is 14.
        let covered = covered.count();
        assert!((3_740..=3_860).contains(&covered), "{covered}");
    }

    #[test]
    fn the_front_is_what_a_comparison_of_all_pairs_gives() {
        let mut rng = Rng::for_purpose(1, "front", 0);
        for _ in 0..200 {
            let mut draw = || (rng.below(6) as f64, rng.below(6) as f64);
            let points: Vec<(f64, f64)> = (0..8).map(|_| draw()).collect();
            let beats = |a: (f64, f64), b: (f64, f64)| a.0 <= b.0 && a.1 >= b.1 && a != b;
            let naive: Vec<usize> =
                (0..8).filter(|&i| !points.iter().any(|&other| beats(other, points[i]))).collect();
            let mut front = pareto_front(&points);
            front.sort_unstable();
            assert_eq!(front, naive, "{points:?}");
        }
    }
}
