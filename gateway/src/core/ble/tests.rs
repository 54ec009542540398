use super::*;
use chirrup_protocol::backhaul::{Downlink, Receipt, Uplink, UplinkId};
use chirrup_protocol::ble::Mtu;
use chirrup_protocol::ble::fragment::{Fragments, MAX_FRAGMENT_BYTES, Reassembly};
use chirrup_protocol::ble::frame::{DownlinkFrame, MAX_FRAME_BYTES, UplinkFrame};
use chirrup_protocol::ble::{DATA_RATE, FIRST_UPLINK_ID};
use chirrup_protocol::ids::{DevEui, GatewayId};
use chirrup_protocol::time::{Duration, Instant};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const NODE: DevEui = DevEui([1; 8]);
const OTHER: DevEui = DevEui([2; 8]);
const HERE: GatewayId = GatewayId([9; 8]);
const FIRST: ConnectionId = ConnectionId(1);
const SECOND: ConnectionId = ConnectionId(2);

struct Bench {
    endpoint: Endpoint,
    now: Instant,
    forwarded: Vec<Uplink>,
    written: Vec<(ConnectionId, Vec<u8>)>,
    hung_up: Vec<ConnectionId>,
    reserved_below: u64,
}

impl Bench {
    fn new() -> Self {
        let config = Config { max_connections: 2, ..Config::new([NODE, OTHER].into()) };
        Self {
            endpoint: Endpoint::new(config, 0),
            now: Instant::from_micros(5_000_000),
            forwarded: Vec::new(),
            written: Vec::new(),
            hung_up: Vec::new(),
            reserved_below: 0,
        }
    }

    fn handle(&mut self, event: Event) {
        self.endpoint.handle(self.now, event);
        while let Some(action) = self.endpoint.poll_action() {
            match action {
                Action::Forward(uplink) => {
                    assert!(uplink.id.0 < self.reserved_below, "an id that is not reserved");
                    self.forwarded.push(uplink);
                }
                Action::ReserveUplinkIds { below } => self.reserved_below = below,
                Action::Write { connection, value } => self.written.push((connection, value)),
                Action::HangUp { connection } => self.hung_up.push(connection),
            }
        }
    }

    fn connect(&mut self, connection: ConnectionId) {
        self.handle(Event::Connected { connection, gateway: HERE, mtu: Mtu::LEAST });
    }

    fn notify(&mut self, connection: ConnectionId, value: Vec<u8>) {
        self.handle(Event::Notified { connection, rssi_dbm: -60, value });
    }

    fn uplink(&mut self, connection: ConnectionId, dev_eui: DevEui, sealed: &[u8]) {
        self.slow_uplink(connection, dev_eui, sealed, Duration::ZERO);
    }

    /// A frame whose fragments come so far apart; deadlines between them are kept.
    fn slow_uplink(&mut self, connection: ConnectionId, dev_eui: DevEui, sealed: &[u8], pause: Duration) {
        let mut frame = [0; MAX_FRAME_BYTES];
        let length = UplinkFrame { dev_eui, fport: 2, sealed }.emit(&mut frame).unwrap();
        for fragment in Fragments::of(&frame[..length], Mtu::LEAST).unwrap() {
            let mut value = [0; MAX_FRAGMENT_BYTES];
            let length = fragment.emit(&mut value);
            let next = self.now + pause;
            while let Some(due) = self.endpoint.next_deadline().filter(|due| *due < next) {
                self.now = due;
                self.handle(Event::DeadlineReached);
            }
            self.now = next;
            self.notify(connection, value[..length].to_vec());
        }
    }

    fn receipt(&mut self, id: UplinkId, dev_eui: DevEui, payload: Option<Vec<u8>>) {
        let downlink = payload.map(|payload| Downlink { dev_eui, fport: 17, payload });
        self.handle(Event::ReceiptReceived(Receipt { id, dev_eui, downlink }));
    }

    /// Frames written to a connection, put together: port and payload, none for nothing.
    fn answers(&self, connection: ConnectionId) -> Vec<Option<(u8, Vec<u8>)>> {
        let mut reassembly = Reassembly::new();
        let mut answers = Vec::new();
        for (_, value) in self.written.iter().filter(|(to, _)| *to == connection) {
            assert!(value.len() <= Mtu::LEAST.value_bytes());
            if let Some(frame) = reassembly.insert(value).unwrap() {
                answers.push(match DownlinkFrame::parse(frame).unwrap() {
                    DownlinkFrame::Nothing => None,
                    DownlinkFrame::Sealed { fport, sealed } => Some((fport, sealed.to_vec())),
                });
            }
        }
        answers
    }

    fn discarded(&self, reason: Reason) -> u64 {
        self.endpoint.counters().discarded(reason)
    }
}

#[test]
fn a_frame_is_forwarded_and_answered_with_its_receipt() {
    let mut bench = Bench::new();
    bench.connect(FIRST);
    bench.uplink(FIRST, NODE, &[5; 100]);
    let uplink = bench.forwarded[0].clone();
    assert_eq!((uplink.dev_eui, uplink.fport, uplink.payload.len()), (NODE, 2, 100));
    assert_eq!((uplink.received_at, uplink.data_rate, uplink.fcnt), (bench.now, DATA_RATE, 0));
    assert_eq!(uplink.receptions[0].rssi_dbm, -60);
    assert!(uplink.id.0 >= FIRST_UPLINK_ID && Endpoint::owns(uplink.id));
    assert!(!Endpoint::owns(UplinkId(FIRST_UPLINK_ID - 1)));
    assert_eq!(bench.written, [], "nothing before the receipt");
    bench.receipt(uplink.id, NODE, Some(vec![7; 50]));
    assert_eq!(bench.answers(FIRST), [Some((17, vec![7; 50]))]);
    // The next frame of the same connection.
    bench.uplink(FIRST, NODE, &[6; 11]);
    let second = bench.forwarded[1].id;
    assert_eq!(second.0, uplink.id.0 + 1);
    bench.receipt(second, NODE, None);
    assert_eq!(bench.answers(FIRST), [Some((17, vec![7; 50])), None]);
}

#[test]
fn without_a_receipt_in_time_the_answer_is_empty_and_the_downlink_waits() {
    let mut bench = Bench::new();
    bench.connect(FIRST);
    bench.uplink(FIRST, NODE, &[5; 20]);
    let due = bench.endpoint.next_deadline().unwrap();
    assert_eq!(due, bench.now + Duration::from_secs(1));
    bench.now = due;
    bench.handle(Event::DeadlineReached);
    assert_eq!(bench.answers(FIRST), [None]);
    bench.receipt(bench.forwarded[0].id, NODE, Some(vec![7; 20]));
    assert_eq!(bench.answers(FIRST).len(), 1, "nobody asked");
    bench.receipt(bench.forwarded[0].id, NODE, Some(vec![8; 20]));
    assert_eq!(bench.discarded(Reason::DownlinkReplaced), 1);
    bench.handle(Event::Disconnected { connection: FIRST });
    bench.connect(SECOND);
    bench.uplink(SECOND, NODE, &[5; 20]);
    bench.receipt(bench.forwarded[1].id, NODE, None);
    assert_eq!(bench.answers(SECOND), [Some((17, vec![8; 20]))], "the newest is kept");
}

#[test]
fn a_connection_that_brings_a_frame_slowly_does_not_idle() {
    let mut bench = Bench::new();
    bench.connect(FIRST);
    let idle_after = Config::new([NODE].into()).idle_after;
    bench.slow_uplink(FIRST, NODE, &[5; 200], Duration::from_secs(4));
    assert!(bench.now - Instant::from_micros(5_000_000) > idle_after);
    assert_eq!((bench.forwarded.len(), bench.hung_up.len()), (1, 0));
}

#[test]
fn connections_have_a_bound_and_may_not_idle() {
    let mut bench = Bench::new();
    bench.connect(FIRST);
    bench.connect(SECOND);
    bench.connect(ConnectionId(3));
    assert_eq!(
        (bench.hung_up.as_slice(), bench.discarded(Reason::TooManyConnections)),
        (&[ConnectionId(3)][..], 1)
    );
    bench.now = bench.now + Duration::from_secs(4);
    bench.uplink(SECOND, NODE, &[5; 20]);
    bench.receipt(bench.forwarded[0].id, NODE, None);
    bench.now = bench.endpoint.next_deadline().unwrap();
    bench.handle(Event::DeadlineReached);
    assert_eq!((bench.hung_up.last(), bench.discarded(Reason::Idle)), (Some(&FIRST), 1));
    bench.notify(FIRST, vec![0, 1]);
    assert_eq!(bench.discarded(Reason::UnknownConnection), 1);
    bench.now = bench.endpoint.next_deadline().unwrap();
    assert_eq!(bench.now, Instant::from_micros(19_000_000));
    bench.handle(Event::DeadlineReached);
    assert_eq!(bench.endpoint.next_deadline(), None);
}

#[test]
fn what_does_not_belong_here_is_counted_and_dropped() {
    let mut bench = Bench::new();
    bench.connect(FIRST);
    bench.notify(FIRST, vec![0x05, 1]);
    bench.notify(FIRST, vec![0x00; 12]);
    assert_eq!((bench.discarded(Reason::BadFragment), bench.discarded(Reason::BadFrame)), (1, 1));
    bench.receipt(UplinkId(FIRST_UPLINK_ID), DevEui([3; 8]), Some(vec![7; 20]));
    assert_eq!(bench.discarded(Reason::DownlinkUnaddressed), 1);
    bench.uplink(FIRST, NODE, &[5; 20]);
    bench.uplink(FIRST, NODE, &[6; 20]);
    assert_eq!(bench.discarded(Reason::Overtaken), 1);
    // A downlink that is no sealed frame is as good as none.
    bench.receipt(bench.forwarded[1].id, NODE, Some(vec![7; 3]));
    assert_eq!((bench.discarded(Reason::BadDownlink), bench.answers(FIRST)), (1, vec![None]));
    bench.uplink(FIRST, DevEui([3; 8]), &[5; 20]);
    assert_eq!((bench.discarded(Reason::UnknownDevEui), bench.hung_up.as_slice()), (1, &[FIRST][..]));
}

#[test]
fn ids_go_on_after_a_restart() {
    let mut bench = Bench::new();
    bench.connect(FIRST);
    bench.uplink(FIRST, NODE, &[5; 20]);
    let before = bench.forwarded[0].id;
    bench.endpoint = Endpoint::new(Config::new([NODE].into()), bench.reserved_below);
    bench.connect(FIRST);
    bench.uplink(FIRST, NODE, &[5; 20]);
    assert!(bench.forwarded[1].id > before);
    assert_eq!(bench.forwarded[1].id.0, FIRST_UPLINK_ID + 1_024);
}

#[derive(Clone, Debug)]
enum Step {
    Connect(u64),
    Disconnect(u64),
    Bytes(u64, Vec<u8>),
    Uplink(u64, bool, usize),
    Receipt(usize, Option<usize>),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let connection = 0u64..4;
    prop_oneof![
        connection.clone().prop_map(Step::Connect),
        connection.clone().prop_map(Step::Disconnect),
        (connection.clone(), proptest::collection::vec(any::<u8>(), 0..30))
            .prop_map(|(to, bytes)| Step::Bytes(to, bytes)),
        (connection, any::<bool>(), 11usize..60).prop_map(|(to, node, size)| Step::Uplink(to, node, size)),
        (0usize..4, proptest::option::of(0usize..300)).prop_map(|(behind, size)| Step::Receipt(behind, size)),
        (0u64..3_000).prop_map(Step::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    /// Whatever comes: no id twice, at most one answer an uplink, no deadline in the past, and the bound holds.
    #[test]
    fn no_sequence_breaks_an_invariant(steps in proptest::collection::vec(step(), 1..80)) {
        let mut bench = Bench::new();
        for step in steps {
            match step {
                Step::Connect(to) => bench.connect(ConnectionId(to)),
                Step::Disconnect(to) => bench.handle(Event::Disconnected { connection: ConnectionId(to) }),
                Step::Bytes(to, bytes) => bench.notify(ConnectionId(to), bytes),
                Step::Uplink(to, node, size) => {
                    bench.uplink(ConnectionId(to), if node { NODE } else { OTHER }, &vec![1; size]);
                }
                Step::Receipt(behind, size) => {
                    if let Some(uplink) = bench.forwarded.iter().rev().nth(behind).cloned() {
                        bench.receipt(uplink.id, uplink.dev_eui, size.map(|size| vec![3; size]));
                    }
                }
                Step::Pass(ms) => {
                    bench.now = bench.now + Duration::from_millis(ms);
                    bench.handle(Event::DeadlineReached);
                }
            }
            prop_assert!(bench.endpoint.next_deadline().is_none_or(|due| due > bench.now));
        }
        let counters = bench.endpoint.counters().clone();
        prop_assert!(bench.forwarded.windows(2).all(|pair| pair[0].id < pair[1].id));
        prop_assert_eq!(counters.uplinks, bench.forwarded.len() as u64);
        prop_assert!(counters.downlinks + counters.empty_answers <= counters.uplinks);
    }
}
