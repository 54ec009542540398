//! Two frames at one gateway: does the first survive the second?
use crate::radio::{CollisionModel, Emission, Links, Medium, NodeIndex, Outcome};
use crate::traffic::bare::POWER_DBM;
use crate::traffic::medium;
use chirrup_protocol::airtime::{Modulation, frame_airtime};
use chirrup_protocol::time::{Duration, Instant};

/// A frame of a duel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Duellist {
    /// How it is modulated; all duels are fought on one channel.
    pub modulation: Modulation,
    /// Its length.
    pub phy_bytes: u8,
    /// When it begins, in microseconds.
    pub start_us: u64,
    /// Power with which it arrives.
    pub rssi_dbm: f64,
}

impl Duellist {
    /// When it begins and when it ends.
    pub fn span(&self) -> (Instant, Instant) {
        let start = Instant::from_micros(self.start_us);
        (start, start + frame_airtime(self.modulation, self.phy_bytes.into()))
    }

    /// How long both are on the air together.
    pub fn overlap(&self, other: &Self) -> Duration {
        let ((one_start, one_end), (other_start, other_end)) = (self.span(), other.span());
        one_end.min(other_end).saturating_since(one_start.max(other_start))
    }

    fn emission(&self) -> Emission {
        Emission {
            frequency_hz: 868_100_000,
            modulation: self.modulation,
            power_dbm: POWER_DBM,
            phy: vec![0; self.phy_bytes.into()],
        }
    }
}

/// Whether `wanted` is delivered although `other` is on the air.
pub fn survives(model: CollisionModel, wanted: &Duellist, other: &Duellist) -> bool {
    let loss_db = |frame: &Duellist| f64::from(POWER_DBM) - frame.rssi_dbm;
    let links = Links::from_attenuation(1, &[loss_db(wanted), loss_db(other)]);
    let mut medium = Medium::new(medium(model, 1), links);
    let mut frames = [(NodeIndex(0), wanted), (NodeIndex(1), other)];
    frames.sort_by_key(|(_, frame)| frame.start_us);
    let mut tickets = Vec::new();
    for (node, frame) in frames {
        let begun = medium.begin_uplink(frame.span().0, node, frame.emission());
        tickets.push(begun.expect("duels are fought with frames that modems send"));
    }
    // Frames that do not meet may end in any order: nothing is between them.
    tickets.sort_by_key(|(_, end)| *end);
    let ended: Vec<_> = tickets
        .into_iter()
        .map(|(ticket, _)| {
            let ended = medium.end_uplink(ticket);
            (ended.node, ended.outcome)
        })
        .collect();
    ended.contains(&(NodeIndex(0), Outcome::Delivered))
}

/// The least `x` between `low` and `high` at which `holds`, which must be so at `high`, not at `low`, and change once.
pub fn threshold(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..48 {
        let middle = (low + high) / 2.0;
        if holds(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_found() {
        assert!((threshold(0.0, 10.0, |x| x * x >= 2.0) - 2.0_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn overlap_is_the_time_that_both_are_on_the_air() {
        // 38 bytes at SF7 last 82.176 ms.
        let at = |start_us| Duellist {
            modulation: Modulation::lorawan(7, 125_000),
            phy_bytes: 38,
            start_us,
            rssi_dbm: -100.0,
        };
        assert_eq!(at(0).overlap(&at(80_000)).as_micros(), 2_176);
        assert_eq!(at(80_000).overlap(&at(0)).as_micros(), 2_176);
        assert_eq!(at(0).overlap(&at(90_000)), Duration::ZERO);
        assert!(survives(CollisionModel::Aloha, &at(0), &at(90_000)));
        assert!(!survives(CollisionModel::Aloha, &at(0), &at(80_000)));
    }
}
