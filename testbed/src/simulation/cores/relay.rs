//! What the cores say to each other, and what they want sent.
use super::{Cores, CoresError, SERVICE, Travel};
use crate::faults::backhaul::Arrived;
use crate::simulation::backend::{BleOrder, Order};
use chirrup_aggregator::core as aggregator;
use chirrup_gateway::core as gateway;
use chirrup_gateway::core::ble::{self, Endpoint};
use chirrup_protocol::backhaul::{Downlink, Receipt, Uplink};
use chirrup_protocol::seal::Direction;
use chirrup_protocol::time::Instant;

impl Cores {
    fn note_sealed(&mut self, downlink: &Downlink) {
        let Downlink { dev_eui, fport, payload } = downlink;
        self.sealed.entry(*dev_eui).or_default().enter(*dev_eui, Direction::Down, *fport, payload);
    }

    pub(super) fn tell_server(&mut self, now: Instant, event: gateway::Event) {
        self.server.handle(now, event);
        while let Some(action) = self.server.poll_action() {
            let action = match &mut self.restarts {
                Some(restarts) => restarts.keep(action),
                None => Some(action),
            };
            let Some(action) = action else { continue };
            match action {
                gateway::Action::Transmit(transmission) => self.order(transmission.into()),
                gateway::Action::Forward(uplink) => self.forward(now, uplink),
                // Nothing loses its memory here.
                gateway::Action::StoreDevice(_)
                | gateway::Action::ReserveUplinkIds { .. }
                | gateway::Action::StoreAirtime(_) => {}
            }
        }
    }

    pub(super) fn tell_endpoint(&mut self, now: Instant, event: ble::Event) {
        self.endpoint.handle(now, event);
        while let Some(action) = self.endpoint.poll_action() {
            match action {
                ble::Action::Forward(uplink) => self.forward(now, uplink),
                ble::Action::Write { connection, value } => {
                    self.ble_orders.push_back(BleOrder::Write { connection, value });
                }
                ble::Action::HangUp { connection } => {
                    self.ble_orders.push_back(BleOrder::HangUp { connection });
                }
                // Nothing here loses its memory.
                ble::Action::ReserveUplinkIds { .. } => {}
            }
        }
    }

    /// A receipt reaches whoever forwarded its uplink.
    fn settle(&mut self, now: Instant, receipt: Receipt) {
        if Endpoint::owns(receipt.id) {
            self.tell_endpoint(now, ble::Event::ReceiptReceived(receipt));
        } else {
            self.tell_server(now, gateway::Event::ReceiptReceived(receipt));
        }
    }

    fn order(&mut self, order: Order) {
        let token = self.restarts.as_ref().map_or(order.token, |restarts| restarts.mark(order.token));
        self.orders.push_back(Order { token, ..order });
    }

    /// What is under way to the services is lost; what they did not store is forgotten.
    pub(super) fn restart(&mut self, now: Instant) -> Result<(), CoresError> {
        let Some(restarts) = &mut self.restarts else { return Ok(()) };
        (self.server, self.aggregator) = restarts.restart(now, &self.aggregator, &self.ledger)?;
        self.backhaul.reconnect(now);
        Ok(())
    }

    fn forward(&mut self, now: Instant, uplink: Uplink) {
        if self.travel == Travel::Delayed {
            return self.backhaul.publish(now, uplink);
        }
        if self.backhaul.repeats(now) {
            self.receive(now, uplink.clone());
        }
        self.receive(now, uplink);
    }

    fn receive(&mut self, now: Instant, uplink: Uplink) {
        self.tell_aggregator(now, aggregator::Event::UplinkReceived { via: SERVICE, uplink });
    }

    pub(super) fn tell_aggregator(&mut self, now: Instant, event: aggregator::Event) {
        self.aggregator.handle(now, event);
        while let Some(action) = self.aggregator.poll_action() {
            match (action, self.travel) {
                (aggregator::Action::Append(record), _) => self.ledger.push(record),
                (aggregator::Action::Acknowledge(receipt), travel) => {
                    receipt.downlink.iter().for_each(|downlink| self.note_sealed(downlink));
                    match travel {
                        Travel::Direct => self.settle(now, receipt),
                        Travel::Delayed => self.backhaul.acknowledge(now, receipt),
                    }
                }
                // A direct backhaul brings nothing again.
                (aggregator::Action::PutOff(_), Travel::Direct) => {}
                (aggregator::Action::PutOff(id), Travel::Delayed) => self.backhaul.put_off(now, id),
            }
        }
    }

    pub(super) fn deliver(&mut self, now: Instant) {
        while let Some(arrived) = self.backhaul.arrived(now) {
            match arrived {
                Arrived::Uplink(uplink) => self.receive(now, uplink),
                Arrived::Receipt(receipt) => self.settle(now, receipt),
            }
        }
    }
}
