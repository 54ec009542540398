//! What was sealed with one device's keys in one direction, in the order of sealing, and whether a nonce came twice.
//!
//! A nonce is made of epoch and counter (`protocol/SPEC.md`, the seal). Whoever seals uses counters in ascending order
//! and epochs one after the other, across power cuts too; so a counter that stands still or goes back is a nonce used
//! twice, and no set of nonces must be kept. Of both only the low bits travel: 2 of the epoch, 16 of the counter.
//! The log goes by the header alone, and knows neither counters nor storage of the one who seals.
use super::{Findings, Violation};
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::seal::Direction;
use sha2::{Digest, Sha256};

/// The place of a frame in the life of its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Epoch of the key.
    pub epoch: u32,
    /// The whole counter.
    pub counter: u64,
}

/// A frame that was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// [`digest`] of its port and bytes.
    pub digest: u64,
    epoch: u32,
    /// 2^32 frames take longer than any run.
    counter: u32,
}

impl Sealed {
    /// Where it belongs.
    pub fn place(&self) -> Place {
        Place { epoch: self.epoch, counter: self.counter.into() }
    }
}

/// The first eight bytes of SHA-256 over port and sealed frame.
pub fn digest(fport: u8, frame: &[u8]) -> u64 {
    let mut hash = Sha256::new();
    hash.update([fport]);
    hash.update(frame);
    let digest: [u8; 32] = hash.finalize().into();
    u64::from_le_bytes(*digest.first_chunk().expect("a digest has 32 bytes"))
}

/// The log of one device and direction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SealLog {
    frames: Vec<Sealed>,
    last: Option<Place>,
    findings: Findings,
}

impl SealLog {
    /// Enters a frame that was sealed a moment ago, before anybody else has seen it.
    pub fn enter(&mut self, dev_eui: DevEui, direction: Direction, fport: u8, frame: &[u8]) {
        self.findings.look();
        let &[header, low, high, ..] = frame else { return };
        let (key_id, have) = (header >> 4 & 3, u16::from_le_bytes([low, high]));
        match next(self.last, key_id, have) {
            Ok(place) => self.last = Some(place),
            Err(Broken::Counter(Place { epoch, counter: last })) => {
                self.findings.find(Violation::Nonce { dev_eui, direction, epoch, last, have });
            }
            Err(Broken::Epoch(Place { epoch, .. })) => {
                self.findings.find(Violation::Epoch { dev_eui, direction, epoch, key_id });
            }
        }
        let Place { epoch, counter } = self.last.unwrap_or(Place { epoch: 0, counter: 0 });
        self.frames.push(Sealed { digest: digest(fport, frame), epoch, counter: counter as u32 });
    }

    /// Every frame, in order.
    pub fn frames(&self) -> &[Sealed] {
        &self.frames
    }

    /// What was found so far.
    pub fn findings(&self) -> Findings {
        self.findings.clone()
    }
}

enum Broken {
    /// The last place, in whose epoch the counter did not grow.
    Counter(Place),
    /// The last place, which the epoch does not follow.
    Epoch(Place),
}

/// The place that follows, from its low bits.
fn next(last: Option<Place>, key_id: u8, have: u16) -> Result<Place, Broken> {
    let Some(last) = last else { return Ok(Place { epoch: key_id.into(), counter: have.into() }) };
    match key_id.wrapping_sub(last.epoch as u8) & 3 {
        0 => match have.wrapping_sub(last.counter as u16) {
            grown @ 1..0x8000 => Ok(Place { counter: last.counter + u64::from(grown), ..last }),
            _ => Err(Broken::Counter(last)),
        },
        1 => Ok(Place { epoch: last.epoch + 1, counter: have.into() }),
        _ => Err(Broken::Epoch(last)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chirrup_protocol::seal::{Binding, DeviceSecret, OVERHEAD_BYTES, seal};

    const DEVICE: DevEui = DevEui([7; 8]);

    /// Seals with the real seal, and enters what came out.
    fn log(places: &[(u32, u64)]) -> SealLog {
        let mut log = SealLog::default();
        for &(epoch, counter) in places {
            let key = DeviceSecret::new([9; 32]).frame_key(DEVICE, epoch, Direction::Up);
            let binding = Binding { dev_eui: DEVICE, epoch, direction: Direction::Up, fport: 1 };
            let mut frame = [0; OVERHEAD_BYTES + 4];
            seal(&key, binding, counter, b"said", &mut frame).unwrap();
            log.enter(DEVICE, Direction::Up, 1, &frame);
        }
        log
    }

    #[test]
    fn whole_places_follow_from_low_bits() {
        let places =
            [(0, 0), (0, 1), (0, 64), (0, 32_831), (0, 65_536), (1, 0), (2, 5), (3, 0), (4, 64), (4, 65)];
        let log = log(&places);
        let found: Vec<_> = log.frames().iter().map(|frame| frame.place()).collect();
        let expected: Vec<_> = places.iter().map(|&(epoch, counter)| Place { epoch, counter }).collect();
        assert_eq!((found, log.findings().looked_at, log.findings().found), (expected, 10, 0));
    }

    #[test]
    fn a_nonce_that_comes_twice_is_caught() {
        for doctored in [[(0, 0), (0, 9), (0, 9)], [(0, 7), (0, 9), (0, 8)], [(5, 0), (6, 70_000), (6, 64)]] {
            let findings = log(&doctored).findings();
            let [Violation::Nonce { dev_eui: DEVICE, direction: Direction::Up, epoch, .. }] =
                findings.violations[..]
            else {
                panic!("{doctored:?}: {findings:?}")
            };
            assert_eq!(epoch & 3, doctored[2].0 & 3);
        }
    }

    #[test]
    fn an_epoch_that_comes_again_is_caught() {
        for doctored in [[(1, 0), (2, 0), (1, 9)], [(0, 0), (2, 0), (2, 1)]] {
            let findings = log(&doctored).findings();
            assert!(matches!(findings.violations[0], Violation::Epoch { .. }), "{findings:?}");
        }
    }
}
