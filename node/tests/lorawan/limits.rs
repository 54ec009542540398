//! What is refused before it reaches the stack.
use crate::bench::*;
use crate::network::{Announced, Down};
use chirrup_node::lorawan::*;
use chirrup_protocol::airtime::{Modulation, frame_airtime};
use chirrup_protocol::region::DataRate;
use chirrup_protocol::time::Instant;

#[test]
fn nothing_is_sent_without_a_session() {
    let mut bench = Bench::new();
    assert_eq!(bench.send(b"x"), Err(SendError::NotJoined));
    assert_eq!(bench.node.standing(), Standing::NotJoined);
}

#[test]
fn a_payload_beyond_the_data_rate_is_refused_and_the_way_out_named() {
    let mut bench = Bench::joined(Announced::default());
    for (payload_bytes, needs) in [(52, Some(3)), (115, Some(3)), (116, Some(4)), (222, Some(4)), (223, None)]
    {
        let refused =
            SendError::TooLong { have_bytes: payload_bytes, limit_bytes: 51, needs: needs.map(DataRate) };
        assert_eq!(bench.send(&vec![0; payload_bytes]), Err(refused));
    }
    assert!(bench.air.script().sent.is_empty());
}

#[test]
fn every_data_rate_carries_its_largest_payload() {
    for (index, limit) in [(0, 51), (1, 51), (2, 51), (3, 115), (4, 222), (5, 222)] {
        let mut bench = Bench::joined(Announced::default());
        bench.node.set_data_rate(DataRate(index)).unwrap();
        assert_eq!(bench.node.max_payload_bytes(), limit);
        let payload = vec![0xa5; limit];
        let sent = bench.send(&payload).unwrap();
        assert_eq!(sent.phy_bytes, limit + 13);
        assert_eq!(sent.on_air, frame_airtime(Modulation::lorawan(12 - index, 125_000), limit + 13));
        assert_eq!(bench.last_uplink(0).payload, payload);
        assert!(bench.send(&vec![0; limit + 1]).is_err());
    }
}

#[test]
fn a_payload_of_any_length_never_panics() {
    let mut bench = Bench::joined(Announced::default());
    for length in (0..600).step_by(7) {
        assert_eq!(bench.send(&vec![0; length]).is_ok(), length <= 51);
    }
}

#[test]
fn pending_mac_answers_make_room_for_themselves() {
    let mut bench = Bench::joined(Announced::default());
    // DevStatusReq: three bytes of answer.
    bench.hear(&Down::commands(0, &[0x06]));
    assert_eq!(bench.node.max_payload_bytes(), 48);
    assert!(matches!(bench.send(&[0; 49]), Err(SendError::TooLong { limit_bytes: 48, .. })));
    let sent = bench.send(&[0; 48]).unwrap();
    assert_eq!(sent.phy_bytes, 51 + 13);
    assert_eq!(bench.node.max_payload_bytes(), 51);
}

#[test]
fn data_rates_outside_the_range_are_refused() {
    let mut bench = Bench::joined(Announced::default());
    for index in 6..=255 {
        assert!(bench.node.set_data_rate(DataRate(index)).is_err());
    }
    bench.send(b"x").unwrap();
}

#[test]
fn reserved_ports_are_refused() {
    let mut bench = Bench::joined(Announced::default());
    bench.later(3_700);
    for fport in [0, 224, 255] {
        let refused = run(bench.node.send(bench.now, fport, b"x", Confirmation::NotRequested));
        assert_eq!(refused, Err(SendError::ReservedPort { fport }));
    }
}

#[test]
fn the_duty_cycle_holds_frames_back_until_the_time_it_names() {
    let mut bench = Bench::joined(Announced::default());
    bench.later(3_700);
    let mut on_air_us = 0;
    let earliest = loop {
        match run(bench.node.send(bench.now, 5, &[0; 51], Confirmation::NotRequested)) {
            Ok(sent) => on_air_us += sent.on_air.as_micros(),
            Err(SendError::DutyCycle { earliest }) => break earliest,
            Err(error) => panic!("{error}"),
        }
    };
    assert!((33_000_000..=36_000_000).contains(&on_air_us), "{on_air_us}");
    assert_eq!(bench.node.earliest_send(bench.now, 51), earliest);
    let just_before = Instant::from_micros(earliest.as_micros() - 1);
    let again = run(bench.node.send(just_before, 5, &[0; 51], Confirmation::NotRequested));
    assert_eq!(again, Err(SendError::DutyCycle { earliest }));
    run(bench.node.send(earliest, 5, &[0; 51], Confirmation::NotRequested)).unwrap();
}

/// Whatever the node does, with joins, power cuts and dropped futures in between.
#[test]
fn no_hour_holds_more_than_one_percent() {
    let mut bench = Bench::joined(Announced::default());
    let mut on_air: Vec<(u64, u64)> = Vec::new();
    let mut dice = Dice(7);
    for _ in 0..3_000 {
        use lorawan_device::RngCore;
        bench.later(u64::from(dice.next_u32() % 120));
        bench.node.set_data_rate(DataRate((dice.next_u32() % 6) as u8)).unwrap();
        let before = bench.air.script().sent.len();
        let draw = dice.next_u32() % 20;
        match draw {
            0 => bench.power_cut(),
            1 => {
                bench.air.reply(Reply::Hang);
                poll_once(bench.node.send(bench.now, 5, b"dropped", Confirmation::NotRequested));
                bench.air.script().replies.clear();
            }
            2 => assert!(run(bench.node.join(bench.now)).is_err()),
            _ => {
                let sent = run(bench.node.send(bench.now, 5, &[0; 40], Confirmation::NotRequested));
                assert!(matches!(sent, Ok(_) | Err(SendError::DutyCycle { .. })));
            }
        }
        if bench.air.script().sent.len() > before {
            let (config, phy) = bench.air.last();
            let modulation = Modulation::lorawan(config.rf.bb.sf.factor() as u8, 125_000);
            let start = bench.now.as_micros();
            on_air.push((start, start + frame_airtime(modulation, phy.len()).as_micros()));
        }
    }
    assert!(on_air.len() > 200, "{} frames say little", on_air.len());
    for &(_, end) in &on_air {
        let window = end.saturating_sub(3_600_000_000)..end;
        let used: u64 =
            on_air.iter().map(|&(from, to)| to.min(window.end).saturating_sub(from.max(window.start))).sum();
        assert!(used <= 36_000_000, "{used} us in the hour before {end}");
    }
}

#[test]
fn a_long_lead_time_opens_the_window_at_once() {
    let mut bench = Bench::joined(Announced::default());
    bench.air.script().lead_time_ms = 1_500;
    bench.send(b"x").unwrap();
    assert_eq!(bench.air.script().at_ms, [0, 1_000]);
}
