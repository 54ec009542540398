//! Ridge regression that keeps a square root of its sums: each sample is rotated into a triangle R with
//! R' R = lambda I + sum x x' (Givens rotations: Golub and Van Loan, Matrix Computations, 5.2).
//!
//! R is Cholesky's factor of the sums, in as many bytes; but sums of squares that differ by more than 2^24 lose the
//! smaller ones in single precision, and a reservoir's do: their roots differ by 2^12. R never loses its definiteness,
//! and a solution takes no factorisation and uses nothing up.
//!
//! State: `2 * inputs * (inputs + 1) + 4 * inputs * outputs` bytes: R's rows from the diagonal on, then the rotated
//! targets, `[inputs][outputs]`. A sample takes `2 * inputs^2 + 4 * inputs * outputs` multiplications and `inputs`
//! square roots, a solution `inputs^2 * outputs / 2`. Triangles of several nodes merge into that of all their samples,
//! at the cost of `inputs` samples.
use super::packed;
use crate::dot::add_scaled;
use crate::{LearnError, MAX_MAGNITUDE, check_finite, check_length, check_sample, check_setting};

/// A regression's settings. The triangle and the readout, `[inputs][outputs]`, are the caller's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rotations {
    /// Numbers that an answer is made of.
    pub inputs: usize,
    /// Numbers in an answer.
    pub outputs: usize,
    /// Weight of the readout's square in what is minimised, 2^-40 to 2^20.
    pub ridge: f32,
}

impl Rotations {
    /// Entries of the triangle and the rotated targets.
    pub const fn triangle_len(self) -> usize {
        packed::len(self.inputs) + self.readout_len()
    }

    /// Entries of the readout.
    pub const fn readout_len(self) -> usize {
        self.inputs * self.outputs
    }

    /// A triangle that has seen nothing.
    pub fn start(&self, triangle: &mut [f32]) -> Result<(), LearnError> {
        self.check(triangle)?;
        triangle.fill(0.0);
        packed::add_to_diagonal(
            &mut triangle[..packed::len(self.inputs)],
            self.inputs,
            libm::sqrtf(self.ridge),
        );
        Ok(())
    }

    /// Takes in that `input` (`[inputs]`) should give `target` (`[outputs]`). **Uses up both**: they are rotated to
    /// nothing and to what the triangle could not explain.
    pub fn add(&self, triangle: &mut [f32], input: &mut [f32], target: &mut [f32]) -> Result<(), LearnError> {
        self.check(triangle)?;
        check_sample(input, self.inputs)?;
        check_sample(target, self.outputs)?;
        self.rotate(triangle, 0, input, target);
        Ok(())
    }

    /// Takes in all that another triangle has seen, and its ridge. **Uses up the other.**
    pub fn merge(&self, triangle: &mut [f32], other: &mut [f32]) -> Result<(), LearnError> {
        self.check(triangle)?;
        self.check(other)?;
        check_finite(other)?;
        let (mut rows, targets) = other.split_at_mut(packed::len(self.inputs));
        for index in 0..self.inputs {
            let (row, below) = rows.split_at_mut(self.inputs - index);
            self.rotate(triangle, index, row, &mut targets[index * self.outputs..][..self.outputs]);
            rows = below;
        }
        Ok(())
    }

    /// The readout of the least error over what the triangle has seen. Before the first sample it is zero.
    pub fn solve(&self, triangle: &[f32], readout: &mut [f32]) -> Result<(), LearnError> {
        self.check(triangle)?;
        check_length("readout", readout.len(), self.readout_len())?;
        let (rows, targets) = triangle.split_at(packed::len(self.inputs));
        readout.copy_from_slice(targets);
        packed::solve_upper(rows, self.inputs, readout, self.outputs)
    }

    /// The readout's answer to `input`, into `answer` (`[outputs]`).
    pub fn answer(&self, readout: &[f32], input: &[f32], answer: &mut [f32]) -> Result<(), LearnError> {
        check_length("readout", readout.len(), self.readout_len())?;
        check_length("answer", answer.len(), self.outputs)?;
        check_sample(input, self.inputs)?;
        answer.fill(0.0);
        for (row, input) in readout.chunks_exact(self.outputs.max(1)).zip(input) {
            add_scaled(answer, *input, row);
        }
        Ok(())
    }

    /// Rotates an input, of which the entries before `first` are zero and left out, into the triangle.
    fn rotate(&self, triangle: &mut [f32], first: usize, input: &mut [f32], target: &mut [f32]) {
        let (rows, targets) = triangle.split_at_mut(packed::len(self.inputs));
        let mut rest = &mut rows[packed::len(self.inputs) - packed::len(self.inputs - first)..];
        for index in 0..input.len() {
            let (row, below) = rest.split_at_mut(input.len() - index);
            if let Some(rotation) = Rotation::clearing(row[0], input[index]) {
                rotation.turn(row, &mut input[index..]);
                let at = (first + index) * self.outputs;
                rotation.turn(&mut targets[at..at + self.outputs], target);
            }
            rest = below;
        }
    }

    fn check(&self, triangle: &[f32]) -> Result<(), LearnError> {
        check_setting("ridge", self.ridge, SMALLEST_RIDGE..=MAX_MAGNITUDE)?;
        check_length("triangle", triangle.len(), self.triangle_len())
    }
}

/// 2^-40.
const SMALLEST_RIDGE: f32 = 1.0 / MAX_MAGNITUDE / MAX_MAGNITUDE;

/// A rotation in a plane.
struct Rotation {
    cosine: f32,
    sine: f32,
}

impl Rotation {
    /// The one that makes of (kept, cleared) the pair (root of the sum of their squares, 0); none where it would
    /// change nothing. `kept` is above zero in every triangle, at least the root of the smallest ridge.
    fn clearing(kept: f32, cleared: f32) -> Option<Self> {
        let length = libm::sqrtf(kept * kept + cleared * cleared);
        (cleared != 0.0 && length > 0.0).then(|| Self { cosine: kept / length, sine: cleared / length })
    }

    /// Turns pairs of entries.
    fn turn(&self, kept: &mut [f32], cleared: &mut [f32]) {
        for (kept, cleared) in kept.iter_mut().zip(cleared) {
            let turned = self.cosine * *kept + self.sine * *cleared;
            *cleared = self.cosine * *cleared - self.sine * *kept;
            *kept = turned;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use proptest::prelude::*;

    const LEARNER: Rotations = Rotations { inputs: 4, outputs: 2, ridge: 1e-3 };

    fn started(learner: Rotations) -> Vec<f32> {
        let mut triangle = vec![9.0; learner.triangle_len()];
        learner.start(&mut triangle).unwrap();
        triangle
    }

    #[test]
    fn nodes_merge_into_the_solution_of_all_their_samples() {
        let (mut random, mut nodes) = (Random::new(1), [started(LEARNER), started(LEARNER)]);
        let mut sums = [[0.0f32; 10].to_vec(), [0.0; 8].to_vec()];
        packed::set_identity(&mut sums[0], 4, 2.0 * LEARNER.ridge).unwrap();
        for index in 0..60 {
            let mut input: [f32; 4] = core::array::from_fn(|_| random.symmetric());
            let mut target = [input[0] - 2.0 * input[3], random.symmetric()];
            packed::add_outer(&mut sums[0], 1.0, &input).unwrap();
            for (row, input) in sums[1].chunks_mut(2).zip(input) {
                add_scaled(row, input, &target);
            }
            LEARNER.add(&mut nodes[index % 2], &mut input, &mut target).unwrap();
        }
        let [first, second] = &mut nodes;
        LEARNER.merge(first, second).unwrap();
        let mut readout = [0.0; 8];
        LEARNER.solve(first, &mut readout).unwrap();
        // The same by Cholesky's factor of the sums.
        packed::factor(&mut sums[0], 4).unwrap();
        let (factor, solution) = sums.split_at_mut(1);
        packed::solve_lower(&factor[0], 4, &mut solution[0], 2).unwrap();
        packed::solve_upper(&factor[0], 4, &mut solution[0], 2).unwrap();
        assert!(readout.iter().zip(&solution[0]).all(|(a, b)| (a - b).abs() < 1e-5), "{readout:?}");
        assert!(first.iter().zip(&factor[0]).all(|(a, b)| (a - b).abs() < 1e-5), "R is Cholesky's factor");
    }

    /// Lauchli's matrix: the small differences of its columns are below the rounding of their squares.
    #[test]
    fn what_the_squares_would_lose_is_kept() {
        let learner = Rotations { inputs: 2, outputs: 1, ridge: SMALLEST_RIDGE };
        let mut triangle = started(learner);
        for (input, target) in [([1.0, 1.0], 3.0), ([1e-4, 0.0], 1e-4), ([0.0, 1e-4], 2e-4)] {
            learner.add(&mut triangle, &mut input.clone(), &mut [target]).unwrap();
        }
        let mut readout = [0.0; 2];
        learner.solve(&triangle, &mut readout).unwrap();
        assert!((readout[0] - 1.0).abs() < 1e-2 && (readout[1] - 2.0).abs() < 1e-2, "{readout:?}");
    }

    #[test]
    fn of_nothing_comes_zero_and_of_one_sample_the_closed_form() {
        let learner = Rotations { inputs: 1, outputs: 1, ridge: 0.5 };
        let (mut triangle, mut readout) = (started(learner), [9.0]);
        learner.solve(&triangle, &mut readout).unwrap();
        assert_eq!(readout, [0.0]);
        learner.add(&mut triangle, &mut [2.0], &mut [3.0]).unwrap();
        learner.solve(&triangle, &mut readout).unwrap();
        assert!((readout[0] - 6.0 / 4.5).abs() < 1e-6);
        let mut answer = [0.0];
        learner.answer(&readout, &[2.0], &mut answer).unwrap();
        assert_eq!(answer, [2.0 * readout[0]]);
    }

    #[test]
    fn bad_input_is_refused_and_changes_nothing() {
        let mut triangle = started(LEARNER);
        let before = triangle.clone();
        let mut add = |mut input: Vec<f32>, mut target: Vec<f32>| {
            LEARNER.add(&mut triangle, &mut input, &mut target).unwrap_err()
        };
        assert_eq!(add(vec![f32::NAN; 4], vec![0.0; 2]), LearnError::NotFinite { feature: 0 });
        assert_eq!(add(vec![0.0; 4], vec![0.0, 2e6]), LearnError::TooLarge { feature: 1 });
        add(vec![0.0; 3], vec![0.0; 2]);
        add(vec![0.0; 4], vec![0.0; 1]);
        assert!(LEARNER.merge(&mut triangle, &mut [f32::NAN; 18]).is_err());
        for ridge in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            let refused = Rotations { ridge, ..LEARNER }.solve(&triangle, &mut [0.0; 8]);
            assert_eq!(refused, Err(LearnError::BadSetting { setting: "ridge" }));
        }
        assert_eq!(triangle, before);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn solutions_stay_finite_whatever_is_accepted(
            seed: u64,
            ridge in prop_oneof![Just(SMALLEST_RIDGE), Just(1.0), Just(MAX_MAGNITUDE)],
        ) {
            let learner = Rotations { ridge, ..LEARNER };
            let (mut triangle, mut random) = (started(learner), Random::new(seed));
            let extremes = [0.0, MAX_MAGNITUDE, -MAX_MAGNITUDE, 1e-38, 1.0, -1e-20];
            let mut extreme = || extremes[random.below(6) as usize];
            for _ in 0..300 {
                let mut input: [f32; 4] = core::array::from_fn(|_| extreme());
                learner.add(&mut triangle, &mut input, &mut [extreme(), extreme()]).unwrap();
            }
            let mut readout = [0.0; 8];
            learner.solve(&triangle, &mut readout).unwrap();
            prop_assert!(triangle.iter().chain(&readout).all(|value| value.is_finite()));
        }
    }
}
