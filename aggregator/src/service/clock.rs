//! Where protocol time comes from: the operating system, or whoever drives the service.
//!
//! The injected clock speaks lines over TCP, to one client at a time:
//! ```text
//! > advance <us>                      set protocol time, in microseconds, and run the deadlines due until then
//! < at <us> <next_deadline_us|never>  done, and written to the ledger
//! < error <why>                       the line was not understood; nothing happened
//! ```
//! Time never goes back: an earlier `advance` is answered with the time that it is. The time of an event is the
//! later of the clock and the uplink's own time of arrival, and a restart resumes at the ledger's latest time.
use super::driver::Request;
use chirrup_protocol::time::{Duration, Instant};
use std::time::SystemTime;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

/// Longest line that is read.
const MAX_LINE_BYTES: u64 = 64;
/// The system's clock may be set while the service waits for a deadline: look at it at least this often.
const LONGEST_WAIT: std::time::Duration = std::time::Duration::from_secs(30);

/// Protocol time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The operating system's, as microseconds since the Unix epoch. It is believed as it is, even when it is set
    /// back: the core copes with that.
    System,
    /// One that stands at this time until it is advanced, and never goes back.
    Injected(Instant),
}

/// What a driven clock answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advanced {
    /// The time.
    pub now: Instant,
    /// When something is due next.
    pub next_deadline: Option<Instant>,
}

impl Clock {
    /// The time.
    pub fn now(&self) -> Instant {
        match self {
            Self::System => system_time(),
            Self::Injected(now) => *now,
        }
    }

    /// The time of an uplink that arrived at a gateway at `received_at`.
    pub fn of_uplink(&mut self, received_at: Instant) -> Instant {
        self.advance(received_at);
        self.now()
    }

    /// Sets an injected clock, but never back.
    pub fn advance(&mut self, to: Instant) {
        if let Self::Injected(now) = self {
            *now = to.max(*now);
        }
    }

    /// How long to wait in real time for a deadline; `None` when only `advance` makes it come.
    pub fn wait_for(&self, deadline: Instant) -> Option<std::time::Duration> {
        let span = deadline.saturating_since(self.now());
        let wait = std::time::Duration::from_micros(Duration::as_micros(span)).min(LONGEST_WAIT);
        matches!(self, Self::System).then_some(wait)
    }
}

fn system_time() -> Instant {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Instant::from_micros(since.as_micros() as u64)
}

/// Serves the injected clock until the service ends.
pub async fn serve(listener: TcpListener, requests: mpsc::Sender<Request>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if let Err(error) = converse(stream, &requests).await {
                    tracing::warn!(%error, "the clock's client is gone");
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the clock could not accept a client");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, requests: &mpsc::Sender<Request>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let mut line = String::new();
    while (&mut reader).take(MAX_LINE_BYTES).read_line(&mut line).await? > 0 {
        let reply = match parse(&line) {
            Some(to) => advance(to, requests).await,
            None => "error expected: advance <microseconds>\n".to_owned(),
        };
        writer.write_all(reply.as_bytes()).await?;
        line.clear();
    }
    Ok(())
}

fn parse(line: &str) -> Option<Instant> {
    line.strip_suffix('\n')?.trim_end().strip_prefix("advance ")?.parse().ok().map(Instant::from_micros)
}

async fn advance(to: Instant, requests: &mpsc::Sender<Request>) -> String {
    let (reply, answer) = oneshot::channel();
    let stopped = || "error the service is stopping\n".to_owned();
    if requests.send(Request::Advance { to, reply }).await.is_err() {
        return stopped();
    }
    let Ok(Advanced { now, next_deadline }) = answer.await else { return stopped() };
    let next = next_deadline.map_or("never".into(), |next| next.as_micros().to_string());
    format!("at {} {next}\n", now.as_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_injected_clock_never_goes_back() {
        let at = Instant::from_micros;
        let mut clock = Clock::Injected(at(50));
        clock.advance(at(40));
        assert_eq!(clock.now(), at(50));
        assert_eq!(clock.of_uplink(at(70)), at(70));
        assert_eq!(clock.of_uplink(at(60)), at(70));
        assert_eq!(clock.wait_for(at(90)), None);
    }

    #[test]
    fn a_line_is_understood_or_refused() {
        assert_eq!(parse("advance 7\n"), Some(Instant::from_micros(7)));
        assert_eq!(parse("advance 7\r\n"), Some(Instant::from_micros(7)));
        for wrong in
            ["advance\n", "advance -1\n", "advance 7", "ADVANCE 7\n", "advance 99999999999999999999\n"]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
