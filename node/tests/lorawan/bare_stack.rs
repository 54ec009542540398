//! The stack as it is, without the guard. A test that fails here after an upgrade means that a defect is gone.
use crate::bench::{Air, Dice, RadioFailed, Reply, poll_once, run};
use crate::network::{APP_KEY, Announced, Down, Network};
use lora_modulation::SpreadingFactor;
use lorawan_device::async_device::{Device, Error, JoinResponse, SendResponse};
use lorawan_device::default_crypto::DefaultFactory;
use lorawan_device::region::{Configuration, DR};
use lorawan_device::{AppEui, AppKey, AppSKey, DevAddr, DevEui, JoinMode, NewSKey, Region, RngCore};

type Bare<G> = Device<Air, DefaultFactory, Air, G>;

fn bare_with<G: RngCore>(rng: G) -> (Bare<G>, Air) {
    let air = Air::default();
    (Device::new(Configuration::new(Region::EU868), air.clone(), air.clone(), rng), air)
}

/// A stack with a session.
fn activated_with<G: RngCore>(rng: G) -> (Bare<G>, Air) {
    let (mut stack, air) = bare_with(rng);
    let mode = JoinMode::ABP {
        newskey: NewSKey::from(Network::ABP.nwk_skey),
        appskey: AppSKey::from(Network::ABP.app_skey),
        devaddr: DevAddr::from([4, 3, 2, 1]),
    };
    run(stack.join(&mode)).unwrap();
    (stack, air)
}

fn activated() -> (Bare<Dice>, Air) {
    activated_with(Dice(1))
}

fn otaa() -> JoinMode {
    JoinMode::OTAA {
        deveui: DevEui::from([1; 8]),
        appeui: AppEui::from([2; 8]),
        appkey: AppKey::from(APP_KEY),
    }
}

fn hear(stack: &mut Bare<Dice>, air: &Air, down: &Down) -> SendResponse {
    hear_raw(stack, air, Network::ABP.downlink(down))
}

fn hear_raw(stack: &mut Bare<Dice>, air: &Air, phy: Vec<u8>) -> SendResponse {
    air.script().replies.clear();
    air.reply(Reply::Frame(phy));
    run(stack.send(b"x", 5, false)).unwrap()
}

fn last_fopts(air: &Air, fcnt: u32) -> Vec<u8> {
    Network::ABP.read(&air.last().1, fcnt).fopts
}

#[test]
fn a_payload_is_not_checked_against_the_data_rate() {
    let (mut stack, air) = activated();
    run(stack.send(&[0; 200], 5, false)).unwrap();
    let (config, phy) = air.last();
    assert_eq!((config.rf.bb.sf, phy.len()), (SpreadingFactor::_12, 213));
}

#[test]
#[should_panic]
fn a_payload_of_243_bytes_panics() {
    run(activated().0.send(&[0; 243], 5, false)).unwrap();
}

#[test]
#[should_panic]
fn data_rate_7_panics() {
    let (mut stack, _) = activated();
    stack.set_datarate(DR::_7);
    run(stack.send(b"x", 5, false)).unwrap();
}

#[test]
#[should_panic]
fn fport_0_panics() {
    run(activated().0.send(b"x", 0, false)).unwrap();
}

#[test]
fn there_is_no_duty_cycle() {
    let (mut stack, air) = activated();
    for _ in 0..50 {
        run(stack.send(&[0; 51], 5, false)).unwrap();
    }
    assert_eq!(air.script().sent.len(), 50, "140 s on the air at once");
}

#[test]
fn the_adr_bit_is_never_set() {
    let (mut stack, air) = activated();
    run(stack.send(b"x", 5, false)).unwrap();
    assert!(!Network::ABP.read(&air.last().1, 0).adr);
}

#[test]
fn link_adr_is_ignored_yet_accepted() {
    let (mut stack, air) = activated();
    // DR5, power 3, channels 0 to 2.
    hear(&mut stack, &air, &Down::commands(1, &[0x03, 0x53, 0x07, 0x00, 0x01]));
    run(stack.send(b"x", 5, false)).unwrap();
    let (config, _) = air.last();
    assert_eq!((config.rf.bb.sf, config.pw), (SpreadingFactor::_12, 14));
    assert_eq!(last_fopts(&air, 1), [0x03, 0x07]);
}

/// Draws a bounded number of times.
struct Patience(u32);

impl RngCore for Patience {
    fn next_u32(&mut self) -> u32 {
        self.0 = self.0.checked_sub(1).expect("out of patience");
        self.0
    }
    fn next_u64(&mut self) -> u64 {
        self.next_u32().into()
    }
    fn fill_bytes(&mut self, dest: &mut [u8]) {
        dest.fill(0);
    }
    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), rand_core::Error> {
        Ok(())
    }
}

#[test]
#[should_panic = "out of patience"]
fn an_empty_channel_mask_searches_for_ever() {
    let (mut stack, air) = activated_with(Patience(100_000));
    air.reply(Reply::Frame(Network::ABP.downlink(&Down::commands(1, &[0x03, 0x53, 0x00, 0x00, 0x01]))));
    run(stack.send(b"x", 5, false)).unwrap();
    run(stack.send(b"x", 5, false)).unwrap();
}

#[test]
#[should_panic]
fn a_mac_command_that_breaks_off_panics() {
    let (mut stack, air) = activated();
    hear(&mut stack, &air, &Down::commands(1, &[0x03, 0x53, 0x07, 0x00]));
}

#[test]
fn other_commands_are_not_answered() {
    let (mut stack, air) = activated();
    let rx_param_setup = [0x05, 0x03, 0xd2, 0xad, 0x84];
    let requests = [&rx_param_setup[..], &[0x06], &[0x04, 0x07]].concat();
    hear(&mut stack, &air, &Down::commands(1, &requests));
    air.script().windows.clear();
    run(stack.send(b"x", 5, false)).unwrap();
    assert_eq!(last_fopts(&air, 1), []);
    assert_eq!(air.script().windows[1].rf.bb.sf, SpreadingFactor::_12, "RX2 should be at DR3");
}

#[test]
fn dl_settings_are_ignored() {
    let (mut stack, air) = bare_with(Dice(1));
    let announced = Announced { rx1_offset: 2, rx2_data_rate: 3, rx_delay: 5, cf_list_hz: None, mask: None };
    air.reply(Reply::Frame(Network::join_accept(1, announced)));
    run(stack.join(&otaa())).unwrap();
    stack.set_datarate(DR::_5);
    air.script().windows.clear();
    air.script().at_ms.clear();
    run(stack.send(b"x", 5, false)).unwrap();
    let script = air.script();
    assert_eq!(script.windows[0].rf.bb.sf, SpreadingFactor::_7, "RX1 should be at DR3");
    assert_eq!(script.windows[1].rf.bb.sf, SpreadingFactor::_12, "RX2 should be at DR3");
    assert_eq!(script.at_ms, [5_000, 6_000], "RxDelay is honoured");
}

#[test]
fn a_forged_join_accept_changes_channels_and_delay() {
    let (mut stack, air) = bare_with(Dice(1));
    // What an attacker without a key can send: noise, and the second block of a JoinAccept that was overheard. The
    // MIC is wrong and the frame refused, but only after its RxDelay and channels were taken over.
    let mut forged = vec![0x20; 33];
    let honest = Announced { cf_list_hz: Some([867_100_000; 5]), ..Announced::default() };
    forged[17..33].copy_from_slice(&Network::join_accept(1, honest)[17..33]);
    air.reply(Reply::Frame(forged));
    air.reply(Reply::Frame(Network::join_accept(2, Announced::default())));
    assert!(matches!(run(stack.join(&otaa())), Ok(JoinResponse::JoinSuccess)));
    for _ in 0..64 {
        run(stack.send(b"x", 5, false)).unwrap();
    }
    let script = air.script();
    let strange = |hz: u32| ![868_100_000, 868_300_000, 868_500_000].contains(&hz);
    assert!(script.sent.iter().any(|(config, _)| strange(config.rf.frequency)));
}

#[test]
fn any_downlink_passes_for_an_acknowledgement() {
    let (mut stack, air) = activated();
    air.reply(Reply::Frame(Network::ABP.downlink(&Down::data(1, b"no ack"))));
    let response = run(stack.send(b"x", 5, true)).unwrap();
    assert!(matches!(response, SendResponse::DownlinkReceived(1)));
}

#[test]
fn an_uplink_sent_back_passes_for_a_downlink() {
    let (mut stack, air) = activated();
    for _ in 0..3 {
        run(stack.send(b"x", 5, false)).unwrap();
    }
    let own = air.last().1;
    assert!(matches!(hear_raw(&mut stack, &air, own), SendResponse::DownlinkReceived(2)));
    // From now on the network's own downlinks 1 and 2 are refused.
    let response = hear(&mut stack, &air, &Down::data(1, b"genuine"));
    assert!(matches!(response, SendResponse::RxComplete));
}

#[test]
fn downlink_0_can_be_replayed() {
    let (mut stack, air) = activated();
    for _ in 0..3 {
        let response = hear(&mut stack, &air, &Down::data(0, b"again"));
        assert!(matches!(response, SendResponse::DownlinkReceived(0)));
    }
}

#[test]
fn nothing_is_received_after_downlink_65535() {
    let (mut stack, air) = activated();
    let last = hear(&mut stack, &air, &Down::data(65_535, b"last"));
    assert!(matches!(last, SendResponse::DownlinkReceived(65_535)));
    for fcnt in [65_536, 65_537] {
        let response = hear(&mut stack, &air, &Down::data(fcnt, b"lost"));
        assert!(matches!(response, SendResponse::RxComplete));
    }
}

#[test]
fn a_restored_session_forgets_rx_delay() {
    let (mut stack, air) = activated();
    hear(&mut stack, &air, &Down::commands(1, &[0x08, 0x05]));
    let session = stack.get_session().cloned();
    let air = Air::default();
    let region = Configuration::new(Region::EU868);
    let mut restored: Bare<Dice> =
        Device::new_with_session(region, air.clone(), air.clone(), Dice(1), session);
    run(restored.send(b"x", 5, false)).unwrap();
    assert_eq!(air.script().at_ms, [1_000, 2_000], "should be 5 and 6 s");
}

#[test]
fn the_dev_nonce_is_random() {
    let (mut stack, air) = bare_with(Dice(1));
    run(stack.join(&otaa())).unwrap();
    run(stack.join(&otaa())).unwrap();
    let nonces: Vec<u16> =
        air.script().sent.iter().map(|(_, phy)| u16::from_le_bytes([phy[17], phy[18]])).collect();
    assert_ne!(nonces[1], nonces[0].wrapping_add(1));
}

#[test]
fn a_failed_join_loses_the_session() {
    let (mut stack, _) = activated();
    run(stack.join(&otaa())).unwrap();
    assert!(stack.get_session().is_none());
}

#[test]
fn a_dropped_send_reuses_its_counter() {
    let (mut stack, air) = activated();
    air.reply(Reply::Hang);
    assert!(poll_once(stack.send(b"first", 5, false)).is_none());
    run(stack.send(b"other", 5, false)).unwrap();
    let script = air.script();
    let ciphertext = |index: usize| -> [u8; 5] { script.sent[index].1[9..14].try_into().unwrap() };
    let (first, other) = (ciphertext(0), ciphertext(1));
    let leaked: Vec<u8> = (0..5).map(|i| first[i] ^ other[i]).collect();
    let xor: Vec<u8> = b"first".iter().zip(b"other").map(|(a, b)| a ^ b).collect();
    assert_eq!(leaked, xor, "the keystream cancels out");
}

#[test]
fn a_failing_radio_reuses_a_counter_too() {
    let (mut stack, air) = activated();
    air.reply(Reply::Failure);
    assert!(matches!(run(stack.send(b"first", 5, false)), Err(Error::Radio(RadioFailed))));
    run(stack.send(b"other", 5, false)).unwrap();
    let script = air.script();
    assert_eq!(script.sent[0].1[6..8], script.sent[1].1[6..8]);
}

#[test]
#[should_panic]
fn a_length_beyond_the_buffer_panics() {
    let (mut stack, air) = activated();
    air.reply(Reply::Claim(300));
    run(stack.send(b"x", 5, false)).unwrap();
}

#[test]
#[should_panic]
fn a_lead_time_beyond_the_delay_panics() {
    let (mut stack, air) = activated();
    air.script().lead_time_ms = 1_001;
    run(stack.send(b"x", 5, false)).unwrap();
}

/// `lorawan` 0.9 builds JoinAccepts that no node accepts; the network's side here is `lrwn`.
#[test]
fn the_join_accept_creator_is_broken() {
    use lorawan::creator::JoinAcceptCreator;
    use lorawan::keys::AES128;
    let mut creator: JoinAcceptCreator<[u8; 33], DefaultFactory> = JoinAcceptCreator::new();
    let frequency = [0x18, 0x4f, 0x84];
    let channels = [lorawan::maccommands::Frequency::new(&frequency).unwrap()];
    creator.set_c_f_list(&channels[..]).unwrap();
    let built = creator.build(&AES128(APP_KEY)).unwrap();
    assert_eq!(built.len(), 33, "17 without a CFList");
    assert_eq!(built[17..], [0; 16], "the CFList is not encrypted");
}
