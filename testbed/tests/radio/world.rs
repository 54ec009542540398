//! The run loop in its smallest form: it passes due events to the air, and its reports to a list.
use chirrup_protocol::airtime::Modulation;
use chirrup_protocol::region::Region;
use chirrup_protocol::time::{Duration, Instant};
use chirrup_testbed::kernel::{Kernel, Wakeup};
use chirrup_testbed::radio::air_log::Detail;
use chirrup_testbed::radio::{
    Air, Cause, CollisionModel, DownlinkRequest, Emission, GatewayIndex, Links, Medium, MediumConfig,
    NodeIndex, RadioEvent, RadioReport, Surroundings, UplinkHeard, Verdict,
};

pub const CHANNEL_HZ: u32 = 868_100_000;

/// What the kernel schedules.
pub enum Event {
    Radio(RadioEvent),
    Send(NodeIndex, Emission),
}

impl From<RadioEvent> for Event {
    fn from(event: RadioEvent) -> Self {
        Self::Radio(event)
    }
}

pub struct World {
    pub kernel: Kernel<Event>,
    pub air: Air<Event>,
    pub reports: Vec<RadioReport>,
}

pub fn config(collision: CollisionModel) -> MediumConfig {
    MediumConfig { region: Region::Eu868, collision, frame_loss: 0.0, detail: Detail::Records, seed: 1 }
}

impl World {
    pub fn new(config: MediumConfig, surroundings: impl Into<Surroundings>) -> Self {
        let kernel = Kernel::new();
        let air = Air::new(Medium::new(config, surroundings), kernel.scheduler());
        Self { kernel, air, reports: Vec::new() }
    }

    /// Has a node send at a time.
    pub fn send(&self, at: Instant, node: u32, emission: Emission) {
        self.kernel.scheduler().schedule(at, Event::Send(NodeIndex(node), emission));
    }

    /// Has a gateway send at a time.
    pub fn send_down(&self, at: Instant, gateway: u16, emission: Emission) {
        let request = DownlinkRequest { token: at.as_micros(), gateway: GatewayIndex(gateway), emission };
        self.air.schedule_downlink(at, request).unwrap();
    }

    pub fn run(&mut self) {
        self.run_until(Instant::NEVER);
    }

    pub fn run_until(&mut self, limit: Instant) {
        while let Some(wakeup) = self.kernel.step_until(limit) {
            match wakeup {
                Wakeup::Event(Event::Radio(event)) => self.reports.extend(self.air.handle(event)),
                Wakeup::Event(Event::Send(node, emission)) => {
                    self.air.begin_uplink(node, emission).unwrap();
                }
                Wakeup::TaskRan(_) | Wakeup::TaskFinished(_) => {}
            }
        }
    }

    pub fn heard(&self) -> Vec<&UplinkHeard> {
        let mut heard = Vec::new();
        for report in &self.reports {
            if let RadioReport::UplinkHeard(uplink) = report {
                heard.push(uplink);
            }
        }
        heard
    }

    /// Why each frame was lost at a receiver, in order of their begin; `None` where it was not.
    pub fn losses_at(&self, receiver: usize) -> Vec<Option<Cause>> {
        let medium = self.air.medium();
        let mut records: Vec<_> = medium.log().records().iter().collect();
        records.sort_by_key(|record| record.start);
        let loss = |record| match medium.log().verdicts(record)[receiver] {
            Verdict::Delivered { .. } => None,
            Verdict::Lost(cause) => Some(cause),
        };
        records.into_iter().map(loss).collect()
    }
}

pub fn ms(milliseconds: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(milliseconds)
}

pub fn us(microseconds: u64) -> Instant {
    Instant::from_micros(microseconds)
}

/// How long [`frame`] lasts at SF7 as a downlink: without CRC it needs a block of symbols less.
pub const DOWNLINK_US: u64 = 77_056;

/// A frame of 38 bytes at 14 dBm; at SF7 it lasts 82.176 ms as an uplink.
pub fn frame(frequency_hz: u32, spreading_factor: u8) -> Emission {
    let modulation = Modulation::lorawan(spreading_factor, 125_000);
    Emission { frequency_hz, modulation, power_dbm: 14, phy: vec![0; 38] }
}

/// Nodes that one gateway hears with these powers when they send with 14 dBm.
pub fn heard_with(rssi_dbm: &[f64]) -> Links {
    let attenuation_db: Vec<_> = rssi_dbm.iter().map(|dbm| 14.0 - dbm).collect();
    Links::from_attenuation(1, &attenuation_db)
}
