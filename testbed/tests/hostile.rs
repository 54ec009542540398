//! Hostile frames on the air and behind the network server: each is counted under its own reason, none is accepted,
//! and the run goes on as if they had never been.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod small;

use chirrup_aggregator::core::{self as aggregator, Aggregator, Record, Reject, throttle};
use chirrup_gateway::core::{self as network, Heard, NetworkServer, Reason, State};
use chirrup_protocol::backhaul::Uplink;
use chirrup_protocol::ids::{DevEui, GatewayId};
use chirrup_protocol::time::Instant;
use chirrup_testbed::radio::RadioError;
use chirrup_testbed::scenario::Experiment;
use chirrup_testbed::simulation::backend::{Order, refusal};
use chirrup_testbed::simulation::record::record;
use chirrup_testbed::simulation::{Backend, Fleet, World};
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;

/// Frames on the air, and uplinks behind the network server, that are attacked. The run has more.
const ATTACKED: usize = 60;
/// Bad tags that a gateway may bring at once.
const BUDGET: usize = throttle::BUDGET as usize;

/// Where the attacker stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attacker {
    Nowhere,
    OnTheAir,
    InTheBackhaul,
}

/// Both cores, and an attacker who sees every frame on its way.
struct Attacked {
    attacker: Attacker,
    server: NetworkServer,
    aggregator: Aggregator,
    ledger: Vec<Record>,
    orders: VecDeque<Order>,
    seen: usize,
    injected: u64,
    put_off: u64,
    air: BTreeMap<Reason, u64>,
    backhaul: BTreeMap<Reject, u64>,
}

/// `bytes` with one bit flipped in each byte in turn.
fn flipped(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..bytes.len()).map(|index| {
        let mut altered = bytes.to_vec();
        altered[index] ^= 1 << (index % 8);
        altered
    })
}

fn is_join(phy: &[u8]) -> bool {
    phy[0] >> 5 == 0
}

/// A frame of a device that nobody knows: another DevEUI in a join, another address in anything else.
fn of_a_stranger(phy: &[u8]) -> (Vec<u8>, Reason) {
    let mut altered = phy.to_vec();
    if is_join(phy) {
        altered[9..17].fill(0xee);
        (altered, Reason::UnknownDevEui)
    } else {
        // The first byte of the address on the air is its last: within the network, but nobody's.
        altered[1] ^= 0xff;
        altered[2] ^= 0xff;
        (altered, Reason::UnknownDevAddr)
    }
}

impl Attacked {
    fn new(attacker: Attacker, fleet: &Fleet) -> Self {
        Self {
            attacker,
            server: NetworkServer::new(fleet.network.clone(), State::default()).unwrap(),
            aggregator: Aggregator::new(fleet.federation.clone(), fleet.signing_key.clone()),
            ledger: Vec::new(),
            orders: VecDeque::new(),
            seen: 0,
            injected: 0,
            put_off: 0,
            air: BTreeMap::new(),
            backhaul: BTreeMap::new(),
        }
    }

    fn attacks(&mut self, attacker: Attacker) -> bool {
        if self.attacker == attacker {
            self.seen += 1;
        }
        self.attacker == attacker && self.seen <= ATTACKED
    }

    /// Sends a frame that must be discarded for one reason, which it returns, and do nothing else.
    fn inject(&mut self, now: Instant, heard: Heard) -> Reason {
        let before = self.server.counters().clone();
        self.server.handle(now, network::Event::FrameHeard(heard));
        assert_eq!(self.server.poll_action(), None, "a hostile frame causes nothing");
        let mut after = self.server.counters().clone();
        let changed = after.discarded.iter().find(|(reason, count)| before.discarded(**reason) != **count);
        let reason = *changed.expect("a hostile frame is counted").0;
        assert_eq!(after.discarded(reason), before.discarded(reason) + 1);
        (after.discarded, after.frames_heard) = (before.discarded.clone(), before.frames_heard);
        assert_eq!(after, before, "nothing else is counted");
        self.injected += 1;
        *self.air.entry(reason).or_default() += 1;
        reason
    }

    fn attack_before(&mut self, now: Instant, heard: &Heard) {
        let with = |phy: Vec<u8>| Heard { phy, ..heard.clone() };
        for altered in flipped(&heard.phy) {
            let reason = self.inject(now, with(altered));
            let expected = [
                Reason::Malformed,
                Reason::UnexpectedMType,
                Reason::Foreign,
                Reason::UnknownDevAddr,
                Reason::UnknownDevEui,
                Reason::BadMic,
            ];
            assert!(expected.contains(&reason), "{reason:?}");
        }
        assert_eq!(self.inject(now, with(Vec::new())), Reason::Empty);
        assert_eq!(self.inject(now, with(vec![0x40; 255])), Reason::TooLong);
        assert_eq!(self.inject(now, with(vec![0xe0; 20])), Reason::UnexpectedMType);
        let (stranger, reason) = of_a_stranger(&heard.phy);
        assert_eq!(self.inject(now, with(stranger)), reason);
    }

    fn attack_after(&mut self, now: Instant, heard: &Heard) {
        let reason = self.inject(now, heard.clone());
        assert_eq!(reason, if is_join(&heard.phy) { Reason::DevNonceReused } else { Reason::Replayed });
    }

    /// Hands over an uplink that must be refused for one reason, which it returns, and do nothing else; `None` when
    /// it is put off.
    fn try_inject_behind(&mut self, now: Instant, via: GatewayId, uplink: Uplink) -> Option<Reject> {
        let before = self.aggregator.rejects().clone();
        let (id, accepted) = (uplink.id, self.aggregator.accepted());
        self.aggregator.handle(now, aggregator::Event::UplinkReceived { via, uplink });
        match self.aggregator.poll_action() {
            Some(aggregator::Action::Acknowledge(receipt)) => {
                assert_eq!((receipt.id, receipt.downlink), (id, None));
            }
            Some(aggregator::Action::PutOff(put_off)) => {
                assert_eq!((put_off, self.aggregator.poll_action()), (id, None));
                assert_eq!(*self.aggregator.rejects(), before);
                self.put_off += 1;
                return None;
            }
            other => panic!("a hostile uplink causes {other:?}"),
        }
        assert_eq!(self.aggregator.poll_action(), None);
        assert_eq!(self.aggregator.accepted(), accepted);
        let count = |reason: &Reject| before.get(reason).copied().unwrap_or(0);
        let mut changed = self.aggregator.rejects().iter().filter(|(reason, total)| count(reason) != **total);
        let (&reason, &total) = changed.next().expect("a hostile uplink is counted");
        assert!(changed.next().is_none() && total == count(&reason) + 1);
        self.injected += 1;
        *self.backhaul.entry(reason).or_default() += 1;
        Some(reason)
    }

    /// Through a gateway that brings no bad tags besides.
    fn inject_behind(&mut self, now: Instant, uplink: Uplink) -> Reject {
        let via = GatewayId((0xdd00_0000 + self.injected).to_be_bytes());
        self.try_inject_behind(now, via, uplink).expect("a gateway with a budget is heard")
    }

    fn attack_behind(&mut self, now: Instant, uplink: &Uplink) {
        let with = |payload: Vec<u8>| Uplink { payload, ..uplink.clone() };
        let via = GatewayId((0xee00_0000 + self.seen as u64).to_be_bytes());
        for (index, altered) in flipped(&uplink.payload).enumerate() {
            let reason = self.try_inject_behind(now, via, with(altered));
            let expected = match index {
                0 => Some(Reject::UnknownHeader),
                1..=BUDGET => Some(Reject::NotAuthentic),
                _ => None,
            };
            assert_eq!(reason, expected, "byte {index}");
        }
        for length in [0, 1, 10, 243, 255] {
            assert_eq!(self.inject_behind(now, with(vec![0x40; length])), Reject::WrongLength);
        }
        let stranger = Uplink { dev_eui: DevEui([0xee; 8]), ..uplink.clone() };
        assert_eq!(self.inject_behind(now, stranger), Reject::UnknownDevice);
        let elsewhere = Uplink { fport: uplink.fport + 1, ..uplink.clone() };
        assert_eq!(self.inject_behind(now, elsewhere), Reject::NotAuthentic);
    }

    fn tell_server(&mut self, now: Instant, event: network::Event) {
        self.server.handle(now, event);
        while let Some(action) = self.server.poll_action() {
            match action {
                network::Action::Transmit(transmission) => self.orders.push_back(transmission.into()),
                network::Action::Forward(uplink) => self.forward(now, uplink),
                _ => {}
            }
        }
    }

    fn forward(&mut self, now: Instant, uplink: Uplink) {
        let attacked = self.attacks(Attacker::InTheBackhaul);
        if attacked {
            self.attack_behind(now, &uplink);
        }
        let via = GatewayId([0; 8]);
        self.tell_aggregator(now, aggregator::Event::UplinkReceived { via, uplink: uplink.clone() });
        if attacked {
            assert_eq!(self.inject_behind(now, uplink), Reject::Replayed);
        }
    }

    fn tell_aggregator(&mut self, now: Instant, event: aggregator::Event) {
        self.aggregator.handle(now, event);
        let mut receipts = Vec::new();
        while let Some(action) = self.aggregator.poll_action() {
            match action {
                aggregator::Action::Append(record) => self.ledger.push(record),
                aggregator::Action::Acknowledge(receipt) => receipts.push(receipt),
                aggregator::Action::PutOff(id) => panic!("{id:?} of an honest gateway is put off"),
            }
        }
        receipts
            .into_iter()
            .for_each(|receipt| self.tell_server(now, network::Event::ReceiptReceived(receipt)));
    }
}

impl Backend for Attacked {
    type Error = Infallible;

    fn heard(&mut self, now: Instant, heard: Heard) -> Result<(), Infallible> {
        let attacked = self.attacks(Attacker::OnTheAir);
        if attacked {
            self.attack_before(now, &heard);
        }
        self.tell_server(now, network::Event::FrameHeard(heard.clone()));
        if attacked {
            self.attack_after(now, &heard);
        }
        Ok(())
    }

    fn refused(&mut self, now: Instant, token: u64, error: RadioError) -> Result<(), Infallible> {
        self.tell_server(now, network::Event::TransmissionRefused { token, refusal: refusal(error) });
        Ok(())
    }

    fn next_deadline(&self) -> Option<Instant> {
        [self.server.next_deadline(), self.aggregator.next_deadline()].into_iter().flatten().min()
    }

    fn reached(&mut self, now: Instant) -> Result<(), Infallible> {
        if self.server.next_deadline().is_some_and(|due| due <= now) {
            self.tell_server(now, network::Event::DeadlineReached);
        }
        if self.aggregator.next_deadline().is_some_and(|due| due <= now) {
            self.tell_aggregator(now, aggregator::Event::DeadlineReached);
        }
        Ok(())
    }

    fn poll_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }
}

/// What a run leaves: accuracy of what nodes run, hash over the air, ledger.
fn run(attacker: Attacker, experiment: &Experiment) -> (Attacked, f64, String) {
    let fleet = Fleet::new(experiment);
    let mut attacked = Attacked::new(attacker, &fleet);
    let Ok(ended) = World::new(experiment, &fleet).run(&mut attacked, &mut |_| {});
    let rejects = attacked.aggregator.rejects();
    let run = record(experiment, &fleet, &ended, &attacked.ledger, rejects).unwrap();
    (attacked, run.final_accuracy(), run.trace_hash)
}

#[test]
fn hostile_frames_on_the_air_are_counted_and_change_nothing() {
    let experiment = small::experiment(&[]);
    let (peace, _, trace_hash) = run(Attacker::Nowhere, &experiment);
    let (attacked, accuracy, attacked_trace_hash) = run(Attacker::OnTheAir, &experiment);
    assert!(attacked.seen > ATTACKED && attacked.injected > 1_000, "{}", attacked.injected);
    let counted: u64 = attacked.air.values().sum();
    assert_eq!(counted, attacked.injected);
    for reason in [Reason::BadMic, Reason::DevNonceReused, Reason::UnknownDevEui, Reason::Foreign] {
        assert!(attacked.air.contains_key(&reason), "{reason:?} of {:?}", attacked.air);
    }
    assert_eq!(attacked.ledger, peace.ledger);
    assert_eq!(attacked_trace_hash, trace_hash);
    assert!(accuracy > 0.9, "{accuracy}");
}

#[test]
fn hostile_uplinks_behind_the_network_server_are_counted_and_change_nothing() {
    let experiment = small::experiment(&[]);
    let (peace, _, trace_hash) = run(Attacker::Nowhere, &experiment);
    let (attacked, accuracy, attacked_trace_hash) = run(Attacker::InTheBackhaul, &experiment);
    assert!(attacked.seen > ATTACKED && attacked.injected > 1_000, "{}", attacked.injected);
    assert!(attacked.put_off > 100, "{}", attacked.put_off);
    assert_eq!(attacked.backhaul[&Reject::Replayed], ATTACKED as u64);
    assert_eq!(attacked.backhaul[&Reject::UnknownDevice], ATTACKED as u64);
    assert_eq!(attacked.backhaul[&Reject::WrongLength], 5 * ATTACKED as u64);
    assert_eq!(attacked.backhaul.values().sum::<u64>(), attacked.injected);
    assert_eq!(attacked.ledger, peace.ledger);
    assert_eq!(attacked_trace_hash, trace_hash);
    assert!(accuracy > 0.9, "{accuracy}");
}
