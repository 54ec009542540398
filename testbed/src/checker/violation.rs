//! A broken invariant: who broke it, when, and by how much.
use crate::radio::{GatewayIndex, NodeIndex, Transmitter};
use chirrup_aggregator::core::version::ContributionId;
use chirrup_protocol::ids::{DevAddr, DevEui};
use chirrup_protocol::seal::Direction;
use chirrup_protocol::time::Instant;

/// What a checker found.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Violation {
    /// A transmitter used more of an hour than its sub-band allows.
    #[error("{} used {ratio:.4} of the duty cycle of sub-band {sub_band} in the hour before {}", name(.transmitter), clock(.ends_at))]
    DutyCycle {
        /// Who.
        transmitter: Transmitter,
        /// Index of the sub-band in its region.
        sub_band: usize,
        /// The end of the fullest hour.
        ends_at: Instant,
        /// Time on air over what is allowed.
        ratio: f64,
    },
    /// A node occupied a channel for longer than the region allows.
    #[error("{} used {ratio:.4} of the dwell time of {frequency_hz} Hz in the window before {}", name(.transmitter), clock(.ends_at))]
    Dwell {
        /// Who.
        transmitter: Transmitter,
        /// The channel, in Hz.
        frequency_hz: u32,
        /// The end of the fullest window.
        ends_at: Instant,
        /// Time on air over what is allowed.
        ratio: f64,
    },
    /// Frames were sent where no sub-band is.
    #[error("{frames} frames outside of all sub-bands")]
    OutsideBands {
        /// How many.
        frames: u64,
    },
    /// A counter of LoRaWAN was used twice, or went back, under one session.
    #[error("{} sent FCnt {have} after {last} of {dev_addr} at {}", name(.transmitter), clock(.at))]
    FrameCounter {
        /// Who sent it.
        transmitter: Transmitter,
        /// The session's address.
        dev_addr: DevAddr,
        /// The last counter on the air, its low 16 bits.
        last: u16,
        /// The counter now.
        have: u16,
        /// When the frame began.
        at: Instant,
    },
    /// A node used an address that no join can have given it.
    #[error("node {} speaks as {dev_addr} without a join at {}", .node.0, clock(.at))]
    SessionWithoutJoin {
        /// Which node.
        node: NodeIndex,
        /// The address.
        dev_addr: DevAddr,
        /// When.
        at: Instant,
    },
    /// A node used a DevNonce twice.
    #[error("node {} used DevNonce {dev_nonce} twice, again at {}", .node.0, clock(.at))]
    DevNonce {
        /// Which node.
        node: NodeIndex,
        /// The nonce.
        dev_nonce: u16,
        /// When it came again.
        at: Instant,
    },
    /// The same JoinAccept was sent twice.
    #[error("gateway {} sent a JoinAccept twice, again at {}", .gateway.0, clock(.at))]
    JoinAccept {
        /// Which gateway sent it the second time.
        gateway: GatewayIndex,
        /// When it came again.
        at: Instant,
    },
    /// A downlink to an address that no node has used.
    #[error("gateway {} sent to {dev_addr} at {}, which no node has used", .gateway.0, clock(.at))]
    DownlinkToNobody {
        /// Which gateway.
        gateway: GatewayIndex,
        /// The address.
        dev_addr: DevAddr,
        /// When.
        at: Instant,
    },
    /// Bytes that are no LoRaWAN frame of their direction.
    #[error("{} sent {phy_bytes} bytes that are no frame of its direction at {}", name(.transmitter), clock(.at))]
    NotAFrame {
        /// Who.
        transmitter: Transmitter,
        /// How many bytes.
        phy_bytes: usize,
        /// When.
        at: Instant,
    },
    /// A counter of a seal was used twice, or went back, in one epoch.
    #[error("seal counter {have} (low 16 bits) after {last} of {dev_eui}, epoch {epoch}, {direction:?}")]
    Nonce {
        /// Whose key.
        dev_eui: DevEui,
        /// Which way.
        direction: Direction,
        /// The key's epoch.
        epoch: u32,
        /// The last counter.
        last: u64,
        /// The low bits of the one now.
        have: u16,
    },
    /// A frame sealed in another epoch than the last one or the next.
    #[error("epoch with key id {key_id} after epoch {epoch} of {dev_eui}, {direction:?}")]
    Epoch {
        /// Whose key.
        dev_eui: DevEui,
        /// Which way.
        direction: Direction,
        /// The epoch before.
        epoch: u32,
        /// The key id now.
        key_id: u8,
    },
    /// The ledger holds a frame that its node never sealed.
    #[error("a frame on port {fport} was accepted at {} that {dev_eui} never sealed", clock(.at))]
    NeverSealed {
        /// Who should have.
        dev_eui: DevEui,
        /// Its port.
        fport: u8,
        /// When it was accepted.
        at: Instant,
    },
    /// The ledger holds a frame twice.
    #[error("frame {counter} of epoch {epoch} of {dev_eui} was accepted twice, again at {}", clock(.at))]
    AcceptedTwice {
        /// Who sealed it.
        dev_eui: DevEui,
        /// Its epoch.
        epoch: u32,
        /// Its counter.
        counter: u64,
        /// When it was accepted again.
        at: Instant,
    },
    /// A version names a contribution that an earlier one counted, or twice.
    #[error("version {version} counts {id:?} again")]
    CountedTwice {
        /// The version.
        version: u32,
        /// The contribution.
        id: ContributionId,
    },
    /// A version names a contribution that did not arrive.
    #[error("version {version} counts {id:?}, which did not arrive")]
    NeverArrived {
        /// The version.
        version: u32,
        /// The contribution.
        id: ContributionId,
    },
    /// A version leaves out a contribution that waited for it.
    #[error("version {version} leaves out {id:?}")]
    LeftOut {
        /// The version.
        version: u32,
        /// The contribution.
        id: ContributionId,
    },
    /// A version is not what its closing record gives.
    #[error("version {version}, closed at {}, has hash {} where its record gives {}", clock(.at), hex::encode(.have), hex::encode(.oracle))]
    Version {
        /// The version.
        version: u32,
        /// When it closed.
        at: Instant,
        /// Its hash in the ledger.
        have: [u8; 32],
        /// What the oracle computes.
        oracle: [u8; 32],
    },
    /// A closing record does not follow from the one before it.
    #[error("version {version} follows version {last} with another parent or number")]
    Chain {
        /// The version.
        version: u32,
        /// The one before it.
        last: u32,
    },
    /// A node runs a model that is not the one that was published under its number.
    #[error("node {} runs as version {version} what was not published as such, since {}", .node.0, clock(.at))]
    UnknownModel {
        /// Which node.
        node: NodeIndex,
        /// The number that it takes it for.
        version: u32,
        /// Since when.
        at: Instant,
    },
}

fn name(transmitter: &Transmitter) -> String {
    match transmitter {
        Transmitter::Node(NodeIndex(node)) => format!("node {node}"),
        Transmitter::Gateway(GatewayIndex(gateway)) => format!("gateway {gateway}"),
    }
}

fn clock(at: &Instant) -> String {
    format!("{:.3} s", at.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_says_who_when_and_by_how_much() {
        let duty = Violation::DutyCycle {
            transmitter: Transmitter::Node(NodeIndex(3)),
            sub_band: 1,
            ends_at: Instant::from_micros(7_200_500_000),
            ratio: 1.25,
        };
        let text = "node 3 used 1.2500 of the duty cycle of sub-band 1 in the hour before 7200.500 s";
        assert_eq!(duty.to_string(), text);
        let never = Violation::NeverSealed {
            dev_eui: DevEui::from_u64(0xab),
            fport: 1,
            at: Instant::from_micros(1_000),
        };
        let text = "a frame on port 1 was accepted at 0.001 s that 00000000000000ab never sealed";
        assert_eq!(never.to_string(), text);
    }
}
