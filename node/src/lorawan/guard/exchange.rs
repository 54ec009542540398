//! One exchange: a stack is built, used, and thrown away.
use super::super::admission::{DataDownlink, JoinAccept};
use super::super::error::Failure;
use super::super::gate::{Gate, GateError, Keys, Plan, Report};
use super::super::link::{Link, ReceiveWindows, STACK_REGION, rx_delay_s};
use super::super::mac::{self, Sequence};
use super::super::outcome::{Acknowledgement, Confirmation, Downlink, Message};
use super::super::rng::DrawnNonce;
use super::super::session::Session;
use super::super::timer::Windows;
use super::checkpoint::{FCNT_BLOCK, Reserved};
use super::{Guard, SnapshotStore};
use chirrup_protocol::region::{ChannelPlan, DataRate};
use chirrup_protocol::time::{Duration, Instant};
use heapless::Vec;
use lorawan_device::async_device::radio::{PhyRxTx, Timer};
use lorawan_device::async_device::{Device, Error as StackError, JoinResponse, Timings};
use lorawan_device::default_crypto::DefaultFactory;
use lorawan_device::region::Configuration;
use lorawan_device::{AppEui, AppKey, DevEui, JoinMode};

/// The stack for one exchange.
type Stack<'a, R, T> = Device<Gate<'a, R>, DefaultFactory, Windows<'a, T>, DrawnNonce>;

/// What an exchange brought, or why it broke off.
type Outcome<A, R> = Result<A, Failure<<R as PhyRxTx>::PhyError>>;

/// An uplink that passed every check.
pub(super) struct Uplink<'a> {
    /// As it was before the uplink's counter was spent.
    pub session: Session,
    pub fport: u8,
    pub payload: &'a [u8],
    pub confirmation: Confirmation,
    pub frequency_hz: u32,
    pub data_rate: DataRate,
}

/// What the stack has to say after an uplink.
pub(super) struct StackAnswer {
    message: Option<Message>,
    ack_due: bool,
}

impl<R, T, G, S> Guard<R, T, G, S>
where
    R: PhyRxTx + Timings,
    T: Timer,
    S: SnapshotStore,
{
    /// An exchange that began and never ended was dropped by the caller.
    pub(super) fn note_interruption(&mut self) {
        self.counters.interrupted += u32::from(core::mem::take(&mut self.in_exchange));
    }

    /// A join request and its two windows. `None` without a JoinAccept.
    pub(super) async fn exchange_join(
        &mut self,
        now: Instant,
        dev_nonce: u16,
        (frequency_hz, data_rate): (u32, DataRate),
    ) -> (Report, Outcome<Option<Session>, R>) {
        let defaults = Link { windows: ReceiveWindows::new(self.link.region), ..self.link.clone() };
        let plan = Plan {
            now,
            uplink: defaults.uplink(data_rate, frequency_hz),
            region: defaults.region,
            tx_power_index: 0,
            max_duty_exponent: self.link.max_duty_exponent,
            windows: [defaults.rx1(data_rate, frequency_hz), defaults.rx2()],
            keys: Keys::Join { app_key: self.config.app_key, last_join_nonce: self.last_join_nonce },
        };
        let mode = self.join_mode();
        let gate = Gate::new(&mut self.radio, &mut self.ledger, &mut self.counters, plan);
        let windows = Windows::of_join(&mut self.timer);
        let region = Configuration::new(STACK_REGION);
        let mut stack: Stack<'_, R, T> = Device::new(region, gate, windows, DrawnNonce::of_join(dev_nonce));
        let outcome = stack.join(&mode).await.map(|response| match response {
            JoinResponse::JoinSuccess => stack.get_session().map(Session::of_join),
            JoinResponse::NoJoinAccept => None,
        });
        let report = stack.get_mut_radio().take_report();
        let outcome = outcome.map_err(|error| failure(error, &report));
        (report, outcome)
    }

    fn join_mode(&self) -> JoinMode {
        let on_air = |mut eui: [u8; 8]| {
            eui.reverse();
            eui
        };
        JoinMode::OTAA {
            deveui: DevEui::from(on_air(self.config.dev_eui.0)),
            appeui: AppEui::from(on_air(self.config.join_eui)),
            appkey: AppKey::from(self.config.app_key),
        }
    }

    /// Begins a new session with what the JoinAccept said about the link.
    pub(super) async fn adopt(
        &mut self,
        session: Session,
        accept: &JoinAccept,
        joined_at: DataRate,
        now: Instant,
    ) {
        let mut link = Link::new(self.link.region, self.link.data_rates);
        link.data_rate = match link.region.channel_plan() {
            ChannelPlan::Dynamic => self.link.data_rate,
            // The request's data rate was not the node's choice, and is all that it knows to work.
            ChannelPlan::Fixed => joined_at.clamp(self.link.data_rates.lowest, self.link.data_rates.highest),
        };
        link.rx_delay_s = rx_delay_s(accept.rx_delay);
        let windows = link.windows.with_dl_settings(accept.dl_settings);
        if windows.acceptable(link.region) == [true; 3] {
            link.windows = windows;
        }
        link.channels.adopt(accept.cf_list);
        self.link = link;
        self.session = Some(session);
        self.last_join_nonce = Some(accept.join_nonce);
        self.answers = mac::Answers::default();
        self.backoff.heard();
        self.checkpoint_due = true;
        self.reserved.fcnt_up = session.next_fcnt_up;
        // When this fails the session is good all the same: the first uplink stores before it is sent, or says why.
        let reserved = Reserved { fcnt_up: FCNT_BLOCK, ..self.reserved };
        self.checkpoint_due = self.checkpoint_as(reserved, Duration::ZERO, now).await.is_err();
    }

    /// An uplink and its two windows.
    pub(super) async fn exchange_data(
        &mut self,
        now: Instant,
        uplink: Uplink<'_>,
    ) -> (Report, Outcome<StackAnswer, R>) {
        let Uplink { session, fport, payload, confirmation, frequency_hz, data_rate } = uplink;
        let plan = Plan {
            now,
            uplink: self.link.uplink(data_rate, frequency_hz),
            region: self.link.region,
            tx_power_index: self.link.tx_power_index,
            max_duty_exponent: self.link.max_duty_exponent,
            windows: [self.link.rx1(data_rate, frequency_hz), self.link.rx2()],
            keys: Keys::Data {
                nwk_skey: session.nwk_skey,
                dev_addr: session.dev_addr,
                fcnt_up: session.next_fcnt_up,
                next_fcnt_down: session.next_fcnt_down,
                fctrl: self.backoff.fctrl(&self.link),
                fopts: self.answers.bytes(),
            },
        };
        let gate = Gate::new(&mut self.radio, &mut self.ledger, &mut self.counters, plan);
        let windows = Windows::of_data(&mut self.timer, self.link.rx_delay_s);
        let region = Configuration::new(STACK_REGION);
        let stack_session = Some(session.to_stack());
        let mut stack: Stack<'_, R, T> =
            Device::new_with_session(region, gate, windows, DrawnNonce::of_data(), stack_session);
        let confirmed = confirmation == Confirmation::Requested;
        let outcome = stack.send(payload, fport, confirmed).await.map(|_| StackAnswer {
            message: stack.take_downlink().and_then(|downlink| {
                Some(Message { fport: downlink.fport, payload: Vec::from_slice(&downlink.data).ok()? })
            }),
            ack_due: stack.get_session().is_some_and(|session| session.uplink.confirms_downlink()),
        });
        let report = stack.get_mut_radio().take_report();
        if report.transmitted {
            self.answers.sent();
        } else if let Some(kept) = &mut self.session {
            kept.ack_due = session.ack_due;
        }
        let outcome = outcome.map_err(|error| failure(error, &report));
        (report, outcome)
    }

    /// Acts on a downlink: counters, MAC commands, the acknowledgement that is due.
    pub(super) fn take_in(&mut self, heard: &DataDownlink, answer: StackAnswer) -> Downlink {
        if let Some(session) = &mut self.session {
            session.next_fcnt_down = u32::from(heard.fcnt) + 1;
            session.ack_due = answer.ack_due;
        }
        self.answers.arrived();
        self.backoff.heard();
        let before = self.link.clone();
        let snr_db = heard.signal.snr_db;
        if mac::carry_out(&heard.commands, snr_db, &mut self.link, &mut self.answers) == Sequence::Broken {
            self.counters.discarded.bad_mac_commands += 1;
        }
        // Stored before the next uplink, which carries the answers: the network never counts on what a restart
        // would forget.
        self.checkpoint_due |= self.link != before;
        Downlink {
            fcnt: heard.fcnt,
            signal: heard.signal,
            more_pending: heard.more_pending,
            message: answer.message,
        }
    }
}

/// What the ACK bit says.
pub(super) fn acknowledgement(confirmation: Confirmation, heard: Option<&DataDownlink>) -> Acknowledgement {
    match (confirmation, heard) {
        (Confirmation::NotRequested, _) => Acknowledgement::NotRequested,
        (Confirmation::Requested, Some(heard)) if heard.ack => Acknowledgement::Received,
        (Confirmation::Requested, _) => Acknowledgement::Missing,
    }
}

/// Why the stack gave up.
fn failure<P>(error: StackError<GateError<P>>, report: &Report) -> Failure<P> {
    match (error, report.held_back) {
        (StackError::Radio(GateError::Radio(error)), _) if report.transmitted => Failure::Receive(error),
        (StackError::Radio(GateError::Radio(error)), _) => Failure::Transmit(error),
        (StackError::Radio(GateError::HeldBack), Some(earliest)) => Failure::DutyCycle { earliest },
        _ => Failure::Stack,
    }
}
