//! When a node loses power. A cut strikes at any instant, unless it waits for one of the moments that hurt most: those
//! at which a supply that is nearly spent gives way.
use crate::kernel::Rng;
use crate::scenario::FaultsConfig;
use chirrup_protocol::time::{Duration, Instant};
use std::cell::Cell;
use std::rc::Rc;

/// The time after a frame in which its receive windows lie.
const WINDOWS: Duration = Duration::from_millis(2_500);

/// At which moment a cut strikes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Moment {
    /// At once.
    #[default]
    Now,
    /// In the middle of the next write to flash.
    InWrite,
    /// During the next frame, or during the receive windows after it.
    OnAir,
}

impl Moment {
    /// Draws one.
    pub fn draw(rng: &mut Rng, faults: &FaultsConfig) -> Self {
        if rng.chance(faults.torn_write) {
            Self::InWrite
        } else if rng.chance(faults.cut_on_air) {
            Self::OnAir
        } else {
            Self::Now
        }
    }
}

/// A node's supply: the moment at which it will give way, if it will. Clones are the same supply.
#[derive(Clone, Debug, Default)]
pub struct Supply(Rc<Cell<Option<Moment>>>);

impl Supply {
    /// It gives way at the next such moment.
    pub fn weaken(&self, moment: Moment) {
        self.0.set(Some(moment));
    }

    /// Whether it is about to give way.
    pub fn is_weak(&self) -> bool {
        self.0.get().is_some()
    }

    /// Whether it gives way now that such a moment has come. Then it is as it was before.
    pub fn gives_way(&self, moment: Moment) -> bool {
        let gives_way = self.0.get() == Some(moment);
        if gives_way {
            self.0.set(None);
        }
        gives_way
    }

    /// A new one.
    pub fn replace(&self) {
        self.0.set(None);
    }
}

/// When the power fails that gives way under a frame which is on the air from `now` for `airtime`: within the frame or,
/// as often, within the receive windows.
pub fn instant_on_air(rng: &mut Rng, now: Instant, airtime: Duration) -> Instant {
    let (from, span) = if rng.chance(0.5) { (now, airtime) } else { (now + airtime, WINDOWS) };
    from + Duration::from_micros(1 + rng.below(span.as_micros().max(2) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_supply_gives_way_once_and_at_its_moment() {
        let supply = Supply::default();
        assert!(!supply.gives_way(Moment::InWrite));
        supply.clone().weaken(Moment::InWrite);
        assert!(supply.is_weak());
        assert!(!supply.gives_way(Moment::OnAir));
        assert!(supply.gives_way(Moment::InWrite));
        assert!(!supply.gives_way(Moment::InWrite) && !supply.is_weak());
        supply.weaken(Moment::OnAir);
        supply.replace();
        assert!(!supply.gives_way(Moment::OnAir));
    }

    #[test]
    fn moments_come_in_their_shares() {
        let faults = FaultsConfig { torn_write: 0.4, cut_on_air: 0.5, ..FaultsConfig::default() };
        let mut rng = Rng::for_purpose(2, "moments", 0);
        let drawn: Vec<_> = (0..10_000).map(|_| Moment::draw(&mut rng, &faults)).collect();
        let count = |moment| drawn.iter().filter(|&&other| other == moment).count();
        assert!((3_800..4_200).contains(&count(Moment::InWrite)));
        assert!((2_800..3_200).contains(&count(Moment::OnAir)));
        let none = FaultsConfig::default();
        assert!((0..100).all(|_| Moment::draw(&mut rng, &none) == Moment::Now));
    }

    #[test]
    fn a_cut_on_air_is_within_the_frame_or_its_windows() {
        let (mut rng, now) = (Rng::for_purpose(2, "on-air", 0), Instant::from_micros(5_000_000));
        let airtime = Duration::from_millis(400);
        let ats: Vec<_> = (0..2_000).map(|_| instant_on_air(&mut rng, now, airtime)).collect();
        assert!(ats.iter().all(|&at| at > now && at <= now + airtime + WINDOWS));
        let within = ats.iter().filter(|&&at| at < now + airtime).count();
        assert!((900..1_100).contains(&within), "{within}");
    }
}
