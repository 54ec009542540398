use super::*;
use crate::codec::testing::{gaussian, nmse};
use proptest::prelude::*;
use std::{vec, vec::Vec};

const BASES: [Basis; 3] = [Basis::Identity, Basis::Hadamard, Basis::Dct];

const fn options(basis: Basis, columns: usize, percent: u8) -> Options {
    Options { basis, columns, percent }
}

fn encoded(update: &[f32], options: Options, room: usize) -> Result<Vec<u8>, CodecError> {
    let mut scratch = vec![f32::NAN; options.scratch_len(update.len(), room)];
    let mut payload = vec![0x5a; room];
    let block = encode(update, options, &mut scratch, &mut payload)?;
    assert_eq!(block.end, update.len());
    payload.truncate(block.bytes);
    Ok(payload)
}

fn decoded(payload: &[u8], options: Options, params: usize) -> Result<Vec<f32>, CodecError> {
    let mut update = vec![f32::NAN; params];
    let mut scratch = vec![f32::NAN; options.decode_scratch_len()];
    assert_eq!(decode(payload, options, &mut scratch, &mut update)?, 0..params);
    Ok(update)
}

fn energy(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value) * f64::from(value)).sum()
}

/// Sixty whole numbers over 16, in ten rows of six.
fn sixty() -> Vec<f32> {
    (0..60i32).map(|index| ((index * index * 29 + index * 7) % 41 - 20) as f32 / 16.0).collect()
}

/// Computed from SPEC.md in Python, each operation rounded to single precision.
#[test]
fn the_bytes_are_as_specified() {
    let eight = [0.5, 0.0, 0.0, -1.5, 0.0, 0.0, 0.25, 0.0];
    let payload = encoded(&eight, options(Basis::Identity, 4, 50), 36).unwrap();
    assert_eq!(payload, hex::decode("8be2b4").unwrap());
    // .25 is below half the mean of the three largest, and 1 is the mean of the others.
    let expected = [1.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0];
    assert_eq!(decoded(&payload, options(Basis::Identity, 4, 50), 8).unwrap(), expected);
    let full = ["8bcac1b94ee7a262bcd53a6e", "8bcbbcf9e02fd3ca2594ba97", "8bcc27bbb25c4bd7145a5209"];
    for (basis, full) in BASES.into_iter().zip(full) {
        assert_eq!(encoded(&sixty(), options(basis, 6, 100), 12).unwrap(), hex::decode(full).unwrap());
    }
}

#[test]
fn the_decoded_bits_are_as_specified() {
    let payload = encoded(&sixty(), options(Basis::Dct, 6, 5), 36).unwrap();
    assert_eq!(payload, hex::decode("887a0b7d").unwrap());
    let update = decoded(&payload, options(Basis::Dct, 6, 5), 60).unwrap();
    let row = [0xbebb_9f34u32, 0x3f75_99ab, 0xbf97_ca11, 0x3f75_99ab, 0xbebb_9f34, 0];
    assert_eq!(update[..6].iter().map(|value| value.to_bits()).collect::<Vec<_>>(), row);
}

#[test]
fn three_percent_of_650_take_twenty_bytes() {
    for basis in BASES {
        let payload = encoded(&gaussian(650, 3), options(basis, 65, 3), 100).unwrap();
        assert!(payload.len() <= 22, "{} bytes", payload.len());
    }
}

#[test]
fn the_error_is_what_the_signs_leave() {
    // Of normal numbers, signs of the largest share p keep (their mean magnitude)^2 p of the energy: .19 for 3 %, .62 for
    // 20 %.
    for (percent, room, expected) in [(3, 36, 0.81), (20, 231, 0.38)] {
        for basis in BASES {
            let update = gaussian(650, 9);
            let options = options(basis, 65, percent);
            let error =
                nmse(&update, &decoded(&encoded(&update, options, room).unwrap(), options, 650).unwrap());
            assert!((error - expected).abs() < 0.04, "{basis:?}, {percent} %: {error}");
        }
    }
}

#[test]
fn a_smooth_row_is_a_few_cosines() {
    let wave = |index: usize| libm::cosf(core::f32::consts::PI * (index % 65) as f32 / 32.0) * 0.3;
    let update: Vec<f32> = (0..650).map(wave).collect();
    let error = |basis| {
        let options = options(basis, 65, 3);
        nmse(&update, &decoded(&encoded(&update, options, 36).unwrap(), options, 650).unwrap())
    };
    assert!(error(Basis::Dct) < 0.12 && error(Basis::Identity) > 0.8);
}

#[test]
fn all_is_said_in_the_end_with_error_feedback() {
    let update = gaussian(650, 4);
    for basis in BASES {
        let options = options(basis, 65, 7);
        let mut left = update.clone();
        for _ in 0..60 {
            let said = decoded(&encoded(&left, options, 36).unwrap(), options, 650).unwrap();
            left.iter_mut().zip(said).for_each(|(left, said)| *left -= said);
        }
        assert!(energy(&left) < 0.01 * energy(&update), "{basis:?}: {}", energy(&left) / energy(&update));
    }
}

#[test]
fn five_thousand_parameters_work() {
    let update = gaussian(5_000, 6);
    for columns in [500, 40, 1] {
        let options = options(Basis::Dct, columns, 3);
        assert!(options.scratch_len(5_000, 100) <= 1_301, "5.2 kB");
        let payload = encoded(&update, options, 100).unwrap();
        assert!(nmse(&update, &decoded(&payload, options, 5_000).unwrap()) < 0.9);
    }
}

#[test]
fn what_cannot_be_encoded_is_said() {
    let options = options(Basis::Dct, 4, 50);
    assert_eq!(encoded(&[0.0; 8], options, 36), Err(CodecError::Nothing));
    assert_eq!(encoded(&[1e-12; 8], options, 36), Err(CodecError::Nothing));
    assert_eq!(encoded(&[3e38; 8], options, 36), Err(CodecError::NotFinite));
    assert_eq!(encoded(&[0.0, f32::NAN, 0.0, 0.0], options, 36), Err(CodecError::NotFinite));
    assert_eq!(encoded(&[1.0; 8], options, 1), Err(CodecError::NoRoom { have_bytes: 1 }));
    assert_eq!(encoded(&[1.0; 8], options, 0), Err(CodecError::NoRoom { have_bytes: 0 }));
    let columns = Err(CodecError::BadField { field: "columns" });
    assert_eq!((encoded(&[1.0; 9], options, 36), encoded(&[], options, 36)), (columns.clone(), columns));
    let too_many = CodecError::IndexBeyondEnd { index: 65_539, params: 65_536 };
    assert_eq!(encoded(&vec![1.0; 65_540], options, 36), Err(too_many));
    let small = encode(&[1.0; 8], options, &mut [0.0; 9], &mut [0; 36]);
    assert_eq!(small, Err(CodecError::ScratchTooSmall { need: options.scratch_len(8, 36), have: 9 }));
    let small = decode(&[1; 4], options, &mut [0.0; 7], &mut [0.0; 8]);
    assert_eq!(small, Err(CodecError::ScratchTooSmall { need: 8, have: 7 }));
}

#[test]
fn what_no_encoder_writes_is_refused() {
    let options = options(Basis::Identity, 4, 50);
    assert_eq!(decoded(&[], options, 8), Err(CodecError::Truncated));
    assert_eq!(decoded(&[0x8b, 0xe2, 0xb4, 0, 0], options, 8), Err(CodecError::BadField { field: "length" }));
}

#[test]
fn a_payload_of_the_first_symbols_alone_has_a_byte() {
    let options = options(Basis::Identity, 1, 1);
    let payload = encoded(&[1.9e-9], options, 36).unwrap();
    assert_eq!(payload, [0xff]);
    assert_eq!(decoded(&payload, options, 1).unwrap(), [1.0 / 536_870_912.0]);
}

proptest! {
    #[test]
    fn each_payload_leaves_less(
        values in proptest::collection::vec(-10f32..10.0, 8..300),
        magnitude in -8i32..9,
        columns in 1usize..70,
        percent in 0u8..=100,
        room in 5usize..231,
    ) {
        let length = values.len().next_multiple_of(columns);
        let scale = libm::powf(10.0, magnitude as f32);
        let update: Vec<f32> = (0..length).map(|index| values[index % values.len()] * scale).collect();
        for basis in BASES {
            let options = options(basis, columns, percent);
            let payload = match encoded(&update, options, room) {
                Ok(payload) => payload,
                Err(error) => {
                    prop_assert_eq!(error, CodecError::Nothing);
                    prop_assert!(update.iter().all(|value| value.abs() < 4e-9));
                    continue;
                }
            };
            prop_assert!(!payload.is_empty() && payload.len() <= room);
            let said = decoded(&payload, options, length).unwrap();
            let left: Vec<f32> = update.iter().zip(&said).map(|(a, b)| a - b).collect();
            prop_assert!(energy(&left) < energy(&update), "{:?}: {} of {}", basis, energy(&left), energy(&update));
        }
    }

    #[test]
    fn arbitrary_payloads_never_panic(
        payload in proptest::collection::vec(any::<u8>(), 0..231),
        columns in 1usize..70,
        rows in 1usize..12,
    ) {
        for basis in BASES {
            if let Ok(update) = decoded(&payload, options(basis, columns, 3), rows * columns) {
                prop_assert!(update.iter().all(|value| value.is_finite()));
            }
        }
    }
}
