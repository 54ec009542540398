//! A connection of the link layer: two ends, and their connection events (Core Specification 5.4, Vol 6, Part B, 4.5).
//!
//! In each event the central sends first, and the peripheral answers after the inter-frame space; they go on in turn
//! while either says that it has more and the event may last. What is not received closes the event. Every PDU, empty
//! ones too, has a sequence number, and the number that its sender expects next: a PDU is sent again until the other
//! end asks for the next (4.5.9).
use super::parameters::Parameters;
use super::pdu::{End, Hearing, Held, Pdu, Repetition, Sent};
use chirrup_protocol::ble::airtime::{Encryption, INTER_FRAME_SPACE, pdu_airtime};
use chirrup_protocol::time::{Duration, Instant};
use std::collections::VecDeque;

/// A connection whose first PDU does not come in so many intervals is given up (4.5.2).
const INTERVALS_TO_ESTABLISH: u64 = 6;
/// Tolerance of both sleep clocks together, in parts per million: 50 each, as crystals for them have.
const SLEEP_CLOCKS_PPM: u64 = 100;
/// Jitter of an active clock (Vol 6, Part B, 4.2.2), to be allowed for as well, in microseconds.
const JITTER_US: u64 = 16;

#[derive(Clone, Debug)]
struct Half {
    queue: VecDeque<Pdu>,
    /// Sent, not acknowledged.
    in_flight: Option<Pdu>,
    sequence: bool,
    expected: bool,
    lost_at: Instant,
}

impl Half {
    const fn new(lost_at: Instant) -> Self {
        Self { queue: VecDeque::new(), in_flight: None, sequence: false, expected: false, lost_at }
    }

    fn next(&mut self) -> (Pdu, Repetition) {
        if let Some(pdu) = &self.in_flight {
            return (pdu.clone(), Repetition::Again);
        }
        let pdu = self.queue.pop_front().unwrap_or(Pdu::Empty);
        self.in_flight = Some(pdu.clone());
        (pdu, Repetition::First)
    }

    /// The PDU if it is new.
    fn receive(&mut self, other: &Self, pdu: Pdu) -> Option<Pdu> {
        if other.expected != self.sequence {
            self.sequence = !self.sequence;
            self.in_flight = None;
        }
        let is_new = other.sequence == self.expected;
        self.expected ^= is_new;
        (is_new && pdu != Pdu::Empty).then_some(pdu)
    }

    fn pending(&self) -> usize {
        self.queue.len() + usize::from(self.in_flight.as_ref().is_some_and(|pdu| *pdu != Pdu::Empty))
    }
}

/// Two connected ends.
#[derive(Clone, Debug)]
pub struct Connection {
    parameters: Parameters,
    anchor: Instant,
    /// The last anchor that the peripheral heard.
    heard_anchor: Instant,
    central: Half,
    peripheral: Half,
    /// Events since the peripheral last heard one, those alone that it left out.
    left_out: u16,
}

impl Connection {
    /// A connection whose first event is at `anchor`.
    pub fn new(parameters: Parameters, created: Instant, anchor: Instant) -> Self {
        let lost_at = created + parameters.interval().saturating_mul(INTERVALS_TO_ESTABLISH);
        Self {
            parameters,
            anchor,
            heard_anchor: created,
            central: Half::new(lost_at),
            peripheral: Half::new(lost_at),
            // Until it has heard the first event it leaves none out.
            left_out: parameters.latency,
        }
    }

    /// When the next event begins.
    pub const fn anchor(&self) -> Instant {
        self.anchor
    }

    /// Has an end send something, after what it has to send already.
    pub fn push(&mut self, end: End, pdu: Pdu) {
        self.half_mut(end).queue.push_back(pdu);
    }

    /// PDUs that an end has to send or to have acknowledged, without empty ones.
    pub fn pending(&self, end: End) -> usize {
        self.half(end).pending()
    }

    /// When an end will take the connection for lost if it hears nothing more.
    pub const fn lost_at(&self, end: End) -> Instant {
        self.half(end).lost_at
    }

    const fn half(&self, end: End) -> &Half {
        match end {
            End::Central => &self.central,
            End::Peripheral => &self.peripheral,
        }
    }

    const fn half_mut(&mut self, end: End) -> &mut Half {
        match end {
            End::Central => &mut self.central,
            End::Peripheral => &mut self.peripheral,
        }
    }

    /// Holds the event that is due. `lost` says of the payload's length whether a PDU gets lost.
    ///
    /// A central that has taken the connection for lost is silent.
    pub fn hold_event(&mut self, lost: &mut impl FnMut(usize) -> bool) -> Held {
        let start = self.anchor;
        if self.central.lost_at <= start {
            return self.miss_event();
        }
        self.anchor = start + self.parameters.interval();
        let attends = self.attends();
        let mut held = Held::begun(start);
        if attends {
            held.listened = self.widening(start);
        }
        let end = start + Duration::from_micros(self.parameters.event_us);
        let mut at = start;
        while self.exchange(&mut at, attends, lost, &mut held) {
            at = at + INTER_FRAME_SPACE;
            if at + self.longest_pair() > end {
                break;
            }
        }
        held
    }

    /// Lets the event that is due pass with a silent central: the peripheral listens in vain.
    pub fn miss_event(&mut self) -> Held {
        let start = self.anchor;
        self.anchor = start + self.parameters.interval();
        let mut held = Held::begun(start);
        if self.attends() {
            let widening = self.widening(start);
            held.listened = widening + widening + pdu_airtime(0, Encryption::Off);
        }
        held
    }

    /// Whether the peripheral listens to the event that is due.
    fn attends(&mut self) -> bool {
        let attends = self.peripheral.pending() > 0 || self.left_out >= self.parameters.latency;
        self.left_out += u16::from(!attends);
        attends
    }

    /// How long before the anchor a peripheral listens (4.2.4): the clocks may have drifted since it heard the last
    /// one.
    fn widening(&self, start: Instant) -> Duration {
        let since_us = (start - self.heard_anchor).as_micros();
        Duration::from_micros((since_us * SLEEP_CLOCKS_PPM).div_ceil(1_000_000) + JITTER_US)
    }

    /// How long the central's next PDU and the longest possible answer take.
    fn longest_pair(&self) -> Duration {
        let head = self.central.in_flight.as_ref().or(self.central.queue.front());
        let first = head.map_or(pdu_airtime(0, Encryption::Off), Pdu::airtime);
        first + INTER_FRAME_SPACE + self.parameters.longest_pdu()
    }

    /// A PDU each way. Whether there should be more in this event.
    fn exchange(
        &mut self,
        at: &mut Instant,
        attends: bool,
        lost: &mut impl FnMut(usize) -> bool,
        held: &mut Held,
    ) -> bool {
        if !self.send(End::Central, at, attends, lost, held) {
            return false;
        }
        *at = *at + INTER_FRAME_SPACE;
        let central_has_more = !self.central.queue.is_empty();
        self.send(End::Peripheral, at, true, lost, held)
            && (central_has_more || !self.peripheral.queue.is_empty())
    }

    /// One PDU. Whether the other end got it.
    fn send(
        &mut self,
        from: End,
        at: &mut Instant,
        attended: bool,
        lost: &mut impl FnMut(usize) -> bool,
        held: &mut Held,
    ) -> bool {
        let start = *at;
        let (pdu, again) = self.half_mut(from).next();
        *at = start + pdu.airtime();
        held.end = *at;
        let heard = match attended {
            false => Hearing::Unattended,
            true if lost(pdu.payload_bytes()) => Hearing::Lost,
            true => Hearing::Heard,
        };
        if from == End::Central && attended {
            held.listened += pdu.airtime();
        }
        held.sent.push(Sent { at: start, from, pdu: pdu.clone(), again, heard });
        if heard == Hearing::Heard {
            self.receive(from, *at, pdu, held);
        }
        heard == Hearing::Heard
    }

    fn receive(&mut self, from: End, at: Instant, pdu: Pdu, held: &mut Held) {
        let lost_at = at + self.parameters.supervision();
        match from {
            End::Central => {
                self.heard_anchor = self.anchor.saturating_sub(self.parameters.interval());
                self.left_out = 0;
                self.peripheral.lost_at = lost_at;
                held.to_peripheral.extend(self.peripheral.receive(&self.central, pdu).map(|pdu| (at, pdu)));
            }
            End::Peripheral => {
                self.central.lost_at = lost_at;
                held.to_central.extend(self.central.receive(&self.peripheral, pdu).map(|pdu| (at, pdu)));
            }
        }
    }
}

#[cfg(test)]
mod tests;
