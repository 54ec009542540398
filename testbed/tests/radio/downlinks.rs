//! Downlinks in the receive windows of nodes.
use crate::world::{DOWNLINK_US, Event, World, config, frame, heard_with, ms, us};
use chirrup_protocol::airtime::Modulation;
use chirrup_protocol::time::{Duration, Instant};
use chirrup_testbed::device::VirtualRadio;
use chirrup_testbed::kernel::TaskId;
use chirrup_testbed::radio::{
    Cause, CollisionModel, Emission, GatewayIndex, Links, MediumConfig, NodeIndex, Outcome, RadioError,
};
use lora_modulation::{Bandwidth, BaseBandModulationParams, CodingRate, SpreadingFactor};
use lorawan_device::async_device::radio::{PhyRxTx, RfConfig, RxConfig, RxMode, RxStatus};
use std::cell::RefCell;
use std::rc::Rc;

const RX2_HZ: u32 = 869_525_000;

/// When each listener stopped, and the power with which it heard a frame.
type Results = Rc<RefCell<Vec<(Instant, Option<f64>)>>>;

/// A node that listens once, on RX2's frequency, from 1000 ms on.
fn listen(world: &mut World, node: u32, sf: u8, longest: Duration, results: &Results) -> TaskId {
    let (air, results) = (world.air.clone(), Rc::clone(results));
    world.kernel.spawn(async move {
        air.clock().sleep_until(ms(1_000)).await;
        let heard = air.listen(NodeIndex(node), RX2_HZ, Modulation::lorawan(sf, 125_000), longest).await;
        results.borrow_mut().push((air.clock().now(), heard.map(|heard| heard.rssi_dbm)));
    })
}

/// One node that listens at SF7 for 18 ms, and one downlink.
fn window_against(down_at: Instant, downlink: Emission) -> ((Instant, Option<f64>), u64) {
    let mut world = World::new(config(CollisionModel::Capture), heard_with(&[-90.0]));
    let results = Results::default();
    listen(&mut world, 0, 7, Duration::from_millis(18), &results);
    world.send_down(down_at, 0, downlink);
    world.run();
    let receiving_us = world.air.medium().log().radio_time(NodeIndex(0)).receiving.as_micros();
    let result = results.borrow()[0];
    (result, receiving_us)
}

#[test]
fn a_window_hears_a_frame_of_which_five_preamble_symbols_lie_in_it() {
    let closed_empty = ((ms(1_018), None), 18_000);
    let heard = |down_at_us: u64| {
        let end = us(down_at_us + DOWNLINK_US);
        ((end, Some(-90.0)), (end - ms(1_000)).as_micros())
    };
    // Symbols last 1.024 ms. At the earliest three of eight have passed, at the latest five still fit.
    let (earliest, latest) = (1_000_000 - 3_072, 1_018_000 - 5_120);
    for (down_at_us, expected) in [
        (earliest - 1, closed_empty),
        (earliest, heard(earliest)),
        (1_005_000, heard(1_005_000)),
        (latest, heard(latest)),
        (latest + 1, closed_empty),
    ] {
        assert_eq!(window_against(us(down_at_us), frame(RX2_HZ, 7)), expected, "{down_at_us}");
    }
    let wide = Emission { modulation: Modulation::lorawan(7, 250_000), ..frame(RX2_HZ, 7) };
    for missed in [frame(RX2_HZ, 8), frame(RX2_HZ - 200_000, 7), wide] {
        assert_eq!(window_against(ms(1_005), missed), closed_empty);
    }
}

#[test]
fn every_open_window_hears_and_a_frame_nobody_waits_for_is_unheard() {
    let mut world = World::new(config(CollisionModel::Capture), heard_with(&[-90.0, -123.0, -123.1]));
    let results = Results::default();
    for node in 0..3 {
        listen(&mut world, node, 7, Duration::from_millis(18), &results);
    }
    world.send_down(ms(1_005), 0, frame(RX2_HZ, 7));
    world.send_down(ms(2_000), 0, frame(RX2_HZ, 7));
    world.run();
    // The third is too far away; its window closes empty, before the others hear the end of the frame.
    let end = us(1_005_000 + DOWNLINK_US);
    assert_eq!(*results.borrow(), [(ms(1_018), None), (end, Some(-90.0)), (end, Some(-123.0))]);
    let medium = world.air.medium();
    let outcomes: Vec<_> = medium.log().records().iter().map(|record| record.outcome).collect();
    assert_eq!(outcomes, [Outcome::Delivered, Outcome::Unheard]);
    assert_eq!(medium.log().verdicts(&medium.log().records()[0]).len(), 3);
    assert_eq!(medium.log().downlinks().outcomes.total(), 2);
    assert_eq!(medium.log().gateway(GatewayIndex(0)).airtime.as_micros(), 2 * DOWNLINK_US);
}

#[test]
fn a_frame_may_end_before_its_window_would_close() {
    let mut world = World::new(config(CollisionModel::Capture), heard_with(&[-90.0]));
    let results = Results::default();
    listen(&mut world, 0, 7, Duration::from_secs(60), &results);
    world.send_down(ms(5_000), 0, frame(RX2_HZ, 7));
    world.run();
    assert_eq!(*results.borrow(), [(us(5_000_000 + DOWNLINK_US), Some(-90.0))]);
}

/// The outcome for a listener that hears two gateways 10 ms apart, the second at 110 dB of attenuation.
fn rivals(first_attenuation_db: f64) -> (Option<f64>, Outcome) {
    let links = Links::from_attenuation(2, &[first_attenuation_db, 110.0]);
    let mut world = World::new(config(CollisionModel::Capture), links);
    let results = Results::default();
    listen(&mut world, 0, 7, Duration::from_millis(18), &results);
    world.send_down(ms(1_000), 0, frame(RX2_HZ, 7));
    world.send_down(ms(1_010), 1, frame(RX2_HZ, 7));
    // An uplink on the same frequency has the other polarisation and does not matter.
    world.send(ms(1_001), 0, frame(RX2_HZ, 7));
    world.run();
    let outcome = world.air.medium().log().records()[0].outcome;
    let rssi_dbm = results.borrow()[0].1;
    (rssi_dbm, outcome)
}

#[test]
fn downlinks_collide_with_each_other_and_not_with_uplinks() {
    assert_eq!(rivals(104.0), (Some(-90.0), Outcome::Delivered));
    assert_eq!(rivals(104.1), (None, Outcome::Lost(Cause::Collision)));
}

#[test]
fn injected_loss_takes_downlinks_too() {
    let lossy = MediumConfig { frame_loss: 1.0, ..config(CollisionModel::Capture) };
    let mut world = World::new(lossy, heard_with(&[-90.0]));
    let results = Results::default();
    listen(&mut world, 0, 7, Duration::from_millis(18), &results);
    world.send_down(ms(1_005), 0, frame(RX2_HZ, 7));
    world.run();
    assert_eq!(*results.borrow(), [(us(1_005_000 + DOWNLINK_US), None)]);
    assert_eq!(world.air.medium().log().downlinks().outcomes.lost(Cause::Injected), 1);
}

#[test]
fn a_listener_that_loses_power_is_off_and_charged_until_then() {
    let mut world = World::new(config(CollisionModel::Capture), heard_with(&[-90.0]));
    let results = Results::default();
    let task = listen(&mut world, 0, 7, Duration::from_millis(18), &results);
    world.send_down(ms(1_005), 0, frame(RX2_HZ, 7));
    world.run_until(ms(1_010));
    world.kernel.cancel(task);
    world.run();
    assert!(results.borrow().is_empty());
    let medium = world.air.medium();
    assert_eq!(medium.log().radio_time(NodeIndex(0)).receiving, Duration::from_millis(10));
    assert_eq!(medium.log().records()[0].outcome, Outcome::Unheard);
}

fn receiver(mode: RxMode) -> RxConfig {
    let bb = BaseBandModulationParams::new(SpreadingFactor::_7, Bandwidth::_125KHz, CodingRate::_4_5);
    RxConfig { rf: RfConfig { frequency: RX2_HZ, bb }, mode }
}

#[test]
fn a_radio_listens_only_as_it_was_set_up() {
    let mut world = World::new(config(CollisionModel::Capture), heard_with(&[-90.0]));
    let (mut radio, errors) =
        (VirtualRadio::<Event>::new(world.air.clone(), NodeIndex(0)), Rc::new(RefCell::new(Vec::new())));
    world.kernel.spawn({
        let errors = Rc::clone(&errors);
        async move {
            let not_set_up = radio.rx_single(&mut []).await.err();
            radio.setup_rx(receiver(RxMode::Continuous)).await.unwrap();
            let not_single = radio.rx_single(&mut []).await.err();
            radio.setup_rx(receiver(RxMode::Single { ms: 5 })).await.unwrap();
            let not_continuous = radio.rx_continuous(&mut []).await.err();
            let no_room = radio.rx_single(&mut [0; 37]).await.err();
            errors.borrow_mut().extend([not_set_up, not_single, not_continuous, no_room].map(Option::unwrap));
        }
    });
    world.send_down(ms(1), 0, frame(RX2_HZ, 7));
    world.run();
    let not_set_up = RadioError::ReceiverNotSetUp;
    let too_small = RadioError::BufferTooSmall { have_bytes: 38, room_bytes: 37 };
    assert_eq!(*errors.borrow(), [not_set_up, not_set_up, not_set_up, too_small]);
}

#[test]
fn a_window_of_the_stack_lasts_its_margin_and_thirteen_symbols() {
    let mut world = World::new(config(CollisionModel::Capture), heard_with(&[-90.0]));
    let mut radio = VirtualRadio::<Event>::new(world.air.clone(), NodeIndex(0));
    world.kernel.spawn(async move {
        radio.setup_rx(receiver(RxMode::Single { ms: 5 })).await.unwrap();
        assert!(matches!(radio.rx_single(&mut [0; 255]).await, Ok(RxStatus::RxTimeout)));
    });
    world.run();
    assert_eq!(world.kernel.now(), us(5_000 + 13 * 1_024));
}

#[test]
fn a_radio_that_listens_continuously_hears_one_frame_after_the_other() {
    let mut world = World::new(config(CollisionModel::Capture), heard_with(&[-90.0]));
    let (mut radio, ends) =
        (VirtualRadio::<Event>::new(world.air.clone(), NodeIndex(0)), Rc::new(RefCell::new(Vec::new())));
    world.kernel.spawn({
        let (ends, clock) = (Rc::clone(&ends), world.kernel.clock());
        async move {
            radio.setup_rx(receiver(RxMode::Continuous)).await.unwrap();
            loop {
                let (length, quality) = radio.rx_continuous(&mut [0; 255]).await.unwrap();
                ends.borrow_mut().push((clock.now(), length, quality.rssi(), quality.snr()));
            }
        }
    });
    world.send_down(ms(1_000), 0, frame(RX2_HZ, 7));
    world.send_down(us(1_000_000 + DOWNLINK_US), 0, frame(RX2_HZ, 7));
    world.run();
    assert_eq!(
        *ends.borrow(),
        [(us(1_000_000 + DOWNLINK_US), 38, -90, 26), (us(1_000_000 + 2 * DOWNLINK_US), 38, -90, 26)]
    );
}
