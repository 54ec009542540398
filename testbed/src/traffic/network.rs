//! The real network server, with nobody behind it: it admits joins, checks and counts uplinks, acknowledges.
use crate::radio::RadioError;
use crate::simulation::backend::{Backend, Order, refusal};
use chirrup_gateway::core::{Action, Config, ConfigError, Counters, Event, Heard, NetworkServer, State};
use chirrup_protocol::time::Instant;
use std::collections::VecDeque;

/// A run in front of a network server failed.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The network server refuses its configuration.
    #[error("network server: {0}")]
    Config(#[from] ConfigError),
    /// A deadline did not move when it was reached.
    #[error("the deadline {at} was reached, and is due again")]
    StuckDeadline {
        /// The deadline.
        at: Instant,
    },
}

/// A network server and what it forwarded.
pub struct Network {
    server: NetworkServer,
    orders: VecDeque<Order>,
    /// Data frames that were authentic and new.
    pub received: u64,
    /// Application bytes in them.
    pub received_bytes: u64,
}

impl Network {
    /// A network server that goes on from `state`.
    ///
    /// # Errors
    /// When the configuration is none.
    pub fn new(config: Config, state: State) -> Result<Self, NetworkError> {
        let server = NetworkServer::new(config, state)?;
        Ok(Self { server, orders: VecDeque::new(), received: 0, received_bytes: 0 })
    }

    /// What it counted.
    pub fn counters(&self) -> &Counters {
        self.server.counters()
    }

    fn tell(&mut self, now: Instant, event: Event) {
        self.server.handle(now, event);
        while let Some(action) = self.server.poll_action() {
            match action {
                Action::Transmit(transmission) => self.orders.push_back(transmission.into()),
                Action::Forward(uplink) => {
                    self.received += 1;
                    self.received_bytes += uplink.payload.len() as u64;
                }
                // Nothing here loses its memory.
                Action::StoreDevice(_) | Action::ReserveUplinkIds { .. } | Action::StoreAirtime(_) => {}
            }
        }
    }
}

impl Backend for Network {
    type Error = NetworkError;

    fn heard(&mut self, now: Instant, heard: Heard) -> Result<(), NetworkError> {
        self.tell(now, Event::FrameHeard(heard));
        Ok(())
    }

    fn refused(&mut self, now: Instant, token: u64, error: RadioError) -> Result<(), NetworkError> {
        self.tell(now, Event::TransmissionRefused { token, refusal: refusal(error) });
        Ok(())
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.server.next_deadline()
    }

    fn reached(&mut self, now: Instant) -> Result<(), NetworkError> {
        self.tell(now, Event::DeadlineReached);
        match self.next_deadline() {
            Some(at) if at <= now => Err(NetworkError::StuckDeadline { at }),
            _ => Ok(()),
        }
    }

    fn poll_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }
}
