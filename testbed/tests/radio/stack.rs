//! Two unmodified LoRaWAN stacks join, send and receive through the air, with a toy network server behind it.
use crate::world::{Event, World, config, heard_with, ms};
use chirrup_protocol::airtime::Modulation;
use chirrup_protocol::time::{Duration, Instant};
use chirrup_testbed::device::{VirtualRadio, VirtualTimer};
use chirrup_testbed::kernel::{Rng, Wakeup};
use chirrup_testbed::radio::{
    Air, CollisionModel, DownlinkRequest, Emission, NodeIndex, RadioReport, UplinkHeard,
};
use lorawan::creator::{DataPayloadCreator, JoinAcceptCreator};
use lorawan::default_crypto::DefaultFactory;
use lorawan::keys::{AES128, AppKey, AppSKey, NewSKey};
use lorawan::parser::{DataHeader, DevNonce, FCtrl, PhyPayload, parse};
use lorawan_device::async_device::{Device, JoinResponse, SendResponse};
use lorawan_device::{AppEui, DevEui, JoinMode, Region, region};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

const RX2_HZ: u32 = 869_525_000;

fn app_key(node: u32) -> [u8; 16] {
    [node as u8 + 1; 16]
}

/// Answers joins in RX1, data of node 0 in RX1 and of the others in RX2. It knows the nodes by their number in the
/// simulation, as no real server does.
#[derive(Default)]
struct ToyServer {
    keys: BTreeMap<u32, (NewSKey, AppSKey)>,
    received: Vec<(u32, u32)>,
}

impl ToyServer {
    fn answer(&mut self, heard: UplinkHeard) -> (Duration, Emission) {
        let UplinkHeard { node: NodeIndex(node), frequency_hz, modulation, mut phy, .. } = heard;
        match parse(&mut phy[..]).unwrap() {
            PhyPayload::JoinRequest(request) => {
                let phy = self.accept(node, &request.dev_nonce());
                (Duration::from_secs(5), Emission { frequency_hz, modulation, power_dbm: 14, phy })
            }
            PhyPayload::Data(lorawan::parser::DataPayload::Encrypted(data)) => {
                let (network_key, _) = &self.keys[&node];
                let fcnt = u32::from(data.fhdr().fcnt());
                assert!(data.validate_mic(network_key.inner(), fcnt));
                self.received.push((node, fcnt));
                let phy = self.data(node, fcnt + 1);
                if node == 0 {
                    (Duration::from_secs(1), Emission { frequency_hz, modulation, power_dbm: 14, phy })
                } else {
                    let modulation = Modulation::lorawan(12, 125_000);
                    (
                        Duration::from_secs(2),
                        Emission { frequency_hz: RX2_HZ, modulation, power_dbm: 14, phy },
                    )
                }
            }
            _ => panic!("not an uplink"),
        }
    }

    fn accept<T: AsRef<[u8]>>(&mut self, node: u32, dev_nonce: &DevNonce<T>) -> Vec<u8> {
        let mut creator: JoinAcceptCreator<[u8; 33], DefaultFactory> = JoinAcceptCreator::new();
        creator.set_app_nonce(&[1u8, 2, 3]).set_net_id(&[0u8, 0, 0]).set_dev_addr(&node.to_le_bytes());
        creator.set_dl_settings(0).set_rx_delay(1);
        // The creator returns room for a list of channels, which is not there.
        let phy = creator.build(&AES128(app_key(node))).unwrap()[..17].to_vec();
        let key = AppKey::from(app_key(node));
        let PhyPayload::JoinAccept(lorawan::parser::JoinAcceptPayload::Encrypted(accept)) =
            parse(phy.clone()).unwrap()
        else {
            panic!("not a join-accept")
        };
        let accept = accept.decrypt(&key);
        let keys = (accept.derive_newskey(dev_nonce, &key), accept.derive_appskey(dev_nonce, &key));
        self.keys.insert(node, keys);
        phy
    }

    fn data(&self, node: u32, fcnt: u32) -> Vec<u8> {
        let (network_key, app_key) = &self.keys[&node];
        let mut creator: DataPayloadCreator<Vec<u8>, DefaultFactory> =
            DataPayloadCreator::with_options(vec![0; 255], DefaultFactory).unwrap();
        creator.set_uplink(false).set_confirmed(false).set_dev_addr(&node.to_le_bytes());
        creator.set_fctrl(&FCtrl(0, false)).set_fcnt(fcnt).set_f_port(9);
        creator.build(b"hello", &[], network_key, app_key).unwrap().to_vec()
    }
}

/// What a node saw: when, and which bytes.
type Seen = Rc<RefCell<Vec<(u32, Instant, Vec<u8>)>>>;

async fn node(air: Air<Event>, index: u32, seed: u64, seen: Seen) {
    let radio = VirtualRadio::new(air.clone(), NodeIndex(index));
    let timer = VirtualTimer::new(air.clock().clone());
    let rng = Rng::for_purpose(seed, "lorawan-device", index.into());
    let mut device: Device<_, DefaultFactory, _, _> =
        Device::new(region::Configuration::new(Region::EU868), radio, timer, rng);
    air.clock().sleep_until(ms(u64::from(index) * 1_700)).await;
    let credentials = JoinMode::OTAA {
        deveui: DevEui::from(u64::from(index).to_le_bytes()),
        appeui: AppEui::from([0; 8]),
        appkey: AppKey::from(app_key(index)),
    };
    let joined = device.join(&credentials).await.unwrap();
    assert!(matches!(joined, JoinResponse::JoinSuccess), "node {index}");
    device.set_datarate(region::DR::_5);
    for _ in 0..3 {
        air.clock().sleep(Duration::from_secs(60)).await;
        let response = device.send(&[index as u8; 20], 1, false).await.unwrap();
        assert!(matches!(response, SendResponse::DownlinkReceived(_)), "node {index}");
        let downlink = device.take_downlink().unwrap();
        assert_eq!(downlink.fport, 9);
        seen.borrow_mut().push((index, air.clock().now(), downlink.data.to_vec()));
    }
}

/// The run loop: a frame that was heard is answered, and the answer is scheduled.
fn run(seed: u64, frame_loss: f64) -> (World, ToyServer, Seen) {
    let medium = chirrup_testbed::radio::MediumConfig { frame_loss, seed, ..config(CollisionModel::Capture) };
    let mut world = World::new(medium, heard_with(&[-100.0, -110.0]));
    let (mut server, seen) = (ToyServer::default(), Seen::default());
    for index in 0..2 {
        world.kernel.spawn(node(world.air.clone(), index, seed, Rc::clone(&seen)));
    }
    while let Some(wakeup) = world.kernel.step() {
        let Wakeup::Event(Event::Radio(event)) = wakeup else { continue };
        if let Some(RadioReport::UplinkHeard(heard)) = world.air.handle(event) {
            let (gateway, ended_at) = (heard.receptions[0].gateway, heard.ended_at);
            let (delay, emission) = server.answer(heard);
            let request = DownlinkRequest { token: 0, gateway, emission };
            world.air.schedule_downlink(ended_at + delay, request).unwrap();
        }
    }
    (world, server, seen)
}

#[test]
fn two_stacks_join_and_talk() {
    let (world, server, seen) = run(1, 0.0);
    assert_eq!(server.received, [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2)]);
    let seen = seen.borrow();
    assert_eq!(seen.len(), 6);
    assert!(seen.iter().all(|(_, _, bytes)| bytes == b"hello"));

    let medium = world.air.medium();
    let log = medium.log();
    assert_eq!((log.uplinks().outcomes.delivered, log.downlinks().outcomes.delivered), (8, 8));
    assert_eq!((log.uplinks().outcomes.total(), log.downlinks().outcomes.total()), (8, 8));
    let fullest = log.duty().fullest().unwrap();
    assert!(fullest.ratio < 1.0 && log.duty().outside_bands() == 0);
    // Node 0 hears its answers in RX1 at SF7, the other one sits through RX1 and hears SF12 in RX2.
    let receiving = |node| log.radio_time(NodeIndex(node)).receiving;
    assert!(receiving(1).as_micros() > 2 * receiving(0).as_micros());
}

#[test]
fn a_run_of_real_stacks_repeats() {
    let hash = |seed| run(seed, 0.0).0.air.medium().log().trace_hash();
    assert_eq!(hash(1), hash(1));
    assert_ne!(hash(1), hash(2));
}
