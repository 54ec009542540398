use super::*;
use proptest::prelude::*;

fn binding() -> Binding {
    Binding { dev_eui: DevEui::from_u64(7), epoch: 5, direction: Direction::Up, fport: 1 }
}

fn key() -> FrameKey {
    DeviceSecret::new([9; 32]).frame_key(binding().dev_eui, 5, Direction::Up)
}

/// RFC 3610, packet vector 1: CCM with an 8-byte tag and a 13-byte nonce.
#[test]
fn the_cipher_agrees_with_rfc_3610() {
    let key: [u8; 16] = hex::decode("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf").unwrap().try_into().unwrap();
    let nonce: [u8; 13] = hex::decode("00000003020100a0a1a2a3a4a5").unwrap().try_into().unwrap();
    let associated = hex::decode("0001020304050607").unwrap();
    let mut body = hex::decode("08090a0b0c0d0e0f101112131415161718191a1b1c1d1e").unwrap();
    let tag = Cipher::new(&key.into())
        .encrypt_inout_detached(&nonce.into(), &associated, body.as_mut_slice().into())
        .unwrap();
    assert_eq!(hex::encode(&body), "588c979a61c663d2f066d0c2c0f989806d5f6b61dac384");
    assert_eq!(hex::encode(tag), "17e8d12cfdf926e0");
}

#[test]
fn a_full_sf12_frame_carries_forty_bytes() {
    let mut frame = [0; 51];
    assert_eq!(seal(&key(), binding(), 0, &[1; 40], &mut frame), Ok(51));
    let too_small = SealError::BufferTooSmall { need_bytes: 52, have_bytes: 51 };
    assert_eq!(seal(&key(), binding(), 0, &[1; 41], &mut frame), Err(too_small));
    assert_eq!(seal(&key(), binding(), COUNTER_END, &[], &mut frame), Err(SealError::CountersExhausted));
}

#[test]
fn a_seal_opens_only_under_what_it_is_bound_to() {
    let (mut frame, mut message) = ([0; 242], [0; MAX_MESSAGE_BYTES]);
    let length = seal(&key(), binding(), 70_000, b"learnt", &mut frame).unwrap();
    let frame = &frame[..length];
    assert_eq!(Header::parse(frame).unwrap().counter(69_990), 70_000);
    let mut open_as = |binding, counter| open(&key(), binding, counter, frame, &mut message);
    assert_eq!(open_as(binding(), 70_000), Ok(6));
    assert_eq!(open_as(binding(), 70_001), Err(OpenError::NotAuthentic));
    assert_eq!(open_as(binding(), 70_000 + 65_536), Err(OpenError::NotAuthentic));
    assert_eq!(open_as(binding(), 70_000 + COUNTER_END), Err(OpenError::NotAuthentic));
    assert_eq!(open_as(Binding { fport: 2, ..binding() }, 70_000), Err(OpenError::NotAuthentic));
    assert_eq!(open_as(Binding { epoch: 9, ..binding() }, 70_000), Err(OpenError::NotAuthentic));
    let other = Binding { dev_eui: DevEui::from_u64(8), ..binding() };
    assert_eq!(open_as(other, 70_000), Err(OpenError::NotAuthentic));
    let down = DeviceSecret::new([9; 32]).frame_key(binding().dev_eui, 5, Direction::Down);
    assert_eq!(open(&down, binding(), 70_000, frame, &mut message), Err(OpenError::NotAuthentic));
}

#[test]
fn a_frame_after_a_long_silence_opens() {
    let (mut frame, mut message) = ([0; 242], [0; MAX_MESSAGE_BYTES]);
    for (counter, opens) in [(100, true), (1 << 15, true), (1 << 17, true), (229_000, true), (1 << 18, false)]
    {
        let length = seal(&key(), binding(), counter, b"learnt", &mut frame).unwrap();
        let opened = open_near(&key(), binding(), 0, &frame[..length], &mut message);
        assert_eq!(opened.is_ok(), opens, "{counter}");
        assert_eq!(opened.unwrap_or((counter, 6)), (counter, 6));
    }
    let length = seal(&key(), binding(), COUNTER_END - 1, b"learnt", &mut frame).unwrap();
    let opened = open_near(&key(), binding(), COUNTER_END, &frame[..length], &mut message);
    assert_eq!(opened, Ok((COUNTER_END - 1, 6)));
    let other = Binding { fport: 2, ..binding() };
    let opened = open_near(&key(), other, u64::MAX, &frame[..length], &mut message);
    assert_eq!(opened, Err(OpenError::NotAuthentic));
}

#[test]
fn any_flipped_bit_breaks_the_seal() {
    let (mut frame, mut message) = ([0; 242], [0; MAX_MESSAGE_BYTES]);
    let length = seal(&key(), binding(), 3, b"learnt", &mut frame).unwrap();
    for bit in 0..length * 8 {
        let mut altered = frame;
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(open(&key(), binding(), 3, &altered[..length], &mut message).is_err(), "bit {bit}");
    }
}

proptest! {
    #[test]
    fn arbitrary_frames_never_open(frame in proptest::collection::vec(any::<u8>(), 0..300), counter: u64) {
        let mut message = [0; MAX_MESSAGE_BYTES];
        prop_assert!(open(&key(), binding(), counter, &frame, &mut message).is_err());
    }

    /// Power cuts after any use, before or after storage took the reservation.
    #[test]
    fn no_counter_is_used_twice(cuts in proptest::collection::vec((0u8..200, any::<bool>()), 1..40)) {
        let (mut stored, mut expected_from) = (0, 0);
        for (uses, cut_before_store) in cuts {
            let mut counters = Counters::restored(stored);
            let first = counters.next();
            prop_assert!(first - expected_from < COUNTER_BLOCK);
            for _ in 0..uses {
                let counter = counters.take().or_else(|| {
                    if cut_before_store {
                        return None;
                    }
                    stored = counters.wanted_limit();
                    counters.grant(stored);
                    counters.take()
                });
                let Some(counter) = counter else { break };
                prop_assert!(counter >= expected_from);
                expected_from = counter + 1;
            }
        }
    }
}
