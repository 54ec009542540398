//! An exchange over a stack that does as it is told, and breaks off where it is told.
use super::*;
use crate::agent::Uplink;
use chirrup_protocol::ble::fragment::{FragmentError, Fragments, MAX_FRAGMENT_BYTES, Reassembly};
use chirrup_protocol::ble::frame::{DownlinkFrame, FrameError, MAX_FRAME_BYTES, UplinkFrame};
use chirrup_protocol::ids::DevEui;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

const DEV_EUI: DevEui = DevEui([7; 8]);

/// Where the link breaks off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Never,
    BeforeConnecting,
    AfterNotifications(usize),
    BeforeTheAnswer,
}

#[derive(Debug, PartialEq, Eq)]
struct LinkLost;

struct Stack {
    mtu: Mtu,
    broken: Broken,
    notified: Vec<Vec<u8>>,
    to_write: VecDeque<Vec<u8>>,
    connected: usize,
    disconnected: usize,
}

impl Stack {
    fn new(mtu: usize, broken: Broken, answer: &[u8]) -> Self {
        let mtu = Mtu::new(mtu).unwrap();
        Self {
            mtu,
            broken,
            notified: Vec::new(),
            to_write: Fragments::of(answer, mtu)
                .unwrap()
                .map(|fragment| {
                    let mut value = [0; MAX_FRAGMENT_BYTES];
                    let length = fragment.emit(&mut value);
                    value[..length].to_vec()
                })
                .collect(),
            connected: 0,
            disconnected: 0,
        }
    }
}

impl Peripheral for Stack {
    type Error = LinkLost;

    async fn connect(&mut self, _: Duration) -> Result<Mtu, LinkLost> {
        if self.broken == Broken::BeforeConnecting {
            return Err(LinkLost);
        }
        self.connected += 1;
        Ok(self.mtu)
    }

    async fn notify(&mut self, value: &[u8]) -> Result<(), LinkLost> {
        if self.broken == Broken::AfterNotifications(self.notified.len()) {
            return Err(LinkLost);
        }
        assert!(value.len() <= self.mtu.value_bytes());
        self.notified.push(value.to_vec());
        Ok(())
    }

    async fn written(&mut self, _: Duration, buffer: &mut [u8]) -> Result<usize, LinkLost> {
        let value = self.to_write.pop_front().filter(|_| self.broken != Broken::BeforeTheAnswer);
        let value = value.ok_or(LinkLost)?;
        buffer[..value.len()].copy_from_slice(&value);
        Ok(value.len())
    }

    async fn disconnect(&mut self) {
        self.disconnected += 1;
    }
}

/// Nothing in these tests waits.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing to wait for"),
    }
}

fn uplink(sealed: &[u8]) -> Uplink {
    Uplink { fport: 1, payload: heapless::Vec::from_slice(sealed).unwrap(), confirm: false }
}

fn exchanged(stack: &mut Stack, sealed: &[u8]) -> Result<Answer, ExchangeError<LinkLost>> {
    at_once(exchange(stack, DEV_EUI, &uplink(sealed), &Limits::default()))
}

fn answer(fport: u8, sealed: &[u8]) -> Vec<u8> {
    let mut frame = [0; MAX_FRAME_BYTES];
    let length = DownlinkFrame::Sealed { fport, sealed }.emit(&mut frame).unwrap();
    frame[..length].to_vec()
}

#[test]
fn a_frame_goes_up_and_its_answer_comes_down_at_any_mtu() {
    for mtu in [23, 24, 100, 247] {
        for length in [11, 18, 100, 242] {
            let sealed: Vec<u8> = (0..length).collect();
            let mut stack = Stack::new(mtu, Broken::Never, &answer(17, &sealed));
            let have = exchanged(&mut stack, &sealed).unwrap();
            assert_eq!(have.mtu, Mtu::new(mtu).unwrap());
            let (fport, down) = have.downlink.unwrap();
            assert_eq!((fport, down.as_slice()), (17, sealed.as_slice()));
            let mut reassembly = Reassembly::new();
            let (last, others) = stack.notified.split_last().unwrap();
            others.iter().for_each(|value| assert_eq!(reassembly.insert(value), Ok(None)));
            let frame = reassembly.insert(last).unwrap().unwrap();
            let up = UplinkFrame { dev_eui: DEV_EUI, fport: 1, sealed: &sealed };
            assert_eq!(UplinkFrame::parse(frame), Ok(up));
            assert_eq!((stack.connected, stack.disconnected), (1, 1));
        }
    }
}

#[test]
fn an_empty_answer_says_that_the_frame_arrived() {
    let mut stack = Stack::new(23, Broken::Never, &[0]);
    let nothing = Answer { mtu: Mtu::LEAST, downlink: None };
    assert_eq!(exchanged(&mut stack, &[1; 11]), Ok(nothing));
}

#[test]
fn wherever_the_link_breaks_there_is_no_answer_and_no_connection() {
    let mut nobody = Stack::new(23, Broken::BeforeConnecting, &[0]);
    assert_eq!(exchanged(&mut nobody, &[1; 242]), Err(ExchangeError::NotConnected(LinkLost)));
    assert_eq!(nobody.disconnected, 0);
    // 251 bytes in fragments of 19: 14 of them.
    let after = (0..14).map(Broken::AfterNotifications);
    for broken in after.chain([Broken::BeforeTheAnswer]) {
        let mut stack = Stack::new(23, broken, &[0]);
        assert_eq!(exchanged(&mut stack, &[1; 242]), Err(ExchangeError::Unanswered(LinkLost)));
        assert_eq!(stack.disconnected, 1, "{broken:?}");
    }
}

#[test]
fn what_is_no_answer_is_refused() {
    let mut stack = Stack::new(23, Broken::Never, &[224; 12]);
    let reserved = FrameError::ReservedPort { fport: 224 };
    assert_eq!(exchanged(&mut stack, &[1; 11]), Err(ExchangeError::Downlink(reserved)));
    let mut stack = Stack::new(23, Broken::Never, &[]);
    stack.to_write.push_back(vec![0x60, 1]);
    let unknown = FragmentError::UnknownHeader { header: 0x60 };
    assert_eq!(exchanged(&mut stack, &[1; 11]), Err(ExchangeError::Fragment(unknown)));
    assert_eq!(stack.disconnected, 1);
    let mut stack = Stack::new(23, Broken::Never, &[0]);
    let short = FrameError::WrongLength { have_bytes: 10 };
    assert_eq!(exchanged(&mut stack, &[1; 10]), Err(ExchangeError::Uplink(short)));
    assert_eq!(stack.connected, 0, "what cannot be sent needs no connection");
}
