//! The medium under the kernel: what tasks and the run loop hold.
//!
//! Tasks transmit and listen; the run loop passes every [`RadioEvent`] that comes due to [`Air::handle`] and acts on
//! what it reports. A frame on the air ends by itself, whether or not the task that sent it still lives.
use super::downlinks::{DownlinkTicket, WindowTicket};
use super::emission::{Emission, RadioError};
use super::medium::Medium;
use super::outcome::Verdict;
use super::records::AirRecords;
use super::uplinks::UplinkTicket;
use super::windows::{DownlinkHeard, Window, WindowState};
use super::{GatewayIndex, NodeIndex};
use crate::kernel::{Clock, Scheduler};
use chirrup_protocol::airtime::Modulation;
use chirrup_protocol::time::{Duration, Instant};
use std::cell::{Ref, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Something on the air that is due. To be passed to [`Air::handle`], once, when the kernel returns it.
#[derive(Debug)]
pub enum RadioEvent {
    /// An uplink ends.
    UplinkEnds(UplinkTicket),
    /// A gateway is to begin a downlink.
    DownlinkBegins(DownlinkRequest),
    /// A downlink ends.
    DownlinkEnds(DownlinkTicket),
}

/// A downlink that a gateway is to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownlinkRequest {
    /// The network server's name for it, for [`RadioReport::DownlinkRefused`].
    pub token: u64,
    /// Which gateway.
    pub gateway: GatewayIndex,
    /// What.
    pub emission: Emission,
}

/// How a gateway received an uplink.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reception {
    /// Which gateway.
    pub gateway: GatewayIndex,
    /// Received power in dBm.
    pub rssi_dbm: f64,
    /// Signal-to-noise ratio in dB.
    pub snr_db: f64,
}

/// An uplink that at least one gateway received.
#[derive(Clone, Debug, PartialEq)]
pub struct UplinkHeard {
    /// Who sent it (a network server does not know).
    pub node: NodeIndex,
    /// When its last symbol arrived.
    pub ended_at: Instant,
    /// Centre frequency in Hz.
    pub frequency_hz: u32,
    /// Modulation.
    pub modulation: Modulation,
    /// The PHY payload.
    pub phy: Vec<u8>,
    /// The gateways that received it, in order of their index; never empty.
    pub receptions: Vec<Reception>,
}

/// What the network server is to learn of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum RadioReport {
    /// An uplink was received.
    UplinkHeard(UplinkHeard),
    /// A gateway did not send a downlink.
    DownlinkRefused {
        /// Which one.
        token: u64,
        /// Why.
        error: RadioError,
    },
}

/// The air of a run. Clones share it. `E` is the kernel's event type.
pub struct Air<E> {
    medium: Rc<RefCell<Medium>>,
    scheduler: Scheduler<E>,
}

impl<E> Clone for Air<E> {
    fn clone(&self) -> Self {
        Self { medium: Rc::clone(&self.medium), scheduler: self.scheduler.clone() }
    }
}

impl<E: From<RadioEvent>> Air<E> {
    /// A medium whose events go through this scheduler.
    pub fn new(medium: Medium, scheduler: Scheduler<E>) -> Self {
        Self { medium: Rc::new(RefCell::new(medium)), scheduler }
    }

    /// The medium, to read. The guard must not be kept across a step of the kernel.
    pub fn medium(&self) -> Ref<'_, Medium> {
        self.medium.borrow()
    }

    /// Takes the records of every transmission out of the books.
    pub fn take_records(&self) -> AirRecords {
        self.medium.borrow_mut().log_mut().take_records()
    }

    /// The kernel's clock.
    pub const fn clock(&self) -> &Clock {
        self.scheduler.clock()
    }

    /// A node begins to transmit. Returns when the frame ends.
    ///
    /// # Errors
    /// When the modem cannot send that.
    pub fn begin_uplink(&self, node: NodeIndex, emission: Emission) -> Result<Instant, RadioError> {
        let (ticket, end) = self.medium.borrow_mut().begin_uplink(self.clock().now(), node, emission)?;
        self.scheduler.schedule(end, RadioEvent::UplinkEnds(ticket).into());
        Ok(end)
    }

    /// The power of a node fails: the frame that it is sending, if it is, is broken off.
    pub fn cut_uplink(&self, node: NodeIndex) {
        self.medium.borrow_mut().cut_uplink(self.clock().now(), node);
    }

    /// Has a gateway transmit at `at`.
    ///
    /// # Errors
    /// When that time has passed. A gateway that is busy then is reported by [`Air::handle`].
    pub fn schedule_downlink(&self, at: Instant, request: DownlinkRequest) -> Result<(), RadioError> {
        let now = self.clock().now();
        if at < now {
            return Err(RadioError::TooLate { due: at, now });
        }
        self.scheduler.schedule(at, RadioEvent::DownlinkBegins(request).into());
        Ok(())
    }

    /// Carries out an event that is due.
    pub fn handle(&self, event: RadioEvent) -> Option<RadioReport> {
        match event {
            RadioEvent::UplinkEnds(ticket) => self.end_uplink(ticket).map(RadioReport::UplinkHeard),
            RadioEvent::DownlinkBegins(DownlinkRequest { token, gateway, emission }) => self
                .begin_downlink(gateway, emission)
                .err()
                .map(|error| RadioReport::DownlinkRefused { token, error }),
            RadioEvent::DownlinkEnds(ticket) => {
                self.medium.borrow_mut().end_downlink(ticket);
                None
            }
        }
    }

    fn end_uplink(&self, ticket: UplinkTicket) -> Option<UplinkHeard> {
        let mut medium = self.medium.borrow_mut();
        let ended = medium.end_uplink(ticket);
        let receptions: Vec<_> = (0..).zip(ended.verdicts).filter_map(reception).collect();
        let Emission { frequency_hz, modulation, phy, .. } = ended.emission;
        let ended_at = self.clock().now();
        (!receptions.is_empty()).then_some(UplinkHeard {
            node: ended.node,
            ended_at,
            frequency_hz,
            modulation,
            phy,
            receptions,
        })
    }

    fn begin_downlink(&self, gateway: GatewayIndex, emission: Emission) -> Result<(), RadioError> {
        let medium = &mut *self.medium.borrow_mut();
        let (ticket, end) = medium.begin_downlink(self.clock().now(), gateway, emission)?;
        let holders: Vec<_> = medium.holders(&ticket).collect();
        // The end comes first, so that the receivers find the result when they run.
        self.scheduler.schedule(end, RadioEvent::DownlinkEnds(ticket).into());
        holders.into_iter().for_each(|task| self.clock().wake_at(task, end));
        Ok(())
    }

    /// Switches a node's receiver on for at most `longest`, or until it has received a frame. `None` when it has
    /// heard nothing, or nothing whole. Dropping the future switches the receiver off.
    ///
    /// # Panics
    /// Outside of a task.
    pub fn listen(
        &self,
        node: NodeIndex,
        frequency_hz: u32,
        modulation: Modulation,
        longest: Duration,
    ) -> Listening<E> {
        let clock = self.clock();
        let (task, open) = (clock.running_task(), clock.now());
        let close = open + longest;
        let mut medium = self.medium.borrow_mut();
        let window = Window { node, task, frequency_hz, modulation, open, close };
        let ticket = medium.open_window(window);
        match *medium.window_state(&ticket) {
            WindowState::Receiving { until } => clock.wake_at(task, until),
            _ => clock.wake_at(task, close),
        }
        drop(medium);
        Listening { air: self.clone(), ticket, close }
    }
}

fn reception((index, verdict): (u16, &Verdict)) -> Option<Reception> {
    match *verdict {
        Verdict::Delivered { rssi_dbm, snr_db } => {
            Some(Reception { gateway: GatewayIndex(index), rssi_dbm, snr_db })
        }
        Verdict::Lost(_) => None,
    }
}

/// The future of [`Air::listen`].
#[must_use = "a receiver listens only while it is awaited"]
pub struct Listening<E> {
    air: Air<E>,
    ticket: WindowTicket,
    close: Instant,
}

impl<E> Future for Listening<E> {
    type Output = Option<DownlinkHeard>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        let medium = self.air.medium.borrow();
        match medium.window_state(&self.ticket) {
            WindowState::Received(heard) => Poll::Ready(Some(heard.clone())),
            WindowState::Destroyed => Poll::Ready(None),
            WindowState::Listening if self.air.scheduler.clock().now() >= self.close => Poll::Ready(None),
            WindowState::Listening | WindowState::Receiving { .. } => Poll::Pending,
        }
    }
}

impl<E> Drop for Listening<E> {
    fn drop(&mut self) {
        let now = self.air.scheduler.clock().now();
        self.air.medium.borrow_mut().close_window(&self.ticket, now);
    }
}
