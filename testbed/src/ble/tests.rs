//! Nodes and gateways under the kernel, with a gateway that answers each frame at once.
use super::*;
use crate::faults::Outages;
use crate::kernel::{Kernel, TaskId, Wakeup};
use crate::radio::{GatewayIndex, NodeIndex, Position};
use chirrup_node::agent::Uplink;
use chirrup_node::ble::{Answer, ExchangeError, Limits, exchange};
use chirrup_protocol::ble::Mtu;
use chirrup_protocol::ble::fragment::{Fragments, MAX_FRAGMENT_BYTES, Reassembly};
use chirrup_protocol::ble::frame::{DownlinkFrame, MAX_FRAME_BYTES, UplinkFrame};
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::time::Instant;
use peripheral::LinkError;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

type Outcome = (Instant, Result<Answer, ExchangeError<LinkError>>);

struct Bench {
    kernel: Kernel<BleReport>,
    air: BleAir<BleReport>,
    outcomes: Rc<RefCell<Vec<(NodeIndex, Outcome)>>>,
    open: BTreeMap<ConnectionId, (GatewayIndex, Reassembly)>,
    most_open: usize,
    ended: Vec<(Instant, ConnectionId)>,
    heard: Vec<Vec<u8>>,
}

impl Bench {
    fn new(parameters: Parameters, budget: Budget, distances_m: &[f64], seed: u64) -> Self {
        let kernel = Kernel::new();
        let nodes = distances_m.iter().map(|&x_m| Position { x_m, y_m: 0.0 }).collect();
        let links = Links::new(budget, nodes, vec![Position::default()], seed);
        let air = BleAir::new(parameters, links, seed, kernel.scheduler());
        Self {
            kernel,
            air,
            outcomes: Rc::default(),
            open: BTreeMap::new(),
            most_open: 0,
            ended: Vec::new(),
            heard: Vec::new(),
        }
    }

    /// Node `index` sends frames of `sealed_bytes`, one after the other.
    fn send(&mut self, index: u32, sealed_bytes: usize, frames: usize) -> TaskId {
        let (air, outcomes, node) = (self.air.clone(), Rc::clone(&self.outcomes), NodeIndex(index));
        self.kernel.spawn(async move {
            let mut radio = VirtualPeripheral::new(air.clone(), node);
            for frame in 0..frames {
                let payload = std::iter::repeat_n(frame as u8, sealed_bytes).collect();
                let uplink = Uplink { fport: 1, payload, confirm: false };
                let dev_eui = DevEui::from_u64(index.into());
                let outcome = exchange(&mut radio, dev_eui, &uplink, &Limits::default()).await;
                outcomes.borrow_mut().push((node, (air.clock().now(), outcome)));
            }
        })
    }

    fn run_until(&mut self, end: Instant) {
        while let Some(wakeup) = self.kernel.step_until(end) {
            if let Wakeup::Event(report) = wakeup {
                self.serve(report);
            }
        }
    }

    /// Echoes the sealed frame on port 17.
    fn serve(&mut self, report: BleReport) {
        match report {
            BleReport::Connected { connection, gateway } => {
                self.open.insert(connection, (gateway, Reassembly::new()));
                self.most_open = self.most_open.max(self.open.len());
            }
            BleReport::Disconnected { connection } => {
                self.open.remove(&connection);
                self.ended.push((self.kernel.now(), connection));
            }
            BleReport::Notified { connection, value, .. } => {
                let (_, reassembly) = self.open.get_mut(&connection).unwrap();
                let Some(frame) = reassembly.insert(&value).unwrap() else { return };
                let up = UplinkFrame::parse(frame).unwrap();
                let mut down = [0; MAX_FRAME_BYTES];
                let length = DownlinkFrame::Sealed { fport: 17, sealed: up.sealed }.emit(&mut down).unwrap();
                for fragment in Fragments::of(&down[..length], self.air.parameters().mtu).unwrap() {
                    let mut value = [0; MAX_FRAGMENT_BYTES];
                    let length = fragment.emit(&mut value);
                    self.air.write(connection, value[..length].to_vec());
                }
                self.heard.push(frame.to_vec());
            }
        }
    }

    fn answered(&self) -> usize {
        self.outcomes.borrow().iter().filter(|(_, (_, outcome))| outcome.is_ok()).count()
    }
}

fn at(us: u64) -> Instant {
    Instant::from_micros(us)
}

/// The closed form of `docs/ble.md`: one event for each request and each answer of the set-up, then frame up, frame
/// down, and two to hang up.
#[test]
fn an_exchange_takes_the_events_of_the_closed_form() {
    for (mtu, set_ups, up, down) in [(247, 3, 1, 1), (23, 1, 1, 2)] {
        let parameters = Parameters { mtu: Mtu::new(mtu).unwrap(), ..Parameters::default() };
        let mut bench = Bench::new(parameters, Budget::default(), &[5.0], 1);
        bench.send(0, 242, 1);
        bench.run_until(at(10_000_000));
        let (_, (ended_at, outcome)) = bench.outcomes.borrow()[0].clone();
        let (fport, sealed) = outcome.unwrap().downlink.unwrap();
        assert_eq!((fport, sealed.len()), (17, 242));
        // Up: 14 fragments at 23, of which 11 fit an event, or 2 at 247; down: 13 of 11, or 1.
        let up = if mtu == 23 { up + 1 } else { up };
        let events = 2 * set_ups + up + down + 2;
        // The first advertisement is heard at once; the first anchor of slot 0 is the next multiple of the interval.
        // The last event has two empty PDUs.
        assert_eq!(ended_at.as_micros(), events * 30_000 + 310, "MTU {mtu}");
        assert_eq!(bench.ended.len(), 1);
        let book = bench.air.books().node(NodeIndex(0));
        assert_eq!((book.advertisements, book.connections, book.broken, book.repeated), (1, 1, 0, 0));
        assert_eq!(bench.air.books().gateway(GatewayIndex(0)).pdus, book.pdus);
    }
}

#[test]
fn a_node_out_of_reach_advertises_for_as_long_as_it_was_told() {
    let mut bench = Bench::new(Parameters::default(), Budget::default(), &[500.0], 1);
    bench.send(0, 50, 1);
    bench.run_until(at(60_000_000));
    let (_, (ended_at, outcome)) = bench.outcomes.borrow()[0].clone();
    let waited_us = 3_000_000;
    assert_eq!(outcome, Err(ExchangeError::NotConnected(LinkError::NotConnected { waited_us })));
    assert!((3_000_000..3_003_000).contains(&ended_at.as_micros()));
    let book = bench.air.books().node(NodeIndex(0));
    // Each interval is 100 ms and up to 10 ms, 105 ms on average; three channels.
    assert!((27 * 3..=30 * 3).contains(&book.advertisements), "{}", book.advertisements);
    assert_eq!(book.awake.transmitting.as_micros(), book.advertisements * 296);
    assert_eq!(book.awake.receiving.as_micros(), book.advertisements * 190);
    assert_eq!(book.connections, 0);
    assert!(bench.ended.is_empty());
}

#[test]
fn a_power_cut_leaves_a_gateway_waiting_for_its_timeout() {
    let mut bench = Bench::new(Parameters::default(), Budget::default(), &[5.0, 5.0], 1);
    let task = bench.send(0, 100, 1);
    // In the middle of the set-up.
    bench.run_until(at(100_000));
    bench.kernel.cancel(task);
    bench.run_until(at(10_000_000));
    assert_eq!(bench.outcomes.borrow().len(), 0);
    let (lost_at, _) = bench.ended[0];
    // It heard the node last in the event at 90 ms.
    assert_eq!(lost_at.as_micros() / 1_000, 4_090);
    assert_eq!(bench.air.books().node(NodeIndex(0)).broken, 1);
    bench.send(1, 100, 1);
    bench.run_until(at(20_000_000));
    assert_eq!(bench.answered(), 1);
}

/// Wherever it is cut, a connection ends for the gateway too, and its slot is free again.
#[test]
fn a_power_cut_at_any_instant_leaves_nothing_behind() {
    for cut_us in (0..400_000).step_by(1_700) {
        let parameters = Parameters { event_us: 30_000, ..Parameters::default() };
        let mut bench = Bench::new(parameters, Budget::default(), &[5.0, 5.0], 1);
        let task = bench.send(0, 100, 1);
        bench.run_until(at(cut_us));
        bench.kernel.cancel(task);
        bench.run_until(at(6_000_000));
        assert!(bench.open.is_empty(), "cut at {cut_us}");
        let before = bench.answered();
        bench.send(1, 100, 1);
        bench.run_until(at(12_000_000));
        assert_eq!(bench.answered(), before + 1, "cut at {cut_us}: the only slot is still taken");
    }
}

/// More nodes at once than a gateway has slots: advertisements collide, slots are full, and all are served in the end.
#[test]
fn nodes_take_turns() {
    let distances: Vec<f64> = (0..30).map(|index| 3.0 + f64::from(index)).collect();
    let mut bench = Bench::new(Parameters::default(), Budget::default(), &distances, 1);
    (0..30).for_each(|index| {
        bench.send(index, 60, 3);
    });
    bench.run_until(at(60_000_000));
    assert_eq!(bench.outcomes.borrow().len(), 90);
    assert!(bench.answered() >= 60, "{}", bench.answered());
    assert!((2..=4).contains(&bench.most_open), "{}", bench.most_open);
    assert!(bench.open.is_empty());
}

/// A gateway that goes off in the middle of a connection loses it, and hears nothing until it is on again.
#[test]
fn a_gateway_that_is_off_hears_nothing() {
    let mut bench = Bench::new(Parameters::default(), Budget::default(), &[5.0], 1);
    let off = Outages::of(&[(at(100_000), at(7_200_000))]);
    bench.air = bench.air.clone().with_outages(vec![off]);
    bench.send(0, 100, 3);
    bench.run_until(at(30_000_000));
    let outcomes = bench.outcomes.borrow();
    let (first_at, first) = &outcomes[0].1;
    assert_eq!(*first, Err(ExchangeError::NotConnected(LinkError::Ended)), "lost before it was ready");
    // It heard the gateway last in the event at 90 ms.
    assert_eq!(first_at.as_micros() / 1_000, 4_090);
    let (_, second) = &outcomes[1].1;
    assert!(matches!(second, Err(ExchangeError::NotConnected(LinkError::NotConnected { .. }))), "{second:?}");
    assert!(outcomes[2].1.1.is_ok());
}

#[test]
fn a_lossy_link_delivers_all_the_same() {
    let budget = Budget { loss: 0.3, ..Budget::default() };
    let mut bench = Bench::new(Parameters::default(), budget, &[5.0], 7);
    bench.send(0, 100, 40);
    bench.run_until(at(200_000_000));
    assert_eq!(bench.outcomes.borrow().len(), 40);
    assert!(bench.answered() >= 39, "{}", bench.answered());
    let book = bench.air.books().node(NodeIndex(0));
    // 1 / (1 - p) transmissions each: .3 of them are repetitions.
    let share = book.repeated as f64 / book.pdus as f64;
    assert!((share - 0.3).abs() < 0.05, "{share}");
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let trace = |seed| {
        let budget = Budget { loss: 0.1, ..Budget::default() };
        let mut bench = Bench::new(Parameters::default(), budget, &[5.0, 40.0, 65.0], seed);
        (0..3).for_each(|index| {
            bench.send(index, 60, 5);
        });
        bench.run_until(at(30_000_000));
        bench.air.books().trace_with([0; 32])
    };
    assert_eq!(trace(1), trace(1));
    assert_ne!(trace(1), trace(2));
}
