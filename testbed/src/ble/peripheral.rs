//! A virtual node's BLE radio: advertising, and the node's side of a connection, for the driver of `chirrup-node`.
use super::air::{ADVERTISEMENT, BleAir, BleReport, ConnectionId, Ending, UNTIL_CONNECTED};
use super::central::ADVERTISING_CHANNELS;
use super::pdu::{End, Held, Pdu};
use crate::radio::NodeIndex;
use chirrup_node::ble::Peripheral;
use chirrup_protocol::ble::Mtu;
use chirrup_protocol::ble::airtime::INTER_FRAME_SPACE;
use chirrup_protocol::time::{Duration, Instant};
use std::collections::VecDeque;

/// A node notices within preamble and access address, 5 bytes, whether it is answered.
const ANSWER_SHOWS: Duration = Duration::from_micros(INTER_FRAME_SPACE.as_micros() + 40);
/// advDelay: the most that is added to an advertising interval (Core Specification 5.4, Vol 6, Part B, 4.4.2.2.1).
const ADVERTISING_DELAY: Duration = Duration::from_millis(10);
/// Notifications that a stack holds, more than the fragments of any frame.
const BUFFERS: usize = 16;

/// A BLE link failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// No gateway answered in time.
    #[error("no gateway connected within {waited_us} us")]
    NotConnected {
        /// How long the node advertised.
        waited_us: u64,
    },
    /// The connection was lost, or the gateway ended it.
    #[error("the connection has ended")]
    Ended,
    /// Nothing was written in time.
    #[error("nothing was written within {waited_us} us")]
    Silent {
        /// How long it waited.
        waited_us: u64,
    },
}

/// A node's radio.
pub struct VirtualPeripheral<E: From<BleReport>> {
    air: BleAir<E>,
    node: NodeIndex,
    connection: Option<ConnectionId>,
    written: VecDeque<Vec<u8>>,
}

impl<E: From<BleReport>> VirtualPeripheral<E> {
    /// The radio of a node.
    pub const fn new(air: BleAir<E>, node: NodeIndex) -> Self {
        Self { air, node, connection: None, written: VecDeque::new() }
    }

    fn now(&self) -> Instant {
        self.air.clock().now()
    }

    /// One advertising event: all three channels, unless the gateway answers.
    async fn advertise(&mut self) -> Option<ConnectionId> {
        let gateway = self.air.best_gateway(self.node);
        for channel in 0..ADVERTISING_CHANNELS {
            let advertisement = self.air.advertise(self.node, gateway, channel);
            self.air.clock().sleep(ADVERTISEMENT).await;
            // Before the next await: a power cut there must not leave a connection behind that nobody ends.
            self.connection = self.air.answered(advertisement);
            if self.connection.is_some() {
                self.air.clock().sleep(UNTIL_CONNECTED).await;
                return self.connection;
            }
            self.air.listened(self.node, ANSWER_SHOWS);
            self.air.clock().sleep(ANSWER_SHOWS + INTER_FRAME_SPACE).await;
        }
        None
    }

    /// Length, MTU and subscription, one after the other.
    async fn set_up(&mut self, connection: ConnectionId) -> Result<(), LinkError> {
        for &(request, response) in self.air.parameters().set_up() {
            self.air.push(connection, End::Central, Pdu::SetUp(request));
            while !received(&self.step().await?.to_peripheral, &Pdu::SetUp(request)) {}
            self.air.push(connection, End::Peripheral, Pdu::SetUp(response));
            while !received(&self.step().await?.to_central, &Pdu::SetUp(response)) {}
        }
        self.air.ready(connection);
        Ok(())
    }

    /// Holds the next connection event.
    async fn step(&mut self) -> Result<Held, LinkError> {
        let connection = self.connection.ok_or(LinkError::Ended)?;
        let (anchor, [central_gives_up, node_gives_up]) = self.air.next_event(connection);
        if central_gives_up <= anchor {
            self.air.gateway_loses(connection, central_gives_up);
        }
        if node_gives_up <= anchor {
            self.air.clock().sleep_until(node_gives_up).await;
            self.end(Ending::Broken);
            return Err(LinkError::Ended);
        }
        self.air.clock().sleep_until(anchor).await;
        let held = self.air.hold_event(connection);
        if let Some((at, _)) = held.to_central.iter().find(|(_, pdu)| *pdu == Pdu::Terminate) {
            self.air.gateway_loses(connection, *at);
        }
        self.air.clock().sleep_until(held.end).await;
        self.written.extend(held.to_peripheral.iter().filter_map(|(_, pdu)| match pdu {
            Pdu::Value(value) => Some(value.clone()),
            Pdu::Empty | Pdu::SetUp(_) | Pdu::Terminate => None,
        }));
        if received(&held.to_peripheral, &Pdu::Terminate) {
            self.air.gateway_loses(connection, self.now());
            self.end(Ending::Orderly);
            return Err(LinkError::Ended);
        }
        Ok(held)
    }

    /// The node's side ends. What the gateway does not know yet it learns by silence.
    fn end(&mut self, ending: Ending) {
        if let Some(connection) = self.connection.take() {
            let (_, [central_gives_up, _]) = self.air.next_event(connection);
            self.air.gateway_loses(connection, central_gives_up.max(self.now()));
            self.air.forget(connection, ending);
        }
        self.written.clear();
    }
}

fn received(pdus: &[(Instant, Pdu)], wanted: &Pdu) -> bool {
    pdus.iter().any(|(_, pdu)| pdu == wanted)
}

impl<E: From<BleReport>> Peripheral for VirtualPeripheral<E> {
    type Error = LinkError;

    async fn connect(&mut self, longest: Duration) -> Result<Mtu, LinkError> {
        let deadline = self.now() + longest;
        let advertising = Duration::from_micros(self.air.parameters().advertising_us);
        while self.now() < deadline {
            let start = self.now();
            if let Some(connection) = self.advertise().await {
                self.set_up(connection).await?;
                return Ok(self.air.parameters().mtu);
            }
            let next = start + advertising + self.air.delay(self.node, ADVERTISING_DELAY);
            self.air.clock().sleep_until(next.min(deadline)).await;
        }
        Err(LinkError::NotConnected { waited_us: longest.as_micros() })
    }

    async fn notify(&mut self, value: &[u8]) -> Result<(), LinkError> {
        let connection = self.connection.ok_or(LinkError::Ended)?;
        while self.air.pending(connection, End::Peripheral) >= BUFFERS {
            self.step().await?;
        }
        self.air.push(connection, End::Peripheral, Pdu::Value(value.to_vec()));
        Ok(())
    }

    async fn written(&mut self, longest: Duration, buffer: &mut [u8]) -> Result<usize, LinkError> {
        let deadline = self.now() + longest;
        loop {
            if let Some(value) = self.written.pop_front() {
                let length = value.len().min(buffer.len());
                buffer[..length].copy_from_slice(&value[..length]);
                return Ok(length);
            }
            if self.now() >= deadline {
                return Err(LinkError::Silent { waited_us: longest.as_micros() });
            }
            self.step().await?;
        }
    }

    async fn disconnect(&mut self) {
        let Some(connection) = self.connection else { return };
        self.air.push(connection, End::Peripheral, Pdu::Terminate);
        while self.connection.is_some() && self.air.pending(connection, End::Peripheral) > 0 {
            // An error means that it has ended, which is what was wanted.
            if self.step().await.is_err() {
                return;
            }
        }
        self.end(Ending::Orderly);
    }
}

impl<E: From<BleReport>> Drop for VirtualPeripheral<E> {
    /// A power cut: the gateway learns of it by silence.
    fn drop(&mut self) {
        self.end(Ending::Broken);
    }
}
