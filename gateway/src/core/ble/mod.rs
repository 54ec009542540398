//! The gateway's end of BLE, beside the network server and by the same contract (`protocol/SPEC.md`, chapter 14).
//!
//! ```text
//! Connected -> Notified .. Notified: a frame is whole -> Forward, and wait for the receipt
//!     ReceiptReceived -> Write what it brings, or what waited, or that there is nothing
//!     too long without one -> Write what waited, or that there is nothing
//! Disconnected, or idle for too long (HangUp) -> forgotten; a downlink that waits is kept
//! ```
//! [`Endpoint`] takes notifications apart and puts downlinks together; whatever scans, connects and subscribes is the
//! service's. It knows no seal: who sends garbage under a device's name is found out by the aggregator.
//!
//! Modules: `event` is the interface, `counters` what happened how often, `endpoint` the machine.
mod counters;
mod endpoint;
mod event;
#[cfg(test)]
mod tests;

pub use counters::{Counters, Reason};
pub use endpoint::Endpoint;
pub use event::{Action, Config, ConnectionId, Event};
