//! The range coder, and positions in it.
use crate::input::Input;
use chirrup_protocol::codec::positions::Positions;
use chirrup_protocol::codec::range::{Adaptive, Decoder, Encoder};

/// Most symbols that are read from a payload.
const MAX_SYMBOLS: usize = 300;

/// Any bytes are some symbols, each in its alphabet, and what was read has the size that the meter tells. Input: the
/// payload, read as symbols of three alphabets in turn, and written again.
pub fn range(payload: &[u8]) {
    let (mut decoder, mut model) = (Decoder::new(payload), Adaptive::<3>::new());
    let mut symbols = Vec::new();
    while symbols.len() < MAX_SYMBOLS && decoder.meter().bytes() < payload.len() {
        let (total, bit) = (1 + symbols.len() as u32 * 219, decoder.uniform(2));
        let (value, symbol) = (decoder.uniform(total), decoder.symbol(&mut model));
        assert!(bit < 2 && value < total && symbol < 3);
        symbols.push((bit, total, value, symbol));
    }
    let mut again = vec![0x55; payload.len() + 16];
    let (mut encoder, mut model) = (Encoder::new(&mut again), Adaptive::<3>::new());
    for &(bit, total, value, symbol) in &symbols {
        encoder.uniform(bit, 2).expect("there is room for more than was read");
        encoder.uniform(value, total).expect("there is room for more than was read");
        encoder.symbol(&mut model, symbol).expect("there is room for more than was read");
    }
    assert_eq!(encoder.meter(), decoder.meter());
    let bytes = decoder.meter().bytes();
    let length = encoder.finish(0).expect("there is room for more than was read");
    assert!(length <= bytes);
    let (mut decoder, mut model) = (Decoder::new(&again[..length]), Adaptive::<3>::new());
    for (bit, total, value, symbol) in symbols {
        let read = (decoder.uniform(2), decoder.uniform(total), decoder.symbol(&mut model));
        assert_eq!(read, (bit, value, symbol));
    }
    assert!(decoder.is_at_end());
}

/// Payloads to start from: edges of the interval.
pub fn range_seeds() -> Vec<Vec<u8>> {
    vec![vec![0; 40], vec![0xff; 40], (0..40).collect(), vec![0x7f; 3]]
}

/// Any bytes are some positions, ascending and within the update, or are refused; as many as are written again are
/// read again. Input: parameters, count, then the payload.
pub fn positions(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let params = 1 + usize::from(input.u16()) % 700;
    let count = usize::from(input.u8());
    let mut decoder = Decoder::new(input.rest());
    let mut state = Positions::read(&mut decoder, count, params);
    let mut read = Vec::new();
    while let Some(position) = state.next(&mut decoder) {
        assert!(position < params && read.last().is_none_or(|&before| position > before));
        read.push(position);
    }
    assert!(read.len() <= count);
    let mut payload = vec![0; 512];
    let mut encoder = Encoder::new(&mut payload);
    let written = Positions::begin(&mut encoder, read.iter().copied(), params)
        .and_then(|mut state| read.iter().try_for_each(|&position| state.write(&mut encoder, position)));
    let Some(length) = written.and_then(|()| encoder.finish(0)) else {
        panic!("{} positions of {params} need more than 512 bytes", read.len());
    };
    let mut decoder = Decoder::new(&payload[..length]);
    let mut state = Positions::read(&mut decoder, read.len(), params);
    assert!(read.iter().all(|&position| state.next(&mut decoder) == Some(position)));
    assert_eq!(state.next(&mut decoder), None);
}

/// Positions to start from: spread, together, all, none.
pub fn positions_seeds() -> Vec<Vec<u8>> {
    let seed = |params: u16, positions: Vec<usize>| {
        let mut payload = vec![0; 256];
        let mut encoder = Encoder::new(&mut payload);
        let state = Positions::begin(&mut encoder, positions.iter().copied(), usize::from(params) + 1);
        let mut state = state.expect("256 bytes suffice");
        for &position in &positions {
            state.write(&mut encoder, position).expect("256 bytes suffice");
        }
        let length = encoder.finish(0).expect("256 bytes suffice");
        [&params.to_le_bytes(), &[positions.len() as u8][..], &payload[..length]].concat()
    };
    vec![
        seed(649, (0..650).step_by(31).collect()),
        seed(649, (300..340).collect()),
        seed(9, (0..10).collect()),
        seed(9, vec![]),
    ]
}
