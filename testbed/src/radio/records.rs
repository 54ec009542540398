//! Every transmission of a run, kept to be looked at.
use super::Transmitter;
use super::air_log::Transmission;
use super::energy::transmit_energy_mj;
use super::outcome::{Outcome, Verdict};
use chirrup_protocol::airtime::Modulation;
use chirrup_protocol::time::{Duration, Instant};
use core::ops::Range;

/// One transmission, as the log keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Who sent it.
    pub source: Transmitter,
    /// When it began.
    pub start: Instant,
    /// How long it lasted.
    pub airtime: Duration,
    /// Centre frequency in Hz.
    pub frequency_hz: u32,
    /// Modulation.
    pub modulation: Modulation,
    /// Length of the PHY payload.
    pub phy_bytes: u8,
    /// Energy of a node to send it, in mJ; 0 for gateways, which have a mains supply.
    pub energy_mj: f64,
    /// What became of it.
    pub outcome: Outcome,
    verdicts: Range<usize>,
    phy: Range<usize>,
}

/// All transmissions in order of their end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AirRecords {
    records: Vec<Record>,
    verdicts: Vec<Verdict>,
    phys: Vec<u8>,
}

impl AirRecords {
    /// All of them.
    pub fn all(&self) -> &[Record] {
        &self.records
    }

    /// What each receiver made of one: by index of the gateways for an uplink, a receive window each for a downlink.
    pub fn verdicts(&self, record: &Record) -> &[Verdict] {
        &self.verdicts[record.verdicts.clone()]
    }

    /// The PHY payload of one.
    pub fn phy(&self, record: &Record) -> &[u8] {
        &self.phys[record.phy.clone()]
    }

    pub(crate) fn keep(&mut self, transmission: &Transmission<'_>) {
        let Transmission { source, start, airtime, emission, verdicts } = *transmission;
        let (first_verdict, first_byte) = (self.verdicts.len(), self.phys.len());
        self.verdicts.extend_from_slice(verdicts);
        self.phys.extend_from_slice(&emission.phy);
        let energy_mj = match source {
            Transmitter::Node(_) => transmit_energy_mj(emission.power_dbm, airtime),
            Transmitter::Gateway(_) => 0.0,
        };
        self.records.push(Record {
            source,
            start,
            airtime,
            frequency_hz: emission.frequency_hz,
            modulation: emission.modulation,
            phy_bytes: emission.phy.len() as u8,
            energy_mj,
            outcome: Outcome::of(verdicts),
            verdicts: first_verdict..self.verdicts.len(),
            phy: first_byte..self.phys.len(),
        });
    }
}
