//! What happened how often.
use serde::Serialize;
use std::collections::BTreeMap;

/// Why something was dropped or not done. Nothing that arrives by radio is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A concentrator that is not configured.
    UnknownConcentrator,
    /// A frequency outside the region's sub-bands.
    UnknownFrequency,
    /// A modulation that the region does not define.
    UnknownDataRate,
    /// A frame without a byte.
    Empty,
    /// A frame longer than its data rate allows.
    TooLong,
    /// Not a LoRaWAN frame of major version 1.
    Malformed,
    /// A rejoin request, a proprietary frame, or a downlink that a concentrator overheard.
    UnexpectedMType,
    /// A device address of another network.
    Foreign,
    /// A device address of this network that no session has.
    UnknownDevAddr,
    /// A join request of a device that is not configured.
    UnknownDevEui,
    /// The message integrity code is wrong.
    BadMic,
    /// A frame counter that is not above the highest accepted one.
    Replayed,
    /// A DevNonce that is not above the highest one that the device joined with.
    DevNonceReused,
    /// A join too soon after the device's last one.
    JoinTooSoon,
    /// The device has used up its 24 bits of JoinNonce.
    JoinNonceExhausted,
    /// The network has no free device address.
    DevAddrExhausted,
    /// MAC commands that do not parse. The frame around them is taken all the same.
    MalformedMacCommands,
    /// A downlink was replaced by a newer one before it could be sent.
    DownlinkReplaced,
    /// A downlink that fits neither receive window.
    DownlinkTooLarge,
    /// A downlink or receipt for a device that is not configured, or for two devices at once.
    DownlinkUnaddressed,
    /// A downlink on port 0, which belongs to MAC commands.
    DownlinkPortReserved,
    /// The device's 32 bits of downlink counter are used up; it must join again.
    FcntDownExhausted,
    /// Both receive windows had passed, or were too close. A downlink then waits for the next uplink.
    WindowMissed,
    /// No duty cycle was left in either window's sub-band.
    DutyCycleExhausted,
    /// The concentrator sends something else in both windows.
    ConcentratorBusy,
    /// A concentrator refused a transmission.
    TransmissionRefused,
}

/// Counts since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Frames heard, each as often as concentrators heard it.
    pub frames_heard: u64,
    /// Receptions that were a further copy of a frame.
    pub duplicates: u64,
    /// Join requests answered.
    pub joins: u64,
    /// Uplinks with an application payload.
    pub uplinks: u64,
    /// Uplinks with none: acknowledgements, MAC commands, polls.
    pub uplinks_without_payload: u64,
    /// MAC commands and answers in uplinks, by name.
    pub mac_commands: BTreeMap<&'static str, u64>,
    /// Downlinks with an application payload handed to a concentrator.
    pub downlinks: u64,
    /// Acknowledgements without payload handed to a concentrator.
    pub acknowledgements: u64,
    /// Downlinks handed to a concentrator that ask for a data rate and power.
    pub link_adr_requests: u64,
    /// What was dropped or not done.
    pub discarded: BTreeMap<Reason, u64>,
}

impl Counters {
    /// How often something was dropped or not done for this reason.
    pub fn discarded(&self, reason: Reason) -> u64 {
        self.discarded.get(&reason).copied().unwrap_or(0)
    }

    pub(super) fn discard(&mut self, reason: Reason) {
        *self.discarded.entry(reason).or_default() += 1;
    }
}
