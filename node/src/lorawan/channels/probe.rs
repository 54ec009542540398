//! On which channel of a fixed plan a node that knows no network asks to join.
//!
//! A pass tries one channel of 125 kHz in each of the eight groups and then one of 500 kHz; the next pass takes other
//! ones (RP002-1.0.4, 2.5.3 and 2.8.3). A gateway with eight channels is thus found within nine requests.
use chirrup_protocol::region::{DataRate, NARROW_CHANNELS, Region};
use lorawan_device::RngCore;

/// Requests of a pass.
const PASS: u32 = 9;

/// How far the search has come.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct JoinProbe {
    /// Where the search began; drawn with the first request, so that nodes do not search in step.
    origin: Option<u32>,
    requests: u32,
}

impl JoinProbe {
    /// Frequency in Hz and data rate of the next request; `None` where the plan is not fixed.
    pub fn next<G: RngCore>(&mut self, region: Region, rng: &mut G) -> Option<(u32, DataRate)> {
        let (narrow, wide) = region.join_data_rates()?;
        let origin = *self.origin.get_or_insert_with(|| rng.next_u32());
        let (pass, step) = (self.requests / PASS, self.requests % PASS);
        let (group, place) = (origin.wrapping_add(step) % 8, (origin >> 8).wrapping_add(pass) % 8);
        let (channel, data_rate) = match step {
            0..8 => (group * 8 + place, narrow),
            _ => (NARROW_CHANNELS as u32 + place, wide),
        };
        Some((region.default_channels_hz()[channel as usize], data_rate))
    }

    /// A request went out; the next one goes elsewhere.
    pub const fn sent(&mut self) {
        self.requests = self.requests.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::rng::DrawnNonce;
    use super::*;
    use chirrup_protocol::region::ChannelGroup;
    use std::collections::BTreeSet;
    use std::vec::Vec;

    #[test]
    fn nine_requests_reach_every_group_and_eight_passes_every_channel() {
        for (region, origin) in [(Region::Us915, 0), (Region::Us915, 0x1234), (Region::Au915, 0xffff)] {
            let mut rng = DrawnNonce::of_join(origin);
            let mut probe = JoinProbe::default();
            let mut asked = Vec::new();
            for _ in 0..72 {
                asked.push(probe.next(region, &mut rng).unwrap());
                assert_eq!(probe.next(region, &mut rng), asked.last().copied(), "not before one went out");
                probe.sent();
            }
            assert_eq!(asked.iter().map(|(hz, _)| *hz).collect::<BTreeSet<_>>().len(), 72);
            let (narrow, wide) = region.join_data_rates().unwrap();
            for pass in asked.chunks(9) {
                for number in 1..=8 {
                    let group: Vec<u32> = ChannelGroup::new(number).unwrap().channels_hz(region).collect();
                    assert_eq!(
                        pass.iter().filter(|(hz, rate)| *rate == narrow && group.contains(hz)).count(),
                        1
                    );
                }
                assert_eq!(pass[8].1, wide);
            }
        }
        assert_eq!(JoinProbe::default().next(Region::Eu868, &mut DrawnNonce::of_data()), None);
    }
}
