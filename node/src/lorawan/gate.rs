//! The gate between stack and radio: sees every raw frame of one exchange, up and down.
use super::admission::{Accepted, admit_data, admit_join};
use super::airtime::Ledger;
use super::counters::Counters;
use super::frame::{self, MAX_FOPTS_BYTES, MAX_PHY_BYTES};
use super::link::power_dbm;
use super::outcome::Signal;
use chirrup_protocol::airtime::{Modulation, frame_airtime};
use chirrup_protocol::region::Region;
use chirrup_protocol::time::{Duration, Instant};
use heapless::Vec;
use lorawan::keys::AES128;
use lorawan_device::async_device::Timings;
use lorawan_device::async_device::radio::{PhyRxTx, RfConfig, RxConfig, RxQuality, RxStatus, TxConfig};

/// The stack subtracts the radio's lead time from RX1's delay of at least a second, unchecked.
const MAX_LEAD_TIME_MS: u32 = 1_000;

/// What the guard decided about an exchange before it began.
pub(super) struct Plan {
    pub now: Instant,
    /// How the uplink goes out, in place of what the stack would choose.
    pub uplink: RfConfig,
    pub region: Region,
    pub tx_power_index: u8,
    pub max_duty_exponent: u8,
    /// RX1 and RX2, which replace the stack's.
    pub windows: [RfConfig; 2],
    pub keys: Keys,
}

/// How to recognise an answer.
pub(super) enum Keys {
    Join {
        app_key: [u8; 16],
        /// JoinNonce of the JoinAccept that was accepted last.
        last_join_nonce: Option<[u8; 3]>,
    },
    Data {
        nwk_skey: [u8; 16],
        dev_addr: [u8; 4],
        fcnt_up: u32,
        next_fcnt_down: u32,
        /// Bits for the uplink's FCtrl.
        fctrl: u8,
        /// MAC answers for the uplink.
        fopts: Vec<u8, MAX_FOPTS_BYTES>,
    },
}

/// What happened in an exchange.
#[derive(Default)]
pub(super) struct Report {
    /// The frame that was handed to the radio.
    pub departed: Option<Departed>,
    /// The duty cycle held the frame back until then.
    pub held_back: Option<Instant>,
    /// The radio said that it was sent.
    pub transmitted: bool,
    pub accepted: Option<Accepted>,
}

#[derive(Clone, Copy)]
pub(super) struct Departed {
    pub phy_bytes: usize,
    pub on_air: Duration,
}

/// Why the stack was told that the radio failed.
pub(super) enum GateError<E> {
    /// It did.
    Radio(E),
    /// The frame was not sent: see [`Report::held_back`].
    HeldBack,
}

/// A radio for one exchange of the stack.
pub(super) struct Gate<'a, R> {
    radio: &'a mut R,
    ledger: &'a mut Ledger,
    counters: &'a mut Counters,
    plan: Plan,
    windows_opened: usize,
    report: Report,
}

impl<'a, R> Gate<'a, R> {
    pub fn new(radio: &'a mut R, ledger: &'a mut Ledger, counters: &'a mut Counters, plan: Plan) -> Self {
        Self { radio, ledger, counters, plan, windows_opened: 0, report: Report::default() }
    }

    pub fn take_report(&mut self) -> Report {
        core::mem::take(&mut self.report)
    }

    /// The frame as it goes on the air, charged and counted. `None` when the duty cycle holds it back.
    fn depart(&mut self, config: &TxConfig, phy: &[u8]) -> Option<Vec<u8, MAX_PHY_BYTES>> {
        let outgoing = self.with_answers(phy)?;
        let on_air = frame_airtime(modulation(config), outgoing.len());
        let Plan { now, uplink, max_duty_exponent, .. } = self.plan;
        if let Err(earliest) = self.ledger.try_send(now, uplink.frequency, on_air, max_duty_exponent) {
            self.counters.held_back += 1;
            self.report.held_back = Some(earliest);
            return None;
        }
        self.report.departed = Some(Departed { phy_bytes: outgoing.len(), on_air });
        self.count(&outgoing, on_air);
        Some(outgoing)
    }

    fn with_answers(&self, phy: &[u8]) -> Option<Vec<u8, MAX_PHY_BYTES>> {
        match &self.plan.keys {
            Keys::Data { nwk_skey, fcnt_up, fctrl, fopts, .. } if *fctrl != 0 || !fopts.is_empty() => {
                frame::with_mac(phy, *fctrl, fopts, &AES128(*nwk_skey), *fcnt_up)
            }
            _ => Vec::from_slice(phy).ok(),
        }
    }

    fn count(&mut self, phy: &[u8], on_air: Duration) {
        let traffic = match phy.first().map(|mhdr| mhdr >> 5) {
            Some(0) => &mut self.counters.joins,
            Some(4) => &mut self.counters.confirmed,
            _ => &mut self.counters.unconfirmed,
        };
        traffic.add(phy.len(), on_air);
        if let Keys::Data { fopts, .. } = &self.plan.keys {
            self.counters.mac_answer_bytes += fopts.len() as u64;
        }
    }

    /// Decides about a received frame of `len` bytes. Returns the length of what the stack may see of it.
    fn admit(&mut self, buf: &mut [u8], len: usize, quality: RxQuality) -> Option<usize> {
        let Some(phy) = buf.get_mut(..len) else {
            self.counters.discarded.oversized += 1;
            return None;
        };
        let signal = Signal { rssi_dbm: quality.rssi(), snr_db: quality.snr() };
        let admitted = match &self.plan.keys {
            Keys::Join { app_key, last_join_nonce } => {
                admit_join(phy, signal, app_key, *last_join_nonce, &mut self.counters.discarded).map(
                    |accept| {
                        self.report.accepted = Some(Accepted::Join(accept));
                        len
                    },
                )
            }
            Keys::Data { nwk_skey, dev_addr, next_fcnt_down, .. } => {
                let key = AES128(*nwk_skey);
                admit_data(phy, signal, &key, *dev_addr, *next_fcnt_down, &mut self.counters.discarded).map(
                    |downlink| {
                        let fcnt = u32::from(downlink.fcnt);
                        self.report.accepted = Some(Accepted::Data(downlink));
                        frame::strip_mac_commands(phy, &key, fcnt)
                    },
                )
            }
        };
        self.counters.downlinks += u32::from(admitted.is_some());
        admitted
    }
}

fn modulation(config: &TxConfig) -> Modulation {
    let bb = &config.rf.bb;
    Modulation {
        spreading_factor: bb.sf.factor() as u8,
        bandwidth_hz: bb.bw.hz(),
        coding_rate: (bb.cr.denom() - 4) as u8,
    }
}

impl<R: PhyRxTx> PhyRxTx for Gate<'_, R> {
    type PhyError = GateError<R::PhyError>;

    const ANTENNA_GAIN: i8 = R::ANTENNA_GAIN;
    const MAX_RADIO_POWER: u8 = R::MAX_RADIO_POWER;

    async fn tx(&mut self, mut config: TxConfig, buf: &[u8]) -> Result<u32, Self::PhyError> {
        let Plan { uplink, region, tx_power_index, .. } = self.plan;
        config.rf = uplink;
        config.pw = power_dbm(region, tx_power_index, config.pw, R::MAX_RADIO_POWER);
        let phy = self.depart(&config, buf).ok_or(GateError::HeldBack)?;
        let window_delay_ms = self.radio.tx(config, &phy).await.map_err(GateError::Radio)?;
        self.report.transmitted = true;
        Ok(window_delay_ms)
    }

    async fn setup_rx(&mut self, mut config: RxConfig) -> Result<(), Self::PhyError> {
        config.rf = self.plan.windows[self.windows_opened.min(1)];
        self.windows_opened += 1;
        self.radio.setup_rx(config).await.map_err(GateError::Radio)
    }

    async fn rx_continuous(&mut self, rx_buf: &mut [u8]) -> Result<(usize, RxQuality), Self::PhyError> {
        // Class C, which the guard never enables.
        self.radio.rx_continuous(rx_buf).await.map_err(GateError::Radio)
    }

    async fn rx_single(&mut self, buf: &mut [u8]) -> Result<RxStatus, Self::PhyError> {
        let status = self.radio.rx_single(buf).await.map_err(GateError::Radio)?;
        let RxStatus::Rx(len, quality) = status else { return Ok(RxStatus::RxTimeout) };
        Ok(match self.admit(buf, len, quality) {
            Some(len) => RxStatus::Rx(len, quality),
            None => RxStatus::RxTimeout,
        })
    }

    async fn low_power(&mut self) -> Result<(), Self::PhyError> {
        self.radio.low_power().await.map_err(GateError::Radio)
    }
}

impl<R: Timings> Timings for Gate<'_, R> {
    fn get_rx_window_lead_time_ms(&self) -> u32 {
        self.radio.get_rx_window_lead_time_ms().min(MAX_LEAD_TIME_MS)
    }

    fn get_rx_window_buffer(&self) -> u32 {
        self.radio.get_rx_window_buffer()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::future::Future;
    use core::task::{Context, Poll, Waker};
    use lora_modulation::{Bandwidth, BaseBandModulationParams, CodingRate, SpreadingFactor};

    /// Counts what it sends.
    struct Antenna(usize);

    impl PhyRxTx for Antenna {
        type PhyError = ();
        const MAX_RADIO_POWER: u8 = 14;

        async fn tx(&mut self, _: TxConfig, _: &[u8]) -> Result<u32, ()> {
            self.0 += 1;
            Ok(0)
        }
        async fn setup_rx(&mut self, _: RxConfig) -> Result<(), ()> {
            Ok(())
        }
        async fn rx_continuous(&mut self, _: &mut [u8]) -> Result<(usize, RxQuality), ()> {
            Err(())
        }
        async fn rx_single(&mut self, _: &mut [u8]) -> Result<RxStatus, ()> {
            Ok(RxStatus::RxTimeout)
        }
    }

    /// The last line of defence: even a stack that sends when it should not is held back.
    #[test]
    fn the_gate_itself_keeps_the_duty_cycle() {
        let bb = BaseBandModulationParams::new(SpreadingFactor::_12, Bandwidth::_125KHz, CodingRate::_4_5);
        let rf = RfConfig { frequency: 868_100_000, bb };
        let plan = Plan {
            now: Instant::ZERO,
            uplink: rf,
            region: Region::Eu868,
            tx_power_index: 0,
            max_duty_exponent: 0,
            windows: [rf; 2],
            keys: Keys::Join { app_key: [0; 16], last_join_nonce: None },
        };
        let (mut antenna, mut counters) = (Antenna(0), Counters::default());
        let mut ledger = Ledger::new(Region::Eu868);
        let mut gate = Gate::new(&mut antenna, &mut ledger, &mut counters, plan);
        let mut held_back = 0;
        for _ in 0..20 {
            let sending = core::pin::pin!(gate.tx(TxConfig { pw: 14, rf }, &[0; 64]));
            match sending.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Err(GateError::HeldBack)) => held_back += 1,
                Poll::Ready(sent) => assert!(sent.is_ok()),
                Poll::Pending => panic!("nothing to wait for"),
            }
        }
        assert!(gate.take_report().held_back > Some(Instant::ZERO));
        // 64 B at SF12 are 2.793 s; 36 s hold twelve of them.
        assert_eq!((antenna.0, held_back, counters.held_back), (12, 8, 8));
    }
}
