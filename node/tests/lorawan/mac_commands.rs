//! MAC commands, which the guard carries out and answers.
use crate::bench::*;
use crate::network::{Announced, Down};
use chirrup_node::lorawan::Sent;
use chirrup_protocol::region::DataRate;
use lora_modulation::SpreadingFactor;

/// Sends a command to a node that has just joined, and returns the answer.
fn ask(bench: &mut Bench, fcnt: u32, fopts: &[u8]) -> Vec<u8> {
    let sent: Sent = bench.hear(&Down::commands(fcnt, fopts));
    assert!(sent.downlink.is_some());
    let next = bench.send(b"x").unwrap();
    bench.last_uplink(next.fcnt).fopts
}

#[test]
fn link_adr_is_carried_out() {
    let mut bench = Bench::joined(Announced::default());
    // DR5, power 3, channel 1 alone.
    assert_eq!(ask(&mut bench, 0, &[0x03, 0x53, 0x02, 0x00, 0x01]), [0x03, 0x07]);
    let (config, _) = bench.air.last();
    assert_eq!(config.rf.bb.sf, SpreadingFactor::_7);
    assert_eq!(config.rf.frequency, 868_300_000);
    assert_eq!(config.pw, 14 - 6);
    assert_eq!(bench.node.data_rate(), DataRate(5));
    // Keep data rate and power, all channels.
    assert_eq!(ask(&mut bench, 1, &[0x03, 0xff, 0x00, 0x00, 0x61]), [0x03, 0x07]);
    assert_eq!(bench.air.last().0.pw, 14 - 6);
}

#[test]
fn an_empty_or_unknown_channel_mask_is_refused_truthfully() {
    let mut bench = Bench::joined(Announced::default());
    assert_eq!(ask(&mut bench, 0, &[0x03, 0x53, 0x00, 0x00, 0x01]), [0x03, 0x06], "no channel");
    assert_eq!(ask(&mut bench, 1, &[0x03, 0x53, 0x08, 0x00, 0x01]), [0x03, 0x06], "undefined channel");
    assert_eq!(ask(&mut bench, 2, &[0x03, 0x53, 0x07, 0x00, 0x51]), [0x03, 0x06], "reserved control");
    assert_eq!(ask(&mut bench, 3, &[0x03, 0x73, 0x07, 0x00, 0x01]), [0x03, 0x05], "DR7");
    assert_eq!(ask(&mut bench, 4, &[0x03, 0x59, 0x07, 0x00, 0x01]), [0x03, 0x03], "power 9");
    let (config, _) = bench.air.last();
    assert_eq!((config.rf.bb.sf, config.pw), (SpreadingFactor::_12, 14), "nothing of it was carried out");
}

#[test]
fn rx_param_setup_moves_the_windows_until_and_beyond_a_power_cut() {
    let mut bench = Bench::joined(Announced::default());
    bench.node.set_data_rate(DataRate(5)).unwrap();
    // Offset 1, RX2 at DR4 on 869.525 MHz.
    let request = [0x05, 0x14, 0xd2, 0xad, 0x84];
    assert_eq!(ask(&mut bench, 0, &request), [0x05, 0x07]);
    // Repeated until a downlink arrives.
    bench.send(b"x").unwrap();
    assert_eq!(bench.last_uplink(2).fopts, [0x05, 0x07]);
    bench.hear(&Down { fcnt: 1, ..Down::default() });
    bench.send(b"x").unwrap();
    assert!(bench.last_uplink(4).fopts.is_empty());
    bench.power_cut();
    bench.air.script().windows.clear();
    bench.node.set_data_rate(DataRate(5)).unwrap();
    bench.send(b"x").unwrap();
    let script = bench.air.script();
    let windows: Vec<_> = script.windows.iter().map(|w| (w.rf.bb.sf, w.rf.frequency)).collect();
    assert_eq!(windows[0].0, SpreadingFactor::_8);
    assert_eq!(windows[1], (SpreadingFactor::_8, 869_525_000));
}

#[test]
fn impossible_windows_are_refused_bit_by_bit() {
    let mut bench = Bench::joined(Announced::default());
    assert_eq!(ask(&mut bench, 0, &[0x05, 0x64, 0xd2, 0xad, 0x84]), [0x05, 0x03], "offset 6");
    assert_eq!(ask(&mut bench, 1, &[0x05, 0x1f, 0xd2, 0xad, 0x84]), [0x05, 0x05], "RX2 at DR15");
    assert_eq!(ask(&mut bench, 2, &[0x05, 0x14, 0x00, 0x00, 0x00]), [0x05, 0x06], "0 Hz");
}

#[test]
fn rx_timing_is_honoured_across_a_power_cut() {
    let mut bench = Bench::joined(Announced::default());
    assert_eq!(ask(&mut bench, 0, &[0x08, 0x05]), [0x08]);
    bench.power_cut();
    bench.air.script().at_ms.clear();
    bench.send(b"x").unwrap();
    assert_eq!(bench.air.script().at_ms, [5_000, 6_000]);
}

#[test]
fn device_status_reports_the_margin() {
    let mut bench = Bench::joined(Announced::default());
    assert_eq!(ask(&mut bench, 0, &[0x06]), [0x06, 255, 5]);
}

#[test]
fn a_network_may_add_and_remove_channels() {
    let mut bench = Bench::joined(Announced::default());
    // Channel 3, 867.1 MHz, DR0 to DR5.
    assert_eq!(ask(&mut bench, 0, &[0x07, 0x03, 0x18, 0x4f, 0x84, 0x50]), [0x07, 0x03]);
    let used: std::collections::BTreeSet<u32> =
        (0..60).map(|_| bench.send(b"x").unwrap().frequency_hz).collect();
    assert!(used.contains(&867_100_000));
    // RX1 follows to the new channel.
    let script = bench.air.script();
    let tx: Vec<u32> = script.sent.iter().map(|(config, _)| config.rf.frequency).collect();
    let rx1: Vec<u32> =
        script.windows.iter().map(|w| w.rf.frequency).filter(|hz| *hz != 869_525_000).collect();
    assert_eq!(tx[2..], rx1[rx1.len() - (tx.len() - 2)..]);
    drop(script);
    assert_eq!(ask(&mut bench, 1, &[0x07, 0x03, 0, 0, 0, 0x50]), [0x07, 0x03]);
    assert_eq!(ask(&mut bench, 2, &[0x07, 0x00, 0x18, 0x4f, 0x84, 0x50]), [0x07, 0x02], "a default channel");
    assert_eq!(ask(&mut bench, 3, &[0x07, 0x03, 0x18, 0x4f, 0x84, 0x30]), [0x07, 0x01], "only to DR3");
}

#[test]
fn an_aggregate_duty_cycle_is_kept() {
    let mut bench = Bench::joined(Announced::default());
    assert_eq!(ask(&mut bench, 0, &[0x04, 0x0f]), [0x04]);
    let on_air = bench.node.counters().unconfirmed.on_air.as_micros() / 2;
    let earliest = bench.node.earliest_send(bench.now, 1);
    let pause = (earliest - bench.now).as_micros();
    assert!(pause > on_air * 32_000, "one part in 2^15");
}

#[test]
fn commands_on_port_0_are_carried_out_too() {
    let mut bench = Bench::joined(Announced::default());
    let down = Down { fport: Some(0), payload: vec![0x06, 0x08, 0x03], ack: true, ..Down::default() };
    let sent = bench.hear(&down);
    assert_eq!(sent.downlink.unwrap().message, None, "they are not the application's");
    bench.air.script().at_ms.clear();
    bench.send(b"x").unwrap();
    assert_eq!(bench.last_uplink(1).fopts, [0x08, 0x06, 255, 5]);
    assert_eq!(bench.air.script().at_ms, [3_000, 4_000]);
}

#[test]
fn a_command_that_breaks_off_costs_nothing_but_itself() {
    let mut bench = Bench::joined(Announced::default());
    for (fcnt, fopts) in [(0, &[0x06, 0x03, 0x53, 0x07, 0x00][..]), (1, &[0x06, 0xee, 0x06])] {
        let sent = bench.hear(&Down { fopts: fopts.to_vec(), ..Down::data(fcnt, b"kept") });
        assert_eq!(&sent.downlink.unwrap().message.unwrap().payload[..], b"kept");
        let next = bench.send(b"x").unwrap();
        assert_eq!(bench.last_uplink(next.fcnt).fopts, [0x06, 255, 5]);
    }
    assert_eq!(bench.node.counters().discarded.bad_mac_commands, 2);
}

#[test]
fn more_answers_than_fit_are_left_out() {
    let mut bench = Bench::joined(Announced::default());
    let down = Down { fport: Some(0), payload: vec![0x06; 60], ..Down::default() };
    bench.hear(&down);
    assert_eq!(bench.node.max_payload_bytes(), 51 - 15);
    bench.send(b"x").unwrap();
    assert_eq!(bench.last_uplink(1).fopts.len(), 15);
}

#[test]
fn data_beside_commands_is_delivered() {
    let mut bench = Bench::joined(Announced::default());
    let down = Down { fopts: vec![0x06, 0x08, 0x02], ack: true, ..Down::data(0, &[3; 100]) };
    let sent = bench.hear(&down);
    assert_eq!(sent.downlink.unwrap().message.unwrap().payload, [3; 100]);
}
