//! The network's side of a link, in terms of `lrwn`.
use lrwn::*;

pub const APP_KEY: [u8; 16] = [9; 16];
pub const DEV_ADDR: [u8; 4] = [1, 2, 3, 4];

/// What a JoinAccept announces.
#[derive(Clone, Copy)]
pub struct Announced {
    pub rx1_offset: u8,
    pub rx2_data_rate: u8,
    pub rx_delay: u8,
    pub cf_list_hz: Option<[u32; 5]>,
    /// In place of frequencies, where the plan is fixed.
    pub mask: Option<[u8; 9]>,
}

impl Default for Announced {
    fn default() -> Self {
        Self { rx1_offset: 0, rx2_data_rate: 0, rx_delay: 1, cf_list_hz: None, mask: None }
    }
}

impl Announced {
    fn cf_list(self) -> Option<CFList> {
        let frequencies = self.cf_list_hz.map(|hz| CFList::Channels(CFListChannels::new(hz)));
        let bank = |pair: &[u8]| ChMask::from_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]);
        let masks = |mask: [u8; 9]| CFListChannelMasks::new(mask.chunks(2).map(bank).collect());
        frequencies.or_else(|| self.mask.map(|mask| CFList::ChannelMask(masks(mask))))
    }
}

/// A downlink to be built.
#[derive(Clone, Default)]
pub struct Down {
    pub fcnt: u32,
    pub ack: bool,
    pub confirmed: bool,
    pub more_pending: bool,
    pub fopts: Vec<u8>,
    pub fport: Option<u8>,
    pub payload: Vec<u8>,
}

impl Down {
    pub fn data(fcnt: u32, payload: &[u8]) -> Self {
        Self { fcnt, fport: Some(9), payload: payload.to_vec(), ..Self::default() }
    }

    pub fn commands(fcnt: u32, fopts: &[u8]) -> Self {
        Self { fcnt, fopts: fopts.to_vec(), ..Self::default() }
    }
}

/// An uplink as the network reads it.
#[derive(Debug, PartialEq, Eq)]
pub struct Up {
    pub fcnt: u16,
    pub ack: bool,
    pub adr: bool,
    pub adr_ack_req: bool,
    pub confirmed: bool,
    pub fopts: Vec<u8>,
    pub fport: Option<u8>,
    pub payload: Vec<u8>,
}

/// Keys that the network holds.
#[derive(Clone, Copy)]
pub struct Network {
    pub nwk_skey: [u8; 16],
    pub app_skey: [u8; 16],
}

impl Network {
    /// For tests without a join.
    pub const ABP: Self = Self { nwk_skey: [1; 16], app_skey: [2; 16] };

    pub fn join_accept(join_nonce: u32, announced: Announced) -> Vec<u8> {
        let key = AES128Key::from_bytes(APP_KEY);
        let mut phy = PhyPayload {
            mhdr: MHDR { f_type: FType::JoinAccept, major: Major::LoRaWANR1 },
            payload: Payload::JoinAccept(JoinAcceptPayload {
                join_nonce,
                home_netid: NetID::from_be_bytes([0; 3]),
                devaddr: DevAddr::from_be_bytes(DEV_ADDR),
                dl_settings: DLSettings {
                    opt_neg: false,
                    rx2_dr: announced.rx2_data_rate,
                    rx1_dr_offset: announced.rx1_offset,
                },
                rx_delay: announced.rx_delay,
                cflist: announced.cf_list(),
            }),
            mic: None,
        };
        phy.set_join_accept_mic(JoinType::Join, &EUI64::from_be_bytes([0; 8]), 0, &key).unwrap();
        phy.encrypt_join_accept_payload(&key).unwrap();
        phy.to_vec().unwrap()
    }

    /// Checks a join request and derives the keys of its session.
    pub fn of_join(request: &[u8], join_nonce: u32) -> (JoinRequestPayload, Self) {
        let key = AES128Key::from_bytes(APP_KEY);
        let phy = PhyPayload::from_slice(request).unwrap();
        assert!(phy.validate_join_request_mic(&key).unwrap());
        let Payload::JoinRequest(join) = phy.payload else { panic!("not a join request") };
        let net_id = NetID::from_be_bytes([0; 3]);
        let eui = join.join_eui;
        let nonce = join.dev_nonce;
        let nwk = keys::get_f_nwk_s_int_key(false, &key, &net_id, &eui, join_nonce, nonce).unwrap();
        let app = keys::get_app_s_key(false, &key, &net_id, &eui, join_nonce, nonce).unwrap();
        (join, Self { nwk_skey: nwk.to_bytes(), app_skey: app.to_bytes() })
    }

    pub fn downlink(&self, down: &Down) -> Vec<u8> {
        let f_type = if down.confirmed { FType::ConfirmedDataDown } else { FType::UnconfirmedDataDown };
        let mut phy = PhyPayload {
            mhdr: MHDR { f_type, major: Major::LoRaWANR1 },
            payload: Payload::MACPayload(MACPayload {
                fhdr: FHDR {
                    devaddr: DevAddr::from_be_bytes(DEV_ADDR),
                    f_ctrl: FCtrl { ack: down.ack, f_pending: down.more_pending, ..FCtrl::default() },
                    f_cnt: down.fcnt,
                    f_opts: MACCommandSet::from_slice(&down.fopts),
                },
                f_port: down.fport,
                frm_payload: (!down.payload.is_empty()).then(|| FRMPayload::Raw(down.payload.clone())),
            }),
            mic: None,
        };
        let payload_key = if down.fport == Some(0) { self.nwk_skey } else { self.app_skey };
        phy.encrypt_frm_payload(&AES128Key::from_bytes(payload_key)).unwrap();
        phy.set_downlink_data_mic(MACVersion::LoRaWAN1_0, 0, &AES128Key::from_bytes(self.nwk_skey)).unwrap();
        phy.to_vec().unwrap()
    }

    /// Reads an uplink whose full counter the network expects to be `fcnt`.
    pub fn read(&self, uplink: &[u8], fcnt: u32) -> Up {
        let nwk = AES128Key::from_bytes(self.nwk_skey);
        let mut phy = PhyPayload::from_slice(uplink).unwrap();
        let Payload::MACPayload(mac) = &mut phy.payload else { panic!("not a data frame") };
        assert_eq!(mac.fhdr.f_cnt, fcnt & 0xffff);
        mac.fhdr.f_cnt = fcnt;
        assert!(phy.validate_uplink_data_mic(MACVersion::LoRaWAN1_0, 0, 0, 0, &nwk, &nwk).unwrap(), "MIC");
        phy.decrypt_frm_payload(&AES128Key::from_bytes(self.app_skey)).unwrap();
        let confirmed = phy.mhdr.f_type == FType::ConfirmedDataUp;
        let Payload::MACPayload(mac) = phy.payload else { unreachable!() };
        Up {
            fcnt: fcnt as u16,
            ack: mac.fhdr.f_ctrl.ack,
            adr: mac.fhdr.f_ctrl.adr,
            adr_ack_req: mac.fhdr.f_ctrl.adr_ack_req,
            confirmed,
            fopts: mac.fhdr.f_opts.to_vec().unwrap(),
            fport: mac.f_port,
            payload: mac.frm_payload.map_or_else(Vec::new, |payload| payload.to_vec().unwrap()),
        }
    }
}
