//! The injected clocks: how the run sets the protocol time of a service, and learns that it has done its work.
use chirrup_protocol::time::Instant;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longest silence of a service.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to a service's clock.
#[derive(Debug)]
pub struct ClockLink {
    reader: BufReader<TcpStream>,
}

/// What a service says of its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settling {
    /// All is done; this is due next.
    Settled(Option<Instant>),
    /// Something is open.
    Open(String),
}

impl ClockLink {
    /// Connects.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { reader: BufReader::new(stream) })
    }

    /// Sets the time; deadlines that are due then are handled first. Returns what is due next, where the service
    /// says it.
    pub fn advance(&mut self, to: Instant) -> io::Result<Option<Instant>> {
        let reply = self.ask(&format!("advance {}\n", to.as_micros()))?;
        let mut words = reply.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some("at"), Some(_), next) => Ok(next.and_then(deadline)),
            _ => Err(unexpected(&reply)),
        }
    }

    /// Asks whether so many frames, and all that they caused, are done.
    pub fn settle(&mut self, frames: u64) -> io::Result<Settling> {
        let reply = self.ask(&format!("settle {frames}\n"))?;
        match reply.split_once(' ') {
            Some(("settled", next)) => Ok(Settling::Settled(deadline(next))),
            Some(("unsettled", what)) => Ok(Settling::Open(what.to_owned())),
            _ => Err(unexpected(&reply)),
        }
    }

    fn ask(&mut self, request: &str) -> io::Result<String> {
        self.reader.get_mut().write_all(request.as_bytes())?;
        let mut reply = String::new();
        if self.reader.read_line(&mut reply)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(reply.trim_end().to_owned())
    }
}

fn deadline(word: &str) -> Option<Instant> {
    word.trim().parse().ok().map(Instant::from_micros)
}

fn unexpected(reply: &str) -> io::Error {
    io::Error::other(format!("the clock answered {reply:?}"))
}
