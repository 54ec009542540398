//! The medium against a naive judge that looks at all frames of a run at once.
use crate::world::{World, config, frame, heard_with, us};
use chirrup_protocol::airtime::{downlink_airtime, frame_airtime};
use chirrup_testbed::radio::{Cause, CollisionModel, Transmitter, Verdict};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const CHANNELS_HZ: [u32; 2] = [868_100_000, 868_300_000];
const SENSITIVITY_DBM: [f64; 6] = [-130.0, -132.5, -135.0, -137.5, -140.0, -142.5];
const GOURSAUD_DB: [[f64; 6]; 6] = [
    [6.0, -16.0, -18.0, -19.0, -19.0, -20.0],
    [-24.0, 6.0, -20.0, -22.0, -22.0, -22.0],
    [-27.0, -27.0, 6.0, -23.0, -25.0, -25.0],
    [-30.0, -30.0, -30.0, 6.0, -26.0, -28.0],
    [-33.0, -33.0, -33.0, -33.0, 6.0, -29.0],
    [-36.0, -36.0, -36.0, -36.0, -36.0, 6.0],
];
const CROCE_DB: [[f64; 6]; 6] = [
    [1.0, -8.0, -9.0, -9.0, -9.0, -9.0],
    [-11.0, 1.0, -11.0, -12.0, -13.0, -13.0],
    [-15.0, -13.0, 1.0, -13.0, -14.0, -15.0],
    [-19.0, -18.0, -17.0, 1.0, -17.0, -18.0],
    [-22.0, -22.0, -21.0, -20.0, 1.0, -20.0],
    [-25.0, -25.0, -25.0, -24.0, -23.0, 1.0],
];

/// Times in microseconds.
#[derive(Clone, Copy, Debug)]
struct Frame {
    start: u64,
    end: u64,
    channel: usize,
    sf: u8,
    rssi_dbm: f64,
}

impl Frame {
    fn symbols(&self, quarters: u64) -> u64 {
        quarters * (1_000_000 << self.sf) / 125_000 / 4
    }

    fn preamble_end(&self) -> u64 {
        self.start + self.symbols(49)
    }

    fn audible(&self) -> bool {
        self.rssi_dbm >= SENSITIVITY_DBM[usize::from(self.sf - 7)]
    }

    fn overlap(&self, other: &Self) -> u64 {
        self.end.min(other.end).saturating_sub(self.start.max(other.start))
    }
}

/// Which frames find no demodulator.
fn refused(frames: &[Frame], downlinks: &[(u64, u64)]) -> Vec<bool> {
    let mut order: Vec<_> = (0..frames.len()).collect();
    order.sort_by_key(|&index| frames[index].preamble_end());
    let (mut holders, mut refused) = (Vec::<usize>::new(), vec![false; frames.len()]);
    for index in order {
        let (frame, now) = (&frames[index], frames[index].preamble_end());
        let deaf = downlinks.iter().any(|&(from, to)| from <= now && to > frame.start);
        if !frame.audible() || deaf {
            continue;
        }
        let holds = |holder: &&usize| {
            let Frame { end, .. } = frames[**holder];
            let interrupted = |&(from, _): &(u64, u64)| from > frames[**holder].preamble_end() && from <= now;
            end > now && !downlinks.iter().any(interrupted)
        };
        if holders.iter().filter(holds).count() < 8 {
            holders.push(index);
        } else {
            refused[index] = true;
        }
    }
    refused
}

fn collides(model: CollisionModel, frames: &[Frame], index: usize) -> bool {
    let wanted = &frames[index];
    let others: Vec<_> = (0..frames.len())
        .filter(|&other| other != index && frames[other].channel == wanted.channel)
        .map(|other| (other, &frames[other]))
        .filter(|(_, other)| wanted.overlap(other) > 0)
        .collect();
    let rivals = || others.iter().filter(|(_, other)| other.sf == wanted.sf && other.audible());
    match model {
        CollisionModel::Aloha => rivals().count() > 0,
        CollisionModel::Capture => rivals().any(|&(place, other)| {
            let wanted_first = (wanted.start, index) < (other.start, place);
            let (first, second) = if wanted_first { (wanted, other) } else { (other, wanted) };
            first.end > second.start + second.symbols(12) && wanted.rssi_dbm - other.rssi_dbm < 6.0
        }),
        CollisionModel::Goursaud | CollisionModel::Croce => (7..=12).any(|sf| {
            let energy = |dbm: f64, span: u64| libm::pow(10.0, dbm / 10.0) * span as f64;
            let same = others.iter().filter(|(_, other)| other.sf == sf);
            let noise: f64 = same.map(|(_, other)| energy(other.rssi_dbm, wanted.overlap(other))).sum();
            let ratio_db = 10.0 * libm::log10(energy(wanted.rssi_dbm, wanted.end - wanted.start) / noise);
            let table = if model == CollisionModel::Croce { CROCE_DB } else { GOURSAUD_DB };
            ratio_db < table[usize::from(wanted.sf - 7)][usize::from(sf - 7)]
        }),
    }
}

fn judge(model: CollisionModel, frames: &[Frame], downlinks: &[(u64, u64)]) -> Vec<Option<Cause>> {
    let refused = refused(frames, downlinks);
    let verdict = |index| {
        let frame: &Frame = &frames[index];
        if !frame.audible() {
            Some(Cause::Sensitivity)
        } else if downlinks.iter().any(|&(from, to)| from < frame.end && to > frame.start) {
            Some(Cause::HalfDuplex)
        } else if refused[index] {
            Some(Cause::NoDemodulator)
        } else {
            collides(model, frames, index).then_some(Cause::Collision)
        }
    };
    (0..frames.len()).map(verdict).collect()
}

/// What the medium says, by node: each frame has its own.
fn simulate(model: CollisionModel, frames: &[Frame], downlinks: &[(u64, u64)]) -> Vec<Option<Cause>> {
    let rssi_dbm: Vec<_> = frames.iter().map(|frame| frame.rssi_dbm).collect();
    let mut world = World::new(config(model), heard_with(&rssi_dbm));
    for &(start, _) in downlinks {
        world.send_down(us(start), 0, frame(869_525_000, 7));
    }
    for (node, one) in (0..).zip(frames) {
        world.send(us(one.start), node, frame(CHANNELS_HZ[one.channel], one.sf));
    }
    world.run();
    let (medium, mut causes) = (world.air.medium(), vec![None; frames.len()]);
    for record in medium.log().records() {
        if let (Transmitter::Node(node), [Verdict::Lost(cause)]) =
            (record.source, medium.log().verdicts(record))
        {
            causes[node.0 as usize] = Some(*cause);
        }
    }
    causes
}

fn frames() -> impl Strategy<Value = Vec<Frame>> {
    // Steps of .0173 dB, so that no difference meets a threshold exactly, where rounding would decide.
    let one = (0u64..40_000, 0usize..2, 7u8..=12, -8_400i32..-4_000);
    proptest::collection::vec(one, 1..80).prop_map(|steps| {
        let mut start = 0;
        let mut frames = Vec::new();
        for (gap, channel, sf, power) in steps {
            start += gap;
            let airtime = frame_airtime(frame(CHANNELS_HZ[channel], sf).modulation, 38);
            let end = start + airtime.as_micros();
            frames.push(Frame { start, end, channel, sf, rssi_dbm: 0.0173 * f64::from(power) });
        }
        frames
    })
}

fn downlinks() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let length = downlink_airtime(frame(869_525_000, 7).modulation, 38).as_micros();
    proptest::collection::vec(0u64..2_000_000, 0..4).prop_map(move |gaps| {
        let mut free_at = 0;
        gaps.into_iter()
            .map(|gap| {
                let start = free_at + gap;
                free_at = start + length;
                (start, free_at)
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_medium_agrees_with_the_naive_judge(frames in frames(), downlinks in downlinks()) {
        for model in
            [CollisionModel::Aloha, CollisionModel::Capture, CollisionModel::Goursaud, CollisionModel::Croce]
        {
            prop_assert_eq!(simulate(model, &frames, &downlinks), judge(model, &frames, &downlinks));
        }
    }
}
