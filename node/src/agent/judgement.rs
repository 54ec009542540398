//! Is a contribution worth its airtime?
//!
//! The gain is measured, not guessed: each sample is judged before it is trained on, once by the model without the
//! unsent changes and once with them. The mean difference of the losses is what the federation would gain if its
//! samples were like this node's. It is compared with the price of the frame:
//!
//! `gain [nats an example] >= price [nats / s] * airtime [s] * budget / budget left`
//!
//! The budget is a bucket of airtime that fills over a day. An untouched one leaves the task's price as it is; the
//! emptier it is, the more a contribution must bring.
use chirrup_protocol::task::Participation;
use chirrup_protocol::time::{Duration, Instant};

/// Over which the budget fills.
const BUDGET_PERIOD: Duration = Duration::from_secs(24 * 3_600);

/// Evidence for a contribution since the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    examples: u32,
    gain_sum: f32,
}

impl Evidence {
    /// Enters a sample: its loss without and with what has not been sent, in nats.
    pub fn add(&mut self, loss_without: f32, loss_with: f32) {
        self.examples += 1;
        self.gain_sum += loss_without - loss_with;
    }

    /// Samples entered.
    pub const fn examples(&self) -> u32 {
        self.examples
    }

    /// Mean gain in nats an example; zero without any.
    pub const fn gain(&self) -> f32 {
        if self.examples == 0 { 0.0 } else { self.gain_sum / self.examples as f32 }
    }
}

/// Airtime that may be spent on contributions, refilled evenly over a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AirtimeBudget {
    capacity: Duration,
    left_us: u64,
    at: Instant,
}

impl AirtimeBudget {
    /// A full budget of so much airtime a day.
    pub const fn new(per_day: Duration, now: Instant) -> Self {
        Self { capacity: per_day, left_us: per_day.as_micros(), at: now }
    }

    /// Airtime left.
    pub fn left(&mut self, now: Instant) -> Duration {
        let elapsed = (now - self.at).as_micros();
        let filled = u128::from(self.capacity.as_micros()) * u128::from(elapsed)
            / u128::from(BUDGET_PERIOD.as_micros());
        if filled > 0 {
            let capacity = u128::from(self.capacity.as_micros());
            self.left_us = (u128::from(self.left_us) + filled).min(capacity) as u64;
            self.at = now;
        }
        Duration::from_micros(self.left_us)
    }

    /// Takes airtime out.
    pub fn spend(&mut self, now: Instant, on_air: Duration) {
        self.left_us = self.left(now).as_micros().saturating_sub(on_air.as_micros());
    }

    /// What airtime costs now, as a multiple of the task's price; `None` when the budget does not hold it.
    pub fn scarcity(&mut self, now: Instant, on_air: Duration) -> Option<f32> {
        let left = self.left(now);
        (on_air <= left && on_air > Duration::ZERO)
            .then(|| self.capacity.as_micros() as f32 / left.as_micros() as f32)
    }
}

/// The rule at the head of this module, and the limits of the task.
pub fn is_worth_sending(
    rule: &Participation,
    evidence: &Evidence,
    sent_for_version: u8,
    on_air: Duration,
    scarcity: Option<f32>,
) -> bool {
    let Some(scarcity) = scarcity else { return false };
    let price = rule.price_nats_per_s * (on_air.as_micros() as f32 / 1e6) * scarcity;
    sent_for_version < rule.max_per_version
        && evidence.examples() >= u32::from(rule.min_examples.max(1))
        && evidence.gain() >= price
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Participation =
        Participation { min_examples: 2, max_examples: 100, price_nats_per_s: 0.1, max_per_version: 2 };
    const SECOND: Duration = Duration::from_secs(1);

    fn evidence(gains: &[f32]) -> Evidence {
        let mut evidence = Evidence::default();
        gains.iter().for_each(|&gain| evidence.add(gain, 0.0));
        evidence
    }

    #[test]
    fn a_gain_is_sent_when_it_pays_for_its_airtime() {
        let worth =
            |gains: &[f32], sent, scarcity| is_worth_sending(&RULE, &evidence(gains), sent, SECOND, scarcity);
        assert!(worth(&[0.1, 0.2], 0, Some(1.0)));
        assert!(!worth(&[0.2], 0, Some(1.0)), "too few examples");
        assert!(!worth(&[0.1, 0.2], 2, Some(1.0)), "enough for this version");
        assert!(!worth(&[0.1, 0.0], 0, Some(1.0)), "too little gain");
        assert!(!worth(&[0.1, 0.2], 0, Some(2.0)), "airtime is scarce");
        assert!(!worth(&[9.0, 9.0], 0, None), "no airtime left");
    }

    #[test]
    fn the_budget_refills_over_a_day() {
        let mut budget = AirtimeBudget::new(Duration::from_secs(24), Instant::ZERO);
        budget.spend(Instant::ZERO, Duration::from_secs(18));
        assert_eq!(budget.scarcity(Instant::ZERO, SECOND), Some(4.0));
        assert_eq!(budget.scarcity(Instant::ZERO, Duration::from_secs(7)), None);
        let later = Instant::ZERO + Duration::from_secs(6 * 3_600);
        assert_eq!(budget.left(later), Duration::from_secs(12));
        assert_eq!(budget.left(later + Duration::from_secs(200_000)), Duration::from_secs(24));
    }

    #[test]
    fn many_small_steps_fill_as_one_large_one() {
        let mut budget = AirtimeBudget::new(Duration::from_secs(24), Instant::ZERO);
        budget.spend(Instant::ZERO, Duration::from_secs(24));
        for step in 1..=3_600u64 {
            budget.left(Instant::ZERO + Duration::from_secs(step));
        }
        let left = budget.left(Instant::ZERO + Duration::from_secs(3_600)).as_micros();
        assert!((995_000..=1_000_000).contains(&left), "{left}");
    }
}
