//! Counters across power cuts, dropped futures and failing storage.
use crate::bench::*;
use crate::network::{Announced, Down};
use chirrup_node::lorawan::*;
use lorawan_device::RngCore;

/// FCnt of every data frame on the air, in order.
fn counters_on_air(bench: &Bench) -> Vec<u16> {
    let script = bench.air.script();
    script
        .sent
        .iter()
        .filter(|(_, phy)| phy[0] >> 5 != 0)
        .map(|(_, p)| u16::from_le_bytes([p[6], p[7]]))
        .collect()
}

#[test]
fn a_dropped_send_spends_its_counter() {
    let mut bench = Bench::joined(Announced::default());
    bench.later(3_700);
    bench.air.reply(Reply::Hang);
    assert!(poll_once(bench.node.send(bench.now, 5, b"first", Confirmation::NotRequested)).is_none());
    let sent = bench.send(b"other").unwrap();
    assert_eq!(sent.fcnt, 1);
    assert_eq!(counters_on_air(&bench), [0, 1]);
    assert_eq!(bench.node.counters().interrupted, 1);
    assert_eq!(bench.last_uplink(1).payload, b"other");
}

#[test]
fn a_dropped_join_spends_its_nonce() {
    let mut bench = Bench::new();
    bench.later(3_700);
    bench.air.reply(Reply::Hang);
    assert!(poll_once(bench.node.join(bench.now)).is_none());
    bench.join(1, Announced::default()).unwrap();
    let (request, _) = crate::network::Network::of_join(&bench.air.last().1, 1);
    assert_eq!(request.dev_nonce, 1);
    assert_eq!(bench.node.counters().interrupted, 1);
}

#[test]
fn no_counter_is_used_twice_whatever_fails() {
    let mut bench = Bench::joined(Announced::default());
    let mut dice = Dice(3);
    for _ in 0..2_000 {
        bench.later(u64::from(dice.next_u32() % 900));
        bench.flash.cells().fails = dice.next_u32().is_multiple_of(10);
        bench.air.script().tx_fails = dice.next_u32().is_multiple_of(10);
        match dice.next_u32() % 12 {
            0 => bench.power_cut(),
            1 => bench.air.reply(Reply::Hang),
            2 => bench.air.reply(Reply::Failure),
            3 => {
                let down = Down { confirmed: true, ..Down::data(0, b"x") };
                bench.air.reply(Reply::Frame(bench.network.downlink(&down)));
            }
            _ => {}
        }
        poll_once(bench.node.send(bench.now, 5, b"x", Confirmation::NotRequested));
        bench.air.script().replies.clear();
    }
    let counters = counters_on_air(&bench);
    assert!(counters.len() > 500, "{}", counters.len());
    assert!(counters.is_sorted_by(|a, b| a < b), "{counters:?}");
}

#[test]
fn a_restart_skips_the_rest_of_its_block() {
    let mut bench = Bench::joined(Announced::default());
    bench.send(b"x").unwrap();
    bench.power_cut();
    assert_eq!(bench.send(b"x").unwrap().fcnt, 32);
    bench.power_cut();
    assert_eq!(bench.send(b"x").unwrap().fcnt, 64);
    assert_eq!(bench.last_uplink(64).payload, b"x");
}

/// At a data rate where counters run out before airtime does.
#[test]
fn no_counter_is_used_twice_wherever_in_a_block_the_power_fails() {
    for uplinks in 30..=35 {
        let mut bench = Bench::joined(Announced::default());
        for _ in 0..2 {
            bench.node.set_data_rate(chirrup_protocol::region::DataRate(5)).unwrap();
            for _ in 0..uplinks {
                bench.send(b"x").unwrap();
            }
            bench.power_cut();
        }
        bench.send(b"x").unwrap();
        let counters = counters_on_air(&bench);
        assert!(counters.is_sorted_by(|a, b| a < b), "{counters:?}");
    }
}

#[test]
fn nothing_is_sent_that_a_restart_would_send_again() {
    let mut bench = Bench::joined(Announced::default());
    bench.flash.cells().fails = true;
    // The snapshot after the join covers twice the airtime of the one before it, which was for the request: two
    // frames of 1.16 s at SF12.
    let mut sent = 0;
    while bench.send(b"x").is_ok() {
        sent += 1;
    }
    assert_eq!(sent, 2);
    assert_eq!(bench.send(b"x"), Err(SendError::Store(FlashFailed)));
    bench.flash.cells().fails = false;
    assert_eq!(bench.send(b"x").unwrap().fcnt, 2, "no counter was spent in vain");
}

#[test]
fn a_new_node_stores_before_its_first_join() {
    let mut bench = Bench::new();
    bench.flash.cells().fails = true;
    assert_eq!(bench.join(1, Announced::default()), Err(JoinError::Store(FlashFailed)));
    assert!(bench.air.script().sent.is_empty());
}

#[test]
fn a_join_whose_session_cannot_be_stored_stores_it_before_the_first_uplink() {
    let mut bench = Bench::new();
    // The second request is stored together with the airtime of a third.
    for _ in 0..2 {
        bench.later(3_700);
        assert_eq!(run(bench.node.join(bench.now)), Err(JoinError::NoAccept));
    }
    bench.flash.cells().fails = true;
    bench.join(2, Announced::default()).unwrap();
    assert_eq!(bench.send(b"x"), Err(SendError::Store(FlashFailed)));
    bench.flash.cells().fails = false;
    bench.send(b"x").unwrap();
    bench.power_cut();
    assert_eq!(bench.send(b"x").unwrap().fcnt, 32);
}

#[test]
fn storage_is_written_seldom() {
    let mut bench = Bench::joined(Announced::default());
    bench.node.set_data_rate(chirrup_protocol::region::DataRate(5)).unwrap();
    let before = bench.flash.writes();
    for _ in 0..320 {
        bench.send(&[0; 40]).unwrap();
    }
    // The first 32 counters came with the join; one more while the reserve of airtime is small.
    assert_eq!(bench.flash.writes() - before, 10);
}

#[test]
fn a_snapshot_of_a_worn_out_node_says_so() {
    let mut bench = Bench::joined(Announced::default());
    let mut bytes = bench.flash.cells().stored.unwrap();
    // FCntUp at the end of its range, with a checksum that fits: only the guard's own check is left.
    bytes[45..49].copy_from_slice(&0xffff_0000_u32.to_le_bytes());
    bytes[2..6].copy_from_slice(&0x1_0000_u32.to_le_bytes());
    reseal(&mut bytes);
    bench.flash.cells().stored = Some(bytes);
    bench.power_cut();
    assert_eq!(bench.node.standing(), Standing::JoinAgain);
    assert_eq!(bench.send(b"x"), Err(SendError::SessionExhausted));
    assert_eq!(bench.join(2, Announced::default()), Err(JoinError::DevNonceExhausted));
}

#[test]
fn counters_go_on_beyond_16_bits() {
    let mut bench = Bench::joined(Announced::default());
    let mut bytes = bench.flash.cells().stored.unwrap();
    bytes[45..49].copy_from_slice(&0x0001_ffff_u32.to_le_bytes());
    reseal(&mut bytes);
    bench.flash.cells().stored = Some(bytes);
    bench.power_cut();
    // An answer in FOpts, so that the guard's own MIC covers the high half too.
    bench.hear(&Down::commands(0, &[0x06]));
    assert_eq!(bench.last_uplink(0x1_ffff).payload, b"x");
    bench.send(b"y").unwrap();
    let up = bench.last_uplink(0x2_0000);
    assert_eq!((up.fopts, up.payload), (vec![0x06, 255, 5], b"y".to_vec()));
}
