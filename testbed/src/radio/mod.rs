//! The simulated air: who hears which frame, how well, and why not.
//!
//! What is modelled: path loss by two models, antennas, shadowing by link or correlated in space; fading from frame to
//! frame; nodes that move; interferers; receivers' sensitivity; collisions under one of four published models; the
//! eight demodulators of a concentrator; its deafness while it transmits; receive windows of nodes, opened by a clock
//! that may be wrong; energy of nodes; independent checks of duty cycle and dwell time. What is not: fading within a frame or
//! across frequencies, the error of a crystal's carrier, Doppler shift, the capture of a demodulator by a collided
//! preamble, uplinks heard by nodes (inverted IQ keeps the directions apart).
//!
//! Reading order: [`geometry`], [`path_loss`], [`hata`], [`shadowing`], [`propagation`], [`links`], [`fading`] and
//! [`sensitivity`] say how strong a signal arrives; [`tracks`] and [`interferers`] are what changes meanwhile;
//! [`surroundings`] holds all of it;
//! [`collision`] what others do to it; [`medium`] (with its halves `uplinks` and `downlinks`, and `windows` of nodes) follows every frame from
//! its first symbol to its [`outcome`], and `disruptions` what faults of devices do to it (`row` keeps open windows);
//! [`air_log`], [`records`], [`duty_check`], [`dwell_check`], [`energy`], [`battery`] and [`trace`]
//! keep the books, and [`pcap`] writes them down; [`air`] connects all this to the kernel.
pub mod air;
pub mod air_log;
pub mod battery;
pub mod collision;
mod demodulators;
mod disruptions;
mod downlinks;
pub mod duty_check;
pub mod dwell_check;
pub mod emission;
pub mod energy;
pub mod fading;
pub mod geometry;
pub mod hata;
pub mod interferers;
pub mod links;
pub mod medium;
pub mod outcome;
pub mod path_loss;
pub mod pcap;
pub mod propagation;
pub mod records;
mod row;
pub mod sensitivity;
pub mod shadowing;
pub mod surroundings;
pub mod trace;
pub mod tracks;
mod uplinks;
mod windows;

pub use air::{Air, DownlinkRequest, RadioEvent, RadioReport, UplinkHeard};
pub use air_log::AirLog;
pub use battery::Battery;
pub use collision::CollisionModel;
pub use disruptions::Disruptions;
pub use emission::{Emission, RadioError};
pub use fading::{Fading, FadingModel};
pub use geometry::Position;
pub use interferers::{Interferer, Waveform};
pub use links::Links;
pub use medium::{Medium, MediumConfig};
pub use outcome::{Cause, Outcome, Verdict};
pub use path_loss::{LogDistance, PathLoss};
pub use propagation::{Antennas, Propagation};
pub use records::AirRecords;
pub use shadowing::Shadowing;
pub use surroundings::{Surroundings, Terrain};
pub use tracks::Tracks;

/// A node's number in the run, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeIndex(pub u32);

/// A gateway's number in the run, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GatewayIndex(pub u16);

/// Who transmits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transmitter {
    /// A node, on the uplink.
    Node(NodeIndex),
    /// A gateway, on the downlink.
    Gateway(GatewayIndex),
}
