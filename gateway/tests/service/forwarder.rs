//! A packet forwarder with a concentrator that hears what the test says.
use super::site::soon;
use chirrup_protocol::ids::GatewayId;
use semtech_udp::pull_resp::TxPk;
use semtech_udp::push_data::{CRC, RxPk, RxPkV1};
use semtech_udp::{
    Bandwidth, CodingRate, DataRate, Down, MacAddress, Modulation, Packet, SerializablePacket,
    SpreadingFactor, pull_data, push_data, tx_ack,
};
use std::collections::VecDeque;
use std::net::SocketAddr;
use tokio::net::UdpSocket;

pub struct Forwarder {
    socket: UdpSocket,
    concentrator: MacAddress,
    requests: VecDeque<(u16, TxPk)>,
    /// Acknowledgements of pushes that have come.
    pub acknowledged: usize,
}

impl Forwarder {
    /// Connects, and waits until the service knows the way back.
    pub async fn connect(concentrator: GatewayId, service: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(service).await.unwrap();
        let concentrator = MacAddress::from(concentrator.0);
        let mut forwarder = Self { socket, concentrator, requests: VecDeque::new(), acknowledged: 0 };
        forwarder.send(&pull_data::Packet { random_token: 7, gateway_mac: concentrator }).await;
        while !matches!(forwarder.receive().await, Down::PullAck(_)) {}
        forwarder
    }

    async fn send(&self, packet: &impl SerializablePacket) {
        let mut buffer = [0; 4_096];
        let length = packet.serialize(&mut buffer).unwrap() as usize;
        self.socket.send(&buffer[..length]).await.unwrap();
    }

    pub async fn send_raw(&self, bytes: &[u8]) {
        self.socket.send(bytes).await.unwrap();
    }

    async fn receive(&mut self) -> Down {
        let mut buffer = [0; 4_096];
        let length = soon("a datagram of the service", self.socket.recv(&mut buffer)).await.unwrap();
        Packet::parse_downlink(&buffer[..length]).unwrap()
    }

    /// Pushes a frame at SF7, and waits until the service has it.
    pub async fn push(&mut self, phy: Vec<u8>, counter_us: u32) {
        self.push_with(phy, counter_us, CRC::OK).await;
    }

    pub async fn push_with(&mut self, phy: Vec<u8>, counter_us: u32, crc: CRC) {
        let frame = RxPk::V1(RxPkV1 {
            chan: 0,
            codr: Some(CodingRate::_4_5),
            size: phy.len() as u64,
            data: phy,
            datr: DataRate::new(SpreadingFactor::_7, Bandwidth::_125KHz),
            freq: 868.1,
            lsnr: 5.5,
            modu: Modulation::LORA,
            rfch: 0,
            rssi: -80,
            rssis: None,
            stat: crc,
            tmst: counter_us,
            time: None,
        });
        let acknowledged = self.acknowledged;
        self.send(&push_data::Packet::from_rxpk(self.concentrator, frame)).await;
        while self.acknowledged == acknowledged {
            match self.receive().await {
                Down::PushAck(_) => self.acknowledged += 1,
                Down::PullResp(request) => self.requests.push_back((request.random_token, request.data.txpk)),
                Down::PullAck(_) => {}
            }
        }
    }

    /// The next request to send a frame, not answered yet.
    pub async fn request(&mut self) -> (u16, TxPk) {
        loop {
            if let Some(request) = self.requests.pop_front() {
                return request;
            }
            if let Down::PullResp(request) = self.receive().await {
                return (request.random_token, request.data.txpk);
            }
        }
    }

    pub async fn answer(&self, token: u16, result: Result<(), tx_ack::Error>) {
        let data = match result {
            Ok(()) => tx_ack::Data::default(),
            Err(error) => tx_ack::Data::new_with_error(error),
        };
        self.send(&tx_ack::Packet { random_token: token, gateway_mac: self.concentrator, data }).await;
    }

    /// The next request, accepted.
    pub async fn transmission(&mut self) -> TxPk {
        let (token, request) = self.request().await;
        self.answer(token, Ok(())).await;
        request
    }
}
