//! Uplink channels: the region's own, those of a CFList or NewChannelReq, and the mask over them.
use chirrup_protocol::region::Region;

/// How many channels a mask can speak of.
pub(super) const MAX_CHANNELS: usize = 16;

/// Frequencies by channel index, and which of them are enabled. At least one defined channel always is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Channels {
    region: Region,
    hz: [u32; MAX_CHANNELS],
    mask: u16,
}

impl Channels {
    /// The region's own channels, all enabled.
    pub fn new(region: Region) -> Self {
        let defaults = region.default_channels_hz();
        let mut hz = [0; MAX_CHANNELS];
        hz[..defaults.len()].copy_from_slice(defaults);
        let mut channels = Self { region, hz, mask: 0 };
        channels.mask = channels.defined();
        channels
    }

    /// Channels out of a snapshot, unless they contradict the region or none would be enabled.
    pub fn restore(region: Region, hz: [u32; MAX_CHANNELS], mask: u16) -> Option<Self> {
        let mut channels = Self::new(region);
        let own = region.default_channels_hz().len();
        if hz[..own] != channels.hz[..own] {
            return None;
        }
        channels.hz = hz;
        let legal = hz.iter().all(|&hz| hz == 0 || is_uplink_channel(region, hz));
        (legal && channels.set_mask(mask)).then_some(channels)
    }

    /// Frequencies by index, zero where none is defined.
    pub fn hz(&self) -> &[u32; MAX_CHANNELS] {
        &self.hz
    }

    /// Bit i: channel i is enabled.
    pub fn mask(&self) -> u16 {
        self.mask
    }

    /// Bit i: channel i has a frequency.
    pub fn defined(&self) -> u16 {
        self.hz.iter().enumerate().filter(|(_, hz)| **hz != 0).fold(0, |mask, (index, _)| mask | 1 << index)
    }

    /// The enabled frequencies.
    pub fn enabled(&self) -> impl Iterator<Item = u32> + '_ {
        let enabled = |(index, hz): (usize, &u32)| (self.mask & 1 << index != 0).then_some(*hz);
        self.hz.iter().enumerate().filter_map(enabled)
    }

    /// Defines or, with a frequency of zero, removes a channel; a new one is enabled. Refused (`false`) for the
    /// region's own channels and where nobody may send, and where no enabled channel would remain.
    pub fn set(&mut self, index: usize, hz: u32) -> bool {
        let own = self.region.default_channels_hz().len();
        if !(own..MAX_CHANNELS).contains(&index) || (hz != 0 && !is_uplink_channel(self.region, hz)) {
            return false;
        }
        let bit = 1 << index;
        let mask = if hz == 0 { self.mask & !bit } else { self.mask | bit };
        if mask == 0 {
            return false;
        }
        self.hz[index] = hz;
        self.mask = mask;
        true
    }

    /// Enables exactly these channels. Refused (`false`) when one of them is undefined or none is left
    /// (LoRaWAN 1.0.4, 5.3).
    pub fn set_mask(&mut self, mask: u16) -> bool {
        let acceptable = mask != 0 && mask & !self.defined() == 0;
        if acceptable {
            self.mask = mask;
        }
        acceptable
    }
}

fn is_uplink_channel(region: Region, hz: u32) -> bool {
    region.sub_band(hz).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_never_leaves_a_node_without_a_channel() {
        let mut channels = Channels::new(Region::Eu868);
        assert!(!channels.set_mask(0));
        assert!(!channels.set_mask(0b1000), "undefined");
        assert!(channels.set(3, 867_100_000) && channels.set_mask(0b1000));
        assert!(!channels.set(3, 0), "the last enabled channel stays");
        assert_eq!(channels.enabled().collect::<Vec<_>>(), [867_100_000]);
    }

    #[test]
    fn the_regions_own_channels_and_forbidden_frequencies_are_refused() {
        let mut channels = Channels::new(Region::Eu868);
        assert!(!channels.set(0, 867_100_000));
        assert!(!channels.set(16, 867_100_000));
        assert!(!channels.set(5, 915_000_000));
        assert_eq!(channels, Channels::new(Region::Eu868));
    }

    #[test]
    fn a_snapshot_cannot_smuggle_in_a_channel() {
        let good = Channels::new(Region::Eu868);
        assert_eq!(Channels::restore(Region::Eu868, *good.hz(), good.mask()), Some(good.clone()));
        let mut hz = *good.hz();
        hz[7] = 433_000_000;
        assert_eq!(Channels::restore(Region::Eu868, hz, good.mask()), None);
        assert_eq!(Channels::restore(Region::Eu868, *good.hz(), 0), None);
        assert_eq!(Channels::restore(Region::Eu868, [0; MAX_CHANNELS], 1), None);
    }
}
