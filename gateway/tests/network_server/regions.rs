//! Fixed channels, and data rates that the server commands: read by the `lorawan` crate, not by the one that wrote them.
use super::bench::*;
use super::node::{Confirm, Node};
use chirrup_gateway::core::*;
use chirrup_protocol::airtime::Modulation;
use chirrup_protocol::region::{ChannelGroup, DataRate, Region};
use chirrup_protocol::time::Duration;
use lorawan::default_crypto::DefaultFactory;
use lorawan::keys::AppKey;
use lorawan::maccommandcreator::LinkADRAnsCreator;
use lorawan::maccommands::DownlinkMacCommand;
use lorawan::parser::{CfList, DataHeader, DecryptedJoinAcceptPayload, EncryptedDataPayload};

/// Channel 13 of US915, the sixth of the second group.
const UPLINK_HZ: u32 = 904_900_000;

fn us915(group: u8, node: &Node) -> Bench {
    let settings = config(&[HERE], &[node]);
    let mut settings = Config::new(Region::Us915, settings.concentrators, settings.devices);
    settings.channel_group = ChannelGroup::new(group);
    Bench::new(settings)
}

fn heard_at(phy: Vec<u8>, frequency_hz: u32, modulation: Modulation) -> Heard {
    Heard { frequency_hz, modulation, ..heard(HERE, phy, 7, 50) }
}

#[test]
fn a_join_accept_names_the_channels_of_the_group() {
    for group in 1..=8 {
        let mut node = Node::new(1);
        let mut bench = us915(group, &node);
        bench.hear(heard_at(node.join_request(), UPLINK_HZ, Modulation::lorawan(10, 125_000)));
        let [sent] = bench.sent.as_slice() else { panic!("one transmission") };
        // Channel 13 mod 8, DR10 after DR0 (RP002-1.0.4, 2.5.6).
        assert_eq!((sent.frequency_hz, sent.modulation), (926_300_000, Modulation::lorawan(10, 500_000)));
        let key = AppKey::from(node.app_key);
        let accept = DecryptedJoinAcceptPayload::new(sent.phy.clone(), &key).unwrap();
        let Some(CfList::FixedChannel(mask)) = accept.c_f_list() else { panic!("no mask") };
        assert_eq!(mask.as_ref(), ChannelGroup::new(group).unwrap().mask());
        assert_eq!(node.accept(&sent.phy).rx2_data_rate, 8);
    }
}

#[test]
fn an_uplink_of_500_khz_is_answered_too_and_one_that_is_too_long_is_not_read() {
    let mut node = Node::new(1);
    let mut bench = us915(2, &node);
    bench.hear(heard_at(node.join_request(), 904_600_000, Modulation::lorawan(8, 500_000)));
    node.accept(&bench.sent[0].phy.clone());
    assert_eq!(bench.sent[0].modulation, Modulation::lorawan(7, 500_000));
    bench.pass_ms(20_000);
    let phy = node.uplink(1, b"x", Confirm::Yes);
    bench.hear(heard_at(phy, 904_600_000, Modulation::lorawan(8, 500_000)));
    assert_eq!(bench.forwarded[0].data_rate, DataRate(4));
    bench.pass_ms(2_000);
    // Channel 65 mod 8.
    assert_eq!(bench.sent[1].frequency_hz, 923_900_000);
    let phy = node.uplink(1, &[0; 12], Confirm::No);
    bench.hear(heard_at(phy, UPLINK_HZ, Modulation::lorawan(10, 125_000)));
    assert_eq!((bench.count(Reason::TooLong), bench.forwarded.len()), (1, 1));
}

/// Has the node send with the ADR bit, and lets its windows pass. Returns the downlink, if there was one.
fn send(bench: &mut Bench, phy: Vec<u8>) -> Option<Vec<u8>> {
    let before = bench.sent.len();
    bench.hear(heard(HERE, phy, 12, 60));
    bench.pass(Duration::from_secs(60));
    bench.sent.get(before).map(|sent| sent.phy.clone())
}

/// Data rate, power, mask and redundancy of the LinkADRReq in a downlink.
fn link_adr(phy: &[u8]) -> (u8, u8, [u8; 2], u8) {
    let frame = EncryptedDataPayload::<_, DefaultFactory>::new(phy.to_vec()).unwrap();
    let fhdr = frame.fhdr();
    let commands: Vec<_> = lorawan::maccommands::parse_downlink_mac_commands(fhdr.data()).collect();
    let [DownlinkMacCommand::LinkADRReq(request)] = commands.as_slice() else { panic!("{commands:?}") };
    let mask = request.channel_mask();
    let redundancy = request.redundancy();
    let mask = [mask.as_ref()[0], mask.as_ref()[1]];
    let raw = redundancy.channel_mask_control() << 4 | redundancy.number_of_transmissions();
    (request.data_rate(), request.tx_power(), mask, raw)
}

#[test]
fn a_device_that_sets_the_adr_bit_is_told_its_data_rate() {
    let mut node = Node::new(1);
    let mut settings = config(&[HERE], &[&node]);
    settings.adr = Some(adr::Rule::new(Region::Eu868, DataRate(0), DataRate(5)));
    let mut bench = Bench::new(settings);
    bench.join(&mut node);
    let quiet: Vec<_> = (0..3).map(|_| send(&mut bench, node.adaptive_uplink(&[]))).collect();
    assert_eq!(quiet, [None, None, None]);
    let told = send(&mut bench, node.adaptive_uplink(&[])).unwrap();
    // 6 dB at DR0 are 16 dB above floor and margin: five steps. Channels 0 to 2, one transmission.
    assert_eq!(link_adr(&told), (5, 0, [0b111, 0], 1));
    assert!(node.read(&told).application.is_none());
    let mut answer = LinkADRAnsCreator::new();
    answer.set_channel_mask_ack(true).set_data_rate_ack(true).set_tx_power_ack(true);
    let phy = node.adaptive_uplink(&[&answer]);
    bench.hear(heard(HERE, phy, 7, 30));
    bench.pass(Duration::from_secs(60));
    let counters = bench.server.counters();
    assert_eq!((counters.link_adr_requests, counters.mac_commands["LinkADRAns"]), (1, 1));
    assert_eq!((counters.acknowledgements, counters.downlinks), (0, 0));
}

#[test]
fn nobody_is_told_without_a_rule_or_without_the_bit() {
    for rule in [None, Some(adr::Rule::new(Region::Eu868, DataRate(0), DataRate(5)))] {
        let mut node = Node::new(1);
        let mut settings = config(&[HERE], &[&node]);
        settings.adr = rule;
        let mut bench = Bench::new(settings);
        bench.join(&mut node);
        for _ in 0..30 {
            let phy = match rule {
                None => node.adaptive_uplink(&[]),
                Some(_) => node.uplink(1, b"x", Confirm::No),
            };
            assert_eq!(send(&mut bench, phy), None);
        }
    }
}
