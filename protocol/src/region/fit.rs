//! Does it fit? The largest message of a data rate, or why a message has to go elsewhere.
use super::{DataRate, DwellTime, Region};
use crate::seal::{Direction, OVERHEAD_BYTES};

/// A payload does not fit a frame. Bytes are of application payload, seal included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// Nobody may send so.
    #[error("{region} has no {direction} DR{}, it has DR{} to DR{}", .data_rate.0, .lowest.0, .highest.0)]
    UnknownDataRate {
        /// The region.
        region: Region,
        /// Which way.
        direction: Direction,
        /// What was asked for.
        data_rate: DataRate,
        /// The slowest data rate of the direction.
        lowest: DataRate,
        /// The fastest.
        highest: DataRate,
    },
    /// A faster data rate carries it.
    #[error(
        "{region} DR{} carries {have_bytes} bytes, {need_bytes} are needed: DR{} is the lowest data rate that does",
        .data_rate.0, .lowest.0
    )]
    NeedsDataRate {
        /// The region.
        region: Region,
        /// What was asked for.
        data_rate: DataRate,
        /// What it carries.
        have_bytes: usize,
        /// What the payload needs.
        need_bytes: usize,
        /// The slowest data rate that carries it.
        lowest: DataRate,
    },
    /// No data rate carries it.
    #[error(
        "{region} DR{} carries {have_bytes} bytes, {need_bytes} are needed: no data rate carries more than \
         {most_bytes}",
        .data_rate.0
    )]
    NoDataRate {
        /// The region.
        region: Region,
        /// What was asked for.
        data_rate: DataRate,
        /// What it carries.
        have_bytes: usize,
        /// What the payload needs.
        need_bytes: usize,
        /// What the largest frame carries.
        most_bytes: usize,
    },
}

impl Region {
    /// The application payload in bytes that a frame carries, if `need_bytes` fit. MAC options take from it.
    ///
    /// # Errors
    /// A data rate that is not to be used, or one that carries less.
    pub fn payload_room(
        self,
        direction: Direction,
        dwell: DwellTime,
        data_rate: DataRate,
        need_bytes: usize,
    ) -> Result<usize, FitError> {
        let region = self;
        let have_bytes = self.max_payload_bytes(direction, dwell, data_rate).map_err(|error| {
            let (lowest, highest) = (error.lowest, error.highest);
            FitError::UnknownDataRate { region, direction, data_rate, lowest, highest }
        })?;
        if need_bytes <= have_bytes {
            return Ok(have_bytes);
        }
        let payloads = || self.payloads(direction, dwell);
        Err(match payloads().find(|&(_, bytes)| need_bytes <= bytes) {
            Some((lowest, _)) => {
                FitError::NeedsDataRate { region, data_rate, have_bytes, need_bytes, lowest }
            }
            None => {
                let most_bytes = payloads().map(|(_, bytes)| bytes).max().unwrap_or(0);
                FitError::NoDataRate { region, data_rate, have_bytes, need_bytes, most_bytes }
            }
        })
    }

    /// The largest message in bytes that a sealed frame carries, if one of `message_bytes` fits. MAC options take
    /// from it.
    ///
    /// # Errors
    /// A data rate that is not to be used, or one that carries less. The error counts the seal's 11 bytes.
    pub fn message_room(
        self,
        direction: Direction,
        dwell: DwellTime,
        data_rate: DataRate,
        message_bytes: usize,
    ) -> Result<usize, FitError> {
        let need_bytes = message_bytes.saturating_add(OVERHEAD_BYTES);
        Ok(self.payload_room(direction, dwell, data_rate, need_bytes)? - OVERHEAD_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn room(region: Region, dwell: DwellTime, dr: u8, bytes: usize) -> Result<usize, std::string::String> {
        region
            .message_room(Direction::Up, dwell, DataRate(dr), bytes)
            .map_err(|error| std::string::ToString::to_string(&error))
    }

    #[test]
    fn what_does_not_fit_is_told_where_it_would() {
        assert_eq!(room(Region::Us915, DwellTime::Unlimited, 0, 0), Ok(0), "the seal fills the frame");
        assert_eq!(
            room(Region::Us915, DwellTime::Unlimited, 0, 4).unwrap_err(),
            "US915 DR0 carries 11 bytes, 15 are needed: DR1 is the lowest data rate that does"
        );
        assert_eq!(room(Region::Us915, DwellTime::Unlimited, 1, 4), Ok(42));
        assert_eq!(
            room(Region::As923_3, DwellTime::Limited, 2, 43).unwrap_err(),
            "AS923-3 DR2 carries 11 bytes, 54 are needed: DR4 is the lowest data rate that does"
        );
    }

    #[test]
    fn what_fits_nowhere_and_data_rates_that_are_not_to_be_used_are_named() {
        assert_eq!(
            room(Region::Eu868, DwellTime::Unlimited, 3, 212).unwrap_err(),
            "EU868 DR3 carries 115 bytes, 223 are needed: no data rate carries more than 222"
        );
        assert_eq!(
            room(Region::Au915, DwellTime::Limited, 1, 1).unwrap_err(),
            "AU915 has no uplink DR1, it has DR2 to DR6"
        );
        let down = Region::Us915.message_room(Direction::Down, DwellTime::Unlimited, DataRate(3), 1);
        assert_eq!(
            std::string::ToString::to_string(&down.unwrap_err()),
            "US915 has no downlink DR3, it has DR8 to DR13"
        );
    }

    proptest! {
        /// The data rate that an error names carries the message, and no lower one does.
        #[test]
        fn advice_is_right(region in 0..Region::ALL.len(), limited: bool, up: bool, dr in 0..16u8, bytes: usize) {
            let region = Region::ALL[region];
            let dwell = if limited { DwellTime::Limited } else { DwellTime::Unlimited };
            let direction = if up { Direction::Up } else { Direction::Down };
            let bytes = bytes % 300;
            let fits = |dr: u8| region.message_room(direction, dwell, DataRate(dr), bytes).is_ok();
            match region.message_room(direction, dwell, DataRate(dr), bytes) {
                Ok(room) => prop_assert!(bytes <= room && room < 222),
                Err(FitError::NeedsDataRate { lowest, .. }) => {
                    prop_assert!(fits(lowest.0) && (0..lowest.0).all(|dr| !fits(dr)));
                }
                Err(FitError::NoDataRate { .. }) => prop_assert!((0..=15).all(|dr| !fits(dr))),
                Err(FitError::UnknownDataRate { lowest, highest, .. }) => {
                    prop_assert!(!(lowest.0..=highest.0).contains(&dr));
                }
            }
        }
    }
}
