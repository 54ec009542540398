//! The guard itself: decides before an exchange, builds a stack for it, and keeps what it brought.
mod checkpoint;
mod exchange;
mod limits;
mod outlook;

use self::checkpoint::{Reserved, restore_link};
use self::exchange::{Uplink, acknowledgement};
pub use self::outlook::Standing;
use super::admission::Accepted;
use super::adr::{Adr, Backoff};
use super::airtime::Ledger;
use super::channels::JoinProbe;
use super::config::GuardConfig;
use super::counters::Counters;
use super::error::{JoinError, RestoreError, SendError};
use super::link::{DataRates, Link};
use super::mac::Answers;
use super::outcome::{Confirmation, Joined, Sent};
use super::session::Session;
use super::snapshot::{Snapshot, SnapshotStore};
use chirrup_protocol::airtime::LORAWAN_OVERHEAD_BYTES;
use chirrup_protocol::time::{Duration, Instant};
use lorawan_device::RngCore;
use lorawan_device::async_device::Timings;
use lorawan_device::async_device::radio::{PhyRxTx, Timer};

/// Bytes of a join request.
const JOIN_REQUEST_BYTES: usize = 23;

/// What a guard is built on.
#[derive(Clone, Debug)]
pub struct Parts<R, T, G, S> {
    /// Sends and receives frames.
    pub radio: R,
    /// Times the receive windows.
    pub timer: T,
    /// Chooses among channels; need not be secret, but should differ from node to node.
    pub rng: G,
    /// Keeps snapshots.
    pub store: S,
}

/// A Class-A LoRaWAN node. See the [module](super) for what it guards against.
///
/// Await the futures of [`join`](Self::join) and [`send`](Self::send) to their end. Dropping one is safe, its
/// counter is spent, but what it would have received is lost.
pub struct Guard<R, T, G, S> {
    config: GuardConfig,
    radio: R,
    timer: T,
    rng: G,
    store: S,
    link: Link,
    session: Option<Session>,
    answers: Answers,
    backoff: Backoff,
    probe: JoinProbe,
    ledger: Ledger,
    counters: Counters,
    next_dev_nonce: u32,
    last_join_nonce: Option<[u8; 3]>,
    reserved: Reserved,
    /// Something other than a counter changed that a restart must find.
    checkpoint_due: bool,
    in_exchange: bool,
}

impl<R, T, G, S> Guard<R, T, G, S>
where
    R: PhyRxTx + Timings,
    T: Timer,
    G: RngCore,
    S: SnapshotStore,
{
    /// A node as configured, from `restored` onwards if it ran before. Sends nothing yet.
    ///
    /// # Errors
    /// When nodes do not run in the region, or the data rates of the configuration are no range of it.
    pub fn new(
        config: GuardConfig,
        parts: Parts<R, T, G, S>,
        restored: Option<&Snapshot>,
        now: Instant,
    ) -> Result<Self, RestoreError> {
        let region = config.region;
        let fresh = Link::new(region, DataRates::of(&config)?);
        let Parts { radio, timer, rng, store } = parts;
        let session = restored.and_then(|record| record.session);
        let next_dev_nonce = restored.map_or(0, |record| record.first_dev_nonce);
        Ok(Self {
            link: restored.map_or_else(|| fresh.clone(), |record| restore_link(&fresh, &record.link)),
            ledger: restored.map_or_else(
                || Ledger::new(region),
                |record| Ledger::restore(region, now, record.charged_ms),
            ),
            last_join_nonce: restored.and_then(|record| record.last_join_nonce),
            reserved: Reserved {
                dev_nonce: next_dev_nonce,
                fcnt_up: session.map_or(0, |session| session.next_fcnt_up),
            },
            next_dev_nonce,
            session,
            config,
            radio,
            timer,
            rng,
            store,
            answers: Answers::default(),
            backoff: Backoff::default(),
            probe: JoinProbe::default(),
            counters: Counters::default(),
            // The stored charge was spent by charging it: the next frame needs a charge of its own.
            checkpoint_due: true,
            in_exchange: false,
        })
    }

    /// The same node, with data rate and power decided by `adr`.
    #[must_use]
    pub fn with_adr(self, adr: Adr) -> Self {
        Self { backoff: Backoff::of(adr), ..self }
    }

    /// Joins the network at the current data rate, or where the region's plan is fixed at the region's own, one
    /// channel a call. A session held before is kept until the new one exists.
    ///
    /// # Errors
    /// See [`JoinError`]; [`JoinError::NoAccept`] is what happens out of reach.
    pub async fn join(&mut self, now: Instant) -> Result<Joined, JoinError<R::PhyError, S::Error>> {
        self.note_interruption();
        let dev_nonce = u16::try_from(self.next_dev_nonce).map_err(|_| JoinError::DevNonceExhausted)?;
        let (channel, on_air) = self
            .pick_join_channel(now, JOIN_REQUEST_BYTES)
            .map_err(|earliest| JoinError::DutyCycle { earliest })?;
        self.reserve_dev_nonce(on_air, now).await.map_err(JoinError::Store)?;
        self.next_dev_nonce += 1;
        self.in_exchange = true;
        let (report, outcome) = self.exchange_join(now, dev_nonce, channel).await;
        self.in_exchange = false;
        self.probe.sent();
        match (outcome, report.accepted, report.departed) {
            (Ok(Some(session)), Some(Accepted::Join(accept)), Some(departed)) => {
                let joined =
                    Joined { dev_addr: session.dev_addr(), signal: accept.signal, on_air: departed.on_air };
                self.adopt(session, &accept, channel.1, now).await;
                Ok(joined)
            }
            (Ok(None), ..) => Err(JoinError::NoAccept),
            (Ok(Some(_)), ..) => Err(JoinError::Stack),
            (Err(failure), ..) => Err(failure.into()),
        }
    }

    /// Sends one uplink and listens in both windows.
    ///
    /// # Errors
    /// See [`SendError`]. After [`SendError::Transmit`] and [`SendError::Receive`] the frame may have arrived.
    pub async fn send(
        &mut self,
        now: Instant,
        fport: u8,
        payload: &[u8],
        confirmation: Confirmation,
    ) -> Result<Sent, SendError<R::PhyError, S::Error>> {
        self.note_interruption();
        let session = self.check_uplink(fport, payload.len())?;
        let phy_bytes = payload.len() + LORAWAN_OVERHEAD_BYTES + self.answers.len();
        let channels = self.link.channels.clone();
        let (frequency_hz, on_air) = self
            .pick_channel(now, &channels, self.link.data_rate, phy_bytes)
            .map_err(|earliest| SendError::DutyCycle { earliest })?;
        self.reserve_fcnt_up(session, on_air, now).await.map_err(SendError::Store)?;
        // Spent before it is used: whatever interrupts the exchange, no counter encrypts twice.
        let fcnt = session.next_fcnt_up;
        self.session = Some(Session { next_fcnt_up: fcnt + 1, ack_due: false, ..session });
        let data_rate = self.link.data_rate;
        self.in_exchange = true;
        let uplink = Uplink { session, fport, payload, confirmation, frequency_hz, data_rate };
        let (report, outcome) = self.exchange_data(now, uplink).await;
        self.in_exchange = false;
        let answer = outcome?;
        let departed = report.departed.ok_or(SendError::Stack)?;
        let heard = match report.accepted {
            Some(Accepted::Data(heard)) => Some(heard),
            _ => {
                self.note_silence();
                None
            }
        };
        Ok(Sent {
            fcnt,
            data_rate,
            frequency_hz,
            phy_bytes: departed.phy_bytes,
            on_air: departed.on_air,
            acknowledgement: acknowledgement(confirmation, heard.as_ref()),
            downlink: heard.map(|heard| self.take_in(&heard, answer)),
        })
    }

    /// Frames sent, accepted and discarded since the guard was built.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Stores a snapshot now, for instance before a planned power-off.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn checkpoint(&mut self, now: Instant) -> Result<(), S::Error> {
        self.checkpoint_as(self.reserved, Duration::ZERO, now).await
    }

    /// The state that a restart would have to find if the power failed now.
    pub fn snapshot(&mut self, now: Instant) -> Snapshot {
        self.snapshot_as(self.reserved, self.ledger.reserve(), now)
    }

    /// The radio, to listen or to sleep between exchanges. What is transmitted with it escapes the duty cycle.
    pub fn radio_mut(&mut self) -> &mut R {
        &mut self.radio
    }

    /// The snapshot store.
    pub fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    /// Gives back what the guard was built on.
    pub fn into_parts(self) -> Parts<R, T, G, S> {
        Parts { radio: self.radio, timer: self.timer, rng: self.rng, store: self.store }
    }

    fn note_silence(&mut self) {
        let before = (self.link.data_rate, self.link.tx_power_index);
        self.backoff.unanswered(&mut self.link);
        self.checkpoint_due |= before != (self.link.data_rate, self.link.tx_power_index);
    }
}
