//! How far a simulated mean may be from theory: independent runs, and Student's t.

/// Independent runs behind every estimate.
pub const RUNS: u64 = 16;

/// Two-sided 99.9 % quantile of Student's t with [`RUNS`] - 1 degrees of freedom.
const T_QUANTILE: f64 = 4.073;

/// A mean and the half width of its confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Over all runs.
    pub mean: f64,
    /// The mean of what is estimated lies within this distance with 99.9 % confidence.
    pub half_width: f64,
}

impl Estimate {
    /// Of one value from each of [`RUNS`] runs, with seeds from 1.
    pub fn of(run: impl FnMut(u64) -> f64) -> Self {
        let values: Vec<f64> = (1..=RUNS).map(run).collect();
        let n = RUNS as f64;
        let mean = values.iter().sum::<f64>() / n;
        let square = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
        Self { mean, half_width: T_QUANTILE * libm::sqrt(square / (n - 1.0) / n) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_the_textbook() {
        // 1 to 16: mean 8.5, variance 340 / 15, standard error 1.190238.
        let estimate = Estimate::of(|seed| seed as f64);
        assert_eq!(estimate.mean, 8.5);
        assert!((estimate.half_width / 4.073 - 1.190_238).abs() < 1e-6);
        assert_eq!(Estimate::of(|_| 3.0), Estimate { mean: 3.0, half_width: 0.0 });
    }
}
