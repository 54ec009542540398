//! `chirrup airtime`: what one frame costs.
use super::args::AirtimeArgs;
use super::{CliError, print};
use chirrup_protocol::airtime::{LORAWAN_OVERHEAD_BYTES, frame_airtime};
use chirrup_protocol::region::{DataRate, Region};

/// Prints time on air and frames an hour of an uplink.
pub fn airtime(args: &AirtimeArgs) -> Result<(), CliError> {
    print(&describe(args)?)
}

fn describe(args: &AirtimeArgs) -> Result<String, CliError> {
    let region = args.region.region();
    let data_rate = DataRate(args.dr);
    let modulation = region.modulation(data_rate).map_err(|error| CliError::Usage(error.to_string()))?;
    check_payload(region, data_rate, args.bytes)?;
    let phy_bytes = args.bytes + LORAWAN_OVERHEAD_BYTES;
    let airtime_s = frame_airtime(modulation, phy_bytes).as_secs_f64();
    let duty_per_mille = duty_per_mille(region);
    Ok(format!(
        "data rate        DR{} (SF{}, {} kHz)\n\
         payload          {} B\n\
         PHY payload      {phy_bytes} B\n\
         time on air      {:.3} ms\n\
         frames an hour   {:.1} at {} % duty cycle\n",
        args.dr,
        modulation.spreading_factor,
        modulation.bandwidth_hz / 1_000,
        args.bytes,
        airtime_s * 1_000.0,
        3.6 * f64::from(duty_per_mille) / airtime_s,
        f64::from(duty_per_mille) / 10.0,
    ))
}

fn check_payload(region: Region, data_rate: DataRate, bytes: usize) -> Result<(), CliError> {
    let limit = |rate| region.max_payload_bytes(rate).map_err(|error| CliError::Usage(error.to_string()));
    let most = limit(data_rate)?;
    if bytes <= most {
        return Ok(());
    }
    let highest = region.highest_data_rate();
    let rates = (data_rate.0..=highest.0).map(DataRate);
    let advice = match rates.into_iter().find(|&rate| limit(rate).is_ok_and(|most| bytes <= most)) {
        Some(rate) => format!("DR{} carries them", rate.0),
        None => format!("no data rate carries more than {} B", limit(highest)?),
    };
    Err(CliError::Usage(format!(
        "{bytes} B are more than the {most} B that DR{} carries; {advice}",
        data_rate.0
    )))
}

/// Limit of the channels that every node has.
fn duty_per_mille(region: Region) -> u32 {
    let bands = region.default_channels_hz().iter().filter_map(|&hz| region.sub_band(hz));
    bands.map(|band| band.duty_per_mille).min().expect("a region has channels within its bands")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::RegionName;

    fn of(dr: u8, bytes: usize) -> Result<String, String> {
        describe(&AirtimeArgs { region: RegionName::Eu868, dr, bytes }).map_err(|error| error.to_string())
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
        assert!(
            long.contains("more than the 51 B that DR0 carries") && long.contains("DR3 carries them"),
            "{long}"
        );
        assert!(of(3, 300).unwrap_err().contains("no data rate carries more than 222 B"));
    }
}
