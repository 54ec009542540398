//! No transmitter exceeds its duty cycle in any hour or occupies a channel for longer than its region allows, and none
//! sends where no sub-band is. Hours and windows are those of [`crate::radio::duty_check`] and
//! [`crate::radio::dwell_check`], which keep accounts of their own.
use super::{Findings, Violation};
use crate::radio::duty_check::DutyCheck;
use crate::radio::dwell_check::{DwellCheck, FullestWindow};
use crate::radio::{AirLog, GatewayIndex, NodeIndex, Transmitter};

/// Checks all that was on the air.
pub fn check(air: &AirLog) -> Findings {
    let frames = air.uplinks().outcomes.total() + air.downlinks().outcomes.total();
    let nodes = (0..air.nodes() as u32).map(|node| Transmitter::Node(NodeIndex(node)));
    let gateways = (0..air.gateways() as u16).map(|gateway| Transmitter::Gateway(GatewayIndex(gateway)));
    let mut findings = judge(air.duty(), frames, nodes.chain(gateways));
    judge_dwell(air.dwell(), &mut findings);
    findings
}

fn judge_dwell(dwell: &DwellCheck, findings: &mut Findings) {
    for FullestWindow { transmitter, frequency_hz, ends_at, ratio } in dwell.fullest() {
        if ratio > 1.0 {
            findings.find(Violation::Dwell { transmitter, frequency_hz, ends_at, ratio });
        }
    }
}

fn judge(duty: &DutyCheck, frames: u64, transmitters: impl Iterator<Item = Transmitter>) -> Findings {
    let mut findings = Findings { looked_at: frames, ..Findings::default() };
    if duty.outside_bands() > 0 {
        findings.find(Violation::OutsideBands { frames: duty.outside_bands() });
    }
    for hour in transmitters.filter_map(|transmitter| duty.fullest_of(transmitter)) {
        if hour.ratio > 1.0 {
            findings.find(Violation::DutyCycle {
                transmitter: hour.transmitter,
                sub_band: hour.sub_band,
                ends_at: hour.ends_at,
                ratio: hour.ratio,
            });
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use chirrup_protocol::region::Region;
    use chirrup_protocol::time::{Duration, Instant};

    const NODE: Transmitter = Transmitter::Node(NodeIndex(0));

    fn sent(airtime_us: u64, frequency_hz: u32) -> Findings {
        let mut duty = DutyCheck::new(Region::Eu868, 1, 0);
        duty.add(NODE, frequency_hz, Instant::ZERO, Duration::from_micros(airtime_us));
        judge(&duty, 1, [NODE].into_iter())
    }

    #[test]
    fn one_microsecond_beyond_one_per_cent_of_an_hour_is_a_violation() {
        assert_eq!(sent(36_000_000, 868_100_000).found, 0);
        let beyond = sent(36_000_001, 868_100_000);
        assert_eq!((beyond.looked_at, beyond.found), (1, 1));
        assert!(
            matches!(beyond.violations[..], [Violation::DutyCycle { transmitter: NODE, ratio, .. }] if ratio > 1.0)
        );
    }

    #[test]
    fn one_microsecond_beyond_the_dwell_time_is_a_violation() {
        let found = |airtime_us| {
            let (mut dwell, mut findings) = (DwellCheck::new(Region::Us915), Findings::default());
            dwell.add(NODE, 903_900_000, Instant::ZERO, Duration::from_micros(airtime_us));
            judge_dwell(&dwell, &mut findings);
            findings
        };
        assert_eq!(found(400_000).found, 0);
        let beyond = found(400_001);
        assert!(
            matches!(beyond.violations[..], [Violation::Dwell { transmitter: NODE, ratio, .. }] if ratio > 1.0)
        );
    }

    #[test]
    fn a_frame_between_the_sub_bands_is_a_violation() {
        assert_eq!(sent(1, 868_650_000).violations, [Violation::OutsideBands { frames: 1 }]);
    }
}
