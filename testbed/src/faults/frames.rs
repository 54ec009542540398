//! Frames that are altered on their way, and an attacker who sends frames of others again.
//!
//! The checksum of the physical layer finds nearly all errors; what this file alters is what passes it all the same.
//! The attacker stands beside a gateway: it hears what that hears, and its own frames are always heard.
use super::Injected;
use super::outages::seconds;
use crate::kernel::Rng;
use crate::radio::RadioError;
use crate::scenario::FaultsConfig;
use crate::simulation::backend::{Backend, Order};
use chirrup_gateway::core::Heard;
use chirrup_protocol::time::{Duration, Instant};

/// How long an attacker keeps a frame on average, in seconds.
const KEPT_S: f64 = 600.0;

/// Longest burst of wrong bits.
const LONGEST_BURST: u64 = 32;

/// Alters bits of frames: one burst each.
#[derive(Clone, Debug)]
pub struct Corruption {
    share: f64,
    until: Instant,
    rng: Rng,
}

impl Corruption {
    /// Alters this share of frames before `until`.
    pub const fn new(share: f64, until: Instant, rng: Rng) -> Self {
        Self { share, until, rng }
    }

    /// Perhaps alters a frame; says whether it did.
    pub fn strike(&mut self, now: Instant, phy: &mut [u8]) -> bool {
        if self.share <= 0.0 || now >= self.until || phy.is_empty() || !self.rng.chance(self.share) {
            return false;
        }
        let bits = phy.len() as u64 * 8;
        let first = self.rng.below(bits);
        let last = (first + self.rng.below(LONGEST_BURST)).min(bits - 1);
        let flip = |phy: &mut [u8], bit: u64| phy[(bit / 8) as usize] ^= 1 << (bit % 8);
        flip(phy, first);
        for bit in first + 1..=last {
            if self.rng.chance(0.5) {
                flip(phy, bit);
            }
        }
        true
    }
}

/// What happens to frames between the concentrators and the network server.
#[derive(Clone, Debug)]
pub struct FrameFaults {
    corruption: Corruption,
    replayed: f64,
    until: Instant,
    attacker: Rng,
}

impl FrameFaults {
    /// As the scenario says, before `until`.
    pub fn new(faults: &FaultsConfig, seed: u64, until: Instant) -> Self {
        let rng = Rng::for_purpose(seed, "corrupted-uplinks", 0);
        Self {
            corruption: Corruption::new(faults.corrupted, until, rng),
            replayed: faults.replayed,
            until,
            attacker: Rng::for_purpose(seed, "replays", 0),
        }
    }

    /// When the attacker sends a frame again that is heard now, if it does.
    fn replay_at(&mut self, now: Instant) -> Option<Instant> {
        if self.replayed <= 0.0 || now >= self.until || !self.attacker.chance(self.replayed) {
            return None;
        }
        let at = now + Duration::from_millis(1) + seconds(self.attacker.exponential() * KEPT_S);
        (at < self.until).then_some(at)
    }
}

/// A backend behind concentrators that hear what [`FrameFaults`] leaves of frames.
pub struct Attacked<'a, B> {
    /// What would hear the frames as they were sent.
    pub backend: &'a mut B,
    /// What happens to them.
    pub faults: &'a mut FrameFaults,
    /// What happened.
    pub injected: &'a mut Injected,
    /// Frames that are to be heard again, and when.
    pub replays: &'a mut Vec<(Instant, Heard)>,
}

impl<B: Backend> Backend for Attacked<'_, B> {
    type Error = B::Error;

    fn heard(&mut self, now: Instant, mut heard: Heard) -> Result<(), B::Error> {
        if let Some(at) = self.faults.replay_at(now) {
            self.replays.push((at, heard.clone()));
        }
        let is_altered = self.faults.corruption.strike(now, &mut heard.phy);
        self.injected.frames_corrupted += u64::from(is_altered);
        self.backend.heard(now, heard)
    }

    fn refused(&mut self, now: Instant, token: u64, error: RadioError) -> Result<(), B::Error> {
        self.backend.refused(now, token, error)
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.backend.next_deadline()
    }

    fn reached(&mut self, now: Instant) -> Result<(), B::Error> {
        self.backend.reached(now)
    }

    fn poll_order(&mut self) -> Option<Order> {
        self.backend.poll_order()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corruption(share: f64) -> Corruption {
        let until = Instant::ZERO + Duration::from_secs(100);
        Corruption::new(share, until, Rng::for_purpose(1, "corrupted", 0))
    }

    #[test]
    fn a_struck_frame_differs_within_one_burst() {
        let mut corruption = corruption(1.0);
        for length in [1, 2, 13, 255].into_iter().cycle().take(2_000) {
            let mut phy = vec![0; length];
            assert!(corruption.strike(Instant::ZERO, &mut phy));
            let wrong = |bit: &usize| phy[bit / 8] >> (bit % 8) & 1 == 1;
            let (first, last) = ((0..length * 8).find(wrong).unwrap(), (0..length * 8).rfind(wrong).unwrap());
            assert!(last - first < LONGEST_BURST as usize);
        }
    }

    #[test]
    fn so_large_a_share_is_struck_and_nothing_after_the_end() {
        let mut corruption = corruption(0.2);
        let struck = (0..10_000).filter(|_| corruption.strike(Instant::ZERO, &mut [0; 20])).count();
        // Four standard errors.
        assert!((1_840..=2_160).contains(&struck), "{struck}");
        let later = Instant::ZERO + Duration::from_secs(100);
        assert!((0..100).all(|_| !corruption.strike(later, &mut [0; 20])));
    }

    #[test]
    fn a_replay_comes_later_and_never_after_the_end() {
        let faults = FaultsConfig { replayed: 1.0, ..FaultsConfig::default() };
        let until = Instant::ZERO + Duration::from_secs(3_600);
        let mut frames = FrameFaults::new(&faults, 1, until);
        let ats: Vec<_> = (0..2_000).filter_map(|_| frames.replay_at(Instant::ZERO)).collect();
        assert!(ats.iter().all(|&at| at > Instant::ZERO && at < until));
        // Kept for longer than the hour: e^-6 of them.
        assert!((1_980..2_000).contains(&ats.len()), "{}", ats.len());
        assert_eq!(frames.replay_at(until), None);
    }
}
