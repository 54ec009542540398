//! What an uplink is answered with, in order of use: advice that makes every further frame cheaper, the time for a
//! device that takes what it was sent for expired, the chunk of an object that the device lacks, the wish for its
//! moments, the time.
use super::federation::DataRateAdvice;
use chirrup_protocol::backhaul::Uplink;
use chirrup_protocol::region::DataRate;
use chirrup_protocol::time::{Duration, Instant};
use std::collections::VecDeque;

/// Uplinks whose signal counts.
const REMEMBERED_UPLINKS: usize = 8;
/// Uplinks heard before advice is given: a single frame says little of a fading channel.
const NEEDED_UPLINKS: usize = 3;
/// How often a device is told the time when there is nothing else to tell.
const TIME_INTERVAL: Duration = Duration::from_secs(24 * 3_600);

/// What the answers to a device rest on.
#[derive(Clone, Debug, Default)]
pub struct LinkQuality {
    /// Best signal to noise ratio of the latest uplinks, in tenths of a dB.
    snr_tenth_db: VecDeque<i16>,
    told_time_at: Option<Instant>,
}

impl LinkQuality {
    /// Enters an uplink.
    pub fn heard(&mut self, uplink: &Uplink) {
        let Some(best) = uplink.receptions.iter().map(|reception| reception.snr_tenth_db).max() else {
            return;
        };
        if self.snr_tenth_db.len() == REMEMBERED_UPLINKS {
            self.snr_tenth_db.pop_front();
        }
        self.snr_tenth_db.push_back(best);
    }

    /// The latest uplink's signal to noise ratio, in tenths of a dB.
    pub fn latest_snr_tenth_db(&self) -> Option<i16> {
        self.snr_tenth_db.back().copied()
    }

    /// The data rate to advise, if it differs from the one in use.
    pub fn advice(&self, rule: &DataRateAdvice, in_use: DataRate) -> Option<DataRate> {
        if self.snr_tenth_db.len() < NEEDED_UPLINKS {
            return None;
        }
        let best = *self.snr_tenth_db.iter().max()?;
        let carries = |data_rate: &DataRate| {
            let modulation = rule.region.modulation(*data_rate);
            modulation.is_ok_and(|m| m.snr_floor_tenth_db() + rule.margin_tenth_db <= best)
        };
        let fastest = (rule.lowest.0..=rule.highest.0).rev().map(DataRate).find(carries);
        Some(fastest.unwrap_or(rule.lowest)).filter(|&advised| advised != in_use)
    }

    /// Forgets the signals: the device will use another data rate.
    pub fn advised(&mut self) {
        self.snr_tenth_db.clear();
    }

    /// Whether to tell the device the time; it counts as told then.
    pub fn wants_time(&mut self, now: Instant) -> bool {
        let due = self.told_time_at.is_none_or(|told| now - told >= TIME_INTERVAL);
        if due {
            self.told_time_at = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chirrup_protocol::backhaul::{Reception, UplinkId};
    use chirrup_protocol::ids::{DevAddr, DevEui, GatewayId};
    use chirrup_protocol::region::Region;

    const RULE: DataRateAdvice = DataRateAdvice {
        region: Region::Eu868,
        margin_tenth_db: 50,
        lowest: DataRate(0),
        highest: DataRate(5),
    };

    fn uplink(snr_tenth_db: i16) -> Uplink {
        Uplink {
            id: UplinkId(0),
            received_at: Instant::ZERO,
            dev_eui: DevEui([0; 8]),
            dev_addr: DevAddr([0; 4]),
            fcnt: 0,
            fport: 1,
            data_rate: DataRate(0),
            receptions: vec![Reception { gateway: GatewayId([0; 8]), rssi_dbm: -100, snr_tenth_db }],
            payload: Vec::new(),
        }
    }

    #[test]
    fn the_fastest_rate_with_the_margin_is_advised() {
        // Floors are -20, -17.5, -15, -12.5, -10, -7.5 dB; with 5 dB of margin -10 dB carries DR2.
        for (snr, advised) in [(-300, 0), (-125, 1), (-100, 2), (-26, 4), (-25, 5), (90, 5)] {
            let mut quality = LinkQuality::default();
            quality.heard(&uplink(snr));
            assert_eq!(quality.advice(&RULE, DataRate(9)), None, "one frame is not enough");
            quality.heard(&uplink(snr - 30));
            quality.heard(&uplink(snr - 30));
            assert_eq!(quality.advice(&RULE, DataRate(9)), Some(DataRate(advised)), "{snr}");
            assert_eq!(quality.advice(&RULE, DataRate(advised)), None);
        }
    }

    #[test]
    fn the_time_is_told_once_a_day() {
        let mut quality = LinkQuality::default();
        assert!(quality.wants_time(Instant::ZERO));
        assert!(!quality.wants_time(Instant::ZERO + Duration::from_secs(86_399)));
        assert!(quality.wants_time(Instant::ZERO + Duration::from_secs(86_400)));
    }
}
