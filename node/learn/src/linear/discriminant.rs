//! Linear discriminant analysis: class means and a covariance that the classes share (Fisher 1936; Bishop, PRML 2006,
//! 4.2.2), sample by sample (Welford 1962), with shrinkage (Ledoit and Wolf 2004).
//!
//! ```text
//! d = x - mean_c,  n_c += 1,  mean_c += d / n_c,  S += d (x - mean_c)'
//! S* = (1 - g) S / n + g tr(S) / (n features) I
//! w_c = S*^-1 mean_c,  b_c = ln(n_c / n) - w_c mean_c / 2
//! ```
//! The solution is a linear model, [`Shape::linear_params`], that [`super::softmax::Softmax`] can judge with or go on
//! to train. The matrix is decomposed after Cholesky ([`packed`]).
//!
//! State: `4 * (classes + classes * features + features * (features + 1) / 2)` bytes, 10,920 at 64 features and 10
//! classes; the solution takes 4 bytes a parameter and as much scratch as one triangle, 8,320 bytes. A step takes
//! `features * (features + 1) / 2` multiplications, a solution `features^3 / 6 + classes * features^2`.
use crate::least_squares::packed;
use crate::scalar::Scalar;
use crate::{LearnError, Shape, check_label, check_length, check_setting, dot};

/// Added to each variance, so that weights stay finite where all samples are the same.
const LEAST_VARIANCE: f32 = 1e-9;
/// Bias of a class of which there was no sample.
const NEVER: f32 = -1e30;

/// The learner's settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Discriminant {
    /// Features and classes.
    pub shape: Shape,
    /// How much of the covariance is replaced by that of a ball, from 0.001 to 1. With less, single precision could not
    /// tell the matrix of 64 features from a singular one.
    pub shrinkage: f32,
}

/// What was seen of the samples; begins as zeros.
#[derive(Debug)]
pub struct Statistics<'a> {
    /// Samples of each class, `[classes]`.
    pub counts: &'a mut [u32],
    /// Their means, `[classes][features]`.
    pub means: &'a mut [f32],
    /// Sums of products of deviations from the class's mean, packed, [`Discriminant::scatter_len`].
    pub scatter: &'a mut [f32],
}

impl Discriminant {
    /// Length of the packed triangle.
    pub const fn scatter_len(self) -> usize {
        packed::len(self.shape.features)
    }

    /// Takes in a sample. Beyond 2^24 samples of its class a sample is passed over: the mean would no longer move.
    pub fn step(
        &self,
        statistics: &mut Statistics<'_>,
        sample: &[f32],
        label: usize,
    ) -> Result<(), LearnError> {
        check_label(label, self.shape.classes)?;
        self.check(statistics)?;
        f32::check_sample(sample, self.shape.features)?;
        if statistics.counts[label] >= 1 << 24 {
            return Ok(());
        }
        statistics.counts[label] += 1;
        let share = 1.0 / statistics.counts[label] as f32;
        let features = self.shape.features;
        let means = &mut statistics.means[label * features..][..features];
        // x - mean after the step is (1 - share) times that before it: the triangle needs no second vector.
        let mut rest = &mut *statistics.scatter;
        for row in 0..features {
            let (of_row, below) = rest.split_at_mut(features - row);
            let factor = (1.0 - share) * (sample[row] - means[row]);
            for ((product, value), mean) in of_row.iter_mut().zip(&sample[row..]).zip(&means[row..]) {
                *product += factor * (value - mean);
            }
            rest = below;
        }
        for (mean, value) in means.iter_mut().zip(sample) {
            *mean += share * (value - *mean);
        }
        Ok(())
    }

    /// Writes the linear model, `[classes][features + 1]`, the bias last; `scratch` is as long as the scatter. A class
    /// without a sample is never chosen.
    ///
    /// Errors: [`LearnError::NotDefinite`] where rounding leaves no positive definite matrix.
    pub fn solve(
        &self,
        statistics: &Statistics<'_>,
        params: &mut [f32],
        scratch: &mut [f32],
    ) -> Result<(), LearnError> {
        check_setting("shrinkage", self.shrinkage, 0.001..=1.0)?;
        self.check(statistics)?;
        check_length("parameters", params.len(), self.shape.linear_params())?;
        check_length("scratch", scratch.len(), self.scatter_len())?;
        let total = statistics.counts.iter().fold(0.0, |sum, &count| sum + count as f32).max(1.0);
        let features = self.shape.features;
        self.shrink(statistics.scatter, total, scratch);
        packed::factor(scratch, features)?;
        let rows = params.chunks_exact_mut(features + 1).zip(&*statistics.counts);
        for (class, (row, &count)) in rows.enumerate() {
            let (bias, weights) = row.split_last_mut().expect("a row holds at least its bias");
            let mean = &statistics.means[class * features..][..features];
            weights.copy_from_slice(mean);
            packed::solve_lower(scratch, features, weights, 1)?;
            packed::solve_upper(scratch, features, weights, 1)?;
            let prior = count as f32 / total;
            *bias = if count == 0 { NEVER } else { libm::logf(prior) - dot::dot(weights, mean) / 2.0 };
        }
        Ok(())
    }

    /// The covariance, drawn towards a ball of the same trace.
    fn shrink(&self, scatter: &[f32], total: f32, shrunk: &mut [f32]) {
        for (shrunk, entry) in shrunk.iter_mut().zip(scatter) {
            *shrunk = (1.0 - self.shrinkage) * (entry / total);
        }
        let features = self.shape.features;
        // Rows begin at their diagonal and are one shorter each.
        let diagonal =
            (1..=features).rev().scan(0, |next, length| Some(core::mem::replace(next, *next + length)));
        let trace = diagonal.fold(0.0, |sum, index| sum + scatter[index] / total);
        let ball = self.shrinkage * (trace / features.max(1) as f32) + LEAST_VARIANCE;
        packed::add_to_diagonal(shrunk, features, ball);
    }

    fn check(&self, statistics: &Statistics<'_>) -> Result<(), LearnError> {
        check_length("counts", statistics.counts.len(), self.shape.classes)?;
        check_length("means", statistics.means.len(), self.shape.classes * self.shape.features)?;
        check_length("scatter", statistics.scatter.len(), self.scatter_len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::softmax::Softmax;
    use crate::random::Random;
    use proptest::prelude::*;

    const SHAPE: Shape = Shape { features: 3, classes: 2 };
    const LEARNER: Discriminant = Discriminant { shape: SHAPE, shrinkage: 0.1 };

    /// Where an entry of a matrix of three rows is kept.
    const fn place(row: usize, column: usize) -> usize {
        let (row, column) = if row < column { (row, column) } else { (column, row) };
        packed::len(3) - packed::len(3 - row) + column - row
    }

    #[derive(Default)]
    struct Lent {
        counts: [u32; 2],
        means: [f32; 6],
        scatter: [f32; 6],
    }

    impl Lent {
        fn statistics(&mut self) -> Statistics<'_> {
            Statistics { counts: &mut self.counts, means: &mut self.means, scatter: &mut self.scatter }
        }
    }

    #[test]
    fn statistics_are_those_of_the_batch() {
        let (mut lent, mut random) = (Lent::default(), Random::new(1));
        let samples: Vec<([f32; 3], usize)> = (0..300)
            .map(|index| (core::array::from_fn(|_| random.symmetric() * 3.0 + index as f32 % 2.0), index % 2))
            .collect();
        for (sample, label) in &samples {
            LEARNER.step(&mut lent.statistics(), sample, *label).unwrap();
        }
        let mean = |label: usize, feature: usize| {
            let of_class = samples.iter().filter(|(_, of)| *of == label);
            of_class.map(|(sample, _)| f64::from(sample[feature])).sum::<f64>() / 150.0
        };
        for row in 0..3 {
            assert!((f64::from(lent.means[row]) - mean(0, row)).abs() < 1e-5);
            for column in 0..=row {
                let deviation =
                    |(sample, label): &([f32; 3], usize), at: usize| f64::from(sample[at]) - mean(*label, at);
                let product: f64 = samples.iter().map(|of| deviation(of, row) * deviation(of, column)).sum();
                assert!((f64::from(lent.scatter[place(row, column)]) - product).abs() < 2e-3);
            }
        }
    }

    /// The solution solves S* w = mean, checked by multiplying out.
    #[test]
    fn the_model_solves_its_equation() {
        let mut lent = Lent {
            counts: [30, 10],
            means: [1.0, 2.0, -1.0, 0.5, 0.0, 3.0],
            scatter: [80.0, 20.0, -10.0, 60.0, 5.0, 40.0],
        };
        let (mut params, mut scratch) = ([0.0; 8], [0.0; 6]);
        LEARNER.solve(&lent.statistics(), &mut params, &mut scratch).unwrap();
        let entry = |row: usize, column: usize| {
            let packed = lent.scatter[place(row, column)] / 40.0;
            0.9 * packed + if row == column { 0.1 * 180.0 / 40.0 / 3.0 } else { 0.0 }
        };
        for class in 0..2 {
            let weights = &params[class * 4..class * 4 + 3];
            for row in 0..3 {
                let product: f32 = (0..3).map(|column| entry(row, column) * weights[column]).sum();
                assert!((product - lent.means[class * 3 + row]).abs() < 1e-5);
            }
            let half: f32 = (0..3).map(|row| weights[row] * lent.means[class * 3 + row]).sum::<f32>() / 2.0;
            let prior = lent.counts[class] as f32 / 40.0;
            assert!((params[class * 4 + 3] - (libm::logf(prior) - half)).abs() < 1e-5);
        }
    }

    #[test]
    fn a_class_without_samples_is_never_chosen() {
        let mut lent = Lent::default();
        LEARNER.step(&mut lent.statistics(), &[5.0, 5.0, 5.0], 1).unwrap();
        let (mut params, mut scratch) = ([0.0; 8], [0.0; 6]);
        LEARNER.solve(&lent.statistics(), &mut params, &mut scratch).unwrap();
        let judge = Softmax { shape: SHAPE, learning_rate: 0.1, l2: 0.0 };
        assert_eq!(judge.predict(&params, &[-9.0, 3.0, 0.0], &mut [0.0; 2]), Ok(1));
        assert!(
            params.iter().all(|param| param.is_finite()),
            "constant features have no variance: {params:?}"
        );
    }

    #[test]
    fn bad_input_is_refused_and_changes_nothing() {
        let mut lent = Lent::default();
        let mut step = |sample: &[f32], label| LEARNER.step(&mut lent.statistics(), sample, label);
        assert_eq!(step(&[0.0, f32::NAN, 0.0], 0), Err(LearnError::NotFinite { feature: 1 }));
        assert_eq!(step(&[0.0; 3], 2), Err(LearnError::UnknownLabel { label: 2, classes: 2 }));
        assert!(step(&[0.0; 2], 0).is_err());
        assert_eq!((lent.counts, lent.means, lent.scatter), ([0; 2], [0.0; 6], [0.0; 6]));
        let mut params = [3.0; 8];
        for shrinkage in [0.0, 1.5, f32::NAN] {
            let learner = Discriminant { shrinkage, ..LEARNER };
            assert!(learner.solve(&lent.statistics(), &mut params, &mut [0.0; 6]).is_err());
        }
        assert!(LEARNER.solve(&lent.statistics(), &mut params, &mut [0.0; 5]).is_err());
        assert_eq!(params, [3.0; 8]);
    }

    proptest! {
        #[test]
        fn statistics_and_models_stay_finite(
            samples in proptest::collection::vec((
                prop::array::uniform3(
                    prop_oneof![Just(1_048_576f32), Just(-1_048_576.0), Just(0.0), Just(1e-30), -3f32..3.0]),
                0usize..2), 0..100),
            shrinkage in prop_oneof![Just(1e-3f32), Just(0.1), Just(1.0)],
        ) {
            let mut lent = Lent::default();
            let learner = Discriminant { shrinkage, ..LEARNER };
            for (sample, label) in samples {
                learner.step(&mut lent.statistics(), &sample, label).unwrap();
            }
            prop_assert!(lent.means.iter().chain(&lent.scatter).all(|value| value.is_finite()));
            let (mut params, mut scratch) = ([0.0; 8], [0.0; 6]);
            learner.solve(&lent.statistics(), &mut params, &mut scratch).unwrap();
            prop_assert!(params.iter().all(|param| param.is_finite()), "{:?}", params);
        }
    }
}
