//! FedBuff: federated learning with buffered asynchronous aggregation (Nguyen et al., AISTATS 2022,
//! arXiv 2106.06639). Updates wait in a buffer; a full buffer's weighted mean moves the model. An update begun s
//! versions ago weighs (1 + s)^-a, in proportion to its examples.
use super::{LARGEST_PARAMETER, Update};
use serde::{Deserialize, Serialize};

/// Bits of fraction of a weight and of the server's rate.
const WEIGHT_BITS: u32 = 16;

/// Parameters of FedBuff.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FedBuff {
    /// a: 0 ignores staleness, 0.5 is the paper's choice.
    pub staleness_exponent: f32,
    /// Step of the server along the mean update.
    pub server_rate: f32,
}

impl FedBuff {
    /// See [`super::Strategy::combine`].
    pub fn combine(&self, params: &[i64], updates: &[Update<'_>]) -> Vec<i64> {
        let weights: Vec<i128> = updates.iter().map(|update| self.weight(update)).collect();
        let total: i128 = weights.iter().sum();
        if total == 0 {
            return params.to_vec();
        }
        let mut sums = vec![0i128; params.len()];
        for (update, weight) in updates.iter().zip(&weights) {
            for &(index, change) in update.changes {
                sums[index as usize] += weight * i128::from(change);
            }
        }
        let rate = fixed(self.server_rate);
        let moved = params.iter().zip(&sums).map(|(&param, &sum)| {
            let step = divide(sum * rate, total << WEIGHT_BITS);
            let limit = i128::from(LARGEST_PARAMETER);
            (i128::from(param) + step).clamp(-limit, limit) as i64
        });
        moved.collect()
    }

    fn weight(&self, update: &Update<'_>) -> i128 {
        let fade = libm::powf(1.0 + update.staleness as f32, -self.staleness_exponent);
        fixed(fade) * i128::from(update.examples)
    }
}

fn fixed(value: f32) -> i128 {
    i128::from(libm::round(f64::from(value) * f64::from(1u32 << WEIGHT_BITS)) as i64)
}

/// Rounds to nearest, halves away from zero.
fn divide(numerator: i128, denominator: i128) -> i128 {
    let half = denominator / 2;
    (if numerator >= 0 { numerator + half } else { numerator - half }) / denominator
}

#[cfg(test)]
mod tests {
    use super::super::{FRACTION_BITS, to_fixed, to_float};
    use super::*;
    use proptest::prelude::*;

    const ONE: i64 = 1 << FRACTION_BITS;

    fn update(changes: &[(u32, i64)], examples: u32, staleness: u32) -> Update<'_> {
        Update { changes, examples, staleness }
    }

    #[test]
    fn the_mean_is_weighted_by_examples_and_staleness() {
        let strategy = FedBuff { staleness_exponent: 0.5, server_rate: 1.0 };
        let (up, down) = ([(0, ONE), (1, ONE)], [(0, -ONE)]);
        // Weights 30 and 30 * (1 + 3)^-0.5 = 15.
        let moved = strategy.combine(&[0, 0, 5], &[update(&up, 30, 0), update(&down, 30, 3)]);
        assert_eq!(moved.iter().map(|&p| to_float(p)).collect::<Vec<_>>()[..2], [1.0 / 3.0, 2.0 / 3.0]);
        assert_eq!(moved[2], 5);
    }

    #[test]
    fn nothing_moves_the_model_beyond_its_limit() {
        let strategy = FedBuff { staleness_exponent: 0.0, server_rate: 10.0 };
        let changes = [(0, to_fixed(32_000.0).unwrap())];
        let moved = strategy.combine(&[LARGEST_PARAMETER - 1], &[update(&changes, u32::MAX, 0); 64]);
        assert_eq!(moved, [LARGEST_PARAMETER]);
        assert_eq!(strategy.combine(&[7], &[]), [7]);
        assert_eq!(to_fixed(f32::NAN), None);
        assert_eq!(to_fixed(40_000.0), None);
    }

    proptest! {
        #[test]
        fn the_order_of_updates_does_not_matter(
            values in proptest::collection::vec((-1e3f32..1e3, 1u32..500, 0u32..20), 2..20),
            turn in 0usize..20,
        ) {
            let strategy = FedBuff { staleness_exponent: 0.7, server_rate: 0.9 };
            let changes: Vec<_> = values.iter().map(|value| [(0, to_fixed(value.0).unwrap())]).collect();
            let mut updates: Vec<_> =
                values.iter().zip(&changes).map(|(v, c)| update(c, v.1, v.2)).collect();
            let forward = strategy.combine(&[0], &updates);
            updates.rotate_left(turn % values.len());
            prop_assert_eq!(strategy.combine(&[0], &updates), forward);
        }
    }
}
