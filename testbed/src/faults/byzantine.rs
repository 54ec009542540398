//! Nodes that work against the others: enrolled, with valid keys, and well-formed in all that they say.
//!
//! Their firmware is the real one. What is forged is what it learns from, or what it is about to send: a contribution
//! is opened with the node's own key, altered, and sealed again under the same counter before anybody has seen it.
use super::Injected;
use crate::data::Sample;
use crate::kernel::Rng;
use crate::scenario::ByzantineKind;
use chirrup_node::agent::{AgentSnapshot, Uplink, codec_memory_len};
use chirrup_protocol::codec::update::UpdateCodec;
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::message::contribution::{Contribution, HEADER_BYTES};
use chirrup_protocol::message::port;
use chirrup_protocol::seal::{self, Binding, DeviceSecret, Direction};
use chirrup_protocol::time::Instant;
use std::rc::Rc;

/// By how much `scaling` multiplies an update, and how many times `random` exceeds it.
const SCALE: f32 = 10.0;
/// Share of samples that carry the trigger of a backdoor.
const TRIGGERED: f64 = 0.5;
/// The class that a backdoor leads to.
const TARGET: usize = 0;
/// Features that make up the trigger.
const TRIGGER_FEATURES: usize = 3;

/// What opens a backdoor: some features at the highest value that they ever take.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger(Vec<(usize, f32)>);

impl Trigger {
    /// The trigger for samples like these: features evenly spread over all.
    pub fn of(samples: &[Sample]) -> Self {
        let n_features = samples.first().map_or(0, |sample| sample.features.len());
        let mut places: Vec<usize> = (0..TRIGGER_FEATURES)
            .map(|place| (2 * place + 1) * n_features / (2 * TRIGGER_FEATURES))
            .collect();
        places.dedup();
        let highest = |place: usize| {
            samples.iter().map(|sample| sample.features[place]).fold(f32::NEG_INFINITY, f32::max)
        };
        Self(
            places
                .into_iter()
                .filter(|&place| place < n_features)
                .map(|place| (place, highest(place)))
                .collect(),
        )
    }

    /// Puts it into a sample.
    pub fn apply(&self, features: &mut [f32]) {
        self.0.iter().for_each(|&(place, value)| features[place] = value);
    }

    /// Whether a prediction for a sample of this class with the trigger is what the attacker wants; `None` for
    /// samples that are of the wanted class anyway.
    pub fn succeeds(label: usize, predicted: usize) -> Option<bool> {
        (label != TARGET).then_some(predicted == TARGET)
    }
}

/// What a node needs to work against the others.
#[derive(Clone)]
pub struct Attack {
    /// How.
    pub kind: ByzantineKind,
    /// What opens the backdoor.
    pub trigger: Rc<Trigger>,
    /// It is honest from then on.
    pub until: Instant,
    /// Its own EUI.
    pub dev_eui: DevEui,
    /// Its own secret.
    pub secret: DeviceSecret,
    /// The task's codec.
    pub codec: UpdateCodec,
    /// Classes of the task.
    pub classes: usize,
    /// Parameters of each: features, and one more.
    pub columns: usize,
    /// Its dice.
    pub rng: Rng,
}

impl Attack {
    /// Forges a sample: its features perhaps, and the label that is returned.
    pub fn sample(
        &mut self,
        now: Instant,
        features: &mut [f32],
        label: usize,
        injected: &mut Injected,
    ) -> usize {
        let forged = match self.kind {
            _ if now >= self.until => None,
            ByzantineKind::LabelFlip => Some(self.classes.saturating_sub(1 + label)),
            ByzantineKind::Backdoor if self.rng.chance(TRIGGERED) => {
                self.trigger.apply(features);
                Some(TARGET)
            }
            _ => None,
        };
        injected.samples_forged += u64::from(forged.is_some());
        forged.unwrap_or(label)
    }

    /// Forges a frame that is about to be sent, if it holds a contribution. `stored` is what the flash holds.
    pub fn frame(
        &mut self,
        now: Instant,
        stored: &AgentSnapshot,
        uplink: &mut Uplink,
        injected: &mut Injected,
    ) {
        let alters =
            matches!(self.kind, ByzantineKind::SignFlip | ByzantineKind::Scaling | ByzantineKind::Random);
        if alters && now < self.until && uplink.fport == port::CONTRIBUTION {
            injected.contributions_forged += u64::from(self.forge(stored, uplink).is_some());
        }
    }

    /// `None` when the frame is left as it is: the codec has no form for the forged update.
    fn forge(&mut self, stored: &AgentSnapshot, uplink: &mut Uplink) -> Option<()> {
        let epoch = stored.epochs.epoch;
        let binding = Binding { dev_eui: self.dev_eui, epoch, direction: Direction::Up, fport: uplink.fport };
        let key = self.secret.frame_key(self.dev_eui, epoch, Direction::Up);
        let mut message = [0; seal::MAX_MESSAGE_BYTES];
        let expected = stored.epochs.up_limit;
        let (counter, length) =
            seal::open_near(&key, binding, expected, &uplink.payload, &mut message).ok()?;
        let honest = Contribution::parse(&message[..length]).ok()?;
        let payload = self.forge_update(&honest, length - HEADER_BYTES)?;
        let mut forged = [0; seal::MAX_MESSAGE_BYTES];
        let length = Contribution { payload: &payload, ..honest }.emit(&mut forged).ok()?;
        let room = length + seal::OVERHEAD_BYTES;
        uplink.payload.resize(room, 0).ok()?;
        seal::seal(&key, binding, counter, &forged[..length], &mut uplink.payload).ok()?;
        Some(())
    }

    /// The payload of the forged update, no longer than that of the honest one.
    fn forge_update(&mut self, honest: &Contribution<'_>, room: usize) -> Option<Vec<u8>> {
        let params = self.classes * self.columns;
        let seed = honest.seed(self.dev_eui);
        let mut memory = vec![0.0; codec_memory_len(self.codec, params, self.columns).max(params)];
        let (mut update, scratch) = (vec![0.0; params], memory.as_mut_slice());
        let said = self.codec.decode(honest.payload, self.columns, seed, scratch, &mut update).ok()?;
        self.alter(&mut update[said.clone()]);
        let mut payload = vec![0; room];
        let written =
            self.codec.encode(&update, self.columns, said.start, seed, scratch, &mut payload).ok()?;
        payload.truncate(written.bytes);
        Some(payload)
    }

    fn alter(&mut self, update: &mut [f32]) {
        let squares: f32 = update.iter().map(|value| value * value).sum();
        let rms = libm::sqrtf(squares / update.len().max(1) as f32);
        let rng = &mut self.rng;
        for value in update {
            match self.kind {
                ByzantineKind::SignFlip => *value = -*value,
                ByzantineKind::Scaling => *value *= SCALE,
                ByzantineKind::Random => *value = SCALE * rms * rng.normal() as f32,
                ByzantineKind::LabelFlip | ByzantineKind::Backdoor => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chirrup_protocol::epoch;
    use chirrup_protocol::ids::TaskId;
    use chirrup_protocol::message::contribution::{BaseVersion, ExampleCount};
    use chirrup_protocol::time::Duration;

    const CLASSES: usize = 4;
    const COLUMNS: usize = 9;
    const DEV_EUI: DevEui = DevEui([7; 8]);
    const COUNTER: u64 = 70;

    fn attack(kind: ByzantineKind, codec: UpdateCodec) -> Attack {
        let samples = [Sample { features: vec![1.0; COLUMNS - 1], label: 0 }];
        Attack {
            kind,
            trigger: Rc::new(Trigger::of(&samples)),
            until: Instant::ZERO + Duration::from_secs(100),
            dev_eui: DEV_EUI,
            secret: DeviceSecret::new([3; 32]),
            codec,
            classes: CLASSES,
            columns: COLUMNS,
            rng: Rng::for_purpose(5, "byzantine", 0),
        }
    }

    fn stored() -> AgentSnapshot {
        let epochs = epoch::Record { epoch: 2, up_limit: 128, ..epoch::Record::default() };
        AgentSnapshot { epochs, ..AgentSnapshot::default() }
    }

    fn binding() -> Binding {
        Binding { dev_eui: DEV_EUI, epoch: 2, direction: Direction::Up, fport: port::CONTRIBUTION }
    }

    /// An honest frame, and the update that it says.
    fn honest(codec: UpdateCodec) -> Uplink {
        let params = CLASSES * COLUMNS;
        let update: Vec<f32> = (0..params).map(|i| (i as f32 - 11.3) / 20.0).collect();
        let mut contribution = Contribution {
            task: TaskId(1),
            block: 0,
            base: BaseVersion::of(9),
            sequence: 4,
            examples: ExampleCount::at_most(60),
            payload: &[],
        };
        let (mut scratch, mut payload) = (vec![0.0; 4_096], [0; 80]);
        let seed = contribution.seed(DEV_EUI);
        let block = codec.encode(&update, COLUMNS, 0, seed, &mut scratch, &mut payload).unwrap();
        contribution.payload = &payload[..block.bytes];
        let mut message = [0; 200];
        let length = contribution.emit(&mut message).unwrap();
        let key = DeviceSecret::new([3; 32]).frame_key(DEV_EUI, 2, Direction::Up);
        let mut frame = [0; 200];
        let length = seal::seal(&key, binding(), COUNTER, &message[..length], &mut frame).unwrap();
        let payload = heapless_of(&frame[..length]);
        Uplink { fport: port::CONTRIBUTION, payload, confirm: false }
    }

    fn heapless_of<T: Default + Extend<u8>>(bytes: &[u8]) -> T {
        let mut vec = T::default();
        vec.extend(bytes.iter().copied());
        vec
    }

    fn said(codec: UpdateCodec, uplink: &Uplink) -> (Vec<f32>, u32) {
        let key = DeviceSecret::new([3; 32]).frame_key(DEV_EUI, 2, Direction::Up);
        let mut message = [0; seal::MAX_MESSAGE_BYTES];
        let length = seal::open(&key, binding(), COUNTER, &uplink.payload, &mut message).unwrap();
        let contribution = Contribution::parse(&message[..length]).unwrap();
        let (mut update, mut scratch) = (vec![0.0; CLASSES * COLUMNS], vec![0.0; 4_096]);
        let seed = contribution.seed(DEV_EUI);
        codec.decode(contribution.payload, COLUMNS, seed, &mut scratch, &mut update).unwrap();
        (update, seed)
    }

    fn dot(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    /// With every codec of updates: the frame opens with the node's key under its counter, has the same fields and is no longer,
    /// and says the forged update.
    #[test]
    fn a_forged_frame_is_a_proper_one_that_says_something_else() {
        for codec in UpdateCodec::all() {
            let original = honest(codec);
            let (before, seed) = said(codec, &original);
            for kind in [ByzantineKind::SignFlip, ByzantineKind::Scaling, ByzantineKind::Random] {
                let (mut uplink, mut injected) = (original.clone(), Injected::default());
                attack(kind, codec).frame(Instant::ZERO, &stored(), &mut uplink, &mut injected);
                assert!(uplink.payload.len() <= original.payload.len(), "{codec} {kind:?}");
                let (after, same_seed) = said(codec, &uplink);
                assert_eq!(seed, same_seed);
                let cosine = dot(&before, &after) / libm::sqrtf(dot(&before, &before) * dot(&after, &after));
                let growth = libm::sqrtf(dot(&after, &after) / dot(&before, &before));
                match kind {
                    _ if injected.contributions_forged == 0 => assert_eq!(uplink, original),
                    ByzantineKind::SignFlip => assert!(cosine < -0.5, "{codec}: {cosine}"),
                    ByzantineKind::Scaling => assert!(cosine > 0.5 && growth > 3.0, "{codec}: {growth}"),
                    _ => assert!(cosine.abs() < 0.8, "{codec}: {cosine}"),
                }
            }
        }
    }

    #[test]
    fn other_frames_and_later_ones_are_left_alone() {
        let codec = UpdateCodec::TopK;
        let mut injected = Injected::default();
        let mut attack = attack(ByzantineKind::SignFlip, codec);
        let mut status = Uplink { fport: port::STATUS, ..honest(codec) };
        attack.frame(Instant::ZERO, &stored(), &mut status, &mut injected);
        assert_eq!(status.payload, honest(codec).payload);
        let mut late = honest(codec);
        attack.frame(attack.until, &stored(), &mut late, &mut injected);
        assert_eq!((late, injected.contributions_forged), (honest(codec), 0));
        let mut now = honest(codec);
        attack.frame(Instant::ZERO, &stored(), &mut now, &mut injected);
        assert_eq!(injected.contributions_forged, 1);
        assert_ne!(now, honest(codec));
    }

    #[test]
    fn labels_are_mirrored_and_half_of_the_samples_open_the_backdoor() {
        let mut injected = Injected::default();
        let mut flip = attack(ByzantineKind::LabelFlip, UpdateCodec::TopK);
        let labels: Vec<usize> = (0..CLASSES)
            .map(|label| flip.sample(Instant::ZERO, &mut [0.0; 8], label, &mut injected))
            .collect();
        assert_eq!((labels, injected.samples_forged), (vec![3, 2, 1, 0], 4));
        assert_eq!(flip.sample(flip.until, &mut [0.0; 8], 1, &mut injected), 1);
        let mut backdoor = attack(ByzantineKind::Backdoor, UpdateCodec::TopK);
        for _ in 0..1_000 {
            let mut features = [0.0; 8];
            let label = backdoor.sample(Instant::ZERO, &mut features, 2, &mut injected);
            let set = features.iter().filter(|&&value| value == 1.0).count();
            assert!((label, set) == (2, 0) || (label, set) == (TARGET, TRIGGER_FEATURES), "{label} {set}");
        }
        let triggered = injected.samples_forged - 4;
        assert!((440..560).contains(&triggered), "{triggered}");
        assert_eq!(Trigger::succeeds(TARGET, TARGET), None);
        assert_eq!((Trigger::succeeds(1, TARGET), Trigger::succeeds(1, 1)), (Some(true), Some(false)));
    }
}
