//! What can be wrong with a machine, and the impacts that a defect in a bearing makes.
//!
//! A defect is struck once each time that a rolling element passes it, and each impact is as strong as the load that
//! the element carries there (McFadden and Smith 1984). Load is spread over the bearing as Stribeck found,
//! `q(t) = (1 - (1 - cos t) / (2 e))^(3/2)` where that is above zero. An outer race stands still within the loaded
//! zone; an inner race turns through it with the shaft, a ball with the cage. Elements slip a little, so intervals vary
//! by a percent or two, independently, and the phase wanders (Antoni and Randall 2003; Randall and Antoni 2011,
//! section 2.2).
use super::bearing::Orders;
use crate::kernel::Rng;
use core::f64::consts::PI;

/// What a machine has. The order is that of the classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Nothing.
    Healthy,
    /// A spall on the inner race.
    Inner,
    /// A spall on the outer race.
    Outer,
    /// A spall on a ball.
    Ball,
    /// A rotor out of balance.
    Imbalance,
}

impl Condition {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Healthy, Self::Inner, Self::Outer, Self::Ball, Self::Imbalance];
    /// All but [`Self::Healthy`], by the names that scenarios use.
    pub const FAULTS: [(&'static str, Self); 4] = [
        ("inner", Self::Inner),
        ("outer", Self::Outer),
        ("ball", Self::Ball),
        ("imbalance", Self::Imbalance),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::FAULTS.iter().find(|(_, fault)| *fault == self).map_or("healthy", |(name, _)| name)
    }

    /// Impacts a turn of the shaft; none where nothing strikes.
    pub fn impacts_a_turn(self, orders: &Orders) -> Option<f64> {
        match self {
            Self::Healthy | Self::Imbalance => None,
            Self::Inner => Some(orders.inner),
            Self::Outer => Some(orders.outer),
            Self::Ball => Some(2.0 * orders.ball),
        }
    }
}

/// Standard deviation of the interval between two impacts, as a share of it.
pub const SLIP: f64 = 0.01;
/// Standard deviation of the strength of an impact, as a share of it.
const UNEVENNESS: f64 = 0.15;
/// How strongly a ball's defect strikes the inner race, of its strength on the outer one.
const INNER_OF_BALL: f64 = 0.7;

/// One impact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impact {
    /// When, in seconds.
    pub at_s: f64,
    /// Strength; that of an element in the middle of the loaded zone is 1 on average.
    pub strength: f64,
}

/// Where and how fast a defect turns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turning {
    /// The shaft, in turns a second.
    pub shaft_hz: f64,
    /// The bearing.
    pub orders: Orders,
    /// Share of the bearing's circumference that carries load: e of the module's text.
    pub zone: f64,
}

/// The impacts of a defect, in order and without end. The first comes before `from_s` plus one interval.
#[derive(Clone, Debug)]
pub struct Impacts {
    condition: Condition,
    turning: Turning,
    rng: Rng,
    interval_s: f64,
    next_s: f64,
    /// Phase of what carries the defect through the loaded zone, in turns at time zero.
    phase: f64,
    count: u64,
}

impl Impacts {
    /// None where nothing strikes.
    pub fn new(condition: Condition, turning: Turning, from_s: f64, mut rng: Rng) -> Option<Self> {
        let interval_s = 1.0 / (condition.impacts_a_turn(&turning.orders)? * turning.shaft_hz);
        let next_s = from_s + rng.uniform() * interval_s;
        let phase = rng.uniform();
        Some(Self { condition, turning, rng, interval_s, next_s, phase, count: 0 })
    }

    /// Load on the defect, 0 to 1.
    fn load(&self, at_s: f64) -> f64 {
        let turns_hz = match self.condition {
            Condition::Inner => self.turning.shaft_hz,
            Condition::Ball => self.turning.orders.cage * self.turning.shaft_hz,
            _ => return 1.0,
        };
        stribeck(2.0 * PI * (self.phase + turns_hz * at_s), self.turning.zone)
    }
}

impl Iterator for Impacts {
    type Item = Impact;

    fn next(&mut self) -> Option<Impact> {
        let at_s = self.next_s;
        let alternating =
            if self.condition == Condition::Ball && self.count % 2 == 1 { INNER_OF_BALL } else { 1.0 };
        let uneven = (1.0 + UNEVENNESS * self.rng.normal()).max(0.0);
        let slip = (SLIP * self.rng.normal()).clamp(-0.5, 0.5);
        self.next_s += self.interval_s * (1.0 + slip);
        self.count += 1;
        Some(Impact { at_s, strength: alternating * uneven * self.load(at_s) })
    }
}

/// Load at an angle from the middle of the loaded zone, relative to that in its middle.
pub fn stribeck(angle: f64, zone: f64) -> f64 {
    let depth = 1.0 - (1.0 - libm::cos(angle)) / (2.0 * zone);
    if depth > 0.0 { depth * libm::sqrt(depth) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::super::bearing::BEARINGS;
    use super::*;

    fn impacts(condition: Condition, n: usize) -> Vec<Impact> {
        let turning = Turning { shaft_hz: 25.0, orders: BEARINGS[0].orders(), zone: 0.5 };
        Impacts::new(condition, turning, 0.0, Rng::for_purpose(1, "test", 0)).unwrap().take(n).collect()
    }

    #[test]
    fn impacts_come_at_the_characteristic_frequency() {
        let orders = BEARINGS[0].orders();
        for (condition, order) in [
            (Condition::Inner, orders.inner),
            (Condition::Outer, orders.outer),
            (Condition::Ball, 2.0 * orders.ball),
        ] {
            let impacts = impacts(condition, 20_001);
            let rate = 20_000.0 / (impacts[20_000].at_s - impacts[0].at_s);
            // The sum of n intervals has a spread of SLIP / sqrt(n), 7e-5.
            assert!((rate / (25.0 * order) - 1.0).abs() < 4e-4, "{condition:?}: {rate}");
        }
    }

    /// With e = 1/2 half of the circle carries load, as cos(t)^(3/2): its mean over the whole circle is .2782.
    #[test]
    fn the_inner_race_carries_the_mean_of_the_loaded_zone() {
        let n = 40_000;
        let mean = impacts(Condition::Inner, n).iter().map(|impact| impact.strength).sum::<f64>() / n as f64;
        assert!((mean - 0.2782).abs() < 0.01, "{mean}");
        let outer = impacts(Condition::Outer, n).iter().map(|impact| impact.strength).sum::<f64>() / n as f64;
        assert!((outer - 1.0).abs() < 0.01, "{outer}");
    }

    #[test]
    fn load_is_whole_in_the_middle_and_none_behind() {
        assert_eq!((stribeck(0.0, 0.5), stribeck(PI, 0.5), stribeck(2.0, 0.5)), (1.0, 0.0, 0.0));
        assert!((stribeck(PI / 3.0, 0.5) - libm::pow(0.5, 1.5)).abs() < 1e-12);
    }

    #[test]
    fn nothing_strikes_a_healthy_machine() {
        let turning = Turning { shaft_hz: 25.0, orders: BEARINGS[0].orders(), zone: 0.5 };
        for condition in [Condition::Healthy, Condition::Imbalance] {
            assert!(Impacts::new(condition, turning, 0.0, Rng::for_purpose(1, "test", 0)).is_none());
        }
    }
}
