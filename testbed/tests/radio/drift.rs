//! Receive windows that a wrong clock opens too early or too late.
use crate::world::{World, config, frame, heard_with, ms};
use chirrup_protocol::time::Duration;
use chirrup_testbed::device::{Crystal, RX_LEAD_MS, VirtualRadio, VirtualTimer};
use chirrup_testbed::radio::{CollisionModel, NodeIndex};
use lora_modulation::{Bandwidth, BaseBandModulationParams, CodingRate, SpreadingFactor};
use lorawan_device::async_device::radio::{PhyRxTx, RfConfig, RxConfig, RxMode, RxStatus, Timer};
use std::cell::Cell;
use std::rc::Rc;

const RX1_HZ: u32 = 868_100_000;

/// Whether a node hears a downlink exactly `delay_ms` after its uplink when its clock is wrong by so much. The window
/// opens as the stack does it: early by its lead time, and as long beyond the symbols of a preamble.
fn hears(delay_ms: u64, error_ppm: f64) -> bool {
    let mut world = World::new(config(CollisionModel::Capture), heard_with(&[-90.0]));
    let (air, heard) = (world.air.clone(), Rc::new(Cell::new(false)));
    let result = Rc::clone(&heard);
    world.kernel.spawn(async move {
        let mut timer = VirtualTimer::new(air.clock().clone()).with_crystal(Crystal { error_ppm });
        let mut radio = VirtualRadio::new(air, NodeIndex(0));
        timer.at(delay_ms - u64::from(RX_LEAD_MS)).await;
        let bb = BaseBandModulationParams::new(SpreadingFactor::_7, Bandwidth::_125KHz, CodingRate::_4_5);
        let rf = RfConfig { frequency: RX1_HZ, bb };
        radio.setup_rx(RxConfig { rf, mode: RxMode::Single { ms: RX_LEAD_MS } }).await.unwrap();
        result.set(matches!(radio.rx_single(&mut [0; 255]).await, Ok(RxStatus::Rx(..))));
    });
    world.send_down(ms(delay_ms), 0, frame(RX1_HZ, 7));
    world.run();
    heard.get()
}

/// The window lasts 5 ms and 13 symbols of 1.024 ms. Five symbols of the preamble must lie in it: it may open at the
/// latest 3.072 ms after the frame begins, and at the earliest 18.312 - 5.12 = 13.192 ms before.
#[test]
fn a_window_hears_while_five_symbols_of_the_preamble_are_left_to_it() {
    for delay_ms in [1_000, 2_000, 6_000] {
        let shown_us = (delay_ms - u64::from(RX_LEAD_MS)) as f64 * 1e3;
        let error_ppm = |open_us: f64| 1e6 * (shown_us / open_us - 1.0);
        let begin_us = delay_ms as f64 * 1e3;
        let (earliest_us, latest_us) = (begin_us - 13_192.0, begin_us + 3_072.0);
        assert!(hears(delay_ms, 0.0));
        assert!(hears(delay_ms, error_ppm(earliest_us + 2.0)), "{delay_ms} ms, too fast but in time");
        assert!(!hears(delay_ms, error_ppm(earliest_us - 2.0)), "{delay_ms} ms, too fast");
        assert!(hears(delay_ms, error_ppm(latest_us - 2.0)), "{delay_ms} ms, too slow but in time");
        assert!(!hears(delay_ms, error_ppm(latest_us + 2.0)), "{delay_ms} ms, too slow");
    }
}

#[test]
fn crystals_lie_evenly_within_their_tolerance() {
    let errors: Vec<_> =
        (0..2_000).map(|node| Crystal::of_node(NodeIndex(node), 40.0, 1).error_ppm).collect();
    assert!(errors.iter().all(|error| error.abs() <= 40.0));
    let fast = errors.iter().filter(|error| **error > 20.0).count();
    assert!((440..560).contains(&fast), "{fast}");
    let second = Duration::from_secs(1);
    assert_eq!(Crystal { error_ppm: 40.0 }.real(second).as_micros(), 999_960);
    assert_eq!(Crystal { error_ppm: -40.0 }.real(second).as_micros(), 1_000_040);
    assert_eq!(Crystal::of_node(NodeIndex(7), 0.0, 1).real(second), second);
}
