//! What is next: how fast, how large, when, and whether a join is due. Nothing here sends.
use super::super::channels::Channels;
use super::super::link::DataRates;
use super::super::snapshot::SnapshotStore;
use super::{Guard, JOIN_REQUEST_BYTES};
use chirrup_protocol::airtime::LORAWAN_OVERHEAD_BYTES;
use chirrup_protocol::region::{DataRate, UnknownDataRate};
use chirrup_protocol::time::Instant;
use lorawan_device::RngCore;

/// Where a node stands with its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Without a session.
    NotJoined,
    /// With a session.
    Joined,
    /// With a session whose counters end soon: join again when convenient.
    JoinAgain,
}

impl<R, T, G: RngCore, S: SnapshotStore> Guard<R, T, G, S> {
    /// The largest payload that [`send`](Self::send) would take now: the data rate's limit less the MAC answers
    /// that are due.
    pub fn max_payload_bytes(&self) -> usize {
        self.limit_at(self.link.data_rate)
    }

    /// The earliest time, not before `now`, at which the duty cycle lets an uplink of this size go;
    /// [`Instant::NEVER`] when it never does.
    pub fn earliest_send(&mut self, now: Instant, payload_bytes: usize) -> Instant {
        let phy_bytes = payload_bytes + LORAWAN_OVERHEAD_BYTES + self.answers.len();
        let channels = self.link.channels.clone();
        self.earliest(now, &channels, self.link.data_rate, phy_bytes)
    }

    /// The earliest time, not before `now`, at which the duty cycle lets a join request go.
    pub fn earliest_join(&mut self, now: Instant) -> Instant {
        match self.probe.next(self.config.region, &mut self.rng) {
            None => {
                let channels = Channels::new(self.config.region);
                self.earliest(now, &channels, self.link.data_rate, JOIN_REQUEST_BYTES)
            }
            Some((hz, data_rate)) => {
                let on_air = self.airtime(data_rate, JOIN_REQUEST_BYTES);
                self.ledger.earliest(now, hz, on_air)
            }
        }
    }

    /// The data rate of the next uplink or join.
    pub fn data_rate(&self) -> DataRate {
        self.link.data_rate
    }

    /// Chooses the data rate of what follows. A slower one goes out with full power: whoever asks for it hears too
    /// little.
    ///
    /// # Errors
    /// When it lies outside the configured range; nothing changes then.
    pub fn set_data_rate(&mut self, data_rate: DataRate) -> Result<(), UnknownDataRate> {
        let DataRates { lowest, highest } = self.link.data_rates;
        if !self.link.data_rates.contains(data_rate) {
            return Err(UnknownDataRate { data_rate, lowest, highest });
        }
        if data_rate < self.link.data_rate {
            self.link.tx_power_index = 0;
        }
        self.link.data_rate = data_rate;
        Ok(())
    }

    /// Full power is 0; each step of TXPower is 2 dB below it.
    pub fn tx_power_index(&self) -> u8 {
        self.link.tx_power_index
    }

    /// Where the node stands with its network.
    pub fn standing(&self) -> Standing {
        match &self.session {
            None => Standing::NotJoined,
            Some(session) if session.is_worn_out() => Standing::JoinAgain,
            Some(_) => Standing::Joined,
        }
    }
}
