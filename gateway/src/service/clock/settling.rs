//! A simulation waits until all that it caused is done.
use super::line_protocol::reply;
use chirrup_protocol::time::Instant;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant as WallInstant;

/// How long it waits, in wall time.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What the service has done and still has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnderWay {
    /// Frames that packet forwarders have pushed.
    pub frames: u64,
    /// Uplinks in the outbox.
    pub without_receipt: usize,
    /// Transmissions that no concentrator has answered.
    pub unanswered: usize,
    /// When the network server wants to be woken.
    pub next_deadline: Option<Instant>,
}

/// The question that is open, if one is. A newer one replaces it: there is one client.
#[derive(Debug, Default)]
pub struct Settling(Option<Question>);

#[derive(Debug)]
struct Question {
    frames: u64,
    answer: oneshot::Sender<String>,
    until: WallInstant,
}

impl Settling {
    /// Begins to wait for so many frames and all that they cause.
    pub fn begin(&mut self, frames: u64, answer: oneshot::Sender<String>) {
        self.0 = Some(Question { frames, answer, until: WallInstant::now() + TIMEOUT });
    }

    /// When to give up.
    pub fn until(&self) -> Option<WallInstant> {
        self.0.as_ref().map(|question| question.until)
    }

    /// Answers if all is done.
    pub fn conclude(&mut self, open: &UnderWay) {
        let done = open.without_receipt == 0 && open.unanswered == 0;
        if let Some(question) = self.0.take_if(|question| done && open.frames >= question.frames) {
            let next = open.next_deadline.map(|deadline| deadline.as_micros().to_string());
            reply(question.answer, format!("settled {}", next.as_deref().unwrap_or("never")));
        }
    }

    /// Answers with what is still open.
    pub fn give_up(&mut self, open: &UnderWay) {
        let Some(Question { frames, answer, .. }) = self.0.take() else { return };
        let UnderWay { frames: have, without_receipt, unanswered, .. } = open;
        let text = format!(
            "unsettled frames {have}/{frames}, without receipt {without_receipt}, \
             unanswered transmissions {unanswered}"
        );
        reply(answer, text);
    }
}
