//! BLE as a link: a node that advertises when it has something to say (`protocol/SPEC.md`, chapter 14).
//!
//! ```text
//!   asleep ── Transmit ──> advertising ── a gateway connects ──> connected: fragments up, one frame down
//!     ^                        │ nobody did                              │ answered, or not in time
//!     └──── UplinkRefused ─────┴──────────── UplinkSent <── disconnect <─┘
//! ```
//! A frame whose answer does not come is told to the agent as one that failed: it says the same again, under the same
//! number, so that it counts once even if the frame had arrived.
//!
//! [`Peripheral`] is the little that is needed of a BLE stack; [`exchange()`] moves one frame each way; [`driver`] runs
//! an agent. No executor is assumed, no clock is read, and no memory taken but that of the futures.
//!
//! What it deliberately does not do: pairing and encryption of the link (frames are sealed end to end), and a node that
//! is a central.
pub mod driver;
pub mod exchange;
#[cfg(test)]
mod tests;

pub use driver::{Driver, Limits};
pub use exchange::{Answer, ExchangeError, exchange};

use chirrup_protocol::ble::Mtu;
use chirrup_protocol::time::Duration;

/// What a node needs of its BLE stack: the service of SPEC's chapter 14 on a peripheral.
#[allow(async_fn_in_trait)]
pub trait Peripheral {
    /// Why the link failed.
    type Error;

    /// Advertises until a central has connected and subscribed, at most for `longest`. What the connection's MTU allows
    /// beyond [`Mtu::MOST`] is not used.
    ///
    /// # Errors
    /// Nobody connected, or the connection failed before it was ready.
    async fn connect(&mut self, longest: Duration) -> Result<Mtu, Self::Error>;

    /// Hands over the value of a notification; waits while the stack has no room for it.
    ///
    /// # Errors
    /// The connection has ended.
    async fn notify(&mut self, value: &[u8]) -> Result<(), Self::Error>;

    /// Waits for the next write, at most for `longest`, and returns its length in `buffer`.
    ///
    /// # Errors
    /// The connection has ended, or nothing came.
    async fn written(&mut self, longest: Duration, buffer: &mut [u8]) -> Result<usize, Self::Error>;

    /// Ends the connection, if there is one.
    async fn disconnect(&mut self);
}
