//! Drives the core: one thread that owns aggregator, ledger and clock.
//!
//! All uplinks that wait are handled together, and one durable transaction holds what they caused; then their
//! receipts go out. A disk makes a few hundred transactions a second and ten thousand records in them.
use super::clock::{Advanced, Clock};
use super::ledger::{Ledger, LedgerError, VersionScore};
use super::mqtt::{Delivery, NoRandomness, Origin, Receipts};
use super::status::Status;
use super::validation::{Score, ValidationSet};
use crate::core::ledger::ReplayError;
use crate::core::{Action, Aggregator, Event, Record};
use chirrup_protocol::backhaul::Receipt;
use chirrup_protocol::time::Instant;
use std::collections::BTreeMap;
use tokio::sync::{mpsc, oneshot};

/// Most uplinks in one transaction.
const MAX_BATCH: usize = 512;

/// The core's thread ended, and the service with it: what it holds in memory may be ahead of the ledger.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A record of the ledger does not follow from those before it.
    #[error("record {number} of the ledger: {source}")]
    Replay {
        /// Which one.
        number: u64,
        /// Why.
        source: ReplayError,
    },
    /// No randomness for envelopes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

/// What others ask of the core's thread.
pub enum Request {
    /// Set the injected clock.
    Advance {
        /// The time it should be.
        to: Instant,
        /// The time it is.
        reply: oneshot::Sender<Advanced>,
    },
    /// Describe the federation.
    Status {
        /// The description.
        reply: oneshot::Sender<Status>,
    },
}

/// Versions judged on the operator's validation file.
pub struct Judge {
    set: ValidationSet,
    scores: BTreeMap<u32, Score>,
}

/// Aggregator, ledger and clock.
pub struct Driver {
    pub(super) aggregator: Aggregator,
    pub(super) ledger: Ledger,
    pub(super) clock: Clock,
    judge: Option<Judge>,
    receipts: Receipts,
    /// Not yet in the ledger.
    records: Vec<Record>,
    /// Not yet in the ledger.
    scores: Vec<VersionScore>,
    /// Due once these are.
    answers: Vec<(Origin, Receipt)>,
    /// Without a receipt their gateways bring them again.
    put_off: Vec<Origin>,
}

/// An aggregator as its ledger left it, and the latest time in the ledger.
pub fn recover(mut aggregator: Aggregator, ledger: &Ledger) -> Result<(Aggregator, Instant), DriverError> {
    let mut latest = Instant::ZERO;
    ledger.read(|number, record| {
        latest = latest.max(time_of(&record));
        aggregator.apply(&record).map_err(|source| DriverError::Replay { number, source })
    })?;
    Ok((aggregator, latest))
}

fn time_of(record: &Record) -> Instant {
    match record {
        Record::Frame { at, .. } => *at,
        Record::ScaleSettled(settled) => settled.at,
        Record::Closing(closing) => closing.at,
        Record::DownlinkCounters { .. } => Instant::ZERO,
    }
}

impl Judge {
    /// A judge that remembers the scores in the ledger.
    pub fn new(set: ValidationSet, ledger: &Ledger) -> Result<Self, LedgerError> {
        Ok(Self { scores: ledger.scores(set.digest())?, set })
    }

    /// The newest version's score, if it has none yet.
    fn judge(&mut self, aggregator: &Aggregator) -> Option<VersionScore> {
        let version = aggregator.current()?.number;
        if version == 0 || self.scores.contains_key(&version) {
            return None;
        }
        let score = self.set.judge(aggregator)?;
        self.scores.insert(version, score);
        Some(VersionScore { file: self.set.digest(), version, score })
    }
}

impl Driver {
    /// A driver of a recovered aggregator.
    pub fn new(
        aggregator: Aggregator,
        ledger: Ledger,
        clock: Clock,
        judge: Option<Judge>,
        receipts: Receipts,
    ) -> Self {
        Self {
            aggregator,
            ledger,
            clock,
            judge,
            receipts,
            records: Vec::new(),
            scores: Vec::new(),
            answers: Vec::new(),
            put_off: Vec::new(),
        }
    }

    /// Runs until `uplinks` is closed and empty. Blocks its thread while it commits.
    pub async fn run(
        mut self,
        mut uplinks: mpsc::Receiver<Delivery>,
        mut requests: mpsc::Receiver<Request>,
    ) -> Result<(), DriverError> {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        self.judge_newest();
        loop {
            let wait = self.aggregator.next_deadline().and_then(|deadline| self.clock.wait_for(deadline));
            tokio::select! {
                taken = uplinks.recv_many(&mut batch, MAX_BATCH) => match taken {
                    0 => return Ok(()),
                    _ => self.take_in(batch.drain(..))?,
                },
                Some(request) = requests.recv() => self.serve(request)?,
                () = sleep(wait) => self.run_deadlines()?,
            }
        }
    }

    fn take_in(&mut self, batch: impl Iterator<Item = Delivery>) -> Result<(), DriverError> {
        for Delivery { uplink, origin } in batch {
            let now = self.clock.of_uplink(uplink.received_at);
            self.aggregator.handle(now, Event::UplinkReceived { via: origin.gateway(), uplink });
            self.collect(Some(origin));
            self.judge_newest();
        }
        self.commit()
    }

    fn serve(&mut self, request: Request) -> Result<(), DriverError> {
        let is_answered = match request {
            Request::Advance { to, reply } => {
                self.advance(to)?;
                let next_deadline = self.aggregator.next_deadline();
                reply.send(Advanced { now: self.clock.now(), next_deadline }).is_ok()
            }
            Request::Status { reply } => reply.send(Status::of(self)).is_ok(),
        };
        if !is_answered {
            tracing::debug!("whoever asked is gone");
        }
        Ok(())
    }

    /// Each deadline on the way comes at its own time, as if the clock had run.
    fn advance(&mut self, to: Instant) -> Result<(), DriverError> {
        if self.clock.now() == Instant::ZERO {
            // Nobody has told the time yet: what is due at once is due now, not at the epoch.
            self.clock.advance(to);
        }
        let mut last = None;
        while let Some(deadline) = self.aggregator.next_deadline().filter(|&due| due <= to) {
            if last.replace(deadline) == Some(deadline) {
                break;
            }
            self.clock.advance(deadline);
            self.run_deadlines()?;
        }
        self.clock.advance(to);
        Ok(())
    }

    fn run_deadlines(&mut self) -> Result<(), DriverError> {
        let now = self.clock.now();
        if self.aggregator.next_deadline().is_some_and(|due| due <= now) {
            self.aggregator.handle(now, Event::DeadlineReached);
            self.collect(None);
            self.judge_newest();
        }
        self.commit()
    }

    fn collect(&mut self, mut origin: Option<Origin>) {
        while let Some(action) = self.aggregator.poll_action() {
            match action {
                Action::Append(record) => self.records.push(record),
                Action::Acknowledge(receipt) => self.answers.extend(origin.take().map(|o| (o, receipt))),
                Action::PutOff(_) => self.put_off.extend(origin.take()),
            }
        }
    }

    fn commit(&mut self) -> Result<(), DriverError> {
        if !self.records.is_empty() || !self.scores.is_empty() {
            self.ledger.append(&self.records, &self.scores)?;
            self.records.clear();
            self.scores.clear();
        }
        for (origin, receipt) in self.answers.drain(..) {
            self.receipts.send(&origin, &receipt)?;
        }
        for origin in self.put_off.drain(..) {
            self.receipts.withhold(&origin);
        }
        Ok(())
    }

    fn judge_newest(&mut self) {
        if let Some(judge) = &mut self.judge {
            self.scores.extend(judge.judge(&self.aggregator));
        }
    }

    /// Samples in the validation file, and the scores of versions on it; `None` without one.
    pub(super) fn judged(&self) -> Option<(usize, &BTreeMap<u32, Score>)> {
        self.judge.as_ref().map(|judge| (judge.set.len(), &judge.scores))
    }
}

async fn sleep(wait: Option<std::time::Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}
