//! What surrounds stations, through the medium: link budget, outage by shadowing and fading, interferers, movement.
use crate::world::{CHANNEL_HZ, DOWNLINK_US, World, config, frame, heard_with, ms, us};
use chirrup_protocol::airtime::Modulation;
use chirrup_protocol::time::{Duration, Instant};
use chirrup_testbed::radio::hata::{Environment, OkumuraHata};
use chirrup_testbed::radio::{
    Cause, CollisionModel, Emission, Fading, FadingModel, Interferer, LogDistance, NodeIndex, PathLoss,
    Position, Propagation, Shadowing, Surroundings, Terrain, Tracks, Verdict, Waveform,
};
use std::cell::RefCell;
use std::rc::Rc;

const GATEWAY_DBM: [f64; 6] = [-130.0, -132.5, -135.0, -137.5, -140.0, -142.5];
const MIDDLE: Position = Position { x_m: 0.0, y_m: 0.0 };

fn east(x_m: f64) -> Position {
    Position { x_m, y_m: 0.0 }
}

/// 60 dB at 1 m and 20 dB a decade: 100 dB at 100 m.
const SIMPLE: PathLoss =
    PathLoss::LogDistance(LogDistance { reference_m: 1.0, reference_db: 60.0, exponent: 2.0 });

fn terrain(path_loss: PathLoss, nodes: Vec<Position>) -> Terrain {
    Terrain::new(Propagation::clear(path_loss), nodes, vec![MIDDLE])
}

fn still(terrain: Terrain, interferers: &[Interferer]) -> Surroundings {
    Surroundings::new(terrain, Fading::new(FadingModel::None, 1), interferers, 1)
}

/// Within four standard errors of a share of `n`.
fn assert_share(have: f64, expected: f64, n: f64, what: &str) {
    let error = libm::sqrt(expected * (1.0 - expected) / n);
    assert!((have - expected).abs() < 4.0 * error, "{what}: {have} against {expected}");
}

/// Hata's formulas give a loss of a + b log d, so that 14 dBm reach 10 ^ ((14 - sensitivity - a) / b) km.
#[test]
fn the_range_of_each_spreading_factor_is_that_of_the_link_budget() {
    let (log_f, log_height) = (libm::log10(868.1), libm::log10(30.0));
    let node_db = (1.1 * log_f - 0.7) * 1.5 - (1.56 * log_f - 0.8);
    let a = 69.55 + 26.16 * log_f - 13.82 * log_height - node_db;
    let b = 44.9 - 6.55 * log_height;
    let model = OkumuraHata::new(Environment::Urban, 868.1, 30.0, 1.5).unwrap();
    for (sf, sensitivity_dbm) in (7..=12).zip(GATEWAY_DBM) {
        let range_m = 1_000.0 * libm::pow(10.0, (14.0 - sensitivity_dbm - a) / b);
        let nodes = vec![east(0.9999 * range_m), east(1.0001 * range_m)];
        let surroundings = still(terrain(PathLoss::OkumuraHata(model), nodes), &[]);
        let mut world = World::new(config(CollisionModel::Aloha), surroundings);
        world.send(ms(0), 0, frame(CHANNEL_HZ, sf));
        world.send(ms(10_000), 1, frame(CHANNEL_HZ, sf));
        world.run();
        assert_eq!(world.losses_at(0), [None, Some(Cause::Sensitivity)], "SF{sf} to {range_m} m");
    }
}

/// Abramowitz and Stegun 26.2.17: the normal distribution to 7.5e-8.
fn normal_below(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let series = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let sum = series.iter().rev().fold(0.0, |sum, factor| (sum + factor) * t);
    let tail = libm::exp(-x * x / 2.0) / libm::sqrt(2.0 * core::f64::consts::PI) * sum;
    if x > 0.0 { 1.0 - tail } else { tail }
}

/// At the edge of a cell with a margin of M dB, a share of Q(M / sigma) of the places is out of reach.
#[test]
fn outage_by_shadowing_is_that_of_the_normal_distribution() {
    const NODES: u32 = 4_000;
    // Correlated over 30 m, neighbours on a circle of 63 km tell as much as a quarter of them would.
    for (correlation_m, margin_db, independent) in [(0.0, 4.0, 4e3), (0.0, 8.0, 4e3), (30.0, 4.0, 1e3)] {
        let distance_m = libm::pow(10.0, (14.0 + 130.0 - margin_db - 60.0) / 20.0);
        let place = |node| {
            let angle = core::f64::consts::TAU * f64::from(node) / f64::from(NODES);
            Position { x_m: distance_m * libm::cos(angle), y_m: distance_m * libm::sin(angle) }
        };
        let mut terrain = terrain(SIMPLE, (0..NODES).map(place).collect());
        terrain.propagation.shadowing = Shadowing::new(7.8, correlation_m, 1, 1);
        let mut world = World::new(config(CollisionModel::Aloha), still(terrain, &[]));
        (0..NODES).for_each(|node| world.send(ms(100 * u64::from(node)), node, frame(CHANNEL_HZ, 7)));
        world.run();
        let outcomes = world.air.medium().log().uplinks().outcomes;
        let lost = outcomes.lost(Cause::Sensitivity) as f64 / f64::from(NODES);
        let what = format!("{correlation_m} m, {margin_db} dB");
        assert_share(lost, normal_below(-margin_db / 7.8), independent, &what);
    }
}

/// With a mean power of M dB above the sensitivity, a share of 1 - e^(-10^(-M / 10)) is too weak.
#[test]
fn outage_by_rayleigh_fading_is_that_of_the_exponential_distribution() {
    const FRAMES: u64 = 10_000;
    for margin_db in [0.0, 3.0, 10.0, 20.0] {
        let surroundings = Surroundings::from(heard_with(&[-130.0 + margin_db]))
            .with_fading(Fading::new(FadingModel::Rayleigh, 1));
        let mut world = World::new(config(CollisionModel::Capture), surroundings);
        (0..FRAMES).for_each(|index| world.send(ms(100 * index), 0, frame(CHANNEL_HZ, 7)));
        world.run();
        let outcomes = world.air.medium().log().uplinks().outcomes;
        assert_eq!(outcomes.delivered + outcomes.lost(Cause::Sensitivity), FRAMES);
        let lost = outcomes.lost(Cause::Sensitivity) as f64 / FRAMES as f64;
        let expected = 1.0 - libm::exp(-libm::pow(10.0, -margin_db / 10.0));
        assert_share(lost, expected, FRAMES as f64, &format!("{margin_db} dB"));
    }
}

/// A node that listens once a second at SF7, and a downlink in each window; how many it hears.
fn downlinks_heard(windows: u64, surroundings: impl Into<Surroundings>) -> (u64, World) {
    let mut world = World::new(config(CollisionModel::Capture), surroundings);
    let (air, heard) = (world.air.clone(), Rc::new(RefCell::new(0)));
    let counted = Rc::clone(&heard);
    world.kernel.spawn(async move {
        for second in 1..=windows {
            air.clock().sleep_until(ms(1_000 * second)).await;
            let modulation = Modulation::lorawan(7, 125_000);
            let window = air.listen(NodeIndex(0), CHANNEL_HZ, modulation, Duration::from_millis(18));
            *counted.borrow_mut() += u64::from(window.await.is_some());
        }
    });
    for second in 1..=windows {
        world.send_down(ms(1_000 * second + 5), 0, frame(CHANNEL_HZ, 7));
    }
    world.run();
    let heard = *heard.borrow();
    (heard, world)
}

#[test]
fn downlinks_fade_too() {
    const WINDOWS: u64 = 4_000;
    let fading = Fading::new(FadingModel::Rayleigh, 1);
    let surroundings = Surroundings::from(heard_with(&[-123.0 + 6.0])).with_fading(fading);
    let (heard, _) = downlinks_heard(WINDOWS, surroundings);
    let expected = libm::exp(-libm::pow(10.0, -0.6));
    assert_share(heard as f64 / WINDOWS as f64, expected, WINDOWS as f64, "6 dB");
}

/// Noise that gateway and nodes hear with this power, 1 m away from the gateway.
fn noise(heard_dbm: f64) -> Interferer {
    Interferer {
        at: east(1.0),
        power_dbm: heard_dbm + 60.0,
        frequency_hz: CHANNEL_HZ,
        bandwidth_hz: 125_000,
        waveform: Waveform::Noise,
        duty: 1.0,
        period: Duration::from_secs(10),
        until: Instant::NEVER,
    }
}

/// What becomes of an SF7 frame that a gateway hears with this power beside an interferer.
fn beside(interferer: Interferer, rssi_dbm: f64, emission: Emission) -> Verdict {
    let distance_m = libm::pow(10.0, (14.0 - rssi_dbm - 60.0) / 20.0);
    let surroundings = still(terrain(SIMPLE, vec![east(distance_m)]), &[interferer]);
    let mut world = World::new(config(CollisionModel::Goursaud), surroundings);
    world.send(ms(1_000), 0, emission);
    world.run();
    let medium = world.air.medium();
    medium.log().verdicts(&medium.log().records()[0])[0]
}

/// SF7 needs -7.5 dB against all noise: the receiver's own -122.5 dBm and the interferer's.
#[test]
fn a_jammer_raises_the_noise() {
    let own_mw = libm::pow(10.0, -12.25);
    for (jammer, in_band_dbm) in [
        (noise(-100.0), -100.0),
        (noise(-122.5), -122.5),
        // Four times as wide: a quarter of its power counts.
        (Interferer { bandwidth_hz: 500_000, ..noise(-100.0) }, -106.0206),
        // On for a tenth of each millisecond.
        (Interferer { duty: 0.1, period: Duration::from_millis(1), ..noise(-100.0) }, -110.0),
    ] {
        let noise_dbm = 10.0 * libm::log10(own_mw + libm::pow(10.0, in_band_dbm / 10.0));
        let weakest_dbm = noise_dbm - 7.5;
        let lost = beside(jammer, weakest_dbm - 0.06, frame(CHANNEL_HZ, 7));
        assert_eq!(lost, Verdict::Lost(Cause::Interference), "{jammer:?}");
        let Verdict::Delivered { snr_db, .. } = beside(jammer, weakest_dbm + 0.06, frame(CHANNEL_HZ, 7))
        else {
            panic!("{jammer:?} drowned what it should not")
        };
        assert!((snr_db + 7.44).abs() < 0.06, "{snr_db}");
        let aside = beside(jammer, weakest_dbm - 2.0, frame(CHANNEL_HZ + 400_000, 7));
        assert!(matches!(aside, Verdict::Delivered { .. }), "{jammer:?} is not on that channel");
    }
}

/// Bursts of 3 s in 10 s destroy whatever overlaps them: frames of 82.176 ms that begin in 3.082 s of each 10 s.
#[test]
fn a_jammer_that_pauses_destroys_the_frames_that_overlap_its_bursts() {
    const FRAMES: u64 = 4_000;
    let jammer = Interferer { duty: 0.3, ..noise(-40.0) };
    let surroundings = still(terrain(SIMPLE, vec![east(100.0)]), &[jammer]);
    let mut world = World::new(config(CollisionModel::Goursaud), surroundings);
    (0..FRAMES).for_each(|index| world.send(ms(2_347 * index), 0, frame(CHANNEL_HZ, 7)));
    world.run();
    let outcomes = world.air.medium().log().uplinks().outcomes;
    assert_eq!(outcomes.delivered + outcomes.lost(Cause::Interference), FRAMES);
    let lost = outcomes.lost(Cause::Interference) as f64 / FRAMES as f64;
    assert_share(lost, 0.308_2, FRAMES as f64, "share of frames");
}

/// Against chirps of its own spreading factor a frame needs 6 dB, against SF9 it survives what is 18 dB stronger.
#[test]
fn a_jammer_of_chirps_is_a_frame_that_never_ends() {
    let chirps = |sf| Interferer { waveform: Waveform::Chirps(sf), ..noise(-80.0) };
    let delivered = |sf, rssi_dbm| {
        matches!(beside(chirps(sf), rssi_dbm, frame(CHANNEL_HZ, 7)), Verdict::Delivered { .. })
    };
    assert!(delivered(7, -73.9) && !delivered(7, -74.1));
    assert!(delivered(9, -97.9) && !delivered(9, -98.1));
    assert_eq!(beside(chirps(7), -90.0, frame(CHANNEL_HZ, 7)), Verdict::Lost(Cause::Collision));
}

#[test]
fn downlinks_are_jammed_at_the_node() {
    // The node hears its gateway with -86 dBm, the jammer 10 m away with 20 dB less than at 1 m.
    for (at_1_m_dbm, expected) in [(-60.0, 1), (-58.0, 0)] {
        let jammer = Interferer { at: east(90.0), ..noise(at_1_m_dbm) };
        let surroundings = still(terrain(SIMPLE, vec![east(100.0)]), &[jammer]);
        let (heard, world) = downlinks_heard(1, surroundings);
        assert_eq!(heard, expected, "{at_1_m_dbm}");
        let lost = world.air.medium().log().downlinks().outcomes.lost(Cause::Interference);
        assert_eq!(lost, 1 - expected);
        assert_eq!(world.kernel.now(), us(1_005_000 + DOWNLINK_US));
    }
}

#[test]
fn a_node_that_moves_is_heard_from_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tracks.csv");
    std::fs::write(&path, "node,time_s,x_m,y_m\n0,100,10,0\n0,200,1010,0\n").unwrap();
    let mut terrain = terrain(SIMPLE, vec![east(10.0), east(10.0)]);
    terrain.tracks = Some(Tracks::load(&path).unwrap());
    let mut world = World::new(config(CollisionModel::Capture), still(terrain, &[]));
    let seconds = [0, 100, 150, 199, 300];
    for second in seconds {
        world.send(ms(1_000 * second), 0, frame(CHANNEL_HZ, 7));
        world.send(ms(1_000 * second + 500), 1, frame(CHANNEL_HZ, 7));
    }
    world.run();
    let rssi_dbm: Vec<_> = world.heard().iter().map(|heard| heard.receptions[0].rssi_dbm).collect();
    for (pair, distance_m) in rssi_dbm.chunks(2).zip([10.0, 10.0, 510.0, 1_000.0, 1_010.0]) {
        assert!((pair[0] - (14.0 - SIMPLE.attenuation_db(distance_m))).abs() < 1e-9, "{distance_m} m");
        assert_eq!(pair[1], 14.0 - SIMPLE.attenuation_db(10.0));
    }
    assert_eq!(rssi_dbm.len(), 2 * seconds.len());
}
