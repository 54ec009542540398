//! A node's radio, with its frames counted by what they carry.
use super::board::Board;
use super::tally::{FrameKind, NodeTally};
use super::world::SimEvent;
use crate::device::{VirtualRadio, modulation};
use crate::radio::{Air, NodeIndex, RadioError};
use chirrup_protocol::airtime::frame_airtime;
use lorawan_device::async_device::Timings;
use lorawan_device::async_device::radio::{PhyRxTx, RxConfig, RxQuality, RxStatus, TxConfig};
use std::cell::RefCell;
use std::rc::Rc;

/// The radio of a node under observation.
pub struct TappedRadio {
    /// What it is a tap of.
    pub inner: VirtualRadio<SimEvent>,
    /// Where frames are counted.
    pub tally: Rc<RefCell<NodeTally>>,
    /// The air.
    pub air: Air<SimEvent>,
    /// Whose radio it is.
    pub node: NodeIndex,
    /// What supplies it.
    pub board: Board,
}

impl Timings for TappedRadio {
    fn get_rx_window_lead_time_ms(&self) -> u32 {
        <VirtualRadio<SimEvent> as Timings>::get_rx_window_lead_time_ms(&self.inner)
    }
}

impl PhyRxTx for TappedRadio {
    type PhyError = RadioError;
    const MAX_RADIO_POWER: u8 = <VirtualRadio<SimEvent> as PhyRxTx>::MAX_RADIO_POWER;

    async fn tx(&mut self, config: TxConfig, phy: &[u8]) -> Result<u32, RadioError> {
        let used = self.air.medium().log().radio_time(self.node);
        self.tally.borrow_mut().frame_begins(FrameKind::of(phy), phy, used);
        self.board.transmits(frame_airtime(modulation(config.rf.bb), phy.len()));
        self.inner.tx(config, phy).await
    }

    async fn setup_rx(&mut self, config: RxConfig) -> Result<(), RadioError> {
        self.inner.setup_rx(config).await
    }

    async fn rx_single(&mut self, buffer: &mut [u8]) -> Result<RxStatus, RadioError> {
        let status = self.inner.rx_single(buffer).await?;
        if let RxStatus::Rx(length, _) = status {
            self.board.receives(&mut buffer[..length]);
        }
        Ok(status)
    }

    async fn rx_continuous(&mut self, buffer: &mut [u8]) -> Result<(usize, RxQuality), RadioError> {
        let (length, quality) = self.inner.rx_continuous(buffer).await?;
        self.board.receives(&mut buffer[..length]);
        Ok((length, quality))
    }
}
