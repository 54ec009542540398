//! One frame up and its answer, over one connection.
use super::{Limits, Peripheral};
use crate::agent::Uplink;
use chirrup_protocol::ble::Mtu;
use chirrup_protocol::ble::fragment::{FragmentError, Fragments, MAX_FRAGMENT_BYTES, Reassembly};
use chirrup_protocol::ble::frame::{
    DownlinkFrame, FrameError, MAX_FRAME_BYTES, MAX_SEALED_BYTES, UplinkFrame,
};
use chirrup_protocol::ids::DevEui;
use heapless::Vec;

/// What a gateway answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// MTU of the connection.
    pub mtu: Mtu,
    /// Port and sealed frame, if there was anything to say.
    pub downlink: Option<(u8, Vec<u8, MAX_SEALED_BYTES>)>,
}

/// A frame that was not answered. Whether it arrived is unknown, unless nobody connected. `P` is the stack's error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError<P> {
    /// The agent's frame is none that BLE carries.
    #[error(transparent)]
    Uplink(FrameError),
    /// Nobody connected.
    #[error("nobody connected")]
    NotConnected(P),
    /// The connection ended, or the answer did not come in time.
    #[error("no answer")]
    Unanswered(P),
    /// The gateway's fragments are none.
    #[error(transparent)]
    Fragment(FragmentError),
    /// The gateway's frame is none.
    #[error(transparent)]
    Downlink(FrameError),
}

/// Sends a frame of the node `dev_eui` and waits for its answer. The connection has ended afterwards.
///
/// # Errors
/// There was no answer.
pub async fn exchange<P: Peripheral>(
    peripheral: &mut P,
    dev_eui: DevEui,
    uplink: &Uplink,
    limits: &Limits,
) -> Result<Answer, ExchangeError<P::Error>> {
    let mut frame = [0; MAX_FRAME_BYTES];
    let up = UplinkFrame { dev_eui, fport: uplink.fport, sealed: &uplink.payload };
    let length = up.emit(&mut frame).map_err(ExchangeError::Uplink)?;
    let mtu = peripheral.connect(limits.connect_within).await.map_err(ExchangeError::NotConnected)?;
    let answer = converse(peripheral, &frame[..length], mtu, limits).await;
    peripheral.disconnect().await;
    answer
}

async fn converse<P: Peripheral>(
    peripheral: &mut P,
    frame: &[u8],
    mtu: Mtu,
    limits: &Limits,
) -> Result<Answer, ExchangeError<P::Error>> {
    let mut value = [0; MAX_FRAGMENT_BYTES];
    for fragment in Fragments::of(frame, mtu).map_err(ExchangeError::Fragment)? {
        let length = fragment.emit(&mut value);
        peripheral.notify(&value[..length]).await.map_err(ExchangeError::Unanswered)?;
    }
    let mut reassembly = Reassembly::new();
    loop {
        let written = peripheral.written(limits.answer_within, &mut value).await;
        let length = written.map_err(ExchangeError::Unanswered)?.min(value.len());
        if let Some(frame) = reassembly.insert(&value[..length]).map_err(ExchangeError::Fragment)? {
            return read(frame, mtu).map_err(ExchangeError::Downlink);
        }
    }
}

fn read(frame: &[u8], mtu: Mtu) -> Result<Answer, FrameError> {
    let downlink = match DownlinkFrame::parse(frame)? {
        DownlinkFrame::Nothing => None,
        DownlinkFrame::Sealed { fport, sealed } => {
            Some((fport, Vec::from_slice(sealed).expect("a frame that was read is not longer")))
        }
    };
    Ok(Answer { mtu, downlink })
}
