//! The machine: see [`super`] for its diagram.
use super::counters::{Counters, Reason};
use super::event::{Action, Config, ConnectionId, Event};
use crate::core::uplink_ids::UplinkIds;
use chirrup_protocol::backhaul::{Downlink, Receipt, Reception, Uplink, UplinkId};
use chirrup_protocol::ble::fragment::{Fragments, MAX_FRAGMENT_BYTES, Reassembly};
use chirrup_protocol::ble::frame::{DownlinkFrame, MAX_FRAME_BYTES, UplinkFrame};
use chirrup_protocol::ble::{DATA_RATE, FIRST_UPLINK_ID, Mtu};
use chirrup_protocol::ids::{DevAddr, DevEui, GatewayId};
use chirrup_protocol::time::Instant;
use std::collections::{BTreeMap, VecDeque};

/// An uplink that has not been answered.
#[derive(Clone, Copy, Debug)]
struct Unanswered {
    uplink: UplinkId,
    dev_eui: DevEui,
    due: Instant,
}

#[derive(Debug)]
struct Open {
    gateway: GatewayId,
    mtu: Mtu,
    reassembly: Reassembly,
    unanswered: Option<Unanswered>,
    idle_at: Instant,
}

/// BLE's end of one gateway service.
///
/// Bounds: the configured number of connections (one beyond is hung up), one frame in parts and one unanswered uplink a
/// connection, one waiting downlink a device (a newer one replaces the older). The actions of one event are bounded by
/// these; they must be polled before the next event.
#[derive(Debug)]
pub struct Endpoint {
    config: Config,
    connections: BTreeMap<ConnectionId, Open>,
    waiting: BTreeMap<DevEui, Downlink>,
    uplink_ids: UplinkIds,
    actions: VecDeque<Action>,
    counters: Counters,
}

impl Endpoint {
    /// An endpoint without connections; `uplink_ids_below` is the latest reservation of ids, 0 before the first.
    pub fn new(config: Config, uplink_ids_below: u64) -> Self {
        Self {
            config,
            connections: BTreeMap::new(),
            waiting: BTreeMap::new(),
            uplink_ids: UplinkIds::new(uplink_ids_below.max(FIRST_UPLINK_ID)),
            actions: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// Whether an uplink is one of BLE's, and its receipt for this endpoint rather than the network server.
    pub const fn owns(uplink: UplinkId) -> bool {
        uplink.0 >= FIRST_UPLINK_ID
    }

    /// Takes notice of what happened. Poll all actions afterwards.
    pub fn handle(&mut self, now: Instant, event: Event) {
        match event {
            Event::Connected { connection, gateway, mtu } => self.connected(now, connection, gateway, mtu),
            Event::Notified { connection, rssi_dbm, value } => {
                self.notified(now, connection, rssi_dbm, &value);
            }
            Event::Disconnected { connection } => {
                self.connections.remove(&connection);
            }
            Event::ReceiptReceived(receipt) => self.receipt_received(receipt),
            Event::DeadlineReached => {}
        }
        self.run_deadlines(now);
    }

    /// The next thing to do, `None` when there is no more.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to wake the endpoint with [`Event::DeadlineReached`], if nothing happens before.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.connections.values().map(Open::due).min()
    }

    /// What happened how often since the start.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    fn connected(&mut self, now: Instant, connection: ConnectionId, gateway: GatewayId, mtu: Mtu) {
        if self.connections.len() >= self.config.max_connections {
            self.actions.push_back(Action::HangUp { connection });
            return self.counters.discard(Reason::TooManyConnections);
        }
        self.counters.connections += 1;
        let idle_at = now + self.config.idle_after;
        let open = Open { gateway, mtu, reassembly: Reassembly::new(), unanswered: None, idle_at };
        self.connections.insert(connection, open);
    }

    fn notified(&mut self, now: Instant, connection: ConnectionId, rssi_dbm: i16, value: &[u8]) {
        let Some(open) = self.connections.get_mut(&connection) else {
            return self.counters.discard(Reason::UnknownConnection);
        };
        open.idle_at = now + self.config.idle_after;
        let frame = match open.reassembly.insert(value) {
            Ok(None) => return,
            Ok(Some(frame)) => frame,
            Err(_) => return self.counters.discard(Reason::BadFragment),
        };
        let Ok(UplinkFrame { dev_eui, fport, sealed }) = UplinkFrame::parse(frame) else {
            return self.counters.discard(Reason::BadFrame);
        };
        if !self.config.devices.contains(&dev_eui) {
            self.counters.discard(Reason::UnknownDevEui);
            return self.hang_up(connection);
        }
        let (id, reservation) = self.uplink_ids.take();
        self.actions.extend(reservation.map(|below| Action::ReserveUplinkIds { below }));
        self.actions.push_back(Action::Forward(Uplink {
            id,
            received_at: now,
            dev_eui,
            dev_addr: DevAddr([0; 4]),
            fcnt: 0,
            fport,
            data_rate: DATA_RATE,
            receptions: vec![Reception { gateway: open.gateway, rssi_dbm, snr_tenth_db: 0 }],
            payload: sealed.to_vec(),
        }));
        let due = now + self.config.answer_within;
        if open.unanswered.replace(Unanswered { uplink: id, dev_eui, due }).is_some() {
            self.counters.discard(Reason::Overtaken);
        }
        self.counters.uplinks += 1;
    }

    fn receipt_received(&mut self, receipt: Receipt) {
        let Receipt { id, dev_eui, downlink } = receipt;
        if let Some(downlink) = downlink {
            self.keep(dev_eui, downlink);
        }
        let is_answered = |open: &Open| open.unanswered.is_some_and(|unanswered| unanswered.uplink == id);
        let connection = self.connections.iter().find(|(_, open)| is_answered(open));
        if let Some((&connection, _)) = connection {
            self.answer(connection);
        }
    }

    /// Has a downlink wait for its device's next frame. The newest one counts.
    fn keep(&mut self, dev_eui: DevEui, downlink: Downlink) {
        if downlink.dev_eui != dev_eui || !self.config.devices.contains(&dev_eui) {
            return self.counters.discard(Reason::DownlinkUnaddressed);
        }
        if self.waiting.insert(dev_eui, downlink).is_some() {
            self.counters.discard(Reason::DownlinkReplaced);
        }
    }

    /// Writes what waits for the device, or that there is nothing.
    fn answer(&mut self, connection: ConnectionId) {
        let Some(open) = self.connections.get_mut(&connection) else { return };
        let Some(unanswered) = open.unanswered.take() else { return };
        let mut frame = [0; MAX_FRAME_BYTES];
        let waiting = self.waiting.remove(&unanswered.dev_eui);
        let sealed = waiting.and_then(|Downlink { fport, payload, .. }| {
            let emitted = DownlinkFrame::Sealed { fport, sealed: &payload }.emit(&mut frame);
            emitted.inspect_err(|_| self.counters.discard(Reason::BadDownlink)).ok()
        });
        let length = match sealed {
            Some(length) => {
                self.counters.downlinks += 1;
                length
            }
            None => {
                self.counters.empty_answers += 1;
                DownlinkFrame::Nothing.emit(&mut frame).expect("one byte fits")
            }
        };
        let fragments = Fragments::of(&frame[..length], open.mtu).expect("the buffer is a frame's");
        self.actions.extend(fragments.map(|fragment| {
            let mut value = [0; MAX_FRAGMENT_BYTES];
            let length = fragment.emit(&mut value);
            Action::Write { connection, value: value[..length].to_vec() }
        }));
    }

    fn run_deadlines(&mut self, now: Instant) {
        let due: Vec<_> =
            self.connections.iter().filter(|(_, open)| open.due() <= now).map(|(id, _)| *id).collect();
        for connection in due {
            if self.connections.get(&connection).is_some_and(|open| open.unanswered.is_some()) {
                self.answer(connection);
            } else {
                self.counters.discard(Reason::Idle);
                self.hang_up(connection);
            }
        }
    }

    fn hang_up(&mut self, connection: ConnectionId) {
        self.connections.remove(&connection);
        self.actions.push_back(Action::HangUp { connection });
    }
}

impl Open {
    fn due(&self) -> Instant {
        self.unanswered.map_or(self.idle_at, |unanswered| unanswered.due)
    }
}
