//! Whatever comes in over the air, nothing panics, nothing hangs, and the node goes on.
use crate::bench::*;
use crate::network::{Announced, Down};
use chirrup_node::lorawan::{Confirmation, Snapshot};
use chirrup_protocol::time::Instant;
use proptest::prelude::*;

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..=255)
}

/// Sends once more and reads it as the network does.
fn still_works(bench: &mut Bench) {
    bench.air.script().replies.clear();
    // An aggregate duty cycle of 2^-15 may be in force by now.
    bench.later(100_000);
    let sent = run(bench.node.send(bench.now, 5, b"alive", Confirmation::NotRequested)).unwrap();
    assert_eq!(bench.last_uplink(sent.fcnt).payload, b"alive");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_bytes_in_both_windows(rx1 in bytes(), rx2 in bytes()) {
        let mut bench = Bench::joined(Announced::default());
        bench.air.reply(Reply::Frame(rx1));
        bench.air.reply(Reply::Frame(rx2));
        prop_assert_eq!(bench.send(b"x").unwrap().downlink, None);
        still_works(&mut bench);
    }

    #[test]
    fn arbitrary_bytes_as_a_join_accept(mut rx1 in bytes(), rx2 in proptest::collection::vec(any::<u8>(), 33)) {
        let mut bench = Bench::new();
        bench.later(3_700);
        if let Some(mhdr) = rx1.first_mut() {
            *mhdr = 0x20;
        }
        bench.air.reply(Reply::Frame(rx1));
        bench.air.reply(Reply::Frame(rx2));
        prop_assert!(run(bench.node.join(bench.now)).is_err());
    }

    /// A network with the right keys and the wrong intentions.
    #[test]
    fn arbitrary_authentic_downlinks(
        downs in proptest::collection::vec(
            (0u32..70_000, proptest::collection::vec(any::<u8>(), 0..=15), proptest::option::of(any::<u8>()),
             proptest::collection::vec(any::<u8>(), 0..=220), any::<[bool; 3]>()),
            1..8,
        ),
    ) {
        let mut bench = Bench::joined(Announced::default());
        for (fcnt, fopts, fport, payload, [ack, confirmed, more_pending]) in downs {
            let payload = if fport.is_some() { payload } else { Vec::new() };
            let down = Down { fcnt, ack, confirmed, more_pending, fopts, fport, payload };
            bench.air.script().replies.clear();
            bench.air.reply(Reply::Frame(bench.network.downlink(&down)));
            bench.later(100_000);
            let sent = run(bench.node.send(bench.now, 5, b"x", Confirmation::Requested)).unwrap();
            bench.last_uplink(sent.fcnt);
        }
        still_works(&mut bench);
        bench.power_cut();
        still_works(&mut bench);
    }

    /// Commands alone, valid ones among them, so that the node gets far into strange states.
    #[test]
    fn arbitrary_mac_commands(
        commands in proptest::collection::vec((0x02u8..0x0e, any::<[u8; 5]>()), 1..40),
        announced in (0u8..8, 0u8..16, 0u8..16, proptest::option::of(any::<[u32; 5]>())),
    ) {
        let (rx1_offset, rx2_data_rate, rx_delay, hz) = announced;
        let cf_list_hz = hz.map(|hz| hz.map(|hz| hz % 16_000_000 * 100));
        let mut bench = Bench::joined(Announced { rx1_offset, rx2_data_rate, rx_delay, cf_list_hz, mask: None });
        let length = |cid| match cid {
            0x02 => 2, 0x03 | 0x05 | 0x0a => 4, 0x04 | 0x08 | 0x09 => 1, 0x07 | 0x0d => 5, _ => 0,
        };
        for (fcnt, (cid, payload)) in (0..).zip(commands) {
            let fopts = [&[cid], &payload[..length(cid)]].concat();
            bench.air.script().replies.clear();
            bench.air.reply(Reply::Frame(bench.network.downlink(&Down::commands(fcnt, &fopts))));
            bench.later(100_000);
            let sent = run(bench.node.send(bench.now, 5, b"x", Confirmation::NotRequested)).unwrap();
            prop_assert!(sent.downlink.is_some());
            bench.last_uplink(sent.fcnt);
        }
        bench.power_cut();
        still_works(&mut bench);
    }

    #[test]
    fn arbitrary_bytes_are_no_snapshot(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Snapshot::from_bytes(&bytes).is_err());
    }

    /// Stored bytes of any content under a checksum that fits: the guard starts, and sends or says why not.
    #[test]
    fn arbitrary_snapshots_start(content in proptest::collection::vec(any::<u8>(), 132)) {
        let mut bytes = [1; Snapshot::BYTES];
        bytes[1..133].copy_from_slice(&content);
        reseal(&mut bytes);
        let snapshot = Snapshot::from_bytes(&bytes).unwrap();
        prop_assert_eq!(Snapshot::from_bytes(&snapshot.to_bytes()), Ok(snapshot.clone()));
        let mut bench = Bench::new();
        bench.flash.cells().stored = Some(bytes);
        bench.now = Instant::from_micros(1);
        bench.power_cut();
        bench.later(100_000);
        let outcome = bench.send(b"x");
        prop_assert!(outcome.is_ok() || bench.air.script().sent.is_empty(), "{outcome:?}");
        run(bench.node.checkpoint(bench.now)).unwrap();
    }
}
