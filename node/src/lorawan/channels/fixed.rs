//! The 72 channels of US915 and AU915, and the mask over them.
use super::RECORD_BYTES;
use chirrup_protocol::region::{DataRate, FIXED_CHANNELS, NARROW_CHANNELS, Region};
use chirrup_protocol::seal::Direction;

/// Channels of the plan.
pub(super) const CHANNELS: usize = FIXED_CHANNELS;

/// Bytes of a mask over all of them.
pub(super) const MASK_BYTES: usize = FIXED_CHANNELS / 8;

/// The bank of the channels of 500 kHz.
const WIDE_BANK: usize = NARROW_CHANNELS / 8;

/// Which channels are enabled: bit i mod 8 of byte i / 8. At least one of 125 kHz always is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Fixed {
    region: Region,
    mask: [u8; MASK_BYTES],
}

impl Fixed {
    pub fn new(region: Region) -> Self {
        Self { region, mask: [0xff; MASK_BYTES] }
    }

    pub fn restore(region: Region, record: &[u8; RECORD_BYTES]) -> Option<Self> {
        let (mask, rest) = record.split_first_chunk().expect("a record is longer than a mask");
        let mut channels = Self::new(region);
        let legal = rest.iter().all(|byte| *byte == 0) && channels.set_mask(*mask);
        legal.then_some(channels)
    }

    pub fn record(&self) -> [u8; RECORD_BYTES] {
        let mut record = [0; RECORD_BYTES];
        record[..MASK_BYTES].copy_from_slice(&self.mask);
        record
    }

    /// The frequency of a channel, if it is enabled and carries the data rate.
    pub fn enabled_hz(&self, index: usize, data_rate: DataRate) -> Option<u32> {
        let is_enabled = self.mask[index / 8] & 1 << (index % 8) != 0;
        let bandwidth_hz = if index < NARROW_CHANNELS { 125_000 } else { 500_000 };
        let is_of_uplinks =
            self.region.max_payload_bytes(Direction::Up, self.region.uplink_dwell(), data_rate).is_ok();
        let carries = self.region.modulation(data_rate).is_ok_and(|rate| rate.bandwidth_hz == bandwidth_hz);
        (is_enabled && is_of_uplinks && carries).then(|| self.region.default_channels_hz()[index])
    }

    pub fn set_mask(&mut self, mask: [u8; MASK_BYTES]) -> bool {
        let acceptable = mask[..WIDE_BANK].iter().any(|bank| *bank != 0);
        if acceptable {
            self.mask = mask;
        }
        acceptable
    }

    /// ChMaskCntl 0 to 3: the mask of 16 channels of 125 kHz; 4: of those of 500 kHz; 5: of whole groups; 6 and 7:
    /// all of 125 kHz on or off, and the mask of those of 500 kHz (RP002-1.0.4, 2.5.5 and 2.8.5).
    pub fn control_mask(&mut self, control: u8, mask: u16) -> bool {
        let [low, high] = mask.to_le_bytes();
        let mut banks = self.mask;
        match control {
            0..=3 => banks[usize::from(control) * 2..][..2].copy_from_slice(&[low, high]),
            4 => banks[WIDE_BANK] = low,
            5 => {
                for (group, bank) in banks[..WIDE_BANK].iter_mut().enumerate() {
                    *bank = if low & 1 << group == 0 { 0 } else { 0xff };
                }
                banks[WIDE_BANK] = low;
            }
            6 | 7 => {
                banks[..WIDE_BANK].fill(if control == 6 { 0xff } else { 0 });
                banks[WIDE_BANK] = low;
            }
            _ => return false,
        }
        self.set_mask(banks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chirrup_protocol::region::ChannelGroup;
    use std::vec::Vec;

    fn enabled(channels: &Fixed, data_rate: u8) -> Vec<u32> {
        (0..CHANNELS).filter_map(|index| channels.enabled_hz(index, DataRate(data_rate))).collect()
    }

    #[test]
    fn a_data_rate_is_carried_by_channels_of_its_bandwidth() {
        let mut us915 = Fixed::new(Region::Us915);
        assert_eq!((enabled(&us915, 0).len(), enabled(&us915, 4).len()), (64, 8));
        assert!(us915.set_mask(ChannelGroup::COMMON.mask()));
        let group: Vec<u32> = ChannelGroup::COMMON.channels_hz(Region::Us915).collect();
        assert_eq!(enabled(&us915, 3), group[..8]);
        assert_eq!(enabled(&us915, 4), group[8..]);
        assert_eq!(enabled(&us915, 8), [], "a data rate of downlinks");
    }

    #[test]
    fn masks_are_those_of_the_regional_parameters() {
        let mut channels = Fixed::new(Region::Au915);
        assert!(!channels.control_mask(7, 0x0002), "no channel of 125 kHz would be left");
        assert!(
            channels.control_mask(0, 0xff00) && channels.control_mask(1, 0) && channels.control_mask(2, 0)
        );
        assert!(channels.control_mask(3, 0) && channels.control_mask(4, 0x0002));
        assert_eq!(channels.mask, ChannelGroup::COMMON.mask());
        assert!(!channels.control_mask(0, 0), "the last enabled channels stay");
        let mut by_group = Fixed::new(Region::Au915);
        assert!(by_group.control_mask(5, 0x0002));
        assert_eq!(by_group, channels);
        assert!(by_group.control_mask(6, 0x00ff));
        assert_eq!(by_group, Fixed::new(Region::Au915));
    }

    #[test]
    fn a_record_comes_back_and_a_bad_one_does_not() {
        let mut channels = Fixed::new(Region::Us915);
        channels.control_mask(5, 0x0041);
        let record = channels.record();
        assert_eq!(Fixed::restore(Region::Us915, &record), Some(channels));
        assert_eq!(Fixed::restore(Region::Us915, &[0; RECORD_BYTES]), None);
        let mut longer = record;
        longer[MASK_BYTES] = 1;
        assert_eq!(Fixed::restore(Region::Us915, &longer), None);
    }
}
