//! What an event from a forwarder, the broker or the clock's client changes.
use super::super::clock::line_protocol::{Command, Request};
use super::super::mqtt::News;
use super::super::packet_forwarder::Report;
use super::super::store::Write;
use super::Engine;
use crate::core::{Event, Refusal};
use chirrup_protocol::backhaul::Receipt;
use chirrup_protocol::time::Instant;

impl Engine {
    pub(super) fn take_report(&mut self, report: Report) {
        match report {
            Report::Pushed { .. } if self.draining => {}
            Report::Pushed { at, pushed } => {
                self.counters.frames_pushed += pushed.frames();
                self.counters.crc_failed += pushed.crc_failed;
                self.counters.unreadable_frames += pushed.unreadable;
                for heard in pushed.heard {
                    self.handle(at, Event::FrameHeard(heard));
                }
            }
            Report::Answered { concentrator, token, result } => {
                if let Some(token) = self.unanswered.remove(&(concentrator, token)) {
                    self.answered(token, result);
                }
            }
            Report::Malformed => self.counters.malformed_datagrams += 1,
        }
    }

    pub(super) fn answered(&mut self, token: u64, result: Result<(), Refusal>) {
        if let Err(refusal) = result {
            tracing::debug!(token, ?refusal, "transmission refused");
            self.handle(self.clock.now(), Event::TransmissionRefused { token, refusal });
        }
    }

    pub(super) fn take_news(&mut self, news: News) {
        match news {
            News::Connected => {
                tracing::info!(outbox = self.outbox.len(), "connected to the broker");
                self.connected = true;
                self.outbox.reconnected();
            }
            News::Disconnected => self.connected = false,
            News::Receipt(receipt) => self.take_receipt(receipt),
            News::Unreadable => self.counters.unreadable_envelopes += 1,
        }
    }

    fn take_receipt(&mut self, receipt: Receipt) {
        self.counters.receipts += 1;
        let id = receipt.id;
        if self.outbox.receipt(std::time::Instant::now(), id) {
            self.writes.push(Write::Receipt(id));
        }
        self.handle(self.clock.now(), Event::ReceiptReceived(receipt));
    }

    pub(super) fn take_request(&mut self, (command, answer): Request) {
        match command {
            Command::Advance { to } => {
                self.advance(to);
                self.answers.push((answer, format!("at {}", self.clock.now().as_micros())));
            }
            Command::Settle { frames } => self.settling.begin(frames, answer),
        }
    }

    /// Runs what is due on the way, each at its own time.
    fn advance(&mut self, to: Instant) {
        while let Some(deadline) = self.server.next_deadline().filter(|&deadline| deadline <= to) {
            self.clock.advance(deadline);
            self.handle(self.clock.now(), Event::DeadlineReached);
        }
        self.clock.advance(to);
    }
}
