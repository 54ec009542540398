//! The board of a virtual node: a radio on the simulated air and a timer on the virtual clock, for an unmodified
//! `lorawan-device`.
//!
//! The radio of a virtual node obeys at once. Its clock is as exact as its [`Crystal`]. It opens a receive window [`RX_LEAD_MS`] early,
//! as the stack asks, and keeps it open for the symbols of a preamble beyond the margin that the stack names.
use crate::kernel::{Clock, Rng};
use crate::radio::{Air, Emission, NodeIndex, RadioError, RadioEvent};
use chirrup_protocol::airtime::Modulation;
use chirrup_protocol::time::{Duration, Instant};
use lora_modulation::BaseBandModulationParams;
use lorawan_device::async_device::Timings;
use lorawan_device::async_device::radio::{
    PhyRxTx, RfConfig, RxConfig, RxMode, RxQuality, RxStatus, Timer, TxConfig,
};

/// How long before the nominal time a receive window opens, in milliseconds. It stands for the wake-up of a real
/// radio and costs the node energy.
pub const RX_LEAD_MS: u32 = 5;

/// Symbols in which a preamble must show: its 8, and the 4.25 of the sync word, rounded up.
const PREAMBLE_TIMEOUT_SYMBOLS: u64 = 13;

/// A node's radio.
pub struct VirtualRadio<E> {
    air: Air<E>,
    node: NodeIndex,
    receiver: Option<RxConfig>,
}

impl<E: From<RadioEvent>> VirtualRadio<E> {
    /// The radio of a node.
    pub const fn new(air: Air<E>, node: NodeIndex) -> Self {
        Self { air, node, receiver: None }
    }

    async fn listen(
        &self,
        rf: RfConfig,
        longest: Duration,
        buffer: &mut [u8],
    ) -> Result<Option<(usize, RxQuality)>, RadioError> {
        let listening = self.air.listen(self.node, rf.frequency, modulation(rf.bb), longest);
        let Some(heard) = listening.await else { return Ok(None) };
        let (have_bytes, room_bytes) = (heard.phy.len(), buffer.len());
        let room =
            buffer.get_mut(..have_bytes).ok_or(RadioError::BufferTooSmall { have_bytes, room_bytes })?;
        room.copy_from_slice(&heard.phy);
        let quality = RxQuality::new(libm::round(heard.rssi_dbm) as i16, libm::round(heard.snr_db) as i8);
        Ok(Some((have_bytes, quality)))
    }
}

/// How long a receive window of the stack stays open for a preamble: the margin that the stack names, and the symbols
/// of the preamble.
pub fn window_length(rf: RfConfig, margin_ms: u32) -> Duration {
    let preamble_us = PREAMBLE_TIMEOUT_SYMBOLS * modulation(rf.bb).symbol_ns() / 1_000;
    Duration::from_millis(margin_ms.into()) + Duration::from_micros(preamble_us)
}

/// The stack's modulation in ours.
pub fn modulation(parameters: BaseBandModulationParams) -> Modulation {
    Modulation {
        spreading_factor: parameters.sf.factor() as u8,
        bandwidth_hz: parameters.bw.hz(),
        coding_rate: (parameters.cr.denom() - 4) as u8,
    }
}

impl<E> Timings for VirtualRadio<E> {
    fn get_rx_window_lead_time_ms(&self) -> u32 {
        RX_LEAD_MS
    }
}

impl<E: From<RadioEvent>> PhyRxTx for VirtualRadio<E> {
    type PhyError = RadioError;
    const MAX_RADIO_POWER: u8 = 14;

    /// Completes when the last symbol has been sent. The stack adds the returned milliseconds to its receive delays,
    /// which it counts from then: none.
    async fn tx(&mut self, config: TxConfig, phy: &[u8]) -> Result<u32, RadioError> {
        let emission = Emission {
            frequency_hz: config.rf.frequency,
            modulation: modulation(config.rf.bb),
            power_dbm: config.pw,
            phy: phy.to_vec(),
        };
        let end = self.air.begin_uplink(self.node, emission)?;
        self.air.clock().sleep_until(end).await;
        Ok(0)
    }

    async fn setup_rx(&mut self, config: RxConfig) -> Result<(), RadioError> {
        self.receiver = Some(config);
        Ok(())
    }

    async fn rx_single(&mut self, buffer: &mut [u8]) -> Result<RxStatus, RadioError> {
        let Some(RxConfig { rf, mode: RxMode::Single { ms } }) = self.receiver else {
            return Err(RadioError::ReceiverNotSetUp);
        };
        let heard = self.listen(rf, window_length(rf, ms), buffer).await?;
        Ok(heard.map_or(RxStatus::RxTimeout, |(length, quality)| RxStatus::Rx(length, quality)))
    }

    async fn rx_continuous(&mut self, buffer: &mut [u8]) -> Result<(usize, RxQuality), RadioError> {
        let Some(RxConfig { rf, mode: RxMode::Continuous }) = self.receiver else {
            return Err(RadioError::ReceiverNotSetUp);
        };
        loop {
            let forever = Instant::NEVER - self.air.clock().now();
            if let Some(heard) = self.listen(rf, forever, buffer).await? {
                return Ok(heard);
            }
        }
    }
}

/// What a node measures time by, within its tolerance. It times the receive windows; a node's samples and its duty
/// cycle go by the exact clock.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Crystal {
    /// How much too fast it runs, in parts per million; below 0, too slow.
    pub error_ppm: f64,
}

impl Crystal {
    /// The crystal of a node: anything within the tolerance is equally likely.
    pub fn of_node(node: NodeIndex, tolerance_ppm: f64, seed: u64) -> Self {
        let place = 2.0 * Rng::for_purpose(seed, "crystal", node.0.into()).uniform() - 1.0;
        Self { error_ppm: tolerance_ppm * place }
    }

    /// How long it really takes until the crystal has counted `shown`.
    pub fn real(self, shown: Duration) -> Duration {
        if self.error_ppm == 0.0 {
            return shown;
        }
        let real_us = shown.as_micros() as f64 / (1.0 + self.error_ppm / 1e6);
        Duration::from_micros(libm::round(real_us) as u64)
    }
}

/// A node's timer.
pub struct VirtualTimer {
    clock: Clock,
    crystal: Crystal,
    reset_at: Instant,
}

impl VirtualTimer {
    /// A timer by this clock, exactly.
    pub fn new(clock: Clock) -> Self {
        Self { reset_at: clock.now(), crystal: Crystal::default(), clock }
    }

    /// The same, by a crystal of its own.
    #[must_use]
    pub const fn with_crystal(mut self, crystal: Crystal) -> Self {
        self.crystal = crystal;
        self
    }
}

impl Timer for VirtualTimer {
    fn reset(&mut self) {
        self.reset_at = self.clock.now();
    }

    async fn at(&mut self, millis: u64) {
        self.clock.sleep_until(self.reset_at + self.crystal.real(Duration::from_millis(millis))).await;
    }

    async fn delay_ms(&mut self, millis: u64) {
        self.clock.sleep(self.crystal.real(Duration::from_millis(millis))).await;
    }
}
