//! What stands behind the air: network server and aggregator, in this process or in others.
use chirrup_gateway::core::{Heard, Transmission};
use chirrup_protocol::time::Instant;

/// Takes what concentrators heard, gives what they are to send. All calls come in the order of virtual time.
pub trait Backend {
    /// Why the run cannot go on.
    type Error;

    /// A concentrator heard a frame, which ended now.
    fn heard(&mut self, now: Instant, heard: Heard) -> Result<(), Self::Error>;

    /// A concentrator did not send what it was asked to.
    fn refused(&mut self, now: Instant, token: u64) -> Result<(), Self::Error>;

    /// When [`Backend::reached`] is due, if nothing happens before.
    fn next_deadline(&self) -> Option<Instant>;

    /// The deadline has come.
    fn reached(&mut self, now: Instant) -> Result<(), Self::Error>;

    /// The next frame to send.
    fn poll_transmission(&mut self) -> Option<Transmission>;
}
