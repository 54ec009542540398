//! US915 and AU915: 72 channels, dwell time, and a stack that is never asked about them.
use crate::bench::*;
use crate::network::{Announced, Down, Network};
use chirrup_node::lorawan::{Adr, GuardConfig, JoinError, SendError};
use chirrup_protocol::airtime::{Modulation, frame_airtime};
use chirrup_protocol::region::{ChannelGroup, DataRate, Region};
use chirrup_protocol::time::{Duration, Instant};
use lorawan_device::async_device::radio::RfConfig;
use std::collections::BTreeSet;

fn abroad(region: Region) -> GuardConfig {
    let (lowest, highest) = if region == Region::Us915 { (0, 4) } else { (2, 6) };
    GuardConfig {
        region,
        lowest_data_rate: DataRate(lowest),
        highest_data_rate: DataRate(highest),
        ..config()
    }
}

fn group_announced() -> Announced {
    Announced { rx2_data_rate: 8, mask: Some(ChannelGroup::COMMON.mask()), ..Announced::default() }
}

fn joined(region: Region) -> Bench {
    let mut bench = Bench::with(abroad(region), Adr::Off);
    bench.join(1, group_announced()).unwrap();
    bench.air.script().windows.clear();
    bench
}

/// Spreading factor, bandwidth and frequency, all in numbers.
fn of(rf: RfConfig) -> (u32, u32, u32) {
    (rf.bb.sf.factor(), rf.bb.bw.hz(), rf.frequency)
}

#[test]
fn joins_search_all_groups_with_the_data_rates_of_the_region() {
    for (region, narrow_sf, first_hz) in [(Region::Us915, 10, 902_300_000), (Region::Au915, 10, 915_200_000)]
    {
        let mut bench = Bench::with(abroad(region), Adr::Off);
        for _ in 0..9 {
            bench.later(60);
            assert_eq!(run(bench.node.join(bench.now)).unwrap_err(), JoinError::NoAccept);
        }
        let script = bench.air.script();
        let asked: Vec<_> = script.sent.iter().map(|(config, phy)| (of(config.rf), phy.len())).collect();
        let groups: BTreeSet<u32> =
            asked[..8].iter().map(|((_, _, hz), _)| (hz - first_hz) / 200_000 / 8).collect();
        assert_eq!(groups.len(), 8);
        assert!(asked[..8].iter().all(|((sf, bw, _), bytes)| (*sf, *bw, *bytes) == (narrow_sf, 125_000, 23)));
        let ((sf, bw, _), _) = asked[8];
        assert_eq!((sf, bw), (8, 500_000));
        assert!(script.windows.iter().all(|window| window.rf.bb.bw.hz() == 500_000));
    }
}

#[test]
fn the_cf_list_names_the_channels_and_a_power_cut_keeps_them() {
    for region in [Region::Us915, Region::Au915] {
        let group: Vec<u32> = ChannelGroup::COMMON.channels_hz(region).collect();
        let mut bench = joined(region);
        let (joined_at, _) = region.join_data_rates().unwrap();
        assert!([joined_at, region.highest_data_rate()].contains(&bench.node.data_rate()));
        for cut in [false, true] {
            if cut {
                bench.power_cut();
            }
            let narrow = region.highest_narrow_data_rate();
            bench.node.set_data_rate(narrow).unwrap();
            let used: BTreeSet<u32> = (0..60).map(|_| bench.send(b"x").unwrap().frequency_hz).collect();
            assert_eq!(used.into_iter().collect::<Vec<_>>(), group[..8]);
            bench.node.set_data_rate(DataRate(narrow.0 + 1)).unwrap();
            assert_eq!(bench.send(b"x").unwrap().frequency_hz, group[8]);
        }
    }
}

/// RP002-1.0.4, 2.5.6 and 2.8.6: RX1 on 923.3 MHz + .6 (channel mod 8), RX2 on 923.3 MHz at DR8.
#[test]
fn the_windows_are_those_of_the_region() {
    for (region, up, rx1_sf) in [
        (Region::Us915, 0, 10),
        (Region::Us915, 1, 9),
        (Region::Us915, 3, 7),
        (Region::Us915, 4, 7),
        (Region::Au915, 2, 10),
        (Region::Au915, 5, 7),
        (Region::Au915, 6, 7),
    ] {
        let mut bench = joined(region);
        bench.node.set_data_rate(DataRate(up)).unwrap();
        let sent = bench.send(b"x").unwrap();
        let all = region.default_channels_hz();
        let channel = all.iter().position(|hz| *hz == sent.frequency_hz).unwrap() as u32;
        let windows: Vec<_> = bench.air.script().windows.iter().map(|window| of(window.rf)).collect();
        let rx1 = (rx1_sf, 500_000, 923_300_000 + 600_000 * (channel % 8));
        assert_eq!(windows, [rx1, (12, 500_000, 923_300_000)], "{region} DR{up}");
    }
}

#[test]
fn payloads_keep_the_dwell_time() {
    for (region, data_rate, bytes) in
        [(Region::Us915, 0, 11), (Region::Us915, 1, 53), (Region::Au915, 2, 11), (Region::Au915, 3, 53)]
    {
        let mut bench = joined(region);
        bench.node.set_data_rate(DataRate(data_rate)).unwrap();
        assert_eq!(bench.node.max_payload_bytes(), bytes);
        let sent = bench.send(&vec![0; bytes]).unwrap();
        assert!(sent.on_air <= Duration::from_millis(400));
        let refused = bench.send(&vec![0; bytes + 1]).unwrap_err();
        assert!(matches!(refused, SendError::TooLong { limit_bytes, .. } if limit_bytes == bytes));
    }
    let air = Air::default();
    let parts = chirrup_node::lorawan::Parts {
        radio: air.clone(),
        timer: air,
        rng: Dice(1),
        store: Flash::default(),
    };
    let slow = GuardConfig { lowest_data_rate: DataRate(0), ..abroad(Region::Au915) };
    let refused = chirrup_node::lorawan::Guard::new(slow, parts, None, Instant::ZERO).err().unwrap();
    assert_eq!(refused.to_string(), "DR0 is not a LoRa data rate of this region (DR2 to DR6)");
}

/// 47 CFR 15.247(a)(1)(i), for a node that would send all the time.
#[test]
fn no_channel_is_occupied_for_more_than_four_tenths_of_twenty_seconds() {
    let mut bench = joined(Region::Us915);
    bench.later(100);
    let (mut sent, mut held_back) = (Vec::new(), 0);
    while sent.len() < 200 {
        match run(bench.node.send(bench.now, 5, &[0; 11], chirrup_node::lorawan::Confirmation::NotRequested))
        {
            Ok(done) => {
                let end = bench.now + done.on_air;
                sent.push((done.frequency_hz, bench.now.as_micros(), end.as_micros()));
                bench.now = end;
            }
            Err(SendError::DutyCycle { earliest }) => {
                assert!(earliest > bench.now);
                (bench.now, held_back) = (earliest, held_back + 1);
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(held_back > 0);
    for &(hz, _, end) in &sent {
        let begin = end - 20_000_000;
        let within = |&(other, a, b): &(u32, u64, u64)| {
            if other == hz { b.min(end).saturating_sub(a.max(begin)) } else { 0 }
        };
        assert!(sent.iter().map(within).sum::<u64>() <= 400_000);
    }
    let one = frame_airtime(Modulation::lorawan(10, 125_000), 24);
    assert_eq!(one.as_micros(), 370_688);
}

#[test]
fn link_adr_speaks_of_seventy_two_channels() {
    let mut bench = joined(Region::Us915);
    let ask = |bench: &mut Bench, fcnt: u32, fopts: &[u8]| {
        bench.hear(&Down::commands(fcnt, fopts));
        let next = bench.send(b"x").unwrap();
        bench.last_uplink(next.fcnt).fopts
    };
    // DR3, power 10, channels 8 to 15 of the first 16: what they are already.
    assert_eq!(ask(&mut bench, 0, &[0x03, 0x3a, 0x00, 0xff, 0x01]), [0x03, 0x07]);
    assert_eq!((bench.node.data_rate(), bench.air.last().0.pw), (DataRate(3), 30 - 20));
    // Channel 8 alone.
    assert_eq!(ask(&mut bench, 1, &[0x03, 0x30, 0x00, 0x01, 0x01]), [0x03, 0x07]);
    assert_eq!((bench.air.last().0.rf.frequency, bench.air.last().0.pw), (903_900_000, 20));
    // All channels of 125 kHz off, for the bare stack an endless search.
    assert_eq!(ask(&mut bench, 2, &[0x03, 0x30, 0x02, 0x00, 0x71]), [0x03, 0x06]);
    // The one of 500 kHz off: DR4 has no channel then.
    assert_eq!(ask(&mut bench, 3, &[0x03, 0x40, 0x00, 0x00, 0x41]), [0x03, 0x05]);
    assert_eq!(ask(&mut bench, 4, &[0x03, 0x3f, 0x00, 0x00, 0x41]), [0x03, 0x07]);
    assert_eq!(bench.node.data_rate(), DataRate(3));
}

#[test]
fn an_empty_cf_list_leaves_all_channels() {
    let mut bench = Bench::with(abroad(Region::Us915), Adr::Off);
    bench.join(1, Announced { mask: Some([0; 9]), ..group_announced() }).unwrap();
    let used: BTreeSet<u32> = (0..100).map(|_| bench.send(b"x").unwrap().frequency_hz).collect();
    assert!(used.len() > 30);
    assert!(Network::join_accept(1, group_announced()).len() == 33);
}
