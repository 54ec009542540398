//! The codecs of client updates: one call, that is one payload of [`PAYLOAD_BYTES`].
use super::{Item, PARAMS, PAYLOAD_BYTES, Run};
use chirrup_protocol::codec::{
    Block, CodecError, basis::Basis, drive::Scale, low_rank::Shape, terngrad::Clip,
};
use chirrup_protocol::codec::{
    dense, drive, eden, elastic, low_rank, nuqsgd, qsgd, sign, sparse_sign, terngrad, threshold, topk,
};
use chirrup_protocol::codec::{plan, update::UpdateCodec};
use core::hint::black_box;
use core::ops::Range;

const SEED: u32 = 7;
/// Rows of 50 columns: two products of them in 4 bits a number.
const MATRIX: Shape = Shape { columns: 50, components: 2, bits: 4 };

const EDEN: UpdateCodec = UpdateCodec::Eden(2, Scale::LeastSquares);
const CANDIDATES: [UpdateCodec; 3] = [UpdateCodec::TopK, UpdateCodec::Drive(Scale::LeastSquares), EDEN];

/// An update, lent memory, the payload.
type Encode = fn(&[f32], &mut [f32], &mut [u8]) -> Result<Block, CodecError>;
/// The payload, lent memory, the update.
type Decode = fn(&[u8], &mut [f32], &mut [f32]) -> Result<Range<usize>, CodecError>;
/// How many numbers a codec borrows for so many parameters.
type Lent = fn(usize) -> usize;

/// A line a codec: its name; numbers that the encoder borrows, the encoder; the same of the decoder, which finds in the
/// payload what the encoder wrote.
macro_rules! codecs {
    ($($name:literal, $encode_len:expr, $encode:expr, $decode_len:expr, $decode:expr;)*) => {
        [$({
            const ENCODE: Run = |m, n| {
                let (length, encode): (Lent, Encode) = ($encode_len, $encode);
                let payload = &mut m.payload[..PAYLOAD_BYTES];
                m.used_bytes = encode(&m.update[..n], &mut m.scratch[..length(n)], payload).ok()?.bytes;
                Some(())
            };
            const DECODE: Run = |m, n| {
                let (length, decode): (Lent, Decode) = ($decode_len, $decode);
                let payload = &m.payload[..m.used_bytes];
                let range = decode(payload, &mut m.scratch[..length(n)], &mut m.decoded[..n]).ok()?;
                (!range.is_empty()).then_some(())
            };
            [
                Item::new(concat!($name, ", encode"), PARAMS, ENCODE).lent(|n| 4 * ($encode_len as Lent)(n)),
                Item::new(concat!($name, ", decode"), PARAMS, DECODE).lent(|n| 4 * ($decode_len as Lent)(n)).after(ENCODE),
            ]
        }),*]
    };
}

/// All items of this section.
pub const ITEMS: &[Item] = codecs! [
    "top-k",
        none, |x, _, p| topk::encode(x, p).map(|bytes| Block { bytes, end: x.len() }),
        none, |p, _, x| {
            for entry in topk::decode(p, x.len())? {
                x[entry.index] = entry.value;
            }
            Ok(0..x.len())
        };
    "threshold accumulation",
        none, |x, _, p| threshold::encode(x, 1e-6, p).map(|bytes| Block { bytes, end: x.len() }),
        none, |p, _, x| {
            for entry in threshold::decode(p, x.len())? {
                x[entry.index] = entry.value;
            }
            Ok(0..x.len())
        };
    "dense, 8 bits",
        none, |x, _, p| dense::encode(x, 0, dense::Width::Byte, p),
        none, |p, _, x| dense::decode(p, dense::Width::Byte, x);
    "QSGD, 4 bits",
        none, |x, _, p| qsgd::encode(x, 0, 4, SEED, p),
        none, |p, _, x| qsgd::decode(p, x);
    "NUQSGD, 4 bits",
        none, |x, _, p| nuqsgd::encode(x, 0, 4, SEED, p),
        none, |p, _, x| nuqsgd::decode(p, x);
    "elastic, 7 levels",
        none, |x, _, p| elastic::encode(x, 0, 7, SEED, p),
        none, |p, _, x| elastic::decode(p, x);
    "TernGrad",
        none, |x, _, p| terngrad::encode(x, 0, Clip::Never, SEED, p),
        none, |p, _, x| terngrad::decode(p, x);
    "signs",
        none, |x, _, p| sign::encode(x, 0, p),
        none, |p, _, x| sign::decode(p, x);
    "sparse signs, Hadamard, 10 %",
        |n| spectrum(Basis::Hadamard).scratch_len(n, PAYLOAD_BYTES),
        |x, s, p| sparse_sign::encode(x, spectrum(Basis::Hadamard), s, p),
        |_| spectrum(Basis::Hadamard).decode_scratch_len(),
        |p, s, x| sparse_sign::decode(p, spectrum(Basis::Hadamard), s, x);
    "sparse signs, cosines, 10 %",
        |n| spectrum(Basis::Dct).scratch_len(n, PAYLOAD_BYTES),
        |x, s, p| sparse_sign::encode(x, spectrum(Basis::Dct), s, p),
        |_| spectrum(Basis::Dct).decode_scratch_len(),
        |p, s, x| sparse_sign::decode(p, spectrum(Basis::Dct), s, x);
    "DRIVE",
        drive::scratch_len, |x, s, p| drive::encode(x, 0, Scale::LeastSquares, SEED, s, p),
        none, |p, _, x| drive::decode(p, SEED, x);
    "EDEN, 2 bits",
        drive::scratch_len, |x, s, p| eden::encode(x, 0, 2, Scale::LeastSquares, SEED, s, p),
        none, |p, _, x| eden::decode(p, SEED, x);
    "low rank, 2 products, 4 bits",
        low_rank_len, |x, s, p| {
            let (warm, scratch) = s.split_at_mut(MATRIX.warm_len());
            low_rank::encode(x, 0, MATRIX, warm, SEED, scratch, p)
        },
        none, |p, _, x| low_rank::decode(p, MATRIX.columns, x);
    "any by its number, here EDEN of 2 bits",
        |n| EDEN.scratch_len(n, MATRIX.columns),
        |x, s, p| black_box(EDEN).encode(x, MATRIX.columns, 0, SEED, s, p),
        |n| EDEN.scratch_len(n, MATRIX.columns),
        |p, s, x| black_box(EDEN).decode(p, MATRIX.columns, SEED, s, x);
    "planner with any three, here top-k, DRIVE and EDEN",
        planner_len,
        |x, s, p| {
            let planned = plan::encode(black_box(&CANDIDATES), x, MATRIX.columns, 0, SEED, s, p)?;
            Ok(planned.block)
        },
        |n| EDEN.scratch_len(n, MATRIX.columns), |p, s, x| plan::decode(p, MATRIX.columns, SEED, s, x);
]
.as_flattened();

const fn spectrum(basis: Basis) -> sparse_sign::Options {
    sparse_sign::Options { basis, columns: 50, percent: 10 }
}

fn planner_len(params: usize) -> usize {
    plan::scratch_len(&CANDIDATES, params, MATRIX.columns)
}

const fn none(_: usize) -> usize {
    0
}

const fn low_rank_len(params: usize) -> usize {
    MATRIX.warm_len() + MATRIX.scratch_len(params)
}
