//! Which base learners can be left out, judged by their outcomes on samples that none of them learnt from.
//!
//! Tables of outcomes on held-out samples, smoothed after Laplace, give the probability that class c beats class d in
//! their duel where y is true (Rocha and Goldenstein, IEEE TNNLS 2014). A rival c of y is dangerous where the duel of
//! the two is missing, or won by c, and c beats the others:
//!
//! ```text
//! danger(y, c) = P(y) P(c beats y | y) product over r = 0, 1, ... of P(c beats d_r | y)^(1 / (1 + r))
//! ```
//! over the duels that are left, the strictest first; 1 stands for a duel that is missing. The roots stand for the
//! correlation of the outcomes: who beats one class tends to beat others too. The base learner whose absence raises
//! the sum of the dangers least goes first, again and again. Decisions after it: [`super::reduced`].
//!
//! Memory: `2 * (pairs + 1) * classes` bytes of tables, 920 at 10 classes; `2 * pairs` bytes of numbers and
//! `4 * classes` of scratch for the choice. A choice takes at most `4 * pairs^2 * classes^2` logarithms.
use super::{pair_index, pairs, pairs_of, weights_len};
use crate::scalar::Scalar;
use crate::{LearnError, Shape, check_label, check_length, check_setting};

/// Added to the counts of both outcomes.
const SMOOTHING: f32 = 0.5;

/// How many base learners stay where nobody asks for another number: four in five.
pub const fn default_kept(classes: usize) -> usize {
    pairs(classes) - pairs(classes) / 5
}

/// Length of the tables: for each pair how often its first class won, by the true class, `[pairs][classes]`; then how
/// many samples of each class there were, `[classes]`. They begin as zeros.
pub const fn tables_len(classes: usize) -> usize {
    (pairs(classes) + 1) * classes
}

/// Counts the outcomes of a held-out sample. After 65,535 samples of a class further ones are passed over.
pub fn observe<S: Scalar>(
    shape: Shape,
    weights: &[S],
    sample: &[S],
    label: usize,
    tables: &mut [u16],
) -> Result<(), LearnError> {
    check_label(label, shape.classes)?;
    check_length("weights", weights.len(), weights_len(shape))?;
    check_length("tables", tables.len(), tables_len(shape.classes))?;
    S::check_sample(sample, shape.features)?;
    let (wins, samples) = tables.split_at_mut(pairs(shape.classes) * shape.classes);
    if samples[label] == u16::MAX {
        return Ok(());
    }
    samples[label] += 1;
    for (row, wins) in weights.chunks_exact(shape.features + 1).zip(wins.chunks_exact_mut(shape.classes)) {
        wins[label] += u16::from(S::affine(row, sample) > S::ZERO);
    }
    Ok(())
}

/// Chooses `kept` base learners, from one to all: the numbers of their pairs come first in `numbers` (`[pairs]`),
/// ascending. `scratch` has an entry a class.
pub fn choose(
    classes: usize,
    tables: &[u16],
    kept: usize,
    numbers: &mut [u16],
    scratch: &mut [f32],
) -> Result<(), LearnError> {
    check_setting("number of pairs", pairs(classes), 1..=usize::from(u16::MAX))?;
    check_setting("number of base learners", kept, 1..=pairs(classes))?;
    check_length("tables", tables.len(), tables_len(classes))?;
    check_length("numbers", numbers.len(), pairs(classes))?;
    check_length("scratch", scratch.len(), classes)?;
    let outcomes = Outcomes { classes, tables };
    for (number, place) in numbers.iter_mut().enumerate() {
        *place = number as u16;
    }
    for left in (kept + 1..=numbers.len()).rev() {
        let place = outcomes.least_missed(&numbers[..left], scratch);
        numbers[place..left].rotate_left(1);
    }
    Ok(())
}

/// Moves the weights of the chosen base learners to the front, `[numbers.len()][features + 1]`, and returns their
/// length. What follows them is of no more use.
pub fn compact<S: Scalar>(shape: Shape, numbers: &[u16], weights: &mut [S]) -> Result<usize, LearnError> {
    check_length("weights", weights.len(), weights_len(shape))?;
    super::reduced::check_numbers(shape.classes, numbers)?;
    let columns = shape.features + 1;
    for (place, &number) in numbers.iter().enumerate() {
        // Numbers ascend: a row moves to a place that was read already, or its own.
        let from = usize::from(number) * columns;
        weights.copy_within(from..from + columns, place * columns);
    }
    Ok(numbers.len() * columns)
}

struct Outcomes<'a> {
    classes: usize,
    tables: &'a [u16],
}

impl Outcomes<'_> {
    /// Place among the numbers of the base learner that is missed least.
    fn least_missed(&self, numbers: &[u16], scratch: &mut [f32]) -> usize {
        let mut least = (f32::INFINITY, 0);
        let duels = pairs_of(self.classes).enumerate();
        let kept = duels.filter(|(number, _)| numbers.binary_search(&(*number as u16)).is_ok());
        for (place, (number, pair)) in kept.enumerate() {
            let missing = Some(number);
            let rise = self.danger_of(pair, numbers, missing, scratch)
                - self.danger_of(pair, numbers, None, scratch);
            if rise < least.0 {
                least = (rise, place);
            }
        }
        least.1
    }

    /// What both classes of a pair are as rivals of all others.
    fn danger_of(
        &self,
        pair: (usize, usize),
        numbers: &[u16],
        missing: Option<usize>,
        scratch: &mut [f32],
    ) -> f32 {
        let mut sum = 0.0;
        for rival in [pair.0, pair.1] {
            for truth in (0..self.classes).filter(|&truth| truth != rival) {
                sum += self.danger(truth, rival, numbers, missing, scratch);
            }
        }
        sum
    }

    fn danger(
        &self,
        truth: usize,
        rival: usize,
        numbers: &[u16],
        missing: Option<usize>,
        scratch: &mut [f32],
    ) -> f32 {
        let is_left =
            |number: usize| missing != Some(number) && numbers.binary_search(&(number as u16)).is_ok();
        let (mut own, mut count) = (0.0, 0);
        for other in (0..self.classes).filter(|&other| other != rival) {
            let number = pair_index(rival.min(other), rival.max(other), self.classes);
            if !is_left(number) {
                continue;
            }
            let logarithm = libm::logf(self.win_probability(number, rival < other, truth));
            if other == truth {
                own = logarithm;
            } else {
                scratch[count] = logarithm;
                count += 1;
            }
        }
        let others = &mut scratch[..count];
        others.sort_unstable_by(f32::total_cmp);
        let exponent =
            others.iter().enumerate().fold(own, |sum, (rank, log)| sum + log / (1.0 + rank as f32));
        f32::from(self.samples(truth)) * libm::expf(exponent)
    }

    /// Probability that the first class of a pair wins, or the second, where `truth` is the class.
    fn win_probability(&self, number: usize, of_first: bool, truth: usize) -> f32 {
        let samples = self.samples(truth);
        let first = self.tables[number * self.classes + truth].min(samples);
        let wins = if of_first { first } else { samples - first };
        (f32::from(wins) + SMOOTHING) / (f32::from(samples) + 2.0 * SMOOTHING)
    }

    fn samples(&self, class: usize) -> u16 {
        self.tables[pairs(self.classes) * self.classes + class]
    }
}
