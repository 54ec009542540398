use super::*;
use crate::codec::testing::gaussian;
use proptest::prelude::*;
use std::{vec, vec::Vec};

fn encoded(update: &[f32], floor: f32, room: usize) -> Result<Vec<u8>, CodecError> {
    let mut payload = vec![0x5a; room];
    let length = encode(update, floor, &mut payload)?;
    payload.truncate(length);
    Ok(payload)
}

fn decoded(payload: &[u8], params: usize) -> Vec<Entry> {
    decode(payload, params).expect("an encoder wrote it").collect()
}

/// Three hundred exact numbers of different sizes.
fn three_hundred() -> Vec<f32> {
    let number = |index: i32| ((index * index * 29 + index * 7) % 401 - 200) as f32 / 64.0;
    (0..300).map(|index| number(index) * if index % 3 == 0 { 0.25 } else { 1.0 }).collect()
}

/// Computed from SPEC.md in Python, each operation rounded to single precision.
#[test]
fn the_bytes_are_as_specified() {
    let payload = encoded(&[0.0, 1.0, 0.0, 0.0, -0.25], 0.0, 8).unwrap();
    assert_eq!(payload, hex::decode("8be0d3").unwrap());
    assert_eq!(decoded(&payload, 5), [Entry { index: 1, value: 1.0 }, Entry { index: 4, value: -0.25 }]);
    let expected = [
        (0.0, 12, "857cfec87423a5592bd8d66c"),
        (0.0, 36, "857006c77ac18adee692691f7253575e8b0107a45c94ad60beafd2031a324acf809f804a"),
        (
            0.0,
            100,
            concat!(
                "85479078396404e690124a06708d756e4c960a468da24f8b3c8e8dce8f1f70fabb715584d12735c028f2f0bf7e",
                "562d14f7d797eb72c4d0ea81b7e2cb296cb0708fae4db9c6c70e045909cf3945c188ee0687fca8cf2ae7aeb496",
                "bbe40a65c1d4f8380d",
            ),
        ),
        (2.5, 231, "85714df590742633af65cd82a230435bfd64992cff417766ef5c83e89cf300786ba7"),
    ];
    for (floor, room, bytes) in expected {
        assert_eq!(encoded(&three_hundred(), floor, room).unwrap(), hex::decode(bytes).unwrap());
    }
}

#[test]
fn of_equal_ones_the_first_are_sent() {
    let payload = encoded(&[1.0; 650], 0.0, 20).unwrap();
    assert_eq!(
        payload,
        hex::decode("8bf4abd7f1d75d322d76a1b4a78160f11afedd8b").unwrap(),
        "computed in Python"
    );
    assert!(decoded(&payload, 650).iter().map(|entry| entry.index).eq(0..58));
}

#[test]
fn magnitudes_closer_than_scales_are_told_apart() {
    let close: Vec<f32> = (0..650).map(|index| 0.3 - 1e-7 * (index * 7 % 650) as f32).collect();
    assert!(decoded(&encoded(&close, 0.0, 36).unwrap(), 650).len() >= 30);
}

#[test]
fn frames_carry_a_fifth_more_than_codes_of_whole_bits() {
    // With Golomb-Rice gaps and four bits a value, these took 26, 96 and 247 of the same numbers.
    for (room, entries) in [(36, 31), (100, 111), (207, 290)] {
        assert_eq!(decoded(&encoded(&gaussian(650, 12), 0.0, room).unwrap(), 650).len(), entries);
    }
}

#[test]
fn what_cannot_be_encoded_is_said() {
    assert_eq!(encoded(&[0.0; 4], 0.0, 9), Err(CodecError::Nothing));
    assert_eq!(encoded(&[], 0.0, 9), Err(CodecError::Nothing));
    assert_eq!(encoded(&[1.0; 4], 1.5, 9), Err(CodecError::Nothing));
    assert_eq!(encoded(&[f32::NAN], 0.0, 9), Err(CodecError::NotFinite));
    assert_eq!(encoded(&[1e12], 0.0, 9), Err(CodecError::NotFinite));
    assert_eq!(encoded(&[1.0; 40], 0.0, 1), Err(CodecError::NoRoom { have_bytes: 1 }));
    assert_eq!(encoded(&[1.0], 0.0, 0), Err(CodecError::NoRoom { have_bytes: 0 }));
    let too_many = CodecError::IndexBeyondEnd { index: 65_536, params: 65_536 };
    assert_eq!(encoded(&vec![1.0; 65_537], 0.0, 9), Err(too_many));
}

#[test]
fn what_no_encoder_writes_is_refused() {
    assert_eq!(decode(&[], 5).err(), Some(CodecError::Truncated));
    assert_eq!(decode(&[1], 0).err(), Some(CodecError::IndexBeyondEnd { index: 0, params: 0 }));
    let trailing = decode(&[0x8b, 0xe0, 0xd3, 0, 0], 5).err();
    assert_eq!(trailing, Some(CodecError::BadField { field: "length" }));
    // Gaps with parameter 15, the first of them above 2^15.
    let mut payload = [0; 8];
    let mut encoder = Encoder::new(&mut payload);
    for (value, total) in [(232, 512), (0, 5), (1, 2), (15, 16), (1, 2)] {
        encoder.uniform(value, total).unwrap();
    }
    let length = encoder.finish(0).unwrap();
    let beyond = CodecError::IndexBeyondEnd { index: 5, params: 5 };
    assert_eq!(decode(&payload[..length], 5).err(), Some(beyond));
}

proptest! {
    #[test]
    fn the_kept_coordinates_are_the_largest_and_close(
        update in proptest::collection::vec(-10f32..10.0, 1..700),
        magnitude in -8i32..9,
        room in 8usize..231,
    ) {
        let scale = libm::powf(10.0, magnitude as f32);
        let update: Vec<f32> = update.into_iter().map(|value| value * scale).collect();
        let Ok(payload) = encoded(&update, 0.0, room) else {
            prop_assert!(update.iter().all(|value| value.abs() < 2e-9));
            return Ok(());
        };
        prop_assert!(payload.len() <= room);
        let entries = decoded(&payload, update.len());
        let largest = update.iter().fold(0f32, |a, b| a.max(b.abs()));
        let smallest_kept = entries.iter().fold(f32::MAX, |a, entry| a.min(update[entry.index].abs()));
        for (index, &value) in update.iter().enumerate() {
            match entries.iter().find(|entry| entry.index == index) {
                Some(entry) => prop_assert!((entry.value - value).abs() <= largest / 15.0),
                None => prop_assert!(value.abs() <= smallest_kept),
            }
        }
    }

    #[test]
    fn arbitrary_payloads_never_panic(
        payload in proptest::collection::vec(any::<u8>(), 0..231),
        params in 0usize..700,
    ) {
        if let Ok(entries) = decode(&payload, params) {
            prop_assert!(entries.clone().all(|entry| entry.index < params && entry.value.is_finite()));
            prop_assert!(entries.map(|entry| entry.index).is_sorted_by(|a, b| a < b));
        }
    }
}
