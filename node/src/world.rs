//! What surrounds a node's agent, whichever link it speaks over.
use crate::agent::{Agent, AgentSnapshot, Uplink};
use chirrup_protocol::time::Instant;

/// What a node is surrounded by: a clock, a sensor, a battery, storage.
#[allow(async_fn_in_trait)]
pub trait World {
    /// Why a snapshot could not be stored.
    type StoreError;

    /// The time, by a clock that may be set.
    fn now(&self) -> Instant;

    /// Time since the start, by a count that nothing sets and that runs while the node sleeps. The duty cycle is kept
    /// by it: were it to jump forward, the guard would take airtime that was used a moment ago for long past.
    fn uptime(&self) -> Instant;

    /// Waits for the next sample, at most until `deadline`. Writes the sample to `features` and returns its label;
    /// `None` when the deadline came first.
    async fn next_sample(&mut self, deadline: Instant, features: &mut [f32]) -> Option<usize>;

    /// 0 external power, 1 to 254 from empty to full, 255 unknown.
    fn battery(&self) -> u8;

    /// Makes the agent's snapshot durable.
    async fn store(&mut self, snapshot: &AgentSnapshot) -> Result<(), Self::StoreError>;

    /// Told of each sealed frame before it goes out, for logs and reports.
    fn transmits(&mut self, _uplink: &Uplink) {}

    /// Told after each exchange and each sample, for logs and reports.
    fn observe(&mut self, agent: &Agent<'_>);
}
