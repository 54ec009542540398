//! Channels of a dynamic plan: the region's own, those of a CFList or NewChannelReq, and the mask over them.
use super::super::mac::frequency_hz;
use chirrup_protocol::region::Region;

/// How many channels a mask can speak of.
pub(super) const MAX_CHANNELS: usize = 16;

/// A mask, then a frequency a channel.
pub(super) const RECORD_BYTES: usize = 2 + 3 * MAX_CHANNELS;

/// Frequencies by channel index, and which of them are enabled. At least one defined channel always is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Dynamic {
    region: Region,
    hz: [u32; MAX_CHANNELS],
    mask: u16,
}

impl Dynamic {
    /// The region's own channels, all enabled.
    pub fn new(region: Region) -> Self {
        let defaults = region.default_channels_hz();
        let mut hz = [0; MAX_CHANNELS];
        hz[..defaults.len()].copy_from_slice(defaults);
        let mut channels = Self { region, hz, mask: 0 };
        channels.mask = channels.defined();
        channels
    }

    pub fn restore(region: Region, record: &[u8; RECORD_BYTES]) -> Option<Self> {
        let (mask, frequencies) = record.split_first_chunk().expect("a record is longer than a mask");
        let mut channels = Self::new(region);
        let own = channels.hz;
        for (hz, bytes) in channels.hz.iter_mut().zip(frequencies.chunks_exact(3)) {
            *hz = frequency_hz([bytes[0], bytes[1], bytes[2]]);
        }
        let own_are_kept = own.iter().zip(&channels.hz).all(|(own, hz)| *own == 0 || own == hz);
        let legal = channels.hz.iter().all(|&hz| hz == 0 || is_uplink_channel(region, hz));
        (own_are_kept && legal && channels.set_mask(u16::from_le_bytes(*mask))).then_some(channels)
    }

    pub fn record(&self) -> [u8; RECORD_BYTES] {
        let mut record = [0; RECORD_BYTES];
        let (mask, frequencies) = record.split_at_mut(2);
        mask.copy_from_slice(&self.mask.to_le_bytes());
        for (bytes, hz) in frequencies.chunks_exact_mut(3).zip(self.hz) {
            bytes.copy_from_slice(&(hz / 100).to_le_bytes()[..3]);
        }
        record
    }

    /// Bit i: channel i has a frequency.
    pub fn defined(&self) -> u16 {
        self.hz.iter().enumerate().filter(|(_, hz)| **hz != 0).fold(0, |mask, (index, _)| mask | 1 << index)
    }

    /// The frequency of a channel, if it is enabled.
    pub fn enabled_hz(&self, index: usize) -> Option<u32> {
        (self.mask & 1 << index != 0).then(|| self.hz[index])
    }

    /// Channels of a CFList, after the region's own.
    pub fn add(&mut self, list_hz: [u32; 5]) {
        let first = self.region.default_channels_hz().len();
        for (index, hz) in list_hz.into_iter().enumerate().filter(|(_, hz)| *hz != 0) {
            // A channel on which nobody may send is left out; the others remain useful.
            self.set(first + index, hz);
        }
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
    use std::vec::Vec;

    fn enabled(channels: &Dynamic) -> Vec<u32> {
        (0..MAX_CHANNELS).filter_map(|index| channels.enabled_hz(index)).collect()
    }

    #[test]
    fn a_mask_never_leaves_a_node_without_a_channel() {
        let mut channels = Dynamic::new(Region::Eu868);
        assert!(!channels.set_mask(0));
        assert!(!channels.set_mask(0b1000), "undefined");
        assert!(channels.set(3, 867_100_000) && channels.set_mask(0b1000));
        assert!(!channels.set(3, 0), "the last enabled channel stays");
        assert_eq!(enabled(&channels), [867_100_000]);
    }

    #[test]
    fn the_regions_own_channels_and_forbidden_frequencies_are_refused() {
        let mut channels = Dynamic::new(Region::Eu868);
        assert!(!channels.set(0, 867_100_000));
        assert!(!channels.set(16, 867_100_000));
        assert!(!channels.set(5, 915_000_000));
        assert_eq!(channels, Dynamic::new(Region::Eu868));
    }

    #[test]
    fn a_snapshot_cannot_smuggle_in_a_channel() {
        let good = Dynamic::new(Region::Eu868);
        let record = good.record();
        assert_eq!(Dynamic::restore(Region::Eu868, &record), Some(good));
        let mut foreign = record;
        foreign[2 + 3 * 7..][..3].copy_from_slice(&4_330_000u32.to_le_bytes()[..3]);
        assert_eq!(Dynamic::restore(Region::Eu868, &foreign), None);
        let mut silent = record;
        silent[..2].fill(0);
        assert_eq!(Dynamic::restore(Region::Eu868, &silent), None);
        let mut undefined = [0; RECORD_BYTES];
        undefined[0] = 1;
        assert_eq!(Dynamic::restore(Region::Eu868, &undefined), None);
    }
}
