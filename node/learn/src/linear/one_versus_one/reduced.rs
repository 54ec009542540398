//! Inference with base learners left out: the class with fewest lost duels wins.
//!
//! Votes would favour classes of which no base learner is missing; losses do not, since the true class should have
//! none. Ties are decided in the order of the labels, as in [`super::voting`]: by the duel of the two where it is
//! there, otherwise by the larger mean of the outputs in favour of a class, each cut off at -1 and 1.
//!
//! Scratch: 8 bytes a class. An inference takes `learners * features` multiplications.
use super::{pair_index, pairs, pairs_of};
use crate::scalar::Scalar;
use crate::{LearnError, Shape, check_length, check_setting};

/// How a class fares in its duels; scratch of [`predict`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Standing<S> {
    duels: u16,
    losses: u16,
    outputs: S,
}

impl<S: Scalar> Standing<S> {
    fn enter(&mut self, output: S) {
        self.duels += 1;
        self.losses += u16::from(output < S::ZERO);
        self.outputs = self.outputs + output;
    }

    fn mean(self) -> S {
        self.outputs / S::from_f32(f32::from(self.duels.max(1)))
    }
}

/// The class with fewest losses. `numbers` are those of the pairs whose base learners `weights`
/// (`[numbers.len()][features + 1]`) holds, ascending; `standings` (`[classes]`) is scratch.
pub fn predict<S: Scalar>(
    shape: Shape,
    numbers: &[u16],
    weights: &[S],
    sample: &[S],
    standings: &mut [Standing<S>],
) -> Result<usize, LearnError> {
    check_numbers(shape.classes, numbers)?;
    let columns = shape.features + 1;
    check_length("weights", weights.len(), numbers.len() * columns)?;
    check_length("standings", standings.len(), shape.classes)?;
    S::check_sample(sample, shape.features)?;
    standings.fill(Standing::default());
    let mut rows = numbers.iter().zip(weights.chunks_exact(columns)).peekable();
    for (number, (first, second)) in pairs_of(shape.classes).enumerate() {
        if let Some((_, row)) = rows.next_if(|(next, _)| usize::from(**next) == number) {
            let output = S::affine(row, sample);
            let output = if output > S::ONE { S::ONE } else { output };
            let output = if output < -S::ONE { -S::ONE } else { output };
            standings[first].enter(output);
            // An output of zero is a loss of the first class, as in a vote.
            standings[second].enter(-output);
            standings[first].losses += u16::from(output == S::ZERO);
        }
    }
    let duel = |first, second| {
        let number = pair_index(first, second, shape.classes);
        let place = numbers.iter().position(|&kept| usize::from(kept) == number)?;
        Some(S::affine(&weights[place * columns..(place + 1) * columns], sample) > S::ZERO)
    };
    Ok(decide(standings, duel))
}

/// `first_wins` is the outcome of the duel of two classes, where it is there.
fn decide<S: Scalar>(standings: &[Standing<S>], first_wins: impl Fn(usize, usize) -> Option<bool>) -> usize {
    let mut best = 0;
    for class in 1..standings.len() {
        let (held, rival) = (standings[best], standings[class]);
        let rival_wins = rival.losses < held.losses
            || rival.losses == held.losses
                && first_wins(best, class).map_or_else(|| rival.mean() > held.mean(), |first| !first);
        best = if rival_wins { class } else { best };
    }
    best
}

/// Refuses numbers that do not ascend or are of no pair.
pub(super) fn check_numbers(classes: usize, numbers: &[u16]) -> Result<(), LearnError> {
    if !numbers.is_sorted_by(|number, next| number < next) {
        return Err(LearnError::BadSetting { setting: "order of the pairs" });
    }
    let end = numbers.last().map_or(0, |&last| usize::from(last) + 1);
    check_setting("number of a pair", end, 0..=pairs(classes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::one_versus_one::{OneVersusOne, reduction, voting, weights_len};
    use crate::linear::passive_aggressive::{PassiveAggressive, StepRule};
    use crate::random::Random;

    const SHAPE: Shape = Shape { features: 2, classes: 6 };

    /// Six clusters on a circle.
    fn draw(random: &mut Random) -> ([f32; 2], usize) {
        const CENTRES: [[f32; 2]; 6] =
            [[4.0, 0.0], [2.0, 3.5], [-2.0, 3.5], [-4.0, 0.0], [-2.0, -3.5], [2.0, -3.5]];
        let label = random.below(6) as usize;
        (CENTRES[label].map(|centre| centre + 1.5 * random.symmetric()), label)
    }

    fn trained() -> [f32; 45] {
        let base = PassiveAggressive { features: 2, rule: StepRule::Damped, aggressiveness: 0.1f32 };
        let (mut weights, mut random) = ([0.0; weights_len(SHAPE)], Random::new(1));
        for _ in 0..3_000 {
            let (sample, label) = draw(&mut random);
            OneVersusOne { classes: 6, base }.step(&mut weights, &mut [], &sample, label).unwrap();
        }
        weights
    }

    fn observed(weights: &[f32]) -> [u16; 96] {
        let (mut tables, mut random) = ([0; reduction::tables_len(6)], Random::new(2));
        for _ in 0..600 {
            let (sample, label) = draw(&mut random);
            reduction::observe(SHAPE, weights, &sample, label, &mut tables).unwrap();
        }
        tables
    }

    fn accuracy(mut predict: impl FnMut(&[f32]) -> usize) -> f32 {
        let mut random = Random::new(3);
        let correct = (0..600).filter(|_| {
            let (sample, label) = draw(&mut random);
            predict(&sample) == label
        });
        correct.count() as f32 / 600.0
    }

    #[test]
    fn clusters_are_told_apart_with_half_of_the_base_learners() {
        let mut weights = trained();
        let all = accuracy(|sample| voting::predict(SHAPE, &weights, sample, &mut [0; 6]).unwrap());
        let (mut numbers, mut scratch) = ([0; 15], [0.0; 6]);
        reduction::choose(6, &observed(&weights), 8, &mut numbers, &mut scratch).unwrap();
        let numbers = &numbers[..8];
        assert_eq!(reduction::compact(SHAPE, numbers, &mut weights), Ok(24));
        let mut standings = [Standing::default(); 6];
        let half =
            accuracy(|sample| predict(SHAPE, numbers, &weights[..24], sample, &mut standings).unwrap());
        assert!(all > 0.98 && half > all - 0.02, "{all} {half}");
    }

    #[test]
    fn with_all_base_learners_it_is_the_vote() {
        let weights = trained();
        let numbers: [u16; 15] = core::array::from_fn(|number| number as u16);
        let mut standings = [Standing::default(); 6];
        let mut random = Random::new(4);
        for _ in 0..500 {
            let sample = [8.0 * random.symmetric(), 8.0 * random.symmetric()];
            let vote = voting::predict(SHAPE, &weights, &sample, &mut [0; 6]);
            assert_eq!(predict(SHAPE, &numbers, &weights, &sample, &mut standings), vote);
        }
    }

    #[test]
    fn bad_input_is_refused() {
        let weights = trained();
        let judge = |numbers: &[u16], sample: &[f32]| {
            predict(SHAPE, numbers, &weights[..3 * numbers.len()], sample, &mut [Standing::default(); 6])
        };
        assert_eq!(judge(&[1, 3], &[f32::NAN, 0.0]), Err(LearnError::NotFinite { feature: 0 }));
        assert_eq!(judge(&[3, 1], &[0.0; 2]), Err(LearnError::BadSetting { setting: "order of the pairs" }));
        assert_eq!(judge(&[1, 15], &[0.0; 2]), Err(LearnError::BadSetting { setting: "number of a pair" }));
        assert_eq!(judge(&[], &[0.0; 2]), Ok(0));
        let mut tables = observed(&weights);
        let before = tables;
        assert!(reduction::observe(SHAPE, &weights, &[0.0; 2], 6, &mut tables).is_err());
        assert!(reduction::observe(SHAPE, &weights, &[0.0, f32::INFINITY], 0, &mut tables).is_err());
        assert_eq!(tables, before);
        for kept in [0, 16] {
            assert!(reduction::choose(6, &tables, kept, &mut [0; 15], &mut [0.0; 6]).is_err());
        }
        assert!(reduction::choose(1, &[0], 1, &mut [], &mut [0.0]).is_err());
    }

    #[test]
    fn any_tables_give_a_choice() {
        for fill in [0, 7, u16::MAX] {
            let mut numbers = [9; 15];
            reduction::choose(6, &[fill; 96], 4, &mut numbers, &mut [0.0; 6]).unwrap();
            assert!(check_numbers(6, &numbers[..4]).is_ok());
        }
    }
}
