use super::*;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const EU868: Region = Region::Eu868;
const RULE: Rule = Rule::new(EU868, DataRate(0), DataRate(5));

const fn setting(data_rate: u8, tx_power_index: u8) -> Setting {
    Setting { data_rate: DataRate(data_rate), tx_power_index }
}

fn signals(count: usize, snr_tenth_db: i16) -> VecDeque<i16> {
    std::iter::repeat_n(snr_tenth_db, count).collect()
}

fn decided(current: Setting, count: usize, snr_tenth_db: i16) -> Setting {
    decide(EU868, &RULE, current, &signals(count, snr_tenth_db))
}

/// Floors of EU868 are -20, -17.5, -15, -12.5, -10, -7.5 dB; with 10 dB of margin DR0 has as many steps as
/// (signal + 10 dB) / 3 dB.
#[test]
fn steps_of_three_decibels_raise_the_data_rate_then_lower_the_power() {
    let table = [
        (-150, setting(0, 0)),
        (-100, setting(0, 0)),
        (-71, setting(0, 0)),
        (-70, setting(1, 0)),
        (-40, setting(2, 0)),
        (49, setting(4, 0)),
        (50, setting(5, 0)),
        (79, setting(5, 0)),
        (80, setting(5, 1)),
        (140, setting(5, 3)),
        (600, setting(5, 7)),
    ];
    for (snr_tenth_db, expected) in table {
        assert_eq!(decided(setting(0, 0), 20, snr_tenth_db), expected, "{snr_tenth_db}");
    }
}

#[test]
fn a_lack_raises_the_power_and_never_lowers_the_data_rate() {
    // At DR5 2.5 dB are what is needed with the margin.
    assert_eq!(decided(setting(5, 4), 20, 25), setting(5, 4));
    assert_eq!(decided(setting(5, 4), 20, 24), setting(5, 3));
    assert_eq!(decided(setting(5, 4), 20, -36), setting(5, 1));
    assert_eq!(decided(setting(5, 4), 20, -300), setting(5, 0));
    assert_eq!(decided(setting(5, 0), 20, -300), setting(5, 0));
}

#[test]
fn a_data_rate_needs_four_signals_and_a_power_twenty() {
    assert_eq!(decided(setting(0, 0), 3, 600), setting(0, 0));
    assert_eq!(decided(setting(0, 0), 4, 600), setting(5, 0));
    assert_eq!(decided(setting(0, 0), 19, 600), setting(5, 0));
    assert_eq!(decided(setting(5, 4), 19, -300), setting(5, 4));
}

#[test]
fn the_range_is_kept() {
    let us915 = Rule::new(Region::Us915, DataRate(1), DataRate(3));
    let decide = |current| decide(Region::Us915, &us915, current, &signals(20, 600));
    assert_eq!(decide(setting(0, 0)), setting(3, 10));
    assert_eq!(decide(setting(4, 0)), setting(4, 0), "500 kHz were somebody else's choice");
    let weak = super::decide(Region::Us915, &us915, setting(0, 0), &signals(4, -300));
    assert_eq!(weak, setting(1, 0));
}

const fn uplink(data_rate: u8, snr_tenth_db: i16) -> Heard {
    Heard {
        dev_addr: DevAddr([0; 4]),
        data_rate: DataRate(data_rate),
        snr_tenth_db,
        bits: AdrBits { adr: true, wants_downlink: false },
        answer: None,
    }
}

#[test]
fn what_is_refused_is_not_asked_again_and_what_is_lost_is_after_a_pause() {
    let mut device = Adaptation::default();
    let hear = |device: &mut Adaptation, heard: Heard| {
        device.heard(EU868, &RULE, &heard);
        device.due()
    };
    for _ in 0..3 {
        assert_eq!(hear(&mut device, uplink(0, -40)), None);
    }
    assert_eq!(hear(&mut device, uplink(0, -40)), Some(setting(2, 0)));
    device.asked(setting(2, 0));
    // Lost: two uplinks of silence, then once more; lost again, four.
    for pause in [2, 4, 8] {
        for _ in 0..pause {
            assert_eq!(hear(&mut device, uplink(0, -40)), None);
        }
        assert_eq!(hear(&mut device, uplink(0, -40)), Some(setting(2, 0)));
        device.asked(setting(2, 0));
    }
    assert_eq!(hear(&mut device, Heard { answer: Some(0b101), ..uplink(0, -40) }), None, "refused");
    for _ in 0..40 {
        assert_eq!(hear(&mut device, uplink(0, -40)), None);
    }
    assert_eq!(hear(&mut device, uplink(0, -10)), Some(setting(3, 0)), "another one is asked for");
}

#[test]
fn a_device_that_stepped_back_or_joined_anew_begins_anew() {
    let mut device = Adaptation::default();
    for _ in 0..20 {
        device.heard(EU868, &RULE, &uplink(5, 90));
    }
    assert_eq!(device.due(), Some(setting(5, 2)));
    device.asked(setting(5, 2));
    device.heard(EU868, &RULE, &Heard { answer: Some(7), ..uplink(5, 40) });
    assert_eq!((device.tx_power_index, device.snr_tenth_db.len()), (2, 1));
    device.heard(EU868, &RULE, &uplink(4, -50));
    assert_eq!((device.tx_power_index, device.snr_tenth_db.len()), (0, 1));
    device.heard(EU868, &RULE, &Heard { dev_addr: DevAddr([1; 4]), ..uplink(5, -50) });
    assert_eq!(device.snr_tenth_db.len(), 1);
    let silent = AdrBits::default();
    device.heard(EU868, &RULE, &Heard { bits: silent, ..uplink(0, 600) });
    assert_eq!((device.due(), device.snr_tenth_db.len()), (None, 0), "it decides by itself");
}

#[test]
fn who_asks_for_a_downlink_gets_what_the_network_believes() {
    let mut device = Adaptation::default();
    let bits = AdrBits { adr: true, wants_downlink: true };
    device.heard(EU868, &RULE, &Heard { bits, ..uplink(3, -50) });
    assert_eq!(device.due(), Some(setting(3, 0)));
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// A device that obeys, on a link that does not change, is left alone after a few commands, at the data rate of
    /// the closed form and with the margin kept.
    #[test]
    fn a_still_link_comes_to_rest(begin in 0u8..6, full_power_snr in -200i16..300) {
        let (mut device, mut at, mut commands, mut answer) = (Adaptation::default(), setting(begin, 0), 0, None);
        for uplinks in 0..600 {
            let snr_tenth_db = full_power_snr - 20 * i16::from(at.tx_power_index);
            device.heard(EU868, &RULE, &Heard { answer, ..uplink(at.data_rate.0, snr_tenth_db) });
            answer = None;
            if let Some(due) = device.due() {
                prop_assert!(uplinks < 400, "still asking");
                device.asked(due);
                (at, answer, commands) = (due, Some(7), commands + 1);
            }
        }
        let floor = |rate: u8| EU868.modulation(DataRate(rate)).unwrap().snr_floor_tenth_db();
        let excess = full_power_snr - floor(at.data_rate.0) - 100;
        prop_assert!(at.data_rate.0 == 5 || excess < 30, "a faster data rate has the margin too");
        prop_assert!(at.data_rate.0 == begin || excess >= 0, "the margin is kept");
        prop_assert!(commands <= 12, "{} commands", commands);
        if at.tx_power_index > 0 {
            let left = full_power_snr - 20 * i16::from(at.tx_power_index) - floor(5) - 100;
            prop_assert!(left >= 0);
        }
    }
}
