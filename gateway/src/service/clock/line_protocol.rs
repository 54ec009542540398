//! How a simulation sets the clock: lines of text over TCP, one client at a time.
//!
//! | request | answer |
//! | --- | --- |
//! | `advance <us>` | `at <us>`: the time is set and all that was due by then is done, in order |
//! | `settle <frames>` | `settled <next deadline in us, or never>`: so many frames have come from packet forwarders since the start, the outbox is empty, and every transmission was answered; or `unsettled <what is open>` after five seconds of wall time |
//!
//! Anything else is answered by `error <why>`.
use chirrup_protocol::time::Instant;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

/// The longest line that is read.
const MAX_LINE_BYTES: u64 = 64;

/// How long to let a listener alone that fails.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// What a simulation wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Set the time.
    Advance {
        /// To this.
        to: Instant,
    },
    /// Say when all is done that these frames caused.
    Settle {
        /// Frames that the simulation has pushed since the start of this process, good and bad.
        frames: u64,
    },
}

/// A command and the way back for its answer.
pub type Request = (Command, oneshot::Sender<String>);

fn parse(line: &str) -> Result<Command, &'static str> {
    let (verb, number) = line.trim_end().split_once(' ').ok_or("expected a verb and a number")?;
    let number: u64 = number.parse().map_err(|_| "expected a whole number")?;
    match verb {
        "advance" => Ok(Command::Advance { to: Instant::from_micros(number) }),
        "settle" => Ok(Command::Settle { frames: number }),
        _ => Err("expected advance or settle"),
    }
}

/// Answers a request.
pub fn reply(answer: oneshot::Sender<String>, text: String) {
    if answer.send(text).is_err() {
        tracing::debug!("the clock's client left before its answer");
    }
}

/// Serves one client after the other until nobody takes requests any more.
pub async fn serve(listener: TcpListener, requests: mpsc::Sender<Request>) {
    while !requests.is_closed() {
        match listener.accept().await {
            Ok((stream, _)) => {
                if let Err(error) = serve_one(stream, &requests).await {
                    tracing::debug!(%error, "clock client");
                }
            }
            Err(error) => {
                tracing::warn!(%error, "clock listener");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn serve_one(stream: TcpStream, requests: &mpsc::Sender<Request>) -> std::io::Result<()> {
    // A simulation waits for every line: none may wait for company.
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let mut line = String::new();
    while (&mut reader).take(MAX_LINE_BYTES).read_line(&mut line).await? > 0 {
        let mut answer = match parse(&line) {
            Ok(command) => match ask(command, requests).await {
                Some(answer) => answer,
                None => return Ok(()),
            },
            Err(why) => format!("error {why}"),
        };
        answer.push('\n');
        writer.write_all(answer.as_bytes()).await?;
        line.clear();
    }
    Ok(())
}

async fn ask(command: Command, requests: &mpsc::Sender<Request>) -> Option<String> {
    let (sender, answer) = oneshot::channel();
    requests.send((command, sender)).await.ok()?;
    answer.await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_commands() {
        assert_eq!(parse("advance 17\n"), Ok(Command::Advance { to: Instant::from_micros(17) }));
        assert_eq!(parse("settle 3"), Ok(Command::Settle { frames: 3 }));
        for wrong in ["", "advance", "advance x", "rewind 3", "advance -1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
