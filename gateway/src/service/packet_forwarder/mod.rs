//! Concentrators, by way of Semtech's UDP packet forwarder.
//!
//! The protocol authenticates nobody: bind it to an address that only the concentrators reach. Frames count from
//! configured concentrators only, and their own integrity codes protect them.
pub mod datagram;

use self::datagram::{Body, MAX_DATAGRAM_BYTES, Pushed};
use super::clock::Clock;
use crate::core::{Refusal, Transmission};
use chirrup_protocol::ids::GatewayId;
use chirrup_protocol::time::Instant;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

/// How long to let a socket alone that fails.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

/// What the packet forwarders have to say.
#[derive(Debug)]
pub enum Report {
    /// Frames were heard, the last of them now.
    Pushed {
        /// When the datagram came.
        at: Instant,
        /// Its frames.
        pushed: Pushed,
    },
    /// A concentrator took or refused what [`Forwarders::send`] asked for.
    Answered {
        /// Which one.
        concentrator: GatewayId,
        /// Low bits of the transmission's token.
        token: u16,
        /// What became of it.
        result: Result<(), Refusal>,
    },
    /// A datagram that makes no sense.
    Malformed,
}

/// The socket, and the ways back to the concentrators.
#[derive(Debug)]
pub struct Forwarders {
    socket: UdpSocket,
    /// Where the last keep-alive of each configured concentrator came from.
    ways: Mutex<BTreeMap<GatewayId, Option<SocketAddr>>>,
}

impl Forwarders {
    /// Opens the socket for these concentrators.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub async fn bind(address: SocketAddr, concentrators: &[GatewayId]) -> std::io::Result<Self> {
        let ways = concentrators.iter().map(|&id| (id, None)).collect();
        Ok(Self { socket: UdpSocket::bind(address).await?, ways: Mutex::new(ways) })
    }

    /// The address that it is bound to.
    ///
    /// # Errors
    /// The system does not say.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Reads datagrams for ever, in order. When the reports are not fetched it waits, and the system drops what its
    /// own buffer does not hold.
    pub async fn receive(self: Arc<Self>, clock: Arc<Clock>, reports: mpsc::Sender<Report>) {
        let mut buffer = vec![0; MAX_DATAGRAM_BYTES];
        loop {
            let (length, from) = match self.socket.recv_from(&mut buffer).await {
                Ok(received) => received,
                // On some systems a peer that has closed its port makes the next read fail.
                Err(error) => {
                    tracing::debug!(%error, "packet forwarder socket");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let at = clock.now();
            if let Some(report) = self.receive_one(at, &buffer[..length], from).await
                && reports.send(report).await.is_err()
            {
                return;
            }
        }
    }

    async fn receive_one(&self, at: Instant, bytes: &[u8], from: SocketAddr) -> Option<Report> {
        let Ok(datagram) = datagram::parse(bytes) else { return Some(Report::Malformed) };
        if let Some(answer) = datagram::acknowledgement(&datagram) {
            self.send_to(&answer, from).await;
        }
        let (concentrator, token) = (datagram.concentrator, datagram.token);
        match datagram.body {
            Body::Push(pushed) => Some(Report::Pushed { at, pushed }),
            Body::TxAck(result) => Some(Report::Answered { concentrator, token, result }),
            Body::Pull => {
                if let Some(way) = self.ways().get_mut(&concentrator) {
                    *way = Some(from);
                }
                None
            }
        }
    }

    /// Asks a concentrator to send a frame. The token's low bits come back in [`Report::Answered`].
    ///
    /// # Errors
    /// The concentrator is not connected, or cannot send such a frame.
    pub async fn send(&self, transmission: &Transmission) -> Result<(), Refusal> {
        let way = self.ways().get(&transmission.concentrator).copied().flatten();
        let way = way.ok_or(Refusal::Unavailable)?;
        let request =
            datagram::request(transmission.token as u16, transmission).ok_or(Refusal::NotSupported)?;
        if self.send_to(&request, way).await { Ok(()) } else { Err(Refusal::Unavailable) }
    }

    async fn send_to(&self, bytes: &[u8], to: SocketAddr) -> bool {
        match self.socket.send_to(bytes, to).await {
            Ok(_) => true,
            Err(error) => {
                tracing::debug!(%error, %to, "packet forwarder");
                false
            }
        }
    }

    fn ways(&self) -> std::sync::MutexGuard<'_, BTreeMap<GatewayId, Option<SocketAddr>>> {
        // A table of addresses is whole whatever happened to who held it.
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
