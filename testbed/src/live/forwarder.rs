//! The packet forwarder of a simulated concentrator (Semtech UDP protocol, version 2).
//!
//! A thread answers downlink requests at once, so that the gateway service never waits for a run that waits for it.
use crate::simulation::backend::Order;
use chirrup_gateway::core::Heard;
use chirrup_protocol::airtime::Modulation;
use chirrup_protocol::ids::GatewayId;
use semtech_udp::push_data::{CRC, RxPk, RxPkV1};
use semtech_udp::{
    Bandwidth, CodingRate, DataRate, Down, MacAddress, Packet, SerializablePacket, SpreadingFactor,
    pull_data, pull_resp, push_data, tx_ack,
};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// How long an acknowledgement may take before the datagram is sent again.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a datagram is sent.
const ATTEMPTS: usize = 10;
/// Longest datagram of the protocol.
const MAX_DATAGRAM_BYTES: usize = 4_096;

/// A frame to send, timed by the concentrator's counter.
#[derive(Clone, Debug)]
pub struct Request {
    /// When, by the counter, in microseconds.
    pub counter_us: u32,
    /// What; its `at` is not set yet.
    pub order: Order,
}

/// A packet forwarder.
#[derive(Debug)]
pub struct Forwarder {
    socket: UdpSocket,
    concentrator: MacAddress,
    acknowledgements: Receiver<()>,
}

impl Forwarder {
    /// Connects, and waits until the service knows the way back. Downlinks go to `requests`.
    pub fn connect(
        concentrator: GatewayId,
        service: SocketAddr,
        requests: Sender<Request>,
    ) -> io::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(service)?;
        let (acknowledge, acknowledgements) = channel();
        let mac = MacAddress::from(concentrator.0);
        let listener = Listener { socket: socket.try_clone()?, concentrator, requests, acknowledge };
        std::thread::Builder::new()
            .name(format!("forwarder-{concentrator}"))
            .spawn(move || listener.run())?;
        let forwarder = Self { socket, concentrator: mac, acknowledgements };
        forwarder.send_until_acknowledged(&pull_data::Packet { random_token: 0, gateway_mac: mac })?;
        Ok(forwarder)
    }

    /// Hands over a frame, and waits until the service has it.
    pub fn push(&self, heard: &Heard) -> io::Result<()> {
        let frame = RxPk::V1(RxPkV1 {
            chan: 0,
            codr: Some(CodingRate::_4_5),
            size: heard.phy.len() as u64,
            data: heard.phy.clone(),
            datr: data_rate(heard.modulation)?,
            freq: f64::from(heard.frequency_hz) / 1e6,
            lsnr: f32::from(heard.snr_tenth_db) / 10.0,
            modu: semtech_udp::Modulation::LORA,
            rfch: 0,
            rssi: i32::from(heard.rssi_dbm),
            rssis: None,
            stat: CRC::OK,
            tmst: heard.counter_us,
            time: None,
        });
        self.send_until_acknowledged(&push_data::Packet::from_rxpk(self.concentrator, frame))
    }

    fn send_until_acknowledged(&self, packet: &impl SerializablePacket) -> io::Result<()> {
        let datagram = serialise(packet)?;
        for _ in 0..ATTEMPTS {
            self.socket.send(&datagram)?;
            match self.acknowledgements.recv_timeout(PATIENCE) {
                Ok(()) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, "the gateway does not acknowledge datagrams"))
    }
}

struct Listener {
    socket: UdpSocket,
    concentrator: GatewayId,
    requests: Sender<Request>,
    acknowledge: Sender<()>,
}

impl Listener {
    /// Until nobody takes what it brings.
    fn run(self) {
        let mut buffer = [0; MAX_DATAGRAM_BYTES];
        loop {
            let Ok(length) = self.socket.recv(&mut buffer) else { return };
            let handed_over = match Packet::parse_downlink(&buffer[..length]) {
                Ok(Down::PushAck(_) | Down::PullAck(_)) => self.acknowledge.send(()).is_ok(),
                Ok(Down::PullResp(request)) => self.take(&request),
                Err(_) => true,
            };
            if !handed_over {
                return;
            }
        }
    }

    /// Passes the request on before it is acknowledged: who sees the acknowledgement finds the request.
    fn take(&self, packet: &pull_resp::Packet) -> bool {
        let request = request(self.concentrator, packet);
        let data = match &request {
            Some(_) => tx_ack::Data::default(),
            None => tx_ack::Data::new_with_error(tx_ack::Error::TooLate),
        };
        if request.is_some_and(|request| self.requests.send(request).is_err()) {
            return false;
        }
        let gateway_mac = MacAddress::from(self.concentrator.0);
        let answer = tx_ack::Packet { random_token: packet.random_token, gateway_mac, data };
        serialise(&answer).and_then(|datagram| self.socket.send(&datagram)).is_ok()
    }
}

fn request(concentrator: GatewayId, packet: &pull_resp::Packet) -> Option<Request> {
    let frame = &packet.data.txpk;
    let rate = frame.datr;
    let order = Order {
        token: packet.random_token.into(),
        concentrator,
        at: chirrup_protocol::time::Instant::NEVER,
        frequency_hz: libm::round(frame.freq * 1e6) as u32,
        modulation: Modulation::lorawan(rate.spreading_factor().factor() as u8, rate.bandwidth().hz()),
        power_dbm: i8::try_from(frame.powe).ok()?,
        phy: frame.data.data().to_vec(),
    };
    Some(Request { counter_us: frame.time.tmst()?, order })
}

fn data_rate(modulation: Modulation) -> io::Result<DataRate> {
    let spreading_factor = match modulation.spreading_factor {
        7 => SpreadingFactor::_7,
        8 => SpreadingFactor::_8,
        9 => SpreadingFactor::_9,
        10 => SpreadingFactor::_10,
        11 => SpreadingFactor::_11,
        12 => SpreadingFactor::_12,
        other => return Err(io::Error::other(format!("no packet forwarder knows SF{other}"))),
    };
    let bandwidth = match modulation.bandwidth_hz {
        125_000 => Bandwidth::_125KHz,
        250_000 => Bandwidth::_250KHz,
        500_000 => Bandwidth::_500KHz,
        other => {
            return Err(io::Error::other(format!("no packet forwarder knows a bandwidth of {other} Hz")));
        }
    };
    Ok(DataRate::new(spreading_factor, bandwidth))
}

fn serialise(packet: &impl SerializablePacket) -> io::Result<Vec<u8>> {
    let mut buffer = [0; MAX_DATAGRAM_BYTES];
    let length = packet.serialize(&mut buffer).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(buffer[..length as usize].to_vec())
}
