//! Uplinks at gateways: time on air, collisions, demodulators, half duplex, injected loss.
use crate::world::{CHANNEL_HZ, DOWNLINK_US, World, config, frame, heard_with, ms, us};
use chirrup_protocol::airtime::Modulation;
use chirrup_protocol::time::{Duration, Instant};
use chirrup_testbed::kernel::Rng;
use chirrup_testbed::radio::geometry::{gateways_in_disc, nodes_in_disc};
use chirrup_testbed::radio::{
    Cause, CollisionModel, Emission, GatewayIndex, Links, MediumConfig, NodeIndex, Outcome, PathLoss,
    Propagation, RadioError, RadioReport, Shadowing, Transmitter, Verdict,
};

/// What becomes of frames (begin in us, frequency, SF) of nodes 0, 1, 2.. heard with these powers.
fn losses(model: CollisionModel, frames: &[(u64, u32, u8)], rssi_dbm: &[f64]) -> Vec<Option<Cause>> {
    let mut world = World::new(config(model), heard_with(rssi_dbm));
    for (node, &(at_us, frequency_hz, sf)) in (0..).zip(frames) {
        world.send(us(at_us), node, frame(frequency_hz, sf));
    }
    world.run();
    world.losses_at(0)
}

#[test]
fn a_frame_is_on_the_air_for_its_airtime_and_is_heard_at_its_end() {
    let mut world = World::new(config(CollisionModel::Aloha), heard_with(&[-100.0]));
    world.send(ms(1_000), 0, frame(CHANNEL_HZ, 7));
    world.run();
    let heard = world.heard();
    assert_eq!(heard.len(), 1);
    assert_eq!((heard[0].node, heard[0].ended_at), (NodeIndex(0), us(1_082_176)));
    assert_eq!((heard[0].frequency_hz, heard[0].phy.len()), (CHANNEL_HZ, 38));
    assert_eq!(heard[0].modulation, Modulation::lorawan(7, 125_000));
    let [reception] = heard[0].receptions[..] else { panic!("one gateway") };
    assert_eq!((reception.gateway, reception.rssi_dbm), (GatewayIndex(0), -100.0));
    assert_eq!(reception.snr_db, 22.5);

    let medium = world.air.medium();
    let log = medium.log();
    let sums = log.node(NodeIndex(0));
    assert_eq!((sums.airtime.as_micros(), sums.phy_bytes, sums.outcomes.delivered), (82_176, 38, 1));
    assert_eq!(log.radio_time(NodeIndex(0)).transmitting.as_micros(), 82_176);
    let record = &log.records()[0];
    assert_eq!((record.source, record.start), (Transmitter::Node(NodeIndex(0)), ms(1_000)));
    assert_eq!((record.outcome, record.phy_bytes), (Outcome::Delivered, 38));
    assert!((record.energy_mj - 3.3 * 44.0 * 0.082_176).abs() < 1e-9);
    assert_eq!(log.verdicts(record), [Verdict::Delivered { rssi_dbm: -100.0, snr_db: 22.5 }]);
    assert_eq!(log.duty().fullest().unwrap().ratio, 82_176.0 / 36e6);
}

#[test]
fn a_frame_takes_the_energy_of_its_power() {
    let mut world = World::new(config(CollisionModel::Aloha), heard_with(&[-60.0]));
    for (second, power_dbm) in (1..).zip([14, 12, 8, 2]) {
        world.send(ms(second * 1_000), 0, Emission { power_dbm, ..frame(CHANNEL_HZ, 7) });
    }
    world.run();
    let medium = world.air.medium();
    let took: Vec<f64> = medium.log().records().iter().map(|record| record.energy_mj).collect();
    assert_eq!(took.len(), 4);
    for (took_mj, current_ma) in took.iter().zip([44.0, 34.0, 25.0, 24.0]) {
        assert!((took_mj - 3.3 * current_ma * 0.082_176).abs() < 1e-9, "{took_mj} at {current_ma} mA");
    }
    let whole = medium.log().radio_time(NodeIndex(0)).used_mj;
    assert!((whole - took.iter().sum::<f64>()).abs() < 1e-9, "{whole}");
}

#[test]
fn under_aloha_any_overlap_destroys_both() {
    let (a, b) = (CHANNEL_HZ, CHANNEL_HZ + 200_000);
    let aloha = |frames: &[_]| losses(CollisionModel::Aloha, frames, &[-60.0, -120.0]);
    let collision = Some(Cause::Collision);
    assert_eq!(aloha(&[(0, a, 7), (82_175, a, 7)]), [collision, collision]);
    assert_eq!(aloha(&[(0, a, 7), (82_176, a, 7)]), [None, None]);
    assert_eq!(aloha(&[(0, a, 7), (10, b, 7)]), [None, None]);
    assert_eq!(aloha(&[(0, a, 7), (10, a, 8)]), [None, None]);
}

#[test]
fn a_frame_too_weak_to_be_heard_disturbs_nobody() {
    for model in [CollisionModel::Aloha, CollisionModel::Capture] {
        let at_the_edge = losses(model, &[(0, CHANNEL_HZ, 7), (10, CHANNEL_HZ, 7)], &[-60.0, -130.01]);
        assert_eq!(at_the_edge, [None, Some(Cause::Sensitivity)]);
    }
    assert_eq!(losses(CollisionModel::Aloha, &[(0, CHANNEL_HZ, 7)], &[-130.0]), [None]);
    assert_eq!(losses(CollisionModel::Aloha, &[(0, CHANNEL_HZ, 12)], &[-142.5]), [None]);
}

#[test]
fn the_stronger_is_captured_whoever_came_first() {
    let capture = |first, second| {
        losses(CollisionModel::Capture, &[(0, CHANNEL_HZ, 7), (40_000, CHANNEL_HZ, 7)], &[first, second])
    };
    let lost = Some(Cause::Collision);
    assert_eq!(capture(-80.0, -86.0), [None, lost]);
    assert_eq!(capture(-86.0, -80.0), [lost, None]);
    assert_eq!(capture(-80.0, -85.0), [lost, lost]);
    // The first one ends three symbols into the preamble of the second, or a microsecond later.
    let timing =
        |at| losses(CollisionModel::Capture, &[(0, CHANNEL_HZ, 7), (at, CHANNEL_HZ, 7)], &[-80.0, -80.0]);
    assert_eq!(timing(82_176 - 3_072), [None, None]);
    assert_eq!(timing(82_176 - 3_073), [lost, lost]);
}

#[test]
fn gateways_judge_apart_and_one_is_enough() {
    // Two nodes, each near its own gateway: each gateway captures its neighbour.
    let mut world =
        World::new(config(CollisionModel::Capture), Links::from_attenuation(2, &[90.0, 110.0, 110.0, 90.0]));
    world.send(ms(0), 0, frame(CHANNEL_HZ, 7));
    world.send(ms(10), 1, frame(CHANNEL_HZ, 7));
    world.run();
    let heard = world.heard();
    let by_gateway: Vec<_> =
        heard.iter().map(|heard| (heard.node.0, heard.receptions[0].gateway.0)).collect();
    assert_eq!(by_gateway, [(0, 0), (1, 1)]);
    assert!(heard.iter().all(|heard| heard.receptions.len() == 1));
}

#[test]
fn a_ninth_frame_finds_no_demodulator() {
    // Frames that do not collide: three channels, SF8 (143.872 ms) to SF10. The ninth is as strong as the others.
    let channels = [868_100_000, 868_300_000, 868_500_000];
    let mut frames: Vec<_> =
        (0..9).map(|index| (index, channels[index as usize % 3], 8 + index as u8 / 3)).collect();
    let mut expected = vec![None; 9];
    // SF10 frames see the end of their preamble last; among them the last to begin is the ninth.
    expected[8] = Some(Cause::NoDemodulator);
    assert_eq!(losses(CollisionModel::Aloha, &frames, &[-90.0; 9]), expected);

    // A preamble of SF7 lasts 12.544 ms. This one ends as the first SF8 frame frees a demodulator, or just before.
    let mut late_comer = |begin_us| {
        frames.truncate(9);
        frames.push((begin_us, 868_100_000, 7));
        losses(CollisionModel::Aloha, &frames, &[-90.0; 10])[9]
    };
    assert_eq!(late_comer(143_872 - 12_544), None);
    assert_eq!(late_comer(143_872 - 12_545), Some(Cause::NoDemodulator));
}

#[test]
fn demodulators_are_taken_at_the_end_of_the_preamble() {
    // An SF12 frame begins first, but its preamble of 401 ms ends when eight others hold the demodulators.
    let mut frames = vec![(0, 868_100_000, 12)];
    let channels = [868_100_000, 868_300_000, 868_500_000];
    frames.extend((0..8).map(|index| (300_000 + index, channels[index as usize % 3], 8 + index as u8 / 3)));
    let mut expected = vec![None; 9];
    expected[0] = Some(Cause::NoDemodulator);
    assert_eq!(losses(CollisionModel::Aloha, &frames, &[-90.0; 9]), expected);
}

#[test]
fn frames_too_weak_take_no_demodulator() {
    let channels = [868_100_000, 868_300_000, 868_500_000];
    let frames: Vec<_> =
        (0..9).map(|index| (index, channels[index as usize % 3], 8 + index as u8 / 3)).collect();
    let mut rssi_dbm = [-90.0; 9];
    rssi_dbm[0] = -140.0;
    let mut expected = vec![None; 9];
    expected[0] = Some(Cause::Sensitivity);
    assert_eq!(losses(CollisionModel::Aloha, &frames, &rssi_dbm), expected);
}

/// The loss of an SF7 uplink from 1000 to 1082.176 ms while the gateway sends for 77.056 ms from `down_at`.
fn heard_beside_a_downlink(down_at: Instant) -> Option<Cause> {
    let mut world = World::new(config(CollisionModel::Capture), heard_with(&[-90.0]));
    world.send(ms(1_000), 0, frame(CHANNEL_HZ, 7));
    world.send_down(down_at, 0, frame(869_525_000, 7));
    world.run();
    let medium = world.air.medium();
    let record =
        medium.log().records().iter().find(|record| record.source == Transmitter::Node(NodeIndex(0)));
    match medium.log().verdicts(record.unwrap())[0] {
        Verdict::Delivered { .. } => None,
        Verdict::Lost(cause) => Some(cause),
    }
}

#[test]
fn a_transmitting_gateway_hears_nothing() {
    let lost = Some(Cause::HalfDuplex);
    for (down_at_us, expected) in [
        (1_000_000 - DOWNLINK_US, None),
        (1_000_001 - DOWNLINK_US, lost),
        (1_000_000, lost),
        (1_030_000, lost),
        (1_082_175, lost),
        (1_082_176, None),
    ] {
        assert_eq!(heard_beside_a_downlink(us(down_at_us)), expected, "{down_at_us}");
    }
}

#[test]
fn another_gateway_hears_what_the_transmitting_one_does_not() {
    let mut world = World::new(config(CollisionModel::Capture), Links::from_attenuation(2, &[100.0, 100.0]));
    world.send(ms(1_000), 0, frame(CHANNEL_HZ, 7));
    world.send_down(ms(1_010), 0, frame(869_525_000, 7));
    world.run();
    assert_eq!(world.heard()[0].receptions.len(), 1);
    assert_eq!(world.heard()[0].receptions[0].gateway, GatewayIndex(1));
}

#[test]
fn a_transmission_frees_the_demodulators_that_it_interrupts() {
    let mut world = World::new(config(CollisionModel::Capture), heard_with(&[-90.0; 16]));
    let channels = [868_100_000, 868_300_000, 868_500_000];
    // Eight long frames are interrupted; eight others that begin after the downlink all find a demodulator.
    for (node, begin_ms) in (0..8).map(|node| (node, 0)).chain((8..16).map(|node| (node, 400))) {
        let place = node as usize % 8;
        let sf = if begin_ms == 0 { 12 - place as u8 / 3 } else { 7 + place as u8 / 3 };
        world.send(ms(begin_ms) + Duration::from_micros(node.into()), node, frame(channels[place % 3], sf));
    }
    world.send_down(ms(300), 0, frame(869_525_000, 7));
    world.run();
    let losses: Vec<_> = {
        let medium = world.air.medium();
        (0..16).map(|node| medium.log().node(NodeIndex(node)).outcomes).collect()
    };
    assert!(losses[..8].iter().all(|outcomes| outcomes.lost(Cause::HalfDuplex) == 1));
    assert!(losses[8..].iter().all(|outcomes| outcomes.delivered == 1));
}

#[test]
fn a_busy_gateway_refuses_and_late_requests_are_refused() {
    let mut world = World::new(config(CollisionModel::Capture), heard_with(&[-90.0]));
    world.send_down(ms(10), 0, frame(869_525_000, 7));
    world.send_down(ms(20), 0, frame(869_525_000, 7));
    world.run();
    let until = us(10_000 + DOWNLINK_US);
    let error = RadioError::GatewayBusy { until };
    assert_eq!(world.reports, [RadioReport::DownlinkRefused { token: 20_000, error }]);
    let request = chirrup_testbed::radio::DownlinkRequest {
        token: 1,
        gateway: GatewayIndex(0),
        emission: frame(869_525_000, 7),
    };
    let late = world.air.schedule_downlink(ms(1), request);
    assert_eq!(late, Err(RadioError::TooLate { due: ms(1), now: until }));
}

#[test]
fn injected_loss_takes_its_share_and_nothing_else() {
    let lossy = MediumConfig { frame_loss: 0.3, ..config(CollisionModel::Aloha) };
    let mut world = World::new(lossy, heard_with(&[-90.0]));
    for index in 0..10_000 {
        world.send(ms(100 * index), 0, frame(CHANNEL_HZ, 7));
    }
    world.run();
    let outcomes = world.air.medium().log().uplinks().outcomes;
    assert_eq!(outcomes.delivered + outcomes.lost(Cause::Injected), 10_000);
    assert!((2_850..3_150).contains(&outcomes.lost(Cause::Injected)));
}

/// The city of Oulu; every link is shadowed by itself.
fn shadowed(deviation_db: f64, seed: u64) -> Propagation {
    let shadowing = Shadowing::new(deviation_db, 0.0, 3, seed);
    Propagation { shadowing, ..Propagation::clear(PathLoss::OULU) }
}

/// A busy hour in the disc, under any model.
fn busy_hour(collision: CollisionModel, seed: u64) -> ([u8; 32], u64) {
    let nodes = nodes_in_disc(200, 5_000.0, seed);
    let links = Links::new(&nodes, &gateways_in_disc(3, 5_000.0), &shadowed(4.0, seed));
    let medium = MediumConfig { frame_loss: 0.05, seed, ..config(collision) };
    let mut world = World::new(medium, links);
    let mut rng = Rng::for_purpose(seed, "busy-hour", 0);
    for node in 0..200 {
        for slot in 0..20 {
            let at_us = slot * 180_000_000 + rng.below(150_000_000);
            let frequency_hz = CHANNEL_HZ + 200_000 * rng.below(3) as u32;
            let emission = Emission {
                phy: (0..12 + rng.below(100)).map(|_| rng.next_u64() as u8).collect(),
                ..frame(frequency_hz, 7 + rng.below(6) as u8)
            };
            world.send(us(at_us), node, emission);
        }
        world.send_down(us(u64::from(node) * 17_000_000), (node % 3) as u16, frame(869_525_000, 9));
    }
    world.run();
    let medium = world.air.medium();
    (medium.log().trace_hash(), medium.log().uplinks().outcomes.delivered)
}

#[test]
fn the_same_seed_gives_the_same_trace_and_another_seed_another() {
    let model = CollisionModel::Croce;
    assert_eq!(busy_hour(model, 1), busy_hour(model, 1));
    assert_ne!(busy_hour(model, 1).0, busy_hour(model, 2).0);
    assert_ne!(busy_hour(model, 1).0, busy_hour(CollisionModel::Goursaud, 1).0);
}

#[test]
fn capture_forgives_more_than_aloha() {
    assert!(busy_hour(CollisionModel::Aloha, 1).1 < busy_hour(CollisionModel::Capture, 1).1);
}
