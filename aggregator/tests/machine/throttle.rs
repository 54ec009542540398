//! Bad tags cost the gateway that brought them, and nobody else.
use crate::bench::*;
use chirrup_aggregator::core::Reject;
use chirrup_aggregator::core::throttle::BUDGET;
use chirrup_protocol::backhaul::Uplink;
use chirrup_protocol::ids::GatewayId;
use chirrup_protocol::time::Duration;

const HOSTILE: GatewayId = GatewayId([0xee; 8]);

fn forged(uplink: &Uplink) -> Uplink {
    let mut forged = uplink.clone();
    forged.payload[9] ^= 1;
    forged
}

#[test]
fn a_gateway_out_of_budget_is_put_off_and_loses_nothing() {
    let (mut bench, mut nodes) = Bench::settled();
    let uplink = nodes[0].holding(0, 0);
    for _ in 0..BUDGET {
        assert!(bench.send_via(HOSTILE, forged(&uplink)).is_some(), "counted, and receipted");
    }
    let records = bench.ledger.len();
    // A good frame by this gateway waits, a good frame of the same device by another is opened at once.
    assert_eq!(bench.send_via(HOSTILE, uplink.clone()), None);
    assert_eq!((bench.ledger.len(), bench.put_off, bench.aggregator.put_off()), (records, 1, 1));
    assert_eq!(bench.rejected(Reject::NotAuthentic), u64::from(BUDGET));
    assert_eq!(bench.aggregator.short_gateways(bench.now).collect::<Vec<_>>(), [(HOSTILE, 0)]);
    let next = nodes[0].holding(0, 0);
    assert!(bench.send_via(GATEWAY, next).is_some_and(|receipt| receipt.downlink.is_some()));
    // The hostile gateway's outbox brings the other one again.
    bench.wait(Duration::from_secs(1));
    assert!(bench.send_via(HOSTILE, uplink).is_some());
    assert_eq!(bench.rejected(Reject::NotAuthentic), u64::from(BUDGET));
    assert!(bench.aggregator.rejects().len() == 1, "{:?}", bench.aggregator.rejects());
}

#[test]
fn only_broken_seals_cost() {
    let (mut bench, mut nodes) = Bench::settled();
    let uplink = nodes[0].holding(0, 0);
    bench.send(uplink.clone());
    for _ in 0..BUDGET {
        bench.send(uplink.clone());
        bench.send(Uplink { payload: vec![0x40; 3], ..uplink.clone() });
        bench.send(Node::new(77).holding(0, 0));
    }
    assert_eq!(bench.aggregator.short_gateways(bench.now).count(), 0);
}
