//! What the two ends of every connection agree on, and how a central looks for nodes.
use chirrup_protocol::ble::Mtu;
use chirrup_protocol::ble::airtime::{Encryption, INTER_FRAME_SPACE, L2CAP_HEADER_BYTES, pdu_airtime};
use chirrup_protocol::time::Duration;

/// Timing of connections, advertising and scanning. The same for all nodes and gateways of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Parameters {
    /// From one connection event to the next: 7.5 ms to 4 s, in steps of 1.25 ms.
    pub interval_us: u64,
    /// Longest connection event. A central gives each connection so much of every interval.
    pub event_us: u64,
    /// Connection events that a node with nothing to say may leave out in a row.
    pub latency: u16,
    /// Silence after which an end takes the connection for lost.
    pub supervision_us: u64,
    /// ATT MTU.
    pub mtu: Mtu,
    /// From one advertising event to the next, before the random delay of up to 10 ms.
    pub advertising_us: u64,
    /// How long a central listens on one advertising channel before the next.
    pub scan_interval_us: u64,
    /// For how much of that it listens at all.
    pub scan_window_us: u64,
}

impl Default for Parameters {
    /// 30 ms, the interval that phones and gateways commonly grant; the other defaults of the section `[ble]`.
    fn default() -> Self {
        Self {
            interval_us: 30_000,
            event_us: 7_500,
            latency: 0,
            supervision_us: 4_000_000,
            mtu: Mtu::MOST,
            advertising_us: 100_000,
            scan_interval_us: 50_000,
            scan_window_us: 50_000,
        }
    }
}

impl Parameters {
    /// The connection interval.
    pub const fn interval(&self) -> Duration {
        Duration::from_micros(self.interval_us)
    }

    /// The time for so many fragments to a node that leaves out events, every other one lost.
    pub const fn time_for(&self, fragments: usize) -> Duration {
        self.interval().saturating_mul(self.latency as u64 + 2 * fragments as u64)
    }

    /// The supervision timeout.
    pub const fn supervision(&self) -> Duration {
        Duration::from_micros(self.supervision_us)
    }

    /// Payload of the longest PDU: a full fragment behind its headers.
    pub const fn longest_payload_bytes(&self) -> usize {
        L2CAP_HEADER_BYTES + self.mtu.bytes()
    }

    /// How long the longest PDU is on the air.
    pub const fn longest_pdu(&self) -> Duration {
        pdu_airtime(self.longest_payload_bytes(), Encryption::Off)
    }

    /// The shortest event in which both ends can say something of full length.
    pub fn least_event(&self) -> Duration {
        self.longest_pdu() + INTER_FRAME_SPACE + self.longest_pdu()
    }

    /// Connections that a central can keep at once: events of one interval do not overlap.
    pub const fn slots(&self) -> usize {
        (self.interval_us / self.event_us) as usize
    }

    /// The PDUs of either end that prepare a connection, a request of the central and its answer each, in bytes of
    /// payload: LL_LENGTH_REQ and _RSP (Core Specification 5.4, Vol 6, Part B, 2.4.2.21), Exchange MTU (Vol 3, Part F,
    /// 3.4.2) and the write that subscribes (3.4.5.1). The first two are left out where the least is enough.
    pub fn set_up(&self) -> &'static [(u8, u8)] {
        const LENGTH: (u8, u8) = (9, 9);
        const EXCHANGE_MTU: (u8, u8) = (7, 7);
        const SUBSCRIBE: (u8, u8) = (9, 5);
        if self.mtu == Mtu::LEAST { &[SUBSCRIBE] } else { &[LENGTH, EXCHANGE_MTU, SUBSCRIBE] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_central_keeps_as_many_connections_as_events_fit_an_interval() {
        let parameters = Parameters::default();
        assert_eq!(parameters.slots(), 4);
        assert_eq!(Parameters { event_us: 30_000, ..parameters }.slots(), 1);
        assert_eq!(parameters.longest_pdu().as_micros(), 2_088);
        assert_eq!(parameters.least_event().as_micros(), 4_326);
    }
}
