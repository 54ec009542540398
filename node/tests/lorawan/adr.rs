//! Adaptive data rate: what the network commands, and how a node finds back by itself.
use crate::bench::*;
use crate::network::{Announced, Down};
use chirrup_node::lorawan::Adr;
use chirrup_protocol::region::DataRate;
use lora_modulation::SpreadingFactor;

fn joined() -> Bench {
    let mut bench = Bench::with(config(), Adr::Network);
    bench.join(1, Announced::default()).unwrap();
    bench
}

/// ADR and ADRACKReq of the uplink with this counter, the last one.
fn bits(bench: &Bench, fcnt: u32) -> (bool, bool) {
    let up = bench.last_uplink(fcnt);
    (up.adr, up.adr_ack_req)
}

#[test]
fn the_adr_bit_is_set_beside_data_and_answers() {
    let mut bench = joined();
    bench.send(b"x").unwrap();
    assert_eq!(bits(&bench, 0), (true, false));
    assert_eq!(bench.last_uplink(0).payload, b"x");
    bench.hear(&Down::commands(0, &[0x03, 0x53, 0x02, 0x00, 0x01]));
    bench.send(b"y").unwrap();
    let up = bench.last_uplink(2);
    assert_eq!((up.adr, up.fopts.as_slice(), up.payload.as_slice()), (true, &[0x03, 0x07][..], &b"y"[..]));
    let (config, _) = bench.air.last();
    assert_eq!((config.rf.bb.sf, config.pw), (SpreadingFactor::_7, 14 - 6));
}

#[test]
fn without_it_no_bit_is_set_and_nothing_steps_back() {
    let mut bench = Bench::joined(Announced::default());
    bench.node.set_data_rate(DataRate(5)).unwrap();
    for fcnt in 0..140 {
        bench.send(b"x").unwrap();
        assert_eq!(bits(&bench, fcnt), (false, false));
    }
    assert_eq!(bench.node.data_rate(), DataRate(5));
}

#[test]
fn a_node_that_hears_nothing_asks_then_takes_back_power_then_data_rate() {
    let mut bench = joined();
    // DR5, power 3.
    bench.hear(&Down::commands(0, &[0x03, 0x53, 0x07, 0x00, 0x01]));
    bench.air.script().replies.clear();
    let mut seen = Vec::new();
    for sent in 1..=160 {
        bench.send(b"x").unwrap();
        let (config, _) = bench.air.last();
        seen.push((bits(&bench, sent).1, config.rf.bb.sf, config.pw));
    }
    let at = |sent: usize| seen[sent - 1];
    let (sf7, sf8, sf9) = (SpreadingFactor::_7, SpreadingFactor::_8, SpreadingFactor::_9);
    assert_eq!((at(64), at(65)), ((false, sf7, 8), (true, sf7, 8)));
    assert_eq!((at(96), at(97)), ((true, sf7, 8), (true, sf7, 14)));
    assert_eq!((at(128), at(129)), ((true, sf7, 14), (true, sf8, 14)));
    assert_eq!((at(160), bench.node.data_rate()), ((true, sf8, 14), DataRate(3)));
    bench.hear(&Down { fcnt: 1, ..Down::default() });
    bench.send(b"x").unwrap();
    assert_eq!((bits(&bench, 162), bench.air.last().0.rf.bb.sf), ((true, false), sf9));
}

#[test]
fn a_step_back_survives_a_power_cut() {
    let mut bench = joined();
    bench.hear(&Down::commands(0, &[0x03, 0x53, 0x07, 0x00, 0x01]));
    bench.air.script().replies.clear();
    for _ in 0..129 {
        bench.send(b"x").unwrap();
    }
    bench.power_cut();
    bench.send(b"x").unwrap();
    assert_eq!((bench.node.data_rate(), bench.node.tx_power_index()), (DataRate(4), 0));
}

#[test]
fn whoever_asks_for_a_slower_data_rate_gets_full_power() {
    let mut bench = joined();
    bench.hear(&Down::commands(0, &[0x03, 0x53, 0x07, 0x00, 0x01]));
    assert_eq!(bench.node.tx_power_index(), 3);
    bench.node.set_data_rate(DataRate(5)).unwrap();
    assert_eq!(bench.node.tx_power_index(), 3);
    bench.node.set_data_rate(DataRate(4)).unwrap();
    assert_eq!(bench.node.tx_power_index(), 0);
}
