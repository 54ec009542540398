use super::*;
use crate::codec::random::Random;
use proptest::prelude::*;
use std::vec::Vec;

/// Encodes symbols with a fresh model and returns the payload.
fn encode<const N: usize>(symbols: &[usize]) -> Vec<u8> {
    let mut payload = std::vec![0x55; symbols.len() * 2 + 8];
    let mut encoder = Encoder::new(&mut payload);
    let mut model = Adaptive::<N>::new();
    symbols.iter().for_each(|symbol| encoder.symbol(&mut model, *symbol).expect("two bytes a symbol"));
    let length = encoder.finish(0).expect("two bytes a symbol");
    payload.truncate(length);
    payload
}

fn decode<const N: usize>(payload: &[u8], count: usize) -> Vec<usize> {
    let (mut decoder, mut model) = (Decoder::new(payload), Adaptive::<N>::new());
    let symbols = (0..count).map(|_| decoder.symbol(&mut model)).collect();
    assert!(decoder.is_at_end());
    symbols
}

/// Bits of the model itself: the sum of -log2 of the share that each symbol had when it came.
fn entropy_bits<const N: usize>(symbols: &[usize]) -> f64 {
    let mut model = Adaptive::<N>::new();
    let cost = |&symbol: &usize| {
        let span = model.span(symbol);
        model.learn(symbol);
        libm::log2(f64::from(span.total) / f64::from(span.width))
    };
    symbols.iter().map(cost).sum()
}

/// Symbols of which `share` of 65,536 are `common` and the others equally likely.
fn skewed(seed: u32, count: usize, alphabet: u64, common: usize, share: u64) -> Vec<usize> {
    let mut random = Random::new(seed, 0);
    let mut draw = || {
        let number = random.next_u64();
        if number % 65_536 < share { common } else { ((number >> 16) % alphabet) as usize }
    };
    (0..count).map(|_| draw()).collect()
}

fn check_size<const N: usize>(seed: u32, count: usize, common: usize, share: u64) {
    let symbols = skewed(seed, count, N as u64, common, share);
    let payload = encode::<N>(&symbols);
    assert_eq!(decode::<N>(&payload, count), symbols);
    let bound = entropy_bits::<N>(&symbols) * 1.01 + 16.0;
    assert!(payload.len() as f64 * 8.0 <= bound, "{N} symbols, {count} of them, share {share} of {common}");
}

/// Computed by a few lines of Python with a lower end of any length and no carry.
#[test]
fn the_bytes_are_as_specified() {
    assert_eq!(encode::<3>(&[0, 0, 2, 0, 1, 0, 0, 0]), hex::decode("d186").unwrap());
    assert_eq!(encode::<2>(&[1; 40]), hex::decode("15").unwrap());
    assert_eq!(encode::<2>(&[0; 500]), [0u8; 0]);
    let mut payload = [0; 16];
    let mut encoder = Encoder::new(&mut payload);
    (0..12u32).for_each(|index| encoder.uniform(index * 83 % 1_000, 1_000).unwrap());
    let length = encoder.finish(0).unwrap();
    assert_eq!(payload[..length], hex::decode("fffa8c9ae8810d334ad962dae07e29").unwrap());
}

#[test]
fn three_thousand_bytes_of_an_independent_encoder_agree() {
    let mut state = 7u32;
    let mut draw = || {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345) & 0x7fff_ffff;
        let number = state >> 16;
        if number % 10 < 8 { 0 } else { 1 + number as usize % 2 }
    };
    let symbols: Vec<_> = (0..3_000).map(|_| draw()).collect();
    let payload = encode::<3>(&symbols);
    assert_eq!(payload.len(), 348);
    let hash = hex::encode(crate::manifest::sha256(&payload));
    assert_eq!(hash, "1de419b834180905d1ed7034544654a8ea4099258d3d430a7364feff07b6d40a");
}

#[test]
fn sizes_are_within_a_hundredth_and_two_bytes_of_the_entropy() {
    for share in [0, 20_000, 50_000, 62_000, 65_000, 65_500, 65_535, 65_536] {
        for count in [0, 1, 2, 10, 100, 650, 5_000, 34_000] {
            check_size::<2>(1, count, 0, share);
            check_size::<2>(2, count, 1, share);
            check_size::<3>(3, count, 2, share);
            check_size::<8>(4, count, 7, share);
            check_size::<64>(5, count, 63, share);
        }
    }
}

#[test]
fn a_change_of_habit_is_learnt() {
    let symbols: Vec<_> = (0..4_000).map(|index| usize::from(index >= 2_000)).collect();
    let payload = encode::<2>(&symbols);
    // A model that never forgot would need the logarithm of C(4,000, 2,000), 499 bytes.
    assert!(payload.len() < 360, "{} bytes", payload.len());
    assert_eq!(decode::<2>(&payload, 4_000), symbols);
}

#[test]
fn a_carry_runs_through_settled_bytes() {
    // After these, the lower end is just below a whole number, and the last symbol lifts it over.
    let mut payload = [0; 8];
    let mut encoder = Encoder::new(&mut payload);
    for value in [127, 255, 255] {
        encoder.uniform(value, 256).unwrap();
    }
    encoder.uniform(65_535, 65_536).unwrap();
    let length = encoder.finish(0).unwrap();
    let mut decoder = Decoder::new(&payload[..length]);
    assert_eq!([256, 256, 256, 65_536].map(|total| decoder.uniform(total)), [127, 255, 255, 65_535]);
}

#[test]
fn a_payload_of_given_length_keeps_it() {
    let mut payload = [0; 4];
    let encoder = Encoder::new(&mut payload);
    assert_eq!(encoder.finish(4), Some(4));
    assert_eq!(payload, [0xff; 4]);
    assert_eq!(Encoder::new(&mut payload).finish(5), None);
    assert!(!Decoder::new(&payload).is_at_end());
}

/// Fills `room` bytes with symbols, as long as even the least likely one would fit, and returns how many.
fn fill(symbols: &[usize], room: usize) -> (Vec<u8>, usize) {
    let mut payload = std::vec![0; room];
    let mut encoder = Encoder::new(&mut payload);
    let (mut model, mut count) = (Adaptive::<3>::new(), 0);
    while count < symbols.len() && encoder.meter().bytes_for(model.least(), model.total()) <= room {
        encoder.symbol(&mut model, symbols[count]).expect("it was said to fit");
        count += 1;
    }
    assert_eq!(encoder.finish(room), Some(room));
    (payload, count)
}

proptest! {
    #[test]
    fn symbols_survive(
        symbols in proptest::collection::vec(0usize..5, 0..400),
        values in proptest::collection::vec((1u32..=65_536, any::<u32>()), 0..60),
    ) {
        let mut payload = [0x33; 400];
        let mut encoder = Encoder::new(&mut payload);
        let mut model = Adaptive::<5>::new();
        symbols.iter().for_each(|symbol| encoder.symbol(&mut model, *symbol).unwrap());
        values.iter().for_each(|(total, value)| encoder.uniform(value % total, *total).unwrap());
        let meter = encoder.meter();
        let length = encoder.finish(0).unwrap();
        prop_assert!(length <= meter.bytes() && meter.bits() <= meter.bytes() * 8);
        prop_assert!(payload[..length].last() != Some(&0xff));
        let (mut decoder, mut model) = (Decoder::new(&payload[..length]), Adaptive::<5>::new());
        prop_assert!(symbols.iter().all(|symbol| decoder.symbol(&mut model) == *symbol));
        prop_assert!(values.iter().all(|(total, value)| decoder.uniform(*total) == value % total));
        prop_assert!(decoder.is_at_end());
        prop_assert_eq!(decoder.meter(), meter);
    }

    #[test]
    fn the_room_tells_the_count(
        seed in any::<u32>(),
        share in 0u64..65_536,
        common in 0usize..3,
        room in 0usize..64,
    ) {
        let symbols = skewed(seed, 700, 3, common, share);
        let (payload, count) = fill(&symbols, room);
        let (mut decoder, mut model) = (Decoder::new(&payload), Adaptive::<3>::new());
        let mut decoded = Vec::new();
        while decoded.len() < 700 && decoder.meter().bytes_for(model.least(), model.total()) <= room {
            decoded.push(decoder.symbol(&mut model));
        }
        prop_assert_eq!(&decoded, &symbols[..count]);
        // One symbol more may cost 12 bits; what was left is less than that and the slack of the bar.
        if count < 700 && room > 2 {
            prop_assert!(entropy_bits::<3>(&symbols[..count]) * 1.01 + 16.0 >= room as f64 * 8.0);
        }
    }

    #[test]
    fn a_full_buffer_is_said(symbols in proptest::collection::vec(0usize..5, 0..100), room in 0usize..30) {
        let payload = encode::<5>(&symbols);
        let mut lent = std::vec![0; room];
        let mut encoder = Encoder::new(&mut lent);
        let mut model = Adaptive::<5>::new();
        let written = symbols.iter().try_for_each(|symbol| encoder.symbol(&mut model, *symbol));
        let length = written.and_then(|()| encoder.finish(0));
        match length {
            Some(length) => prop_assert_eq!(&lent[..length], &payload[..]),
            None => prop_assert!(room <= payload.len() + 1, "the end may take a byte that is then trimmed"),
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(payload in proptest::collection::vec(any::<u8>(), 0..40)) {
        let (mut decoder, mut model) = (Decoder::new(&payload), Adaptive::<7>::new());
        for total in (1..=65_536).step_by(97) {
            prop_assert!(decoder.uniform(total) < total);
            prop_assert!(decoder.symbol(&mut model) < 7);
        }
    }
}
