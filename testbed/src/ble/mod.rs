//! Bluetooth Low Energy as a link: how a node's sealed frames reach a gateway nearby.
//!
//! ```text
//!  node (peripheral)                               gateway (central)
//!  advertises on 37, 38, 39, each interval         scans one channel after another
//!          ADV_IND ------------------------------> hears it, has a free slot
//!                   <----------------------------- CONNECT_IND
//!  each connection interval one event, the central first; what was not heard is sent again in the next
//!          set-up: length, MTU, subscription
//!          fragments of a frame up --------------> reassembled, forwarded
//!                   <----------------------------- fragments of the answer
//!          LL_TERMINATE_IND ---------------------> free for the next node
//! ```
//! What is modelled: LE 1M, uncoded, to the microsecond; path loss and shadowing at 2.4 GHz, and the loss of a PDU by
//! its length and level; advertisements that collide; the central's schedule, which serves one connection event at a
//! time and scans between; sequence numbers and repetition; peripheral latency; the supervision timeout; energy. What
//! is not: other users of the band (`ble.loss` stands for them), channel hopping and fading with it, connections of
//! neighbouring gateways that meet on a channel, a connection that moves from gateway to gateway, the link's own
//! encryption, the discovery of services (the central remembers them).
//!
//! Reading order: [`parameters`]; [`link`] says how often a PDU is lost; [`pdu`] and [`connection`] are two ends and
//! their events; [`central`] the schedule of a gateway; [`energy`] and [`books`] keep count; [`air`] connects all this
//! to the kernel, and [`peripheral`] is a node's radio on it.
pub mod air;
pub mod books;
pub mod central;
pub mod connection;
pub mod energy;
pub mod link;
pub mod parameters;
pub mod pdu;
pub mod peripheral;
mod state;
#[cfg(test)]
mod tests;

pub use air::{BleAir, BleReport, ConnectionId};
pub use books::{Books, NodeBook};
pub use link::{Budget, Links};
pub use parameters::Parameters;
pub use peripheral::VirtualPeripheral;
