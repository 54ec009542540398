//! Join requests and accepts.
use super::super::config::NetId;
use super::super::counters::Reason;
use super::super::record::{Key, Session};
use super::aes_key;
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::region::{ChannelGroup, DataRate};
use lrwn::{
    CFList, CFListChannelMasks, ChMask, DLSettings, EUI64, FType, JoinAcceptPayload, JoinType, MHDR, Major,
    NetID, Payload, PhyPayload,
};

/// Bytes of a join accept without a list of channels: MHDR 1, JoinNonce 3, NetID 3, DevAddr 4, DLSettings 1,
/// RxDelay 1, MIC 4.
const BARE_JOIN_ACCEPT_BYTES: usize = 17;
/// Bytes of a list of channels in a join accept.
const CF_LIST_BYTES: usize = 16;

/// A join request, not authenticated yet.
#[derive(Debug)]
pub struct JoinRequest {
    phy: PhyPayload,
    join_eui: EUI64,
    pub dev_eui: DevEui,
    pub dev_nonce: u16,
}

impl JoinRequest {
    pub(super) fn of(phy: PhyPayload) -> Result<Self, Reason> {
        let Payload::JoinRequest(request) = &phy.payload else { return Err(Reason::Malformed) };
        let (join_eui, dev_nonce) = (request.join_eui, request.dev_nonce);
        let dev_eui = DevEui(request.dev_eui.to_be_bytes());
        Ok(Self { phy, join_eui, dev_eui, dev_nonce })
    }

    pub fn is_authentic(&self, app_key: Key) -> bool {
        self.phy.validate_join_request_mic(&aes_key(app_key)).unwrap_or(false)
    }

    /// Derives the session keys, NwkSKey first (LoRaWAN 1.0.4, 6.2.5).
    pub fn session_keys(&self, app_key: Key, net_id: NetId, join_nonce: u32) -> (Key, Key) {
        let (key, net_id) = (aes_key(app_key), NetID::from_be_bytes(net_id.0));
        let (join_eui, dev_nonce) = (&self.join_eui, self.dev_nonce);
        let nwk_s_key =
            lrwn::keys::get_f_nwk_s_int_key(false, &key, &net_id, join_eui, join_nonce, dev_nonce);
        let app_s_key = lrwn::keys::get_app_s_key(false, &key, &net_id, join_eui, join_nonce, dev_nonce);
        let length = "an AES block has the length of a key";
        (Key(nwk_s_key.expect(length).to_bytes()), Key(app_s_key.expect(length).to_bytes()))
    }

    /// The encrypted join accept for a session. Where the region's channels are fixed, it names those of `group`.
    pub fn accept(
        &self,
        app_key: Key,
        net_id: NetId,
        join_nonce: u32,
        session: &Session,
        group: Option<ChannelGroup>,
    ) -> Vec<u8> {
        let accept = JoinAcceptPayload {
            join_nonce,
            home_netid: NetID::from_be_bytes(net_id.0),
            devaddr: lrwn::DevAddr::from_be_bytes(session.dev_addr.0),
            dl_settings: dl_settings(session.rx2_data_rate),
            rx_delay: session.rx1_delay_s,
            cflist: group.map(cf_list),
        };
        let mhdr = MHDR { f_type: FType::JoinAccept, major: Major::LoRaWANR1 };
        let mut phy = PhyPayload { mhdr, payload: Payload::JoinAccept(accept), mic: None };
        let key = aes_key(app_key);
        phy.set_join_accept_mic(JoinType::Join, &self.join_eui, self.dev_nonce, &key)
            .and_then(|()| phy.encrypt_join_accept_payload(&key))
            .and_then(|()| phy.to_vec())
            .expect("a validated configuration gives encodable fields")
    }
}

/// Bytes of a join accept, with a list of channels where there is a group.
pub fn join_accept_bytes(group: Option<ChannelGroup>) -> usize {
    BARE_JOIN_ACCEPT_BYTES + group.map_or(0, |_| CF_LIST_BYTES)
}

/// Masks of 16 channels each, the last one of the eight of 500 kHz.
fn cf_list(group: ChannelGroup) -> CFList {
    let mask = group.mask();
    let masks = mask.chunks(2).map(|bank| ChMask::from_bytes([bank[0], bank.get(1).copied().unwrap_or(0)]));
    CFList::ChannelMask(CFListChannelMasks::new(masks.collect()))
}

fn dl_settings(rx2_data_rate: DataRate) -> DLSettings {
    DLSettings { opt_neg: false, rx2_dr: rx2_data_rate.0, rx1_dr_offset: 0 }
}
