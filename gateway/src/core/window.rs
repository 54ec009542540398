//! The chance to answer: one Class A uplink opens two receive windows, and at most one frame may use them.
use super::deduplicate::Hearing;
use super::event::ReceiveWindow;
use super::frame::Acknowledgement;
use chirrup_protocol::backhaul::UplinkId;
use chirrup_protocol::ids::{DevAddr, DevEui, GatewayId};
use chirrup_protocol::region::{DataRate, Region};
use chirrup_protocol::time::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};

/// RX2 opens a second after RX1 (LoRaWAN 1.0.4, 3.3.2).
const RX2_AFTER_RX1: Duration = Duration::from_secs(1);
/// JOIN_ACCEPT_DELAY1 (RP002-1.0.4, 2.4.10).
pub const JOIN_ACCEPT_DELAY: Duration = Duration::from_secs(5);

/// Where and when an uplink may be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opportunity {
    pub dev_eui: DevEui,
    /// Who heard the uplink, best signal first.
    pub hearings: Vec<Hearing>,
    pub frequency_hz: u32,
    pub data_rate: DataRate,
    pub rx1_delay: Duration,
    pub rx2_data_rate: DataRate,
    /// What a concentrator has refused already.
    pub refused: Vec<(GatewayId, ReceiveWindow)>,
    /// The window in which the device did not hear its last answer: used only where the other cannot be.
    pub unheard: Option<ReceiveWindow>,
}

impl Opportunity {
    /// From the end of the uplink to the start of a window.
    pub fn delay(&self, window: ReceiveWindow) -> Duration {
        match window {
            ReceiveWindow::Rx1 => self.rx1_delay,
            ReceiveWindow::Rx2 => self.rx1_delay + RX2_AFTER_RX1,
        }
    }

    /// Frequency in Hz and data rate of a window. The RX1 offset is always zero.
    pub fn channel(&self, region: Region, window: ReceiveWindow) -> (u32, DataRate) {
        match window {
            ReceiveWindow::Rx1 => {
                let data_rate = region.rx1_data_rate(region.uplink_dwell(), self.data_rate, 0);
                (region.rx1_frequency_hz(self.frequency_hz).unwrap_or(self.frequency_hz), data_rate)
            }
            ReceiveWindow::Rx2 => (region.rx2_frequency_hz(), self.rx2_data_rate),
        }
    }

    /// The end of the uplink: when the first concentrator brought it.
    pub fn heard_at(&self) -> Instant {
        self.hearings.iter().map(|hearing| hearing.heard_at).min().unwrap_or(Instant::ZERO)
    }

    /// When a window opens.
    pub fn opens_at(&self, window: ReceiveWindow) -> Instant {
        self.heard_at() + self.delay(window)
    }
}

/// An uplink that may still be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenWindow {
    pub opportunity: Opportunity,
    /// The session that the uplink came in.
    pub dev_addr: DevAddr,
    /// The id under which the uplink was forwarded, if it was.
    pub uplink: Option<UplinkId>,
    pub acknowledgement: Acknowledgement,
    /// When to stop waiting for the receipt.
    pub due: Instant,
}

/// The uplinks that may still be answered, at most one a device: a newer one closes the older's.
#[derive(Debug, Default)]
pub struct OpenWindows {
    by_device: BTreeMap<DevEui, OpenWindow>,
    by_due: BTreeSet<(Instant, DevEui)>,
}

impl OpenWindows {
    pub fn open(&mut self, window: OpenWindow) {
        let dev_eui = window.opportunity.dev_eui;
        self.take(dev_eui);
        self.by_due.insert((window.due, dev_eui));
        self.by_device.insert(dev_eui, window);
    }

    pub fn get(&self, dev_eui: DevEui) -> Option<&OpenWindow> {
        self.by_device.get(&dev_eui)
    }

    pub fn take(&mut self, dev_eui: DevEui) -> Option<OpenWindow> {
        let window = self.by_device.remove(&dev_eui)?;
        self.by_due.remove(&(window.due, dev_eui));
        Some(window)
    }

    /// The next window whose time to wait is over.
    pub fn take_due(&mut self, now: Instant) -> Option<OpenWindow> {
        let &(due, dev_eui) = self.by_due.first()?;
        if due <= now { self.take(dev_eui) } else { None }
    }

    pub fn next_deadline(&self) -> Option<Instant> {
        self.by_due.first().map(|&(due, _)| due)
    }
}
