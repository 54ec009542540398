//! Pure Aloha has a closed form: with Poisson arrivals and an offered load of G frames an airtime, a frame is alone
//! with probability e^(-2G) (Abramson 1970).
use crate::world::{CHANNEL_HZ, World, config, frame, heard_with};
use chirrup_protocol::airtime::frame_airtime;
use chirrup_protocol::time::Instant;
use chirrup_testbed::kernel::Rng;
use chirrup_testbed::radio::air_log::{Detail, Sums};
use chirrup_testbed::radio::{Cause, CollisionModel, MediumConfig};

const FRAMES: u32 = 40_000;
const NODES: u32 = 500;

/// Poisson arrivals on one channel at SF7, each from the next node in turn.
fn offer(load: f64, collision: CollisionModel) -> Sums {
    let medium = MediumConfig { detail: Detail::Sums, ..config(collision) };
    let mut world = World::new(medium, heard_with(&[-90.0; NODES as usize]));
    let emission = frame(CHANNEL_HZ, 7);
    let airtime_us = frame_airtime(emission.modulation, emission.phy.len()).as_micros() as f64;
    let mut rng = Rng::for_purpose(3, "arrivals", (load * 1e3) as u64);
    let mut at_us = 0.0;
    for index in 0..FRAMES {
        at_us += rng.exponential() * airtime_us / load;
        world.send(Instant::from_micros(at_us as u64), index % NODES, emission.clone());
    }
    world.run();
    world.air.medium().log().uplinks()
}

#[test]
fn pure_aloha_delivers_what_theory_says() {
    for load in [0.05, 0.1, 0.25, 0.5, 1.0] {
        let outcomes = offer(load, CollisionModel::Aloha).outcomes;
        assert_eq!(outcomes.total(), u64::from(FRAMES));
        assert_eq!(outcomes.delivered + outcomes.lost(Cause::Collision), u64::from(FRAMES));
        let (expected, n) = (libm::exp(-2.0 * load), f64::from(FRAMES));
        let delivered = outcomes.delivered as f64 / n;
        // Neighbouring frames share their fate, which widens the error of independent samples about twice.
        let error = 2.0 * libm::sqrt(expected * (1.0 - expected) / n);
        assert!((delivered - expected).abs() < 3.0 * error, "G = {load}: {delivered} against {expected}");
    }
}

#[test]
fn frames_of_equal_power_are_not_captured_but_may_share_a_preamble() {
    // The frame before may end up to three preamble symbols into the next one, and both survive: the vulnerable time
    // shrinks from two airtimes of 82.176 ms by twice 3.072 ms.
    let load = 0.5;
    let outcomes = offer(load, CollisionModel::Capture).outcomes;
    let expected = libm::exp(-2.0 * load * (82.176 - 3.072) / 82.176);
    let delivered = outcomes.delivered as f64 / f64::from(FRAMES);
    assert!((delivered - expected).abs() < 0.015, "{delivered} against {expected}");
}
