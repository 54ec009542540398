//! `chirrup airtime`: what one frame costs.
use super::args::AirtimeArgs;
use super::{CliError, print};
use chirrup_protocol::airtime::{LORAWAN_OVERHEAD_BYTES, downlink_airtime, frame_airtime};
use chirrup_protocol::region::{DataRate, Region};
use chirrup_protocol::seal::Direction;

/// Prints time on air of a frame, and how many an hour holds.
pub fn airtime(args: &AirtimeArgs) -> Result<(), CliError> {
    print(&describe(args)?)
}

fn describe(args: &AirtimeArgs) -> Result<String, CliError> {
    let (region, direction) = (args.region.region(), args.direction.direction());
    let data_rate = DataRate(args.dr);
    region
        .payload_room(direction, args.dwell_time.dwell_time(), data_rate, args.bytes)
        .map_err(|error| CliError::Usage(error.to_string()))?;
    let modulation = region.modulation(data_rate).map_err(|error| CliError::Usage(error.to_string()))?;
    let phy_bytes = args.bytes + LORAWAN_OVERHEAD_BYTES;
    let airtime_s = match direction {
        Direction::Up => frame_airtime(modulation, phy_bytes),
        Direction::Down => downlink_airtime(modulation, phy_bytes),
    }
    .as_secs_f64();
    let duty_per_mille = duty_per_mille(region);
    let limit = match duty_per_mille {
        1_000 => "without a duty cycle".to_owned(),
        _ => format!("at {} % duty cycle", f64::from(duty_per_mille) / 10.0),
    };
    Ok(format!(
        "data rate        DR{} (SF{}, {} kHz)\n\
         payload          {} B\n\
         PHY payload      {phy_bytes} B\n\
         time on air      {:.3} ms\n\
         frames an hour   {:.1} {limit}\n",
        args.dr,
        modulation.spreading_factor,
        modulation.bandwidth_hz / 1_000,
        args.bytes,
        airtime_s * 1_000.0,
        3.6 * f64::from(duty_per_mille) / airtime_s,
    ))
}

/// Limit of the channels that every node has.
fn duty_per_mille(region: Region) -> u32 {
    let bands = region.default_channels_hz().iter().filter_map(|&hz| region.sub_band(hz));
    bands.map(|band| band.duty_per_mille).min().expect("a region has channels within its bands")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{DirectionName, DwellTimeName, RegionName};

    fn of(dr: u8, bytes: usize) -> Result<String, String> {
        let (direction, dwell_time) = (DirectionName::Up, DwellTimeName::Unlimited);
        say(&AirtimeArgs { region: RegionName::Eu868, direction, dwell_time, dr, bytes })
    }

    fn say(args: &AirtimeArgs) -> Result<String, String> {
        describe(args).map_err(|error| error.to_string())
    }

    /// Times of full frames as published by Semtech's calculator, see the table of the protocol.
    #[test]
    fn full_frames_cost_what_the_documentation_says() {
        for (dr, bytes, time, hourly) in
            [(0, 51, "2793.472", "12.9"), (3, 115, "676.864", "53.2"), (5, 222, "368.896", "97.6")]
        {
            let text = of(dr, bytes).unwrap();
            assert!(text.contains(&format!("{time} ms")), "{text}");
            assert!(text.contains(&format!("{hourly} at 1 % duty cycle")), "{text}");
            assert!(text.contains(&format!("{} B", bytes + 13)), "{text}");
        }
    }

    #[test]
    fn limits_are_named() {
        assert!(of(6, 10).unwrap_err().contains("DR0 to DR5"));
        let long = of(0, 60).unwrap_err();
        assert!(long.contains("carries 51 bytes") && long.contains("DR3 is the lowest"), "{long}");
        assert!(of(3, 300).unwrap_err().contains("no data rate carries more than 222"));
    }

    #[test]
    fn every_region_direction_and_dwell_time_has_its_limits() {
        let us915 = AirtimeArgs {
            region: RegionName::Us915,
            direction: DirectionName::Up,
            dwell_time: DwellTimeName::Unlimited,
            dr: 3,
            bytes: 115,
        };
        // 128 bytes of PHY at SF7: 8 + ceil((1024 - 28 + 28 + 16) / 28) * 5 = 198 symbols of 1.024 ms, and 12.25.
        let text = say(&us915).unwrap();
        assert!(text.contains("215.296 ms") && text.contains("without a duty cycle"), "{text}");
        // 64 bytes at SF12, 500 kHz: 8 + ceil((512 - 48 + 28) / 48) * 5 = 63 symbols of 8.192 ms, and 12.25.
        let down = AirtimeArgs { direction: DirectionName::Down, dr: 8, bytes: 51, ..us915 };
        assert!(say(&down).unwrap().contains("616.448 ms"));
        assert!(say(&AirtimeArgs { dr: 3, ..down }).unwrap_err().contains("US915 has no downlink DR3"));
        let as923 = AirtimeArgs { region: RegionName::As923_2, dr: 2, bytes: 12, ..us915 };
        assert!(say(&as923).unwrap().contains("at 1 % duty cycle"));
        let limited = AirtimeArgs { dwell_time: DwellTimeName::Limited, ..as923 };
        assert!(say(&limited).unwrap_err().contains("AS923-2 DR2 carries 11 bytes"));
    }
}
