//! A node that sends plain packets through the LoRaWAN stack.
//!
//! A node that joins does so when its first packet falls due, behind the guard that keeps its duty cycle. A packet for
//! which the duty cycle has no room is dropped. An exchange takes until its second window has closed; a packet that
//! falls due meanwhile waits, and the next interval runs from when it went.
//!
//! A node with personalised keys runs the bare stack: no guard, no duty cycle. That is for validation only.
use super::record::Exchanges;
use super::source::Source;
use crate::device::{Crystal, VirtualRadio, VirtualTimer};
use crate::kernel::{Clock, Rng};
use crate::radio::RadioEvent;
use crate::scenario::Confirmation;
use chirrup_node::lorawan::{self as guarded, Guard, GuardConfig, JoinError, Parts, SendError};
use chirrup_protocol::ids::{DevAddr, DevEui};
use chirrup_protocol::region::{DataRate, Region};
use chirrup_protocol::time::{Duration, Instant};
use lorawan_device::async_device::radio::PhyRxTx;
use lorawan_device::async_device::{Device, SendResponse, Timings};
use lorawan_device::default_crypto::DefaultFactory;
use lorawan_device::region::{self, DR};
use lorawan_device::{AppSKey, JoinMode, NewSKey};
use rand_core::RngCore;
use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt::Debug;
use std::rc::Rc;

/// First DevEUI; the prefix is locally administered.
const FIRST_DEV_EUI: u64 = 0x0200_00ff_fd00_0000;
/// Port of the packets.
const FPORT: u8 = 1;
/// Shortest time from a failed join to the next one, and the mean of what comes on top.
const JOIN_PAUSE: Duration = Duration::from_secs(10);
const JOIN_PAUSE_MEAN_S: f64 = 60.0;

/// Everything that a node's task needs.
pub struct Node {
    /// Which one.
    pub index: u32,
    /// The run's seed.
    pub seed: u64,
    /// Its region.
    pub region: Region,
    /// The data rate of all its frames.
    pub data_rate: DataRate,
    /// What its timer runs by.
    pub crystal: Crystal,
    /// What it sends.
    pub payload: Vec<u8>,
    /// Whether it asks for acknowledgements.
    pub confirmation: Confirmation,
    /// When it sends.
    pub source: Source,
    /// The virtual time.
    pub clock: Clock,
    /// What all nodes count.
    pub counts: Rc<RefCell<Exchanges>>,
}

/// DevEUI of a node.
pub const fn dev_eui(index: u32) -> DevEui {
    DevEui::from_u64(FIRST_DEV_EUI + index as u64)
}

/// Address of a personalised node, below the NetID 000000, whose prefix is a byte of zero.
pub const fn dev_addr(index: u32) -> DevAddr {
    DevAddr(index.to_be_bytes())
}

/// AppKey of a node that joins.
pub fn app_key(seed: u64, index: u32) -> [u8; 16] {
    key(seed, "app-key", index)
}

/// NwkSKey of a personalised node.
pub fn network_session_key(seed: u64, index: u32) -> [u8; 16] {
    key(seed, "network-session-key", index)
}

/// AppSKey of a personalised node.
pub fn application_session_key(seed: u64, index: u32) -> [u8; 16] {
    key(seed, "application-session-key", index)
}

fn key(seed: u64, label: &str, index: u32) -> [u8; 16] {
    let mut key = [0; 16];
    Rng::for_purpose(seed, label, index.into()).fill_bytes(&mut key);
    key
}

impl Node {
    fn count(&self, note: impl FnOnce(&mut Exchanges)) {
        note(&mut self.counts.borrow_mut());
    }

    fn rng(&self) -> Rng {
        Rng::for_purpose(self.seed, "stack", self.index.into())
    }

    fn timer(&self) -> VirtualTimer {
        VirtualTimer::new(self.clock.clone()).with_crystal(self.crystal)
    }
}

/// Storage that forgets: no power is cut here.
struct Forgetful;

impl guarded::SnapshotStore for Forgetful {
    type Error = Infallible;

    async fn store(&mut self, _: &guarded::Snapshot) -> Result<(), Infallible> {
        Ok(())
    }
}

type NodeGuard = Guard<VirtualRadio<RadioEvent>, VirtualTimer, Rng, Forgetful>;

/// Joins, then sends behind the guard.
pub async fn join_and_send(mut node: Node, radio: VirtualRadio<RadioEvent>) {
    let clock = node.clock.clone();
    let config = GuardConfig {
        region: node.region,
        dev_eui: dev_eui(node.index),
        join_eui: [0; 8],
        app_key: app_key(node.seed, node.index),
        lowest_data_rate: node.data_rate,
        highest_data_rate: node.data_rate,
    };
    let parts = Parts { radio, timer: node.timer(), rng: node.rng(), store: Forgetful };
    let mut guard = Guard::new(config, parts, None, clock.now()).expect("the data rate is of this region");
    let mut due = Instant::ZERO + node.source.first();
    clock.sleep_until(due).await;
    join(&node, &mut guard).await;
    let confirmation = match node.confirmation {
        Confirmation::Requested => guarded::Confirmation::Requested,
        Confirmation::NotRequested => guarded::Confirmation::NotRequested,
    };
    loop {
        due = (due + node.source.next_interval()).max(clock.now());
        clock.sleep_until(due).await;
        node.count(|counts| counts.packets += 1);
        match guard.send(clock.now(), FPORT, &node.payload, confirmation).await {
            Ok(sent) if sent.acknowledgement == guarded::Acknowledgement::Received => {
                node.count(|counts| counts.acknowledged += 1);
            }
            Ok(_) => {}
            Err(SendError::DutyCycle { .. }) => node.count(|counts| counts.refused_duty_cycle += 1),
            Err(_) => node.count(|counts| counts.failed += 1),
        }
    }
}

async fn join(node: &Node, guard: &mut NodeGuard) {
    let clock = &node.clock;
    let mut pauses = Rng::for_purpose(node.seed, "traffic-join", node.index.into());
    loop {
        match guard.join(clock.now()).await {
            Ok(_) => return node.count(|counts| counts.joined += 1),
            Err(JoinError::DutyCycle { earliest }) => clock.sleep_until(earliest).await,
            Err(_) => {
                node.count(|counts| counts.joins_failed += 1);
                let pause_us = pauses.exponential() * JOIN_PAUSE_MEAN_S * 1e6;
                clock.sleep(JOIN_PAUSE + Duration::from_micros(pause_us as u64)).await;
            }
        }
    }
}

/// Sends by the bare stack, through any radio.
pub async fn send_personalised(mut node: Node, radio: impl PhyRxTx<PhyError: Debug> + Timings) {
    let clock = node.clock.clone();
    let region = region::Configuration::new(lorawan_device::Region::EU868);
    let mut device: Device<_, DefaultFactory, _, _> = Device::new(region, radio, node.timer(), node.rng());
    let [a, b, c, d] = dev_addr(node.index).0;
    let keys = JoinMode::ABP {
        newskey: NewSKey::from(network_session_key(node.seed, node.index)),
        appskey: AppSKey::from(application_session_key(node.seed, node.index)),
        devaddr: [d, c, b, a].into(),
    };
    device.join(&keys).await.expect("keys are only taken over");
    device.set_datarate(stack_data_rate(node.data_rate));
    let confirmed = node.confirmation == Confirmation::Requested;
    let mut due = Instant::ZERO + node.source.first();
    loop {
        clock.sleep_until(due).await;
        node.count(|counts| counts.packets += 1);
        match device.send(&node.payload, FPORT, confirmed).await {
            // The network says nothing but acknowledgements.
            Ok(SendResponse::DownlinkReceived(_)) => node.count(|counts| counts.acknowledged += 1),
            Ok(_) => {}
            Err(_) => node.count(|counts| counts.failed += 1),
        }
        due = (due + node.source.next_interval()).max(clock.now());
    }
}

const fn stack_data_rate(data_rate: DataRate) -> DR {
    match data_rate.0 {
        0 => DR::_0,
        1 => DR::_1,
        2 => DR::_2,
        3 => DR::_3,
        4 => DR::_4,
        _ => DR::_5,
    }
}
