//! The regions agree with the tables of `lrwn`, the library of a network server, for RP002-1.0.4.
#![allow(missing_docs, clippy::unwrap_used)]
use chirrup_protocol::region::{DataRate, DwellTime, Region};
use chirrup_protocol::seal::Direction;
use lrwn::region::{CommonName, DataRateModulation, MacVersion, Region as Table, Revision, get};

const REGIONS: [(Region, CommonName); 9] = [
    (Region::Eu868, CommonName::EU868),
    (Region::Eu433, CommonName::EU433),
    (Region::In865, CommonName::IN865),
    (Region::As923_1, CommonName::AS923),
    (Region::As923_2, CommonName::AS923_2),
    (Region::As923_3, CommonName::AS923_3),
    (Region::As923_4, CommonName::AS923_4),
    (Region::Au915, CommonName::AU915),
    (Region::Us915, CommonName::US915),
];

/// Every region, with and without a limit of dwell time, beside its repeater-compatible table.
fn for_each(check: impl Fn(Region, DwellTime, &dyn Table)) {
    for (region, name) in REGIONS {
        check(region, DwellTime::Unlimited, get(name, true, false).as_ref());
        check(region, DwellTime::Limited, get(name, true, true).as_ref());
    }
}

/// Spreading factor and bandwidth of a table's LoRa data rate.
fn lora(table: &dyn Table, index: u8) -> Option<(u8, u32)> {
    match table.get_data_rate(index) {
        Ok(DataRateModulation::Lora(rate)) => Some((rate.spreading_factor, rate.bandwidth)),
        _ => None,
    }
}

#[test]
fn modulations_agree() {
    for_each(|region, _, table| {
        let mut known = 0;
        for index in 0..16 {
            let Ok(ours) = region.modulation(DataRate(index)) else { continue };
            assert_eq!(
                lora(table, index),
                Some((ours.spreading_factor, ours.bandwidth_hz)),
                "{region} {index}"
            );
            known += 1;
        }
        // What the table has beyond: SF7 at 250 kHz.
        let beyond = (0..16).filter(|&index| lora(table, index) == Some((7, 250_000))).count();
        let all = (0..16).filter(|&index| lora(table, index).is_some()).count();
        assert_eq!(known + beyond, all, "{region}");
    });
}

#[test]
fn payloads_agree_in_both_directions() {
    for_each(|region, dwell, table| {
        for index in (0..16).filter(|&index| region.modulation(DataRate(index)).is_ok()) {
            let latest = (MacVersion::LORAWAN_1_0_4, Revision::RP002_1_0_4);
            let theirs = table.get_max_payload_size(latest.0, latest.1, index).unwrap().n;
            let ours = [Direction::Up, Direction::Down]
                .map(|direction| region.max_payload_bytes(direction, dwell, DataRate(index)).ok());
            // The table has zero where a data rate is not to be used.
            let expected = Some(theirs).filter(|&bytes| bytes > 0);
            assert!(ours.contains(&expected), "{region} {dwell:?} DR{index}: {ours:?}, not {expected:?}");
            assert!(ours.iter().all(|&bytes| bytes.is_none() || bytes == expected), "{region} DR{index}");
        }
    });
}

#[test]
fn channels_and_windows_agree() {
    for_each(|region, _, table| {
        let channels = table.get_default_uplink_channel_indices().into_iter();
        let theirs: Vec<u32> =
            channels.map(|index| table.get_uplink_channel(index).unwrap().frequency).collect();
        assert_eq!(region.default_channels_hz(), theirs, "{region}");
        for &hz in region.default_channels_hz() {
            let rx1 = table.get_rx1_frequency_for_uplink_frequency(hz).unwrap();
            assert_eq!(region.rx1_frequency_hz(hz), Some(rx1), "{region} {hz}");
        }
        let defaults = table.get_defaults();
        assert_eq!(region.rx2_frequency_hz(), defaults.rx2_frequency, "{region}");
        assert_eq!(region.rx2_default_data_rate(), DataRate(defaults.rx2_dr), "{region}");
    });
}

#[test]
fn rx1_data_rates_agree_for_every_offset() {
    for_each(|region, dwell, table| {
        let most = region.max_rx1_offset();
        assert!(table.get_rx1_data_rate_index(0, usize::from(most) + 1).is_err(), "{region}");
        for up in region.lowest_data_rate().0..=region.highest_data_rate().0 {
            for offset in 0..=most {
                let theirs = table.get_rx1_data_rate_index(up, offset.into()).unwrap();
                let ours = region.rx1_data_rate(dwell, DataRate(up), offset);
                assert_eq!(ours, DataRate(theirs), "{region} {dwell:?} DR{up} offset {offset}");
            }
        }
    });
}
