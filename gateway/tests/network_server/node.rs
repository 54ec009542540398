//! A node's side of LoRaWAN, made of the `lorawan` crate: what the server says must make sense to somebody else.
#![allow(dead_code, reason = "two test programs share it, and neither needs all of it")]
use chirrup_gateway::core::Key;
use chirrup_protocol::ids::DevEui;
use lorawan::creator::{DataPayloadCreator, JoinRequestCreator};
use lorawan::default_crypto::DefaultFactory;
use lorawan::keys::{AES128, AppKey, AppSKey, NewSKey};
use lorawan::maccommands::SerializableMacCommand;
use lorawan::parser::{
    DataHeader, DecryptedJoinAcceptPayload, DevNonce, EncryptedDataPayload, FCtrl, FRMPayload,
};

pub struct Node {
    pub dev_eui: DevEui,
    pub app_key: [u8; 16],
    pub dev_nonce: u16,
    pub session: Option<NodeSession>,
}

#[derive(Clone)]
pub struct NodeSession {
    pub dev_addr: [u8; 4],
    pub nwk_s_key: NewSKey,
    pub app_s_key: AppSKey,
    pub fcnt_up: u32,
}

#[derive(Debug, PartialEq)]
pub struct Down {
    pub fcnt: u16,
    pub ack: bool,
    pub application: Option<(u8, Vec<u8>)>,
}

pub struct Accepted {
    pub rx_delay: u8,
    pub rx2_data_rate: u8,
    pub rx1_offset: u8,
}

#[derive(Clone, Copy)]
pub enum Confirm {
    Yes,
    No,
}

impl Node {
    pub fn new(number: u8) -> Self {
        let app_key = [number; 16];
        Self { dev_eui: DevEui([0x70, 0xb3, 0xd5, 0, 0, 0, 0, number]), app_key, dev_nonce: 0, session: None }
    }

    pub fn key(&self) -> Key {
        Key(self.app_key)
    }

    pub fn join_request(&mut self) -> Vec<u8> {
        self.dev_nonce += 1;
        let mut dev_eui = self.dev_eui.0;
        dev_eui.reverse();
        let mut creator = JoinRequestCreator::new();
        creator.set_app_eui(&[0; 8]).set_dev_eui(&dev_eui).set_dev_nonce(&self.dev_nonce.to_le_bytes());
        creator.build(&AppKey::from(self.app_key)).to_vec()
    }

    /// Reads a join accept and begins the session.
    pub fn accept(&mut self, phy: &[u8]) -> Accepted {
        let key = AppKey::from(self.app_key);
        let accept = DecryptedJoinAcceptPayload::new(phy.to_vec(), &key).expect("a join accept");
        assert!(accept.validate_mic(&key));
        let nonce = self.dev_nonce.to_le_bytes();
        let nonce = DevNonce::new(&nonce[..]).unwrap();
        let session = NodeSession {
            dev_addr: accept.dev_addr().as_ref().try_into().unwrap(),
            nwk_s_key: accept.derive_newskey(&nonce, &key),
            app_s_key: accept.derive_appskey(&nonce, &key),
            fcnt_up: 0,
        };
        self.session = Some(session);
        let settings = accept.dl_settings();
        Accepted {
            rx_delay: accept.rx_delay(),
            rx2_data_rate: settings.rx2_data_rate(),
            rx1_offset: settings.rx1_dr_offset(),
        }
    }

    /// The next uplink; port 0 stands for a frame without port and payload.
    pub fn uplink(&mut self, port: u8, payload: &[u8], confirm: Confirm) -> Vec<u8> {
        self.uplink_with(port, payload, confirm, &[])
    }

    pub fn uplink_with(
        &mut self,
        port: u8,
        payload: &[u8],
        confirm: Confirm,
        commands: &[&dyn SerializableMacCommand],
    ) -> Vec<u8> {
        self.uplink_as(&FCtrl::new(0, true), (port, payload), confirm, commands)
    }

    /// An uplink that leaves the data rate to the network.
    pub fn adaptive_uplink(&mut self, commands: &[&dyn SerializableMacCommand]) -> Vec<u8> {
        self.uplink_as(&FCtrl::new(0x80, true), (1, b"x"), Confirm::No, commands)
    }

    fn uplink_as(
        &mut self,
        fctrl: &FCtrl,
        (port, payload): (u8, &[u8]),
        confirm: Confirm,
        commands: &[&dyn SerializableMacCommand],
    ) -> Vec<u8> {
        let session = self.session.as_mut().expect("joined");
        let mut creator = DataPayloadCreator::new();
        creator
            .set_confirmed(matches!(confirm, Confirm::Yes))
            .set_uplink(true)
            .set_dev_addr(&session.dev_addr)
            .set_fctrl(fctrl)
            .set_fcnt(session.fcnt_up);
        if port > 0 {
            creator.set_f_port(port);
        }
        session.fcnt_up += 1;
        creator.build(payload, commands, &session.nwk_s_key, &session.app_s_key).unwrap().to_vec()
    }

    /// Reads a downlink.
    pub fn read(&self, phy: &[u8]) -> Down {
        let session = self.session.as_ref().expect("joined");
        let frame = EncryptedDataPayload::<_, DefaultFactory>::new(phy.to_vec()).expect("a data frame");
        let fcnt = frame.fhdr().fcnt();
        let nwk_s_key: &AES128 = session.nwk_s_key.inner();
        assert!(!frame.is_uplink());
        assert!(!frame.fhdr().fctrl().f_pending());
        assert_eq!(frame.fhdr().dev_addr().as_ref(), session.dev_addr);
        assert!(frame.validate_mic(nwk_s_key, fcnt.into()), "the MIC of a downlink");
        let ack = frame.fhdr().fctrl().ack();
        let port = frame.f_port();
        let plain = frame.decrypt(Some(nwk_s_key), Some(session.app_s_key.inner()), fcnt.into()).unwrap();
        let application = match (port, plain.frm_payload()) {
            (Some(port), FRMPayload::Data(bytes)) => Some((port, bytes.to_vec())),
            (None, FRMPayload::None) => None,
            // A port with nothing behind it is no port to this parser.
            (None, FRMPayload::Data([])) => None,
            other => panic!("neither data nor nothing: {other:?}"),
        };
        Down { fcnt, ack, application }
    }
}
