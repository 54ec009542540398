//! Data frames, up and down.
use super::super::adr::{AdrBits, Setting};
use super::super::counters::Reason;
use super::super::mac_commands::{self, Commands};
use super::super::record::{Key, Session};
use super::aes_key;
use chirrup_protocol::ids::DevAddr;
use chirrup_protocol::region::ChannelGroup;
use chirrup_protocol::seal::Direction;
use lrwn::{
    ChMask, FCtrl, FHDR, FRMPayload, FType, LinkADRReqPayload, MACCommand, MACCommandSet, MACPayload,
    MACVersion, MHDR, Major, Payload, PhyPayload, Redundancy,
};

/// Bytes of a LinkADRReq: CID, DataRate_TXPower, ChMask 2, Redundancy.
pub const LINK_ADR_REQ_BYTES: usize = 5;
/// What a data frame has besides port and payload: MHDR 1, DevAddr 4, FCtrl 1, FCnt 2, MIC 4.
pub const BARE_DATA_BYTES: usize = 12;
/// The three default channels of EU868: no join accept adds any.
const DEFAULT_CHANNELS: u16 = 0b111;

/// A data frame, not authenticated yet.
#[derive(Debug)]
pub struct DataUp {
    phy: PhyPayload,
    pub dev_addr: DevAddr,
    /// The 16 bits of the frame counter that travel.
    pub fcnt_low: u16,
    pub acknowledgement: Acknowledgement,
    pub adr: AdrBits,
}

/// Whether the device asks for an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledgement {
    Requested,
    NotRequested,
}

/// What an authentic data frame says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Port, 1 to 255, and decrypted payload.
    pub application: Option<(u8, Vec<u8>)>,
    /// The MAC commands in it; `None` when they do not parse.
    pub mac_commands: Option<Commands>,
}

impl DataUp {
    pub(super) fn of(phy: PhyPayload, acknowledgement: Acknowledgement) -> Result<Self, Reason> {
        let Payload::MACPayload(mac) = &phy.payload else { return Err(Reason::Malformed) };
        // Commands in FOpts exclude commands on port 0 (LoRaWAN 1.0.4, 4.3.1.6).
        if mac.f_port == Some(0) && mac.fhdr.f_ctrl.f_opts_len > 0 {
            return Err(Reason::Malformed);
        }
        let dev_addr = DevAddr(mac.fhdr.devaddr.to_be_bytes());
        let fcnt_low = mac.fhdr.f_cnt as u16;
        let f_ctrl = &mac.fhdr.f_ctrl;
        let adr = AdrBits { adr: f_ctrl.adr, wants_downlink: f_ctrl.adr_ack_req };
        Ok(Self { phy, dev_addr, fcnt_low, acknowledgement, adr })
    }

    /// Checks the MIC under the assumption that this is the whole frame counter.
    pub fn is_authentic(&mut self, nwk_s_key: Key, fcnt: u32) -> bool {
        let Payload::MACPayload(mac) = &mut self.phy.payload else { return false };
        mac.fhdr.f_cnt = fcnt;
        let key = aes_key(nwk_s_key);
        self.phy.validate_uplink_data_mic(MACVersion::LoRaWAN1_0, 0, 0, 0, &key, &key).unwrap_or(false)
    }

    /// Decrypts the frame. Call it after [`DataUp::is_authentic`] has agreed to this counter.
    pub fn content(&self, session: &Session, fcnt: u32) -> Content {
        let Payload::MACPayload(mac) = &self.phy.payload else { return Content::default() };
        let cipher = match &mac.frm_payload {
            Some(FRMPayload::Raw(bytes)) => bytes.as_slice(),
            _ => &[],
        };
        let options = mac.fhdr.f_opts.to_vec().unwrap_or_default();
        let (nwk_s_key, app_s_key, dev_addr) = (session.nwk_s_key, session.app_s_key, session.dev_addr);
        match mac.f_port {
            None => Content { application: None, mac_commands: mac_commands::read(&options) },
            Some(0) => {
                let commands = crypt(nwk_s_key, Direction::Up, dev_addr, fcnt, cipher);
                Content { application: None, mac_commands: mac_commands::read(&commands) }
            }
            Some(port) => {
                let plain = crypt(app_s_key, Direction::Up, dev_addr, fcnt, cipher);
                Content { application: Some((port, plain)), mac_commands: mac_commands::read(&options) }
            }
        }
    }
}

/// A downlink data frame.
#[derive(Clone, Copy, Debug)]
pub struct DataDown<'a> {
    pub fcnt: u32,
    /// Whether the uplink that it answers asked for an acknowledgement.
    pub acknowledgement: Acknowledgement,
    /// Port, 1 to 255, and plain payload.
    pub application: Option<(u8, &'a [u8])>,
    /// Data rate and power to ask for, and the channels that go with them.
    pub link_adr: Option<(Setting, Option<ChannelGroup>)>,
}

impl DataDown<'_> {
    /// The bytes of the frame, encrypted and with its MIC. FPending is never set: the next downlink waits for the
    /// next uplink in any case.
    pub fn encode(&self, session: &Session) -> Vec<u8> {
        let payload = self.application.map(|(_, plain)| {
            FRMPayload::Raw(crypt(session.app_s_key, Direction::Down, session.dev_addr, self.fcnt, plain))
        });
        let commands: Vec<MACCommand> =
            self.link_adr.map(|(setting, group)| link_adr_req(setting, group)).into_iter().collect();
        let fhdr = FHDR {
            devaddr: lrwn::DevAddr::from_be_bytes(session.dev_addr.0),
            f_ctrl: FCtrl { ack: self.acknowledgement == Acknowledgement::Requested, ..FCtrl::default() },
            f_cnt: self.fcnt,
            f_opts: MACCommandSet::new(commands),
        };
        let mac = MACPayload { fhdr, f_port: self.application.map(|(port, _)| port), frm_payload: payload };
        let mhdr = MHDR { f_type: FType::UnconfirmedDataDown, major: Major::LoRaWANR1 };
        let mut phy = PhyPayload { mhdr, payload: Payload::MACPayload(mac), mic: None };
        phy.set_downlink_data_mic(MACVersion::LoRaWAN1_0, 0, &aes_key(session.nwk_s_key))
            .and_then(|()| phy.to_vec())
            .expect("a data rate has four bits, and so has a power")
    }
}

/// Bytes of a downlink with this payload.
pub fn data_down_bytes(payload_bytes: Option<usize>) -> usize {
    BARE_DATA_BYTES + payload_bytes.map_or(0, |bytes| bytes + 1)
}

/// A LinkADRReq for one transmission an uplink. Its mask enables what a joined device uses anyway: the region's own
/// channels, or those of 125 kHz of the group.
fn link_adr_req(setting: Setting, group: Option<ChannelGroup>) -> MACCommand {
    let (ch_mask_cntl, mask) = match group {
        None => (0, DEFAULT_CHANNELS),
        Some(group) => {
            let place = group.number() - 1;
            (place / 2, 0xff << (8 * (place % 2)))
        }
    };
    MACCommand::LinkADRReq(LinkADRReqPayload {
        dr: setting.data_rate.0,
        tx_power: setting.tx_power_index,
        ch_mask: ChMask::from_bytes(u16::to_le_bytes(mask)),
        redundancy: Redundancy { ch_mask_cntl, nb_rep: 1 },
    })
}

/// Encrypts or decrypts a payload (LoRaWAN 1.0.4, 4.3.3).
fn crypt(key: Key, direction: Direction, dev_addr: DevAddr, fcnt: u32, bytes: &[u8]) -> Vec<u8> {
    let address = lrwn::DevAddr::from_be_bytes(dev_addr.0);
    lrwn::encrypt_frm_payload(&aes_key(key), direction == Direction::Up, &address, fcnt, bytes)
        .expect("the cipher takes any length")
}
