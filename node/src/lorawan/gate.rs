//! The gate between stack and radio: sees every raw frame of one exchange, up and down.
use super::airtime::Ledger;
use super::counters::Counters;
use super::frame::{self, DataFrame, Direction, MAX_FOPTS_BYTES, MAX_PHY_BYTES};
use super::mac::MAX_COMMAND_BYTES;
use super::outcome::Signal;
use chirrup_protocol::airtime::{Modulation, frame_airtime};
use chirrup_protocol::time::{Duration, Instant};
use heapless::Vec;
use lorawan::default_crypto::DefaultFactory;
use lorawan::keys::{AES128, AppKey};
use lorawan::parser::{CfList, DecryptedJoinAcceptPayload};
use lorawan_device::async_device::Timings;
use lorawan_device::async_device::radio::{PhyRxTx, RfConfig, RxConfig, RxQuality, RxStatus, TxConfig};

/// The stack subtracts the radio's lead time from RX1's delay of at least a second, unchecked.
const MAX_LEAD_TIME_MS: u32 = 1_000;

/// What the guard decided about an exchange before it began.
pub(super) struct Plan {
    pub now: Instant,
    pub frequency_hz: u32,
    /// How far below the stack's power to send, in dB.
    pub power_reduction_db: i8,
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

/// A downlink that was let through.
pub(super) enum Accepted {
    Join(JoinAccept),
    Data(DataDownlink),
}

pub(super) struct JoinAccept {
    pub signal: Signal,
    pub join_nonce: [u8; 3],
    pub dl_settings: u8,
    pub rx_delay: u8,
    /// Frequencies of channels 3 to 7, zero where there is none.
    pub cf_list_hz: [u32; 5],
}

pub(super) struct DataDownlink {
    pub signal: Signal,
    pub fcnt: u16,
    pub ack: bool,
    pub more_pending: bool,
    pub commands: Vec<u8, MAX_COMMAND_BYTES>,
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
        let Plan { now, frequency_hz, max_duty_exponent, .. } = self.plan;
        if let Err(earliest) = self.ledger.try_send(now, frequency_hz, on_air, max_duty_exponent) {
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
            Keys::Data { nwk_skey, fcnt_up, fopts, .. } if !fopts.is_empty() => {
                frame::with_fopts(phy, fopts, &AES128(*nwk_skey), *fcnt_up)
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
                admit_join(phy, signal, app_key, *last_join_nonce, self.counters).map(|accept| {
                    self.report.accepted = Some(Accepted::Join(accept));
                    len
                })
            }
            Keys::Data { nwk_skey, dev_addr, next_fcnt_down, .. } => {
                let key = AES128(*nwk_skey);
                admit_data(phy, signal, &key, *dev_addr, *next_fcnt_down, self.counters).map(|downlink| {
                    let fcnt = u32::from(downlink.fcnt);
                    self.report.accepted = Some(Accepted::Data(downlink));
                    frame::strip_mac_commands(phy, &key, fcnt)
                })
            }
        };
        self.counters.downlinks += u32::from(admitted.is_some());
        admitted
    }
}

/// Only an authentic JoinAccept, and not the last one again. The stack would adopt the channels and the delay of
/// a forged one before it looks at the MIC.
fn admit_join(
    phy: &[u8],
    signal: Signal,
    app_key: &[u8; 16],
    last_join_nonce: Option<[u8; 3]>,
    counters: &mut Counters,
) -> Option<JoinAccept> {
    if phy.first().is_none_or(|mhdr| mhdr >> 5 != 1) {
        counters.discarded.foreign += 1;
        return None;
    }
    let accept =
        decrypt_join_accept(phy, signal, app_key).filter(|accept| last_join_nonce != Some(accept.join_nonce));
    counters.discarded.bad_join_accept += u32::from(accept.is_none());
    accept
}

fn decrypt_join_accept(phy: &[u8], signal: Signal, app_key: &[u8; 16]) -> Option<JoinAccept> {
    // 33 bytes with a CFList, 17 without.
    let mut copy: Vec<u8, 33> = Vec::from_slice(phy).ok()?;
    let key = AppKey::from(*app_key);
    let accept =
        DecryptedJoinAcceptPayload::new_with_factory(copy.as_mut_slice(), &key, DefaultFactory).ok()?;
    let mut join_nonce = [0; 3];
    join_nonce.copy_from_slice(accept.app_nonce().as_ref());
    let cf_list_hz = match accept.c_f_list() {
        Some(CfList::DynamicChannel(channels)) => channels.map(|channel| channel.value()),
        _ => [0; 5],
    };
    Some(JoinAccept {
        signal,
        join_nonce,
        dl_settings: accept.dl_settings().raw_value(),
        rx_delay: accept.rx_delay(),
        cf_list_hz,
    })
}

/// Only an authentic, new downlink to this node.
fn admit_data(
    phy: &[u8],
    signal: Signal,
    nwk_skey: &AES128,
    dev_addr: [u8; 4],
    next_fcnt_down: u32,
    counters: &mut Counters,
) -> Option<DataDownlink> {
    let discarded = &mut counters.discarded;
    let Some(frame) = DataFrame::parse(phy).filter(|frame| frame.dev_addr() == dev_addr) else {
        discarded.foreign += 1;
        return None;
    };
    let fcnt = u32::from(frame.fcnt());
    let reason = if frame.direction() == Direction::Up {
        &mut discarded.reflected
    } else if !frame.mic_is_valid(nwk_skey, fcnt) {
        &mut discarded.bad_mic
    } else if fcnt < next_fcnt_down {
        &mut discarded.replayed
    } else {
        return Some(DataDownlink {
            signal,
            fcnt: frame.fcnt(),
            ack: frame.ack(),
            more_pending: frame.more_pending(),
            commands: frame::mac_commands(phy, nwk_skey),
        });
    };
    *reason += 1;
    None
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
        config.rf.frequency = self.plan.frequency_hz;
        config.pw = config.pw.saturating_sub(self.plan.power_reduction_db);
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
