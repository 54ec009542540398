//! The loop around the network server: events in, commit, then act.
//!
//! Events that have come up are handled together; what they want stored goes to the disk in one commit; only then
//! do their transmissions, publications and answers leave. One task owns it all, so nothing here is shared. What each
//! event changes stands in `intake`.
mod intake;

use super::clock::Clock;
use super::clock::line_protocol::{self, Request};
use super::clock::settling::{Settling, UnderWay};
use super::counters::ServiceCounters;
use super::mqtt::{News, Publisher};
use super::outbox::Outbox;
use super::packet_forwarder::{Forwarders, Report};
use super::store::{Store, StoreError, Write};
use crate::core::{Action, Event, NetworkServer, Transmission};
use chirrup_protocol::backhaul::UplinkId;
use chirrup_protocol::ids::GatewayId;
use chirrup_protocol::time::Instant;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant as WallInstant;

/// Events that one commit takes in at most.
const BATCH: usize = 256;
/// Transmissions whose answer is waited for. Of more, the oldest are forgotten: some forwarders never answer.
const MAX_UNANSWERED: usize = 1_024;
/// How long a shutdown waits for receipts and receive windows.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);
/// How often the counters are logged.
const REPORT_INTERVAL: Duration = Duration::from_secs(600);

/// Where events come from.
#[derive(Debug)]
pub struct Inputs {
    pub reports: mpsc::Receiver<Report>,
    pub news: mpsc::Receiver<News>,
    pub requests: mpsc::Receiver<Request>,
}

/// The service's state while it runs.
pub struct Engine {
    server: NetworkServer,
    clock: Arc<Clock>,
    store: Store,
    outbox: Outbox,
    publisher: Publisher,
    forwarders: Arc<Forwarders>,
    connected: bool,
    /// Whether a shutdown has begun: no more frames are taken in.
    draining: bool,
    writes: Vec<Write>,
    transmissions: Vec<Transmission>,
    /// By concentrator and the bits of the token that the protocol carries.
    unanswered: BTreeMap<(GatewayId, u16), u64>,
    /// Answers to the clock's client, due after the next commit.
    answers: Vec<(oneshot::Sender<String>, String)>,
    settling: Settling,
    counters: ServiceCounters,
}

/// What the loop does next.
enum Turn {
    Report(Report),
    News(News),
    Request(Request),
    Deadline,
    Publish,
    GiveUpSettling,
    LogCounters,
    Shutdown,
    Drained,
}

impl Engine {
    pub fn new(
        server: NetworkServer,
        clock: Arc<Clock>,
        store: Store,
        outbox: Outbox,
        publisher: Publisher,
        forwarders: Arc<Forwarders>,
    ) -> Self {
        Self {
            server,
            clock,
            store,
            outbox,
            publisher,
            forwarders,
            connected: false,
            draining: false,
            writes: Vec::new(),
            transmissions: Vec::new(),
            unanswered: BTreeMap::new(),
            answers: Vec::new(),
            settling: Settling::default(),
            counters: ServiceCounters::default(),
        }
    }

    /// Runs until the shutdown, and then until all is settled or three seconds are over.
    ///
    /// # Errors
    /// The database failed. What was not committed has not been acted upon; the caller should end the process, and
    /// its next start continues from the last commit.
    pub async fn run(
        &mut self,
        mut inputs: Inputs,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), StoreError> {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut drained_by = None;
        let mut log = tokio::time::interval(REPORT_INTERVAL);
        log.tick().await;
        loop {
            let turn = tokio::select! {
                () = &mut shutdown, if drained_by.is_none() => Turn::Shutdown,
                () = sleep_until(drained_by) => Turn::Drained,
                Some(report) = inputs.reports.recv() => Turn::Report(report),
                Some(news) = inputs.news.recv() => Turn::News(news),
                Some(request) = inputs.requests.recv() => Turn::Request(request),
                () = self.clock.sleep_until(self.server.next_deadline()) => Turn::Deadline,
                () = sleep_until(self.next_publication()) => Turn::Publish,
                () = sleep_until(self.settling.until()) => Turn::GiveUpSettling,
                _ = log.tick() => Turn::LogCounters,
            };
            match turn {
                Turn::Shutdown => {
                    drained_by = Some(WallInstant::now() + DRAIN_TIMEOUT);
                    self.draining = true;
                }
                Turn::Drained => break,
                turn => self.take(turn, &mut inputs),
            }
            self.act().await?;
            if drained_by.is_some() && self.is_drained() {
                break;
            }
        }
        self.log_counters();
        self.publisher.disconnect();
        Ok(())
    }

    fn take(&mut self, turn: Turn, inputs: &mut Inputs) {
        match turn {
            Turn::Report(report) => self.take_report(report),
            Turn::News(news) => self.take_news(news),
            Turn::Request(request) => self.take_request(request),
            Turn::Deadline => self.handle(self.clock.now(), Event::DeadlineReached),
            Turn::GiveUpSettling => self.settling.give_up(&self.under_way()),
            Turn::LogCounters => self.log_counters(),
            Turn::Publish | Turn::Shutdown | Turn::Drained => {}
        }
        // What has come up meanwhile shares the commit.
        for _ in 1..BATCH {
            if let Ok(report) = inputs.reports.try_recv() {
                self.take_report(report);
            } else if let Ok(news) = inputs.news.try_recv() {
                self.take_news(news);
            } else {
                break;
            }
        }
    }

    fn handle(&mut self, now: Instant, event: Event) {
        self.server.handle(now, event);
        while let Some(action) = self.server.poll_action() {
            match action {
                Action::Transmit(transmission) => self.transmissions.push(transmission),
                Action::StoreDevice(record) => self.writes.push(Write::Device(record)),
                Action::ReserveUplinkIds { below } => self.writes.push(Write::UplinkIds { below }),
                Action::StoreAirtime(record) => self.writes.push(Write::Airtime(record)),
                Action::Forward(uplink) => match self.outbox.add(uplink.clone()) {
                    Ok(()) => self.writes.push(Write::Uplink(uplink)),
                    Err(error) => {
                        self.counters.outbox_full += 1;
                        tracing::warn!(%error, dev_eui = %uplink.dev_eui, fcnt = uplink.fcnt, "uplink refused");
                    }
                },
            }
        }
    }

    /// Commits, and carries out what was waiting for it.
    async fn act(&mut self) -> Result<(), StoreError> {
        // A refusal without a way to the concentrator may ask for another transmission, and so on.
        while !self.writes.is_empty() || !self.transmissions.is_empty() {
            let writes = std::mem::take(&mut self.writes);
            if !writes.is_empty() {
                self.store.commit(writes).await?;
            }
            for transmission in std::mem::take(&mut self.transmissions) {
                self.transmit(&transmission).await;
            }
        }
        self.publish();
        for (answer, text) in self.answers.drain(..) {
            line_protocol::reply(answer, text);
        }
        self.settling.conclude(&self.under_way());
        Ok(())
    }

    async fn transmit(&mut self, transmission: &Transmission) {
        let (concentrator, token) = (transmission.concentrator, transmission.token);
        // Noted first: the answer must not overtake the note.
        self.unanswered.insert((concentrator, token as u16), token);
        match self.forwarders.send(transmission).await {
            Ok(()) => self.counters.transmissions += 1,
            Err(refusal) => {
                self.unanswered.remove(&(concentrator, token as u16));
                self.answered(token, Err(refusal));
            }
        }
        if self.unanswered.len() > MAX_UNANSWERED
            && let Some(&oldest) = self.unanswered.iter().min_by_key(|&(_, &token)| token).map(|(key, _)| key)
        {
            self.unanswered.remove(&oldest);
        }
    }

    fn publish(&mut self) {
        if !self.connected {
            return;
        }
        while let Some(uplink) = self.outbox.next(std::time::Instant::now()) {
            let id: UplinkId = uplink.id;
            if let Err(error) = self.publisher.publish(uplink) {
                tracing::debug!(%error, "publication waits");
                self.outbox.not_published(id);
                return;
            }
            self.counters.publications += 1;
        }
    }

    fn next_publication(&self) -> Option<WallInstant> {
        self.outbox.next_deadline().filter(|_| self.connected).map(WallInstant::from_std)
    }

    fn under_way(&self) -> UnderWay {
        UnderWay {
            frames: self.counters.frames_pushed,
            without_receipt: self.outbox.len(),
            unanswered: self.unanswered.len(),
            next_deadline: self.server.next_deadline(),
        }
    }

    /// Whether nothing is under way. With a clock that stands still no window passes by itself.
    fn is_drained(&self) -> bool {
        let windows_passed = match *self.clock {
            Clock::System(_) => self.server.next_deadline().is_none(),
            Clock::Injected(_) => true,
        };
        windows_passed && self.unanswered.is_empty() && (self.outbox.is_empty() || !self.connected)
    }

    fn log_counters(&self) {
        self.counters.log(self.server.counters(), self.outbox.len());
    }
}

async fn sleep_until(at: Option<WallInstant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
