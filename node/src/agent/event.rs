//! What an agent is told, and what it wants done.
use super::snapshot::AgentSnapshot;
use chirrup_protocol::airtime::{LORAWAN_OVERHEAD_BYTES, frame_airtime};
use chirrup_protocol::ble::Mtu;
use chirrup_protocol::ble::airtime::{Encryption, uplink_airtime};
use chirrup_protocol::region::{ChannelGroup, ChannelPlan, DataRate, Region};
use chirrup_protocol::time::{Duration, Instant};
use heapless::Vec;

/// Largest sealed frame.
pub(super) const MAX_FRAME_BYTES: usize = 242;

/// The link as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Whether there is a session.
    pub joined: bool,
    /// What carries frames.
    pub bearer: Bearer,
    /// The data rate of the next frame, of those of LoRaWAN.
    pub data_rate: DataRate,
    /// Largest payload that the next frame can carry.
    pub max_payload_bytes: usize,
    /// Slowest data rate that may be used.
    pub lowest_data_rate: DataRate,
    /// 0 external power, 1 to 254 from empty to full, 255 unknown.
    pub battery: u8,
}

/// What carries a node's frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearer {
    /// LoRaWAN in a region.
    LoRaWan(Region),
    /// BLE, in fragments for this MTU.
    Ble(Mtu),
}

/// The longest wait between two attempts to join that failed, jitter aside.
pub(super) const LONGEST_JOIN_WAIT: Duration = Duration::from_secs(3_600);

impl Link {
    /// Whether a gateway hears only one of the groups of channels that a node asks to join on, in turn.
    pub(super) fn asks_in_groups(&self) -> bool {
        matches!(self.bearer, Bearer::LoRaWan(region) if region.channel_plan() == ChannelPlan::Fixed)
    }

    /// The longest wait between two attempts to join. In a region of fixed channels the whole pass over their groups
    /// takes what a single attempt takes elsewhere, and less airtime than one at SF12.
    pub(super) fn longest_join_wait(&self) -> Duration {
        if self.asks_in_groups() {
            // Eight groups of 125 kHz channels, and those of 500 kHz.
            Duration::from_micros(LONGEST_JOIN_WAIT.as_micros() / (ChannelGroup::COUNT as u64 + 1))
        } else {
            LONGEST_JOIN_WAIT
        }
    }

    /// Time on air of a frame with so many bytes of payload, seal included; `None` where the region has no such data
    /// rate.
    pub(super) fn airtime(&self, payload_bytes: usize) -> Option<Duration> {
        match self.bearer {
            Bearer::LoRaWan(region) => {
                let modulation = region.modulation(self.data_rate).ok()?;
                Some(frame_airtime(modulation, payload_bytes + LORAWAN_OVERHEAD_BYTES))
            }
            Bearer::Ble(mtu) => Some(uplink_airtime(payload_bytes, mtu, Encryption::Off)),
        }
    }
}

/// What happens to an agent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event<'a> {
    /// The sensor delivered a labelled sample, raw.
    SampleArrived {
        /// `[features]`.
        features: &'a [f32],
        /// 0 to `classes - 1`.
        label: usize,
    },
    /// A join succeeded.
    Joined,
    /// A join failed; the next one may not be tried before.
    JoinFailed {
        /// Set by the duty cycle.
        not_before: Instant,
    },
    /// The snapshot of [`Action::Store`] is durable.
    Stored,
    /// The snapshot of [`Action::Store`] could not be stored.
    StoreFailed,
    /// The frame of [`Action::Transmit`] went out, and this came back.
    UplinkSent {
        /// Its time on air.
        on_air: Duration,
        /// FPort and sealed payload of a downlink with data.
        downlink: Option<(u8, &'a [u8])>,
        /// Whether any authentic downlink came, with data or without.
        answered: bool,
    },
    /// The frame of [`Action::Transmit`] did not go out, and will not.
    UplinkRefused(Refusal),
}

/// Why a frame did not go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The duty cycle leaves no room before this time.
    NotBefore(Instant),
    /// The session has ended: join again.
    SessionLost,
    /// The radio or the storage failed.
    Failed,
}

/// What an agent wants done.
// An action lives on the stack until it is carried out, and a node has no heap to put its frame on.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Join the network, then report [`Event::Joined`] or [`Event::JoinFailed`].
    Join,
    /// Make a snapshot durable, then report [`Event::Stored`].
    Store(AgentSnapshot),
    /// Use another data rate from now on.
    UseDataRate(DataRate),
    /// Send a frame, then report [`Event::UplinkSent`] or [`Event::UplinkRefused`].
    Transmit(Uplink),
}

/// A sealed frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uplink {
    /// Its port.
    pub fport: u8,
    /// Its payload.
    pub payload: Vec<u8, MAX_FRAME_BYTES>,
    /// Whether the network should acknowledge it: asked for when nothing was heard for long.
    pub confirm: bool,
}
