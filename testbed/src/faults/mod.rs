//! What goes wrong on purpose: each fault of `docs/faults.md`, pure where that is possible, from streams of its own.
//!
//! - [`outages`]: periods in which something is off: gateways, the backhaul;
//! - [`mod@line`], [`backhaul`]: between network server and aggregator;
//! - [`flash`]: what a power cut leaves of a write; [`clock`]: what a node takes for the time;
//! - [`power`]: when nodes lose power, and at which moment;
//! - [`membership`]: nodes that come late and leave;
//! - [`frames`]: frames altered and sent again;
//! - [`byzantine`]: nodes that work against the others;
//! - [`injected`]: how often each of them struck.
pub mod backhaul;
pub mod byzantine;
pub mod clock;
pub mod flash;
pub mod frames;
pub mod injected;
pub mod line;
pub mod membership;
pub mod outages;
pub mod power;

pub use backhaul::Backhaul;
pub use clock::NodeClock;
pub use flash::Flash;
pub use injected::Injected;
pub use outages::Outages;
