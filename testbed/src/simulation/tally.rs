//! What is noted of each node while it runs.
use crate::checker::SealLog;
use crate::checker::models::{self, ModelNote};
use crate::energy::Awake;
use crate::radio::energy::asleep_mj;
use crate::summary::Sent;
use chirrup_node::agent::{Agent, Counts};
use chirrup_protocol::airtime::LORAWAN_OVERHEAD_BYTES;
use chirrup_protocol::message::port;
use chirrup_protocol::time::Instant;

/// What an uplink carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// A sealed contribution.
    Contribution,
    /// A join, a status, moments, a MAC answer.
    Control,
}

impl FrameKind {
    /// Read off the parts of a LoRaWAN frame that travel in clear.
    pub fn of(phy: &[u8]) -> Self {
        Self::of_port(fport(phy))
    }

    /// By the port of the message, if it is one.
    pub const fn of_port(fport: Option<u8>) -> Self {
        match fport {
            Some(port::CONTRIBUTION) => Self::Contribution,
            _ => Self::Control,
        }
    }
}

fn is_data(phy: &[u8]) -> bool {
    matches!(phy.first().map(|mhdr| mhdr >> 5), Some(2 | 4))
}

fn fopts_bytes(phy: &[u8]) -> usize {
    phy.get(5).map_or(0, |fctrl| usize::from(fctrl & 0x0f))
}

fn fport(phy: &[u8]) -> Option<u8> {
    phy.get(8 + fopts_bytes(phy)).copied().filter(|_| is_data(phy))
}

/// Application bytes of a frame: seal included, LoRaWAN's own not.
fn payload_bytes(phy: &[u8]) -> u64 {
    let overhead = LORAWAN_OVERHEAD_BYTES + fopts_bytes(phy);
    if is_data(phy) { phy.len().saturating_sub(overhead) as u64 } else { 0 }
}

/// What is noted of a node while it runs.
#[derive(Clone, Debug, Default)]
pub struct NodeTally {
    /// Sealed contributions.
    pub contribution: Sent,
    /// Everything else.
    pub control: Sent,
    /// When it came to run which version.
    pub versions: Vec<(Instant, u32)>,
    /// When it left for ever.
    pub gone_at: Option<Instant>,
    /// What its agent counted, over all reboots.
    pub counts: Counts,
    /// Every frame that it sealed.
    pub sealed: SealLog,
    /// Every model that it came to run.
    pub models: Vec<ModelNote>,
    counts_before_reboot: Counts,
    last_kind: Option<FrameKind>,
    /// What is booked so far of the LoRa radio.
    lora: Awake,
    /// The same of the BLE radio.
    ble: Awake,
}

impl NodeTally {
    /// A frame begins; the radio was awake for so long until now.
    pub fn frame_begins(&mut self, kind: FrameKind, phy: &[u8], lora: Awake) {
        self.settle_lora(lora);
        self.last_kind = Some(kind);
        let sent = self.of(kind);
        sent.frames += 1;
        sent.payload_bytes += payload_bytes(phy);
    }

    /// A BLE radio, awake for so long until now, begins to work for something.
    pub fn ble_works_for(&mut self, kind: FrameKind, ble: Awake) {
        self.settle_ble(ble);
        self.last_kind = Some(kind);
    }

    /// What it works for turns out to be such a frame.
    pub fn ble_frame_begins(&mut self, kind: FrameKind) {
        self.last_kind = Some(kind);
        self.of(kind).frames += 1;
    }

    /// It sends so many bytes of the frame that has begun.
    pub fn ble_sends(&mut self, bytes: usize) {
        if let Some(kind) = self.last_kind {
            self.of(kind).payload_bytes += bytes as u64;
        }
    }

    /// Takes notice of the agent.
    pub fn observe(&mut self, now: Instant, agent: &Agent<'_>) {
        let counts = *agent.counts();
        if counts.samples < self.counts.samples - self.counts_before_reboot.samples {
            self.counts_before_reboot = self.counts;
        }
        self.counts = sum(self.counts_before_reboot, counts);
        let version = agent.model_version();
        if self.versions.last().map_or(0, |last| last.1) != version {
            self.versions.push((now, version));
            if version > 0 {
                let digest = models::digest(agent.deployed());
                self.models.push(ModelNote { at: now, version, digest });
            }
        }
    }

    /// The run ends.
    pub fn close(&mut self, lora: Awake, ble: Awake, at: Instant) -> Self {
        self.settle_lora(lora);
        self.settle_ble(ble);
        self.control.energy_mj += asleep_mj(&lora, at - Instant::ZERO);
        self.clone()
    }

    /// Whether it had not left by then.
    pub fn is_there(&self, at: Instant) -> bool {
        self.gone_at.is_none_or(|gone_at| gone_at > at)
    }

    /// The version that it ran at a time.
    pub fn version_at(&self, at: Instant) -> u32 {
        self.versions.iter().take_while(|(since, _)| *since <= at).last().map_or(0, |(_, version)| *version)
    }

    fn settle_lora(&mut self, awake: Awake) {
        let since = awake.since(&self.lora);
        self.lora = awake;
        self.book(since);
    }

    fn settle_ble(&mut self, awake: Awake) {
        let since = awake.since(&self.ble);
        self.ble = awake;
        self.book(since);
    }

    /// Books what a radio did since the frame before on that frame: its own airtime and what it received.
    fn book(&mut self, since: Awake) {
        if let Some(kind) = self.last_kind {
            let sent = self.of(kind);
            sent.airtime_s += since.transmitting.as_secs_f64();
            sent.energy_mj += since.used_mj;
        }
    }

    const fn of(&mut self, kind: FrameKind) -> &mut Sent {
        match kind {
            FrameKind::Contribution => &mut self.contribution,
            FrameKind::Control => &mut self.control,
        }
    }
}

fn sum(a: Counts, b: Counts) -> Counts {
    Counts {
        samples: a.samples + b.samples,
        bad_samples: a.bad_samples + b.bad_samples,
        contributions: a.contributions + b.contributions,
        bad_downlinks: a.bad_downlinks + b.bad_downlinks,
        bad_objects: a.bad_objects + b.bad_objects,
        models: a.models + b.models,
    }
}
