//! Uplink channels of a node: which there are, and which the network lets it use.
//!
//! Where the plan is dynamic the network adds frequencies ([`dynamic`]); where it is fixed it enables some of 72
//! ([`fixed`]), and a node that has not joined tries them in the order of [`probe`].
mod dynamic;
mod fixed;
mod probe;

use self::dynamic::Dynamic;
use self::fixed::Fixed;
use chirrup_protocol::region::{ChannelPlan, DataRate, Region};

pub(super) use self::probe::JoinProbe;

/// Bytes of a stored set of channels.
pub(super) const RECORD_BYTES: usize = dynamic::RECORD_BYTES;

/// A CFList of a JoinAccept (RP002-1.0.4, 2.4 and 2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CfList {
    Absent,
    /// Frequencies of channels 3 to 7 in Hz, zero where there is none.
    Frequencies([u32; 5]),
    /// Channel i is enabled: bit i mod 8 of byte i / 8.
    Mask([u8; fixed::MASK_BYTES]),
}

/// The channels. At least one that carries some data rate is always enabled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Channels {
    Dynamic(Dynamic),
    Fixed(Fixed),
}

impl Channels {
    /// The region's own channels, all enabled.
    pub fn new(region: Region) -> Self {
        match region.channel_plan() {
            ChannelPlan::Dynamic => Self::Dynamic(Dynamic::new(region)),
            ChannelPlan::Fixed => Self::Fixed(Fixed::new(region)),
        }
    }

    /// Channels out of a snapshot, unless they contradict the region or none would be enabled.
    pub fn restore(region: Region, record: &[u8; RECORD_BYTES]) -> Option<Self> {
        match region.channel_plan() {
            ChannelPlan::Dynamic => Dynamic::restore(region, record).map(Self::Dynamic),
            ChannelPlan::Fixed => Fixed::restore(region, record).map(Self::Fixed),
        }
    }

    /// As a snapshot keeps them.
    pub fn record(&self) -> [u8; RECORD_BYTES] {
        match self {
            Self::Dynamic(channels) => channels.record(),
            Self::Fixed(channels) => channels.record(),
        }
    }

    /// Frequencies of the enabled channels that carry a data rate.
    pub fn carrying(&self, data_rate: DataRate) -> impl Iterator<Item = u32> + '_ {
        let usable = move |index| match self {
            Self::Dynamic(channels) => channels.enabled_hz(index),
            Self::Fixed(channels) => channels.enabled_hz(index, data_rate),
        };
        let count = match self {
            Self::Dynamic(_) => dynamic::MAX_CHANNELS,
            Self::Fixed(_) => fixed::CHANNELS,
        };
        (0..count).filter_map(usable)
    }

    /// Whether an enabled channel carries a data rate.
    pub fn carry(&self, data_rate: DataRate) -> bool {
        self.carrying(data_rate).next().is_some()
    }

    /// Takes over what a JoinAccept announces. What the region forbids is left out; the rest remains useful.
    pub fn adopt(&mut self, announced: CfList) {
        match (self, announced) {
            (Self::Dynamic(channels), CfList::Frequencies(list_hz)) => channels.add(list_hz),
            (Self::Fixed(channels), CfList::Mask(mask)) => {
                // One that enables nothing is no offer: the node keeps all.
                channels.set_mask(mask);
            }
            _ => {}
        }
    }

    /// ChMaskCntl and ChMask of a LinkADRReq. Refused (`false`), and nothing changed, when an undefined channel is
    /// among them or none is left (LoRaWAN 1.0.4, 5.3).
    pub fn set_mask(&mut self, control: u8, mask: u16) -> bool {
        match self {
            Self::Dynamic(channels) => match control {
                0 => channels.set_mask(mask),
                6 => channels.set_mask(channels.defined()),
                _ => false,
            },
            Self::Fixed(channels) => channels.control_mask(control, mask),
        }
    }

    /// Defines or, with a frequency of zero, removes a channel (NewChannelReq). Refused (`false`) where the plan is
    /// fixed, for the region's own channels, where nobody may send, and where no enabled channel would remain.
    pub fn set(&mut self, index: usize, hz: u32) -> bool {
        match self {
            Self::Dynamic(channels) => channels.set(index, hz),
            Self::Fixed(_) => false,
        }
    }

    /// Enables what a node falls back to that has lost its network: every defined channel of a dynamic plan. Of a
    /// fixed one the gateways hear no more than they ever did, and the mask stays.
    pub fn fall_back(&mut self) {
        if let Self::Dynamic(channels) = self {
            channels.set_mask(channels.defined());
        }
    }
}
