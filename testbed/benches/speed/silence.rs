//! A radio whose air delivers everything and keeps no books: a frame is on its way for as long as it takes, and no
//! gateway ever answers.
use chirrup_protocol::airtime::frame_airtime;
use chirrup_protocol::time::Duration;
use chirrup_testbed::device::{RX_LEAD_MS, modulation, window_length};
use chirrup_testbed::kernel::Clock;
use lorawan_device::async_device::Timings;
use lorawan_device::async_device::radio::{PhyRxTx, RxConfig, RxMode, RxStatus, TxConfig};
use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;

/// What all radios together sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Frames that have ended.
    pub frames: u64,
    /// Their PHY payload.
    pub bytes: u64,
    /// Their time on air.
    pub airtime: Duration,
}

/// One of them.
pub struct SilentRadio {
    clock: Clock,
    sent: Rc<Cell<Sent>>,
    /// How long the next window stays open.
    window: Duration,
}

impl SilentRadio {
    /// A radio by this clock.
    pub fn new(clock: Clock, sent: Rc<Cell<Sent>>) -> Self {
        Self { clock, sent, window: Duration::ZERO }
    }
}

impl Timings for SilentRadio {
    fn get_rx_window_lead_time_ms(&self) -> u32 {
        RX_LEAD_MS
    }
}

impl PhyRxTx for SilentRadio {
    type PhyError = Infallible;
    const MAX_RADIO_POWER: u8 = 14;

    async fn tx(&mut self, config: TxConfig, phy: &[u8]) -> Result<u32, Infallible> {
        let airtime = frame_airtime(modulation(config.rf.bb), phy.len());
        let frame = phy.to_vec();
        self.clock.sleep(airtime).await;
        let bytes = std::hint::black_box(frame).len() as u64;
        let sent = self.sent.get();
        self.sent.set(Sent {
            frames: sent.frames + 1,
            bytes: sent.bytes + bytes,
            airtime: sent.airtime + airtime,
        });
        Ok(0)
    }

    async fn setup_rx(&mut self, config: RxConfig) -> Result<(), Infallible> {
        if let RxMode::Single { ms } = config.mode {
            self.window = window_length(config.rf, ms);
        }
        Ok(())
    }

    async fn rx_single(&mut self, _: &mut [u8]) -> Result<RxStatus, Infallible> {
        self.clock.sleep(self.window).await;
        Ok(RxStatus::RxTimeout)
    }

    /// Nodes of class A do not ask for it.
    async fn rx_continuous(
        &mut self,
        _: &mut [u8],
    ) -> Result<(usize, lorawan_device::async_device::radio::RxQuality), Infallible> {
        std::future::pending().await
    }
}
