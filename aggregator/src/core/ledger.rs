//! What the aggregator writes down, in order. Its state is a function of the federation and these records.
use super::version::ContributionId;
use chirrup_protocol::backhaul::Uplink;
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::time::Instant;
use serde::{Deserialize, Serialize};

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// A frame whose seal verified and whose number was new, still sealed.
    Frame {
        /// When it was accepted, by the aggregator's clock.
        at: Instant,
        /// The frame.
        uplink: Uplink,
    },
    /// The moments taken in so far became the scale of the task.
    ScaleSettled(ScaleSettled),
    /// Contributions became a version.
    Closing(Closing),
    /// Downlink counters of a device and epoch below `limit` may be in use.
    DownlinkCounters {
        /// The device.
        dev_eui: DevEui,
        /// The epoch, which a frame before it has shown.
        epoch: u32,
        /// One beyond the last reserved counter.
        limit: u64,
    },
}

/// The scale was settled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScaleSettled {
    /// When.
    pub at: Instant,
    /// SHA-256 of the task object that followed.
    pub hash: [u8; 32],
}

/// A version's closing record: with the parent and the contributions it names, all there is to the version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Closing {
    /// When.
    pub at: Instant,
    /// Number of the version.
    pub version: u32,
    /// Hash of the version before.
    pub parent: [u8; 32],
    /// What went in, in ascending order.
    pub contributions: Vec<ContributionId>,
    /// Hash of the version that followed.
    pub hash: [u8; 32],
}

/// A record does not follow from those before it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReplayError {
    /// A frame that was accepted once is refused now.
    #[error("frame {counter_low} of {dev_eui} is refused: {reason}")]
    FrameRefused {
        /// Who sent it.
        dev_eui: DevEui,
        /// Low bits of its counter.
        counter_low: u16,
        /// Why.
        reason: super::Reject,
    },
    /// Downlink counters of an epoch that no frame before them has shown.
    #[error("downlinks of {dev_eui} in epoch {epoch}, its frames end with {known}")]
    UnknownEpoch {
        /// The device.
        dev_eui: DevEui,
        /// The epoch.
        epoch: u32,
        /// The highest known.
        known: u32,
    },
    /// A closing record names a contribution that did not arrive before it.
    #[error("version {version} names a contribution that is not in the ledger: {id:?}")]
    UnknownContribution {
        /// The version.
        version: u32,
        /// The contribution.
        id: ContributionId,
    },
    /// A closing record names its contributions out of order, or one of them twice.
    #[error("version {version} does not name its contributions in ascending order")]
    Unordered {
        /// The version.
        version: u32,
    },
    /// A closing record does not continue the chain.
    #[error("version {version} does not follow version {current}")]
    BrokenChain {
        /// The version it names.
        version: u32,
        /// The version there is.
        current: u32,
    },
    /// The same contributions gave another version.
    #[error("{what} {version} has another hash than its record says")]
    WrongHash {
        /// Version or task.
        what: &'static str,
        /// Which one.
        version: u32,
    },
    /// The object could not be made.
    #[error("{0}")]
    Object(String),
}
