//! What a node keeps through a power cut, and what a cut in the middle of a write leaves of it.
//!
//! Agent and LoRaWAN guard keep one record each, in two places that are written in turn ([`slots`]). A place is a page
//! of its own: it is erased, then written from its first byte on. A write that the power does not last through leaves
//! one of several rests; nobody knows which, and the other place is untouched.
use crate::kernel::Rng;
use chirrup_node::agent::AgentSnapshot;
use chirrup_node::lorawan::Snapshot;
use chirrup_protocol::slots;

/// Two places for one record of `N` bytes, its overhead included.
#[derive(Clone, Debug)]
struct Pages<const N: usize>([Option<[u8; N]>; 2]);

/// What a torn write leaves of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// The erase did not end: so many bytes are erased, the others are still the old ones.
    Erasing(usize),
    /// The write did not end: so many bytes are new, the others erased, and the one between them is anything.
    Writing(usize),
    /// From so many bytes on the page is anything: its supply fell below what writing needs.
    Garbled(usize),
}

const ERASED: u8 = 0xff;

impl<const N: usize> Default for Pages<N> {
    fn default() -> Self {
        Self([None; 2])
    }
}

impl<const N: usize> Pages<N> {
    fn places(&self) -> [[u8; N]; 2] {
        self.0.map(|place| place.unwrap_or([ERASED; N]))
    }

    fn read(&self) -> Option<Vec<u8>> {
        let [first, second] = self.places();
        self.found(&first, &second).content.map(<[u8]>::to_vec)
    }

    fn found<'a>(&self, first: &'a [u8; N], second: &'a [u8; N]) -> slots::Found<'a> {
        slots::read(first, second).expect("one write at a time is torn, and the place before it is whole")
    }

    /// Writes a record; `tear` breaks the write off.
    fn write(&mut self, content: &[u8], tear: Option<&mut Rng>) {
        let [first, second] = self.places();
        let next = self.found(&first, &second).next;
        let mut whole = [0; N];
        slots::write(next.serial, content, &mut whole).expect("the page was made to measure");
        let page = self.0[next.place as usize].get_or_insert([ERASED; N]);
        match tear {
            None => *page = whole,
            Some(rng) => torn(page, &whole, Rest::draw(rng, N), rng),
        }
    }
}

impl Rest {
    fn draw(rng: &mut Rng, page_bytes: usize) -> Self {
        let at = rng.below(page_bytes as u64) as usize;
        match rng.below(3) {
            0 => Self::Erasing(at),
            1 => Self::Writing(at),
            _ => Self::Garbled(at),
        }
    }
}

fn torn(page: &mut [u8], whole: &[u8], rest: Rest, rng: &mut Rng) {
    let mut anything = || rng.below(256) as u8;
    match rest {
        Rest::Erasing(at) => page[..at].fill(ERASED),
        Rest::Writing(at) => {
            page.fill(ERASED);
            page[..at].copy_from_slice(&whole[..at]);
            page[at] = anything();
        }
        Rest::Garbled(at) => {
            page[..at].copy_from_slice(&whole[..at]);
            page[at..].fill_with(anything);
        }
    }
}

const AGENT_BYTES: usize = AgentSnapshot::BYTES + slots::OVERHEAD_BYTES;
const LORAWAN_BYTES: usize = Snapshot::BYTES + slots::OVERHEAD_BYTES;

/// A node's flash.
#[derive(Clone, Debug, Default)]
pub struct Flash {
    agent: Pages<AGENT_BYTES>,
    lorawan: Pages<LORAWAN_BYTES>,
}

/// A record that is to be written.
#[derive(Clone, Copy)]
pub enum Record<'a> {
    /// The agent's.
    Agent(&'a AgentSnapshot),
    /// The LoRaWAN guard's.
    Lorawan(&'a Snapshot),
}

impl Flash {
    /// The agent's record, if there is one.
    pub fn agent(&self) -> Option<AgentSnapshot> {
        AgentSnapshot::from_bytes(self.agent.read()?.as_slice().try_into().ok()?)
    }

    /// The guard's record, if there is one.
    pub fn lorawan(&self) -> Option<Snapshot> {
        Snapshot::from_bytes(&self.lorawan.read()?).ok()
    }

    /// Writes a record.
    pub fn write(&mut self, record: Record<'_>) {
        self.write_or_tear(record, None);
    }

    /// The power fails while the record is written.
    pub fn tear(&mut self, record: Record<'_>, rng: &mut Rng) {
        self.write_or_tear(record, Some(rng));
    }

    fn write_or_tear(&mut self, record: Record<'_>, tear: Option<&mut Rng>) {
        match record {
            Record::Agent(snapshot) => self.agent.write(&snapshot.to_bytes(), tear),
            Record::Lorawan(snapshot) => self.lorawan.write(&snapshot.to_bytes(), tear),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert};
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

    fn snapshot(sequences: u32) -> AgentSnapshot {
        AgentSnapshot { sequences, ..AgentSnapshot::default() }
    }

    /// Against a model that knows which writes were whole: after each write, torn or not, the flash holds that record
    /// or the one before, never another and never none.
    #[test]
    fn a_torn_write_leaves_the_record_or_the_one_before() {
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
        let mut runner = TestRunner::new_with_rng(Config { cases: 300, ..Config::default() }, rng);
        let writes = proptest::collection::vec(any::<bool>(), 1..40);
        let strategy = (any::<u64>(), writes);
        let outcome = runner.run(&strategy, |(seed, writes)| {
            let (mut flash, mut rng) = (Flash::default(), Rng::for_purpose(seed, "tears", 0));
            let mut held = None;
            for (number, is_torn) in (1..).zip(writes) {
                let written = snapshot(number);
                if is_torn {
                    flash.tear(Record::Agent(&written), &mut rng);
                } else {
                    flash.write(Record::Agent(&written));
                }
                let found = flash.agent();
                prop_assert!(found == Some(written) || is_torn && found == held, "{found:?} after {held:?}");
                held = found;
            }
            Ok(())
        });
        outcome.unwrap();
    }

    /// A tear that does nothing would test nothing.
    #[test]
    fn nearly_every_torn_write_loses_its_record() {
        let mut rng = Rng::for_purpose(3, "tears", 0);
        let (mut flash, mut lost) = (Flash::default(), 0);
        for number in 1..=1_000 {
            flash.tear(Record::Agent(&snapshot(number)), &mut rng);
            lost += u32::from(flash.agent() != Some(snapshot(number)));
        }
        assert!(lost > 990, "{lost} of 1000");
    }

    #[test]
    fn agent_and_guard_keep_their_records_apart() {
        let mut flash = Flash::default();
        assert!(flash.agent().is_none() && flash.lorawan().is_none());
        flash.write(Record::Agent(&snapshot(3)));
        flash.tear(Record::Agent(&snapshot(4)), &mut Rng::for_purpose(1, "tears", 0));
        assert_eq!(flash.agent(), Some(snapshot(3)));
        assert!(flash.lorawan().is_none());
    }

    #[test]
    fn what_a_tear_leaves_is_half_old_half_new_or_anything() {
        let (old, whole) = ([1; 8], [2; 8]);
        let left = |rest| {
            let (mut page, mut rng) = (old, Rng::for_purpose(9, "rest", 0));
            torn(&mut page, &whole, rest, &mut rng);
            page
        };
        assert_eq!(left(Rest::Erasing(3)), [ERASED, ERASED, ERASED, 1, 1, 1, 1, 1]);
        let writing = left(Rest::Writing(2));
        assert_eq!((&writing[..2], &writing[3..]), ([2, 2].as_slice(), [ERASED; 5].as_slice()));
        let garbled = left(Rest::Garbled(4));
        assert_eq!(garbled[..4], [2; 4]);
        assert_ne!(garbled[4..], [2; 4]);
    }
}
