use super::*;
use crate::codec::random::Random;
use proptest::prelude::*;
use std::vec::Vec;

const SHAPE: Shape = Shape { classes: 10, coefficients: 10, fewest: 3 };

fn prototype(class: u16, count: u32) -> Prototype {
    Prototype { class, count }
}

fn read(payload: &[u8], shape: Shape) -> Result<Vec<(Prototype, Vec<f32>)>, CodecError> {
    let mut prototypes = decode(payload, shape)?;
    let mut read = Vec::new();
    let mut row = std::vec![0.0; shape.coefficients];
    while let Some(prototype) = prototypes.next_into(&mut row) {
        read.push((prototype, row.clone()));
    }
    Ok(read)
}

/// Computed by a few lines of Python, whose range coder keeps its lower end in a whole number of any length.
#[test]
fn the_bytes_are_as_specified() {
    let prototypes = [prototype(2, 9), prototype(0, 3), prototype(9, 1_000)];
    let mut coefficients = [0f32; 30];
    for index in 0..10i32 {
        let place = index as usize;
        coefficients[place] = ((index * 37 % 19 - 9) as f32) * 0.3 / (1 + index / 4) as f32;
        coefficients[10 + place] = (5 - index) as f32 * 0.25;
    }
    coefficients[29] = -200.0;
    let mut payload = [0; 100];
    let block = encode(&prototypes, &coefficients, 0, 0.25, SHAPE, &mut payload);
    assert_eq!(block, Ok(Block { bytes: 22, end: 3 }));
    assert_eq!(hex::encode(&payload[..22]), "93e0bd272c8c75c9dc1bbde5e526d38a6536138e7c7c");
    let read = read(&payload[..22], SHAPE).unwrap();
    // Of 9, 7 are above the fewest and become 6; of 1,000, 998 become 768.
    let expected = [prototype(2, 8), prototype(0, 3), prototype(9, 770)];
    assert_eq!(read.iter().map(|(prototype, _)| *prototype).collect::<Vec<_>>(), expected);
    assert_eq!(read[1].1, coefficients[10..20]);
    assert_eq!(read[2].1[9], -63.0 * 0.25, "limited");
    let block = encode(&prototypes, &coefficients, 0, 0.25, SHAPE, &mut payload[..12]);
    assert_eq!(block, Ok(Block { bytes: 9, end: 1 }));
    assert_eq!(hex::encode(&payload[..9]), "93e0bd272c8c75c9cc");
}

/// Computed likewise.
#[test]
fn what_is_common_costs_next_to_nothing() {
    let shape = Shape { classes: 1, coefficients: 40, fewest: 1 };
    let prototypes = [prototype(0, 1); 200];
    let mut payload = [0; 100];
    let block = encode(&prototypes, &[0.0; 8_000], 0, 1.0, shape, &mut payload).unwrap();
    assert_eq!(block.end, MAX_PROTOTYPES);
    assert_eq!(read(&payload[..block.bytes], shape).unwrap().len(), MAX_PROTOTYPES);
    let block = encode(&prototypes[..5], &[0.0; 200], 0, 1.0, shape, &mut payload).unwrap();
    assert_eq!((block.end, &payload[..block.bytes]), (5, &[0x8b, 0xff, 0xfe, 0xe6][..]));
}

#[test]
fn what_cannot_be_encoded_is_said() {
    let encode = |prototype, value, start, step, shape, room| {
        super::encode(&[prototype], &[value; 10], start, step, shape, &mut [0; 36][..room]).unwrap_err()
    };
    let good = prototype(0, 3);
    let too_few = CodecError::TooFewSamples { count: 2, min: 3 };
    assert_eq!(encode(prototype(0, 2), 1.0, 0, 1.0, SHAPE, 36), too_few);
    assert_eq!(
        encode(prototype(0, 1 << 24), 1.0, 0, 1.0, SHAPE, 36),
        CodecError::BadField { field: "samples" }
    );
    assert_eq!(encode(prototype(10, 3), 1.0, 0, 1.0, SHAPE, 36), CodecError::BadField { field: "class" });
    assert_eq!(encode(good, f32::NAN, 0, 1.0, SHAPE, 36), CodecError::NotFinite);
    assert_eq!(encode(good, 1.0, 0, f32::NAN, SHAPE, 36), CodecError::NotFinite);
    assert_eq!(encode(good, 1.0, 0, 0.0, SHAPE, 36), CodecError::Nothing);
    assert_eq!(encode(good, 1.0, 1, 1.0, SHAPE, 36), CodecError::IndexBeyondEnd { index: 1, params: 1 });
    for room in 0..4 {
        assert_eq!(encode(good, 1.0, 0, 1.0, SHAPE, room), CodecError::NoRoom { have_bytes: room });
    }
    for shape in
        [Shape { fewest: 0, ..SHAPE }, Shape { classes: 0, ..SHAPE }, Shape { fewest: 1 << 24, ..SHAPE }]
    {
        assert_eq!(encode(good, 1.0, 0, 1.0, shape, 36), CodecError::BadField { field: "shape" });
        assert_eq!(decode(&[0; 9], shape).err(), Some(CodecError::BadField { field: "shape" }));
    }
}

#[test]
fn what_no_encoder_writes_is_refused() {
    assert_eq!(decode(&[], SHAPE).err(), Some(CodecError::Truncated));
    let mut payload = [0; 36];
    let block = encode(&[prototype(1, 5)], &[0.5; 10], 0, 0.25, SHAPE, &mut payload).unwrap();
    // Ones say nothing that was not said.
    payload[block.bytes..].fill(0xff);
    assert_eq!(
        decode(&payload[..block.bytes + 2], SHAPE).err(),
        Some(CodecError::BadField { field: "padding" })
    );
    assert!(decode(&payload[..block.bytes - 2], SHAPE).is_err());
    // The step, and the end at once.
    let mut encoder = Encoder::new(&mut payload);
    encoder.uniform(0, 512).unwrap();
    encoder.uniform(10, 11).unwrap();
    let bytes = encoder.finish(1).unwrap();
    assert_eq!(decode(&payload[..bytes], SHAPE).err(), Some(CodecError::Nothing));
}

proptest! {
    #[test]
    fn blocks_of_any_size_tile_the_prototypes(
        counts in proptest::collection::vec(prop_oneof![5u32..40, Just(MAX_SAMPLES)], 1..60),
        classes in 1u16..300,
        length in 1usize..70,
        step in prop_oneof![Just(1e-6f32), 0.01f32..4.0, Just(1e6)],
        spread in 0f32..20.0,
        seed: u32,
        room in 100usize..=231,
    ) {
        let shape = Shape { classes, coefficients: length, fewest: 5 };
        let mut random = Random::new(seed, 0);
        let prototypes: Vec<_> = counts.iter().map(|&count| prototype(random.next_u64() as u16 % classes, count)).collect();
        let coefficients: Vec<_> =
            (0..counts.len() * length).map(|_| (random.uniform() * 2.0 - 1.0) * spread * step).collect();
        let (mut next, mut payload) = (0, [0; 231]);
        while next < counts.len() {
            let block = match encode(&prototypes, &coefficients, next, step, shape, &mut payload[..room]) {
                Ok(block) => block,
                Err(error) => {
                    prop_assert_eq!(error, CodecError::NoRoom { have_bytes: room });
                    prop_assert!(length as f32 * (spread + 2.0) > room as f32, "a level takes at most so many bits");
                    return Ok(());
                }
            };
            prop_assert!(block.bytes <= room && block.end > next);
            for (read, row) in read(&payload[..block.bytes], shape).unwrap() {
                let sent = prototypes[next];
                prop_assert_eq!(read.class, sent.class);
                prop_assert!(read.count <= sent.count && sent.count - read.count <= (sent.count - 4) / 3);
                let expected = &coefficients[next * length..(next + 1) * length];
                // The coarse step is at most a sixteenth above the step.
                prop_assert!(row.iter().zip(expected).all(|(a, b)| (a - b).abs() <= step * 0.5313));
                next += 1;
            }
            prop_assert_eq!(next, block.end);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        payload in proptest::collection::vec(any::<u8>(), 0..60),
        classes in 0u16..40,
        coefficients in 0usize..40,
        fewest in 0u32..20,
    ) {
        let shape = Shape { classes, coefficients, fewest };
        if let Ok(read) = read(&payload, shape) {
            prop_assert!(!read.is_empty() && read.len() <= MAX_PROTOTYPES);
            prop_assert!(read.iter().all(|(prototype, _)| prototype.class < classes && prototype.count >= fewest));
        }
    }
}
