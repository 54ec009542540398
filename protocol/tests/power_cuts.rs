//! A million power cuts at every point in the life of a node's epochs and counters, against a naive model.
//!
//! The model remembers everything that was ever used. The air loses, delays and repeats frames; writes to storage are
//! torn at any byte, fail, or fail although they landed; node and aggregator lose power between any two steps. Joins
//! are not in it: [`Epochs`] has no way to hear of one.
#![allow(missing_docs, clippy::unwrap_used)]
use chirrup_protocol::epoch::{Epochs, Limits, Record, uplink_epoch};
use chirrup_protocol::seal::{COUNTER_BLOCK, Counters};
use chirrup_protocol::slots::{self, Next, OVERHEAD_BYTES};
use chirrup_protocol::time::{Duration, Instant};
use std::collections::{BTreeSet, VecDeque};

const CUTS: u64 = 1_000_000;
const CUTS_A_SEED: u64 = 10_000;
/// Small, so that thousands of epochs go by.
const LIMITS: Limits = Limits { counters: 300, age: Duration::from_secs(40_000) };
const PLACE_BYTES: usize = Record::BYTES + OVERHEAD_BYTES;

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % end
    }

    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// The power is gone.
struct PowerCut;

/// An epoch and a counter in it. Its order is that of use.
type Place = (u32, u64);

/// What an uplink shows the aggregator: its place, and from where on downlinks are opened after a restart.
type Said = (Place, Option<u16>);

/// Everything outside of the node, and what it has been seen to do.
struct World {
    random: Random,
    flash: [[u8; PLACE_BYTES]; 2],
    aggregator: Aggregator,
    /// Frames that were on the air and may come late, or again.
    uplinks: VecDeque<Said>,
    downlinks: VecDeque<Place>,
    last_used: Option<Place>,
    opened: BTreeSet<Place>,
    /// The latest epoch of which a downlink verified.
    confirmed: Option<u32>,
    /// The naive age of the epoch: powered time.
    age: Duration,
    /// A frame wanted a counter and has not used it.
    wants: bool,
    passed_over: u64,
    epochs: u64,
}

/// The aggregator's side: it may lose power too, and goes on from its ledger.
struct Aggregator {
    highest: u32,
    down: Counters,
    ledger_limit: u64,
    last_used: Option<Place>,
    last_heard: Option<Place>,
}

impl Aggregator {
    fn hear(&mut self, (place, downlinks_from): Said) {
        let (epoch, _) = place;
        let lowest = self.highest.saturating_sub(2);
        assert!(epoch <= self.highest + 1, "epoch {epoch} with {} known: the node is lost", self.highest);
        let is_open = uplink_epoch((epoch & 3) as u8, self.highest) == Some(epoch);
        assert_eq!(is_open, epoch >= lowest, "epoch {epoch} with {} known", self.highest);
        if epoch > self.highest {
            (self.highest, self.down, self.ledger_limit) = (epoch, Counters::restored(0), 0);
        }
        if self.last_heard < Some(place) {
            self.last_heard = Some(place);
            downlinks_from.inspect(|&low| self.down.pass_over(low));
        }
    }

    fn speak(&mut self) -> Place {
        let counter = self.down.take().unwrap_or_else(|| {
            self.ledger_limit = self.down.wanted_limit();
            self.down.grant(self.ledger_limit);
            self.down.take().unwrap()
        });
        let used = Some((self.highest, counter));
        assert!(used > self.last_used, "{used:?} after {:?}", self.last_used);
        self.last_used = used;
        (self.highest, counter)
    }

    fn lose_power(&mut self) {
        self.down = Counters::restored(self.ledger_limit);
    }
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            random: Random(seed),
            flash: [[0xff; PLACE_BYTES]; 2],
            aggregator: Aggregator {
                highest: 0,
                down: Counters::restored(0),
                ledger_limit: 0,
                last_used: None,
                last_heard: None,
            },
            uplinks: VecDeque::new(),
            downlinks: VecDeque::new(),
            last_used: None,
            opened: BTreeSet::new(),
            confirmed: None,
            age: Duration::ZERO,
            wants: false,
            passed_over: 0,
            epochs: 0,
        }
    }

    fn cut(&mut self) -> Result<(), PowerCut> {
        if self.random.once_in(24) { Err(PowerCut) } else { Ok(()) }
    }

    fn load(&self) -> (Record, Next) {
        let found = slots::read(&self.flash[0], &self.flash[1]).unwrap();
        let record = found.content.map(|content| Record::from_bytes(content.try_into().unwrap()).unwrap());
        (record.unwrap_or_default(), found.next)
    }

    /// Erases a place and writes it, as far as the power lasts. Whether the node hears of its success.
    fn store(&mut self, record: &Record, next: &mut Next) -> Result<bool, PowerCut> {
        let mut whole = [0; PLACE_BYTES];
        slots::write(next.serial, &record.to_bytes(), &mut whole).unwrap();
        self.cut()?;
        if self.random.once_in(40) {
            return Ok(false);
        }
        let is_torn = self.random.once_in(4);
        let place = &mut self.flash[next.place as usize];
        place.fill(0xff);
        if is_torn {
            let kept = self.random.below(PLACE_BYTES as u64 + 1) as usize;
            place[..kept].copy_from_slice(&whole[..kept]);
            if let Some(byte) = place.get_mut(kept) {
                *byte = self.random.below(256) as u8;
            }
            return Err(PowerCut);
        }
        *place = whole;
        self.cut()?;
        if self.random.once_in(40) {
            return Ok(false);
        }
        let place = if next.place as usize == 0 { slots::Place::Second } else { slots::Place::First };
        *next = Next { place, serial: next.serial + 1 };
        Ok(true)
    }

    /// One life, from power on to power off.
    fn live(&mut self) -> Result<(), PowerCut> {
        let (record, mut next) = self.load();
        let mut now = Instant::ZERO + Duration::from_secs(self.random.below(1_000_000));
        let mut epochs = Epochs::restored(LIMITS, record, now);
        self.check_restart(&epochs);
        self.wants = false;
        loop {
            self.cut()?;
            let pause = Duration::from_secs(self.random.below(300));
            (now, self.age) = (now + pause, self.age + pause);
            self.speak(&mut epochs, now, &mut next)?;
            self.cut()?;
            self.listen(&mut epochs);
            if self.random.once_in(50) {
                self.aggregator.lose_power();
            }
        }
    }

    /// What the node goes on with, beside what it would have used next.
    fn check_restart(&mut self, epochs: &Epochs) {
        let (epoch, first) = (epochs.epoch(), epochs.next_uplink());
        let expected = match self.last_used {
            Some((last, counter)) if last == epoch => counter + 1,
            Some((last, _)) if last > epoch => panic!("epoch {epoch} after {last}"),
            _ => 0,
        };
        // The counter that was wanted is spent: its frame may have been sealed.
        let spent = u64::from(self.wants && first > expected);
        let passed_over = (first - expected).saturating_sub(spent);
        assert!(passed_over < COUNTER_BLOCK, "{passed_over} counters passed over");
        self.passed_over = self.passed_over.max(passed_over);
        if first > expected {
            self.last_used = Some((epoch, first - 1));
        }
    }

    fn speak(&mut self, epochs: &mut Epochs, now: Instant, next: &mut Next) -> Result<(), PowerCut> {
        let may_end = (epochs.next_uplink() >= LIMITS.counters || self.age >= LIMITS.age)
            && self.confirmed == Some(epochs.epoch());
        self.wants = true;
        let mut failed = false;
        while let Some(record) = epochs.wanted(now) {
            if record.epoch != epochs.epoch() {
                assert!(may_end && record.epoch == epochs.epoch() + 1, "{record:?} of {epochs:?}");
                // From here on a restart may find it.
                self.begin_epoch(record.epoch);
            }
            if self.store(&record, next)? {
                epochs.grant(now, &record);
            } else {
                failed = true;
                break;
            }
        }
        self.cut()?;
        if failed {
            return Ok(());
        }
        let used = (epochs.epoch(), epochs.take_uplink().unwrap());
        assert!(Some(used) > self.last_used, "{used:?} after {:?}", self.last_used);
        (self.last_used, self.wants) = (Some(used), false);
        assert!((self.aggregator.highest..=self.aggregator.highest + 1).contains(&used.0));
        self.cut()?;
        remember(&mut self.uplinks, (used, epochs.downlinks_from()));
        Ok(())
    }

    fn begin_epoch(&mut self, epoch: u32) {
        // Storage may refuse the same step more than once.
        if self.epochs < epoch.into() {
            self.epochs = epoch.into();
            self.age = Duration::ZERO;
            self.opened = self.opened.split_off(&(epoch.saturating_sub(4), 0));
        }
    }

    /// The air: some uplinks arrive, now or much later, and some answers, once or more often.
    fn listen(&mut self, epochs: &mut Epochs) {
        if !self.uplinks.is_empty() && !self.random.once_in(3) {
            let late = if self.random.once_in(8) {
                self.random.below(self.uplinks.len() as u64) as usize
            } else {
                0
            };
            self.aggregator.hear(self.uplinks[late]);
            let answer = self.aggregator.speak();
            remember(&mut self.downlinks, answer);
        }
        if self.downlinks.is_empty() || self.random.once_in(3) {
            return;
        }
        let late =
            if self.random.once_in(4) { self.random.below(self.downlinks.len() as u64) as usize } else { 0 };
        let (epoch, counter) = self.downlinks[late];
        // The seal verifies under the epoch that it was made with, and no other.
        if epochs.downlink_epoch((epoch & 3) as u8) != Some(epoch) {
            assert!(epoch < epochs.epoch(), "the aggregator is never ahead");
            return;
        }
        self.confirmed = self.confirmed.max(Some(epoch));
        if epochs.accept_downlink(epoch, counter).is_ok() {
            assert!(self.opened.insert((epoch, counter)), "{epoch} {counter} was opened twice");
        }
    }
}

/// Newest first, and no more than a few hundred.
fn remember<T>(air: &mut VecDeque<T>, frame: T) {
    air.push_front(frame);
    air.truncate(700);
}

/// Cuts the power that many times. Returns epochs begun, and the most counters passed over by one cut.
fn run(seed: u64, cuts: u64) -> (u64, u64) {
    let mut world = World::new(seed);
    for cut in 0..cuts {
        let lived = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.live()));
        match lived {
            Ok(Err(PowerCut)) => {}
            Ok(Ok(())) => unreachable!("a life ends with a power cut"),
            Err(_) => panic!("seed {seed}, cut {cut}: see the message above"),
        }
    }
    (world.epochs, world.passed_over)
}

#[test]
fn a_million_power_cuts_use_nothing_twice() {
    let runs: Vec<_> = (0..CUTS / CUTS_A_SEED).map(|seed| run(seed, CUTS_A_SEED)).collect();
    let epochs: u64 = runs.iter().map(|run| run.0).sum();
    assert!(epochs > 10_000, "{epochs} epochs");
    assert_eq!(runs.iter().map(|run| run.1).max(), Some(COUNTER_BLOCK - 1));
}
