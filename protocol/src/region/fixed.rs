//! The regions whose 72 uplink channels are fixed, US915 and AU915: groups of channels, and limits of dwell time.
use super::{DWELL_LIMIT, DataRate, DwellTime, Region};
use crate::time::Duration;

/// Uplink channels of a fixed plan: 64 of 125 kHz, then 8 of 500 kHz.
pub const FIXED_CHANNELS: usize = 72;

/// How many of them have 125 kHz.
pub const NARROW_CHANNELS: usize = 64;

/// Over which time a hopping frequency's occupancy counts (47 CFR 15.247(a)(1)(i)).
const HOPPING_WINDOW: Duration = Duration::from_secs(20);

/// Where the uplink channels of a region come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelPlan {
    /// A few are the region's; a network adds others by their frequency.
    Dynamic,
    /// The region has 72 of them; a network enables some by a mask.
    Fixed,
}

/// How long a transmitter may occupy one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occupancy {
    /// The longest time on air.
    pub limit: Duration,
    /// Within any window of this length; `None` where each frame counts by itself.
    pub window: Option<Duration>,
}

/// Eight neighbouring channels of 125 kHz and the one of 500 kHz among them: what a gateway with eight channels hears
/// of a fixed plan. Networks call it a sub-band, and count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "std", derive(serde::Serialize))]
pub struct ChannelGroup(u8);

impl ChannelGroup {
    /// How many there are.
    pub const COUNT: u8 = 8;

    /// The second one, which most public networks use.
    pub const COMMON: Self = Self(2);

    /// The group of this number, from 1 to 8.
    pub const fn new(number: u8) -> Option<Self> {
        if number >= 1 && number <= Self::COUNT { Some(Self(number)) } else { None }
    }

    /// Its number, from 1 to 8.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Bit i mod 8 of byte i / 8: channel i is one of the group.
    pub const fn mask(self) -> [u8; FIXED_CHANNELS / 8] {
        let (mut mask, place) = ([0; FIXED_CHANNELS / 8], self.0 - 1);
        mask[place as usize] = 0xff;
        mask[NARROW_CHANNELS / 8] = 1 << place;
        mask
    }

    /// The frequencies of its channels in a region, in Hz, the one of 500 kHz last; none where the plan is not fixed.
    pub fn channels_hz(self, region: Region) -> impl Iterator<Item = u32> {
        let mask = match region.channel_plan() {
            ChannelPlan::Fixed => self.mask(),
            ChannelPlan::Dynamic => [0; FIXED_CHANNELS / 8],
        };
        let channels = region.default_channels_hz().iter().enumerate();
        channels.filter(move |(index, _)| is_set(&mask, *index)).map(|(_, hz)| *hz)
    }
}

/// Whether a bit of a mask is set.
const fn is_set(mask: &[u8; FIXED_CHANNELS / 8], index: usize) -> bool {
    index < FIXED_CHANNELS && mask[index / 8] & 1 << (index % 8) != 0
}

impl Region {
    /// Where its uplink channels come from.
    pub const fn channel_plan(self) -> ChannelPlan {
        match self {
            Self::Us915 | Self::Au915 => ChannelPlan::Fixed,
            _ => ChannelPlan::Dynamic,
        }
    }

    /// The limit of an uplink's time before a network has lifted it. US915 knows no other; nodes of AU915 begin
    /// limited (RP002-1.0.4, 2.8).
    pub const fn uplink_dwell(self) -> DwellTime {
        match self {
            Self::Us915 | Self::Au915 => DwellTime::Limited,
            _ => DwellTime::Unlimited,
        }
    }

    /// How long an uplink channel may be occupied; `None` where nothing limits it. In US915 a hopping frequency may
    /// be used for .4 s within any 20 s (47 CFR 15.247(a)(1)(i)), in AU915 a frame may last .4 s. Channels of 500 kHz
    /// are free in both.
    pub fn occupancy(self, frequency_hz: u32) -> Option<Occupancy> {
        let window = match self {
            Self::Us915 => Some(HOPPING_WINDOW),
            Self::Au915 => None,
            _ => return None,
        };
        let narrow = &self.default_channels_hz()[..NARROW_CHANNELS];
        narrow.contains(&frequency_hz).then_some(Occupancy { limit: DWELL_LIMIT, window })
    }

    /// The data rates of join requests on channels of 125 and of 500 kHz, where the plan is fixed
    /// (RP002-1.0.4, 2.5 and 2.8); `None` where a join may use any.
    pub const fn join_data_rates(self) -> Option<(DataRate, DataRate)> {
        match self {
            Self::Us915 => Some((DataRate(0), DataRate(4))),
            Self::Au915 => Some((DataRate(2), DataRate(6))),
            _ => None,
        }
    }

    /// The fastest data rate at which a node sends on channels of 125 kHz.
    pub fn highest_narrow_data_rate(self) -> DataRate {
        let narrow = |rate: &DataRate| self.modulation(*rate).is_ok_and(|rate| rate.bandwidth_hz == 125_000);
        let rates = self.lowest_data_rate().0..=self.highest_data_rate().0;
        rates.rev().map(DataRate).find(narrow).unwrap_or(self.highest_data_rate())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// The Things Network's frequency plan of the second sub-band, US902-928 and AU915-928.
    #[test]
    fn the_common_group_is_that_of_published_plans() {
        let us: Vec<u32> = ChannelGroup::COMMON.channels_hz(Region::Us915).collect();
        let narrow = [903_900_000, 904_100_000, 904_300_000, 904_500_000];
        assert_eq!(us[..4], narrow);
        assert_eq!(us[7..], [905_300_000, 904_600_000]);
        let au: Vec<u32> = ChannelGroup::COMMON.channels_hz(Region::Au915).collect();
        assert_eq!((au[0], au[7], au[8]), (916_800_000, 918_200_000, 917_500_000));
        assert_eq!(ChannelGroup::COMMON.channels_hz(Region::Eu868).count(), 0);
    }

    #[test]
    fn groups_divide_all_channels() {
        for region in [Region::Us915, Region::Au915] {
            let groups = (1..=8).map(|number| ChannelGroup::new(number).unwrap());
            let mut all: Vec<u32> = groups.flat_map(|group| group.channels_hz(region)).collect();
            all.sort_unstable();
            let mut expected = region.default_channels_hz().to_vec();
            expected.sort_unstable();
            assert_eq!(all, expected);
        }
        assert_eq!((ChannelGroup::new(0), ChannelGroup::new(9)), (None, None));
    }

    #[test]
    fn only_hopping_channels_have_a_limit_of_occupancy() {
        let limit = |region: Region, hz| region.occupancy(hz).map(|occupancy| occupancy.window);
        assert_eq!(limit(Region::Us915, 903_900_000), Some(Some(Duration::from_secs(20))));
        assert_eq!(limit(Region::Us915, 904_600_000), None);
        assert_eq!(limit(Region::Au915, 916_800_000), Some(None));
        assert_eq!(limit(Region::Eu868, 868_100_000), None);
    }

    #[test]
    fn a_join_request_keeps_the_dwell_time() {
        for region in [Region::Us915, Region::Au915] {
            let (narrow, wide) = region.join_data_rates().unwrap();
            let modulation = region.modulation(narrow).unwrap();
            assert!(crate::airtime::frame_airtime(modulation, 23) <= DWELL_LIMIT);
            assert_eq!(region.modulation(wide).unwrap().bandwidth_hz, 500_000);
        }
        assert_eq!(Region::Us915.highest_narrow_data_rate(), DataRate(3));
        assert_eq!(Region::Au915.highest_narrow_data_rate(), DataRate(5));
        assert_eq!(Region::Eu868.highest_narrow_data_rate(), DataRate(5));
    }
}
