//! What a receive window of a node is, and which frames show in it.
use super::NodeIndex;
use super::emission::Emission;
use crate::kernel::TaskId;
use chirrup_protocol::airtime::{Modulation, PREAMBLE_SYMBOLS};
use chirrup_protocol::time::{Duration, Instant};
use std::rc::Rc;

/// Preamble symbols that a receiver must see to detect a frame (Semtech AN1200.24 recommends windows of at least
/// five symbols).
const DETECTION_SYMBOLS: u64 = 5;

/// What a window listens for, and how long.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Whose it is.
    pub node: NodeIndex,
    /// The task that is to be run when it has heard a frame.
    pub task: TaskId,
    /// Frequency in Hz.
    pub frequency_hz: u32,
    /// Modulation.
    pub modulation: Modulation,
    /// When it opens.
    pub open: Instant,
    /// When it closes, if it has seen no preamble by then.
    pub close: Instant,
}

/// A frame that a node has received.
#[derive(Clone, Debug, PartialEq)]
pub struct DownlinkHeard {
    /// The PHY payload.
    pub phy: Rc<[u8]>,
    /// Received power in dBm.
    pub rssi_dbm: f64,
    /// Signal-to-noise ratio in dB.
    pub snr_db: f64,
}

/// How far a window has come.
#[derive(Clone, Debug, PartialEq)]
pub enum WindowState {
    /// It has seen no preamble.
    Listening,
    /// It receives a frame that ends then.
    Receiving {
        /// The end of the frame.
        until: Instant,
    },
    /// It has received a frame.
    Received(DownlinkHeard),
    /// The frame that it held on to was destroyed.
    Destroyed,
}

impl Window {
    /// Whether enough of the preamble of a frame that begins at `start` lies inside the window, on its frequency and
    /// with its spreading factor.
    pub(super) fn can_see(&self, emission: &Emission, start: Instant) -> bool {
        let Emission { frequency_hz, modulation, .. } = *emission;
        let same_chirp = modulation.spreading_factor == self.modulation.spreading_factor
            && modulation.bandwidth_hz == self.modulation.bandwidth_hz;
        let symbols = |count: u64| Duration::from_micros(count * modulation.symbol_ns() / 1_000);
        let detected = start.max(self.open) + symbols(DETECTION_SYMBOLS);
        let preamble_end = start + symbols(u64::from(PREAMBLE_SYMBOLS));
        same_chirp && frequency_hz == self.frequency_hz && detected <= self.close.min(preamble_end)
    }
}
