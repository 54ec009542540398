use super::*;

const LIMITS: Limits = Limits { counters: 200, age: Duration::from_secs(1_000_000) };

fn at(s: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(s)
}

fn fresh() -> Epochs {
    Epochs::restored(LIMITS, Record::default(), at(0))
}

/// Seals one uplink; storage works.
fn speak(epochs: &mut Epochs, now: Instant) -> (u32, u64) {
    while let Some(record) = epochs.wanted(now) {
        epochs.grant(now, &record);
    }
    (epochs.epoch(), epochs.take_uplink().expect("a counter was reserved a moment ago"))
}

#[test]
fn the_record_is_as_specified() {
    let record = Record {
        epoch: 0x0102_0304,
        is_confirmed: true,
        up_limit: 64,
        age_s: 86_400,
        down_limit: [0x1_0000_0005, 9],
    };
    let bytes = record.to_bytes();
    let expected = "01 01 04030201 4000000000000000 80510100 0500000001000000 0900000000000000";
    assert_eq!(hex::encode(bytes), expected.replace(' ', ""));
    assert_eq!(Record::from_bytes(&bytes), Some(record));
    assert_eq!(Record::from_bytes(&[0; Record::BYTES]), None);
    for (index, byte) in [(0, 2), (1, 2), (13, 1), (25, 1)] {
        let mut wrong = bytes;
        wrong[index] = byte;
        assert_eq!(Record::from_bytes(&wrong), None, "format, flag, or a limit beyond the last counter");
    }
}

#[test]
fn a_key_id_names_one_of_four_epochs() {
    for highest in 2..40u32 {
        for epoch in highest - 2..=highest + 1 {
            assert_eq!(uplink_epoch((epoch & 3) as u8, highest), Some(epoch));
        }
    }
    assert_eq!([0, 1, 2, 3].map(|id| uplink_epoch(id, 0)), [Some(0), Some(1), None, None]);
    assert_eq!(uplink_epoch(3, 1), None);
    assert_eq!(uplink_epoch(0, u32::MAX), None);
}

#[test]
fn a_worn_epoch_ends_once_the_aggregator_knows_it() {
    let mut epochs = fresh();
    for counter in 0..300 {
        assert_eq!(speak(&mut epochs, at(counter)), (0, counter), "worn at 200, and never answered");
    }
    epochs.accept_downlink(0, 0).unwrap();
    assert_eq!(speak(&mut epochs, at(300)), (1, 0));
    assert!(!epochs.is_confirmed());
    assert_eq!((epochs.downlink_epoch(1), epochs.downlink_epoch(0)), (Some(1), Some(0)));
    assert_eq!((epochs.downlink_epoch(2), epochs.downlink_epoch(3)), (None, None));
    // What comes late in the former epoch is heard, and confirms nothing.
    assert_eq!(epochs.accept_downlink(0, 0), Err(Replayed { counter: 0 }.into()));
    epochs.accept_downlink(0, 1).unwrap();
    assert!(!epochs.is_confirmed());
}

#[test]
fn a_downlink_beyond_the_bound_waits_for_storage() {
    let mut epochs = fresh();
    let refused = |counter, limit| Err(DownlinkRefused::NotReserved { counter, limit });
    assert_eq!(epochs.accept_downlink(0, 0), refused(0, 0));
    speak(&mut epochs, at(0));
    assert_eq!(epochs.stored().down_limit, [1 + DOWNLINK_BLOCK, 0]);
    epochs.accept_downlink(0, 5).unwrap();
    assert_eq!(epochs.accept_downlink(0, 70), refused(70, 1 + DOWNLINK_BLOCK));
    assert_eq!(epochs.expected_downlink(0), 71);
    speak(&mut epochs, at(0));
    epochs.accept_downlink(0, 71).unwrap();
    let restarted = Epochs::restored(LIMITS, *epochs.stored(), at(0));
    assert_eq!(restarted.expected_downlink(0), 71 + DOWNLINK_BLOCK);
    assert!(restarted.is_confirmed());
}

#[test]
fn a_restart_tells_where_downlinks_go_on() {
    let mut epochs = fresh();
    assert_eq!(epochs.downlinks_from(), None, "nothing was ever opened");
    speak(&mut epochs, at(0));
    epochs.accept_downlink(0, 3).unwrap();
    let mut epochs = Epochs::restored(LIMITS, *epochs.stored(), at(0));
    assert_eq!(epochs.downlinks_from(), Some(DOWNLINK_BLOCK as u16));
    let mut aggregator = Counters::restored(0);
    aggregator.grant(aggregator.wanted_limit());
    (0..5).for_each(|_| assert!(aggregator.take().is_some()));
    aggregator.pass_over(epochs.downlinks_from().unwrap());
    assert_eq!(aggregator.next(), DOWNLINK_BLOCK);
    speak(&mut epochs, at(0));
    aggregator.grant(aggregator.wanted_limit());
    epochs.accept_downlink(0, aggregator.take().unwrap()).unwrap();
    assert_eq!(epochs.downlinks_from(), None);
}

#[test]
fn an_old_epoch_ends_by_the_nodes_own_clock() {
    let mut epochs = fresh();
    assert_eq!(speak(&mut epochs, at(5)), (0, 0));
    epochs.accept_downlink(0, 0).unwrap();
    assert_eq!(speak(&mut epochs, at(900_000)), (0, 1));
    let record = *epochs.stored();
    assert_eq!(record.age_s, 900_000);
    // After a power cut the clock begins anew; the age goes on.
    let mut epochs = Epochs::restored(LIMITS, record, at(0));
    assert!(epochs.is_confirmed());
    assert_eq!(speak(&mut epochs, at(99_999)), (0, 64));
    assert_eq!(speak(&mut epochs, at(100_000)), (1, 0));
    assert_eq!(epochs.stored().age_s, 0);
    // A clock that jumps back does not make the epoch older.
    assert_eq!(epochs.age(at(3)), Duration::ZERO);
}

#[test]
fn what_has_not_changed_is_not_stored_again() {
    let mut epochs = fresh();
    let mut writes = 0;
    for counter in 0..640 {
        let now = at(counter * 60);
        if let Some(record) = epochs.wanted(now) {
            writes += 1;
            epochs.grant(now, &record);
        }
        assert_eq!(epochs.wanted(now), None);
        epochs.take_uplink().unwrap();
    }
    assert_eq!(writes, 10, "a block of 64 each");
    let stored = *epochs.stored();
    epochs.grant(at(640 * 60), &Record { up_limit: 704, ..stored });
    let step = u64::from(stored.age_s) + 6 * 3_600;
    assert_eq!(epochs.wanted(at(step - 1)), None);
    let older = Record { up_limit: 704, age_s: step as u32, ..stored };
    assert_eq!(epochs.wanted(at(step)), Some(older));
}

#[test]
fn an_older_record_takes_nothing_back() {
    let mut epochs = fresh();
    let first = epochs.wanted(at(0)).unwrap();
    speak(&mut epochs, at(0));
    epochs.accept_downlink(0, 0).unwrap();
    (1..200).for_each(|_| assert_eq!(speak(&mut epochs, at(1)).0, 0));
    assert_eq!(speak(&mut epochs, at(1)), (1, 0));
    epochs.grant(at(2), &first);
    assert_eq!(speak(&mut epochs, at(2)), (1, 1));
    let last = Record { epoch: u32::MAX, up_limit: 300, is_confirmed: true, ..Record::default() };
    let mut epochs = Epochs::restored(LIMITS, last, at(0));
    assert_eq!(speak(&mut epochs, at(0)), (u32::MAX, 300), "there is none after the last");
}
