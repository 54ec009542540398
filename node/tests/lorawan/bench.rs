//! A scripted radio, a virtual timer, a flash that can fail, and a node on top of them.
use crate::network::{APP_KEY, Announced, Down, Network};
use chirrup_node::lorawan::*;
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::region::{DataRate, Region};
use chirrup_protocol::time::{Duration, Instant};
use lorawan_device::RngCore;
use lorawan_device::async_device::Timings;
use lorawan_device::async_device::radio::*;
use std::cell::{RefCell, RefMut};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

pub const DEV_EUI: DevEui = DevEui::from_u64(0x0102_0304_0506_0708);
pub const JOIN_EUI: [u8; 8] = [0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18];

/// What a receive window brings.
#[derive(Clone, Debug)]
pub enum Reply {
    Frame(Vec<u8>),
    /// The driver claims a length that its buffer does not have.
    Claim(usize),
    Nothing,
    Failure,
    /// The window never ends.
    Hang,
}

#[derive(Default)]
pub struct Script {
    pub sent: Vec<(TxConfig, Vec<u8>)>,
    pub windows: Vec<RxConfig>,
    pub at_ms: Vec<u64>,
    pub replies: VecDeque<Reply>,
    pub tx_fails: bool,
    pub lead_time_ms: u32,
}

/// Radio and timer of one node. Nothing takes time.
#[derive(Clone, Default)]
pub struct Air(Rc<RefCell<Script>>);

impl Air {
    pub fn script(&self) -> RefMut<'_, Script> {
        self.0.borrow_mut()
    }

    pub fn reply(&self, reply: Reply) {
        self.script().replies.push_back(reply);
    }

    /// The last frame on the air.
    pub fn last(&self) -> (TxConfig, Vec<u8>) {
        self.script().sent.last().unwrap().clone()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RadioFailed;

impl PhyRxTx for Air {
    type PhyError = RadioFailed;
    const MAX_RADIO_POWER: u8 = 20;

    async fn tx(&mut self, config: TxConfig, buf: &[u8]) -> Result<u32, RadioFailed> {
        if self.script().tx_fails {
            return Err(RadioFailed);
        }
        self.script().sent.push((config, buf.to_vec()));
        Ok(0)
    }

    async fn setup_rx(&mut self, config: RxConfig) -> Result<(), RadioFailed> {
        self.script().windows.push(config);
        Ok(())
    }

    async fn rx_continuous(&mut self, _: &mut [u8]) -> Result<(usize, RxQuality), RadioFailed> {
        Err(RadioFailed)
    }

    async fn rx_single(&mut self, buf: &mut [u8]) -> Result<RxStatus, RadioFailed> {
        let reply = self.script().replies.pop_front().unwrap_or(Reply::Nothing);
        let quality = RxQuality::new(-80, 5);
        match reply {
            Reply::Frame(frame) => {
                buf[..frame.len()].copy_from_slice(&frame);
                Ok(RxStatus::Rx(frame.len(), quality))
            }
            Reply::Claim(len) => Ok(RxStatus::Rx(len, quality)),
            Reply::Nothing => Ok(RxStatus::RxTimeout),
            Reply::Failure => Err(RadioFailed),
            Reply::Hang => std::future::pending().await,
        }
    }
}

impl Timings for Air {
    fn get_rx_window_lead_time_ms(&self) -> u32 {
        self.0.borrow().lead_time_ms
    }
}

impl Timer for Air {
    fn reset(&mut self) {}

    async fn at(&mut self, millis: u64) {
        self.script().at_ms.push(millis);
    }

    async fn delay_ms(&mut self, _: u64) {}
}

/// Draws the same numbers in every run. Xorshift: Marsaglia, 2003.
#[derive(Clone, Debug)]
pub struct Dice(pub u32);

impl RngCore for Dice {
    fn next_u32(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }
    fn next_u64(&mut self) -> u64 {
        u64::from(self.next_u32()) << 32 | u64::from(self.next_u32())
    }
    fn fill_bytes(&mut self, dest: &mut [u8]) {
        dest.fill_with(|| self.next_u32() as u8);
    }
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

#[derive(Default)]
pub struct Cells {
    pub stored: Option<[u8; Snapshot::BYTES]>,
    pub writes: usize,
    pub fails: bool,
}

/// Where snapshots survive.
#[derive(Clone, Default)]
pub struct Flash(Rc<RefCell<Cells>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlashFailed;

impl Flash {
    pub fn cells(&self) -> RefMut<'_, Cells> {
        self.0.borrow_mut()
    }

    pub fn writes(&self) -> usize {
        self.0.borrow().writes
    }

    fn read(&self) -> Option<Snapshot> {
        self.0.borrow().stored.map(|bytes| Snapshot::from_bytes(&bytes).unwrap())
    }
}

impl SnapshotStore for Flash {
    type Error = FlashFailed;

    async fn store(&mut self, snapshot: &Snapshot) -> Result<(), FlashFailed> {
        if self.0.borrow().fails {
            return Err(FlashFailed);
        }
        let mut cells = self.cells();
        cells.stored = Some(snapshot.to_bytes());
        cells.writes += 1;
        Ok(())
    }
}

/// Puts a checksum that fits under changed bytes of a snapshot (CRC-32 of IEEE 802.3).
pub fn reseal(bytes: &mut [u8; Snapshot::BYTES]) {
    let (content, checksum) = bytes.split_at_mut(Snapshot::BYTES - 4);
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    let crc = !content.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)));
    checksum.copy_from_slice(&crc.to_le_bytes());
}

/// Runs a future in which nothing ever waits.
pub fn run<F: Future>(future: F) -> F::Output {
    match poll_once(future) {
        Some(output) => output,
        None => panic!("a scripted exchange waits for nothing"),
    }
}

/// Polls a future once, then drops it.
pub fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

pub fn config() -> GuardConfig {
    GuardConfig {
        region: Region::Eu868,
        dev_eui: DEV_EUI,
        join_eui: JOIN_EUI,
        app_key: APP_KEY,
        lowest_data_rate: DataRate(0),
        highest_data_rate: DataRate(5),
    }
}

pub type Node = Guard<Air, Air, Dice, Flash>;
pub type SendResult = Result<Sent, SendError<RadioFailed, FlashFailed>>;

/// A node and everything around it.
pub struct Bench {
    pub air: Air,
    pub flash: Flash,
    pub node: Node,
    pub network: Network,
    pub now: Instant,
    config: GuardConfig,
    adr: Adr,
}

impl Bench {
    /// A new node.
    pub fn new() -> Self {
        Self::with(config(), Adr::Off)
    }

    /// A new node of another make.
    pub fn with(config: GuardConfig, adr: Adr) -> Self {
        Self::over(config, adr, Air::default(), Flash::default(), Instant::ZERO)
    }

    fn over(config: GuardConfig, adr: Adr, air: Air, flash: Flash, now: Instant) -> Self {
        let parts = Parts { radio: air.clone(), timer: air.clone(), rng: Dice(1), store: flash.clone() };
        let node = Guard::new(config.clone(), parts, flash.read().as_ref(), now).unwrap().with_adr(adr);
        Self { air, flash, node, network: Network::ABP, now, config, adr }
    }

    /// A node that joined, an hour ago.
    pub fn joined(announced: Announced) -> Self {
        let mut bench = Self::new();
        bench.join(1, announced).unwrap();
        bench.air.script().sent.clear();
        bench.air.script().windows.clear();
        bench.air.script().at_ms.clear();
        bench
    }

    pub fn join(
        &mut self,
        join_nonce: u32,
        announced: Announced,
    ) -> Result<Joined, JoinError<RadioFailed, FlashFailed>> {
        self.later(3_700);
        self.air.script().replies.clear();
        self.air.reply(Reply::Frame(Network::join_accept(join_nonce, announced)));
        let joined = run(self.node.join(self.now))?;
        self.network = Network::of_join(&self.air.last().1, join_nonce).1;
        Ok(joined)
    }

    /// The power fails; the node starts again with what the flash holds.
    pub fn power_cut(&mut self) {
        let network = self.network;
        let (config, adr) = (self.config.clone(), self.adr);
        *self = Self::over(config, adr, self.air.clone(), self.flash.clone(), self.now);
        self.network = network;
    }

    pub fn later(&mut self, s: u64) {
        self.now = self.now + Duration::from_secs(s);
    }

    /// Sends `payload` on port 5, an hour after whatever happened before.
    pub fn send(&mut self, payload: &[u8]) -> SendResult {
        self.send_as(payload, Confirmation::NotRequested)
    }

    pub fn send_as(&mut self, payload: &[u8], confirmation: Confirmation) -> SendResult {
        self.later(3_700);
        run(self.node.send(self.now, 5, payload, confirmation))
    }

    /// Sends something; the network answers in RX1.
    pub fn hear(&mut self, down: &Down) -> Sent {
        self.hear_raw(self.network.downlink(down))
    }

    pub fn hear_raw(&mut self, phy: Vec<u8>) -> Sent {
        self.air.script().replies.clear();
        self.air.reply(Reply::Frame(phy));
        self.send(b"x").unwrap()
    }

    /// The last uplink as the network reads it.
    pub fn last_uplink(&self, fcnt: u32) -> crate::network::Up {
        self.network.read(&self.air.last().1, fcnt)
    }
}
