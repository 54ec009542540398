//! Who brings frames whose seal does not verify pays for it: the gateway, never the device that they name, or a
//! stranger could silence a victim.
//!
//! Each gateway has a budget of bad tags that fills again with time. While it is empty the gateway's uplinks are put
//! off: not opened, and without a receipt, so that its outbox brings them again. What other gateways bring is opened.
use chirrup_protocol::ids::GatewayId;
use chirrup_protocol::time::{Duration, Instant};
use std::collections::BTreeMap;

/// Bad tags that a gateway may bring at once.
pub const BUDGET: u32 = 64;
/// One comes back in this time.
const REFILL: Duration = Duration::from_secs(1);
/// Gateways whose budget is not full that are remembered. For one more the one with most left is forgotten: it has
/// done least, and nobody else pays for the new one.
const MAX_GATEWAYS: usize = 1_024;

/// The budgets that are not full.
#[derive(Clone, Debug, Default)]
pub struct Throttle {
    budgets: BTreeMap<GatewayId, Budget>,
}

#[derive(Clone, Copy, Debug)]
struct Budget {
    left: u32,
    /// Since when none has come back.
    since: Instant,
}

impl Budget {
    fn refilled(self, now: Instant) -> Self {
        let back = (now - self.since).as_micros() / REFILL.as_micros();
        let left = u64::from(self.left).saturating_add(back).min(BUDGET.into()) as u32;
        Self { left, since: self.since + REFILL.saturating_mul(back) }
    }
}

impl Throttle {
    /// Bad tags that the gateway may still bring.
    pub fn left(&self, now: Instant, gateway: GatewayId) -> u32 {
        self.budgets.get(&gateway).map_or(BUDGET, |budget| budget.refilled(now).left)
    }

    /// The gateway brought a frame whose seal does not verify.
    pub fn charge(&mut self, now: Instant, gateway: GatewayId) {
        if !self.budgets.contains_key(&gateway) && self.budgets.len() >= MAX_GATEWAYS {
            self.forget_one(now);
        }
        let budget = self.budgets.entry(gateway).or_insert(Budget { left: BUDGET, since: now });
        let refilled = budget.refilled(now);
        let since = if refilled.left == BUDGET { now } else { refilled.since };
        *budget = Budget { left: refilled.left.saturating_sub(1), since };
    }

    /// The gateways whose budget is not full, and what they have left.
    pub fn short(&self, now: Instant) -> impl Iterator<Item = (GatewayId, u32)> + '_ {
        let left = move |(gateway, budget): (&GatewayId, &Budget)| (*gateway, budget.refilled(now).left);
        self.budgets.iter().map(left).filter(|(_, left)| *left < BUDGET)
    }

    fn forget_one(&mut self, now: Instant) {
        let fullest = self.budgets.iter().max_by_key(|(_, budget)| budget.refilled(now).left);
        if let Some(gateway) = fullest.map(|(gateway, _)| *gateway) {
            self.budgets.remove(&gateway);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway(number: u64) -> GatewayId {
        GatewayId(number.to_be_bytes())
    }

    fn at(s: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(s)
    }

    #[test]
    fn a_budget_is_spent_and_comes_back() {
        let mut throttle = Throttle::default();
        (0..BUDGET + 9).for_each(|_| throttle.charge(at(100), gateway(1)));
        assert_eq!((throttle.left(at(100), gateway(1)), throttle.left(at(100), gateway(2))), (0, BUDGET));
        assert_eq!(throttle.left(at(101), gateway(1)), 1);
        throttle.charge(at(101), gateway(1));
        assert_eq!(throttle.short(at(101)).collect::<Vec<_>>(), [(gateway(1), 0)]);
        assert_eq!(throttle.left(at(50), gateway(1)), 0, "a clock that is set back gives nothing");
        assert_eq!(throttle.left(at(500), gateway(1)), BUDGET);
        assert_eq!(throttle.short(at(500)).count(), 0);
        throttle.charge(at(500), gateway(1));
        assert_eq!(throttle.left(at(500), gateway(1)), BUDGET - 1);
    }

    #[test]
    fn it_remembers_the_worst_of_too_many() {
        let mut throttle = Throttle::default();
        (0..BUDGET).for_each(|_| throttle.charge(at(0), gateway(0)));
        (1..5_000).for_each(|number| throttle.charge(at(0), gateway(number)));
        assert_eq!(throttle.budgets.len(), MAX_GATEWAYS);
        assert_eq!(throttle.left(at(0), gateway(0)), 0);
        assert_eq!(throttle.left(at(0), gateway(4_999)), BUDGET - 1);
    }
}
