//! Parts that codecs are made of.
use super::{Item, Memory, PARAMS};
use chirrup_protocol::codec::hadamard;
use chirrup_protocol::codec::positions::Positions;
use chirrup_protocol::codec::range::{Adaptive, Decoder, Encoder};

const SEED: u32 = 7;

/// All items of this section.
pub const ITEMS: &[Item] = &[
    Item::new("Hadamard rotation", PARAMS, |m, n| {
        hadamard::rotate(&mut m.decoded[..n], SEED);
        Some(())
    }),
    Item::new("range coder, 300 symbols of 4, encode", &[300], encode_symbols),
    Item::new("range coder, 300 symbols of 4, decode", &[300], |m, symbols| {
        let mut decoder = Decoder::new(&m.payload[..m.used_bytes]);
        let mut model = Adaptive::<4>::new();
        (0..symbols).all(|index| decoder.symbol(&mut model) == symbol(index)).then_some(())
    })
    .after(encode_symbols),
    Item::new("positions, 1 in 50, encode", PARAMS, |m, n| {
        let mut encoder = Encoder::new(&mut m.payload);
        let mut positions = Positions::begin(&mut encoder, apart(n), n)?;
        apart(n).try_for_each(|position| positions.write(&mut encoder, position))?;
        m.used_bytes = encoder.finish(0)?;
        Some(())
    }),
];

/// Every fiftieth coordinate on average, at uneven distances.
fn apart(params: usize) -> impl Iterator<Item = usize> + Clone {
    (0..params / 50).map(|index| 50 * index + 17 * index % 50)
}

fn encode_symbols(memory: &mut Memory, symbols: usize) -> Option<()> {
    let mut encoder = Encoder::new(&mut memory.payload);
    let mut model = Adaptive::<4>::new();
    (0..symbols).try_for_each(|index| encoder.symbol(&mut model, symbol(index)))?;
    memory.used_bytes = encoder.finish(0)?;
    Some(())
}

/// Mostly 0, as symbols are that are worth a range coder.
const fn symbol(index: usize) -> usize {
    if index.is_multiple_of(5) { index % 4 } else { 0 }
}
