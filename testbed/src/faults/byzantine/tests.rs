use super::trigger::TRIGGER_FEATURES;
use super::*;
use crate::data::Sample;
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
    let labels: Vec<usize> =
        (0..CLASSES).map(|label| flip.sample(Instant::ZERO, &mut [0.0; 8], label, &mut injected)).collect();
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
