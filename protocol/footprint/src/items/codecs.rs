//! The codecs: one call, that is one frame's payload of [`PAYLOAD_BYTES`], for updates; a whole model for models.
use super::{Item, Memory, PARAMS, PAYLOAD_BYTES};
use chirrup_protocol::codec::drive::Scale;
use chirrup_protocol::codec::range::{Adaptive, Decoder, Encoder};
use chirrup_protocol::codec::{Block, CodecError, dense, drive, eden, hadamard, linear, topk};
use core::ops::Range;

const SEED: u32 = 7;

/// Encoder and decoder of a codec: name, numbers that the encoder borrows, encoder, numbers that the decoder borrows,
/// decoder. The decoder finds what the encoder wrote in the payload.
macro_rules! codecs {
    ($($name:literal, $encode_len:expr, $encode:expr, $decode_len:expr, $decode:expr;)*) => {
        &[$(
            Item::new(concat!($name, ", encode"), PARAMS, $encode).lent(|n| 4 * $encode_len(n)),
            Item::new(concat!($name, ", decode"), PARAMS, $decode).lent(|n| 4 * $decode_len(n)).after($encode),
        )*]
    };
}

const fn none(_: usize) -> usize {
    0
}

/// Keeps what an encoder of client updates wrote.
fn wrote(memory: &mut Memory, block: Result<Block, CodecError>) -> Option<()> {
    memory.used_bytes = block.ok()?.bytes;
    Some(())
}

/// A decoder has written something.
fn read(range: Result<Range<usize>, CodecError>) -> Option<()> {
    (!range.ok()?.is_empty()).then_some(())
}

/// Codecs of client updates.
pub const UPDATES: &[Item] = codecs! {
    "top-k",
        none, |m, n| {
            m.used_bytes = topk::encode(&m.update[..n], &mut m.payload[..PAYLOAD_BYTES]).ok()?;
            Some(())
        },
        none, |m, n| {
            for entry in topk::decode(&m.payload[..m.used_bytes], n).ok()? {
                m.decoded[entry.index] = entry.value;
            }
            Some(())
        };
    "dense, 8 bits",
        none, |m, n| {
            let block = dense::encode(&m.update[..n], 0, dense::Width::Byte, &mut m.payload[..PAYLOAD_BYTES]);
            wrote(m, block)
        },
        none, |m, n| read(dense::decode(&m.payload[..m.used_bytes], dense::Width::Byte, &mut m.decoded[..n]));
    "DRIVE",
        drive::scratch_len, |m, n| {
            let scratch = &mut m.scratch[..drive::scratch_len(n)];
            let payload = &mut m.payload[..PAYLOAD_BYTES];
            let block = drive::encode(&m.update[..n], 0, Scale::LeastSquares, SEED, scratch, payload);
            wrote(m, block)
        },
        none, |m, n| read(drive::decode(&m.payload[..m.used_bytes], SEED, &mut m.decoded[..n]));
    "EDEN, 2 bits",
        drive::scratch_len, |m, n| {
            let scratch = &mut m.scratch[..drive::scratch_len(n)];
            let payload = &mut m.payload[..PAYLOAD_BYTES];
            let block = eden::encode(&m.update[..n], 0, 2, Scale::LeastSquares, SEED, scratch, payload);
            wrote(m, block)
        },
        none, |m, n| read(eden::decode(&m.payload[..m.used_bytes], SEED, &mut m.decoded[..n]));
};

/// Parts that codecs are made of.
pub const PARTS: &[Item] = &[
    Item::new("Hadamard rotation of an update", PARAMS, |m, n| {
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
];

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

/// Codecs of whole models, 6 bits a parameter where they have a choice.
pub const MODELS: &[Item] = codecs! {
    "linear",
        none, |m, n| {
            m.used_bytes = linear::encode(&m.update[..n], columns(n), 6, &mut m.object).ok()?;
            Some(())
        },
        none, |m, n| linear::decode(&m.object[..m.used_bytes], columns(n), 6, &mut m.decoded[..n]).ok();
};

/// Columns of a linear model with ten classes.
const fn columns(params: usize) -> usize {
    params / 10
}
