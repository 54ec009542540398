//! Which received frames are let through to the stack, and what they say to the guard.
use super::channels::CfList as Announced;
use super::counters::Discarded;
use super::frame::{self, DataFrame, Direction};
use super::mac::MAX_COMMAND_BYTES;
use super::outcome::Signal;
use heapless::Vec;
use lorawan::default_crypto::DefaultFactory;
use lorawan::keys::{AES128, AppKey};
use lorawan::parser::{CfList, DecryptedJoinAcceptPayload};

/// A downlink that was let through.
pub(super) enum Accepted {
    Join(JoinAccept),
    Data(DataDownlink),
}

/// An authentic JoinAccept.
pub(super) struct JoinAccept {
    pub signal: Signal,
    pub join_nonce: [u8; 3],
    pub dl_settings: u8,
    pub rx_delay: u8,
    pub cf_list: Announced,
}

/// An authentic, new data downlink.
pub(super) struct DataDownlink {
    pub signal: Signal,
    pub fcnt: u16,
    pub ack: bool,
    pub more_pending: bool,
    pub commands: Vec<u8, MAX_COMMAND_BYTES>,
}

/// Only an authentic JoinAccept, and not the last one again. The stack would adopt the channels and the delay of
/// a forged one before it looks at the MIC.
pub(super) fn admit_join(
    phy: &[u8],
    signal: Signal,
    app_key: &[u8; 16],
    last_join_nonce: Option<[u8; 3]>,
    discarded: &mut Discarded,
) -> Option<JoinAccept> {
    if phy.first().is_none_or(|mhdr| mhdr >> 5 != 1) {
        discarded.foreign += 1;
        return None;
    }
    let accept =
        decrypt_join_accept(phy, signal, app_key).filter(|accept| last_join_nonce != Some(accept.join_nonce));
    discarded.bad_join_accept += u32::from(accept.is_none());
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
    let cf_list = match accept.c_f_list() {
        Some(CfList::DynamicChannel(channels)) => Announced::Frequencies(channels.map(|hz| hz.value())),
        Some(CfList::FixedChannel(mask)) => {
            mask.as_ref().try_into().map_or(Announced::Absent, Announced::Mask)
        }
        None => Announced::Absent,
    };
    Some(JoinAccept {
        signal,
        join_nonce,
        dl_settings: accept.dl_settings().raw_value(),
        rx_delay: accept.rx_delay(),
        cf_list,
    })
}

/// Only an authentic, new downlink to this node.
pub(super) fn admit_data(
    phy: &[u8],
    signal: Signal,
    nwk_skey: &AES128,
    dev_addr: [u8; 4],
    next_fcnt_down: u32,
    discarded: &mut Discarded,
) -> Option<DataDownlink> {
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
