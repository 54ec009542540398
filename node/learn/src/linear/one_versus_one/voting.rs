//! Inference by voting: each base learner votes for one class of its pair.
//!
//! Of classes with equally many votes, the one with the lowest label meets the next one: the class for which their own
//! base learner votes meets the one after that, and the last one standing is the answer. Such duels need no common
//! scale of the base learners' outputs.
//!
//! Scratch: `2 * classes` bytes. An inference takes `classes * (classes - 1) / 2 * features` multiplications, those
//! of a base learner more for each duel.
use super::{pair_index, pairs_of, weights_len};
use crate::scalar::Scalar;
use crate::{LearnError, Shape, check_length};

/// The class with most votes, which are counted into `votes` (`[classes]`).
pub fn predict<S: Scalar>(
    shape: Shape,
    weights: &[S],
    sample: &[S],
    votes: &mut [u16],
) -> Result<usize, LearnError> {
    check_length("weights", weights.len(), weights_len(shape))?;
    check_length("votes", votes.len(), shape.classes)?;
    S::check_sample(sample, shape.features)?;
    let columns = shape.features + 1;
    Ok(elect(votes, |pair| S::affine(&weights[pair * columns..(pair + 1) * columns], sample) > S::ZERO))
}

/// Counts votes and decides; `first_wins` is the outcome of the pair with this number.
pub(super) fn elect(votes: &mut [u16], first_wins: impl Fn(usize) -> bool) -> usize {
    let classes = votes.len();
    votes.fill(0);
    for (pair, (first, second)) in pairs_of(classes).enumerate() {
        votes[if first_wins(pair) { first } else { second }] += 1;
    }
    let mut best = 0;
    for class in 1..classes {
        let is_better = votes[class] > votes[best]
            || votes[class] == votes[best] && !first_wins(pair_index(best, class, classes));
        best = if is_better { class } else { best };
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::one_versus_one::OneVersusOne;
    use crate::linear::passive_aggressive::{PassiveAggressive, StepRule};
    use crate::random::Random;

    #[test]
    fn most_votes_win_and_duels_decide_ties() {
        // 0 beats 1, 1 beats 2, 2 beats 0: one vote each. 0 meets 1 and wins, 2 beats it.
        let mut votes = [9; 3];
        assert_eq!(elect(&mut votes, |pair| pair != pair_index(0, 2, 3)), 2);
        assert_eq!(votes, [1; 3]);
        assert_eq!(elect(&mut votes, |_| true), 0);
        assert_eq!(elect(&mut votes, |_| false), 2);
        assert_eq!(votes, [0, 1, 2]);
        assert_eq!(elect(&mut [0; 1], |_| false), 0);
    }

    #[test]
    fn four_clusters_are_told_apart() {
        let base = PassiveAggressive { features: 2, rule: StepRule::Damped, aggressiveness: 1.0f32 };
        let (learner, shape) = (OneVersusOne { classes: 4, base }, Shape { features: 2, classes: 4 });
        let (mut weights, mut votes, mut random) = ([0.0; 18], [0; 4], Random::new(1));
        let mut draw = || {
            let label = random.below(4) as usize;
            let (x, y) = ((label & 1) as f32 * 4.0 - 2.0, (label >> 1) as f32 * 4.0 - 2.0);
            ([x + random.symmetric(), y + random.symmetric()], label)
        };
        for _ in 0..200 {
            let (sample, label) = draw();
            learner.step(&mut weights, &mut [], &sample, label).unwrap();
        }
        for _ in 0..200 {
            let (sample, label) = draw();
            assert_eq!(predict(shape, &weights, &sample, &mut votes), Ok(label));
        }
        assert!(predict(shape, &weights, &[f32::NAN, 0.0], &mut votes).is_err());
        assert!(predict(shape, &weights, &[0.0; 2], &mut votes[1..]).is_err());
        assert!(predict(shape, &weights[1..], &[0.0; 2], &mut votes).is_err());
        let empty = Shape { features: 2, classes: 0 };
        assert_eq!(predict::<f32>(empty, &[], &[0.0; 2], &mut []), Ok(0));
    }
}
