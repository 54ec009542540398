//! What went on the air and what was discarded, counted since the guard was built.
use chirrup_protocol::time::Duration;

/// Frames of one kind that went on the air.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// How many.
    pub frames: u32,
    /// Their PHY payloads together, in bytes.
    pub phy_bytes: u64,
    /// Their time on air together.
    pub on_air: Duration,
}

impl Traffic {
    pub(super) fn add(&mut self, phy_bytes: usize, on_air: Duration) {
        self.frames = self.frames.saturating_add(1);
        self.phy_bytes += phy_bytes as u64;
        self.on_air += on_air;
    }
}

/// Received frames, or parts of frames, that were discarded, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Discarded {
    /// No downlink of LoRaWAN 1.0, or not addressed to this node.
    pub foreign: u32,
    /// Addressed to this node, but the MIC is wrong.
    pub bad_mic: u32,
    /// Authentic, but its FCnt was seen before.
    pub replayed: u32,
    /// An uplink of this node that came back; the bare stack would take it for a downlink.
    pub reflected: u32,
    /// A JoinAccept with a wrong MIC, or the very one that was accepted last.
    pub bad_join_accept: u32,
    /// Downlinks whose MAC commands broke off or were unknown; the frame itself was kept.
    pub bad_mac_commands: u32,
    /// The radio claimed more bytes than its buffer holds.
    pub oversized: u32,
}

/// Everything the guard counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Join requests on the air.
    pub joins: Traffic,
    /// Unconfirmed uplinks on the air.
    pub unconfirmed: Traffic,
    /// Confirmed uplinks on the air.
    pub confirmed: Traffic,
    /// Bytes of MAC answers among the uplinks' bytes.
    pub mac_answer_bytes: u64,
    /// Downlinks accepted, JoinAccepts among them.
    pub downlinks: u32,
    /// Frames received and discarded.
    pub discarded: Discarded,
    /// Transmissions that the last check of the duty cycle held back.
    pub held_back: u32,
    /// Exchanges whose future was dropped before it ended.
    pub interrupted: u32,
}

impl Counters {
    /// Total time on air.
    pub fn on_air(&self) -> Duration {
        self.joins.on_air + self.unconfirmed.on_air + self.confirmed.on_air
    }
}
