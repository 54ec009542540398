//! A memory for replay, detectors of drift, and a running scale.
use crate::{CLASSES, Exercise, FEATURES, Hash, Sample};
use chirrup_learn::features::running::{self, FeatureMoments};
use chirrup_learn::random::Random;
use chirrup_learn::streams::adwin::{self, Row, Window, part_of};
use chirrup_learn::streams::page_hinkley::{self, Rise};
use chirrup_learn::streams::replay::{self, ClassCount, Draw, Memory};
use chirrup_learn::{LearnError, Shape};

const SHAPE: Shape = Shape { features: FEATURES, classes: CLASSES };
const REPLAY: replay::Replay = replay::Replay { shape: SHAPE, slots: 50 };
const PAGE_HINKLEY: page_hinkley::PageHinkley = page_hinkley::PageHinkley {
    tolerance: 0.05,
    threshold: 10.0,
    warning: 5.0,
    warm_up: 30,
    horizon: u32::MAX,
};
/// Every value is compared, so that the row shows what that takes.
const ADWIN: adwin::Adwin = adwin::Adwin { delta: 0.002, warning_delta: 0.02, period: 1 };
const ROWS: usize = 10;
const RUNNING: running::Running = running::Running { features: FEATURES, horizon: 1_000 };

/// Class-balancing memory of bytes: offers, and weighted draws.
pub struct Replay {
    values: [u8; REPLAY.values_len()],
    labels: [u16; REPLAY.labels_len()],
    classes: [ClassCount; CLASSES],
    random: Random,
    drawn: [f32; FEATURES],
}

impl Exercise for Replay {
    const NAME: &'static str = "replay from 50 slots of bytes: an offer, a draw";
    const STATE_BYTES: usize = REPLAY.values_len()
        + 2 * REPLAY.labels_len()
        + CLASSES * size_of::<ClassCount>()
        + size_of::<Random>();
    const SCRATCH_BYTES: usize = 4 * FEATURES;

    fn new() -> Self {
        let classes = [ClassCount::default(); _];
        Self { values: [0; _], labels: [0; _], classes, random: Random::new(1), drawn: [0.0; _] }
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        let mut memory =
            Memory { values: &mut self.values, labels: &mut self.labels, classes: &mut self.classes };
        REPLAY.offer(&mut memory, &sample.features, sample.label, &mut self.random).map(|_| ())
    }

    fn infer(&mut self, _: &Sample) -> Result<u32, LearnError> {
        let memory =
            Memory { values: &mut self.values, labels: &mut self.labels, classes: &mut self.classes };
        match REPLAY.draw(&memory, Draw::Weighted, &mut self.random)? {
            Some(slot) => REPLAY.recall(&memory, slot, &mut self.drawn).map(|label| label as u32),
            None => Ok(CLASSES as u32),
        }
    }

    fn hash(&self, hash: &mut Hash) {
        hash.bytes(&self.values);
        self.labels.iter().for_each(|label| hash.word((*label).into()));
        hash.floats(&self.drawn);
    }
}

/// From 0 to 1.
fn value(sample: &Sample) -> f32 {
    sample.label as f32 / CLASSES as f32
}

/// Page-Hinkley test.
pub struct PageHinkley {
    rise: Rise,
}

impl Exercise for PageHinkley {
    const NAME: &'static str = "drift by Page-Hinkley";
    const STATE_BYTES: usize = size_of::<Rise>();
    const SCRATCH_BYTES: usize = 0;

    fn new() -> Self {
        Self { rise: Rise::default() }
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        PAGE_HINKLEY.update(&mut self.rise, value(sample)).map(|_| ())
    }

    fn infer(&mut self, _: &Sample) -> Result<u32, LearnError> {
        Ok(self.rise.mean().to_bits())
    }

    fn hash(&self, hash: &mut Hash) {
        hash.floats(&[self.rise.mean()]);
    }
}

/// ADWIN2.
pub struct Adwin {
    rows: [Row; ROWS],
    updates: u32,
}

impl Exercise for Adwin {
    const NAME: &'static str = "drift by ADWIN2, 10 rows, a value that is compared";
    const STATE_BYTES: usize = ROWS * size_of::<Row>() + 4;
    const SCRATCH_BYTES: usize = 0;

    fn new() -> Self {
        Self { rows: [Row::default(); _], updates: 0 }
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        let mut window = Window { rows: &mut self.rows, updates: &mut self.updates };
        ADWIN.update(&mut window, value(sample)).map(|_| ())
    }

    fn infer(&mut self, _: &Sample) -> Result<u32, LearnError> {
        Ok(part_of(&self.rows).mean().to_bits())
    }

    fn hash(&self, hash: &mut Hash) {
        let whole = part_of(&self.rows);
        hash.floats(&[whole.sum, whole.spread]);
        hash.word(whole.count);
    }
}

/// Running standardisation.
pub struct Running {
    moments: [FeatureMoments; FEATURES],
    count: u32,
    scaled: [f32; FEATURES],
}

impl Exercise for Running {
    const NAME: &'static str = "running standardisation";
    const STATE_BYTES: usize = FEATURES * size_of::<FeatureMoments>() + 4;
    const SCRATCH_BYTES: usize = 4 * FEATURES;

    fn new() -> Self {
        Self { moments: [FeatureMoments::default(); _], count: 0, scaled: [0.0; _] }
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        RUNNING.add(&mut self.moments, &mut self.count, &sample.features)
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        RUNNING.standardise(&self.moments, &sample.features, &mut self.scaled)?;
        Ok(self.scaled[0].to_bits())
    }

    fn hash(&self, hash: &mut Hash) {
        hash.floats(&self.scaled);
        self.moments.iter().for_each(|feature| hash.floats(&[feature.mean, feature.variance]));
    }
}
